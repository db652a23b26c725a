"""Streets that may be walked, as arrays: crossings, what joins them, and who neighbours whom.

Lengths are metres in the plane of the network (:class:`geo.crs.LocalMetric`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np

from geo.snapping_kernel import Grid, make_grid

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geo.crs import LocalMetric


@dataclass(frozen=True, eq=False)
class Streets:
    """A street network of n nodes and m edges; every edge is walked both ways.

    Nodes are numbered along a space-filling curve, so that neighbours lie near one another in
    memory. Edges that join the same two nodes, and loops, are all kept as places where something
    can be; among the arcs only the shortest of them stands, and no loop.

    Attributes
    ----------
    version
        What answers name as the network that was walked.
    plane
        The projection of all metres here.
    node_xy
        Shape (n, 2), metres.
    a, b
        Nodes at the ends of each edge, shape (m,), int32.
    length_m
        Shape (m,), the length of each edge's line, above zero.
    line_start, line_xy
        Vertices of edge ``e`` from ``a`` to ``b``: ``line_xy[line_start[e]:line_start[e + 1]]``;
        shapes (m + 1,), int64, and (k, 2), metres.
    arc_start, arc_node, arc_length_m, arc_edge
        The arcs that leave node ``i`` are ``arc_start[i]:arc_start[i + 1]`` of the others: where
        each leads (int32), how long it is, and along which edge (int32).
    piece
        The connected piece of each node, shape (n,), int32; 0 is the longest, and so on.
    piece_length_m
        Length of the streets of each piece, longest first.
    """

    version: str
    plane: LocalMetric
    node_xy: NDArray[np.float64]
    a: NDArray[np.int32]
    b: NDArray[np.int32]
    length_m: NDArray[np.float64]
    line_start: NDArray[np.int64]
    line_xy: NDArray[np.float64]
    arc_start: NDArray[np.int64]
    arc_node: NDArray[np.int32]
    arc_length_m: NDArray[np.float64]
    arc_edge: NDArray[np.int32]
    piece: NDArray[np.int32]
    piece_length_m: NDArray[np.float64]

    @classmethod
    def of_edges(
        cls,
        *,
        version: str,
        plane: LocalMetric,
        node_xy: NDArray[np.float64],
        a: NDArray[np.int32],
        b: NDArray[np.int32],
        line_start: NDArray[np.int64],
        line_xy: NDArray[np.float64],
    ) -> Self:
        """Return the network of these nodes and edges: their lengths, arcs and pieces are found.

        Parameters
        ----------
        version, plane, node_xy, a, b, line_start, line_xy
            As the attributes of these names. Nodes and edges keep their numbers.

        Raises
        ------
        ValueError
            If an edge has no length, or names a node that is not there.
        """
        count = len(node_xy)
        ends = np.concatenate([a, b])
        if ((ends < 0) | (ends >= count)).any():
            raise ValueError(f"an edge leads to a node that is none of the {count}")
        length_m = line_lengths_m(line_start, line_xy)
        if not (length_m > 0).all():
            raise ValueError(f"edge {int(np.argmin(length_m > 0))} has no length")
        arcs = _arcs(count, a, b, length_m)
        piece, piece_length_m = _pieces(arcs, a, length_m)
        return cls(
            version=version,
            plane=plane,
            node_xy=node_xy,
            a=a,
            b=b,
            length_m=length_m,
            line_start=line_start,
            line_xy=line_xy,
            arc_start=arcs.start,
            arc_node=arcs.node,
            arc_length_m=length_m[arcs.edge],
            arc_edge=arcs.edge,
            piece=piece,
            piece_length_m=piece_length_m,
        )

    @cached_property
    def grid(self) -> Grid:
        """The segments of all edges in cells: what finds the street nearest to a point."""
        return make_grid(self.line_start, self.line_xy)

    def __len__(self) -> int:
        """Return the number of edges."""
        return len(self.a)


@dataclass(frozen=True, eq=False)
class Entries:
    """Where k points enter the streets: each at no, one or several positions on edges.

    A point has one entry as a rule, its nearest position on a street; behind walls it has one a
    gate; with none it is on no street.

    Attributes
    ----------
    start
        The entries of point ``i`` are ``start[i]:start[i + 1]`` of the others; shape (k + 1,).
    edge
        int32.
    offset_m
        Metres along the edge from its ``a``.
    walk_m
        Metres from the point to that position: straight, or by way of a gate.
    """

    start: NDArray[np.int64]
    edge: NDArray[np.int32]
    offset_m: NDArray[np.float64]
    walk_m: NDArray[np.float64]

    def __len__(self) -> int:
        """Return the number of points."""
        return len(self.start) - 1


class _Arcs(NamedTuple):
    """The arcs of a network, see ``Streets``."""

    start: NDArray[np.int64]
    node: NDArray[np.int32]
    edge: NDArray[np.int32]


def line_lengths_m(
    line_start: NDArray[np.int64], line_xy: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the lengths of lines, shape (m,), metres.

    Parameters
    ----------
    line_start, line_xy
        Vertices of line ``e``: ``line_xy[line_start[e]:line_start[e + 1]]``, two at least; shapes
        (m + 1,) and (k, 2), metres.
    """
    if len(line_start) < 2:  # noqa: PLR2004 - no line at all
        return np.zeros(0)
    step_m = np.zeros(len(line_xy))
    step_m[:-1] = np.hypot(*np.diff(line_xy, axis=0).T)
    step_m[line_start[1:] - 1] = 0.0  # from the end of a line to the next one
    return np.asarray(np.add.reduceat(step_m, line_start[:-1]))


def _arcs(
    count: int, a: NDArray[np.int32], b: NDArray[np.int32], length_m: NDArray[np.float64]
) -> _Arcs:
    """Return the arcs between ``count`` nodes: of edges side by side the shortest, and no loop."""
    edge = np.flatnonzero(a != b)
    low, high = np.minimum(a, b)[edge], np.maximum(a, b)[edge]
    order = np.lexsort((edge, length_m[edge], high, low))
    edge, low, high = edge[order], low[order], high[order]
    shortest = np.ones(len(edge), bool)
    shortest[1:] = (low[1:] != low[:-1]) | (high[1:] != high[:-1])
    edge, low, high = edge[shortest], low[shortest], high[shortest]
    leaves, leads = np.concatenate([low, high]), np.concatenate([high, low])
    order = np.lexsort((leads, leaves))
    start = np.zeros(count + 1, np.int64)
    np.cumsum(np.bincount(leaves, minlength=count), out=start[1:])
    along = np.concatenate([edge, edge])[order]
    return _Arcs(start, leads[order].astype(np.int32), along.astype(np.int32))


def _pieces(
    arcs: _Arcs, a: NDArray[np.int32], length_m: NDArray[np.float64]
) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Return the piece of each node and the length of each piece, the longest first."""
    count = len(arcs.start) - 1
    # Loaded here, as streets are also read of which the pieces are known.
    from scipy.sparse import csr_array  # noqa: PLC0415
    from scipy.sparse.csgraph import connected_components  # noqa: PLC0415

    joined = csr_array((np.ones(len(arcs.node)), arcs.node, arcs.start), shape=(count, count))
    # Both ways are there already, so that the pieces are those of the directed graph, too.
    pieces, piece = connected_components(joined, directed=False)
    total_m = np.bincount(piece[a], weights=length_m, minlength=pieces).astype(np.float64)
    order = np.argsort(-total_m, kind="stable")
    rank = np.empty(pieces, np.int32)
    rank[order] = np.arange(pieces, dtype=np.int32)
    return rank[piece], total_m[order]
