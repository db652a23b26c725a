"""From the nodes that were reached to walks at lattice points: what a circle's picture shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba import njit

from geo.cells_kernel import STEPS, TILE, Lattice, Lines, Slots, Stock

if TYPE_CHECKING:
    from numpy.typing import NDArray

FAR = 16_384
"""Values of a field go from minus this, well inside, to this, well outside: a cell's length."""


_MOST = 1 << 30


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


class Painted(NamedTuple):
    """The nearest streets of the points of k tiles."""

    stock: Stock
    row: NDArray[np.int32]
    """Row of each tile in the stock, -1 for a tile without any street; shape (k,)."""
    painted_m: float
    """How far from a street points have one."""
    cap_m: float
    """The longest straight walk that is drawn."""
    cell_m: float


class Field(NamedTuple):
    """How far inside or outside points are, in k tiles; points in no tile are ``FAR`` outside."""

    tiles: NDArray[np.int32]
    """Columns and rows of tiles, shape (k, 2)."""
    place: NDArray[np.int32]
    """Place of each tile in a box around all, -1 where there is none; shape (rows, columns)."""
    west: int
    """Column of the first tiles in the box."""
    south: int
    values: NDArray[np.int16]
    """Shape (k, TILE, TILE), y before x: how far the walk to a point is beyond the limit, in steps
    of which ``FAR`` make a cell; 0 and less is inside."""


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


@njit(nogil=True, cache=True)
def cut(lines: Lines, reached: Spans, lattice: Lattice) -> NDArray[np.float64]:
    """Return the segments of which parts of edges consist.

    Returns
    -------
    NDArray[np.float64]
        Whole segments as ax, ay, bx, by in cells of the lattice; from where to where they were
        reached, between 0 and 1; and how far one could walk on, in cells. Shape (n, 7).
    """
    most = 0
    for e in reached.edge:
        most += lines.start[e + 1] - lines.start[e] - 1
    out = np.empty((most, 7))
    count = 0
    for k in range(len(reached.edge)):
        e, begin_m, end_m = reached.edge[k], reached.begin_m[k], reached.end_m[k]
        last = lines.start[e + 1] - 2
        for p in range(lines.start[e], last + 1):
            length = lines.along_m[p + 1] - lines.along_m[p]
            # The last segment takes what rounding leaves over.
            if length == 0.0 or (begin_m > lines.along_m[p + 1] and p < last):
                continue
            for end in range(2):
                out[count, 2 * end] = (lines.xy[p + end, 0] - lattice.x0) / lattice.cell_m
                out[count, 2 * end + 1] = (lines.xy[p + end, 1] - lattice.y0) / lattice.cell_m
            out[count, 4] = min(max((begin_m - lines.along_m[p]) / length, 0.0), 1.0)
            out[count, 5] = min(max((end_m - lines.along_m[p]) / length, 0.0), 1.0)
            out[count, 6] = reached.left_m[k] / lattice.cell_m
            count += 1
            if end_m <= lines.along_m[p + 1]:
                break
    return out[:count].copy()


@njit(nogil=True, cache=True)
def _number(place: NDArray[np.int32], west: int, south: int) -> NDArray[np.int32]:
    """Give numbers to places that are not -1, row by row; return their columns and rows."""
    tiles = np.empty((place.size, 2), np.int32)
    count = 0
    for y in range(place.shape[0]):
        for x in range(place.shape[1]):
            if place[y, x] >= 0:
                place[y, x] = count
                tiles[count, 0], tiles[count, 1] = west + x, south + y
                count += 1
    return tiles[:count].copy()


@njit(nogil=True, cache=True)
def lay_out(pieces: NDArray[np.float64], cap: float) -> Field:
    """Return a field of the tiles around segments, all of it outside.

    Parameters
    ----------
    pieces
        Segments, one at least, as :func:`cut` gives them.
    cap
        How far around them points are painted, in cells.

    Notes
    -----
    Every point that may be inside has its neighbours in a tile, too.
    """
    box = np.empty((len(pieces), 4), np.int32)
    around = np.array([_MOST, _MOST, -_MOST, -_MOST], np.int32)
    for k in range(len(pieces)):
        margin = min(cap, pieces[k, 6]) + 2
        for axis in range(2):
            step = pieces[k, axis + 2] - pieces[k, axis]
            one, other = (
                pieces[k, axis] + pieces[k, 4] * step,
                pieces[k, axis] + pieces[k, 5] * step,
            )
            low, high = min(one, other) - margin, max(one, other) + margin
            box[k, axis] = int(np.floor(low / TILE))
            box[k, axis + 2] = int(np.floor(high / TILE))
            around[axis] = min(around[axis], box[k, axis])
            around[axis + 2] = max(around[axis + 2], box[k, axis + 2])
    west, south = around[0], around[1]
    place = np.full((around[3] - south + 1, around[2] - west + 1), -1, np.int32)
    for k in range(len(pieces)):
        for y in range(box[k, 1] - south, box[k, 3] - south + 1):
            for x in range(box[k, 0] - west, box[k, 2] - west + 1):
                place[y, x] = 0
    tiles = _number(place, west, south)
    return Field(tiles, place, west, south, np.full((len(tiles), TILE, TILE), FAR, np.int16))


@njit(nogil=True, cache=True)
def _walk(r: int, offset_m: float, touched: Touched, search: Search) -> float:
    """Return the walk to a position on a touched edge."""
    rest_m = max(touched.length_m[r] - offset_m, 0.0)
    far_m = min(touched.from_a[r] + offset_m, touched.from_b[r] + rest_m)
    s = touched.first[r]
    while s >= 0:
        far_m = min(far_m, search.walk_m[s] + abs(offset_m - search.offset_m[s]))
        s = touched.after[s]
    return float(far_m)


@njit(nogil=True, cache=True)
def fill(
    painted: Painted,
    of_edge: NDArray[np.int32],
    touched: Touched,
    search: Search,
    values: NDArray[np.int16],
) -> None:
    """Tell for each point of k tiles how far inside or outside it is.

    Parameters
    ----------
    painted
        The nearest streets.
    of_edge, touched, search
        What was reached.
    values
        Results, shape (k, TILE, TILE), ``FAR`` before; see :class:`Field`.

    Notes
    -----
    Values are whole numbers, rounded up: with a farther limit none of them grows, which no
    difference of floating-point numbers would promise once it is divided by another.
    """
    stock, limit_m, cell_m = painted.stock, search.limit_m, painted.cell_m
    scale, step_m = FAR / cell_m, painted.painted_m / STEPS
    for k in range(len(painted.row)):
        if painted.row[k] < 0:
            continue
        edge, place = stock.edge[painted.row[k]], stock.place[painted.row[k]]
        walk = stock.walk[painted.row[k]]
        for j in range(TILE):
            for i in range(TILE):
                r = of_edge[edge[j, i]] if edge[j, i] >= 0 else -1
                if r < 0:
                    continue
                walk_m = walk[j, i] * step_m
                offset_m = place[j, i] * (touched.length_m[r] / STEPS)
                beyond_m = _walk(r, offset_m, touched, search) + walk_m - limit_m
                beyond_m = max(beyond_m, walk_m - painted.cap_m, -cell_m)
                if beyond_m < cell_m:
                    values[k, j, i] = int(np.ceil(beyond_m * scale))


@njit(nogil=True, cache=True)
def _let_in(x: int, y: int, field: Field) -> None:
    """Let the corners of a cell be inside."""
    i, j = x % TILE, y % TILE
    if i < TILE - 1 and j < TILE - 1:  # most cells lie in one tile
        tile = field.values[field.place[y // TILE - field.south, x // TILE - field.west]]
        tile[j, i], tile[j, i + 1] = min(tile[j, i], 0), min(tile[j, i + 1], 0)
        tile[j + 1, i], tile[j + 1, i + 1] = min(tile[j + 1, i], 0), min(tile[j + 1, i + 1], 0)
        return
    for corner in range(4):
        i, j = x + corner % 2, y + corner // 2
        tile = field.values[field.place[j // TILE - field.south, i // TILE - field.west]]
        tile[j % TILE, i % TILE] = min(tile[j % TILE, i % TILE], 0)


@njit(nogil=True, cache=True)
def cover(pieces: NDArray[np.float64], field: Field) -> None:
    """Let the corners of every cell be inside through which a reached part of a segment passes.

    Parameters
    ----------
    pieces
        Segments, as :func:`cut` gives them.
    field
        A field in which every such cell has tiles.

    Notes
    -----
    Where a segment crosses a column of cells is reckoned from the whole of it: were it from the
    part that was reached, rounding could put a corner inside that it leaves outside when a longer
    part is reached.
    """
    for k in range(len(pieces)):
        ax, ay, bx, by, begin, end = pieces[k, :6]
        if bx < ax:
            ax, ay, bx, by, begin, end = bx, by, ax, ay, 1.0 - end, 1.0 - begin
        dx, dy = bx - ax, by - ay
        slope = dy / dx if dx > 0 else 0.0
        west, east = int(np.floor(ax + begin * dx)), int(np.floor(ax + end * dx))
        for x in range(west, east + 1):
            # From where to where the segment is in this column, and which part of that was reached.
            enter = ay + (x - ax) * slope if x > ax else ay
            leave = ay + (x + 1 - ax) * slope if x + 1 < bx else by
            low, high = min(enter, leave), max(enter, leave)
            first = min(max(ay + begin * dy, low), high) if x == west else enter
            last = min(max(ay + end * dy, low), high) if x == east else leave
            for y in range(int(np.floor(min(first, last))), int(np.floor(max(first, last))) + 1):
                _let_in(x, y, field)
