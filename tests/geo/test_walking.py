"""Walks are as long as on a graph in which every point is a node."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from geo.snapping import some
from geo.streets import Entries, Streets
from geo.walking import distances, nearest, reach, reach_each, within
from geo.walking_kernel import SMALL
from tests.geo.networks import (
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

EXACT_M = 1e-6
fewer = settings(max_examples=40)
LIMITS_M = st.sampled_from([0.0, 1.0, 60.0, 150.0, 1e9]) | st.floats(0.0, 700.0)


def table(case: Case, limit_m: float) -> NDArray[np.float64]:
    """Return what `within` says as a table of all pairs, infinite where nothing is said."""
    found = within(case.streets, case.starts, case.points, limit_m=limit_m)
    rows = np.repeat(np.arange(len(case.starts)), np.diff(found.start))
    out = np.full((len(case.starts), len(case.points)), np.inf)
    assert len(set(zip(rows.tolist(), found.point.tolist(), strict=True))) == len(rows), "twice"
    out[rows, found.point] = found.distance_m
    return out


def assert_same(ours: NDArray[np.float64], other: NDArray[np.float64]) -> None:
    """Compare distances, infinite ones, too."""
    np.testing.assert_array_equal(np.isfinite(ours), np.isfinite(other))
    np.testing.assert_allclose(ours, other, rtol=0, atol=EXACT_M)


def all_nodes(streets: Streets) -> csr_array:
    """Return the arcs as a matrix."""
    return csr_array(
        (streets.arc_length_m, streets.arc_node, streets.arc_start),
        shape=(len(streets.node_xy), len(streets.node_xy)),
    )


# Against another engine


@given(case=cases())
def test_every_walk_is_as_long_as_on_a_graph_whose_nodes_are_the_points(case: Case) -> None:
    assert_same(table(case, np.inf), walks_by_nodes(*case))


@given(case=cases(whole=True), limit_m=LIMITS_M)
def test_whoever_is_within_the_limit_is_told_and_nobody_else(case: Case, limit_m: float) -> None:
    # whole metres: no sum is rounded, so that even a limit that is met exactly is decided
    truth = walks_by_nodes(*case)
    truth[np.round(truth, 6) > limit_m] = np.inf

    assert_same(table(case, limit_m), truth)


@given(case=cases(whole=True), limit_m=LIMITS_M)
def test_the_nearest_start_is_the_first_of_equally_near_ones(case: Case, limit_m: float) -> None:
    truth = np.round(walks_by_nodes(*case), 6)
    truth[truth > limit_m] = np.inf
    truth = np.concatenate([truth, np.full((1, len(case.points)), np.inf)])

    found = nearest(*case, limit_m=limit_m)

    best_m = truth.min(axis=0)
    first = np.where(np.isfinite(best_m), truth.argmin(axis=0), -1)
    np.testing.assert_array_equal(found.start, first)
    assert_same(found.distance_m, best_m)


@fewer
@given(case=cases(), limit_m=LIMITS_M)
def test_one_search_from_all_starts_says_what_single_ones_do_to_the_bit(
    case: Case, limit_m: float
) -> None:
    every = np.concatenate([table(case, limit_m), np.full((1, len(case.points)), np.inf)])

    together = nearest(*case, limit_m=limit_m)
    reached = reach(case.streets, case.starts, limit_m=limit_m)

    np.testing.assert_array_equal(together.distance_m, every.min(axis=0))
    np.testing.assert_array_equal(
        distances(case.streets, reached, case.points), together.distance_m
    )


@fewer
@given(case=cases(whole=True), limit_m=LIMITS_M)
def test_the_nodes_reached_are_those_that_can_be_walked_to(case: Case, limit_m: float) -> None:
    # a point on every node that has an edge; loops have their node at both ends
    streets = case.streets
    nodes = np.unique(np.concatenate([streets.a, streets.b]))
    edge = np.array([np.flatnonzero((streets.a == i) | (streets.b == i))[0] for i in nodes])
    offset_m = np.where(streets.a[edge] == nodes, 0.0, streets.length_m[edge])
    ends = Entries(np.arange(len(nodes) + 1), edge.astype(np.int32), offset_m, np.zeros(len(nodes)))
    truth = np.round(walks_by_nodes(streets, case.starts, ends), 6)
    truth = np.concatenate([truth, np.full((1, len(nodes)), np.inf)]).min(axis=0)

    found = reach(streets, case.starts, limit_m=limit_m)

    order = np.argsort(found.node)
    np.testing.assert_array_equal(found.node[order], nodes[truth <= limit_m])
    assert_same(found.distance_m[order], truth[truth <= limit_m])


@fewer
@given(case=cases(), limit_m=LIMITS_M)
def test_each_search_by_itself_is_in_the_rows_of_all(case: Case, limit_m: float) -> None:
    found = reach_each(case.streets, case.starts, limit_m=limit_m)

    assert len(found.first) == len(case.starts) + 1
    for s in range(len(case.starts)):
        alone = reach(case.streets, some(case.starts, [s]), limit_m=limit_m)
        row = slice(found.first[s], found.first[s + 1])
        np.testing.assert_array_equal(found.node[row], alone.node)
        np.testing.assert_array_equal(found.distance_m[row], alone.distance_m)


@fewer
@given(case=cases())
def test_the_way_back_is_as_long_and_no_detour_is_shorter(case: Case) -> None:
    points = case.points
    there = table(Case(case.streets, points, points), np.inf)

    assert_same(there, there.T)
    # by way of a third point with one entry: its straight walk comes twice, which is no short cut
    single = np.diff(points.start) == 1
    detour = (there[:, single, None] + there[None, single, :]).min(axis=1, initial=np.inf)
    assert (there <= detour + EXACT_M).all()


# Closed forms
#
#   0 ---- 100 m ---- 1 ---- 100 m ---- 2          3 ---- 100 m ---- 4

STREET = network(
    [(0, 0), (100, 0), (200, 0), (500, 0), (600, 0)], *straight((0, 1), (1, 2), (3, 4))
)


def walk(streets: Streets, start: Entries, point: Entries) -> float:
    """Return the length of one walk."""
    return float(nearest(streets, start, point).distance_m[0])


@pytest.mark.parametrize(
    ("start", "point", "metres"),
    [
        ((0, 30.0, 0.0), (0, 80.0, 0.0), 50.0),  # along one edge
        ((0, 80.0, 0.0), (0, 30.0, 0.0), 50.0),
        ((0, 30.0, 5.0), (1, 40.0, 7.0), 5.0 + 70.0 + 40.0 + 7.0),  # over a node
        ((1, 40.0, 7.0), (0, 30.0, 5.0), 5.0 + 70.0 + 40.0 + 7.0),
        ((0, 100.0, 0.0), (1, 0.0, 0.0), 0.0),  # the end of one is the beginning of the other
        ((0, 50.0, 3.0), (0, 50.0, 4.0), 7.0),  # across the street
        ((0, 30.0, 0.0), (2, 0.0, 0.0), np.inf),  # on another piece
    ],
)
def test_partial_edges_are_counted(
    start: tuple[int, float, float], point: tuple[int, float, float], metres: float
) -> None:
    assert walk(STREET, entries([start]), entries([point])) == metres


def test_two_on_one_edge_walk_around_when_that_is_shorter() -> None:
    # a detour of 1,000 m and a straight street of 100 m between the same two crossings
    streets = network([(0, 0), (100, 0)], (0, 1, [(0, 450), (100, 450)]), (0, 1, []))

    far = walk(streets, entries([(0, 10.0, 0.0)]), entries([(0, 990.0, 0.0)]))

    assert far == 10.0 + 100.0 + 10.0


def test_a_loop_is_walked_the_shorter_way_round() -> None:
    # a square of 400 m that begins and ends at one crossing
    streets = network([(0, 0), (-50, 0)], (0, 0, [(100, 0), (100, 100), (0, 100)]), (0, 1, []))

    assert walk(streets, entries([(0, 30.0, 0.0)]), entries([(0, 390.0, 0.0)])) == 40.0
    assert walk(streets, entries([(0, 350.0, 0.0)]), entries([(1, 20.0, 0.0)])) == 70.0


def test_of_parallel_streets_the_shorter_one_is_walked_and_both_lead_somewhere() -> None:
    streets = network([(0, 0), (100, 0)], (0, 1, [(50, 100)]), (0, 1, []))
    longer_m = float(streets.length_m[0])

    assert walk(streets, at_nodes(streets, [0]), at_nodes(streets, [1])) == 100.0
    middle = entries([(0, longer_m / 2, 0.0)])
    assert walk(streets, at_nodes(streets, [0]), middle) == longer_m / 2


def test_who_has_several_gates_takes_the_best_one_for_each_walk() -> None:
    gated = entries([(0, 0.0, 10.0), (1, 100.0, 20.0)])

    near_first = within(STREET, gated, entries([(0, 5.0, 0.0)], [(1, 90.0, 0.0)]), limit_m=1e9)

    assert dict(zip(near_first.point.tolist(), near_first.distance_m.tolist(), strict=True)) == {
        0: 15.0,
        1: 30.0,
    }


def test_beyond_a_crossing_that_two_starts_reach_at_once_the_first_counts_as_nearest() -> None:
    # 0 - 50 m - 1 - 50 m - 2 - 10 m - 4, and 3 - 100 m - 2: the second start is at 2 in one step
    streets = network(
        [(0, 0), (50, 0), (100, 0), (100, 100), (110, 0)], *straight((0, 1), (1, 2), (3, 2), (2, 4))
    )

    found = nearest(streets, at_nodes(streets, [0, 3]), at_nodes(streets, [4, 2]))

    assert found.distance_m.tolist() == [110.0, 100.0]
    assert found.start.tolist() == [0, 0]


def test_between_two_starts_equally_far_the_first_counts_whichever_end_it_comes_from() -> None:
    middle = entries([(0, 100.0, 0.0)], [(1, 0.0, 0.0)])

    for ends in ([0, 2], [2, 0]):
        found = nearest(STREET, at_nodes(STREET, ends), middle)
        assert found.distance_m.tolist() == [100.0, 100.0]
        assert found.start.tolist() == [0, 0]


def test_nobody_walks_through_a_compound_with_two_gates() -> None:
    # the start's gates lie 200 m apart on the street, but 2 m apart through the compound
    gated = entries([(0, 0.0, 1.0), (1, 100.0, 1.0)])
    ends = entries([(0, 0.0, 0.0)], [(1, 100.0, 0.0)])

    assert walk(STREET, some(ends, [0]), some(ends, [1])) == 200.0
    assert walk(STREET, some(ends, [0]), gated) == 1.0


def test_a_river_is_crossed_at_the_bridge_only() -> None:
    # two banks 40 m apart, joined by a bridge at the far end
    streets = network([(0, 0), (500, 0), (0, 40), (500, 40)], *straight((0, 1), (2, 3), (1, 3)))

    across = walk(streets, at_nodes(streets, [0]), at_nodes(streets, [2]))

    assert across == 500.0 + 40.0 + 500.0


def test_walking_goes_exactly_as_far_as_the_limit() -> None:
    start, point = entries([(0, 30.0, 5.0)]), entries([(1, 40.0, 7.0)])  # 122 m apart

    assert nearest(STREET, start, point, limit_m=122.0).distance_m.tolist() == [122.0]
    beyond = nearest(STREET, start, point, limit_m=np.nextafter(122.0, 0.0))
    assert (beyond.distance_m.tolist(), beyond.start.tolist()) == ([np.inf], [-1])


def test_a_limit_within_an_edge_reaches_along_it_and_no_node() -> None:
    reached = reach(STREET, entries([(0, 50.0, 0.0)]), limit_m=20.0)
    points = entries([(0, 30.0, 0.0)], [(0, 70.5, 0.0)], [(0, 60.0, 11.0)])

    assert len(reached.node) == 0
    assert distances(STREET, reached, points).tolist() == [20.0, np.inf, np.inf]


def test_on_a_lattice_walks_are_as_long_as_the_taxis_way() -> None:
    streets = lattice(9, 7)
    here = at_nodes(streets, [3 * 9 + 4])

    found = reach(streets, here, limit_m=np.inf)

    steps = np.abs(streets.node_xy[found.node] - (400.0, 300.0)).sum(axis=1)
    np.testing.assert_array_equal(found.distance_m, steps)
    assert sorted(found.node.tolist()) == list(range(63))


# Nobody there


@pytest.mark.parametrize("starts", [entries(), entries([])], ids=["no start", "on no street"])
def test_without_starts_nothing_is_near(starts: Entries) -> None:
    point = entries([(0, 1.0, 0.0)])

    assert nearest(STREET, starts, point).start.tolist() == [-1]
    assert len(reach(STREET, starts, limit_m=np.inf).node) == 0
    assert len(within(STREET, starts, point, limit_m=np.inf).point) == 0
    assert len(reach_each(STREET, starts, limit_m=9.0).node) == 0


def test_points_on_no_street_are_infinitely_far() -> None:
    found = nearest(STREET, entries([(0, 1.0, 0.0)]), entries([], [(0, 2.0, 0.0)], []))

    assert found.distance_m.tolist() == [np.inf, 1.0, np.inf]
    assert found.start.tolist() == [-1, 0, -1]


def test_without_points_there_is_nothing_to_say() -> None:
    start = entries([(0, 1.0, 0.0)])

    assert nearest(STREET, start, entries()).distance_m.shape == (0,)
    assert within(STREET, start, entries(), limit_m=5.0).start.tolist() == [0, 0]


@pytest.mark.parametrize("limit_m", [-1.0, np.nan])
def test_a_limit_that_is_none_is_refused(limit_m: float) -> None:
    start = entries([(0, 1.0, 0.0)])

    with pytest.raises(ValueError, match="a limit of"):
        reach(STREET, start, limit_m=limit_m)
    with pytest.raises(ValueError, match="a limit of"):
        reach_each(STREET, start, limit_m=limit_m)
    with pytest.raises(ValueError, match="a limit of"):
        within(STREET, start, start, limit_m=limit_m)


# Large networks, where a short search hashes and its room grows


LARGE = lattice(150, 150)
MIDDLE = 75 * 150 + 75


@pytest.mark.parametrize("limit_m", [0.0, 250.0, 2_500.0, 3_999.0, 4_000.0, 30_000.0])
def test_in_a_large_network_all_nodes_are_found_however_far_it_goes(limit_m: float) -> None:
    assert len(LARGE.node_xy) > SMALL

    found = reach(LARGE, at_nodes(LARGE, [MIDDLE]), limit_m=limit_m)

    truth = dijkstra(all_nodes(LARGE), indices=np.array([MIDDLE]))[0]
    order = np.argsort(found.node)
    np.testing.assert_array_equal(found.node[order], np.flatnonzero(truth <= limit_m))
    np.testing.assert_array_equal(found.distance_m[order], truth[truth <= limit_m])


def test_rooms_are_empty_again_for_the_next_of_many_starts() -> None:
    nodes = np.random.default_rng(3).choice(len(LARGE.node_xy), 40, replace=False)

    found = reach_each(LARGE, at_nodes(LARGE, nodes), limit_m=2_500.0)

    truth = dijkstra(all_nodes(LARGE), indices=nodes, limit=2_500.0)
    for s, row in enumerate(truth):
        part = slice(found.first[s], found.first[s + 1])
        order = np.argsort(found.node[part])
        np.testing.assert_array_equal(found.node[part][order], np.flatnonzero(np.isfinite(row)))
        np.testing.assert_array_equal(found.distance_m[part][order], row[np.isfinite(row)])


def test_a_square_where_thousands_of_streets_meet_is_left_by_all_of_them() -> None:
    # more arcs at one node than any room has places at first, in a network that is hashed
    rays = 20_000
    assert rays > SMALL
    angle = np.linspace(0.0, 2 * np.pi, rays, endpoint=False)
    xy = np.concatenate([[(0.0, 0.0)], 100.0 * np.column_stack([np.cos(angle), np.sin(angle)])])
    streets = Streets.of_edges(
        version="star",
        plane=LARGE.plane,
        node_xy=xy,
        a=np.zeros(rays, np.int32),
        b=np.arange(1, rays + 1, dtype=np.int32),
        line_start=np.arange(0, 2 * rays + 1, 2, dtype=np.int64),
        line_xy=np.stack([np.zeros((rays, 2)), xy[1:]], axis=1).reshape(-1, 2),
    )

    found = reach(streets, entries([(7, 40.0, 0.0)]), limit_m=1_000.0)

    order = np.argsort(found.node)
    assert len(found.node) == rays + 1
    expected = np.concatenate([[40.0], np.full(rays, 140.0)])
    expected[8] = 60.0
    np.testing.assert_allclose(found.distance_m[order], expected, atol=EXACT_M)


def test_as_many_starts_as_there_are_seats_are_searched_from_together() -> None:
    nodes = np.arange(0, len(LARGE.node_xy), 7)  # more than the first heap holds

    found = nearest(LARGE, at_nodes(LARGE, nodes), at_nodes(LARGE, np.arange(500)))

    truth = dijkstra(all_nodes(LARGE), indices=nodes, min_only=True)[:500]
    np.testing.assert_array_equal(found.distance_m, truth)


def test_eight_threads_at_once_say_what_one_says() -> None:
    rng = np.random.default_rng(8)
    starts = at_nodes(LARGE, rng.choice(len(LARGE.node_xy), 64, replace=False))
    points = at_nodes(LARGE, rng.choice(len(LARGE.node_xy), 300, replace=False))

    def ask(s: int) -> list[NDArray[np.float64] | NDArray[np.int32]]:
        start = some(starts, [s])
        found = reach(LARGE, start, limit_m=1_500.0)
        return [
            found.node,
            found.distance_m,
            nearest(LARGE, start, points, limit_m=3_000.0).distance_m,
            within(LARGE, start, points, limit_m=1_500.0).distance_m,
        ]

    alone = [ask(s) for s in range(64)]
    with ThreadPoolExecutor(8) as threads:
        together = list(threads.map(ask, range(64)))

    for one, other in zip(alone, together, strict=True):
        for ours, theirs in zip(one, other, strict=True):
            np.testing.assert_array_equal(ours, theirs)
