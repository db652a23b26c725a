"""A board of small squares, most of which lie in one polygon: it tells at once of points there."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np
import shapely

from geo.inside_sides import UNSURE, Borders, Sides

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

__all__ = ["NONE", "UNSURE", "Cells"]

NONE: Final = -1
"""Inside of no polygon, and away from all borders."""

ACROSS = 20
"""Squares to a polygon's side, as a rule: some five of six then meet no border."""

FEWEST, MOST = 512, 2048
"""Squares to a side of the board."""

_SLACK = 1e-9
"""By how much of the board's side rounding may be off, and far more than it is."""

_CHUNK = 200_000
"""Segments that are laid on the board at a time."""


class Cells:
    """What squares tell of polygons.

    Parameters
    ----------
    shapes
        Valid polygons or multipolygons, shape (m,).
    tree
        Of the shapes.
    near
        How near to a border nothing is told.

    Notes
    -----
    A square that no border comes as near to as ``near`` lies in the same polygons everywhere: one
    point of it tells which. Borders are cut into pieces no longer than a square, and the squares
    that each piece's box touches are marked; the box is a little larger than rounding could ask
    for. A row of squares without marks is of one kind, too. A square takes two bytes, or four
    where there are more polygons than those could number.

    Where polygons do not lie on one another, most marked squares tell by the side of a border:
    see :mod:`geo.inside_sides`.
    """

    def __init__(self, shapes: NDArray[np.object_], tree: shapely.STRtree, *, near: float) -> None:
        west, south, east, north = shapely.total_bounds(shapes).tolist()
        widest = max(east - west, north - south)
        margin = 2 * near + _SLACK * (widest + 1.0)
        side = min(MOST, max(FEWEST, math.ceil(ACROSS * math.sqrt(len(shapes)))))
        self._west, self._south = west - margin, south - margin
        self._across = side / (east + margin - self._west)
        self._up = side / (north + margin - self._south)
        self._side = side
        borders = Borders.of(shapes)
        near_ones = list(self._laid(borders, margin))
        marked = np.zeros(side * side, np.bool_)
        for square, _ in near_ones:
            marked[square] = True
        self._sides: Sides | None = None
        if borders.are_apart(shapes, tree, near):
            square, segment = (np.concatenate(some) for some in zip(*near_ones, strict=True))
            self._sides = Sides(borders, square, segment, near=near)
        kind = np.int16 if len(shapes) <= np.iinfo(np.int16).max else np.int32
        # the last row and column stand for what lies beside the board
        self._told = np.full((side + 1, side + 1), NONE, kind)
        self._told[:side, :side] = self._filled(shapes, tree, marked.reshape(side, side))

    def of(self, xy: NDArray[np.float64]) -> NDArray[np.intp]:
        """Return the polygon that each point is inside of, ``NONE`` or ``UNSURE``, shape (n,).

        Parameters
        ----------
        xy
            Shape (n, 2).
        """
        side = self._side
        x = np.floor((xy[:, 0] - self._west) * self._across)
        y = np.floor((xy[:, 1] - self._south) * self._up)
        beside = ~((x >= 0) & (x < side) & (y >= 0) & (y < side))
        x[beside] = y[beside] = side
        row, column = y.astype(np.intp), x.astype(np.intp)
        told = np.asarray(self._told[row, column], np.intp)
        if self._sides is not None:
            open_ones = np.flatnonzero(told == UNSURE)
            square = row[open_ones] * side + column[open_ones]
            told[open_ones] = self._sides.of(square, xy[open_ones])
        return told

    def of_one(self, x: float, y: float) -> int:
        """Return the same of one point."""
        column = math.floor((x - self._west) * self._across)
        row = math.floor((y - self._south) * self._up)
        if not (0 <= column < self._side and 0 <= row < self._side):
            return NONE
        told = int(self._told[row, column])
        if told == UNSURE and self._sides is not None:
            return self._sides.of_one(row * self._side + column, x, y)
        return told

    @property
    def nbytes(self) -> int:
        """The memory that it takes, bytes."""
        return self._told.nbytes + (self._sides.nbytes if self._sides is not None else 0)

    def _laid(
        self, borders: Borders, margin: float
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """Yield the squares that segments come near to, and which segments, some at a time."""
        for first in range(0, len(borders.ends), _CHUNK):
            ends = borders.ends[first : first + _CHUNK]
            for square, segment in self._lay(
                borders.xy[ends[:, 0]], borders.xy[ends[:, 1]], margin
            ):
                yield square, segment + first

    def _lay(
        self, start: NDArray[np.float64], end: NDArray[np.float64], margin: float
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """Yield the squares that the boxes of pieces of segments touch, and which segments."""
        steps = np.abs(end - start) * [self._across, self._up]
        pieces = np.ceil(steps.max(axis=1)).astype(np.intp).clip(1)
        of = np.repeat(np.arange(len(start)), pieces)
        number = np.arange(len(of)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
        along = (number / pieces[of])[:, None], ((number + 1) / pieces[of])[:, None]
        way = end[of] - start[of]
        one, other = start[of] + along[0] * way, start[of] + along[1] * way
        low = self._square(np.minimum(one, other) - margin)
        high = self._square(np.maximum(one, other) + margin)
        for right in range(int((high - low)[:, 0].max(initial=0)) + 1):
            for up in range(int((high - low)[:, 1].max(initial=0)) + 1):
                at = low + np.array([right, up])
                there = (at <= high).all(axis=1)
                yield at[there, 1] * self._side + at[there, 0], of[there]

    def _square(self, xy: NDArray[np.float64]) -> NDArray[np.intp]:
        """Return the columns and rows of the squares that points are in, shape (n, 2)."""
        at = np.floor((xy - [self._west, self._south]) * [self._across, self._up])
        return np.asarray(at.clip(0, self._side - 1), np.intp)

    def _filled(
        self, shapes: NDArray[np.object_], tree: shapely.STRtree, marked: NDArray[np.bool_]
    ) -> NDArray[np.intp]:
        """Return what each square tells, shape (rows, columns): one of each patch is looked up."""
        patches, first = _patches(marked)
        row, column = np.divmod(first, self._side)
        x = self._west + (column + 0.5) / self._across
        y = self._south + (row + 0.5) / self._up
        point, polygon = tree.query(shapely.points(x, y))
        inside = shapely.contains_xy(shapes[polygon], x[point], y[point])
        point, polygon = point[inside], polygon[inside]
        found = np.full(len(first) + 1, NONE, np.intp)
        found[point] = polygon
        found[:-1][np.bincount(point, minlength=len(first)) > 1] = UNSURE
        found[-1] = UNSURE  # of those that are marked
        return found[patches]


def _patches(marked: NDArray[np.bool_]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the patch that each square without a mark hangs together with, and one of each.

    Returns
    -------
    NDArray, NDArray
        Numbers of patches, shape (rows, columns), -1 where there is a mark; and the place of one
        square of each, row by row. What hangs together may be several patches.
    """
    rows, side = marked.shape
    patches = np.full(marked.shape, -1, np.intp)
    first: list[NDArray[np.intp]] = []
    count = 0
    above = np.full(side, -1, np.intp)
    for row in range(rows):
        line = marked[row]
        breaks = line.copy()
        breaks[1:] |= line[:-1]
        breaks[0] = True
        starts = np.flatnonzero(breaks)
        # what a row has in common with the row above
        runs = np.maximum.reduceat(np.where(line, -1, above), starts)
        new = np.flatnonzero((runs < 0) & ~line[starts])
        runs[new] = count + np.arange(len(new))
        count += len(new)
        first.append(row * side + starts[new])
        above = np.where(line, -1, runs[np.cumsum(breaks) - 1])
        patches[row] = above
    return patches, np.concatenate(first)
