"""Pictures of circles against the walks of real buildings."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import osmium
import pytest
import shapely

from geo.cells import CELL_M, COARSE_CELL_M, make_cells
from geo.isochrone import picture, reached_parts
from geo.snapping import snap, some
from geo.streets import Entries
from geo.walking import distances, reach
from resolvers.streets import join_files
from sources.streets import read_streets
from sources.walkable import read_walkable

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from geo.streets import Streets

pytestmark = pytest.mark.real

STATIONS = 12
FILES = (
    "beijing_haidian.osm",
    "helsinki.osm.pbf",
    "krems.osm.gz",
    "liechtenstein.osm.pbf",
    "monaco_2013.osm.gz",
)


class Town(NamedTuple):
    """Streets and buildings of an extract, and stations on its streets."""

    streets: Streets
    buildings: NDArray[np.float64]
    """Metres, shape (k, 2)."""
    on: Entries
    stations: Entries


@cache
def town(path: Path) -> Town:
    streets = join_files([read_streets(path, walkable=read_walkable())]).streets
    buildings = streets.plane.forward(building_lonlat(path))
    return Town(streets, buildings, snap(streets, buildings), stations_on(streets))


def building_lonlat(path: Path) -> NDArray[np.float64]:
    """Return the middle of each building's outline, degrees, shape (k, 2)."""
    out = []
    for way in osmium.FileProcessor(path).with_locations():
        if isinstance(way, osmium.osm.Way) and "building" in way.tags:
            ring = [(node.lon, node.lat) for node in way.nodes if node.location.valid()]
            out += [np.mean(ring[1:], axis=0)] if len(ring) > 2 else []
    return np.array(out)


def stations_on(streets: Streets) -> Entries:
    """Return stations anywhere on the longest piece, each metre of it alike."""
    rng = np.random.default_rng(5)
    on_longest = np.flatnonzero(streets.piece[streets.a] == 0)
    share = streets.length_m[on_longest] / streets.length_m[on_longest].sum()
    edge = rng.choice(on_longest, STATIONS, p=share)
    offset_m = rng.random(STATIONS) * streets.length_m[edge]
    first = np.arange(STATIONS + 1)
    return Entries(first, edge.astype(np.int32), offset_m, np.zeros(STATIONS))


class Count(NamedTuple):
    """Buildings that are inside, and those of which the picture says something else."""

    inside: int
    missed: int
    beyond: int

    @property
    def wrong(self) -> float:
        """Return the share of wrong ones."""
        return (self.missed + self.beyond) / self.inside


def count(path: Path, metres: float, cell_m: float) -> Count:
    """Compare pictures of all stations with the walks of all buildings."""
    here = town(path)
    cells = make_cells(here.streets, cell_m=cell_m)
    inside = missed = beyond = 0
    for k in range(STATIONS):
        found = reach(here.streets, some(here.stations, [k]), limit_m=metres)
        drawn = picture(cells, here.streets, found)
        assert drawn.is_valid
        walks = distances(here.streets, found, here.on)
        told = shapely.contains_xy(drawn, *here.buildings.T)
        inside += int((walks <= metres).sum())
        missed += int(((walks <= metres) & ~told).sum())
        beyond += int((told & (walks > metres)).sum())
    return Count(inside, missed, beyond)


@pytest.mark.parametrize("cell_m", [CELL_M, COARSE_CELL_M])
@pytest.mark.parametrize("file", FILES)
def test_of_a_hundred_buildings_at_most_three_are_on_the_wrong_side_of_15_minutes(
    real_data: Path, file: str, cell_m: float
) -> None:
    counted = count(real_data / "c_networks" / file, 1000.0, cell_m)

    assert counted.inside >= 500
    assert counted.wrong <= 0.03


@pytest.mark.parametrize("metres", [300.0, 500.0], ids=["5 min", "10 min"])
def test_of_small_circles_so_it_is_for_all_towns_together(real_data: Path, metres: float) -> None:
    by_file = [count(real_data / "c_networks" / file, metres, CELL_M) for file in FILES]

    counted = Count(*np.sum(by_file, axis=0).tolist())

    assert counted.inside >= 1_000
    assert counted.wrong <= 0.03


@pytest.mark.parametrize("file", [*FILES, "sao_paulo.osm.pbf"])
def test_five_ten_and_fifteen_minutes_lie_inside_one_another(real_data: Path, file: str) -> None:
    here = town(real_data / "c_networks" / file)
    cells = make_cells(here.streets)
    plane = here.streets.plane

    for k in range(STATIONS):
        start = some(here.stations, [k])
        drawn = [
            picture(cells, here.streets, reach(here.streets, start, limit_m=metres))
            for metres in (300.0, 500.0, 1000.0)
        ]
        sent = shapely.transform(plane.unproject(np.array(drawn, object)), round7)
        assert drawn[1].covers(drawn[0])
        assert drawn[2].covers(drawn[1])
        assert sent[1].covers(sent[0])
        assert sent[2].covers(sent[1])
        assert shapely.is_valid(sent).all()


def round7(lonlat: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.round(lonlat, 7)


@pytest.mark.parametrize("file", [*FILES, "sao_paulo.osm.pbf"])
def test_no_street_that_was_reached_lies_outside_or_in_a_hole(real_data: Path, file: str) -> None:
    here = town(real_data / "c_networks" / file)
    cells = make_cells(here.streets)
    found = reach(here.streets, here.stations, limit_m=700.0)

    drawn = picture(cells, here.streets, found)

    parts = reached_parts(cells, here.streets, found)
    of = np.repeat(np.arange(len(here.streets)), np.diff(here.streets.line_start))
    lines = np.asarray(shapely.linestrings(here.streets.line_xy, indices=of))[parts.edge]
    length_m = parts.end_m - parts.begin_m
    at = parts.begin_m[:, None] + length_m[:, None] * np.linspace(0, 1, 12)
    places = shapely.line_interpolate_point(lines[:, None], at)
    assert shapely.contains_xy(drawn, shapely.get_x(places), shapely.get_y(places)).all()
    assert length_m.sum() > 5_000
