"""Hostile levels: units by the hundred on one spot, huge rings, spikes, the ends of the map."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import pytest
import shapely
from shapely.geometry.base import BaseGeometry

from geo.coverage import prove
from geo.crowds import doubled_land
from geo.crs import LocalMetric
from geo.disjoint import check_disjoint
from geo.findings import Finding, Kind, Severity
from geo.layers import Layer, Metric, Parents, Proof
from geo.waivers import proven_with
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

P = {"P": box(0, 0, 200, 200)}

Check = Callable[[Layer, Parents, Metric], Proof]
BOTH = pytest.mark.parametrize("check", [prove, check_disjoint])


def nested(count: int) -> dict[str, BaseGeometry]:
    """Draw squares around (100, 100), each inside the next; the largest is 180 m wide."""
    return {
        f"{i:05d}": box(100 - r, 100 - r, 100 + r, 100 + r)
        for i, r in enumerate(np.linspace(1, 90, count).tolist())
    }


def blobs(count: int) -> dict[str, BaseGeometry]:
    """Draw rough discs of 36 corners, nearly on one another."""
    rng = np.random.default_rng(7)
    angles = 2 * np.pi * np.arange(36) / 36
    spokes = np.column_stack([np.cos(angles), np.sin(angles)])
    return {
        f"{i:05d}": shapely.Polygon(100 + 50 * spokes * rng.uniform(0.95, 1.05, (36, 1)))
        for i in range(count)
    }


def hatching(count: int) -> dict[str, BaseGeometry]:
    """Draw strips over the whole parent, half of them across the others."""
    half = count // 2
    step = 200 / half
    return {
        **{f"h{i:05d}": box(0, i * step, 200, (i + 0.5) * step) for i in range(half)},
        **{f"v{i:05d}": box(i * step, 0, (i + 0.5) * step, 200) for i in range(half)},
    }


def fan(count: int) -> dict[str, BaseGeometry]:
    """Draw triangles from the middle to all sides."""
    rim = [(100 + 90 * np.cos(a), 100 + 90 * np.sin(a)) for a in np.linspace(0, 2 * np.pi, count)]
    return {
        f"{i:05d}": polygon((100, 100), rim[i], rim[(i + count // 3) % count]) for i in range(count)
    }


def run(
    check: Check, units: Mapping[str, BaseGeometry], parents: Mapping[str, BaseGeometry] = P
) -> Proof:
    return check(draw_layer(units), draw_parents(parents), PLANE)


def crowd_of(proof: Proof) -> Finding:
    """Return the one finding of an overlap."""
    (found,) = of_kind(proof, Kind.OVERLAP)
    return found


@BOTH
def test_two_thousand_nested_units_are_one_finding_that_names_them_all(check: Check) -> None:
    proof = run(check, nested(2000))

    found = crowd_of(proof)
    assert found.units == tuple(f"{i:05d}" for i in range(2000))
    assert found.parent == "P"
    assert len(found.message) < 300
    # All but the largest square is held twice; what lies around it is blank.
    second = 2 * np.linspace(1, 90, 2000)[-2]
    assert found.area_m2 == pytest.approx(second**2, rel=1e-6)
    assert proof.overlap_m2 == pytest.approx(second**2, rel=1e-6)
    assert proof.blank_m2 == pytest.approx(200**2 - 180**2, rel=1e-6)
    assert not proof.proven.any()


@BOTH
def test_the_land_of_a_crowd_is_what_an_overlay_of_all_pairs_measures(check: Check) -> None:
    units = blobs(120)
    drawn = array(units.values())
    a, b = np.triu_indices(len(drawn), 1)
    twice = shapely.union_all(shapely.intersection(drawn[a], drawn[b])).area

    proof = run(check, units)

    assert crowd_of(proof).units == tuple(units)
    assert proof.overlap_m2 == pytest.approx(twice, rel=1e-5)
    assert proof.blank_m2 == pytest.approx(200**2 - shapely.union_all(drawn).area, rel=1e-5)


@BOTH
def test_two_thousand_nearly_equal_units_are_one_finding(check: Check) -> None:
    proof = run(check, blobs(2000))

    assert kinds(proof) == ["BLANK", "OVERLAP"]
    assert len(crowd_of(proof).units) == 2000


@BOTH
@pytest.mark.parametrize("draw", [hatching, fan])
def test_units_that_cross_a_million_times_are_one_finding(
    check: Check, draw: Callable[[int], dict[str, BaseGeometry]]
) -> None:
    proof = run(check, draw(2000))

    assert len(crowd_of(proof).units) == 2000
    assert not proof.proven.any()


@BOTH
def test_the_finding_of_a_crowd_keeps_its_id_while_units_leave_it(check: Check) -> None:
    units = nested(400)
    fewer = {name: units[name] for name in list(units)[:-50]}

    assert crowd_of(run(check, units)).id == crowd_of(run(check, fewer)).id


@BOTH
def test_a_crowd_is_told_beside_everything_else(check: Check) -> None:
    # A crowd in P; two units that overlap by 10 x 50 m in Q.
    parents = draw_parents(P | {"Q": box(200, 0, 400, 200)})
    units = nested(400) | {"q1": box(200, 0, 310, 50), "q2": box(300, 0, 400, 200)}
    layer = draw_layer(units, [0] * 400 + [1, 1])

    told = {f.parent: f for f in of_kind(check(layer, parents, PLANE), Kind.OVERLAP)}

    assert told["Q"].units == ("q1", "q2")
    assert told["Q"].area_m2 == pytest.approx(500, rel=1e-6)
    assert len(told["P"].units) == 400


def test_a_unit_that_leaks_into_a_crowd_is_told_of_its_own_parent() -> None:
    parents = draw_parents(P | {"Q": box(200, 0, 400, 200)})
    units = nested(400) | {"q": box(190, 0, 400, 200)}

    proof = prove(draw_layer(units, [0] * 400 + [1]), parents, PLANE)

    (leak,) = of_kind(proof, Kind.OUTSIDE)
    assert (leak.units, leak.parent) == (("q",), "Q")
    assert leak.area_m2 == pytest.approx(10 * 200, rel=1e-6)


@BOTH
def test_who_leaves_the_parent_of_a_crowd_is_named(check: Check) -> None:
    units = nested(400) | {"far": box(150, 90, 230, 110)}
    proof = run(check, units)

    (leak,) = of_kind(proof, Kind.OUTSIDE)
    assert leak.units == ("far",)
    assert leak.area_m2 == pytest.approx(30 * 20, rel=1e-6)


@BOTH
def test_a_crowd_that_reaches_over_its_parent_by_a_hair_does_not_leave_it(check: Check) -> None:
    # The outermost square is 0.4 mm wider than the parent on each side.
    proof = run(check, nested(400), {"P": box(10.0004, 10.0004, 189.9996, 189.9996)})

    assert kinds(proof) == ["OVERLAP"]


def test_a_waived_crowd_proves_nothing() -> None:
    proof = run(prove, nested(400))
    waived = [replace(found, waiver=1) for found in proof.findings]

    assert not proven_with(proof, ["P"], waived).any()


def test_a_unit_of_another_parent_over_a_disjoint_crowd_is_no_clean_unit() -> None:
    parents = draw_parents(P | {"Q": box(200, 0, 400, 200)})
    units = nested(400) | {"q": box(100, 90, 300, 110)}

    proof = check_disjoint(draw_layer(units, [0] * 400 + [1]), parents, PLANE)

    assert proof.proven.tolist() == [False, False]
    (across,) = [f for f in of_kind(proof, Kind.OVERLAP) if f.parent is None]
    assert {"q", "00399"} <= set(across.units)


def test_land_held_twice_is_that_of_every_pair() -> None:
    # Three squares in a row, each over half of the next: two halves are held twice.
    row = array([box(0, 0, 20, 10), box(10, 0, 30, 10), box(20, 0, 40, 10)])
    land = doubled_land(row)

    assert land.exact
    assert land.once.equals(box(0, 0, 40, 10))
    assert land.twice.equals(box(10, 0, 30, 10))
    assert doubled_land(row[:1]).twice.is_empty


def test_ragged_land_is_outlined_roughly() -> None:
    land = doubled_land(array(hatching(1000).values()))

    assert not land.exact
    # The last strips end 0.2 m before the corner.
    assert land.twice.area == pytest.approx(200**2, rel=1e-4)


# -- other hostile input -----------------------------------------------------------------------


@BOTH
def test_two_and_a_half_thousand_scattered_units_leave_one_blank(check: Check) -> None:
    units = {
        f"{i:02d}{j:02d}": box(4 * i, 4 * j, 4 * i + 2, 4 * j + 2)
        for i in range(50)
        for j in range(50)
    }
    proof = run(check, units)

    blank = of_kind(proof, Kind.BLANK)
    assert len(blank) == 1
    assert blank[0].area_m2 == pytest.approx(200**2 - 10_000, rel=1e-6)


def test_a_coast_of_fifty_thousand_vertices_against_blank_land_is_measured() -> None:
    angles = 2 * np.pi * np.arange(50_000) / 50_000
    radius = 90 + 0.5 * np.sin(angles * 1000)
    ring = np.column_stack([100 + radius * np.cos(angles), 100 + radius * np.sin(angles)])
    island = shapely.Polygon(ring)

    (found,) = run(prove, {"big": island}).findings

    assert found.kind is Kind.BLANK
    assert found.units == ("big",)
    assert found.area_m2 == pytest.approx(200**2 - island.area, rel=1e-6)
    assert found.borders_m == pytest.approx([island.length], rel=1e-4)


@BOTH
def test_a_spike_is_an_invalid_ring_and_ends(check: Check) -> None:
    spiked = polygon((0, 0), (200, 0), (200, 100), (5000, 100), (200, 100), (200, 200), (0, 200))
    proof = run(check, {"s": spiked})

    assert [f.units for f in of_kind(proof, Kind.INVALID_RING)] == [("s",)]
    assert not proof.proven.any()


@BOTH
@pytest.mark.parametrize("west", [-180.0, 179.99])
def test_units_at_the_end_of_the_map_are_measured(check: Check, west: float) -> None:
    whole, half = shapely.box(west, 0, west + 0.01, 0.01), shapely.box(west, 0, west + 0.005, 0.01)
    layer = Layer(
        level="grid",
        geoms=array([half]),
        codes=["a"],
        parent_of=np.zeros(1, np.intp),
        rows=np.ones(1, np.intp),
    )
    metric = LocalMetric.around(whole.bounds)

    proof = check(layer, Parents(["P"], array([whole])), metric)

    assert proof.blank_m2 == pytest.approx(metric.area_m2(array([whole - half]))[0], rel=1e-6)


@BOTH
def test_land_on_both_ends_of_the_map_ends_with_a_finding(check: Check) -> None:
    east, west = shapely.box(179.99, 0, 180, 0.01), shapely.box(-180, 0, -179.99, 0.01)
    layer = Layer(
        level="grid",
        geoms=array([east]),
        codes=["a"],
        parent_of=np.zeros(1, np.intp),
        rows=np.ones(1, np.intp),
    )
    both = array([shapely.MultiPolygon([east, west])])

    proof = check(layer, Parents(["P"], both), LocalMetric.around((-180, 0, 180, 0.01)))

    assert Kind.BLANK in {f.kind for f in proof.findings}


@BOTH
def test_a_parent_of_no_land_is_no_trouble(check: Check) -> None:
    layer = draw_layer({"a": box(0, 0, 10, 10)})
    empty = Parents(["P"], array([shapely.MultiPolygon()]))

    proof = check(layer, empty, PLANE)

    assert not proof.proven.any()
    assert any(f.severity is Severity.BLOCKING for f in proof.findings)
