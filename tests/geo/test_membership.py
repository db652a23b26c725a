"""Units that come piece by piece take the same points as all of them at once."""

from __future__ import annotations

from random import Random

import numpy as np
import shapely
from hypothesis import given
from hypothesis import strategies as st
from shapely import box

from geo.locate import NOWHERE, locate
from geo.membership import Membership

SIDE = 6
places = st.tuples(st.integers(-1, 2 * SIDE + 1), st.integers(-1, 2 * SIDE + 1))
"""Half steps: every other one lies on a border."""


@given(
    points=st.lists(places, min_size=1, max_size=60),
    taken=st.lists(st.booleans(), min_size=SIDE * SIDE, max_size=SIDE * SIDE),
    piece=st.integers(1, SIDE * SIDE),
    seed=st.randoms(use_true_random=False),
)
def test_pieces_give_each_point_to_the_unit_that_locate_finds(
    points: list[tuple[int, int]],
    taken: list[bool],
    piece: int,
    seed: Random,
) -> None:
    # a board of squares, some of which are missing, with codes in no order of place
    squares = [box(x, y, x + 1, y + 1) for x in range(SIDE) for y in range(SIDE)]
    seed.shuffle(squares)
    geoms = np.array([s for s, there in zip(squares, taken, strict=True) if there], object)
    codes = [f"{i:02}" for i in range(len(geoms))]
    lonlat = np.array(points, np.float64) / 2

    members = Membership(shapely.STRtree(np.asarray(shapely.points(lonlat))))
    for start in range(0, len(geoms), piece):
        numbers = np.arange(start, min(start + piece, len(geoms)))
        members.take(geoms[numbers], numbers)

    np.testing.assert_array_equal(members.unit, locate(lonlat, geoms, codes).unit)


def test_points_in_no_unit_stay_in_none() -> None:
    points = np.asarray(shapely.points([(0.5, 0.5), (3.0, 3.0)]))

    members = Membership(shapely.STRtree(points))
    members.take(np.array([box(0, 0, 1, 1)], object), np.array([7]))

    assert members.unit.tolist() == [7, NOWHERE]


def test_without_points_nothing_is_taken() -> None:
    members = Membership(shapely.STRtree([]))

    members.take(np.array([box(0, 0, 1, 1)], object), np.array([0]))

    assert len(members.unit) == 0
