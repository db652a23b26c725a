"""Rings over numbered points, while noding changes them, and the polygons that they become."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np
import shapely

from geo.chain import chains
from geo.crs import round9
from geo.rings import Rings, following, put_together, ring_signs, take_apart
from geo.segments import (
    distinct,
    first_equal,
    number_segments,
    open_segments,
    ranges,
    unique_points,
)
from geo.validity import as_multipolygons, solid_land

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geo.segments import Sums

MAX_GROWTH = 20
"""So many times as many vertices as were sent and stored end the search for crossings."""


class Ground(Protocol):
    """Metres on a plane, for a file's coordinates and for degrees."""

    def from_file(self, xy: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return plane metres of the file's coordinates, shape (n, 2)."""

    def from_lonlat(self, lonlat: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return plane metres of degrees, shape (n, 2)."""

    def to_lonlat(self, xy: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return degrees of plane metres, shape (n, 2)."""


class Noded(NamedTuple):
    """What noding made of n sent polygons and of the stored ones around them."""

    sent: NDArray[np.object_]
    """MultiPolygons in degrees, rounded to 1e-9, shape (n,); empty where nothing is left."""
    stored: NDArray[np.object_]
    """The stored polygons that received vertices, shape (k,)."""
    stored_index: NDArray[np.intp]
    """Which ones they are, shape (k,)."""
    merged: int
    """Sent vertices that became another vertex."""
    inserted: int
    """Vertices put into segments."""
    crossings: int
    """Crossings of borders that became vertices."""
    moved_m: NDArray[np.float64]
    """How far the border of each sent polygon moved at most, in metres, shape (n,)."""
    rebuilt: int
    """Sent polygons with rings that touched themselves, and were drawn anew."""
    entangled: bool = False
    """Whether borders cross in so many places that the crossings were left as they are."""


class Mesh:
    """Rings over numbered nodes, while they change.

    Nodes 0..s-1 are stored vertices; then come sent vertices and new crossings.
    """

    def __init__(
        self,
        sent: NDArray[np.object_],
        stored: NDArray[np.object_],
        former: NDArray[np.object_] | None,
        ground: Ground,
    ) -> None:
        self.ground = ground
        self.n_sent, self.n_stored = len(sent), len(stored)
        theirs, ours = take_apart(stored), take_apart(sent)
        fixed = theirs.xy
        if former is not None and len(former):
            fixed = np.concatenate([fixed, take_apart(former).xy])
        # The sent polygons come first, so that polygon numbers agree with ``Sums``.
        self.part = np.concatenate([ours.part, theirs.part + len(ours.unit)])
        self.unit = np.concatenate([ours.unit, theirs.unit + self.n_sent])
        self.start = np.concatenate([ours.start, theirs.start[1:] + len(ours.xy)])

        lonlat_fixed, of_fixed = unique_points(fixed)
        file_xy, of_sent = unique_points(ours.xy)
        plane_sent = ground.from_file(file_xy)
        lonlat = np.concatenate([lonlat_fixed, round9(ground.to_lonlat(plane_sent))])
        plane = np.concatenate([ground.from_lonlat(lonlat_fixed), plane_sent])
        # A sent vertex that rounds to a stored one, or to an earlier sent one, is that vertex.
        self.n_fixed = len(lonlat_fixed)
        _, same = first_equal(lonlat)
        self.lonlat, self.plane = lonlat, plane
        self.vertex = np.concatenate([same[of_sent + self.n_fixed], of_fixed[: len(theirs.xy)]])
        self.sent_vertices = len(ours.xy)
        signs = np.concatenate([ring_signs(ours), ring_signs(theirs)])
        self.sign = signs
        self.original = self.vertex.copy()
        self.original_start = self.start.copy()
        # The edge, as sent or stored, that each edge is a piece of: it may move by ``MOVED_M``.
        self.whole_edge = np.column_stack([self.vertex, self.vertex[following(self.start)]])
        self.bent_m = np.zeros(self.n_sent + self.n_stored)
        self.first_crossing = len(lonlat)
        self.goes_to = np.arange(len(lonlat))
        # What was kept once is kept for good: otherwise merging would go on and on, node by node.
        self.kept = np.arange(len(lonlat)) < self.n_fixed
        self.merged = self.inserted = self.crossings = 0
        self.entangled = False

    def redirect(self, moved: NDArray[np.intp], target: NDArray[np.intp]) -> None:
        """Let vertices become other ones, in all rings."""
        self.goes_to[moved] = target
        self._bend_to_crossings(moved)
        self.vertex = self.goes_to[self.vertex]
        self.merged += len(moved)
        self.clean()

    def _bend_to_crossings(self, moved: NDArray[np.intp]) -> None:
        """Note how far edges are bent by crossings that become a vertex nearby."""
        crossings = moved[moved >= self.first_crossing]
        if len(crossings):
            edge = np.flatnonzero(np.isin(self.vertex, crossings))
            self.note_bend(edge, self.goes_to[self.vertex[edge]])

    def clean(self) -> None:
        """Drop repeated vertices and spikes until there is none."""
        while True:
            after = following(self.start)
            before = np.empty_like(after)
            before[after] = np.arange(len(after))
            here, ahead = self.vertex, self.vertex[after]
            drop = here == ahead
            if not drop.any():
                # A spike's tip goes; its two feet are then a repeated vertex.
                drop = self.vertex[before] == ahead
                if not drop.any():
                    return
                # A stored ring keeps its own vertices: there the second foot goes.
                own = np.flatnonzero(drop & (self.vertex < self.n_fixed))
                own = own[own >= self.sent_vertices]
                drop[own] = False
                drop[after[own]] = True
            self._drop(drop)

    def _drop(self, drop: NDArray[np.bool_]) -> None:
        kept_before = np.concatenate([[0], np.cumsum(~drop)])
        self.vertex, self.whole_edge = self.vertex[~drop], self.whole_edge[~drop]
        self.start = kept_before[self.start]
        self.sent_vertices = int(kept_before[self.sent_vertices])

    def index_segments(self) -> None:
        """Bring the numbering of the segments up to date."""
        self.segments = number_segments(self.vertex, self.start, len(self.plane))

    def distinct(self, nodes: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return the distinct ones of some nodes, ascending."""
        return distinct(nodes, len(self.plane))

    def sent_segments(self) -> NDArray[np.intp]:
        """Return the segments of sent rings."""
        return distinct(self.segments.of_edge[: self.sent_vertices], len(self.segments.ends))

    def live(self, sums: Sums) -> NDArray[np.intp]:
        """Return the segments that do not cancel in some sum, shape (k,)."""
        self.index_segments()
        ring = np.repeat(np.arange(len(self.sign)), np.diff(self.start))
        way = np.where(self.segments.forward, 1, -1) * self.sign[ring]
        segment, _ = open_segments(self.segments, self.unit[self.part[ring]], way, sums)
        return distinct(segment, len(self.segments.ends))

    def edges_of(self, segment: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return all edges that use the segments, and the place of each one's segment."""
        by_segment = np.argsort(self.segments.of_edge, kind="stable")
        count = np.bincount(self.segments.of_edge, minlength=len(self.segments.ends))
        first = np.concatenate([[0], np.cumsum(count)])[:-1]
        edge = by_segment[ranges(first[segment], count[segment])]
        return edge, np.repeat(np.arange(len(segment)), count[segment])

    def note_bend(self, edge: NDArray[np.intp], node: NDArray[np.intp]) -> None:
        """Note how far nodes lie off the edges, as they were, that they are put into."""
        a, b = self.plane[self.whole_edge[edge, 0]], self.plane[self.whole_edge[edge, 1]]
        ring = np.searchsorted(self.start, edge, side="right") - 1
        bent_m = distance(self.plane[node], a, b)
        np.maximum.at(self.bent_m, self.unit[self.part[ring]], bent_m)

    def splice(
        self, segment: NDArray[np.intp], node: NDArray[np.intp], along: NDArray[np.float64]
    ) -> None:
        """Put nodes into segments, in order along them, in all rings that use them."""
        order = np.lexsort((node, along, segment))
        segment, node = segment[order], node[order]
        count = np.bincount(segment, minlength=len(self.segments.ends))
        first = np.concatenate([[0], np.cumsum(count)])[:-1]

        extra = count[self.segments.of_edge]
        shift = np.concatenate([[0], np.cumsum(extra)])
        vertex = np.empty(len(self.vertex) + shift[-1], self.vertex.dtype)
        place = np.arange(len(self.vertex)) + shift[:-1]
        vertex[place] = self.vertex
        edges = np.repeat(np.arange(len(self.vertex)), extra)
        step = ranges(np.zeros(len(extra), np.intp), extra)
        of_edge = self.segments.of_edge[edges]
        source = np.where(self.segments.forward[edges], step, extra[edges] - 1 - step)
        vertex[place[edges] + 1 + step] = node[first[of_edge] + source]
        origin = np.empty((len(vertex), 2), np.intp)
        origin[place] = self.whole_edge
        origin[place[edges] + 1 + step] = self.whole_edge[edges]
        self.vertex, self.whole_edge = vertex, origin
        self.start = self.start + shift[self.start]
        self.sent_vertices += int(shift[self.sent_vertices])
        self.clean()

    def overgrown(self) -> bool:
        """Return whether crossings multiply without end, as hostile files may make them."""
        return len(self.vertex) > MAX_GROWTH * (int(self.original_start[-1]) + MAX_GROWTH)

    def new_nodes(self, plane: NDArray[np.float64]) -> NDArray[np.intp]:
        """Return nodes at the given places, rounded; places that are nodes already are reused."""
        lonlat = round9(self.ground.to_lonlat(plane))
        known = len(self.lonlat)
        together = np.concatenate([self.lonlat, lonlat])
        _, same = first_equal(together)
        self.lonlat = together
        self.plane = np.concatenate([self.plane, self.ground.from_lonlat(lonlat)])
        self.goes_to = np.concatenate([self.goes_to, np.arange(known, len(together))])
        self.kept = np.concatenate([self.kept, np.zeros(len(lonlat), bool)])
        return same[known:]

    def result(self) -> Noded:
        """Build the polygons that changed."""
        lonlat = self.lonlat[self.vertex]
        rings = Rings(lonlat, self.start, self.part, self.unit)
        built = put_together(rings, self.n_sent + self.n_stored)
        changed = self._changed_units()
        stored_index = changed[changed >= self.n_sent] - self.n_sent
        sent, rebuilt = _rebuild(built[: self.n_sent])
        stored, _ = _rebuild(built[self.n_sent + stored_index])
        return Noded(
            sent=shapely.orient_polygons(sent),
            stored=shapely.orient_polygons(stored),
            stored_index=stored_index,
            rebuilt=rebuilt,
            merged=self.merged,
            inserted=self.inserted,
            crossings=self.crossings,
            moved_m=self._moved(),
            entangled=self.entangled,
        )

    def _changed_units(self) -> NDArray[np.intp]:
        """Return the polygons whose rings are not as they were, ascending."""
        now, before = np.diff(self.start), np.diff(self.original_start)
        ring_changed = now != before
        # Where no vertex was put in or dropped, the vertices can be compared one by one.
        same_size = np.repeat(~ring_changed, now)
        was_same_size = np.repeat(~ring_changed, before)
        differs = self.vertex[same_size] != self.original[was_same_size]
        ring = np.repeat(np.arange(len(now)), now)[same_size]
        ring_changed[ring[differs]] = True
        return np.unique(self.unit[self.part[ring_changed]])

    def _moved(self) -> NDArray[np.float64]:
        """Return how far the border of each sent polygon moved at most."""
        count = int(np.searchsorted(self.original_start, self.original_start[-1]))
        ring = np.repeat(np.arange(count), np.diff(self.original_start))
        polygon = self.unit[self.part[ring]]
        ours = polygon < self.n_sent
        start = self.original[ours]
        end = self.goes_to[start]
        while not np.array_equal(end, self.goes_to[end]):
            end = self.goes_to[end]
        moved = np.hypot(*(self.plane[start] - self.plane[end]).T)
        out = np.zeros(self.n_sent)
        np.maximum.at(out, polygon[ours], moved)
        return np.asarray(np.maximum(out, self.bent_m[: self.n_sent]))


def _rebuild(geoms: NDArray[np.object_]) -> tuple[NDArray[np.object_], int]:
    """Draw rings that only touch themselves anew, where that leaves the chain as it is."""
    bad = np.flatnonzero(~shapely.is_valid(geoms))
    if not len(bad):
        return geoms, 0
    solid = solid_land(geoms[bad], np.zeros(len(bad), bool))
    same = chains(solid) == chains(geoms[bad])
    out = geoms.copy()
    out[bad[same]] = as_multipolygons(solid[same])
    return out, int(same.sum())


def distance(
    p: NDArray[np.float64], a: NDArray[np.float64], b: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the distance of points from segments, all of shape (n, 2)."""
    d = b - a
    square = (d**2).sum(1)
    along = np.divide(((p - a) * d).sum(1), square, out=np.zeros(len(p)), where=square > 0)
    foot = a + np.clip(along, 0, 1)[:, None] * d
    return np.asarray(np.hypot(*(p - foot).T))
