"""Simplified levels, and the memory that they are kept in."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from geo.crs import LocalMetric, round9
from geo.simplify import simplify_level
from resolvers.context import Cache
from resolvers.pictures import two_digits

METRIC = LocalMetric(104.02, 38.02)
SIDE = 0.01
STEPS = 8


def wavy(seed: int, rows: int = 3, columns: int = 3) -> NDArray[np.object_]:
    """Return a tiling whose inner and outer borders are all wavy, matched vertex by vertex."""
    random = np.random.default_rng(seed)
    # a fine lattice, each place of it moved a little; a cell's ring runs along it
    ys, xs = np.mgrid[0 : rows * STEPS + 1, 0 : columns * STEPS + 1].astype(float) / STEPS
    move = random.uniform(-0.4, 0.4, (2, *xs.shape)) / STEPS
    lon = round9(104.0 + SIDE * (xs + move[0]))
    lat = round9(38.0 + SIDE * (ys + move[1]))
    cells = np.empty(rows * columns, dtype=object)
    for row in range(rows):
        for column in range(columns):
            i, j, k = row * STEPS, column * STEPS, STEPS
            ring = (
                [(i, j + n) for n in range(k)]
                + [(i + n, j + k) for n in range(k)]
                + [(i + k, j + k - n) for n in range(k)]
                + [(i + k - n, j) for n in range(k)]
            )
            cells[row * columns + column] = shapely.MultiPolygon(
                [shapely.Polygon([(lon[at], lat[at]) for at in ring])]
            )
    return cells


def places(geoms: NDArray[np.object_]) -> set[tuple[float, float]]:
    return {(x, y) for x, y in shapely.get_coordinates(geoms).tolist()}


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), tolerance_m=st.floats(0, 2000))
def test_neighbours_stay_neighbours_and_no_vertex_is_new(seed: int, tolerance_m: float) -> None:
    cells = wavy(seed)

    drawn = simplify_level(cells, METRIC, tolerance_m, tiling=True)

    assert shapely.is_valid(drawn).all()
    assert not shapely.is_empty(drawn).any()
    # the union's area is the sum of areas: no overlap, and no crack inside the outline
    whole = shapely.union_all(drawn)
    assert whole.area == pytest.approx(shapely.area(drawn).sum(), rel=1e-12)
    assert len(shapely.get_parts(whole)) == 1
    assert sum(shapely.get_num_interior_rings(shapely.get_parts(whole))) == 0
    assert places(drawn) <= places(cells)
    assert shapely.get_num_coordinates(drawn).sum() <= shapely.get_num_coordinates(cells).sum()


def test_a_coarser_picture_has_fewer_vertices() -> None:
    cells = wavy(7)

    counts = [
        int(shapely.get_num_coordinates(simplify_level(cells, METRIC, m, tiling=True)).sum())
        for m in (0, 20, 60, 200)
    ]

    assert counts[0] == shapely.get_num_coordinates(cells).sum(), "wavy lines are not straight"
    assert counts == sorted(counts, reverse=True)
    assert counts[-1] < counts[0] / 3


def test_vertices_on_straight_lines_go() -> None:
    # straight in degrees; on the ground 878 m of a parallel bend by 12 mm: a triangle of 5 m2
    square = shapely.segmentize(shapely.box(104.0, 38.0, 104.01, 38.01), 0.001)
    cells = np.array([shapely.MultiPolygon([square])], dtype=object)

    (drawn,) = simplify_level(cells, METRIC, 5.0, tiling=True)

    assert drawn.equals(shapely.box(104.0, 38.0, 104.01, 38.01))
    assert shapely.get_num_coordinates(drawn) <= 6, "four corners, and where the ring began"


def test_holes_and_parts_stay() -> None:
    lake = shapely.box(104.004, 38.004, 104.0041, 38.0041)
    island = shapely.box(104.02, 38.02, 104.0201, 38.0201)
    land = shapely.box(104.0, 38.0, 104.01, 38.01).difference(lake)
    cells = np.array([shapely.union(land, island)], dtype=object)

    for tiling in (True, False):
        (drawn,) = simplify_level(cells, METRIC, 500.0, tiling=tiling)
        assert len(shapely.get_parts(drawn)) == 2
        assert shapely.get_num_interior_rings(shapely.get_parts(drawn)).sum() == 1


def test_a_unit_of_a_disjoint_level_moves_by_no_more_than_the_tolerance() -> None:
    cells = wavy(3)[:1]

    drawn = simplify_level(cells, METRIC, 40.0, tiling=False)

    before, after = METRIC.project(cells), METRIC.project(drawn)
    assert shapely.get_num_coordinates(drawn) < shapely.get_num_coordinates(cells)
    distance = shapely.hausdorff_distance(shapely.boundary(before), shapely.boundary(after))
    assert distance[0] <= 40.0


def test_units_that_are_no_coverage_come_out_valid_or_as_they_were() -> None:
    one = shapely.box(104.0, 38.0, 104.01, 38.01)
    cells = np.array([one, shapely.affinity.translate(one, 0.005, 0.005)], dtype=object)

    drawn = simplify_level(cells, METRIC, 100.0, tiling=True)

    assert shapely.is_valid(drawn).all()
    assert len(simplify_level(cells[:0], METRIC, 100.0, tiling=True)) == 0


@pytest.mark.parametrize(
    ("given_m", "used_m"),
    [(0, 0), (1, 1), (0.3, 0.3), (1.29, 1.2), (99.9, 99), (101, 100), (1234, 1200), (1e-7, 1e-7)],
)
def test_a_tolerance_is_rounded_down_to_two_digits(given_m: float, used_m: float) -> None:
    assert two_digits(given_m) == pytest.approx(used_m, rel=1e-9)


# --- the memory ---------------------------------------------------------------------------------


@pytest.mark.anyio
async def test_a_result_is_made_once_even_for_those_who_ask_meanwhile() -> None:
    cache, made = Cache(10), []

    async def make() -> str:
        made.append(1)
        await asyncio.sleep(0)
        return "made"

    answers = await asyncio.gather(*(cache.get("key", make, len) for _ in range(5)))

    assert answers == ["made"] * 5
    assert len(made) == 1


@pytest.mark.anyio
async def test_the_least_recently_used_results_are_forgotten() -> None:
    cache, made = Cache(2), []

    async def ask(key: str) -> None:
        async def make() -> str:
            made.append(key)
            return key

        await cache.get(key, make, lambda _: 1)
        await asyncio.sleep(0)

    for key in "abacab":
        await ask(key)

    # c takes the place of b, as a was used after it
    assert "".join(made) == "abcb"


@pytest.mark.anyio
async def test_a_failure_is_not_kept() -> None:
    cache, calls = Cache(2), []

    async def make() -> str:
        calls.append(1)
        if len(calls) == 1:
            raise ValueError("not yet")
        return "made"

    with pytest.raises(ValueError, match="not yet"):
        await cache.get("key", make, len)

    assert await cache.get("key", make, len) == "made"


@pytest.mark.anyio
async def test_one_who_goes_away_leaves_the_result_to_the_others() -> None:
    cache, gate = Cache(10), asyncio.Event()

    async def make() -> str:
        await gate.wait()
        return "made"

    first = asyncio.ensure_future(cache.get("key", make, len))
    second = asyncio.ensure_future(cache.get("key", make, len))
    await asyncio.sleep(0)
    first.cancel()
    gate.set()

    assert await second == "made"
    with pytest.raises(asyncio.CancelledError):
        await first
