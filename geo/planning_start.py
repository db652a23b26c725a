"""A first plan, quickly found: nearly balanced, nearly near, and within all bounds."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from geo.planning_case import skilled
from geo.planning_kernel import distances_cm

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geo.planning_case import Problem, Whole

NEAREST = 8
"""So many units near its home are looked at first for each body."""


class Placing(NamedTuple):
    """Where each body goes, shapes (n,); -1 for those who go nowhere."""

    unit: Whole
    post: Whole


def near_units(problem: Problem) -> NDArray[np.int64]:
    """Return the nearest units of each body, shape (n, k); some or other where home is unknown."""
    n, m = len(problem.home_m), len(problem.centre_m)
    k = min(NEAREST, m)
    # Those without a home take turns, so that together they are offered every unit.
    out = (np.arange(n)[:, None] * k + np.arange(k)) % m
    known = np.flatnonzero(~np.isnan(problem.home_m[:, 0]))
    if len(known):
        from scipy.spatial import KDTree  # noqa: PLC0415 - plans are made now and then

        _, near = KDTree(problem.centre_m).query(problem.home_m[known], k=np.arange(1, k + 1))
        out[known] = near
    return out


def first_placing(problem: Problem, near: NDArray[np.int64]) -> Placing:
    """Place every body: first who must fill a post, then each as near as there is room.

    Parameters
    ----------
    near
        Of :func:`near_units`.
    """
    quota = _quotas(problem)
    kept = skilled(problem).post
    unit = np.full(len(kept), -1)
    for one in range(problem.fits.shape[1]):
        able = np.flatnonzero(kept == one)
        unit[able] = np.repeat(np.arange(len(quota)), problem.need[:, one])
    taken = np.bincount(unit[unit >= 0], minlength=len(quota))
    free = np.flatnonzero(unit < 0)
    unit[free] = _nearest_free(problem, free, near[free], quota - taken)
    return Placing(unit, choose_posts(problem, unit, kept))


def _quotas(problem: Problem) -> Whole:
    """Return how many bodies each unit gets if ways do not count, shape (m,)."""
    quota = problem.base.copy()
    units = np.arange(len(quota))

    def next_cost(some: Whole) -> Whole:
        return problem.balance_cm(some, quota[some] + 1) - problem.balance_cm(some, quota[some])

    open_units = units[quota < problem.room]
    queue = list(zip(next_cost(open_units).tolist(), open_units.tolist(), strict=True))
    heapq.heapify(queue)
    for _ in range(problem.placed - int(quota.sum())):
        _, u = queue[0]
        quota[u] += 1
        if quota[u] < problem.room[u]:
            heapq.heapreplace(queue, (int(next_cost(np.array([u]))[0]), u))
        else:
            heapq.heappop(queue)
    return quota


def _nearest_free(problem: Problem, bodies: Whole, near: NDArray[np.int64], room: Whole) -> Whole:
    """Let the shortest ways go first; who finds no room nearby takes what is left."""
    k = near.shape[1]
    home = np.repeat(problem.home_m[bodies], k, axis=0)
    way = distances_cm(home, problem.centre_m, near.reshape(-1))
    unit = [-1] * len(bodies)
    left = room.tolist()
    flat = near.reshape(-1).tolist()
    for pair in np.argsort(way, kind="stable").tolist():
        body, u = pair // k, flat[pair]
        if unit[body] < 0 and left[u] > 0:
            unit[body] = u
            left[u] -= 1
    out = np.array(unit, np.int64)
    missing = np.flatnonzero(out < 0)
    rest = np.repeat(np.arange(len(room)), left)[: len(missing)]
    out[missing[: len(rest)]] = rest
    return out


def choose_posts(problem: Problem, unit: Whole, kept: Whole) -> Whole:
    """Give every placed body a post of its unit that it fits, the one with fewest holders.

    Parameters
    ----------
    unit
        Where each body goes; -1 for nowhere.
    kept
        Post of each body that has one already; -1 for the others.

    Returns
    -------
    NDArray
        Posts, shape (n,); -1 for those who go nowhere. Who fits none gets one all the same.
    """
    post = kept.copy()
    holders = problem.covered.astype(np.float64)
    has = np.flatnonzero((unit >= 0) & (kept >= 0))
    np.add.at(holders, (unit[has], post[has]), 1)
    asked = np.flatnonzero((unit >= 0) & (kept < 0))
    # Those with the least choice go first; who fits nothing comes last, to where nobody is.
    fitting = problem.fits[asked].sum(axis=1)
    choice = np.where(fitting > 0, fitting, problem.fits.shape[1] + 1)
    for body in asked[np.argsort(choice, kind="stable")].tolist():
        able = problem.fits[body]
        there = holders[unit[body]]
        best = int(np.argmin(np.where(able, there, np.inf) if able.any() else there))
        post[body] = best
        there[best] += 1
    return post


def even_posts(problem: Problem, unit: Whole, post: Whole) -> Whole:
    """Let holders change to a post of their unit that fits them as well and has fewer holders.

    Parameters
    ----------
    unit, post
        Where each body goes; post -1 where it fits none. Shapes (n,).

    Returns
    -------
    NDArray
        Posts, shape (n,).

    Notes
    -----
    A post gives only to one with at least two holders less: none that had enough has too few then.
    """
    out = post.copy()
    holders = problem.covered.copy()
    has = np.flatnonzero((unit >= 0) & (post >= 0))
    np.add.at(holders, (unit[has], out[has]), 1)
    free = has[problem.fits[has].sum(axis=1) > 1]
    changed = True
    while changed:
        changed = False
        for body in free.tolist():
            there = holders[unit[body]]
            able = np.flatnonzero(problem.fits[body])
            best = int(able[np.argmin(there[able])])
            if there[out[body]] >= there[best] + 2:
                there[out[body]] -= 1
                there[best] += 1
                out[body] = best
                changed = True
    return out
