"""Borders are measured to in pieces of several edges, and outlines are looked for in a sample."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from geo import fitting
from geo.crs import LocalMetric
from geo.fitting import LINE, Borders, outline_of
from geo.ground import Ground
from tests.geo.strategies import seeds

METRIC = LocalMetric(105.0, 38.5)


@given(seed=seeds, corners=st.sampled_from([3, LINE - 1, LINE, LINE + 1, 2 * LINE, 5 * LINE]))
def test_the_distance_to_pieces_is_that_to_the_whole_border(seed: int, corners: int) -> None:
    rng = np.random.default_rng(seed)
    angle = 2 * np.pi * np.arange(corners) / corners
    ring = np.column_stack([np.cos(angle), np.sin(angle)]) * rng.uniform(500, 900, (corners, 1))
    flat = shapely.Polygon(ring, [ring * 0.2] if corners % 2 else [])
    land = METRIC.unproject(np.array([flat], object))[0]
    borders = Borders(Ground(land, np.array([land], object)))
    points = rng.uniform(-1000, 1000, (1, 2))

    (fit,) = borders.fits([METRIC.inverse(points)])

    straight = shapely.boundary(borders.metric.project(np.array([land], object))[0])
    there = borders.metric.forward(METRIC.inverse(points))
    assert fit.mean_m == pytest.approx(
        shapely.distance(straight, shapely.Point(there[0])), abs=1e-6
    )


@pytest.mark.parametrize("edges", [50, 400, 10_000])
def test_a_sample_of_the_edges_has_both_copies_of_an_inner_one_or_neither(
    edges: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fitting, "EDGES", edges)
    x, y = np.meshgrid(np.arange(40.0), np.arange(40.0))  # 6400 edges, 160 of them outside
    outline = outline_of(
        np.asarray(shapely.box(x.ravel(), y.ravel(), x.ravel() + 1, y.ravel() + 1))
    )

    edge = shapely.boundary(shapely.box(0, 0, 40, 40))
    on_edge = np.atleast_1d(shapely.distance(shapely.points(outline.xy), edge))
    assert len(on_edge) == 0 or on_edge.max() == 0.0
    assert not outline.scattered
