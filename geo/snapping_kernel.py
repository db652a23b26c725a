"""The segments of streets in square cells, and the segment nearest to a point."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from geo.compiling import njit
from geo.hash_kernel import find, hash_table

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LEAST_SIDE_M = 30.0
"""Cells are no smaller: a point 500 m away looks through 17 rings of them."""

_STRIDE = 2_147_483_647
"""Columns are this far apart in the numbers of cells; 2^31 - 1 rows of 30 m go round the Earth."""

_SPARE = 8
"""Every cell has a place in the table when there are up to so many a segment, touched or not."""

_SLACK = 1e-9
"""Parts of a side by which a segment counts to the next cell, too: more than rounding moves it."""


class Grid(NamedTuple):
    """Segments by the cells that they touch.

    Segment ``v`` goes from vertex ``v`` of the network's lines to the next one; there is none from
    the last vertex of a line.
    """

    west_m: float
    south_m: float
    side_m: float
    columns: int
    rows: int
    stride: int
    """The number of a cell is its column times this plus its row."""
    table: NDArray[np.int32]
    """Places of the cells that are touched; see :func:`geo.hash_kernel.find`."""
    shift: int
    cell: NDArray[np.int64]
    """Number of each place's cell."""
    first: NDArray[np.int64]
    """Segments in the cell of place ``k`` are ``segment[first[k]:first[k + 1]]``."""
    segment: NDArray[np.int32]
    edge: NDArray[np.int32]
    """The edge of each vertex."""
    along_m: NDArray[np.float64]
    """How far along its edge each vertex is."""


@njit(nogil=True, cache=True)
def _measure(
    start: NDArray[np.int64], xy: NDArray[np.float64]
) -> tuple[NDArray[np.int32], NDArray[np.float64], float]:
    """Return the edge of each vertex, how far along it that is, and the sum of all lengths."""
    edge, along_m, total_m = np.zeros(len(xy), np.int32), np.zeros(len(xy), np.float64), 0.0
    for e in range(len(start) - 1):
        for v in range(start[e], start[e + 1]):
            edge[v] = e
            if v > start[e]:
                step_m = np.hypot(xy[v, 0] - xy[v - 1, 0], xy[v, 1] - xy[v - 1, 1])
                along_m[v] = along_m[v - 1] + step_m
                total_m += step_m
    return edge, along_m, total_m


@njit(nogil=True, cache=True)
def _rows_of(
    xy: NDArray[np.float64], v: int, south_m: float, side_m: float, rows: int
) -> tuple[int, int]:
    low, high = min(xy[v, 1], xy[v + 1, 1]), max(xy[v, 1], xy[v + 1, 1])
    first = int(np.floor((low - south_m) / side_m - _SLACK))
    last = int(np.floor((high - south_m) / side_m + _SLACK))
    return max(first, 0), min(last, rows - 1)


@njit(nogil=True, cache=True)
def _columns_of(
    xy: NDArray[np.float64], v: int, row: int, frame: tuple[float, float, float, int]
) -> tuple[int, int]:
    """Return the first and last column in which segment v is while it is in a row."""
    west_m, south_m, side_m, columns = frame
    x, y = xy[v, 0], xy[v, 1]
    dx, dy = xy[v + 1, 0] - x, xy[v + 1, 1] - y
    low, high = 0.0, 1.0
    if abs(dy) > side_m * _SLACK:
        t0 = (south_m + (row - _SLACK) * side_m - y) / dy
        t1 = (south_m + (row + 1 + _SLACK) * side_m - y) / dy
        low, high = max(0.0, min(t0, t1)), min(1.0, max(t0, t1))
    a, b = x + low * dx, x + high * dx
    first = int(np.floor((min(a, b) - west_m) / side_m - _SLACK))
    last = int(np.floor((max(a, b) - west_m) / side_m + _SLACK))
    return max(first, 0), min(last, columns - 1)


@njit(nogil=True, cache=True)
def _touch(
    xy: NDArray[np.float64],
    edge: NDArray[np.int32],
    frame: tuple[float, float, float, int, int, int],
    number: NDArray[np.int64],
    owner: NDArray[np.int32],
) -> int:
    """Write down the number of every cell that a segment touches, as far as there is room.

    Returns
    -------
    int
        How many there are.
    """
    west_m, south_m, side_m, columns, rows, stride = frame
    count = 0
    for v in range(len(xy) - 1):
        if edge[v] != edge[v + 1]:
            continue
        low, high = _rows_of(xy, v, south_m, side_m, rows)
        for row in range(low, high + 1):
            first, last = _columns_of(xy, v, row, (west_m, south_m, side_m, columns))
            for column in range(first, last + 1):
                if count < len(number):
                    number[count], owner[count] = column * stride + row, v
                count += 1
    return count


@njit(nogil=True, cache=True)
def make_grid(start: NDArray[np.int64], xy: NDArray[np.float64]) -> Grid:
    """Return the grid of all segments of lines; ``start`` and ``xy`` are those of the streets."""
    edge, along_m, total_m = _measure(start, xy)
    side_m = max(_LEAST_SIDE_M, 2.0 * total_m / max(len(xy) - (len(start) - 1), 1))
    west_m = south_m = 0.0
    columns = rows = 1
    if len(xy):
        west_m, south_m = xy[:, 0].min(), xy[:, 1].min()
        columns = int((xy[:, 0].max() - west_m) / side_m) + 1
        rows = int((xy[:, 1].max() - south_m) / side_m) + 1
    every = columns * rows <= _SPARE * len(xy)
    stride = rows if every else _STRIDE
    frame = (west_m, south_m, side_m, columns, rows, stride)
    touched = _touch(xy, edge, frame, np.empty(0, np.int64), np.empty(0, np.int32))
    number, owner = np.empty(touched, np.int64), np.empty(touched, np.int32)
    _touch(xy, edge, frame, number, owner)
    table, shift, cell, first, segment = _by_cell(number, owner, columns * rows if every else 0)
    return Grid(
        west_m,
        south_m,
        side_m,
        columns,
        rows,
        stride,
        table,
        shift,
        cell,
        first,
        segment,
        edge,
        along_m,
    )


@njit(nogil=True, cache=True)
def _by_cell(
    number: NDArray[np.int64], owner: NDArray[np.int32], cells: int
) -> tuple[NDArray[np.int32], int, NDArray[np.int64], NDArray[np.int64], NDArray[np.int32]]:
    """Return a table of cells, its shift, their numbers, and the owners in each.

    The table has a place for each of so many ``cells``; if there are 0, it is a hash table.
    """
    if cells:
        table, shift = np.full(cells, -1, np.int32), 0
    else:
        table, shift = hash_table(len(number))
    cell, size = np.empty(len(number), np.int64), np.zeros(len(number) + 1, np.int64)
    place = np.empty(len(number), np.int32)
    count = 0
    for i in range(len(number)):
        entry = find(table, cell, number[i], shift)
        if table[entry] < 0:
            table[entry], cell[count] = count, number[i]
            count += 1
        place[i] = table[entry]
        size[place[i] + 1] += 1
    first = np.cumsum(size[: count + 1])
    at = first[:-1].copy()
    segment = np.empty(len(number), np.int32)
    for i in range(len(number)):
        segment[at[place[i]]] = owner[i]
        at[place[i]] += 1
    return table, shift, cell[:count].copy(), first, segment


@njit(nogil=True, cache=True)
def _foot(xy: NDArray[np.float64], v: int, x: float, y: float) -> tuple[float, float]:
    """Return the square of the distance from x, y to segment v, and the part of it to the foot."""
    ax, ay = xy[v, 0], xy[v, 1]
    dx, dy = xy[v + 1, 0] - ax, xy[v + 1, 1] - ay
    square = dx * dx + dy * dy
    part = 0.0
    if square > 0.0:
        part = min(1.0, max(0.0, ((x - ax) * dx + (y - ay) * dy) / square))
    ex, ey = ax + part * dx - x, ay + part * dy - y
    return ex * ex + ey * ey, part


@njit(nogil=True, cache=True)
def _nearest_segment(  # noqa: C901 - a call in its inner loop takes longer than the loop
    grid: Grid, xy: NDArray[np.float64], x: float, y: float, reach_m: float
) -> int:
    """Return the nearest segment, the first of several; -1 if none is within reach.

    Rings of cells are looked through from the inside out until no closer one can follow.
    """
    table, cell, first, segment = grid.table, grid.cell, grid.first, grid.segment
    columns, rows, stride, shift = grid.columns, grid.rows, grid.stride, grid.shift
    u, v = (x - grid.west_m) / grid.side_m, (y - grid.south_m) / grid.side_m
    margin = reach_m / grid.side_m + 1.0
    if not (-margin <= u <= columns + margin and -margin <= v <= rows + margin):
        return -1
    column, row = int(np.floor(u)), int(np.floor(v))
    inner = min(u - column, column + 1 - u, v - row, row + 1 - v)
    best, which, ring = reach_m * reach_m, -1, 0
    while True:
        for i in range(max(column - ring, 0), min(column + ring, columns - 1) + 1):
            step = 2 * ring if ring > 0 and abs(i - column) < ring else 1
            for j in range(row - ring, row + ring + 1, step):
                if not 0 <= j < rows:
                    continue
                k = table[find(table, cell, i * stride + j, shift)]
                if k < 0:
                    continue
                for s in range(first[k], first[k + 1]):
                    square, _ = _foot(xy, segment[s], x, y)
                    if square < best or (square == best and (which < 0 or segment[s] < which)):
                        best, which = square, int(segment[s])
        clear_m = (inner + ring) * grid.side_m  # what was not seen yet is farther than this
        if clear_m * clear_m > best:
            return which
        ring += 1


@njit(nogil=True, cache=True)
def nearest_positions(
    grid: Grid,
    xy: NDArray[np.float64],
    points: NDArray[np.float64],
    reach_m: float,
) -> tuple[NDArray[np.int32], NDArray[np.float64], NDArray[np.float64]]:
    """Return the edge nearest to each point, -1 for none, how far along it, and how far away."""
    edge = np.full(len(points), -1, np.int32)
    along_m, walk_m = np.zeros(len(points)), np.zeros(len(points))
    for i in range(len(points)):
        x, y = points[i, 0], points[i, 1]
        v = _nearest_segment(grid, xy, x, y, reach_m)
        if v >= 0:
            square, part = _foot(xy, v, x, y)
            edge[i], walk_m[i] = grid.edge[v], np.sqrt(square)
            along_m[i] = grid.along_m[v] + part * (grid.along_m[v + 1] - grid.along_m[v])
    return edge, along_m, walk_m
