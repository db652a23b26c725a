"""A text that is asked again is answered, and refused, as at the first time."""

from __future__ import annotations

import asyncio
import itertools
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text
from strawberry.schema.exceptions import CannotGetOperationTypeError
from strawberry.types.graphql import OperationType

from resolvers import context as contexts
from resolvers.context import Cache, Context, Shared
from resolvers.known import Known
from resolvers.standing import held
from schema import quick
from schema.build import schema
from schema.limits import TEXTS, Limits
from schema.request import RequestContext
from storage.engine import make_engine
from storage.units import Wanted
from tests.graphql.asking import TODAY
from tests.graphql.both_ways import Ways, as_read, shared_of
from tests.graphql.drawn_values import POINTS
from tests.graphql.live import serving

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

pytestmark = [pytest.mark.anyio, pytest.mark.one_way]

UNITS = """query ($level: String!, $first: Int) {
  units(level: $level, first: $first) { nodes { code } } }"""
AT = "query ($at: [PointInput!]!) { placesAt(points: $at) { code reason } }"
SEARCH = 'query ($p: JSON) { units(level: "grid", properties: $p) { totalCount } }'
INTROSPECTION = "{ __schema { queryType { name } } levels { key } }"
TWO = "query A { levels { key } } query B { duties { key } } mutation C { __typename }"

NUMBERS = itertools.count()

Asked = tuple[str, "dict[str, Any] | None", "str | None", Limits]


def asked(
    query: str,
    variables: dict[str, Any] | None = None,
    operation: str | None = None,
    limits: Limits = Limits(),  # noqa: B008 - it is frozen
) -> Asked:
    """Return a question, with what it may do."""
    return query, variables, operation, limits


def deep(depth: int) -> Any:  # noqa: ANN401 - JSON
    """Return lists in lists."""
    found: Any = 1
    for _ in range(depth):
        found = [found]
    return found


USUAL = [
    asked(UNITS, {"level": "grid"}),
    asked(AT, {"at": POINTS}),
    asked(SEARCH, {"p": {"kind": "urban"}}),
    asked(INTROSPECTION),
    asked(TWO, operation="A"),
]
"""Each of these is answered; the others are refused, or take another way."""

OTHERWISE = [
    asked(UNITS, {"level": "grid", "first": 1}, limits=Limits(cost=3)),
    asked(UNITS, {"level": "grid", "first": 1000}, limits=Limits(cost=900)),
    asked(UNITS, {"level": "grid", "first": 100_000}),
    asked(UNITS, {"level": "nowhere"}),
    asked(UNITS, {"level": None}),
    asked(UNITS, {"level": "grid", "first": "many"}),
    asked(UNITS, {}),
    asked(UNITS, None),
    asked(UNITS, {"level": "grid", "more": 1}),
    asked(UNITS, {"level": "grid"}, operation="Nobody"),
    asked(AT, {"at": [{"lon": 1, "lat": 2}] * 20_501}),
    asked(AT, {"at": [{"lon": 1, "lat": 2}] * 20_001}),
    asked(AT, {"at": [{"lon": 1, "lat": 2, "datum": "WGS84"}] * 20_000}),
    asked(AT, {"at": [{"lon": 1, "lat": 2}] * 20 + [{"lon": 1}]}),
    asked(AT, {"at": POINTS}, limits=Limits(cost=2)),
    asked(SEARCH, {"p": deep(99)}),
    asked(SEARCH, {"p": deep(102)}),
    asked(SEARCH, {"p": {"a": [1] * 20_501}}),
    asked(INTROSPECTION, limits=Limits(introspection=False)),
    asked(TWO),
    asked(TWO, operation="B"),
    asked(TWO, operation="C"),
    asked(TWO, operation="D"),
]


async def tell(engine: AsyncEngine, question: Asked, note: str, *, public: bool = True) -> Any:  # noqa: ANN401 - JSON
    """Ask a text, which a note tells from others."""
    query, variables, operation, limits = question
    shared = shared_of(engine, holds=False, public=public)
    context = RequestContext(Context(shared, today=TODAY), limits=limits)
    try:
        answer = await schema.execute(
            f"{query} #{note}",
            variable_values=variables,
            operation_name=operation,
            context_value=context,
            # as over HTTP
            allowed_operation_types=[OperationType.QUERY, OperationType.MUTATION],
        )
    except CannotGetOperationTypeError as error:
        return str(error), context.clock.refused
    return as_read(answer), context.clock.refused


@pytest.mark.parametrize("number", range(len(OTHERWISE)))
async def test_what_is_refused_at_the_first_time_is_refused_alike_at_the_second(
    town: AsyncEngine, number: int
) -> None:
    question = OTHERWISE[number]
    [usual] = [one for one in USUAL if one[0] == question[0]]
    known, new = f"known {next(NUMBERS)}", f"new {next(NUMBERS)}"

    assert (await tell(town, usual, known))[0]["errors"] == []
    assert TEXTS.held(f"{usual[0]} #{known}") is not None
    again = await tell(town, question, known)

    assert again == await tell(town, question, new)
    assert again == await tell(town, question, new), "and ever after"
    assert again == await tell(town, question, known)
    assert (await tell(town, usual, known))[0]["errors"] == [], "nothing sticks"


@pytest.mark.parametrize("usual", USUAL)
async def test_what_is_answered_says_the_same_and_costs_the_same_each_time(
    town: AsyncEngine, usual: Asked
) -> None:
    note = f"each time {next(NUMBERS)}"
    first, second, third = [await tell(town, usual, note) for _ in range(3)]

    assert first[0]["extensions"]["cost"]["estimated"] > 0
    assert first == second == third


async def test_a_stranger_is_refused_each_time_where_a_key_is_needed(town: AsyncEngine) -> None:
    note = f"stranger {next(NUMBERS)}"
    for _ in range(2):
        assert (await tell(town, USUAL[0], note))[0]["errors"] == []
        answer, _ = await tell(town, USUAL[0], note, public=False)
        assert [one["extensions"]["code"] for one in answer["errors"]] == ["UNAUTHENTICATED"]


async def sleepy(connection: AsyncConnection) -> Any:  # noqa: ANN401 - never returns
    """Take the place of a quick question."""
    await connection.execute(text("SELECT pg_sleep(19)"))


@pytest.mark.parametrize("limits", [Limits(seconds=0.2), Limits(statement_s=0.2)])
async def test_time_is_up_at_the_second_time_as_at_the_first(
    town: AsyncEngine, monkeypatch: pytest.MonkeyPatch, limits: Limits
) -> None:
    monkeypatch.setattr("storage.levels.all_levels", sleepy)
    note = f"time {next(NUMBERS)}"
    question = asked("{ levels { key } }", limits=limits)

    first, second = [await tell(town, question, note) for _ in range(2)]

    assert first == second
    [error] = first[0]["errors"]
    assert error["extensions"]["code"] == "TOO_COSTLY"
    assert "0.2 s" in error["message"]


# --- how much is held ---------------------------------------------------------------------------

EVERYTHING: list[tuple[str, Mapping[str, Any] | None]] = [
    ('{ units(level: "grid") { nodes { code name households geometry parent { name } } } }', None),
    ('{ units(level: "community") { nodes { children { totalCount nodes { code } } } } }', None),
    ('{ unit(level: "compound", code: "999000001001P01") { ancestors { code } } }', None),
    (AT, {"at": POINTS * 4}),
    ("{ placeAt(point: {lon: 104.003, lat: 38.003}) { units { code } nearest { code } } }", None),
]


@pytest.mark.parametrize("room", [0, 1, 40_000, 64 << 20])
async def test_what_may_be_held_makes_no_difference_to_answers(
    town: AsyncEngine, room: int
) -> None:
    facts = Known()
    facts.trust()
    shared = Shared(town, known=facts, standing=Cache(room), holds=True)
    ways = Ways(shared, shared_of(town, holds=False), asyncio.all_tasks())
    for query, variables in EVERYTHING * 2:  # before the units are there, and after
        told = await ways.ask(query, dict(variables or {}))
        assert told.answer["errors"] == []
        await ways.settle()

    is_held = held(Context(shared, today=TODAY), 2, Wanted.NOTHING) is not None
    assert is_held is (room > 1_000_000), "the town takes some 60 kB, and is held as a whole"
    assert shared.standing._weight <= room


async def test_a_process_holds_some_megabytes_of_units() -> None:
    nowhere = make_engine("postgresql+psycopg://nobody@/nothing")  # nothing is asked of it
    assert Shared(nowhere).standing.room == contexts.STANDING_BYTES
    assert 20 << 20 <= contexts.STANDING_BYTES <= 256 << 20


# --- turned off ---------------------------------------------------------------------------------


async def test_the_fast_way_can_be_turned_off(
    drawn_town: str, database_url: str, town: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    del drawn_town
    usual = quick.answer
    taken: list[str] = []

    async def watched(*given: Any) -> Any:  # noqa: ANN401 - as the original
        taken.append("fast")
        return await usual(*given)

    monkeypatch.setattr("schema.build.answer", watched)
    monkeypatch.setattr(quick, "answer", watched)

    async def asked_of(**settings: Any) -> list[Any]:  # noqa: ANN401 - settings
        taken.clear()
        async with serving(database_url, **settings) as service:
            return [
                await service.ask(query, variables) for query, variables in EVERYTHING for _ in "ab"
            ]

    plain, is_plain = await asked_of(fast=False), not taken
    fast = await asked_of()

    assert is_plain, "WANGGE_FAST=false answers all of them graphql-core's own way"
    assert len(taken) == 2 * len(EVERYTHING)
    for one, other in zip(fast, plain, strict=True):
        assert "errors" not in one
        assert one == other
    assert town.sync_engine.pool.checkedout() == 0  # type: ignore[attr-defined] # a QueuePool
