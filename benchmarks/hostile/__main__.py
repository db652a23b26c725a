"""Measure what a friendly client waits, alone and while hostile ones are at work.

``python -m benchmarks.hostile http://127.0.0.1:8000/`` asks a running service in rounds that take
turns: quiet, attacked, quiet, attacked … The attackers say that they come from addresses outside,
as a proxy on this machine would say it, so that the service's limits for strangers hold for them.
With ``--fresh`` no text is sent twice, so that nothing that was refused is remembered.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
import time
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import orjson

from benchmarks.hostile.attack import FRESH
from benchmarks.hostile.line import Line

if TYPE_CHECKING:
    from collections.abc import Iterator

FRIENDLY = '{ levels { key name } units(level: "grid", first: 50) { nodes { code name areaM2 } } }'
PAUSE_S = 0.005
OK = 200


class Waited(NamedTuple):
    """What a round showed; milliseconds."""

    requests: int
    p50: float
    p99: float


class Attackers:
    """A process that attacks when it is told to."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def begin(self, seconds: float) -> None:
        """Let them attack."""
        self._write(f"{seconds}\n")

    def seen(self) -> dict[str, int]:
        """Return their answers by status, after they are done."""
        found: dict[str, int] = orjson.loads(self.read())
        return found

    def read(self) -> str:
        """Return the next line that they write."""
        return self._process.stdout.readline() if self._process.stdout is not None else ""

    def _write(self, text: str) -> None:
        if self._process.stdin is not None:
            self._process.stdin.write(text)
            self._process.stdin.flush()


@contextmanager
def attackers(address: str, said: str) -> Iterator[Attackers]:
    """Keep attackers ready until the block ends."""
    words = [sys.executable, "-m", "benchmarks.hostile.attack", address, said]
    pipe = subprocess.PIPE
    with subprocess.Popen(words, stdin=pipe, stdout=pipe, text=True) as process:
        found = Attackers(process)
        found.read()
        try:
            yield found
        finally:
            process.terminate()


async def friendly(address: str, seconds: float) -> Waited:
    """Ask one question after the other."""
    line, body, waited = Line(address), orjson.dumps({"query": FRIENDLY}), []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        began = time.perf_counter()
        status = await line.ask(body)
        waited.append(1000 * (time.perf_counter() - began))
        if status != OK:
            raise RuntimeError(f"the friendly question was answered with {status}")
        await asyncio.sleep(PAUSE_S)
    line.close()
    return Waited(len(waited), *np.percentile(waited, [50, 99]).tolist())


def measure(address: str, rounds: int, seconds: float, *, said: str) -> list[str]:
    """Measure; return what is to be told, in lines."""
    quiet: list[Waited] = []
    attacked: list[Waited] = []
    seen: Counter[str] = Counter()
    with attackers(address, said) as hostile:
        asyncio.run(friendly(address, 2.0))  # plans and pools are warm
        for _ in range(rounds):
            quiet.append(asyncio.run(friendly(address, seconds)))
            hostile.begin(seconds)
            attacked.append(asyncio.run(friendly(address, seconds)))
            seen.update(hostile.seen())
    ratio = np.median([one.p99 for one in attacked]) / np.median([one.p99 for one in quiet])
    return [
        _line("quiet", quiet),
        _line("attacked", attacked),
        f"p99 attacked : quiet = {ratio:.2f}; hostile answers by status: {dict(seen)}",
    ]


def _line(name: str, waits: list[Waited]) -> str:
    p50 = float(np.median([one.p50 for one in waits]))
    p99 = float(np.median([one.p99 for one in waits]))
    number = sum(one.requests for one in waits)
    each = ", ".join(f"{one.p99:.2f}" for one in waits)
    return f"{name:9} {number:7} requests  p50 {p50:7.2f} ms  p99 {p99:7.2f} ms  (rounds: {each})"


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("address", help="of a running service")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=10.0, help="of each half of a round")
    parser.add_argument("--fresh", action="store_true", help="send no text twice")
    given = parser.parse_args()
    said = FRESH if given.fresh else "again"
    lines = measure(given.address, given.rounds, given.seconds, said=said)
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
