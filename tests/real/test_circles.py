"""Circles in real places: who is inside is who a plain graph of the same files says is."""

from __future__ import annotations

import csv
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pytest
import shapely
from pyproj import Transformer
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra

from sources.addresses import parse_address_columns, read_addresses
from sources.streets import StreetFile, read_streets
from sources.walkable import read_walkable
from tests.publishing.outside import Wangge
from tests.real.places import PLACES, Files, Place, Walked, features, walk_place

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

pytestmark = [pytest.mark.real, pytest.mark.postgis]

REACH_M = 500.0
"""Whoever is farther from every street is on none."""

LIECHTENSTEIN, HAIDIAN, *OTHERS = PLACES


class Homes(NamedTuple):
    """Homes of a place, read on their own."""

    lonlat: NDArray[np.float64]
    households: NDArray[np.int64]
    people: NDArray[np.int64]


@pytest.fixture
def walk(
    database_url: str, real_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Place], Walked]:
    """Give what loads a place into a database of its own, and asks its questions."""

    def here(path: Path, **_asked: object) -> StreetFile:
        return read_once(path)

    monkeypatch.setattr("service.cli.load_streets.read_streets_apart", here)
    return lambda place: walk_place(Wangge(database_url), place, real_data, tmp_path)


@cache
def read_once(path: Path) -> StreetFile:
    return read_streets(path, walkable=read_walkable())


def read_homes(files: Files) -> Homes:
    named = files.address_options[1] if files.address_options else ""
    found = read_addresses(files.addresses, columns=parse_address_columns(named))
    return Homes(found.lonlat, found.households, found.people)


def read_points(files: Files, kind: str) -> NDArray[np.float64]:
    with files.facilities.open(encoding="utf-8", newline="") as rows:
        lines = [row for row in csv.DictReader(rows) if row["kind"] == kind]
    return np.array([[float(row["lon"]), float(row["lat"])] for row in lines])


def graph_distances(
    folder: Path, place: Place, starts: NDArray[np.float64], ends: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return how far each end walks to its nearest start, metres.

    A graph of every vertex, in which each point is a node between the vertices of its step: no
    edge is simplified, no node left out, and no code of the program walks in it.
    """
    part = read_once(folder / "c_networks" / place.streets)
    ids, vertex = np.unique(part.node, return_inverse=True)
    lonlat = np.empty((len(ids), 2))
    lonlat[vertex] = part.lonlat
    lon0, lat0 = lonlat.mean(axis=0)
    plane = Transformer.from_crs(4326, f"+proj=laea +lon_0={lon0} +lat_0={lat0}", always_xy=True)

    def metres(places: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.column_stack(plane.transform(*places.T))

    xy = metres(lonlat)
    inner = np.ones(len(vertex), bool)
    inner[part.start[1:] - 1] = False
    steps = np.column_stack([vertex[:-1], vertex[1:]])[inner[:-1]]
    steps = np.unique(np.sort(steps[steps[:, 0] != steps[:, 1]], axis=1), axis=0)
    points = metres(np.concatenate([starts, ends]))
    tree = shapely.STRtree(np.asarray(shapely.linestrings(xy[steps])))
    (which, step), straight = tree.query_nearest(
        shapely.points(points), return_distance=True, all_matches=False, max_distance=REACH_M
    )
    along = shapely.line_locate_point(tree.geometries[step], shapely.points(points[which]))
    # Every step is cut at the points that enter it: first its ends, then those by their offset.
    first = len(xy) + len(points)
    entry = first + np.arange(len(which))
    length = np.hypot(*(xy[steps[:, 1]] - xy[steps[:, 0]]).T)
    of = np.concatenate([np.arange(len(steps)), np.arange(len(steps)), step])
    at = np.concatenate([np.zeros(len(steps)), length, along])
    node = np.concatenate([steps[:, 0], steps[:, 1], entry])
    rank = np.concatenate([np.zeros(len(steps)), np.full(len(steps), 2), np.ones(len(step))])
    order = np.lexsort((rank, at, of))
    of, at, node = of[order], at[order], node[order]
    same = of[1:] == of[:-1]
    tail = np.concatenate([node[:-1][same], len(xy) + which])
    head = np.concatenate([node[1:][same], entry])
    weight = np.concatenate([(at[1:] - at[:-1])[same], straight])
    weight = np.maximum(weight, 1e-9)  # a matrix holds no zeros
    graph = coo_array((weight, (tail, head)), shape=(first + len(entry),) * 2).tocsr()
    origin = len(xy) + np.arange(len(starts))
    found = dijkstra(graph, directed=False, indices=origin, min_only=True)
    return np.asarray(found[len(xy) + len(starts) : first])


@pytest.mark.parametrize("place", [LIECHTENSTEIN, *OTHERS], ids=lambda place: place.streets)
def test_who_is_inside_is_who_a_plain_graph_says(
    walk: Callable[[Place], Walked], real_data: Path, tmp_path: Path, place: Place
) -> None:
    walked = walk(place)
    files = place.prepare(real_data, tmp_path)
    homes = read_homes(files)

    for ask, found in walked.found.items():
        points = read_points(files, ask.kind)
        distance = graph_distances(real_data, place, points, homes.lonlat)
        inside = distance <= ask.metres
        assert found["facilityCount"] == len(points)
        assert found["inside"]["addresses"] == inside.sum()
        assert found["inside"]["households"] == homes.households[inside].sum()
        assert found["inside"]["people"] == homes.people[inside].sum()
        assert found["total"]["people"] == homes.people.sum()
        apart = found["offStreets"]["addresses"] + found["cutOff"]["addresses"]
        assert found["notConnected"]["addresses"] == apart == np.isinf(distance).sum()
    if place is LIECHTENSTEIN:
        assert_communes(walked, real_data, homes)


def assert_communes(walked: Walked, folder: Path, homes: Homes) -> None:
    """Compare the households of each commune with the buildings that lie in it."""
    shapes = {
        str(row["properties"]["osm_id"]): shapely.geometry.shape(row["geometry"])
        for row in features(folder / "derived" / "liechtenstein_admin8.geojson")
    }
    for found in walked.found.values():
        rows = found["byUnit"]["nodes"]
        assert {row["unit"]["code"] for row in rows} == shapes.keys()
        for row in rows:
            within = shapely.contains_xy(shapes[row["unit"]["code"]], *homes.lonlat.T)
            assert row["total"]["households"] == within.sum()
        assert sum(row["inside"]["households"] for row in rows) <= found["inside"]["households"]
        shares = [row["share"] for row in rows]
        assert shares == sorted(shares)


def test_walls_send_homes_round_by_their_gates(walk: Callable[[Place], Walked]) -> None:
    walked = walk(HAIDIAN)

    by_ask = {(ask.kind, ask.metres): found for ask, found in walked.found.items()}
    for kind in ("shop", "kindergarten"):
        near, far = by_ask[kind, 300], by_ask[kind, 500]
        assert 0 < near["inside"]["households"] < far["inside"]["households"]
        assert near["total"]["households"] == far["total"]["households"] == 257
        # What is inside in five minutes is so in ten, compound by compound.
        inside = [
            {row["unit"]["code"]: row["inside"]["households"] for row in found["byUnit"]["nodes"]}
            for found in (near, far)
        ]
        assert inside[0].keys() == inside[1].keys()
        assert all(inside[0][code] <= inside[1][code] for code in inside[0])
