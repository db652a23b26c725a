"""How wide a piece of land is: the diameter of the largest circle inside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely

from geo.rings import edges_of
from geo.widest import FEW, widest_circles

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
    A search over squares settles compact land at once. For long and narrow land, which would need
    ever more of them, it leaves a bracket; that is halved by erosion: the polygon, shrunk by a
    circle's radius, still has a point left exactly when a circle of that radius fits in. Land of
    more than ``FEW`` edges is not eroded, since the offsets of its teeth may cross without end. It
    has a larger search instead; the width of such a strip, if it is a thousand times as long as it
    is wide, may be some percent off.
    """
    area, length = shapely.area(flat), shapely.length(flat)
    # A/P fits in land without holes; no circle has more area than the land.
    low = np.divide(area, length, out=np.zeros(len(flat)), where=length > 0)
    low[_has_holes(flat)] = 0.0
    high = np.sqrt(area / np.pi)
    edges, first = edges_of(flat)
    widest_circles(edges, first, low, high, PRECISION)
    high = np.maximum(low, high)
    simple = np.diff(first) <= FEW
    _erode(flat, low, high, np.flatnonzero(simple & (high > low * (1 + PRECISION))))
    return np.asarray(low + high) * (area > 0)


def _erode(
    flat: NDArray[np.object_],
    low: NDArray[np.float64],
    high: NDArray[np.float64],
    open_ones: NDArray[np.intp],
) -> None:
    """Halve brackets, in place, until they are as narrow as wanted."""
    low[open_ones] = np.maximum(low[open_ones], SMALLEST_M / 4)
    for _ in range(STEPS):
        open_ones = open_ones[high[open_ones] > low[open_ones] * (1 + PRECISION)]
        if not len(open_ones):
            return
        middle = np.sqrt(low[open_ones] * high[open_ones])
        fits = ~shapely.is_empty(shapely.buffer(flat[open_ones], -middle, quad_segs=4))
        low[open_ones[fits]] = middle[fits]
        high[open_ones[~fits]] = middle[~fits]


def _has_holes(flat: NDArray[np.object_]) -> NDArray[np.bool_]:
    parts, owner = shapely.get_parts(flat, return_index=True)
    holes = np.zeros(len(flat), bool)
    holes[owner[shapely.get_num_interior_rings(parts) > 0]] = True
    return holes
