"""Land that polygons have in common, drawn in metres."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely import Polygon, box

from geo.shares import SLIVER_M2, common_land, whole

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry


class Metres:
    """A plane that is in metres already."""

    def project(self, geoms: NDArray[np.object_]) -> NDArray[np.object_]:
        """Return them as they are."""
        return geoms


def shared(unit: BaseGeometry, *others: BaseGeometry) -> tuple[float, list[float]]:
    """Return the land of a unit, and what each of the others has of it."""
    found = common_land(
        np.array([unit], object),
        np.array(others, object),
        np.zeros(len(others), np.intp),
        Metres(),
    )
    return float(found.unit_m2[0]), found.common_m2.tolist()


def test_a_square_shares_half_a_quarter_and_nothing() -> None:
    assert shared(box(0, 0, 10, 10), box(-5, 0, 5, 10), box(5, 5, 20, 20), box(10, 0, 20, 10)) == (
        100.0,
        [50.0, 25.0, 0.0],
    )


def test_what_covers_or_is_covered_counts_whole() -> None:
    assert shared(box(0, 0, 10, 10), box(-1, -1, 11, 11), box(2, 2, 4, 4)) == (100.0, [100.0, 4.0])


def test_a_sliver_belongs_to_nobody_and_does_not_count_in_the_units_land() -> None:
    # 0.1 mm of a kilometre is 0.1 m2 of 1 km2: less than a millionth of both
    unit = box(0, 0, 1000, 1000)

    land, parts = shared(unit, box(0, 0, 999.9999, 1000), box(999.9999, 0, 2000, 1000))

    assert parts == [pytest.approx(999999.9), 0.0]
    assert land == pytest.approx(999999.9)


def test_little_land_that_is_all_of_a_small_unit_is_no_sliver() -> None:
    # 900 m2 are less than a millionth of a district of 1000 km2
    assert shared(box(0, 0, 32000, 32000), box(10, 10, 40, 40))[1] == [900.0]
    tiny = box(0, 0, 0.05, 0.05)
    assert tiny.area < SLIVER_M2
    assert shared(tiny, box(0, 0, 1, 1))[1] == [pytest.approx(tiny.area)]


def test_a_twisted_polygon_shares_the_land_that_it_encloses() -> None:
    bow_tie = Polygon([(0, 0), (10, 10), (10, 0), (0, 10)])

    land, parts = shared(bow_tie, box(0, 0, 5, 10))

    assert (land, parts) == (50.0, [25.0])


@given(cuts=st.lists(st.floats(0.01, 0.99), min_size=0, max_size=8, unique=True))
def test_strips_of_a_square_add_up_to_it(cuts: list[float]) -> None:
    sides = [-1.0, *sorted(cuts), 2.0]
    strips = [box(west * 100, -5, east * 100, 105) for west, east in pairwise(sides)]

    land, parts = shared(box(0, 0, 100, 100), *strips)

    assert sum(parts) == pytest.approx(land, rel=1e-12)


def test_parts_that_fill_a_unit_but_for_a_millionth_are_shares_of_one_another() -> None:
    assert whole(100.0, 100.00001) == 100.00001
    assert whole(100.0, 99.0) == 100.0
    assert whole(0.0, 0.0) == 0.0
