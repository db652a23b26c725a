"""The width of land: the diameter of its largest inscribed circle."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from shapely import affinity
from shapely.geometry.base import BaseGeometry

from geo.width import inscribed_width
from tests.geo.builders import array, box, polygon

WITHIN = 0.02
"""What a width may be off by, as a share."""


def width_of(geom: BaseGeometry) -> float:
    return float(inscribed_width(array([geom]))[0])


@given(long=st.floats(1.0, 5000.0), narrow=st.floats(0.001, 1.0), turn=st.floats(0.0, 180.0))
def test_a_rectangle_is_as_wide_as_its_shorter_side(
    long: float, narrow: float, turn: float
) -> None:
    lying = affinity.rotate(box(0, 0, long, narrow), turn, origin=(0, 0))

    assert width_of(lying) == pytest.approx(narrow, rel=WITHIN)


@given(radius=st.floats(0.01, 5000.0))
def test_a_disc_is_as_wide_as_its_diameter(radius: float) -> None:
    assert width_of(shapely.Point(3, 4).buffer(radius, quad_segs=64)) == pytest.approx(
        2 * radius, rel=WITHIN
    )


@given(a=st.floats(0.1, 1000.0), b=st.floats(0.1, 1000.0))
def test_a_right_triangle_has_its_incircle(a: float, b: float) -> None:
    # The diameter of the incircle of a right triangle is a + b - c.
    assert width_of(polygon((0, 0), (a, 0), (0, b))) == pytest.approx(
        2 * a * b / (a + b + np.hypot(a, b)), rel=WITHIN
    )


def test_a_sliver_of_a_kilometre_and_a_millimetre_is_a_millimetre_wide() -> None:
    assert width_of(box(0, 0, 1000, 0.001)) == pytest.approx(0.001, rel=WITHIN)
    wedge = polygon((0, 0), (1000, 0), (1000, 0.002))
    assert width_of(wedge) == pytest.approx(0.002, rel=WITHIN)


def test_an_angle_of_two_streets_is_widest_at_its_corner() -> None:
    # Two arms of width 1: the circle at (c, c) touches both outer sides and the inner corner
    # (1, 1), so c = sqrt(2) (1 - c).
    arms = polygon((0, 0), (9, 0), (9, 1), (1, 1), (1, 9), (0, 9))

    assert width_of(arms) == pytest.approx(2 * np.sqrt(2) / (1 + np.sqrt(2)), rel=WITHIN)


def test_a_ring_of_land_is_as_wide_as_the_band() -> None:
    band = shapely.Point(0, 0).buffer(100, quad_segs=64) - shapely.Point(0, 0).buffer(
        97, quad_segs=64
    )

    assert width_of(band) == pytest.approx(3.0, rel=WITHIN)


def test_land_around_scattered_houses_is_as_wide_as_what_fits_between_them() -> None:
    # 10 x 10 houses of 10 m, 100 m apart: a circle between four of them touches their corners,
    # which are 45 * sqrt(2) m from the middle of a square of free land of 90 m.
    houses = [
        box(100 * i + 45, 100 * j + 45, 100 * i + 55, 100 * j + 55)
        for i in range(10)
        for j in range(10)
    ]
    land = box(0, 0, 1000, 1000) - shapely.union_all(houses)

    assert width_of(land) == pytest.approx(2 * 45 * np.sqrt(2), rel=WITHIN)


def test_land_with_a_long_thin_tail_is_as_wide_as_its_body() -> None:
    body = polygon(
        (0, 0), (1, 0), (1, 0.5), (9999, 0.5), (9999, 0.5001), (1, 0.5001), (1, 1), (0, 1)
    )

    assert width_of(body) == pytest.approx(1.0, rel=WITHIN)


def test_of_several_parts_the_widest_counts() -> None:
    parts = shapely.MultiPolygon([box(0, 0, 10, 1), box(20, 0, 23, 3), box(30, 0, 40, 2)])

    assert width_of(parts) == pytest.approx(3.0, rel=WITHIN)


def test_each_of_many_polygons_has_its_own_width() -> None:
    squares = [box(0, 0, side, side) for side in (0.001, 1.0, 20.0, 9000.0)]

    np.testing.assert_allclose(
        inscribed_width(array(squares)), [0.001, 1.0, 20.0, 9000.0], rtol=WITHIN
    )


def test_what_encloses_no_land_has_no_width() -> None:
    nothing = [shapely.Polygon(), shapely.MultiPolygon(), polygon((0, 0), (1, 1), (2, 2))]

    assert inscribed_width(array(nothing)).tolist() == [0.0, 0.0, 0.0]
    assert inscribed_width(np.empty(0, object)).shape == (0,)
