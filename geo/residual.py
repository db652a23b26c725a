"""What is left of the boundary-chain sums that are not zero, segment by segment."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import shapely

from geo.cancel import open_edges
from geo.pieces import pieces_of
from geo.rings import ring_signs, take_apart
from geo.segments import Segments, Sums, open_segments, unique_points

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geo.layers import Layer, Parents
    from geo.rings import Rings


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

    def without(self, left_out: set[int]) -> Residual:
        """Return the segments that are left over in the sums of other parents."""
        if not left_out:
            return self
        kept = [i for i, above in self.parents.items() if above - left_out]
        at = np.array(kept, np.intp)
        return Residual(
            self.lines[at],
            self.component[at],
            {new: self.owners[i] for new, i in enumerate(kept) if i in self.owners},
            {new: self.parents[i] - left_out for new, i in enumerate(kept)},
        )

    @classmethod
    def of(cls, layer: Layer, parents: Parents, bad: NDArray[np.intp]) -> Residual:
        """Find what does not cancel in the sums of the parents ``bad``."""
        children = np.flatnonzero(np.isin(layer.parent_of, bad))
        position = np.full(len(parents.geoms), -1)
        position[bad] = np.arange(len(bad))
        group = np.concatenate([position[layer.parent_of[children]], np.arange(len(bad))])
        order = np.argsort(group, kind="stable")  # each parent with its children
        sign = np.where(order < len(children), 1, -1)
        ground = np.concatenate([layer.geoms[children], parents.geoms[bad]])
        edges = _open_edges(take_apart(ground[order]), group[order], sign)
        points, vertex = unique_points(edges.ends.reshape(-1, 2))
        segments = _segments(vertex[::2], vertex[1::2], len(points))
        way = np.where(segments.forward, edges.turn, -edges.turn)
        everyone = Sums(np.arange(len(order)), group[order], sign)
        segment, where = open_segments(segments, edges.polygon, way, everyone)
        open_ones, place = np.unique(segment, return_inverse=True)
        ends = segments.ends[open_ones]
        in_parents: dict[int, set[int]] = {}
        for i, g in zip(place.tolist(), bad[where].tolist(), strict=True):
            in_parents.setdefault(i, set()).add(g)
        at = np.full(len(segments.ends), -1)
        at[open_ones] = np.arange(len(open_ones))
        polygon = order[edges.polygon]
        used = np.flatnonzero((at[segments.of_edge] >= 0) & (polygon < len(children)))
        owners: dict[int, set[int]] = {}
        for i, unit in zip(
            at[segments.of_edge[used]].tolist(), children[polygon[used]].tolist(), strict=True
        ):
            owners.setdefault(i, set()).add(unit)
        _, piece = pieces_of(len(points), ends[:, 0], ends[:, 1])
        lines = np.asarray(shapely.linestrings(points[ends]))
        return cls(lines, piece[ends[:, 0]], owners, in_parents)


class _Edges(NamedTuple):
    """Some edges of polygons."""

    ends: NDArray[np.float64]
    """From where to where, shape (e, 2, 2)."""
    polygon: NDArray[np.intp]
    """Shape (e,)."""
    turn: NDArray[np.int64]
    """+1 where the ring runs as its role wants, else -1; shape (e,)."""


def _open_edges(rings: Rings, group: NDArray[np.intp], sign: NDArray[np.int64]) -> _Edges:
    """Return the edges that do not cancel in every group.

    Parameters
    ----------
    rings
        Of polygons in the order of their group.
    group, sign
        Number of each polygon's group, and whether it adds or subtracts; shape (n,).
    """
    polygon, turn = rings.unit[rings.part], ring_signs(rings)
    vertices = np.bincount(group[polygon], np.diff(rings.start), group[-1] + 1).astype(np.int64)
    first = np.concatenate([[0], np.cumsum(vertices)])
    kept = np.flatnonzero(open_edges(rings.xy, rings.start, turn * sign[polygon], first))
    ring = np.searchsorted(rings.start, kept, side="right") - 1
    last = kept + 1 == rings.start[ring + 1]
    after = np.where(last, rings.start[ring], kept + 1)
    return _Edges(np.stack([rings.xy[kept], rings.xy[after]], axis=1), polygon[ring], turn[ring])


def _segments(a: NDArray[np.intp], b: NDArray[np.intp], points: int) -> Segments:
    """Give the undirected segment of each edge, from a point to a point, a number."""
    keys, of_edge = np.unique(np.minimum(a, b) * points + np.maximum(a, b), return_inverse=True)
    return Segments(np.column_stack(np.divmod(keys, max(points, 1))), of_edge, a < b)
