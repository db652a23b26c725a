"""Time, rate and visibility: what a service on the internet must not give away."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

from service import http_limits
from service.app import make_app
from service.http_limits import Buckets, network_of
from service.settings import Settings
from storage.engine import make_engine
from storage.keys import Role
from tests.graphql import world
from tests.graphql.live import serving

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection
    from starlette.types import Message, Receive, Scope, Send

RUNNING = text(
    "SELECT count(*) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(19)'"
    " AND state = 'active' AND datname = current_database()"
)
SLEEPY = "{ editions(first: 5) { nodes { number } } }"
"""What the service asks its database about each time, for the one who asks alone."""
STRANGER = ("203.0.113.7", 50_000)


async def sleepy(connection: AsyncConnection, *_rest: object) -> Any:  # noqa: ANN401 - never returns
    """Take the place of a quick question."""
    await connection.execute(text("SELECT pg_sleep(19)"))


async def running(url: str, wanted: int) -> int:
    """Return how many statements sleep, as soon as they are as many as wanted."""
    engine = make_engine(url)
    found = -1
    async with engine.connect() as connection:
        for _ in range(100):
            found = (await connection.execute(RUNNING)).scalar_one()
            if found == wanted:
                break
            await asyncio.sleep(0.05)
            await connection.rollback()
    await engine.dispose()
    return found


# --- time ---------------------------------------------------------------------------------------


@pytest.mark.anyio
@pytest.mark.parametrize("method", ["POST", "GET"])
async def test_a_client_who_leaves_takes_its_statement_with_it(
    drawn_town: str, database_url: str, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    del drawn_town
    monkeypatch.setattr("storage.editions.page", sleepy)
    async with serving(database_url) as service:
        asked = (
            service.http.get("graphql", params={"query": SLEEPY}, timeout=0.5)
            if method == "GET"
            else service.http.post("graphql", json={"query": SLEEPY}, timeout=0.5)
        )
        with pytest.raises(httpx2.TimeoutException):
            await asked
        assert await running(database_url, 0) == 0

        monkeypatch.undo()
        assert (await service.ask(SLEEPY))["data"]["editions"]["nodes"]


@pytest.mark.anyio
async def test_a_statement_runs_while_its_client_waits(
    drawn_town: str, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    del drawn_town
    monkeypatch.setattr("storage.editions.page", sleepy)
    async with serving(database_url) as service:
        asked = asyncio.create_task(service.ask(SLEEPY))
        assert await running(database_url, 1) == 1
        asked.cancel()
        await asyncio.gather(asked, return_exceptions=True)
        assert await running(database_url, 0) == 0


@pytest.mark.anyio
@pytest.mark.parametrize("limit", ["statement_seconds", "request_seconds"])
async def test_what_takes_too_long_is_told_so_and_cancelled(
    drawn_town: str, database_url: str, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    del drawn_town
    monkeypatch.setattr("storage.editions.page", sleepy)
    async with serving(database_url, **{limit: 0.3}) as service:
        began = time.monotonic()
        answer = await service.ask(SLEEPY)
        took = time.monotonic() - began

        assert answer["errors"][0]["extensions"]["code"] == "TOO_COSTLY"
        assert "0.3 s" in answer["errors"][0]["message"]
        assert took < 10
        assert await running(database_url, 0) == 0
        monkeypatch.undo()
        assert (await service.ask(SLEEPY))["data"]["editions"]["nodes"]


@pytest.mark.anyio
async def test_a_query_on_a_socket_has_its_time_too(
    drawn_town: str, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    del drawn_town
    async with serving(database_url, request_seconds=0.3) as service, service.talk() as talk:
        monkeypatch.setattr("storage.editions.page", sleepy)
        await talk.subscribe(SLEEPY)
        assert (await talk.error())["extensions"]["code"] == "TOO_COSTLY"
        assert await running(database_url, 0) == 0


# --- rate ---------------------------------------------------------------------------------------


def test_a_bucket_lets_a_burst_through_and_then_its_rate() -> None:
    now = 0.0
    buckets = Buckets(2.0, burst_s=3.0, clock=lambda: now)

    assert [buckets.take("a") for _ in range(7)] == [0.0] * 6 + [0.5]
    assert buckets.take("b") == 0.0, "another's is full"
    now = 0.5
    assert (buckets.take("a"), buckets.take("a")) == (0.0, 0.5)
    now = 1000.0
    assert sum(buckets.take("a") == 0.0 for _ in range(10)) == 6, "no more than the burst"


def test_a_crowd_of_askers_takes_a_bounded_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_limits, "MAX_BUCKETS", 10)
    buckets = Buckets(1.0)
    for asker in range(1000):
        buckets.take(asker)

    assert len(buckets._held) == 10


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("2001:db8::1", "2001:db8::ffff"),
        ("203.0.113.7", "::ffff:203.0.113.7"),
        ("fe80::1%eth0", "fe80::2%eth1"),
    ],
)
def test_addresses_of_one_subscriber_share_a_bucket(one: str, other: str) -> None:
    assert network_of(one) == network_of(other) is not None


def test_this_machine_is_not_counted() -> None:
    assert [network_of(host) for host in (None, "127.0.0.1", "::1", "::ffff:127.0.0.1")] == [
        None
    ] * 4
    assert network_of("2001:db8::1") != network_of("2001:db8:0:1::1")


def statuses(client: TestClient, number: int, **headers: str) -> list[int]:
    body = {"query": "{ levels { key } }"}
    return [client.post("/graphql", json=body, headers=headers).status_code for _ in range(number)]


def test_strangers_and_keys_have_buckets_of_their_own(
    drawn_town: str, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    del drawn_town

    async def make() -> str:
        engine = make_engine(database_url)
        key = await world.make_key(engine, Role.READER)
        await engine.dispose()
        return key

    key = asyncio.run(make())
    monkeypatch.setattr(http_limits.Buckets.__init__, "__defaults__", (1.0, lambda: 0.0))
    settings = Settings(rate_per_address=3, rate_per_key=5)
    with TestClient(make_app(settings, database_url), client=STRANGER) as client:
        keyed = statuses(client, 7, authorization=f"Bearer {key}")
        stranger = statuses(client, 5)
        made_up = [statuses(client, 1, authorization=f"Bearer wg_{n}")[0] for n in range(3)]
        refused = client.post("/graphql", json={"query": "{ levels { key } }"})
        well = client.get("/healthz").status_code

    assert keyed == [200] * 5 + [429] * 2
    assert stranger == [200] * 3 + [429] * 2
    assert made_up == [429] * 3
    assert refused.headers["retry-after"] == "1"
    assert refused.json()["errors"][0]["extensions"]["code"] == "TOO_COSTLY"
    assert well == 200


def test_who_is_refused_for_what_is_asked_owes_more(
    drawn_town: str, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    del drawn_town
    monkeypatch.setattr(http_limits.Buckets.__init__, "__defaults__", (1.0, lambda: 0.0))
    deep = {"query": "{ " * 101}
    settings = Settings(rate_per_address=110)
    with TestClient(make_app(settings, database_url), client=STRANGER) as client:
        first = client.post("/graphql", json=deep).status_code
        after = statuses(client, 11)

    # a bucket of 110: the refusal takes 1 and 100 more
    assert first == 200
    assert after == [200] * 9 + [429] * 2


@pytest.mark.parametrize(("kib", "left"), [(1, 9), (16, 9), (33, 6), (64, 5)])
def test_a_long_text_takes_a_token_more_for_every_sixteen_kib(
    drawn_town: str, database_url: str, monkeypatch: pytest.MonkeyPatch, kib: int, left: int
) -> None:
    del drawn_town
    monkeypatch.setattr(http_limits.Buckets.__init__, "__defaults__", (1.0, lambda: 0.0))
    text = json.dumps({"query": "{ levels { key } }"}).ljust(1024 * kib)
    head = {"content-type": "application/json"}
    settings = Settings(rate_per_address=10)
    with TestClient(make_app(settings, database_url), client=STRANGER) as client:
        first = client.post("/graphql", content=text, headers=head).status_code
        after = statuses(client, left + 1)

    assert [first, *after] == [200] * (left + 1) + [429]


def test_nothing_is_counted_where_the_rates_are_nought(drawn_town: str, database_url: str) -> None:
    del drawn_town
    settings = Settings(rate_per_address=0, rate_per_key=0)
    with TestClient(make_app(settings, database_url), client=STRANGER) as client:
        assert set(statuses(client, 30)) == {200}


def test_tiles_take_a_twentieth_of_a_question() -> None:
    buckets = Buckets(1.0, burst_s=1.0, clock=lambda: 0.0)

    assert [buckets.take("a", 0.25) for _ in range(5)] == [0.0] * 4 + [0.25]


@pytest.mark.anyio
async def test_a_socket_is_heard_no_faster_than_its_asker_may_ask() -> None:
    heard: list[float] = []

    async def app(_scope: Scope, receive: Receive, _send: Send) -> None:
        while (await receive())["type"] != "websocket.disconnect":
            heard.append(time.monotonic())

    messages = iter([{"type": "websocket.receive"}] * 13 + [{"type": "websocket.disconnect"}])

    async def receive() -> Message:
        return next(messages)

    async def send(_message: Message) -> None:
        """Nothing is sent."""

    gate = http_limits.Gate(Settings(rate_per_address=20))
    gate._addresses = Buckets(20.0, burst_s=0.5)
    limits = http_limits.Limits(app, gate=gate)
    scope = {"type": "websocket", "path": "/graphql", "headers": [], "client": STRANGER}
    await limits(scope, receive, send)

    # the connection takes one of ten; nine messages follow at once, and each other after 50 ms
    assert heard[8] - heard[0] < 0.15
    assert heard[-1] - heard[8] >= 4 * 0.05 - 0.02


@pytest.mark.parametrize(
    ("query", "rate", "left"),
    [
        ("{ " * 101, 110, 7),  # a connection and two messages take 3, and the refusal 100
        ("{ levels { key } }".ljust(64 * 1024), 20, 12),  # and the text somewhat more than 4
    ],
)
def test_who_asks_by_a_socket_owes_as_much(
    drawn_town: str,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
    query: str,
    rate: float,
    left: int,
) -> None:
    del drawn_town
    monkeypatch.setattr(http_limits.Buckets.__init__, "__defaults__", (1.0, lambda: 0.0))
    app = make_app(Settings(rate_per_address=rate), database_url)
    with TestClient(app, client=STRANGER) as client:
        with client.websocket_connect("/graphql", subprotocols=["graphql-transport-ws"]) as socket:
            socket.send_json({"type": "connection_init"})
            socket.send_json({"type": "subscribe", "id": "1", "payload": {"query": query}})
            while socket.receive_json()["type"] not in {"complete", "error"}:
                pass
        after = statuses(client, left + 1)

    assert after == [200] * left + [429]


# --- visibility ---------------------------------------------------------------------------------


def test_the_schema_is_told_only_where_it_may_be(drawn_town: str, database_url: str) -> None:
    del drawn_town
    hidden = "fragment F on Query { __schema { types { name } } }"
    with TestClient(make_app(Settings(introspection=False), database_url)) as client:

        def codes(query: str) -> list[str]:
            answer = client.post("/graphql", json={"query": query}).json()
            return [error["extensions"]["code"] for error in answer.get("errors", [])]

        assert codes("{ __schema { types { name } } }") == ["FORBIDDEN"]
        assert codes('{ a: __type(name: "Unit") { name } }') == ["FORBIDDEN"]
        assert codes(f"{{ ...F }} {hidden}") == ["FORBIDDEN"]
        assert codes("{ __typename levels { __typename key } }") == []
    with TestClient(make_app(Settings(), database_url)) as client:
        assert (
            "errors"
            not in client.post(
                "/graphql", json={"query": "{ __schema { queryType { name } } }"}
            ).json()
        )


def test_a_browser_gets_graphiql_only_where_it_may(drawn_town: str, database_url: str) -> None:
    del drawn_town
    with TestClient(make_app(Settings(graphiql=False), database_url)) as client:
        page = client.get("/graphql", headers={"accept": "text/html"})

    assert page.status_code >= 400
    assert "GraphiQL" not in page.text
