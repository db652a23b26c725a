"""The comparison of both ways sees every difference but those that GraphQL leaves open."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from resolvers.context import Context
from schema.request import RequestContext
from tests.graphql.asking import TODAY
from tests.graphql.both_ways import Answer, Ways, all_errors, assert_same, compare, shared_of

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

pytestmark = pytest.mark.one_way

COST = {"cost": {"estimated": 1, "limit": 9}}


def answer(data: Any, *errors: Answer) -> Answer:  # noqa: ANN401 - JSON
    return {"data": data, "errors": list(errors), "extensions": COST}


def error(*path: str | int, message: str = "no", code: str = "UNKNOWN") -> Answer:
    return {"message": message, "path": list(path), "extensions": {"code": code}}


def test_the_same_answers_are_the_same_in_whatever_order_errors_come() -> None:
    data = {"a": None, "b": None}

    one, other = answer(data, error("a"), error("b")), answer(data, error("b"), error("a"))

    assert assert_same(one, other) == []


@pytest.mark.parametrize(
    ("fast", "slow"),
    [
        ({"a": 1}, {"a": 2}),
        ({"a": 1}, {"a": 1.0}),
        ({"a": 1}, {"a": True}),
        ({"a": None}, {}),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        ({"a": [{"b": 1, "c": 2}]}, {"a": [{"c": 2, "b": 1}]}),
        ({"a": [1, 2]}, {"a": [2, 1]}),
        ({"a": []}, {"a": None}),
        ({"a": {}}, None),
    ],
)
def test_a_difference_of_values_types_or_order_is_seen(fast: object, slow: object) -> None:
    with pytest.raises(AssertionError):
        assert_same(answer(fast), answer(slow))


@pytest.mark.parametrize(
    "slow",
    [
        answer({"a": None}),
        answer({"a": None}, error("a"), error("a")),
        answer({"a": None}, error("a", message="No")),
        answer({"a": None}, error("a", code="BAD_INPUT")),
        answer({"a": None}, error("a", "b")),
        answer({"a": None}, {"message": "no", "extensions": {"code": "UNKNOWN"}}),
        {**answer({"a": None}, error("a")), "extensions": {}},
    ],
)
def test_an_error_at_a_place_that_may_be_null_is_told_both_ways_word_by_word(slow: Answer) -> None:
    with pytest.raises(AssertionError):
        assert_same(answer({"a": None}, error("a")), slow)


def test_of_several_errors_that_took_the_same_place_any_may_be_told() -> None:
    data = {"a": {"list": None}}
    one, other = error("a", "list", 0, "b"), error("a", "list", 4, "b")

    assert assert_same(answer(data, one), answer(data, other)) == [one, other]
    assert assert_same(answer(data, one, other), answer(data, other)) == [one]
    assert assert_same(answer(None, one), answer(None, other)) == [one, other]


@pytest.mark.parametrize(
    "slow",
    [
        answer({"a": None, "b": None}, error("a", "x")),  # nothing is said of b
        answer({"a": None, "b": None}, error("a", "x"), error("b")),  # b itself, or what is in it?
        answer({"a": None, "b": None}, error("a"), error("b", "x")),
    ],
)
def test_of_each_place_that_is_gone_both_ways_tell_why(slow: Answer) -> None:
    data = {"a": None, "b": None}
    with pytest.raises(AssertionError):
        assert_same(answer(data, error("a", "x"), error("b", "x")), slow)


QUERY = """{ a: units(level: "grid") { nodes { code crosswalk(to: "nowhere") { areaM2 }
  children(level: "grid") { totalCount } } } b: unit(level: "none", code: "1") { code } }"""


@pytest.mark.anyio
async def test_every_error_that_happens_can_be_asked_for(town: AsyncEngine) -> None:
    context = RequestContext(Context(shared_of(town, holds=False), today=TODAY))

    found = await all_errors(QUERY, {}, context)

    paths = {tuple(one["path"]) for one in found}
    fields = ("crosswalk", "children")
    assert paths == {("b",)} | {("a", "nodes", at, name) for at in range(6) for name in fields}
    assert {one["extensions"]["code"] for one in found} <= {"UNKNOWN", "BAD_INPUT"}


@pytest.mark.anyio
async def test_an_error_that_one_way_tells_alone_must_have_happened(town: AsyncEngine) -> None:
    ways = Ways(shared_of(town, holds=False), shared_of(town, holds=False), asyncio.all_tasks())
    told = (await ways.ask(QUERY)).answer
    await ways.settle()
    made_up = error("a", "nodes", 0, "code", message="never", code="UNKNOWN")
    gone = [one for one in told["errors"] if one["path"][0] == "a"]
    other = {**told, "errors": [*(e for e in told["errors"] if e not in gone), made_up]}

    def anew() -> RequestContext:
        return RequestContext(Context(shared_of(town, holds=False), today=TODAY))

    with pytest.raises(AssertionError, match="never happened"):
        await compare(told, other, QUERY, {}, anew)
    await ways.settle()
