"""What bounds the land of a file, and how far it lies from the borders that stand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.crs import LocalMetric
from geo.deciding import decide
from geo.fitting import Borders, Fit, distances_apart, outline_of
from geo.ground import Ground

if TYPE_CHECKING:
    from numpy.typing import NDArray

METRIC = LocalMetric(105.0, 38.5)


def array(*geoms: object) -> NDArray[np.object_]:
    return np.array([*geoms, None], dtype=object)[:-1]


def lattice(count: int, side: float = 100.0) -> NDArray[np.object_]:
    """Draw count x count squares, corner on corner."""
    x, y = np.meshgrid(np.arange(count) * side, np.arange(count) * side)
    return np.asarray(shapely.box(x.ravel(), y.ravel(), x.ravel() + side, y.ravel() + side))


def on_boundary(xy: NDArray[np.float64], land: shapely.Geometry) -> NDArray[np.float64]:
    return np.asarray(shapely.distance(shapely.points(xy), shapely.boundary(land)))


def test_the_outline_of_a_lattice_is_its_edge() -> None:
    outline = outline_of(lattice(5))

    assert on_boundary(outline.xy, shapely.box(0, 0, 500, 500)).max() == 0.0
    assert not outline.scattered
    # Evenly: as many points on each side, but for the few beside a corner of two squares.
    sides = np.column_stack([outline.xy == 0.0, outline.xy == 500.0]).sum(axis=0)
    assert sides.min() > 0.9 * sides.max()


def test_holes_and_further_parts_have_outlines_too() -> None:
    ring = shapely.box(0, 0, 300, 300).difference(shapely.box(100, 100, 200, 200))
    far = shapely.box(900, 0, 1000, 100)

    outline = outline_of(array(shapely.union(ring, far)))

    assert on_boundary(outline.xy, shapely.union(ring, far)).max() == 0.0
    hole = np.abs(outline.xy - 150.0).max(axis=1) <= 50.0
    # 400 of 2000 metres of border.
    assert hole.mean() == pytest.approx(0.2, abs=0.01)


@given(st.floats(0.001, 2.0), st.integers(0, 1000))
@settings(max_examples=20)
def test_borders_that_are_drawn_twice_are_not_on_the_outline(noise: float, seed: int) -> None:
    luck = np.random.default_rng(seed)
    corners = shapely.get_coordinates(lattice(6)).reshape(36, 5, 2)
    corners = corners + luck.uniform(-noise, noise, corners.shape)
    corners[:, 4] = corners[:, 0]

    outline = outline_of(np.asarray(shapely.polygons(corners)))

    assert len(outline.xy) > 100
    assert not outline.scattered
    inside = on_boundary(outline.xy, shapely.box(0, 0, 600, 600))
    # Where corners gape, a point of an inner border may find nobody beside it.
    assert np.mean(inside <= 2 * noise) > 0.98


def test_units_that_do_not_touch_are_scattered() -> None:
    assert outline_of(shapely.buffer(lattice(4), -20.0)).scattered
    assert not outline_of(lattice(1)).scattered, "one unit has no neighbour to touch"


def test_what_is_no_polygon_has_no_outline() -> None:
    nothing = array(None, shapely.Point(1, 1), shapely.LineString([(0, 0), (1, 1)]))

    assert outline_of(nothing).xy.shape == (0, 2)
    assert len(outline_of(np.concatenate([nothing, lattice(1)])).xy) > 0


def test_of_many_edges_some_are_looked_at_in_pairs() -> None:
    """180,000 edges twice, 1,200 once: whatever is picked, nothing within counts as outline."""
    outline = outline_of(lattice(300))

    assert len(outline.xy) > 500
    assert on_boundary(outline.xy, shapely.box(0, 0, 30_000, 30_000)).max() == 0.0


def degrees(*metres: tuple[float, float]) -> NDArray[np.float64]:
    return METRIC.inverse(np.array(metres))


def ground_of(geoms: NDArray[np.object_]) -> Ground:
    lonlat = np.asarray(shapely.transform(geoms, METRIC.inverse))
    return Ground(shapely.union_all(lonlat), lonlat)


def measured(borders: Borders, lonlat: NDArray[np.float64]) -> Fit:
    return borders.fits([lonlat])[0]


def test_points_that_no_reading_brings_near_do_not_count() -> None:
    """Of three points one is 2 km off; the others are on the border by one reading of two."""
    borders = Borders(ground_of(lattice(1, 1000.0)))
    here = degrees((1000.0, 200.0), (1000.0, 700.0), (3000.0, 500.0))
    there = degrees((1150.0, 200.0), (1150.0, 700.0), (3150.0, 500.0))

    fits = borders.fits([here, there])

    assert fits[0].mean_m == pytest.approx(0.0, abs=0.01)
    assert fits[1].mean_m == pytest.approx(150.0, abs=0.01)


def test_distances_are_metres_to_the_nearest_border() -> None:
    """Two squares of 1 km: the border between them runs at x = 1000."""
    borders = Borders(ground_of(lattice(2, 1000.0)[:2]))

    fit = measured(borders, degrees((1010.0, 500.0), (970.0, 500.0), (500.0, 20.0), (840.0, 500.0)))

    # The nearest three of 10, 30, 20 and 160 metres.
    assert fit.mean_m == pytest.approx(20.0, abs=0.01)
    assert fit.quarter_m == pytest.approx(20.0, abs=0.01)


def test_an_outline_alone_is_a_border_too() -> None:
    whole = ground_of(lattice(1, 1000.0))

    fit = measured(Borders(Ground(whole.outline, whole.parents[:0])), degrees((1010.0, 500.0)))

    assert fit.mean_m == pytest.approx(10.0, abs=0.01)


def test_a_point_that_is_nowhere_is_far() -> None:
    borders = Borders(ground_of(lattice(1, 1000.0)))
    places = np.vstack([degrees((1010.0, 500.0)), [[np.inf, np.nan]]])

    assert measured(borders, places).mean_m == pytest.approx(10.0, abs=0.01)
    assert measured(borders, places[1:]).mean_m == np.inf


def test_readings_are_apart_as_far_as_their_points() -> None:
    here = degrees((0.0, 0.0), (100.0, 0.0), (200.0, 0.0))
    there = degrees((0.0, 50.0), (100.0, 60.0), (200.0, 70.0))

    apart = distances_apart([here, there, np.full((3, 2), np.inf)], METRIC)

    np.testing.assert_allclose(apart[:2, :2], [[0.0, 60.0], [60.0, 0.0]], atol=0.01)
    assert apart[0, 2] == np.inf


APART = np.array([[0.0, 500.0, 1000.0], [500.0, 0.0, 600.0], [1000.0, 600.0, 0.0]])
"""How far WGS 84, GCJ-02 and BD-09 are apart, about."""

DECIDED = [
    # mean and quarter in metres as WGS 84, GCJ-02, BD-09: what is decided, between what to choose
    ([(0, 0), (240, 90), (400, 150)], 0, []),  # as labelled
    ([(240, 90), (1, 0), (400, 150)], 1, []),  # shifted
    ([(400, 150), (240, 90), (5, 1)], 2, []),
    ([(30, 10), (240, 90), (400, 150)], 0, []),  # drawn by somebody else
    ([(240, 90), (45, 12), (400, 150)], 1, []),
    ([(240, 90), (230, 80), (250, 95)], 0, []),  # nothing fits
    ([(240, 90), (150, 60), (400, 150)], 0, []),  # something less badly, but not well
    ([(240, 90), (100, 10), (400, 150)], None, [0, 1]),  # a part of it well
    ([(240, 90), (20, 5), (25, 5)], None, [0, 1, 2]),  # two alike
    ([(60, 20), (5, 1), (400, 150)], None, [0, 1]),  # both not badly
    ([(20, 1), (4, 1), (400, 150)], 0, []),  # the label well
    ([(1200, 400), (1000, 0), (1300, 500)], None, [0, 1]),  # a quarter exactly, nothing else
]


@pytest.mark.parametrize(("drawn", "chosen", "rivals"), DECIDED)
def test_only_a_clear_fit_outweighs_what_is_usual(
    drawn: list[tuple[float, float]], chosen: int | None, rivals: list[int]
) -> None:
    decision = decide([Fit(*pair) for pair in drawn], APART, 0)

    assert (decision.chosen, decision.rivals) == (chosen, rivals)


@pytest.mark.parametrize(
    ("means", "chosen", "rivals"),
    [
        ([3, 800, 900], 0, []),
        ([300, 800, 900], None, [0, 1, 2]),  # nothing fits
        ([20, 30, 900], None, [0, 1]),  # two alike
    ],
)
def test_where_nothing_is_usual_only_a_good_fit_is_taken(
    means: list[float], chosen: int | None, rivals: list[int]
) -> None:
    decision = decide([Fit(mean, mean / 2) for mean in means], APART, None)

    assert (decision.chosen, decision.rivals) == (chosen, rivals)
