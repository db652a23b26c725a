"""Counting heads: against plain loops, and by hand."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.headcount import Heads, count, count_by, count_each, typical_by


def heads_of(rows: list[tuple[int, int, int, int]]) -> Heads:
    """Return heads of (households, people, old, young)."""
    table = np.array(rows, np.int64).reshape(-1, 4)
    return Heads(table[:, 0], table[:, 1], ("old", "young"), table[:, 2:].T.copy())


ROWS = st.lists(
    st.tuples(
        st.integers(0, 5),
        st.integers(0, 9),
        st.integers(0, 3),
        st.integers(0, 3),
        st.integers(-1, 3),  # unit
        st.booleans(),  # chosen
        st.one_of(st.just(math.inf), st.integers(0, 6).map(float)),  # walk
        st.integers(0, 2),  # label
    ),
    max_size=40,
)


@given(ROWS)
def test_counts_agree_with_a_loop(
    rows: list[tuple[int, int, int, int, int, bool, float, int]],
) -> None:
    heads = heads_of([row[:4] for row in rows])
    unit = np.array([row[4] for row in rows], np.int32)
    chosen = np.array([row[5] for row in rows], bool)

    all_of_them = [row for row in rows if row[5]]
    by_unit = count_by(heads, unit, 4, chosen)

    found = count(heads, chosen)
    assert found.addresses == len(all_of_them)
    assert found.households == sum(row[0] for row in all_of_them)
    assert found.people == sum(row[1] for row in all_of_them)
    assert found.groups == {
        "old": sum(row[2] for row in all_of_them),
        "young": sum(row[3] for row in all_of_them),
    }
    for number in range(4):
        one = by_unit.of(number)
        here = [row for row in all_of_them if row[4] == number]
        assert one.addresses == len(here)
        assert one.households == sum(row[0] for row in here)
        assert one.groups["young"] == sum(row[3] for row in here)
    assert by_unit.column(None).sum() <= found.households


@given(ROWS)
def test_what_is_typical_agrees_with_a_list_of_households(
    rows: list[tuple[int, int, int, int, int, bool, float, int]],
) -> None:
    typical = typical_by(
        np.array([row[6] for row in rows], np.float64),
        np.array([row[7] for row in rows], np.int32),
        households=np.array([row[0] for row in rows], np.int64),
        unit=np.array([row[4] for row in rows], np.int32),
        units=4,
    )

    for number in range(4):
        here = [row for row in rows if row[4] == number and math.isfinite(row[6])]
        walks = sorted(row[6] for row in here for _ in range(row[0]))
        votes = Counter[int]()
        for row in here:
            votes[row[7]] += row[0]
        if not walks:
            assert math.isnan(typical.median[number])
            assert math.isnan(typical.worst[number])
            assert typical.commonest[number] == -1
            continue
        # the least walk that at least half do not exceed
        assert typical.median[number] == walks[(len(walks) + 1) // 2 - 1]
        assert typical.worst[number] == walks[-1]
        most = max(votes.values())
        assert typical.commonest[number] == min(k for k, n in votes.items() if n == most)


def test_several_choices_are_counted_at_once() -> None:
    heads = heads_of([(1, 2, 0, 1), (10, 20, 3, 0), (100, 200, 0, 0)])

    one, two, none = count_each(
        heads, np.array([True, True, False]), np.array([False, False, True]), np.zeros(3, bool)
    )

    assert (one.addresses, one.households, one.people) == (2, 11, 22)
    assert one.groups == {"old": 3, "young": 1}
    assert (two.addresses, two.households, two.people) == (1, 100, 200)
    assert (none.addresses, none.households, none.people, none.groups["old"]) == (0, 0, 0, 0)


def test_nobody_is_counted_where_there_is_no_address() -> None:
    heads = heads_of([])

    assert count(heads, np.zeros(0, bool)).addresses == 0
    assert count_by(heads, np.zeros(0, np.int32), 2, np.zeros(0, bool)).households.tolist() == [
        0,
        0,
    ]


def test_a_group_that_is_not_there_has_no_column() -> None:
    counts = count_by(heads_of([(1, 1, 1, 1)]), np.zeros(1, np.int32), 1, np.ones(1, bool))

    assert counts.column("old").tolist() == [1]
    with pytest.raises(ValueError, match="rich"):
        counts.column("rich")
