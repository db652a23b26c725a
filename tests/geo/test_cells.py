"""The nearest street of every point of a lattice is what Shapely measures."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geo import cells as cells_module
from geo.cells import Cells, make_cells
from geo.cells_kernel import STEPS, TILE
from geo.streets import Streets
from tests.geo.networks import PLANE, Case, cases, lattice, network, straight

if TYPE_CHECKING:
    from numpy.typing import NDArray

CAP_M = 120.0
CELL_M = 10.0


class Points(NamedTuple):
    """Points of a lattice, and what is said of them; each shape (n,) but for ``xy``."""

    xy: NDArray[np.float64]
    edge: NDArray[np.int32]
    offset_m: NDArray[np.float64]
    walk_m: NDArray[np.float64]


def tiles_around(cells: Cells, streets: Streets) -> NDArray[np.int32]:
    """Return all tiles around a network, and some that are beyond."""
    ground = cells.ground
    corner = np.array([ground.lattice.x0, ground.lattice.y0])
    side_m = ground.lattice.cell_m * TILE
    low = (streets.line_xy.min(axis=0) - corner - ground.cap_m) // side_m - 1
    high = (streets.line_xy.max(axis=0) - corner + ground.cap_m) // side_m + 2
    columns, rows = np.meshgrid(np.arange(low[0], high[0]), np.arange(low[1], high[1]))
    return np.column_stack([columns.ravel(), rows.ravel()]).astype(np.int32)


def ask(cells: Cells, streets: Streets, tiles: NDArray[np.int32]) -> Points:
    """Return what is said of the points of some tiles."""
    rows, stock = cells.rows(tiles)
    lattice_ = cells.ground.lattice
    inner = np.stack(np.meshgrid(np.arange(TILE), np.arange(TILE)), axis=-1)
    at = tiles[:, None, None, :] * TILE + inner
    known = rows >= 0
    edge = np.full((len(tiles), TILE, TILE), -1, np.int32)
    part, walk = np.zeros(edge.shape), np.zeros(edge.shape)
    edge[known] = stock.edge[rows[known]]
    part[known] = stock.place[rows[known]] / STEPS
    walk[known] = stock.walk[rows[known]] / STEPS
    return Points(
        (np.array([lattice_.x0, lattice_.y0]) + at * lattice_.cell_m).reshape(-1, 2),
        edge.ravel(),
        np.where(edge < 0, 0.0, part * streets.length_m[edge]).ravel(),
        np.where(edge < 0, 0.0, walk * cells.ground.cap_m).ravel(),
    )


def lines_of(streets: Streets) -> NDArray[np.object_]:
    """Return the lines of all edges."""
    of = np.repeat(np.arange(len(streets)), np.diff(streets.line_start))
    return np.asarray(shapely.linestrings(streets.line_xy, indices=of))


@settings(max_examples=25)
@given(case=cases(), cell_m=st.sampled_from([11.0, CELL_M, 25.0]))
def test_each_point_has_the_nearest_position_on_any_street(case: Case, cell_m: float) -> None:
    cells = make_cells(case.streets, cell_m=cell_m, walk_cap_m=CAP_M)

    said = ask(cells, case.streets, tiles_around(cells, case.streets))

    points, lines = np.asarray(shapely.points(said.xy)), lines_of(case.streets)
    away_m = shapely.distance(points[:, None], lines[None, :])
    least_m = away_m.min(axis=1)
    known, cap_m = said.edge >= 0, CAP_M + cell_m
    assert known[least_m < cap_m - 1e-3].all()
    assert not known[least_m > cap_m + 1e-3].any()
    step_m = cap_m / STEPS
    np.testing.assert_allclose(said.walk_m[known], least_m[known], rtol=0, atol=step_m)
    chosen = said.edge[known]
    np.testing.assert_allclose(away_m[known, chosen], least_m[known], rtol=0, atol=1e-6)
    there = shapely.line_interpolate_point(lines[chosen], said.offset_m[known])
    round_m = step_m + case.streets.length_m[chosen] / STEPS
    assert (np.abs(shapely.distance(points[known], there) - least_m[known]) <= round_m).all()


def test_of_streets_side_by_side_the_first_is_nearest() -> None:
    streets = network([(0, 0), (100, 0)], *straight((0, 1), (0, 1), (1, 0)))
    cells = make_cells(streets, cell_m=CELL_M)

    said = ask(cells, streets, tiles_around(cells, streets))

    assert set(said.edge.tolist()) == {-1, 0}


def test_a_point_halfway_between_two_streets_belongs_to_the_first() -> None:
    # two streets 40 m apart; points on y = 20 are 20 m from both
    streets = network([(0, 40), (100, 40), (0, 0), (100, 0)], *straight((0, 1), (2, 3)))
    cells = make_cells(streets, cell_m=CELL_M)

    said = ask(cells, streets, tiles_around(cells, streets))

    between = (said.xy[:, 1] == 20) & (said.xy[:, 0] >= 0) & (said.xy[:, 0] <= 100)
    assert between.sum() == 11
    assert (said.edge[between] == 0).all()
    assert (said.edge[(said.xy[:, 1] == 10) & (said.xy[:, 0] == 50)] == 1).all()


def test_a_straight_street_is_measured_to_the_metre() -> None:
    # from (0, 0) to (100, 0): the point (30, 40) is 40 m from metre 30, (-30, 40) 50 m from its end
    streets = network([(0, 0), (100, 0)], (0, 1, [(60.0, 0.0)]))
    cells = make_cells(streets, cell_m=CELL_M)

    said = ask(cells, streets, tiles_around(cells, streets))

    found = {
        (x, y): (offset, walk)
        for (x, y), offset, walk in zip(
            said.xy.tolist(), said.offset_m.tolist(), said.walk_m.tolist(), strict=True
        )
    }
    assert found[30, 40] == pytest.approx((30, 40), abs=0.01)
    assert found[-30, 40] == pytest.approx((0, 50), abs=0.01)
    assert found[180, -60] == pytest.approx((100, 100), abs=0.01)


def test_the_order_of_questions_makes_no_difference() -> None:
    streets = lattice(12, 12)
    one, other = make_cells(streets), make_cells(streets)
    tiles = tiles_around(one, streets)
    whole = ask(one, streets, tiles)

    for k in np.random.default_rng(1).permutation(len(tiles)).tolist():
        ask(other, streets, tiles[k : k + 1])

    again = ask(other, streets, tiles)
    for ours, theirs in zip(again, whole, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_tiles_that_were_given_up_are_found_again(monkeypatch: pytest.MonkeyPatch) -> None:
    streets = lattice(12, 12)
    one, other = make_cells(streets), make_cells(streets)
    tiles = tiles_around(one, streets)
    whole = ask(one, streets, tiles)
    monkeypatch.setattr(cells_module, "MOST_TILES", 5)

    parts = [ask(other, streets, tiles[k : k + 5]) for k in range(0, len(tiles), 5)]

    assert other.rows(tiles[:5])[1].edge.shape[0] <= cells_module.FEWEST_TILES
    np.testing.assert_array_equal(np.concatenate([p.edge for p in parts]), whole.edge)
    np.testing.assert_array_equal(np.concatenate([p.walk_m for p in parts]), whole.walk_m)


def test_eight_threads_that_ask_at_once_are_told_the_same() -> None:
    streets = lattice(20, 20)
    one, other = make_cells(streets), make_cells(streets)
    tiles = tiles_around(one, streets)
    whole = ask(one, streets, tiles)
    orders = [np.random.default_rng(k).permutation(len(tiles)) for k in range(8)]

    def wander(order: NDArray[np.int64]) -> list[NDArray[np.int32]]:
        return [ask(other, streets, tiles[order[k : k + 7]]).edge for k in range(0, len(order), 7)]

    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(wander, orders))

    by_tile = whole.edge.reshape(len(tiles), -1)
    for order, edges in zip(orders, told, strict=True):
        np.testing.assert_array_equal(np.concatenate(edges), by_tile[order].ravel())


def test_two_towns_far_apart_take_no_memory_for_the_land_between() -> None:
    streets = network(
        [(0, 0), (100, 0), (900_000, 900_000), (900_100, 900_000)], *straight((0, 1), (2, 3))
    )

    cells = make_cells(streets)

    assert len(cells.ground.listed.key) <= 8
    said = ask(cells, streets, tiles_around(cells, network([(0, 0), (100, 0)], (0, 1, []))))
    assert set(said.edge.tolist()) == {-1, 0}


@pytest.mark.parametrize(
    ("cell_m", "walk_cap_m"),
    [(0.0, 150.0), (-1.0, 150.0), (np.nan, 150.0), (np.inf, 150.0), (5.0, 0.0), (5.0, np.nan)],
)
def test_cells_without_a_size_are_refused(cell_m: float, walk_cap_m: float) -> None:
    with pytest.raises(ValueError, match="above 0"):
        make_cells(lattice(2, 2), cell_m=cell_m, walk_cap_m=walk_cap_m)


def test_a_network_without_streets_is_refused() -> None:
    empty = Streets.of_edges(
        version="none",
        plane=PLANE,
        node_xy=np.zeros((0, 2)),
        a=np.zeros(0, np.int32),
        b=np.zeros(0, np.int32),
        line_start=np.zeros(1, np.int64),
        line_xy=np.zeros((0, 2)),
    )

    with pytest.raises(ValueError, match="without streets"):
        make_cells(empty)
