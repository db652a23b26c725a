"""Bound what sites can cover, by prices on the points."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from geo.compiling import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geo.siting_kernel import Case

_KEPT = 0.7
"""How much of its way a step of the bound keeps from the steps before."""
_NOTHING = 1e-9
"""What is less of a way is none: processors are slow with numbers that have all but vanished."""
_PATIENCE = 20
"""After so many steps for nothing the bound goes back to its best, and on in shorter steps."""


@njit(nogil=True, cache=True)
def pay_for(case: Case, price: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what each candidate is paid for all its points, shape (n,)."""
    pay = np.zeros(len(case.first) - 1)
    for c in range(len(pay)):
        for j in range(case.first[c], case.first[c + 1]):
            pay[c] += price[case.point[j]]
    return pay


@njit(nogil=True, cache=True)
def _visits(case: Case, sites: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return by how many of some sites each point is covered, shape (p,)."""
    times = np.zeros(len(case.weight), np.int64)
    for c in sites:
        for j in range(case.first[c], case.first[c + 1]):
            times[case.point[j]] += 1
    return times


@dataclass
class Descent:
    """The search for prices that prove a low bound, by subgradient steps.

    Attributes
    ----------
    count
        How many sites there may be.
    price
        What a candidate is paid for each point now, 0 to its weight, shape (p,).
    goal
        A weight that some sites cover: how far the bound may come down.
    bound, least
        The least bound so far, and its prices.
    covered, sites
        The largest weight that the best-paid candidates covered at any step, and those candidates.

    Notes
    -----
    With any prices, no ``count`` sites cover more than what prices leave of the weights, and what
    the ``count`` best-paid candidates are paid: the Lagrangian relaxation of maximal covering,
    whose least bound is that of the linear program (Galvao and ReVelle, "A Lagrangean heuristic for
    the maximal covering location problem", 1996). Steps keep a part of the one before (Camerini,
    Fratta and Maffioli, "On improving relaxation methods by modified gradient techniques", 1975).
    """

    case: Case
    count: int
    price: NDArray[np.float64]
    goal: int
    bound: float = np.inf
    covered: int = -1
    sites: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))

    def __post_init__(self) -> None:
        self.least = self.price
        self._weight = self.case.weight.astype(np.float64)
        self._total = self.case.total
        self._way = np.zeros(len(self.price))
        self._stride, self._idle = 1.0, 0

    def step(self) -> bool:
        """Lower the bound by one step; say whether there is anything left to do."""
        pay = pay_for(self.case, self.price)
        paid = np.argsort(-pay, kind="stable")[: self.count]
        times = _visits(self.case, paid)
        covered = int(self.case.weight[times > 0].sum())
        if covered > self.covered:
            self.covered, self.sites = covered, paid
        bound = self._total - self.price.sum() + pay[paid].sum()
        self._idle += 1
        if bound < self.bound:
            self.bound, self.least, self._idle = float(bound), self.price, 0
        if self.bound < max(self.goal, self.covered) + 1:
            return False
        if self._idle == _PATIENCE:
            self._stride, self._idle = self._stride / 2, 0
            self.price, self._way = self.least, np.zeros(len(self.price))
            return True
        slope = times - (self.price < self._weight)
        self._way = _KEPT * self._way + (1.0 - _KEPT) * slope
        self._way[np.abs(self._way) < _NOTHING] = 0.0
        square = float(np.square(self._way).sum())
        if square == 0.0:
            return False
        length = self._stride * (bound - max(self.goal, self.covered)) / square
        self.price = np.clip(self.price - length * self._way, 0.0, self._weight)
        return True
