"""Who takes the place of a unit that stands no more."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.changes_told import Movement
from geo.successors import successors_of

CODES = ("a", "b", "c", "d")
MOVEMENTS = st.dictionaries(
    st.tuples(st.sampled_from(CODES), st.sampled_from([*CODES, None])),
    st.tuples(st.integers(0, 50), st.floats(0, 1e6)),
).map(lambda found: [Movement(*way, *sizes) for way, sizes in found.items()])


def test_the_best_has_most_households_then_most_land_then_the_smallest_code() -> None:
    movements = [
        Movement("a", "few", 1, 900.0),
        Movement("a", "small", 5, 10.0),
        Movement("a", "y", 5, 90.0),
        Movement("a", "x", 5, 90.0),
    ]

    [found] = successors_of(movements, {"a"}).values()

    assert [one.code for one in found] == ["x", "y", "small", "few"]


def test_what_becomes_nobodys_counts_in_the_shares_only() -> None:
    movements = [Movement("a", None, 6, 300.0), Movement("a", "b", 2, 100.0)]

    [only] = successors_of(movements, {"a"})["a"]

    assert (only.code, only.household_share, only.area_share) == ("b", 0.25, 0.25)


def test_a_unit_whose_land_is_nobodys_has_no_successor() -> None:
    assert successors_of([Movement("a", None, 6, 300.0)], {"a", "b"}) == {"a": (), "b": ()}


def test_without_households_there_is_no_share_of_them() -> None:
    [only] = successors_of([Movement("a", "b", 0, 100.0)], {"a"})["a"]

    assert (only.households, only.household_share, only.area_share) == (0, None, 1.0)


@given(movements=MOVEMENTS)
def test_shares_are_parts_of_all_that_passes(movements: list[Movement]) -> None:
    found = successors_of(movements, set(CODES))

    for code, some in found.items():
        mine = [m for m in movements if m.giver == code]
        all_of_it = sum(m.households for m in mine)
        lost = sum(m.households for m in mine if m.taker is None)
        assert {one.code for one in some} == {m.taker for m in mine} - {None}
        assert sum(one.households for one in some) == all_of_it - lost
        if all_of_it:
            shares = sum(one.household_share or 0.0 for one in some)
            assert shares == pytest.approx(1 - lost / all_of_it)
        sizes = [(one.households, one.area_m2) for one in some]
        assert sizes == sorted(sizes, reverse=True)


@given(movements=MOVEMENTS)
def test_the_order_in_which_movements_are_told_does_not_matter(movements: list[Movement]) -> None:
    assert successors_of(movements, set(CODES)) == successors_of(movements[::-1], set(CODES))
