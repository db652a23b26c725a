"""Measure what a friendly client waits, alone and while hostile ones are at work.

``python -m benchmarks.hostile http://127.0.0.1:8000/`` asks a running service in rounds that take
turns: quiet, attacked, quiet, attacked … The attackers say that they come from an address outside,
as a proxy on this machine would say it, so that the service's limits for strangers hold for them.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import time
from itertools import cycle
from typing import NamedTuple
from urllib.parse import urlsplit

import numpy as np
import orjson

from tests.graphql.hostile_queries import HOSTILE

FRIENDLY = '{ levels { key name } units(level: "grid", first: 50) { nodes { code name areaM2 } } }'
ATTACKERS = 2
OUTSIDE = "203.0.113."
"""Addresses of documentation: nobody's."""


class Waited(NamedTuple):
    """What a round showed; milliseconds."""

    requests: int
    p50: float
    p99: float


class Line:
    """One connection, kept open."""

    def __init__(self, address: str, said_from: str | None = None) -> None:
        parts = urlsplit(address)
        self._host, self._port = parts.hostname or "127.0.0.1", parts.port or 80
        self._extra = f"X-Forwarded-For: {said_from}\r\n" if said_from else ""
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, body: bytes) -> int:
        """Post a question; return the status after all of the answer is there."""
        if self._streams is None:
            self._streams = await asyncio.open_connection(self._host, self._port)
        reader, writer = self._streams
        head = (
            f"POST /graphql HTTP/1.1\r\nHost: {self._host}\r\n{self._extra}"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        writer.write(head.encode() + body)
        await writer.drain()
        lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower().split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines[1:] if ": " in line)
        await reader.readexactly(int(headers["content-length"]))
        if headers.get("connection") == "close":
            self.close()
        return int(lines[0].split()[1])

    def close(self) -> None:
        """Hang up."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


async def friendly(address: str, seconds: float) -> Waited:
    """Ask one question after the other."""
    line, body, waited = Line(address), orjson.dumps({"query": FRIENDLY}), []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        began = time.perf_counter()
        status = await line.ask(body)
        waited.append(1000 * (time.perf_counter() - began))
        if status != 200:  # noqa: PLR2004 - OK
            raise RuntimeError(f"the friendly question was answered with {status}")
        await asyncio.sleep(0.005)
    line.close()
    return Waited(len(waited), *np.percentile(waited, [50, 99]).tolist())


async def attack(address: str, number: int, seen: dict[int, int]) -> None:
    """Ask what means harm, for ever."""
    line = Line(address, f"{OUTSIDE}{number}")
    for hostile in cycle(HOSTILE):
        body = orjson.dumps({"query": hostile.query, "variables": hostile.variables})
        try:
            status = await line.ask(body)
        except (OSError, asyncio.IncompleteReadError):
            line.close()
            status = 0
        seen[status] = seen.get(status, 0) + 1
        await asyncio.sleep(0.001)


async def measure(address: str, rounds: int, seconds: float) -> None:
    """Measure, and print a line a round."""
    quiet: list[Waited] = []
    attacked: list[Waited] = []
    seen: dict[int, int] = {}
    await friendly(address, 2.0)  # plans and pools are warm
    for _ in range(rounds):
        quiet.append(await friendly(address, seconds))
        tasks = [asyncio.create_task(attack(address, n + 1, seen)) for n in range(ATTACKERS)]
        attacked.append(await friendly(address, seconds))
        for task in tasks:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*tasks)
    for name, waits in (("quiet", quiet), ("attacked", attacked)):
        p50 = float(np.median([one.p50 for one in waits]))
        p99 = float(np.median([one.p99 for one in waits]))
        number = sum(one.requests for one in waits)
        print(f"{name:9} {number:7} requests  p50 {p50:7.2f} ms  p99 {p99:7.2f} ms")  # noqa: T201
    ratio = np.median([one.p99 for one in attacked]) / np.median([one.p99 for one in quiet])
    print(f"p99 attacked : quiet = {ratio:.2f}; hostile answers by status: {seen}")  # noqa: T201


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("address", help="of a running service")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=10.0, help="of each half of a round")
    given = parser.parse_args()
    asyncio.run(measure(given.address, given.rounds, given.seconds))


if __name__ == "__main__":
    main()
