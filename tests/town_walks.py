"""Walks in the made-up town, worked out from its files without the engine under test.

Shapely finds the nearest streets, scipy the shortest ways between crossings; the ends are put
together here. Who lives behind walls enters by the gates; behind the same walls one goes straight.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra

from tests.town import addresses, features, in_metres, layer, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

REACH_M = 500.0
"""Who is farther from every street than this is on none."""


class Door(NamedTuple):
    """A position on a street, and how far from it one is."""

    edge: int
    offset_m: float
    walk_m: float


class Spot(NamedTuple):
    """A place: where it is in metres, behind which walls, and how one gets to the streets."""

    xy: tuple[float, float]
    walls: str | None
    doors: list[Door]


@dataclass(frozen=True, eq=False)
class Walks:
    """The town's streets, compounds and homes.

    Attributes
    ----------
    lines
        Streets in metres, from crossing to crossing, shape (m,).
    ends
        Numbers of the crossings at their ends, shape (m, 2).
    crossings
        Degrees of the crossings, by number.
    far_m
        From crossing to crossing, shape (n, n).
    walls
        Land of the compounds that have gates, in metres, by code.
    gates
        Where their gates are, in metres.
    """

    lines: NDArray[np.object_]
    ends: NDArray[np.int64]
    crossings: list[tuple[float, float]]
    far_m: NDArray[np.float64]
    walls: dict[str, BaseGeometry]
    gates: dict[str, list[BaseGeometry]]
    homes: list[Spot]
    households: NDArray[np.int64]

    def spot(self, lon: float, lat: float) -> Spot:
        """Return a place anywhere in the town."""
        point = in_metres(shapely.Point(lon, lat))
        inside = [code for code, land in self.walls.items() if shapely.covers(land, point)]
        return self.behind(point, inside[0] if inside else None)

    def behind(self, point: BaseGeometry, walls: str | None) -> Spot:
        """Return a place behind some walls, or none."""
        (xy,) = shapely.get_coordinates(point).tolist()
        if walls is None:
            doors = self._onto_street(point)
        else:
            doors = [
                Door(edge, offset_m, walk_m + float(shapely.distance(point, gate)))
                for gate in self.gates[walls]
                for edge, offset_m, walk_m in self._onto_street(gate)
            ]
        return Spot((xy[0], xy[1]), walls, doors)

    def _onto_street(self, point: BaseGeometry) -> list[Door]:
        far_m = shapely.distance(self.lines, point)
        edge = int(np.argmin(far_m))
        if far_m[edge] > REACH_M:
            return []
        return [Door(edge, float(shapely.line_locate_point(self.lines[edge], point)), far_m[edge])]

    def to_homes(self, place: Spot) -> NDArray[np.float64]:
        """Return how far every home is from a place, shape (k,); infinite where there is no way."""
        home_m = np.full(len(self.homes), np.inf)
        home, edge, offset_m, walk_m = self._home_doors
        for door in place.doors:
            length_m = shapely.length(self.lines[door.edge])
            a, b = self.ends[door.edge]
            crossing_m = np.minimum(
                self.far_m[a] + door.offset_m, self.far_m[b] + length_m - door.offset_m
            )
            edge_m = shapely.length(self.lines)[edge]
            along_m = np.minimum(
                crossing_m[self.ends[edge, 0]] + offset_m,
                crossing_m[self.ends[edge, 1]] + edge_m - offset_m,
            )
            straight_m = np.abs(offset_m - door.offset_m)
            along_m = np.where(edge == door.edge, np.minimum(along_m, straight_m), along_m)
            np.minimum.at(home_m, home, door.walk_m + along_m + walk_m)
        for n, other in enumerate(self.homes):
            if place.walls is not None and place.walls == other.walls:
                home_m[n] = min(home_m[n], np.hypot(*np.subtract(place.xy, other.xy)))
        return home_m

    @cached_property
    def _home_doors(self) -> tuple[NDArray[np.int64], ...]:
        """The home, edge, offset and walk of each door of each home."""
        rows = [(n, *door) for n, home in enumerate(self.homes) for door in home.doors]
        home, edge, offset_m, walk_m = zip(*rows, strict=True)
        return np.array(home), np.array(edge), np.array(offset_m), np.array(walk_m)


def read_walks() -> Walks:
    """Read the town's files."""
    streets = [line for _, line in features("streets.geojson")]
    number: dict[tuple[float, float], int] = {}
    ends = np.array(
        [
            [number.setdefault((x, y), len(number)) for x, y in (line.coords[0], line.coords[-1])]
            for line in streets
        ]
    )
    lines = np.array([in_metres(line) for line in streets], dtype=object)
    gates: dict[str, list[BaseGeometry]] = {}
    for row in table("facilities.csv"):
        if row["kind"] == "gate":
            place = in_metres(shapely.Point(float(row["lon"]), float(row["lat"])))
            gates.setdefault(row["compound"], []).append(place)
    drawn = layer("compound").by_code()
    walls = {code: in_metres(drawn[code]) for code in gates}
    rows, points = addresses()
    walks = Walks(
        lines,
        ends,
        list(number),
        _shortest(ends, shapely.length(lines), len(number)),
        walls,
        gates,
        [],
        np.array([int(row["households"]) for row in rows]),
    )
    for row, point in zip(rows, points, strict=True):
        named = row["compound"] if row["compound"] in walls else None
        walks.homes.append(
            walks.behind(in_metres(point), named) if named else walks.spot(point.x, point.y)
        )
    return walks


def _shortest(
    ends: NDArray[np.int64], length_m: NDArray[np.float64], size: int
) -> NDArray[np.float64]:
    """Return the shortest ways between all crossings; of parallel streets the shortest counts."""
    best: dict[tuple[int, int], float] = {}
    for (a, b), length in zip(ends.tolist(), length_m.tolist(), strict=True):
        key = (min(a, b), max(a, b))
        best[key] = min(length, best.get(key, np.inf))
    pairs = np.array(list(best))
    graph = coo_array((list(best.values()), (pairs[:, 0], pairs[:, 1])), shape=(size, size))
    far_m: NDArray[np.float64] = dijkstra(graph.tocsr(), directed=False)
    return far_m


def stations() -> list[tuple[float, float]]:
    """Return where the stations stand, in degrees."""
    return [
        (float(row["lon"]), float(row["lat"]))
        for row in table("facilities.csv")
        if row["kind"] == "station"
    ]


def nearest_m(walks: Walks, places: Sequence[tuple[float, float]]) -> NDArray[np.float64]:
    """Return how far every home is from the nearest of some places given in degrees."""
    metres: NDArray[np.float64] = np.min(
        [walks.to_homes(walks.spot(*place)) for place in places], axis=0
    )
    return metres
