"""A process that runs jobs: one alone, judged, or many in turn, in the order that it is told.

    python -m benchmarks.coverage.worker

It reads orders from its input and writes answers to its output, one JSON object a line. What
engines write there goes to its error output instead.
"""

from __future__ import annotations

import json
import os
import site
import sys
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.coverage.generate import load
from benchmarks.coverage.job import Answer, Inputs, Mended, NotHereError
from benchmarks.coverage.jobs import job_of
from benchmarks.coverage.judge import judge_repair, judge_rows
from benchmarks.measure import timed

if TYPE_CHECKING:
    from benchmarks.coverage.job import Ready

CHECKOUT = Path(__file__).resolve().parents[2]

_Json = dict[str, Any]  # what is written as JSON


def add_peers() -> None:
    """Let packages of ``.venv-bench`` be imported, after those of our own environment.

    Both locks agree on the packages that both have, so that all engines run on the same numpy and
    shapely.
    """
    for folder in sorted((CHECKOUT / ".venv-bench").glob("lib/python*/site-packages")):
        site.addsitedir(str(folder))


class Worker:
    """Jobs with their inputs loaded, kept until the process ends."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._ready: dict[tuple[str, str], Ready] = {}
        self._inputs = cache(self._load)

    def run(self, order: _Json) -> _Json:
        """Run one job on one city and return what it cost, judged if that is asked for."""
        key, path = order["job"], order["city"]
        try:
            ready = self._ready.get((key, path))
            if ready is None:
                ready = job_of(key).prepare(self._inputs(path), self._stack)
                self._ready[key, path] = ready
            result, cost = timed(ready.run, ready.elsewhere)
            answer = cost._asdict()
            if order["judge"]:
                answer |= _judge(self._inputs(path), ready.read(result))
        except NotHereError as error:
            return {"error": str(error)}
        except Exception as error:
            return {"error": f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"}
        return answer

    @staticmethod
    def _load(path: str) -> Inputs:
        return Inputs(load(Path(path)))


def _judge(inputs: Inputs, said: Answer | Mended) -> _Json:
    city = inputs.city
    if isinstance(said, Mended):
        mending = judge_repair(
            inputs.units_m, inputs.parents_m, city.parent_of, said.units, said.parents
        )
        return {"mending": mending._asdict() | {"left": said.left}}
    if said.rows is None:
        return {"sound": said.sound}
    return {"sound": said.sound, "verdict": judge_rows(said.rows, city.truth)._asdict()}


def main() -> None:
    """Answer orders until there are no more."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what engines print is no answer
    add_peers()
    with ExitStack() as stack:
        worker = Worker(stack)
        for line in sys.stdin:
            answers.write(json.dumps(worker.run(json.loads(line))) + "\n")


if __name__ == "__main__":
    main()
