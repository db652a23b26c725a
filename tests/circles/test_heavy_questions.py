"""Questions that would take long if nothing stood in their way, and answers at their limits."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import numpy as np
import pytest
import shapely
from shapely.geometry import shape

from geo import walking
from geo.cells import CELL_M, COARSE_CELL_M, make_cells
from geo.errors import TooCostlyError
from geo.isochrone import picture
from geo.snapping import snap
from resolvers.circle_pictures import LONG_CELL_M, LONG_M, cell_for
from resolvers.city import Gates, Spots
from resolvers.context import Turns
from resolvers.held import bytes_of
from resolvers.nearness import EXACT_M, behind_same_walls
from tests.circles.drawn import asked
from tests.circles.test_answers import json_point
from tests.geo.networks import lattice
from tests.graphql.asking import ask, told

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

pytestmark = pytest.mark.anyio


async def test_wide_pictures_count_for_their_land(town: AsyncEngine) -> None:
    at = json_point((2000.0, 0.0))

    def query(metres: int, fields: str, number: int = 60) -> str:
        one = f"circleAt(point: {at}, walk: {{metres: {metres}}}) {{ {fields} }}"
        return "{ " + " ".join(f"c{n}: {one}" for n in range(number)) + " }"

    # a picture of 20 km counts for 100 + 10 * 20^2 things: 48 of them are 196,800
    wide = await ask(town, query(20_000, "areaM2"))
    plain = await ask(town, query(20_000, "tally { addresses }"))
    short = await ask(town, query(1_000, "areaM2"))

    assert wide.codes() == ["TOO_COSTLY"] * 12
    assert plain.codes() == short.codes() == []


async def test_no_more_than_so_many_wait_for_their_turn() -> None:
    turns, going, most = Turns(2), 0, 0

    async def work() -> None:
        nonlocal going, most
        async with turns.one("works"):
            going += 1
            most = max(most, going)
            await asyncio.sleep(0)
            going -= 1

    ends = await asyncio.gather(*(work() for _ in range(5)), return_exceptions=True)

    # the first is at work, two wait, and those after them are sent away
    assert [type(end) for end in ends] == [type(None)] * 3 + [TooCostlyError] * 2
    assert most == 1
    await work()  # the queue is empty again


def test_wide_pictures_have_coarse_cells_and_leave_out_less_than_one() -> None:
    streets = lattice(61, 61, 200.0)
    place = snap(streets, streets.node_xy.mean(axis=0)[None])

    fine, coarse = (
        picture(
            make_cells(streets, cell_m=cell_for(metres)),
            streets,
            walking.reach(streets, place, limit_m=metres),
        )
        for metres in (LONG_M, LONG_M + 1)
    )

    assert cell_for(LONG_M) == CELL_M
    assert cell_for(LONG_M, many=True) == COARSE_CELL_M
    assert cell_for(LONG_M + 1) == cell_for(LONG_M + 1, many=True) == LONG_CELL_M
    assert shapely.covers(coarse.buffer(LONG_CELL_M), fine)
    assert shapely.covers(fine.buffer(2 * LONG_CELL_M), coarse)
    # a square on its corner: to points within blocks it is a little farther than as taxis drive
    assert coarse.area == pytest.approx(2 * LONG_M**2, rel=0.02)


async def test_all_ways_to_the_nearest_come_of_one_search(
    town: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    searches = list[float]()
    reach = walking.reach

    def counted(*args: object, **kwargs: float) -> walking.Reach:
        searches.append(kwargs["limit_m"])
        return reach(*args, **kwargs)  # type: ignore[arg-type]  # whatever they are

    monkeypatch.setattr(walking, "reach", counted)
    query = "query ($point: PointInput!) { nearest(point: $point) { walkM route } }"

    found = (await told(town, query, {"point": asked((900.0, 0.0))}))["nearest"]

    # s1 is at x = 500, s2 at 2500: both lie within the first search
    assert [row["walkM"] for row in found] == pytest.approx([400.0, 1600.0], abs=0.01)
    assert len(searches) == 1
    for row in found:
        line = shape(row["route"])
        assert line.coords[0] == pytest.approx(tuple(asked((900.0, 0.0)).values()), abs=1e-7)


async def test_whoever_is_as_far_as_the_limit_is_within_it_for_every_field(
    town: AsyncEngine,
) -> None:
    query = """query ($point: PointInput!, $walk: Walk) {
        nearest(point: $point, walk: $walk) { walkM facility { key } } }"""
    point = asked((900.0, 0.0))
    [first] = (await told(town, query, {"point": point, "walk": {"metres": 500}}))["nearest"]

    at_limit = {"metres": first["walkM"] - EXACT_M / 2}
    beyond = {"metres": first["walkM"] - 2 * EXACT_M}

    assert (await told(town, query, {"point": point, "walk": at_limit}))["nearest"] == [first]
    assert (await told(town, query, {"point": point, "walk": beyond}))["nearest"] == []


def test_a_border_of_two_compounds_belongs_to_the_smaller_code() -> None:
    # compounds of 10 m side by side, 300 of them; points in the middle of all borders
    count = 300
    land = np.array([shapely.box(10 * n, 0, 10 * n + 10, 10) for n in range(count)], object)
    gates = Gates(
        tuple(f"{n:03}" for n in range(count)),
        np.zeros(count + 1, np.int64),
        np.zeros((0, 2)),
        land,
        np.arange(count, dtype=np.int32),
    )
    borders = np.array([(10.0 * n, 5.0) for n in range(count + 2)])

    found = gates.around(borders).tolist()

    assert found == [0, *range(count), -1]


def test_behind_the_same_walls_one_goes_straight_whoever_lives_where() -> None:
    rng = np.random.default_rng(5)
    stands, lives = (
        Spots(rng.uniform(0, 100, (k, 2)), rng.integers(-1, 6, k).astype(np.int32), None)
        for k in (40, 200)
    )
    walked_m, start = rng.uniform(0, 60, 200), np.full(200, 99, np.int32)

    found_m, found = behind_same_walls(stands, lives, walked_m, start)

    for home in range(200):
        straight = [
            (float(np.hypot(*(lives.xy[home] - stands.xy[n]))), n)
            for n in range(40)
            if stands.group[n] == lives.group[home] >= 0
        ]
        best_m, best = min([(float(walked_m[home]), 99), *straight])
        assert found_m[home] == best_m
        assert found[home] == best


def test_tuples_of_arrays_weigh_what_their_arrays_do() -> None:
    streets = lattice(10, 10)

    assert bytes_of(streets.grid) > streets.grid.segment.nbytes
    assert bytes_of((1, 2)) == bytes_of("text")  # plain values count alike
