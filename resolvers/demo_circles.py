"""What the demo plays of the circles: who can walk to a station, and where the next should go."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from resolvers.circle_report import circle_report
from resolvers.facility_lists import load_facilities
from resolvers.programmes import load_programmes
from resolvers.siting_report import siting_report
from resolvers.streets import join_files, load_streets
from resolvers.walks import Basis

if TYPE_CHECKING:
    import datetime as dt

    from sqlalchemy.ext.asyncio import AsyncEngine

    from resolvers.circle_report import CircleReport
    from resolvers.context import Context
    from resolvers.facility_lists import LoadedFacilities
    from resolvers.siting_report import SitingReport
    from resolvers.streets import LoadedStreets
    from sources.facilities import FacilityFile
    from sources.programmes import ProgrammeFile
    from sources.streets import StreetFile

STATION = "station"
"""The kind of facility that everyone should be able to walk to."""
WORST, NEXT = 3, 5
"""How many grids with the lowest shares, and how many next sites are shown."""


class Services(NamedTuple):
    """The files of what is walked, and to what, read."""

    streets: StreetFile
    facilities: FacilityFile
    programmes: ProgrammeFile


class LoadedServices(NamedTuple):
    """What of them was loaded."""

    streets: LoadedStreets
    nodes: int
    edges: int
    facilities: LoadedFacilities


class Circles(NamedTuple):
    """Who can walk to a station, and where the next ones should go."""

    report: CircleReport
    sites: SitingReport

    @property
    def right(self) -> bool:
        """True when streets were walked, and more sites help."""
        coverage, plan = self.report.coverage, self.sites.plan
        walked = coverage.walk.basis is Basis.NETWORK and coverage.counted_inside.households > 0
        return walked and plan.covered > 0


async def load_services(
    engine: AsyncEngine, services: Services, *, today: dt.date, by: str
) -> LoadedServices:
    """Load streets, service points and programmes.

    Parameters
    ----------
    engine
        Of a database with levels.
    today
        The day from which the service points stand, where the file says no later one.
    by
        Who loads them.
    """
    built = join_files([services.streets])
    streets = await load_streets(
        engine, built, source={"files": [services.streets.file]}, loaded_by=by
    )
    facilities = await load_facilities(engine, services.facilities, changed_by=by, day=today)
    await load_programmes(engine, services.programmes, day=today)
    return LoadedServices(streets, len(built.streets.node_xy), len(built.streets), facilities)


async def walk(context: Context) -> Circles:
    """Find who can walk to a station in the usual time, and the sites that help most."""
    report = await circle_report(context, [STATION], first=WORST)
    return Circles(report, await siting_report(context, [STATION], count=NEXT))
