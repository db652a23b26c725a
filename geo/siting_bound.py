"""How good a choice of sites can be at most, by prices on the points."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from geo.siting_prices import Descent, pay_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from geo.siting_kernel import Case

    LeftS = Callable[[], float]
    """Says how many seconds are left."""

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


def _whole(bound: float) -> int:
    """Round a bound down to whole weights, and nothing below a weight that can be had."""
    return int(np.floor(bound + _ROUNDING))
