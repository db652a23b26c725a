"""Points and polygons: inside, outside, or too near a border to say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from geo.inside import INDEXED, LARGE, Polygons

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIDE = 4
NEAR = 1e-6


def board(*, corners: int = 1) -> NDArray[np.object_]:
    """Return SIDE x SIDE unit squares, row by row, with so many vertices on each side."""
    along = np.arange(corners) / corners
    zero, one = np.zeros(corners), np.ones(corners)
    ring = np.concatenate(
        [
            np.column_stack([along, zero]),
            np.column_stack([one, along]),
            np.column_stack([1 - along, one]),
            np.column_stack([zero, 1 - along]),
        ]
    )
    return np.array(
        [shapely.Polygon(ring + np.array([x, y])) for y in range(SIDE) for x in range(SIDE)], object
    )


PLAIN = Polygons(board(), near=NEAR)
INDEXED_ONES = Polygons(board(corners=LARGE), near=NEAR)

anywhere = st.floats(-1.0, SIDE + 1.0, allow_subnormal=False)
on_lines = st.sampled_from([-NEAR, 0.0, 1.0, 2.0, 2 + NEAR / 2, 3.0, float(SIDE)])
coordinate = anywhere | on_lines


@pytest.mark.parametrize("polygons", [PLAIN, INDEXED_ONES], ids=["plain", "indexed"])
@given(drawn=st.lists(st.tuples(coordinate, coordinate), min_size=1, max_size=20))
def test_a_point_of_a_board_is_in_the_square_of_its_whole_numbers(
    polygons: Polygons, drawn: list[tuple[float, float]]
) -> None:
    found = polygons.holding(np.array(drawn))

    held = dict(zip(found.point.tolist(), found.polygon.tolist(), strict=True))
    for n, (x, y) in enumerate(drawn):
        gap = min(abs(x - round(x)), abs(y - round(y)))
        on_board = 0 < x < SIDE and 0 < y < SIDE
        if on_board and gap > 1.01 * NEAR:
            assert held[n] == int(y) * SIDE + int(x)
            assert not found.near[n]
        if on_board and gap < 0.99 * NEAR:
            assert found.near[n], "a line of the board is as near as that"
        if found.near[n] or not on_board:
            assert n not in held


def test_holes_are_outside_and_all_parts_are_inside() -> None:
    ring = shapely.box(0, 0, 3, 3).difference(shapely.box(1, 1, 2, 2))
    both = shapely.union(ring, shapely.box(5, 0, 6, 1))
    polygons = Polygons(np.array([both], object), near=NEAR)

    xy = np.array([[0.5, 0.5], [1.5, 1.5], [5.5, 0.5], [4.0, 0.5], [1.0, 1.5], [6.0, 1.0]])
    found = polygons.holding(xy)

    assert found.point.tolist() == [0, 2]
    assert np.flatnonzero(found.near).tolist() == [4, 5]


def test_a_point_is_inside_of_all_polygons_that_lie_on_one_another() -> None:
    polygons = Polygons(np.array([shapely.box(0, 0, 2, 2), shapely.box(1, 0, 3, 2)]), near=NEAR)

    found = polygons.holding(np.array([[1.5, 1.0]]))

    assert sorted(found.polygon.tolist()) == [0, 1]


def test_no_points_and_no_polygons_are_nothing() -> None:
    assert PLAIN.holding(np.empty((0, 2))).near.shape == (0,)
    nothing = Polygons(np.empty(0, object), near=NEAR).holding(np.array([[0.5, 0.5]]))
    assert not len(nothing.point)
    assert not nothing.near.any()


def test_only_so_many_vertices_are_indexed_and_all_answer_alike() -> None:
    shapes = board(corners=INDEXED // 4 // 2)
    polygons = Polygons(shapes, near=NEAR)

    prepared = [bool(shapely.is_prepared(shape)) for shape in shapes]
    assert 0 < sum(prepared) < len(prepared)
    middles = np.array([[x + 0.5, y + 0.5] for y in range(SIDE) for x in range(SIDE)])
    found = polygons.holding(middles)
    assert dict(zip(found.point.tolist(), found.polygon.tolist(), strict=True)) == {
        n: n for n in range(SIDE * SIDE)
    }
