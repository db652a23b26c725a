"""WGS 84, GCJ-02 and BD-09: the shifts of Chinese maps, there and back."""

from __future__ import annotations

import math
from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


class Datum(StrEnum):
    """What a file's degrees refer to: WGS 84 (CGCS2000 alike) or a shifted Chinese map."""

    WGS84 = "WGS84"
    GCJ02 = "GCJ02"
    BD09 = "BD09"


def is_shifted(lonlat: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which places GCJ-02 shifts, shape (n,); degrees of WGS 84, shape (n, 2)."""
    return _in_china(lonlat)[:, 0]


def convert(lonlat: ArrayLike, source: Datum, target: Datum) -> NDArray[np.float64]:
    """Convert degrees between WGS 84, GCJ-02 and BD-09.

    Parameters
    ----------
    lonlat
        Shape (n, 2).
    source, target
        The datum of ``lonlat``, and the one that is wanted.

    Returns
    -------
    ndarray
        Shape (n, 2). Points outside the rectangle that is shifted stay where they are.

    Notes
    -----
    The forward formulas are the published closed ones; the inverses find the point that the
    formula maps onto the given one by fixed-point iteration, exact within 1e-9 degrees (0.1 mm;
    a centimetre is asked for). Both directions judge the rectangle by the point in WGS 84, so that
    every point of it comes back. Beyond its eastern edge some hundred metres are taken twice: by
    what lies there and by what is shifted to there, and the latter is meant.
    """
    degrees = np.array(lonlat, dtype=np.float64).reshape(-1, 2)
    if source is target:
        return degrees
    if source is not Datum.WGS84:
        degrees = _unshifted(degrees, _FORMULAS[source])
    if target is not Datum.WGS84:
        degrees = np.where(_in_china(degrees), _FORMULAS[target](degrees), degrees)
    return degrees


_A_M = 6378245.0
"""Semi-major axis of Krasovsky's ellipsoid, on which GCJ-02 is defined."""

_E2 = 0.00669342162296594323
"""Its eccentricity squared."""

_CHINA = (72.004, 0.8293, 137.8347, 55.8271)
"""West, south, east, north of the rectangle that GCJ-02 shifts, as published."""

_BD_TURN = math.pi * 3000.0 / 180.0
_BD_OFFSET = (0.0065, 0.006)

_MAX_STEPS = 40
_STEP_DEG = 1e-12
_EDGE_DEG = 1e-9
"""A point on the very edge of the rectangle comes back a hair beside it."""


def _in_china(lonlat: NDArray[np.float64], slack: float = 0.0) -> NDArray[np.bool_]:
    """Return which points GCJ-02 shifts, shape (n, 1)."""
    lon, lat = lonlat[:, :1], lonlat[:, 1:]
    west, south, east, north = np.add(_CHINA, (-slack, -slack, slack, slack))
    return np.asarray((lon >= west) & (lon <= east) & (lat >= south) & (lat <= north))


def _gcj02(lonlat: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return GCJ-02 degrees of WGS 84 degrees, wherever they are, shape (n, 2)."""
    x, y = lonlat[:, 0] - 105.0, lonlat[:, 1] - 35.0
    ripple = 20.0 * np.sin(6.0 * math.pi * x) + 20.0 * np.sin(2.0 * math.pi * x)
    north = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * np.sqrt(np.abs(x))
    north += (ripple + 20.0 * np.sin(math.pi * y) + 40.0 * np.sin(math.pi * y / 3.0)) * 2.0 / 3.0
    north += (160.0 * np.sin(math.pi * y / 12.0) + 320.0 * np.sin(math.pi * y / 30.0)) * 2.0 / 3.0
    east = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * np.sqrt(np.abs(x))
    east += (ripple + 20.0 * np.sin(math.pi * x) + 40.0 * np.sin(math.pi * x / 3.0)) * 2.0 / 3.0
    east += (150.0 * np.sin(math.pi * x / 12.0) + 300.0 * np.sin(math.pi * x / 30.0)) * 2.0 / 3.0
    lat = np.radians(lonlat[:, 1])
    flat = 1.0 - _E2 * np.sin(lat) ** 2
    meridian_m = _A_M * (1.0 - _E2) / (flat * np.sqrt(flat))
    parallel_m = _A_M / np.sqrt(flat) * np.cos(lat)
    return lonlat + np.degrees(np.column_stack([east / parallel_m, north / meridian_m]))


def _bd09(lonlat: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return BD-09 degrees of WGS 84 degrees, wherever they are, shape (n, 2)."""
    x, y = _gcj02(lonlat).T
    radius = np.hypot(x, y) + 0.00002 * np.sin(y * _BD_TURN)
    angle = np.arctan2(y, x) + 0.000003 * np.cos(x * _BD_TURN)
    return np.column_stack([radius * np.cos(angle), radius * np.sin(angle)]) + _BD_OFFSET


_FORMULAS: dict[Datum, Callable[[NDArray[np.float64]], NDArray[np.float64]]] = {
    Datum.GCJ02: _gcj02,
    Datum.BD09: _bd09,
}


def _unshifted(
    shifted: NDArray[np.float64], formula: Callable[[NDArray[np.float64]], NDArray[np.float64]]
) -> NDArray[np.float64]:
    """Return the points that a formula maps onto the given ones, shape (n, 2).

    The formulas shift neighbouring points nearly alike (they differ by under 3 %), so each step
    leaves at most that share of the error.
    """
    guess = shifted.copy()
    for _ in range(_MAX_STEPS):
        miss = shifted - formula(guess)
        guess += miss
        if not np.any(np.abs(miss) > _STEP_DEG):  # not finite counts as done: it stays so
            break
    return np.where(_in_china(guess, _EDGE_DEG), guess, shifted)
