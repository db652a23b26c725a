"""Contenders in turn on one database: first they must agree, then they are timed."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.graphql.load import load, script
from benchmarks.graphql.questions import difference

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from benchmarks.graphql.city import Server
    from benchmarks.graphql.load import Run
    from benchmarks.graphql.questions import Facts, Question, Sample
    from benchmarks.graphql.servers import Running
    from benchmarks.graphql.speakers import Asking, Speaker

WARM_S, WARM_CLIENTS = 1.0, 4


class WrongAnswerError(Exception):
    """A contender says something else than the first one: its time means nothing."""


class Contender(NamedTuple):
    """One that runs, and how it is spoken to."""

    speaker: Speaker
    running: Running
    asks: dict[str, Asking]


class Timed(NamedTuple):
    """What one contender reached, the medians of its rounds; of memory the most."""

    question: str
    contender: str
    says: str
    clients: int
    requests: int
    """How many requests an answer takes."""
    rounds: int
    answers_s: float
    p50_ms: float
    p99_ms: float
    kib: float
    cpu_ms: float
    database_ms: float
    errors: int
    pss_mib: float


def contenders_of(speakers: Sequence[tuple[Speaker, Running]], sample: Sample) -> list[Contender]:
    """Return contenders with what each is asked."""
    return [Contender(speaker, server, speaker.asks(sample)) for speaker, server in speakers]


def agree(question: str, contenders: Sequence[Contender], say: Callable[[str], None]) -> None:
    """Compare the answers of all to all variants of a question.

    Raises
    ------
    WrongAnswerError
        If they differ; it says who, where and how.
    """
    asked = [one for one in contenders if question in one.asks]
    for number in range(max((len(one.asks[question]) for one in asked), default=0)):
        first = _answer(asked[0], question, number)
        for other in asked[1:]:
            how = difference(first, _answer(other, question, number))
            if how is not None:
                raise WrongAnswerError(
                    f"{other.speaker.says}: {question}, variant {number}, beside "
                    f"{asked[0].speaker.says}: {how}"
                )
    say(f"  {question}: {', '.join(one.speaker.key for one in asked)} agree")


def _answer(contender: Contender, question: str, number: int) -> Facts:
    requests = contender.asks[question][number]
    answers = [contender.running.fetch(request) for request in requests]
    return contender.speaker.read(question, answers)


class Load(NamedTuple):
    """How contenders are timed."""

    server: Server
    folder: Path
    """For wrk's scripts."""
    seconds: float
    """Of each run."""
    rounds: int

    def run(self, contender: Contender, question: str, clients: int, seconds: float) -> Run:
        """Let one contender answer as fast as it can."""
        asking = contender.asks[question]
        path = self.folder / f"{question}-{contender.speaker.key}.lua"
        path.write_text(script(asking))
        return load(
            contender.running,
            path,
            len(asking[0]),
            clients=clients,
            seconds=seconds,
            database=self.server.pid,
        )


def measure(question: Question, contenders: Sequence[Contender], load: Load) -> list[Timed]:
    """Time all contenders that can answer a question, in turn, every second round backwards."""
    asked = [one for one in contenders if question.key in one.asks]
    for one in asked:
        load.run(one, question.key, WARM_CLIENTS, min(WARM_S, load.seconds))
    found = []
    for clients in question.connections:
        runs: dict[str, list[Run]] = {one.speaker.key: [] for one in asked}
        for number in range(load.rounds):
            for one in asked if number % 2 == 0 else asked[::-1]:
                run = load.run(one, question.key, clients, load.seconds * question.longer)
                runs[one.speaker.key].append(run)
        found += [_timed(question, one, clients, runs[one.speaker.key]) for one in asked]
    return found


def _requests(contender: Contender, question: Question) -> int:
    return len(contender.asks[question.key][0])


def _timed(question: Question, one: Contender, clients: int, runs: Sequence[Run]) -> Timed:
    return Timed(
        question=question.key,
        contender=one.speaker.key,
        says=one.speaker.says,
        clients=clients,
        requests=_requests(one, question),
        rounds=len(runs),
        answers_s=median(run.answers_s for run in runs),
        p50_ms=median(run.p50_ms for run in runs),
        p99_ms=median(run.p99_ms for run in runs),
        kib=median(run.kib for run in runs),
        cpu_ms=median(run.cpu_ms for run in runs),
        database_ms=median(run.database_ms for run in runs),
        errors=sum(run.errors for run in runs),
        pss_mib=max(run.pss_mib for run in runs),
    )
