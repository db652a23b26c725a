"""Noding: making borders that mean the same line match vertex by vertex.

Nodes belong to the ground, not to a level: a vertex on a straight edge of a parent or neighbour
goes into every ring whose edge runs there. The rule, in metres on the ground:

1. Merge. Stored vertices stay. A sent vertex within ``MERGE_M`` of a kept vertex becomes the
   nearest kept one; the kept ones are taken stored first, then by coordinates. No chaining.
2. Drop repeated vertices and a-b-a spikes.
3. Insert. Into each undirected segment go the vertices within ``INSERT_M`` whose projection falls
   inside it, in order along it, in all rings that use the segment.
4. Repeat until nothing changes. As ``INSERT_M <= MERGE_M / sqrt(2)``, every new segment is
   shorter than the one that it replaces, and so it ends.
5. A ring that touches itself is rebuilt from its chain.
6. Where borders still cross, the crossing, rounded to 1e-9 degrees, becomes a vertex of both.

Only segments that do not cancel in the boundary-chain sum of some parent are looked at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np
import shapely
from scipy.spatial import cKDTree

from geo.chain import chains
from geo.crs import round9
from geo.rings import Rings, following, put_together, ring_signs, take_apart
from geo.segments import first_equal, number_segments, open_segments, ranges, unique_points
from geo.validity import as_multipolygons, solid_land

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geo.segments import Sums

MERGE_M = 0.020
"""Vertices closer than this become one, in metres: measured on real nested levels."""

INSERT_M = 0.010
"""A vertex this near to an edge lies on it, in metres; at most ``MERGE_M / sqrt(2)``."""

MOVED_M = MERGE_M + INSERT_M
"""No border moves further than this, in metres."""

MAX_ROUNDS = 100
"""A guard, never met in the trials: noding ends by itself (see the module's text)."""


MAX_GROWTH = 20
"""So many times as many vertices as were sent and stored end the search for crossings."""

_NOBODY = np.zeros(0, np.intp)


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


def node(
    sent: NDArray[np.object_],
    stored: NDArray[np.object_],
    sums: Sums,
    ground: Ground,
    *,
    former: NDArray[np.object_] | None = None,
    gives: bool = True,
) -> Noded:
    """Match sent polygons to one another and to the stored ones, vertex by vertex.

    Parameters
    ----------
    sent
        Polygons in the file's coordinates, shape (n,), none missing or empty.
    stored
        Polygons of all tiling levels around, in degrees, shape (m,). Their vertices never move;
        they receive vertices.
    sums
        The sums that should be zero.
    ground
        The file's plane.
    former
        What the sent polygons replace, in degrees: their vertices attract sent ones, so that noise
        of a re-export does not become a redrawn border.
    gives
        False for polygons that receive vertices but give none to others (a DISJOINT level).

    Returns
    -------
    Noded
        The matched polygons.

    Notes
    -----
    Linear in the number of vertices, but for the segments that do not cancel, which go through
    two index queries a round.
    """
    mesh = _Mesh(sent, stored, former, ground)
    mesh.merge_with_stored()
    if gives:
        _settle(mesh, sums)
    else:
        _receive(mesh)
    return mesh.result()


def _settle(mesh: _Mesh, sums: Sums) -> None:
    """Merge, insert and cross until nothing changes."""
    for _ in range(MAX_ROUNDS):
        live = mesh.live(sums)
        if not len(live):
            return
        if mesh.merge_sent(np.unique(mesh.segments.ends[live])):
            continue
        if mesh.insert(live, np.unique(mesh.segments.ends[live])):
            continue
        if not mesh.cross(live) or mesh.overgrown():
            return


def _receive(mesh: _Mesh) -> None:
    """Put stored vertices into the sent segments that they lie on."""
    for _ in range(MAX_ROUNDS):
        mesh.index_segments()
        ours = mesh.sent_segments()
        around = mesh.stored_nodes_near(ours)
        if not mesh.insert(ours, around):
            return


class _Mesh:
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

    # -- step 1 and 2 -----------------------------------------------------------------------

    def merge_with_stored(self) -> None:
        """Let each sent vertex near a stored one become the nearest stored one."""
        ours = np.unique(self.vertex[: self.sent_vertices])
        loose = ours[ours >= self.n_fixed]
        if self.n_fixed and len(loose):
            tree = cKDTree(self.plane[: self.n_fixed])
            distance, nearest = tree.query(self.plane[loose], distance_upper_bound=MERGE_M)
            nearest = np.asarray(nearest)
            near = np.isfinite(distance)
            self._redirect(loose[near], nearest[near])
        else:
            self._clean()

    def merge_sent(self, live: NDArray[np.intp]) -> bool:
        """Merge the live sent vertices that are close to a kept one; True if any was."""
        nodes = np.unique(self.vertex)
        loose = live[~self.kept[live]]
        if not len(loose):
            return False
        near = self._near_nodes(loose, nodes)
        free = np.ones(len(self.plane), bool)  # to be merged with: kept, or not looked at
        free[loose] = False
        moved: list[int] = []
        target: list[int] = []
        order = np.lexsort((self.plane[loose, 1], self.plane[loose, 0]))
        for i in order:
            here = int(loose[i])
            around = near.get(here, _NOBODY)
            around = around[free[around]]
            if here >= self.first_crossing:
                around = around[self._off_edges_m(here, around) <= MOVED_M]
            if not len(around):
                self.kept[here] = free[here] = True
                continue
            apart = np.hypot(*(self.plane[around] - self.plane[here]).T)
            moved.append(here)
            target.append(around[np.lexsort((around, apart))[0]])
        self.kept[target] = True
        self._redirect(np.array(moved, np.intp), np.array(target, np.intp))
        return bool(moved)

    def _near_nodes(
        self, loose: NDArray[np.intp], nodes: NDArray[np.intp]
    ) -> dict[int, NDArray[np.intp]]:
        """Return the other nodes within ``MERGE_M`` of each loose node that has any."""
        pairs = cKDTree(self.plane[nodes]).query_pairs(MERGE_M, output_type="ndarray")
        both = nodes[np.concatenate([pairs, pairs[:, ::-1]])]
        both = both[np.isin(both[:, 0], loose)]
        both = both[np.argsort(both[:, 0], kind="stable")]
        heads, first = np.unique(both[:, 0], return_index=True)
        groups = np.split(both[:, 1], first[1:])
        return dict(zip(heads.tolist(), groups, strict=False))

    def _redirect(self, moved: NDArray[np.intp], target: NDArray[np.intp]) -> None:
        self.goes_to[moved] = target
        self._bend_to_crossings(moved)
        self.vertex = self.goes_to[self.vertex]
        self.merged += len(moved)
        self._clean()

    def _off_edges_m(self, crossing: int, targets: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return how far each target lies off the edges, as they were, that a crossing is on."""
        edges = self.whole_edge[np.flatnonzero(self.vertex == crossing)]
        off = np.zeros(len(targets))
        for start, end in self.plane[edges]:
            a, b = np.tile(start, (len(targets), 1)), np.tile(end, (len(targets), 1))
            np.maximum(off, _distance(self.plane[targets], a, b), out=off)
        return off

    def _bend_to_crossings(self, moved: NDArray[np.intp]) -> None:
        """Note how far edges are bent by crossings that become a vertex nearby."""
        crossings = moved[moved >= self.first_crossing]
        if len(crossings):
            edge = np.flatnonzero(np.isin(self.vertex, crossings))
            self._note_bend(edge, self.goes_to[self.vertex[edge]])

    def _clean(self) -> None:
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

    # -- what does not cancel ---------------------------------------------------------------

    def index_segments(self) -> None:
        """Bring the numbering of the segments up to date."""
        self.segments = number_segments(self.vertex, self.start, len(self.plane))

    def sent_segments(self) -> NDArray[np.intp]:
        """Return the segments of sent rings."""
        return np.unique(self.segments.of_edge[: self.sent_vertices])

    def live(self, sums: Sums) -> NDArray[np.intp]:
        """Return the segments that do not cancel in some sum, shape (k,)."""
        self.index_segments()
        ring = np.repeat(np.arange(len(self.sign)), np.diff(self.start))
        way = np.where(self.segments.forward, 1, -1) * self.sign[ring]
        segment, _ = open_segments(self.segments, self.unit[self.part[ring]], way, sums)
        return np.unique(segment)

    # -- step 3 -----------------------------------------------------------------------------

    def stored_nodes_near(self, segments: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return the stored nodes within the box of the given segments."""
        used = np.unique(self.vertex[self.sent_vertices :])
        ends = self.plane[self.segments.ends[segments]].reshape(-1, 2)
        if not len(ends) or not len(used):
            return np.zeros(0, np.intp)
        inside = (self.plane[used] >= ends.min(0) - INSERT_M).all(1)
        inside &= (self.plane[used] <= ends.max(0) + INSERT_M).all(1)
        return np.asarray(used[inside])

    def insert(self, segments: NDArray[np.intp], nodes: NDArray[np.intp]) -> bool:
        """Put ``nodes`` into the ``segments`` that they lie on; True if any was."""
        if not len(segments) or not len(nodes):
            return False
        ends = self.segments.ends[segments]
        lines = shapely.linestrings(self.plane[ends])
        tree = shapely.STRtree(np.asarray(shapely.points(self.plane[nodes])))
        line, point = tree.query(lines, predicate="dwithin", distance=INSERT_M)
        line, point = line.astype(np.intp), nodes[point]
        a, b = self.plane[ends[line, 0]], self.plane[ends[line, 1]]
        along = ((self.plane[point] - a) * (b - a)).sum(1) / ((b - a) ** 2).sum(1)
        inside = (along > 0) & (along < 1)
        inside &= (point != ends[line, 0]) & (point != ends[line, 1])
        line, point, along = line[inside], point[inside], along[inside]
        near = self._near_whole_edges(segments[line], point)
        near &= self._nearest_at_corners(ends[line], point)
        near &= ~self._cuts_corners(segments[line], point)
        if not near.any():
            return False
        self._splice(segments[line[near]], point[near], along[near])
        self.inserted += int(near.sum())
        return True

    def _nearest_at_corners(
        self, ends: NDArray[np.intp], node: NDArray[np.intp]
    ) -> NDArray[np.bool_]:
        """Return which candidates come first of those that share a node and a corner.

        That is the one whose other end a border joins to the node already, else the nearest. The
        others have their turn in the next round, unless that would cut the corner off.
        """
        off_m = _distance(self.plane[node], self.plane[ends[:, 0]], self.plane[ends[:, 1]])
        candidate = np.tile(np.arange(len(node)), 2)
        corner = np.concatenate([ends[:, 0], ends[:, 1]])
        far = np.concatenate([ends[:, 1], ends[:, 0]])
        there = self.segments.ends @ [len(self.plane), 1]
        joined = np.column_stack([node[candidate], far])
        joined.sort(axis=1)
        apart = ~np.isin(joined @ [len(self.plane), 1], there)
        order = np.lexsort((candidate, off_m[candidate], apart, corner, node[candidate]))
        pair = np.column_stack([node[candidate], corner])[order]
        again = np.zeros(len(order), bool)
        again[1:] = (pair[1:] == pair[:-1]).all(1)
        nearest = np.ones(len(node), bool)
        nearest[candidate[order[again]]] = False
        return nearest

    def _cuts_corners(self, segment: NDArray[np.intp], node: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Return which candidates would make a stored vertex the tip of a spike.

        That is so where a stored ring has the node on the other side of the corner already.
        """
        edge, candidate = self._edges_of(segment)
        after = following(self.start)
        before = np.empty_like(after)
        before[after] = np.arange(len(after))
        wanted = node[candidate]
        cut = (self.vertex[before[edge]] == wanted) | (self.vertex[after[after[edge]]] == wanted)
        cut &= edge >= self.sent_vertices
        out = np.zeros(len(segment), bool)
        out[candidate[cut]] = True
        return out

    def _edges_of(self, segment: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return all edges that use the segments, and the place of each one's segment."""
        by_segment = np.argsort(self.segments.of_edge, kind="stable")
        count = np.bincount(self.segments.of_edge, minlength=len(self.segments.ends))
        first = np.concatenate([[0], np.cumsum(count)])[:-1]
        edge = by_segment[ranges(first[segment], count[segment])]
        return edge, np.repeat(np.arange(len(segment)), count[segment])

    def _near_whole_edges(
        self, segment: NDArray[np.intp], node: NDArray[np.intp]
    ) -> NDArray[np.bool_]:
        """Return which nodes lie on the edges that their segments are pieces of, shape (k,).

        Without this, vertices that leave an edge at a flat angle would be put in one after the
        other, each near to the piece that the one before has left, and close a gap of any width.
        """
        edge, candidate = self._edges_of(segment)
        a, b = self.plane[self.whole_edge[edge, 0]], self.plane[self.whole_edge[edge, 1]]
        furthest = np.zeros(len(segment))
        np.maximum.at(furthest, candidate, _distance(self.plane[node[candidate]], a, b))
        near = furthest <= MOVED_M
        taken = near[candidate]
        self._note_bend(edge[taken], node[candidate[taken]])
        return near

    def _note_bend(self, edge: NDArray[np.intp], node: NDArray[np.intp]) -> None:
        """Note how far nodes lie off the edges, as they were, that they are put into."""
        a, b = self.plane[self.whole_edge[edge, 0]], self.plane[self.whole_edge[edge, 1]]
        ring = np.searchsorted(self.start, edge, side="right") - 1
        bent_m = _distance(self.plane[node], a, b)
        np.maximum.at(self.bent_m, self.unit[self.part[ring]], bent_m)

    def _splice(
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
        self._clean()

    # -- step 6 -----------------------------------------------------------------------------

    def cross(self, live: NDArray[np.intp]) -> bool:
        """Make the crossings of live segments with any other vertices of both; True if any."""
        others = self._segments_crossed(live)
        lines = shapely.linestrings(self.plane[self.segments.ends[live]])
        other_lines = np.asarray(shapely.linestrings(self.plane[self.segments.ends[others]]))
        i, j = shapely.STRtree(other_lines).query(lines, predicate="crosses")
        left, right = live[i], others[j]
        once = (left < right) | ~np.isin(right, live)
        left, right = left[once], right[once]
        if not len(left):
            return False
        t, u = _crossing(
            self.plane[self.segments.ends[left]], self.plane[self.segments.ends[right]]
        )
        a, b = self.plane[self.segments.ends[left, 0]], self.plane[self.segments.ends[left, 1]]
        nodes = self._new_nodes(a + t[:, None] * (b - a))
        segment = np.concatenate([left, right])
        along = np.concatenate([t, u])
        node = np.concatenate([nodes, nodes])
        # Rounding may put a crossing onto an end of its segment: then it is there already.
        real = (node != self.segments.ends[segment, 0]) & (node != self.segments.ends[segment, 1])
        if not real.any():
            return False
        self._splice(segment[real], node[real], along[real])
        self.crossings += len(np.unique(nodes))
        return True

    def overgrown(self) -> bool:
        """Return whether crossings multiply without end, as hostile files may make them."""
        return len(self.vertex) > MAX_GROWTH * (int(self.original_start[-1]) + MAX_GROWTH)

    def _segments_crossed(self, live: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return the live segments and those of the rings whose box they meet."""
        ends = self.plane[self.segments.ends[live]]
        boxes = shapely.box(*ends.min(1).T, *ends.max(1).T)
        first = self.start[:-1]
        filled = np.flatnonzero(np.diff(self.start) > 0)
        low = np.minimum.reduceat(self.plane[self.vertex], first[filled])
        high = np.maximum.reduceat(self.plane[self.vertex], first[filled])
        rings = shapely.STRtree(np.asarray(shapely.box(*low.T, *high.T))).query(boxes)[1]
        near = np.zeros(len(first), bool)
        near[filled[rings]] = True
        edges = np.repeat(near, np.diff(self.start))
        return np.unique(self.segments.of_edge[edges])

    def _new_nodes(self, plane: NDArray[np.float64]) -> NDArray[np.intp]:
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

    # -- the end ----------------------------------------------------------------------------

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


def _distance(
    p: NDArray[np.float64], a: NDArray[np.float64], b: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the distance of points from segments, all of shape (n, 2)."""
    d = b - a
    square = (d**2).sum(1)
    along = np.divide(((p - a) * d).sum(1), square, out=np.zeros(len(p)), where=square > 0)
    foot = a + np.clip(along, 0, 1)[:, None] * d
    return np.asarray(np.hypot(*(p - foot).T))


def _crossing(
    p: NDArray[np.float64], q: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return where segments p and q, shape (n, 2, 2), cross, as shares of their lengths."""
    d, e = p[:, 1] - p[:, 0], q[:, 1] - q[:, 0]
    w = q[:, 0] - p[:, 0]
    area = d[:, 0] * e[:, 1] - d[:, 1] * e[:, 0]
    t = (w[:, 0] * e[:, 1] - w[:, 1] * e[:, 0]) / area
    u = (w[:, 0] * d[:, 1] - w[:, 1] * d[:, 0]) / area
    return np.clip(t, 0, 1), np.clip(u, 0, 1)
