"""Batches of points count towards the bounds of variables, although nobody walks through them."""

from __future__ import annotations

from typing import Any

import pytest

from geo.errors import WanggeError
from schema.batches import batches_in
from schema.shape import MAX_LIST, MAX_VALUES, check_variables

POINT = {"lon": 104.0, "lat": 38.0}
NAMES = ("a", "b", "c", "d")


def refusal(variables: dict[str, Any], *, walked: bool) -> str | None:
    known = {} if walked else batches_in(NAMES, variables)
    try:
        check_variables(variables, known)
    except WanggeError as error:
        return str(error)
    return None


@pytest.mark.parametrize(
    ("variables", "fine"),
    [
        ({"a": [POINT] * MAX_LIST}, True),
        ({"a": [POINT] * (MAX_LIST + 1)}, False),
        ({"a": [POINT] * 20_000, "b": [POINT] * 20_000}, True),
        ({"a": [POINT] * 20_000, "b": [POINT] * 20_000, "c": [1] * 4_997}, True),  # 3 names, too
        ({"a": [POINT] * 20_000, "b": [POINT] * 20_000, "c": [1] * 4_998}, False),
        ({"a": [POINT] * 14_000, "b": [POINT] * 14_000, "c": [POINT] * 14_000}, False),
        ({"a": POINT, "b": 7, "c": None, "d": {"deep": [POINT]}}, True),
    ],
)
def test_the_bounds_are_the_same_walked_or_not(variables: dict[str, Any], *, fine: bool) -> None:
    assert MAX_VALUES == 125_000, "what the cases are drawn for"

    walked = refusal(variables, walked=True)

    assert (walked is None) is fine
    assert refusal(variables, walked=False) == walked


def test_what_is_beyond_the_bounds_is_not_read_as_points() -> None:
    assert not batches_in(NAMES, {name: [POINT] * 14_000 for name in "abc"})
    assert len(batches_in(NAMES, {name: [POINT] * 13_000 for name in "abc"})) == 3
