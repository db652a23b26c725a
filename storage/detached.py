"""A connection outside of the pool, for what belongs to a session."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from sqlalchemy import NullPool
from sqlalchemy.ext.asyncio import create_async_engine

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine


@asynccontextmanager
async def detached(
    engine: AsyncEngine, *, autocommit: bool = False
) -> AsyncIterator[AsyncConnection]:
    """Give a connection to an engine's database that is closed at the end, not kept for others.

    What a session holds (what it listens to, what it has locked) ends with it, even if the
    process is killed. The pool does not count it: whoever waits in it keeps nobody else waiting.
    """
    alone = create_async_engine(
        engine.url,
        poolclass=NullPool,
        isolation_level="AUTOCOMMIT" if autocommit else "READ COMMITTED",
    )
    try:
        async with alone.connect() as connection:
            yield connection
    finally:
        await alone.dispose()
