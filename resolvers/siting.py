"""Where the next service points should go."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass, replace
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from geo.errors import BadInputError, UnknownError
from geo.headcount import Count, count
from geo.siting import best_sites, fewest_sites
from resolvers import circle_coverage as covering
from resolvers.context import State
from resolvers.held import digest
from resolvers.rights import Right, require
from resolvers.siting_ground import Candidates, found_candidates, given_candidates, offers
from resolvers.small_groups import FEWEST, knows_homes
from resolvers.units import by_keys
from resolvers.walks import in_steps
from storage.engine import as_geoms
from storage.units import Wanted

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Sequence

    import shapely
    from numpy.typing import NDArray

    from geo.siting import Plan
    from resolvers.circle_coverage import CoverageRow
    from resolvers.context import Context
    from resolvers.places import Point
    from resolvers.siting_ground import Offers
    from resolvers.units import UnitRef
    from resolvers.walks import WalkAsked, WalkRow

MAX_COUNT = 200
"""The most sites that can be asked for."""
MAX_FOR_SHARE = 1_000
"""The most sites that a share may take."""
USUAL_COUNT = 5

CHOOSING_S = 5.0
"""How long sites are sought; then the best found stand, with the bound proven until then."""


@dataclass(frozen=True)
class SitingAsked:
    """What is asked for, as the caller says it.

    Attributes
    ----------
    count
        How many sites; with neither this nor a share, ``USUAL_COUNT``.
    share
        As many sites as bring this share of the households inside.
    group
        Of people; None for households.
    candidates
        Where sites may stand; None for gates, service points and street crossings.
    """

    kinds: Sequence[str]
    within: UnitRef
    walk: WalkAsked | None = None
    count: int | None = None
    share: float | None = None
    group: str | None = None
    candidates: Sequence[Point] | None = None
    day: dt.date | None = None


class SiteRow(NamedTuple):
    """A site, and whom it brings inside beyond those before it."""

    lon: float
    lat: float
    gain: int
    """Households, or people of the group."""
    cumulative_share: float | None
    newcomers: Count


@dataclass(frozen=True, eq=False)
class SitingRow:
    """Sites, and how good any others could be.

    Attributes
    ----------
    sites
        Those that bring most inside come first.
    covered
        Households, or people of the group, that all sites bring inside.
    bound
        As many sites bring no more inside, whichever of the candidates they are.
    least
        Fewer sites do not bring as much of the asked share inside; None where a number was asked.
    optimal
        Whether that was proven: of a number, that no sites bring more inside; of a share, that
        fewer do not suffice.
    candidates, reachable
        How many places were looked at, and how many homes any of them would bring inside.
    spacing_m
        Places were thinned to one in each square of this side; None where they were given.
    """

    walk: WalkRow
    edition: int
    day: dt.date
    sites: tuple[SiteRow, ...]
    share_before: float | None
    share_after: float | None
    covered: int
    bound: int
    least: int | None
    optimal: bool
    candidates: int
    reachable: int
    spacing_m: float | None

    def __len__(self) -> int:
        """Return the number of sites."""
        return len(self.sites)


async def siting(context: Context, asked: SitingAsked) -> SitingRow:
    """Choose the sites that bring most of those inside who are not yet.

    Parameters
    ----------
    asked
        Standing service points of the kinds count, those outside ``within``, too; homes are those
        in ``within``.

    Raises
    ------
    BadInputError, LimitExceededError
        If count or share are out of bounds or both given, or a candidate lies outside ``within``.
    UnknownError, NoEditionError, NoNetworkError
        If there is no such kind, unit or group, nothing was published, or streets are asked for
        and there are none.
    TooCostlyError
        If so many candidates are too many for so long a walk.
    """
    check_amount(asked)
    row = await covering.circle_coverage(
        context, asked.kinds, within=asked.within, walk=asked.walk, day=asked.day
    )
    covering.check_group(row.city, asked.group)
    ground = await _ground(context, row, asked.within)
    given = given_candidates(asked.candidates, ground) if asked.candidates is not None else None
    return await context.shared.city.get(
        _name(row, asked, given), lambda: _apart(context, row, asked, ground, given), _weigh
    )


async def siting_for(context: Context, asked: SitingAsked) -> SitingRow:
    """Return the same as far as the asker may know: sites for a group tell where its people live.

    Raises
    ------
    UnauthenticatedError, ForbiddenError
        If a group is named with places or a walk of one's own choosing, and the asker may only
        read: one place at one door would say who lives behind it.
    """
    if asked.group is None or await knows_homes(context):
        return await siting(context, asked)
    if asked.candidates is not None or not in_steps(asked.walk):
        await require(context, Right.PLACE_BY_GROUP)
    return _without_single_homes(await siting(context, asked))


def check_amount(asked: SitingAsked) -> None:
    """Refuse an amount that cannot be meant.

    Raises
    ------
    BadInputError
        If count or share are out of bounds, or both are given.
    """
    if asked.count is not None and asked.share is not None:
        raise BadInputError(
            "both count and share are given; give one: so many sites, or as many as a share needs",
            argument="share",
        )
    if asked.count is not None and not 1 <= asked.count <= MAX_COUNT:
        raise BadInputError(f"count is {asked.count}; give 1 to {MAX_COUNT}", argument="count")
    if asked.share is not None and not 0 < asked.share <= 1:  # NaN is not
        raise BadInputError(f"share is {asked.share:g}; give above 0, to 1", argument="share")


async def _ground(context: Context, row: CoverageRow, within: UnitRef) -> shapely.Geometry:
    """Return the land of a unit, in degrees."""
    key = (State(row.city.edition), *within)
    found = (await by_keys(context, [key], Wanted.SHAPE)).get(key)
    if found is None or found.wkb is None:
        raise UnknownError(f"there is no {within.level} {within.code!r}", argument="within")
    land: shapely.Geometry = as_geoms([found.wkb])[0]
    return land


def _name(row: CoverageRow, asked: SitingAsked, given: Candidates | None) -> tuple[object, ...]:
    """Return what a plan is made from: it is kept under that."""
    standing = row.city.facilities
    return (
        "siting",
        row.near.name,
        row.within,
        row.walk,
        row.city.day,
        (asked.count, asked.share, asked.group),
        digest(given.lonlat) if given is not None else digest(standing.row_id, standing.lonlat),
    )


def _weigh(row: SitingRow) -> int:
    return 1_000 * (1 + len(row))


async def _apart(
    context: Context,
    row: CoverageRow,
    asked: SitingAsked,
    ground: shapely.Geometry,
    given: Candidates | None,
) -> SitingRow:
    """Choose beside the event loop: one plan at a time, each takes seconds of a processor."""
    async with context.shared.turns.one("plans of sites"):
        return await asyncio.to_thread(_choose, row, asked, ground, given)


def _choose(
    row: CoverageRow, asked: SitingAsked, ground: shapely.Geometry, given: Candidates | None
) -> SitingRow:
    outside = np.flatnonzero(row.here & ~row.inside)
    candidates = given if given is not None else found_candidates(row.city, ground, outside)
    offered = offers(row.city, candidates, outside, row.walk)
    heads = row.city.homes.heads
    weight = _weight(row, asked.group)
    total = int(weight[row.here].sum())
    before = total - int(weight[outside].sum())
    plan = _plan(asked, weight[outside], offered, before, total)
    gains = np.cumsum(plan.gains).tolist()
    newcomers = [count(heads, some) for some in _newcomers(offered, plan, outside, len(weight))]
    lonlat = offered.candidates.lonlat[plan.sites].tolist()
    sites = tuple(
        SiteRow(lon, lat, int(gain), _share(before + so_far, total), new)
        for (lon, lat), gain, so_far, new in zip(lonlat, plan.gains, gains, newcomers, strict=True)
    )
    return SitingRow(
        walk=row.walk,
        edition=row.city.edition,
        day=row.city.day,
        sites=sites,
        share_before=_share(before, total),
        share_after=_share(before + plan.covered, total),
        covered=plan.covered,
        bound=plan.bound,
        least=plan.least if asked.share is not None else None,
        optimal=plan.optimal,
        candidates=len(offered.candidates.lonlat),
        reachable=len(np.unique(offered.home)),
        spacing_m=offered.candidates.spacing_m,
    )


def _weight(row: CoverageRow, group: str | None) -> NDArray[np.int64]:
    """Return what each home counts, shape (n,)."""
    heads = row.city.homes.heads
    if group is None:
        return heads.households
    people: NDArray[np.int64] = heads.group_people[heads.groups.index(group)]
    return people


def _plan(
    asked: SitingAsked, weight: NDArray[np.int64], offered: Offers, before: int, total: int
) -> Plan:
    left_s = _until(monotonic() + CHOOSING_S)
    if asked.share is None:
        number = asked.count or USUAL_COUNT
        return best_sites(weight, offered.first, offered.home, count=number, left_s=left_s)
    target = needed(asked.share, total) - before
    return fewest_sites(
        weight, offered.first, offered.home, target=target, most=MAX_FOR_SHARE, left_s=left_s
    )


def _until(end: float) -> Callable[[], float]:
    return lambda: end - monotonic()


def needed(share: float, total: int) -> int:
    """Return the least number that is at least a share of a total."""
    number = math.ceil(share * total)  # that product is rounded: perhaps one off
    while number > 0 and (number - 1) / total >= share:
        number -= 1
    return number if not total or number / total >= share else number + 1


def _newcomers(
    offered: Offers, plan: Plan, outside: NDArray[np.intp], homes: int
) -> list[NDArray[np.bool_]]:
    """Return for each site which of all homes it is the first to bring inside."""
    found = []
    left = np.zeros(homes, bool)
    left[outside] = True
    for site in plan.sites.tolist():
        reached = outside[offered.home[offered.first[site] : offered.first[site + 1]]]
        new = np.zeros(homes, bool)
        new[reached] = left[reached]
        left[reached] = False
        found.append(new)
    return found


def _share(part: int, total: int) -> float | None:
    return part / total if total else None


# --- what may be told ---------------------------------------------------------------------------


def _without_single_homes(row: SitingRow) -> SitingRow:
    """Leave out what tells of a single home that one or two people of a group live there.

    Those after such a site bring no more than it: the list ends before the first one.
    """
    kept = row.sites
    if row.reachable <= 1:
        kept = ()
    else:
        single = [n for n, site in enumerate(kept) if _tells_of_a_home(site)]
        if not single:
            return row
        kept = kept[: single[0]]
    covered = sum(site.gain for site in kept)
    return replace(
        row,
        sites=kept,
        share_after=kept[-1].cumulative_share if kept else row.share_before,
        covered=covered,
        bound=max(row.bound, covered + FEWEST - 1),
        optimal=False,
    )


def _tells_of_a_home(site: SiteRow) -> bool:
    return site.newcomers.addresses == 1 and site.gain < FEWEST
