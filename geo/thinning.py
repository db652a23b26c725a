"""Take vertices out of a network of lines without changing how its lines lie to one another."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from geo.compiling import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FAN = 16
"""Points, or boxes, in one box of the index."""
_STACK = 512
"""Room for the boxes still to look at: fewer than 16 on each of fewer than 32 levels."""

_SWEEPS = 4
"""How often lines are gone over: what was in the way may be gone the next time."""

_ROUNDING = 4 * 2.0**-53
"""How far a 2 x 2 determinant of differences may be off, relative to its two products: more than
(3 + 16 e) e, e = 2^-53 (Shewchuk, "Adaptive Precision Floating-Point Arithmetic", 1997)."""


class _Ways(NamedTuple):
    """The directed segments of a network, those that leave a point side by side."""

    begin: NDArray[np.intp]
    """First of each point, and their number; shape (n + 1,)."""
    ahead: NDArray[np.intp]
    """Where each leads, shape (2s,)."""
    back: NDArray[np.intp]
    """Which one leads back, shape (2s,)."""


class _Boxes(NamedTuple):
    """A tree of boxes over points that are sorted along a curve; children lie side by side."""

    sides: NDArray[np.float64]
    """West, south, east, north of each box, the lowest level first, shape (b, 4)."""
    level: NDArray[np.intp]
    """First box of each level, and b; shape (k + 1,)."""
    living: NDArray[np.int64]
    """Points in each box that were not taken out, shape (b,)."""


class _Net(NamedTuple):
    """A network that is being thinned."""

    xy: NDArray[np.float64]
    """Shape (n, 2)."""
    metres: NDArray[np.float64]
    """Shape (n, 2)."""
    stays: NDArray[np.bool_]
    """Shape (n,)."""
    ways: _Ways
    boxes: _Boxes


def along_curve(xy: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the order of points along Morton's curve: near in it is near on the ground.

    Parameters
    ----------
    xy
        Points, shape (n, 2), n > 0.
    """
    low = xy.min(axis=0)
    span = float((xy.max(axis=0) - low).max()) or 1.0
    steps = ((xy - low) * ((2.0**32 - 1) / span)).astype(np.uint64)
    return np.argsort(_spread(steps[:, 0]) | _spread(steps[:, 1]) << np.uint64(1), kind="stable")


def _spread(bits: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Put a zero before each of the lower 32 bits."""
    for shift, mask in (
        (16, 0x0000FFFF0000FFFF),
        (8, 0x00FF00FF00FF00FF),
        (4, 0x0F0F0F0F0F0F0F0F),
        (2, 0x3333333333333333),
        (1, 0x5555555555555555),
    ):
        bits = (bits | bits << np.uint64(shift)) & np.uint64(mask)
    return bits


def thin(
    xy: NDArray[np.float64],
    metres: NDArray[np.float64],
    ends: NDArray[np.intp],
    limit_m2: float,
) -> NDArray[np.bool_]:
    """Say which points of a network of segments stay.

    Parameters
    ----------
    xy
        Distinct points in the coordinates in which lines are straight, in the order of
        :func:`along_curve`; shape (n, 2).
    metres
        The same points, for measuring areas, shape (n, 2).
    ends
        The two points of each segment, shape (s, 2); each pair once.
    limit_m2
        Points go while the triangle with their neighbours is no larger.

    Returns
    -------
    NDArray[np.bool_]
        Shape (n,). Points where not exactly two segments meet all stay.

    Notes
    -----
    Visvalingam and Whyatt, "Line generalisation by repeated elimination of points" (1993): the
    point with the smallest triangle goes first, and its neighbours are measured anew. It stays if
    another point lies in or on the triangle, or if its neighbours are joined already. So lines
    that did not cross never do: a line that got into the triangle and out again through the new
    side has a point inside. A ring keeps three points that are not in line, and two lines between
    the same junctions never become one. Whether a point lies in a triangle is decided on the safe
    side where rounding could deceive.

    The order of points, and so of equal triangles, depends on where they are alone.
    """
    stays = np.ones(len(xy), bool)
    net = _Net(
        np.ascontiguousarray(xy),
        np.ascontiguousarray(metres),
        stays,
        _ways(ends, len(xy)),
        _boxes(xy),
    )
    for _ in range(_SWEEPS):
        if not _sweep(net, limit_m2):
            break
    return stays


def _ways(ends: NDArray[np.intp], points: int) -> _Ways:
    ends = ends[ends[:, 0] != ends[:, 1]]
    tail, head = ends.T.ravel(), ends[:, ::-1].T.ravel()
    order = np.argsort(tail, kind="stable")
    slot = np.empty(len(order), np.intp)
    slot[order] = np.arange(len(order))
    opposite = np.roll(slot, len(ends))  # the second half is the first one, turned round
    begin = np.concatenate([[0], np.cumsum(np.bincount(tail, minlength=points))])
    return _Ways(begin, head[order], opposite[order])


def _boxes(xy: NDArray[np.float64]) -> _Boxes:
    sides = np.hstack([xy, xy])
    living = np.ones(len(xy), np.int64)
    all_sides: list[NDArray[np.float64]] = []
    all_living: list[NDArray[np.int64]] = []
    while not all_sides or len(sides) > _FAN:
        first = np.arange(0, len(sides), _FAN)
        low = np.minimum.reduceat(sides[:, :2], first)
        high = np.maximum.reduceat(sides[:, 2:], first)
        sides, living = np.hstack([low, high]), np.add.reduceat(living, first)
        all_sides.append(sides)
        all_living.append(living)
    level = np.concatenate([[0], np.cumsum([len(some) for some in all_sides])])
    return _Boxes(np.concatenate(all_sides), level, np.concatenate(all_living))


@njit(inline="always")
def _triangle(metres: NDArray[np.float64], ways: _Ways, p: int) -> float:
    """Return the area at a point where two segments meet, else infinity."""
    out = ways.begin[p]
    if ways.begin[p + 1] - out != 2:  # noqa: PLR2004 - a junction, or a loose end
        return np.inf
    a, c = ways.ahead[out], ways.ahead[out + 1]
    ax, ay = metres[a, 0] - metres[p, 0], metres[a, 1] - metres[p, 1]
    cx, cy = metres[c, 0] - metres[p, 0], metres[c, 1] - metres[p, 1]
    return float(abs(ax * cy - ay * cx) / 2.0)


@njit(inline="always")
def _joined(ways: _Ways, a: int, c: int) -> bool:
    """Return whether two points are one, or the ends of one segment."""
    if ways.begin[a + 1] - ways.begin[a] > ways.begin[c + 1] - ways.begin[c]:
        a, c = c, a  # thousands of lines may meet in one point, but hardly in two
    joined = a == c
    for out in range(ways.begin[a], ways.begin[a + 1]):
        joined |= ways.ahead[out] == c
    return joined


@njit(inline="always")
def _side(xy: NDArray[np.float64], a: int, b: int, p: int) -> int:
    """Return 1 if p is left of the line from a to b for certain, -1 if right of it, else 0."""
    left = (xy[a, 0] - xy[p, 0]) * (xy[b, 1] - xy[p, 1])
    right = (xy[a, 1] - xy[p, 1]) * (xy[b, 0] - xy[p, 0])
    if abs(left - right) <= _ROUNDING * (abs(left) + abs(right)):
        return 0
    return 1 if left > right else -1


@njit(inline="always")
def _inside(xy: NDArray[np.float64], a: int, b: int, c: int, p: int) -> bool:
    """Return whether a point within the bounds of a triangle may lie in or on it."""
    one, two, three = _side(xy, a, b, p), _side(xy, b, c, p), _side(xy, c, a, p)
    # outside, it is left of one side and right of another
    return min(one, two, three) >= 0 or max(one, two, three) <= 0


@njit(inline="always")
def _meets(
    sides: NDArray[np.float64], west: float, south: float, east: float, north: float
) -> bool:
    return bool(sides[0] <= east and sides[2] >= west and sides[1] <= north and sides[3] >= south)


@njit(inline="always")
def _put(stack: NDArray[np.intp], waiting: int, boxes: _Boxes, level: int, first: int) -> int:
    """Put up to 16 boxes of a level on the stack; return how many wait there now."""
    for box in range(first, min(first + _FAN, boxes.level[level + 1] - boxes.level[level])):
        stack[waiting, 0], stack[waiting, 1] = level, box
        waiting += 1
    return waiting


@njit(nogil=True)
def _occupied(net: _Net, a: int, b: int, c: int, stack: NDArray[np.intp]) -> bool:
    """Return whether a point that was not taken out may lie in or on a triangle of others."""
    xy, boxes = net.xy, net.boxes
    west, east = min(xy[a, 0], xy[b, 0], xy[c, 0]), max(xy[a, 0], xy[b, 0], xy[c, 0])
    south, north = min(xy[a, 1], xy[b, 1], xy[c, 1]), max(xy[a, 1], xy[b, 1], xy[c, 1])
    waiting = _put(stack, 0, boxes, len(boxes.level) - 2, 0)
    while waiting > 0:
        waiting -= 1
        level, box = stack[waiting, 0], stack[waiting, 1]
        at = boxes.level[level] + box
        if boxes.living[at] == 0 or not _meets(boxes.sides[at], west, south, east, north):
            continue
        if level > 0:
            waiting = _put(stack, waiting, boxes, level - 1, box * _FAN)
            continue
        for p in range(box * _FAN, min((box + 1) * _FAN, len(xy))):
            near = west <= xy[p, 0] <= east and south <= xy[p, 1] <= north
            if near and net.stays[p] and p not in (a, b, c) and _inside(xy, a, b, c, p):
                return True
    return False


@njit(inline="always")
def _take_out(net: _Net, p: int) -> None:
    """Join the neighbours of a point by a segment, and take it out of every box."""
    ways, boxes = net.ways, net.boxes
    out = ways.begin[p]
    to_p, from_p = ways.back[out], ways.back[out + 1]
    ways.ahead[to_p], ways.ahead[from_p] = ways.ahead[out + 1], ways.ahead[out]
    ways.back[to_p], ways.back[from_p] = from_p, to_p
    net.stays[p] = False
    box = p
    for level in range(len(boxes.level) - 1):
        box //= _FAN
        boxes.living[boxes.level[level] + box] -= 1


@njit(inline="always")
def _gather(ways: _Ways, start: int, seen: NDArray[np.bool_], line: list[int]) -> None:
    """Append the points of the line through a point, up to the junctions at its ends."""
    line.append(start)
    seen[start] = True
    for out in (ways.begin[start], ways.begin[start] + 1):
        back, p = ways.back[out], ways.ahead[out]
        while not seen[p] and ways.begin[p + 1] - ways.begin[p] == 2:  # noqa: PLR2004 - no junction
            line.append(p)
            seen[p] = True
            on = 2 * ways.begin[p] + 1 - back  # of its two ways the one that goes on
            back, p = ways.back[on], ways.ahead[on]


@njit(nogil=True)
def _thin_line(
    net: _Net, limit_m2: float, heap: list[tuple[float, int]], stack: NDArray[np.intp]
) -> int:
    """Take points out of one line, smallest triangle first; return how many."""
    gone = 0
    while len(heap) > 0:
        area_m2, p = heapq.heappop(heap)
        # measured before a neighbour went, and since then anew
        if not net.stays[p] or area_m2 != _triangle(net.metres, net.ways, p):
            continue
        out = net.ways.begin[p]
        a, c = net.ways.ahead[out], net.ways.ahead[out + 1]
        if _joined(net.ways, a, c) or _occupied(net, a, p, c, stack):
            continue
        _take_out(net, p)
        gone += 1
        for q in (a, c):
            area_m2 = _triangle(net.metres, net.ways, q)
            if area_m2 <= limit_m2:
                heapq.heappush(heap, (area_m2, q))
    return gone


@njit(nogil=True, cache=True)
def _sweep(net: _Net, limit_m2: float) -> int:
    """Take points out of all lines, one after another; return how many."""
    seen = ~net.stays
    stack = np.empty((_STACK, 2), np.intp)
    line = [0 for _ in range(0)]  # tells the type of what will be in it
    heap = [(0.0, 0) for _ in range(0)]
    gone = 0
    for start in range(len(seen)):
        # a junction, or of a line that was thinned already
        if seen[start] or net.ways.begin[start + 1] - net.ways.begin[start] != 2:  # noqa: PLR2004
            continue
        line.clear()
        _gather(net.ways, start, seen, line)
        heap.clear()
        for p in line:
            area_m2 = _triangle(net.metres, net.ways, p)
            if area_m2 <= limit_m2:
                heap.append((area_m2, p))
        heapq.heapify(heap)
        gone += _thin_line(net, limit_m2, heap, stack)
    return gone
