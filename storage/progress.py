"""How far imports have come, by ticket: written by one process, read by all."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import delete, func, null, select, update
from sqlalchemy.dialects.postgresql import insert

from storage.models import Draft, ImportProgress

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection

KEPT = dt.timedelta(days=1)
"""How long a ticket is remembered after the last that was heard of it."""


class Ticket(NamedTuple):
    """What an import is called by whoever sent it."""

    owner: int
    """Number of the key."""
    name: str


class ProgressRow(NamedTuple):
    """How far an import has come."""

    owner: int
    draft: int
    status: str
    """Of the draft; READING while the import runs."""
    stage: str
    done: int
    total: int
    error: dict[str, Any] | None  # free JSON: message and extensions, as the API's errors
    reason: str | None
    """Why the draft failed."""


async def begin(connection: AsyncConnection, ticket: Ticket, draft: int) -> bool:
    """Give an import its ticket; False when the ticket names one that still runs.

    A ticket of an import that has ended begins anew.
    """
    fresh = {"draft_id": draft, "stage": "waiting", "done": 0, "total": 0, "error": null()}
    running = (
        select(Draft.id)
        .where(Draft.id == ImportProgress.draft_id, Draft.status == "READING")
        .exists()
    )
    query = (
        insert(ImportProgress)
        .values(owner=ticket.owner, ticket=ticket.name, **fresh)
        .on_conflict_do_update(
            index_elements=[ImportProgress.owner, ImportProgress.ticket],
            set_={**fresh, "updated_at": func.now()},
            where=~running,
        )
        .returning(ImportProgress.owner)
    )
    return (await connection.execute(query)).first() is not None


async def advance(
    connection: AsyncConnection, draft: int, stage: str, *, done: int, total: int
) -> None:
    """Say how far the import of a draft has come; index import_progress_draft."""
    query = (
        update(ImportProgress)
        .where(ImportProgress.draft_id == draft)
        .values(stage=stage, done=done, total=total, updated_at=func.now())
    )
    await connection.execute(query)


async def fail(connection: AsyncConnection, drafts: Sequence[int], error: dict[str, Any]) -> None:
    """Say why the imports of some drafts ended without one."""
    query = (
        update(ImportProgress)
        .where(ImportProgress.draft_id.in_(drafts))
        .values(error=error, updated_at=func.now())
    )
    await connection.execute(query)


async def find(connection: AsyncConnection, name: str) -> list[ProgressRow]:
    """Return the imports of a ticket, one a key, the latest first; index import_progress_ticket."""
    query = (
        select(
            ImportProgress.owner,
            ImportProgress.draft_id,
            Draft.status,
            ImportProgress.stage,
            ImportProgress.done,
            ImportProgress.total,
            ImportProgress.error,
            Draft.error,
        )
        .join(Draft, Draft.id == ImportProgress.draft_id)
        .where(ImportProgress.ticket == name)
        .order_by(ImportProgress.updated_at.desc(), ImportProgress.owner)
        .limit(100)
    )
    return [ProgressRow(*row) for row in await connection.execute(query)]


async def forget_old(connection: AsyncConnection) -> None:
    """Forget the tickets of imports that ended long ago; the table is small and has no index."""
    running = select(Draft.id).where(Draft.status == "READING")
    query = delete(ImportProgress).where(
        ImportProgress.updated_at < func.now() - KEPT, ImportProgress.draft_id.not_in(running)
    )
    await connection.execute(query)
