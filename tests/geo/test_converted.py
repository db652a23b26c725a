"""Polygons written straight as bytes are what GEOS builds, turns and writes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

import geo.converted
from geo.chain import chains
from geo.converted import Converted, converted
from geo.crs import round9
from geo.validity import as_multipolygons
from tests.geo.builders import array, box
from tests.geo.strategies import stars

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Geoms = NDArray[np.object_]

SCALE = 1e-5
"""Metres of the drawings as degrees, roughly."""


def degrees(xy: NDArray[np.float64]) -> NDArray[np.float64]:
    return round9(xy * SCALE)


def convert(geoms: Geoms) -> Converted:
    xy = shapely.get_coordinates(geoms)
    return converted(geoms, xy, degrees(xy))


def as_they_are(geoms: Geoms) -> Converted:
    xy = shapely.get_coordinates(geoms)
    return converted(geoms, xy, xy + 0.0)


def by_geos(geoms: Geoms) -> Geoms:
    """Return the same MultiPolygons as GEOS makes them, one after the other."""
    return as_multipolygons(np.asarray(shapely.transform(geoms, degrees)))


def require_same(geoms: Geoms) -> None:
    found, wanted = convert(geoms), by_geos(geoms)
    assert found.wkb == shapely.to_wkb(wanted, output_dimension=2, byte_order=1).tolist()
    assert shapely.equals_exact(found.geoms, wanted).all()
    np.testing.assert_array_equal(found.rings.valid, shapely.is_valid(wanted))
    np.testing.assert_array_equal(found.rings.chain, chains(wanted))


ODD = {
    "clockwise": "POLYGON ((0 0, 0 9, 9 9, 9 0, 0 0))",
    "counter-clockwise": "POLYGON ((0 0, 9 0, 9 9, 0 9, 0 0))",
    "with a hole": "POLYGON ((0 0, 0 9, 9 9, 9 0, 0 0), (1 1, 1 2, 2 2, 2 1, 1 1))",
    "of one part": "MULTIPOLYGON (((0 0, 0 9, 9 9, 9 0, 0 0)))",
    "of one part with a hole": "MULTIPOLYGON (((0 0, 0 9, 9 9, 0 0), (1 2, 1 3, 2 3, 1 2)))",
    "of two parts": "MULTIPOLYGON (((0 0, 0 1, 1 1, 0 0)), ((5 5, 5 9, 9 9, 5 5)))",
    "with heights": "POLYGON Z ((0 0 1, 0 9 1, 9 9 2, 9 0 1, 0 0 1))",
    "a bow-tie": "POLYGON ((0 0, 9 9, 9 0, 0 9, 0 0))",
    "a line there and back": "POLYGON ((0 0, 9 9, 5 5, 0 0))",
    "that touches itself": "POLYGON ((0 0, 4 0, 4 4, 9 9, 0 9, 4 4, 0 0))",
    "with a vertex twice": "POLYGON ((0 0, 0 9, 0 9, 9 9, 9 0, 0 0))",
    "thinner than rounding": "POLYGON ((0 0, 90000 0.0001, 90000 0.0002, 0 0))",
    "empty": "POLYGON EMPTY",
    "empty of many parts": "MULTIPOLYGON EMPTY",
}


@pytest.mark.parametrize("wkt", ODD.values(), ids=ODD.keys())
def test_a_polygon_is_written_as_geos_writes_it(wkt: str) -> None:
    require_same(array([shapely.from_wkt(wkt)]))


def test_odd_polygons_among_others_change_nothing_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(geo.converted, "CHUNK", 300)  # two or three polygons each
    every = [shapely.from_wkt(wkt) for wkt in ODD.values()]
    plain = [box(10.0 * i, 0.0, 10.0 * i + 10.0, 10.0) for i in range(20)]
    mixed = [geom for pair in zip(every, plain, strict=False) for geom in pair] + plain
    require_same(array(mixed))


@given(st.lists(stars(), min_size=1, max_size=4), st.lists(st.booleans(), min_size=4, max_size=4))
def test_whatever_is_drawn_is_written_as_geos_writes_it(
    drawn: list[shapely.Polygon], turned: list[bool]
) -> None:
    require_same(
        array([shapely.reverse(g) if t else g for g, t in zip(drawn, turned, strict=False)])
    )


def test_nothing_is_made_of_nothing() -> None:
    found = convert(np.zeros(0, object))
    assert (len(found.geoms), found.wkb, len(found.rings.chain)) == (0, [], 0)


def test_only_what_keeps_every_vertex_in_its_order_is_as_sent() -> None:
    names = ["counter-clockwise", "of one part", "clockwise", "with heights", "a bow-tie"]
    geoms = array([shapely.from_wkt(ODD[name]) for name in names])
    geoms[1] = shapely.reverse(geoms[1])  # counter-clockwise, too
    assert as_they_are(geoms).as_sent.tolist() == [True, True, False, False, False]


def test_a_vertex_that_rounding_moves_is_not_as_sent() -> None:
    ring = [(0.0, 0.0), (9.0, 0.0), (9.0, 9.0), (0.0, 9.0000000001)]
    geoms = array([shapely.Polygon(ring), shapely.Polygon([*ring[:3], (0.0, 9.0)])])
    xy = shapely.get_coordinates(geoms)
    assert converted(geoms, xy, round9(xy)).as_sent.tolist() == [False, True]


def test_minus_zero_is_not_as_sent() -> None:
    sent = array([shapely.Polygon([(-0.0, 0.0), (9.0, 0.0), (9.0, 9.0)])])
    assert as_they_are(sent).as_sent.tolist() == [False]
    assert as_they_are(sent).wkb == shapely.to_wkb(by_hand(), byte_order=1).tolist()


def by_hand() -> Geoms:
    return array([shapely.MultiPolygon([shapely.Polygon([(0, 0), (9, 0), (9, 9)])])])
