"""How far it is on foot: along streets, exactly, and no farther than asked.

A walk goes straight from its start to the street, along streets, and straight to the point. It
begins and ends in the middle of edges: what lies on the start's own edge is walked to directly, or
around when that is shorter. All functions here may run in any number of threads.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from geo.arriving_kernel import OnEdges, arrive, arrive_each, by_edge, sort_points
from geo.walking_kernel import Arcs, Doors, Ends, Network, Room, search, search_each

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geo.streets import Entries, Streets

__all__ = ["Nearest", "Reach", "Within", "distances", "nearest", "reach", "reach_each", "within"]

WIDE_M = 4_000.0
"""A search as far as this reaches most of a city."""

WIDE_STARTS = 64
"""So does one from as many starts together."""


class Nearest(NamedTuple):
    """The nearest start of each of k points."""

    distance_m: NDArray[np.float64]
    """Shape (k,); infinite where no start is within the limit."""
    start: NDArray[np.int32]
    """Index of that start, the smallest of equally near ones; -1 where there is none."""


@dataclass(frozen=True, eq=False)
class Reach:
    """The r nodes that can be walked to from a start within a limit.

    Attributes
    ----------
    node
        Each once, in no particular order; shape (r,), int32.
    distance_m
        From the nearest start, its straight way to the street included; shape (r,).
    start
        Index of that start; shape (r,), int32.
    starts
        Where the walks began: parts of these edges are reached although neither end may be.
    limit_m
        How far was walked at most.
    """

    node: NDArray[np.int32]
    distance_m: NDArray[np.float64]
    start: NDArray[np.int32]
    starts: Entries
    limit_m: float
    room: Room = field(repr=False)
    """For looking up nodes."""
    on_edges: OnEdges = field(repr=False)
    """The starts by edge."""


class NodesWithin(NamedTuple):
    """The nodes within a limit of each start, for s starts."""

    first: NDArray[np.int64]
    """Those of start ``i`` are ``first[i]:first[i + 1]`` of the others; shape (s + 1,)."""
    node: NDArray[np.int32]
    """In no particular order, each once a start."""
    distance_m: NDArray[np.float64]


class Within(NamedTuple):
    """The points within a limit of each start, for s starts."""

    start: NDArray[np.int64]
    """Those of start ``i`` are ``start[i]:start[i + 1]`` of the others; shape (s + 1,)."""
    point: NDArray[np.int32]
    """In no particular order, each once a start."""
    distance_m: NDArray[np.float64]


def reach(streets: Streets, starts: Entries, *, limit_m: float) -> Reach:
    """Find every node that can be walked to from any start.

    Parameters
    ----------
    streets
        The network.
    starts
        All searched from together; those without an entry reach nothing.
    limit_m
        How far to walk; may be infinite.

    Raises
    ------
    ValueError
        If the limit is negative or not a number.

    Notes
    -----
    Costs what it reaches, whatever the size of the network: about 0.1 ms for a kilometre of a
    dense town.
    """
    limit_m = _checked(limit_m)
    doors = _doors(starts)
    room, count = search(_network(streets), doors, limit_m, _wide(starts, limit_m))
    order = np.argsort(starts.edge, kind="stable")
    return Reach(
        node=room.node[:count],
        distance_m=room.far_m[:count],
        start=room.seed[:count],
        starts=starts,
        limit_m=limit_m,
        room=room,
        on_edges=by_edge(doors, order),
    )


def distances(streets: Streets, reached: Reach, points: Entries) -> NDArray[np.float64]:
    """Return how far each of k points is from its nearest start.

    Parameters
    ----------
    streets
        The network on which was walked.
    reached
        From :func:`reach`.
    points
        Entries of the k points.

    Returns
    -------
    NDArray[np.float64]
        Metres, both straight ways included, shape (k,); infinite beyond the limit of the search.
    """
    return _arrive(streets, reached, points).distance_m


def nearest(
    streets: Streets, starts: Entries, points: Entries, *, limit_m: float = np.inf
) -> Nearest:
    """Find each point's nearest start on foot, in one search from all of them.

    Parameters
    ----------
    streets
        The network.
    starts, points
        Where both enter it.
    limit_m
        Walks longer than this are not looked for.

    Returns
    -------
    Nearest
        The distances are those of :func:`within`, bit for bit.
    """
    return _arrive(streets, reach(streets, starts, limit_m=limit_m), points)


def reach_each(streets: Streets, starts: Entries, *, limit_m: float) -> NodesWithin:
    """Find the nodes that can be walked to from each start by itself; see :func:`reach`."""
    limit_m = _checked(limit_m)
    return NodesWithin(*search_each(_network(streets), _doors(starts), limit_m, limit_m >= WIDE_M))


def within(streets: Streets, starts: Entries, points: Entries, *, limit_m: float) -> Within:
    """Find the points that can be walked to from each start by itself.

    Parameters
    ----------
    streets
        The network.
    starts, points
        Where both enter it.
    limit_m
        How far to walk: what comes back grows with its square, and with the number of starts.
    """
    limit_m = _checked(limit_m)
    order = np.argsort(points.edge, kind="stable")
    sought = sort_points(len(streets.node_xy), _ends(streets), _doors(points), order)
    return Within(
        *arrive_each(_network(streets), _doors(starts), sought, limit_m, limit_m >= WIDE_M)
    )


def _arrive(streets: Streets, reached: Reach, points: Entries) -> Nearest:
    return Nearest(
        *arrive(_ends(streets), reached.room, reached.on_edges, _doors(points), reached.limit_m)
    )


def _checked(limit_m: float) -> float:
    if not limit_m >= 0:
        raise ValueError(f"a limit of {limit_m} metres: give 0 or more")
    return float(limit_m)  # kernels are compiled for this type only


def _wide(starts: Entries, limit_m: float) -> bool:
    return limit_m >= WIDE_M or len(starts.edge) >= WIDE_STARTS


def _network(streets: Streets) -> Network:
    arcs = Arcs(streets.arc_start, streets.arc_node, streets.arc_length_m)
    return Network(arcs, _ends(streets))


def _ends(streets: Streets) -> Ends:
    return Ends(streets.a, streets.b, streets.length_m)


def _doors(entries: Entries) -> Doors:
    return Doors(  # again: for these types only
        np.ascontiguousarray(entries.start, np.int64),
        np.ascontiguousarray(entries.edge, np.int32),
        np.ascontiguousarray(entries.offset_m, np.float64),
        np.ascontiguousarray(entries.walk_m, np.float64),
    )
