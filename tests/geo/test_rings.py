"""Polygons taken apart: the short way for those of one ring says what the long way says."""

from __future__ import annotations

import numpy as np
import shapely
from hypothesis import given
from hypothesis import strategies as st

from geo.rings import take_apart
from tests.geo.builders import array
from tests.geo.strategies import stars


@given(st.lists(stars(), min_size=1, max_size=5))
def test_polygons_come_apart_as_multipolygons_of_them_do(drawn: list[shapely.Polygon]) -> None:
    found = take_apart(array(drawn))
    wanted = take_apart(array([shapely.MultiPolygon([polygon]) for polygon in drawn]))
    for mine, theirs in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(mine, theirs)
        assert mine.dtype == theirs.dtype


def test_a_ring_is_its_vertices_without_the_closing_one() -> None:
    corners = [(0.0, 0.0), (2.0, 0.0), (2.0, 1.0)]
    other = [(5.0, 5.0), (6.0, 5.0), (6.0, 6.0), (5.0, 6.0)]
    rings = take_apart(array([shapely.Polygon(corners), shapely.Polygon(other)]))
    np.testing.assert_array_equal(rings.xy, [*corners, *other])
    assert rings.start.tolist() == [0, 3, 7]
    assert (rings.part.tolist(), rings.unit.tolist()) == ([0, 1], [0, 1])


def test_an_empty_polygon_among_others_has_no_ring() -> None:
    triangle = shapely.Polygon([(0, 0), (1, 0), (1, 1)])
    rings = take_apart(array([shapely.Polygon(), triangle]))
    assert rings.start.tolist() == [0, 3]
    assert rings.unit.tolist() == [1]
