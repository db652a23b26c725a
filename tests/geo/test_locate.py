"""Points to units: the border rule, against a search through every unit."""

from __future__ import annotations

import numpy as np
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.locate import NOWHERE, locate
from tests.geo.builders import PLANE, array, box, draw_nest
from tests.geo.strategies import seeds

# Four units around the middle; 10 sorts before 9, as bytes do.
#   +----+----+
#   | 9  | 10 |
#   +----+----+
#   | b  | a  |
#   +----+----+
FOUR = {
    "9": box(0, 10, 10, 20),
    "10": box(10, 10, 20, 20),
    "b": box(0, 0, 10, 10),
    "a": box(10, 0, 20, 10),
}


def located_codes(points: list[tuple[float, float]]) -> list[str | None]:
    codes = list(FOUR)
    lonlat = np.round(PLANE.to_lonlat(np.array(points)), 9)
    found = locate(lonlat, PLANE.degrees(array(FOUR.values())), codes)
    return [codes[i] if i != NOWHERE else None for i in found.unit.tolist()]


def test_on_a_shared_border_the_bytewise_smallest_code_is_chosen() -> None:
    assert located_codes([(5, 10), (10, 15), (15, 10), (10, 5), (10, 10)]) == [
        "9",
        "10",
        "10",
        "a",
        "10",
    ]


def test_inside_outside_and_on_the_rim() -> None:
    assert located_codes([(5, 5), (15, 5), (0, 0), (20, 20), (20.0001, 20), (-3, 5)]) == [
        "b",
        "a",
        "b",
        "10",
        None,
        None,
    ]


def test_codes_are_compared_as_bytes_and_those_without_one_come_last() -> None:
    # In UTF-8 'Z' < 'a' < '网': no language's order. A null code gives way to any.
    twice = array([box(0, 0, 1, 1)] * 4)
    middle = np.round(PLANE.to_lonlat(np.array([[0.5, 0.5]])), 9)

    for codes, chosen in [
        ((None, "网", "a", "Z"), 3),
        ((None, "网", "a", "b"), 2),
        ((None, "网", "网1", None), 1),
    ]:
        assert locate(middle, PLANE.degrees(twice), codes).unit.tolist() == [chosen]


def test_two_units_with_the_point_inside_are_counted_and_named() -> None:
    pair = PLANE.degrees(array([box(0, 0, 10, 10), box(5, 0, 15, 10)]))
    lonlat = np.round(PLANE.to_lonlat(np.array([[2, 5], [7, 5], [10, 5], [15, 5], [20, 5]])), 9)

    found = locate(lonlat, pair, ["a", "b"])

    assert found.inside.tolist() == [1, 2, 1, 0, 0]
    assert found.on_border.tolist() == [False, False, True, True, False]
    point, unit = found.pairs
    assert sorted(zip(point.tolist(), unit.tolist(), strict=True)) == [
        (0, 0),
        (1, 0),
        (1, 1),
        (2, 1),
    ]


@settings(deadline=None, max_examples=25)
@given(seed=seeds, points=st.lists(st.tuples(st.floats(-9, 220), st.floats(-9, 220)), max_size=20))
def test_every_point_agrees_with_a_search_through_all_units(
    seed: int, points: list[tuple[float, float]]
) -> None:
    rng = np.random.default_rng(seed)
    units = PLANE.degrees(array(draw_nest(rng, blocks=1).grids))
    codes = [f"{rng.integers(1000)}-{i}" for i in range(len(units))]
    corners = shapely.get_coordinates(units)[::3]  # points that lie on borders for certain
    lonlat = np.round(np.concatenate([PLANE.to_lonlat(np.reshape(points, (-1, 2))), corners]), 9)

    found = locate(lonlat, units, codes)

    for k, xy in enumerate(lonlat):
        point = shapely.Point(xy)
        touching = [c for c, unit in zip(codes, units, strict=True) if unit.intersects(point)]
        smallest = min(touching, key=str.encode) if touching else None
        assert (codes[found.unit[k]] if found.unit[k] != NOWHERE else None) == smallest
        assert found.on_border[k] == any(unit.boundary.intersects(point) for unit in units)
        assert found.inside[k] == sum(unit.contains(point) for unit in units)


def test_no_points_and_no_units_are_no_trouble() -> None:
    units = PLANE.degrees(array(FOUR.values()))

    assert locate(np.zeros((0, 2)), units, list(FOUR)).unit.shape == (0,)
    found = locate(np.array([[100.0, 30.0]]), np.empty(0, object), [])
    assert found.unit.tolist() == [NOWHERE]
    assert found.inside.tolist() == [0]
