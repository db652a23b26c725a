"""How cheap a plan can be at most: a bound that prices on posts and units prove."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from geo.planning_case import BALANCE_M, CM, EMPTY_M, MISFIT_M
from geo.planning_kernel import cheapest

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geo.planning_case import Problem, Whole

KINDS_AT_ONCE = 256
"""So many kinds of bodies are priced at once, to save memory: one kind fits the same posts."""


class Prices(NamedTuple):
    """What it costs to go on from somewhere, in centimetres; any numbers prove some bound."""

    slot: Whole
    """From each post of each unit, shape (m, q)."""
    unit: Whole
    """From each unit, shape (m,)."""
    nowhere: int
    """For who is not placed."""


class Priced(NamedTuple):
    """The cheapest arcs of each body, ascending, shapes (n, k); unit -1 where there are fewer."""

    cost: Whole
    unit: Whole
    post: Whole


def price_bodies(problem: Problem, prices: Prices) -> Priced:
    """Find for each body, among all units and posts, what costs least under prices.

    Notes
    -----
    Looks at every pair of a body and a unit, and keeps a few of each body.
    """
    kinds, kind = np.unique(problem.fits, axis=0, return_inverse=True)
    order = np.argsort(kind.reshape(-1), kind="stable")
    ranked = kind.reshape(-1)[order]
    parts: list[tuple[Whole, ...]] = []
    for begin in range(0, len(kinds), KINDS_AT_ONCE):
        some = kinds[begin : begin + KINDS_AT_ONCE]
        first, last = np.searchsorted(ranked, [begin, begin + len(some)])
        toll, post = _tolls(some, prices)
        rows = ranked[first:last] - begin
        cost, unit = cheapest(problem.home_m[order[first:last]], problem.centre_m, rows, toll)
        parts.append((cost, unit, post[rows[:, None], unit]))
    back = np.argsort(order)
    return Priced(*(np.concatenate(part)[back] for part in zip(*parts, strict=True)))


def _tolls(kinds: NDArray[np.bool_], prices: Prices) -> tuple[Whole, Whole]:
    """Return what each kind pays in each unit beyond the way, and at which post; shapes (k, m)."""
    toll = np.empty((len(kinds), len(prices.unit)), np.int64)
    post = np.zeros(toll.shape, np.int64)
    for row, fits in enumerate(kinds):
        able = np.flatnonzero(fits)
        if len(able):
            post[row] = able[np.argmin(prices.slot[:, able], axis=1)]
            toll[row] = prices.slot[:, able].min(axis=1)
        else:
            toll[row] = prices.unit + CM * MISFIT_M
    return toll, post


def lower_bound(problem: Problem, prices: Prices, priced: Priced) -> int:
    """Return what no plan is cheaper than, in centimetres.

    Parameters
    ----------
    priced
        Of :func:`price_bodies` under the same prices.

    Notes
    -----
    The Lagrange dual of the flow: every body, every post and every unit for itself takes what
    is cheapest under the prices. Numbers are whole and sums are Python's, so nothing is rounded.
    """
    left_out = len(problem.home_m) - problem.placed
    each = priced.cost[:, 0]
    if left_out:
        each = np.minimum(each, prices.nowhere)
    whole: list[int] = each.tolist()
    return (
        sum(whole)
        + _posts_alone(problem, prices)
        + _units_alone(problem, prices)
        - prices.nowhere * left_out
    )


def _posts_alone(problem: Problem, prices: Prices) -> int:
    """Return the least that posts cost: how many bodies each has lies between need and room."""
    further = (prices.unit[:, None] - prices.slot).astype(object)  # products may be long
    room = np.maximum(problem.room[:, None], problem.need).astype(object)
    need = problem.need.astype(object)
    empty = np.where(problem.saved, CM * EMPTY_M, 0).astype(object)
    none = np.where(problem.need == 0, empty, further * need)
    one = np.minimum(np.maximum(need, 1), room)
    some = np.where(one > 0, further * one, empty)
    most = np.where(room > 0, further * room, empty)
    return int(np.minimum(np.minimum(none, some), most).sum())


def _units_alone(problem: Problem, prices: Prices) -> int:
    """Return the least that the loads of units cost: a parabola each, over whole numbers."""
    units = np.arange(len(prices.unit))
    target = problem.target
    slope = prices.unit * np.maximum(target, 1.0) / (2 * CM * BALANCE_M)
    lowest = np.clip(target - problem.staying + slope, problem.base, problem.room)
    best: NDArray[np.object_] | None = None
    for off in range(-2, 3):  # costs are rounded to centimetres: the lowest is near
        count = np.clip(np.floor(lowest).astype(np.int64) + off, problem.base, problem.room)
        load = problem.balance_cm(units, count).astype(object)
        cost = load - prices.unit.astype(object) * count.astype(object)
        best = cost if best is None else np.minimum(best, cost)
    return int(best.sum()) if best is not None else 0
