"""A file's polygons with their vertices in degrees, as MultiPolygons, written straight as bytes.

What is common, polygons of one ring, is written from the coordinates, and what the rings say is
read from there while the geometries are being built: they are neither taken apart nor written once
more. Whatever is not certainly such a polygon is built, turned and looked at by GEOS.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import shapely

from geo.chain import Boundaries, boundaries
from geo.compiling import njit
from geo.rings_kernel import read_polygons
from geo.validity import as_multipolygons
from geo.wkb import CHUNK, THREADS, to_wkb

if TYPE_CHECKING:
    from numpy.typing import NDArray

_HEAD = np.array([1, 6, 0, 0, 0, 1, 0, 0, 0, 1, 3, 0, 0, 0, 1, 0, 0, 0], np.uint8)
"""How the bytes of a MultiPolygon of one ring begin, up to the number of its vertices."""

_COUNT_BYTES, _POINT_BYTES = 4, 16

_FLAT = 1e-7
"""A ring that encloses less than this share of its box may turn either way, for all that rounding
lets us see: it may be off by 1e-9 of the box with a million vertices."""


class Converted(NamedTuple):
    """What became of n polygons."""

    geoms: NDArray[np.object_]
    """MultiPolygons whose exteriors run counter-clockwise, shape (n,)."""
    wkb: list[bytes | None]
    """The same as :func:`geo.wkb.to_wkb` gives them."""
    rings: Boundaries
    as_sent: NDArray[np.bool_]
    """Polygons of which it is certain that every vertex, and their order, is as before; shape
    (n,)."""


class _Rings(NamedTuple):
    """Polygons of one ring, k of them."""

    place: NDArray[np.intp]
    """Which of all polygons each is, shape (k,)."""
    first: NDArray[np.int64]
    """Its first vertex, shape (k,)."""
    size: NDArray[np.int64]
    """How many vertices it has, the closing one among them; shape (k,)."""

    def chunks(self) -> list[slice]:
        """Return parts that are written at once."""
        length = len(_HEAD) + _COUNT_BYTES + _POINT_BYTES * self.size
        chunk = (np.cumsum(length) - length) // CHUNK
        cuts = [0, *(np.flatnonzero(np.diff(chunk)) + 1).tolist(), len(length)]
        return [slice(*pair) for pair in pairwise(cuts)]


class _Chunk(NamedTuple):
    """Some of the rings, written."""

    wkb: list[bytes | None]
    chain: NDArray[np.uint64]
    certain: NDArray[np.bool_]
    """Whether a ring is certainly simple, and certainly turned as it should be."""
    as_sent: NDArray[np.bool_]


def converted(
    geoms: NDArray[np.object_], xy: NDArray[np.float64], lonlat: NDArray[np.float64]
) -> Converted:
    """Return polygons with other vertices, as MultiPolygons.

    Parameters
    ----------
    geoms
        Polygons and MultiPolygons, shape (n,).
    xy
        Their vertices, shape (v, 2), as :func:`shapely.get_coordinates` gives them.
    lonlat
        What they become, shape (v, 2), without minus zeros. Equal ones stay equal.

    Notes
    -----
    Linear in the number of vertices; about 5 µs for a polygon of 36.
    """
    size = shapely.get_num_coordinates(geoms).astype(np.int64)
    rings = _single_rings(geoms, size)
    xy, lonlat = np.ascontiguousarray(xy), np.ascontiguousarray(lonlat)
    out, wkb = np.empty(len(geoms), object), np.empty(len(geoms), object)
    chain, valid = np.zeros(len(geoms), np.int64), np.zeros(len(geoms), bool)
    as_sent = np.zeros(len(geoms), bool)

    def work(mine: slice) -> _Chunk:
        return _written(xy, lonlat, rings.first[mine], rings.size[mine])

    with ThreadPoolExecutor(THREADS) as pool:
        chunks = rings.chunks()
        for mine, done in zip(chunks, pool.map(work, chunks), strict=True):
            place = rings.place[mine]
            wkb[place] = done.wkb
            out[place[done.certain]] = shapely.from_wkb(wkb[place[done.certain]])
            chain[place], valid[place] = done.chain.view(np.int64), done.certain
            as_sent[place] = done.as_sent & done.certain
    rest = np.flatnonzero(~valid)
    if len(rest):
        moved = shapely.set_coordinates(shapely.force_2d(geoms[rest]), lonlat[~valid.repeat(size)])
        out[rest] = as_multipolygons(moved)
        wkb[rest] = to_wkb(out[rest])
        chain[rest], valid[rest] = boundaries(out[rest], wkb[rest].tolist())
    return Converted(out, wkb.tolist(), Boundaries(chain, valid), as_sent & ~shapely.has_z(geoms))


def _single_rings(geoms: NDArray[np.object_], size: NDArray[np.int64]) -> _Rings:
    """Return the polygons that have one ring, of polygons with so many vertices."""
    parts = geoms.copy()
    multi = shapely.get_type_id(geoms) == shapely.GeometryType.MULTIPOLYGON
    parts[multi] = shapely.get_geometry(geoms[multi], 0)
    alone = (shapely.get_num_geometries(geoms) == 1) & (shapely.get_num_interior_rings(parts) == 0)
    index = np.flatnonzero(alone & (size > 0))
    return _Rings(index, (np.cumsum(size) - size)[index], size[index])


def _written(
    xy: NDArray[np.float64],
    lonlat: NDArray[np.float64],
    first: NDArray[np.int64],
    count: NDArray[np.int64],
) -> _Chunk:
    """Write rings, and read what they say."""
    start = np.zeros(len(count) + 1, np.int64)
    np.cumsum(len(_HEAD) + _COUNT_BYTES + _POINT_BYTES * count, out=start[1:])
    out = np.empty(start[-1], np.uint8)
    chain, certain = np.zeros(len(count), np.uint64), np.zeros(len(count), bool)
    turned, as_sent = np.zeros(len(count), bool), np.zeros(len(count), bool)
    _write(xy.view(np.int64), lonlat, (first, count), out, (turned, as_sent))
    whole, ends = out.tobytes(), start.tolist()
    read_polygons(np.frombuffer(whole, np.uint8), start, chain, certain, True)
    wkb: list[bytes | None] = [whole[begin:end] for begin, end in pairwise(ends)]
    return _Chunk(wkb, chain, certain & turned, as_sent)


@njit(nogil=True, cache=True)
def _turn(lonlat: NDArray[np.float64], first: int, count: int) -> int:
    """Return 1 for a ring that runs counter-clockwise, -1 for clockwise, 0 for unknown."""
    x0, y0 = lonlat[first, 0], lonlat[first, 1]
    west = east = south = north = twice = px = py = 0.0
    for v in range(first + 1, first + count):
        x, y = lonlat[v, 0] - x0, lonlat[v, 1] - y0
        west, east, south, north = min(west, x), max(east, x), min(south, y), max(north, y)
        twice += px * y - x * py
        px, py = x, y
    if not abs(twice) > _FLAT * (east - west) * (north - south):
        return 0
    return 1 if twice > 0.0 else -1


@njit(nogil=True, cache=True)
def _write(
    sent: NDArray[np.int64],
    lonlat: NDArray[np.float64],
    rings: tuple[NDArray[np.int64], NDArray[np.int64]],
    out: NDArray[np.uint8],
    told: tuple[NDArray[np.bool_], NDArray[np.bool_]],
) -> None:
    """Fill in the bytes of rings, and whether each certainly turns left, and is as it was sent."""
    first, count = rings
    turned, as_sent = told
    head = _HEAD
    points, bits = lonlat.view(np.uint8), lonlat.view(np.int64)
    at = 0
    for g in range(len(count)):
        n, begin = count[g], first[g]
        turn = _turn(lonlat, begin, n)
        turned[g] = turn != 0
        same = turn == 1
        out[at : at + len(head)] = head
        at += len(head)
        for k in range(4):
            out[at + k] = np.uint8((n >> (8 * k)) & 255)
        at += 4
        for i in range(n):
            v = begin + i
            same &= sent[v, 0] == bits[v, 0] and sent[v, 1] == bits[v, 1]
            v = begin + n - 1 - i if turn < 0 else v
            out[at : at + 16] = points[v]
            at += 16
        as_sent[g] = same
