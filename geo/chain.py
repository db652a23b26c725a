"""The boundary-chain sum: a proof that units fill their parents exactly.

A polygon's boundary is a sum of directed segments, where a->b counts as minus b->a. Each segment
gets an antisymmetric 64-bit hash of its two end points; the sum over all rings, modulo 2^64, is
the polygon's *chain*. For valid rings the chains of the children add up to the parent's chain
exactly when the children cover the parent once everywhere and match it, and one another, vertex
by vertex: a function of bounded support is determined by its boundary. No tolerance is involved.
The odds of a false zero are about 2^-64 for each parent. It must be a sum and not XOR: two extra
copies of a unit cancel in XOR.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely
from numba import njit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

# The finaliser of SplitMix64 (Steele, Lea and Flood, 2014): every input bit reaches every output
# bit, and odd multipliers make it a bijection.
_GAMMA = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)

_POLYGON, _MULTIPOLYGON = 3, 6
_HAS_SRID = np.uint32(0x20000000)
_TYPE_BITS = np.uint32(0xDFFFFFFF)  # all but the SRID flag: a Z or M flag is then an unknown type


def chains(geoms: NDArray[np.object_]) -> NDArray[np.int64]:
    """Return the chain of each polygon.

    Parameters
    ----------
    geoms
        Polygons and MultiPolygons, shape (n,); coordinates beyond x and y are ignored. An empty
        polygon has chain 0.

    Returns
    -------
    NDArray[np.int64]
        Shape (n,). It does not depend on where a ring starts, which way it runs, or on the order
        of rings and parts.

    Raises
    ------
    ValueError
        If an element is missing or no polygon.
    """
    return chains_of_wkb(shapely.to_wkb(geoms, output_dimension=2, byte_order=1).tolist())


def chains_of_wkb(wkbs: Sequence[bytes | None]) -> NDArray[np.int64]:
    """Return the chain of each polygon, read from its bytes without building a geometry.

    Parameters
    ----------
    wkbs
        Little-endian WKB or EWKB of two-dimensional Polygons and MultiPolygons, as GEOS and
        PostGIS write it.

    Returns
    -------
    NDArray[np.int64]
        Shape (n,).

    Raises
    ------
    ValueError
        If an element is missing, no polygon, not two-dimensional or not little-endian.

    Notes
    -----
    One pass over the bytes; about 1 µs for a polygon of 36 vertices.
    """
    present = [wkb for wkb in wkbs if wkb is not None]
    if len(present) < len(wkbs):
        missing = [i for i, wkb in enumerate(wkbs) if wkb is None]
        raise ValueError(f"geometries {missing[:10]} are missing: they have no boundary")
    size = np.fromiter(map(len, present), np.int64, len(present))
    start = np.concatenate([np.zeros(1, np.int64), np.cumsum(size)])
    out = np.zeros(len(wkbs), np.uint64)
    buffer = np.frombuffer(b"".join(present), np.uint8)
    bad = _sum_rings(buffer, start, out)
    if bad >= 0:
        raise ValueError(f"geometry {bad} is no little-endian two-dimensional polygon")
    return out.view(np.int64)


def parent_sums(
    child_chain: NDArray[np.int64],
    parent_of: NDArray[np.intp],
    parent_chain: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Return the sum of the children's chains less the parent's, for each parent.

    Parameters
    ----------
    child_chain
        Shape (n,).
    parent_of
        Index of each child's parent, shape (n,); children with -1 count for no parent.
    parent_chain
        Shape (p,).

    Returns
    -------
    NDArray[np.int64]
        Shape (p,), modulo 2^64: zero exactly where the children fill the parent.
    """
    sums = -parent_chain
    belongs = parent_of >= 0
    np.add.at(sums, parent_of[belongs], child_chain[belongs])
    return sums


@njit(inline="always")
def _mix(h: np.uint64) -> np.uint64:
    h ^= h >> np.uint64(30)
    h *= _MIX_1
    h ^= h >> np.uint64(27)
    h *= _MIX_2
    return h ^ (h >> np.uint64(31))


@njit(inline="always")
def _u32(buffer: NDArray[np.uint8], at: int) -> np.uint32:
    word = np.uint32(0)
    for k in range(4):
        word |= np.uint32(buffer[at + k]) << np.uint32(8 * k)
    return word


@njit(inline="always")
def _u64(buffer: NDArray[np.uint8], at: int) -> np.uint64:
    word = np.uint64(0)
    for k in range(8):
        word |= np.uint64(buffer[at + k]) << np.uint64(8 * k)
    return word


@njit(nogil=True, cache=True)
def _sum_ring(buffer: NDArray[np.uint8], at: int, count: int, exterior: bool) -> np.uint64:
    """Return one ring's chain; an exterior ring counts counter-clockwise, a hole clockwise."""
    point = np.empty(2, np.float64)
    bits = point.view(np.uint64)
    total = np.uint64(0)
    before = np.uint64(0)
    x0 = y0 = px = py = twice_area = 0.0
    for i in range(count):
        bits[0] = _u64(buffer, at)
        bits[1] = _u64(buffer, at + 8)
        at += 16
        point[0] += 0.0  # -0.0 is the same place as 0.0
        point[1] += 0.0
        here = _mix(bits[0] * _GAMMA + _mix(bits[1] + _MIX_2))
        if i == 0:
            x0, y0 = point[0], point[1]
        else:
            segment = _mix(before + here)
            if before < here:
                total += segment
            elif here < before:
                total -= segment
            x, y = point[0] - x0, point[1] - y0
            twice_area += px * y - x * py
            px, py = x, y
        before = here
    return total if (twice_area > 0.0) == exterior else np.uint64(0) - total


@njit(nogil=True, cache=True)
def _sum_rings(buffer: NDArray[np.uint8], start: NDArray[np.int64], out: NDArray[np.uint64]) -> int:
    """Fill ``out`` with each geometry's chain; return the first bad geometry, or -1."""
    for g in range(len(out)):
        at = start[g]
        if start[g + 1] - at < 9 or buffer[at] != 1:  # noqa: PLR2004  # shortest WKB header
            return g
        kind = _u32(buffer, at + 1)
        at += 9 if kind & _HAS_SRID else 5
        kind &= _TYPE_BITS
        if kind not in {_POLYGON, _MULTIPOLYGON}:
            return g
        parts = np.uint32(1)
        if kind == _MULTIPOLYGON:
            parts = _u32(buffer, at)
            at += 4
        for _ in range(parts):
            if kind == _MULTIPOLYGON:
                at += 5
            rings = _u32(buffer, at)
            at += 4
            for ring in range(rings):
                count = int(_u32(buffer, at))
                out[g] += _sum_ring(buffer, at + 4, count, ring == 0)
                at += 4 + 16 * count
    return -1
