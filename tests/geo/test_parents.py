"""Which unit lies under which: by column, prefix and place, and what is said when they differ."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from shapely.geometry.base import BaseGeometry

from geo.findings import Kind, Severity
from geo.layers import NO_PARENT, Parents
from geo.parents import Family, find_parents
from tests.geo.builders import PLANE, array, box, draw_nest, draw_parents
from tests.geo.strategies import seeds

# Two communities side by side; their codes are 12 digits in real life.
#   +------+------+
#   |  11  |  12  |
#   +------+------+
#   0     100    200
PARENTS = {"11": box(0, 0, 100, 100), "12": box(100, 0, 200, 100)}
IN_11, IN_12, NOWHERE = box(10, 10, 40, 40), box(120, 10, 160, 40), box(500, 500, 510, 510)


def family(
    units: Sequence[BaseGeometry],
    codes: Sequence[str | None],
    named: Sequence[str | None] | None = None,
    parents: Parents | None = None,
) -> Family:
    return find_parents(
        "grid",
        PLANE.degrees(array(units)),
        codes,
        named=named or [None] * len(units),
        rows=np.arange(1, len(units) + 1),
        parents=parents or draw_parents(PARENTS),
    )


def test_the_column_the_prefix_and_the_place_each_serve() -> None:
    found = family(
        [IN_11, IN_12, IN_11, IN_12],
        ["x1", "12001", "y", None],
        ["11", None, None, None],
    )

    assert found.parent_of.tolist() == [0, 1, 0, 1]
    assert found.findings == []
    assert (found.by_column, found.by_code, found.by_place) == (1, 1, 2)


def test_the_longest_prefix_is_the_one_that_is_meant() -> None:
    parents = draw_parents({"1": box(0, 0, 100, 100), "110": box(100, 0, 200, 100)})

    # Both parents touch the line that the unit lies across, in equal shares.
    across = box(80, 10, 120, 20)
    assert family([across], ["110007"], parents=parents).parent_of.tolist() == [1]
    assert family([IN_11], ["107"], parents=parents).parent_of.tolist() == [0]


def test_a_code_is_no_prefix_of_itself() -> None:
    assert family([IN_12], ["11"]).findings == []


def test_a_column_that_the_place_contradicts_is_a_blocking_finding() -> None:
    found = family([IN_12], ["12001"], ["11"])

    assert found.parent_of.tolist() == [1]
    (told,) = found.findings
    assert told.kind is Kind.WRONG_PARENT
    assert told.severity is Severity.BLOCKING
    assert (told.units, told.rows) == (("12001",), (1,))
    assert "11" in told.message
    assert "12" in told.message


def test_a_prefix_that_the_place_contradicts_is_a_warning() -> None:
    found = family([IN_11, IN_12, IN_12], ["11001", "12001", "11005"])

    assert found.parent_of.tolist() == [0, 1, 1]
    (told,) = found.findings
    assert told.kind is Kind.WRONG_PARENT
    assert told.severity is Severity.WARNING
    assert (told.units, told.rows) == (("11005",), (3,))


def test_codes_that_begin_like_some_parent_by_chance_are_no_hint() -> None:
    # Most of them lie elsewhere: these codes are not built from their parents'.
    found = family([IN_12, IN_12, IN_11], ["11a", "11b", "11c"])

    assert found.parent_of.tolist() == [1, 1, 0]
    assert found.findings == []


def test_a_column_that_agrees_with_the_place_silences_the_prefix() -> None:
    assert family([IN_12], ["11005"], ["12"]).findings == []


def test_a_column_that_names_no_parent_is_told_and_the_place_serves() -> None:
    found = family([IN_11], ["x"], ["99"])

    assert found.parent_of.tolist() == [0]
    assert [f.kind for f in found.findings] == [Kind.WRONG_PARENT]
    assert "99" in found.findings[0].message
    assert "not exist" in found.findings[0].message


@pytest.mark.parametrize("named", [None, "11", "99"])
def test_a_unit_that_lies_in_no_parent_is_an_orphan_whatever_it_names(named: str | None) -> None:
    found = family([NOWHERE], ["11001"], [named])

    assert found.parent_of.tolist() == [NO_PARENT]
    (told,) = found.findings
    assert told.kind is Kind.ORPHAN
    assert told.severity is Severity.BLOCKING
    assert told.units == ("11001",)
    assert told.geometry is not None


def test_a_unit_that_only_touches_a_parent_is_an_orphan() -> None:
    assert [f.kind for f in family([box(200, 0, 220, 20)], ["z"]).findings] == [Kind.ORPHAN]


def test_the_larger_share_of_land_decides() -> None:
    #   30 m of it in 11 and 70 m in 12, and the other way round
    assert family([box(70, 0, 170, 10), box(30, 0, 130, 10)], ["p", "q"]).parent_of.tolist() == [
        1,
        0,
    ]


def test_the_larger_share_decides_against_a_column_too() -> None:
    # 70 m of it in 11, 30 m in 12, and the column says 12.
    found = family([box(30, 0, 130, 10)], ["p"], ["12"])

    assert found.parent_of.tolist() == [0]
    assert [f.kind for f in found.findings] == [Kind.WRONG_PARENT]


def test_a_column_is_believed_while_a_point_of_the_unit_lies_there() -> None:
    assert family([box(60, 0, 140, 10)], ["p"], ["11"]).parent_of.tolist() == [0]
    assert family([box(60, 0, 140, 10)], ["p"], ["12"]).parent_of.tolist() == [1]
    assert family([box(60, 0, 140, 10)], ["p"], ["12"]).findings == []


def test_an_outline_without_a_code_is_found_by_place() -> None:
    outline = Parents([None], PLANE.degrees(array([box(0, 0, 200, 100)])))
    found = family([IN_11, IN_12], ["a", None], parents=outline)

    assert found.parent_of.tolist() == [0, 0]
    assert found.findings == []


def test_a_unit_without_a_code_is_named_by_its_row() -> None:
    (told,) = family([IN_11, NOWHERE], ["a", None]).findings

    assert (told.units, told.rows) == ((), (2,))
    assert "row 2" in told.message


def test_no_units_and_no_parents_are_no_trouble() -> None:
    none = Parents([], np.empty(0, object))

    assert family([], []).parent_of.shape == (0,)
    assert [f.kind for f in family([IN_11], ["a"], parents=none).findings] == [Kind.ORPHAN]


@settings(deadline=None, max_examples=20)
@given(seed=seeds)
def test_every_grid_of_a_nest_finds_its_community_by_place_alone(seed: int) -> None:
    nest = draw_nest(np.random.default_rng(seed), off_m=(0.001, 0.009))
    parents = draw_parents({f"c{i}": land for i, land in enumerate(nest.communities)})

    found = family(nest.grids, [None] * len(nest.grids), parents=parents)

    np.testing.assert_array_equal(found.parent_of, nest.community_of)
    assert found.findings == []
    assert found.by_place == len(nest.grids)
