"""The engines: each says how far it is from a station, on the same arcs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from benchmarks.coverage.worker import add_peers
from geo.streets import Entries
from geo.walking import nearest, reach, reach_each

if TYPE_CHECKING:
    from collections.abc import Iterable

    import psycopg
    from numpy.typing import NDArray

    from benchmarks.circles.town import Town


class Found(NamedTuple):
    """The nodes within the limit of a station."""

    node: NDArray[np.intp]
    metres: NDArray[np.float64]


class Engine(Protocol):
    """Something that walks."""

    key: str
    says: str

    def circle(self, station: int, limit_m: float) -> Found:
        """Return the nodes within the limit of a station."""

    def circles(self, stations: NDArray[np.intp], limit_m: float) -> int:
        """Find the nodes within the limit of each station; return how many there are in all."""

    def nearest(self, stations: NDArray[np.intp]) -> NDArray[np.float64] | None:
        """Return how far each home is from its nearest station; None if that is not asked."""


class _OneByOne(ABC):
    """Engines without a call for many circles."""

    @abstractmethod
    def circle(self, station: int, limit_m: float) -> Found:
        """Return the nodes within the limit of a station."""

    def circles(self, stations: NDArray[np.intp], limit_m: float) -> int:
        """Find one circle after another."""
        return sum(len(self.circle(int(station), limit_m).node) for station in stations)


class Ours:
    """The walks of this program."""

    key, says = "ours", "Wangge"

    def __init__(self, town: Town) -> None:
        self._town = town

    def circle(self, station: int, limit_m: float) -> Found:
        """Return the nodes within the limit of a station."""
        found = reach(self._town.streets, self._at(np.array([station])), limit_m=limit_m)
        return Found(found.node.astype(np.intp), found.distance_m)

    def circles(self, stations: NDArray[np.intp], limit_m: float) -> int:
        """Find the nodes within the limit of each station."""
        return len(reach_each(self._town.streets, self._at(stations), limit_m=limit_m).node)

    def nearest(self, stations: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return how far each home is from its nearest station."""
        return nearest(self._town.streets, self._at(stations), self._town.homes).distance_m

    def _at(self, stations: NDArray[np.intp]) -> Entries:
        return at_nodes(self._town, stations)


def at_nodes(town: Town, nodes: NDArray[np.intp]) -> Entries:
    """Return the entries of those who stand on crossings."""
    streets = town.streets
    edge = streets.arc_edge[streets.arc_start[nodes]]
    offset_m = np.where(streets.a[edge] == nodes, 0.0, streets.length_m[edge])
    return Entries(np.arange(len(nodes) + 1), edge, offset_m, np.zeros(len(nodes)))


class Scipy(_OneByOne):
    """Its Dijkstra on the matrix of all arcs."""

    key, says = "scipy", "scipy `dijkstra(limit=)`"

    def __init__(self, town: Town) -> None:
        self._town = town
        streets = town.streets
        size = len(streets.node_xy)
        self._graph = csr_array(
            (streets.arc_length_m, streets.arc_node, streets.arc_start.astype(np.int32)),
            shape=(size, size),
        )

    def circle(self, station: int, limit_m: float) -> Found:
        """Return the nodes within the limit of a station."""
        metres = dijkstra(self._graph, indices=np.array([station]), limit=limit_m)[0]
        node = np.flatnonzero(metres < np.inf)
        return Found(node, metres[node])

    def nearest(self, stations: NDArray[np.intp]) -> NDArray[np.float64]:
        """Search from all stations at once, then go from both ends of each home's edge."""
        metres = dijkstra(self._graph, indices=stations, min_only=True)
        return from_ends(self._town, metres)


def from_ends(town: Town, metres: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how far homes are whose edges' ends are so far; stations stand on nodes."""
    streets, homes = town.streets, town.homes
    edge = homes.edge
    rest_m = streets.length_m[edge] - homes.offset_m
    ends_m = np.minimum(metres[streets.a[edge]] + homes.offset_m, metres[streets.b[edge]] + rest_m)
    out = np.full(len(homes), np.inf)
    out[np.diff(homes.start) > 0] = ends_m + homes.walk_m  # one entry a home at most
    return out


class NetworkX(_OneByOne):
    """What users of OSMnx call on their graphs."""

    key, says = "networkx", "networkx `single_source_dijkstra_path_length` (as with OSMnx)"

    def __init__(self, town: Town) -> None:
        self._town, self._module = town, import_networkx()
        self._graph = self._module.Graph()
        self._graph.add_nodes_from(range(len(town.streets.node_xy)))
        self._graph.add_weighted_edges_from(arcs_once(town))

    def circle(self, station: int, limit_m: float) -> Found:
        """Return the nodes within the limit of a station."""
        search = self._module.single_source_dijkstra_path_length
        return _of_pairs(search(self._graph, station, cutoff=limit_m))

    def nearest(self, stations: NDArray[np.intp]) -> NDArray[np.float64]:
        """Search from all stations at once."""
        search = self._module.multi_source_dijkstra_path_length
        found = _of_pairs(search(self._graph, set(stations.tolist())))
        metres = np.full(len(self._town.streets.node_xy), np.inf)
        metres[found.node] = found.metres
        return from_ends(self._town, metres)


def _of_pairs(pairs: dict[int, float]) -> Found:
    return Found(np.fromiter(pairs, np.intp), np.fromiter(pairs.values(), np.float64))


def arcs_once(town: Town) -> Iterable[tuple[int, int, float]]:
    """Return the arcs one way only: from, to, metres."""
    streets = town.streets
    leaves = np.repeat(np.arange(len(streets.node_xy)), np.diff(streets.arc_start))
    once = leaves < streets.arc_node
    columns = (leaves[once], streets.arc_node[once], streets.arc_length_m[once])
    return zip(*(column.tolist() for column in columns), strict=True)


def import_networkx() -> Any:  # noqa: ANN401 - a package that ships no types and is not ours
    """Return networkx, from the packages of the benchmarks.

    Raises
    ------
    ImportError
        If it is not there.
    """
    add_peers()
    return import_module("networkx")


class PgRouting(_OneByOne):
    """Its driving distance over the streets in the square around a station, by their index."""

    key, says = "pgrouting", "pgRouting `pgr_drivingDistance`, streets by bounding box"

    def __init__(self, town: Town, connection: psycopg.Connection[Any]) -> None:
        self._town, self._ask = town, connection
        execute = connection.execute
        execute("CREATE EXTENSION IF NOT EXISTS pgrouting CASCADE")
        execute("DROP TABLE IF EXISTS streets")
        execute(
            "CREATE TABLE streets (id int PRIMARY KEY, source int, target int, cost float8,"
            " geom geometry(LineString))"
        )
        xy = town.streets.node_xy
        with connection.cursor().copy("COPY streets FROM STDIN") as copy:
            for number, (a, b, metres) in enumerate(arcs_once(town)):
                line = f"LINESTRING({xy[a, 0]} {xy[a, 1]},{xy[b, 0]} {xy[b, 1]})"
                copy.write_row((number, a, b, repr(metres), line))
        execute("CREATE INDEX streets_geom ON streets USING gist (geom)")
        execute("CLUSTER streets USING streets_geom")
        execute("VACUUM ANALYZE streets")

    def circle(self, station: int, limit_m: float) -> Found:
        """Return the nodes within the limit of a station."""
        x, y = self._town.streets.node_xy[station]
        box = f"{x - limit_m},{y - limit_m},{x + limit_m},{y + limit_m}"
        edges = (
            "SELECT id, source, target, cost FROM streets"  # noqa: S608 - numbers of our own
            f" WHERE geom && ST_MakeEnvelope({box})"
        )
        rows = self._ask.execute(
            "SELECT node, agg_cost FROM pgr_drivingDistance(%s, %s::bigint, %s, false)",
            (edges, station, limit_m),
        ).fetchall()
        table = np.array(rows, np.float64)
        return Found(table[:, 0].astype(np.intp), table[:, 1])

    def nearest(self, stations: NDArray[np.intp]) -> None:
        """Return nothing: its ``equicost`` names wrong stations (3.4)."""
        del stations
