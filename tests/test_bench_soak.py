"""The service's memory stays level while it is asked and asked, in a small form of the soak."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from benchmarks.graphql.city import ground_of
from benchmarks.soak.__main__ import soak_service
from benchmarks.soak.mix import SHARES, Mix
from benchmarks.soak.run import Plan, Sample, Soaked, told
from tests.bench_city import GRIDS, published

if TYPE_CHECKING:
    from pathlib import Path

    from service.cluster import Cluster
    from tests.databases import Databases

REQUESTS = 1_500
MOST_MIB = 8.0
"""What may come in the second half: the tiles and texts that were not asked for before are some
one MiB. Fifteen kilobytes left behind by each request would be more; test_memory looks closer."""


def test_memory_stays_level_while_thousands_ask(
    databases: Databases, cluster: Cluster, tmp_path: Path
) -> None:
    server = published(databases, cluster, tmp_path)
    plan = Plan(REQUESTS, clients=4, each=75, pause_s=0.2)

    found = soak_service(server, ground_of(tmp_path, GRIDS), plan, lambda _: None)

    assert found.samples[-1].requests == REQUESTS
    assert not found.wrong(), found.answers
    kinds = {kind.rpartition(" ")[0] for kind in found.answers}
    assert kinds >= SHARES.keys(), "all kinds were asked"
    assert {"tile 200", "tile 304", "tagged 200", "tagged 304"} <= found.answers.keys()
    assert found.answers["changes"] > 3
    assert found.answers["subscriptions"] > 3
    grown = found.middle(0.85, 1.0) - found.middle(0.45, 0.6)
    assert grown < MOST_MIB, told(found)


def level(mib: list[float]) -> Soaked:
    """Return a run that was looked at every thousand requests."""
    return Soaked([Sample(1_000 * n, float(n), m) for n, m in enumerate(mib, 1)], {"point 200": 1})


def test_the_slope_is_that_of_the_second_half() -> None:
    rising = list(np.linspace(100, 200, 10)) + [200.0 + 0.5 * n for n in range(11)]

    assert level(rising).slope() == pytest.approx(50.0), "half a MiB for a thousand"
    assert level([100.0] * 9).slope() == pytest.approx(0.0, abs=1e-9)
    assert level([1.0, 2.0, 3.0, 4.0]).middle(0.5, 1.0) == 3.0
    with pytest.raises(ValueError, match="too few"):
        level([100.0]).slope()


def test_what_was_answered_wrongly_is_counted() -> None:
    assert level([100.0]).wrong() == 0
    assert (
        Soaked([], {"point 200": 5, "wrong: point: 500: b''": 2, "wrong: tile: gone": 1}).wrong()
        == 3
    )


def test_a_run_is_told_by_quarters() -> None:
    lines = told(level([100.0, 100.0, 110.0, 120.0, 120.0, 120.0, 120.0, 120.0]))

    assert lines[0] == "8,000 requests in 8 s (1,000 a second)"
    assert "by quarters: 100.0, 110.0, 120.0, 120.0 MiB" in lines[2]
    assert lines[3] == "in the second half it grows by +0.00 MiB for 100,000 requests"
    assert "too few" in told(level([100.0]))[-1]


def test_all_kinds_are_drawn_in_their_shares(tmp_path: Path) -> None:
    mix = Mix(ground_of(tmp_path, GRIDS), ["450300001001"], seed=1)

    drawn = [mix.draw().kind for _ in range(4_000)]

    assert sum(SHARES.values()) == pytest.approx(1.0)
    for kind, share in SHARES.items():
        # five standard deviations of a binomial share
        assert abs(drawn.count(kind) / 4_000 - share) < 5 * (share / 4_000) ** 0.5
