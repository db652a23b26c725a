"""The attackers, in a process of their own: what they write must not keep the friendly one waiting.

Each line that comes in is a number of seconds; so long they attack, and then write what they were
answered.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections import Counter
from itertools import count, cycle

import orjson

from benchmarks.hostile.line import Line, outsider
from tests.graphql.hostile_queries import HOSTILE

ATTACKERS = 2
PAUSE_S = 0.001
FRESH = "fresh"


def bodies(*, fresh: bool) -> list[bytes]:
    """Return what is sent, in turn; where it is to be fresh, with a place for a number."""
    mark = "\n# 00000000" if fresh else ""
    asked = [{"query": one.query + mark, "variables": one.variables} for one in HOSTILE]
    return [orjson.dumps(one) for one in asked]


async def attack(address: str, number: int, until: float, seen: Counter[int], said: str) -> None:
    """Ask what means harm until a time; no text is the same as one before where it is fresh."""
    line = Line(address, outsider(number + 1))
    turn = cycle(bodies(fresh=said == FRESH))
    for nth in count(int(time.time()) % 10_000 * 10_000):
        if time.monotonic() > until:
            break
        body = next(turn).replace(b"# 00000000", b"# %04d%04d" % (number, nth % 10_000))
        try:
            seen[await line.ask(body)] += 1
        except (OSError, asyncio.IncompleteReadError):
            line.close()
            seen[0] += 1
        await asyncio.sleep(PAUSE_S)
    line.close()


async def all_attack(address: str, seconds: float, said: str) -> Counter[int]:
    """Let all attackers ask side by side."""
    seen: Counter[int] = Counter()
    until = time.monotonic() + seconds
    await asyncio.gather(*(attack(address, n, until, seen, said) for n in range(ATTACKERS)))
    return seen


def main() -> None:
    """Attack whenever told to."""
    os.nice(10)  # they come from elsewhere: what they write takes no processor from the service
    address, said = sys.argv[1], sys.argv[2]
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for line in sys.stdin:
        seen = asyncio.run(all_attack(address, float(line), said))
        sys.stdout.write(orjson.dumps(dict(seen), option=orjson.OPT_NON_STR_KEYS).decode() + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
