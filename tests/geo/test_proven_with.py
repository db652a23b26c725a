"""Waived findings enter the sums, and what is not waived leaves them open."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from geo.coverage import prove
from geo.disjoint import check_disjoint
from geo.findings import Kind, Severity
from geo.waivers import proven_with
from tests.geo.builders import PLANE, box, draw_layer, draw_parents, node_level, polygon
from tests.geo.strategies import Dirty, dirty_coverages

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from random import Random

    from shapely.geometry.base import BaseGeometry

    from geo.findings import Finding
    from geo.layers import Proof

TWO = {"P": box(0, 0, 100, 100), "Q": box(100, 0, 200, 100)}
LAKE = box(20, 20, 60, 40)


def check(units: Mapping[str, BaseGeometry], parent_of: list[int]) -> Proof:
    noded = node_level(draw_layer(units, parent_of), draw_parents(TWO))
    return prove(noded.layer, noded.parents, PLANE)


def proven(
    proof: Proof, which: Callable[[Finding], bool], codes: tuple[str | None, ...] = ("P", "Q")
) -> list[bool]:
    """Waive some findings and ask which parents are proven then."""
    waived = [replace(f, waiver=1) if which(f) else f for f in proof.findings]
    return [bool(fine) for fine in proven_with(proof, codes, waived)]


def every(_: Finding) -> bool:
    return True


def none(_: Finding) -> bool:
    return False


@pytest.mark.parametrize(
    ("units", "parent_of"),
    [
        pytest.param({"p": TWO["P"] - LAKE, "q": TWO["Q"]}, [0, 1], id="blank"),
        pytest.param({"p": TWO["P"], "x": LAKE, "q": TWO["Q"]}, [0, 0, 1], id="overlap"),
        pytest.param(
            {"p": TWO["P"], "x": LAKE, "y": LAKE, "q": TWO["Q"]}, [0, 0, 0, 1], id="of three"
        ),
        pytest.param({"p": box(-10, 0, 100, 100), "q": TWO["Q"]}, [0, 1], id="outside"),
    ],
)
def test_a_waived_exception_proves_its_parent(
    units: dict[str, BaseGeometry], parent_of: list[int]
) -> None:
    proof = check(units, parent_of)

    assert proof.sums[0] != 0
    assert proof.sums[1] == 0
    assert not proof.spoilt.any()
    assert proven(proof, none) == proof.proven.tolist() == [False, True]
    assert proven(proof, every) == [True, True]


def test_one_of_two_exceptions_is_not_enough() -> None:
    proof = check({"p": TWO["P"] - LAKE, "x": box(70, 70, 80, 80), "q": TWO["Q"]}, [0, 0, 1])

    assert proven(proof, lambda f: f.kind is Kind.BLANK) == [False, True]
    assert proven(proof, lambda f: f.kind is Kind.OVERLAP) == [False, True]
    assert proven(proof, every) == [True, True]


def test_a_leak_over_the_next_parent_needs_its_own_side_only() -> None:
    # q takes 10 m of P: blank in P, outside for Q.
    proof = check({"p": box(0, 0, 90, 100), "q": box(90, 0, 200, 100)}, [0, 1])

    assert proven(proof, lambda f: f.kind is Kind.OUTSIDE) == [False, True]
    assert proven(proof, lambda f: f.kind is Kind.BLANK) == [True, False]


def test_rings_that_are_not_valid_cannot_be_waived() -> None:
    tie = polygon((0, 0), (100, 100), (100, 0), (0, 100))
    proof = check({"p": tie, "q": TWO["Q"]}, [0, 1])

    assert proof.spoilt.tolist() == [True, False]
    assert proven(proof, every) == [False, True]


def test_findings_of_another_level_do_not_count() -> None:
    proof = check({"p": TWO["P"] - LAKE, "q": TWO["Q"]}, [0, 1])
    foreign = [replace(f, waiver=1, level="other") for f in proof.findings]

    assert proven_with(proof, ["P", "Q"], [*proof.findings, *foreign]).tolist() == [False, True]


@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.too_slow])
@given(dirty=dirty_coverages(), which=st.randoms(use_true_random=False))
def test_a_parent_is_proven_exactly_when_all_that_names_it_is_waived(
    dirty: Dirty, which: Random
) -> None:
    noded = node_level(dirty.layer, dirty.parents)
    proof = prove(noded.layer, noded.parents, PLANE)
    waived = [replace(f, waiver=1) if which.random() < 0.7 else f for f in proof.findings]

    named = {f.parent for f in waived if f.waiver is None}
    codes = noded.parents.codes
    assert proven_with(proof, codes, waived).tolist() == [code not in named for code in codes]
    assert proven(proof, every, tuple(codes)) == [True] * 4


# -- a DISJOINT level --------------------------------------------------------------------------


def disjoint(units: Mapping[str, BaseGeometry], parent_of: list[int]) -> Proof:
    layer = draw_layer(units, parent_of, level="compound")
    return check_disjoint(layer, draw_parents(TWO), PLANE)


def test_a_disjoint_parent_is_proven_when_all_that_forbids_publishing_is_waived() -> None:
    proof = disjoint({"a": box(10, 10, 50, 50), "b": box(40, 10, 110, 50)}, [0, 0])

    assert {f.kind for f in proof.findings if f.severity is Severity.BLOCKING} == {
        Kind.OVERLAP,
        Kind.STRADDLES,
    }
    assert proven(proof, none) == proof.proven.tolist() == [False, True]
    assert proven(proof, lambda f: f.kind is Kind.OVERLAP) == [False, True]
    assert proven(proof, lambda f: f.severity is Severity.BLOCKING) == [True, True]


def test_an_overlap_across_parents_spoils_both_until_it_is_waived() -> None:
    proof = disjoint({"a": box(60, 10, 120, 50), "b": box(110, 10, 150, 50)}, [0, 1])

    assert proven(proof, none) == [False, False]
    assert proven(proof, lambda f: f.kind is Kind.STRADDLES) == [False, False]
    assert proven(proof, lambda f: f.kind is Kind.OVERLAP) == [False, True]
    assert proven(proof, every) == [True, True]
