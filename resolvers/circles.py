"""One circle: what can be walked to from a point or a service point, and who lives there."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import shapely

from geo import isochrone, walking
from geo.crs import Datum, convert, round9
from geo.errors import BadInputError
from geo.headcount import Count, count
from geo.snapping import MAX_REACH_M
from resolvers.circle_pictures import cell_for, cells_of, picture_around, picture_of
from resolvers.city import city as city_of
from resolvers.city import look_up
from resolvers.nearness import EXACT_M, behind_same_walls
from resolvers.shapes import MAX_LAT, MAX_LON
from resolvers.walks import Basis, walk_used

if TYPE_CHECKING:
    import datetime as dt

    from numpy.typing import NDArray

    from resolvers.city import City, Spots
    from resolvers.context import Context
    from resolvers.places import Point
    from resolvers.walks import WalkAsked, WalkRow


THINGS_A_KM2 = 10
"""Things that a square kilometre around a place counts for in a picture: one of 20 km takes half a
second."""


@dataclass(frozen=True, eq=False)
class CircleRow:
    """What can be walked to from one place.

    Attributes
    ----------
    connected
        Whether the place is on a street; always as the crow flies.
    picture
        In metres of the city's plane; None when it is not connected, or was not asked for.
    reached_m
        Length of the streets that are reached; 0 as the crow flies.
    tally
        Who lives within the walk.
    """

    city: City
    walk: WalkRow
    connected: bool
    picture: shapely.Geometry | None
    reached_m: float
    tally: Count

    @property
    def area_m2(self) -> float:
        """Land of the picture."""
        return float(shapely.area(self.picture)) if self.picture is not None else 0.0

    @property
    def disc_share(self) -> float:
        """Land of the picture over that of a plain disc."""
        return self.area_m2 / (math.pi * self.walk.metres**2)

    @property
    def remark(self) -> str | None:
        """Why it is not connected; None when it is."""
        if self.connected:
            return None
        return f"no street lies within {MAX_REACH_M:g} m of the point or of its compound's gates"


async def circle_at(
    context: Context,
    point: Point,
    walk: WalkAsked | None,
    *,
    day: dt.date | None = None,
    drawn: bool = True,
) -> CircleRow:
    """Return what can be walked to from a point.

    Parameters
    ----------
    drawn
        Whether the picture is wanted.

    Raises
    ------
    BadInputError, NoEditionError, NoNetworkError
        If point or walk cannot be meant, nothing was published, or streets are asked for and there
        are none.
    """
    lonlat = lonlat_of(point)
    await look_up(context, day)
    used = await walk_used(context, walk)
    edition = (await context.edition(day)).number
    city = await city_of(context, edition, day or context.today)
    return await _circle(context, city, city.spots(lonlat), used, drawn=drawn)


async def circle_of_facility(
    context: Context,
    row_id: int,
    lonlat: tuple[float, float],
    walk: WalkAsked | None,
    *,
    day: dt.date | None = None,
    drawn: bool = True,
) -> CircleRow:
    """Return what can be walked to from a service point.

    Parameters
    ----------
    row_id, lonlat
        Number of its row, and where it is; a state that is over on that day is walked from, too.
    """
    await look_up(context, day)
    used = await walk_used(context, walk)
    edition = (await context.edition(day)).number
    city = await city_of(context, edition, day or context.today)
    number = np.flatnonzero(city.facilities.row_id == row_id)
    place = city.stands.some(number) if len(number) else city.spots(np.array([lonlat]))
    return await _circle(context, city, place, used, drawn=drawn)


def lonlat_of(point: Point, *, argument: str = "point") -> NDArray[np.float64]:
    """Return a point in degrees of WGS 84, shape (1, 2).

    Raises
    ------
    BadInputError
        If it is not on the Earth.
    """
    if not (abs(point.lon) <= MAX_LON and abs(point.lat) <= MAX_LAT):  # NaN is neither
        raise BadInputError(
            f"{argument} is {point.lon}, {point.lat}: longitudes lie in -180..180, latitudes in "
            "-90..90",
            argument=argument,
        )
    return round9(convert(np.array([[point.lon, point.lat]]), point.datum, Datum.WGS84))


async def _circle(
    context: Context, city: City, place: Spots, walk: WalkRow, *, drawn: bool
) -> CircleRow:
    if walk.basis is Basis.RADIUS:
        picture = None
        if drawn:
            picture = await picture_around(context, city, place, walk.metres, walk.basis)
        return await asyncio.to_thread(_by_air, city, place, walk, picture)
    if place.entries is None or not len(place.entries.edge):
        return await asyncio.to_thread(_on_no_street, city, place, walk)
    if drawn:
        context.spend(round(THINGS_A_KM2 * (walk.metres / 1000) ** 2))
    cells = await cells_of(context, city, cell_for(walk.metres))

    def work() -> CircleRow:
        if place.entries is None or city.lives.entries is None:
            raise ValueError("a city without streets has no walks along them")
        network = city.network()
        reached = walking.reach(network, place.entries, limit_m=walk.metres + EXACT_M)
        walks_m = walking.distances(network, reached, city.lives.entries)
        nobody = np.full(len(walks_m), -1, np.int32)
        distance_m, _ = behind_same_walls(place, city.lives, walks_m, nobody)
        picture = picture_of(cells, city, reached) if drawn else None
        parts = isochrone.reached_parts(cells, network, reached)
        reached_m = float((parts.end_m - parts.begin_m).sum())
        return _told(city, walk, picture, reached_m, distance_m)

    return await asyncio.to_thread(work)


def _by_air(city: City, place: Spots, walk: WalkRow, picture: shapely.Geometry | None) -> CircleRow:
    distance_m = np.hypot(*(city.lives.xy - place.xy[0]).T)
    return _told(city, walk, picture, 0.0, distance_m)


def _on_no_street(city: City, place: Spots, walk: WalkRow) -> CircleRow:
    """Return the circle of a place from which one only gets to those behind the same walls."""
    nowhere = np.full(len(city.homes), np.inf)
    nobody = np.full(len(nowhere), -1, np.int32)
    alone, _ = behind_same_walls(place, city.lives, nowhere, nobody)
    return _told(city, walk, None, 0.0, alone, connected=False)


def _told(
    city: City,
    walk: WalkRow,
    picture: shapely.Geometry | None,
    reached_m: float,
    distance_m: NDArray[np.float64],
    *,
    connected: bool = True,
) -> CircleRow:
    tally = count(city.homes.heads, distance_m <= walk.metres + EXACT_M)
    return CircleRow(city, walk, connected, picture, reached_m, tally)
