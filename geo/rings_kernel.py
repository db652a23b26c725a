"""One pass over the bytes of polygons: their chains, and a certificate that they are simple.

The kernel reads little-endian WKB and builds no geometry. It certifies what is common, a polygon
of one part without holes whose ring plainly does not touch itself; what it does not certify may
be valid all the same, and is for GEOS to judge.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from geo.compiling import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray

# The finaliser of SplitMix64 (Steele, Lea and Flood, 2014): every input bit reaches every output
# bit, and odd multipliers make it a bijection.
_GAMMA = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)

_POLYGON, _MULTIPOLYGON = 3, 6
_HAS_SRID = np.uint32(0x20000000)
_TYPE_BITS = np.uint32(0xDFFFFFFF)  # all but the SRID flag: a Z or M flag is then an unknown type

_HEAD = 9
"""Bytes of the shortest polygon: byte order, type, number of rings."""

_ERROR = 3.3306690738754716e-16
"""(3 + 16 u) u with u = 2^-53: Shewchuk's bound on the error of a 2 x 2 determinant (1997)."""

_UNDERFLOW = 1e-290
"""Determinants this small may have lost bits that the bound does not know of."""

BRUTE = 96
"""Up to this many edges, comparing all pairs of boxes is faster than sorting them."""

PATIENCE = 48
"""How many pairs an edge may have, on an average, before a ring is left to GEOS."""


@njit(inline="always")
def mix(h: np.uint64) -> np.uint64:
    """Scatter 64 bits."""
    h ^= h >> np.uint64(30)
    h *= _MIX_1
    h ^= h >> np.uint64(27)
    h *= _MIX_2
    return h ^ (h >> np.uint64(31))


@njit(inline="always")
def read_u32(buffer: NDArray[np.uint8], at: int) -> np.uint32:
    """Return the number of four bytes, the lowest first."""
    word = np.uint32(0)
    for k in range(4):
        word |= np.uint32(buffer[at + k]) << np.uint32(8 * k)
    return word


@njit(inline="always")
def _hash(x_bits: np.uint64, y_bits: np.uint64) -> np.uint64:
    return mix(x_bits * _GAMMA + mix(y_bits + _MIX_2))


@njit(nogil=True, cache=True)
def hash_points(xy: NDArray[np.float64]) -> NDArray[np.uint64]:
    """Return 64 bits for each point, shape (n,), of points of shape (n, 2) without minus zeros."""
    bits = xy.view(np.uint64)
    out = np.empty(len(xy), np.uint64)
    for i in range(len(xy)):
        out[i] = _hash(bits[i, 0], bits[i, 1])
    return out


@njit(nogil=True, cache=True)
def name_segments(edges: NDArray[np.float64]) -> NDArray[np.uint64]:
    """Return 64 bits for each undirected edge, shape (e,), of edges of shape (e, 4)."""
    ends = hash_points(edges.copy().reshape(-1, 2))
    return ends[::2] + ends[1::2]


@njit(nogil=True, cache=True)
def _ring_chain(
    xy: NDArray[np.float64], bits: NDArray[np.uint64], count: int, exterior: bool
) -> np.uint64:
    """Return one ring's chain; an exterior ring counts counter-clockwise, a hole clockwise."""
    total = np.uint64(0)
    before = np.uint64(0)
    twice_area = px = py = 0.0
    x0, y0 = xy[0], xy[1]
    for i in range(count):
        here = _hash(bits[2 * i], bits[2 * i + 1])
        if i > 0:
            segment = mix(before + here)
            if before < here:
                total += segment
            elif here < before:
                total -= segment
            x, y = xy[2 * i] - x0, xy[2 * i + 1] - y0
            twice_area += px * y - x * py
            px, py = x, y
        before = here
    return total if (twice_area > 0.0) == exterior else np.uint64(0) - total


@njit(inline="always")
def _side(x: NDArray[np.float64], y: NDArray[np.float64], a: int, b: int, c: int) -> int:
    """Return +1 or -1 for the side of the line a, b on which c certainly lies; 0 for unknown."""
    left = (x[a] - x[c]) * (y[b] - y[c])
    right = (y[a] - y[c]) * (x[b] - x[c])
    det = left - right
    bound = _ERROR * (abs(left) + abs(right)) + _UNDERFLOW
    if det > bound:
        return 1
    if -det > bound:
        return -1
    return 0


@njit(inline="always")
def _apart(x: NDArray[np.float64], y: NDArray[np.float64], i: int, j: int) -> bool:
    """Tell whether edges i and j certainly share no point: one lies on one side of the other."""
    c = _side(x, y, i, i + 1, j)
    if c != 0 and c == _side(x, y, i, i + 1, j + 1):
        return True
    a = _side(x, y, j, j + 1, i)
    return a != 0 and a == _side(x, y, j, j + 1, i + 1)


@njit(inline="always")
def _turns(x: NDArray[np.float64], y: NDArray[np.float64], i: int, b: int, j: int) -> bool:
    """Tell whether the edges i, b and b, j certainly share no point but b."""
    onward = (x[i] < x[b] and x[b] < x[j]) or (x[i] > x[b] and x[b] > x[j])
    upward = (y[i] < y[b] and y[b] < y[j]) or (y[i] > y[b] and y[b] > y[j])
    return onward or upward or _side(x, y, i, b, j) != 0


@njit(nogil=True, cache=True)
def _all_pairs(
    x: NDArray[np.float64], y: NDArray[np.float64], box: NDArray[np.float64], m: int
) -> bool:
    """Tell whether m edges certainly do not meet, but neighbours at their common end."""
    west, east, south, north = box[0], box[1], box[2], box[3]
    box[:, m : 2 * m] = box[:, :m]  # so that the edge ``by`` further on needs no modulo
    for by in range(2, m // 2 + 1):
        hits = 0
        for i in range(m):  # no branch within: this is what vector units are for
            j = i + by
            hits += (
                (west[j] <= east[i])
                & (east[j] >= west[i])
                & (south[j] <= north[i])
                & (north[j] >= south[i])
            )
        if hits == 0:
            continue
        for i in range(m):
            j = i + by
            if west[j] > east[i] or east[j] < west[i] or south[j] > north[i] or north[j] < south[i]:
                continue
            if not _apart(x, y, i, j % m):
                return False
    return True


@njit(nogil=True, cache=True)
def _sweep(
    x: NDArray[np.float64], y: NDArray[np.float64], box: NDArray[np.float64], m: int
) -> bool:
    """As ``_all_pairs``, over edges sorted along the axis on which they are shorter."""
    wide = np.sum(box[1, :m] - box[0, :m]) * (box[3, :m].max() - box[2, :m].min())
    high = np.sum(box[3, :m] - box[2, :m]) * (box[1, :m].max() - box[0, :m].min())
    a, b = (0, 2) if wide <= high else (2, 0)
    low, top, under, over = box[a], box[a + 1], box[b], box[b + 1]
    order = np.argsort(low[:m], kind="mergesort")
    left = PATIENCE * m
    for k in range(m):
        i = order[k]
        for later in range(k + 1, m):
            j = order[later]
            if low[j] > top[i]:
                break
            left -= 1
            if left < 0:
                return False
            gap = abs(i - j)
            if gap == 1 or gap == m - 1 or under[j] > over[i] or over[j] < under[i]:
                continue
            if not _apart(x, y, i, j):
                return False
    return True


@njit(nogil=True, cache=True)
def _certify(
    xy: NDArray[np.float64], count: int, ring: NDArray[np.float64], box: NDArray[np.float64]
) -> bool:
    """Tell whether a ring is certainly closed, finite and simple.

    ``ring`` of shape (2, count) and ``box`` of shape (4, 2 count) are room to work in.
    """
    x, y = ring[0], ring[1]
    if count < 4 or xy[0] != xy[2 * count - 2] or xy[1] != xy[2 * count - 1]:  # noqa: PLR2004
        return False
    m = 0
    for i in range(count):
        px, py = xy[2 * i], xy[2 * i + 1]
        if not (abs(px) < np.inf and abs(py) < np.inf):
            return False
        if i > 0 and px == x[m - 1] and py == y[m - 1]:
            continue  # a repeated point is no edge
        x[m], y[m] = px, py
        m += 1
    m -= 1  # the last point is the first one
    if m < 3:  # noqa: PLR2004  # fewer edges enclose nothing
        return False
    for i in range(m):
        box[0, i], box[1, i] = min(x[i], x[i + 1]), max(x[i], x[i + 1])
        box[2, i], box[3, i] = min(y[i], y[i + 1]), max(y[i], y[i + 1])
        if not _turns(x, y, i, i + 1, i + 2 if i + 2 <= m else 1):
            return False
    return _all_pairs(x, y, box, m) if m <= BRUTE else _sweep(x, y, box, m)


@njit(inline="always")
def read_head(buffer: NDArray[np.uint8], at: int, end: int) -> tuple[int, bool, int]:
    """Return how many parts follow, whether each has a head of its own, and where they begin.

    There are -1 parts where no polygon begins.
    """
    if end - at < _HEAD or buffer[at] != 1:
        return -1, False, at
    kind = read_u32(buffer, at + 1)
    at += 9 if kind & _HAS_SRID else 5
    kind &= _TYPE_BITS
    if kind == _POLYGON:
        return 1, False, at
    if kind != _MULTIPOLYGON or at + 4 > end:
        return -1, False, at
    return int(read_u32(buffer, at)), True, at + 4


@njit(inline="always")
def part_begins(buffer: NDArray[np.uint8], at: int, end: int) -> bool:
    """Tell whether a part of a MultiPolygon begins here, with a head of its own."""
    return end - at >= _HEAD and buffer[at] == 1 and read_u32(buffer, at + 1) == _POLYGON


@njit(nogil=True, cache=True)
def _read_part(
    buffer: NDArray[np.uint8],
    at: int,
    end: int,
    certify: bool,
    room: tuple[NDArray[np.uint8], NDArray[np.float64], NDArray[np.float64]],
) -> tuple[int, np.uint64, bool]:
    """Return where a part ends, its chain, and whether it is certainly simple.

    It ends at -1 where the bytes are cut short. ``room`` is for the points of a ring, as bytes,
    and for :func:`_certify`.
    """
    raw, ring, box = room
    total, simple = np.uint64(0), False
    if at + 4 > end:
        return -1, total, simple
    rings = int(read_u32(buffer, at))
    at += 4
    xy, bits = raw.view(np.float64), raw.view(np.uint64)
    for r in range(rings):
        if at + 4 > end or at + 4 + 16 * int(read_u32(buffer, at)) > end:
            return -1, total, simple
        count = int(read_u32(buffer, at))
        at += 4
        raw[: 16 * count] = buffer[at : at + 16 * count]  # the copy is aligned
        at += 16 * count
        for k in range(2 * count):
            xy[k] += 0.0  # -0.0 is the same place as 0.0
        if count > 0:
            total += _ring_chain(xy, bits, count, r == 0)
        if certify and rings == 1:
            simple = _certify(xy, count, ring, box)
    return at, total, simple


@njit(nogil=True, cache=True)
def read_polygons(
    buffer: NDArray[np.uint8],
    start: NDArray[np.int64],
    chain: NDArray[np.uint64],
    simple: NDArray[np.bool_],
    certify: bool,
) -> int:
    """Fill in each polygon's chain, and whether it is certainly valid.

    Parameters
    ----------
    buffer
        Polygons as WKB, one after another.
    start
        First byte of each, and the end of the last one; shape (n + 1,).
    chain, simple
        Results, shape (n,); ``chain`` is zero before.
    certify
        Whether to look for certificates; without, none is given.

    Returns
    -------
    int
        The first geometry that is no little-endian two-dimensional polygon or is cut short; -1
        when all are fine.
    """
    most = 1 + np.max(np.diff(start)) // 16 if len(chain) else 1  # points that a ring may have
    room = (np.empty(16 * most, np.uint8), np.empty((2, most)), np.empty((4, 2 * most)))
    for g in range(len(chain)):
        parts, heads, at = read_head(buffer, start[g], start[g + 1])
        if parts < 0:
            return g
        for _ in range(parts):
            if heads and not part_begins(buffer, at, start[g + 1]):
                return g
            at += 5 if heads else 0
            alone = certify and parts == 1
            at, total, simple[g] = _read_part(buffer, at, start[g + 1], alone, room)
            if at < 0:
                return g
            chain[g] += total
    return -1
