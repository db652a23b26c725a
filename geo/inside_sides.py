"""Where one border alone runs through a square of a board: on which side of it points lie.

Most squares that a border crosses are crossed by one segment of it, or by two that share a
vertex. Such a border has one polygon on each side, and a few products tell which side a point is
on; all other squares are left to those who look at whole polygons.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import shapely

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["UNSURE", "Borders", "Sides"]

UNSURE: Final = -2
"""Something that this does not tell."""

_NOBODY: Final = -1
_SEVERAL: Final = -3

_CLEAR = 3.0
"""How many times ``near`` a point keeps away from a segment's line to be on a side of it; a corner
of the square that reaches ``near`` to each side is 1.42 times as far."""

_ASIDE = 5.0
"""How many times ``near`` beside a segment it is looked who is there."""


class Borders(NamedTuple):
    """The segments of polygons, each once however many polygons it is a border of."""

    xy: NDArray[np.float64]
    """Vertices, each once, shape (v, 2)."""
    ends: NDArray[np.int32]
    """Vertices of each segment, shape (s, 2)."""
    beside: NDArray[np.int32]
    """Polygons to the left and to the right of each, shape (s, 2): -1 is nobody, -3 several."""

    @classmethod
    def of(cls, shapes: NDArray[np.object_]) -> Borders:
        """Return the borders of valid polygons or multipolygons, shape (m,)."""
        parts, owner = shapely.get_parts(shapely.orient_polygons(shapes), return_index=True)
        rings, part = shapely.get_rings(parts, return_index=True)
        given, ring = shapely.get_coordinates(rings, return_index=True)
        places, vertex = np.unique(given @ [1, 1j], return_inverse=True)  # quicker than by rows
        xy = np.column_stack([places.real, places.imag])
        starts = np.flatnonzero(ring[1:] == ring[:-1])
        polygon = owner[part[ring[starts]]]
        ends = np.column_stack([vertex[starts], vertex[starts + 1]])
        forward = ends[:, 0] < ends[:, 1]
        ends = np.sort(ends, axis=1)
        key = ends[:, 0] * len(xy) + ends[:, 1]
        _, first, segment = np.unique(key, return_index=True, return_inverse=True)
        beside = np.full((len(first), 2), _NOBODY, np.int32)
        for side, here in enumerate((forward, ~forward)):  # rings have their polygon on the left
            beside[segment[here], side] = polygon[here]
            often = np.bincount(segment[here], minlength=len(first)) > 1
            beside[often, side] = _SEVERAL
        return cls(xy, ends[first].astype(np.int32), beside)

    def are_apart(self, shapes: NDArray[np.object_], tree: shapely.STRtree, near: float) -> bool:
        """Return whether no two polygons lie on one another, as far as borders tell.

        Notes
        -----
        How many polygons a place is in changes only where a segment has one polygon beside it.
        So these are looked at: they must meet at common vertices only, and nobody may be there on
        the side where they have no polygon.
        """
        alone = np.flatnonzero((self.beside == _NOBODY).sum(axis=1) == 1)
        if (self.beside == _SEVERAL).any():
            return False
        ends = self.ends[alone]
        lines = np.asarray(shapely.linestrings(self.xy[ends]), object)
        one, other = shapely.STRtree(lines).query(lines, predicate="intersects")
        once = one < other
        if not self._only_at_ends(ends[one[once]], ends[other[once]]):
            return False
        start, end = self.xy[ends[:, 0]], self.xy[ends[:, 1]]
        way = end - start
        right = np.column_stack([way[:, 1], -way[:, 0]]) / np.hypot(*way.T)[:, None]
        right[self.beside[alone, 0] == _NOBODY] *= -1.0
        place = (start + end) / 2 + _ASIDE * near * right
        point, polygon = tree.query(shapely.points(place))
        return not shapely.contains_xy(shapes[polygon], *place[point].T).any()

    def _only_at_ends(self, one: NDArray[np.int32], other: NDArray[np.int32]) -> bool:
        """Return whether pairs of segments that meet have just one vertex in common."""
        same = one[:, :, None] == other[:, None, :]
        if not (same.sum(axis=(1, 2)) == 1).all():
            return False
        pair = np.arange(len(one))
        mine, theirs = same.any(axis=2).argmax(axis=1), same.any(axis=1).argmax(axis=1)
        common = self.xy[one[pair, mine]]
        away = self.xy[one[pair, 1 - mine]] - common
        beyond = self.xy[other[pair, 1 - theirs]] - common
        folded = (_cross(away, beyond) == 0) & ((away * beyond).sum(axis=1) > 0)
        return not folded.any()


def _cross(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the cross products of vectors, shape (n,)."""
    return np.asarray(one[:, 0] * other[:, 1] - one[:, 1] * other[:, 0])


class Sides:
    """What is beside the only border that runs through a square.

    Parameters
    ----------
    borders
        Of polygons that do not lie on one another.
    square, segment
        Which segments come near to which squares, shape (n,) each; pairs may come again.
    near
        How near to a border nothing is told.

    Notes
    -----
    A square takes eight bytes, and each way that a border runs through squares 24.
    """

    def __init__(
        self,
        borders: Borders,
        square: NDArray[np.int64],
        segment: NDArray[np.int64],
        *,
        near: float,
    ) -> None:
        self._xy = borders.xy
        self._near = near
        count = max(len(borders.ends), 1)
        pairs = np.sort(square * count + segment)
        again = np.zeros(len(pairs), np.bool_)
        again[1:] = (
            pairs[1:] == pairs[:-1]
        )  # np.unique would hash them, which takes ten times as long
        square, segment = np.divmod(pairs[~again], count)
        places, first, often = np.unique(square, return_index=True, return_counts=True)
        few = often <= 2  # noqa: PLR2004 - one segment, or two that share a vertex
        one, other = segment[first[few]], segment[(first + often - 1)[few]]
        ways, way = np.unique(one * count + other, return_inverse=True)
        corner, beside = _corners(borders, *np.divmod(ways, count))
        good = (beside[:, 0] != UNSURE)[way]
        self._squares = places[few][good].astype(np.int32)
        self._way = way[good].astype(np.int32)
        self._corner, self._beside = corner, beside

    @property
    def nbytes(self) -> int:
        """The memory that it takes, bytes."""
        mine = (self._xy, self._squares, self._way, self._corner, self._beside)
        return sum(one.nbytes for one in mine)

    def of(self, square: NDArray[np.intp], xy: NDArray[np.float64]) -> NDArray[np.intp]:
        """Return the polygon that each point is inside of, -1 or ``UNSURE``, shape (n,).

        Parameters
        ----------
        square
            In which each point is, shape (n,).
        xy
            Shape (n, 2).
        """
        told = np.full(len(xy), UNSURE, np.intp)
        if not len(self._squares):
            return told
        at = self._squares.searchsorted(square.astype(np.int32))  # of another type, all are copied
        at[at == len(self._squares)] = 0
        here = np.flatnonzero(self._squares[at] == square)
        way = self._way[at[here]]
        a, b, c, d = self._xy.take(self._corner[way].T, axis=0)
        to, on = b - a, d - c
        one, other = _cross(to, xy[here] - b), _cross(on, xy[here] - c)
        left = np.where(_cross(to, on) < 0, (one > 0) | (other > 0), (one > 0) & (other > 0))
        clear = _CLEAR * self._near
        sure = (np.abs(one) > clear * np.hypot(*to.T)) & (np.abs(other) > clear * np.hypot(*on.T))
        beside = self._beside[way]
        told[here] = np.where(sure, np.where(left, beside[:, 0], beside[:, 1]), UNSURE)
        return told

    def of_one(self, square: int, x: float, y: float) -> int:
        """Return the same of one point."""
        at = int(self._squares.searchsorted(np.int32(square)))
        if at == len(self._squares) or self._squares[at] != square:
            return UNSURE
        way = self._way[at]
        (ax, ay), (bx, by), (cx, cy), (dx, dy) = self._xy[self._corner[way]].tolist()
        to_x, to_y, on_x, on_y = bx - ax, by - ay, dx - cx, dy - cy
        one = to_x * (y - by) - to_y * (x - bx)
        other = on_x * (y - cy) - on_y * (x - cx)
        clear = _CLEAR * self._near
        if abs(one) <= clear * math.hypot(to_x, to_y):
            return UNSURE
        if abs(other) <= clear * math.hypot(on_x, on_y):
            return UNSURE
        outward = to_x * on_y - to_y * on_x < 0
        left = (one > 0 or other > 0) if outward else (one > 0 and other > 0)
        return int(self._beside[way, 0 if left else 1])


def _corners(
    borders: Borders, one: NDArray[np.int64], other: NDArray[np.int64]
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return the vertices along which each pair of segments runs, and who is beside it.

    Returns
    -------
    NDArray, NDArray
        From where to where the first runs and then the other, shape (n, 4), and polygons to the
        left and to the right, shape (n, 2): ``UNSURE`` where a pair is no part of one border. Both
        may be the same segment.
    """
    ends, beside = borders.ends, borders.beside
    to, on = ends[one], ends[other]
    back = (to[:, 0] == on[:, 0]) | (to[:, 0] == on[:, 1])  # the first one ends where they meet
    back &= one != other
    to = np.where(back[:, None], to[:, ::-1], to)
    before = np.where(back[:, None], beside[one][:, ::-1], beside[one])
    away = (on[:, 1] == to[:, 1]) & (one != other)
    on = np.where(away[:, None], on[:, ::-1], on)
    after = np.where(away[:, None], beside[other][:, ::-1], beside[other])
    corner = np.column_stack([to, on])
    good = (before == after).all(axis=1) & ((on[:, 0] == to[:, 1]) | (one == other))
    return corner.astype(np.int32), np.where(good[:, None], before, UNSURE).astype(np.int32)
