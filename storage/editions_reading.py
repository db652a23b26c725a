"""Editions by their numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from storage.editions import EditionRow
from storage.models import Edition

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy.ext.asyncio import AsyncConnection


async def by_numbers(
    connection: AsyncConnection, numbers: Collection[int]
) -> dict[int, EditionRow]:
    """Return the editions of these numbers; one statement."""
    query = select(
        Edition.number,
        Edition.effective_on,
        Edition.correction,
        Edition.published_at,
        Edition.published_by,
        Edition.note,
    ).where(Edition.number.in_(numbers))
    return {row[0]: EditionRow(*row) for row in await connection.execute(query)}
