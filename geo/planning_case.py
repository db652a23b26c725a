"""What a plan is made for, what it costs, and what stands in its way."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from geo.planning_kernel import distances_cm

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Whole = NDArray[np.int64]

# The currency is a metre of one person's way from home; these say what else is worth how many.
MISFIT_M = 2_000
"""What a body costs at a post that none of its skills fits."""
EMPTY_M = 3_000
"""What a post of a unit costs that no fitting holder has."""
BALANCE_M = 10_000
"""What a unit costs whose holders are off its target by the target; by half of it, a quarter. Of a
unit with a target of 20, the first body too many or too few costs 500 m, the second 1,500 m."""

CM = 100
"""Costs are counted in whole centimetres, so that sums are exact and a proof is one."""


@dataclass(frozen=True, eq=False)
class Problem:
    """Bodies that are to be placed onto units, each on one, at one of its posts.

    Attributes
    ----------
    home_m
        Where each of n bodies lives, in metres of a plane, shape (n, 2); NaN where unknown.
    fits
        Which of q posts each body has the skill for, shape (n, q). Without posts q is 1, and all
        fit.
    centre_m
        Where each of m units is gone to, shape (m, 2).
    households
        By which the load is balanced, not negative, shape (m,).
    least, most
        How many holders each unit must and may have, with those who stay; shape (m,).
    staying
        Holders of each unit who are not placed anew, shape (m,).
    covered
        How many of them have and fit each post, shape (m, q).
    per_post
        How many fitting holders each post of each unit must have.
    """

    home_m: NDArray[np.float64]
    fits: NDArray[np.bool_]
    centre_m: NDArray[np.float64]
    households: Whole
    least: Whole
    most: Whole
    staying: Whole
    covered: Whole
    per_post: int = 0

    def __post_init__(self) -> None:
        """Refuse shapes that do not belong together."""
        n, m, q = len(self.home_m), len(self.centre_m), self.fits.shape[1]
        given = [
            (self.home_m, (n, 2)),
            (self.fits, (n, q)),
            (self.centre_m, (m, 2)),
            (self.covered, (m, q)),
            *((part, (m,)) for part in (self.households, self.least, self.most, self.staying)),
        ]
        if not (m and q) or any(part.shape != shape for part, shape in given):
            raise ValueError("arrays of bodies, units and posts do not belong together")
        if (self.households < 0).any() or not np.isfinite(self.centre_m).all():
            raise ValueError("a unit has fewer than no households, or is nowhere")

    @cached_property
    def need(self) -> Whole:
        """How many fitting bodies must be placed at each post of each unit, shape (m, q)."""
        need: Whole = np.maximum(self.per_post - self.covered, 0)
        return need

    @cached_property
    def base(self) -> Whole:
        """How many bodies must be placed onto each unit, shape (m,)."""
        owed = np.maximum(self.least - self.staying, self.need.sum(axis=1))
        base: Whole = np.maximum(owed, 0)
        return base

    @cached_property
    def room(self) -> Whole:
        """How many bodies may be placed onto each unit, shape (m,)."""
        room: Whole = np.clip(self.most - self.staying, 0, len(self.home_m))
        return room

    @cached_property
    def placed(self) -> int:
        """How many bodies are placed: as many as the units have room for."""
        return min(len(self.home_m), int(self.room.sum()))

    @cached_property
    def target(self) -> NDArray[np.float64]:
        """How many holders each unit should have: its part of all by households, shape (m,)."""
        total = self.households.sum()
        share = self.households / total if total else np.full(len(self.room), 1 / len(self.room))
        return (self.placed + int(self.staying.sum())) * share

    def balance_cm(self, unit: Whole, count: Whole) -> Whole:
        """Return what so many bodies placed onto units cost, beside those who stay there."""
        target = self.target[unit]
        off = self.staying[unit] + count - target
        return np.rint(CM * BALANCE_M * off * off / np.maximum(target, 1.0)).astype(np.int64)

    @cached_property
    def saved(self) -> NDArray[np.bool_]:
        """Which posts of which units are empty until somebody who fits is placed, shape (m, q)."""
        empty: NDArray[np.bool_] = self.covered == 0
        return empty

    def cost_cm(self, unit: Whole, post: Whole) -> int:
        """Return what a plan costs.

        Parameters
        ----------
        unit, post
            Where each body goes, shape (n,); -1 for those who go nowhere.
        """
        units = np.arange(len(self.centre_m))
        there = np.flatnonzero(unit >= 0)
        fitting = self.fits[there, post[there]]
        filled = ~self.saved
        filled[unit[there][fitting], post[there][fitting]] = True
        way = distances_cm(self.home_m, self.centre_m, unit.astype(np.int64)).sum()
        load = self.balance_cm(units, np.bincount(unit[there], minlength=len(units)))
        metres = MISFIT_M * int(np.count_nonzero(~fitting)) + EMPTY_M * int((~filled).sum())
        return int(way) + int(load.sum()) + CM * metres


class Hindrance(Enum):
    """Why no plan can be what is asked for."""

    TOO_MANY_STAY = "more holders stay on a unit than it may have"
    UNIT_TOO_SMALL = "a unit must have more holders than it may have"
    TOO_FEW_BODIES = "all units together must get more bodies than there are"
    TOO_FEW_SKILLED = "posts must get more bodies that fit them than there are"


class Lack(NamedTuple):
    """What cannot be met, and by how much."""

    kind: Hindrance
    units: tuple[int, ...]
    """Units that it concerns; all, where it is no matter of single units."""
    posts: tuple[int, ...]
    """Posts that it concerns: those of the skill that is too rare."""
    needed: int
    there: int


def lacks(problem: Problem) -> list[Lack]:
    """Return what cannot be met; with nothing, there is a plan.

    Notes
    -----
    Anybody may go to any unit, so that units hinder one another in two ways only: by the number of
    all bodies, and by the number of those who fit some posts (Hall's theorem).
    """
    found: list[Lack] = []
    holders = problem.base + problem.staying
    for kind, have in (
        (Hindrance.TOO_MANY_STAY, problem.staying),
        (Hindrance.UNIT_TOO_SMALL, holders),
    ):
        for u in np.flatnonzero(have > problem.most).tolist():
            if all(u not in lack.units for lack in found):
                found.append(Lack(kind, (u,), (), int(have[u]), int(problem.most[u])))
    every = tuple(range(len(problem.room)))
    needed = int(problem.base.sum())
    if needed > len(problem.home_m):
        found.append(Lack(Hindrance.TOO_FEW_BODIES, every, (), needed, len(problem.home_m)))
    given = skilled(problem)
    if given.posts:
        owed = int(problem.need[:, list(given.posts)].sum())
        able = int(problem.fits[:, list(given.posts)].any(axis=1).sum())
        found.append(Lack(Hindrance.TOO_FEW_SKILLED, every, given.posts, owed, able))
    return found


class Skilled(NamedTuple):
    """Who fills the posts that must be filled."""

    post: Whole
    """Post that each body is kept for, shape (n,); -1 for none."""
    posts: tuple[int, ...]
    """Posts that too few bodies fit; with none, all needs are met."""


def skilled(problem: Problem) -> Skilled:
    """Keep bodies for the posts that must be filled, as many as each needs.

    Notes
    -----
    Bodies who fit the same posts are one kind. A post that lacks one takes it over the shortest
    chain of posts that pass one on to the next; a post that no chain reaches has, with all that
    can reach it, too few.
    """
    kinds, kind = np.unique(problem.fits, axis=0, return_inverse=True)
    free = np.bincount(kind.reshape(-1), minlength=len(kinds))
    owed = problem.need.sum(axis=0)
    given = np.zeros(kinds.shape, np.int64)  # how many of each kind are kept for each post
    for post in range(len(owed)):
        while given[:, post].sum() < owed[post]:
            chain = _chain(kinds, free, given, post)
            if chain.kind < 0:
                return Skilled(np.full(len(kind), -1), tuple(chain.posts))
            _pass_on(free, given, chain, int(owed[post] - given[:, post].sum()))
    kept = np.full(len(problem.fits), -1)
    order = np.argsort(kind.reshape(-1), kind="stable")
    number = np.bincount(kind.reshape(-1), minlength=len(kinds))
    for k, first in enumerate((np.cumsum(number) - number).tolist()):
        some = np.repeat(np.arange(len(owed)), given[k])
        kept[order[first : first + len(some)]] = some
    return Skilled(kept, ())


class _Chain(NamedTuple):
    """A way by which a post gets one more body."""

    kind: int
    """The kind with somebody free; -1 where there is none."""
    posts: list[int]
    """Posts from the one that gets one back to the one that gets the free one; without a kind, all
    that were reached."""
    kinds: list[int]
    """For each but the last: the kind that the next one hands over."""


def _chain(kinds: NDArray[np.bool_], free: Whole, given: Whole, post: int) -> _Chain:
    before: dict[int, tuple[int, int]] = {post: (-1, -1)}
    queue = [post]
    for reached in queue:
        able = kinds[:, reached]
        some = np.flatnonzero(able & (free > 0))
        if len(some):
            return _traced(before, reached, int(some[0]))
        for other in np.flatnonzero((given[able] > 0).any(axis=0)).tolist():
            if other not in before:
                hands = int(np.flatnonzero(able & (given[:, other] > 0))[0])
                before[other] = reached, hands
                queue.append(other)
    return _Chain(-1, sorted(queue), [])


def _traced(before: dict[int, tuple[int, int]], last: int, kind: int) -> _Chain:
    posts, kinds = [last], []
    while before[posts[-1]][0] >= 0:
        onward, hands = before[posts[-1]]
        posts.append(onward)
        kinds.append(hands)
    return _Chain(kind, posts[::-1], kinds[::-1])


def _pass_on(free: Whole, given: Whole, chain: _Chain, wanted: int) -> None:
    steps = list(zip(chain.posts, chain.posts[1:], chain.kinds, strict=False))
    amount = min([wanted, int(free[chain.kind]), *(int(given[k, b]) for _, b, k in steps)])
    for to, of, kind in steps:
        given[kind, of] -= amount
        given[kind, to] += amount
    free[chain.kind] -= amount
    given[chain.kind, chain.posts[-1]] += amount
