"""Finds who stands in whose way: one holder of a unit, one unit of a holder, one day twice."""

from __future__ import annotations

import datetime as dt
from bisect import bisect_left
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from storage.duties import DutyRow

Day = dt.date

_Key = tuple[str | None, ...]


class Carried(NamedTuple):
    """A body carries a duty on a unit from ``since`` until the day before ``until``."""

    duty: str
    body: str
    level: str
    code: str
    post: str | None
    since: Day
    until: Day | None
    """None: it still does. The same as ``since``: it never did."""

    @property
    def never(self) -> bool:
        """Whether it holds on no day."""
        return self.until is not None and self.until <= self.since

    def days(self) -> str:
        """Say from when to when."""
        if self.until is None:
            return f"from {self.since} on"
        return f"from {self.since} to the day before {self.until}"


class _Stretch(NamedTuple):
    """Some days of somebody; those of one calendar share none."""

    since: Day
    until: Day
    carried: Carried
    where: str


class DutyCalendar:
    """Who carries what on which days, and where that is said.

    Parameters
    ----------
    duties
        All kinds of duties, by key.
    """

    def __init__(self, duties: Mapping[str, DutyRow]) -> None:
        self._duties = duties
        self._stretches: dict[_Key, list[_Stretch]] = defaultdict(list)

    def add(self, carried: Carried, where: str = "") -> None:
        """Note what is in nobody's way.

        Parameters
        ----------
        where
            The row of a list that says so; blank for what is stored.
        """
        if carried.never:
            return
        stretch = _Stretch(carried.since, carried.until or Day.max, carried, where)
        for key, _ in self._keys(carried):
            stretches = self._stretches[key]
            stretches.insert(_place(stretches, stretch.since), stretch)

    def remove(self, carried: Carried) -> None:
        """Forget what was noted."""
        if carried.never:
            return
        for key, _ in self._keys(carried):
            stretches = self._stretches[key]
            place = _place(stretches, carried.since)
            if place < len(stretches) and stretches[place].carried == carried:
                del stretches[place]

    def in_the_way(self, carried: Carried, ignoring: Carried | None = None) -> str | None:
        """Return why somebody cannot carry something then; None if nobody is in the way.

        Parameters
        ----------
        ignoring
            What is noted, and would be no more.
        """
        if carried.never:
            return None
        until = carried.until or Day.max
        for key, rule in self._keys(carried):
            stretches = self._stretches.get(key, [])
            place = max(_place(stretches, carried.since) - 1, 0)
            for other in stretches[place:]:
                if other.since >= until:
                    break
                if other.until > carried.since and other.carried != ignoring:
                    return _told(rule, carried, other)
        return None

    def _keys(self, carried: Carried) -> Iterator[tuple[_Key, str]]:
        """Yield under what a calendar is kept, and which rule that is for."""
        duty, body, level, code, post, *_ = carried
        rules = self._duties[duty]
        yield ("same", duty, body, level, code, post), "same"
        if rules.max == 1:
            yield ("unit", duty, level, code), "unit"
        if not rules.several:
            yield ("body", duty, body), "body"


def _place(stretches: list[_Stretch], since: Day) -> int:
    return bisect_left(stretches, since, key=lambda stretch: stretch.since)


def _told(rule: str, carried: Carried, other: _Stretch) -> str:
    held = other.carried
    said = f", {other.where}" if other.where else ""
    unit = f"{held.level} {held.code}"
    if rule == "unit":
        return (
            f"{unit} has a holder of {carried.duty} already, and one is all it may have: "
            f"{held.body} {held.days()}{said}"
        )
    if rule == "body":
        return (
            f"{held.body} carries {carried.duty} on another unit already, and may on one at a "
            f"time: {unit} {held.days()}{said}"
        )
    return (
        f"{held.body} carries {carried.duty} on {unit} already {held.days()}{said}; to change the "
        f"end, give the same first day, {held.since}"
    )
