"""The best sites: greedy with swaps and a bound, beside HiGHS on the plain formulation."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import coo_array, csr_array, eye_array, hstack

from benchmarks.circles.engines import at_nodes
from geo.siting import best_sites
from geo.snapping import some
from geo.walking import within

if TYPE_CHECKING:
    from benchmarks.circles.town import Town
    from geo.walking import Within

HIGHS_S = 20.0
"""How long HiGHS may look for the optimum."""


class Case(NamedTuple):
    """How large a question is."""

    homes: int
    candidates: int
    sites: int


SMALL = Case(1_000, 200, 10)
LARGE = Case(50_000, 2_000, 200)


class Sited(NamedTuple):
    """One answer."""

    town: str
    homes: int
    candidates: int
    sites: int
    engine: str
    seconds: float
    share: float
    """Of the homes, covered."""
    bound: float
    """No plan covers a larger share than this; of HiGHS its own bound."""
    optimal: bool


def sited(town: Town, case: Case, limit_m: float, *, with_highs: bool) -> list[Sited]:
    """Choose sites among crossings for a sample of the homes."""
    rng = np.random.default_rng(11)
    homes = rng.choice(len(town.homes), min(case.homes, len(town.homes)), replace=False)
    largest = np.flatnonzero(town.streets.piece == 0)
    places = rng.choice(largest, min(case.candidates, len(largest)), replace=False)
    covers = within(town.streets, at_nodes(town, places), some(town.homes, homes), limit_m=limit_m)
    asked = (town.name, len(homes), len(places), case.sites)
    began = time.perf_counter()
    plan = best_sites(np.ones(len(homes), np.int64), covers.start, covers.point, count=case.sites)
    took_s = time.perf_counter() - began
    ours = Sited(
        *asked,
        engine="Wangge",
        seconds=took_s,
        share=plan.covered / len(homes),
        bound=plan.bound / len(homes),
        optimal=plan.optimal,
    )
    return [ours, _highs(asked, covers)] if with_highs else [ours]


def _highs(asked: tuple[str, int, int, int], covers: Within) -> Sited:
    """Solve the plain formulation: choose sites, cover points that have one of theirs."""
    _, homes, places, count = asked
    owner = np.repeat(np.arange(places), np.diff(covers.start))
    reached = coo_array((np.ones(len(owner)), (covers.point, owner)), shape=(homes, places))
    rows = csr_array(hstack([reached, -eye_array(homes)]))
    chosen = np.concatenate([np.ones(places), np.zeros(homes)])[None, :]
    began = time.perf_counter()
    found = milp(
        np.concatenate([np.zeros(places), -np.ones(homes)]),
        integrality=np.concatenate([np.ones(places), np.zeros(homes)]),
        bounds=Bounds(0, 1),
        constraints=[
            LinearConstraint(rows, 0, np.inf),
            LinearConstraint(chosen, 0, count),
        ],
        options={"time_limit": HIGHS_S},
    )
    took_s = time.perf_counter() - began
    value = 0.0 if found.fun is None else -float(found.fun)
    bound = float(homes) if found.mip_dual_bound is None else -float(found.mip_dual_bound)
    return Sited(
        *asked,
        engine="HiGHS through scipy `milp`",
        seconds=took_s,
        share=value / homes,
        bound=bound / homes,
        optimal=found.status == 0,
    )
