"""Draws the line between inside and outside of a lattice's points, as polygons.

Every vertex lies on a line of the lattice between a point inside and one outside, at a sixteenth
of a cell: never on a point. Lines of different limits therefore either run on one another vertex
by vertex or keep a good part of a cell apart, and no line touches itself, so that polygons stay
valid, and one within the other, when they are projected and rounded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import shapely

from geo.cells_kernel import TILE
from geo.compiling import njit
from geo.isochrone_kernel import FAR, Field

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["PARTS", "SPECK", "outline"]

PARTS = 16
"""Places for a vertex between two neighbouring points of the lattice, less one."""

SPECK = 1.25
"""Polygons and holes of up to so many cells are left out. The smallest that holds a street is a
cell and a sixteenth around it, 1.258; the smallest hole that holds a polygon is larger than 2."""

_ROOM = 2 * TILE * TILE
"""Crossings that there is room for at first: more than a tile can have."""

# Sides of a cell: 0 below, 1 right, 2 above, 3 left. Its corners count 1 (below left), 2 (below
# right), 4 (above right), 8 (above left); the sum of those inside names the case, and 16 and 17
# are cases 5 and 10 (two corners across) when they are joined in the middle. A line goes from side
# to side with the inside on its left.
_CASES = np.full((18, 2, 2), -1, np.int8)
for _name, _lines in {
    1: [(0, 3)],
    2: [(1, 0)],
    3: [(1, 3)],
    4: [(2, 1)],
    5: [(0, 3), (2, 1)],
    6: [(2, 0)],
    7: [(2, 3)],
    8: [(3, 2)],
    9: [(0, 2)],
    10: [(1, 0), (3, 2)],
    11: [(1, 2)],
    12: [(3, 1)],
    13: [(0, 1)],
    14: [(3, 0)],
    16: [(0, 1), (2, 3)],
    17: [(3, 0), (1, 2)],
}.items():
    for _k, _line in enumerate(_lines):
        _CASES[_name, _k] = _line
_LINES = (_CASES[:, :, 0] >= 0).sum(axis=1)


class _Crossings(NamedTuple):
    """Where lines cross the lattice, in steps of which ``PARTS`` make a cell."""

    key: NDArray[np.int64]
    """Crossings of rows, row by row from left to right, before those of columns."""
    to: NDArray[np.int64]
    """Key of the next crossing on the same line."""
    xy: NDArray[np.int64]


class _Names(NamedTuple):
    """How crossings of a tile are named."""

    x0: int
    """Where its first point is, in parts."""
    y0: int
    wide: int
    """Points in a row of the lattice."""
    columns: int
    """From where on crossings of columns are counted."""


class _Rings(NamedTuple):
    start: NDArray[np.int64]
    """Ring ``r`` goes through crossings ``order[start[r]:start[r + 1]]``."""
    order: NDArray[np.int64]
    twice_area: NDArray[np.int64]
    """Below zero for holes."""
    shell: NDArray[np.int64]
    """The ring around each hole; of a shell itself."""


def outline(field: Field, *, origin: tuple[float, float], step: float) -> shapely.MultiPolygon:
    """Return the land where values are 0 or less.

    Parameters
    ----------
    field
        The values. Points on the rim of a tile without a neighbour must be outside.
    origin, step
        Where the first point of tile (0, 0) lies, and a part of a cell's side.
    """
    crossings = _cross(field)
    order = np.argsort(crossings.key)
    key, to, xy = (column[order] for column in crossings)
    rings = _string(np.searchsorted(key, to), xy)
    return _polygons(rings, xy * step + np.array(origin))


def _polygons(rings: _Rings, xy: NDArray[np.float64]) -> shapely.MultiPolygon:
    """Put rings together, less specks and pinholes."""
    kept = np.abs(rings.twice_area) > 2 * SPECK * PARTS**2
    if not kept.any():
        return shapely.MultiPolygon()
    which = np.flatnonzero(kept)
    # Each shell before its holes.
    which = which[np.lexsort((rings.twice_area[which] < 0, rings.shell[which]))]
    size = np.diff(rings.start)[which]
    first = np.repeat(rings.start[which] - np.concatenate([[0], np.cumsum(size)[:-1]]), size)
    vertex = rings.order[first + np.arange(len(first))]
    lines = shapely.linearrings(xy[vertex], indices=np.repeat(np.arange(len(which)), size))
    part = np.cumsum(rings.twice_area[which] > 0) - 1
    polygons = np.asarray(shapely.polygons(np.asarray(lines), indices=part))
    return shapely.MultiPolygon(polygons.tolist())


@njit(nogil=True, cache=True)
def _value(field: Field, x: int, y: int, i: int, j: int) -> int:
    """Return the value of point (i, j) counted from tile (x, y), which may lie in the next one."""
    x, y = x + i // TILE - field.west, y + j // TILE - field.south
    if x >= field.place.shape[1] or y >= field.place.shape[0] or field.place[y, x] < 0:
        return FAR
    return int(field.values[field.place[y, x], j % TILE, i % TILE])


@njit(nogil=True, cache=True)
def _copy(field: Field, t: int, z: NDArray[np.int64], inside: NDArray[np.int64]) -> None:
    """Copy a tile and the points next to it, right and above; count those inside by row."""
    tile, x, y = field.values[t], field.tiles[t, 0], field.tiles[t, 1]
    for j in range(TILE):
        count = 0
        for i in range(TILE):
            z[j, i] = tile[j, i]
            count += tile[j, i] <= 0
        z[j, TILE] = _value(field, x, y, TILE, j)
        inside[j] = count + (z[j, TILE] <= 0)
    inside[TILE] = 0
    for i in range(TILE + 1):
        z[TILE, i] = _value(field, x, y, i, TILE)
        inside[TILE] += z[TILE, i] <= 0


@njit(nogil=True, cache=True)
def _case(z: NDArray[np.int64], i: int, j: int) -> int:
    """Return the case of a cell."""
    case = (
        int(z[j, i] <= 0)
        + 2 * int(z[j, i + 1] <= 0)
        + 4 * int(z[j + 1, i + 1] <= 0)
        + 8 * int(z[j + 1, i] <= 0)
    )
    across = case in (5, 10)
    if across and z[j, i] + z[j, i + 1] + z[j + 1, i] + z[j + 1, i + 1] <= 0:
        case = 16 if case == 5 else 17  # noqa: PLR2004 - see _CASES
    return case


@njit(nogil=True, cache=True)
def _between(low: int, high: int) -> int:
    """Return where between two points, of which one is inside, the line crosses."""
    inside, outside = (-low, high) if low <= 0 else (-high, low)
    part = min(max(PARTS * inside // (inside + outside), 1), PARTS - 1)
    return part if low <= 0 else PARTS - part


@njit(nogil=True, cache=True)
def _crossing(z: NDArray[np.int64], i: int, j: int, side: int) -> tuple[int, int, int]:
    """Return where a line crosses a cell's side, in parts; and 0 for a row, 1 for a column."""
    if side in (0, 2):
        j += side // 2
        return PARTS * i + _between(z[j, i], z[j, i + 1]), PARTS * j, 0
    i += side % 3
    return PARTS * i, PARTS * j + _between(z[j, i], z[j + 1, i]), 1


@njit(nogil=True, cache=True)
def _roomier(found: _Crossings) -> _Crossings:
    """Return the same crossings with twice the room."""
    size = 2 * len(found.key)
    key, to, xy = np.empty(size, np.int64), np.empty(size, np.int64), np.empty((size, 2), np.int64)
    for k in range(len(found.key)):
        key[k], to[k] = found.key[k], found.to[k]
        xy[k, 0], xy[k, 1] = found.xy[k, 0], found.xy[k, 1]
    return _Crossings(key, to, xy)


@njit(nogil=True, cache=True)
def _cross_row(z: NDArray[np.int64], j: int, names: _Names, found: _Crossings, total: int) -> int:
    """Note the crossings around a row of cells; return how many there are then."""
    for i in range(TILE):
        case = _case(z, i, j)
        for line in range(_LINES[case]):
            for end in range(2):
                x, y, column = _crossing(z, i, j, _CASES[case, line, end])
                x, y = x + names.x0, y + names.y0
                name = y // PARTS * names.wide + x // PARTS + column * names.columns
                if end == 0:
                    found.key[total], found.xy[total, 0], found.xy[total, 1] = name, x, y
                else:
                    found.to[total] = name
            total += 1
    return total


@njit(nogil=True, cache=True)
def _cross(field: Field) -> _Crossings:
    """Return all crossings, in no order."""
    wide = (field.west + field.place.shape[1] + 1) * TILE
    columns = wide * (field.south + field.place.shape[0] + 1) * TILE
    found = _Crossings(
        np.empty(_ROOM, np.int64), np.empty(_ROOM, np.int64), np.empty((_ROOM, 2), np.int64)
    )
    total = 0
    z = np.empty((TILE + 1, TILE + 1), np.int64)
    inside = np.empty(TILE + 1, np.int64)
    for t in range(len(field.tiles)):
        _copy(field, t, z, inside)
        if total + _ROOM > len(found.key):
            found = _roomier(found)
        x0, y0 = int(field.tiles[t, 0]) * TILE * PARTS, int(field.tiles[t, 1]) * TILE * PARTS
        names = _Names(x0, y0, wide, columns)
        for j in range(TILE):
            if 0 < inside[j] + inside[j + 1] < 2 * TILE + 2:  # else all are on one side
                total = _cross_row(z, j, names, found, total)
    return _Crossings(found.key[:total], found.to[:total], found.xy[:total])


@njit(nogil=True, cache=True)
def _string(after: NDArray[np.int64], xy: NDArray[np.int64]) -> _Rings:
    """Follow crossings, sorted by key, to rings.

    Notes
    -----
    Every ring crosses a row. Where a hole first does, at its lowest and there leftmost crossing,
    the land to the left is inside as far as the crossing before: that is one of the shell around
    the hole, or of another of its holes, which was found earlier.
    """
    n = len(after)
    ring = np.full(n, -1, np.int64)
    start, shell = np.empty(n + 1, np.int64), np.empty(n, np.int64)
    order, twice_area = np.empty(n, np.int64), np.empty(n, np.int64)
    rings = count = 0
    for first in range(n):
        if ring[first] >= 0:
            continue
        start[rings] = count
        area, at = 0, first
        while ring[at] < 0:
            ring[at] = rings
            order[count] = at
            count += 1
            to = after[at]
            area += xy[at, 0] * xy[to, 1] - xy[to, 0] * xy[at, 1]
            at = to
        twice_area[rings] = area
        shell[rings] = rings if area > 0 else shell[ring[first - 1]]
        rings += 1
    start[rings] = count
    return _Rings(start[: rings + 1], order, twice_area[:rings], shell[:rings])
