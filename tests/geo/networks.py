"""Drawn and random street networks, and walks on them found in another way."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from hypothesis import strategies as st
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra

from geo.crs import LocalMetric
from geo.streets import Entries, Streets

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

PLANE = LocalMetric(116.4, 39.9)

Line = tuple[int, int, list[tuple[float, float]]]
"""From which node to which, and what lies between."""


def network(nodes: Sequence[tuple[float, float]], *lines: Line) -> Streets:
    """Return the streets that run between nodes, by way of the vertices between."""
    ways = [[nodes[a], *between, nodes[b]] for a, b, between in lines]
    return Streets.of_edges(
        version="drawn",
        plane=PLANE,
        node_xy=np.array(nodes, np.float64).reshape(-1, 2),
        a=np.array([a for a, _, _ in lines], np.int32),
        b=np.array([b for _, b, _ in lines], np.int32),
        line_start=np.cumsum([0, *(len(way) for way in ways)], dtype=np.int64),
        line_xy=np.array([xy for way in ways for xy in way], np.float64).reshape(-1, 2),
    )


def straight(*ends: tuple[int, int]) -> list[Line]:
    """Return straight edges between nodes."""
    return [(a, b, []) for a, b in ends]


def lattice(columns: int, rows: int, side_m: float = 100.0) -> Streets:
    """Return a town of square blocks; node ``r * columns + c`` is at (c, r) sides."""
    number = np.arange(columns * rows).reshape(rows, columns)
    a = np.concatenate([number[:, :-1].ravel(), number[:-1].ravel()])
    b = np.concatenate([number[:, 1:].ravel(), number[1:].ravel()])
    at = np.column_stack([number.ravel() % columns, number.ravel() // columns])
    xy = at.astype(np.float64) * side_m
    return Streets.of_edges(
        version="lattice",
        plane=PLANE,
        node_xy=xy,
        a=a.astype(np.int32),
        b=b.astype(np.int32),
        line_start=np.arange(0, 2 * len(a) + 1, 2, dtype=np.int64),
        line_xy=np.stack([xy[a], xy[b]], axis=1).reshape(-1, 2),
    )


def entries(*points: Sequence[tuple[int, float, float]]) -> Entries:
    """Return where points enter: an edge, the metres along it and the straight walk, each time."""
    flat = [entry for point in points for entry in point]
    return Entries(
        start=np.cumsum([0, *(len(point) for point in points)], dtype=np.int64),
        edge=np.array([edge for edge, _, _ in flat], np.int32),
        offset_m=np.array([offset for _, offset, _ in flat], np.float64),
        walk_m=np.array([walk for _, _, walk in flat], np.float64),
    )


def at_nodes(streets: Streets, nodes: ArrayLike) -> Entries:
    """Return points that stand on nodes, on some edge each."""
    wanted = np.asarray(nodes)
    edge = streets.arc_edge[streets.arc_start[wanted]]
    offset_m = np.where(streets.a[edge] == wanted, 0.0, streets.length_m[edge])
    return Entries(np.arange(len(wanted) + 1), edge, offset_m, np.zeros(len(wanted)))


class Case(NamedTuple):
    """A network, with starts and points on it."""

    streets: Streets
    starts: Entries
    points: Entries


@st.composite
def cases(draw: st.DrawFn, *, whole: bool = False) -> Case:
    """Draw a few streets: side by side, in loops, apart from one another, with much on few edges.

    ``whole`` networks have lengths, offsets and walks in whole metres, so that sums are exact and
    ties are many.
    """
    count = draw(st.integers(1, 8))
    x = st.integers(0, 6)
    nodes = [(50.0 * draw(x), 50.0 * draw(x)) for _ in range(count)]
    lines = [_draw_line(draw, nodes, whole=whole) for _ in range(draw(st.integers(1, 12)))]
    streets = network(nodes, *lines)
    return Case(
        streets,
        _draw_entries(draw, streets, whole=whole, most=4),
        _draw_entries(draw, streets, whole=whole, most=8),
    )


def _draw_line(draw: st.DrawFn, nodes: list[tuple[float, float]], *, whole: bool) -> Line:
    """Draw an edge; those of whole metres turn at right angles."""
    a, b = draw(st.integers(0, len(nodes) - 1)), draw(st.integers(0, len(nodes) - 1))
    (ax, ay), (bx, by) = nodes[a], nodes[b]
    aside = float(draw(st.integers(1, 40)))
    if whole:
        return a, b, [(ax - aside, ay), (ax - aside, by)]
    if nodes[a] != nodes[b] and draw(st.booleans()):
        return a, b, []
    return a, b, [(ax + aside, ay - 13.0), (bx + 7.3, by + aside)]


def _draw_entries(draw: st.DrawFn, streets: Streets, *, whole: bool, most: int) -> Entries:
    """Draw points with no entry, with one as a rule, or with several."""
    parts = st.sampled_from([0.0, 1.0, 0.5, 0.25]) | st.floats(0.0, 1.0)
    walks = st.sampled_from([0.0, 0.0, 1.0, 20.0]) | st.integers(0, 60).map(float)
    numbers = draw(st.lists(st.sampled_from([1, 1, 1, 1, 0, 2, 3]), max_size=most))
    points = []
    for number in numbers:
        point = []
        for _ in range(number):
            edge = draw(st.integers(0, len(streets) - 1))
            offset_m = draw(parts) * float(streets.length_m[edge])
            point.append((edge, float(np.floor(offset_m)) if whole else offset_m, draw(walks)))
        points.append(point)
    return entries(*points)


def walks_by_nodes(streets: Streets, starts: Entries, points: Entries) -> NDArray[np.float64]:
    """Return all walks, shape (s, k), on a graph in which every point is a node of its own.

    Every edge is split at every entry, by scipy's search: it shares nothing with ours. Starts can
    only be left and points only be entered, so that nobody walks through them.
    """
    nodes, doors = len(streets.node_xy), len(starts.edge) + len(points.edge)
    first = nodes + doors
    arcs = _Arcs()
    edge = np.concatenate([starts.edge, points.edge])
    offset_m = np.concatenate([starts.offset_m, points.offset_m])
    for e in range(len(streets)):
        on = np.flatnonzero(edge == e)
        chain = [
            (0.0, int(streets.a[e])),
            *sorted(zip(offset_m[on].tolist(), (nodes + on).tolist(), strict=True)),
            (float(streets.length_m[e]), int(streets.b[e])),
        ]
        for (here, i), (there, j) in pairwise(chain):
            arcs.join(i, j, there - here)
            arcs.join(j, i, there - here)
    for s, d in _owned(starts):
        arcs.join(first + s, nodes + d, float(starts.walk_m[d]))
    for p, d in _owned(points):
        door = nodes + len(starts.edge) + d
        arcs.join(door, first + len(starts) + p, float(points.walk_m[d]))
    graph = arcs.matrix(first + len(starts) + len(points))
    if not len(starts):
        return np.zeros((0, len(points)))
    found = dijkstra(graph, indices=first + np.arange(len(starts)))
    return np.asarray(found[:, first + len(starts) :], np.float64)


class _Arcs(dict[tuple[int, int], float]):
    """The shortest arc from one node to another."""

    def join(self, i: int, j: int, metres: float) -> None:
        """Add an arc."""
        if i != j:  # scipy takes a zero for no arc at all
            self[i, j] = min(self.get((i, j), np.inf), max(metres, 1e-15))

    def matrix(self, size: int) -> coo_array:
        """Return the arcs between so many nodes for scipy."""
        row, column = np.array(list(self), np.intp).reshape(-1, 2).T
        return coo_array((list(self.values()), (row, column)), shape=(size, size))


def _owned(given: Entries) -> list[tuple[int, int]]:
    """Return every point with each of its entries."""
    owner = np.repeat(np.arange(len(given)), np.diff(given.start))
    return list(zip(owner.tolist(), range(len(owner)), strict=True))
