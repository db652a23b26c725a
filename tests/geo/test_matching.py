"""The quick look before noding: it says yes only where noding changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.chain import boundaries
from geo.crs import round9
from geo.matching import Vertices, is_matched
from geo.noding import MERGE_M, node
from geo.validity import as_multipolygons
from tests.geo.builders import PLANE, array, box, draw_nest, node_level, polygon, sums_of
from tests.geo.strategies import Dirty, rough_coverages, seeds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from geo.segments import Sums

    Geoms = NDArray[np.object_]

NOBODY: Geoms = np.zeros(0, object)


def degrees(geoms: Geoms) -> Geoms:
    return as_multipolygons(
        np.asarray(shapely.transform(geoms, lambda xy: round9(PLANE.to_lonlat(xy))))
    )


def looks_matched(sent: Geoms, stored: Geoms, sums: Sums, former: Geoms = NOBODY) -> bool:
    plane = shapely.get_coordinates(sent)
    vertices = Vertices(plane, round9(PLANE.to_lonlat(plane)))
    rings = boundaries(degrees(sent))
    return is_matched(vertices, rings, stored, sums, PLANE, former=former)


def halves(bend_m: float) -> Geoms:
    """Draw two halves of a square of 100 m; their wall is bent in its middle."""
    wall = [(50.0, 0.0), (50.0 + bend_m, 50.0), (50.0, 100.0)]
    return array(
        [
            polygon((0, 0), *wall, (0, 100)),
            polygon((100, 0), (100, 100), *wall[::-1]),
        ]
    )


def square(*more: tuple[float, float]) -> Geoms:
    """Draw the parent of the halves with the wall's ends among its vertices."""
    ring = [(0.0, 0.0), (50.0, 0.0), (100.0, 0.0), (100.0, 100.0), (50.0, 100.0), (0.0, 100.0)]
    return degrees(array([polygon(*ring, *more)]))


def noded_as_it_was(sent: Geoms, stored: Geoms, sums: Sums, former: Geoms = NOBODY) -> bool:
    """Return what noding itself says."""
    noded = node(sent, stored, sums, PLANE, former=former)
    same = [g.wkb for g in noded.sent] == [g.wkb for g in degrees(sent)]
    return same and not (len(noded.stored_index) or noded.merged or noded.inserted)


@settings(deadline=None, max_examples=30)
@given(seed=seeds, cells=st.integers(1, 4))
def test_what_was_noded_once_is_matched(seed: int, cells: int) -> None:
    nest = draw_nest(np.random.default_rng(seed), cells=cells)
    grids = array(nest.grids)
    sums = sums_of(nest.community_of, len(nest.communities))
    communities = degrees(array(nest.communities))
    first = node(grids, communities, sums, PLANE)
    communities[first.stored_index] = first.stored

    assert looks_matched(grids, communities, sums) == noded_as_it_was(grids, communities, sums)
    again = PLANE.project(first.sent)
    assert looks_matched(again, communities, sums, first.sent)


@settings(deadline=None, max_examples=60)
@given(dirty=rough_coverages)
def test_a_yes_means_that_noding_changes_nothing(dirty: Dirty) -> None:
    for layer, parents in (
        (dirty.layer, dirty.parents.geoms),
        node_level(dirty.layer, dirty.parents)[:2],
    ):
        above = parents if isinstance(parents, np.ndarray) else parents.geoms
        sent, sums = PLANE.project(layer.geoms), sums_of(layer.parent_of, len(above))
        if looks_matched(sent, above, sums):
            assert noded_as_it_was(sent, above, sums)


@pytest.mark.parametrize("bend_m", [0.001, 0.019, 0.021, 1.0])
def test_vertices_near_to_those_that_stood_are_for_noding(bend_m: float) -> None:
    # Both halves follow the new wall: every sum is zero, however near the old one is.
    sent, former, sums = halves(30.0 + bend_m), degrees(halves(30.0)), sums_of([0, 0], 1)

    assert looks_matched(sent, square(), sums, former) == (bend_m > MERGE_M)
    assert noded_as_it_was(sent, square(), sums, former) == (bend_m > MERGE_M)


@pytest.mark.parametrize(("x", "y"), [(0.0, 0.0), (-25.03, 12.51), (0.049, 0.049)])
@pytest.mark.parametrize("angle", range(0, 360, 15))
def test_near_means_near_in_every_direction(x: float, y: float, angle: int) -> None:
    # Whatever cell a vertex falls into, one 19 mm away is seen and one 21 mm away is not.
    def with_middle(off_m: float) -> Geoms:
        at = off_m * np.cos(np.radians(angle)), off_m * np.sin(np.radians(angle))
        wall = [(50.0, 0.0), (50.0 + x + at[0], 50.0 + y + at[1]), (50.0, 100.0)]
        west = polygon((0, 0), *wall, (0, 100))
        return array([west, polygon((100, 0), (100, 100), *wall[::-1])])

    former, sums = degrees(with_middle(0.0)), sums_of([0, 0], 1)
    assert not looks_matched(with_middle(0.019), square(), sums, former)
    assert looks_matched(with_middle(0.021), square(), sums, former)


UNMATCHED = {
    "a gap": [box(0, 0, 49, 100), box(50, 0, 100, 100)],
    "a node too many": [
        polygon((0, 0), (50, 0), (50, 50), (50, 100), (0, 100)),
        box(50, 0, 100, 100),
    ],
    "a vertex twice": [
        polygon((0, 0), (50, 0), (50, 0), (50, 100), (0, 100)),
        box(50, 0, 100, 100),
    ],
    "a spike": [
        polygon((0, 0), (50, 0), (50, 100), (25, 100), (25, 150), (25, 100), (0, 100)),
        box(50, 0, 100, 100),
    ],
    "twisted alike": [
        polygon((0, 0), (50, 100), (50, 0), (0, 100)),
        polygon((50, 0), (50, 100), (100, 100), (100, 0)),
    ],
}


@pytest.mark.parametrize("sent", UNMATCHED.values(), ids=UNMATCHED)
def test_what_noding_would_change_or_cannot_mend_is_not_matched(
    sent: Sequence[shapely.Polygon],
) -> None:
    assert not looks_matched(array(sent), square(), sums_of([0, 0], 1))


def test_two_halves_of_a_square_are_matched() -> None:
    assert looks_matched(halves(0.0), square(), sums_of([0, 0], 1)) is True
