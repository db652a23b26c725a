"""The largest circle inside a polygon, between two bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from geo.compiling import njit
from geo.rings import edges_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

BUDGET = 500
"""How many squares are looked at in a polygon that may stay open, as long slivers do."""

LARGE_BUDGET = 20_000
"""How many are looked at in a polygon of more edges than ``FEW``, and ..."""

WORK = 400_000_000
"""... how many distances of an edge at most."""

FEW = 1000
"""Polygons of more edges have to be measured by this search alone."""

LONG = 12.0
"""Land whose bounds differ that much is a strip a hundred times as long as it is wide, or more."""

GLANCE = 1e9
"""A precision for which any point inside will do."""

SQUARES = 32
"""The most squares along a polygon's longer side at the start."""


def deepest_found(flat: NDArray[np.object_]) -> NDArray[np.float64]:
    """Return how deep the deepest point lies that a first glance finds in polygons, shape (n,)."""
    edges, first = edges_of(flat)
    low, high = np.zeros(len(flat)), np.full(len(flat), np.inf)
    widest_circles(edges, first, low, high, GLANCE)
    return low


@njit(nogil=True, cache=True)
def depth(edges: NDArray[np.float64], x: float, y: float) -> float:
    """Return how far a point lies from the nearest edge; negative outside."""
    nearest: float = np.inf
    inside = False
    for k in range(len(edges)):
        ax, ay, bx, by = edges[k, 0], edges[k, 1], edges[k, 2], edges[k, 3]
        dx, dy = bx - ax, by - ay
        if (ay > y) != (by > y) and x < dx * (y - ay) / dy + ax:
            inside = not inside
        square = dx * dx + dy * dy
        t = ((x - ax) * dx + (y - ay) * dy) / square if square > 0.0 else 0.0
        t = min(1.0, max(0.0, t))
        u, v = x - ax - t * dx, y - ay - t * dy
        nearest = min(nearest, u * u + v * v)
    away: float = np.sqrt(nearest)
    return away if inside else -away


@njit(nogil=True, cache=True)
def _push(heap: NDArray[np.float64], size: int, square: tuple[float, float, float, float]) -> int:
    """Put a square, whose first number is its bound, into a heap; return the new size."""
    at = size
    while at > 0 and heap[(at - 1) // 2, 0] < square[0]:
        heap[at] = heap[(at - 1) // 2]
        at = (at - 1) // 2
    heap[at, 0], heap[at, 1], heap[at, 2], heap[at, 3] = square
    return size + 1


@njit(nogil=True, cache=True)
def _pop(heap: NDArray[np.float64], size: int) -> int:
    """Take the first square out of a heap; return the new size."""
    size -= 1
    at = 0
    while 2 * at + 1 < size:
        child = 2 * at + 1
        if child + 1 < size and heap[child + 1, 0] > heap[child, 0]:
            child += 1
        if heap[child, 0] <= heap[size, 0]:
            break
        heap[at] = heap[child]
        at = child
    heap[at] = heap[size]
    return size


@njit(nogil=True, cache=True)
def _cover(edges: NDArray[np.float64], low: float, heap: NDArray[np.float64]) -> tuple[float, int]:
    """Cover a polygon with squares; return the depth of the deepest middle, and their number."""
    west, south = np.min(edges[:, 0]), np.min(edges[:, 1])
    wide, high = np.max(edges[:, 0]) - west, np.max(edges[:, 1]) - south
    half = max(min(wide, high), max(wide, high) / SQUARES) / 2
    if not half > 0.0:
        return low, 0
    size = 0
    for i in range(int(np.ceil(wide / (2 * half)))):
        for j in range(int(np.ceil(high / (2 * half)))):
            x, y = west + (2 * i + 1) * half, south + (2 * j + 1) * half
            deep = depth(edges, x, y)
            low = max(low, deep)
            size = _push(heap, size, (deep + half * np.sqrt(2.0), x, y, half))
    return low, size


@njit(nogil=True, cache=True)
def _search(
    edges: NDArray[np.float64], low: float, precision: float, heap: NDArray[np.float64]
) -> tuple[float, float]:
    """Return bounds of the radius of the largest circle inside some edges."""
    low, size = _cover(edges, low, heap)
    if size == 0:
        return low, low
    budget = BUDGET if len(edges) <= FEW else max(BUDGET, min(LARGE_BUDGET, WORK // len(edges)))
    for _ in range(budget // 4):
        bound, x, y, half = heap[0, 0], heap[0, 1], heap[0, 2], heap[0, 3] / 2
        if low > 0.0 and bound <= low * (1 + precision):
            break
        size = _pop(heap, size)
        for quarter in range(4):
            u = x + (half if quarter % 2 else -half)
            v = y + (half if quarter // 2 else -half)
            deep = depth(edges, u, v)
            low = max(low, deep)
            reach = deep + half * np.sqrt(2.0)
            if reach > low * (1 + precision):
                size = _push(heap, size, (reach, u, v, half))
        if size == 0:
            return low, low * (1 + precision)
    return low, max(low, heap[0, 0])


@njit(nogil=True, cache=True)
def widest_circles(
    edges: NDArray[np.float64],
    first: NDArray[np.int64],
    low: NDArray[np.float64],
    high: NDArray[np.float64],
    precision: float,
) -> None:
    """Narrow the bounds of the radii of the largest circles inside polygons.

    Parameters
    ----------
    edges
        Edges of polygons, holes and further parts among them, one polygon after another: x and y
        of both ends, shape (e, 4).
    first
        First edge of each polygon, and e; shape (n + 1,).
    low, high
        Bounds, shape (n,), which are changed in place.
    precision
        How near, relatively, the bounds are to come.

    Notes
    -----
    Branch and bound over squares (Garcia-Castellanos and Lombardo, 2007; as in "polylabel"): no
    point of a square lies deeper than its middle by more than half its diagonal. The most
    promising square is always divided first, so that what is left of the budget bounds the rest.
    """
    heap = np.empty((SQUARES * SQUARES + 2 * SQUARES + LARGE_BUDGET, 4))
    for g in range(len(low)):
        mine = edges[first[g] : first[g + 1]]
        long = len(mine) <= FEW and low[g] > 0.0 and high[g] > LONG * low[g]
        if long or len(mine) == 0 or not high[g] > low[g]:
            continue
        below, above = _search(mine, low[g], precision, heap)
        low[g], high[g] = max(low[g], below), min(high[g], above)
