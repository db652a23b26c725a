"""Walks worked out another way: a graph in which every place is a node, and scipy's search.

Streets are cut at each vertex and at each place where somebody enters them; nothing of the code
under test is used.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    Spot = tuple[float, float]

REACH_M = 500.0
"""Who is farther from every street is on none."""


@dataclass
class Door:
    """Where somebody enters the streets: on which segment, how far along, after which walk."""

    segment: int
    along_m: float
    walk_m: float


@dataclass
class Ground:
    """Streets, cut into segments between their vertices.

    Attributes
    ----------
    ends
        The vertices of each segment, which are told apart by their places as they are written.
    """

    lines: NDArray[np.object_]
    ends: list[tuple[str, str]]
    tree: shapely.STRtree = field(init=False)

    def __post_init__(self) -> None:
        self.tree = shapely.STRtree(self.lines)

    def door(self, place: Spot) -> list[Door]:
        """Return the nearest position on a street, if there is one within ``REACH_M``."""
        point = shapely.Point(place)
        near = self.tree.query(point, predicate="dwithin", distance=REACH_M)
        if not len(near):
            return []
        far = shapely.distance(self.lines[near], point)
        segment = int(near[int(np.argmin(far))])
        along = float(shapely.line_locate_point(self.lines[segment], point))
        return [Door(segment, along, float(far.min()))]


def ground_of(ways: Sequence[Sequence[tuple[str, Spot]]]) -> Ground:
    """Return the ground of ways, each a list of names and places (metres) of its vertices."""
    lines, ends = [], []
    for way in ways:
        for (one, here), (two, there) in pairwise(way):
            lines.append(shapely.LineString([here, there]))
            ends.append((one, two))
    made = np.empty(len(lines), object)
    made[:] = lines
    return Ground(made, ends)


def walks_from_each(
    ground: Ground, stands: Sequence[Sequence[Door]], lives: Sequence[Sequence[Door]]
) -> NDArray[np.float64]:
    """Return how far it is from each place to each home; infinite where there is no way."""
    nodes: dict[object, int] = {}
    weights: dict[tuple[int, int], float] = {}

    def node(name: object) -> int:
        return nodes.setdefault(name, len(nodes))

    def lead(one: int, two: int, metres: float) -> None:
        weights[one, two] = min(weights.get((one, two), np.inf), max(metres, 1e-9))  # 0 is no edge

    for stops in _stops(ground, [*stands, *lives]):
        for (x, one), (y, two) in pairwise(stops):
            lead(node(one), node(two), y - x)
            lead(node(two), node(one), y - x)
    sources = [node(("stand", number)) for number in range(len(stands))]
    for source, doors in zip(sources, stands, strict=True):
        for door in doors:  # one way: nobody walks through a place to be quicker
            lead(source, node((door.segment, door.along_m)), door.walk_m)
    pairs = np.array(list(weights), np.int64)
    graph = coo_array(
        (list(weights.values()), (pairs[:, 0], pairs[:, 1])), shape=(len(nodes), len(nodes))
    )
    far = dijkstra(graph.tocsr(), indices=sources)
    columns = [_arrived(far, nodes, doors) for doors in lives]
    return np.array(columns).reshape(len(lives), len(stands)).T


def _arrived(
    far: NDArray[np.float64], nodes: dict[object, int], doors: Sequence[Door]
) -> NDArray[np.float64]:
    """Return how far it is from each source to whoever has these doors."""
    walks = np.full(len(far), np.inf)
    for door in doors:
        walks = np.minimum(walks, far[:, nodes[door.segment, door.along_m]] + door.walk_m)
    return walks


def walks_to_nearest(
    ground: Ground, stands: Sequence[Sequence[Door]], lives: Sequence[Sequence[Door]]
) -> list[float]:
    """Return how far it is from each home to the nearest place; infinite where there is no way."""
    nearest: list[float] = walks_from_each(ground, stands, lives).min(axis=0).tolist()
    return nearest


def _stops(
    ground: Ground, entered: Sequence[Sequence[Door]]
) -> Iterator[list[tuple[float, object]]]:
    """Yield the nodes of each segment in turn: its ends, and where somebody enters it."""
    on_segment: dict[int, set[float]] = {}
    for doors in entered:
        for door in doors:
            on_segment.setdefault(door.segment, set()).add(door.along_m)
    for number, (one, two) in enumerate(ground.ends):
        length = float(shapely.length(ground.lines[number]))
        between = [(x, (number, x)) for x in sorted(on_segment.get(number, ()))]
        yield [(0.0, one), *between, (length, two)]
