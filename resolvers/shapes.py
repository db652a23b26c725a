"""Geometry on its way in and out of a question: boxes, datums and GeoJSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely

from geo.crs import Datum, convert, round9
from geo.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

DIGITS = 7
"""Decimals of the degrees of a picture: 1 cm."""

MAX_LON, MAX_LAT = 180.0, 90.0

_STEPS = 16
"""Pieces of a box's side where a datum bends it."""


def areas_of_box(bbox: Sequence[float], datum: Datum) -> tuple[str, ...]:
    """Return the WKT polygons, in WGS 84, of a box: two where it crosses the antimeridian.

    Parameters
    ----------
    bbox
        West, south, east, north in degrees of ``datum``; west > east crosses the antimeridian.

    Raises
    ------
    BadInputError
        If it is no box on the Earth.
    """
    if len(bbox) != 4:  # noqa: PLR2004 - the sides
        raise BadInputError(
            f"bbox has {len(bbox)} numbers; give west, south, east, north", argument="bbox"
        )
    west, south, east, north = bbox
    lons, lats = np.array([west, east]), np.array([south, north])
    if np.any(np.abs(lons) > MAX_LON) or np.any(np.abs(lats) > MAX_LAT) or south > north:
        raise BadInputError(
            f"bbox {list(bbox)} is no box: longitudes lie in -180..180, latitudes in -90..90, "
            "south is not above north",
            argument="bbox",
        )
    spans = [(west, east)] if west <= east else [(west, MAX_LON), (-MAX_LON, east)]
    return tuple(_area(west, south, east, north, datum) for west, east in spans)


def _area(west: float, south: float, east: float, north: float, datum: Datum) -> str:
    area: shapely.Geometry = shapely.box(west, south, east, north)
    if west == east or south == north:  # no polygon: a line or a point can be touched, too
        corners = [(west, south), (east, north)]
        area = (
            shapely.LineString(corners) if corners[0] != corners[1] else shapely.Point(*corners[0])
        )
    if datum is not Datum.WGS84:
        side = max(east - west, north - south)
        area = shapely.segmentize(area, side / _STEPS) if side > 0 else area
        area = shapely.transform(area, lambda xy: convert(xy, datum, Datum.WGS84))
    return shapely.to_wkt(area, rounding_precision=-1)


def to_datum(geoms: NDArray[np.object_], datum: Datum) -> NDArray[np.object_]:
    """Return geometries in degrees of another datum, shape (n,)."""
    if datum is Datum.WGS84:
        return geoms
    moved = shapely.transform(geoms, lambda xy: convert(xy, Datum.WGS84, datum))
    return np.asarray(moved, dtype=object)


def geojson_of(geoms: NDArray[np.object_], datum: Datum) -> list[str]:
    """Return GeoJSON texts: 7 decimals, exterior rings counter-clockwise."""
    outward = shapely.orient_polygons(to_datum(geoms, datum))
    rounded = shapely.transform(outward, lambda xy: np.round(xy, DIGITS) + 0.0)
    return [str(one) for one in shapely.to_geojson(rounded)]


def geojson_of_wkb(wkb: bytes, datum: Datum) -> str:
    """Return the GeoJSON text of one geometry."""
    return geojson_of(np.array([shapely.from_wkb(wkb)], dtype=object), datum)[0]


def bounds_of_wkb(wkb: bytes, datum: Datum) -> list[float]:
    """Return west, south, east, north of one geometry in degrees of a datum."""
    moved = to_datum(np.array([shapely.from_wkb(wkb)], dtype=object), datum)
    return [float(side) for side in round9(shapely.bounds(moved)[0])]


def point_geojson(lonlat: Sequence[float], datum: Datum) -> str:
    """Return the GeoJSON text of a point given in WGS 84."""
    spot = shapely.points(np.asarray(lonlat, dtype=np.float64))
    return geojson_of(np.array([spot], dtype=object), datum)[0]
