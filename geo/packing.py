"""Geometries as short strings of bytes, for pictures that travel in one file."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import shapely

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_STEPS = 1 << 28
"""The most steps along one axis: zigzagged differences then stay below 2^31."""

_POLYGON = 3
"""GEOS's number of the type Polygon."""


class Frame(NamedTuple):
    """The whole numbers that coordinates become: steps from a corner."""

    west_m: float
    south_m: float
    step_m: float

    @classmethod
    def around(cls, bounds: NDArray[np.float64], finest_m: float) -> Frame:
        """Return a frame for west, south, east, north with steps of ``finest_m`` or more."""
        west, south, east, north = bounds.tolist()
        side = max(east - west, north - south)
        return cls(west, south, max(finest_m, side / MOST_STEPS))


class Packed(NamedTuple):
    """n geometries in a frame; see :func:`pack` for how they are written."""

    counts: bytes
    steps: bytes
    vertices: int
    """How many vertices are left."""


def pack(geoms: NDArray[np.object_], frame: Frame) -> Packed:
    """Write geometries as whole numbers of few bytes each.

    Parameters
    ----------
    geoms
        In metres, shape (n,): of any type; None becomes a geometry without parts.
    frame
        It holds all of them.

    Returns
    -------
    Packed
        ``counts`` has, a geometry after the other, its number of parts (rings, lines and points)
        and how many vertices each has. ``steps`` has x and y of each vertex as the difference to
        the vertex before, the first to (0, 0), zigzagged: 0, -1, 1, -2 are written as 0, 1, 2, 3.
        All numbers are varints: seven bits a byte, lowest first, the top bit says that more
        follow. A ring's last vertex, which is its first, is left out, and so are vertices that
        fall on the one before.
    """
    parts, owner = _parts(geoms)
    xy, part_of = shapely.get_coordinates(parts, return_index=True)
    corner = np.array([frame.west_m, frame.south_m])
    grid = np.rint((xy - corner) / frame.step_m).astype(np.int64)
    first = np.ones(len(grid), bool)
    first[1:] = part_of[1:] != part_of[:-1]
    last = np.roll(first, -1)
    ring = shapely.get_type_id(parts) == shapely.GeometryType.LINEARRING
    repeated = ~first & (np.roll(grid, 1, axis=0) == grid).all(axis=1)
    # A ring that shrinks to a point keeps its first vertex.
    keep = ~repeated & ~(last & ~first & ring[part_of])
    grid, part_of = grid[keep], part_of[keep]
    change = np.diff(grid, axis=0, prepend=np.zeros((1, 2), np.int64))
    zigzag = (change << 1) ^ (change >> 63)
    counts = _counts(len(geoms), owner, np.bincount(part_of, minlength=len(parts)))
    return Packed(varints(counts), varints(zigzag.ravel()), len(grid))


def varints(values: NDArray[np.int64]) -> bytes:
    """Write whole numbers from 0 to 2^35 - 1, shape (n,): seven bits a byte, lowest first."""
    longest = 5
    size = np.ones(len(values), np.intp)
    for more in range(1, longest):
        size += values >= (1 << (7 * more))
    start = np.cumsum(size) - size
    out = np.zeros(int(size.sum()), np.uint8)
    for place in range(longest):
        there = size > place
        bits = (values[there] >> (7 * place)) & 0x7F
        out[start[there] + place] = bits | np.where(size[there] > place + 1, 0x80, 0)
    return out.tobytes()


def _parts(geoms: NDArray[np.object_]) -> tuple[NDArray[np.object_], NDArray[np.intp]]:
    """Return rings, lines and points, shape (m,), and the geometry that each belongs to."""
    there = np.flatnonzero([geom is not None for geom in geoms])
    parts, owner = np.asarray(geoms[there], object), there
    # A collection may hold multipolygons: they are taken apart twice.
    for _ in range(2):
        parts, of = shapely.get_parts(parts, return_index=True)
        owner = owner[of]
    areal = shapely.get_type_id(parts) == _POLYGON
    rings, of = shapely.get_rings(parts[areal], return_index=True)
    pieces = np.concatenate([parts[~areal], rings])
    whose = np.concatenate([owner[~areal], owner[areal][of]])
    pieces, whose = pieces[~shapely.is_empty(pieces)], whose[~shapely.is_empty(pieces)]
    order = np.argsort(whose, kind="stable")
    return pieces[order], whose[order]


def _counts(n: int, owner: NDArray[np.intp], vertices: NDArray[np.intp]) -> NDArray[np.int64]:
    """Return, a geometry after the other, the number of its parts and of each part's vertices."""
    parts = np.bincount(owner, minlength=n)
    out = np.zeros(n + len(owner), np.int64)
    heads = np.arange(n) + np.cumsum(parts) - parts
    tails = np.ones(len(out), bool)
    tails[heads] = False
    out[heads] = parts
    out[tails] = vertices
    return out
