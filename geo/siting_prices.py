"""Bound what sites can cover, by prices on the points: compiled loops."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geo.siting_kernel import Case

_KEPT = 0.7
"""How much of its way a step of the bound keeps from the steps before."""
_PATIENCE = 20
"""After so many steps for nothing the bound goes back to its best, and on in shorter steps."""


class Prices(NamedTuple):
    """What candidates are paid for points, on the way to a low bound; changed in place."""

    price: NDArray[np.float64]
    """For each point, 0 to its weight, shape (p,)."""
    way: NDArray[np.float64]
    """Where the last steps led, shape (p,)."""
    least: NDArray[np.float64]
    """The prices of the least bound so far, shape (p,)."""


@njit(nogil=True, cache=True)
def pay_for(case: Case, price: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what each candidate is paid for all its points, shape (n,)."""
    pay = np.zeros(len(case.first) - 1)
    for c in range(len(pay)):
        for j in range(case.first[c], case.first[c + 1]):
            pay[c] += price[case.point[j]]
    return pay


@njit(nogil=True, cache=True)
def _visit(case: Case, sites: NDArray[np.int64], times: NDArray[np.int32]) -> int:
    """Count by how many sites each point is covered; return the weight that is."""
    times[:] = 0
    covered = 0
    for c in sites:
        for j in range(case.first[c], case.first[c + 1]):
            if times[case.point[j]] == 0:
                covered += case.weight[case.point[j]]
            times[case.point[j]] += 1
    return covered


@njit(nogil=True, cache=True)
def _turn_way(case: Case, prices: Prices, times: NDArray[np.int32]) -> float:
    """Turn towards where the bound falls now; return the square of the way's length."""
    square = 0.0
    for i in range(len(times)):
        slope = times[i] - (1.0 if prices.price[i] < case.weight[i] else 0.0)
        prices.way[i] = _KEPT * prices.way[i] + (1.0 - _KEPT) * slope
        square += prices.way[i] * prices.way[i]
    return square


@njit(nogil=True, cache=True)
def descend(  # noqa: PLR0917 - numba takes arguments by position
    case: Case, count: int, prices: Prices, value: int, stride: float, steps: int
) -> tuple[float, float, int, NDArray[np.int64]]:
    """Lower the bound that prices on the points prove, by subgradient steps.

    Parameters
    ----------
    count
        How many sites there may be.
    prices
        From where to go on; ``prices.least`` holds the best ones afterwards.
    value
        A weight that some sites cover: how far the bound may come down.
    stride
        The length of the steps to begin with; 1 is usual. It is halved where nothing comes of it.
    steps
        How many steps.

    Returns
    -------
    tuple
        The least bound, the stride at the end, the largest weight that the best-paid candidates
        covered at any step, and those candidates.

    Notes
    -----
    With any prices, no ``count`` sites cover more than what prices leave of the weights, and what
    the ``count`` best-paid candidates are paid: the Lagrangian relaxation of maximal covering,
    whose least bound is that of the linear program (Galvao and ReVelle, "A Lagrangean heuristic
    for the maximal covering location problem", 1996). Steps keep a part of the one before
    (Camerini, Fratta and Maffioli, "On improving relaxation methods by modified gradient
    techniques", 1975).
    """
    times = np.empty(len(case.weight), np.int32)
    least, most, most_sites = np.inf, -1, np.empty(0, np.int64)
    idle = 0
    total = float(np.sum(case.weight))
    for _ in range(steps):
        pay = pay_for(case, prices.price)
        paid = np.argsort(-pay, kind="mergesort")[:count]
        covered = _visit(case, paid, times)
        if covered > most:
            most, most_sites = covered, paid.copy()
        bound = total - np.sum(prices.price) + np.sum(pay[paid])
        idle += 1
        if bound < least:
            least, idle = bound, 0
            prices.least[:] = prices.price
        if least < max(value, most) + 1:
            break
        if idle == _PATIENCE:
            stride, idle = stride / 2, 0
            prices.price[:] = prices.least
            prices.way[:] = 0.0
            continue
        square = _turn_way(case, prices, times)
        if square == 0.0:
            break
        step = stride * (bound - value) / square
        for i in range(len(times)):
            there = prices.price[i] - step * prices.way[i]
            prices.price[i] = min(max(there, 0.0), float(case.weight[i]))
    return least, stride, most, most_sites
