"""Packed geometries: few bytes, and the same shapes when a reader of another make unpacks them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from shapely import LineString, MultiPoint, MultiPolygon, Point, Polygon, box

from geo.packing import MOST_STEPS, Frame, pack, varints

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shapely.geometry.base import BaseGeometry

FRAME = Frame(100.0, -50.0, 0.5)


def array(geoms: Sequence[BaseGeometry | None]) -> np.ndarray[tuple[int], np.dtype[np.object_]]:
    made = np.empty(len(geoms), object)
    made[:] = geoms
    return made


def numbers(packed: bytes) -> list[int]:
    """Return the numbers of varints, one bit after the other."""
    found, value, shift = [], 0, 0
    for byte in packed:
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            found.append(value)
            value, shift = 0, 0
    assert shift == 0, "the last number ends"
    return found


def signed(number: int) -> int:
    """Return what a zigzagged number stands for: 0, -1, 1, -2 for 0, 1, 2, 3."""
    return number // 2 if number % 2 == 0 else -(number + 1) // 2


def unpacked(geoms: Sequence[BaseGeometry | None], frame: Frame) -> list[list[list[list[float]]]]:
    """Return the vertices of each part of each geometry, in metres."""
    packed = pack(array(geoms), frame)
    counts, steps = iter(numbers(packed.counts)), iter(numbers(packed.steps))
    x = y = 0
    shapes = []
    for _ in geoms:
        parts = []
        for _ in range(next(counts)):
            part = []
            for _ in range(next(counts)):
                x += signed(next(steps))
                y += signed(next(steps))
                part.append([frame.west_m + x * frame.step_m, frame.south_m + y * frame.step_m])
            parts.append(part)
        shapes.append(parts)
    assert next(counts, None) is None
    assert next(steps, None) is None
    return shapes


def test_varints_have_seven_bits_a_byte() -> None:
    written = varints(np.array([0, 127, 128, 16383, 16384, 2**35 - 1], np.int64))

    assert written.hex(" ") == "00 7f 80 01 ff 7f 80 80 01 ff ff ff ff 7f"


@given(st.lists(st.integers(min_value=0, max_value=2**35 - 1)))
def test_varints_come_back(values: list[int]) -> None:
    assert numbers(varints(np.array(values, np.int64))) == values


def test_each_geometry_comes_back_part_by_part() -> None:
    holed = Polygon(
        [(100, -50), (110, -50), (110, -40), (100, -40)],
        [[(102, -48), (102, -44), (106, -44), (106, -48)]],
    )
    geoms = [
        holed,
        None,
        MultiPolygon([box(120, 0, 121, 1), box(130, 0, 131, 1)]),
        LineString([(100, 0), (105.5, 3)]),
        MultiPoint([(101, 1), (102, 2)]),
        Point(),
        shapely.GeometryCollection([Point(103, 3), MultiPolygon([box(140, 0, 141, 1)])]),
    ]

    found = unpacked(geoms, FRAME)

    assert found[0] == [
        [[100, -50], [110, -50], [110, -40], [100, -40]],
        [[102, -48], [102, -44], [106, -44], [106, -48]],
    ], "rings without their last vertex, which is the first"
    assert found[1] == []
    assert [len(part) for part in found[2]] == [4, 4]
    assert found[3] == [[[100, 0], [105.5, 3]]]
    assert found[4] == [[[101, 1]], [[102, 2]]]
    assert found[5] == []
    assert sorted(len(part) for part in found[6]) == [1, 4]


def test_vertices_that_fall_together_are_one() -> None:
    # steps of half a metre: (110.1, -50) falls on (110, -50)
    ring = Polygon([(100, -50), (110, -50), (110.1, -50), (110, -40)])
    speck = box(120, 0, 120.1, 0.1)

    found = unpacked([ring, speck], FRAME)

    assert found[0] == [[[100, -50], [110, -50], [110, -40]]]
    assert found[1] == [[[120, 0]]], "a ring smaller than a step keeps a vertex"


@given(
    st.lists(
        st.lists(
            st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)),
            min_size=2,
            max_size=8,
            unique=True,
        ),
        max_size=6,
    )
)
def test_lines_come_back_to_the_step(lines: list[list[tuple[int, int]]]) -> None:
    frame = Frame(0.0, 0.0, 1.0)

    found = unpacked([LineString(line) for line in lines], frame)

    assert found == [[[list(xy) for xy in line]] for line in lines]


def test_nothing_packs_to_nothing() -> None:
    packed = pack(array([]), FRAME)

    assert (packed.counts, packed.steps, packed.vertices) == (b"", b"", 0)


@pytest.mark.parametrize(("side", "step"), [(1000.0, 0.001), (4e7, 4e7 / MOST_STEPS)])
def test_a_frame_is_as_fine_as_its_side_allows(side: float, step: float) -> None:
    frame = Frame.around(np.array([5.0, 7.0, 5.0 + side, 8.0]), 0.001)

    assert frame == Frame(5.0, 7.0, step)


def test_neighbours_share_their_vertices_after_packing() -> None:
    # a border with vertices off the grid: both come to the same steps
    border = [(110.13, -50.02), (110.37, -45.26), (110.11, -40.2)]
    west = Polygon([(100, -50), *border, (100, -40)])
    east = Polygon([*border, (120, -40), (120, -50)])

    [[left], [right]] = unpacked([west, east], FRAME)

    common = [vertex for vertex in left if vertex in right]
    assert common == [[110.0, -50.0], [110.5, -45.5], [110.0, -40.0]]
