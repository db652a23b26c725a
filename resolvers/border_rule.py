"""The border rule: which of the units that touch a point it belongs to.

A point on a shared border belongs to the lowest tiling unit with the bytewise smallest code, and
the other levels of that branch are that unit's ancestors: one answer never contradicts itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

from geo.levels import Tiling

if TYPE_CHECKING:
    from collections.abc import Sequence

    from resolvers.tree import Tree
    from storage.units import UnitRow


class _Named(Protocol):
    """What the border rule looks at."""

    @property
    def level(self) -> str: ...
    @property
    def code(self) -> str: ...
    @property
    def parent_code(self) -> str | None: ...


N = TypeVar("N", bound=_Named)


class Choice(NamedTuple):
    """What is chosen of the units that touch a point."""

    units: tuple[UnitRow, ...]
    hits: tuple[UnitRow, ...]
    on_border: bool
    is_there: bool
    """Whether the asked level has a unit there."""
    shown: dict[Any, Any]
    """What answers show of it, by what shows it."""


def choice_of(
    tree: Tree, hits: Sequence[UnitRow], asked: str, border: set[tuple[str, str]]
) -> Choice:
    """Return what is chosen of units that touch a point, by code.

    Parameters
    ----------
    border
        Levels and codes of those on whose border it lies.
    """
    chosen = choose(tree, hits, asked)
    deciding = deciding_of(tree, hits, asked, chosen)
    units = tuple(sorted(chosen, key=lambda row: tree.get(row.level).rank))
    on_border = len(deciding) > 1 or any((u.level, u.code) in border for u in deciding)
    pool = pool_of(tree, asked, units, hits)
    return Choice(units, tuple(hits), on_border, any(row.level == asked for row in pool), {})


def choose(tree: Tree, hits: Sequence[N], asked: str) -> list[N]:
    """Choose one unit of each tiling level.

    Parameters
    ----------
    hits
        Every unit that touches the point, by code.
    asked
        The level whose branch decides; the other branches follow where they can.

    Returns
    -------
    list
        In no order. Of a branch nothing is published on, there is none.
    """
    chosen = {row.level: row for row in _climb(hits, tree.branch(asked), {})}
    for lowest in tree.lowest():
        branch = tree.upward(lowest)
        own = [level for level in branch if level not in chosen]
        junction = next((level for level in branch if level in chosen), None)
        if own and lowest in own:
            known = {junction: chosen[junction].code} if junction else {}
            chosen |= {row.level: row for row in _climb(hits, own, known, junction)}
    return list(chosen.values())


def _climb(
    hits: Sequence[N], branch: Sequence[str], known: dict[str, str], junction: str | None = None
) -> list[N]:
    """Return the lowest unit with the smallest code, and its ancestors within the branch.

    One whose ancestor at the junction is the unit known there goes before others.
    """
    by_key = {(hit.level, hit.code): hit for hit in hits}
    for at, level in enumerate(branch):
        ways = [_way_up(hit, branch[at + 1 :], by_key) for hit in hits if hit.level == level]
        if ways:
            agreeing = [way for way in ways if known.get(junction or "") == way[-1].parent_code]
            return (agreeing or ways)[0]
    return []


def _way_up(hit: N, above: Sequence[str], by_key: dict[tuple[str, str], N]) -> list[N]:
    way = [hit]
    for level in above:
        parent = by_key.get((level, way[-1].parent_code or ""))
        if parent is None:
            break
        way.append(parent)
    return way


def deciding_of(tree: Tree, hits: Sequence[N], asked: str, chosen: Sequence[N]) -> list[N]:
    """Return the units that a border is judged by: those of the level that decided."""
    if tree.get(asked).tiling is Tiling.DISJOINT:
        return [hit for hit in hits if hit.level == asked]
    levels = {row.level for row in chosen}
    lowest = next((level for level in tree.branch(asked) if level in levels), None)
    return [hit for hit in hits if hit.level == lowest]


def pool_of(
    tree: Tree, level: str, units: Sequence[UnitRow], hits: Sequence[UnitRow]
) -> Sequence[UnitRow]:
    """Return among which units the one of a level is."""
    return units if tree.get(level).tiling is Tiling.TILES else hits
