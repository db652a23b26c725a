"""What changes between two states of a level: every kind, drawn, and what holds for all.

Most drawings begin with three units side by side, 100 m high::

    +-------+-------+-------+
    |   a   |   b   |   c   |
    +-------+-------+-------+
    0      100     200     300
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from geo.changes import find_changes
from geo.changes_homes import Homes
from geo.changes_told import ChangeKind, UnitLabel, only
from geo.world import Units
from tests.geo.builders import PLANE, array, box, draw_nest
from tests.geo.strategies import seeds

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shapely.geometry.base import BaseGeometry

    from geo.changes_told import Change, ChangeSet

K = ChangeKind
A, B, C = box(0, 0, 100, 100), box(100, 0, 200, 100), box(200, 0, 300, 100)
ROW = {"a": A, "b": B, "c": C}


def units(
    drawn: Mapping[str, BaseGeometry] | Sequence[tuple[str, BaseGeometry]],
    *,
    names: Mapping[str, str] | None = None,
    parents: Mapping[str, str] | None = None,
    properties: Mapping[str, dict[str, object]] | None = None,
) -> Units:
    pairs = list(drawn.items()) if hasattr(drawn, "items") else list(drawn)
    codes = [code for code, _ in pairs]
    return Units(
        row_ids=np.arange(len(pairs)),
        geoms=PLANE.degrees(array(shape for _, shape in pairs)),
        codes=codes,
        names=[(names or {}).get(code, "") for code in codes],
        parent_codes=[(parents or {}).get(code) for code in codes],
        properties=[(properties or {}).get(code, {}) for code in codes],
    )


def compared(
    old: Units | Mapping[str, BaseGeometry],
    new: Units | Mapping[str, BaseGeometry],
    homes: Mapping[tuple[float, float], int] | None = None,
    named: Sequence[str | None] | None = None,
) -> ChangeSet:
    return find_changes(
        "grid",
        old if isinstance(old, Units) else units(old),
        new if isinstance(new, Units) else units(new),
        PLANE,
        homes=addresses(homes or {}, named),
    )


def addresses(
    homes: Mapping[tuple[float, float], int], named: Sequence[str | None] | None = None
) -> Homes:
    places = np.array(list(homes), np.float64).reshape(-1, 2)
    lonlat = np.round(PLANE.to_lonlat(places), 9)
    return Homes(lonlat, np.array(list(homes.values()), np.int64), named)


def said(found: ChangeSet) -> dict[str, set[ChangeKind]]:
    """Return the kinds by code; each unit must be told once."""
    kinds = {change.code: set(change.kinds) for change in found.changes}
    assert len(kinds) == len(found.changes)
    return kinds


def codes(change: Change) -> tuple[str | None, str | None]:
    before, after = change.before, change.after
    return before.code if before else None, after.code if after else None


def land(found: ChangeSet) -> dict[tuple[str | None, str | None], float]:
    return {(m.giver, m.taker): m.area_m2 for m in found.movements}


def near(*expected: float) -> object:
    return pytest.approx(expected if len(expected) > 1 else expected[0], abs=0.01)


# --- nothing -----------------------------------------------------------------------------------


def turned(shape: BaseGeometry, by: int) -> shapely.Polygon:
    ring = shapely.get_coordinates(shape)[:-1]
    return shapely.Polygon(np.roll(ring, -by, axis=0)[::-1])


@pytest.mark.parametrize(
    ("what", "again"),
    [
        ("the same", ROW),
        ("another order", {"c": C, "a": A, "b": B}),
        ("another start and direction", {code: turned(shape, 2) for code, shape in ROW.items()}),
        ("multipolygons", {code: shapely.MultiPolygon([shape]) for code, shape in ROW.items()}),
        ("more vertices", {code: shape.segmentize(7) for code, shape in ROW.items()}),
        (
            "19 mm beside it",
            {"a": box(0, 0, 100.019, 100), "b": box(100.019, 0, 200, 100), "c": C},
        ),
    ],
)
def test_the_same_land_drawn_otherwise_is_no_change(
    what: str, again: dict[str, BaseGeometry]
) -> None:
    found = compared(ROW, again, {(50, 50): 7, (100.01, 50): 3})

    assert found.changes == (), what
    assert found.unchanged == 3
    assert found.count(K.REDRAWN) == 0
    assert found.movements == ()


def test_nothing_compared_with_nothing_is_nothing() -> None:
    found = compared({}, {})

    assert (found.changes, found.movements, found.unchanged, found.gone) == ((), (), 0, ())


# --- one thing at a time -----------------------------------------------------------------------


def test_units_that_come_and_go_are_added_and_removed() -> None:
    found = compared({"a": A, "b": B}, {"a": A, "c": C}, {(150, 50): 5, (250, 50): 4})

    assert said(found) == {"b": {K.REMOVED}, "c": {K.ADDED}}
    assert [change.moved_m2 for change in found.changes] == [near(10_000), near(10_000)]
    assert [(m.giver, m.taker, m.households) for m in found.movements] == [
        ("b", None, 5),
        (None, "c", 4),
    ]
    assert [unit.code for unit in found.gone] == ["b"]
    assert found.unchanged == 1


def test_a_border_that_moved_is_redrawn_on_both_sides_and_splits_nothing() -> None:
    # the border of a and b moves 10 m to the east: 1000 m2 and their households pass to a
    found = compared(
        ROW,
        {"a": box(0, 0, 110, 100), "b": box(110, 0, 200, 100), "c": C},
        {(105, 50): 12, (50, 50): 3, (150, 50): 4},
    )

    assert said(found) == {"a": {K.REDRAWN}, "b": {K.REDRAWN}}
    assert [change.moved_m2 for change in found.changes] == [near(1000), near(1000)]
    assert land(found) == {("b", "a"): near(1000)}
    assert found.households_moved == 12
    assert found.unchanged == 1


def test_a_border_that_moved_by_more_than_noding_may_is_redrawn() -> None:
    found = compared(ROW, {"a": box(0, 0, 100.03, 100), "b": box(100.03, 0, 200, 100), "c": C})

    assert said(found) == {"a": {K.REDRAWN}, "b": {K.REDRAWN}}
    assert land(found) == {("b", "a"): near(3)}


def test_a_border_that_runs_elsewhere_between_the_same_vertices_is_redrawn() -> None:
    # the notch to the middle (50, 50) was cut from the east, and is cut from the north now
    corners = [(0, 0), (100, 0), (100, 100), (0, 100)]
    east = shapely.Polygon([*corners[:2], (50, 50), *corners[2:]])
    north = shapely.Polygon([*corners[:3], (50, 50), *corners[3:]])

    found = compared({"a": east}, {"a": north})

    assert said(found) == {"a": {K.REDRAWN}}
    assert found.changes[0].moved_m2 == near(5000)


def test_a_unit_that_takes_nearly_all_of_its_neighbour_is_no_split() -> None:
    # b grows to nine times its size; a keeps a tenth: a border moved, however far
    old = {"a": box(0, 0, 100, 100), "b": box(100, 0, 110, 100)}
    found = compared(old, {"a": box(0, 0, 20, 100), "b": box(20, 0, 110, 100)})

    assert said(found) == {"a": {K.REDRAWN}, "b": {K.REDRAWN}}


def test_a_new_name_is_a_rename_and_nothing_else() -> None:
    found = compared(
        units(ROW, names={"b": "西街"}), units(ROW, names={"b": "东街"}), {(150, 5): 9}
    )

    assert said(found) == {"b": {K.RENAMED}}
    [change] = found.changes
    assert (change.before, change.after) == (UnitLabel("b", "西街"), UnitLabel("b", "东街"))
    assert change.moved_m2 == 0
    assert found.movements == ()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (units(ROW, parents={"b": "p"}), units(ROW, parents={"b": "q"})),
        (units(ROW, properties={"b": {"n": 1}}), units(ROW, properties={"b": {"n": 2}})),
        (units(ROW, properties={"b": {"n": 1}}), units(ROW)),
    ],
)
def test_another_parent_or_column_is_told(old: Units, new: Units) -> None:
    assert said(compared(old, new)) == {"b": {K.REATTRIBUTED}}


def test_the_columns_that_changed_are_named() -> None:
    old = units(ROW, parents={"b": "p"}, properties={"b": {"n": 1, "m": 1, "k": "x"}})
    new = units(ROW, parents={"b": "q"}, properties={"b": {"n": 2, "m": 1, "l": "y"}})

    [change] = compared(old, new).changes

    assert change.columns == ("parent", "k", "l", "n")


def test_an_empty_column_says_as_much_as_none() -> None:
    old = units(ROW, properties={"a": {"n": 1}, "b": {"n": 1}})
    fresh = {"a": A, "c": C, "d": B}
    new = units(fresh, properties={"a": {"n": 1, "m": None}, "d": {"n": 1, "m": None}})

    found = compared(old, new)

    assert said(found) == {"d": {K.RECODED}}
    assert found.unchanged == 2


def test_a_unit_that_changes_in_several_ways_counts_in_each() -> None:
    old = units(ROW, names={"a": "one"}, parents={"a": "p"})
    new = units(
        {"a": box(0, 0, 90, 100), "b": box(90, 0, 200, 100), "c": C},
        names={"a": "two"},
        parents={"a": "q"},
    )

    found = compared(old, new)

    assert found.changes[0].kinds == (K.REDRAWN, K.RENAMED, K.REATTRIBUTED)
    assert [found.count(kind) for kind in (K.REDRAWN, K.RENAMED, K.REATTRIBUTED)] == [2, 1, 1]


# --- other codes -------------------------------------------------------------------------------


def test_a_new_code_on_the_same_land_is_a_recode_and_its_households_change_their_unit() -> None:
    found = compared(ROW, {"a": A, "x": B, "c": C}, {(150, 50): 9, (50, 50): 2})

    assert said(found) == {"x": {K.RECODED}}
    assert codes(found.changes[0]) == ("b", "x")
    assert found.changes[0].moved_m2 == 0
    assert [(*m,) for m in found.movements] == [("b", "x", 9, near(10_000))]
    assert [unit.code for unit in found.gone] == ["b"]


def test_two_units_that_exchange_codes_are_recoded_both_and_not_redrawn() -> None:
    found = compared(ROW, {"b": A, "a": B, "c": C}, {(50, 50): 2, (150, 50): 3})

    assert said(found) == {"a": {K.RECODED}, "b": {K.RECODED}}
    assert [codes(change) for change in found.changes] == [("b", "a"), ("a", "b")]
    assert found.households_moved == 5
    assert found.gone == ()


def test_codes_passed_on_in_a_circle_are_recodes_of_all() -> None:
    strip = [box(10 * i, 0, 10 * i + 10, 100) for i in range(26)]
    letters = [chr(ord("a") + i) for i in range(26)]
    old = dict(zip(letters, strip, strict=True))
    new = dict(zip(letters[1:] + letters[:1], strip, strict=True))

    found = compared(old, new)

    assert said(found) == {code: {K.RECODED} for code in letters}
    assert [codes(change)[0] for change in found.changes] == letters[-1:] + letters[:-1]


def test_a_recode_with_a_border_tidied_up_is_told_as_both() -> None:
    found = compared(ROW, {"a": box(0, 0, 105, 100), "x": box(105, 0, 200, 100), "c": C})

    assert said(found) == {"a": {K.REDRAWN}, "x": {K.RECODED, K.REDRAWN}}
    assert land(found) == {("b", "x"): near(9500), ("b", "a"): near(500)}


def test_an_exchange_of_codes_with_a_border_moved_is_told_as_both() -> None:
    found = compared(ROW, {"b": box(0, 0, 105, 100), "a": box(105, 0, 200, 100), "c": C})

    assert said(found) == {"a": {K.RECODED, K.REDRAWN}, "b": {K.RECODED, K.REDRAWN}}
    assert [change.moved_m2 for change in found.changes] == [near(500), near(500)]


def test_a_code_given_to_other_land_far_away_goes_on_there() -> None:
    # b's land becomes part of a; the code b is used again beyond c
    found = compared(ROW, {"a": box(0, 0, 200, 100), "b": box(300, 0, 400, 100), "c": C})

    assert said(found) == {"a": {K.REDRAWN, K.MERGED}, "b": {K.REDRAWN}}
    assert found.changes[1].moved_m2 == near(20_000)


# --- splits and mergers ------------------------------------------------------------------------


def test_a_split_that_keeps_the_code_is_told_with_its_parts() -> None:
    new = {"a": box(0, 0, 60, 100), "a2": box(60, 0, 100, 100), "b": B, "c": C}

    found = compared(ROW, new, {(80, 50): 6, (20, 50): 1})

    assert said(found) == {"a": {K.REDRAWN, K.SPLIT}, "a2": {K.ADDED}}
    assert [unit.code for unit in found.changes[0].split_into] == ["a", "a2"]
    assert [(*m,) for m in found.movements] == [("a", "a2", 6, near(4000))]


def test_a_split_into_new_codes_removes_the_old_one() -> None:
    new = {"a1": box(0, 0, 50, 100), "a2": box(50, 0, 100, 100), "b": B, "c": C}

    found = compared(ROW, new)

    assert said(found) == {"a": {K.REMOVED, K.SPLIT}, "a1": {K.ADDED}, "a2": {K.ADDED}}
    assert [unit.code for unit in found.changes[0].split_into] == ["a1", "a2"]


def test_a_name_tells_which_half_of_an_even_split_goes_on() -> None:
    new = {"a1": box(0, 0, 50, 100), "a2": box(50, 0, 100, 100), "b": B, "c": C}

    found = compared(
        units(ROW, names={"a": "第一网格"}),
        units(new, names={"a1": "第二网格", "a2": "第一 网格"}),
    )

    assert said(found) == {"a1": {K.ADDED}, "a2": {K.RENAMED, K.RECODED, K.REDRAWN, K.SPLIT}}
    assert codes(found.changes[1]) == ("a", "a2")


def test_the_units_behind_a_split_are_renumbered_and_not_redrawn() -> None:
    # a is halved; the second half is b now, b is c now, c is d now
    new = {"a": box(0, 0, 50, 100), "b": box(50, 0, 100, 100), "c": B, "d": C}

    found = compared(ROW, new)

    assert said(found) == {
        "a": {K.REDRAWN, K.SPLIT},
        "b": {K.ADDED},
        "c": {K.RECODED},
        "d": {K.RECODED},
    }
    assert [codes(change) for change in found.changes[2:]] == [("b", "c"), ("c", "d")]


def test_a_corner_cut_out_as_a_unit_is_a_split() -> None:
    corner = box(0, 0, 10, 10)
    found = compared(ROW, {**ROW, "a": A.difference(corner), "n": corner})

    assert said(found) == {"a": {K.REDRAWN, K.SPLIT}, "n": {K.ADDED}}


def test_a_split_may_give_a_strip_to_the_neighbour() -> None:
    new = {
        "a": box(0, 0, 50, 100),
        "a2": box(50, 0, 95, 100),
        "b": box(95, 0, 200, 100),
        "c": C,
    }

    assert said(compared(ROW, new)) == {
        "a": {K.REDRAWN, K.SPLIT},
        "a2": {K.ADDED},
        "b": {K.REDRAWN},
    }


def test_a_merger_under_one_of_the_codes_is_told_with_its_parts() -> None:
    found = compared(ROW, {"a": box(0, 0, 200, 100), "c": C}, {(150, 50): 8})

    assert said(found) == {"a": {K.REDRAWN, K.MERGED}, "b": {K.REMOVED}}
    assert [unit.code for unit in found.changes[0].merged_from] == ["a", "b"]
    assert [(*m,) for m in found.movements] == [("b", "a", 8, near(10_000))]


def test_a_merger_of_many_under_a_new_code_adds_it() -> None:
    found = compared(ROW, {"x": box(0, 0, 300, 100)})

    assert said(found) == {
        "a": {K.REMOVED},
        "b": {K.REMOVED},
        "c": {K.REMOVED},
        "x": {K.ADDED, K.MERGED},
    }
    assert [unit.code for unit in found.gone] == ["a", "b", "c"]


def test_three_units_divided_anew_across_are_neither_split_nor_merged() -> None:
    # from three columns to three rows
    rows = {
        code: box(0, 100 * i / 3, 300, 100 * (i + 1) / 3) for i, code in enumerate(["a", "x", "y"])
    }

    found = compared(ROW, rows)

    assert said(found) == {
        "a": {K.REDRAWN},
        "b": {K.REMOVED},
        "c": {K.REMOVED},
        "x": {K.ADDED},
        "y": {K.ADDED},
    }
    assert set(land(found)) == {(i, j) for i in "abc" for j in "axy" if i != j}
    assert list(land(found).values()) == [near(10_000 / 3)] * 8


# --- land that is nobody's, or everybody's -----------------------------------------------------


def test_land_that_is_opened_passes_to_nobody() -> None:
    found = compared(ROW, {"a": box(0, 0, 90, 100), "b": B, "c": C}, {(95, 50): 4})

    assert said(found) == {"a": {K.REDRAWN}}
    assert [(*m,) for m in found.movements] == [("a", None, 4, near(1000))]


def test_land_claimed_twice_passes_from_nobody_to_nobody() -> None:
    # a reaches 10 m into b, which stays: the household there is found in a, the smaller code
    found = compared(ROW, {"a": box(0, 0, 110, 100), "b": B, "c": C}, {(105, 50): 4})

    assert said(found) == {"a": {K.REDRAWN}}
    assert [(*m,) for m in found.movements] == [("b", "a", 4, 0.0)]


def test_land_claimed_beside_a_neighbour_with_a_new_code_was_not_nobodys() -> None:
    found = compared(ROW, {"a": box(0, 0, 110, 100), "x": B, "c": C})

    assert land(found) == {("b", "x"): near(10_000)}
    assert said(found) == {"a": {K.REDRAWN}, "x": {K.RECODED}}


def test_a_code_that_stands_twice_is_two_units() -> None:
    old = units({"a": A, "b": B})
    new = units([("a", A), ("a", B)])

    found = compared(old, new)

    assert sorted(map(codes, found.changes), key=str) == [("b", "a")]


def test_twisted_rings_are_compared_by_the_land_that_they_enclose() -> None:
    # a bow-tie: two triangles of 2500 m2 each
    tie = shapely.Polygon([(0, 0), (100, 100), (100, 0), (0, 100)])

    found = compared({"a": A}, {"a": tie}, {(5, 50): 1, (50, 5): 2})

    assert said(found) == {"a": {K.REDRAWN}}
    assert found.changes[0].moved_m2 == near(5000)
    assert [(*m,) for m in found.movements] == [("a", None, 2, near(5000))]


# --- households --------------------------------------------------------------------------------


def test_an_address_on_a_border_is_in_the_smaller_code_before_and_after() -> None:
    # (100, 50) is on the border of a and b, (200, 50) on that of b and c: b becomes z
    found = compared(ROW, {"a": A, "z": B, "c": C}, {(100, 50): 1, (200, 50): 2, (150, 50): 4})

    assert [(m.giver, m.taker, m.households) for m in found.movements] == [
        ("b", "z", 4),
        ("b", "c", 2),
    ]


def test_addresses_without_households_and_outside_do_not_move() -> None:
    found = compared(ROW, {"a": A, "z": B, "c": C}, {(150, 50): 0, (150, 500): 3})

    assert found.households_moved == 0


def test_an_address_that_names_its_unit_belongs_to_it_wherever_it_lies() -> None:
    # DISJOINT: the first address lies in a and names b; b is given up, and a has it then
    found = compared({"a": A, "b": B}, {"a": A}, {(50, 50): 3, (150, 50): 4}, named=["b", None])

    assert [(m.giver, m.taker, m.households) for m in found.movements] == [
        ("b", None, 4),
        ("b", "a", 3),
    ]


def test_an_address_that_names_a_unit_far_away_stays_with_it() -> None:
    found = compared({"a": A, "c": C}, {"x": A, "c": C}, {(50, 50): 3}, named=["c"])

    assert found.households_moved == 0


def test_some_units_changes_are_those_that_they_have_in_either_state() -> None:
    found = compared(ROW, {"a": box(0, 0, 60, 100), "a2": box(60, 0, 100, 100), "x": B, "c": C})

    some = only(found, {"b", "c"}, {"x", "c"})

    assert said(some) == {"x": {K.RECODED}}
    assert some.unchanged == 1
    assert [(m.giver, m.taker) for m in some.movements] == [("b", "x")]


# --- what holds for all ------------------------------------------------------------------------


@st.composite
def partitions(draw: st.DrawFn) -> tuple[Units, Units, Homes]:
    """Draw a bent city, and divide it twice: cells joined, some renamed and recoded at random."""
    seed = draw(seeds)
    rng = np.random.default_rng(seed)
    nest = draw_nest(rng, cells=draw(st.integers(1, 2)), block_m=120.0)
    grids = array(nest.grids)
    states = []
    for _ in range(2):
        owner = rng.integers(0, max(2, len(grids) // 2), len(grids))
        if draw(st.booleans()):  # else nobody is joined
            owner = rng.permutation(len(grids))
        drawn = [(f"u{o:02d}", shapely.union_all(grids[owner == o])) for o in np.unique(owner)]
        kept = [pair for pair in drawn if rng.random() < 0.95] or drawn
        names = {code: f"n{rng.integers(0, 3)}" for code, _ in kept}
        states.append(units(kept, names=names))
    spots = rng.uniform(0, 240, (60, 2))
    homes = Homes(
        np.round(PLANE.to_lonlat(spots), 9), rng.integers(0, 5, len(spots)).astype(np.int64)
    )
    return states[0], states[1], homes


MIRROR = {K.ADDED: K.REMOVED, K.REMOVED: K.ADDED, K.SPLIT: K.MERGED, K.MERGED: K.SPLIT}


@given(partitions())
def test_backwards_is_the_mirror_of_forwards(drawn: tuple[Units, Units, Homes]) -> None:
    old, new, homes = drawn

    forth = find_changes("grid", old, new, PLANE, homes=homes)
    back = find_changes("grid", new, old, PLANE, homes=homes)

    mirrored = {
        (
            codes(c)[::-1],
            frozenset(MIRROR.get(kind, kind) for kind in c.kinds),
            round(c.moved_m2, 2),
        )
        for c in back.changes
    }
    assert mirrored == {(codes(c), frozenset(c.kinds), round(c.moved_m2, 2)) for c in forth.changes}
    assert {(m.taker, m.giver, m.households, round(m.area_m2, 2)) for m in back.movements} == {
        (m.giver, m.taker, m.households, round(m.area_m2, 2)) for m in forth.movements
    }
    assert len(old) - back.unchanged - len(new) + forth.unchanged == len(
        [c for c in back.changes if c.after]
    ) - len([c for c in forth.changes if c.after])


@given(partitions())
def test_what_a_unit_gains_less_what_it_loses_is_what_it_grows_by(
    drawn: tuple[Units, Units, Homes],
) -> None:
    old, new, homes = drawn

    found = find_changes("grid", old, new, PLANE, homes=homes)

    grown: dict[str, float] = {}
    for sign, state in ((-1, old), (1, new)):
        areas = shapely.area(PLANE.project(state.geoms)).tolist()
        for code, area in zip(state.codes, areas, strict=True):
            grown[code] = grown.get(code, 0.0) + sign * area
    for movement in found.movements:
        for sign, end in ((1, movement.giver), (-1, movement.taker)):
            if end is not None:
                grown[end] += sign * movement.area_m2
    assert max(map(abs, grown.values())) < 0.1


@given(partitions())
def test_every_household_whose_code_changes_is_in_one_movement(
    drawn: tuple[Units, Units, Homes],
) -> None:
    old, new, homes = drawn
    points = [shapely.Point(*place) for place in homes.lonlat.tolist()]

    def code_of(state: Units, point: shapely.Point) -> str | None:
        touching = [c for c, g in zip(state.codes, state.geoms, strict=True) if g.intersects(point)]
        return min(touching, default=None)

    expected: dict[tuple[str | None, str | None], int] = {}
    for point, count in zip(points, homes.households.tolist(), strict=True):
        way = code_of(old, point), code_of(new, point)
        if way[0] != way[1] and count:
            expected[way] = expected.get(way, 0) + count

    found = find_changes("grid", old, new, PLANE, homes=homes)

    assert {(m.giver, m.taker): m.households for m in found.movements if m.households} == expected
    assert found.households_moved == sum(expected.values())


@given(partitions())
def test_a_state_compared_with_itself_is_unchanged(drawn: tuple[Units, Units, Homes]) -> None:
    old, _, homes = drawn
    again = units(
        [(code, turned_parts(geom)) for code, geom in zip(old.codes, old.geoms, strict=True)]
    )
    again = Units(
        row_ids=old.row_ids,
        geoms=again.geoms,
        codes=old.codes,
        names=old.names,
        parent_codes=old.parent_codes,
        properties=old.properties,
    )

    found = find_changes("grid", old, again, PLANE, homes=homes)

    assert (found.changes, found.movements, found.unchanged) == ((), (), len(old))


def turned_parts(geom: BaseGeometry) -> BaseGeometry:
    """Return a polygon in metres with its parts and rings the other way round."""
    [flat] = PLANE.project(array([geom]))
    parts = [shapely.reverse(part) for part in shapely.get_parts(flat)[::-1]]
    return shapely.MultiPolygon(parts)
