"""Drafts whose file is being read: begun, failed, or left behind by a process that died."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import insert, select, text, update

from storage.models import Draft

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

LEFT_BEHIND = "the service ended before the import was done; send the file again"

_LEASE = "hashtextextended('wangge reads draft ' || CAST(:draft AS text), 0)"
"""Names the lock that says that somebody is at work on a draft."""

_TAKE = text(f"SELECT pg_advisory_lock({_LEASE})")
_TRY = text(f"SELECT pg_try_advisory_xact_lock({_LEASE})")


class NewReading(NamedTuple):
    """A draft before its file is read."""

    level: str
    within: tuple[str, str] | None
    with_drafts: list[int]
    source: dict[str, Any]  # free JSON: the contract's DraftSource, as far as it is known
    created_by: str


async def begin(connection: AsyncConnection, draft: NewReading) -> int:
    """Store a draft that is READING, and hold its lease for as long as the session lives.

    Parameters
    ----------
    connection
        One of its own, in a transaction: nobody sees the draft before the lease is taken.
    """
    level, code = draft.within or (None, None)
    query = (
        insert(Draft)
        .values(
            status="READING",
            level=draft.level,
            within_level=level,
            within_code=code,
            with_drafts=draft.with_drafts,
            source=draft.source,
            created_by=draft.created_by,
        )
        .returning(Draft.id)
    )
    number: int = (await connection.execute(query)).scalar_one()
    await connection.execute(_TAKE, {"draft": number})
    return number


async def fail(connection: AsyncConnection, number: int, reason: str) -> bool:
    """Say that a draft's file could not be read; False when it is READING no more."""
    query = (
        update(Draft)
        .where(Draft.id == number, Draft.status == "READING")
        .values(status="FAILED", error=reason)
    )
    return (await connection.execute(query)).rowcount > 0


async def fail_abandoned(connection: AsyncConnection) -> list[int]:
    """Fail the drafts that nobody reads any more; return their numbers.

    A lease ends with the session that holds it, however that ended: there is no clock to be
    wrong. Leans on the partial index ``draft_reading``, which is empty nearly always.
    """
    query = select(Draft.id).where(Draft.status == "READING").order_by(Draft.id)
    numbers = list(await connection.scalars(query))
    free = [n for n in numbers if await connection.scalar(_TRY, {"draft": n})]
    return [n for n in free if await fail(connection, n, LEFT_BEHIND)]
