"""A head that never ends, or never comes, does not hold the service."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
import uvicorn
from websockets.asyncio.client import connect

from service import http_heads
from service.app import make_app
from service.cli.serve import address_of, listen
from service.http_heads import MAX_HEAD_BYTES, BoundedHeads
from service.server import configured
from service.settings import Settings
from tests.graphql.live import PROTOCOL, Quiet

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

pytestmark = pytest.mark.anyio

ABSENT = "postgresql://nobody@/none?host=/nonexistent"
BEGIN = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"
POST = (
    b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    b"Connection: close\r\nContent-Length: 24\r\n\r\n"
)
PATIENCE_S = 10.0


@asynccontextmanager
async def hearing() -> AsyncIterator[str]:
    """Run the service, which needs no database for this; return its address."""
    listener = listen("127.0.0.1", 0)
    made = make_app(Settings(), ABSENT)
    server = Quiet(
        uvicorn.Config(made, http=BoundedHeads, log_level="error", timeout_graceful_shutdown=1)
    )
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not server.started:  # noqa: ASYNC110 - it has no event
                await asyncio.sleep(0.01)
        yield address_of(listener)
    finally:
        server.should_exit = True
        await task
        listener.close()


def test_the_service_is_run_with_it() -> None:
    assert configured(Settings(), "service.app:made").http is BoundedHeads


async def answer_to(address: str, parts: Iterable[bytes]) -> bytes:
    """Send bytes until the service has had enough; return what it says until it hangs up."""
    place = urlsplit(address)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    try:
        for part in parts:
            if writer.is_closing() or reader.at_eof():
                break
            writer.write(part)
            await writer.drain()
        return await asyncio.wait_for(reader.read(), PATIENCE_S)
    except ConnectionError:
        return b"reset"
    finally:
        writer.close()


@pytest.mark.parametrize(
    "part", [b"X-More: " + b"y" * 65_000 + b"\r\n", b"y" * 65_000], ids=["many lines", "one line"]
)
async def test_an_endless_head_is_cut_off(part: bytes) -> None:
    start = BEGIN if part.endswith(b"\n") else BEGIN + b"X: "
    async with hearing() as address:
        told = await answer_to(address, [start, *[part] * 2_000])

    assert told == b"reset" or told.startswith(b"HTTP/1.1 431 ")


async def test_a_long_head_that_ends_is_answered() -> None:
    long = b"X: " + b"y" * (MAX_HEAD_BYTES // 2) + b"\r\n"
    async with hearing() as address:
        told = await answer_to(address, [BEGIN, long, b"Connection: close\r\n\r\n"])

    assert told.startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    "sent",
    [b"", b"GET /hea", POST + b'{"que'],
    ids=["nothing", "half a line", "half a body"],
)
async def test_who_does_not_go_on_is_hung_up_on(
    sent: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_heads, "HEAD_S", 0.2)
    async with hearing() as address:
        told = await answer_to(address, [sent])

    assert told == b""


async def test_who_leaves_in_the_middle_of_a_body_is_no_bug(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "wangge.access")
    async with hearing() as address:
        place = urlsplit(address)
        _, writer = await asyncio.open_connection(place.hostname, place.port)
        writer.write(POST + b'{"que')
        await writer.drain()
        writer.close()
        async with asyncio.timeout(PATIENCE_S):
            while not any(one.name == "wangge.access" for one in caplog.records):  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.01)

    told = [one.getMessage() for one in caplog.records if one.name == "wangge.access"]
    assert [one.partition(" in ")[0] for one in told] == ["POST /graphql 499"]
    assert "uvicorn.error" not in {one.name for one in caplog.records}


async def test_a_body_may_come_slowly_as_long_as_it_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_heads, "HEAD_S", 0.4)
    async with hearing() as address:
        place = urlsplit(address)
        reader, writer = await asyncio.open_connection(place.hostname, place.port)
        writer.write(POST)
        for sign in b'{"query":"{__typename}"}':
            writer.write(bytes([sign]))
            await writer.drain()
            await asyncio.sleep(0.05)
        told = await asyncio.wait_for(reader.read(), PATIENCE_S)
        writer.close()

    assert told.startswith(b"HTTP/1.1 200 ")
    assert b'"__typename":"Query"' in told


async def test_a_body_that_only_trickles_is_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_heads, "HEAD_S", 0.2)
    monkeypatch.setattr(http_heads, "BODY_S", 0.3)
    async with hearing() as address:
        place = urlsplit(address)
        reader, writer = await asyncio.open_connection(place.hostname, place.port)
        writer.write(POST.replace(b"24", b"1000"))
        sent = 0
        while not reader.at_eof() and sent < 200:  # that long nothing else would end it
            writer.write(b" ")
            sent += 1
            await asyncio.sleep(0.05)
        writer.close()

    assert sent < 200, "far from all of it"


async def test_a_socket_may_be_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_heads, "HEAD_S", 0.2)
    async with hearing() as address:
        place = f"{address.replace('http', 'ws').rstrip('/')}/graphql"
        async with connect(place, subprotocols=[PROTOCOL]) as socket:
            await socket.send('{"type": "connection_init"}')
            assert await asyncio.wait_for(socket.recv(), PATIENCE_S) == '{"type":"connection_ack"}'
            await asyncio.sleep(0.6)
            await socket.send('{"type": "ping"}')
            assert await asyncio.wait_for(socket.recv(), PATIENCE_S) == '{"type":"pong"}'
