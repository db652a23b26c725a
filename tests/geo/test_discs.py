"""Without streets, the same questions are answered by straight lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from geo.discs import disc, nearest_by_air, union_of_discs, within_by_air

if TYPE_CHECKING:
    from numpy.typing import NDArray

places = st.lists(
    st.tuples(st.integers(0, 12).map(float), st.integers(0, 12).map(float)), max_size=12
).map(lambda drawn: np.array(drawn, np.float64).reshape(-1, 2))
"""Places with whole coordinates, so that many are as far, and some are the same."""

limits = st.sampled_from([0.0, 1.0, 5.0, np.inf]) | st.floats(0.0, 20.0)


def table(starts: NDArray[np.float64], points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return all distances, shape (s, k)."""
    return np.asarray(np.hypot(*np.moveaxis(starts[:, None] - points[None, :], -1, 0)))


@given(starts=places, points=places, limit_m=limits)
def test_the_nearest_is_the_first_of_the_nearest(
    starts: NDArray[np.float64], points: NDArray[np.float64], limit_m: float
) -> None:
    found = nearest_by_air(starts, points, limit_m=limit_m)

    far_m = table(starts, points)
    least_m = far_m.min(axis=0, initial=np.inf)
    near = (least_m <= limit_m) & np.isfinite(least_m)
    np.testing.assert_array_equal(found.distance_m, np.where(near, least_m, np.inf))
    first = far_m.argmin(axis=0) if len(starts) else np.zeros(len(points))
    np.testing.assert_array_equal(found.start, np.where(near, first, -1))
    assert found.start.dtype == np.int32


@given(starts=places, points=places, limit_m=limits.filter(np.isfinite))
def test_within_are_all_points_that_are_near_enough(
    starts: NDArray[np.float64], points: NDArray[np.float64], limit_m: float
) -> None:
    found = within_by_air(starts, points, limit_m=limit_m)

    far_m = table(starts, points)
    start, point = np.nonzero(far_m <= limit_m)
    np.testing.assert_array_equal(np.repeat(np.arange(len(starts)), np.diff(found.start)), start)
    np.testing.assert_array_equal(found.point, point)
    np.testing.assert_array_equal(found.distance_m, far_m[start, point])
    assert len(found.start) == len(starts) + 1


def test_many_stations_on_one_spot_are_the_first_of_them() -> None:
    starts = np.array([[9.0, 9.0], *[[3.0, 4.0]] * 50])

    found = nearest_by_air(starts, np.zeros((1, 2)))

    assert (found.distance_m.tolist(), found.start.tolist()) == ([5.0], [1])


def test_a_ring_of_stations_as_far_as_one_another_gives_the_first() -> None:
    # all at 5 m from the middle
    ring = [(3, 4), (4, 3), (5, 0), (4, -3), (3, -4), (0, -5), (-3, -4), (-5, 0), (0, 5)]
    starts = np.array([(50, 50), *ring], np.float64)[::-1]

    found = nearest_by_air(starts, np.zeros((1, 2)))

    assert (found.distance_m.tolist(), found.start.tolist()) == ([5.0], [0])


def test_a_disc_is_a_polygon_whose_corners_lie_on_the_circle() -> None:
    drawn = disc(np.array([3.0, 4.0]), 1000.0)

    corners = shapely.get_coordinates(drawn) - [3.0, 4.0]
    assert len(corners) == 129
    np.testing.assert_allclose(np.hypot(*corners.T), 1000.0, rtol=1e-12)
    assert drawn.area == pytest.approx(np.pi * 1000.0**2, rel=5e-4)


@given(st.floats(1.0, 2e4), st.floats(1.0, 2e4))
def test_a_smaller_disc_lies_in_a_larger_one(one: float, other: float) -> None:
    low, high = sorted((one, other))
    here = np.array([100.0, 200.0])

    assert disc(here, high).buffer(1e-9).covers(disc(here, low))


def test_discs_that_meet_are_one_and_others_are_not() -> None:
    # 300 m radius: the first two overlap, the third is 1 km away
    starts = np.array([(0.0, 0.0), (400.0, 0.0), (1400.0, 0.0)])

    drawn = union_of_discs(starts, 300.0)

    assert len(drawn.geoms) == 2
    # two circles at 400 m share a lens of 2 r^2 acos(d / 2r) - d / 2 sqrt(4 r^2 - d^2)
    lens = 2 * 300**2 * np.arccos(400 / 600) - 200 * np.sqrt(4 * 300**2 - 400**2)
    assert drawn.area == pytest.approx(3 * np.pi * 300**2 - lens, rel=1e-3)


@pytest.mark.parametrize("metres", [0.0, 1000.0])
def test_of_no_station_there_is_no_disc(metres: float) -> None:
    assert union_of_discs(np.zeros((0, 2)), metres).is_empty
    assert union_of_discs(np.zeros((1, 2)), 0.0).is_empty
    assert len(within_by_air(np.zeros((0, 2)), np.zeros((3, 2)), limit_m=metres).point) == 0
