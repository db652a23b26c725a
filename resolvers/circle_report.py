"""Circles for the command line: who is inside, and which units are left out most."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from geo.errors import BadInputError, UnknownError
from resolvers.circle_coverage import circle_coverage, share_of
from resolvers.circle_units import unit_circles
from resolvers.context import State
from resolvers.units import UnitRef, by_keys
from storage import facilities, units
from storage.units import Wanted

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from resolvers.circle_coverage import CoverageRow
    from resolvers.circle_units import UnitCircleRow
    from resolvers.context import Context
    from resolvers.walks import WalkAsked


class NamedCircle(NamedTuple):
    """A unit's circles, with names for people."""

    name: str
    row: UnitCircleRow
    nearest: tuple[str, str] | None
    """Key and name of the service point."""


class CircleReport(NamedTuple):
    """Who is inside, and the units with the lowest shares."""

    coverage: CoverageRow
    share: float | None
    level: str
    units: list[NamedCircle]
    unit_count: int


async def circle_report(
    context: Context,
    kinds: Sequence[str],
    *,
    within: str | None = None,
    walk: WalkAsked | None = None,
    own_level: str | None = None,
    by: str | None = None,
    group: str | None = None,
    day: dt.date | None = None,
    first: int = 10,
) -> CircleReport:
    """Return who is inside the circles of some kinds, and the units with the lowest shares.

    Parameters
    ----------
    within
        ``LEVEL:CODE``, or a code that one unit alone has.
    by
        Level of the units that are listed; the lowest tiling one without it.
    group
        Whose shares are told; the households' without one.
    first
        How many units.

    Raises
    ------
    UnknownError, BadInputError, NoEditionError, NoNetworkError
        See :func:`resolvers.circle_coverage.circle_coverage`; and if ``within`` names no unit, or
        several.
    """
    ref = await find_unit(context, within, day) if within is not None else None
    row = await circle_coverage(context, kinds, within=ref, walk=walk, own_level=own_level, day=day)
    level = by or (await context.tree()).branch(None)[0]
    # whoever is at the command line has the whole database
    found = await unit_circles(context, row, level, group=group, single_homes=True)
    rows = found.page(first, None).rows
    state = State(row.city.edition)
    keys = [(state, level, one.code) for one in rows]
    names = await by_keys(context, keys, Wanted.NOTHING) if keys else {}
    ids = {one.nearest for one in rows if one.nearest is not None}
    nearest = await context.ask(facilities.by_rows, ids) if ids else {}
    listed = []
    for key, one in zip(keys, rows, strict=True):
        there = nearest.get(one.nearest) if one.nearest is not None else None
        named = (there.key, there.name) if there is not None else None
        listed.append(NamedCircle(names[key].name if key in names else "", one, named))
    return CircleReport(row, share_of(row, group), level, listed, len(found.number))


async def find_unit(context: Context, text: str, day: dt.date | None) -> UnitRef:
    """Return the unit of any level that ``LEVEL:CODE`` or a code alone names.

    Raises
    ------
    UnknownError, BadInputError
        If there is none, or several have that code.
    """
    tree = await context.tree()
    every = [spec.key for spec in tree.specs]
    named, colon, code = text.partition(":")
    if not colon or named not in every:
        named, code = "", text
    edition = (await context.edition(day)).number
    keys = [(level, code) for level in ([named] if named else every)]
    found = await context.ask(units.by_codes, edition, keys)
    if not found:
        raise UnknownError(
            f"there is no unit {text} in edition {edition}; name it as LEVEL:CODE, with one of the "
            f"levels {', '.join(every)}",
            argument="within",
        )
    if len(found) > 1:
        options = [f"{level}:{code}" for level in every if (level, code) in found]
        raise BadInputError(
            f"{code} is a unit of several levels; say which: {' or '.join(options)}",
            argument="within",
            options=options,
        )
    return UnitRef(*next(iter(found)))
