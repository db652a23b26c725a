"""Worlds that are drawn once: tests that only read share them, others get a copy."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

import pytest

from storage.engine import make_engine
from storage.keys import Role
from tests.circles import drawn, street, whole_town
from tests.graphql.world import make_key

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from sqlalchemy.ext.asyncio import AsyncEngine

    from tests.databases import Databases


class Worlds(NamedTuple):
    """Names of databases to which nobody is connected, and of copies to be read."""

    street: str
    read_street: str
    read_roadless: str


@pytest.fixture(scope="session")
def worlds(databases: Databases) -> Worlds:
    """Draw the straight street, and the same without its street."""
    names = Worlds("circle_street", "circle_street_read", "circle_roadless_read")
    _draw(databases.make(names.street), with_ways=True)
    databases.make(names.read_street, names.street)
    _draw(databases.make(names.read_roadless), with_ways=False)
    return names


def _draw(url: str, *, with_ways: bool) -> None:
    async def draw() -> None:
        engine = make_engine(url)
        await drawn.build(
            engine,
            lands=street.LANDS,
            houses=street.HOUSES,
            points=street.STATIONS,
            ways=street.WAYS if with_ways else (),
        )
        await engine.dispose()

    asyncio.run(draw())


async def _engine(url: str) -> AsyncIterator[AsyncEngine]:
    made = make_engine(url)
    try:
        yield made
    finally:
        await made.dispose()


@pytest.fixture
async def town(databases: Databases, worlds: Worlds) -> AsyncIterator[AsyncEngine]:
    """Give the straight street, to be read."""
    async for made in _engine(databases.url(worlds.read_street)):
        yield made


@pytest.fixture
async def roadless(databases: Databases, worlds: Worlds) -> AsyncIterator[AsyncEngine]:
    """Give the same without its street, to be read."""
    async for made in _engine(databases.url(worlds.read_roadless)):
        yield made


@pytest.fixture
def own_street(databases: Databases, worlds: Worlds) -> Iterator[str]:
    """Make a copy of the street that one may change."""
    with databases.copy(worlds.street) as url:
        yield url


@pytest.fixture
async def changing(own_street: str) -> AsyncIterator[AsyncEngine]:
    """Give a street that one may change."""
    async for made in _engine(own_street):
        yield made


class ReadTown(NamedTuple):
    """The made-up town in a database that is only read."""

    url: str
    key: str
    """Of an editor, who is told of small groups, too."""


@pytest.fixture(scope="session")
def read_town(databases: Databases) -> ReadTown:
    """Put the made-up town into a database."""
    url = databases.make("circle_town_read")

    async def draw() -> str:
        engine = make_engine(url)
        await whole_town.build(engine)
        key = await make_key(engine, Role.EDITOR)
        await engine.dispose()
        return key

    return ReadTown(url, asyncio.run(draw()))


@pytest.fixture
def editor(read_town: ReadTown) -> str:
    """Give the key of an editor of the made-up town."""
    return read_town.key


@pytest.fixture
async def made_up(read_town: ReadTown) -> AsyncIterator[AsyncEngine]:
    """Give the made-up town, to be read."""
    async for made in _engine(read_town.url):
        yield made
