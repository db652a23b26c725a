"""What other processes publish, import and assign, heard as it happens."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, NoReturn, cast

import psycopg
from psycopg import sql
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from storage.detached import detached
from storage.editions import EditionRow
from storage.models import Edition, EditionLevel

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

CHECK_S = 20.0
"""How often a silent connection is asked whether it is still there."""


class Channel(StrEnum):
    """What can be listened to; triggers of the tables speak when a transaction commits."""

    EDITION = "wangge_edition"
    """A new edition: its number."""
    IMPORT = "wangge_import"
    """An import has come further: its ticket."""
    LEVEL = "wangge_level"
    """Levels were added, changed or removed."""
    ASSIGNMENT = "wangge_assignment"
    """Assignments were begun, changed or ended: how often duties have changed."""
    DUTY = "wangge_duty"
    """Kinds of duties, bodies or assignments changed in any way, or were removed."""


async def listen(
    engine: AsyncEngine,
    *,
    ready: Callable[[], None],
    heard: Callable[[Channel, str], None],
    alive: Callable[[], None] = lambda: None,
) -> NoReturn:
    """Listen to every channel on a connection of one's own, until it breaks.

    Parameters
    ----------
    ready
        Called when whatever is committed from now on will be heard.
    heard
        Called with each channel and what was said there.
    alive
        Called whenever the server has answered: all that was told until then has been heard.

    Raises
    ------
    ConnectionError
        When the server cannot be reached, or no longer.
    """
    try:
        async with detached(engine, autocommit=True) as connection:
            server = await _server(connection)
            for channel in Channel:
                await server.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel.value)))
            ready()
            while True:
                async for notice in server.notifies(timeout=CHECK_S):
                    heard(Channel(notice.channel), notice.payload)
                await server.execute("SELECT 1")
                alive()
    except (psycopg.Error, SQLAlchemyError, OSError) as error:
        raise ConnectionError(f"nothing is heard of the database: {error}") from error


async def _server(connection: AsyncConnection) -> psycopg.AsyncConnection[object]:
    """Return psycopg's own connection below SQLAlchemy's, which cannot listen."""
    raw = await connection.get_raw_connection()
    return cast("psycopg.AsyncConnection[object]", raw.driver_connection)


async def editions_after(
    connection: AsyncConnection, number: int, *, level: str | None, first: int
) -> list[EditionRow]:
    """Return up to ``first`` editions after a number, oldest first, that changed a level (any).

    Numbers become visible in their order, so that none can appear before one that was seen.
    """
    query = (
        select(
            Edition.number,
            Edition.effective_on,
            Edition.correction,
            Edition.published_at,
            Edition.published_by,
            Edition.note,
        )
        .where(Edition.number > number)
        .order_by(Edition.number)
        .limit(first)
    )
    if level is not None:
        changed = select(EditionLevel.number).where(EditionLevel.level == level)
        query = query.where(Edition.number.in_(changed))
    return [EditionRow(*row) for row in await connection.execute(query)]
