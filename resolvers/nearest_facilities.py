"""The nearest service points of a place, and the way to each."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import shapely

from geo import routes, walking
from resolvers.circles import lonlat_of
from resolvers.city import city as city_of
from resolvers.city import look_up
from resolvers.nearness import EXACT_M, behind_same_walls
from resolvers.paging import check_text
from resolvers.programmes import require_kinds
from resolvers.shapes import geojson_of
from resolvers.walks import Basis, walk_used

if TYPE_CHECKING:
    import datetime as dt

    from numpy.typing import NDArray

    from geo.crs import Datum
    from geo.walking import Reach
    from resolvers.city import City, Spots
    from resolvers.context import Context
    from resolvers.places import Point
    from resolvers.walks import WalkAsked, WalkRow

FIRST_LIMIT_M = 2_000.0
"""How far is walked first to find the nearest few."""

_FARTHER = 4.0
_FAR_M = 100_000.0


class WalkedRow(NamedTuple):
    """A service point, and how far it is."""

    city: City
    walk: WalkRow
    facility: int
    """Its row."""
    number: int
    """Its number among those of the city."""
    place: Spots
    """Where the walk begins."""
    metres: float
    reached: Reach | None
    """The search from there that found it; None where one goes straight, as the crow flies or
    behind the same walls."""

    @property
    def seconds(self) -> float:
        """How long the walk takes."""
        return self.walk.seconds(self.metres)


async def nearest_facilities(
    context: Context,
    point: Point,
    *,
    kind: str | None,
    first: int,
    walk: WalkAsked | None,
    day: dt.date | None = None,
) -> list[WalkedRow]:
    """Return the service points that are the nearest to a point, nearest first.

    Parameters
    ----------
    kind
        Only of this kind.
    first
        How many at most.
    walk
        With minutes or metres, none is farther than that.

    Raises
    ------
    BadInputError, UnknownError, NoEditionError, NoNetworkError
        If point, kind or walk cannot be meant, nothing was published, or streets are asked for and
        there are none.
    """
    lonlat = lonlat_of(point)
    await look_up(context, day)
    used = await walk_used(context, walk)
    if kind is not None:
        check_text("kind", kind)
        await require_kinds(context, [kind], argument="kind")
    edition = (await context.edition(day)).number
    city = await city_of(context, edition, day or context.today)
    chosen = np.arange(len(city.facilities.key)) if kind is None else city.of_kinds([kind])
    bounded = walk is not None and (walk.minutes is not None or walk.metres is not None)
    limit_m = used.metres if bounded else np.inf
    place = city.spots(lonlat)
    return await asyncio.to_thread(
        _nearest, city, place, chosen, used, limit_m=limit_m, first=first
    )


def _nearest(
    city: City,
    place: Spots,
    chosen: NDArray[np.intp],
    walk: WalkRow,
    *,
    limit_m: float,
    first: int,
) -> list[WalkedRow]:
    stands = city.stands.some(chosen)
    straight_m = np.hypot(*(stands.xy - place.xy[0]).T)
    reached: Reach | None = None
    if walk.basis is Basis.RADIUS:
        metres, straight = straight_m, np.ones(len(chosen), bool)
    else:
        reached, streets_m = _walks(city, place, stands, limit_m + EXACT_M, first)
        nobody = np.full(len(chosen), -1, np.int32)
        metres, start = behind_same_walls(place, stands, streets_m, nobody)
        straight = start >= 0
    order = np.argsort(metres, kind="stable")  # of several the first key
    near = order[np.isfinite(metres[order]) & (metres[order] <= limit_m + EXACT_M)]
    return [
        WalkedRow(
            city,
            walk,
            int(city.facilities.row_id[chosen[n]]),
            int(chosen[n]),
            place,
            float(metres[n]),
            None if straight[n] else reached,
        )
        for n in near[:first].tolist()
    ]


def _walks(
    city: City, place: Spots, stands: Spots, limit_m: float, first: int
) -> tuple[Reach | None, NDArray[np.float64]]:
    """Return walks along streets, ever farther, until so many are found; infinite beyond."""
    if place.entries is None or stands.entries is None or not len(place.entries.edge):
        return None, np.full(len(stands), np.inf)
    network, tried_m = city.network(), min(FIRST_LIMIT_M, limit_m)
    while True:
        reached = walking.reach(network, place.entries, limit_m=tried_m)
        metres = walking.distances(network, reached, stands.entries)
        if tried_m >= limit_m or np.isfinite(metres).sum() >= min(first, len(stands)):
            return reached, metres
        tried_m = min(tried_m * _FARTHER, limit_m) if tried_m < _FAR_M else limit_m


async def route_text(row: WalkedRow, datum: Datum) -> str:
    """Return the GeoJSON of the way from the point to the service point."""
    return await asyncio.to_thread(_route_text, row, datum)


def _route_text(row: WalkedRow, datum: Datum) -> str:
    line = shapely.LineString(row.city.plane.inverse(_route(row)))
    return geojson_of(np.array([line], dtype=object), datum)[0]


def _route(row: WalkedRow) -> NDArray[np.float64]:
    """Return the way in metres of the city's plane, shape (v, 2)."""
    city, place = row.city, row.place
    there = city.stands.some(np.array([row.number]))
    if row.reached is None or there.entries is None:
        return np.concatenate([place.xy, there.xy])
    return routes.route_back(
        city.network(),
        row.reached,
        there.entries,
        start_xy=place.xy[0],
        point_xy=there.xy[0],
    ).xy[::-1]
