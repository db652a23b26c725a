"""Tells which polygons points are inside of, and which points are too near a border to say."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import shapely

from geo.inside_cells import NONE, UNSURE, Cells

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["NONE", "UNSURE", "Inside", "Polygons"]

LARGE = 100
"""Vertices from which an index of a polygon's segments is faster than a walk along all of them."""

INDEXED = 60_000
"""Vertices that are indexed, at most: an index takes some 230 bytes for each."""


class Inside(NamedTuple):
    """Which of n points are inside of which of m polygons."""

    point: NDArray[np.int64]
    """Shape (k,)."""
    polygon: NDArray[np.int64]
    """Shape (k,)."""
    near: NDArray[np.bool_]
    """Points near a border, shape (n,), of which nothing is said."""


class Polygons:
    """Polygons among which points are looked up again and again.

    Parameters
    ----------
    shapes
        Valid polygons or multipolygons, shape (m,).
    near
        A point is near a border that a square round it meets, which reaches so far to each side.

    Notes
    -----
    Most points lie in squares of a board that tell at once. Of the others, GEOS decides on which
    side of a segment they are without rounding. Its own indices are made here and not by the first
    who asks, so that several threads may ask.
    """

    def __init__(self, shapes: NDArray[np.object_], *, near: float) -> None:
        self.tree = shapely.STRtree(shapes)
        self._shapes = shapes
        self._borders = shapely.boundary(shapes)
        self._near = near
        self._cells = Cells(shapes, self.tree, near=near) if len(shapes) else None
        large = _largest(shapes)
        _index(self._shapes[large], self._borders[large], near)

    def holding(self, xy: NDArray[np.float64]) -> Inside:
        """Return which points are inside of which polygons.

        Parameters
        ----------
        xy
            Shape (n, 2).
        """
        told = self._told(xy)
        unsure, sure = np.flatnonzero(told == UNSURE), np.flatnonzero(told >= 0)
        found = self._look(xy[unsure])
        near = np.zeros(len(xy), np.bool_)
        near[unsure] = found.near
        return Inside(
            np.concatenate([sure, unsure[found.point]]),
            np.concatenate([told[sure], found.polygon]),
            near,
        )

    def single(self, xy: NDArray[np.float64]) -> NDArray[np.intp]:
        """Return the only polygon that each point is inside of, shape (n,).

        It is ``NONE`` where there is none, ``UNSURE`` near a border and where there are several.
        """
        told = self._told(xy)
        unsure = np.flatnonzero(told == UNSURE)
        found = self._look(xy[unsure])
        only = np.full(len(unsure), NONE, np.intp)
        only[found.point] = found.polygon
        only[found.near | (np.bincount(found.point, minlength=len(only)) > 1)] = UNSURE
        told[unsure] = only
        return told

    def at_once(self, x: float, y: float) -> int:
        """Return the only polygon that one point is inside of, ``NONE``, or often ``UNSURE``."""
        return self._cells.of_one(x, y) if self._cells is not None else NONE

    def around(self, x: float, y: float) -> list[int] | None:
        """Return the polygons that one point is inside of; None near a border."""
        told = self.at_once(x, y)
        if told != UNSURE:
            return [told] if told != NONE else []
        found = self._look(np.array([[x, y]]))
        return None if found.near.any() else [int(at) for at in found.polygon]

    def _told(self, xy: NDArray[np.float64]) -> NDArray[np.intp]:
        """Return what the board tells of each point."""
        if self._cells is None:
            return np.full(len(xy), NONE, np.intp)
        return self._cells.of(xy)

    def _look(self, xy: NDArray[np.float64]) -> Inside:
        """Return the same as ``holding``, asked of GEOS point by point."""
        squares = np.asarray(shapely.box(*(xy - self._near).T, *(xy + self._near).T), object)
        point, polygon = self.tree.query(squares).astype(np.int64)
        near = np.zeros(len(xy), np.bool_)
        near[point[shapely.intersects(self._borders[polygon], squares[point])]] = True
        within: NDArray[np.bool_] = shapely.contains_xy(self._shapes[polygon], *xy[point].T)
        inside = within & ~near[point]
        return Inside(point[inside], polygon[inside], near)


def _largest(shapes: NDArray[np.object_]) -> NDArray[np.intp]:
    """Return the places of the large polygons, the largest first, as far as they are indexed."""
    vertices = shapely.get_num_coordinates(shapes)
    order = np.argsort(-vertices, kind="stable")
    ordered = vertices[order]
    return order[(ordered >= LARGE) & (np.cumsum(ordered) <= INDEXED)]


def _index(shapes: NDArray[np.object_], borders: NDArray[np.object_], near: float) -> None:
    """Let GEOS index polygons and their borders, which it does when it is first asked."""
    shapely.prepare(shapes)
    shapely.prepare(borders)
    rings = shapely.get_exterior_ring(shapely.get_geometry(shapes, 0))
    corners = shapely.get_point(rings, 0)
    shapely.contains_xy(shapes, shapely.get_x(corners), shapely.get_y(corners))
    shapely.intersects(borders, shapely.buffer(corners, near, cap_style="square"))
