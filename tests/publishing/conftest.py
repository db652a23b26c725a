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

LEVELS, TOWN = "drawn_levels", "town"
"""The databases that hold the drawing's levels, and the town besides; tests get copies."""


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """Give the place of the file that a test imports."""
    return tmp_path / "sent.geojson"


@pytest.fixture(scope="session")
def levels_database(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Load the drawing's levels once, for the packages that share this fixture, too."""
    folder = tmp_path_factory.mktemp("levels")
    return databases.once(LEVELS, lambda url: with_levels(url, folder))


@pytest.fixture(scope="session")
def town_database(
    databases: Databases, levels_database: str, tmp_path_factory: pytest.TempPathFactory
) -> str:
    """Publish the town once, as any user would: editions 1 to 3."""
    folder = tmp_path_factory.mktemp("town")
    program = Wangge(databases.make(TOWN, levels_database))
    for level, drawn in (
        ("district", drawing.DISTRICT),
        ("community", drawing.COMMUNITIES),
        ("grid", drawing.GRIDS),
    ):
        program.publish(level, write_geojson(folder / f"{level}.geojson", drawn))
    return TOWN


@pytest.fixture
def database_url(databases: Databases, request: pytest.FixtureRequest) -> Iterator[str]:
    """Give a database of one's own: with the town or the levels where a test asks for them."""
    made = [name for name in ("town_database", "levels_database") if name in request.fixturenames]
    with databases.copy(request.getfixturevalue(made[0]) if made else DATABASE) as url:
        yield url


@pytest.fixture
def stored(database_url: str) -> Iterator[Stored]:
    """Give what is stored, to be looked at."""
    with Stored(database_url) as looked_at:
        yield looked_at


@pytest.fixture
def wangge(levels_database: str, database_url: str) -> Wangge:
    """Give the program on a database that has the drawing's levels and no edition."""
    del levels_database  # it is copied
    return Wangge(database_url)


@pytest.fixture
def town(town_database: str, database_url: str, stored: Stored) -> Iterator[Wangge]:
    """Give the town with district, communities and grids in editions 1 to 3.

    Afterwards nothing may be stored that must never be seen, whatever the test did.
    """
    del town_database  # it is copied
    yield Wangge(database_url)
    assert stored.faults() == {}


def with_levels(url: str, folder: Path) -> Wangge:
    """Load the drawing's levels."""
    levels = folder / "levels.toml"
    levels.write_text(drawing.LEVELS, encoding="utf-8")
    program = Wangge(url)
    program.ask("load", "levels", levels)
    return program
