"""What is told as it happens: nothing twice, nothing lost, and only to those whom it concerns."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, suppress
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text, update
from websockets.exceptions import ConnectionClosed, InvalidStatus

from service import http_sockets, http_view
from storage import editions, progress, reading_drafts
from storage.detached import detached
from storage.keys import Role
from storage.models import ApiKey
from storage.progress import Ticket
from storage.reading_drafts import LEFT_BEHIND, NewReading
from tests.graphql import world
from tests.graphql.live import HALVES, PROGRESS, Service, serving
from tests.graphql.world import C2

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sqlalchemy.ext.asyncio import AsyncEngine

pytestmark = [pytest.mark.anyio, pytest.mark.postgis]

PUBLISHED = """
subscription($level: String, $since: Int) { published(level: $level, since: $since) { number } }
"""


@pytest.fixture
async def service(town: AsyncEngine, database_url: str) -> AsyncIterator[Service]:
    """Give a service on the town, whose newest edition is 2."""
    del town  # it comes first
    async with serving(database_url) as running:
        yield running


async def publish(engine: AsyncEngine, level: str = "grid") -> int:
    """Publish an edition that says that it changed a level."""
    async with engine.begin() as connection:
        return await editions.open_edition(
            connection,
            effective_on=None,
            today=world.DAYS[2],
            published_by="tester",
            levels=[level],
        )


def numbers(*found: int) -> list[dict[str, Any]]:
    return [{"published": {"number": number}} for number in found]


# --- editions -----------------------------------------------------------------------------------


async def test_an_edition_is_told_when_it_is_published_with_all_that_it_has(
    service: Service, town: AsyncEngine
) -> None:
    query = "subscription { published(since: 2) { number note levels { key } publishedBy } }"
    async with service.talk() as talk:
        await talk.subscribe(query)
        await asyncio.sleep(0.3)
        await publish(town, "community")
        told = await talk.next()

    levels = [{"key": "community"}]
    edition = {"number": 3, "note": "", "levels": levels, "publishedBy": "tester"}
    assert told == {"published": edition}


async def test_editions_since_a_number_come_first_and_each_once(
    service: Service, town: AsyncEngine
) -> None:
    await publish(town)
    async with service.talk() as talk:
        await talk.subscribe(PUBLISHED, {"since": 0})
        before = [await talk.next() for _ in range(3)]
        await publish(town)
        after = await talk.next()
        await talk.subscribe(PUBLISHED, {"since": 1, "level": "community"}, name="2")
        await publish(town)
        await publish(town, "community")
        rest = [(await talk.hear())["payload"]["data"] for _ in range(3)]

    assert before == numbers(1, 2, 3)
    assert [after] == numbers(4)
    assert sorted(rest, key=str) == numbers(5, 6, 6), "the second hears of communities only"


async def test_nothing_is_lost_over_reconnects_while_others_publish(
    service: Service, town: AsyncEngine
) -> None:
    """Thirty editions, and a reader that comes and goes all the while."""
    last, seen = 2, []

    async def publish_all() -> None:
        for _ in range(30):
            await publish(town)
            await asyncio.sleep(0.01)

    task = asyncio.create_task(publish_all())
    connections = 0
    while last < 32:
        connections += 1
        async with service.talk() as talk:
            await talk.subscribe(PUBLISHED, {"since": last})
            for _ in range(4):
                if last == 32:
                    break
                last = (await talk.next())["published"]["number"]
                seen.append(last)
    await task

    assert seen == list(range(3, 33))
    assert connections >= 7


async def test_an_edition_of_one_process_is_told_by_another(
    service: Service, town: AsyncEngine, database_url: str
) -> None:
    editor = await world.make_key(town, Role.PUBLISHER)
    async with serving(database_url) as other, other.talk() as talk:
        await talk.subscribe(PUBLISHED, {"since": 2})
        answer = (await service.send(HALVES, key=editor)).json()
        draft = answer["data"]["importBoundaries"]["id"]
        mutation = "mutation($ids: [ID!]!) { publishDrafts(ids: $ids) { number } }"
        done = await service.ask(mutation, {"ids": [draft]}, key=editor)
        told = await talk.next()

    assert done == {"data": {"publishDrafts": {"number": 3}}}
    assert [told] == numbers(3)


async def test_a_listener_whose_connection_breaks_misses_nothing(
    service: Service, town: AsyncEngine
) -> None:
    cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'"
    async with service.talk() as talk:
        await talk.subscribe(PUBLISHED, {"since": 2})
        for number in range(3, 6):
            async with town.begin() as connection:
                await connection.execute(text(cut))
            await publish(town)
            assert [await talk.next()] == numbers(number)


async def test_what_cannot_be_told_ends_with_its_error(service: Service) -> None:
    mistakes: list[tuple[dict[str, Any], str]] = [
        ({"level": "gird"}, "UNKNOWN"),
        ({"since": 3}, "UNKNOWN"),
        ({"since": -1}, "BAD_INPUT"),
    ]
    async with service.talk() as talk:
        for variables, code in mistakes:
            await talk.subscribe(PUBLISHED, variables)
            assert (await talk.error())["extensions"]["code"] == code


async def test_a_failure_in_the_source_is_masked(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def burst(*_: object) -> None:
        raise RuntimeError("a secret of ours")

    monkeypatch.setattr("resolvers.events._start", burst)
    async with service.talk() as talk:
        await talk.subscribe(PUBLISHED)
        error = await talk.error()

    assert error["message"] == "Unexpected error."
    assert set(error["extensions"]) == {"reference"}


async def test_every_operation_of_a_connection_sees_what_is_so_then(
    service: Service, town: AsyncEngine
) -> None:
    query = "{ editions(first: 1) { nodes { number } totalCount } edition { number } }"
    async with service.talk() as talk:
        for number in (3, 4):
            await publish(town)
            await talk.subscribe(query)
            seen = await talk.next()
            assert (await talk.hear())["type"] == "complete"
            assert seen["editions"] == {"nodes": [{"number": number}], "totalCount": number}
            assert seen["edition"] == {"number": number}


async def test_a_subscription_over_http_is_refused(service: Service) -> None:
    answer = await service.ask(PUBLISHED)

    [error] = answer["errors"]
    assert "data" not in answer
    assert error["extensions"] == {"code": "BAD_INPUT"}
    assert "WebSocket" in error["message"]


async def test_a_query_with_a_slip_ends_with_its_error_and_the_connection_goes_on(
    service: Service,
) -> None:
    async with service.talk() as talk:
        await talk.subscribe("{ edition {")
        assert (await talk.error())["extensions"] == {"code": "BAD_INPUT"}
        await talk.subscribe("{ edition { number } }")
        assert await talk.next() == {"edition": {"number": 2}}


# --- keys ---------------------------------------------------------------------------------------


async def test_a_closed_service_talks_to_keys_only(town: AsyncEngine, database_url: str) -> None:
    key = await world.make_key(town, Role.READER)
    async with serving(database_url, public=False) as service:
        for payload in (
            {"Authorization": f"Bearer {key}"},
            {"authorization": f"bearer {key}"},
        ):
            async with service.talk(payload) as talk:
                await talk.subscribe("{ edition { number } }")
                assert await talk.next() == {"edition": {"number": 2}}
        async with service.talk(key=key) as talk:
            await talk.subscribe("{ edition { number } }")
            assert await talk.next() == {"edition": {"number": 2}}
        for payload in ({}, {"Authorization": "Bearer wg_none"}, {"Authorization": key}):
            async with service.talk(greet=False) as talk:
                await talk.say({"type": "connection_init", "payload": payload})
                with pytest.raises(ConnectionClosed):
                    await talk.hear()
                assert talk.socket.close_code == 4403


async def test_a_key_that_is_revoked_hears_nothing_more(
    service: Service, town: AsyncEngine
) -> None:
    key = await world.make_key(town, Role.READER)
    async with service.talk({"Authorization": f"Bearer {key}"}) as talk:
        await talk.subscribe(PUBLISHED, {"since": 1})
        assert [await talk.next()] == numbers(2)
        await world.run(town, update(ApiKey).values(revoked_at=text("now()")))
        await publish(town)
        error = await talk.error()

    assert error["extensions"]["code"] == "UNAUTHENTICATED"


# --- progress -----------------------------------------------------------------------------------


async def told(talk: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - a Talk
    """Return all steps of an import to its end."""
    steps = []
    while (message := await talk.hear())["type"] == "next":
        assert "errors" not in message["payload"], message
        steps.append(message["payload"]["data"]["importProgress"])
    return steps


async def test_an_import_is_followed_from_before_during_and_after_by_any_process(
    service: Service, town: AsyncEngine, database_url: str
) -> None:
    editor = await world.make_key(town, Role.EDITOR)
    async with AsyncExitStack() as stack:
        other = await stack.enter_async_context(serving(database_url))
        early = await stack.enter_async_context(other.talk(key=editor))
        await early.subscribe(PROGRESS, {"t": "网格 1"})
        await asyncio.sleep(0.3)
        task = asyncio.create_task(service.send(HALVES, key=editor, ticket="网格 1"))
        amid = await stack.enter_async_context(service.talk(key=editor))
        await amid.subscribe(PROGRESS, {"t": "网格 1"})
        steps, more = await asyncio.gather(told(early), told(amid))
        draft = (await task).json()["data"]["importBoundaries"]["id"]
        late = await stack.enter_async_context(other.talk(key=editor))
        await late.subscribe(PROGRESS, {"t": "网格 1"})
        rest = await told(late)

    last = {"stage": "storing", "done": 2, "total": 2, "draft": {"id": draft}}
    stages = [step["stage"] for step in steps]
    order = ["waiting", "reading", "checking", "storing"]
    assert stages == sorted(stages, key=order.index)
    assert {"reading", "checking", "storing"} <= set(stages)
    assert steps[-1] == more[-1] == last
    assert rest == [last]
    assert all(step["draft"] is None for step in steps[:-1])


async def test_an_import_that_fails_ends_its_progress_with_the_same_error(
    service: Service, town: AsyncEngine
) -> None:
    editor = await world.make_key(town, Role.EDITOR)
    async with service.talk(key=editor) as talk:
        await talk.subscribe(PROGRESS, {"t": "t"})
        answer = (await service.send(b"nothing", key=editor, ticket="t")).json()
        error = await talk.error()
        await talk.subscribe(PROGRESS, {"t": "t"})
        again = await talk.error()

    [said] = answer["errors"]
    assert error["message"] == again["message"] == said["message"]
    assert error["extensions"] == again["extensions"] == said["extensions"]


async def test_a_ticket_is_its_sender_s_and_an_admin_s(service: Service, town: AsyncEngine) -> None:
    editor = await world.make_key(town, Role.EDITOR)
    namesake = await world.make_key(town, Role.EDITOR)
    admin = await world.make_key(town, Role.ADMIN)
    elsewhere = await world.make_key(town, Role.ADMIN, within=("community", C2))
    reader = await world.make_key(town, Role.READER)
    await service.send(HALVES, key=editor, ticket="t")

    for key in (editor, admin):
        async with service.talk(key=key) as talk:
            await talk.subscribe(PROGRESS, {"t": "t"})
            assert (await talk.next())["importProgress"]["stage"] == "storing"
    for key in (namesake, elsewhere):
        async with service.talk(key=key) as talk:
            await talk.subscribe(PROGRESS, {"t": "t"})
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.5):
                    await talk.hear()
    for other, code in ((reader, "FORBIDDEN"), (None, "UNAUTHENTICATED")):
        async with service.talk(key=other) as talk:
            await talk.subscribe(PROGRESS, {"t": "t"})
            assert (await talk.error())["extensions"]["code"] == code


async def test_an_import_whose_process_dies_does_not_keep_anybody_waiting(
    service: Service, town: AsyncEngine
) -> None:
    editor = await world.make_key(town, Role.EDITOR)
    async with service.talk(key=editor) as talk:
        async with detached(town) as lease:
            async with lease.begin():
                draft = NewReading("grid", None, [], {"featureCount": 0}, "tester")
                number = await reading_drafts.begin(lease, draft)
                await progress.begin(lease, Ticket(1, "t"), number)
            await talk.subscribe(PROGRESS, {"t": "t"})
            assert (await talk.next())["importProgress"]["stage"] == "waiting"
        error = await talk.error()

    assert error["message"] == LEFT_BEHIND


async def test_a_ticket_that_nobody_uses_is_not_waited_for_without_end(
    service: Service, town: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    editor = await world.make_key(town, Role.EDITOR)
    monkeypatch.setattr("resolvers.import_progress.PATIENCE_S", 0.3)
    async with service.talk(key=editor) as talk:
        await talk.subscribe(PROGRESS, {"t": "t"})
        assert (await talk.error())["extensions"]["code"] == "UNKNOWN"
        await talk.subscribe(PROGRESS, {"t": "\n"})
        assert (await talk.error())["extensions"]["code"] == "BAD_INPUT"


# --- hostile clients ----------------------------------------------------------------------------

NO_MESSAGES: list[str | bytes] = [
    "{",
    "[]",
    "null",
    '"connection_init"',
    '{"type": 1}',
    '{"type": "hello"}',
    '{"type": "complete", "id": {}}',
    '{"type": "subscribe", "id": ["1"], "payload": {"query": "{ levels { key } }"}}',
    '{"type": "subscribe", "id": "1"}',
    '{"type": "subscribe", "id": "1", "payload": {"query": 1}}',
    '{"type": "subscribe", "id": "1", "payload": {"query": "{", "variables": []}}',
    '{"type": "connection_init"}',
    b"{}",
]


async def test_what_is_no_message_ends_its_connection_and_no_other(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    async with service.talk() as other:
        for message in NO_MESSAGES:
            async with service.talk() as talk:
                await talk.socket.send(message)
                with pytest.raises(ConnectionClosed):
                    await talk.hear()
                assert talk.socket.close_code in {4400, 4429}, message
        await other.subscribe("{ edition { number } }")
        assert await other.next() == {"edition": {"number": 2}}
    assert "Exception" not in caplog.text


async def test_nobody_subscribes_before_the_greeting_or_is_waited_for(
    town: AsyncEngine, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    del town
    monkeypatch.setattr(http_view, "GREETING_S", 0.2)
    async with serving(database_url) as service:
        async with service.talk(greet=False) as talk:
            await talk.subscribe(PUBLISHED)
            with pytest.raises(ConnectionClosed):
                await talk.hear()
            assert talk.socket.close_code == 4401
        async with service.talk(greet=False) as talk:
            with pytest.raises(ConnectionClosed):
                await talk.hear()
            assert talk.socket.close_code == 4408


async def test_a_crowd_is_turned_away(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_view, "MAX_SOCKETS", 1)
    async with service.talk() as talk:
        with pytest.raises(InvalidStatus) as refused:
            async with service.talk():
                pytest.fail("it was let in")
        for number in range(http_sockets.MAX_SUBSCRIPTIONS + 1):
            await talk.subscribe(PUBLISHED, name=str(number))
        message = await talk.hear()
    assert refused.value.response.status_code == 503
    assert (message["type"], message["id"]) == ("error", str(http_sockets.MAX_SUBSCRIPTIONS))

    async with asyncio.timeout(20):
        while True:
            with suppress(InvalidStatus):
                async with service.talk():
                    break
            await asyncio.sleep(0.05)  # the service, in the same loop, lets go of a hundred


async def test_a_client_that_does_not_read_loses_its_connection(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_sockets, "SEND_S", 0.3)
    monkeypatch.setattr(http_view, "MAX_SOCKETS", 1)
    query = "{ __schema { types { description fields { description args { description } } } } }"
    async with service.talk(compression=None) as talk:
        talk.socket.transport.pause_reading()
        with suppress(ConnectionClosed):
            for number in range(400):  # some 20 MB of answers, more than any buffer holds
                await talk.subscribe(query, name=str(number))
                await asyncio.sleep(0.002)
        async with asyncio.timeout(20):
            while True:  # its place is free when it was dropped
                with suppress(InvalidStatus):
                    async with service.talk():
                        break
                await asyncio.sleep(0.05)
        talk.socket.transport.abort()
