"""Degrees and plane metres of the generated city, by one straight rule for each coordinate.

The plane is no map projection: both coordinates are stretched by constants, so that a straight
edge in degrees is straight in metres, and the same level can be given to engines that want the
one or the other. Rounding to 1e-9 degrees moves a vertex by at most 0.06 mm.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import shapely

from geo.crs import round9

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

LON_DEG, LAT_DEG = 110.29, 25.27
"""Middle of the city: the hills around Guilin."""

EASTING_M, NORTHING_M = 500_000.0, 2_800_000.0
"""Where the middle lies in the plane; numbers of the size that a Chinese CRS has."""

_EARTH_RADIUS_M = 6_371_008.8  # the mean radius of GRS 80
_NORTH_M = _EARTH_RADIUS_M * math.pi / 180
_SCALE = np.array([_NORTH_M * math.cos(math.radians(LAT_DEG)), _NORTH_M])  # metres a degree
_MIDDLE = np.array([LON_DEG, LAT_DEG])
_ORIGIN_M = np.array([EASTING_M, NORTHING_M])


def to_degrees(metres: ArrayLike) -> NDArray[np.float64]:
    """Return degrees, rounded to 1e-9, of plane metres; both of shape (..., 2)."""
    return round9((np.asarray(metres, np.float64) - _ORIGIN_M) / _SCALE + _MIDDLE)


def to_metres(degrees: ArrayLike) -> NDArray[np.float64]:
    """Return plane metres of degrees; both of shape (..., 2)."""
    return np.asarray((np.asarray(degrees, np.float64) - _MIDDLE) * _SCALE + _ORIGIN_M)


def in_metres(geoms: NDArray[np.object_]) -> NDArray[np.object_]:
    """Return geometries in plane metres, shape (n,)."""
    return np.asarray(shapely.transform(geoms, to_metres))


def in_degrees(geoms: NDArray[np.object_]) -> NDArray[np.object_]:
    """Return geometries in degrees, rounded to 1e-9, shape (n,)."""
    return np.asarray(shapely.transform(geoms, to_degrees))
