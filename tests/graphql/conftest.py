"""The small town of :mod:`tests.graphql.world`, drawn into the test's database."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from service.cluster import DATABASE
from storage.engine import make_engine
from tests.graphql import world

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.ext.asyncio import AsyncEngine

    from tests.databases import Databases

DRAWN = "drawn_town"
"""The database that holds the town; each test that wants it gets a copy."""


@pytest.fixture(scope="session")
def drawn_town(databases: Databases) -> str:
    """Draw the town once."""
    url = databases.make(DRAWN)

    async def draw() -> None:
        engine = make_engine(url)
        await world.build(engine)
        await engine.dispose()

    asyncio.run(draw())
    return DRAWN


@pytest.fixture
def database_url(databases: Databases, request: pytest.FixtureRequest) -> Iterator[str]:
    """Give a database of one's own: with the town in it where a test asks for it."""
    has_town = "drawn_town" in request.fixturenames
    template = request.getfixturevalue("drawn_town") if has_town else DATABASE
    with databases.copy(template) as url:
        yield url


@pytest.fixture
def town(drawn_town: str, engine: AsyncEngine) -> AsyncEngine:
    """Give an engine on a database with the town."""
    del drawn_town  # it is copied
    return engine


@pytest.fixture
def counted(town: AsyncEngine, statements: list[str]) -> list[str]:
    """Give the list of the statements that run from now on; the town is drawn already."""
    del town
    statements.clear()
    return statements
