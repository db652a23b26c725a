"""Give a city its own ranks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage import levels

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncEngine

    from geo.levels import LevelSpec
    from storage.levels import LevelChanges


async def load_levels(engine: AsyncEngine, specs: Sequence[LevelSpec]) -> LevelChanges:
    """Make ``specs`` the tree of levels, all or nothing.

    Raises
    ------
    BadInputError
        If they are no tree.
    ConflictError
        If a level in use would go, move or change its tiling.
    """
    async with engine.begin() as connection:
        return await levels.replace_levels(connection, specs)
