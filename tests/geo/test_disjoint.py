"""A DISJOINT level: inside one parent, no overlap, and land between units allowed."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from shapely.geometry.base import BaseGeometry

from geo.disjoint import SLACK_M, check_disjoint
from geo.findings import Finding, Kind, Severity
from geo.layers import Layer, Parents, Proof
from tests.geo.builders import (
    PLANE,
    array,
    box,
    draw_layer,
    draw_parents,
    kinds,
    of_kind,
    polygon,
)

# Two communities of 100 m side by side, with compounds in them.
#   +---------+---------+
#   |  +-+    |    +-+  |
#   |  |a|    |    |c|  |
#   |  +-+ b  |    +-+  |
#   +---------+---------+
#   0        100       200
COMMUNITIES = {"w": box(0, 0, 100, 100), "e": box(100, 0, 200, 100)}
A, B, C = box(10, 20, 40, 80), box(50, 10, 90, 90), box(130, 20, 160, 80)
SQUARE = {"w": box(0, 0, 100, 100)}


def check(
    units: Mapping[str, BaseGeometry], parent_of: list[int], parents: Mapping[str, BaseGeometry]
) -> Proof:
    layer = draw_layer(units, parent_of, level="compound")
    return check_disjoint(layer, draw_parents(parents), PLANE)


def faults(proof: Proof) -> list[Finding]:
    """Return what forbids publishing: blank land is only reported."""
    return [found for found in proof.findings if found.severity is Severity.BLOCKING]


def communities() -> dict[str, BaseGeometry]:
    return dict(COMMUNITIES)


def assert_land(found: Finding, kind: Kind, area_m2: float, width_m: float, *units: str) -> None:
    assert found.kind is kind
    assert found.units == units
    assert found.area_m2 == pytest.approx(area_m2, rel=1e-6)
    assert found.width_m == pytest.approx(width_m, rel=0.02)
    assert found.geometry is not None
    assert PLANE.project(array([found.geometry]))[0].area == pytest.approx(area_m2, rel=1e-6)


def test_units_apart_are_clean_and_the_land_between_them_is_only_reported() -> None:
    proof = check({"a": A, "b": B, "c": C}, [0, 0, 1], communities())

    assert faults(proof) == []
    assert {f.parent: f.area_m2 for f in of_kind(proof, Kind.BLANK)} == {
        "w": pytest.approx(10_000 - 1_800 - 3_200, rel=1e-6),
        "e": pytest.approx(10_000 - 1_800, rel=1e-6),
    }
    assert kinds(proof) == ["BLANK", "BLANK"]
    assert proof.proven.tolist() == [True, True]
    assert proof.blank_m2 == pytest.approx(20_000 - 1_800 - 3_200 - 1_800, rel=1e-6)


def test_units_that_touch_do_not_overlap() -> None:
    # Corners that do not match are no fault here: nothing is asked of vertices.
    proof = check({"a": box(10, 20, 50, 80), "b": box(50, 10, 90, 90)}, [0, 0], communities())

    assert faults(proof) == []


def test_an_overlap_names_the_pair_and_spoils_its_parent_only() -> None:
    proof = check({"a": box(10, 20, 55, 80), "b": B, "c": C}, [0, 0, 1], communities())

    (found,) = faults(proof)
    assert_land(found, Kind.OVERLAP, 300, 5, "a", "b")
    assert found.rows == (1, 2)
    assert proof.proven.tolist() == [False, True]
    assert proof.overlap_m2 == pytest.approx(300, rel=1e-6)


def test_equal_units_overlap_though_their_borders_never_cross() -> None:
    proof = check({"a": A, "a2": A}, [0, 0], communities())

    assert_land(faults(proof)[0], Kind.OVERLAP, 1_800, 30, "a", "a2")


def test_a_unit_within_another_one_overlaps_it() -> None:
    proof = check({"b": B, "x": box(60, 30, 70, 50)}, [0, 0], communities())

    assert_land(faults(proof)[0], Kind.OVERLAP, 200, 10, "b", "x")


@pytest.mark.parametrize(("wide_m", "counts"), [(0.019, False), (0.0215, True), (0.4, True)])
def test_overlaps_count_above_twenty_millimetres(wide_m: float, counts: bool) -> None:
    proof = check({"a": box(10, 20, 50 + wide_m, 80), "b": B}, [0, 0], communities())

    assert [f.kind for f in faults(proof)] == ([Kind.OVERLAP] if counts else [])
    assert proof.proven.tolist() == [not counts, True]


@pytest.mark.parametrize(("wide_m", "counts"), [(0.019, False), (0.0215, True), (3.0, True)])
def test_a_unit_that_leaves_every_parent_is_outside_above_twenty_millimetres(
    wide_m: float, counts: bool
) -> None:
    proof = check({"a": box(-wide_m, 20, 40, 80)}, [0], communities())

    assert [f.kind for f in faults(proof)] == ([Kind.OUTSIDE] if counts else [])
    for found in faults(proof):
        assert_land(found, Kind.OUTSIDE, 60 * wide_m, wide_m, "a")
        assert found.parent == "w"
    assert proof.outside_m2 == pytest.approx(60 * wide_m if counts else 0.0, rel=1e-6)


@pytest.mark.parametrize(("wide_m", "counts"), [(0.019, False), (0.0215, True), (15.0, True)])
def test_a_unit_in_two_parents_straddles_above_twenty_millimetres(
    wide_m: float, counts: bool
) -> None:
    proof = check({"s": box(60, 20, 100 + wide_m, 80)}, [0], communities())

    assert [f.kind for f in faults(proof)] == ([Kind.STRADDLES] if counts else [])
    for found in faults(proof):
        assert_land(found, Kind.STRADDLES, 60 * wide_m, wide_m, "s")
        assert found.parent == "w"
        assert "w" in found.message
        assert "e" in found.message
        assert proof.proven[0] == np.False_


def test_land_in_no_unit_is_not_short_by_what_lies_outside() -> None:
    # 30 x 60 m in the parent, and 20 x 60 m of the same unit beyond it.
    proof = check({"a": box(-20, 20, 30, 80)}, [0], dict(SQUARE))

    assert [f.kind for f in faults(proof)] == [Kind.OUTSIDE]
    assert proof.blank_m2 == pytest.approx(10_000 - 1_800, rel=1e-6)


def test_a_bow_tie_is_an_invalid_ring_and_spoils_its_parent() -> None:
    tie = polygon((10, 10), (40, 40), (40, 10), (10, 40))
    proof = check({"t": tie, "c": C}, [0, 1], communities())

    assert [f.units for f in of_kind(proof, Kind.INVALID_RING)] == [("t",)]
    assert proof.proven.tolist() == [False, True]


def test_a_unit_without_a_code_spoils_its_parent_too() -> None:
    layer = draw_layer([("b", B), (None, box(60, 30, 70, 50)), ("c", C)], [0, 0, 1])
    proof = check_disjoint(layer, draw_parents(communities()), PLANE)

    assert faults(proof)[0].rows == (1, 2)
    assert proof.proven.tolist() == [False, True]


def test_three_units_on_one_spot_are_one_finding_that_names_them_all() -> None:
    proof = check({"a": A, "a2": A, "a3": A}, [0, 0, 0], communities())

    (found,) = faults(proof)
    assert_land(found, Kind.OVERLAP, 1_800, 30, "a", "a2", "a3")
    assert proof.overlap_m2 == pytest.approx(1_800, rel=1e-6)


def test_land_that_three_units_claim_in_pairs_counts_once() -> None:
    #  x, y and z share 50..60 x 40..60; each pair shares nothing else.
    arms = {
        "x": box(20, 40, 60, 60),
        "y": box(50, 40, 90, 60),
        "z": box(50, 40, 60, 90),
    }
    proof = check(arms, [0, 0, 0], communities())

    assert [f.units for f in faults(proof)] == [("x", "y"), ("x", "z"), ("y", "z")]
    assert [f.area_m2 for f in faults(proof)] == pytest.approx([200] * 3, rel=1e-6)
    assert proof.overlap_m2 == pytest.approx(200, rel=1e-6)
    assert len({f.id for f in proof.findings}) == len(proof.findings)


def test_a_level_without_units_is_clean_and_all_blank() -> None:
    proof = check({}, [], communities())

    assert faults(proof) == []
    assert kinds(proof) == ["BLANK", "BLANK"]
    assert proof.proven.tolist() == [True, True]
    assert proof.blank_m2 == pytest.approx(20_000, rel=1e-6)


def test_nothing_at_all_is_no_trouble() -> None:
    nothing = Layer(
        level="compound",
        geoms=np.empty(0, object),
        codes=[],
        parent_of=np.zeros(0, np.intp),
        rows=np.zeros(0, np.intp),
    )

    assert check_disjoint(nothing, Parents([], np.empty(0, object)), PLANE).findings == []


def test_the_slack_is_the_merging_distance_of_noding() -> None:
    assert SLACK_M == 0.020


def test_ten_thousand_units_on_one_spot_are_one_finding() -> None:
    layer = draw_layer([(f"{i:05d}", A) for i in range(10_000)])
    proof = check_disjoint(layer, draw_parents(dict(SQUARE)), PLANE)

    assert proof.proven.tolist() == [False]
    assert proof.overlap_m2 == pytest.approx(1_800, rel=1e-6)
    (found,) = faults(proof)
    assert found.units == tuple(f"{i:05d}" for i in range(10_000))
