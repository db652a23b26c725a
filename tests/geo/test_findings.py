"""What the proof says of every kind of fault, with areas from the drawing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from shapely.geometry.base import BaseGeometry

from geo.chain import chains, parent_sums
from geo.coverage import prove
from geo.findings import Finding, Kind, Rule, make_clauses, tell_apart
from geo.layers import Layer, Parents, Proof
from tests.geo.builders import (
    PLANE,
    array,
    box,
    draw_layer,
    draw_parents,
    kinds,
    left_over,
    node_level,
    of_kind,
    polygon,
)
from tests.geo.strategies import Dirty, dirty_coverages, rough_coverages

# The drawing: nine squares of 100 m in the parent P.
#
#   300 +---+---+---+
#       | g | h | i |
#   200 +---+---+---+
#       | d | e | f |
#   100 +---+---+---+
#       | a | b | c |
#     0 +---+---+---+
#       0  100 200 300
NINE = {
    name: box(100 * x, 100 * y, 100 * x + 100, 100 * y + 100)
    for name, x, y in zip("abcdefghi", [0, 1, 2] * 3, [0, 0, 0, 1, 1, 1, 2, 2, 2], strict=True)
}
P = {"P": box(0, 0, 300, 300)}
AREA = 1e-6
"""What an area may be off by, as a share."""
WIDTH = 0.02
"""What a width may be off by, as a share."""


def without(*names: str, **drawn: BaseGeometry) -> dict[str, BaseGeometry]:
    """Return the nine squares but for some, and with some drawn in their place or beside them."""
    return {name: square for name, square in NINE.items() if name not in names} | drawn


def check(
    units: Mapping[str, BaseGeometry] | Sequence[tuple[str | None, BaseGeometry]],
    parents: Mapping[str, BaseGeometry] = P,
    parent_of: list[int] | int = 0,
) -> Proof:
    """Node a drawing and prove it, as an import does."""
    noded = node_level(draw_layer(units, parent_of), draw_parents(parents))
    return prove(noded.layer, noded.parents, PLANE)


def only(proof: Proof) -> Finding:
    """Return the one finding that there is."""
    assert len(proof.findings) == 1, kinds(proof)
    return proof.findings[0]


def assert_land(
    found: Finding, kind: Kind, units: Iterable[str], *, area_m2: float, width_m: float
) -> None:
    """Compare a finding with the drawing; its geometry must have the area that it tells."""
    assert found.kind is kind
    assert set(found.units) == set(units)
    assert found.area_m2 == pytest.approx(area_m2, rel=AREA)
    assert found.width_m == pytest.approx(width_m, rel=WIDTH)
    assert found.geometry is not None
    assert found.geometry.is_valid
    drawn = PLANE.project(array([found.geometry]))[0]
    assert drawn.area == pytest.approx(area_m2, rel=AREA)


# -- what is right ---------------------------------------------------------------------------


def test_units_that_fill_their_parent_are_proven() -> None:
    proof = check(NINE)

    assert proof.proven.tolist() == [True]
    assert proof.findings == []
    assert (proof.blank_m2, proof.overlap_m2, proof.outside_m2) == (0, 0, 0)


def test_one_unit_that_is_its_parent_is_proven() -> None:
    assert check({"only": P["P"]}).proven.tolist() == [True]


def test_a_hole_that_another_unit_fills_is_no_fault() -> None:
    island = box(140, 140, 160, 160)
    assert check(without("e", e=NINE["e"] - island, x=island)).proven.tolist() == [True]


# -- blank land ------------------------------------------------------------------------------


def test_a_missing_corner_cell_is_blank() -> None:
    proof = check(without("a"))

    assert_land(only(proof), Kind.BLANK, {"b", "d"}, area_m2=10_000, width_m=100)
    assert only(proof).parent == "P"
    assert proof.proven.tolist() == [False]
    assert proof.blank_m2 == pytest.approx(10_000, rel=AREA)
    assert (proof.overlap_m2, proof.outside_m2) == (0, 0)
    assert only(proof).rows == ()


def test_a_missing_cell_in_the_middle_is_blank() -> None:
    assert_land(only(check(without("e"))), Kind.BLANK, set("bdfh"), area_m2=10_000, width_m=100)


def test_missing_neighbours_are_one_blank_and_those_apart_are_two() -> None:
    assert_land(only(check(without("a", "b"))), Kind.BLANK, set("cde"), area_m2=20_000, width_m=100)
    apart = check(without("a", "c"))
    assert [f.area_m2 for f in of_kind(apart, Kind.BLANK)] == pytest.approx([10_000] * 2, rel=AREA)
    assert apart.blank_m2 == pytest.approx(20_000, rel=AREA)


def test_the_neighbours_of_blank_land_are_named_longest_border_first() -> None:
    # blank: 100..160 x 0..200; borders: E 200, W1 150, N 60, W2 50 m
    #   +--+-----------+
    #   |W2|     N     |
    #   |  +--+--------+
    #   +--+  |   E    |
    #   |W1|  |        |
    #   +--+--+--------+
    found = only(
        check(
            {
                "W1": box(0, 0, 100, 150),
                "W2": box(0, 150, 100, 300),
                "N": box(100, 200, 300, 300),
                "E": box(160, 0, 300, 200),
            }
        )
    )

    assert_land(found, Kind.BLANK, {"E", "W1", "N", "W2"}, area_m2=12_000, width_m=60)
    assert found.parent == "P"
    assert found.units == ("E", "W1", "N", "W2")
    assert found.borders_m == pytest.approx([200, 150, 60, 50], rel=1e-6)


@pytest.mark.parametrize("wide_m", [0.03, 0.4, 3.0, 20.0])
def test_an_open_strip_is_blank_over_its_whole_length(wide_m: float) -> None:
    # The column c, f, i begins beside x = 200 only after the strip.
    moved = {
        name: box(200 + wide_m, south, 300, south + 100)
        for name, south in (("c", 0), ("f", 100), ("i", 200))
    }
    proof = check(without("c", "f", "i", **moved))

    assert_land(only(proof), Kind.BLANK, set("bcefhi"), area_m2=300 * wide_m, width_m=wide_m)
    assert only(proof).parent == "P"
    assert proof.blank_m2 == pytest.approx(300 * wide_m, rel=AREA)


@pytest.mark.parametrize("wide_m", [0.005, 0.012, 0.019])
def test_a_strip_under_the_merging_distance_is_mended_and_counted(wide_m: float) -> None:
    moved = {
        name: box(200 + wide_m, south, 300, south + 100)
        for name, south in (("c", 0), ("f", 100), ("i", 200))
    }
    noded = node_level(draw_layer(without("c", "f", "i", **moved)), draw_parents(P))
    proof = prove(noded.layer, noded.parents, PLANE)

    assert proof.proven.tolist() == [True]
    assert proof.findings == []
    assert noded.noded.merged >= 4  # the four corners of the strip
    assert max(noded.noded.moved_m) == pytest.approx(wide_m, abs=1e-6)


def test_a_hole_is_blank_until_it_is_waived() -> None:
    lake = box(140, 140, 160, 170)
    proof = check(without("e", e=NINE["e"] - lake))

    assert_land(only(proof), Kind.BLANK, {"e"}, area_m2=600, width_m=20)
    assert only(proof).parent == "P"


def test_a_parent_without_children_is_blank_as_a_whole() -> None:
    two = {"P": box(0, 0, 300, 300), "Q": box(300, 0, 350, 300)}
    proof = check(NINE, two)

    assert proof.proven.tolist() == [True, False]
    assert_land(only(proof), Kind.BLANK, set("cfi"), area_m2=15_000, width_m=50)
    assert only(proof).parent == "Q"


def test_a_level_without_units_leaves_every_parent_blank() -> None:
    two = {"P": box(0, 0, 300, 300), "Q": box(300, 0, 350, 300)}
    proof = check({}, two, [])

    assert proof.proven.tolist() == [False, False]
    assert kinds(proof) == ["BLANK", "BLANK"]
    assert proof.blank_m2 == pytest.approx(105_000, rel=AREA)


def test_nothing_at_all_is_proven_of_nothing() -> None:
    empty = draw_layer({}, [])
    proof = prove(empty, Parents([], np.empty(0, object)), PLANE)

    assert proof.proven.shape == (0,)
    assert proof.findings == []


# -- overlaps --------------------------------------------------------------------------------


def test_a_unit_sent_twice_overlaps_itself_once() -> None:
    proof = check(without(e2=NINE["e"]))

    found = only(proof)
    assert_land(found, Kind.OVERLAP, {"e", "e2"}, area_m2=10_000, width_m=100)
    assert found.parent == "P"
    assert (found.extra, found.rows) == (1, (5, 10))
    assert proof.overlap_m2 == pytest.approx(10_000, rel=AREA)


def test_a_unit_sent_three_times_is_two_too_many_and_its_land_counts_once() -> None:
    proof = check(without(e2=NINE["e"], e3=NINE["e"]))

    found = only(proof)
    assert_land(found, Kind.OVERLAP, {"e", "e2", "e3"}, area_m2=10_000, width_m=100)
    assert found.parent == "P"
    assert (found.extra, found.rows) == (2, (5, 10, 11))
    assert proof.overlap_m2 == pytest.approx(10_000, rel=AREA)


def test_a_unit_inside_another_one_overlaps_it() -> None:
    found = only(check(without(x=box(120, 130, 160, 180))))

    assert_land(found, Kind.OVERLAP, {"e", "x"}, area_m2=2_000, width_m=40)
    assert found.parent == "P"


def test_an_overlap_over_several_units_is_told_pair_by_pair() -> None:
    # x lies over the four-corner point at (100, 100): 30 m to the west and south, 20 m beyond.
    proof = check(without(x=box(70, 70, 120, 120)))

    told = {f.units: f.area_m2 for f in of_kind(proof, Kind.OVERLAP)}
    assert told == {
        ("a", "x"): pytest.approx(900, rel=AREA),
        ("b", "x"): pytest.approx(600, rel=AREA),
        ("d", "x"): pytest.approx(600, rel=AREA),
        ("e", "x"): pytest.approx(400, rel=AREA),
    }
    assert len(proof.findings) == 4


def test_blank_land_and_an_overlap_that_meet_are_told_apart() -> None:
    # e is pushed east by 10 m: blank behind it, overlap with f before it.
    proof = check(without("e", e=box(110, 100, 210, 200)))

    assert kinds(proof) == ["BLANK", "OVERLAP"]
    assert_land(of_kind(proof, Kind.BLANK)[0], Kind.BLANK, set("bdeh"), area_m2=1_000, width_m=10)
    assert of_kind(proof, Kind.BLANK)[0].parent == "P"
    assert_land(
        of_kind(proof, Kind.OVERLAP)[0], Kind.OVERLAP, {"e", "f"}, area_m2=1_000, width_m=10
    )
    assert of_kind(proof, Kind.OVERLAP)[0].parent == "P"


def test_units_without_a_code_are_named_by_their_row() -> None:
    units: list[tuple[str | None, BaseGeometry]] = [*NINE.items(), (None, NINE["e"])]
    found = only(check(units))

    assert found.units == ("e",)
    assert found.rows == (5, 10)
    assert "row 10" in found.message


# -- leaks -----------------------------------------------------------------------------------


def test_a_unit_that_leaves_every_parent_is_outside() -> None:
    proof = check(without("c", c=box(200, 0, 330, 100)))

    assert_land(only(proof), Kind.OUTSIDE, {"c"}, area_m2=3_000, width_m=30)
    assert only(proof).parent == "P"
    assert only(proof).rows == (9,)
    assert proof.outside_m2 == pytest.approx(3_000, rel=AREA)


def test_a_leak_into_the_next_parent_is_outside_and_an_overlap_there() -> None:
    #   P: nine squares, Q: one square q of 300 m beside them; f reaches 30 m into q.
    parents = {"P": P["P"], "Q": box(300, 0, 600, 300)}
    proof = check(
        without("f", f=box(200, 100, 330, 200), q=parents["Q"]),
        parents,
        [0] * 9 + [1],
    )

    assert kinds(proof) == ["OUTSIDE", "OVERLAP"]
    assert_land(of_kind(proof, Kind.OUTSIDE)[0], Kind.OUTSIDE, {"f"}, area_m2=3_000, width_m=30)
    assert of_kind(proof, Kind.OUTSIDE)[0].parent == "P"
    assert_land(
        of_kind(proof, Kind.OVERLAP)[0], Kind.OVERLAP, {"f", "q"}, area_m2=3_000, width_m=30
    )
    assert of_kind(proof, Kind.OVERLAP)[0].parent is None
    assert proof.proven.tolist() == [False, True]
    assert proof.overlap_m2 == proof.outside_m2 == pytest.approx(3_000, rel=AREA)


def test_land_that_only_a_unit_of_the_next_parent_claims_spoils_both_sums() -> None:
    # P is short of the last 10 m, and q of Q has them.
    parents = {"P": box(0, 0, 100, 100), "Q": box(100, 0, 200, 100)}
    proof = check(
        {"p": box(0, 0, 90, 100), "q": box(90, 0, 200, 100)},
        parents,
        [0, 1],
    )

    assert proof.proven.tolist() == [False, False]
    assert_land(of_kind(proof, Kind.OUTSIDE)[0], Kind.OUTSIDE, {"q"}, area_m2=1_000, width_m=10)
    assert of_kind(proof, Kind.OUTSIDE)[0].parent == "Q"
    assert_land(of_kind(proof, Kind.BLANK)[0], Kind.BLANK, {"p", "q"}, area_m2=1_000, width_m=10)
    assert of_kind(proof, Kind.BLANK)[0].parent == "P"
    assert proof.blank_m2 == 0, "somebody claims it"
    assert proof.outside_m2 == pytest.approx(1_000, rel=AREA)


# -- borders that do not match ---------------------------------------------------------------


def test_an_unmatched_vertex_on_a_straight_border_is_a_mismatch_until_it_is_noded() -> None:
    whole = polygon((0, 0), (100, 0), (200, 0), (200, 100), (100, 100), (0, 100))
    left, right = box(0, 0, 100, 100), box(100, 0, 200, 100)
    noded_right = polygon((100, 0), (200, 0), (200, 100), (100, 100), (100, 40))
    exact = draw_layer({"l": left, "r": noded_right})

    assert prove(
        draw_layer({"l": left, "r": right}), draw_parents({"P": whole}), PLANE
    ).proven.all()
    proof = prove(exact, draw_parents({"P": whole}), PLANE)
    found = only(proof)
    assert found.kind is Kind.MISMATCH
    assert (found.units, found.rows, found.parent) == (("l", "r"), (1, 2), "P")
    assert (found.area_m2, found.width_m) == (0, 0)
    assert found.geometry is not None
    assert found.geometry.distance(shapely.Point(PLANE.to_lonlat(np.array([[100, 40]]))[0])) < 1e-9

    assert check({"l": left, "r": noded_right}, {"P": whole}).proven.all()


def test_mismatches_far_apart_are_told_apart_and_each_once() -> None:
    # Unnoded, the parent lacks the nodes of all four sides: eight of them.
    proof = prove(draw_layer(NINE), draw_parents(P), PLANE)

    assert set(kinds(proof)) == {"MISMATCH"}
    ids = [found.id for found in proof.findings]
    assert len(set(ids)) == len(ids)
    assert {unit for found in proof.findings for unit in found.units} == set("abcdfghi")
    assert all(found.parent == "P" for found in proof.findings)


@pytest.mark.parametrize("off_m", [0.001, 0.004, 0.009])
def test_a_junction_a_few_millimetres_off_the_line_is_noded(off_m: float) -> None:
    # f is two units that meet e at (200 + off, 150).
    south = polygon((200, 100), (300, 100), (300, 150), (200 + off_m, 150))
    north = polygon((200 + off_m, 150), (300, 150), (300, 200), (200, 200))

    assert check(without("f", f1=south, f2=north)).proven.all()


@pytest.mark.parametrize("off_m", [0.04, 2.0])
def test_a_junction_further_off_the_line_leaves_a_blank_triangle(off_m: float) -> None:
    south = polygon((200, 100), (300, 100), (300, 150), (200 + off_m, 150))
    north = polygon((200 + off_m, 150), (300, 150), (300, 200), (200, 200))
    area_m2 = 100 * off_m / 2
    around_m = 100 + 2 * np.hypot(50, off_m)

    found = only(check(without("f", f1=south, f2=north)))

    assert_land(
        found, Kind.BLANK, {"e", "f1", "f2"}, area_m2=area_m2, width_m=4 * area_m2 / around_m
    )
    assert found.parent == "P"
    assert found.units[0] == "e"


# -- rings that are not valid ----------------------------------------------------------------


def test_a_bow_tie_is_named_and_the_land_that_it_leaves_is_blank() -> None:
    # It encloses the triangles at its left and right; above and below it is nobody.
    tie = polygon((100, 100), (200, 200), (200, 100), (100, 200))
    proof = check(without("e", e=tie))

    assert kinds(proof) == ["BLANK", "BLANK", "INVALID_RING"]
    found = of_kind(proof, Kind.INVALID_RING)[0]
    assert (found.units, found.rows) == (("e",), (9,))
    assert found.geometry is not None
    middle = shapely.Point(PLANE.to_lonlat(np.array([[150, 150]]))[0])
    assert found.geometry.distance(middle) < 1e-9
    leg_m = 50 * np.sqrt(2)
    for blank, beside in zip(
        sorted(of_kind(proof, Kind.BLANK), key=lambda f: f.geometry.bounds[1] if f.geometry else 0),
        ("b", "h"),
        strict=True,
    ):
        assert_land(
            blank, Kind.BLANK, {"e", beside}, area_m2=2_500, width_m=10_000 / (100 + 2 * leg_m)
        )
        assert blank.parent == "P"
    assert proof.proven.tolist() == [False]


def test_parts_of_one_unit_that_overlap_are_an_invalid_ring() -> None:
    twice = shapely.MultiPolygon([box(100, 100, 160, 200), box(140, 100, 200, 200)])
    proof = check(without("e", e=twice))

    found = only(proof)
    assert found.kind is Kind.INVALID_RING
    assert (found.units, found.rows) == (("e",), (9,))
    assert proof.proven.tolist() == [False]
    assert proof.overlap_m2 == 0, "no other unit claims that land"


def twisted_twins() -> tuple[dict[str, BaseGeometry], dict[str, BaseGeometry]]:
    """Return two rings whose segments add up to their parent's, though neither is valid."""
    whole = polygon((0, 0), (100, 0), (200, 0), (200, 200), (80, 200), (0, 200))
    one = polygon((0, 0), (100, 0), (0, 200), (80, 200))
    other = polygon(
        (0, 0), (80, 200), (0, 200), (100, 0), (200, 0), (200, 200), (80, 200), (0, 200)
    )
    return {"one": one, "other": other}, {"P": whole}


def test_twisted_twins_cancel_in_the_sum_and_are_not_proven_all_the_same() -> None:
    twins, whole = twisted_twins()
    layer, parents = draw_layer(twins), draw_parents(whole)

    assert not shapely.is_valid(layer.geoms).any()
    sums = parent_sums(chains(layer.geoms), layer.parent_of, chains(parents.geoms))
    assert sums.tolist() == [0], "this is the case that the sum alone would accept"
    proof = prove(layer, parents, PLANE)
    assert proof.proven.tolist() == [False]
    assert {unit for f in of_kind(proof, Kind.INVALID_RING) for unit in f.units} == {"one", "other"}


def test_an_invalid_unit_spoils_its_own_parent_only() -> None:
    twins, whole = twisted_twins()
    layer = draw_layer(twins | {"q": box(200, 0, 300, 100)}, [0, 0, 1])
    parents = draw_parents(whole | {"Q": box(200, 0, 300, 100)})

    assert prove(layer, parents, PLANE).proven.tolist() == [False, True]


# -- identity of findings --------------------------------------------------------------------


FAULTY = without("a", "f", f=box(210, 100, 310, 200), e2=NINE["e"], x=box(70, 170, 120, 220))


def test_findings_keep_their_ids_when_rows_rings_and_their_order_change() -> None:
    proof = check(FAULTY)
    again = {
        name: shapely.Polygon(list(shape.exterior.coords)[2:-1] + list(shape.exterior.coords)[:2])
        for name, shape in reversed(FAULTY.items())
        if isinstance(shape, shapely.Polygon)
    }

    assert sorted(f.id for f in check(again).findings) == sorted(f.id for f in proof.findings)
    assert len({f.id for f in proof.findings}) == len(proof.findings) > 4


def test_findings_that_share_an_id_are_numbered_by_their_exact_place() -> None:
    # 0.4 m apart: in one cell of the id.
    here, there = box(0.1, 0.1, 0.2, 0.2), box(0.1, 0.5, 0.2, 0.6)
    low, high = (
        Finding(level="grid", kind=Kind.BLANK, message="", units=("l", "r"), geometry=shape)
        for shape in PLANE.degrees(array([here, there]))
    )
    assert low.id == high.id

    for given_in in ([low, high], [high, low]):
        told = tell_apart(given_in)
        assert [f.geometry for f in told] == [low.geometry, high.geometry]
        assert (told[0].id, told[1].id) == (low.id, replace(high, twin=1).id)
        assert told[0].id != told[1].id


@pytest.mark.parametrize(
    ("kind", "rule"),
    [
        ("BLANK", Rule.NO_BLANK),
        ("OVERLAP", Rule.NO_OVERLAP),
        ("OUTSIDE", Rule.CLEAR_BOUNDARIES),
        ("HOUSEHOLD_DOUBLED", Rule.EVERY_HOUSEHOLD),
    ],
)
def test_a_finding_breaks_its_own_clause_and_no_other(kind: str, rule: Rule) -> None:
    found = Finding(level="grid", kind=Kind(kind), message="", units=("a",))

    for waived in (False, True):
        said = replace(found, waiver=1 if waived else None)
        clauses = {c.rule: c for c in make_clauses([said], disjoint=False)}
        assert [r for r, c in clauses.items() if not c.holds] == ([] if waived else [rule])
        assert (clauses[rule].finding_count, clauses[rule].waived_count) == (1, int(waived))


def test_blank_land_is_no_debt_of_a_disjoint_level() -> None:
    found = Finding(level="compound", kind=Kind.BLANK, message="")

    blank = make_clauses([found], disjoint=True)[1]
    assert (blank.rule, blank.required, blank.holds) == (Rule.NO_BLANK, False, False)


# -- the sum closes once findings are waived -------------------------------------------------


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(dirty=dirty_coverages())
def test_waived_findings_close_every_parents_sum(dirty: Dirty) -> None:
    noded = node_level(dirty.layer, dirty.parents)
    proof = prove(noded.layer, noded.parents, PLANE)

    assert left_over(noded.layer, noded.parents, proof.findings).tolist() == [0] * 4
    ids = [found.id for found in proof.findings]
    assert len(set(ids)) == len(ids)
    assert Kind.MISMATCH not in {found.kind for found in proof.findings}


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(dirty=dirty_coverages())
def test_a_parent_is_proven_exactly_when_nothing_names_it(dirty: Dirty) -> None:
    noded = node_level(dirty.layer, dirty.parents)
    proof = prove(noded.layer, noded.parents, PLANE)

    named = {found.parent for found in proof.findings}
    assert [code not in named for code in noded.parents.codes] == proof.proven.tolist()


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(rough=rough_coverages)
def test_what_waived_findings_leave_over_is_a_mismatch_that_is_told(rough: Dirty) -> None:
    noded = node_level(rough.layer, rough.parents)
    proof = prove(noded.layer, noded.parents, PLANE)

    left = left_over(noded.layer, noded.parents, proof.findings)
    told = {found.parent for found in proof.findings if found.kind is Kind.MISMATCH}
    open_ones = {code for code, rest in zip(noded.parents.codes, left, strict=True) if rest}
    assert open_ones <= told or None in told  # None: it concerns several parents
    ids = [found.id for found in proof.findings]
    assert len(set(ids)) == len(ids)


# -- hostile input ---------------------------------------------------------------------------


def test_ten_thousand_units_on_one_spot_are_one_finding() -> None:
    crowd = draw_layer([(f"{i:05d}", NINE["e"]) for i in range(10_000)])
    proof = prove(crowd, draw_parents({"P": NINE["e"]}), PLANE)

    found = only(proof)
    assert found.kind is Kind.OVERLAP
    assert found.extra == 9_999
    assert found.area_m2 == pytest.approx(10_000, rel=AREA)


def test_a_unit_of_a_hundred_thousand_vertices_is_proven() -> None:
    # A coast with that many vertices between two units.
    along = np.linspace(0, 10_000, 100_001)
    coast = np.round(np.column_stack([along, 500 + 100 * np.sin(along / 50)]), 4)
    south = polygon((0, 0), (10_000, 0), *coast[::-1].tolist())
    north = polygon((10_000, 1_000), (0, 1_000), *coast.tolist())

    assert check({"n": north, "s": south}, {"P": box(0, 0, 10_000, 1_000)}).proven.all()


def test_a_hundred_crossing_units_of_ten_thousand_are_told_with_their_land() -> None:
    # 100 x 100 cells of 10 m in 100 parents; one cell of each parent is pushed 2 m to the east and
    # north, and nothing is noded: its borders cross its neighbours' where none has a vertex.
    units, owners, shifted = [], [], 0
    for i in range(100):
        for j in range(100):
            by = 2.0 if i % 10 == j % 10 == 5 else 0.0
            shifted += by > 0
            x, y = 10.0 * i + by, 10.0 * j + by
            units.append((f"{i:02d}{j:02d}", box(x, y, x + 10, y + 10)))
            owners.append((i // 10) * 10 + j // 10)
    parents = {f"{p:02d}": polygon(*_rim(100.0 * (p // 10), 100.0 * (p % 10))) for p in range(100)}

    proof = prove(draw_layer(units, owners), draw_parents(parents), PLANE)

    assert shifted == 100
    # The L that a cell leaves behind is blank; what it covers of others overlaps theirs.
    assert proof.blank_m2 == pytest.approx(100 * (100 - 64), rel=AREA)
    assert proof.overlap_m2 == pytest.approx(100 * (100 - 64), rel=AREA)
    assert not proof.proven.any()


def _rim(x: float, y: float) -> list[tuple[float, float]]:
    """Return the rim of a square of 100 m with a vertex every 10 m."""
    side = [10.0 * k for k in range(10)]
    return [
        *[(x + s, y) for s in side],
        *[(x + 100, y + s) for s in side],
        *[(x + 100 - s, y + 100) for s in side],
        *[(x, y + 100 - s) for s in side],
    ]


def test_findings_of_a_layer_do_not_depend_on_units_of_other_ground() -> None:
    # A unit that has no parent here is looked at only as a claimant.
    layer = draw_layer({**NINE, "far": box(900, 900, 950, 950)}, [0] * 9 + [-1])
    noded = node_level(layer, draw_parents(P))

    assert isinstance(noded.layer, Layer)
    assert prove(noded.layer, noded.parents, PLANE).findings == []
