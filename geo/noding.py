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
6. Where borders still cross, the crossing, rounded to 1e-9 degrees, becomes a vertex of both;
   unless there are so many (``geo.tangle``) that no one could look at what lies between them.

Only segments that do not cancel in the boundary-chain sum of some parent are looked at.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import shapely

from geo.mesh import Ground, Mesh, Noded, distance
from geo.rings import following
from geo.segments import distinct
from geo.tangle import crossing_pairs, entangled, most_crossings, touched

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.spatial import cKDTree

    from geo.segments import Sums

__all__ = ["INSERT_M", "MERGE_M", "MOVED_M", "Ground", "Noded", "node"]

MERGE_M = 0.020
"""Vertices closer than this become one, in metres: measured on real nested levels."""

INSERT_M = 0.010
"""A vertex this near to an edge lies on it, in metres; at most ``MERGE_M / sqrt(2)``."""

MOVED_M = MERGE_M + INSERT_M
"""No border moves further than this, in metres."""

MAX_ROUNDS = 100
"""A guard, never met in the trials: noding ends by itself (see the module's text)."""


REACH_M = math.nextafter(MERGE_M, math.inf)
"""What is nearer than this lies within ``MERGE_M``: trees ask for a bound that is not reached."""

FEW_NEAREST = 4
"""Fixed nodes at the very same distance: a square's corners around its middle."""

_NOBODY = np.zeros(0, np.intp)


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
    mesh = Mesh(sent, stored, former, ground)
    _merge_with_stored(mesh)
    if gives:
        _settle(mesh, sums)
    else:
        _receive(mesh)
    return mesh.result()


def _settle(mesh: Mesh, sums: Sums) -> None:
    """Merge, insert and cross until nothing changes."""
    for _ in range(MAX_ROUNDS):
        live = mesh.live(sums)
        if not len(live):
            return
        if _merge_sent(mesh, mesh.distinct(mesh.segments.ends[live])):
            continue
        if entangled(mesh.plane[mesh.segments.ends[live]]):
            mesh.entangled = True
            return
        if _insert(mesh, live, mesh.distinct(mesh.segments.ends[live])):
            continue
        if not _cross(mesh, live) or mesh.overgrown():
            return


def _receive(mesh: Mesh) -> None:
    """Put stored vertices into the sent segments that they lie on."""
    for _ in range(MAX_ROUNDS):
        mesh.index_segments()
        ours = mesh.sent_segments()
        around = _stored_nodes_near(mesh, ours)
        if not _insert(mesh, ours, around):
            return


def _merge_with_stored(mesh: Mesh) -> None:
    """Let each sent vertex near a stored one become the nearest stored one."""
    ours = mesh.distinct(mesh.vertex[: mesh.sent_vertices])
    loose = ours[ours >= mesh.n_fixed]
    if mesh.n_fixed and len(loose):
        tree = _tree_of(mesh.plane[: mesh.n_fixed])
        distance, nearest = tree.query(mesh.plane[loose], distance_upper_bound=MERGE_M)
        nearest = np.asarray(nearest)
        near = np.isfinite(distance)
        mesh.redirect(loose[near], nearest[near])
    else:
        mesh.clean()


def _merge_sent(mesh: Mesh, live: NDArray[np.intp]) -> bool:
    """Merge the live sent vertices that are close to a kept one; True if any was."""
    loose = live[~mesh.kept[live]]
    if not len(loose):
        return False
    loose = loose[np.lexsort((mesh.plane[loose, 1], mesh.plane[loose, 0]))]
    others = np.ones(len(mesh.plane), bool)
    others[loose] = False
    nodes = mesh.distinct(mesh.vertex)
    kept = _Kept(mesh, nodes[others[nodes]])  # to be merged with: kept, or not looked at
    beside = _beside(mesh.plane[loose], mesh.plane[kept.fixed])
    mesh.kept[loose[~beside]] = True
    moved: list[int] = []
    target: list[int] = []
    for here in loose[beside].tolist():
        nearest = kept.nearest(here)
        if nearest is None:
            kept.keep(here)
        else:
            moved.append(here)
            target.append(nearest)
    mesh.kept[target] = True
    mesh.redirect(np.array(moved, np.intp), np.array(target, np.intp))
    return bool(moved)


def _beside(loose: NDArray[np.float64], fixed: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which places, shape (n, 2), have another one or a fixed one within ``MERGE_M``."""
    near_m = np.asarray(_tree_of(loose).query(loose, k=2, distance_upper_bound=REACH_M)[0])
    beside = np.isfinite(near_m[:, 1])
    if len(fixed):
        beside |= np.isfinite(_tree_of(fixed).query(loose, distance_upper_bound=REACH_M)[0])
    return np.asarray(beside)


class _Kept:
    """Nodes that others become: fixed ones in a tree, and those that are kept by and by in cells.

    The latter lie further apart than ``MERGE_M``, so that a cell holds few, however many vertices
    a hostile file puts on one spot.
    """

    def __init__(self, mesh: Mesh, fixed: NDArray[np.intp]) -> None:
        self.mesh, self.fixed = mesh, fixed
        self.tree = _tree_of(mesh.plane[fixed]) if len(fixed) else None
        self.cells: dict[tuple[int, int], list[int]] = {}

    def keep(self, node: int) -> None:
        """Let a node stay, and others become it."""
        self.mesh.kept[node] = True
        self.cells.setdefault(self._cell(node), []).append(node)

    def nearest(self, node: int) -> int | None:
        """Return the nearest node that a loose one may become, None if there is none."""
        column, row = self._cell(node)
        around = [
            near
            for x in (column - 1, column, column + 1)
            for y in (row - 1, row, row + 1)
            for near in self.cells.get((x, y), ())
        ]
        crossing = node >= self.mesh.first_crossing
        near = np.concatenate([np.array(around, np.intp), self._fixed_near(node, every=crossing)])
        apart_m = np.hypot(*(self.mesh.plane[near] - self.mesh.plane[node]).T)
        near, apart_m = near[apart_m < REACH_M], apart_m[apart_m < REACH_M]
        if crossing:
            on = _off_edges_m(self.mesh, node, near) <= MOVED_M
            near, apart_m = near[on], apart_m[on]
        return int(near[np.lexsort((near, apart_m))[0]]) if len(near) else None

    def _fixed_near(self, node: int, *, every: bool) -> NDArray[np.intp]:
        """Return the nearest fixed nodes; every one that is near, if the nearest may not do."""
        if self.tree is None:
            return _NOBODY
        here = self.mesh.plane[node]
        if every:
            return self.fixed[np.array(self.tree.query_ball_point(here, MERGE_M), np.intp)]
        near = self.tree.query(here, k=FEW_NEAREST, distance_upper_bound=REACH_M)
        which = np.asarray(near[1])
        return np.asarray(self.fixed[which[which < len(self.fixed)]])

    def _cell(self, node: int) -> tuple[int, int]:
        x, y = self.mesh.plane[node].tolist()
        return math.floor(x / MERGE_M), math.floor(y / MERGE_M)


def _off_edges_m(mesh: Mesh, crossing: int, targets: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return how far each target lies off the edges, as they were, that a crossing is on."""
    edges = mesh.whole_edge[np.flatnonzero(mesh.vertex == crossing)]
    off = np.zeros(len(targets))
    for start, end in mesh.plane[edges]:
        a, b = np.tile(start, (len(targets), 1)), np.tile(end, (len(targets), 1))
        np.maximum(off, distance(mesh.plane[targets], a, b), out=off)
    return off


def _stored_nodes_near(mesh: Mesh, segments: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the stored nodes within the box of the given segments."""
    used = mesh.distinct(mesh.vertex[mesh.sent_vertices :])
    ends = mesh.plane[mesh.segments.ends[segments]].reshape(-1, 2)
    if not len(ends) or not len(used):
        return np.zeros(0, np.intp)
    inside = (mesh.plane[used] >= ends.min(0) - INSERT_M).all(1)
    inside &= (mesh.plane[used] <= ends.max(0) + INSERT_M).all(1)
    return np.asarray(used[inside])


def _insert(mesh: Mesh, segments: NDArray[np.intp], nodes: NDArray[np.intp]) -> bool:
    """Put ``nodes`` into the ``segments`` that they lie on; True if any was."""
    if not len(segments) or not len(nodes):
        return False
    ends = mesh.segments.ends[segments]
    lines = shapely.linestrings(mesh.plane[ends])
    tree = shapely.STRtree(np.asarray(shapely.points(mesh.plane[nodes])))
    line, point = tree.query(lines, predicate="dwithin", distance=INSERT_M)
    line, point = line.astype(np.intp), nodes[point]
    a, b = mesh.plane[ends[line, 0]], mesh.plane[ends[line, 1]]
    along = ((mesh.plane[point] - a) * (b - a)).sum(1) / ((b - a) ** 2).sum(1)
    inside = (along > 0) & (along < 1)
    inside &= (point != ends[line, 0]) & (point != ends[line, 1])
    line, point, along = line[inside], point[inside], along[inside]
    near = _near_whole_edges(mesh, segments[line], point)
    near &= _nearest_at_corners(mesh, ends[line], point)
    near &= ~_cuts_corners(mesh, segments[line], point)
    if not near.any():
        return False
    mesh.splice(segments[line[near]], point[near], along[near])
    mesh.inserted += int(near.sum())
    return True


def _nearest_at_corners(
    mesh: Mesh, ends: NDArray[np.intp], node: NDArray[np.intp]
) -> NDArray[np.bool_]:
    """Return which candidates come first of those that share a node and a corner.

    That is the one whose other end a border joins to the node already, else the nearest. The
    others have their turn in the next round, unless that would cut the corner off.
    """
    off_m = distance(mesh.plane[node], mesh.plane[ends[:, 0]], mesh.plane[ends[:, 1]])
    candidate = np.tile(np.arange(len(node)), 2)
    corner = np.concatenate([ends[:, 0], ends[:, 1]])
    far = np.concatenate([ends[:, 1], ends[:, 0]])
    there = mesh.segments.ends @ [len(mesh.plane), 1]
    joined = np.column_stack([node[candidate], far])
    joined.sort(axis=1)
    apart = ~np.isin(joined @ [len(mesh.plane), 1], there)
    order = np.lexsort((candidate, off_m[candidate], apart, corner, node[candidate]))
    pair = np.column_stack([node[candidate], corner])[order]
    again = np.zeros(len(order), bool)
    again[1:] = (pair[1:] == pair[:-1]).all(1)
    nearest = np.ones(len(node), bool)
    nearest[candidate[order[again]]] = False
    return nearest


def _cuts_corners(
    mesh: Mesh, segment: NDArray[np.intp], node: NDArray[np.intp]
) -> NDArray[np.bool_]:
    """Return which candidates would make a stored vertex the tip of a spike.

    That is so where a stored ring has the node on the other side of the corner already.
    """
    edge, candidate = mesh.edges_of(segment)
    after = following(mesh.start)
    before = np.empty_like(after)
    before[after] = np.arange(len(after))
    wanted = node[candidate]
    cut = (mesh.vertex[before[edge]] == wanted) | (mesh.vertex[after[after[edge]]] == wanted)
    cut &= edge >= mesh.sent_vertices
    out = np.zeros(len(segment), bool)
    out[candidate[cut]] = True
    return out


def _near_whole_edges(
    mesh: Mesh, segment: NDArray[np.intp], node: NDArray[np.intp]
) -> NDArray[np.bool_]:
    """Return which nodes lie on the edges that their segments are pieces of, shape (k,).

    Without this, vertices that leave an edge at a flat angle would be put in one after the
    other, each near to the piece that the one before has left, and close a gap of any width.
    """
    edge, candidate = mesh.edges_of(segment)
    a, b = mesh.plane[mesh.whole_edge[edge, 0]], mesh.plane[mesh.whole_edge[edge, 1]]
    furthest = np.zeros(len(segment))
    np.maximum.at(furthest, candidate, distance(mesh.plane[node[candidate]], a, b))
    near = furthest <= MOVED_M
    taken = near[candidate]
    mesh.note_bend(edge[taken], node[candidate[taken]])
    return near


def _cross(mesh: Mesh, live: NDArray[np.intp]) -> bool:
    """Make the crossings of live segments with any other vertices of both; True if any."""
    others = _segments_crossed(mesh, live)
    lines = np.asarray(shapely.linestrings(mesh.plane[mesh.segments.ends[live]]))
    other_lines = np.asarray(shapely.linestrings(mesh.plane[mesh.segments.ends[others]]))
    pairs = crossing_pairs(lines, other_lines, most=most_crossings(len(others)))
    if pairs is None:
        mesh.entangled = True
        return False
    left, right = live[pairs[0]], others[pairs[1]]
    once = (left < right) | ~np.isin(right, live)
    left, right = left[once], right[once]
    if not len(left):
        return False
    t, u = _crossing(mesh.plane[mesh.segments.ends[left]], mesh.plane[mesh.segments.ends[right]])
    a, b = mesh.plane[mesh.segments.ends[left, 0]], mesh.plane[mesh.segments.ends[left, 1]]
    nodes = mesh.new_nodes(a + t[:, None] * (b - a))
    segment = np.concatenate([left, right])
    along = np.concatenate([t, u])
    node = np.concatenate([nodes, nodes])
    # Rounding may put a crossing onto an end of its segment: then it is there already.
    real = (node != mesh.segments.ends[segment, 0]) & (node != mesh.segments.ends[segment, 1])
    if not real.any():
        return False
    mesh.splice(segment[real], node[real], along[real])
    mesh.crossings += len(mesh.distinct(nodes))
    return True


def _segments_crossed(mesh: Mesh, live: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the live segments and those of the rings whose box they meet."""
    is_live = np.zeros(len(mesh.segments.ends), bool)
    is_live[live] = True
    first = mesh.start[:-1]
    filled = np.flatnonzero(np.diff(mesh.start) > 0)
    near = np.zeros(len(first), bool)
    near[filled] = np.logical_or.reduceat(is_live[mesh.segments.of_edge], first[filled])
    rest = filled[~near[filled]]
    places = mesh.plane[mesh.vertex]
    low = np.minimum.reduceat(places, first[filled])[~near[filled]]
    high = np.maximum.reduceat(places, first[filled])[~near[filled]]
    ends = mesh.plane[mesh.segments.ends[live]]
    boxes = np.asarray(shapely.box(*ends.min(1).T, *ends.max(1).T))
    near[rest] = touched(boxes, np.asarray(shapely.box(*low.T, *high.T)))
    edges = np.repeat(near, np.diff(mesh.start))
    return distinct(mesh.segments.of_edge[edges], len(mesh.segments.ends))


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


def _tree_of(xy: NDArray[np.float64]) -> cKDTree:
    """Return points of shape (k, 2), ready to be looked for."""
    # Loaded here, as many files match as they are and are never noded.
    from scipy.spatial import cKDTree  # noqa: PLC0415

    return cKDTree(xy)
