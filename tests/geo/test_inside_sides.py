"""Where one border alone runs through a square, its sides are told, and nothing else is."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import assume, given
from hypothesis import strategies as st

from geo.inside_cells import NONE, UNSURE, Cells
from geo.inside_sides import Borders

NEAR = 2e-9

COUNTRY = "POLYGON ((0 0, 4 0, 4 4, 0 4, 0 0))"
WEST = "POLYGON ((0 0, 2 0, 2 4, 0 4, 0 0))"
EAST = "POLYGON ((2 0, 4 0, 4 4, 2 4, 2 0))"
TALL_EAST = "POLYGON ((2 0, 4 0, 4 6, 2 6, 2 4, 2 0))"
TALL_EAST_WITHOUT_NODE = "POLYGON ((2 0, 4 0, 4 6, 2 6, 2 0))"
ACROSS = "POLYGON ((1 1, 3 1, 3 3, 1 3, 1 1))"
ISLAND = "POLYGON ((8 8, 9 8, 9 9, 8 9, 8 8))"
CLOCKWISE_EAST = "POLYGON ((2 0, 2 4, 4 4, 4 0, 2 0))"
RING = "POLYGON ((0 0, 4 0, 4 4, 0 4, 0 0), (1 1, 3 1, 3 3, 1 3, 1 1))"


@pytest.mark.parametrize(
    ("texts", "apart"),
    [
        ([WEST], True),
        ([WEST, EAST], True),
        ([WEST, CLOCKWISE_EAST], True),
        ([WEST, TALL_EAST, ISLAND], True),
        ([RING, ACROSS], True),
        ([WEST, TALL_EAST_WITHOUT_NODE], False),  # they meet, but not at vertices: left open
        ([WEST, WEST], False),
        ([COUNTRY, ACROSS], False),
        ([COUNTRY, WEST, EAST], False),
        ([WEST, EAST, ACROSS], False),
        ([ACROSS, TALL_EAST], False),
    ],
)
def test_polygons_that_lie_on_one_another_are_found_by_their_borders(
    texts: list[str], apart: bool
) -> None:
    shapes = np.asarray(shapely.from_wkt(texts), object)

    assert Borders.of(shapes).are_apart(shapes, shapely.STRtree(shapes), NEAR) is apart


def test_a_border_that_two_share_is_there_once() -> None:
    # 3 vertices at the bottom, 3 at the top; 7 segments, of which the middle one has two sides
    borders = Borders.of(np.asarray(shapely.from_wkt([WEST, CLOCKWISE_EAST]), object))

    assert borders.xy.tolist() == [[0, 0], [0, 4], [2, 0], [2, 4], [4, 0], [4, 4]]
    told = dict(zip(map(tuple, borders.ends.tolist()), borders.beside.tolist(), strict=True))
    assert told == {
        (0, 1): [-1, 0],
        (0, 2): [0, -1],
        (1, 3): [-1, 0],
        (2, 3): [0, 1],
        (2, 4): [1, -1],
        (3, 5): [-1, 1],
        (4, 5): [1, -1],
    }


def test_both_sides_of_a_border_and_of_its_corners_are_told() -> None:
    ring, inner = shapely.from_wkt([RING, ACROSS])
    shapes = np.array([ring, inner], object)
    board = Cells(shapes, shapely.STRtree(shapes), near=NEAR)
    off = 1e-7  # of squares whose side is 0.008: all these places are in squares with a border

    told = {
        (2.0, 1 + off): 1,
        (2.0, 1 - off): 0,
        (1 + off, 1 + off): 1,
        (1 - off, 1 + off): 0,
        (1 - off, 1 - off): 0,
        (3 - off, 3 - off): 1,
        (3 + off, 3 - off): 0,
        (off, off): 0,
        (-off, off): NONE,
        (4 + off, 4 + off): NONE,
        (2.0, 1.0): UNSURE,
        (1.0, 1.0): UNSURE,
    }

    assert board.of(np.array(list(told))).tolist() == list(told.values())
    assert [board.of_one(x, y) for x, y in told] == list(told.values())


CORNER = st.tuples(st.integers(0, 5), st.integers(0, 5))


@given(
    drawn=st.lists(st.lists(CORNER, min_size=3, max_size=5, unique=True), min_size=1, max_size=5),
    seed=st.integers(0, 2**32 - 1),
)
def test_of_polygons_that_lie_anyhow_nothing_wrong_is_told(
    drawn: list[list[tuple[int, int]]], seed: int
) -> None:
    shapes = np.array([shapely.Polygon(ring) for ring in drawn], object)
    assume(shapely.is_valid(shapes).all())
    board = Cells(shapes, shapely.STRtree(shapes), near=NEAR)
    rng = np.random.default_rng(seed)
    lattice = np.stack(np.meshgrid(np.arange(-1, 13), np.arange(-1, 13)), -1).reshape(-1, 2) / 2
    beside = lattice + rng.choice([-1e-3, -1e-8, 1e-8, 1e-3], lattice.shape)
    xy = np.concatenate([lattice, beside, rng.uniform(-1, 6, (50, 2))])

    touched: list[list[int]] = [[] for _ in xy]
    for point, polygon in shapely.STRtree(shapes).query(shapely.points(xy), "intersects").T:
        touched[point].append(int(polygon))

    for found, there in zip(board.of(xy).tolist(), touched, strict=True):
        assert found == UNSURE or there == ([found] if found != NONE else [])
