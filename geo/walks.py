"""Segments strung together: long lines are noded and polygonized faster than short ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely

from geo.compiling import njit
from geo.segments import unique_points

if TYPE_CHECKING:
    from numpy.typing import NDArray


def string_together(ends: NDArray[np.float64]) -> NDArray[np.object_]:
    """Return lines that run along all segments, each once.

    Parameters
    ----------
    ends
        Both ends of each segment, shape (k, 2, 2); no segment is there twice.

    Returns
    -------
    NDArray[np.object_]
        Lines that end where one or three and more segments meet, or where they began; in no order.
    """
    if not len(ends):
        return np.zeros(0, object)
    points, vertex = unique_points(ends.reshape(-1, 2))
    pairs = vertex.reshape(-1, 2).astype(np.int64)
    degree = np.bincount(vertex, minlength=len(points))
    first = np.concatenate([[0], np.cumsum(degree)])
    at_point = np.argsort(vertex, kind="stable") // 2
    path, line = _walk(pairs, first, at_point)
    return np.asarray(shapely.linestrings(points[path], indices=line))


@njit(nogil=True, cache=True)
def _walk(
    pairs: NDArray[np.int64], first: NDArray[np.int64], at_point: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the points of all walks, one after another, and the number of each one's walk."""
    done = np.zeros(len(pairs), np.bool_)
    path = np.empty(2 * len(pairs), np.int64)
    line = np.empty(2 * len(pairs), np.int64)
    size = walks = 0
    for ends_only in (True, False):  # closed walks have no end: they come second
        for k in range(2 * len(pairs)):
            segment, here = k // 2, pairs[k // 2, k % 2]
            if done[segment] or (ends_only and first[here + 1] - first[here] == 2):  # noqa: PLR2004
                continue
            path[size], line[size] = here, walks
            size += 1
            while segment >= 0:
                done[segment] = True
                here = pairs[segment, 0] + pairs[segment, 1] - here
                path[size], line[size] = here, walks
                size += 1
                segment = _onward(here, done, first, at_point)
            walks += 1
    return path[:size], line[:size]


@njit(inline="always")
def _onward(
    here: int, done: NDArray[np.bool_], first: NDArray[np.int64], at_point: NDArray[np.int64]
) -> int:
    """Return the other segment at a point of two, unless it is done; -1 where a walk ends."""
    if first[here + 1] - first[here] != 2:  # noqa: PLR2004
        return -1
    for k in range(first[here], first[here + 1]):
        if not done[at_point[k]]:
            return int(at_point[k])
    return -1
