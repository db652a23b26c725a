"""Levels with fewer vertices: alike for neighbours and for the levels above."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from shapely import affinity
from shapely.geometry.base import BaseGeometry

from geo.chain import chains
from geo.crs import LocalMetric, round9
from geo.simplify import simplify_together, step_below
from tests.geo.builders import LAT0, LON0, PLANE, array, box, polygon
from tests.geo.strategies import seeds

if TYPE_CHECKING:
    from collections.abc import Sequence

METRIC = LocalMetric(LON0, LAT0)
"""A metre of a drawing is 0.96 m eastward and 1.11 m northward in it."""


def drawn(units: Sequence[BaseGeometry], tolerance_m: float) -> list[BaseGeometry]:
    """Draw units given in metres with fewer vertices; what comes out is in degrees."""
    return list(simplify_together(PLANE.degrees(array(units)), METRIC, tolerance_m))


def degrees(unit: BaseGeometry) -> BaseGeometry:
    found: BaseGeometry = PLANE.degrees(array([unit]))[0]
    return found


def add_up(parts: Sequence[BaseGeometry], whole: BaseGeometry) -> bool:
    """Return whether boundaries add up to that of the whole, vertex by vertex."""
    # sums of arrays wrap silently, as is wanted here
    return bool(chains(array(parts)).sum() == chains(array([whole])).sum())


def places(geoms: NDArray[np.object_]) -> set[tuple[float, float]]:
    return {(x, y) for x, y in shapely.get_coordinates(geoms).tolist()}


# --- drawn by hand --------------------------------------------------------------------------------
#
# Two communities, two grids in each; between B and C the border zigzags by 2 m, and between the
# grids of the left one (A, B) there is a bay of 8 m. District, communities and grids share it all:
#
#     0----100---200---300---400
#     | A   >  B  /  C   |  D  |      left: A + B, right: C + D
#     0----100---200---300---400

ZIGZAG = [(200.0 + 2 * (k % 2), 10.0 * k) for k in range(11)]
"""From south to north; every inner triangle has 20 m2 or less (10 m2 as drawn, times 1.07)."""
BAY = [(100.0, 0.0), (100.0, 40.0), (108.0, 50.0), (100.0, 60.0), (100.0, 100.0)]
"""Its triangle has 80 m2 as drawn."""

A = polygon((0, 0), *BAY, (0, 100))
B = polygon(*ZIGZAG, *reversed(BAY))
C = polygon(*reversed(ZIGZAG), (300, 0), (300, 100))
D = box(300, 0, 400, 100)
LEFT = polygon((0, 0), (100, 0), *ZIGZAG, (100, 100), (0, 100))
RIGHT = polygon(*reversed(ZIGZAG), (300, 0), (400, 0), (400, 100), (300, 100))
CITY = polygon(
    *((x, 0) for x in (0, 100, 200, 300, 400)), *((x, 100) for x in (400, 300, 200, 100, 0))
)


def test_the_levels_of_the_drawing_match() -> None:
    assert add_up([A, B], LEFT)
    assert add_up([C, D], RIGHT)
    assert add_up([LEFT, RIGHT], CITY)


def test_a_border_is_the_same_line_for_neighbours_and_for_their_parents() -> None:
    a, b, c, d, left, right, city = drawn([A, B, C, D, LEFT, RIGHT, CITY], 5.0)

    # 25 m2: the zigzag's triangles go, the bay stays
    west, east = BAY[:1] + BAY[1:4] + BAY[-1:], [(200.0, 0.0), (200.0, 100.0)]
    assert a == degrees(A)
    assert b.equals(degrees(polygon(*east, *reversed(west))))
    assert c.equals(degrees(box(200, 0, 300, 100)))
    assert d.equals(degrees(D))
    assert left.equals(degrees(box(0, 0, 200, 100)))
    assert right.equals(degrees(box(200, 0, 400, 100)))
    assert city.equals(degrees(box(0, 0, 400, 100)))
    for border in (b, left):
        assert {xy for xy in places(array([border])) if xy[0] >= degrees(C).bounds[0]} == places(
            PLANE.degrees(array([shapely.LineString(east)]))
        ), "nothing is left of the zigzag"
    # corners of grids stay in the city's straight outline: they are junctions
    assert places(array([city])) == places(PLANE.degrees(array([CITY])))


def test_how_coarse_a_line_gets_is_a_matter_of_area() -> None:
    peak = places(PLANE.degrees(array([shapely.Point(108, 50)])))

    def bay_stays(tolerance_m: float) -> bool:
        return peak <= places(array(drawn([A, B], tolerance_m)))

    area_m2 = float(shapely.area(METRIC.project(PLANE.degrees(array([polygon(*BAY[1:4])]))))[0])
    assert area_m2 == pytest.approx(80, rel=0.1)
    assert bay_stays(0.999 * area_m2**0.5)
    assert not bay_stays(1.001 * area_m2**0.5)


def test_a_tolerance_of_nothing_changes_nothing() -> None:
    straight = shapely.segmentize(box(0, 0, 100, 100), 10)

    (same,) = drawn([straight], 0.0)

    assert same == degrees(straight)


def test_vertices_on_a_straight_line_go() -> None:
    straight = shapely.segmentize(box(0, 0, 100, 100), 10)

    (thin,) = drawn([straight], 0.1)

    assert thin.normalize() == degrees(shapely.MultiPolygon([box(0, 0, 100, 100)])).normalize()


def test_both_partitions_of_one_ground_keep_their_junctions_on_the_common_outline() -> None:
    # grids part the square at x = 30, police grids at x = 70; a bulge of 1 m at x = 50
    south, north = [(0.0, 0.0), (30.0, 0.0), (50.0, -1.0), (70.0, 0.0), (100.0, 0.0)], 100.0
    whole = polygon(*south, (100, north), (70, north), (30, north), (0, north))
    grids = [
        polygon((0, 0), (30, 0), (30, north), (0, north)),
        polygon(*south[1:], (100, north), (70, north), (30, north)),
    ]
    police = [
        polygon(*south[:4], (70, north), (30, north), (0, north)),
        polygon((70, 0), (100, 0), (100, north), (70, north)),
    ]

    thin = drawn([whole, *grids, *police], 10.0)

    assert add_up(thin[1:3], thin[0])
    assert add_up(thin[3:5], thin[0])
    bottom = PLANE.degrees(array([shapely.LineString([(0, 0), (30, 0), (70, 0), (100, 0)])]))
    assert {xy for xy in places(array([thin[0]])) if xy[1] <= LAT0} == places(bottom)


def test_a_lake_in_no_unit_has_one_rim() -> None:
    # two grids around a lake, which the community above them holds
    rim = shapely.Point(50, 50).buffer(20).exterior
    rim = shapely.LinearRing(np.round(rim.coords, 4))
    west = box(0, 0, 50, 100).difference(shapely.Polygon(rim))
    east = box(50, 0, 100, 100).difference(shapely.Polygon(rim))
    community = polygon((0, 0), (50, 0), (100, 0), (100, 100), (50, 100), (0, 100))

    thin = drawn([west, east, community], 12.0)

    land = shapely.union_all(thin[:2])
    assert shapely.get_num_interior_rings(land) == 1
    assert thin[2].equals(degrees(box(0, 0, 100, 100)))
    lake = shapely.Polygon(shapely.get_interior_ring(land, 0))
    assert add_up([land, lake], thin[2])
    assert shapely.get_num_coordinates(lake) < shapely.get_num_coordinates(rim) / 3


# --- nothing vanishes, nothing crosses ------------------------------------------------------------


def test_an_island_of_a_hundred_corners_keeps_three() -> None:
    island = shapely.Point(0, 0).buffer(1.0, quad_segs=25)

    (thin,) = drawn([island], 1000.0)

    assert shapely.get_num_coordinates(thin) == 4, "and the first once more"
    assert thin.is_valid
    assert thin.area > 0


def test_parts_and_holes_stay_however_small() -> None:
    lakes = [shapely.Point(x, 50).buffer(1) for x in (20, 50, 80)]
    land = box(0, 0, 100, 100).difference(shapely.union_all(lakes))
    unit = shapely.union_all([land, *(shapely.Point(x, 500).buffer(0.1) for x in (0, 10))])

    (thin,) = drawn([unit], 50_000.0)

    assert thin.is_valid
    assert len(shapely.get_parts(thin)) == 3
    assert shapely.get_num_interior_rings(shapely.get_parts(thin)).sum() == 3


def test_a_strip_between_two_junctions_does_not_become_a_line() -> None:
    # a lens of 2 m between two large units; either of its sides alone could go straight
    lens = polygon((50, 0), (51, 50), (50, 100), (49, 50))
    west = polygon((0, 0), (50, 0), (49, 50), (50, 100), (0, 100))
    east = polygon((50, 0), (100, 0), (100, 100), (50, 100), (51, 50))

    thin = drawn([west, lens, east], 50.0)

    assert shapely.is_valid(thin).all()
    assert thin[1].area == pytest.approx(degrees(lens).area / 2, rel=1e-6)
    assert add_up(thin, shapely.union_all(thin))


@pytest.mark.parametrize("inside", [True, False])
def test_a_cape_with_something_in_it_stays(inside: bool) -> None:
    # a cape of 100 m2 on the north side; a pond of 1 m2 lies in it, or beside it
    land = polygon((0, 0), (400, 0), (400, 400), (210, 400), (200, 410), (190, 400), (0, 400))
    pond = shapely.Point(200, 403 if inside else 390).buffer(0.5)

    (thin,) = drawn([land.difference(pond)], 15.0)

    assert thin.is_valid
    peak = places(PLANE.degrees(array([shapely.Point(200, 410)])))
    assert (peak <= places(array([thin]))) == inside
    assert shapely.get_num_interior_rings(shapely.get_parts(thin)).tolist() == [1]


def test_a_ring_that_hangs_on_one_point_stays_a_ring() -> None:
    # two parts of one unit that touch at the origin, and nothing else there
    loop = [(0, 0), (40, 10), (60, 0), (40, -10)]
    unit = shapely.MultiPolygon([polygon(*loop), polygon(*((-x, y) for x, y in loop))])

    thin = simplify_together(PLANE.degrees(array([unit])), METRIC, 1000.0)[0]

    assert thin.is_valid
    assert shapely.get_num_coordinates(shapely.get_parts(thin)).tolist() == [4, 4]


def test_compounds_that_touch_do_not_crack() -> None:
    # a common wall that zigzags, and none elsewhere: units that fill nothing
    wall = [(100 + 2 * (k % 2), 5.0 * k) for k in range(9)]
    one = polygon((0, -20), (100, -20), *wall, (100, 60), (0, 60))
    two = polygon(*reversed(wall), (180, 0), (180, 40))

    thin = drawn([one, two], 6.0)

    assert thin[0].intersection(thin[1]).length == pytest.approx(40e-5)
    assert thin[0].intersection(thin[1]).area == 0
    assert shapely.get_num_coordinates(thin).tolist() == [7, 5]


# --- what is no coverage --------------------------------------------------------------------------


def test_a_twisted_unit_stays_as_it_was_and_its_neighbour_follows() -> None:
    border = [(100.0 + 2 * (k % 2), 10.0 * k) for k in range(11)]
    twisted = polygon((0, 0), (0, 100), (60, 0), *border)
    good = polygon(*reversed(border), (200, 0), (200, 100))
    assert not twisted.is_valid

    bad, thin = drawn([twisted, good], 10.0)

    assert bad == degrees(twisted)
    assert places(array([thin])) == places(array([degrees(good)]))


@pytest.mark.parametrize(
    "odd",
    [
        shapely.MultiPolygon(),
        polygon((0, 0), (0, 0), (0, 0)),
        polygon((0, 0), (60, 0), (30, 0), (90, 0)),
        polygon((0, 0), (60, 0), (60, 0), (60, 60), (60, 60), (0, 60)),
        polygon((0, 0), (60, 0), (60, 60), (30, 60), (30, 90), (30, 60), (0, 60)),
        polygon((0, 0), (60, 60), (0, 60), (60, 0)),
        shapely.MultiPolygon([box(0, 0, 60, 60), box(30, 30, 90, 90)]),
    ],
    ids=["empty", "a point", "a line", "repeated vertices", "a spike", "a bow", "twice"],
)
def test_odd_units_come_out_as_they_are_or_valid(odd: BaseGeometry) -> None:
    good = shapely.segmentize(box(0, 0, 60, 60), 10)

    same, thin = drawn([odd, good], 8.0)

    assert same == degrees(odd) or same.is_valid
    assert same.equals(degrees(odd)) or not same.is_valid
    assert thin.equals(degrees(good))


def test_ten_thousand_units_may_meet_in_one_point() -> None:
    count = 10_000
    angle = np.linspace(0, 2 * np.pi, 2 * count, endpoint=False)
    spokes = np.round(np.column_stack([1e4 * np.cos(angle), 1e4 * np.sin(angle)]), 4)
    fan = [
        polygon((0, 0), *(tuple(xy) for xy in spokes[[k, k + 1, (k + 2) % (2 * count)]]))
        for k in range(0, 2 * count, 2)
    ]

    thin = drawn(fan, 50.0)

    assert set(shapely.get_num_coordinates(thin).tolist()) == {4}, "two spokes and the middle"
    assert shapely.is_valid(thin).all()


def river(seed: int) -> list[shapely.Polygon]:
    """Return a river of 6 m that wanders by 8 m at each of 40 steps, and the land on both sides."""
    random = np.random.default_rng(seed)
    middle = np.column_stack([np.cumsum(random.normal(0, 8, 40)), np.linspace(0, 400, 40)])
    middle[:, 0] -= np.linspace(middle[0, 0], middle[-1, 0], 40)
    half = np.array([3.0, 0.0])
    west, east = middle - half, middle + half
    return [
        shapely.Polygon([(-500, 0), *west, (-500, 400)]),
        shapely.Polygon([*west, *east[::-1]]),
        shapely.Polygon([(500, 400), *east[::-1], (500, 0)]),
    ]


def test_both_banks_of_a_river_get_coarse() -> None:
    ours, others = 0, 0
    for seed in range(8):
        stored = PLANE.degrees(array(river(seed)))
        assert shapely.is_valid(stored).all()

        thin = simplify_together(stored, METRIC, 60.0)

        assert shapely.is_valid(thin).all()
        ours += int(shapely.get_num_coordinates(thin).sum())
        other = shapely.coverage_simplify(METRIC.project(stored), 60.0)
        others += int(shapely.get_num_coordinates(other).sum())
    # Corners of one bank hold vertices of the other one until that is coarser, too: an engine that
    # goes over each line once leaves more of them.
    assert ours < others


@settings(max_examples=50)
@given(seed=seeds, tolerance_m=st.floats(0, 2000))
def test_valid_units_stay_valid_however_they_lie_over_one_another(
    seed: int, tolerance_m: float
) -> None:
    random = np.random.default_rng(seed)
    cells = wavy(seed, 1, 2)
    moved = [affinity.translate(one, *random.uniform(-0.01, 0.01, 2)) for one in cells]

    thin = simplify_together(np.concatenate([cells, array(moved)]), METRIC, tolerance_m)

    assert shapely.is_valid(thin).all()
    assert not shapely.is_empty(thin).any()


def test_no_units_are_no_units() -> None:
    assert len(simplify_together(np.empty(0, object), METRIC, 5.0)) == 0


def test_a_coast_of_many_vertices_and_one_unit_far_away_take_no_long_time() -> None:
    # 2 * 10^5 vertices on 1 km, and an island at the other end of the world
    random = np.random.default_rng(5)
    angle = np.linspace(0, 2 * np.pi, 200_000, endpoint=False)
    radius = 500 + np.cumsum(random.normal(0, 0.01, len(angle)))
    coast = shapely.Polygon(np.column_stack([radius * np.cos(angle), radius * np.sin(angle)]))
    far = shapely.box(-60.0, -30.0, -59.0, -29.0)

    thin = simplify_together(array([degrees(coast), far]), METRIC, 20.0)

    assert shapely.is_valid(thin).all()
    assert shapely.get_num_coordinates(thin)[0] < 200
    assert places(thin) <= places(array([degrees(coast), far]))


# --- random cities --------------------------------------------------------------------------------

SIDE = 0.01
STEPS = 8


def wavy(seed: int, rows: int, columns: int) -> NDArray[np.object_]:
    """Return a tiling whose inner and outer borders are all wavy, matched vertex by vertex."""
    random = np.random.default_rng(seed)
    # a fine lattice, each place of it moved a little; a cell's ring runs along it
    ys, xs = np.mgrid[0 : rows * STEPS + 1, 0 : columns * STEPS + 1].astype(float) / STEPS
    move = random.uniform(-0.4, 0.4, (2, *xs.shape)) / STEPS
    lon = round9(LON0 + SIDE * (xs + move[0]))
    lat = round9(LAT0 + SIDE * (ys + move[1]))
    cells = []
    for i in range(0, rows * STEPS, STEPS):
        for j in range(0, columns * STEPS, STEPS):
            k = STEPS
            ring = (
                [(i, j + n) for n in range(k)]
                + [(i + n, j + k) for n in range(k)]
                + [(i + k, j + k - n) for n in range(k)]
                + [(i + k - n, j) for n in range(k)]
            )
            cells.append(shapely.Polygon([(lon[at], lat[at]) for at in ring]))
    return array(cells)


class City(NamedTuple):
    """Levels of units, each with its parents: units may have holes, islands and touching parts."""

    levels: list[NDArray[np.object_]]
    """City, communities, grids, police grids."""
    above: list[tuple[int, NDArray[np.intp]]]
    """Level of the parents, and parent of each unit; of all levels but the city."""


def merged(cells: NDArray[np.object_], label: NDArray[np.intp]) -> NDArray[np.object_]:
    """Return the cells of each label as one unit; no vertex goes."""
    return array(shapely.coverage_union_all(cells[label == one]) for one in np.unique(label))


@st.composite
def cities(draw: st.DrawFn) -> City:
    """Draw a city of 4 to 30 cells, some of them in no unit, which come to units at random."""
    rows, columns = draw(st.integers(2, 5)), draw(st.integers(2, 6))
    seed = draw(seeds)
    random = np.random.default_rng(seed)
    cells = wavy(seed, rows, columns)
    cells = cells[random.random(len(cells)) < draw(st.sampled_from([0.7, 1.0]))]
    if not len(cells):
        cells = wavy(seed, 1, 1)
    _, community = np.unique(random.integers(0, 4, len(cells)), return_inverse=True)
    parts = [community * 4 + random.integers(0, 4, len(cells)) for _ in range(2)]
    levels = [merged(cells, np.zeros(len(cells), np.intp)), merged(cells, community)]
    levels += [merged(cells, part) for part in parts]
    above = [(0, np.zeros(len(levels[1]), np.intp))]
    above += [(1, np.unique(part) // 4) for part in parts]
    return City(levels, above)


def rest(levels: list[NDArray[np.object_]], above: list[tuple[int, NDArray[np.intp]]]) -> list[int]:
    """Return what is left of the chain sums of all parents."""
    left: list[int] = []
    for units, (upper, parent) in zip(levels[1:], above, strict=True):
        sums = -chains(levels[upper])
        np.add.at(sums, parent, chains(units))
        left += sums.tolist()
    return left


@settings(max_examples=60)
@given(city=cities(), tolerance_m=st.floats(0, 3000))
def test_the_proof_holds_at_every_tolerance(city: City, tolerance_m: float) -> None:
    assert not any(rest(*city)), "the drawing itself"
    stored = np.concatenate(city.levels)

    thin = simplify_together(stored, METRIC, tolerance_m)

    cuts = np.cumsum([len(units) for units in city.levels])[:-1]
    levels = np.split(thin, cuts)
    assert not any(rest(levels, city.above))
    assert shapely.is_valid(thin).all()
    for one, other in zip(stored, thin, strict=True):
        assert places(array([other])) <= places(array([one]))
        before, after = shapely.get_parts(one), shapely.get_parts(other)
        assert len(after) == len(before)
        assert (
            shapely.get_num_interior_rings(after).sum()
            == shapely.get_num_interior_rings(before).sum()
        )
    # and by an overlay: no land twice, none left out
    whole = levels[0][0]
    for units in levels[1:]:
        union = shapely.union_all(units)
        assert union.area == pytest.approx(shapely.area(units).sum(), rel=1e-12)
        assert union.symmetric_difference(whole).area == pytest.approx(0, abs=1e-15)


@given(seed=seeds, tolerance_m=st.sampled_from([20.0, 60.0, 150.0, 400.0]))
@settings(max_examples=30)
def test_one_level_comes_out_as_another_engine_draws_it(seed: int, tolerance_m: float) -> None:
    cells = wavy(seed, 3, 3)

    thin = simplify_together(cells, METRIC, tolerance_m)

    other = METRIC.unproject(shapely.coverage_simplify(METRIC.project(cells), tolerance_m))
    assert shapely.get_num_coordinates(thin).tolist() == (
        shapely.get_num_coordinates(other).tolist()
    )
    far = shapely.hausdorff_distance(shapely.boundary(thin), shapely.boundary(other))
    np.testing.assert_allclose(far, 0, atol=1e-7)  # PROJ's way back is no exact one


@settings(max_examples=20)
@given(city=cities(), tolerance_m=st.floats(10, 1000), seed=seeds)
def test_the_order_of_units_does_not_matter(city: City, tolerance_m: float, seed: int) -> None:
    stored = np.concatenate(city.levels)
    order = np.random.default_rng(seed).permutation(len(stored))

    thin = simplify_together(stored, METRIC, tolerance_m)
    other = simplify_together(stored[order], METRIC, tolerance_m)

    assert chains(thin[order]).tolist() == chains(other).tolist()


# --- the ladder -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given_m", "step_mm"),
    [
        (0, None),
        (0.09, None),
        (0.1, 100),
        (0.19, 100),
        (0.3, 200),
        (0.5, 500),
        (1, 1_000),
        (4.99, 2_000),
        (5, 5_000),
        (99.9, 50_000),
        (1234, 1_000_000),
        (100_000, 100_000_000),
    ],
)
def test_a_tolerance_is_rounded_down_to_a_step(given_m: float, step_mm: int | None) -> None:
    assert step_below(given_m) == step_mm


@given(power=st.integers(-1, 4), digit=st.sampled_from([1, 2, 5]))
def test_a_step_is_itself(power: int, digit: int) -> None:
    assert step_below(digit * 10.0**power) == digit * 10 ** (power + 3)
    assert step_below(digit * 10.0**power * 0.999) != digit * 10 ** (power + 3)
