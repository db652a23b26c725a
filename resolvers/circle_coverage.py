"""Who is inside the circles of a set of service points, and who is not."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from geo.errors import BadInputError, UnknownError
from geo.headcount import Count, count_each
from resolvers import programmes
from resolvers.city import city as city_of
from resolvers.city import look_up
from resolvers.held import bytes_of
from resolvers.nearness import nearness, units_of
from resolvers.paging import check_length, check_text
from resolvers.small_groups import knows_homes, telling_groups
from resolvers.units import UnitRef, require_unit
from resolvers.walks import Basis, in_steps, walk_used

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from resolvers.city import City
    from resolvers.context import Context
    from resolvers.nearness import Nearness
    from resolvers.walks import Promise, WalkAsked, WalkRow


@dataclass(frozen=True, eq=False)
class CoverageRow:
    """The circles of a set of service points over the homes of a city, or of one unit.

    Attributes
    ----------
    facility_count
        How many service points count: all of the kinds, wherever they stand.
    here
        Which homes are asked about, shape (n,).
    inside
        Which of all homes are within the walk, shape (n,).
    chosen
        Whether the asker chose the walk to the metre: then two that differ by one home tell of it.
    counted_total, counted_inside, counted_off_streets, counted_cut_off
        Of those asked about. Of those outside, some are on no street, some on streets that no
        service point is on.
    """

    city: City
    near: Nearness
    walk: WalkRow
    within: UnitRef | None
    facility_count: int
    here: NDArray[np.bool_]
    inside: NDArray[np.bool_]
    chosen: bool
    counted_total: Count
    counted_inside: Count
    counted_off_streets: Count
    counted_cut_off: Count

    @property
    def facilities_off_streets(self) -> int:
        """How many of the service points are on no street, so that nobody walks there."""
        entries = self.city.stands.entries
        if entries is None or self.near.basis is Basis.RADIUS:
            return 0
        return int((np.diff(entries.start)[self.near.chosen] == 0).sum())

    @property
    def counted_outside(self) -> Count:
        """Those asked about who are not inside."""
        return without(self.counted_total, self.counted_inside)

    @property
    def telling_groups(self) -> frozenset[str]:
        """Groups of which the parts would tell of one home."""
        near, lost = self.counted_inside, (self.counted_off_streets, self.counted_cut_off)
        far = without(self.counted_outside, self.counted_not_connected)
        return telling_groups(near, *lost, far)

    @property
    def counted_not_connected(self) -> Count:
        """Those outside who cannot walk to any of the service points, however long."""
        return _together(self.counted_off_streets, self.counted_cut_off)


async def circle_coverage(
    context: Context,
    kinds: Sequence[str],
    *,
    within: UnitRef | None = None,
    walk: WalkAsked | None = None,
    own_level: str | None = None,
    day: dt.date | None = None,
    programme: Promise | None = None,
) -> CoverageRow:
    """Return who is inside the circles of the service points of some kinds.

    Parameters
    ----------
    kinds
        Keys of kinds; all their service points of the day count, those outside ``within``, too.
    within
        Only homes in this unit, of a level of any kind.
    own_level
        A home is judged only by service points in its own unit of this level.
    day
        Today unless given: edition, service points and programmes of that day.
    programme
        What the walk is that of, where ``walk`` does not say otherwise.

    Raises
    ------
    UnknownError, BadInputError, NoEditionError, NoNetworkError
        If there is no such kind, unit or level, the walk is out of bounds, nothing was published,
        or streets are asked for and there are none.
    """
    await look_up(context, day)
    used = await walk_used(context, walk, programme)
    await require_some_kinds(context, kinds)
    if own_level is not None:
        (await context.tree()).get(own_level, argument="ownLevel")
    edition = (await context.edition(day)).number
    if within is not None:
        await require_unit(context, edition, within, argument="within")
    city = await city_of(context, edition, day or context.today)
    chosen = city.of_kinds(kinds)
    near = await nearness(context, city, chosen, used.basis, own_level=own_level)

    async def judge() -> _Judged:
        return await asyncio.to_thread(_judge, city, near, used.metres, within)

    name = ("judged", near.name, used.metres, within)
    judged = await context.shared.city.get(name, judge, bytes_of)
    return CoverageRow(
        city,
        near,
        used,
        within,
        facility_count=len(near.chosen),
        here=judged.here,
        inside=judged.inside,
        chosen=not in_steps(walk),
        counted_total=judged.total,
        counted_inside=judged.within_walk,
        counted_off_streets=judged.off_streets,
        counted_cut_off=judged.cut_off,
    )


async def require_some_kinds(context: Context, kinds: Sequence[str]) -> None:
    """Refuse no kinds at all, and kinds that there are not.

    Raises
    ------
    BadInputError, LimitExceededError, UnknownError
        The kinds that there are are named.
    """
    if not kinds:
        options = [row.key for row in await programmes.kinds(context)]
        raise BadInputError(
            f"kinds is empty; name one of {', '.join(options)}", argument="kinds", options=options
        )
    check_length("kinds", kinds)
    check_text("kinds", *kinds)
    await programmes.require_kinds(context, kinds)


async def facilities_within(context: Context, row: CoverageRow) -> int:
    """Return how many of the service points stand in ``within``; all of them without it."""
    if row.within is None:
        return row.facility_count
    level, code = row.within
    unit = await units_of(context, row.city, row.near.chosen, level)
    standing = row.city.homes.levels.get(level)
    number = standing.number(code) if standing is not None else None
    return int((unit == number).sum()) if number is not None else 0


def homes_within(city: City, within: UnitRef | None) -> NDArray[np.bool_]:
    """Return which homes are in a unit, shape (n,); all of them without one."""
    if within is None:
        return np.ones(len(city.homes), bool)
    level = city.homes.levels.get(within.level)
    number = level.number(within.code) if level is not None else None
    if level is None or number is None:
        return np.zeros(len(city.homes), bool)
    return np.asarray(level.unit == number)


class _Judged(NamedTuple):
    """Homes judged by one limit; see :class:`CoverageRow`."""

    here: NDArray[np.bool_]
    inside: NDArray[np.bool_]
    total: Count
    within_walk: Count
    off_streets: Count
    cut_off: Count


def _judge(city: City, near: Nearness, metres: float, within: UnitRef | None) -> _Judged:
    here, inside = homes_within(city, within), near.inside(metres)
    counted = count_each(
        city.homes.heads,
        here,
        here & inside,
        here & near.off_streets(),
        here & near.cut_off(),
    )
    return _Judged(here, inside, *counted)


async def share_told(context: Context, row: CoverageRow, group: str | None) -> float | None:
    """Return ``share_of`` as far as the asker may know.

    Of a group at one single address only editors are told, also where that is all who are inside,
    or outside; and of any group where the asker chose the walk to the metre.
    """
    share = share_of(row, group)
    alone = row.counted_total.addresses == 1 or group in row.telling_groups
    telling = group is not None and (alone or row.chosen)
    return None if telling and not await knows_homes(context) else share


def share_of(row: CoverageRow, group: str | None) -> float | None:
    """Return which share of the households, or of the people of a group, is inside.

    Returns
    -------
    float or None
        None where there is nobody.

    Raises
    ------
    UnknownError
        If no address has people of such a group.
    """
    check_group(row.city, group)
    inside, total = of_count(row.counted_inside, group), of_count(row.counted_total, group)
    return inside / total if total else None


def check_group(city: City, group: str | None) -> None:
    """Refuse a group of people that no address has."""
    known = city.homes.heads.groups
    if group is not None and group not in known:
        raise UnknownError(
            f"no address has people of a group {group!r}; "
            f"the groups are {', '.join(known) or 'none'}",
            argument="group",
            options=list(known),
        )


def of_count(counted: Count, group: str | None) -> int:
    """Return the households of a count, or the people of a group."""
    return counted.households if group is None else counted.groups[group]


def _combined(one: Count, other: Count, sign: int) -> Count:
    return Count(
        one.addresses + sign * other.addresses,
        one.households + sign * other.households,
        one.people + sign * other.people,
        {group: people + sign * other.groups[group] for group, people in one.groups.items()},
    )


def without(one: Count, other: Count) -> Count:
    """Return who is counted in one count and not in another that is part of it."""
    return _combined(one, other, -1)


def _together(one: Count, other: Count) -> Count:
    return _combined(one, other, 1)
