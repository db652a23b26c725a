"""What is left of the boundary-chain sums that are not zero, segment by segment."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from geo.rings import ring_signs, take_apart
from geo.segments import Sums, number_segments, open_segments, unique_points

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geo.layers import Layer, Parents


class Residual(NamedTuple):
    """The segments that do not cancel, with the units and parents that they come from."""

    lines: NDArray[np.object_]
    """Shape (k,)."""
    component: NDArray[np.intp]
    """Connected piece of each segment, shape (k,)."""
    owners: dict[int, set[int]]
    """Units that use a segment, by its position."""
    parents: dict[int, set[int]]
    """Parents in whose sum a segment is left over, by its position."""

    def by_parent(self) -> dict[int, list[int]]:
        """Return the positions of the segments that are left over in each parent's sum."""
        found: dict[int, list[int]] = {}
        for position, above in self.parents.items():
            for parent in above:
                found.setdefault(parent, []).append(position)
        return found

    @classmethod
    def of(cls, layer: Layer, parents: Parents, bad: NDArray[np.intp]) -> Residual:
        """Find what does not cancel in the sums of the parents ``bad``."""
        children = np.flatnonzero(np.isin(layer.parent_of, bad))
        rings = take_apart(np.concatenate([layer.geoms[children], parents.geoms[bad]]))
        points, vertex = unique_points(rings.xy)
        segments = number_segments(vertex, rings.start, len(points))
        ring = np.repeat(np.arange(len(rings.part)), np.diff(rings.start))
        polygon = rings.unit[rings.part[ring]]
        way = np.where(segments.forward, 1, -1) * ring_signs(rings)[ring]
        position = np.full(len(parents.geoms), -1)
        position[bad] = np.arange(len(bad))
        sums = Sums(
            np.arange(len(children) + len(bad)),
            np.concatenate([position[layer.parent_of[children]], np.arange(len(bad))]),
            np.concatenate([np.ones(len(children), np.int64), -np.ones(len(bad), np.int64)]),
        )
        segment, group = open_segments(segments, polygon, way, sums)
        open_ones, place = np.unique(segment, return_inverse=True)
        ends = segments.ends[open_ones]
        in_parents: dict[int, set[int]] = {}
        for i, g in zip(place.tolist(), bad[group].tolist(), strict=True):
            in_parents.setdefault(i, set()).add(g)
        owners: dict[int, set[int]] = {}
        at = np.full(len(segments.ends), -1)
        at[open_ones] = np.arange(len(open_ones))
        used = np.flatnonzero((at[segments.of_edge] >= 0) & (polygon < len(children)))
        for e in used.tolist():
            owners.setdefault(int(at[segments.of_edge[e]]), set()).add(int(children[polygon[e]]))
        graph = coo_array((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), (len(points),) * 2)
        _, piece = connected_components(graph, directed=False)
        lines = np.asarray(shapely.linestrings(points[ends]))
        return cls(lines, piece[ends[:, 0]].astype(np.intp), owners, in_parents)
