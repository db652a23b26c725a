"""Land measured from bytes is the land of PROJ's projection, and of the ellipsoid."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
import shapely
from hypothesis import example, given
from hypothesis import strategies as st
from pyproj import Geod

from geo.areas import areas_of_wkb
from geo.crs import LocalMetric
from geo.wkb import to_wkb

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

CENTRES = st.tuples(
    st.floats(-180.0, 180.0).map(lambda lon: round(lon, 6)),
    st.floats(-89.9, 89.9).map(lambda lat: round(lat, 6)),
)


def array(*geoms: BaseGeometry | None) -> NDArray[np.object_]:
    out = np.empty(len(geoms), object)
    out[:] = geoms
    return out


def projected_m2(metric: LocalMetric, geoms: NDArray[np.object_]) -> list[float]:
    """Return the land as PROJ projects it and GEOS measures it."""
    areas: list[float] = shapely.area(metric.project(geoms)).tolist()
    return areas


@given(
    centre=CENTRES,
    off=st.tuples(st.floats(-5.0, 5.0), st.floats(-0.5, 0.5)),
    size=st.floats(1e-4, 0.5),
    corners=st.integers(3, 40),
)
@example(centre=(0.0, 0.0), off=(0.0, 0.0), size=0.1, corners=4)
@example(centre=(180.0, 10.0), off=(0.1, 0.0), size=0.3, corners=5)  # across the date line
@example(centre=(114.0, 89.9), off=(2.0, -0.5), size=0.1, corners=6)
def test_it_is_the_land_that_proj_projects(
    centre: tuple[float, float], off: tuple[float, float], size: float, corners: int
) -> None:
    angle = 2 * math.pi * np.arange(corners) / corners
    lat = centre[1] + off[1]
    lat = max(min(lat, 89.9 - size), size - 89.9)
    ring = np.column_stack([np.cos(angle), np.sin(angle)]) * size + (centre[0] + off[0], lat)
    hole = (ring - ring.mean(axis=0)) * 0.3 + ring.mean(axis=0)
    far = ring + np.array([3 * size, 0.0])
    geoms = array(
        shapely.Polygon(ring),
        shapely.Polygon(ring[::-1], [hole]),
        shapely.MultiPolygon([shapely.Polygon(ring, [hole]), shapely.Polygon(far)]),
        shapely.Polygon(),
        shapely.MultiPolygon(),
    )
    metric = LocalMetric(*centre)

    np.testing.assert_allclose(
        metric.area_m2(geoms), projected_m2(metric, geoms), rtol=1e-9, atol=1e-6
    )


def test_a_square_kilometre_has_the_land_of_the_ellipsoid() -> None:
    # Geod follows geodesics and the projection straight lines: at this size nothing lies between.
    square = shapely.box(114.0, 30.0, 114.01, 30.009)
    land, _ = Geod(ellps="WGS84").geometry_area_perimeter(square)

    (found,) = areas_of_wkb(to_wkb(array(square)), 114.1, 30.1)

    assert found == pytest.approx(land, rel=1e-6)


def test_what_is_no_place_has_no_land() -> None:
    metric = LocalMetric(10.0, 20.0)
    opposite = shapely.box(189.9, -20.1, 190.1, -19.9)  # a corner of it is no place on the plane
    beyond = shapely.box(0.0, 89.0, 1.0, 91.0)
    nowhere = shapely.Polygon([(0, 0), (1, 0), (math.inf, 1)])

    found = metric.area_m2(array(shapely.Polygon([(190, -20), *opposite.exterior.coords[1:4]])))
    assert found.tolist() == [0.0]
    assert metric.area_m2(array(beyond, nowhere)).tolist() == [0.0, 0.0]


def test_missing_geometries_and_points_have_no_land() -> None:
    metric = LocalMetric(0.5, 0.5)
    square = shapely.box(0, 0, 1, 1)

    found = metric.area_m2(array(None, shapely.Point(0, 0), square))

    np.testing.assert_allclose(found, [0.0, 0.0, *projected_m2(metric, array(square))])


def test_near_a_pole_it_is_projs_own() -> None:
    metric = LocalMetric(0.0, 89.95)
    ground = array(shapely.box(-40, 89.2, 40, 89.9))

    assert metric.area_m2(ground).tolist() == projected_m2(metric, ground)
    assert metric.area_of_wkb(to_wkb(ground)).tolist() == projected_m2(metric, ground)


@pytest.mark.parametrize("size", [1, 100, 2**24])
def test_it_does_not_matter_in_which_pieces_the_bytes_come(
    size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("geo.wkb.CHUNK", size)
    squares = array(*(shapely.box(west, 0, west + 1, 1) for west in range(50)))

    found = areas_of_wkb(to_wkb(squares), 25.0, 0.0)

    np.testing.assert_allclose(found, projected_m2(LocalMetric(25.0, 0.0), squares), rtol=1e-9)


@pytest.mark.parametrize(
    "wkb",
    [
        None,
        b"",
        shapely.to_wkb(shapely.Point(1, 2)),
        shapely.to_wkb(shapely.box(0, 0, 1, 1), byte_order=0),
        shapely.to_wkb(shapely.box(0, 0, 1, 1))[:-1],
        shapely.to_wkb(shapely.MultiPolygon([shapely.box(0, 0, 1, 1)]))[:12],
    ],
)
def test_bytes_of_no_polygon_are_refused(wkb: bytes | None) -> None:
    with pytest.raises(ValueError, match="geometr"):
        areas_of_wkb([shapely.to_wkb(shapely.box(0, 0, 1, 1)), wkb], 0.0, 0.0)
