"""Sites for the command line: where the next service points should go, with names for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from geo.errors import BadInputError
from resolvers.circle_report import find_unit
from resolvers.city import homes_of
from resolvers.context import State
from resolvers.siting import SitingAsked, siting
from resolvers.siting_units import unit_codes
from resolvers.units import UnitRef, by_keys
from storage.units import Wanted

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from resolvers.context import Context
    from resolvers.siting import SiteRow, SitingRow
    from resolvers.walks import WalkAsked


class NamedSite(NamedTuple):
    """A site, and the unit that it is in."""

    row: SiteRow
    code: str | None
    name: str


class SitingReport(NamedTuple):
    """Where the next service points should go."""

    plan: SitingRow
    level: str
    """Of the units."""
    sites: list[NamedSite]


async def siting_report(
    context: Context,
    kinds: Sequence[str],
    *,
    count: int,
    within: str | None = None,
    walk: WalkAsked | None = None,
    by: str | None = None,
    group: str | None = None,
    day: dt.date | None = None,
) -> SitingReport:
    """Return the next sites for some kinds, with the units that they are in.

    Parameters
    ----------
    count
        How many sites.
    within
        ``LEVEL:CODE``, or a code that one unit alone has; without it the topmost unit.
    by
        Level of the units that are named; the lowest tiling one without it.

    Raises
    ------
    UnknownError, BadInputError, NoEditionError, NoNetworkError
        See :func:`resolvers.siting.siting`; and if ``within`` names no unit or several, or there
        are several topmost ones.
    """
    ref = await find_unit(context, within, day) if within is not None else await _top(context, day)
    asked = SitingAsked(kinds=kinds, within=ref, walk=walk, count=count, group=group, day=day)
    plan = await siting(context, asked)
    level = by or (await context.tree()).branch(None)[0]
    codes = await unit_codes(context, plan, level)
    state = State(plan.edition)
    keys = [(state, level, code) for code in codes if code is not None]
    names = await by_keys(context, keys, Wanted.NOTHING) if keys else {}
    sites = []
    for row, code in zip(plan.sites, codes, strict=True):
        unit = names.get((state, level, code)) if code is not None else None
        sites.append(NamedSite(row, code, unit.name if unit is not None else ""))
    return SitingReport(plan, level, sites)


async def _top(context: Context, day: dt.date | None) -> UnitRef:
    """Return the one topmost unit."""
    homes = await homes_of(context, (await context.edition(day)).number)
    top = next(spec.key for spec in (await context.tree()).specs if spec.key in homes.levels)
    codes = homes.levels[top].codes
    if len(codes) > 1:
        raise BadInputError(
            f"there are {len(codes)} units of the level {top}; say in which one sites may be",
            argument="within",
            options=[f"{top}:{code}" for code in codes[:10]],
        )
    return UnitRef(top, codes[0])
