"""The line of a walk is as long as the walk, and runs along streets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import shapely
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from geo.routes import Route, route
from geo.snapping import behind_gates, snap, some
from geo.streets import Entries, Streets
from geo.walking import nearest
from tests.geo.networks import Case, cases, entries, lattice, network, straight

if TYPE_CHECKING:
    from numpy.typing import NDArray


def line_length_m(xy: NDArray[np.float64]) -> float:
    return float(np.hypot(*np.diff(xy, axis=0).T).sum())


def position(streets: Streets, edge: int, offset_m: float) -> NDArray[np.float64]:
    """Return a position on an edge, by GEOS."""
    part = slice(streets.line_start[edge], streets.line_start[edge + 1])
    there = shapely.line_interpolate_point(shapely.LineString(streets.line_xy[part]), offset_m)
    return np.array([there.x, there.y])


def on_street(streets: Streets, edge: int, offset_m: float) -> tuple[Entries, NDArray[np.float64]]:
    """Return the entry and the place of one who stands on the street itself."""
    return entries([(edge, offset_m, 0.0)]), position(streets, edge, offset_m)


def walked(streets: Streets, start: tuple[int, float], point: tuple[int, float]) -> Route:
    """Draw the walk between two positions on edges."""
    (leave, start_xy), (enter, point_xy) = on_street(streets, *start), on_street(streets, *point)
    return route(streets, leave, enter, start_xy=start_xy, point_xy=point_xy)


@given(case=cases(), i=st.integers(0, 7))
def test_a_line_is_as_long_as_its_walk_and_never_leaves_the_streets(case: Case, i: int) -> None:
    # both stand on the street itself, so that the straight ways are nothing
    streets, starts, points = case
    assume(len(starts.edge) > 0)
    assume(len(points.edge) > 0)
    s, p = i % len(starts.edge), i % len(points.edge)
    ends = (
        (int(starts.edge[s]), float(starts.offset_m[s])),
        (int(points.edge[p]), float(points.offset_m[p])),
    )
    leave, enter = entries([(*ends[0], 0.0)]), entries([(*ends[1], 0.0)])
    distance_m = float(nearest(streets, leave, enter).distance_m[0])
    assume(distance_m < np.inf)

    found = walked(streets, *ends)

    assert found.length_m == distance_m
    assert line_length_m(found.xy) == pytest.approx(distance_m, abs=1e-6)
    np.testing.assert_allclose(found.xy[0], position(streets, *ends[1]), atol=1e-9)
    np.testing.assert_allclose(found.xy[-1], position(streets, *ends[0]), atol=1e-9)
    edge = np.repeat(np.arange(len(streets)), np.diff(streets.line_start))
    ground = shapely.union_all(shapely.linestrings(streets.line_xy, indices=edge))
    middles = shapely.points((found.xy[1:] + found.xy[:-1]) / 2)
    assert (shapely.distance(middles, ground) < 1e-6).all()


# A square of 100 m:   3 --- 2
#                      |     |
#                      0 --- 1      0 is at (0, 0); the last edge goes from 0 to 3

SQUARE = network(
    [(0, 0), (100, 0), (100, 100), (0, 100)], *straight((0, 1), (1, 2), (2, 3), (0, 3))
)


def test_a_route_begins_at_the_point_and_ends_at_the_start() -> None:
    found = route(
        SQUARE,
        entries([(0, 30.0, 5.0)]),
        entries([(2, 20.0, 7.0)]),
        start_xy=np.array([30.0, -5.0]),
        point_xy=np.array([80.0, 107.0]),
    )

    assert found.length_m == 7.0 + 20.0 + 100.0 + 70.0 + 5.0
    np.testing.assert_allclose(
        found.xy, [(80, 107), (80, 100), (100, 100), (100, 0), (30, 0), (30, -5)]
    )


@pytest.mark.parametrize(("start", "point"), [((0, 30.0), (0, 80.0)), ((0, 80.0), (0, 30.0))])
def test_on_one_edge_the_line_is_the_part_between(
    start: tuple[int, float], point: tuple[int, float]
) -> None:
    found = walked(SQUARE, start, point)

    assert found.length_m == 50.0
    assert found.xy.tolist() == [[point[1], 0.0], [start[1], 0.0]]


def test_around_a_long_bend_the_line_takes_the_street_that_cuts_it() -> None:
    bend = network([(0, 0), (100, 0)], (0, 1, [(0, 450), (100, 450)]), (0, 1, []))

    found = walked(bend, (0, 10.0), (0, 990.0))

    assert found.length_m == 120.0
    assert found.xy.tolist() == [[100, 10], [100, 0], [0, 0], [0, 10]]


def test_a_loop_is_left_by_the_nearer_end() -> None:
    streets = network([(0, 0), (-50, 0)], (0, 0, [(100, 0), (100, 100), (0, 100)]), (0, 1, []))

    found = walked(streets, (1, 50.0), (0, 350.0))

    assert found.length_m == 100.0
    assert found.xy.tolist() == [[0, 50], [0, 0], [-50, 0]]


def test_a_route_through_gates_bends_at_them() -> None:
    # the home behind walls has its gate at (50, 120), the station its own at (50, -10)
    home, station = np.array([[20.0, 120.0]]), np.array([[90.0, -10.0]])
    gates = np.array([[50.0, 120.0], [50.0, -10.0]])
    both = np.concatenate([home, station])
    placed = behind_gates(
        SQUARE, snap(SQUARE, both), both, np.array([0, 1], np.int32), np.array([0, 1, 2]), gates
    )

    found = route(
        SQUARE, some(placed, [1]), some(placed, [0]), start_xy=station[0], point_xy=home[0]
    )

    assert found.xy.tolist()[:3] == [[20, 120], [50, 120], [50, 100]]
    assert found.xy.tolist()[-3:] == [[50, 0], [50, -10], [90, -10]]
    assert found.length_m == 30 + 20 + 200 + 10 + 40
    assert line_length_m(found.xy) == pytest.approx(found.length_m, abs=1e-9)


def test_of_several_gates_the_route_takes_the_best_on_both_sides() -> None:
    found = route(
        SQUARE,
        entries([(0, 10.0, 1.0), (1, 90.0, 1.0)]),
        entries([(3, 20.0, 1.0), (2, 10.0, 1.0)]),
        start_xy=np.array([10.0, -1.0]),
        point_xy=np.array([90.0, 101.0]),
    )

    assert found.length_m == 22.0  # around the corner of node 2


def test_whoever_is_there_already_walks_nothing_along_a_line_of_two_positions() -> None:
    found = walked(SQUARE, (0, 30.0), (0, 30.0))

    assert found.length_m == 0.0
    assert found.xy.tolist() == [[30.0, 0.0], [30.0, 0.0]]


MARKS_M = (0.0, 13.1, 27.7, 40.1, 55.9, 61.3, 81.7, 97.1, 101.9, 123.3)


@settings(max_examples=50)
@given(st.floats(0.1, 0.9), st.floats(0.1, 0.9), st.floats(0.0, 3.0))
def test_no_vertex_of_a_route_comes_twice_where_streets_meet(
    leave: float, enter: float, turn: float
) -> None:
    # three streets in a row, with bends: their lengths are sums that floats round off
    ahead, aside = np.array([np.cos(turn), np.sin(turn)]), np.array([-np.sin(turn), np.cos(turn)])
    at = [tuple((m * ahead + n % 2 * aside).tolist()) for n, m in enumerate(MARKS_M)]
    streets = network(at[::3], *[(n, n + 1, at[3 * n + 1 : 3 * n + 3]) for n in range(3)])
    one, other = float(streets.length_m[0]), float(streets.length_m[2])

    found = walked(streets, (0, leave * one), (2, enter * other))

    assert np.hypot(*np.diff(found.xy, axis=0).T).min() > 1e-6
    assert line_length_m(found.xy) == pytest.approx(found.length_m, abs=1e-6)


@settings(max_examples=20)
@given(st.integers(0, 899), st.integers(0, 899))
def test_on_a_lattice_no_route_is_longer_than_the_taxis_way(a: int, b: int) -> None:
    streets = lattice(30, 30)
    xy = streets.node_xy[[a, b]]
    place = snap(streets, xy)

    found = route(streets, some(place, [0]), some(place, [1]), start_xy=xy[0], point_xy=xy[1])

    assert found.length_m == np.abs(xy[0] - xy[1]).sum()
    assert line_length_m(found.xy) == pytest.approx(found.length_m, abs=1e-6)
    steps = np.abs(np.diff(found.xy, axis=0))
    assert (steps.min(axis=1) == 0).all(), "along rows and columns only"


def test_between_pieces_and_beyond_the_limit_there_is_no_route() -> None:
    streets = network([(0, 0), (100, 0), (0, 50), (100, 50)], *straight((0, 1), (2, 3)))
    here, there = entries([(0, 10.0, 0.0)]), entries([(1, 10.0, 0.0)])
    origin = np.zeros(2)

    with pytest.raises(ValueError, match="no walk"):
        route(streets, here, there, start_xy=origin, point_xy=origin)
    with pytest.raises(ValueError, match="no walk"):
        route(streets, here, entries([]), start_xy=origin, point_xy=origin)
    far = entries([(0, 60.0, 0.0)])
    with pytest.raises(ValueError, match="no walk of 5"):
        route(streets, here, far, start_xy=origin, point_xy=origin, limit_m=5.0)


def test_a_route_has_two_ends() -> None:
    one, two = entries([(0, 1.0, 0.0)]), entries([(0, 1.0, 0.0)], [(0, 2.0, 0.0)])

    with pytest.raises(ValueError, match="1 starts and 2 points"):
        route(SQUARE, one, two, start_xy=np.zeros(2), point_xy=np.zeros(2))
