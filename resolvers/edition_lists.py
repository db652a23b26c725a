"""Editions for the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage import editions

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from storage.editions import EditionRow


async def list_editions(
    engine: AsyncEngine, first: int
) -> list[tuple[EditionRow, tuple[str, ...]]]:
    """Return up to ``first`` editions, newest first, each with the levels that it changed."""
    async with engine.connect() as connection:
        rows = await editions.page(connection, first)
        levels = await editions.levels_of(connection, [row.number for row in rows])
    return [(row, levels[row.number]) for row in rows]
