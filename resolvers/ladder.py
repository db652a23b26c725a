"""Who answers at a place: the units from the lowest one upwards, and who is there for each."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from geo.levels import Tiling
from resolvers.places import unit_at
from storage.units import UnitRow, Wanted

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

    from resolvers.context import Context
    from resolvers.places import PlaceRow
    from resolvers.tree import Tree
    from storage.assignments import AssignmentRow, UnitKey
    from storage.duties import DutyRow


class RungRow(NamedTuple):
    """A unit at a place, and the nearest one at or above it where somebody answers."""

    own: UnitRow
    unit: UnitRow
    """The same as ``own`` where nobody does."""
    holders: tuple[AssignmentRow, ...]


Way = tuple[UnitRow, ...]
"""A unit at a place and those above it there, nearest first."""


async def ways_up(context: Context, place: PlaceRow, duty: DutyRow | None) -> list[Way]:
    """Return the way up from each unit at a place, lowest unit first.

    These are the units of the tiling levels of one branch: that of the duty's own level, else that
    of the level that the place was asked for. Before them comes the unit of a level that does not
    tile, where the duty may be carried on it.
    """
    tree = await context.tree()
    here = {row.level: row for row in place.units}
    branch = tree.branch(duty.level if duty is not None else place.level)
    lowest = [here[level] for level in branch if level in here]
    apart: list[UnitRow] = []
    for level in duty.levels if duty is not None else ():
        if tree.get(level).tiling is Tiling.DISJOINT and place.edition is not None:
            there = await unit_at(context, place, level, Wanted.NOTHING)
            apart += [there] if there is not None else []
    apart.sort(key=lambda row: -tree.get(row.level).rank)
    return [_way_up(tree, row, here) for row in (*apart, *lowest)]


def _way_up(tree: Tree, row: UnitRow, here: Mapping[str, UnitRow]) -> Way:
    above = [here[level] for level in tree.upward(row.level)[1:] if level in here]
    return (row, *above)


def rungs(
    ways: Sequence[Way], found: Mapping[UnitKey, Sequence[AssignmentRow]], day: dt.date
) -> list[RungRow]:
    """Return who answers on each rung.

    Parameters
    ----------
    found
        What is carried on each unit; also what has ended, where that is asked for.
    """
    return [_rung(way, found, day) for way in ways]


def _rung(way: Way, found: Mapping[UnitKey, Sequence[AssignmentRow]], day: dt.date) -> RungRow:
    own = way[0]
    unit = next((row for row in way if _answers(found[row.level, row.code], day)), own)
    return RungRow(own, unit, tuple(found[unit.level, unit.code]))


def _answers(rows: Sequence[AssignmentRow], day: dt.date) -> bool:
    """Return whether one of some assignments holds on a day; all of them have begun."""
    return any(row.until is None or row.until > day for row in rows)
