"""The last part of walks: from the nodes that were reached to points on the edges around."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from geo.compiling import njit
from geo.hash_kernel import find, hash_table
from geo.walking_kernel import (
    Doors,
    Ends,
    Network,
    Room,
    empty,
    longer_f8,
    longer_i4,
    make_room,
    seeds_of,
    seeds_of_one,
    spread,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray


class OnEdges(NamedTuple):
    """Places' entries by edge: who else enters the street on which somebody enters."""

    table: NDArray[np.int32]
    """Hash table of the distinct edges, see :func:`geo.hash_kernel.find`."""
    shift: int
    edge: NDArray[np.int32]
    """The distinct edges, one a place."""
    first: NDArray[np.int64]
    """Those on the edge of place ``k`` are ``first[k]:first[k + 1]`` of the following."""
    offset_m: NDArray[np.float64]
    walk_m: NDArray[np.float64]
    label: NDArray[np.int32]


@njit(nogil=True, cache=True)
def by_edge(doors: Doors, order: NDArray[np.int64]) -> OnEdges:
    """Return doors by edge; ``order`` sorts them so."""
    table, shift = hash_table(len(order))
    edge, first = np.empty(len(order), np.int32), np.empty(len(order) + 1, np.int64)
    owner = np.empty(len(order), np.int32)
    for i in range(len(doors.start) - 1):
        owner[doors.start[i] : doors.start[i + 1]] = i
    count = 0
    for i in range(len(order)):
        e = doors.edge[order[i]]
        if i == 0 or e != edge[count - 1]:
            table[find(table, edge, e, shift)] = count
            edge[count], first[count] = e, i
            count += 1
    first[count] = len(order)
    return OnEdges(
        table, shift, edge, first, doors.offset_m[order], doors.walk_m[order], owner[order]
    )


@njit(nogil=True, cache=True)
def arrive(  # noqa: C901 - a call in its inner loop takes longer than the rest of the loop
    ends: Ends, room: Room, starts: OnEdges, points: Doors, limit_m: float
) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    """Return how far each point is from its nearest start, and which that is.

    Points farther than ``limit_m`` are infinitely far from start -1.
    """
    table, shift, node, far_m, seed = room[:5]
    distance_m = np.full(len(points.start) - 1, np.inf)
    start = np.full(len(points.start) - 1, -1, np.int32)
    for i in range(len(start)):
        best_m, which = np.inf, np.int32(-1)
        for d in range(points.start[i], points.start[i + 1]):
            edge, offset_m, walk_m = points.edge[d], points.offset_m[d], points.walk_m[d]
            for end in range(2):
                v = ends.b[edge] if end else ends.a[edge]
                k = table[find(table, node, v, shift)]
                if k < 0:
                    continue
                rest_m = ends.length_m[edge] - offset_m if end else offset_m
                m = far_m[k] + (rest_m + walk_m)
                if m < best_m or (m == best_m and seed[k] < which):
                    best_m, which = m, seed[k]
            k = starts.table[find(starts.table, starts.edge, edge, starts.shift)]
            if k < 0:
                continue
            for s in range(starts.first[k], starts.first[k + 1]):
                m = (starts.walk_m[s] + abs(starts.offset_m[s] - offset_m)) + walk_m
                if m < best_m or (m == best_m and starts.label[s] < which):
                    best_m, which = m, starts.label[s]
        if best_m <= limit_m:
            distance_m[i], start[i] = best_m, which
    return distance_m, start


class ByNode(NamedTuple):
    """Points by the nodes at the ends of their edges."""

    first: NDArray[np.int64]
    """Those at node ``i`` are ``first[i]:first[i + 1]`` of the following."""
    point: NDArray[np.int32]
    onward_m: NDArray[np.float64]
    """The way from the node to the point."""


@njit(nogil=True, cache=True)
def by_node(n: int, ends: Ends, points: Doors) -> ByNode:
    """Return points by the ends of their edges; each of them is there twice an entry."""
    seeds = seeds_of(ends, points)  # walked from the point or to it, the way is as long
    first = np.zeros(n + 1, np.int64)
    for i in seeds.node:
        first[i + 1] += 1
    first = np.cumsum(first)
    at = first[:-1].copy()
    point, onward_m = np.empty(len(seeds.node), np.int32), np.empty(len(seeds.node), np.float64)
    for d in range(len(seeds.node)):
        k = at[seeds.node[d]]
        point[k], onward_m[k] = seeds.label[d], seeds.walked_m[d]
        at[seeds.node[d]] += 1
    return ByNode(first, point, onward_m)


class Points(NamedTuple):
    """Points, ready to be met from many starts, one after another."""

    number: int
    by_node: ByNode
    on_edges: OnEdges


@njit(nogil=True, cache=True)
def sort_points(n: int, ends: Ends, points: Doors, order: NDArray[np.int64]) -> Points:
    """Return points by node and by edge in a network of n nodes; ``order`` sorts by edge."""
    return Points(len(points.start) - 1, by_node(n, ends, points), by_edge(points, order))


class _Rows(NamedTuple):
    """Points that were met, row by row."""

    at: NDArray[np.int64]
    """Where in the rows each point was met last, -1 if nowhere yet."""
    point: NDArray[np.int32]
    distance_m: NDArray[np.float64]


@njit(nogil=True, cache=True)
def _note(rows: _Rows, begin: int, end: int, p: int, far_m: float) -> int:
    """Note a walk to point p in the row from ``begin`` to ``end``; return where it ends now."""
    at = rows.at[p]
    if at < begin:
        rows.at[p], rows.point[end], rows.distance_m[end] = end, p, far_m
        return end + 1
    rows.distance_m[at] = min(rows.distance_m[at], far_m)
    return end


@njit(nogil=True, cache=True)
def _meet_by_nodes(
    rows: _Rows,
    begin: int,
    points: ByNode,
    reached: tuple[NDArray[np.int32], NDArray[np.float64]],
    limit_m: float,
) -> int:
    """Note who can be walked to from the nodes reached; return where the row ends."""
    end = begin
    node, here_m = reached
    for i in range(len(node)):
        for d in range(points.first[node[i]], points.first[node[i] + 1]):
            far_m = here_m[i] + points.onward_m[d]
            if far_m <= limit_m:
                end = _note(rows, begin, end, points.point[d], far_m)
    return end


@njit(nogil=True, cache=True)
def _meet_on_edge(
    rows: _Rows,
    row: tuple[int, int],
    points: OnEdges,
    start: tuple[int, float, float],
    limit_m: float,
) -> int:
    """Note who can be walked to along a start's own edge; return where the row ends.

    ``row`` is where the row begins and ends; ``start`` is the edge, the offset and the straight
    walk of the start.
    """
    begin, end = row
    edge, offset_m, walk_m = start
    k = points.table[find(points.table, points.edge, edge, points.shift)]
    if k >= 0:
        for d in range(points.first[k], points.first[k + 1]):
            far_m = (walk_m + abs(offset_m - points.offset_m[d])) + points.walk_m[d]
            if far_m <= limit_m:
                end = _note(rows, begin, end, points.label[d], far_m)
    return end


@njit(nogil=True, cache=True)
def arrive_each(
    network: Network, starts: Doors, points: Points, limit_m: float, wide: bool
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float64]]:
    """Return where each start's points begin, the points within the limit, and their distances."""
    room = make_room(len(network.arcs.start) - 1, wide)
    seeds = seeds_of(network.ends, starts)
    first, at = np.zeros(len(starts.start), np.int64), np.full(points.number, -1, np.int64)
    point, distance_m = np.empty(points.number, np.int32), np.empty(points.number, np.float64)
    for s in range(len(starts.start) - 1):
        begin = first[s]
        if begin + points.number > len(point):  # a row has so many points at most
            size = 2 * begin + points.number
            point, distance_m = longer_i4(point, size), longer_f8(distance_m, size)
        rows = _Rows(at, point, distance_m)
        room, count = spread(network.arcs, seeds_of_one(seeds, starts, s), limit_m, room)
        reached = room.node[:count], room.far_m[:count]
        end = _meet_by_nodes(rows, begin, points.by_node, reached, limit_m)
        for d in range(starts.start[s], starts.start[s + 1]):
            start = starts.edge[d], starts.offset_m[d], starts.walk_m[d]
            end = _meet_on_edge(rows, (begin, end), points.on_edges, start, limit_m)
        first[s + 1] = end
        empty(room, count)
    return first, point[: first[-1]].copy(), distance_m[: first[-1]].copy()
