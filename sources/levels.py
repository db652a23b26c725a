"""Reads the tree of levels that a TOML file describes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from geo.errors import BadInputError
from geo.levels import DEFAULT_LEVELS, LevelSpec, Tiling, by_rank, tree_problems
from sources.toml import read_toml

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["DEFAULT_LEVELS", "LevelSpec", "Tiling", "read_levels", "tree_problems"]

KEYS = ("key", "name", "parent", "tiling")


def read_levels(path: Path) -> tuple[LevelSpec, ...]:
    """Read a tree of levels from a TOML file.

    Parameters
    ----------
    path
        A file of ``[[level]]`` tables, each with ``key`` and, unless it is the topmost one,
        ``parent``; ``name`` is the key and ``tiling`` is ``TILES`` where they are left out.

    Returns
    -------
    tuple of LevelSpec
        In depth-first order from the topmost level.

    Raises
    ------
    UnreadableError
        If the file cannot be read or is no TOML.
    BadInputError
        If the levels are no tree; every reason is named.
    """
    tables, problems = _tables(path)
    levels = []
    for number, table in enumerate(tables, start=1):
        level, wrong = _level(number, table)
        problems += wrong
        if level is not None:
            levels.append(level)
    # Half-understood levels would be blamed for what is only a misspelt line above.
    if not problems or len(levels) == len(tables):
        problems += tree_problems(levels)
    if problems:
        raise BadInputError(
            f"{path.name} describes no tree of levels: {'; '.join(problems)}",
            argument="levels",
            hint="each [[level]] has key, name, parent and tiling; only the topmost has no parent",
        )
    return by_rank(levels)


def _tables(path: Path) -> tuple[list[object], list[str]]:
    document = read_toml(path)
    problems = [
        f"{key!r} is not known; write [[level]] tables only" for key in document if key != "level"
    ]
    tables = document.get("level", [])
    if not isinstance(tables, list):
        return [], [*problems, "level must be written as [[level]], with two brackets"]
    return tables, problems


def _level(number: int, table: object) -> tuple[LevelSpec | None, list[str]]:
    """Return one level, or None where it has no usable key, and what is wrong with it."""
    if not isinstance(table, dict):
        return None, [f"level {number} must be a [[level]] table"]
    problems = [
        f"{key!r} in level {number} is not known; use {', '.join(KEYS)}"
        for key in table
        if key not in KEYS
    ]
    problems += [
        f"{key} of level {number} must be text in quotes, not {table[key]!r}"
        for key in KEYS
        if key in table and not isinstance(table[key], str)
    ]
    key, tiling = table.get("key"), table.get("tiling", Tiling.TILES)
    if key is None:
        problems.append(f"level {number} has no key")
    if isinstance(tiling, str) and tiling not in Tiling.__members__:
        problems.append(f"tiling {tiling!r} of level {number} is not known; use TILES or DISJOINT")
    if not isinstance(key, str):
        return None, problems
    name, parent = table.get("name", key), table.get("parent")
    level = LevelSpec(
        key=key,
        name=name if isinstance(name, str) and name.strip() else key,
        parent=parent if isinstance(parent, str) else None,
        tiling=Tiling.DISJOINT if tiling == Tiling.DISJOINT else Tiling.TILES,
        rank=0,
    )
    return level, problems
