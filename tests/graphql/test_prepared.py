"""What is kept of a text serves every request that asks it, and only as far as it is the same."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from graphql import parse

from resolvers.context import Context
from schema.build import schema
from schema.prepared import Operation
from schema.request import RequestContext
from schema.shape import MOST_SHAPES
from service import leaving
from service.leaving import Listener, Watched
from tests.graphql.asking import TODAY, ask
from tests.graphql.both_ways import shared_of

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine
    from starlette.types import Message

pytestmark = pytest.mark.anyio

SHAPED = """query ($level: String!, $name: Boolean!, $above: Boolean = false) {
  units(level: $level, first: 1) { nodes { code name @include(if: $name)
    parent @include(if: $above) { code } ... @skip(if: $name) { id } } } }"""


async def test_a_part_is_left_out_or_not_as_each_request_says(town: AsyncEngine) -> None:
    both = [(True, True), (False, False), (True, False), (False, True)]
    for name, above in [*both, *both]:
        asked = {"level": "grid", "name": name, "above": above}
        answer = await ask(town, SHAPED, asked)

        [unit] = answer.data["units"]["nodes"]
        expected = {"code"} | ({"name"} if name else {"id"}) | ({"parent"} if above else set())
        assert set(unit) == expected


async def test_null_for_what_is_included_is_wrong_each_time_that_it_is_said(
    town: AsyncEngine,
) -> None:
    query = "query ($x: Boolean = true) { levels @include(if: $x) { key } __typename }"
    for given in (None, None, True, None):
        answer = await ask(town, query, {"x": given})

        assert answer.codes() == ([] if given else ["BAD_INPUT"])
        assert (answer.data is None) == (given is None)


async def test_no_more_shapes_are_kept_than_there_is_room_for(town: AsyncEngine) -> None:
    names = [f"v{n}" for n in range(5)]
    given = ", ".join(f"${name}: Boolean!" for name in names)
    fields = " ".join(f"{name}: __typename @include(if: ${name})" for name in names)
    operation = Operation(schema._schema, parse(f"query ({given}) {{ {fields} }}"), None)
    context = RequestContext(Context(shared_of(town, holds=False), today=TODAY))

    for number in range(2**5):
        asked = {name: bool(number >> at & 1) for at, name in enumerate(names)}
        made = operation.run(asked, context, None)
        assert made is not None
        run, columns = made
        answer = await run.answer(columns)
        assert answer.data == {name: "Query" for name in names if asked[name]}
        assert len(operation._shapes) <= MOST_SHAPES


@pytest.mark.parametrize(
    ("query", "codes", "data"),
    [
        ('{ unit(level: "nowhere", code: "1") { id } }', ["UNKNOWN"], {"unit": None}),
        ('{ editions(after: "?") { totalCount } }', ["BAD_INPUT"], None),
        (
            '{ a: unit(level: "x", code: "1") { id } b: __typename c: draft(id: "?") { id } }',
            ["BAD_INPUT", "UNKNOWN"],
            {"a": None, "b": "Query", "c": None},
        ),
    ],
)
async def test_an_error_of_a_root_field_is_told_without_asking_twice(
    town: AsyncEngine, monkeypatch: pytest.MonkeyPatch, query: str, codes: list[str], data: object
) -> None:
    def twice(_self: RequestContext) -> None:
        raise AssertionError("the question was asked a second time")

    monkeypatch.setattr(RequestContext, "again", twice)

    for _ in range(2):  # the first time and once it is known
        answer = await ask(town, query)
        assert answer.data == data
        assert sorted(answer.codes()) == codes


async def test_nobody_listens_to_a_request_that_is_answered_at_once() -> None:
    messages: list[Message] = [
        {"type": "http.request", "body": b"a", "more_body": True},
        {"type": "http.request", "body": b"b"},
        {"type": "http.disconnect"},
    ]
    left = iter(messages)

    async def receive() -> Message:
        return next(left)

    listener = Listener(receive, Watched())
    assert [await listener.receive(), await listener.receive()] == messages[:2]
    listener.stop()
    await asyncio.sleep(leaving.ANSWERED_S * 2)

    assert next(left) == messages[2], "it was not asked for"


async def test_a_request_that_runs_for_long_hears_that_its_client_left() -> None:
    class Question:
        refused = False
        left = asyncio.Event()

        def leave(self) -> None:
            self.left.set()

    messages: list[Message] = [{"type": "http.request", "body": b""}, {"type": "http.disconnect"}]
    left = iter(messages)

    async def receive() -> Message:
        return next(left)

    question, watched = Question(), Watched()
    watched.add(question)
    listener = Listener(receive, watched)
    await listener.receive()

    await asyncio.wait_for(question.left.wait(), 5)

    assert (await listener.receive())["type"] == "http.disconnect"
    listener.stop()


async def test_a_request_without_a_body_hears_it_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leaving, "ANSWERED_S", 0.0)
    gone = asyncio.Event()

    class Question:
        refused = False
        left = asyncio.Event()

        def leave(self) -> None:
            self.left.set()

    async def receive() -> Message:
        await gone.wait()
        return {"type": "http.disconnect"}

    question, watched = Question(), Watched()
    watched.add(question)
    listener = Listener(receive, watched)
    listener.expect_nothing()
    body = {"type": "http.request", "body": b"", "more_body": False}
    assert await listener.receive() == body, "whoever asks for the body is told that it is empty"

    gone.set()
    await asyncio.wait_for(question.left.wait(), 5)
    assert (await listener.receive())["type"] == "http.disconnect"
    listener.stop()


def test_a_server_keeps_the_garbage_collector_away_from_what_it_has_loaded() -> None:
    code = """if True:
        import gc
        from service.server import COLLECTED_EACH, configured
        from service.settings import read_settings
        async def app(scope, receive, send): pass
        configured(read_settings(), app).load()
        assert gc.get_freeze_count() > 10_000, gc.get_freeze_count()
        assert gc.get_threshold()[0] == COLLECTED_EACH
    """
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)  # noqa: S603 - the above
