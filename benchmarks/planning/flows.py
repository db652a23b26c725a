"""Drawn cases, and the same problem written out as one flow with every arc there is."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment, linprog
from scipy.sparse import coo_array

from geo.planning import EMPTY_M, MISFIT_M, Problem
from geo.planning_case import CM

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIDE_M = 6_000.0
UNSKILLED = 0.15
"""So many bodies have no skill that a post asks for."""
MORE = 40
"""So many holders above its target every unit may get in the written-out flow."""


class Flow(NamedTuple):
    """A minimum-cost flow; arcs of shape (a,), nodes of shape (v,)."""

    tail: NDArray[np.int64]
    head: NDArray[np.int64]
    cost: NDArray[np.int64]
    cap: NDArray[np.int64]
    demand: NDArray[np.int64]
    """What stays at each node; negative: what comes from it."""
    constant: int
    """What every flow costs."""


def draw(bodies: int, units: int, posts: int, *, seed: int = 0) -> Problem:
    """Draw a town: homes and units anywhere, 200 to 2,000 households, mostly one skill each."""
    rng = np.random.default_rng(seed)
    fits = rng.random((bodies, posts)) < 0.2 / posts
    fits[np.arange(bodies), rng.integers(0, posts, bodies)] = True
    fits[rng.random(bodies) < UNSKILLED] = posts == 1
    none = np.zeros(units, np.int64)
    return Problem(
        home_m=rng.uniform(0, SIDE_M, (bodies, 2)),
        fits=fits,
        centre_m=rng.uniform(0, SIDE_M, (units, 2)),
        households=rng.integers(200, 2_000, units),
        least=none + 1,
        most=none + bodies,
        staying=none,
        covered=np.zeros((units, posts), np.int64),
    )


def exactly(problem: Problem, each: int) -> Problem:
    """Return a problem in which every unit gets so many, and there are no posts."""
    units = len(problem.centre_m)
    bodies = units * each
    none = np.zeros(units, np.int64)
    return Problem(
        home_m=problem.home_m[:bodies],
        fits=np.ones((bodies, 1), np.bool_),
        centre_m=problem.centre_m,
        households=none + 1,
        least=none + each,
        most=none + each,
        staying=none,
        covered=np.zeros((units, 1), np.int64),
    )


def ways_cm(problem: Problem) -> NDArray[np.int64]:
    """Return every way from a home to a unit, shape (n, m)."""
    off: NDArray[np.float64] = problem.home_m[:, None] - problem.centre_m
    way: NDArray[np.int64] = np.rint(CM * np.linalg.norm(off, axis=2)).astype(np.int64)
    return way


def written_out(problem: Problem) -> Flow:
    """Return the flow of a problem without bounds or holders who stay, with all of its arcs."""
    n, q = problem.fits.shape
    m = len(problem.centre_m)
    way = ways_cm(problem)
    body, post = np.nonzero(problem.fits)
    unit = np.arange(m)
    misfit = np.flatnonzero(~problem.fits.any(axis=1))
    slot, node, end = n, n + m * q, n + m * q + m
    first = _arcs(body[:, None], slot + unit * q + post[:, None], way[body], 1)
    second = _arcs(misfit[:, None], node + unit, way[misfit] + CM * MISFIT_M, 1)
    slots, to = slot + np.arange(m * q), node + np.repeat(unit, q)
    filled = _arcs(slots, to, np.array(-CM * EMPTY_M), 1)
    more = _arcs(slots, to, np.array(0), n)
    most = np.minimum(np.ceil(problem.target).astype(np.int64) + MORE, n)
    which = np.repeat(unit, most)
    count = np.arange(len(which)) - np.repeat(np.cumsum(most) - most, most) + 1
    step = problem.balance_cm(which, count) - problem.balance_cm(which, count - 1)
    load = _arcs(node + which, np.array(end), np.where(count == 1, step - _MUST, step), 1)
    parts = zip(first, second, filled, more, load, strict=True)
    tail, head, cost, cap = (np.concatenate(part) for part in parts)
    demand = np.zeros(end + 1, np.int64)
    demand[:n], demand[end] = -1, n
    none = problem.balance_cm(unit, np.zeros(m, np.int64)).sum()
    return Flow(tail, head, cost, cap, demand, int(none) + m * q * CM * EMPTY_M + m * _MUST)


_MUST = 10**11
"""What the first holder of a unit is worth: more than anything else, as there must be one."""


def _arcs(
    tail: NDArray[np.int64], head: NDArray[np.int64], cost: NDArray[np.int64], cap: int
) -> tuple[NDArray[np.int64], ...]:
    full = np.broadcast_arrays(tail, head, cost, np.array(cap))
    return tuple(part.reshape(-1) for part in full)


def by_highs(flow: Flow) -> float:
    """Return the least cost in metres, by HiGHS on the whole flow at once."""
    arcs = np.arange(len(flow.tail))
    ones = np.ones(len(arcs))
    matrix = coo_array(
        (
            np.concatenate([-ones, ones]),
            (np.concatenate([flow.tail, flow.head]), np.concatenate([arcs, arcs])),
        ),
        (len(flow.demand), len(arcs)),
    ).tocsr()
    bounds = np.column_stack([np.zeros(len(arcs)), flow.cap])
    # what must be is a bound here: so large a number among the costs would spoil its tolerances
    must = flow.cost < -_MUST // 2
    cost = np.where(must, flow.cost + _MUST, flow.cost) / CM
    bounds[must, 0] = 1
    found = linprog(cost, A_eq=matrix, b_eq=flow.demand, bounds=bounds, method="highs")  # type: ignore[call-overload]  # it takes sparse matrices, too
    return float(found.fun) + (flow.constant - int(must.sum()) * _MUST) / CM


def by_matching(problem: Problem) -> float:
    """Return the least sum of ways in metres, each unit written out once for each holder."""
    each = int(problem.most[0])
    matrix = np.repeat(ways_cm(problem), each, axis=1)
    rows, columns = linear_sum_assignment(matrix)
    return float(matrix[rows, columns].sum()) / CM
