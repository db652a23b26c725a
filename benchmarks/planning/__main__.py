"""Measure plans beside HiGHS, networkx and scipy on the same problem, and print a table."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.machine import machine, versions
from benchmarks.measure import timed
from benchmarks.planning.flows import by_highs, by_matching, draw, exactly, written_out
from geo.planning import plan
from geo.planning_case import CM

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.planning.flows import Flow
    from geo.planning import Problem

PEERS = Path(".venv-bench/bin/python")
SLOWEST_S = 900.0
SAME_M = 1.0
"""Costs that differ by less are the same: HiGHS counts in floats."""

Solver = tuple[str, "Callable[[], tuple[float, float]]"]
"""A name, and what returns seconds and metres."""


def ours(problem: Problem) -> tuple[float, float]:
    """Plan, and refuse a plan that is not proven."""
    made, cost = timed(lambda: plan(problem))
    if not made.optimal:
        raise ValueError("the plan is not proven")
    return cost.wall_s, made.cost_m


def highs(flow: Flow) -> tuple[float, float]:
    """Solve with HiGHS."""
    found, cost = timed(lambda: by_highs(flow))
    return cost.wall_s, found


def matching(problem: Problem) -> tuple[float, float]:
    """Solve as a matching of bodies with places."""
    found, cost = timed(lambda: by_matching(problem))
    return cost.wall_s, found


def networkx(flow: Flow) -> tuple[float, float]:
    """Solve with networkx, in its own environment."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "flow.npz"
        np.savez(file, **flow._asdict())
        worker = Path(__file__).with_name("networkx_worker.py")
        done = subprocess.run(
            [PEERS, worker, file], check=True, capture_output=True, timeout=SLOWEST_S
        )
    told = json.loads(done.stdout)
    return told["s"], (told["cost"] + flow.constant) / CM


def solvers(bodies: int, units: int, posts: int, *, alone: bool) -> list[Solver]:
    """Return who solves a drawn case."""
    problem = draw(bodies, units, posts)
    made: list[Solver] = [("wangge", lambda: ours(problem))]
    if not alone:
        flow = written_out(problem)
        made.append(("HiGHS, whole flow", lambda: highs(flow)))
        if PEERS.exists():
            made.append(("networkx network_simplex", lambda: networkx(flow)))
    return made


def matchers(bodies: int, units: int) -> list[Solver]:
    """Return who solves a case without posts, in which every unit gets the same number."""
    problem = exactly(draw(bodies, units, 1), bodies // units)
    return [
        ("wangge", lambda: ours(problem)),
        ("scipy linear_sum_assignment", lambda: matching(problem)),
    ]


def measure(name: str, some: list[Solver], rounds: int) -> None:
    """Run solvers in turn, every second round backwards, and print a row for each."""
    times: dict[str, list[float]] = defaultdict(list)
    costs: dict[str, float] = {}
    for number in range(rounds):
        for solver, run in some if number % 2 == 0 else some[::-1]:
            try:
                wall, costs[solver] = run()
            except subprocess.SubprocessError as error:
                sys.stderr.write(f"{name}: {solver}: {error}\n")
                continue
            times[solver].append(wall)
            sys.stderr.write(f"{name}: {solver}: {wall:.2f} s, {costs[solver]:,.2f} m\n")
    base = median(times["wangge"])
    for solver, _ in some:
        if not times[solver]:
            sys.stdout.write(f"| {name} | {solver} | over {SLOWEST_S:.0f} s |  |  |  |\n")
            continue
        same = abs(costs[solver] - costs["wangge"]) <= SAME_M
        wall = median(times[solver])
        sys.stdout.write(
            f"| {name} | {solver} | {wall:.2f} s | {wall / base:,.1f} | "
            f"{'yes' if same else f'no: {costs[solver]:,.2f} m'} | {len(times[solver])} |\n"
        )
    sys.stdout.flush()


def main() -> None:
    """Run what the options say."""
    parser = argparse.ArgumentParser(prog="make bench-planning")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="leave the largest case out")
    asked = parser.parse_args()
    facts = machine() | versions(["scipy", "numba", "numpy"])
    sys.stdout.write("\n".join(f"- {key}: {value}" for key, value in facts.items()) + "\n\n")
    plan(draw(20, 3, 2))  # compiled before the clock starts
    sys.stdout.write("| bodies x units x posts | who | wall | × wangge | same cost | rounds |\n")
    sys.stdout.write("| --- | --- | ---: | ---: | --- | ---: |\n")
    measure("300 x 12 x 8", solvers(300, 12, 8, alone=False), asked.rounds)
    measure("1,334 x 46 x 8", solvers(1_334, 46, 8, alone=False), asked.rounds)
    measure("1,334 x 46, 29 each", matchers(1_334, 46), asked.rounds)
    measure("5,000 x 200 x 8", solvers(5_000, 200, 8, alone=True), asked.rounds)
    if not asked.quick:
        measure("20,000 x 1,000 x 8", solvers(20_000, 1_000, 8, alone=True), asked.rounds)


if __name__ == "__main__":
    main()
