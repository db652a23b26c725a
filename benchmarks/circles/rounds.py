"""Engines in turn on one network: first they must agree, then they are timed."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from benchmarks.circles.engines import Engine
    from benchmarks.circles.town import Town

EXACT_M = 1e-6
CIRCLES = 58
"""Circles a round for the time of one."""

JUDGED = 12
"""Circles that are compared."""


class WrongAnswerError(Exception):
    """An engine says something else than the first one: its time means nothing."""


class Timed(NamedTuple):
    """What one engine took for one question, the median of its rounds."""

    town: str
    edges: int
    question: str
    """``circle``, ``thousand`` or ``nearest``."""
    engine: str
    says: str
    seconds: float
    rounds: int


def measure(
    town: Town,
    engines: Sequence[Engine],
    limit_m: float,
    rounds: int,
    say: Callable[[str], None],
) -> list[Timed]:
    """Compare all engines with the first one, then time them in turn.

    Raises
    ------
    WrongAnswerError
        If they do not agree.
    """
    asking = [engine for engine in engines if _agree(town, engines[0], engine, limit_m)]
    times: dict[tuple[str, str], list[float]] = {}
    for number in range(rounds):
        for engine in engines if number % 2 == 0 else engines[::-1]:
            for question, call, parts in _questions(town, engine, limit_m):
                if question == "nearest" and engine not in asking:
                    continue
                began = time.perf_counter()
                call()
                took_s = (time.perf_counter() - began) / parts
                times.setdefault((question, engine.key), []).append(took_s)
        say(f"  round {number + 1} of {rounds}")
    says = {engine.key: engine.says for engine in engines}
    return [
        Timed(
            town.name,
            len(town.streets),
            question,
            key,
            says[key],
            float(np.median(all_s)),
            len(all_s),
        )
        for (question, key), all_s in times.items()
    ]


def _questions(
    town: Town, engine: Engine, limit_m: float
) -> list[tuple[str, Callable[[], object], int]]:
    """Return what an engine is asked, and how many circles that is."""
    stations = town.stations
    few = stations[:CIRCLES].tolist()
    return [
        ("circle", lambda: [engine.circle(station, limit_m) for station in few], len(few)),
        ("thousand", lambda: engine.circles(stations, limit_m), 1),
        ("nearest", lambda: engine.nearest(stations), 1),
    ]


def _agree(town: Town, first: Engine, other: Engine, limit_m: float) -> bool:
    """Compare answers; tell whether the other one knows the nearest stations.

    Raises
    ------
    WrongAnswerError
        If they differ.
    """
    for station in town.stations[:JUDGED].tolist():
        ours, theirs = first.circle(station, limit_m), other.circle(station, limit_m)
        _compare(other, by_node(town, *ours), by_node(town, *theirs), f"circle of {station}")
    theirs_m = other.nearest(town.stations)
    if theirs_m is None:
        return False
    ours_m = first.nearest(town.stations)
    if ours_m is None:
        raise WrongAnswerError(f"{first.says} has no nearest stations to compare with")
    _compare(other, ours_m, theirs_m, "nearest stations")
    return True


def by_node(town: Town, node: NDArray[np.intp], metres: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return distances of all nodes, infinite where none is told."""
    out = np.full(len(town.streets.node_xy), np.inf)
    out[node] = metres
    return out


def _compare(
    engine: Engine, ours: NDArray[np.float64], theirs: NDArray[np.float64], what: str
) -> None:
    same = np.isclose(ours, theirs, rtol=0, atol=EXACT_M)
    if not same.all():
        raise WrongAnswerError(f"{engine.says}: {what}: {int((~same).sum())} of {len(same)} differ")
