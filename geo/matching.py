"""Whether a file matches what stands as it is, vertex by vertex: then nothing has to be noded.

A quick look that says yes only where noding would change nothing: every sum is zero already, no
ring repeats a vertex or touches itself, and no vertex lies so near to a stored one that it would
become that one. Where it says no, ``geo.noding`` looks closer.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import shapely

from geo.chain import chains
from geo.compiling import njit
from geo.noding import REACH_M
from geo.rings_kernel import mix
from geo.wkb import THREADS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geo.chain import Boundaries
    from geo.mesh import Ground
    from geo.segments import Sums

CELL_M = 2.5 * REACH_M
"""Side of the cells that stored vertices are sorted into, in metres: whatever lies within
``REACH_M`` of a place is in one of the four cells around it."""

SLICE = 2**19
"""Vertices that are looked up in one go; others are looked up beside them."""

_EMPTY = -1


class Vertices(NamedTuple):
    """The v vertices of a file's polygons, in the file's order."""

    plane: NDArray[np.float64]
    """Metres on the file's plane, shape (v, 2)."""
    lonlat: NDArray[np.float64]
    """The same in degrees, rounded, shape (v, 2)."""


def is_matched(
    vertices: Vertices,
    rings: Boundaries,
    stored: NDArray[np.object_],
    sums: Sums,
    ground: Ground,
    *,
    former: NDArray[np.object_],
) -> bool:
    """Return whether noding would leave sent and stored polygons as they are.

    Parameters
    ----------
    vertices, rings
        Those of the sent polygons.
    stored, sums, ground, former
        As for :func:`geo.noding.node`.

    Notes
    -----
    Linear in the number of vertices. As in the proof, a sum is zero by chance with odds of 2^-64.
    """
    if not (rings.valid.all() and adds_up(rings.chain, stored, sums)):
        return False
    if _repeats(vertices.lonlat):
        return False
    fixed = shapely.get_coordinates(np.concatenate([stored, former]))
    if not len(fixed):
        return True
    return not _any_near(vertices, fixed + 0.0, ground.from_lonlat(fixed))


def adds_up(chain: NDArray[np.int64], stored: NDArray[np.object_], sums: Sums) -> bool:
    """Return whether all sums are zero.

    Parameters
    ----------
    chain
        Chains of the sent polygons, which come before the stored ones in ``sums``.
    """
    if not len(sums.group):
        return True
    every = np.concatenate([chain, chains(stored)])
    total = np.zeros(int(sums.group.max()) + 1, np.int64)
    np.add.at(total, sums.group, every[sums.polygon] * sums.sign)  # integers wrap silently
    return not total.any()


def _repeats(xy: NDArray[np.float64]) -> bool:
    """Return whether a vertex comes twice in a row, but for a ring's end and the next one's start.

    Rings that touch where one ends and the next begins are taken for such a repeat, too.
    """
    return bool((xy[1:] == xy[:-1]).all(1).any())


def _any_near(vertices: Vertices, fixed: NDArray[np.float64], plane: NDArray[np.float64]) -> bool:
    """Return whether a vertex lies near a stored one that it is not."""
    size = 1 << int(2 * len(fixed) - 1).bit_length()
    table = np.full(size, _EMPTY, np.int64)
    _fill(table, fixed, plane)
    sent = vertices.lonlat + 0.0

    def look(first: int) -> bool:
        mine = slice(first, first + SLICE)
        return bool(_meet(table, fixed, plane, sent[mine], vertices.plane[mine]))

    with ThreadPoolExecutor(THREADS) as pool:
        return any(pool.map(look, range(0, len(sent), SLICE)))


@njit(inline="always")
def _cell(x: float, y: float) -> np.uint64:
    """Return 64 bits for the cell of a place."""
    column, row = np.uint64(np.int64(np.floor(x))), np.uint64(np.int64(np.floor(y)))
    return mix(column * np.uint64(0x9E3779B97F4A7C15) + mix(row))


@njit(nogil=True, cache=True)
def _fill(table: NDArray[np.int64], fixed: NDArray[np.float64], plane: NDArray[np.float64]) -> None:
    """Sort stored vertices into a table by their cells, each place once."""
    mask = np.uint64(len(table) - 1)
    for i in range(len(fixed)):
        at = _cell(plane[i, 0] / CELL_M, plane[i, 1] / CELL_M) & mask
        known = False
        while table[at] != _EMPTY:
            there = table[at]
            if fixed[there, 0] == fixed[i, 0] and fixed[there, 1] == fixed[i, 1]:
                known = True
                break
            at = (at + np.uint64(1)) & mask
        if not known:
            table[at] = i


@njit(nogil=True, cache=True)
def _meet(
    table: NDArray[np.int64],
    fixed: NDArray[np.float64],
    plane: NDArray[np.float64],
    sent: NDArray[np.float64],
    sent_plane: NDArray[np.float64],
) -> bool:
    """Return whether a sent vertex is no stored one, but near one."""
    mask = np.uint64(len(table) - 1)
    reach = REACH_M * REACH_M
    for v in range(len(sent)):
        x, y = sent_plane[v, 0] / CELL_M, sent_plane[v, 1] / CELL_M
        near, same = False, False
        for k in range(4):
            dx, dy = (k & 1) - 0.5, (k >> 1) - 0.5
            at = _cell(x + dx, y + dy) & mask
            while table[at] != _EMPTY:
                there = table[at]
                if fixed[there, 0] == sent[v, 0] and fixed[there, 1] == sent[v, 1]:
                    same = True
                off_x = plane[there, 0] - sent_plane[v, 0]
                off_y = plane[there, 1] - sent_plane[v, 1]
                if off_x * off_x + off_y * off_y <= reach:
                    near = True
                at = (at + np.uint64(1)) & mask
        if near and not same:
            return True
    return False
