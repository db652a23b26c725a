"""From the streets that were reached to points of a lattice: what a circle's picture shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from geo.cells_kernel import STEPS, TILE, Lattice, Lines, Stock
from geo.compiling import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geo.reached_kernel import Search, Spans, Touched

FAR = 16_384
"""Values of a field go from minus this, well inside, to this, well outside: a cell's length."""


_MOST = 1 << 30


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
