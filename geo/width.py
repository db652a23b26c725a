"""How wide a piece of land is: the diameter of the largest circle inside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely

if TYPE_CHECKING:
    from numpy.typing import NDArray

PRECISION = 0.005
"""Relative precision of a width."""

STEPS = 24
"""Halvings of the bracket at most; most polygons need ten."""

SMALLEST_M = 1e-6
"""Land narrower than this has no width."""


def inscribed_width(flat: NDArray[np.object_]) -> NDArray[np.float64]:
    """Return the diameter of the largest inscribed circle of each polygon, in its own unit.

    Parameters
    ----------
    flat
        Polygons or multipolygons in metres, shape (n,).

    Returns
    -------
    NDArray[np.float64]
        Shape (n,); 0 for an empty or degenerate polygon.

    Notes
    -----
    Bisection on erosion: the polygon, shrunk by a circle's radius, still has a point left exactly
    when a circle of that radius fits in. It starts between A/P, which fits in land without holes,
    and the radius of a disc of the same area. Unlike a search over a grid of cells, it does not
    slow down on long and narrow slivers.
    """
    area, length = shapely.area(flat), shapely.length(flat)
    low = np.divide(area, length, out=np.zeros(len(flat)), where=length > 0)
    high = np.sqrt(area / np.pi)
    _lower_until_it_fits(flat, low)
    for _ in range(STEPS):
        open_ones = np.flatnonzero(high - low > PRECISION * low)
        if not len(open_ones):
            break
        middle = np.sqrt(low[open_ones] * high[open_ones])
        fits = ~shapely.is_empty(shapely.buffer(flat[open_ones], -middle, quad_segs=4))
        low[open_ones[fits]] = middle[fits]
        high[open_ones[~fits]] = middle[~fits]
    return np.asarray(low + high) * (area > 0)


def _lower_until_it_fits(flat: NDArray[np.object_], low: NDArray[np.float64]) -> None:
    """Halve the lower bounds, in place, that holes have made too large."""
    doubtful = np.flatnonzero(_has_holes(flat))
    while len(doubtful):
        eroded = shapely.buffer(flat[doubtful], -low[doubtful], quad_segs=4)
        doubtful = doubtful[shapely.is_empty(eroded) & (low[doubtful] > 0)]
        low[doubtful] /= 2
        low[doubtful[low[doubtful] < SMALLEST_M]] = 0.0


def _has_holes(flat: NDArray[np.object_]) -> NDArray[np.bool_]:
    parts, owner = shapely.get_parts(flat, return_index=True)
    holes = np.zeros(len(flat), bool)
    holes[owner[shapely.get_num_interior_rings(parts) > 0]] = True
    return holes
