"""What goes on beside the questions: changes now and then, and subscriptions that come and go."""

from __future__ import annotations

import asyncio
from collections import Counter
from itertools import count
from typing import TYPE_CHECKING

import orjson
from websockets.asyncio.client import connect

from benchmarks.soak.line import Line, post

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

CHANGE = """mutation ($name: String!, $at: PointInput!) {
    putFacility(key: "soak", kind: "station", name: $name, location: $at) { key name } }"""
PUBLISHED = "subscription { published { number } }"
ASSIGNED = "subscription { assigned { change } }"


async def change(
    port: int, key: str, at: tuple[float, float], pause_s: float, seen: Counter[str]
) -> None:
    """Rename a facility again and again: what the process knows is forgotten each time."""
    line, (lon, lat) = Line(port), at
    for number in count():
        told = {"name": f"Station {number % 7}", "at": {"lon": lon, "lat": lat}}
        answer = await line.ask(post(CHANGE, told, key=key))
        errors = orjson.loads(answer.body).get("errors")
        line.close()  # the service does not wait for the next one either
        seen["changes" if not errors else f"change refused: {errors[0]['message']}"] += 1
        await asyncio.sleep(pause_s)


async def subscribe(port: int, pause_s: float, seen: Counter[str]) -> None:
    """Subscribe, stay for a moment, and leave: in turn with a word, and without."""
    for number in count():
        async with connect(
            f"ws://127.0.0.1:{port}/graphql",
            subprotocols=["graphql-transport-ws"],  # type: ignore[list-item] # a NewType of str
        ) as socket:
            await _begin(socket, PUBLISHED if number % 2 else ASSIGNED)
            await asyncio.sleep(pause_s)
            if number % 3:
                await socket.send(orjson.dumps({"id": "1", "type": "complete"}).decode())
        seen["subscriptions"] += 1


async def _begin(socket: ClientConnection, query: str) -> None:
    await socket.send('{"type":"connection_init"}')
    await socket.recv()
    told = {"id": "1", "type": "subscribe", "payload": {"query": query}}
    await socket.send(orjson.dumps(told).decode())
