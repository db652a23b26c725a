"""Choose sites step by step: compiled loops over which candidate covers which point."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from geo.compiling import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Case(NamedTuple):
    """Which of n candidates covers which of p points, both ways round.

    No two points have the same candidates, each has one, and all weigh something.
    """

    first: NDArray[np.int64]
    """The points of candidate ``c`` are ``point[first[c]:first[c + 1]]``; shape (n + 1,)."""
    point: NDArray[np.int32]
    begin: NDArray[np.int64]
    """The candidates of point ``i`` are ``site[begin[i]:begin[i + 1]]``, ascending; (p + 1,)."""
    site: NDArray[np.int32]
    weight: NDArray[np.int64]
    """Above zero, shape (p,)."""

    @property
    def total(self) -> int:
        """What all points weigh together: the most that any sites can cover."""
        return int(self.weight.sum())


class Standing(NamedTuple):
    """Sites that are chosen, and what the others would add; changed in place."""

    sites: NDArray[np.int64]
    times: NDArray[np.int32]
    """By how many of the sites each point is covered, shape (p,)."""
    gain: NDArray[np.int64]
    """What each candidate would add, shape (n,)."""


@njit(nogil=True, cache=True)
def turn(
    first: NDArray[np.int64], point: NDArray[np.int32], size: int
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Return for each of ``size`` points who names it, ascending, from who names which points."""
    begin = np.zeros(size + 1, np.int64)
    for j in range(len(point)):
        begin[point[j] + 1] += 1
    for i in range(size):
        begin[i + 1] += begin[i]
    room = begin[:-1].copy()
    site = np.empty(len(point), np.int32)
    for c in range(len(first) - 1):
        for j in range(first[c], first[c + 1]):
            site[room[point[j]]] = c
            room[point[j]] += 1
    return begin, site


@njit(nogil=True, cache=True)
def hash_rows(begin: NDArray[np.int64], site: NDArray[np.int32]) -> NDArray[np.uint64]:
    """Return a number for each row; equal rows have the same."""
    out = np.zeros(len(begin) - 1, np.uint64)
    for i in range(len(begin) - 1):
        for j in range(begin[i], begin[i + 1]):
            mixed = (np.uint64(site[j]) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
            mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            out[i] += mixed ^ (mixed >> np.uint64(31))
    return out


@njit(nogil=True, cache=True)
def number_rows(
    begin: NDArray[np.int64], site: NDArray[np.int32], order: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return a number for each row: those equal that follow each other in the order share one."""
    number = np.zeros(len(order), np.int64)
    now = 0
    for at in range(1, len(order)):
        one, two = order[at - 1], order[at]
        length = begin[one + 1] - begin[one]
        same = length == begin[two + 1] - begin[two]
        j = 0
        while same and j < length:
            same = site[begin[one] + j] == site[begin[two] + j]
            j += 1
        if not same:
            now += 1
        number[two] = now
    return number


@njit(nogil=True, cache=True)
def _put(case: Case, standing: Standing, chosen: int) -> None:
    """Let a site stand: what it newly covers, nobody else would add any more."""
    for j in range(case.first[chosen], case.first[chosen + 1]):
        i = case.point[j]
        standing.times[i] += 1
        if standing.times[i] == 1:
            for q in range(case.begin[i], case.begin[i + 1]):
                standing.gain[case.site[q]] -= case.weight[i]


@njit(nogil=True, cache=True)
def _take(case: Case, standing: Standing, chosen: int) -> int:
    """Take a site away, and return the weight that is then uncovered."""
    loss = 0
    for j in range(case.first[chosen], case.first[chosen + 1]):
        i = case.point[j]
        standing.times[i] -= 1
        if standing.times[i] == 0:
            loss += case.weight[i]
            for q in range(case.begin[i], case.begin[i + 1]):
                standing.gain[case.site[q]] += case.weight[i]
    return loss


@njit(nogil=True, cache=True)
def stand(case: Case, sites: NDArray[np.int64]) -> Standing:
    """Return how it stands with some sites."""
    standing = Standing(
        sites.copy(),
        np.zeros(len(case.weight), np.int32),
        np.zeros(len(case.first) - 1, np.int64),
    )
    for c in range(len(case.first) - 1):
        for j in range(case.first[c], case.first[c + 1]):
            standing.gain[c] += case.weight[case.point[j]]
    for c in sites:
        _put(case, standing, c)
    return standing


@njit(nogil=True, cache=True)
def greedy(case: Case, count: int, target: int) -> NDArray[np.int64]:
    """Take the candidate that adds most, until there are enough or a weight is covered.

    Parameters
    ----------
    count
        How many sites at most.
    target
        Stop when this weight is covered.

    Returns
    -------
    NDArray[np.int64]
        The sites in the order in which they were taken; of equals the first candidate. None of
        them adds nothing.
    """
    standing = stand(case, np.empty(0, np.int64))
    sites = np.empty(min(count, len(case.first) - 1), np.int64)
    size = covered = 0
    while size < len(sites) and covered < target:
        best = int(np.argmax(standing.gain))
        if standing.gain[best] <= 0:
            break
        covered += standing.gain[best]
        _put(case, standing, best)
        sites[size] = best
        size += 1
    return sites[:size]


@njit(nogil=True, cache=True)
def swap(case: Case, standing: Standing) -> bool:
    """Put for each site in turn the candidate that adds most without it; say if that was better."""
    better = False
    for k in range(len(standing.sites)):
        loss = _take(case, standing, standing.sites[k])
        best = int(np.argmax(standing.gain))
        if standing.gain[best] > loss:
            standing.sites[k] = best
            better = True
        _put(case, standing, standing.sites[k])
    return better


@njit(nogil=True, cache=True)
def least_missed(case: Case, standing: Standing) -> int:
    """Return the place in the list of the site that covers least alone; of equals the last."""
    least, least_loss = 0, np.iinfo(np.int64).max
    for k in range(len(standing.sites)):
        loss = 0
        for j in range(case.first[standing.sites[k]], case.first[standing.sites[k] + 1]):
            if standing.times[case.point[j]] == 1:
                loss += case.weight[case.point[j]]
        if loss <= least_loss:
            least, least_loss = k, loss
    return least


@njit(nogil=True, cache=True)
def _adds(case: Case, site: int, covered: NDArray[np.bool_]) -> int:
    """Return the weight that a site covers and nobody before."""
    gain = 0
    for j in range(case.first[site], case.first[site + 1]):
        if not covered[case.point[j]]:
            gain += case.weight[case.point[j]]
    return gain


@njit(nogil=True, cache=True)
def rank_sites(case: Case, sites: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Order sites so that each adds most after those before it, and return what each adds.

    Sites that add nothing are left out; of equals the first one comes first.
    """
    left = sites.copy()
    covered = np.zeros(len(case.weight), np.bool_)
    order, gains = np.empty(len(left), np.int64), np.empty(len(left), np.int64)
    for size in range(len(left)):
        best, most = -1, 0
        for k in range(len(left)):
            gain = _adds(case, left[k], covered)
            if gain > most:
                best, most = k, gain
        if best < 0:
            return order[:size], gains[:size]
        order[size], gains[size] = left[best], most
        for j in range(case.first[left[best]], case.first[left[best] + 1]):
            covered[case.point[j]] = True
    return order, gains
