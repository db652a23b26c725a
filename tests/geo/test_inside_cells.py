"""A board of squares says nothing that geometry would not say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from geo.inside import Polygons
from geo.inside_cells import NONE, UNSURE, Cells

if TYPE_CHECKING:
    from numpy.typing import NDArray

NEAR = 2e-9


def slices(seed: int, count: int) -> NDArray[np.object_]:
    """Return the cells round so many drawn points: long ones, thin ones, all beside one another."""
    rng = np.random.default_rng(seed)
    drawn = shapely.multipoints(rng.normal(size=(count, 2)) * [1.0, 0.2] + [106.0, 24.0])
    return np.asarray(shapely.get_parts(shapely.voronoi_polygons(drawn)), object)


def board_of(shapes: NDArray[np.object_], near: float = NEAR) -> Cells:
    return Cells(shapes, shapely.STRtree(shapes), near=near)


def assert_true(shapes: NDArray[np.object_], xy: NDArray[np.float64], near: float = NEAR) -> float:
    """Compare what squares tell with every polygon; return how often they tell something."""
    told = board_of(shapes, near).of(xy)
    points = list(np.asarray(shapely.points(xy), object))
    for n, found in enumerate(told.tolist()):
        if found == UNSURE:
            continue
        touched = np.flatnonzero(shapely.intersects(shapes, points[n])).tolist()
        assert touched == ([found] if found != NONE else [])
        assert shapely.distance(shapely.boundary(shapes), points[n]).min() > near
    return float((told != UNSURE).mean())


@given(seed=st.integers(0, 2**32 - 1), count=st.integers(3, 40))
def test_what_squares_tell_is_so(seed: int, count: int) -> None:
    shapes = slices(seed, count)
    rng = np.random.default_rng(seed)
    west, south, east, north = shapely.total_bounds(shapes).tolist()
    anywhere = rng.uniform((west - 0.1, south - 0.1), (east + 0.1, north + 0.1), (40, 2))
    corners = rng.permutation(shapely.get_coordinates(shapes))[:20]
    beside = corners + rng.choice([-1e-8, 1e-9, 1e-6], corners.shape)

    assert_true(shapes, np.concatenate([anywhere, corners, beside]))


@given(seed=st.integers(0, 2**32 - 1), near=st.sampled_from([1e-9, 1e-4, 0.05]))
def test_it_tells_nothing_near_a_border(seed: int, near: float) -> None:
    shapes = slices(seed, 12)
    rng = np.random.default_rng(seed)
    rings = shapely.boundary(shapes)
    on_border = shapely.get_coordinates(
        shapely.line_interpolate_point(rings, rng.uniform(size=len(rings)), normalized=True)
    )
    off = on_border + rng.uniform(-near, near, on_border.shape) * 0.7  # at most near away

    assert (board_of(shapes, near).of(off) == UNSURE).all()


def test_most_points_are_told_at_once() -> None:
    west, south = np.divmod(np.arange(64.0), 8)
    shapes = np.asarray(shapely.box(west, south, west + 1, south + 1), object)
    anywhere = np.random.default_rng(7).uniform(0, 8, (1_000, 2))

    # of 64 squares to a box's side, one or two at each end meet a border: those at corners are open
    assert assert_true(shapes, anywhere) > 1 - (4 / 64) ** 2 - 0.005


def test_holes_are_none_and_what_lies_on_one_another_is_left_open() -> None:
    ring = shapely.box(0, 0, 9, 9).difference(shapely.box(3, 3, 6, 6))
    shapes = np.array([ring, shapely.box(20, 0, 22, 2), shapely.box(21, 0, 23, 2)], object)
    board = board_of(shapes)

    xy = np.array([[1.5, 1.5], [4.5, 4.5], [20.5, 1.0], [21.5, 1.0], [15.0, 5.0], [99.0, 1.0]])
    assert board.of(xy).tolist() == [0, NONE, 1, UNSURE, NONE, NONE]


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
def test_what_is_no_place_is_beside_the_board(odd: float) -> None:
    board = board_of(slices(1, 5))

    assert board.of(np.array([[odd, 24.0], [106.0, odd]])).tolist() == [NONE, NONE]


@given(seed=st.integers(0, 2**32 - 1))
def test_one_point_is_told_what_many_are(seed: int) -> None:
    shapes = slices(seed, 20)
    board = board_of(shapes)
    xy = np.random.default_rng(seed).normal(size=(50, 2)) * [2.0, 0.5] + [106.0, 24.0]

    assert [board.of_one(x, y) for x, y in xy.tolist()] == board.of(xy).tolist()


@given(seed=st.integers(0, 2**32 - 1))
def test_polygons_answer_alike_whichever_way_they_are_asked(seed: int) -> None:
    shapes = slices(seed, 20)
    polygons = Polygons(shapes, near=NEAR)
    rng = np.random.default_rng(seed)
    drawn = rng.normal(size=(50, 2)) * [2.0, 0.5] + [106.0, 24.0]
    xy = np.concatenate([drawn, rng.permutation(shapely.get_coordinates(shapes))[:10]])

    found = polygons.holding(xy)
    held: list[list[int]] = [[] for _ in xy]
    for point, polygon in zip(found.point.tolist(), found.polygon.tolist(), strict=True):
        held[point].append(polygon)

    touching = [
        np.flatnonzero(shapely.intersects(shapes, one)).tolist()
        for one in np.asarray(shapely.points(xy), object)
    ]
    for n, (x, y) in enumerate(xy.tolist()):
        near = bool(found.near[n])
        assert near or held[n] == touching[n]
        assert polygons.around(x, y) == (None if near else held[n])
        only = UNSURE if near or len(held[n]) > 1 else (held[n] or [NONE])[0]
        assert polygons.single(xy[n : n + 1])[0] == only
    assert found.near[-10:].all(), "corners are on borders"


def test_a_board_is_no_larger_than_it_may_be() -> None:
    west = np.arange(40_000) % 200
    south = np.arange(40_000) // 200
    shapes = np.asarray(shapely.box(west, south, west + 1, south + 1), object)

    board = board_of(shapes)

    squares = 4 * 2049 * 2049  # a number of 40,000 takes four bytes
    assert squares < board.nbytes < 2 * squares, "sides take less than the board"
    middles = np.column_stack([west + 0.5, south + 0.5])
    assert board.of(middles).tolist() == list(range(40_000))
