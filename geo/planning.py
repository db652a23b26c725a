"""Who goes to which unit: near to home, balanced by households, at a post that fits."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from geo.planning_bound import Prices, lower_bound, price_bodies
from geo.planning_case import BALANCE_M, CM, EMPTY_M, MISFIT_M, Hindrance, Lack, Problem, lacks
from geo.planning_kernel import distances_cm, improve
from geo.planning_network import make_network, offer, placing_of
from geo.planning_start import Placing, choose_posts, even_posts, first_placing, near_units

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from geo.planning_bound import Priced
    from geo.planning_case import Whole
    from geo.planning_network import Network

__all__ = [
    "BALANCE_M",
    "EMPTY_M",
    "MISFIT_M",
    "Hindrance",
    "Lack",
    "Plan",
    "Problem",
    "lacks",
    "plan",
]

_WIDTH = 16
"""How many bodies more or fewer than in the plan before are told apart at first."""
_PIVOTS = 20_000
"""Exchanges between two looks at the clock: some tenths of a second."""
_POSTS = 2
"""To how many of the posts that it fits each body is offered first; others when they pay."""


class Plan(NamedTuple):
    """Who goes where, what it costs, and how good any other plan could be."""

    unit: Whole
    """Where each body goes, shape (n,); -1 for nowhere."""
    post: Whole
    """At which post, shape (n,); -1 for nowhere."""
    way_m: NDArray[np.float64]
    """How far from home to the unit's centre, straight; NaN where unknown or nowhere."""
    holders: Whole
    """Bodies on each unit, with those who stay, shape (m,)."""
    target: NDArray[np.float64]
    """Its part of all of them by households, shape (m,)."""
    cost_m: float
    """Metres of ways, and what else is worth metres."""
    bound_m: float
    """No plan costs less; the same as the cost where the plan is the best."""
    optimal: bool


def _unlimited() -> float:
    return np.inf


def plan(problem: Problem, *, left_s: Callable[[], float] = _unlimited) -> Plan:
    """Place as many bodies as there is room for, at the least cost.

    Parameters
    ----------
    left_s
        Says how many seconds are left: without any, the best plan so far stands, and its bound.

    Raises
    ------
    ValueError
        If something cannot be met: see :func:`lacks`.

    Notes
    -----
    A minimum-cost flow in whole centimetres, solved to the optimum: the network simplex on arcs to
    a few units near each home, then arcs that would pay among all others, until there are none. A
    body costs the way to its unit, and ``MISFIT_M`` where no skill of it fits a post; a post that
    no fitting holder has, ``EMPTY_M``; a unit ``BALANCE_M`` x (holders - target)^2 / target, with
    no target below 1 as the divisor. Cost and bound are sums of whole numbers worked out apart from
    the flow, so that ``optimal`` is a proof.
    """
    if lacks(problem):
        raise ValueError("no plan can meet what is asked for; ask lacks() what it is")
    if not len(problem.home_m):
        return _told(problem, Placing(np.zeros(0, np.int64), np.zeros(0, np.int64)), None)
    near = near_units(problem)
    placing = first_placing(problem, near)
    bound = _Bound()
    width = _WIDTH
    while True:
        network = make_network(problem, placing, _offered(problem, near), width)
        _solve(problem, network, bound, left_s)
        placing = bound.placing
        if bound.best == problem.cost_cm(*_with_posts(problem, placing)) or left_s() <= 0:
            return _told(problem, placing, bound.best)
        width *= 4  # some unit wanted more or fewer than were told apart


class _Bound:
    """The best bound so far, and the plan that was found."""

    def __init__(self) -> None:
        self.best: int | None = None
        self.placing = Placing(np.zeros(0, np.int64), np.zeros(0, np.int64))

    def raise_to(self, bound: int) -> None:
        self.best = bound if self.best is None else max(self.best, bound)


def _offered(problem: Problem, near: NDArray[np.int64]) -> tuple[Whole, Whole, Whole]:
    """Return body, unit and post of the first arcs; with too little room also those to nowhere."""
    n, k = near.shape
    # Whom every post fits is offered other posts than the one before: together they know all.
    turn = (np.arange(problem.fits.shape[1]) + np.arange(n)[:, None]) % problem.fits.shape[1]
    order = np.argsort(~np.take_along_axis(problem.fits, turn, axis=1), axis=1, kind="stable")
    posts = np.take_along_axis(turn, order[:, :_POSTS], axis=1)
    fits = np.take_along_axis(problem.fits, posts, axis=1)
    fits[:, 0] = True  # who fits none goes to the unit itself, by one arc
    body, place, which = np.nonzero(np.broadcast_to(fits[:, None, :], (n, k, fits.shape[1])))
    unit, post = near[body, place], posts[body, which]
    if problem.placed == n:
        return body, unit, post
    every = np.arange(n)
    return (
        np.concatenate([body, every]),
        np.concatenate([unit, np.full(n, -1)]),
        np.concatenate([post, np.zeros(n, np.int64)]),
    )


def _solve(problem: Problem, network: Network, bound: _Bound, left_s: Callable[[], float]) -> None:
    """Find the cheapest flow, over all arcs there could be."""
    nodes = network.nodes
    begin, done = 0, _PIVOTS
    while True:
        while done == _PIVOTS and left_s() > 0:
            done, begin = improve(network.arcs, network.basis, nodes.end, _PIVOTS, begin)
        prices = _prices(network)
        priced = price_bodies(problem, prices)
        bound.raise_to(lower_bound(problem, prices, priced))
        more = _paying(network, priced)
        if left_s() <= 0 or not len(more[0]):
            bound.placing = placing_of(network, problem)
            return
        network = offer(network, problem, *more)
        done = _PIVOTS


def _prices(network: Network) -> Prices:
    nodes, potential = network.nodes, network.basis.potential
    onward = potential[nodes.end] - potential
    unit = onward[nodes.unit : nodes.nowhere]
    slot = onward[nodes.bodies : nodes.unit].reshape(nodes.units, nodes.posts)
    # Nobody pays more at a post than at its unit: a flow that is not the cheapest yet says so.
    return Prices(np.minimum(slot, unit[:, None]), unit, int(onward[nodes.nowhere]))


def _paying(network: Network, priced: Priced) -> tuple[Whole, Whole, Whole]:
    """Return body, unit and post of arcs that cost a body less than what it has."""
    nodes, potential = network.nodes, network.basis.potential
    has = (potential[nodes.end] - potential[: nodes.bodies])[:, None]
    body, which = np.nonzero((priced.cost < has) & (priced.unit >= 0))
    return body, priced.unit[body, which], priced.post[body, which]


def _with_posts(problem: Problem, placing: Placing) -> Placing:
    """Give posts to those who fit none, and even out posts as far as it costs nothing."""
    post = even_posts(problem, placing.unit, placing.post)
    return Placing(placing.unit, choose_posts(problem, placing.unit, post))


def _told(problem: Problem, placing: Placing, bound: int | None) -> Plan:
    unit, post = _with_posts(problem, placing)
    cost = problem.cost_cm(unit, post)
    best = cost if bound is None else bound
    way = distances_cm(problem.home_m, problem.centre_m, unit) / CM
    way[(unit < 0) | np.isnan(problem.home_m[:, 0])] = np.nan
    placed = np.bincount(unit[unit >= 0], minlength=len(problem.room))
    return Plan(
        unit=unit,
        post=post,
        way_m=way,
        holders=problem.staying + placed,
        target=problem.target,
        cost_m=cost / CM,
        bound_m=best / CM,
        optimal=cost == best,
    )
