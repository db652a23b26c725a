"""Tells where points lie to polygons: inside, outside, or too near a border to say without care."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray

OUTSIDE, INSIDE, NEAR = 0, 1, 2


@njit(nogil=True, cache=True)
def sides_of(  # noqa: C901, PLR0917 - one loop over numbers
    points: NDArray[np.float64],
    of_point: NDArray[np.int64],
    of_shape: NDArray[np.int64],
    shape_start: NDArray[np.int64],
    ring_start: NDArray[np.int64],
    vertices: NDArray[np.float64],
    near: float,
) -> NDArray[np.int8]:
    """Return where points lie to polygons, shape (k,).

    Parameters
    ----------
    points
        Shape (n, 2).
    of_point, of_shape
        The pairs to look at, shape (k,).
    shape_start
        First ring of each polygon, and the end, shape (m + 1,).
    ring_start
        First vertex of each ring, and the end, shape (r + 1,).
    vertices
        Closed rings of valid polygons, shape (v, 2).
    near
        What is no farther than this from a border is ``NEAR``.

    Notes
    -----
    A ray to the east crosses rings an odd number of times from inside. Rounding can err on which
    side of a segment a point is only within some 1e-15 of the segment's size, far less than
    ``near`` must be.
    """
    found = np.zeros(len(of_point), np.int8)
    for k in range(len(of_point)):
        x, y = points[of_point[k], 0], points[of_point[k], 1]
        shape = of_shape[k]
        odd = False
        close = False
        for ring in range(shape_start[shape], shape_start[shape + 1]):
            if close:
                break
            for i in range(ring_start[ring], ring_start[ring + 1] - 1):
                ax, ay = vertices[i, 0], vertices[i, 1]
                bx, by = vertices[i + 1, 0], vertices[i + 1, 1]
                if (ay > y + near and by > y + near) or (ay < y - near and by < y - near):
                    continue
                if ax < x - near and bx < x - near:
                    continue
                if (ay > y) != (by > y) and x < ax + (y - ay) * (bx - ax) / (by - ay):
                    odd = not odd
                if ax > x + near and bx > x + near:
                    continue
                dx, dy = bx - ax, by - ay
                size = dx * dx + dy * dy
                t = 0.0
                if size > 0.0:
                    t = min(1.0, max(0.0, ((x - ax) * dx + (y - ay) * dy) / size))
                ox, oy = ax + t * dx - x, ay + t * dy - y
                if ox * ox + oy * oy <= near * near:
                    close = True
                    break
        found[k] = NEAR if close else (INSIDE if odd else OUTSIDE)
    return found
