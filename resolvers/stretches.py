"""What stands from a day to a day: how a list changes it, state by state.

A thing with a key has states, each half-open [since, until). A list says how things are from a day
on; what was before that day stays as it was.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from geo.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

C = TypeVar("C")

Day = dt.date


class Stretch(NamedTuple, Generic[C]):
    """A state: stored, or (without a number) to be stored."""

    row_id: int | None
    key: str
    content: C
    since: Day
    until: Day | None

    def covers(self, day: Day) -> bool:
        """Return whether it stands on a day."""
        return self.since <= day and (self.until is None or self.until > day)


class Said(NamedTuple, Generic[C]):
    """What a list says of one thing."""

    key: str
    content: C
    since: Day | None
    """Its first day; None where nothing is said of it."""
    until: Day | None


@dataclass
class Plan(Generic[C]):
    """What has to be written, and how many things that concerns."""

    begun: list[Stretch[C]] = field(default_factory=list)
    mended: list[Stretch[C]] = field(default_factory=list)
    dropped: list[int] = field(default_factory=list)
    """States that were to come, and do not any more."""
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    ended: int = 0

    @property
    def changes(self) -> bool:
        """Whether anything has to be written."""
        return bool(self.begun or self.mended or self.dropped)


def plan(
    stored: Mapping[str, Sequence[Stretch[C]]],
    said: Iterable[Said[C]],
    day: Day,
    *,
    replace: bool = False,
) -> Plan[C]:
    """Compare a list with what is stored.

    Parameters
    ----------
    stored
        The states of each key, by their days.
    said
        Each key once.
    day
        The day from which the list is true, where it says no later one.
    replace
        Whether the list is the whole truth from that day on: what it does not name ends.

    Raises
    ------
    BadInputError
        If something would end before it begins, or began while it stood otherwise.
    """
    made: Plan[C] = Plan()
    named = set()
    for one in said:
        named.add(one.key)
        states = stored.get(one.key, ())
        differs = _write(made, states, _followed(states, one, day))
        made.added += differs and not states
        made.changed += differs and bool(states)
        made.unchanged += not differs
    if replace:
        for key, states in stored.items():
            made.ended += key not in named and _write(made, states, _ended(states, day))
    return made


def _followed(states: Sequence[Stretch[C]], one: Said[C], day: Day) -> list[Stretch[C]]:
    """Return the states of a thing after what a list says of it."""
    if one.since is not None:
        _check_days(one.key, one.since, one.until)
    begin = max(day, one.since or day)
    if not states:
        first = one.since or day
        _check_days(one.key, first, one.until)
        return [Stretch(None, one.key, one.content, first, one.until)]
    if one.until is not None and one.until <= begin:  # it is over: the last state before that
        begun = [state.since for state in states if state.since < one.until]
        _check_days(one.key, begun[-1] if begun else begin, one.until)
        begin = begun[-1]
    after = _rewritten(states, one, begin)
    known = {state.since for state in states} | {begin, None}
    return after if one.since in known else _reopened(after, one, begin)


def _rewritten(states: Sequence[Stretch[C]], one: Said[C], begin: Day) -> list[Stretch[C]]:
    """Return the states of a thing that is from a day on as it is said; one state is kept."""
    before = [state for state in states if state.until is not None and state.until <= begin]
    current = next((state for state in states if state.covers(begin)), None)
    fresh = Stretch(None, one.key, one.content, begin, one.until)
    if current is not None:
        if current.content == one.content:
            return [*before, current._replace(until=one.until)]
        if current.since == begin:
            return [*before, fresh._replace(row_id=current.row_id)]
        before.append(current._replace(until=begin))
    elif before and before[-1].until == begin and before[-1].content == one.content:
        return [*before[:-1], before[-1]._replace(until=one.until)]
    return [*before, fresh]


def _reopened(states: list[Stretch[C]], one: Said[C], begin: Day) -> list[Stretch[C]]:
    """Correct the first day of the states that follow on one another up to a day."""
    place = next(n for n, state in enumerate(states) if state.covers(begin))
    while place and states[place - 1].until == states[place].since:
        place -= 1
    opened, since = states[place], one.since or begin
    earlier = states[place - 1].until if place else None
    if (opened.until is not None and since >= opened.until) or (earlier and since < earlier):
        raise BadInputError(
            f"{one.key!r} cannot have begun on {since}: it stood otherwise then, or was over",
            argument="since",
        )
    return [*states[:place], opened._replace(since=since), *states[place + 1 :]]


def _ended(states: Sequence[Stretch[C]], day: Day) -> list[Stretch[C]]:
    """Return the states of a thing that ends on a day, if it has not by then."""
    stood = [state for state in states if state.since < day]
    return [state._replace(until=day) if state.covers(day) else state for state in stood]


def _write(made: Plan[C], before: Sequence[Stretch[C]], after: Sequence[Stretch[C]]) -> bool:
    """Note how states differ from those that are stored; return whether they do."""
    known = {state.row_id: state for state in before}
    kept = {state.row_id for state in after}
    begun = [state for state in after if state.row_id is None]
    mended = [state for state in after if state.row_id in known and state != known[state.row_id]]
    dropped = [row_id for row_id in known if row_id is not None and row_id not in kept]
    made.begun += begun
    made.mended += mended
    made.dropped += dropped
    return bool(begun or mended or dropped)


def _check_days(key: str, since: Day, until: Day | None) -> None:
    if until is not None and until <= since:
        raise BadInputError(
            f"{key!r} would end on {until}, but it begins on {since}; an end is the first day on "
            "which something stands no more",
            argument="until",
        )
