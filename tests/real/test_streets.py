"""Real extracts of OpenStreetMap: the network is the one that others counted in the same files."""

from __future__ import annotations

from dataclasses import fields
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pytest
from pyproj import Geod

from geo.street_building import Built
from geo.streets import Streets
from resolvers.streets import join_files, load_streets, pieces_of
from sources.apart import read_streets_apart
from sources.streets import StreetFile, read_streets
from sources.walkable import Rule, Walkable, read_walkable
from storage import streets

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray
    from sqlalchemy.ext.asyncio import AsyncEngine

pytestmark = pytest.mark.real


class Counted(NamedTuple):
    """What the description of the files says of the walkable graph of one of them."""

    file: str
    nodes: int
    """Every vertex of every way, also those that a street only passes."""
    length_km: float
    pieces: int
    largest: float
    """Share of the length, in percent."""


COUNTED = (
    Counted("beijing_haidian.osm", 1409, 64.5, 13, 91.1),
    Counted("shanghai_fengxian_campus.osm", 337, 17.3, 1, 100.0),
    Counted("helsinki.osm.pbf", 6055, 94.0, 50, 98.5),
    Counted("liechtenstein.osm.pbf", 54338, 1139.4, 23, 96.1),
    Counted("monaco_2013.osm.gz", 4697, 81.3, 19, 98.9),
    Counted("sao_paulo.osm.pbf", 19518, 681.2, 57, 97.3),
    Counted("west_oakland.osm.bz2", 213, 8.8, 3, 98.8),
    Counted("pyrosm_test.osm.pbf", 1409, 59.3, 3, 99.8),
    Counted("krems.osm.gz", 4037, 186.5, 10, 97.6),
)

THEIR_TABLE = Walkable(
    (
        Rule(
            False,
            "roads for cars, and what is not built",
            (("highway", ("motorway", "motorway_link", "trunk", "trunk_link", "construction")),),
        ),
        Rule(False, "foot=no", (("foot", ("no",)),)),
        Rule(False, "areas", (("area", ("yes",)),)),
        Rule(True, "any other", (("highway", ("*",)),)),
    )
)
"""The rules by which these were counted; ours leave out private ways, too, and take squares."""

OURS = read_walkable()
BALL_KM = 6378.137
"""The ball on which these were measured has the radius of the equator."""
EARTH = Geod(ellps="WGS84")
BY_FILE = pytest.mark.parametrize("counted", COUNTED, ids=[counted.file for counted in COUNTED])


@cache
def read(folder: Path, counted: Counted) -> StreetFile:
    return read_streets(folder / "c_networks" / counted.file, walkable=OURS)


def steps(built: Built, length: Callable[..., NDArray[np.float64]]) -> NDArray[np.float64]:
    """Measure each edge by a function of lon, lat, lon, lat."""
    lon, lat = built.line_lonlat.T
    step = np.append(length(lon[:-1], lat[:-1], lon[1:], lat[1:]), 0.0)
    step[built.streets.line_start[1:] - 1] = 0.0
    return np.asarray(np.add.reduceat(step, built.streets.line_start[:-1]))


def on_a_ball_km(built: Built) -> float:
    """Return the whole length by the haversine formula, as it was counted."""

    def haversine(*degrees: NDArray[np.float64]) -> NDArray[np.float64]:
        lon, lat, lon2, lat2 = np.radians(degrees)
        half = np.sin((lat2 - lat) / 2) ** 2
        half += np.cos(lat) * np.cos(lat2) * np.sin((lon2 - lon) / 2) ** 2
        return np.asarray(2 * BALL_KM * np.arcsin(np.sqrt(half)))

    return float(steps(built, haversine).sum())


@BY_FILE
def test_by_their_rules_the_network_is_what_others_counted(
    real_data: Path, counted: Counted
) -> None:
    built = join_files(
        [read_streets(real_data / "c_networks" / counted.file, walkable=THEIR_TABLE)]
    )

    network = built.streets
    inner = len(network.line_xy) - 2 * len(network)
    pieces = pieces_of(network)
    assert len(network.node_xy) + inner == counted.nodes
    assert pieces.number == counted.pieces
    assert 100 * pieces.largest_share == pytest.approx(counted.largest, abs=0.051)
    assert on_a_ball_km(built) == pytest.approx(counted.length_km, abs=0.051)


@BY_FILE
def test_lengths_are_those_on_the_ellipsoid(real_data: Path, counted: Counted) -> None:
    built = join_files([read(real_data, counted)])

    measured = steps(built, lambda *degrees: EARTH.inv(*degrees)[2])
    np.testing.assert_allclose(built.streets.length_m, measured, rtol=1e-5)


def assert_clean(built: Built) -> None:
    """Nodes where streets meet or end, arcs both ways, pieces by length."""
    network = built.streets
    ends = np.concatenate([network.a, network.b])
    degree = np.bincount(ends, minlength=len(network.node_xy))
    rings = network.a[network.a == network.b]
    assert (degree > 0).all()
    assert np.isin(np.flatnonzero(degree == 2), rings).all()
    assert (np.diff(network.piece_length_m) <= 0).all()
    leaves = np.repeat(np.arange(len(network.node_xy)), np.diff(network.arc_start))
    there = set(zip(leaves.tolist(), network.arc_node.tolist(), strict=True))
    assert there == {(b, a) for a, b in there}
    assert len(there) == len(leaves)


@BY_FILE
def test_ways_in_any_order_make_the_same_clean_network(real_data: Path, counted: Counted) -> None:
    part = read(real_data, counted)
    built = join_files([part])

    assert_clean(built)
    order = np.random.default_rng(7).permutation(len(part.kinds))
    corners = [np.arange(part.start[way], part.start[way + 1]) for way in order]
    turned = [corner[::-1] if n % 2 else corner for n, corner in enumerate(corners)]
    at = np.concatenate(turned)
    shuffled = StreetFile(
        **{
            **vars(part),
            "start": np.cumsum([0, *map(len, turned)]).astype(np.int64),
            "lonlat": part.lonlat[at],
            "node": part.node[at],
            "kinds": [part.kinds[way] for way in order],
            "names": [part.names[way] for way in order],
        }
    )
    again = join_files([shuffled])
    assert again.streets.version == built.streets.version
    np.testing.assert_array_equal(again.streets.line_xy, built.streets.line_xy)


@pytest.mark.anyio
@pytest.mark.postgis
async def test_real_networks_come_back_from_the_database(
    real_data: Path, engine: AsyncEngine
) -> None:
    for file in ("beijing_haidian.osm", "krems.osm.gz", "helsinki.osm.pbf"):
        built = join_files([read_streets_apart(real_data / "c_networks" / file, walkable=OURS)])
        loaded = await load_streets(engine, built, source={}, loaded_by="test")
        assert loaded.network is not None
        async with engine.connect() as connection:
            found = await streets.read(connection, loaded.network)

        assert found is not None
        for field in fields(Streets):
            wanted = getattr(built.streets, field.name)
            np.testing.assert_array_equal(getattr(found, field.name), wanted, err_msg=field.name)
