"""How good a choice of sites can be at most, and the best one where the case is small."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array, eye_array, hstack

from geo.siting_prices import Descent, pay_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from geo.siting_kernel import Case

    LeftS = Callable[[], float]
    """Says how many seconds are left."""

MAX_EXACT_PAIRS = 20_000
"""Up to so many pairs of a candidate and a point HiGHS is asked for the optimum: beyond them it
takes far longer than it is given to notice that its time is over."""
EXACT_S = 2.0
"""How long HiGHS may look for the optimum, in seconds."""

_STEPS, _FEWEST_STEPS = 1_000, 20
"""Steps of the bound, at most and at least."""
_WORK = 800_000_000
"""Pairs that they may look at: some two seconds."""
_ROUNDS = 6
"""How often prices are sought anew for another number of sites."""
_ROUNDING = 1e-6
"""More than sums of weights in floats are off, less than a household."""


class Priced(NamedTuple):
    """A bound on what any sites cover, and what was met on the way to it."""

    bound: int
    price: NDArray[np.float64]
    """The prices that prove it, shape (p,)."""
    sites: NDArray[np.int64]
    """The best sites that were met."""
    covered: int
    """What they cover."""


class Solved(NamedTuple):
    """What HiGHS found in its time."""

    sites: NDArray[np.int64] | None
    """The best sites that it has; None without any."""
    bound: float
    """What no sites get past; infinite, towards the better, where nothing is proven."""


def price_points(
    case: Case, count: int, value: int, left_s: LeftS, price: NDArray[np.float64] | None = None
) -> Priced:
    """Bound what any ``count`` sites cover, by prices on the points.

    Parameters
    ----------
    value
        A weight that is known to be covered by some sites: the search ends when it is the bound.
    left_s
        Says how many seconds are left; without any it stops with what it has.
    price
        Where to begin, shape (p,).
    """
    begin = price if price is not None else _first_price(case, count)
    search = Descent(case, count, begin, value)
    todo = min(max(_WORK // max(1, len(case.point)), _FEWEST_STEPS), _STEPS)
    while todo > 0 and search.step() and left_s() > 0:
        todo -= 1
    bound = min(_whole(search.bound), case.total)
    return Priced(bound, search.least, search.sites, search.covered)


def _first_price(case: Case, count: int) -> NDArray[np.float64]:
    """Return prices to begin with: all that points weigh, or (for many sites) half of it."""
    whole = case.weight.astype(np.float64)
    pay = np.sort(pay_for(case, whole))[::-1][:count].sum()
    return whole / 2 if pay > case.total else whole


def least_count(case: Case, target: int, enough: int, left_s: LeftS) -> int:
    """Return how many sites it takes at least to cover a weight.

    Parameters
    ----------
    target
        The weight, at most ``case.total``.
    enough
        So many sites are known to do.
    """
    least, beyond, asked = 1, enough, enough - 1
    price = None
    for _ in range(_ROUNDS):
        if least >= beyond or left_s() <= 0:
            break
        priced = price_points(case, asked, target - 1, left_s, price)
        price = priced.price
        paid = np.sort(pay_for(case, price))[::-1]
        reach = case.total - price.sum() + np.cumsum(paid) + _ROUNDING
        least = max(least, int(np.count_nonzero(reach[: enough - 1] < target)) + 1)
        if asked >= least:  # so many may do: look lower
            beyond = asked
        asked = max(least, (least + 3 * beyond) // 4)
    return least


def solve_most(case: Case, count: int, limit_s: float) -> Solved:
    """Ask HiGHS for the ``count`` sites that cover most, within some seconds."""
    sites, points = len(case.first) - 1, len(case.weight)
    covers = _covers(case)
    few = LinearConstraint(np.r_[np.ones(sites), np.zeros(points)], -np.inf, count)
    cost = np.r_[np.zeros(sites), -case.weight.astype(np.float64)]
    solved = _solve(sites, cost, [covers, few], limit_s)
    return solved._replace(bound=-solved.bound)


def solve_fewest(case: Case, target: int, enough: int, limit_s: float) -> Solved:
    """Ask HiGHS for the fewest sites that cover a weight, within some seconds."""
    sites, points = len(case.first) - 1, len(case.weight)
    covers = _covers(case)
    much = LinearConstraint(np.r_[np.zeros(sites), case.weight.astype(np.float64)], target, np.inf)
    few = LinearConstraint(np.r_[np.ones(sites), np.zeros(points)], 1, enough)
    cost = np.r_[np.ones(sites), np.zeros(points)]
    return _solve(sites, cost, [covers, much, few], limit_s)


def _covers(case: Case) -> LinearConstraint:
    """Return that a point is covered by no more than the sites that cover it."""
    sites, points = len(case.first) - 1, len(case.weight)
    by = csr_array((np.ones(len(case.site)), case.site, case.begin), (points, sites))
    return LinearConstraint(hstack([by, -eye_array(points)], format="csr"), 0, np.inf)


def _solve(
    sites: int, cost: NDArray[np.float64], owed: list[LinearConstraint], limit_s: float
) -> Solved:
    """Ask HiGHS which sites cost least; the variables of the points follow from them."""
    whole = np.arange(len(cost)) < sites
    found = milp(
        cost,
        integrality=whole.astype(np.int64),
        bounds=Bounds(0, 1),
        constraints=owed,
        options={"time_limit": limit_s, "mip_rel_gap": 0.0},
    )
    chosen = np.flatnonzero(found.x[:sites] > 0.5) if found.x is not None else None  # noqa: PLR2004 - chosen or not
    proven = found.mip_dual_bound
    return Solved(chosen, float(proven) if proven is not None else -np.inf)


def _whole(bound: float) -> int:
    """Round a bound down to whole weights, and nothing below a weight that can be had."""
    return int(np.floor(bound + _ROUNDING))
