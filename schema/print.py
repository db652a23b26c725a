"""Write the schema as text, or check that the committed text is up to date.

``python -m schema.print`` writes ``schema.graphql``; with ``--check`` it only compares.
"""

from __future__ import annotations

import argparse
import difflib
import sys
from pathlib import Path

from strawberry.printer import print_schema

from schema.build import schema

COMMITTED = Path(__file__).resolve().parent.parent / "schema.graphql"


def printed() -> str:
    """Return the schema in the schema definition language."""
    return print_schema(schema).rstrip("\n") + "\n"


def difference(committed: Path = COMMITTED) -> str:
    """Return how the committed text differs from the schema; nothing when it does not."""
    before = committed.read_text("utf-8") if committed.exists() else ""
    lines = difflib.unified_diff(
        before.splitlines(keepends=True),
        printed().splitlines(keepends=True),
        committed.name,
        "the code",
    )
    return "".join(lines)


def main(arguments: list[str] | None = None) -> int:
    """Run the command; 1 when the text is out of date."""
    parser = argparse.ArgumentParser(prog="python -m schema.print", description=__doc__)
    parser.add_argument("--check", action="store_true", help="only compare")
    if not parser.parse_args(arguments).check:
        COMMITTED.write_text(printed(), "utf-8")
        return 0
    found = difference()
    if found:
        sys.stdout.write(found)
        sys.stderr.write("schema.graphql is out of date; run: python -m schema.print\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
