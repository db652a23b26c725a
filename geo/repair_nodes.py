"""Nodes for the repair: borders that cross or touch get a vertex there, on the grid of degrees.

Unlike the noding of an import nothing is merged and nothing moves by more than half a step of the
grid, so that a repair moves land only where it says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import shapely

from geo.crs import GRID_DEG, round9
from geo.rings import following
from geo.segments import first_equal, number_segments, ranges, unique_points

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from geo.rings import Rings
    from geo.segments import Segments

TOUCH_DEG = 0.75 * GRID_DEG
"""A vertex this near to an edge lies on it: half the diagonal of a step of the grid, and a bit."""

MAX_ROUNDS = 40
"""A guard: each round bends edges by less than a step, and most levels need three."""

MAX_GROWTH = 8
"""So many times as many meetings of borders as vertices end the search: hostile files have more."""


NO_BOX = np.zeros((0, 4))
NOTHING = np.zeros(0, np.intp)

SLICE = 20_000
"""So many segments are looked at at once: hostile files may have very many crossings."""

RASTER = 512
"""Cells along a side of the raster by which segments far from any box are left out."""


class TangledError(Exception):
    """Borders cross in more places than can be told apart."""


class NodedRings(NamedTuple):
    """Rings over numbered points whose segments meet in their ends only."""

    points: NDArray[np.float64]
    """Degrees on the grid, shape (k, 2)."""
    vertex: NDArray[np.intp]
    """Point of each vertex, ring after ring, shape (v,)."""
    start: NDArray[np.intp]
    """First vertex of each ring, and v; shape (r + 1,)."""
    changed: NDArray[np.bool_]
    """Rings that received vertices, shape (r,)."""
    inserted: NDArray[np.intp]
    """The points that rings received, each once."""
    settled: bool
    """False where the search was given up: some borders may still cross."""


def node_rings(rings: Rings, near: NDArray[np.float64]) -> NodedRings:
    """Give rings a vertex wherever they cross or touch one another or themselves.

    Parameters
    ----------
    rings
        In degrees on the grid.
    near
        Boxes (west, south, east, north) in which borders may cross, shape (b, 4); elsewhere
        nothing is looked at.

    Notes
    -----
    Snap rounding, repeated until nothing changes: a crossing becomes the nearest point of the
    grid, and a vertex within ``TOUCH_DEG`` of an edge becomes a vertex of it. One index query for
    the vertices and one for the crossings a round.
    """
    points, vertex = unique_points(rings.xy)
    state = _State(points, vertex, rings.start, np.zeros(len(rings.start) - 1, bool))
    try:
        for _ in range(MAX_ROUNDS):
            touched = state.touch(state.segments_in(near))
            crossed = state.cross(state.segments_in(np.concatenate([near, touched])))
            near = np.concatenate([touched, crossed])
            if not len(near):
                return state.result(settled=True)
    except TangledError:
        pass
    return state.result(settled=False)


class _State:
    """Rings while they receive vertices."""

    def __init__(
        self,
        points: NDArray[np.float64],
        vertex: NDArray[np.intp],
        start: NDArray[np.intp],
        changed: NDArray[np.bool_],
    ) -> None:
        self.points, self.vertex, self.start, self.changed = points, vertex, start, changed
        self.inserted: list[NDArray[np.intp]] = [NOTHING]
        self.limit = MAX_GROWTH * (len(vertex) + SLICE)
        self.segments: Segments = number_segments(vertex, start, len(points))

    def result(self, *, settled: bool) -> NodedRings:
        there = np.zeros(len(self.points), bool)
        there[np.concatenate(self.inserted)] = True
        return NodedRings(
            self.points, self.vertex, self.start, self.changed, np.flatnonzero(there), settled
        )

    def segments_in(self, near: NDArray[np.float64]) -> NDArray[np.intp]:
        """Return the segments whose boxes may meet one of the given boxes."""
        if not len(near) or not len(self.segments.ends):
            return NOTHING
        ends = self.points[self.segments.ends]
        return np.flatnonzero(_meets(np.hstack([ends.min(1), ends.max(1)]), near))

    def touch(self, where: NDArray[np.intp]) -> NDArray[np.float64]:
        """Put vertices into the segments that they lie on; boxes around what that changed."""
        if not len(where):
            return NO_BOX
        ends = self.segments.ends[where]
        nodes = np.unique(ends)
        tree = shapely.STRtree(np.asarray(shapely.points(self.points[nodes])))
        lines = np.asarray(shapely.linestrings(self.points[ends]))
        line, node = self._pairs(
            lines, lambda some: tree.query(some, predicate="dwithin", distance=TOUCH_DEG)
        )
        node = nodes[node]
        other = (node != ends[line, 0]) & (node != ends[line, 1])
        line, node = line[other], node[other]
        a, b = self.points[ends[line, 0]], self.points[ends[line, 1]]
        along = ((self.points[node] - a) * (b - a)).sum(1) / ((b - a) ** 2).sum(1)
        inside = (along > 0) & (along < 1)
        return self._splice(where[line[inside]], node[inside], along[inside])

    def cross(self, where: NDArray[np.intp]) -> NDArray[np.float64]:
        """Put crossings, rounded, into both segments; boxes around what that changed."""
        if not len(where):
            return NO_BOX
        lines = np.asarray(shapely.linestrings(self.points[self.segments.ends[where]]))
        tree = shapely.STRtree(lines)
        i, j = self._pairs(lines, lambda some: tree.query(some, predicate="crosses"))
        once = i < j
        left, right = where[i[once]], where[j[once]]
        if not len(left):
            return NO_BOX
        share_left, share_right = self._shares(left, right)
        a, b = self._ends(left)
        node = self._points_at(a + share_left[:, None] * (b - a))
        segment, node = np.concatenate([left, right]), np.concatenate([node, node])
        along = np.concatenate([share_left, share_right])
        ends = self.segments.ends[segment]
        real = (node != ends[:, 0]) & (node != ends[:, 1])
        return self._splice(segment[real], node[real], along[real])

    def _pairs(
        self,
        lines: NDArray[np.object_],
        query: Callable[[NDArray[np.object_]], NDArray[np.intp]],
    ) -> NDArray[np.intp]:
        """Return lines and what they meet, shape (2, k); no more than bearable."""
        found, total = [], 0
        for first in range(0, len(lines), SLICE):
            some = query(lines[first : first + SLICE])
            found.append(some + np.array([[first], [0]]))
            total += some.shape[1]
            if total > self.limit:
                raise TangledError
        return np.hstack(found).astype(np.intp)

    def _ends(self, segment: NDArray[np.intp]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        ends = self.segments.ends[segment]
        return self.points[ends[:, 0]], self.points[ends[:, 1]]

    def _shares(
        self, left: NDArray[np.intp], right: NDArray[np.intp]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return how far along each of two crossing segments their crossing is, 0 to 1."""
        (a, b), (c, d) = self._ends(left), self._ends(right)
        u, v, w = b - a, d - c, c - a
        area = u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]
        t = (w[:, 0] * v[:, 1] - w[:, 1] * v[:, 0]) / area
        s = (w[:, 0] * u[:, 1] - w[:, 1] * u[:, 0]) / area
        return np.clip(t, 0, 1), np.clip(s, 0, 1)

    def _points_at(self, lonlat: NDArray[np.float64]) -> NDArray[np.intp]:
        """Return the points at given places, rounded; new ones where there is none."""
        known = len(self.points)
        together = np.concatenate([self.points, round9(lonlat)])
        firsts, same = first_equal(together)
        fresh = firsts[firsts >= known]
        number = np.arange(len(together))
        number[fresh] = known + np.arange(len(fresh))
        self.points = np.concatenate([self.points, together[fresh]])
        return np.asarray(number[same[known:]])

    def _splice(
        self, segment: NDArray[np.intp], node: NDArray[np.intp], along: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Put points into segments, in order along them, in all rings that use them.

        Returns boxes around the segments that this makes, shape (b, 4).
        """
        if not len(segment):
            return NO_BOX
        self.inserted.append(node)
        order = np.lexsort((node, along, segment))
        segment, node = segment[order], node[order]
        again = np.zeros(len(segment), bool)
        again[1:] = (segment[1:] == segment[:-1]) & (node[1:] == node[:-1])
        segment, node = segment[~again], node[~again]
        count = np.bincount(segment, minlength=len(self.segments.ends))
        first = np.concatenate([[0], np.cumsum(count)])[:-1]

        extra = count[self.segments.of_edge]
        shift = np.concatenate([[0], np.cumsum(extra)])
        vertex = np.empty(len(self.vertex) + shift[-1], np.intp)
        place = np.arange(len(self.vertex)) + shift[:-1]
        vertex[place] = self.vertex
        edge = np.repeat(np.arange(len(self.vertex)), extra)
        step = ranges(np.zeros(len(extra), np.intp), extra)
        of_edge = self.segments.of_edge[edge]
        source = np.where(self.segments.forward[edge], step, extra[edge] - 1 - step)
        vertex[place[edge] + 1 + step] = node[first[of_edge] + source]

        ring = np.repeat(np.arange(len(self.changed)), np.diff(self.start))
        self.changed[ring[extra > 0]] = True
        self.vertex, self.start = vertex, self.start + shift[self.start]
        self.segments = number_segments(self.vertex, self.start, len(self.points))
        new = np.zeros(len(vertex), bool)
        new[place[edge] + 1 + step] = True
        before = new[following(self.start)]
        made = np.unique(self.segments.of_edge[new | before])
        ends = self.points[self.segments.ends[made]]
        return np.hstack([ends.min(1) - 2 * TOUCH_DEG, ends.max(1) + 2 * TOUCH_DEG])


def _meets(boxes: NDArray[np.float64], near: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which boxes may meet one of ``near``, by a raster; shape (n,)."""
    low, high = near[:, :2].min(0), near[:, 2:].max(0)
    cell = np.maximum(high - low, TOUCH_DEG) / (RASTER - 1)

    def cells(xy: NDArray[np.float64]) -> NDArray[np.intp]:
        return np.asarray(np.clip((xy - low) / cell, -1, RASTER) + 1, np.intp)

    # How many boxes cover each cell: the sum of what begins and ends before it.
    cover = np.zeros((RASTER + 3, RASTER + 3), np.int64)
    first, last = cells(near[:, :2]), cells(near[:, 2:]) + 1
    for x, y, sign in ((first, first, 1), (first, last, -1), (last, first, -1), (last, last, 1)):
        np.add.at(cover, (x[:, 0], y[:, 1]), sign)
    covered = cover.cumsum(0).cumsum(1) > 0
    total = np.zeros((RASTER + 4, RASTER + 4), np.int64)
    total[1:, 1:] = covered.cumsum(0).cumsum(1)
    (west, south), (east, north) = cells(boxes[:, :2]).T, cells(boxes[:, 2:]).T + 1
    there = total[east, north] - total[west, north] - total[east, south] + total[west, south]
    inside: NDArray[np.bool_] = there > 0
    return inside
