"""The ground plan of a repair: all faces between the borders near to wrong land, and who has them.

Units and parents are sums of directed segments (see ``geo.chain``); so are faces. Who has a face
follows by walking from the outside inwards: a border that is crossed adds or takes away the units
on its two sides. Nothing is measured for it, and slivers of any width are told right.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import shapely

from geo.rings import ring_signs
from geo.segments import number_segments

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geo.repair_nodes import NodedRings
    from geo.rings import Rings


class Boundary(NamedTuple):
    """Directed segments with their owners: a sum of boundaries."""

    owner: NDArray[np.intp]
    """Polygon or face, shape (e,)."""
    segment: NDArray[np.intp]
    """Shape (e,)."""
    way: NDArray[np.int64]
    """+1 where the owner lies to the left of the segment, run from its smaller end; shape (e,)."""

    def net(self) -> Boundary:
        """Let what runs both ways cancel; sorted by owner and segment."""
        if not len(self.owner):
            return self
        span = int(self.segment.max()) + 1
        keys, inverse = np.unique(self.owner * span + self.segment, return_inverse=True)
        way = np.zeros(len(keys), np.int64)
        np.add.at(way, inverse, self.way)
        owner, segment = np.divmod(keys[way != 0], span)
        return Boundary(owner, segment, way[way != 0])

    def used(self, segments: int) -> NDArray[np.intp]:
        """Return which of so many segments occur, each once, ascending."""
        there = np.zeros(segments, bool)
        there[self.segment] = True
        return np.flatnonzero(there)

    def join(self, other: Boundary) -> Boundary:
        """Return both."""
        return Boundary(
            np.concatenate([self.owner, other.owner]),
            np.concatenate([self.segment, other.segment]),
            np.concatenate([self.way, other.way]),
        )


class Plan(NamedTuple):
    """Faces between noded borders."""

    points: NDArray[np.float64]
    """Degrees, shape (k, 2)."""
    ends: NDArray[np.intp]
    """Both points of each segment, the smaller number first, shape (s, 2)."""
    polygons: Boundary
    """The boundaries of the given polygons, cancelled."""
    faces: NDArray[np.object_]
    """Polygons in degrees, shape (f,)."""
    rims: Boundary
    """The boundaries of the faces."""
    left: NDArray[np.intp]
    right: NDArray[np.intp]
    """The faces on both sides of each segment, shape (s,); f for the outside."""
    inside: list[dict[int, int]]
    """Polygons that have each face, and how often; length f."""
    exact: NDArray[np.bool_]
    """Polygons that are the sum of faces, shape (n,): False means that the plan failed there."""


def boundaries(rings: Rings, noded: NodedRings) -> tuple[NDArray[np.intp], Boundary]:
    """Return the segments of noded rings, shape (s, 2), and the boundaries of their elements."""
    segments = number_segments(noded.vertex, noded.start, len(noded.points))
    ring = np.repeat(np.arange(len(rings.part)), np.diff(noded.start))
    way = np.where(segments.forward, 1, -1) * ring_signs(rings)[ring]
    owner = rings.unit[rings.part[ring]].astype(np.intp)
    return segments.ends, Boundary(owner, segments.of_edge.astype(np.intp), way).net()


def draw_plan(
    points: NDArray[np.float64], ends: NDArray[np.intp], polygons: Boundary, count: int
) -> Plan:
    """Find the faces between segments, and the polygons that each one belongs to.

    Parameters
    ----------
    points
        Shape (k, 2).
    ends
        Segments that meet in their ends only, shape (s, 2).
    polygons
        Boundaries over these segments.
    count
        How many polygons there are.
    """
    used = polygons.used(len(ends))
    lines = np.asarray(shapely.linestrings(points[ends[used]]))
    faces = shapely.orient_polygons(shapely.get_parts(shapely.polygonize(lines)))
    rims = _rims(faces, points, ends)
    left = np.full(len(ends), len(faces), np.intp)
    right = left.copy()
    ahead = rims.way > 0
    left[rims.segment[ahead]] = rims.owner[ahead]
    right[rims.segment[~ahead]] = rims.owner[~ahead]
    inside = _who_is_inside(len(faces), left, right, polygons)
    exact = _sums_agree(polygons, rims, inside, count)
    return Plan(points, ends, polygons, faces, rims, left, right, inside, exact)


def _rims(
    faces: NDArray[np.object_], points: NDArray[np.float64], ends: NDArray[np.intp]
) -> Boundary:
    """Return the boundaries of faces by the numbers of the segments."""
    rings, face_of = shapely.get_rings(faces, return_index=True)
    xy, ring_of = shapely.get_coordinates(rings, return_index=True)
    order = np.argsort(_complex(points), kind="stable")
    at = order[np.searchsorted(_complex(points)[order], _complex(xy))]
    inner = np.flatnonzero(ring_of[1:] == ring_of[:-1])
    a, b = at[inner], at[inner + 1]
    keys = ends @ np.array([len(points), 1])
    by_key = np.argsort(keys)
    wanted = np.minimum(a, b) * len(points) + np.maximum(a, b)
    segment = by_key[np.searchsorted(keys[by_key], wanted)]
    owner = face_of[ring_of[inner]].astype(np.intp)
    return Boundary(owner, segment.astype(np.intp), np.where(a < b, 1, -1))


def _complex(xy: NDArray[np.float64]) -> NDArray[np.complex128]:
    return np.ascontiguousarray(xy + 0.0).view(np.complex128).ravel()


def _who_is_inside(
    count: int, left: NDArray[np.intp], right: NDArray[np.intp], polygons: Boundary
) -> list[dict[int, int]]:
    """Walk from the outside inwards, and count the polygons that are entered and left."""
    between = np.flatnonzero(left != right)
    pairs = np.sort(np.column_stack([left[between], right[between]]), axis=1)
    doors, first = np.unique(pairs @ np.array([count + 1, 1]), return_index=True)
    a, b = np.divmod(doors, count + 1)
    door_of = dict(zip(doors.tolist(), between[first].tolist(), strict=True))
    # Loaded here, as only mending walks so.
    from scipy.sparse import coo_array  # noqa: PLC0415
    from scipy.sparse.csgraph import breadth_first_order  # noqa: PLC0415

    graph = coo_array((np.ones(len(doors)), (a, b)), (count + 1, count + 1)).tocsr()
    order, before = breadth_first_order(graph, count, directed=False)
    by_segment = np.argsort(polygons.segment, kind="stable")
    cuts = np.searchsorted(polygons.segment[by_segment], np.arange(len(left) + 1)).tolist()
    owner, way = polygons.owner[by_segment].tolist(), polygons.way[by_segment].tolist()
    inside: list[dict[int, int]] = [{} for _ in range(count + 1)]
    for face in order[1:].tolist():
        origin = int(before[face])
        segment = door_of[min(face, origin) * (count + 1) + max(face, origin)]
        sign = 1 if left[segment] == face else -1
        here = dict(inside[origin])
        for k in range(cuts[segment], cuts[segment + 1]):
            now = here.pop(owner[k], 0) + sign * way[k]
            if now:
                here[owner[k]] = now
        inside[face] = here
    return inside[:count]


def _sums_agree(
    polygons: Boundary, rims: Boundary, inside: list[dict[int, int]], count: int
) -> NDArray[np.bool_]:
    """Return which polygons are the sums of the faces inside them, shape (count,)."""
    face = [f for f, owners in enumerate(inside) for _ in owners]
    owner = [u for owners in inside for u in owners]
    often = [n for owners in inside for n in owners.values()]
    made = lay_out(rims, np.array(face, np.intp), np.array(owner, np.intp), -np.array(often, int))
    left_over = polygons.join(made).net()
    exact = np.ones(count, bool)
    exact[left_over.owner] = False
    return exact


def lay_out(
    rims: Boundary,
    face: NDArray[np.intp],
    owner: NDArray[np.intp],
    often: NDArray[np.int64],
) -> Boundary:
    """Return the sum of faces' boundaries for each owner, not cancelled.

    Parameters
    ----------
    rims
        Boundaries of the faces, by face.
    face, owner, often
        Which face counts for which owner how often, shape (e,).
    """
    order = np.argsort(rims.owner, kind="stable")
    span = int(max(rims.owner.max(initial=-1), face.max(initial=-1))) + 2
    first = np.searchsorted(rims.owner[order], np.arange(span))
    size = first[face + 1] - first[face]
    ends = np.cumsum(size)
    total = int(ends[-1]) if len(ends) else 0
    edge = order[np.arange(total) + np.repeat(first[face] - (ends - size), size)]
    return Boundary(
        np.repeat(owner, size), rims.segment[edge], rims.way[edge] * np.repeat(often, size)
    )


def build_polygons(
    boundary: Boundary,
    owners: NDArray[np.intp],
    points: NDArray[np.float64],
    ends: NDArray[np.intp],
) -> NDArray[np.object_]:
    """Build multipolygons from net boundaries, shape (n,); empty where nothing is left.

    Parameters
    ----------
    boundary
        Net and sorted by owner.
    owners
        Which ones to build, shape (n,).
    points, ends
        What the segments' numbers mean.
    """
    low = np.searchsorted(boundary.owner, owners)
    high = np.searchsorted(boundary.owner, owners, side="right")
    built = np.empty(len(owners), object)
    for i, (first, last) in enumerate(zip(low.tolist(), high.tolist(), strict=True)):
        built[i] = _polygon(boundary.segment[first:last], boundary.way[first:last], points, ends)
    return np.asarray(shapely.orient_polygons(built))


def _polygon(
    segment: NDArray[np.intp],
    way: NDArray[np.int64],
    points: NDArray[np.float64],
    ends: NDArray[np.intp],
) -> shapely.MultiPolygon:
    """Build one multipolygon: of the faces between its segments those on their left."""
    if not len(segment):
        return shapely.MultiPolygon()
    pairs = np.where((way > 0)[:, None], ends[segment], ends[segment][:, ::-1])
    xy = points[pairs]
    faces = shapely.orient_polygons(
        shapely.get_parts(shapely.polygonize(np.asarray(shapely.linestrings(xy))))
    )
    runs = {tuple(pair) for pair in xy.reshape(-1, 4).tolist()}
    inner = []
    for face in faces:
        (x0, y0), (x1, y1) = shapely.get_coordinates(face.exterior)[:2].tolist()
        if (x0, y0, x1, y1) in runs:
            inner.append(face)
    return shapely.MultiPolygon(inner)
