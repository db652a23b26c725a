"""Draw levels with fewer vertices, and no cracks between neighbours or between levels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely

from geo.rings import MIN_RING, Rings, put_together, take_apart
from geo.segments import number_segments, unique_points
from geo.thinning import along_curve, thin

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geo.crs import LocalMetric

LADDER = (1, 2, 5)
"""Steps of tolerance are these, times a power of ten millimetres."""
LOWEST_STEP_MM = 100
"""Below it vertices are a few centimetres off a straight line: nothing that a map shows."""

_ROUNDS = 4
"""How often units that were stored invalid, and their neighbours, are given vertices back."""


def step_below(tolerance_m: float) -> int | None:
    """Return the highest step that is no more than a tolerance, in millimetres.

    The steps are 0.1 m, 0.2 m, 0.5 m, 1 m, 2 m, 5 m, 10 m and so on, so that maps at many scales
    share their pictures. None below the first: the units are then drawn as they are stored.
    """
    # 0.3 m are 299.99… mm in binary: a hair is forgiven
    given_mm = tolerance_m * 1000 * (1 + 1e-12)
    found, power = None, LOWEST_STEP_MM
    while power <= given_mm:
        found = max(step * power for step in LADDER if step * power <= given_mm)
        power *= 10
    return found


def simplify_together(
    geoms: NDArray[np.object_], metric: LocalMetric, tolerance_m: float
) -> NDArray[np.object_]:
    """Take vertices out of polygons, alike in all that share them.

    Parameters
    ----------
    geoms
        Valid polygons in degrees, shape (n,): the units of one level, or of several levels that
        are drawn over one another. What they share is matched vertex by vertex.
    metric
        Metres around them.
    tolerance_m
        Vertices go whose triangle with their neighbours is smaller than the square of it. 0 takes
        none out.

    Returns
    -------
    NDArray[np.object_]
        MultiPolygons in degrees, shape (n,); a polygon that loses no vertex is the one that was
        given. Every vertex is one of the input's, bit by bit; every polygon is there with each of
        its parts and holes, and valid if it was.

    Notes
    -----
    All borders together are one set of segments. A vertex where not exactly two of them meet is a
    junction and stays. Any other vertex lies within a line of borders that the same polygons share
    all along, of whatever level, so one decision about it is right for all of them: chains that
    added up to zero do so afterwards, since in each of them a-b and b-c give way to a-c.

    The decisions are Visvalingam and Whyatt's (see :func:`geo.thinning.thin`), and a vertex also
    stays where lines would meet or cross without it. That is judged in the degrees that come
    out, since a line straight in metres is bent in degrees. It keeps each valid polygon valid,
    whatever the others are like, and those that do not overlap apart.

    A polygon that is invalid (stored rows were tampered with) may come out worse. It then stays
    as it was; its neighbours get the same vertices back.

    Linear in the number of vertices but for sorting: 1 to 3 µs for each.
    """
    rings = take_apart(geoms)
    if tolerance_m <= 0 or not len(rings.xy):
        return geoms.copy()
    points, vertex = unique_points(rings.xy)
    order = along_curve(points)
    place = np.empty(len(order), np.intp)
    place[order] = np.arange(len(order))
    points, vertex = points[order], place[vertex]
    ends = number_segments(vertex, rings.start, len(points)).ends
    keep = thin(points, metric.forward(points), ends, tolerance_m**2)
    return _redraw(geoms, rings, vertex, keep)


def _redraw(
    geoms: NDArray[np.object_],
    rings: Rings,
    vertex: NDArray[np.intp],
    keep: NDArray[np.bool_],
) -> NDArray[np.object_]:
    """Return the polygons with the points that are kept."""
    ring = np.repeat(np.arange(len(rings.part)), np.diff(rings.start))
    owner = rings.unit[rings.part]
    for _ in range(_ROUNDS):
        stays = keep[vertex]
        sizes = np.bincount(ring, weights=stays, minlength=len(rings.part)).astype(np.intp)
        start = np.concatenate([[0], np.cumsum(sizes)])
        thinner = np.zeros(len(geoms), bool)
        thinner[owner[sizes < np.diff(rings.start)]] = True
        drawn = put_together(Rings(rings.xy[stays], start, rings.part, rings.unit), len(geoms))
        drawn[~thinner] = geoms[~thinner]
        wrong = thinner & ~shapely.is_valid(drawn)
        wrong[owner[sizes < MIN_RING]] |= thinner[owner[sizes < MIN_RING]]
        if not wrong.any():
            return drawn
        keep[vertex[wrong[owner[ring]]]] = True
    return geoms.copy()
