"""Streets that may be walked, as arrays: crossings, what joins them, and who neighbours whom.

Lengths are metres in the plane of the network (:class:`geo.crs.LocalMetric`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
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
