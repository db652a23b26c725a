"""Errors: which reach the client, and how."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest
from graphql import get_introspection_query
from sqlalchemy import text

from resolvers import context as request_context
from tests.graphql import world
from tests.graphql.asking import ask, told
from tests.graphql.world import G11

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

pytestmark = [pytest.mark.anyio, pytest.mark.reads]


@pytest.mark.one_way  # or it is logged twice
@pytest.mark.writes
async def test_an_unexpected_error_is_masked_and_logged_under_a_reference(
    town: AsyncEngine, caplog: pytest.LogCaptureFixture
) -> None:
    await world.run(town, text("ALTER TABLE unit RENAME TO secret_name"))
    with caplog.at_level(logging.ERROR):
        answer = await ask(town, '{ units(level: "grid") { totalCount } levels { key } }')

    (error,) = answer.errors
    assert error["message"] == "Unexpected error."
    assert error["path"] == ["units", "totalCount"]
    assert set(error["extensions"]) == {"reference"}
    assert error["extensions"]["reference"] in caplog.text
    assert 'relation "unit" does not exist' in caplog.text
    assert answer.data["units"] is None
    assert len(answer.data["levels"]) == 5


async def test_an_expected_error_is_told_and_not_logged(
    town: AsyncEngine, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        caplog.at_level(logging.DEBUG, logger="wangge"),
        caplog.at_level(logging.DEBUG, logger="strawberry"),
    ):
        answer = await ask(town, '{ units(level: "gird") { totalCount } }')

    (error,) = answer.errors
    assert error["extensions"] == {
        "code": "UNKNOWN",
        "argument": "level",
        "options": ["district", "subdistrict", "community", "grid", "compound"],
    }
    assert "gird" in error["message"]
    assert caplog.records == []


@pytest.mark.parametrize(
    "query",
    [
        "{ units",
        "{ planets { name } }",
        "{ units(level: 7) { totalCount } }",
        '{ units(level: "grid", first: 99999999999) { totalCount } }',
        '{ units(level: "grid", asOf: "yesterday") { totalCount } }',
        '{ units(level: "grid", datum: WGS72) { totalCount } }',
        "query ($n: Int!) { editions(first: $n) { totalCount } }",
    ],
)
async def test_what_is_no_question_is_bad_input_and_says_why(town: AsyncEngine, query: str) -> None:
    answer = await ask(town, query)

    assert answer.codes() == ["BAD_INPUT"]
    assert answer.errors[0]["message"] != "Unexpected error."
    assert answer.errors[0]["locations"]


async def test_a_question_too_deep_is_refused(town: AsyncEngine) -> None:
    deep = "code"
    for _ in range(30):
        deep = f"parent {{ {deep} }}"

    answer = await ask(town, f'{{ unit(level: "grid", code: "{G11}") {{ {deep} }} }}')

    assert answer.data is None
    assert answer.codes() == ["BAD_INPUT"]


async def test_a_question_with_too_many_aliases_or_words_is_refused(town: AsyncEngine) -> None:
    aliases = " ".join(f"a{n}: levels {{ key }}" for n in range(300))
    words = f"{{ levels {{ {'key ' * 30_000} }} }}"

    assert (await ask(town, f"{{ {aliases} }}")).codes() == ["BAD_INPUT"]
    assert (await ask(town, words)).codes() == ["BAD_INPUT"]


async def test_a_question_that_would_name_too_much_is_too_costly(
    town: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(request_context, "MAX_THINGS", 60)
    # 3 communities, their lists; 4 + 2 + 2 children, their parents; again all children of each:
    # nothing new is read, but the answer grows
    query = """{ units(level: "community") { nodes { children { nodes { parent { children {
        nodes { parent { children { nodes { code } } } } } } } } } } }"""

    cheap = await ask(town, '{ units(level: "community") { nodes { children { totalCount } } } }')
    costly = await ask(town, query)

    assert cheap.errors == []
    assert set(costly.codes()) == {"TOO_COSTLY"}


async def test_fragments_that_double_at_each_depth_are_too_costly(town: AsyncEngine) -> None:
    # 2^20 levels from a text of 20 lines
    parts = [
        f"fragment F{n} on Level {{ a: children {{ ...P{n} }} b: children {{ ...P{n} }} }} "
        f"fragment P{n} on Level {{ parent {{ ...F{n + 1} }} }}"
        for n in range(10)
    ]
    last = "fragment F10 on Level { key }"

    answer = await ask(town, f"{{ levels {{ ...F0 }} }} {' '.join(parts)} {last}")

    assert answer.data is None or set(answer.codes()) == {"TOO_COSTLY"}


async def test_introspection_is_open_and_not_bound_by_depth(town: AsyncEngine) -> None:
    data = await told(town, get_introspection_query())

    assert "Unit" in {one["name"] for one in data["__schema"]["types"]}
