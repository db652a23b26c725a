"""What is large is loaded by those who use it, and by nobody else."""

from __future__ import annotations

import subprocess
import sys

import pytest

LARGE = ("numba", "llvmlite", "scipy", "pyarrow", "pyogrio", "osmium", "alembic", "opencc")
"""Together they are larger, and take longer to load, than all the rest of the program."""


@pytest.mark.parametrize(
    "statement",
    [
        "import service.app",
        "from service.cli.frame import load_commands; load_commands()",
        "import geo.check, geo.repair, geo.walking, geo.siting, geo.planning, geo.simplify",
    ],
    ids=["service", "commands", "geometry"],
)
def test_who_only_begins_loads_nothing_large(statement: str) -> None:
    lines = ["import sys", statement, f"print(*sorted(set({LARGE}) & set(sys.modules)))"]
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True, check=True
    )

    assert done.stdout.split() == []
