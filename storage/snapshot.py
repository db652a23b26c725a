"""What a transaction that begins now would see, in a few letters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import text

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

_SNAPSHOT = text(
    "SELECT pg_current_snapshot()::text || ' ' || oid || ' '"
    " || extract(epoch FROM pg_postmaster_start_time())"
    " FROM pg_database WHERE datname = current_database()"
)


async def snapshot(connection: AsyncConnection) -> str:
    """Return the name of what is seen now: the same name means the same rows.

    Notes
    -----
    It changes with whatever is written on the server, in other databases and by housekeeping,
    too; and when the server is started anew, for the tables may have been restored meanwhile.
    The connection must not have written anything itself.
    """
    found: str = await connection.scalar(_SNAPSHOT)
    return found
