"""Takes vertices out again that noding has put in and that nobody needs after the repair."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from geo.repair_nodes import TOUCH_DEG
from geo.repair_plan import Boundary

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geo.repair_ground import Corners
    from geo.repair_plan import Plan


def drop_needless(
    plan: Plan, net: Boundary, corners: Corners, *, count: int
) -> tuple[Boundary, NDArray[np.intp]]:
    """Drop vertices on straight borders that no polygon had there before.

    Parameters
    ----------
    plan
        The plan.
    net
        The boundaries of its polygons after the repair, cancelled.
    corners
        The vertices that polygons had before.
    count
        The first so many polygons are drawn anew where they change; the others stay as they are.

    Returns
    -------
    tuple
        Boundaries, and the ends of the segments that they are made of, shape (s, 2).

    Notes
    -----
    A vertex goes when just two segments meet in it, they are straight, and none of the polygons
    along them had it. All of them lose it, so that they match as before; who had one segment
    there gets that very segment back.
    """
    ends = plan.ends
    while True:
        out = _needless(plan.points, ends, net, corners, count)
        if not len(out):
            return net, ends
        net, ends = _contract(net, ends, out)


def _needless(
    points: NDArray[np.float64],
    ends: NDArray[np.intp],
    net: Boundary,
    corners: Corners,
    count: int,
) -> NDArray[np.intp]:
    """Return vertices to drop with their two segments and far ends, shape (k, 5)."""
    used = net.used(len(ends))
    meet = np.bincount(ends[used].ravel(), minlength=len(points))
    keep = np.ones(len(points), bool)
    keep[corners.inserted] = meet[corners.inserted] != 2  # noqa: PLR2004  # one on either side
    _mark_corners(keep, ends, net, corners, count)
    side = np.concatenate([used, used])
    vertex = np.concatenate([ends[used, 0], ends[used, 1]])
    far = np.concatenate([ends[used, 1], ends[used, 0]])
    order = np.argsort(vertex, kind="stable")
    order = order[~keep[vertex[order]]]
    first, second = order[::2], order[1::2]
    out = np.column_stack([vertex[first], side[first], side[second], far[first], far[second]])
    out = out[_straight(points, out[:, 0], out[:, 3], out[:, 4])]
    # One after the other where several are in a row; and never what would double a segment.
    chosen = np.zeros(len(points), bool)
    chosen[out[:, 0]] = True
    later = chosen[out[:, 3]] & (out[:, 3] < out[:, 0])
    later |= chosen[out[:, 4]] & (out[:, 4] < out[:, 0])
    there = np.sort(ends[used], axis=1) @ np.array([len(points), 1])
    made = np.sort(out[:, 3:], axis=1) @ np.array([len(points), 1])
    if not len(made):
        return np.zeros((0, 5), np.intp)
    _, firsts = np.unique(made, return_index=True)
    once = np.zeros(len(out), bool)
    once[firsts] = True
    return np.asarray(out[~later & ~np.isin(made, there) & once], np.intp)


def _mark_corners(
    keep: NDArray[np.bool_],
    ends: NDArray[np.intp],
    net: Boundary,
    corners: Corners,
    count: int,
) -> None:
    """Mark the vertices that a polygon along them had before, or that must not change."""
    span = len(keep)
    had = corners.polygons * span + corners.points
    for side in (0, 1):
        rows = np.flatnonzero(~keep[ends[net.segment, side]])
        owner, point = net.owner[rows], ends[net.segment[rows], side]
        fixed = (owner >= count) | np.isin(owner * span + point, had)
        keep[point[fixed]] = True


def _straight(
    points: NDArray[np.float64],
    vertex: NDArray[np.intp],
    a: NDArray[np.intp],
    b: NDArray[np.intp],
) -> NDArray[np.bool_]:
    """Return which vertices lie on the segment between two others, shape (k,)."""
    along, off = points[b] - points[a], points[vertex] - points[a]
    length = np.hypot(*along.T)
    across = np.abs(along[:, 0] * off[:, 1] - along[:, 1] * off[:, 0])
    dot = (along * off).sum(1)
    return np.asarray((across <= TOUCH_DEG * length) & (dot > 0) & (dot < length**2))


def _contract(
    net: Boundary, ends: NDArray[np.intp], out: NDArray[np.intp]
) -> tuple[Boundary, NDArray[np.intp]]:
    """Replace the two segments of each vertex by one."""
    vertex, first, second, near, far = out.T
    made = len(ends) + np.arange(len(out))
    becomes = np.arange(len(ends))
    becomes[first] = made
    turn = np.ones(len(ends), np.int64)
    # The first segment runs from ``near`` to the vertex; the new one on to ``far``.
    turn[first] = np.where((near < vertex) == (near < far), 1, -1)
    gone = np.zeros(len(ends), bool)
    gone[second] = True
    stays = ~gone[net.segment]
    owner, segment, way = net.owner[stays], net.segment[stays], net.way[stays]
    new_ends = np.column_stack([np.minimum(near, far), np.maximum(near, far)])
    joined = Boundary(owner, becomes[segment], way * turn[segment])
    return joined.net(), np.concatenate([ends, new_ends])
