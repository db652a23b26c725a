"""Service points in the town of :mod:`tests.graphql.world`; places are lattice points.

::

    y=2 +-----------+-----------+-----------------------+
        | n  C2     |           | C3                    |
    y=1 +-----x-----+-----------+-----------------------+   r at (5, 1): outside
        | s  C1     | [P2 g]    | e                     |
    y=0 +-----------+-----------+-----------------------+
       x=0          1           2                       4

``x`` lies at (0.5, 1) on the border of C1 and C2; ``g`` is a gate of P2 and lies on its wall.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from resolvers.facility_lists import load_facilities
from tests.facility_files import Point, listed
from tests.graphql.world import P2, lonlat

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

DAY = dt.date(2026, 1, 1)

PLACES = {
    "s": (0.5, 0.5),
    "n": (0.5, 1.5),
    "e": (2.5, 0.5),
    "x": (0.5, 1.0),
    "g": (1.2, 0.5),
    "r": (5.0, 1.0),
}

POINTS = (
    Point("s", name="柳树驿站", area_m2=60.0, rooms=("Meeting",), hours="Mo-Fr 09:00-17:00"),
    Point("n", name="石桥驿站", area_m2=59.9, rooms=("reading",), hours="24/7"),
    Point("e", name="东门中心", kind="community_centre", hours="whenever"),
    Point("x", name="界上诊所", kind="clinic", hours="Sa,Su 10:00-16:00"),
    Point("g", kind="gate", compound=P2, hours="Mo-Su 22:00-06:00"),
    Point("r", name="河心", kind="clinic", properties={"phone": "12", "n": 1}),
)


def placed(point: Point, x: float, y: float) -> Point:
    """Return a service point at a lattice point."""
    lon, lat = lonlat(x, y)
    return point._replace(lon=lon, lat=lat)


async def load(engine: AsyncEngine, *points: Point, day: dt.date = DAY) -> None:
    """Load service points as they are from a day on."""
    await load_facilities(engine, listed(*points), changed_by="test", day=day)


async def load_all(engine: AsyncEngine) -> None:
    """Load the service points drawn above."""
    await load(engine, *(placed(point, *PLACES[point.key]) for point in POINTS))
