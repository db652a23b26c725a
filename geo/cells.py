"""Which street is nearest: known for the points of a lattice over a whole network.

A circle's picture (:mod:`geo.isochrone`) asks this of every point that it may hold, and the answer
never changes for a network. It is found tile by tile when it is first asked for: a network can be
used at once, and of a province only what somebody looked at takes memory.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from geo.cells_kernel import (
    BLOCK,
    TILE,
    Ground,
    Lattice,
    Lines,
    Listed,
    Slots,
    Stock,
    find_along,
    find_blocks,
    find_near,
    paint,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geo.streets import Streets

__all__ = ["CELL_M", "WALK_CAP_M", "Cells", "make_cells"]

CELL_M = 5.0
"""Side of a cell: less than a house. A picture of 5 minutes is then wrong for 2 % of real houses,
one of 15 minutes for 0.5 %; in cells of 10 m one of 15 minutes is wrong for 2 % (docs/circles.md).
"""

COARSE_CELL_M = 10.0
"""Side of a cell for pictures of a whole city: half the vertices."""

WALK_CAP_M = 200.0
"""The longest straight walk to a street that is drawn: hardly a door is farther from any."""

MOST_TILES = 1 << 14
"""Tiles kept: 134 MB, or 420 km2 in cells of 5 m. Beyond that all are found anew."""

FEWEST_TILES = 64

_CELL_BYTES = 8
"""Edge, place on it and walk of a point."""


class _Made(NamedTuple):
    """The tiles that were painted so far; never changed but for rows that nobody uses yet."""

    row: NDArray[np.int32]
    """Row in ``stock`` of each tile of each listed block; -1 for none yet."""
    stock: Stock
    used: int
    """Rows that are in use."""


class EdgesAt(NamedTuple):
    """Which edges end at each node: those of ``i`` are ``edge[start[i]:start[i + 1]]``."""

    start: NDArray[np.int64]
    edge: NDArray[np.int32]


@dataclass(eq=False)
class Cells:
    """The nearest street of every point of a lattice, found when asked for.

    Safe to use from several threads at once.

    Attributes
    ----------
    ground
        The lattice, in metres of the network's plane, and the streets. Points that are farther from
        every street than ``ground.cap_m`` have none: a cell beyond ``walk_cap_m``.
    walk_cap_m
        The longest straight walk that is drawn.
    near
        Edges at each node.
    """

    ground: Ground = field(repr=False)
    walk_cap_m: float
    near: EdgesAt = field(repr=False)
    _made: _Made = field(repr=False)
    _spare: list[Slots] = field(default_factory=list, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def most_bytes(self) -> int:
        """The memory that all tiles take when as many as can be are painted."""
        tiles = min(MOST_TILES, len(self.ground.listed.key) * BLOCK**2)
        return tiles * TILE**2 * _CELL_BYTES

    def slots(self) -> Slots:
        """Return empty room to look up nodes and edges, for one search at a time."""
        try:
            return self._spare.pop()
        except IndexError:  # all are in use
            nodes, edges = len(self.near.start) - 1, len(self.ground.lines.length_m)
            return Slots(np.full(nodes, -1, np.int32), np.full(edges, -1, np.int32))

    def give_back(self, slots: Slots) -> None:
        """Take room back that is empty again."""
        self._spare.append(slots)

    def rows(self, tiles: NDArray[np.int32]) -> tuple[NDArray[np.int32], Stock]:
        """Return in which rows of which stock tiles are found; those not seen before are painted.

        Parameters
        ----------
        tiles
            Columns and rows of at most ``MOST_TILES`` tiles, each once, shape (k, 2).

        Returns
        -------
        tuple[NDArray[np.int32], Stock]
            A row for each tile, -1 where no street is near, and the stock.
        """
        block = tiles // BLOCK
        keys = block[:, 1].astype(np.int64) * self.ground.lattice.wide + block[:, 0]
        place = np.searchsorted(self.ground.listed.key, keys)
        place[place == len(self.ground.listed.key)] = 0
        known = self.ground.listed.key[place] == keys
        inner = tiles[known] % BLOCK
        number = place[known] * BLOCK**2 + inner[:, 1] * BLOCK + inner[:, 0]
        made = self._made
        if (made.row[number] < 0).any():
            with self._lock:  # two that ask for the same tile paint it once
                made = self._with(number, tiles[known])
        rows = np.full(len(tiles), -1, np.int32)
        rows[known] = made.row[number]
        return rows, made.stock

    def _with(self, number: NDArray[np.int64], tiles: NDArray[np.int32]) -> _Made:
        """Paint what is missing of some tiles; for one thread at a time."""
        made = self._made
        if made.used + np.count_nonzero(made.row[number] < 0) > MOST_TILES:
            made = _nothing_made(len(self.ground.listed.key))
        fresh = made.row[number] < 0
        number, tiles = number[fresh], tiles[fresh]
        made = _with_room(made, made.used + len(number))
        block = number // BLOCK**2
        paint(self.ground, tiles, block, made.stock, made.used)
        # Others read without the lock what stands: they get a new table of rows, not a changed one.
        row_of = made.row.copy()
        row_of[number] = np.arange(made.used, made.used + len(number), dtype=np.int32)
        self._made = _Made(row_of, made.stock, made.used + len(number))
        return self._made


def make_cells(
    streets: Streets, *, cell_m: float = CELL_M, walk_cap_m: float = WALK_CAP_M
) -> Cells:
    """Lay a lattice over a street network.

    Parameters
    ----------
    streets
        The network.
    cell_m
        What lies between two neighbouring points, metres.
    walk_cap_m
        The longest straight walk to a street that is drawn, metres.

    Raises
    ------
    ValueError
        If a length is not above zero, or the network has no street.

    Notes
    -----
    Blocks that streets are near to are listed, 0.1 s for 212,000 edges; nothing is painted yet.
    Points next to some 1,000 m of streets are painted in 10 ms, all of 25 x 25 km in 3 s.
    """
    if not (0 < cell_m < np.inf and 0 < walk_cap_m < np.inf):
        raise ValueError(f"cells of {cell_m} m and walks of {walk_cap_m} m: both must be above 0")
    if not len(streets):
        raise ValueError("a network without streets has no nearest one")
    start, xy = streets.line_start, streets.line_xy
    lines = Lines(start, xy, find_along(start, xy), streets.length_m)
    painted_m = walk_cap_m + cell_m  # what lies across the border tells where it runs
    lattice = _lattice(xy, cell_m, painted_m)
    listed = _list_blocks(lattice, lines, painted_m)
    return Cells(
        ground=Ground(lattice, lines, painted_m, listed),
        walk_cap_m=walk_cap_m,
        near=EdgesAt(*find_near(len(streets.node_xy), streets.a, streets.b)),
        _made=_nothing_made(len(listed.key)),
    )


def _lattice(xy: NDArray[np.float64], cell_m: float, cap_m: float) -> Lattice:
    """Return a lattice on whole multiples of ``cell_m`` that leaves room around points."""
    side_m = cell_m * TILE * BLOCK
    # A block more than is painted: whoever looks around a point there finds no end of the world.
    margin_m = cap_m + side_m
    x0, y0 = (np.floor((xy.min(axis=0) - margin_m) / cell_m) * cell_m).tolist()
    return Lattice(x0, y0, cell_m, int((xy[:, 0].max() + margin_m - x0) // side_m) + 1)


def _list_blocks(lattice: Lattice, lines: Lines, cap_m: float) -> Listed:
    """List the blocks that streets are near to."""
    keys, edges = np.empty(0, np.int64), np.empty(0, np.int32)
    count = find_blocks(lattice, lines, cap_m, keys, edges)
    keys, edges = np.empty(count, np.int64), np.empty(count, np.int32)
    find_blocks(lattice, lines, cap_m, keys, edges)
    order = np.argsort(keys, kind="stable")  # the edges of each stay in order
    keys, edges = keys[order], edges[order]
    once = np.ones(count, bool)
    once[1:] = (keys[1:] != keys[:-1]) | (edges[1:] != edges[:-1])
    keys, edges = keys[once], edges[once]
    block_key, first = np.unique(keys, return_index=True)
    return Listed(block_key, np.append(first, len(keys)).astype(np.int64), edges)


def _nothing_made(blocks: int) -> _Made:
    return _Made(np.full(blocks * BLOCK**2, -1, np.int32), _stock(0), 0)


def _with_room(made: _Made, rows: int) -> _Made:
    """Return the same tiles with room for ``rows`` of them."""
    have = len(made.stock.edge)
    if rows <= have:
        return made
    stock = _stock(max(rows, 2 * have, FEWEST_TILES))
    stock.edge[: made.used] = made.stock.edge[: made.used]
    stock.place[: made.used] = made.stock.place[: made.used]
    stock.walk[: made.used] = made.stock.walk[: made.used]
    return _Made(made.row, stock, made.used)


def _stock(rows: int) -> Stock:
    shape = (rows, TILE, TILE)
    return Stock(np.empty(shape, np.int32), np.empty(shape, np.uint16), np.empty(shape, np.uint16))
