"""The ranks of the hierarchy: a tree of levels, and what makes a list of them one."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

KEY_PATTERN = re.compile(r"[a-z][a-z0-9_]{0,31}")
"""What a level's key looks like: it stands in addresses, file names and column names."""


class Tiling(StrEnum):
    """What the units of a level owe their parents."""

    TILES = "TILES"
    """They fill every parent: no blank land, no overlap, nothing outside."""
    DISJOINT = "DISJOINT"
    """They lie inside one parent and do not overlap; land between them is allowed."""


@dataclass(frozen=True)
class LevelSpec:
    """One rank of the hierarchy.

    Attributes
    ----------
    key
        The name in addresses and columns, e.g. ``grid``.
    name
        The name that people read, e.g. 网格.
    parent
        Key of the level above; None for the topmost one.
    rank
        Position in depth-first order from the topmost level, which has 0: a parent always comes
        before its children.
    """

    key: str
    name: str
    parent: str | None
    tiling: Tiling
    rank: int


DEFAULT_LEVELS: tuple[LevelSpec, ...] = (
    LevelSpec("district", "区县", None, Tiling.TILES, 0),
    LevelSpec("subdistrict", "街道/镇", "district", Tiling.TILES, 1),
    LevelSpec("community", "社区/村", "subdistrict", Tiling.TILES, 2),
    LevelSpec("grid", "网格", "community", Tiling.TILES, 3),
    LevelSpec("compound", "小区", "community", Tiling.DISJOINT, 4),
)
"""The levels of a Chinese county town, from the district down to the grid."""


def tree_problems(levels: Iterable[LevelSpec]) -> list[str]:
    """Say everything that keeps a list of levels from being a tree.

    Parameters
    ----------
    levels
        In any order; ranks are not looked at.

    Returns
    -------
    list of str
        One clause a problem, in the order of the levels; empty when they are a tree.
    """
    given = list(levels)
    by_key = {level.key: level for level in given}
    problems = [
        f"level {key!r} is there {count} times"
        for key, count in Counter(level.key for level in given).items()
        if count > 1
    ]
    problems += _root_problems(given)
    for level in by_key.values():
        problems += _level_problems(level, by_key)
    return problems + _cycle_problems(by_key)


def by_rank(levels: Iterable[LevelSpec]) -> tuple[LevelSpec, ...]:
    """Return the levels in depth-first order from the topmost one, with their ranks set.

    Parameters
    ----------
    levels
        A tree (``tree_problems`` finds nothing); siblings keep their order.

    Raises
    ------
    ValueError
        If the levels are no tree.
    """
    given = list(levels)
    problems = tree_problems(given)
    if problems:
        raise ValueError("; ".join(problems))
    ordered: list[LevelSpec] = []
    waiting = [level for level in given if level.parent is None]
    while waiting:
        level = waiting.pop(0)
        ordered.append(replace(level, rank=len(ordered)))
        waiting[:0] = [child for child in given if child.parent == level.key]
    return tuple(ordered)


def _root_problems(levels: Sequence[LevelSpec]) -> list[str]:
    roots = [level for level in levels if level.parent is None]
    if not roots:
        return ["no level is the topmost one: one level must have no parent"]
    problems = []
    if len(roots) > 1:
        keys = ", ".join(repr(level.key) for level in roots)
        problems.append(f"several levels have no parent ({keys}): only the topmost one may")
    return problems + [
        f"the topmost level {level.key!r} must have tiling TILES, not DISJOINT"
        for level in roots
        if level.tiling is Tiling.DISJOINT
    ]


def _level_problems(level: LevelSpec, by_key: Mapping[str, LevelSpec]) -> list[str]:
    problems = []
    if not KEY_PATTERN.fullmatch(level.key):
        problems.append(
            f"level key {level.key!r} must be 1 to 32 small letters, digits or _, a letter first"
        )
    if level.parent is not None and level.parent not in by_key:
        problems.append(f"the parent {level.parent!r} of level {level.key!r} is not there")
    above = by_key.get(level.parent or "")
    if above is not None and above.tiling is Tiling.DISJOINT:
        problems.append(
            f"level {level.key!r} hangs under {above.key!r}, which is DISJOINT: "
            "land between its units would be nobody's"
        )
    return problems


def _cycle_problems(by_key: Mapping[str, LevelSpec]) -> list[str]:
    problems = []
    told: set[str] = set()
    for start in by_key:
        path: list[str] = []
        key = start
        while key in by_key and key not in path and key not in told:
            path.append(key)
            key = by_key[key].parent or ""
        if key in path:
            cycle = path[path.index(key) :]
            problems.append("levels hang under each other: " + " > ".join([*cycle, cycle[0]]))
        told.update(path)
    return problems
