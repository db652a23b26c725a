"""Which parts of streets a search reached, edge by edge."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from geo.compiling import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geo.cells_kernel import Slots


class Ends(NamedTuple):
    """Edges by their ends and lengths, and the edges at each node."""

    a: NDArray[np.int32]
    b: NDArray[np.int32]
    length_m: NDArray[np.float64]
    at_start: NDArray[np.int64]
    """Edges at node ``i``: ``at_edge[at_start[i]:at_start[i + 1]]``."""
    at_edge: NDArray[np.int32]


class Search(NamedTuple):
    """What a search reached: k nodes, from s entries."""

    node: NDArray[np.int32]
    far_m: NDArray[np.float64]
    """Walks to the nodes."""
    edge: NDArray[np.int32]
    """Where walks began, shape (s,)."""
    offset_m: NDArray[np.float64]
    walk_m: NDArray[np.float64]
    """What was walked before, straight."""
    limit_m: float


class Touched(NamedTuple):
    """The r edges of which a part was reached."""

    edge: NDArray[np.int32]
    from_a: NDArray[np.float64]
    """Walk to the edge's end ``a``; infinite where that was not reached. Shape (r,)."""
    from_b: NDArray[np.float64]
    length_m: NDArray[np.float64]
    first: NDArray[np.int32]
    """The first of the walks that begin on this edge, -1 for none."""
    after: NDArray[np.int32]
    """Of each begun walk the next one on the same edge, -1 for none; shape (s,)."""


class Spans(NamedTuple):
    """The parts of edges that were reached; those of one edge do not overlap."""

    edge: NDArray[np.int32]
    begin_m: NDArray[np.float64]
    end_m: NDArray[np.float64]
    left_m: NDArray[np.float64]
    """How far one could walk on from where the edge is reached first."""


@njit(nogil=True, cache=True)
def _note(edge: int, slots: Slots, found: NDArray[np.int32], count: int) -> int:
    """Note an edge; return how many there are then."""
    if slots.of_edge[edge] >= 0:
        return count
    slots.of_edge[edge] = count
    found[count] = edge
    return count + 1


@njit(nogil=True, cache=True)
def _find_edges(ends: Ends, search: Search, slots: Slots) -> NDArray[np.int32]:
    """Return every edge at a node that was reached, or on which a walk begins."""
    most = len(search.edge)
    for k in range(len(search.node)):
        i = search.node[k]
        slots.of_node[i] = k
        most += ends.at_start[i + 1] - ends.at_start[i]
    found = np.empty(most, np.int32)
    count = 0
    for i in search.node:
        for k in range(ends.at_start[i], ends.at_start[i + 1]):
            count = _note(ends.at_edge[k], slots, found, count)
    for s in range(len(search.edge)):
        if search.walk_m[s] <= search.limit_m:
            count = _note(search.edge[s], slots, found, count)
    return found[:count].copy()


@njit(nogil=True, cache=True)
def touch(ends: Ends, search: Search, slots: Slots) -> Touched:
    """Find the edges of which a part was reached; ``slots.of_edge`` tells each one's place.

    Parameters
    ----------
    ends, search
        The network, and what was reached.
    slots
        Room, empty before; :func:`forget` empties it again.
    """
    found = _find_edges(ends, search, slots)
    count = len(found)
    from_a, from_b = np.full(count, np.inf), np.full(count, np.inf)
    for r in range(count):
        a, b = slots.of_node[ends.a[found[r]]], slots.of_node[ends.b[found[r]]]
        if a >= 0:
            from_a[r] = search.far_m[a]
        if b >= 0:
            from_b[r] = search.far_m[b]
    first, after = np.full(count, -1, np.int32), np.full(len(search.edge), -1, np.int32)
    for s in range(len(search.edge)):
        if search.walk_m[s] <= search.limit_m:
            r = slots.of_edge[search.edge[s]]
            after[s], first[r] = first[r], s
    return Touched(found, from_a, from_b, ends.length_m[found], first, after)


@njit(nogil=True, cache=True)
def forget(node: NDArray[np.int32], edge: NDArray[np.int32], slots: Slots) -> None:
    """Empty the room that :func:`touch` filled."""
    for i in node:
        slots.of_node[i] = -1
    for e in edge:
        slots.of_edge[e] = -1


@njit(nogil=True, cache=True)
def spans(touched: Touched, search: Search) -> Spans:
    """Return the parts of edges that lie within the limit."""
    most = 2 * len(touched.edge) + len(search.edge)
    edge, begin, end, most_left = (
        np.empty(most, np.int32),
        np.empty(most),
        np.empty(most),
        np.empty(most),
    )
    count = 0
    for r in range(len(touched.edge)):
        length, of_edge = touched.length_m[r], count
        left = search.limit_m - touched.from_a[r]
        longest = left
        if left >= 0:
            begin[count], end[count] = 0.0, min(left, length)
            count += 1
        left = search.limit_m - touched.from_b[r]
        longest = max(longest, left)
        if left >= 0:
            begin[count], end[count] = max(length - left, 0.0), length
            count += 1
        s = touched.first[r]
        while s >= 0:
            left = search.limit_m - search.walk_m[s]
            longest = max(longest, left)
            begin[count] = max(search.offset_m[s] - left, 0.0)
            end[count] = min(search.offset_m[s] + left, length)
            count += 1
            s = touched.after[s]
        count = _join(begin, end, of_edge, count)
        for k in range(of_edge, count):
            edge[k], most_left[k] = touched.edge[r], longest
    return Spans(edge[:count], begin[:count], end[:count], most_left[:count])


@njit(nogil=True, cache=True)
def _join(begin: NDArray[np.float64], end: NDArray[np.float64], first: int, last: int) -> int:
    """Make one of the parts ``first`` to ``last`` where they meet; return where they end then."""
    for k in range(first + 1, last):  # seldom more than three of them
        b, e, at = begin[k], end[k], k
        while at > first and begin[at - 1] > b:
            begin[at], end[at] = begin[at - 1], end[at - 1]
            at -= 1
        begin[at], end[at] = b, e
    at = first
    for k in range(first + 1, last):
        if begin[k] <= end[at]:
            end[at] = max(end[at], end[k])
        else:
            at += 1
            begin[at], end[at] = begin[k], end[k]
    return min(at + 1, last)
