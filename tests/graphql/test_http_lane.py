"""The short way of questions: whatever is asked, both ways tell, count and log the same."""

from __future__ import annotations

import asyncio
import logging
import re
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
import pytest

from service import http_limits
from service.app import make_app
from service.http_graphql import MAX_QUERY_BYTES
from service.http_view import View
from service.leaving import Watched, heard
from service.persisted import digest
from service.settings import Settings
from storage.engine import make_engine
from storage.keys import Role
from tests.graphql import world
from tests.graphql.world import G11

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from starlette.types import Message, Scope

    from service.http_lane import Application

JSON = {"content-type": "application/json"}
LEVELS = "{ levels { key } }"
UNIT = "query U($code: String!) { unit(level: $level, code: $code) { code } }"
POINT = "query ($at: PointInput!) { placeAt(point: $at) { units { code } reason } }"
TYPES = "{ __schema { types { name } } }"
"""Its answer is worth compressing."""
STRANGER = ("203.0.113.7", 50000)


class Ask(NamedTuple):
    """A request."""

    body: bytes | Sequence[bytes]
    """With pieces: as they come in."""
    headers: Mapping[str, str] = {}
    more: Sequence[tuple[bytes, bytes]] = ()
    """Headers that come twice."""
    short: bool = True
    """Whether it takes the short way."""
    leaves: bool = False
    """Whether its client leaves when all that there is of the body came."""
    client: tuple[str, int] = ("127.0.0.1", 50000)


class Heard(NamedTuple):
    """What a client gets, and what is logged of it."""

    messages: list[Message]
    logged: list[Any]


def said(query: object, **members: object) -> bytes:
    return orjson.dumps({"query": query, **members})


HASHED: dict[str, Any] = {"persistedQuery": {"version": 1, "sha256Hash": digest(LEVELS)}}

ASKED = {
    "a question": Ask(said(LEVELS)),
    "again": Ask(said(LEVELS)),
    "a point": Ask(said(POINT, variables={"at": {"lon": 0.5, "lat": 0.5}})),
    "a point again": Ask(said(POINT, variables={"at": {"lon": 1e3, "lat": 0.5}})),
    "a change": Ask(said('mutation { discardDraft(id: "x") { id } }')),
    "a named one": Ask(
        said("query A { levels { key } } query B { a: __typename }", operationName="B")
    ),
    "none named": Ask(said("query A { levels { key } } query B { a: __typename }")),
    "a name of none": Ask(said("query A { levels { key } }", operationName="C" * 200)),
    "a missing variable": Ask(said(POINT)),
    "an unknown field": Ask(said("{ nothing }")),
    "no GraphQL": Ask(said("{ levels {")),
    "a subscription": Ask(said("subscription { editionPublished { number } }")),
    "too costly": Ask(
        said('{ units(level: "grid", first: 500) { nodes { children { nodes { code }}}}}')
    ),
    "an empty text": Ask(said("")),
    "no text": Ask(b"{}"),
    "a text of another type": Ask(said(7)),
    "a list": Ask(b"[]"),
    "a number": Ask(b"7"),
    "no JSON": Ask(b"{"),
    "nothing": Ask(b""),
    "nested deeply": Ask(said(LEVELS, variables={"a": [[[[[[[[[[[[[]]]]]]]]]]]]]})),
    "in pieces": Ask((said(LEVELS)[:7], b"", said(LEVELS)[7:])),
    "too large": Ask((b" " * MAX_QUERY_BYTES, b"  ")),
    "left early": Ask((b"{",), leaves=True),
    "the new type": Ask(said("{ nothing }"), {"accept": "application/graphql-response+json"}),
    "a type we have not": Ask(said(LEVELS), {"accept": "text/html"}),
    "a charset": Ask(said(LEVELS), {"content-type": "application/json; charset=UTF-8"}),
    "another charset": Ask(
        said(LEVELS), {"content-type": "application/json; charset=utf-16"}, short=False
    ),
    "no JSON by its type": Ask(said(LEVELS), {"content-type": "text/plain"}, short=False),
    "a header twice": Ask(
        said(LEVELS), more=[(b"accept", b"*/*"), (b"accept", b"text/html")], short=False
    ),
    "short, compressed": Ask(said(LEVELS), {"accept-encoding": "zstd"}),
    "long": Ask(said(TYPES)),
    "long, plain": Ask(said(TYPES), {"accept-encoding": "identity"}),
    "long, by zstd": Ask(said(TYPES), {"accept-encoding": "gzip;q=0.5, zstd"}),
    "long, by gzip": Ask(said(TYPES), {"accept-encoding": "gzip"}),
    "an unknown hash": Ask(orjson.dumps({"extensions": HASHED})),
    "a hash with its text": Ask(said(LEVELS, extensions=HASHED)),
    "a known hash": Ask(orjson.dumps({"extensions": HASHED})),
    "a hash of another text": Ask(said("{ __typename }", extensions=HASHED)),
    "a hash in the new type": Ask(
        orjson.dumps({"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "0" * 64}}}),
        {"accept": "application/graphql-response+json"},
    ),
    "a key that is none": Ask(said(LEVELS), {"authorization": "Bearer wg_none"}),
    "no key at all": Ask(said(LEVELS), {"authorization": "Basic eDp5"}),
    "a page of another origin": Ask(said(LEVELS), {"origin": "https://map.example.org"}),
    "a stranger": Ask(said(LEVELS), client=STRANGER),
}


async def put(
    app: Application,
    state: Mapping[str, Any],
    asked: Ask,
    log: pytest.LogCaptureFixture,
    *,
    steady: bool,
) -> Heard:
    """Put a request to an application, and hear all that it sends.

    Where a service holds units in memory, they are read beside the questions, so that how many
    statements one of these takes is not steady.
    """
    pieces = [asked.body] if isinstance(asked.body, bytes) else list(asked.body)
    coming: list[Message] = [
        {"type": "http.request", "body": piece, "more_body": asked.leaves or at < len(pieces) - 1}
        for at, piece in enumerate(pieces)
    ]
    sent: list[Message] = []

    async def receive() -> Message:
        if coming:
            return coming.pop(0)
        if not asked.leaves:
            await asyncio.Event().wait()
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    headers = JSON | {"x-request-id": "the-same"} | dict(asked.headers)
    scope: Scope = {
        "type": "http",
        "method": "POST",
        "path": "/graphql",
        "raw_path": b"/graphql",
        "query_string": b"",
        "root_path": "",
        "scheme": "http",
        "client": asked.client,
        "server": ("127.0.0.1", 80),
        "headers": [(k.encode(), v.encode()) for k, v in headers.items()] + list(asked.more),
        "state": dict(state),
    }
    log.clear()
    if app.lane is not None:
        assert (app.lane.head_of(scope) is not None) == asked.short
    try:
        await app(scope, receive, send)
    except RuntimeError:  # told to the server, after it was told to the client
        sent.append({"type": "raised"})
    return Heard(
        [_timeless(message, steady=steady) for message in sent],
        [_facts(one, steady=steady) for one in log.records],
    )


def _timeless(message: Message, *, steady: bool) -> Message:
    """Return a message without the times that it tells."""
    unsteady = rb"dur=[\d.]+" if steady else rb"dur=[\d.]+|\d+"
    if message["type"] == "http.response.body":
        return {"body": bytes(message["body"]), "more": message.get("more_body", False)}
    head = [
        (name, re.sub(unsteady, b"", value) if name == b"server-timing" else value)
        for name, value in message.get("headers", [])
    ]
    return {**message, "headers": head}


def _facts(record: logging.LogRecord, *, steady: bool) -> Any:  # noqa: ANN401 - of a line of the log
    facts = dict(getattr(record, "facts", {}))
    facts.pop("ms", None)
    if not steady:
        facts.pop("statements", None)
    return record.name, facts


async def both(
    url: str, settings: Settings, asked: Sequence[Ask], log: pytest.LogCaptureFixture
) -> list[list[Heard]]:
    """Put the same requests to an application each way, and return what is heard."""
    found = []
    log.set_level(logging.INFO, "wangge.access")
    for lane in (True, False):
        app = make_app(settings, url)
        if not lane:
            app.lane = None
        async with app.router.lifespan_context(app) as state:
            heard = [
                await put(app, state or {}, one, log, steady=not settings.fast) for one in asked
            ]
            counted = await put_metrics(app, state or {})
        found.append([*heard, Heard([], counted)])
    return found


async def put_metrics(app: Application, state: Mapping[str, Any]) -> list[str]:
    """Return what was counted of requests, without what depends on times."""
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    scope: Scope = {
        "type": "http",
        "method": "GET",
        "path": "/metrics",
        "raw_path": b"/metrics",
        "query_string": b"",
        "root_path": "",
        "client": ("127.0.0.1", 1),
        "headers": [],
        "state": dict(state),
    }
    await app(scope, receive, send)
    text = b"".join(message.get("body", b"") for message in sent).decode()
    kinds = (
        "requests_total",
        "sent_bytes_total",
        "errors_total",
        "running",
        "request_seconds_count",
    )
    wanted = tuple(f"wangge_{kind}" for kind in kinds)
    return [line for line in text.splitlines() if line.startswith(wanted)]


@pytest.mark.anyio
@pytest.mark.parametrize(
    "settings",
    [
        Settings(metrics="open"),
        Settings(metrics="open", persisted_queries=False, fast=False, public=False),
    ],
    ids=["usual", "otherwise"],
)
async def test_both_ways_tell_count_and_log_the_same(
    drawn_town: str, database_url: str, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    del drawn_town  # it is copied
    short, usual = await both(database_url, settings, list(ASKED.values()), caplog)

    for name, one, other in zip([*ASKED, "metrics"], short, usual, strict=True):
        assert one == other, name
    statuses = {one.messages[0].get("status") for one in short[:-1] if one.messages}
    assert {200, 400, 406, 413, 415} <= statuses, "what was asked is of many kinds"
    assert short[-1].logged, "something was counted"


@pytest.mark.anyio
async def test_both_ways_take_from_the_same_buckets(
    drawn_town: str,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    del drawn_town
    monkeypatch.setattr(http_limits.Buckets.__init__, "__defaults__", (60.0, lambda: 0.0))
    engine = make_engine(database_url)
    key = await world.make_key(engine, Role.READER)
    await engine.dispose()
    mine = {"authorization": f"Bearer {key}"}
    right, wrong = said(LEVELS), said("{ nothing }")
    asked = [
        *[Ask(body, client=STRANGER) for body in (right, wrong, right, wrong, *[right] * 20)],
        *[Ask(body, mine, client=STRANGER) for body in (right, wrong, right, wrong)],
        *[Ask(right, mine, client=("203.0.113.8", 1))] * 3,
    ]
    settings = Settings(metrics="open", rate_per_address=2, rate_per_key=1)

    short, usual = await both(database_url, settings, asked, caplog)

    assert short == usual
    statuses = [one.messages[0]["status"] for one in short[:-1]]
    assert statuses.count(429) > 0 < statuses.count(200)


@pytest.mark.anyio
async def test_a_bug_is_told_the_same_both_ways(
    drawn_town: str,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    del drawn_town

    def fail(*_: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(View, "context_of", fail)

    short, usual = await both(database_url, Settings(metrics="open"), [ASKED["a question"]], caplog)

    assert short == usual
    start, body, raised = short[0].messages
    assert start["status"] == 500
    assert b'"reference":"the-same"' in body["body"]
    assert raised["type"] == "raised"


@pytest.mark.anyio
async def test_requests_of_other_origins_take_the_usual_way_where_some_may_ask(
    drawn_town: str, database_url: str
) -> None:
    del drawn_town
    app = make_app(Settings(cors_origins=("https://map.example.org",)), database_url)
    scope: Scope = {"type": "http", "method": "POST", "path": "/graphql", "root_path": ""}
    head = [(b"content-type", b"application/json")]

    assert app.lane is not None
    assert app.lane.head_of({**scope, "headers": head}) is not None
    assert app.lane.head_of({**scope, "headers": [*head, (b"origin", b"null")]}) is None


# --- who listens ---------------------------------------------------------------------------------


async def nothing_heard() -> Message:
    raise AssertionError("nobody listens to a client whose answer is there")


@pytest.mark.anyio
async def test_a_question_that_waits_for_nothing_is_not_listened_to() -> None:
    async def work() -> str:
        return G11

    assert await heard(work(), nothing_heard, Watched()) == G11


@pytest.mark.anyio
async def test_what_a_question_waits_for_reaches_it_or_fails_it() -> None:
    loop = asyncio.get_running_loop()
    fine, bad = loop.create_future(), loop.create_future()
    loop.call_soon(fine.set_result, 7)
    loop.call_soon(bad.set_exception, KeyError("b"))

    async def work() -> list[object]:
        found: list[object] = [await fine]
        await asyncio.sleep(0)
        try:
            await bad
        except KeyError as error:
            found.append(error.args[0])
        return found

    assert await heard(work(), nothing_heard, Watched()) == [7, "b"]


@pytest.mark.anyio
async def test_a_question_is_cancelled_with_its_task() -> None:
    begun, ended = asyncio.Event(), []

    async def work() -> None:
        try:
            begun.set()
            await asyncio.Event().wait()
        finally:
            ended.append("work")

    async def ask() -> None:
        await heard(work(), nothing_heard, Watched())

    task = asyncio.create_task(ask())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert ended == ["work"]
