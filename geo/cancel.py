"""Which edges do not cancel, parent by parent: a quick sieve before anything is numbered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from geo.compiling import njit
from geo.rings_kernel import hash_points, mix

if TYPE_CHECKING:
    from numpy.typing import NDArray

_NOTHING = np.uint64(0)
"""Marks a free place in a table; the one key in 2^64 that is zero counts as one."""


@njit(inline="always")
def _place(table: NDArray[np.uint64], key: np.uint64) -> np.int64:
    """Return where a key stands in a table, or the free place that it would take."""
    mask = len(table) - 1
    at = np.int64(key) & mask
    while table[at] != _NOTHING and table[at] != key:
        at = (at + 1) & mask
    return at


@njit(inline="always")
def _room(count: np.int64) -> int:
    """Return a power of two of at least twice the count."""
    size = 16
    while size < 2 * count:
        size *= 2
    return size


@njit(nogil=True, cache=True)
def _name_edges(
    xy: NDArray[np.float64], start: NDArray[np.int64], way: NDArray[np.int64]
) -> tuple[NDArray[np.uint64], NDArray[np.int8]]:
    """Return a name for each undirected edge, and +1 or -1 for how its ring takes it.

    Edges without length count for nothing.
    """
    here = hash_points(xy)
    name, sense = np.empty(len(xy), np.uint64), np.zeros(len(xy), np.int8)
    for r in range(len(start) - 1):
        for i in range(start[r], start[r + 1]):
            after = here[i + 1 if i + 1 < start[r + 1] else start[r]]
            name[i] = max(np.uint64(1), mix(here[i] + after))
            if here[i] != after:
                sense[i] = way[r] if here[i] < after else -way[r]
    return name, sense


@njit(nogil=True, cache=True)
def _mark_open(
    name: NDArray[np.uint64], sense: NDArray[np.int8], first: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Mark the edges whose name does not add up to zero within their group."""
    marked = np.zeros(len(name), np.bool_)
    size = _room(np.max(np.diff(first)))
    table, net = np.zeros(size, np.uint64), np.zeros(size, np.int64)
    for g in range(len(first) - 1):
        small = _room(first[g + 1] - first[g])  # the table of a group fits its size
        names, sums = table[:small], net[:small]
        names[:] = _NOTHING
        sums[:] = 0
        for i in range(first[g], first[g + 1]):
            at = _place(names, name[i])
            names[at] = name[i]
            sums[at] += sense[i]
        for i in range(first[g], first[g + 1]):
            marked[i] = sums[_place(names, name[i])] != 0
    return marked


@njit(nogil=True, cache=True)
def open_edges(
    xy: NDArray[np.float64],
    start: NDArray[np.int64],
    way: NDArray[np.int64],
    first: NDArray[np.int64],
) -> NDArray[np.bool_]:
    """Return the edges of segments that do not cancel in the sum of some group.

    Parameters
    ----------
    xy
        Vertices of rings, group after group, shape (v, 2); each is followed by an edge.
    start
        First vertex of each ring, and v; shape (r + 1,).
    way
        How often a ring counts, with its direction: +1 or -1, shape (r,).
    first
        First vertex of each group, and v; shape (g + 1,).

    Returns
    -------
    NDArray[np.bool_]
        Shape (v,). An edge that cancels in its own group is among them where its segment is open
        in another one.

    Notes
    -----
    Linear in the number of vertices. Segments are known by 64 bits of their ends, as in the
    chains: two different ones are taken for one with odds of about 2^-64 a pair.
    """
    name, sense = _name_edges(xy, start, way)
    marked = _mark_open(name, sense, first)
    table = np.zeros(_room(np.sum(marked)), np.uint64)
    for i in range(len(name)):
        if marked[i]:
            table[_place(table, name[i])] = name[i]
    for i in range(len(name)):
        marked[i] = sense[i] != 0 and table[_place(table, name[i])] == name[i]
    return marked
