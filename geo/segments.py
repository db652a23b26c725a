"""Points and segments by number: equality is equality of coordinates, and sums are exact."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from geo.rings import following

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Sums(NamedTuple):
    """The chain sums that should be zero: which polygon counts how in which sum."""

    polygon: NDArray[np.intp]
    """Shape (k,)."""
    group: NDArray[np.intp]
    """Number of the sum, shape (k,)."""
    sign: NDArray[np.int64]
    """+1 for a child, -1 for the parent, shape (k,)."""


class Segments(NamedTuple):
    """The undirected segments of rings over numbered points."""

    ends: NDArray[np.intp]
    """Both points, the smaller number first, shape (s, 2)."""
    of_edge: NDArray[np.intp]
    """Segment from each vertex to the next one of its ring, shape (v,)."""
    forward: NDArray[np.bool_]
    """True where the ring runs from the smaller to the larger number, shape (v,)."""


def number_segments(vertex: NDArray[np.intp], start: NDArray[np.intp], points: int) -> Segments:
    """Give each undirected segment of rings a number.

    Parameters
    ----------
    vertex
        Point of each vertex, ring after ring, shape (v,).
    start
        First vertex of each ring, and v; shape (r + 1,).
    points
        How many points there are.
    """
    ahead = vertex[following(start)]
    low, high = np.minimum(vertex, ahead), np.maximum(vertex, ahead)
    keys, of_edge = np.unique(low * points + high, return_inverse=True)
    return Segments(np.column_stack(np.divmod(keys, max(points, 1))), of_edge, vertex < ahead)


def open_segments(
    segments: Segments,
    polygon_of_edge: NDArray[np.intp],
    way: NDArray[np.int64],
    sums: Sums,
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the segments that do not cancel in some sum, and in which.

    Parameters
    ----------
    segments
        The segments.
    polygon_of_edge
        Polygon of each vertex, shape (v,).
    way
        +1 where the polygon's boundary, run as its role wants, takes the segment from its smaller
        to its larger end, else -1; shape (v,).
    sums
        What is to be summed.

    Returns
    -------
    tuple
        Numbers of segments and of sums, both of shape (k,); a segment may occur for several sums.
    """
    if not len(sums.group) or not len(segments.ends):
        nothing = np.zeros(0, np.intp)
        return nothing, nothing
    # Sums that are zero by random weights already (odds 2^-63) need no second look.
    weight = np.random.default_rng(0x9E3779B9).integers(-(2**62), 2**62, len(segments.ends))
    polygons = int(max(sums.polygon.max(), polygon_of_edge.max())) + 1
    polygon_sum = np.zeros(polygons, np.int64)
    np.add.at(polygon_sum, polygon_of_edge, weight[segments.of_edge] * way)
    total = np.zeros(int(sums.group.max()) + 1, np.int64)
    np.add.at(total, sums.group, polygon_sum[sums.polygon] * sums.sign)
    members = np.flatnonzero(total[sums.group] != 0)

    by_polygon = np.argsort(polygon_of_edge, kind="stable")
    first = np.searchsorted(polygon_of_edge[by_polygon], np.arange(polygons + 1))
    owner = sums.polygon[members]
    counts = first[owner + 1] - first[owner]
    edges = by_polygon[ranges(first[owner], counts)]
    group = np.repeat(sums.group[members], counts)
    sign = np.repeat(sums.sign[members], counts) * way[edges]
    keys, inverse = np.unique(
        group * len(segments.ends) + segments.of_edge[edges], return_inverse=True
    )
    net = np.bincount(inverse, weights=sign, minlength=len(keys))
    group, segment = np.divmod(keys[net != 0], len(segments.ends))
    return segment, group


def distinct(numbers: NDArray[np.intp], count: int) -> NDArray[np.intp]:
    """Return the distinct ones of numbers below ``count``, ascending, in linear time."""
    there = np.zeros(count, bool)
    there[numbers] = True
    return np.flatnonzero(there)


def ranges(first: NDArray[np.intp], count: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return first[0], first[0] + 1, … (count[0] of them), first[1], …, in one array."""
    ends = np.cumsum(count)
    return np.asarray(
        np.arange(ends[-1] if len(ends) else 0) + np.repeat(first - (ends - count), count)
    )


def unique_points(
    xy: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Return the distinct points, shape (k, 2), and which one each is, shape (n,)."""
    firsts, same = first_equal(xy)
    number = np.empty(len(xy), np.intp)
    number[firsts] = np.arange(len(firsts))
    return xy[firsts], number[same]


def first_equal(xy: NDArray[np.float64]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the indices of first occurrences, and for each point its first equal one."""
    flat = np.ascontiguousarray(xy + 0.0).view(np.complex128).ravel()
    _, first, inverse = np.unique(flat, return_index=True, return_inverse=True)
    return np.sort(first), first[inverse]
