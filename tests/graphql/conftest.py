"""The small town of :mod:`tests.graphql.world`, drawn into the test's database."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.graphql import world

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine


@pytest.fixture
async def town(engine: AsyncEngine) -> AsyncEngine:
    """Give an engine on a database with the town."""
    await world.build(engine)
    return engine


@pytest.fixture
def counted(town: AsyncEngine, statements: list[str]) -> list[str]:
    """Give the list of the statements that run from now on; the town is drawn already."""
    del town
    statements.clear()
    return statements
