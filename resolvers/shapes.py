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
    if not (-180 <= west <= 180 and -180 <= east <= 180 and -90 <= south <= north <= 90):
        raise BadInputError(
            f"bbox {list(bbox)} is no box: longitudes lie in -180..180, latitudes in -90..90, "
            "south is not above north",
            argument="bbox",
        )
    spans = [(west, east)] if west <= east else [(west, 180.0), (-180.0, east)]
    boxes = shapely.box([w for w, _ in spans], south, [e for _, e in spans], north)
    if datum is not Datum.WGS84:
        side = max(max(e - w for w, e in spans), north - south)
        if side > 0:
            boxes = shapely.segmentize(boxes, side / _STEPS)
        boxes = shapely.transform(boxes, lambda xy: convert(xy, datum, Datum.WGS84))
    return tuple(shapely.to_wkt(boxes, rounding_precision=-1).tolist())


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
