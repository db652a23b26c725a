"""A module's city, drawn once; tests that change it get a copy."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

import pytest

from storage.engine import make_engine

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Iterator

    from sqlalchemy.ext.asyncio import AsyncEngine

    from tests.databases import Databases


class Module(Protocol):
    """A module of tests, which draws a city."""

    __name__: str

    def draw(self, engine: AsyncEngine) -> Awaitable[None]:
        """Draw it."""


@pytest.fixture(scope="module")
def drawn(databases: Databases, request: pytest.FixtureRequest) -> str:
    """Let the module draw its city once; return the name of the database."""
    module: Module = request.module
    name = f"duties_{module.__name__.rpartition('.')[2]}"

    async def run() -> None:
        engine = make_engine(url)
        try:
            await module.draw(engine)
        finally:
            await engine.dispose()

    url = databases.make(name)
    asyncio.run(run())
    return name


@pytest.fixture
async def city(databases: Databases, drawn: str) -> AsyncIterator[AsyncEngine]:
    """Give the module's city, to be read."""
    made = make_engine(databases.url(drawn))
    try:
        yield made
    finally:
        await made.dispose()


@pytest.fixture
def changing_url(databases: Databases, drawn: str) -> Iterator[str]:
    """Make a copy of the city that one may change."""
    with databases.copy(drawn) as url:
        yield url


@pytest.fixture
async def changing(changing_url: str) -> AsyncIterator[AsyncEngine]:
    """Give a copy of the city that one may change."""
    made = make_engine(changing_url)
    try:
        yield made
    finally:
        await made.dispose()
