"""A small town in a database of its own, reached from the command line."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import make_url

from service.cluster import DATABASE
from tests.publishing import drawing
from tests.publishing.drawing import write_geojson
from tests.publishing.outside import Wangge
from tests.publishing.stored import Stored

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from service.cluster import Cluster

TOWN = "town"
"""The database that holds the town; each test that wants it gets a copy."""

_numbers = count(1)


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """Give the place of the file that a test imports."""
    return tmp_path / "sent.geojson"


@pytest.fixture(scope="session")
def town_database(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Publish the town once, as any user would: editions 1 to 3."""
    copy(cluster, DATABASE, TOWN)
    folder = tmp_path_factory.mktemp("town")
    program = with_levels(cluster.url(TOWN), folder)
    for level, drawn in (
        ("district", drawing.DISTRICT),
        ("community", drawing.COMMUNITIES),
        ("grid", drawing.GRIDS),
    ):
        program.publish(level, write_geojson(folder / f"{level}.geojson", drawn))
    return TOWN


@pytest.fixture
def database_url(cluster: Cluster, request: pytest.FixtureRequest) -> Iterator[str]:
    """Give a database of one's own: with the town in it where a test asks for it."""
    has_town = "town" in request.fixturenames
    template = request.getfixturevalue("town_database") if has_town else DATABASE
    name = f"publishing_{next(_numbers)}"
    copy(cluster, template, name)
    yield cluster.url(name)
    drop = sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name))
    alone(cluster, drop)


@pytest.fixture
def stored(database_url: str) -> Stored:
    """Give what is stored, to be looked at."""
    return Stored(database_url)


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


def copy(cluster: Cluster, template: str, name: str) -> None:
    """Make a database as another one is."""
    made = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY = file_copy")
    alone(cluster, made.format(sql.Identifier(name), sql.Identifier(template)))


def alone(cluster: Cluster, statement: sql.Composed) -> None:
    """Run a statement that no transaction may hold."""
    host = str(make_url(cluster.url()).query["host"])
    with psycopg.connect(
        host=host, user="postgres", dbname="postgres", autocommit=True
    ) as connection:
        connection.execute(statement)
