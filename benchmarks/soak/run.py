"""Ask a service for a long time, and look at its memory now and then."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from benchmarks.processes import pss_mib
from benchmarks.soak.beside import change, subscribe
from benchmarks.soak.line import Line
from benchmarks.soak.mix import EXPECTED

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.graphql.servers import Running
    from benchmarks.soak.mix import Mix

RIGHT = frozenset({200})
WRONG = "wrong:"
"""Before what should not have been answered so."""

ENOUGH = 8
"""Looks at the memory from which something can be said: two for each quarter."""


class Sample(NamedTuple):
    """What was seen at a moment."""

    requests: int
    seconds: float
    mib: float
    """Memory of the service (PSS)."""


class Soaked(NamedTuple):
    """What a run showed."""

    samples: list[Sample]
    answers: dict[str, int]
    """By kind and status, and what went on beside."""

    def wrong(self) -> int:
        """Return how many requests were not answered as they should be."""
        return sum(number for what, number in self.answers.items() if what.startswith(WRONG))

    def slope(self, part: float = 0.5) -> float:
        """Return how memory grows in the last part of the run, in MiB for 100,000 requests."""
        last = self.samples[-1].requests
        late = [one for one in self.samples if one.requests >= (1 - part) * last]
        if len(late) < 2:  # noqa: PLR2004 - a line has two ends
            raise ValueError("too few samples: look more often")
        requests = np.array([one.requests for one in late], float)
        mib = np.array([one.mib for one in late])
        return float(np.polyfit(requests, mib, 1)[0] * 100_000)

    def middle(self, start: float, end: float) -> float:
        """Return the median memory of a part of the run, in MiB."""
        last = self.samples[-1].requests
        there = [one.mib for one in self.samples if start * last <= one.requests <= end * last]
        return float(np.median(there))


class Plan(NamedTuple):
    """How long and how hard is asked."""

    requests: int
    seconds: float = float("inf")
    clients: int = 8
    each: int = 5_000
    """Requests between two looks at the memory."""
    pause_s: float = 5.0
    """Between changes, and how long a subscription stays."""


async def soak(
    running: Running,
    mix: Mix,
    plan: Plan,
    *,
    key: str,
    at: tuple[float, float],
    say: Callable[[str], None],
) -> Soaked:
    """Ask until all was asked, or the time is up.

    Parameters
    ----------
    key
        Of an editor.
    at
        Where a facility may be put, degrees.
    """
    seen: Counter[str] = Counter()
    beside = [
        asyncio.create_task(change(running.port, key, at, plan.pause_s, seen)),
        asyncio.create_task(subscribe(running.port, plan.pause_s, seen)),
        asyncio.create_task(subscribe(running.port, 2.3 * plan.pause_s, seen)),
    ]
    try:
        samples = await _ask_all(running, mix, plan, seen, say)
    finally:
        for task in beside:
            task.cancel()
        ended = await asyncio.gather(*beside, return_exceptions=True)
    for one in ended:
        if isinstance(one, Exception):
            raise one
    return Soaked(samples, dict(seen))


async def _ask_all(
    running: Running, mix: Mix, plan: Plan, seen: Counter[str], say: Callable[[str], None]
) -> list[Sample]:
    """Let clients ask side by side between one look at the memory and the next."""
    lines = [Line(running.port) for _ in range(plan.clients)]
    began, done = time.monotonic(), 0
    samples: list[Sample] = []
    while done < plan.requests and time.monotonic() - began < plan.seconds:
        now = min(plan.each, plan.requests - done)
        await asyncio.gather(
            *(_some(line, mix, _share(now, plan.clients, n), seen) for n, line in enumerate(lines))
        )
        done += now
        samples.append(Sample(done, time.monotonic() - began, pss_mib(running.pid)))
        say(f"{done:,} requests, {samples[-1].seconds:.0f} s, {samples[-1].mib:.1f} MiB")
    return samples


def _share(number: int, clients: int, client: int) -> int:
    return number // clients + (client < number % clients)


async def _some(line: Line, mix: Mix, number: int, seen: Counter[str]) -> None:
    for _ in range(number):
        asked = mix.draw()
        try:
            answer = await line.ask(asked.message)
        except OSError as error:  # a long run goes on; it is told, and fails in the end
            line.close()
            seen[f"{WRONG} {asked.kind}: {error}"] += 1
            continue
        if answer.status not in EXPECTED.get(asked.kind, RIGHT):
            seen[f"{WRONG} {asked.kind}: {answer.status}: {answer.body[:200]!r}"] += 1
            continue
        mix.note(asked, answer.tag)
        seen[f"{asked.kind} {answer.status}"] += 1
    line.close()  # others may take longer than the service waits for a next request


def told(soaked: Soaked) -> Sequence[str]:
    """Return what a run showed, in lines."""
    last = soaked.samples[-1]
    lines = [
        f"{last.requests:,} requests in {last.seconds:.0f} s "
        f"({last.requests / last.seconds:,.0f} a second)",
        ", ".join(f"{what}: {number:,}" for what, number in sorted(soaked.answers.items())),
    ]
    if len(soaked.samples) < ENOUGH:
        return [*lines, "too few looks at the memory to tell anything"]
    quarters = [soaked.middle(part / 4, (part + 1) / 4) for part in range(4)]
    return [
        *lines,
        f"memory (PSS), median by quarters: {', '.join(f'{mib:.1f}' for mib in quarters)} MiB",
        f"in the second half it grows by {soaked.slope():+.2f} MiB for 100,000 requests",
    ]
