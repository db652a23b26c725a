"""On real streets, too, walks are as long as on a graph in which every point is a node."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import shapely

from geo.routes import route
from geo.snapping import snap, some
from geo.walking import nearest, within
from resolvers.streets import join_files
from sources.streets import read_streets
from sources.walkable import read_walkable
from tests.geo.networks import walks_by_nodes

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from geo.streets import Streets

pytestmark = pytest.mark.real

EXACT_M = 1e-6
STARTS, POINTS = 12, 300

BY_FILE = pytest.mark.parametrize(
    "file", ["beijing_haidian.osm", "helsinki.osm.pbf", "liechtenstein.osm.pbf"]
)


def streets_of(folder: Path, file: str) -> Streets:
    part = read_streets(folder / "c_networks" / file, walkable=read_walkable())
    return join_files([part]).streets


def somewhere(streets: Streets, count: int, seed: int) -> NDArray[np.float64]:
    """Return places some metres off vertices of streets, metres."""
    rng = np.random.default_rng(seed)
    at = rng.integers(len(streets.line_xy), size=count)
    return np.asarray(streets.line_xy[at] + rng.normal(0.0, 25.0, (count, 2)))


@BY_FILE
def test_walks_between_places_are_those_of_the_split_graph(real_data: Path, file: str) -> None:
    streets = streets_of(real_data, file)
    starts = snap(streets, somewhere(streets, STARTS, 1))
    points = snap(streets, somewhere(streets, POINTS, 2))
    truth = walks_by_nodes(streets, starts, points)

    for limit_m in (1_000.0, np.inf):
        found = within(streets, starts, points, limit_m=limit_m)
        ours = np.full(truth.shape, np.inf)
        ours[np.repeat(np.arange(STARTS), np.diff(found.start)), found.point] = found.distance_m
        allowed = np.where(truth <= limit_m, truth, np.inf)
        np.testing.assert_allclose(ours, allowed, rtol=0, atol=EXACT_M)

    together = nearest(streets, starts, points)
    np.testing.assert_allclose(together.distance_m, truth.min(axis=0), rtol=0, atol=EXACT_M)
    assert np.isfinite(truth).mean() > 0.5, "most of the places are connected"


@BY_FILE
def test_places_are_on_the_streets_that_are_nearest_by_another_engine(
    real_data: Path, file: str
) -> None:
    streets = streets_of(real_data, file)
    xy = somewhere(streets, 2_000, 3)
    edge = np.repeat(np.arange(len(streets)), np.diff(streets.line_start))
    tree = shapely.STRtree(np.asarray(shapely.linestrings(streets.line_xy, indices=edge)))
    _, metres = tree.query_nearest(shapely.points(xy), return_distance=True, all_matches=False)

    np.testing.assert_allclose(snap(streets, xy).walk_m, metres, rtol=0, atol=EXACT_M)


@BY_FILE
def test_routes_are_as_long_as_their_walks(real_data: Path, file: str) -> None:
    streets = streets_of(real_data, file)
    xy = somewhere(streets, 60, 4)
    places = snap(streets, xy)
    drawn = 0
    for i in range(0, 60, 2):
        start, point = some(places, [i]), some(places, [i + 1])
        (metres,) = nearest(streets, start, point).distance_m
        if metres < np.inf:
            found = route(streets, start, point, start_xy=xy[i], point_xy=xy[i + 1])
            assert found.length_m == metres
            line_m = np.hypot(*np.diff(found.xy, axis=0).T).sum()
            assert line_m == pytest.approx(metres, abs=EXACT_M)
            drawn += 1
    assert drawn >= 15
