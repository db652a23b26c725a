"""Lines around points are valid polygons, whatever the points are, and two of them never cross."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geo import outlines
from geo.cells_kernel import TILE
from geo.isochrone_kernel import FAR, Field
from geo.outlines import PARTS, SPECK, outline
from tests.geo.networks import PLANE

if TYPE_CHECKING:
    from numpy.typing import NDArray

CORNER = (5, 7)
"""Column and row of the first tile: nothing depends on where it is."""

few = settings(max_examples=150)


def field_of(values: NDArray[np.int64]) -> Field:
    """Put values, y before x, into the middle of a field of four tiles, across their borders."""
    whole = np.full((2 * TILE, 2 * TILE), FAR, np.int64)
    y, x = TILE - values.shape[0] // 2, TILE - values.shape[1] // 2
    whole[y : y + values.shape[0], x : x + values.shape[1]] = values
    west, south = CORNER
    tiles = [(west, south), (west + 1, south), (west, south + 1), (west + 1, south + 1)]
    return Field(
        np.array(tiles, np.int32),
        np.arange(4, dtype=np.int32).reshape(2, 2),
        west,
        south,
        whole.reshape(2, TILE, 2, TILE).swapaxes(1, 2).reshape(4, TILE, TILE).astype(np.int16),
    )


def place_of(values: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return where the values lie in cells, shape (rows, columns, 2)."""
    y, x = TILE - values.shape[0] // 2, TILE - values.shape[1] // 2
    columns, rows = np.meshgrid(np.arange(values.shape[1]), np.arange(values.shape[0]))
    corner = np.array(CORNER) * TILE + (x, y)
    return np.asarray(np.stack([columns, rows], axis=-1) + corner, np.float64)


def draw_outline(values: NDArray[np.int64]) -> shapely.MultiPolygon:
    return outline(field_of(values), origin=(0.0, 0.0), step=1 / PARTS)


@st.composite
def fields(draw: st.DrawFn) -> NDArray[np.int64]:
    """Draw up to 11 x 11 values: on the verge, mixed, or as far from it as can be."""
    shape = draw(st.tuples(st.integers(1, 11), st.integers(1, 11)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    most = draw(st.sampled_from([1, 4, FAR]))
    beyond = rng.integers(1, most + 1, shape)
    inside = rng.random(shape) < draw(st.sampled_from([0.1, 0.3, 0.5, 0.7, 0.9]))
    return np.where(inside, 1 - beyond, beyond)


@few
@given(fields())
def test_any_values_give_a_valid_shape(values: NDArray[np.int64]) -> None:
    drawn = draw_outline(values)

    assert drawn.is_valid
    assert all(part.exterior.is_ccw for part in drawn.geoms)


@few
@given(fields())
def test_points_lie_on_the_side_that_their_values_say(values: NDArray[np.int64]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(outlines, "SPECK", 0.0)  # a speck or a pinhole is left out otherwise
        drawn = draw_outline(values)

    inside = shapely.contains_xy(drawn, *place_of(values).reshape(-1, 2).T).reshape(values.shape)
    np.testing.assert_array_equal(inside, values <= 0)
    points = shapely.multipoints(place_of(values).reshape(-1, 2))
    assert not inside.any() or shapely.distance(drawn.boundary, points) > 0.04


@few
@given(fields())
def test_specks_and_pinholes_are_all_that_is_left_out(values: NDArray[np.int64]) -> None:
    drawn = draw_outline(values)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(outlines, "SPECK", 0.0)
        whole = draw_outline(values)

    def area(ring: shapely.LinearRing) -> float:
        return shapely.Polygon(ring).area

    large = [part for part in whole.geoms if area(part.exterior) > SPECK]
    kept = [
        shapely.Polygon(part.exterior, [hole for hole in part.interiors if area(hole) > SPECK])
        for part in large
    ]
    assert drawn.equals(shapely.MultiPolygon(kept))


@few
@given(fields(), st.integers(0, 2**32 - 1))
def test_what_grows_holds_what_it_held_before(values: NDArray[np.int64], seed: int) -> None:
    rng = np.random.default_rng(seed)
    less = rng.integers(0, rng.choice([2, 1000, 2 * FAR]), values.shape)
    smaller, larger = draw_outline(values), draw_outline(np.maximum(values - less, -FAR))

    assert smaller.is_empty or larger.covers(smaller)
    # and so it does in degrees of seven decimals, for cells of 5 m
    metres = [shapely.transform(g, lambda xy: 5 * (xy - 200)) for g in (smaller, larger)]
    degrees = PLANE.unproject(np.array(metres, object))
    small, large = shapely.transform(degrees, lambda xy: np.round(xy, 7))
    assert small.is_valid
    assert large.is_valid
    assert small.is_empty or large.covers(small)


def test_a_point_by_itself_is_a_diamond_cut_at_a_sixteenth() -> None:
    # values -1 within and 3 around: a quarter of the way, 4 of 16 parts
    values = np.full((3, 3), 3)
    values[1, 1] = -1
    around = np.full((5, 5), 3)
    around[1:4, 1:4] = -1

    nothing, drawn = draw_outline(values), draw_outline(around)

    # the diamond has 2 (1/4)^2 = 1/8 cells: a speck; nine points make 2 x 2 cells, a rim of 1/4
    assert nothing.is_empty
    assert drawn.area == pytest.approx(4 + 4 * 2 / 4 + 4 / 2 / 16)


@pytest.mark.parametrize(
    ("high", "parts"), [(1, 1), (3, 2)], ids=["mean below the limit", "mean above it"]
)
def test_two_points_across_are_joined_when_their_mean_is_inside(high: int, parts: int) -> None:
    # . #     two blocks of points that meet across a corner
    # # .
    values = np.full((6, 6), high)
    values[:3, :3], values[3:, 3:] = -2, -2

    drawn = draw_outline(values)

    assert len(drawn.geoms) == parts


def test_a_pinhole_is_closed_and_a_hole_is_not() -> None:
    pinhole, hole = np.full((5, 5), -FAR), np.full((7, 7), -FAR)
    pinhole[2, 2] = FAR  # a diamond of half a cell each way: half a cell of land
    hole[2:5, 2:5] = FAR

    assert len(draw_outline(pinhole).geoms[0].interiors) == 0
    assert len(draw_outline(hole).geoms[0].interiors) == 1
    assert SPECK > 0.5


def test_an_island_in_a_lake_is_a_polygon_of_its_own() -> None:
    values = np.full((13, 13), -FAR)
    values[2:11, 2:11] = FAR
    values[5:8, 5:8] = -FAR

    land = draw_outline(values)

    assert len(land.geoms) == 2
    assert [len(part.interiors) for part in land.geoms] == [1, 0]


def test_a_lake_beside_a_lake_is_a_hole_of_the_same_land() -> None:
    # one row of lakes of different depth, so that each is found by way of another
    values = np.full((12, 22), -FAR)
    for k, x in enumerate(range(2, 20, 4)):
        values[2 + k % 3 : 8, x : x + 3] = FAR

    land = draw_outline(values)

    assert len(land.geoms) == 1
    assert len(land.geoms[0].interiors) == 5


def test_nothing_inside_is_an_empty_shape() -> None:
    assert draw_outline(np.full((3, 3), 1)).is_empty
