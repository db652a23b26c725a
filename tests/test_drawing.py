"""Large levels are drawn in a process of its own."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from geo.crs import LocalMetric
from geo.simplify import simplify_together
from resolvers.drawing import draw_apart

METRIC = LocalMetric(121.5, 31.2)


def shaken_board() -> np.ndarray[tuple[int], np.dtype[np.object_]]:
    """Return 3 x 3 units of 1 km in degrees, with many vertices a little off each border."""
    rng = np.random.default_rng(5)
    lines = [
        shapely.LineString(np.column_stack([along, at + rng.normal(0, 8, len(along))][::way]))
        for way in (1, -1)
        for at in (-1500, -500, 500, 1500)
        for along in [np.linspace(-2000, 2000, 200)]
    ]
    faces = shapely.get_parts(shapely.polygonize([shapely.union_all(lines)]))
    return np.asarray(METRIC.unproject(faces[shapely.area(faces) > 500_000]), object)


def test_a_process_apart_draws_the_same_vertices() -> None:
    stored = shaken_board()
    assert len(stored) == 9

    apart = draw_apart(stored, METRIC, 50.0)

    here = simplify_together(stored, METRIC, 50.0)
    assert shapely.to_wkb(apart).tolist() == shapely.to_wkb(here).tolist()
    assert shapely.get_num_coordinates(apart).sum() < shapely.get_num_coordinates(stored).sum() / 4


def test_nothing_is_drawn_as_nothing() -> None:
    assert len(draw_apart(np.empty(0, object), METRIC, 50.0)) == 0


def test_a_process_that_fails_says_so() -> None:
    with pytest.raises(RuntimeError, match=r"(?s)ended with 1: .*ValueError"):
        draw_apart(shaken_board(), METRIC, "much")  # type: ignore[arg-type]  # no number
