"""Draw a level with fewer vertices and no cracks between neighbours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geo.crs import LocalMetric


def simplify_level(
    geoms: NDArray[np.object_], metric: LocalMetric, tolerance_m: float, *, tiling: bool
) -> NDArray[np.object_]:
    """Take vertices out of all units of a level at once.

    Parameters
    ----------
    geoms
        Valid polygons in degrees, shape (n,); of a tiling level, matched vertex by vertex.
    metric
        Metres around the level.
    tolerance_m
        How coarse: see Notes. 0 takes out vertices on straight lines only.
    tiling
        Whether the units share borders. The border of two units then comes out the same for
        both, and so does a corner where three meet.

    Returns
    -------
    NDArray[np.object_]
        Shape (n,), in degrees. Every vertex is one of the input's, bit by bit; every unit and
        every part and hole of it is there.

    Notes
    -----
    A tiling level goes through Visvalingam and Whyatt's method on its shared edges
    (``shapely.coverage_simplify``): vertices go whose triangle with their neighbours is smaller
    than the square of the tolerance, smallest first, but never so that edges would cross. The
    units of another level are taken one by one by Douglas and Peucker's method: a line moves by
    no more than the tolerance, and the rings of one unit do not cross. Where the input is no
    coverage (stored rows were tampered with) a unit that would come out invalid stays as it was.

    The projection is computed once for each place, and vertices are only taken out: so the way
    back is a look-up, and neighbours agree to the last bit.
    """
    degrees = shapely.get_coordinates(geoms)
    if not len(degrees):
        return geoms.copy()
    places, which = np.unique(_as_complex(degrees), return_inverse=True)
    flat = metric.forward(_as_pairs(places))
    plane = shapely.set_coordinates(geoms.copy(), flat[which])
    if tiling:
        drawn = shapely.coverage_simplify(plane, tolerance_m)
    else:
        drawn = shapely.simplify(plane, tolerance_m, preserve_topology=True)
    order = np.argsort(_as_complex(flat), kind="stable")
    kept = _as_complex(shapely.get_coordinates(drawn))
    found = order[np.searchsorted(_as_complex(flat), kept, sorter=order)]
    back = shapely.set_coordinates(drawn.copy(), _as_pairs(places)[found])
    bad = ~shapely.is_valid(back) | shapely.is_empty(back)
    back[bad] = geoms[bad]
    return np.asarray(back, dtype=object)


def _as_complex(pairs: NDArray[np.float64]) -> NDArray[np.complex128]:
    """Return pairs of shape (n, 2) as numbers of shape (n,), which sort and compare whole."""
    return (np.ascontiguousarray(pairs) + 0.0).view(np.complex128).ravel()


def _as_pairs(numbers: NDArray[np.complex128]) -> NDArray[np.float64]:
    return numbers.view(np.float64).reshape(-1, 2)
