"""Where the next points should go: the sites that bring most people inside."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from geo.siting_bound import least_count, price_points
from geo.siting_cover import cover_all
from geo.siting_kernel import (
    Case,
    greedy,
    hash_rows,
    least_missed,
    number_rows,
    rank_sites,
    stand,
    swap,
    turn,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from geo.siting_kernel import Standing

MAX_EXACT_PAIRS = 20_000
"""Up to so many pairs of a candidate and a point HiGHS is asked for the optimum: beyond them it
takes far longer than it is given to notice that its time is over."""
EXACT_S = 2.0
"""How long HiGHS may look for the optimum, in seconds."""


class Plan(NamedTuple):
    """Sites, what they cover, and how good any others could be."""

    sites: NDArray[np.int64]
    """Candidates: each adds most after those before it; none adds nothing."""
    gains: NDArray[np.int64]
    """The weight that each adds to those before it."""
    bound: int
    """As many sites cover no more than this weight, whichever they are."""
    least: int
    """Fewer sites than these cover less than was asked for, or (asked for a number) than this."""
    optimal: bool
    """Whether that was proven: asked for a number, that no sites cover more; asked for a weight,
    that fewer do not cover it."""

    @property
    def covered(self) -> int:
        """The weight that all sites cover together."""
        return int(self.gains.sum())


def _unlimited() -> float:
    return np.inf


def best_sites(
    weight: NDArray[np.int64],
    first: NDArray[np.int64],
    point: NDArray[np.int32],
    *,
    count: int,
    left_s: Callable[[], float] = _unlimited,
) -> Plan:
    """Choose the sites that cover most: maximal covering.

    Parameters
    ----------
    weight
        What each point counts, whole and not negative, shape (p,); 0 where it is covered already.
    first, point
        Candidate ``c`` covers the points ``point[first[c]:first[c + 1]]``, each named once; shapes
        (n + 1,) and (k,).
    count
        How many sites at most, 1 or more.
    left_s
        Says how many seconds are left: without any, what was found stands, and the bound is
        weaker.

    Raises
    ------
    ValueError
        If a weight is negative or the count below 1.

    Notes
    -----
    Points with the same candidates are one. Greedy, then one site for another until none is better
    (Church and ReVelle, "The maximal covering location problem", 1974; Teitz and Bart, 1968). The
    bound is that of the linear relaxation, approached by prices on the points; HiGHS looks for the
    optimum where there are few pairs. The same case gives the same sites, unless time runs out.
    50,000 points and 2,000 candidates take about a second.
    """
    if count < 1:
        raise ValueError(f"{count} sites are none: ask for 1 or more")
    case = make_case(weight, first, point)
    if not case.total:
        return _nothing()
    sites, bound = _most(case, greedy(case, count, case.total), count, left_s)
    order, gains = rank_sites(case, np.sort(sites))
    covered = int(gains.sum())
    return Plan(order, gains, max(bound, covered), len(order), bound <= covered)


def fewest_sites(
    weight: NDArray[np.int64],
    first: NDArray[np.int64],
    point: NDArray[np.int32],
    *,
    target: int,
    most: int,
    left_s: Callable[[], float] = _unlimited,
) -> Plan:
    """Choose as few sites as cover a weight, and among as many rather those that cover more.

    Parameters
    ----------
    weight, first, point, left_s
        As for :func:`best_sites`.
    target
        The weight to be covered. Where all candidates together fall short of it, they are used as
        far as they add something.
    most
        How many sites there may be; where they do not suffice, they cover what they can.

    Raises
    ------
    ValueError
        If a weight is negative or ``most`` below 1.

    Notes
    -----
    Greedy takes up to a quarter too many. So one site less is tried, the others being swapped,
    until they no longer suffice; where everyone is to be covered, points that are hard to cover
    are given weight (:func:`geo.siting_cover.cover_all`). HiGHS looks for fewer where there are few
    pairs.
    """
    if most < 1:
        raise ValueError(f"{most} sites are none: allow 1 or more")
    case = make_case(weight, first, point)
    if not case.total or target <= 0:
        return _nothing()
    goal = min(target, case.total)
    sites = greedy(case, len(case.first) - 1, goal)
    if goal == case.total:
        sites = cover_all(case, sites, 1, left_s)
    sites = _fewer(case, sites, goal, left_s)
    least = 1
    if len(sites) > 1:
        sites, least = _prove_fewest(case, sites, goal, left_s)
    if len(sites) > most:
        plan = best_sites(weight, first, point, count=most, left_s=left_s)
        return plan._replace(least=least)
    standing = _swapped(case, sites, left_s)
    order, gains = rank_sites(case, np.sort(standing.sites))
    covered = int(gains.sum())
    priced = price_points(case, len(order), covered, left_s)
    return Plan(order, gains, max(priced.bound, covered), least, len(order) <= least)


def make_case(
    weight: NDArray[np.int64], first: NDArray[np.int64], point: NDArray[np.int32]
) -> Case:
    """Make one point of all that have the same candidates; leave out what cannot be covered.

    Raises
    ------
    ValueError
        If a weight is negative.
    """
    if len(weight) and weight.min() < 0:
        raise ValueError("weights are not negative")
    begin, site = turn(first, point, len(weight))
    order = np.argsort(hash_rows(begin, site), kind="stable").astype(np.int64)
    number = number_rows(begin, site, order)
    size = int(number.max()) + 1 if len(number) else 0
    sums = np.zeros(size, np.int64)
    np.add.at(sums, number, weight)
    sample = np.zeros(size, np.int64)
    sample[number[::-1]] = np.arange(len(weight))[::-1]  # the first of each group

    held = np.diff(begin)[sample]
    kept = (held > 0) & (sums > 0)
    sample, held, sums = sample[kept], held[kept], sums[kept]
    order = np.argsort(sample)  # so that neighbours stay together in memory
    sample, held, sums = sample[order], held[order], sums[order]
    starts = np.concatenate([[0], np.cumsum(held)])
    pick = np.arange(starts[-1]) - np.repeat(starts[:-1] - begin[sample], held)
    rows = site[pick]
    back, points = turn(starts, rows, len(first) - 1)
    return Case(back, points, starts, rows, sums)


def _nothing() -> Plan:
    none = np.zeros(0, np.int64)
    return Plan(none, none, bound=0, least=0, optimal=True)


def _swapped(case: Case, sites: NDArray[np.int64], left_s: Callable[[], float]) -> Standing:
    """Exchange sites one by one as long as that is better."""
    standing = stand(case, sites)
    while swap(case, standing) and left_s() > 0:
        pass
    return standing


def _covered(case: Case, standing: Standing) -> int:
    return int(case.weight[standing.times > 0].sum())


def _most(
    case: Case, sites: NDArray[np.int64], count: int, left_s: Callable[[], float]
) -> tuple[NDArray[np.int64], int]:
    """Return the best sites to be had, and the bound of what any cover."""
    standing = _swapped(case, sites, left_s)
    best, covered = standing.sites, _covered(case, standing)
    priced = price_points(case, count, covered, left_s)
    bound = priced.bound
    if priced.covered and bound > covered:
        other = _swapped(case, priced.sites, left_s)
        if _covered(case, other) > covered:
            best, covered = other.sites, _covered(case, other)
    limit_s = min(EXACT_S, left_s())
    if bound > covered and len(case.point) <= MAX_EXACT_PAIRS and limit_s > 0:
        from geo.siting_exact import solve_most  # noqa: PLC0415 - as that module says

        solved = solve_most(case, count, limit_s)
        if solved.sites is not None:
            other = stand(case, solved.sites)
            if _covered(case, other) > covered:
                best, covered = other.sites, _covered(case, other)
        if np.isfinite(solved.bound):
            bound = min(bound, int(np.floor(solved.bound + _SLACK)))
    return best, bound


def _fewer(
    case: Case, sites: NDArray[np.int64], goal: int, left_s: Callable[[], float]
) -> NDArray[np.int64]:
    """Leave out sites as long as the others, swapped, still cover enough."""
    while len(sites) > 1 and left_s() > 0:
        rest = np.delete(sites, least_missed(case, stand(case, sites)))
        fewer = _swapped(case, rest, left_s)
        if _covered(case, fewer) < goal:
            break
        sites = fewer.sites
    return sites


def _prove_fewest(
    case: Case, sites: NDArray[np.int64], goal: int, left_s: Callable[[], float]
) -> tuple[NDArray[np.int64], int]:
    """Return sites that cover enough, perhaps fewer, and how many it takes at least."""
    least = least_count(case, goal, len(sites), left_s)
    limit_s = min(EXACT_S, left_s())
    if least >= len(sites) or len(case.point) > MAX_EXACT_PAIRS or limit_s <= 0:
        return sites, least
    from geo.siting_exact import solve_fewest  # noqa: PLC0415 - as that module says

    solved = solve_fewest(case, goal, len(sites), limit_s)
    found = solved.sites
    if found is not None and len(found) < len(sites) and _covered(case, stand(case, found)) >= goal:
        sites = found
    if np.isfinite(solved.bound):
        least = max(least, int(np.ceil(solved.bound - _SLACK)))
    return sites, min(least, len(sites))


_SLACK = 1e-3
"""How far HiGHS may be off what is whole: more than its tolerances, less than a household."""
