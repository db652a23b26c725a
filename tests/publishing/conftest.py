"""A small town in a database of its own, reached from the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from service.cluster import DATABASE
from tests.publishing import drawing
from tests.publishing.drawing import write_geojson
from tests.publishing.outside import Wangge
from tests.publishing.stored import Stored

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.databases import Databases

TOWN = "town"
"""The database that holds the town; each test that wants it gets a copy."""


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """Give the place of the file that a test imports."""
    return tmp_path / "sent.geojson"


@pytest.fixture(scope="session")
def town_database(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Publish the town once, as any user would: editions 1 to 3."""
    folder = tmp_path_factory.mktemp("town")
    program = with_levels(databases.make(TOWN), folder)
    for level, drawn in (
        ("district", drawing.DISTRICT),
        ("community", drawing.COMMUNITIES),
        ("grid", drawing.GRIDS),
    ):
        program.publish(level, write_geojson(folder / f"{level}.geojson", drawn))
    return TOWN


@pytest.fixture
def database_url(databases: Databases, request: pytest.FixtureRequest) -> Iterator[str]:
    """Give a database of one's own: with the town in it where a test asks for it."""
    has_town = "town" in request.fixturenames
    template = request.getfixturevalue("town_database") if has_town else DATABASE
    with databases.copy(template) as url:
        yield url


@pytest.fixture
def stored(database_url: str) -> Iterator[Stored]:
    """Give what is stored, to be looked at."""
    with Stored(database_url) as looked_at:
        yield looked_at


@pytest.fixture
def wangge(database_url: str, tmp_path: Path) -> Wangge:
    """Give the program on a database that has the drawing's levels and no edition."""
    return with_levels(database_url, tmp_path)


@pytest.fixture
def town(database_url: str, stored: Stored) -> Iterator[Wangge]:
    """Give the town with district, communities and grids in editions 1 to 3.

    Afterwards nothing may be stored that must never be seen, whatever the test did.
    """
    yield Wangge(database_url)
    assert stored.faults() == {}


def with_levels(url: str, folder: Path) -> Wangge:
    """Load the drawing's levels."""
    levels = folder / "levels.toml"
    levels.write_text(drawing.LEVELS, encoding="utf-8")
    program = Wangge(url)
    program.ask("load", "levels", levels)
    return program
