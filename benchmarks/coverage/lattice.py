"""The cells of a made-up city: bricks with wiggly walls, each wall drawn once.

Cells lie in rows like bricks in a wall, every second row shifted by half a cell, so that each cell
has six neighbours and three cells meet in each corner, as in real cities. A cell's ring has 36
vertices: 6 corners and ``BENDS`` on each of its 6 walls.

    row 1      +-----------+-----------+        a cell of row 0 has the walls
               |           |           |        south-west, south-east, east,
    row 0   +-----+-----+-----+-----+           north-east, north-west, west
            |           |           |
            +-----+-----+-----+-----+
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from benchmarks.coverage.plane import EASTING_M, NORTHING_M

if TYPE_CHECKING:
    from numpy.typing import NDArray

BENDS = 5
"""Vertices inside each wall."""

WALL = BENDS + 1
"""Vertices from one corner of a ring to the next."""

EAST_BENDS = slice(2 * WALL + 1, 3 * WALL)
"""The vertices inside the east wall, in a ring's order."""

WEST_BENDS = slice(5 * WALL + 1, 6 * WALL)
"""The vertices inside the west wall; they run southwards, the east wall's northwards."""

HALF_CELL_M, CELL_HEIGHT_M = 100.0, 170.0
COMMUNITY_COLS, COMMUNITY_ROWS = 6, 5
DISTRICT_COLS, DISTRICT_ROWS = 5, 2  # in communities
CELLS_A_DISTRICT = COMMUNITY_COLS * COMMUNITY_ROWS * DISTRICT_COLS * DISTRICT_ROWS

_CORNER_SHIFT = 0.12  # of half a cell's width and of its height
_BEND, _MOST_BEND = 0.04, 0.1  # of the wall's length, across it
_LONGEST_SIDE = 1.6  # how much longer than the other a side of the city may be, in districts


class Lattice(NamedTuple):
    """All cells, row by row."""

    rings: NDArray[np.float64]
    """Closed rings in plane metres, counter-clockwise, shape (rows, cols, 6 * WALL + 1, 2)."""

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of cells."""
        return self.rings.shape[0], self.rings.shape[1]

    def community_of(self) -> NDArray[np.intp]:
        """Return each cell's community, counted row by row, shape (rows * cols,)."""
        rows, cols = self.shape
        row, col = np.indices((rows, cols))
        across = cols // COMMUNITY_COLS
        return (row // COMMUNITY_ROWS * across + col // COMMUNITY_COLS).ravel()

    def district_of(self) -> NDArray[np.intp]:
        """Return each community's sub-district, counted row by row."""
        rows, cols = self.shape
        row, col = np.indices((rows // COMMUNITY_ROWS, cols // COMMUNITY_COLS))
        across = cols // COMMUNITY_COLS // DISTRICT_COLS
        return (row // DISTRICT_ROWS * across + col // DISTRICT_COLS).ravel()


def draw_lattice(cells: int, seed: int) -> Lattice:
    """Draw at least so many cells, in whole sub-districts of 300.

    Parameters
    ----------
    cells
        The fewest cells wanted; up to a tenth more are drawn, so that the city is a rectangle.
    seed
        The same seed gives the same city.
    """
    down, across = _districts(-(-cells // CELLS_A_DISTRICT))
    rows, cols = down * DISTRICT_ROWS * COMMUNITY_ROWS, across * DISTRICT_COLS * COMMUNITY_COLS
    rng = np.random.default_rng(seed)
    corners = _corners(rows, cols, rng)
    flat = _walls(corners[:, :-1], corners[:, 1:], rng)
    upright = _walls(corners[:-1], corners[1:], rng)
    row, col = np.indices((rows, cols))
    start = 2 * col + row % 2  # the column of the south-west corner

    def wall(bends: NDArray[np.float64], up: int, along: int) -> NDArray[np.float64]:
        return np.asarray(bends[row + up, start + along])

    def corner(up: int, along: int) -> NDArray[np.float64]:
        return np.asarray(corners[row + up, start + along][..., None, :])

    back = np.s_[..., ::-1, :]
    rings = np.concatenate(
        [
            *(corner(0, 0), wall(flat, 0, 0), corner(0, 1), wall(flat, 0, 1)),
            *(corner(0, 2), wall(upright, 0, 2)),
            *(corner(1, 2), wall(flat, 1, 1)[back], corner(1, 1), wall(flat, 1, 0)[back]),
            *(corner(1, 0), wall(upright, 0, 0)[back]),
            corner(0, 0),
        ],
        axis=-2,
    )
    return Lattice(rings)


def _districts(wanted: int) -> tuple[int, int]:
    """Return the sides of the smallest rectangle of that many sub-districts, not too long."""
    sides = [
        (down, across)
        for down in range(1, wanted + 1)
        for across in [max(down, -(-wanted // down))]
        if across <= max(2, _LONGEST_SIDE * down)
    ]
    return min(sides, key=lambda side: (side[0] * side[1], side[1]))


def _corners(rows: int, cols: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return the corners of all cells, shape (rows + 1, 2 * cols + 2, 2)."""
    up, along = np.indices((rows + 1, 2 * cols + 2))
    step = np.array([HALF_CELL_M, CELL_HEIGHT_M])
    corners = np.stack([along - cols, up - rows / 2], axis=-1) * step
    shift = rng.uniform(-_CORNER_SHIFT, _CORNER_SHIFT, corners.shape)
    return np.asarray(corners + shift * step + (EASTING_M, NORTHING_M), np.float64)


def _walls(
    start: NDArray[np.float64], end: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return the vertices between corners, moved across the straight line, (..., BENDS, 2)."""
    along = (np.arange(1, WALL) / WALL)[:, None]
    way = (end - start)[..., None, :]
    across = np.stack([-way[..., 1], way[..., 0]], axis=-1)
    bend = rng.normal(0, _BEND, (*start.shape[:-1], BENDS, 1)).clip(-_MOST_BEND, _MOST_BEND)
    return np.asarray(start[..., None, :] + along * way + bend * across, np.float64)
