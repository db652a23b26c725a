"""A small town in a database of its own, reached from the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.publishing import drawing
from tests.publishing.drawing import write_geojson
from tests.publishing.outside import Wangge
from tests.publishing.stored import Stored

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def stored(database_url: str) -> Stored:
    """Give what is stored, to be looked at."""
    return Stored(database_url)


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """Give the place of the file that a test imports."""
    return tmp_path / "sent.geojson"


@pytest.fixture
def wangge(database_url: str, tmp_path: Path) -> Wangge:
    """Give the program on a database that has the drawing's levels and no edition."""
    program = Wangge(database_url)
    levels = tmp_path / "levels.toml"
    levels.write_text(drawing.LEVELS, encoding="utf-8")
    program.ask("load", "levels", levels)
    return program


@pytest.fixture
def town(wangge: Wangge, stored: Stored, tmp_path: Path) -> Iterator[Wangge]:
    """Give the town with district, communities and grids in editions 1 to 3.

    Afterwards nothing may be stored that must never be seen, whatever the test did.
    """
    for level, drawn in (
        ("district", drawing.DISTRICT),
        ("community", drawing.COMMUNITIES),
        ("grid", drawing.GRIDS),
    ):
        wangge.publish(level, write_geojson(tmp_path / f"{level}.geojson", drawn))
    yield wangge
    assert stored.faults() == {}
