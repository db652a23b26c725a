"""The circles that the demo shows, against walks that are worked out from the town's files."""

from __future__ import annotations

from io import StringIO
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import pytest
import shapely
from rich.console import Console

from resolvers.context import Context, Shared
from resolvers.places import Point
from resolvers.siting import SitingAsked, siting
from resolvers.units import UnitRef
from service.cli.playbill import show_played
from storage.engine import make_engine
from tests.played import TODAY, Demo, play_once
from tests.town import in_metres, layer, table
from tests.town_walks import Walks, nearest_m, read_walks, stations

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from resolvers.siting import SitingRow
    from tests.databases import Databases

WALK_M = 1_000.0


@pytest.fixture(scope="module")
def demo(databases: Databases) -> Demo:
    played = play_once(databases)
    return played._replace(told=played.told["circles"])


@pytest.fixture(scope="module")
def walks() -> Walks:
    return read_walks()


@pytest.fixture(scope="module")
def station_m(walks: Walks) -> NDArray[np.float64]:
    """How far every home is from its nearest station."""
    return nearest_m(walks, stations())


def share(walks: Walks, metres: NDArray[np.float64]) -> float:
    """Return the share of the households that are within the walk."""
    return int(walks.households[metres <= WALK_M].sum()) / int(walks.households.sum())


def test_the_towns_share_is_that_of_walks_worked_out_from_its_files(
    demo: Demo, walks: Walks, station_m: NDArray[np.float64]
) -> None:
    inside = station_m <= WALK_M

    assert demo.told["walk"]["basis"] == "NETWORK"
    assert demo.told["walk"]["metres"] == pytest.approx(WALK_M)
    assert demo.told["facilityCount"] == 23
    assert demo.told["households"] == walks.households.sum()
    assert demo.told["inside"] == walks.households[inside].sum()
    assert demo.told["share"] == pytest.approx(share(walks, station_m))
    assert 0.5 < demo.told["share"] < 1.0, "somebody is left out"
    assert demo.told["notConnected"] == walks.households[np.isinf(station_m)].sum()


def test_the_worst_grids_are_those_with_the_lowest_shares(
    demo: Demo, walks: Walks, station_m: NDArray[np.float64]
) -> None:
    grids = layer("grid").by_code()
    codes = list(grids)
    land = shapely.STRtree([in_metres(grids[code]) for code in codes])
    home, grid = land.query(
        shapely.points([home.xy for home in walks.homes]), predicate="intersects"
    )
    assert len(home) == len(walks.homes), "each home is in one grid"
    total = np.bincount(grid, walks.households[home], len(codes))
    inside = np.bincount(grid, walks.households[home] * (station_m[home] <= WALK_M), len(codes))
    lived = np.flatnonzero(total)
    shares = sorted((inside[n] / total[n], codes[n]) for n in lived.tolist())

    worst = [(unit["share"], unit["code"]) for unit in demo.told["worst"]]

    assert len(worst) == 3
    assert [code for _, code in worst] == [code for _, code in shares[:3]]
    assert [part for part, _ in worst] == pytest.approx([part for part, _ in shares[:3]])


def test_each_next_site_brings_inside_what_it_says(
    demo: Demo, walks: Walks, station_m: NDArray[np.float64]
) -> None:
    plan = demo.told["siting"]
    assert len(plan["sites"]) == 5
    assert plan["shareBefore"] == demo.told["share"]
    town = in_metres(layer("district").geoms[0])

    metres = station_m
    for site in plan["sites"]:
        lon, lat = site["location"]["coordinates"]
        before = share(walks, metres)
        metres = np.minimum(metres, nearest_m(walks, [(lon, lat)]))
        assert site["cumulativeShare"] == pytest.approx(share(walks, metres))
        gain = share(walks, metres) - before
        assert site["newHouseholds"] == round(gain * int(walks.households.sum()))
        assert town.contains(in_metres(shapely.Point(lon, lat)))
    assert plan["shareAfter"] == plan["sites"][-1]["cumulativeShare"] > plan["shareBefore"]
    assert plan["households"] == sum(site["newHouseholds"] for site in plan["sites"])
    assert plan["bound"] >= plan["households"]


@pytest.mark.anyio
async def test_one_and_two_sites_are_the_best_of_all_that_were_offered(
    demo: Demo, walks: Walks, station_m: NDArray[np.float64]
) -> None:
    # every sixth crossing, and a gate of each compound
    town = in_metres(layer("district").geoms[0]).buffer(-1.0)
    gates = {
        row["compound"]: (float(row["lon"]), float(row["lat"]))
        for row in table("facilities.csv")
        if row["kind"] == "gate"
    }
    offered = [*walks.crossings[::6], *gates.values()]
    offered = [place for place in offered if town.contains(in_metres(shapely.Point(place)))]
    outside = station_m > WALK_M
    rows = np.array([nearest_m(walks, [place]) <= WALK_M for place in offered]) & outside
    weight = walks.households

    async def chosen(count: int) -> SitingRow:
        engine = make_engine(demo.url)
        try:
            context = Context(Shared(engine), today=TODAY)
            points = [Point(lon, lat) for lon, lat in offered]
            within = UnitRef("district", str(layer("district").columns["code"][0]))
            asked = SitingAsked(["station"], within, count=count, candidates=points)
            return await siting(context, asked)
        finally:
            await engine.dispose()

    for count in (1, 2):
        best = max(
            int(weight[rows[list(some)].any(axis=0)].sum())
            for some in combinations(range(len(offered)), count)
        )
        plan = await chosen(count)
        assert plan.covered == plan.bound == best > 0
        assert plan.optimal


def test_the_demo_prints_the_share_the_worst_grids_and_the_next_sites(demo: Demo) -> None:
    console = Console(width=200, file=StringIO())
    with console.capture() as captured:
        console.print(show_played(demo.played, demo.town))
    printed = captured.get()

    assert demo.played.right
    assert "1,000 m) along streets" in printed
    for unit in demo.told["worst"]:
        assert unit["code"] in printed
    for site in demo.told["siting"]["sites"]:
        lon, lat = site["location"]["coordinates"]
        assert f"{lon:.6f}, {lat:.6f}" in printed
        assert f"{100 * site['cumulativeShare']:.1f} %" in printed
