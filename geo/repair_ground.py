"""The ground of a repair: which units and parents stand near wrong land, with their plan."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import shapely

from geo.crs import GRID_DEG
from geo.layers import NO_PARENT
from geo.pieces import pieces_of
from geo.repair_nodes import node_rings
from geo.repair_plan import Boundary, Plan, boundaries, draw_plan
from geo.rings import Rings, ring_signs, take_apart
from geo.segments import Sums, number_segments, open_segments, unique_points

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geo.repair_nodes import NodedRings

NEAR_DEG = 2 * GRID_DEG
"""Units and parents this near to an open segment take part."""


class Corners(NamedTuple):
    """Points that noding has put into polygons of a plan, and who of them had such before."""

    inserted: NDArray[np.intp]
    """Shape (i,)."""
    polygons: NDArray[np.intp]
    """Polygons with such a point as a vertex of their own, shape (v,)."""
    points: NDArray[np.intp]
    """That point, shape (v,)."""


class Ground(NamedTuple):
    """Units and parents near wrong land. Their polygons in the plan come in this order."""

    units: NDArray[np.intp]
    """Shape (a,)."""
    parents: NDArray[np.intp]
    """Shape (q,)."""
    plan: Plan
    """Of the units, the parents and what the other units have of each parent: a + 2 q polygons."""
    corners: Corners
    """What vertices each of the polygons had before."""
    noded_units: NDArray[np.intp]
    """Units that received vertices."""
    noded_parents: NDArray[np.intp]
    settled: bool
    """False where borders were too entangled to be told apart."""


def open_lines(
    geoms: NDArray[np.object_],
    parent_of: NDArray[np.intp],
    parents: NDArray[np.object_],
    bad: NDArray[np.intp],
) -> NDArray[np.object_]:
    """Return the segments that do not cancel in the sums of ``bad`` parents, in connected pieces.

    Returns
    -------
    NDArray[np.object_]
        MultiLineStrings in degrees, shape (c,).
    """
    children = np.flatnonzero(np.isin(parent_of, bad))
    rings = take_apart(np.concatenate([geoms[children], parents[bad]]))
    points, vertex = unique_points(rings.xy)
    segments = number_segments(vertex, rings.start, len(points))
    ring = np.repeat(np.arange(len(rings.part)), np.diff(rings.start))
    way = np.where(segments.forward, 1, -1) * ring_signs(rings)[ring]
    position = np.full(len(parents), NO_PARENT)
    position[bad] = np.arange(len(bad))
    sums = Sums(
        np.arange(len(children) + len(bad)),
        np.concatenate([position[parent_of[children]], np.arange(len(bad))]),
        np.concatenate([np.ones(len(children), np.int64), -np.ones(len(bad), np.int64)]),
    )
    segment, _ = open_segments(segments, rings.unit[rings.part[ring]], way, sums)
    if not len(segment):
        return np.zeros(0, object)
    open_ones = np.zeros(len(segments.ends), bool)
    open_ones[segment] = True
    ends = segments.ends[open_ones]
    _, piece = pieces_of(len(points), ends[:, 0], ends[:, 1])
    order = np.argsort(piece[ends[:, 0]], kind="stable")
    _, of_piece = np.unique(piece[ends[order, 0]], return_inverse=True)
    lines = np.asarray(shapely.linestrings(points[ends[order]]))
    return np.asarray(shapely.multilinestrings(lines, indices=of_piece))


def lay_ground(
    geoms: NDArray[np.object_],
    parent_of: NDArray[np.intp],
    parents: NDArray[np.object_],
    *,
    lines: NDArray[np.object_],
    around: NDArray[np.object_],
    crowded: NDArray[np.intp],
) -> Ground:
    """Draw the plan of the ground around open segments.

    Parameters
    ----------
    geoms
        Valid polygons in degrees on the grid, shape (n,).
    parent_of
        Shape (n,).
    parents
        Valid polygons in degrees, shape (p,).
    lines
        What to look at: open segments, shape (c,).
    around
        All open segments, shape (d,): borders may cross there.
    crowded
        Parents of which no unit but those beside the lines takes part: nothing is told right there.
    """
    units = _near(geoms, lines)
    boxes = shapely.bounds(around) + NEAR_DEG * np.array([-1.0, -1.0, 1.0, 1.0])
    while True:
        above = _near(parents, lines)
        above = np.union1d(above, parent_of[units][parent_of[units] != NO_PARENT])
        ground, split = _draw(geoms, parent_of, parents, (units, above), boxes)
        split = split[~np.isin(parent_of[split], crowded)]
        if not len(split):
            return ground
        units = np.union1d(units, split)


def _near(geoms: NDArray[np.object_], lines: NDArray[np.object_]) -> NDArray[np.intp]:
    tree = shapely.STRtree(geoms)
    return np.unique(tree.query(lines, predicate="dwithin", distance=NEAR_DEG)[1]).astype(np.intp)


def _draw(
    geoms: NDArray[np.object_],
    parent_of: NDArray[np.intp],
    parents: NDArray[np.object_],
    near: tuple[NDArray[np.intp], NDArray[np.intp]],
    boxes: NDArray[np.float64],
) -> tuple[Ground, NDArray[np.intp]]:
    """Draw the plan; the units that turn out to be needed, too, come beside it."""
    units, above = near
    rings = take_apart(np.concatenate([geoms[units], parents[above]]))
    noded = node_rings(rings, boxes)
    ends, polygons = boundaries(rings, noded)
    rest, split = _rest(geoms, parent_of, near, noded.points, ends)
    changed = np.unique(rings.unit[rings.part[noded.changed]])
    count = len(units) + len(above)
    plan = draw_plan(
        noded.points,
        ends,
        polygons.join(rest._replace(owner=rest.owner + count)).net(),
        count + len(above),
    )
    ground = Ground(
        units,
        above,
        plan,
        _corners(rings, noded),
        noded_units=units[changed[changed < len(units)]],
        noded_parents=above[changed[changed >= len(units)] - len(units)],
        settled=noded.settled,
    )
    return ground, split


def _corners(rings: Rings, noded: NodedRings) -> Corners:
    """Return the points that were put in, and the polygons that had them before."""
    owner = np.repeat(rings.unit[rings.part], np.diff(rings.start))
    point = unique_points(rings.xy)[1]
    new = np.zeros(len(noded.points), bool)
    new[noded.inserted] = True
    had = np.flatnonzero(new[point])
    return Corners(noded.inserted, owner[had], point[had])


def _rest(
    geoms: NDArray[np.object_],
    parent_of: NDArray[np.intp],
    near: tuple[NDArray[np.intp], NDArray[np.intp]],
    points: NDArray[np.float64],
    ends: NDArray[np.intp],
) -> tuple[Boundary, NDArray[np.intp]]:
    """Return the boundary of the other units' land in each parent, over the plan's segments.

    Beside it come those of these units whose border received a vertex: they have to take part.
    """
    units, above = near
    away = np.isin(parent_of, above)
    away[units] = False
    others = np.flatnonzero(away)
    rings = take_apart(geoms[others])
    if not len(rings.xy):
        nothing = np.zeros(0, np.intp)
        return Boundary(nothing, nothing, np.zeros(0, np.int64)), nothing
    # The plan's points keep their numbers, so that its segments are found by their ends.
    together, vertex = unique_points(np.concatenate([points, rings.xy]))
    segments = number_segments(vertex[len(points) :], rings.start, len(together))
    ring = np.repeat(np.arange(len(rings.part)), np.diff(rings.start))
    way = np.where(segments.forward, 1, -1) * ring_signs(rings)[ring]
    unit = _unit_of(rings, ring)
    position = np.searchsorted(above, parent_of[others])
    net = Boundary(position[unit], segments.of_edge.astype(np.intp), way).net()
    known = ends @ np.array([len(together), 1])
    order = np.argsort(known)
    wanted = segments.ends[net.segment] @ np.array([len(together), 1])
    at = order[np.minimum(np.searchsorted(known[order], wanted), len(known) - 1)]
    found = known[at] == wanted
    lost = np.zeros(len(segments.ends), bool)
    lost[net.segment[~found]] = True
    split = np.unique(others[unit[lost[segments.of_edge]]])
    return Boundary(net.owner[found], at[found], net.way[found]), split


def _unit_of(rings: Rings, ring: NDArray[np.intp]) -> NDArray[np.intp]:
    return np.asarray(rings.unit[rings.part[ring]], np.intp)
