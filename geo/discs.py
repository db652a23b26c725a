"""How far it is as the crow flies, for ground without a street network.

The same questions as of :mod:`geo.walking` and :mod:`geo.isochrone`, answered by straight lines.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely

from geo.walking import Nearest, Within

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.spatial import cKDTree

__all__ = ["disc", "nearest_by_air", "union_of_discs", "within_by_air"]

CORNERS = 32
"""Corners of a quarter of a disc: it lacks 0.04 % of a circle's land, and at most 0.3 m in 1 km."""


def disc(xy: NDArray[np.float64], metres: float) -> shapely.Polygon:
    """Return the land within some metres of a point of shape (2,); empty for none.

    Notes
    -----
    A polygon of 128 corners on the circle, at the same angles for every radius: a smaller disc
    lies in a larger one.
    """
    return shapely.buffer(shapely.Point(xy), metres, quad_segs=CORNERS)


def union_of_discs(xy: NDArray[np.float64], metres: float) -> shapely.MultiPolygon:
    """Return the land within some metres of any of k points, shape (k, 2); empty for none."""
    discs = shapely.buffer(shapely.points(xy), metres, quad_segs=CORNERS)
    land = shapely.union_all(discs)
    return shapely.MultiPolygon([part for part in shapely.get_parts(land) if part.area > 0])


def nearest_by_air(
    starts: NDArray[np.float64], points: NDArray[np.float64], *, limit_m: float = np.inf
) -> Nearest:
    """Find each point's nearest start; of several at the same distance the first.

    Parameters
    ----------
    starts, points
        Places in metres, shapes (s, 2) and (k, 2).
    limit_m
        Points farther from every start have none.
    """
    if not len(starts) or not len(points):
        return Nearest(np.full(len(points), np.inf), np.full(len(points), -1, np.int32))
    once, first = np.unique(starts, axis=0, return_index=True)
    tree = _tree_of(once)
    far_m, which = _nearest(tree, points, first)
    known = far_m <= limit_m
    start = np.where(known, which, -1).astype(np.int32)
    return Nearest(np.where(known, far_m, np.inf), start)


def within_by_air(
    starts: NDArray[np.float64], points: NDArray[np.float64], *, limit_m: float
) -> Within:
    """Find the points within ``limit_m`` metres of each start; each start's points ascend.

    Parameters
    ----------
    starts, points
        Places in metres, shapes (s, 2) and (k, 2).
    limit_m
        How far, metres; finite.
    """
    if not len(starts) or not len(points):
        nothing = np.zeros(0)
        return Within(np.zeros(len(starts) + 1, np.int64), nothing.astype(np.int32), nothing)
    # A little more than asked for, so that one and the same formula decides what is within.
    near = _tree_of(starts).query_ball_tree(_tree_of(points), limit_m * (1 + 1e-9))
    count = np.array([len(row) for row in near])
    start = np.repeat(np.arange(len(starts)), count)
    point = np.array([i for row in near for i in sorted(row)], np.int32)
    distance_m = np.hypot(*(starts[start] - points[point]).T)
    inside = distance_m <= limit_m
    first = np.zeros(len(starts) + 1, np.int64)
    np.cumsum(np.bincount(start[inside], minlength=len(starts)), out=first[1:])
    return Within(first, point[inside], distance_m[inside])


def _tree_of(xy: NDArray[np.float64]) -> cKDTree:
    """Return points of shape (k, 2), ready to be looked for."""
    # Loaded here, as most circles are walked on streets.
    from scipy.spatial import cKDTree  # noqa: PLC0415

    return cKDTree(xy)


def _nearest(
    tree: cKDTree, points: NDArray[np.float64], first: NDArray[np.intp]
) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Return how far each point is from the tree, and the smallest number of what is so far.

    ``first`` holds the numbers of the places in the tree.
    """
    far_m, number = np.empty(len(points)), np.empty(len(points), np.intp)
    open_, asked = np.arange(len(points)), 1
    while len(open_):
        asked = min(2 * asked, tree.n)
        near_m, place = map(np.asarray, tree.query(points[open_], k=[*range(1, asked + 1)]))
        far_m[open_] = near_m[:, 0]
        number[open_] = _first_of_ties(near_m, first[place])
        # Where all that were found are as far, more of them may be.
        open_ = open_[(near_m[:, -1] == near_m[:, 0]) & (asked < tree.n)]
    return far_m, number


def _first_of_ties(far_m: NDArray[np.float64], number: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the smallest number in each row among those as far as the first one."""
    return np.asarray(np.where(far_m == far_m[:, :1], number, np.iinfo(np.intp).max).min(axis=1))
