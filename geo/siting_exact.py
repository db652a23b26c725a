"""The best choice of sites, by HiGHS.

Whoever asks imports this module then: SciPy takes long to load, and most never ask.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array, eye_array, hstack

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geo.siting_kernel import Case


class Solved(NamedTuple):
    """What HiGHS found in its time."""

    sites: NDArray[np.int64] | None
    """The best sites that it has; None without any."""
    bound: float
    """What no sites get past; infinite, towards the better, where nothing is proven."""


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
