"""What a draft's findings were before it was checked again: new, still open and gone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
from sqlalchemy import select, text

from storage.models import Draft, Finding

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection

MAX_GONE = 1000
"""So many findings that are gone are remembered, the largest first; the count is of all."""


class KnownFinding(NamedTuple):
    """A finding of an earlier check, in few words."""

    id: str
    kind: str
    message: str
    area_m2: float


async def known_findings(connection: AsyncConnection, draft: int) -> list[KnownFinding]:
    """Return what a draft's last check found, largest first."""
    query = (
        select(Finding.id, Finding.kind, Finding.message, Finding.area_m2)
        .where(Finding.draft_id == draft)
        .order_by(Finding.area_m2.desc(), Finding.id)
    )
    return [KnownFinding(*row) for row in await connection.execute(query)]


async def mark_known(
    connection: AsyncConnection, draft: int, known: Collection[str], gone: Sequence[KnownFinding]
) -> None:
    """Say which of a draft's findings an earlier check had found, and which of those are gone.

    Parameters
    ----------
    known
        Ids of the earlier check.
    """
    await connection.execute(
        text(
            "UPDATE finding SET fresh = false"
            " WHERE draft_id = :draft AND id = ANY(CAST(:known AS text[]))"
        ),
        {"draft": draft, "known": list(known)},
    )
    listed = [
        {"id": found.id, "kind": found.kind, "message": found.message, "areaM2": found.area_m2}
        for found in gone[:MAX_GONE]
    ]
    await connection.execute(
        text("UPDATE draft SET gone_findings = CAST(:gone AS jsonb) WHERE id = :draft"),
        {"draft": draft, "gone": orjson.dumps(listed).decode()},
    )


async def gone_findings(
    connection: AsyncConnection, draft: int
) -> list[dict[str, Any]]:  # as stored
    """Return what a draft's check before the last had found and the last did not."""
    query = select(Draft.gone_findings).where(Draft.id == draft)
    return (await connection.scalar(query)) or []
