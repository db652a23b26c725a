"""A circle's picture shows what can be walked to, and nothing that cannot."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest
import shapely
import shapely.ops
from hypothesis import given, settings
from hypothesis import strategies as st

from geo import outlines
from geo.cells import COARSE_CELL_M, make_cells
from geo.isochrone import gap, picture, reached_parts
from geo.snapping import snap, some
from geo.streets import Entries, Streets
from geo.walking import reach
from tests.geo.networks import (
    PLANE,
    Case,
    at_nodes,
    cases,
    entries,
    lattice,
    network,
    straight,
    walks_by_nodes,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geo.cells import Cells

CELL_M = 10.0
CAP_M = 80.0
NEAR_M = 1.5 * CELL_M
"""A cell from corner to corner, and a little."""

fewer = settings(max_examples=60)
LIMITS_M = st.sampled_from([0.0, 1.0, 5.0, 60.0, 150.0, 1e9]) | st.floats(0.0, 700.0).map(
    lambda metres: round(metres, 6)
)


def draw(
    streets: Streets, starts: Entries, limit_m: float, *, cells: Cells | None = None
) -> shapely.MultiPolygon:
    cells = cells or make_cells(streets, cell_m=CELL_M, walk_cap_m=150.0)
    return picture(cells, streets, reach(streets, starts, limit_m=limit_m))


def rounded(drawn: shapely.MultiPolygon) -> shapely.MultiPolygon:
    """Return a picture as it is sent: in degrees of seven decimals."""
    degrees = PLANE.unproject(np.array([drawn], object))
    sent: shapely.MultiPolygon = shapely.transform(degrees, lambda xy: np.round(xy, 7))[0]
    return sent


def reached_lines(
    cells: Cells, streets: Streets, starts: Entries, limit_m: float
) -> list[shapely.LineString | shapely.Point]:
    """Return the lines of all that was reached."""
    parts = reached_parts(cells, streets, reach(streets, starts, limit_m=limit_m))
    out: list[shapely.LineString | shapely.Point] = []
    for e, begin, end in zip(*(column.tolist() for column in parts), strict=True):
        line = shapely.LineString(
            streets.line_xy[streets.line_start[e] : streets.line_start[e + 1]]
        )
        out.append(shapely.ops.substring(line, begin, end))
    return out


# --- random networks ----------------------------------------------------------------------------


@fewer
@given(case=cases(), limits=st.lists(LIMITS_M, min_size=3, max_size=3).map(sorted))
def test_five_minutes_lie_inside_ten_and_ten_inside_fifteen(
    case: Case, limits: list[float]
) -> None:
    cells = make_cells(case.streets, cell_m=CELL_M, walk_cap_m=CAP_M)

    drawn = [draw(case.streets, case.starts, limit, cells=cells) for limit in limits]

    for inner, outer in pairwise(drawn):
        assert inner.is_empty or outer.covers(inner)
        assert rounded(inner).is_empty or rounded(outer).covers(rounded(inner))


@fewer
@given(case=cases(), limit_m=LIMITS_M)
def test_every_picture_is_valid_in_metres_and_in_degrees(case: Case, limit_m: float) -> None:
    drawn = draw(case.streets, case.starts, limit_m)

    assert drawn.is_valid
    assert rounded(drawn).is_valid
    assert all(part.area > CELL_M**2 for part in drawn.geoms)


@fewer
@given(case=cases(), limit_m=LIMITS_M)
def test_every_position_that_was_reached_lies_inside_and_none_in_a_hole(
    case: Case, limit_m: float
) -> None:
    cells = make_cells(case.streets, cell_m=CELL_M, walk_cap_m=CAP_M)
    drawn = draw(case.streets, case.starts, limit_m, cells=cells)

    walked = shapely.union_all(reached_lines(cells, case.streets, case.starts, limit_m))

    assert shapely.is_empty(walked) == drawn.is_empty
    assert drawn.is_empty or drawn.contains_properly(walked)
    assert drawn.is_empty or drawn.boundary.distance(walked) > CELL_M / 32


@settings(max_examples=30)
@given(case=cases(), limit_m=LIMITS_M)
def test_the_parts_that_were_reached_are_those_whose_walk_is_short_enough(
    case: Case, limit_m: float
) -> None:
    """Each metre of each street, walked to on a graph in which it is a node."""
    cells = make_cells(case.streets, cell_m=CELL_M)
    parts = reached_parts(cells, case.streets, reach(case.streets, case.starts, limit_m=limit_m))
    edges = np.repeat(np.arange(len(case.streets)), 7)
    offset_m = (case.streets.length_m[:, None] * np.linspace(0.01, 0.99, 7)).ravel()
    points = Entries(np.arange(len(edges) + 1), edges.astype(np.int32), offset_m, 0.0 * offset_m)

    walks = walks_by_nodes(case.streets, case.starts, points)

    least_m = walks.min(axis=0, initial=np.inf)
    told = (
        (parts.edge == edges[:, None])
        & (parts.begin_m <= offset_m[:, None])
        & (offset_m[:, None] <= parts.end_m)
    ).sum(axis=1)
    assert told.max(initial=0) <= 1, "parts of one edge do not overlap"
    assert (told[least_m <= limit_m - 1e-6] == 1).all()
    assert (told[least_m > limit_m + 1e-6] == 0).all()


@settings(max_examples=30)
@given(case=cases(), limit_m=st.sampled_from([60.0, 150.0]) | st.floats(20.0, 400.0))
def test_points_are_inside_when_their_own_walk_is_within_the_limit(
    case: Case, limit_m: float
) -> None:
    """Points of the lattice, snapped by Shapely and walked to by scipy."""
    cells = make_cells(case.streets, cell_m=CELL_M, walk_cap_m=CAP_M)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(outlines, "SPECK", 0.0)  # a speck or a pinhole is left out otherwise
        drawn = draw(case.streets, case.starts, limit_m, cells=cells)
    low, high = case.streets.line_xy.min(axis=0) - 60, case.streets.line_xy.max(axis=0) + 60
    rng = np.random.default_rng(1)
    at = np.round(rng.uniform(low, high, (60, 2)) / CELL_M) * CELL_M
    of = np.repeat(np.arange(len(case.streets)), np.diff(case.streets.line_start))
    lines = np.asarray(shapely.linestrings(case.streets.line_xy, indices=of))
    away_m = shapely.distance(np.asarray(shapely.points(at))[:, None], lines[None, :])
    # whoever is as near to two streets may be told the walk by either
    two = np.partition(away_m, min(1, len(lines) - 1), axis=1)
    alone = (len(lines) == 1) | (two[:, min(1, len(lines) - 1)] > two[:, 0] + 0.01)
    near = alone & (two[:, 0] < CAP_M - 0.01)
    at, edge, walk_m = at[near], away_m[near].argmin(axis=1), away_m[near].min(axis=1)
    offset_m = shapely.line_locate_point(lines[edge], shapely.points(at))
    points = Entries(np.arange(len(at) + 1), edge.astype(np.int32), offset_m, walk_m)

    least_m = walks_by_nodes(case.streets, case.starts, points).min(axis=0, initial=np.inf)

    walked = shapely.union_all(reached_lines(cells, case.streets, case.starts, limit_m))
    away = shapely.distance(shapely.points(at), walked) > NEAR_M
    told = np.asarray(shapely.contains_xy(drawn, *at.T))
    assert told[least_m <= limit_m - 0.1].all()
    assert not told[(least_m > limit_m + 0.1) & (away | shapely.is_empty(walked))].any()


@fewer
@given(case=cases(), limit_m=LIMITS_M)
def test_more_starts_show_what_each_of_them_shows(case: Case, limit_m: float) -> None:
    cells = make_cells(case.streets, cell_m=CELL_M, walk_cap_m=CAP_M)

    drawn = draw(case.streets, case.starts, limit_m, cells=cells)

    for i in range(len(case.starts)):
        one = draw(case.streets, some(case.starts, [i]), limit_m, cells=cells)
        assert one.is_empty or drawn.covers(one)


@fewer
@given(case=cases(), limit_m=LIMITS_M, seed=st.integers(0, 1000))
def test_the_order_of_starts_makes_no_difference(case: Case, limit_m: float, seed: int) -> None:
    order = np.random.default_rng(seed).permutation(len(case.starts))

    one = draw(case.streets, case.starts, limit_m)
    other = draw(case.streets, some(case.starts, order), limit_m)

    assert shapely.to_wkb(one) == shapely.to_wkb(other)


def test_a_street_through_the_corners_of_cells_shows_no_more_for_less() -> None:
    """Rounding must not put a corner that a street just passes inside for one limit only."""
    streets = network([(0, 0), (50, 100), (-70, 70)], *straight((0, 1), (0, 2)))
    cells = make_cells(streets, cell_m=CELL_M, walk_cap_m=CAP_M)
    start = at_nodes(streets, [0])

    drawn = [draw(streets, start, limit, cells=cells) for limit in np.arange(20.0, 110.0, 0.37)]

    assert all(outer.covers(inner) for inner, outer in pairwise(drawn))


# --- closed forms -------------------------------------------------------------------------------


def assert_alike(
    drawn: shapely.MultiPolygon, land: shapely.Polygon | shapely.MultiPolygon, *, by: float = NEAR_M
) -> None:
    """Assert that two borders are nowhere more than a cell apart."""
    assert land.buffer(by).covers(drawn)
    assert drawn.buffer(by).covers(land)
    assert drawn.area == pytest.approx(land.area, abs=land.length * CELL_M / 4)


def test_along_a_straight_street_it_is_a_square_on_its_corner_less_two_corners() -> None:
    # 300 m from (0, 0): |x| + |y| <= 300, and at most 150 m from the street
    streets = network([(-1000, 0), (1000, 0)], (0, 1, []))

    drawn = draw(streets, entries([(0, 1000.0, 0.0)]), 300.0)

    land = shapely.Polygon(
        [(-300, 0), (-150, -150), (150, -150), (300, 0), (150, 150), (-150, 150)]
    )
    assert_alike(drawn, land)


def test_farther_than_the_street_is_long_it_is_the_land_around_it() -> None:
    streets = network([(0, 0), (200, 0)], (0, 1, []))

    drawn = draw(streets, entries([(0, 100.0, 0.0)]), 1e9)

    assert_alike(drawn, shapely.LineString([(0, 0), (200, 0)]).buffer(150))


def test_a_straight_walk_before_the_street_is_walked_too() -> None:
    streets = network([(-1000, 0), (1000, 0)], (0, 1, []))

    drawn = draw(streets, entries([(0, 1000.0, 200.0)]), 300.0)

    assert_alike(drawn, shapely.Polygon([(-100, 0), (0, -100), (100, 0), (0, 100)]))


def test_around_a_square_of_streets_the_middle_is_left_out() -> None:
    # 500 m a side: nobody may walk more than 150 m from the street
    streets = network(
        [(0, 0), (500, 0), (500, 500), (0, 500)], *straight((0, 1), (1, 2), (2, 3), (3, 0))
    )

    drawn = draw(streets, at_nodes(streets, [0]), 1e9)

    ring = shapely.LinearRing([(0, 0), (500, 0), (500, 500), (0, 500)]).buffer(150)
    assert_alike(drawn, ring)
    assert len(drawn.geoms[0].interiors) == 1


def test_in_a_town_of_square_blocks_there_is_no_hole() -> None:
    streets = lattice(21, 21)

    drawn = draw(streets, at_nodes(streets, [220]), 800.0)

    assert [len(part.interiors) for part in drawn.geoms] == [0]
    # the taxi's circle around (1000, 1000), and within each block the straight way in
    assert drawn.contains_properly(
        shapely.Polygon([(250, 1000), (1000, 250), (1750, 1000), (1000, 1750)])
    )
    assert shapely.Polygon([(175, 1000), (1000, 175), (1825, 1000), (1000, 1825)]).covers(drawn)


def banks() -> Streets:
    """Draw two streets along a river of 60 m, with one bridge at their west end."""
    nodes = [(0, 0), (1000, 0), (0, 60), (1000, 60)]
    return network(nodes, *straight((0, 1), (2, 3), (0, 2)))


def test_beyond_the_river_nothing_is_painted_but_by_the_bridge() -> None:
    streets = banks()

    away = draw(streets, entries([(0, 1000.0, 0.0)]), 400.0)
    over = draw(streets, entries([(0, 1000.0, 0.0)]), 1160.0)

    # the middle of the river is nearest to both
    assert away.bounds[3] <= 30 + CELL_M
    north = shapely.box(-1e4, 30 + CELL_M, 1e4, 1e4)
    assert over.intersects(north)
    # over the bridge there are 100 m left
    assert over.intersection(north).bounds[2] <= 100 + NEAR_M


def test_under_a_bridge_without_stairs_nobody_gets_up() -> None:
    nodes = [(-500, 0), (500, 0), (0, -500), (0, 500)]
    streets = network(nodes, *straight((0, 1), (2, 3)))

    drawn = draw(streets, entries([(0, 500.0, 0.0)]), 300.0)

    assert drawn.contains(shapely.Point(250, 0))
    assert not drawn.intersects(shapely.Point(0, 100))
    assert not drawn.intersects(shapely.Point(5, -60))


def test_a_street_between_two_that_were_not_reached_is_painted_all_along() -> None:
    # seven metres on either side: no point of the lattice needs to be nearest to it
    nodes = [(0, 0), (800, 3), (0, 7), (800, 10), (0, -7), (800, -4)]
    streets = network(nodes, *straight((0, 1), (2, 3), (4, 5)))

    drawn = draw(streets, entries([(0, 400.0, 0.0)]), 300.0)

    assert len(drawn.geoms) == 1
    assert drawn.contains(shapely.LineString([(101, 0.37), (699, 2.6)]))


def test_a_street_drawn_over_another_one_is_painted_all_the_same() -> None:
    streets = network([(0, 0), (500, 0), (0, 0), (500, 0)], *straight((0, 1), (2, 3)))

    drawn = draw(streets, entries([(1, 250.0, 0.0)]), 100.0)

    assert drawn.contains(shapely.LineString([(150, 0), (350, 0)]))


# --- the verge ----------------------------------------------------------------------------------


@pytest.mark.parametrize("limit_m", [0.0, 0.5, 1.0, 3.0])
@pytest.mark.parametrize("offset_m", [0.0, 3.0, 17.5, 100.0])
def test_less_than_a_cell_is_a_cell_around_the_start(limit_m: float, offset_m: float) -> None:
    streets = network([(0, 0), (60, 80)], (0, 1, []))

    drawn = draw(streets, entries([(0, offset_m, 0.0)]), limit_m)

    assert drawn.contains_properly(shapely.Point(0.6 * offset_m, 0.8 * offset_m))
    assert drawn.area < 5 * CELL_M**2


def test_whoever_cannot_get_to_the_street_reaches_nothing() -> None:
    streets = banks()

    assert draw(streets, entries([(0, 10.0, 101.0)]), 100.0).is_empty
    assert draw(streets, entries([]), 100.0).is_empty
    assert draw(streets, entries(), 100.0).is_empty


def test_no_limit_paints_what_is_connected() -> None:
    streets = network([(0, 0), (100, 0), (0, 900), (100, 900)], *straight((0, 1), (2, 3)))

    drawn = draw(streets, entries([(0, 10.0, 0.0)]), np.inf)

    assert_alike(drawn, shapely.LineString([(0, 0), (100, 0)]).buffer(150))


def test_a_loop_is_walked_from_both_ends() -> None:
    streets = network([(0, 0)], (0, 0, [(300.0, 0.0), (300.0, 300.0), (0.0, 300.0)]))
    cells = make_cells(streets, cell_m=CELL_M)

    parts = reached_parts(cells, streets, reach(streets, entries([(0, 0.0, 0.0)]), limit_m=400.0))

    assert sorted(zip(parts.begin_m.tolist(), parts.end_m.tolist(), strict=True)) == [
        (0.0, 400.0),
        (800.0, 1200.0),
    ]


def test_parts_that_meet_are_one() -> None:
    # from the end 60 of 100 m, from the start at 70 another 20 each way
    streets = network([(0, 0), (100, 0)], (0, 1, []))
    cells = make_cells(streets, cell_m=CELL_M)
    starts = entries([(0, 0.0, 10.0)], [(0, 70.0, 50.0)])

    parts = reached_parts(cells, streets, reach(streets, starts, limit_m=70.0))

    assert parts.begin_m.tolist() == [0.0]
    assert parts.end_m.tolist() == [90.0]


def test_a_thousand_starts_on_one_street_are_one_part() -> None:
    streets = network([(0, 0), (1000, 0)], (0, 1, []))
    cells = make_cells(streets, cell_m=CELL_M)
    starts = entries(*([(0, float(k), 0.0)] for k in np.random.default_rng(1).permutation(1001)))

    parts = reached_parts(cells, streets, reach(streets, starts, limit_m=3.0))

    assert (parts.begin_m.tolist(), parts.end_m.tolist()) == ([0.0], [1000.0])


# --- many at once -------------------------------------------------------------------------------


def test_eight_threads_draw_what_one_draws() -> None:
    streets = lattice(30, 30)
    nodes = np.random.default_rng(1).permutation(900)[:64]
    found = [reach(streets, at_nodes(streets, [n]), limit_m=700.0) for n in nodes.tolist()]
    alone = make_cells(streets)
    expected = [shapely.to_wkb(picture(alone, streets, one)) for one in found]
    cells = make_cells(streets)

    with ThreadPoolExecutor(8) as pool:
        drawn = list(pool.map(lambda one: shapely.to_wkb(picture(cells, streets, one)), found))

    assert drawn == expected


def test_larger_cells_show_about_the_same() -> None:
    streets = lattice(30, 30)
    found = reach(streets, at_nodes(streets, [100, 444, 800]), limit_m=700.0)

    fine = picture(make_cells(streets), streets, found)
    coarse = picture(make_cells(streets, cell_m=COARSE_CELL_M), streets, found)

    assert fine.symmetric_difference(coarse).area < 0.03 * fine.area
    assert shapely.get_num_coordinates(coarse) < 0.7 * shapely.get_num_coordinates(fine)


# --- the gap ------------------------------------------------------------------------------------


def test_the_gap_is_the_land_that_the_picture_leaves_out() -> None:
    streets = banks()
    drawn = draw(streets, entries([(0, 500.0, 0.0)]), 300.0)
    land = shapely.box(-500, -500, 1500, 500)

    rest = gap(land, drawn)

    assert rest.is_valid
    assert rest.area == pytest.approx(land.area - drawn.area, rel=1e-9)
    assert rest.intersection(drawn).area == pytest.approx(0, abs=1e-6)


@fewer
@given(case=cases(), limit_m=LIMITS_M)
def test_picture_and_gap_make_up_the_land(case: Case, limit_m: float) -> None:
    drawn = draw(case.streets, case.starts, limit_m)
    land = shapely.Point(150, 150).buffer(180)

    rest = gap(land, drawn)

    assert rest.is_valid
    assert rest.area + drawn.intersection(land).area == pytest.approx(land.area, rel=1e-6)


def test_inside_the_picture_there_is_no_gap() -> None:
    streets = lattice(10, 10)
    drawn = draw(streets, at_nodes(streets, [44]), 1e9)

    assert gap(shapely.box(100, 100, 800, 800), drawn).is_empty
    assert gap(shapely.box(0, 0, 1, 1), shapely.MultiPolygon()).area == 1


def test_a_house_by_the_street_is_inside_with_its_own_walk() -> None:
    """The rule of the list and that of the picture are one: of 2,000 houses few are told apart."""
    streets = lattice(21, 21, 97.0)
    houses = np.random.default_rng(1).uniform(200, 1740, (2000, 2))
    on = snap(streets, houses)
    found = reach(streets, at_nodes(streets, [220]), limit_m=500.0)

    drawn = picture(make_cells(streets), streets, found)

    walks = walks_of(streets, on, 220)
    told = shapely.contains_xy(drawn, *houses.T)
    assert (told != (walks <= 500.0)).sum() <= 0.03 * (walks <= 500.0).sum()


def walks_of(streets: Streets, on: Entries, node: int) -> NDArray[np.float64]:
    """Return walks in a town of square blocks, by adding up."""
    line = streets.line_xy.reshape(-1, 2, 2)[on.edge]
    ends = np.abs(line - streets.node_xy[node]).sum(axis=2)
    by_a, by_b = ends[:, 0] + on.offset_m, ends[:, 1] + 97.0 - on.offset_m
    return np.asarray(np.minimum(by_a, by_b) + on.walk_m)
