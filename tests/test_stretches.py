"""What a list says of a day on, against a calendar that is written day by day."""

from __future__ import annotations

import datetime as dt
from itertools import count, pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.errors import BadInputError
from resolvers.stretches import Plan, Said, Stretch, plan

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hypothesis.strategies import DrawFn

FIRST = dt.date(2026, 1, 1)
DAYS = 12

States = dict[str, list[Stretch[str]]]


def day(number: int) -> dt.date:
    return FIRST + dt.timedelta(days=number)


def stored(*states: tuple[str, int, int | None], key: str = "a") -> States:
    """Return the states of one thing: content, first day, day of its end."""
    rows = [
        Stretch(n, key, content, day(since), None if until is None else day(until))
        for n, (content, since, until) in enumerate(states, start=1)
    ]
    return {key: rows}


def said(content: str, since: int | None = None, until: int | None = None) -> Said[str]:
    days = [None if number is None else day(number) for number in (since, until)]
    return Said("a", content, *days)


def applied(states: States, made: Plan[str]) -> States:
    """Return the states as the database has them when a plan was written."""
    mended = {state.row_id: state for state in made.mended}
    numbers = count(1000)
    rows = [
        mended.get(state.row_id, state)
        for some in states.values()
        for state in some
        if state.row_id not in made.dropped
    ]
    rows += [state._replace(row_id=next(numbers)) for state in made.begun]
    found: States = {}
    for state in sorted(rows, key=lambda one: (one.key, one.since)):
        found.setdefault(state.key, []).append(state)
    return found


def calendar(states: Sequence[Stretch[str]]) -> list[str | None]:
    """Return the content of each day, and of one day far ahead."""
    numbers = [*range(DAYS), 1000]
    return [
        next((state.content for state in states if state.covers(day(n))), None) for n in numbers
    ]


@st.composite
def histories(draw: DrawFn) -> States:
    """Draw states that follow on one another, with gaps or without."""
    cuts = sorted(draw(st.sets(st.integers(0, DAYS - 1), max_size=6)))
    states: list[tuple[str, int, int | None]] = []
    for since, until in pairwise(cuts):
        if draw(st.booleans()):
            states.append((draw(st.sampled_from("xyz")), since, until))
    goes_on = draw(st.booleans())
    if cuts and goes_on:
        states.append((draw(st.sampled_from("xyz")), cuts[-1], None))
    return stored(*states) if states else {}


@given(
    states=histories(),
    content=st.sampled_from("xyz"),
    begin=st.integers(0, DAYS - 1),
    length=st.none() | st.integers(1, DAYS),
)
def test_from_its_day_on_things_are_as_they_are_said_and_before_as_they_were(
    states: States, content: str, begin: int, length: int | None
) -> None:
    until = None if length is None else begin + length
    before = calendar(states.get("a", []))

    made = plan(states, [said(content, until=until)], day(begin))
    after = applied(states, made)

    expected = [
        before[n] if number < begin else content if until is None or number < until else None
        for n, number in enumerate([*range(DAYS), 1000])
    ]
    assert calendar(after["a"]) == expected
    assert all(a.until is not None and a.until <= b.since for a, b in pairwise(after["a"]))
    assert (made.added + made.changed + made.unchanged, made.ended) == (1, 0)
    assert made.changes == (made.unchanged == 0)
    again = plan(after, [said(content, until=until)], day(begin))
    assert (again.changes, again.unchanged) == (False, 1)


@given(states=histories(), end=st.integers(0, DAYS - 1))
def test_what_the_whole_truth_does_not_name_ends_on_its_day(states: States, end: int) -> None:
    before = calendar(states.get("a", []))

    made = plan(states, [], day(end), replace=True)
    after = applied(states, made)

    expected = [one if n < end else None for n, one in enumerate(before)]
    assert calendar(after.get("a", [])) == expected
    stood_on = any(one is not None for one in before[end:])
    assert made.ended == stood_on
    assert plan(after, [], day(end), replace=True).changes is False


def test_what_is_new_begins_on_its_own_day_else_on_that_of_the_list() -> None:
    lists = [Said("a", "x", day(2), None), Said("b", "y", None, day(9))]

    made = plan({}, lists, day(5))

    assert made.begun == [
        Stretch(None, "a", "x", day(2), None),
        Stretch(None, "b", "y", day(5), day(9)),
    ]
    assert (made.added, made.mended, made.dropped) == (2, [], [])


def test_a_list_with_the_first_days_of_long_ago_changes_only_what_differs() -> None:
    states = stored(("x", 0, 4), ("y", 4, None))

    same = plan(states, [said("y", since=0)], day(6))
    other = plan(states, [said("z", since=0)], day(6))

    assert same.changes is False
    assert other.mended == [Stretch(2, "a", "y", day(4), day(6))]
    assert other.begun == [Stretch(None, "a", "z", day(6), None)]


def test_a_change_on_the_day_that_a_state_began_corrects_it_where_it_stands() -> None:
    made = plan(stored(("x", 0, 4), ("y", 4, None)), [said("z")], day(4))

    assert made.mended == [Stretch(2, "a", "z", day(4), None)]
    assert made.begun == []


def test_another_first_day_corrects_the_first_of_the_states_that_follow_on_one_another() -> None:
    states = stored(("w", 0, 1), ("x", 3, 6), ("y", 6, None))

    earlier = plan(states, [said("y", since=2)], day(9))
    with_change = plan(states, [said("z", since=4)], day(9))

    assert earlier.mended == [Stretch(2, "a", "x", day(2), day(6))]
    assert with_change.mended == [
        Stretch(2, "a", "x", day(4), day(6)),
        Stretch(3, "a", "y", day(6), day(9)),
    ]
    again = plan(applied(states, with_change), [said("z", since=4)], day(9))
    assert again.changes is False


@pytest.mark.parametrize("since", [0, 7])
def test_a_first_day_on_which_it_stood_otherwise_is_refused(since: int) -> None:
    states = stored(("w", 1, 2), ("x", 3, 6), ("y", 6, None))

    with pytest.raises(BadInputError, match="'a' cannot have begun on 2026-01-0"):
        plan(states, [said("y", since=since)], day(9))


def test_a_row_that_is_over_corrects_the_state_that_it_speaks_of() -> None:
    states = stored(("x", 0, None))

    made = plan(states, [said("y", since=0, until=5)], day(9))

    assert made.mended == [Stretch(1, "a", "y", day(0), day(5))]
    assert made.begun == []


def test_a_thing_that_ended_today_and_is_said_again_today_goes_on() -> None:
    made = plan(stored(("x", 0, 4)), [said("x")], day(4))

    assert made.mended == [Stretch(1, "a", "x", day(0), None)]
    assert made.begun == []


@pytest.mark.parametrize(
    ("states", "one"),
    [
        pytest.param({}, said("x", until=5), id="nothing is stored, and it is over"),
        pytest.param({}, said("x", since=6, until=6), id="not a day long"),
        pytest.param(stored(("x", 7, None)), said("x", until=5), id="it begins later"),
    ],
)
def test_what_would_end_before_it_begins_is_refused(states: States, one: Said[str]) -> None:
    with pytest.raises(BadInputError, match="'a' would end on 2026-01-0"):
        plan(states, [one], day(5))
