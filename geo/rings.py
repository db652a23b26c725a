"""Polygons taken apart into rings of vertices, and put together again."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import shapely

if TYPE_CHECKING:
    from numpy.typing import NDArray

MIN_RING = 3
"""The fewest vertices that enclose land."""


class Rings(NamedTuple):
    """The rings of n polygons, one after another; a ring's closing vertex is not repeated."""

    xy: NDArray[np.float64]
    """Vertices, shape (v, 2)."""
    start: NDArray[np.intp]
    """First vertex of each ring, and v; shape (r + 1,)."""
    part: NDArray[np.intp]
    """Polygon of each ring, shape (r,), ascending; a polygon's first ring is its exterior."""
    unit: NDArray[np.intp]
    """Element that each part belongs to, shape (p,), ascending."""

    @property
    def exterior(self) -> NDArray[np.bool_]:
        """True where a ring is the exterior of its part, shape (r,)."""
        first = np.ones(len(self.part), bool)
        first[1:] = self.part[1:] != self.part[:-1]
        return first


def take_apart(geoms: NDArray[np.object_]) -> Rings:
    """Take polygons and multipolygons apart, shape (n,); z and m are left behind."""
    if not len(geoms):
        nothing = np.zeros(0, np.intp)
        return Rings(np.zeros((0, 2)), np.zeros(1, np.intp), nothing, nothing)
    if _have_one_ring(geoms):
        return _single_rings(geoms)
    kind, closed, offsets = shapely.to_ragged_array(geoms, include_z=False)
    ring, poly = offsets[0].astype(np.intp), offsets[1].astype(np.intp)
    if kind == shapely.GeometryType.MULTIPOLYGON:
        unit = np.repeat(np.arange(len(offsets[2]) - 1), np.diff(offsets[2]))
    else:
        unit = np.arange(len(poly) - 1)
    solid = np.diff(poly) > 0  # an empty polygon has no ring
    filled = np.diff(ring) > 0  # and a hole may be empty
    part = np.repeat(np.cumsum(solid) - 1, np.diff(poly))[filled]
    keep = np.ones(len(closed), bool)
    keep[ring[1:][filled] - 1] = False
    start = np.concatenate([np.zeros(1, np.intp), np.cumsum(np.diff(ring)[filled] - 1)])
    return Rings(closed[keep, :2] + 0.0, start, part, unit[solid])


def _have_one_ring(geoms: NDArray[np.object_]) -> bool:
    """Return whether all are polygons of one ring, as most of a level are."""
    plain = shapely.get_type_id(geoms) == shapely.GeometryType.POLYGON
    plain &= (shapely.get_num_interior_rings(geoms) == 0) & ~shapely.is_empty(geoms)
    return bool(plain.all())


def _single_rings(geoms: NDArray[np.object_]) -> Rings:
    """Take polygons of one ring apart, which takes half as long."""
    end = np.cumsum(shapely.get_num_coordinates(geoms), dtype=np.intp)
    each = np.arange(len(geoms))
    start = np.concatenate([np.zeros(1, np.intp), end - each - 1])
    xy = np.delete(shapely.get_coordinates(geoms), end - 1, axis=0)
    return Rings(xy + 0.0, start, each, each)


def edges_of(geoms: NDArray[np.object_]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return all edges of polygons, shape (e, 4), and the first one of each, shape (n + 1,).

    An edge is x and y of its first and its second end; holes and further parts are among them.
    """
    rings = take_apart(geoms)
    edges = np.column_stack([rings.xy, rings.xy[following(rings.start)]])
    size = np.diff(rings.start)
    count = np.bincount(rings.unit[rings.part], size, len(geoms)).astype(np.int64)
    return edges, np.concatenate([np.zeros(1, np.int64), np.cumsum(count)])


def ring_signs(rings: Rings) -> NDArray[np.int64]:
    """Return +1 where a ring runs as its role wants, else -1; shape (r,).

    Exteriors are wanted counter-clockwise and holes clockwise.
    """
    if len(rings.start) == 1:
        return np.zeros(0, np.int64)
    first = rings.start[:-1]
    local = rings.xy - np.repeat(rings.xy[first], np.diff(rings.start), axis=0)
    after = following(rings.start)
    cross = local[:, 0] * local[after, 1] - local[after, 0] * local[:, 1]
    twice_area = np.add.reduceat(cross, first)
    return np.where((twice_area > 0) == rings.exterior, 1, -1)


def following(start: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the index of the vertex after each vertex of its ring, shape (v,)."""
    after = np.arange(1, start[-1] + 1)
    filled = np.diff(start) > 0
    after[start[1:][filled] - 1] = start[:-1][filled]
    return after


def put_together(rings: Rings, count: int) -> NDArray[np.object_]:
    """Build multipolygons from rings, shape (count,).

    A ring of fewer than three vertices is left out, and with an exterior its whole part; an
    element that keeps no part is an empty MultiPolygon.
    """
    long_enough = np.diff(rings.start) >= MIN_RING
    exterior = rings.exterior
    part_stands = np.zeros(len(rings.unit), bool)
    part_stands[rings.part[exterior & long_enough]] = True
    keep = long_enough & part_stands[rings.part]

    sizes = np.diff(rings.start)[keep]
    vertices = np.flatnonzero(np.repeat(keep, np.diff(rings.start)))
    ring_start = np.concatenate([[0], np.cumsum(sizes)])
    closed = np.insert(vertices, ring_start[1:], vertices[ring_start[:-1]])
    ring_offsets = ring_start + np.arange(len(ring_start))
    rings_of_part = np.bincount(rings.part[keep], minlength=len(rings.unit))[part_stands]
    parts_of_unit = np.bincount(rings.unit[part_stands], minlength=count)
    return np.asarray(
        shapely.from_ragged_array(
            shapely.GeometryType.MULTIPOLYGON,
            rings.xy[closed],
            (
                ring_offsets,
                np.concatenate([[0], np.cumsum(rings_of_part)]),
                np.concatenate([[0], np.cumsum(parts_of_unit)]),
            ),
        )
    )
