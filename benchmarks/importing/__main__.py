"""Run the import benchmark and write its table.

make bench-import ARGS="--sizes 10000 --rounds 3"
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.coverage.report import put_between
from benchmarks.importing.report import tell
from benchmarks.importing.run import WAYS, Record, measure, ogr2ogr_version
from benchmarks.importing.watch import CommandFailedError
from benchmarks.machine import machine, versions

if TYPE_CHECKING:
    from collections.abc import Sequence

CHECKOUT = Path(__file__).resolve().parents[2]
FOLDER = CHECKOUT / "build" / "benchmarks"
PAGE = CHECKOUT / "docs" / "benchmarks-import.md"
SIZES = (10_000, 100_000)


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the options."""
    parser = argparse.ArgumentParser(prog="make bench-import ARGS=…", description=__doc__)
    parser.add_argument("--sizes", type=_numbers, default=SIZES, help="grids, as 10000,100000")
    parser.add_argument("--rounds", type=int, default=3, help="calls of each, in turn")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where files are kept")
    parser.add_argument("--write", action="store_true", help="into the page, whatever was run")
    parser.add_argument("--table", action="store_true", help="table of the last run, run nothing")
    keys = [way.key for way in WAYS]
    parser.add_argument("--only", default="", help=f"what is measured, of {','.join(keys)}")
    options = parser.parse_args(arguments)
    wanted = options.only.split(",") if options.only else keys
    if unknown := sorted(set(wanted) - set(keys)):
        parser.error(f"there is no {unknown[0]!r}; there are {', '.join(keys)}")
    options.ways = [way for way in WAYS if way.key in wanted]
    options.write |= options.sizes == SIZES and not (options.table or options.only)
    return options


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(sorted(int(word) for word in text.split(",")))


def main(arguments: Sequence[str]) -> int:
    """Run the benchmark; return 1 when a command failed."""
    options = parse(arguments)
    stored = options.folder / "importing.json"
    started = time.monotonic()

    def say(text: str) -> None:
        sys.stderr.write(f"{time.monotonic() - started:6.0f} s  {text}\n")

    if not options.table:
        try:
            records = measure(options.folder, options.sizes, options.rounds, say, ways=options.ways)
        except CommandFailedError as error:
            say(str(error))
            return 1
        stored.write_text(json.dumps([asdict(record) for record in records]))
    records = [Record(**line) for line in json.loads(stored.read_text())]
    program = ogr2ogr_version()
    facts = machine() | versions(("shapely", "numpy", "numba", "psycopg"))
    text = tell(records, facts | ({"ogr2ogr": program} if program else {}))
    sys.stdout.write(text + "\n")
    if options.write:
        PAGE.write_text(put_between(PAGE.read_text("utf-8"), text), "utf-8")
        say(f"the table is written into {PAGE.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
