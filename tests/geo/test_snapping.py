"""Points are placed on the street that is nearest, or enter by their gates."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from geo.snapping import MAX_REACH_M, GatedEntries, behind_gates, snap, some
from geo.streets import Entries, Streets
from tests.geo.networks import PLANE, Line, entries, lattice, network, straight

if TYPE_CHECKING:
    from numpy.typing import NDArray

EXACT_M = 1e-9


def lines_of(streets: Streets) -> NDArray[np.object_]:
    """Return all edges as GEOS has them."""
    edge = np.repeat(np.arange(len(streets)), np.diff(streets.line_start))
    return np.asarray(shapely.linestrings(streets.line_xy, indices=edge))


def metres_between(points: NDArray[np.float64], lines: NDArray[np.object_]) -> NDArray[np.float64]:
    """Return how far all points are from all lines, by GEOS."""
    return np.asarray(shapely.distance(np.asarray(shapely.points(points))[:, None], lines))


def xy(*points: tuple[float, float]) -> NDArray[np.float64]:
    return np.array(points, np.float64).reshape(-1, 2)


def told(found: Entries) -> list[tuple[int, float, float]]:
    """Return edge, offset and walk of all entries."""
    return list(
        zip(found.edge.tolist(), found.offset_m.tolist(), found.walk_m.tolist(), strict=True)
    )


@st.composite
def towns(draw: st.DrawFn) -> Streets:
    """Draw crooked streets from millimetres to kilometres long, sometimes far apart."""
    spread_m = draw(st.sampled_from([1.0, 100.0, 3_000.0, 1e6]))
    number = st.floats(-1.0, 1.0).map(lambda part: round(part * spread_m, 3))
    vertices = st.tuples(number, number)
    lines: list[Line] = []
    nodes: list[tuple[float, float]] = []
    for _ in range(draw(st.integers(1, 12))):
        between = draw(st.lists(vertices, max_size=5))
        ends = draw(st.tuples(vertices, vertices))
        if len({*ends, *between}) > 1:
            nodes += ends
            lines.append((len(nodes) - 2, len(nodes) - 1, between))
    return network(nodes or [(0, 0), (1, 0)], *(lines or straight((0, 1))))


@given(towns(), st.integers(0, 2**32 - 1), st.sampled_from([0.0, 30.0, MAX_REACH_M, 5_000.0]))
def test_no_street_is_nearer_than_the_one_that_was_chosen(
    streets: Streets, seed: int, reach_m: float
) -> None:
    rng = np.random.default_rng(seed)
    low, high = streets.line_xy.min(axis=0), streets.line_xy.max(axis=0)
    points = np.concatenate(
        [
            rng.uniform(low - 600.0, high + 600.0, (20, 2)),
            streets.line_xy[rng.integers(len(streets.line_xy), size=10)]
            + rng.normal(0, 20, (10, 2)),
            streets.line_xy[:3],
        ]
    )
    lines = lines_of(streets)
    metres = metres_between(points, lines)
    truth_m = metres.min(axis=1)
    slack_m = EXACT_M * (1.0 + np.abs(points).max())

    found = snap(streets, points, reach_m=reach_m)

    on = np.diff(found.start) == 1
    assert (truth_m[on] <= reach_m + slack_m).all()
    assert (truth_m[~on] >= reach_m - slack_m).all()
    np.testing.assert_allclose(found.walk_m, truth_m[on], rtol=0, atol=slack_m)
    np.testing.assert_allclose(metres[on, found.edge], truth_m[on], rtol=0, atol=slack_m)
    # the offset is that of the position: as far from the point as was said
    there = shapely.line_interpolate_point(lines[found.edge], found.offset_m)
    apart_m = shapely.distance(there, shapely.points(points[on]))
    np.testing.assert_allclose(apart_m, found.walk_m, rtol=0, atol=10 * slack_m)
    assert (found.offset_m >= 0).all()
    assert (found.offset_m <= streets.length_m[found.edge]).all()


def test_offsets_are_counted_from_the_first_end_over_all_bends() -> None:
    # 0 -- 30 m east, 40 m north, 30 m east -- 1
    streets = network([(0, 0), (60, 40)], (0, 1, [(30, 0), (30, 40)]))

    found = snap(streets, xy((10, -5), (26, 20), (45, 47), (-3, -4), (64, 43)))

    assert told(found) == [
        (0, 10.0, 5.0),
        (0, 50.0, 4.0),
        (0, 85.0, 7.0),
        (0, 0.0, 5.0),
        (0, 100.0, 5.0),
    ]


def test_of_streets_equally_near_the_first_is_taken_even_across_cells() -> None:
    # points in the middle of blocks are 50 m from four streets each
    streets = lattice(12, 12)
    middles = np.argwhere(np.ones((11, 11))).astype(np.float64) * 100.0 + 50.0

    found = snap(streets, middles)

    metres = metres_between(middles, lines_of(streets))
    np.testing.assert_array_equal(found.edge, metres.argmin(axis=1))
    np.testing.assert_array_equal(found.walk_m, 50.0)


def test_of_streets_equally_near_the_first_is_taken_whichever_cell_it_is_in() -> None:
    # from west to east: edges 2, 1 and 0, each in another column of cells
    streets = network(
        [(600, 0), (600, 90), (300, 0), (300, 90), (0, 0), (0, 90)],
        *straight((0, 1), (2, 3), (4, 5)),
    )

    assert streets.grid.columns > 2
    assert snap(streets, xy((150, 45), (450, 45), (301, 45))).edge.tolist() == [1, 0, 1]


def test_points_farther_than_the_reach_are_on_no_street() -> None:
    streets = network([(0, 0), (100, 0)], *straight((0, 1)))

    found = snap(streets, xy((50, 500), (50, 500.001), (1e9, 0), (50, -20)))

    assert found.start.tolist() == [0, 1, 1, 1, 2]
    assert told(found) == [(0, 50.0, 500.0), (0, 50.0, 20.0)]
    assert told(snap(streets, xy((50, 0), (50, 1)), reach_m=0.0)) == [(0, 50.0, 0.0)]


def test_points_without_a_place_are_on_no_street() -> None:
    streets = network([(0, 0), (100, 0)], *straight((0, 1)))

    found = snap(streets, xy((np.nan, 0), (0, np.inf), (-np.inf, np.nan), (1e300, 1e300)))

    assert len(found) == 4
    assert found.start.tolist() == [0] * 5


@pytest.mark.parametrize("reach_m", [-1.0, np.nan, np.inf])
def test_a_reach_that_is_none_is_refused(reach_m: float) -> None:
    with pytest.raises(ValueError, match="a reach of"):
        snap(lattice(2, 2), xy((0, 0)), reach_m=reach_m)


def test_no_points_and_no_streets_are_nothing_to_worry_about() -> None:
    none = Streets.of_edges(
        version="none",
        plane=PLANE,
        node_xy=np.zeros((0, 2)),
        a=np.zeros(0, np.int32),
        b=np.zeros(0, np.int32),
        line_start=np.zeros(1, np.int64),
        line_xy=np.zeros((0, 2)),
    )

    assert len(snap(lattice(2, 2), np.zeros((0, 2)))) == 0
    assert snap(none, xy((0, 0), (5, 5))).start.tolist() == [0, 0, 0]


def test_one_street_at_the_other_end_of_the_world_does_not_make_the_near_ones_slow() -> None:
    # the outlier makes a trillion cells of which hardly any are touched
    near = [(float(x), 0.0) for x in range(0, 1000, 10)]
    streets = network(
        [*near, (2e7, 2e7), (2e7 + 0.001, 2e7)],
        *straight(*((i, i + 1) for i in range(len(near) - 1)), (len(near), len(near) + 1)),
    )

    found = snap(streets, xy((403, 7), (2e7, 2e7 - 3)))

    assert streets.grid.columns * streets.grid.rows > 1e8
    assert len(streets.grid.table) < 1e5
    assert told(found) == [(40, 3.0, 7.0), (len(near) - 1, 0.0, 3.0)]


def test_a_street_of_a_thousand_kilometres_is_found_in_its_middle() -> None:
    streets = network([(0, 0), (1e6, 1e6), (0, 5), (3, 5)], *straight((0, 1), (2, 3)))

    found = snap(streets, xy((600_000, 600_010), (1, 6)))

    assert found.edge.tolist() == [0, 1]
    np.testing.assert_allclose(found.walk_m, [np.sqrt(50.0), 1.0], rtol=1e-9)


def test_threads_that_ask_a_fresh_network_all_hear_the_same() -> None:
    points = np.random.default_rng(1).uniform(0, 2_000, (2_000, 2))
    expected = told(snap(lattice(21, 21), points))
    streets = lattice(21, 21)

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: told(snap(streets, points)), range(8)))

    assert all(answer == expected for answer in answers)


# Walls and gates
#
#   street:  (0, 0) ------- edge 0 ------- (100, 0) ------- edge 1 ------- (200, 0)
#   compound 0: gates at (20, 10) and (150, 10); compound 1: none; compound 2: a gate far off

STREET = network([(0, 0), (100, 0), (200, 0)], *straight((0, 1), (1, 2)))
GATE_START = np.array([0, 2, 2, 3])
GATES = xy((20, 10), (150, 10), (0, 9_000))


def placed(points: NDArray[np.float64], group: list[int]) -> GatedEntries:
    """Return where points enter that lie in these compounds."""
    return behind_gates(
        STREET, snap(STREET, points), points, np.array(group, np.int32), GATE_START, GATES
    )


def test_behind_walls_one_enters_by_every_gate_with_the_way_to_it() -> None:
    found = placed(xy((20, 40), (60, 40), (150, 50)), [0, -1, 0])

    far_m = float(np.hypot(130, 30))
    assert found.start.tolist() == [0, 2, 3, 5]
    assert told(found) == [
        (0, 20.0, 30.0 + 10.0),
        (1, 50.0, far_m + 10.0),
        (0, 60.0, 40.0),  # no walls around this one
        (0, 20.0, float(np.hypot(130, 40)) + 10.0),
        (1, 50.0, 40.0 + 10.0),
    ]
    np.testing.assert_array_equal(
        found.gate_xy, xy((20, 10), (150, 10), (np.nan, np.nan), (20, 10), (150, 10))
    )


def test_a_compound_without_gates_has_no_walls() -> None:
    assert told(placed(xy((60, 40)), [1])) == [(0, 60.0, 40.0)]


def test_a_compound_whose_only_gate_leads_to_no_street_is_on_none() -> None:
    found = placed(xy((60, 40), (70, 40)), [2, -1])

    assert found.start.tolist() == [0, 0, 1]
    assert told(found) == [(0, 70.0, 40.0)]


def test_without_any_compound_nothing_changes() -> None:
    points = xy((60, 40), (5_000, 0))

    found = behind_gates(
        STREET,
        snap(STREET, points),
        points,
        np.array([-1, -1], np.int32),
        np.zeros(1, np.int64),
        np.zeros((0, 2)),
    )

    assert found.start.tolist() == [0, 1, 1]
    assert told(found) == [(0, 60.0, 40.0)]


@given(st.data())
def test_some_points_keep_their_entries_in_the_order_asked(data: st.DataObject) -> None:
    rows = [[(e, float(e), 1.0) for e in range(n)] for n in (1, 0, 3, 2, 1)]
    which = data.draw(st.lists(st.integers(0, 4), max_size=7))

    found = some(entries(*rows), which)

    assert told(found) == [entry for i in which for entry in rows[i]]
    assert np.diff(found.start).tolist() == [len(rows[i]) for i in which]


def test_some_points_are_named_by_a_mask_too_and_keep_their_gates() -> None:
    found = some(placed(xy((60, 40), (20, 40)), [-1, 0]), np.array([False, True]))

    assert isinstance(found, GatedEntries)
    np.testing.assert_array_equal(found.gate_xy, GATES[:2])
