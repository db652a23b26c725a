"""Cover every point with as few sites as can be found: local search with weights on the points."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from geo.compiling import njit

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from geo.siting_kernel import Case

_STEPS = 40_000
_WORK = 400_000_000
"""Steps of the search, and pairs that they may look at: one to two seconds."""
_A_PLACE = 20
"""Steps for each candidate and each point: small cases take fewer."""
_LOOKS = 20
"""How often one looks at the clock."""


class _Search(NamedTuple):
    """Sites that cover all points, or nearly; changed in place."""

    chosen: NDArray[np.bool_]
    """Shape (n,)."""
    times: NDArray[np.int32]
    """By how many of the chosen sites each point is covered, shape (p,)."""
    burden: NDArray[np.int64]
    """How much it counts that a point is covered: it grows while it is not; shape (p,)."""
    worth: NDArray[np.int64]
    """What a site would newly cover, or what it alone covers where it is chosen; shape (n,)."""
    since: NDArray[np.int64]
    """The step in which a site was chosen or given up, shape (n,)."""
    best: NDArray[np.bool_]
    """The fewest sites so far that cover all, shape (n,)."""
    state: NDArray[np.int64]
    """Steps done, the state of the dice, how many points are not covered, how many sites stand."""


@njit(nogil=True, cache=True)
def _put(case: Case, search: _Search, site: int) -> None:
    search.chosen[site] = True
    search.state[3] += 1
    search.worth[site] = 0
    search.since[site] = search.state[0]
    for j in range(case.first[site], case.first[site + 1]):
        i = case.point[j]
        search.times[i] += 1
        if search.times[i] == 1:
            search.state[2] -= 1
            for q in range(case.begin[i], case.begin[i + 1]):
                if case.site[q] != site:
                    search.worth[case.site[q]] -= search.burden[i]
            search.worth[site] += search.burden[i]
        elif search.times[i] == 2:  # noqa: PLR2004 - the other one is not alone any more
            _charge(case, search, i, -search.burden[i], site)


@njit(nogil=True, cache=True)
def _take(case: Case, search: _Search, site: int) -> None:
    search.chosen[site] = False
    search.state[3] -= 1
    search.worth[site] = 0
    search.since[site] = search.state[0]
    for j in range(case.first[site], case.first[site + 1]):
        i = case.point[j]
        search.times[i] -= 1
        if search.times[i] == 0:
            search.state[2] += 1
            for q in range(case.begin[i], case.begin[i + 1]):
                search.worth[case.site[q]] += search.burden[i]
        elif search.times[i] == 1:
            _charge(case, search, i, search.burden[i], site)


@njit(nogil=True, cache=True)
def _charge(case: Case, search: _Search, i: int, burden: int, besides: int) -> None:
    """Add to the worth of the one chosen site, besides another, that covers a point."""
    for q in range(case.begin[i], case.begin[i + 1]):
        if search.chosen[case.site[q]] and case.site[q] != besides:
            search.worth[case.site[q]] += burden


@njit(nogil=True, cache=True)
def _least_worth(search: _Search, kept: int) -> int:
    """Return the chosen site, besides one, that alone covers least; of equals the oldest."""
    least = -1
    for c in range(len(search.chosen)):
        if search.chosen[c] and c != kept:
            lower = least < 0 or search.worth[c] < search.worth[least]
            same = least >= 0 and search.worth[c] == search.worth[least]
            if lower or (same and search.since[c] < search.since[least]):
                least = c
    return least


@njit(nogil=True, cache=True)
def _any_uncovered(search: _Search) -> int:
    """Return one of the points that are not covered, by dice that always fall the same way."""
    search.state[1] = (search.state[1] * 1_103_515_245 + 12_345) & 0x7FFFFFFF
    left = (search.state[1] >> 8) % search.state[2]
    for i in range(len(search.times)):
        if search.times[i] == 0:
            if left == 0:
                return i
            left -= 1
    return -1


@njit(nogil=True, cache=True)
def _best_for(case: Case, search: _Search, i: int, given_up: int) -> int:
    """Return the site that newly covers most, among those that cover a point."""
    best = -1
    for q in range(case.begin[i], case.begin[i + 1]):
        c = case.site[q]
        if c == given_up and case.begin[i + 1] - case.begin[i] > 1:
            continue
        higher = best < 0 or search.worth[c] > search.worth[best]
        same = best >= 0 and search.worth[c] == search.worth[best]
        if higher or (same and search.since[c] < search.since[best]):
            best = c
    return best


@njit(nogil=True, cache=True)
def _burden_more(case: Case, search: _Search) -> None:
    """Let the points that are not covered count more."""
    for i in range(len(search.times)):
        if search.times[i] == 0:
            search.burden[i] += 1
            for q in range(case.begin[i], case.begin[i + 1]):
                search.worth[case.site[q]] += 1


@njit(nogil=True, cache=True)
def _seek(case: Case, search: _Search, steps: int, enough: int) -> bool:
    """Seek fewer sites; say whether there may be any."""
    kept = -1
    for _ in range(steps):
        search.state[0] += 1
        while search.state[2] == 0:
            for c in range(len(search.best)):
                search.best[c] = search.chosen[c]
            if search.state[3] <= enough:
                return False
            _take(case, search, _least_worth(search, -1))
        given_up = _least_worth(search, kept)
        if given_up < 0:
            return False
        _take(case, search, given_up)
        kept = _best_for(case, search, _any_uncovered(search), given_up)
        _put(case, search, kept)
        _burden_more(case, search)
    return True


def cover_all(
    case: Case, sites: NDArray[np.int64], enough: int, left_s: Callable[[], float]
) -> NDArray[np.int64]:
    """Return as few sites as are found that cover all points.

    Parameters
    ----------
    sites
        Sites that cover all points.
    enough
        So many sites are few enough: it takes as many.
    left_s
        Says how many seconds are left.

    Notes
    -----
    One site is given up, then others are exchanged; points that stay uncovered count ever more
    (Gao, Weise and Li, "An efficient local search heuristic with row weighting for the unicost set
    covering problem", 2015).
    """
    search = _Search(
        chosen=np.zeros(len(case.first) - 1, bool),
        times=np.zeros(len(case.weight), np.int32),
        burden=np.ones(len(case.weight), np.int64),
        worth=np.diff(case.first),
        since=np.zeros(len(case.first) - 1, np.int64),
        best=np.isin(np.arange(len(case.first) - 1), sites),
        state=np.array([0, 1, len(case.weight), 0], np.int64),
    )
    for site in sites.tolist():
        _put(case, search, site)
    held = max(1, len(case.point) // (len(case.first) - 1))
    shared = max(1, len(case.point) // len(case.weight))
    step_work = 3 * held * shared + len(case.first) + 2 * len(case.weight)
    wanted = _A_PLACE * (len(case.first) + len(case.weight))
    steps = max(1, min(_STEPS, wanted, _WORK // step_work) // _LOOKS)
    for _ in range(_LOOKS):
        if left_s() <= 0 or not _seek(case, search, steps, enough):
            break
    return np.flatnonzero(search.best)
