"""In which units the sites of a plan are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resolvers.places import Point, Points, places_at

if TYPE_CHECKING:
    from resolvers.context import Context
    from resolvers.siting import SitingRow


async def unit_codes(context: Context, plan: SitingRow, level: str) -> list[str | None]:
    """Return the code of the unit of a level that each site is in, asked for once for all sites.

    Raises
    ------
    UnknownError
        If there is no such level.
    """

    async def find() -> list[str | None]:
        points = [Point(site.lon, site.lat) for site in plan.sites]
        found = await places_at(context, Points.of(points), level=level, as_of=plan.day)
        return [place.code for place in found]

    return await context.once(("site units", id(plan), level), find)
