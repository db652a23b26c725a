"""Levels that count the same addresses: from heir to heir, as ``storage.tallies`` says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from geo.levels import Tiling

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from geo.levels import LevelSpec


def heir(specs: Sequence[LevelSpec], standing: Collection[str], level: str) -> str | None:
    """Return the level whose units' tallies those of a level sum; None where units count alone.

    Parameters
    ----------
    specs
        All levels, by rank.
    standing
        Levels on which units stand.
    """
    below = (spec for spec in specs if spec.parent == level and spec.tiling is Tiling.TILES)
    return next((spec.key for spec in below if spec.key in standing), None)


def heirs(specs: Sequence[LevelSpec], standing: Collection[str], level: str) -> tuple[str, ...]:
    """Return a level and those from heir to heir below it."""
    found = [level]
    while (below := heir(specs, standing, found[-1])) is not None:
        found.append(below)
    return tuple(found)


def branches(specs: Sequence[LevelSpec], standing: Collection[str]) -> list[tuple[str, ...]]:
    """Return all branches, each from above: every tiling level with units is on one of them."""
    tiling = [spec for spec in specs if spec.tiling is Tiling.TILES and spec.key in standing]
    inherited = {heir(specs, standing, spec.key) for spec in tiling}
    return [heirs(specs, standing, spec.key) for spec in tiling if spec.key not in inherited]
