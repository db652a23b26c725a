"""Running the jobs: each alone in a fresh process first, then all in turn in one that stays."""

from __future__ import annotations

import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from benchmarks.coverage.generate import load, stored_city
from benchmarks.coverage.job import Question
from benchmarks.coverage.judge import Mending, Verdict
from benchmarks.coverage.record import Record
from benchmarks.coverage.worker import CHECKOUT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType

    from benchmarks.coverage.job import Job
    from benchmarks.coverage.record import Book

_Json = dict[str, Any]  # what workers write

ENOUGH_S = 15.0
"""A call that took long alone is repeated twice, or as often as this time allows."""


LOG = "workers.log"
"""What engines say while they run."""


class Plan(NamedTuple):
    """What to run."""

    jobs: Sequence[Job]
    sizes: Sequence[int]
    rounds: int
    """How often jobs run in turn."""
    cap_s: float
    """Wall time after which a job is given up."""
    repeat_s: float
    """A call that took longer alone is not repeated."""
    no_limits: bool
    """Whether slow engines get large levels, too."""
    folder: Path
    """Where levels are kept."""


class WrongAnswerError(Exception):
    """Our engine is wrong about a generated level: its time means nothing."""


class _Process:
    """A worker that takes orders."""

    def __init__(self, cap_s: float, log: Path) -> None:
        self._cap_s = cap_s
        self._log = log
        self._child: subprocess.Popen[str] | None = None
        self._folder: Path | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._child is not None:
            if kind is not None:
                self._child.kill()
            self._end()

    def ask(self, job: str, city: Path, *, judge: bool) -> _Json:
        """Return the worker's answer, or an error when it dies or takes too long."""
        child = self._child or self._start()
        if child.stdin is None or child.stdout is None:
            raise ValueError("the worker has no pipes")
        child.stdin.write(json.dumps({"job": job, "city": str(city), "judge": judge}) + "\n")
        child.stdin.flush()
        if not select.select([child.stdout], [], [], self._cap_s)[0]:
            child.kill()
            self._end()
            return {"error": f"stopped after {self._cap_s:.0f} s"}
        line = child.stdout.readline()
        if not line:
            self._end()
            return {"error": f"its process ended with {child.returncode}"}
        answer: _Json = json.loads(line)
        return answer

    def _start(self) -> subprocess.Popen[str]:
        # What a worker leaves behind when it is stopped goes with its folder. Other accounts may
        # enter: a database server does not run as root.
        self._folder = Path(tempfile.mkdtemp(prefix="wangge-bench-"))
        self._folder.chmod(0o755)
        with self._log.open("a") as log:
            self._child = subprocess.Popen(
                [sys.executable, "-m", "benchmarks.coverage.worker"],
                cwd=CHECKOUT,
                env=os.environ | {"TMPDIR": str(self._folder)},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        return self._child

    def _end(self) -> None:
        """Let the worker end: without orders it closes what it opened."""
        if self._child is not None:
            self._child.communicate()
            self._child = None
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)


def run(plan: Plan, book: Book, say: Callable[[str], None]) -> None:
    """Run a plan, smallest levels first, and write each result into the book.

    Raises
    ------
    WrongAnswerError
        If our engine is wrong about a level.
    """
    for size in plan.sizes:
        cities = {dirty: stored_city(plan.folder, size, dirty=dirty) for dirty in (False, True)}
        units = {dirty: len(load(path).units) for dirty, path in cities.items()}
        jobs = [
            job for job in plan.jobs if plan.no_limits or job.largest is None or size <= job.largest
        ]
        calls = [
            _Call(job, size, units[dirty], dirty, cities[dirty])
            for job in jobs
            for dirty in (False, True)
        ]
        again = {call: _run_alone(call, plan, book, say) for call in calls}
        _run_in_turn(again, plan, book, say)


class _Call(NamedTuple):
    """A job and the level that it is given."""

    job: Job
    size: int
    units: int
    dirty: bool
    city: Path

    def record(self, answer: _Json, *, alone: bool) -> Record:
        verdict, mending = answer.pop("verdict", None), answer.pop("mending", None)
        left = mending.pop("left") if mending else None
        return Record(
            job=self.job.key,
            size=self.size,
            units=self.units,
            dirty=self.dirty,
            alone=alone,
            verdict=Verdict(**verdict) if verdict else None,
            mending=Mending(**mending) if mending else None,
            left=left,
            **answer,
        )

    def __str__(self) -> str:
        return f"{self.size:>9,} {'dirty' if self.dirty else 'clean'}  {self.job.key}"


def _run_alone(call: _Call, plan: Plan, book: Book, say: Callable[[str], None]) -> int:
    """Run and judge a call in a fresh process; return how often to repeat it among others."""
    with _Process(plan.cap_s, plan.folder / LOG) as process:
        record = call.record(process.ask(call.job.key, call.city, judge=True), alone=True)
    book.add(record)
    say(f"{call}: {_told(record)}")
    _require_right(call.job, record)
    if record.wall_s is None or record.wall_s > plan.repeat_s:
        return 0
    return min(plan.rounds, max(2, int(ENOUGH_S / record.wall_s)))


def _require_right(job: Job, record: Record) -> None:
    """Raise when our own engine takes a clean level for a dirty one, or the other way round."""
    if not job.ours or record.error is not None or job.question is Question.REPAIR:
        return
    if record.sound is record.dirty or (record.verdict and record.verdict.false_rows):
        kind = "dirty" if record.dirty else "clean"
        raise WrongAnswerError(f"{job.key} is wrong about the {kind} level of {record.size}")


def _run_in_turn(
    again: Mapping[_Call, int], plan: Plan, book: Book, say: Callable[[str], None]
) -> None:
    """Run calls in turn, every second round backwards, so that none profits from its place."""
    with _Process(plan.cap_s, plan.folder / LOG) as process:
        for number in range(max(again.values(), default=0)):
            calls = [call for call, times in again.items() if number < times]
            for call in calls[:: -1 if number % 2 else 1]:
                answer = process.ask(call.job.key, call.city, judge=False)
                book.add(call.record(answer, alone=False))
            say(f"round {number + 1} with {len(calls)} calls")


def _told(record: Record) -> str:
    if record.error is not None:
        return record.error
    return f"{record.cpu_s:.3f} s CPU, {record.wall_s:.3f} s, {record.growth_mib:.0f} MiB more"
