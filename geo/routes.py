"""The line of a walk: from a point over its street, along streets, to where it was walked from."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from geo.hash_kernel import find
from geo.snapping import GatedEntries
from geo.walking import Reach, reach

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from geo.streets import Entries, Streets

__all__ = ["Route", "route", "route_back"]

_SAME_M = 1e-6
"""Vertices that are no farther apart are one, metres."""


class Route(NamedTuple):
    """A walk as a line."""

    xy: NDArray[np.float64]
    """Shape (v, 2), metres, v at least 2: from the point to the start."""
    length_m: float
    """The walk's length, as :func:`geo.walking.distances` has it."""


class _Arrival(NamedTuple):
    """The last part of a walk that ends at a point."""

    length_m: float
    """Of the whole walk."""
    entry: int
    """By which of the point's entries."""
    node: int
    """From which end of that entry's edge; -1 where the start is on the same edge."""
    offset_m: float
    """Where on the edge it comes from."""
    start_entry: int
    """By which entry the start is left when it is on the same edge; -1 otherwise."""


def route(
    streets: Streets,
    start: Entries,
    point: Entries,
    *,
    start_xy: NDArray[np.float64],
    point_xy: NDArray[np.float64],
    limit_m: float = np.inf,
) -> Route:
    """Draw the shortest walk between two places.

    Parameters
    ----------
    streets
        The network.
    start, point
        Entries of one place each; of both, those through gates turn at the gate.
    start_xy, point_xy
        The places themselves, metres, shape (2,).
    limit_m
        The walk is not longer than this: a bound spares the search.

    Returns
    -------
    Route
        The line as it is walked from the point to the start.

    Raises
    ------
    ValueError
        If the point cannot be walked to within the limit, or there is not one of both.
    """
    reached = reach(streets, start, limit_m=limit_m)
    return route_back(streets, reached, point, start_xy=start_xy, point_xy=point_xy)


def route_back(
    streets: Streets,
    reached: Reach,
    point: Entries,
    *,
    start_xy: NDArray[np.float64],
    point_xy: NDArray[np.float64],
) -> Route:
    """Draw the shortest walk from a place to where a search began: one search serves many.

    Parameters
    ----------
    streets
        The network.
    reached
        What was reached from one start (:func:`geo.walking.reach`).
    point
        Entries of one place.
    start_xy, point_xy
        The start and the place themselves, metres, shape (2,).

    Raises
    ------
    ValueError
        If the place was not reached, or there is not one of both.
    """
    start = reached.starts
    if len(start) != 1 or len(point) != 1:
        raise ValueError(f"{len(start)} starts and {len(point)} points: give one of each")
    last = min(_arrivals(streets, reached, point), default=None)
    if last is None or not last.length_m <= reached.limit_m:
        raise ValueError(f"there is no walk of {reached.limit_m} metres between the two places")
    edge = int(point.edge[last.entry])
    parts = [_straight(point, last.entry, point_xy)]
    parts.append(_part(streets, edge, float(point.offset_m[last.entry]), last.offset_m))
    left_by = last.start_entry
    if left_by < 0:
        node, arcs = _back(streets, reached, last.node)
        parts.extend(arcs)
        left_by, offset_m = _left_by(streets, start, node)
        parts.append(_part(streets, int(start.edge[left_by]), offset_m, start.offset_m[left_by]))
    parts.append(_straight(start, left_by, start_xy)[::-1])
    return Route(_joined(parts), last.length_m)


def _arrivals(streets: Streets, reached: Reach, point: Entries) -> Iterator[_Arrival]:
    """Yield every way to end the walk."""
    for d in range(len(point.edge)):
        edge, offset_m, walk_m = point.edge[d], point.offset_m[d], point.walk_m[d]
        for s in np.flatnonzero(reached.starts.edge == edge).tolist():
            from_m = reached.starts.offset_m[s]
            length_m = (reached.starts.walk_m[s] + abs(from_m - offset_m)) + walk_m
            yield _Arrival(float(length_m), d, -1, float(from_m), s)
        full_m = streets.length_m[edge]
        for node, end_m, rest_m in (
            (int(streets.a[edge]), 0.0, offset_m),
            (int(streets.b[edge]), full_m, full_m - offset_m),
        ):
            place = _place(reached, node)
            if place >= 0:
                length_m = reached.room.far_m[place] + (rest_m + walk_m)
                yield _Arrival(float(length_m), d, node, float(end_m), -1)


def _place(reached: Reach, node: int) -> int:
    """Return the place of a node among those reached, -1 if it is not."""
    room = reached.room
    return int(room.table[find(room.table, room.node, node, room.shift)])


def _back(streets: Streets, reached: Reach, node: int) -> tuple[int, list[NDArray[np.float64]]]:
    """Return the first node of the walk to a node, and the edges' lines backwards from there."""
    lines = []
    while (arc := int(reached.room.arc[_place(reached, node)])) >= 0:
        edge = int(streets.arc_edge[arc])
        a, b, full_m = int(streets.a[edge]), int(streets.b[edge]), float(streets.length_m[edge])
        lines.append(_part(streets, edge, *((0.0, full_m) if node == a else (full_m, 0.0))))
        node = b if node == a else a
    return node, lines


def _left_by(streets: Streets, start: Entries, node: int) -> tuple[int, float]:
    """Return the entry from which the start's walk comes to its first node, and where it ends."""
    full_m = streets.length_m[start.edge]
    ways_m = np.concatenate(
        [
            np.where(streets.a[start.edge] == node, start.offset_m + start.walk_m, np.inf),
            np.where(
                streets.b[start.edge] == node, (full_m - start.offset_m) + start.walk_m, np.inf
            ),
        ]
    )
    best = int(np.argmin(ways_m))
    if best < len(full_m):
        return best, 0.0
    return best - len(full_m), float(full_m[best - len(full_m)])


def _straight(entries: Entries, entry: int, xy: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the way from a place towards its street, through the gate if there is one."""
    here = np.asarray(xy, np.float64).reshape(1, 2)
    if isinstance(entries, GatedEntries) and np.isfinite(entries.gate_xy[entry]).all():
        return np.concatenate([here, entries.gate_xy[entry : entry + 1]])
    return here


def _part(streets: Streets, edge: int, from_m: float, to_m: float) -> NDArray[np.float64]:
    """Return an edge's line from one position to another, either way round."""
    line = streets.line_xy[streets.line_start[edge] : streets.line_start[edge + 1]]
    low_m, high_m = min(from_m, to_m), max(from_m, to_m)
    at_m = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])
    ends = np.column_stack([np.interp([low_m, high_m], at_m, line[:, k]) for k in (0, 1)])
    inner = line[(at_m > low_m) & (at_m < high_m)]
    part = np.concatenate([ends[:1], inner, ends[1:]])
    return part if from_m <= to_m else part[::-1]


def _joined(parts: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Return one line of all parts, no vertex of which is the same as the one before."""
    xy = np.concatenate(parts)
    moves = np.ones(len(xy), bool)
    # a street's end worked out from its length misses the crossing by what floats round off
    moves[1:] = np.hypot(*np.diff(xy, axis=0).T) > _SAME_M
    xy = xy[moves]
    return xy if len(xy) > 1 else np.concatenate([xy, xy])
