"""Paints streets into tiles of a lattice: for each point of it the nearest position on a street."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from geo.compiling import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray

TILE = 32
"""Points along one side of a tile."""

BLOCK = 4
"""Tiles along one side of a block: edges are listed by block."""

STEPS = 65_535
"""Steps in which walks and places on edges are stored, from none to all."""

PASSES = (0.0625, 0.125, 0.25, 0.5, 1.0)
"""Parts of the longest straight walk. Most points are near a street: once it is found there, no
street farther away is looked at, and few are left for the last pass."""

_TIE = 1e-9
"""Squares of walks in cells that differ by less are as long: of a crossing every street is."""


class Lattice(NamedTuple):
    """Points on whole multiples of a cell's side, counted from a corner."""

    x0: float
    y0: float
    cell_m: float
    wide: int
    """Blocks in a row of the lattice; block (x, y) has the key ``y * wide + x``."""


class Lines(NamedTuple):
    """The lines of edges, as :class:`geo.streets.Streets` has them."""

    start: NDArray[np.int64]
    xy: NDArray[np.float64]
    along_m: NDArray[np.float64]
    """How far along its line each vertex is."""
    length_m: NDArray[np.float64]


class Listed(NamedTuple):
    """The blocks that a street is near to, u of them, and the edges near to each."""

    key: NDArray[np.int64]
    """Ascending, shape (u,)."""
    start: NDArray[np.int64]
    """Edges near to block ``i``: ``edge[start[i]:start[i + 1]]``, ascending; shape (u + 1,)."""
    edge: NDArray[np.int32]


class Ground(NamedTuple):
    """What is painted: the lattice, streets, how far from them, and which are near to a block."""

    lattice: Lattice
    lines: Lines
    cap_m: float
    listed: Listed


class Stock(NamedTuple):
    """What was painted, a row for each tile: shape (rows, TILE, TILE), y before x."""

    edge: NDArray[np.int32]
    """The nearest edge of each point, the smallest of several; -1 where none is near enough."""
    place: NDArray[np.uint16]
    """Where on it the nearest position is, from 0 at its ``a`` to ``STEPS`` at its ``b``."""
    walk: NDArray[np.uint16]
    """How far that is, from 0 to ``STEPS`` for the longest straight walk."""


class Slots(NamedTuple):
    """Room to look up what was reached, by node and by edge; -1 everywhere between uses."""

    of_node: NDArray[np.int32]
    of_edge: NDArray[np.int32]


class _Canvas(NamedTuple):
    """The nearest segments found so far for the points of a tile, shape (TILE, TILE)."""

    square: NDArray[np.float64]
    """Squared walks, in cells."""
    which: NDArray[np.int64]
    """Segments, -1 for none yet."""
    part: NDArray[np.float64]
    """Where on them, from 0 to 1."""
    rows: NDArray[np.int64]
    """The first and last point of each row without a segment, shape (TILE, 2)."""


class _Near(NamedTuple):
    """Segments near a tile, in cells counted from its corner."""

    at: NDArray[np.float64]
    """ax, ay, bx, by, shape (n, 4)."""
    edge: NDArray[np.int32]
    along_m: NDArray[np.float64]
    """Where on its edge a segment begins."""


@njit(nogil=True, cache=True)
def find_along(start: NDArray[np.int64], xy: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how far along its line each vertex is, metres."""
    along_m = np.zeros(len(xy))
    for e in range(len(start) - 1):
        for k in range(start[e] + 1, start[e + 1]):
            step_m = np.hypot(xy[k, 0] - xy[k - 1, 0], xy[k, 1] - xy[k - 1, 1])
            along_m[k] = along_m[k - 1] + step_m
    return along_m


@njit(nogil=True, cache=True)
def find_blocks(
    lattice: Lattice, lines: Lines, cap_m: float, keys: NDArray[np.int64], edges: NDArray[np.int32]
) -> int:
    """Note for each edge the blocks in which it may be nearest to a point.

    Parameters
    ----------
    lattice, lines
        The lattice, and what is painted.
    cap_m
        How far from a street points are painted.
    keys, edges
        Results, pairs of a block's key and an edge, some of them more than once. Pairs beyond the
        end of these arrays are only counted.

    Returns
    -------
    int
        How many pairs there are.
    """
    side = lattice.cell_m * TILE * BLOCK
    count = 0
    for e in range(len(lines.start) - 1):
        last = -1
        for k in range(lines.start[e], lines.start[e + 1] - 1):
            ax, ay = lines.xy[k, 0] - lattice.x0, lines.xy[k, 1] - lattice.y0
            bx, by = lines.xy[k + 1, 0] - lattice.x0, lines.xy[k + 1, 1] - lattice.y0
            west = int(np.floor((min(ax, bx) - cap_m) / side))
            east = int(np.floor((max(ax, bx) + cap_m) / side))
            south = int(np.floor((min(ay, by) - cap_m) / side))
            north = int(np.floor((max(ay, by) + cap_m) / side))
            for key_y in range(south, north + 1):
                for key_x in range(west, east + 1):
                    key = key_y * lattice.wide + key_x
                    if key == last:
                        continue  # most segments lie in one block
                    if count < len(keys):
                        keys[count], edges[count] = key, e
                    count += 1
                    last = key
    return count


@njit(nogil=True, cache=True)
def _segments_near(ground: Ground, corner: tuple[int, int], edges: NDArray[np.int32]) -> _Near:
    """Return the segments of edges that may be nearest to a point of the tile at a corner."""
    lattice, lines = ground.lattice, ground.lines
    cell_m = lattice.cell_m
    west_m, south_m = lattice.x0 + corner[0] * cell_m, lattice.y0 + corner[1] * cell_m
    side_m = TILE * cell_m
    low_x, high_x = west_m - ground.cap_m, west_m + side_m + ground.cap_m
    low_y, high_y = south_m - ground.cap_m, south_m + side_m + ground.cap_m
    room = 0
    for e in edges:
        room += lines.start[e + 1] - lines.start[e] - 1
    at, edge, along_m = np.empty((room, 4)), np.empty(room, np.int32), np.empty(room)
    count = 0
    for e in edges:
        for k in range(lines.start[e], lines.start[e + 1] - 1):
            ax, ay, bx, by = lines.xy[k, 0], lines.xy[k, 1], lines.xy[k + 1, 0], lines.xy[k + 1, 1]
            if max(ax, bx) < low_x or min(ax, bx) > high_x:
                continue
            if max(ay, by) < low_y or min(ay, by) > high_y:
                continue
            at[count, 0], at[count, 1] = (ax - west_m) / cell_m, (ay - south_m) / cell_m
            at[count, 2], at[count, 3] = (bx - west_m) / cell_m, (by - south_m) / cell_m
            edge[count], along_m[count] = e, lines.along_m[k]
            count += 1
    return _Near(at[:count], edge[:count], along_m[:count])


@njit(nogil=True, cache=True)
def _paint_segment(near: _Near, k: int, reach: float, done: float, canvas: _Canvas) -> None:
    """Note segment k with the points that no segment before is as near to.

    Points within ``done`` cells of a street are finished; others are looked at up to ``reach``.
    """
    ax, ay, bx, by = near.at[k]
    dx, dy = bx - ax, by - ay
    length_2 = dx * dx + dy * dy
    per = 1.0 / length_2 if length_2 > 0 else 0.0
    west, east = int(np.ceil(min(ax, bx) - reach)), int(np.floor(max(ax, bx) + reach))
    south = max(0, int(np.ceil(min(ay, by) - reach)))
    north = min(TILE - 1, int(np.floor(max(ay, by) + reach)))
    for j in range(south, north + 1):
        for i in range(max(west, canvas.rows[j, 0]), min(east, canvas.rows[j, 1]) + 1):
            if canvas.square[j, i] < done * done:
                continue
            px, py = i - ax, j - ay
            t = min(max((px * dx + py * dy) * per, 0.0), 1.0)
            px, py = px - t * dx, py - t * dy
            away = px * px + py * py
            if away + _TIE < canvas.square[j, i]:
                canvas.square[j, i], canvas.which[j, i], canvas.part[j, i] = away, k, t


@njit(nogil=True, cache=True)
def _look_farther(canvas: _Canvas, reach: float) -> bool:
    """Note which points have no segment; tell whether there is any."""
    left = False
    for j in range(TILE):
        canvas.rows[j, 0], canvas.rows[j, 1] = TILE, -1
        for i in range(TILE):
            if canvas.which[j, i] < 0:
                canvas.square[j, i] = reach * reach
                canvas.rows[j, 0], canvas.rows[j, 1] = min(canvas.rows[j, 0], i), i
                left = True
    return left


@njit(nogil=True, cache=True)
def _store(ground: Ground, near: _Near, canvas: _Canvas, stock: Stock, row: int) -> None:
    """Write down which edges the segments belong to, and where on these."""
    cell_m = ground.lattice.cell_m
    per = cell_m / ground.cap_m
    for j in range(TILE):
        for i in range(TILE):
            k = canvas.which[j, i]
            stock.edge[row, j, i] = near.edge[k] if k >= 0 else -1
            if k >= 0:
                dx, dy = near.at[k, 2] - near.at[k, 0], near.at[k, 3] - near.at[k, 1]
                on_m = canvas.part[j, i] * np.sqrt(dx * dx + dy * dy) * cell_m
                share = (near.along_m[k] + on_m) / ground.lines.length_m[near.edge[k]]
                stock.place[row, j, i] = round(min(share, 1.0) * STEPS)
                stock.walk[row, j, i] = round(np.sqrt(canvas.square[j, i]) * per * STEPS)


@njit(nogil=True, cache=True)
def paint(
    ground: Ground,
    tiles: NDArray[np.int32],
    block: NDArray[np.int64],
    stock: Stock,
    row: int,
) -> None:
    """Find for each point of k tiles the nearest position on any edge.

    Parameters
    ----------
    ground
        What is painted.
    tiles, block
        Columns and rows of tiles, shape (k, 2), and the place of each one's block, shape (k,).
    stock, row
        Where to write what was found, from which row on.
    """
    cap = ground.cap_m / ground.lattice.cell_m
    listed = ground.listed
    canvas = _Canvas(
        np.empty((TILE, TILE)),
        np.empty((TILE, TILE), np.int64),
        np.empty((TILE, TILE)),
        np.empty((TILE, 2), np.int64),
    )
    for t in range(len(tiles)):
        edges = listed.edge[listed.start[block[t]] : listed.start[block[t] + 1]]
        near = _segments_near(ground, (tiles[t, 0] * TILE, tiles[t, 1] * TILE), edges)
        canvas.which[:] = -1
        done = 0.0
        for share in PASSES:
            if not _look_farther(canvas, cap * share):
                break
            for k in range(len(near.edge)):
                _paint_segment(near, k, cap * share, done, canvas)
            done = cap * share
        _store(ground, near, canvas, stock, row + t)


@njit(nogil=True, cache=True)
def find_near(
    n: int, a: NDArray[np.int32], b: NDArray[np.int32]
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Return which edges end at each node, loops and edges side by side included.

    Returns
    -------
    tuple
        Those of node ``i`` are ``edge[start[i]:start[i + 1]]``: start (n + 1,), and edge.
    """
    start = np.zeros(n + 1, np.int64)
    for e in range(len(a)):
        start[a[e] + 1] += 1
        if b[e] != a[e]:
            start[b[e] + 1] += 1
    start = np.cumsum(start)
    at = start[:-1].copy()
    edge = np.empty(start[-1], np.int32)
    for e in range(len(a)):
        edge[at[a[e]]] = e
        at[a[e]] += 1
        if b[e] != a[e]:
            edge[at[b[e]]] = e
            at[b[e]] += 1
    return start, edge
