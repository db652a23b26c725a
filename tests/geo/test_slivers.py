"""Slivers are one finding for each pair and side, and findings keep their ids."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from shapely import affinity

from geo.chain import chains
from geo.coverage import prove
from geo.disjoint import check_disjoint
from geo.findings import Kind, Severity
from geo.land import SLIVER_M
from geo.layers import Layer
from tests.geo.builders import (
    PLANE,
    array,
    box,
    draw_layer,
    draw_parents,
    kinds,
    node_level,
    of_kind,
    polygon,
)
from tests.geo.strategies import Dirty, dirty_coverages

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shapely.geometry.base import BaseGeometry

    from geo.findings import Finding
    from geo.layers import Proof

# Two units of 100 x 200 m beside one another. Teeth, 2 m wide at their foot, stand in the border
# x = 100 of the left one: one that points to the left leaves land blank, one that points to the
# right overlaps the neighbour.
#     +------+------+
#     |      >      |
#     |  l   <   r  |
#     |      >      |
#     +------+------+
#     0     100    200
RIGHT = box(100, 0, 200, 200)
WHOLE = {"P": box(0, 0, 200, 200)}

Tooth = tuple[float, float]
"""Height of a tooth on the border, and how far it points to the right, in metres."""


def left(teeth: Sequence[Tooth]) -> shapely.Polygon:
    """Draw the left unit."""
    border: list[tuple[float, float]] = []
    for y, out in sorted(teeth):
        border += [(100, y - 1), (100 + out, y), (100, y + 1)]
    return polygon((0, 0), (100, 0), *border, (100, 200), (0, 200))


def check(
    units: Mapping[str, BaseGeometry],
    parents: Mapping[str, BaseGeometry] = WHOLE,
    parent_of: Sequence[int] | int = 0,
) -> Proof:
    noded = node_level(draw_layer(units, parent_of), draw_parents(parents))
    return prove(noded.layer, noded.parents, PLANE)


def toothed(teeth: Sequence[Tooth]) -> Proof:
    return check({"l": left(teeth), "r": RIGHT})


def ids(proof: Proof) -> dict[tuple[Kind, tuple[str, ...], float], str]:
    """Return the ids of findings by what they say."""
    return {(f.kind, f.units, round(f.area_m2, 3)): f.id for f in proof.findings}


def one(proof: Proof, kind: Kind) -> Finding:
    (found,) = of_kind(proof, kind)
    return found


SAW = [(20.0, -0.2), (60.0, 0.4), (100.0, -0.3), (140.0, 0.4), (180.0, -0.5)]


def test_slivers_between_two_units_are_one_finding_for_each_side() -> None:
    proof = toothed(SAW)

    assert kinds(proof) == ["BLANK", "OVERLAP"]
    blank, overlap = one(proof, Kind.BLANK), one(proof, Kind.OVERLAP)
    # A tooth is a triangle of 2 m times its height.
    assert blank.area_m2 == pytest.approx(0.2 + 0.3 + 0.5, rel=1e-6)
    assert overlap.area_m2 == pytest.approx(0.4 + 0.4, rel=1e-6)
    assert (blank.pieces, overlap.pieces) == (3, 2)
    # The widest one: an inscribed circle is 4 A / U wide.
    assert blank.width_m == pytest.approx(4 * 0.5 / (2 + 2 * np.hypot(1, 0.5)), rel=0.02)
    assert blank.units == ("l", "r")
    slopes = sum(2 * np.hypot(1, out) for out in (0.2, 0.3, 0.5))
    assert blank.borders_m == pytest.approx([slopes, 3 * 2.0], rel=1e-6)
    assert (overlap.units, overlap.borders_m, overlap.extra) == (("l", "r"), (), 1)
    assert (blank.parent, overlap.parent) == ("P", "P")
    for found in (blank, overlap):
        assert found.geometry is not None
        assert found.geometry.geom_type == "MultiPolygon"
        assert found.geometry.is_valid
        assert found.chain == chains(array([found.geometry]))[0]
    assert "3 slivers of no unit in P, between l and r: together 1 m2" in blank.message
    assert "l, r claim the same 2 slivers in P" in overlap.message


def test_the_id_of_slivers_stays_while_some_are_mended() -> None:
    before = toothed(SAW)
    for rest in (SAW[1:], SAW[:-1], SAW[1:4], [SAW[0], SAW[1]], [*SAW, (10.0, -0.1)]):
        after = toothed(rest)

        assert one(after, Kind.BLANK).id == one(before, Kind.BLANK).id
        assert one(after, Kind.OVERLAP).id == one(before, Kind.OVERLAP).id
    assert one(before, Kind.BLANK).id != one(before, Kind.OVERLAP).id


def test_a_single_sliver_is_told_like_any_land() -> None:
    found = one(toothed([(60.0, -0.4)]), Kind.BLANK)

    assert found.pieces == 1
    assert found.geometry is not None
    assert found.geometry.geom_type == "Polygon"
    assert found.message.startswith("land of no unit in P, beside l, r: 0.4 m2")


def test_wide_land_is_a_finding_each() -> None:
    # A tooth of 2 m foot and 20 m height is just under 2 m wide, and the limit is 1 m.
    proof = toothed([(20.0, -20.0), (60.0, -20.0), (100.0, -0.2), (140.0, -0.2)])

    assert SLIVER_M == 1.0
    assert [f.pieces for f in of_kind(proof, Kind.BLANK)] == [1, 1, 2]
    assert len({f.id for f in proof.findings}) == 3


def test_slivers_in_different_parents_are_different_findings() -> None:
    # The same border runs through two parents, one above the other.
    parents = {"S": box(0, 0, 200, 100), "N": box(0, 100, 200, 200)}
    saw = polygon((0, 0), (100, 0), (100, 20), (99.8, 21), (100, 22), (100, 100), (0, 100))
    units = {
        "sl": saw,
        "sr": box(100, 0, 200, 100),
        "nl": affinity.translate(saw, 0, 100),
        "nr": box(100, 100, 200, 200),
    }
    proof = check(units, parents, [0, 0, 1, 1])

    told = {f.parent: f.units for f in of_kind(proof, Kind.BLANK)}
    assert told == {"S": ("sl", "sr"), "N": ("nl", "nr")}


def test_slivers_along_three_units_are_told_by_pair() -> None:
    # r is two units: teeth at 40 m lie between l and south, those at 160 m between l and north.
    teeth = [(40.0, -0.2), (50.0, -0.2), (160.0, -0.2)]
    units = {"l": left(teeth), "s": box(100, 0, 200, 100), "n": box(100, 100, 200, 200)}
    proof = check(units)

    told = {f.units: f.pieces for f in of_kind(proof, Kind.BLANK)}
    assert told == {("l", "s"): 2, ("l", "n"): 1}


def test_slivers_along_the_outline_are_named_by_the_one_unit_beside_them() -> None:
    # Two notches in the outer border of l.
    notched = polygon(
        *[(0, 0), (100, 0), (100, 200), (0, 200)],
        *[(0, 151), (0.3, 150), (0, 149), (0, 51), (0.3, 50), (0, 49)],
    )
    found = one(check({"l": notched, "r": RIGHT}), Kind.BLANK)

    assert (found.units, found.pieces) == (("l",), 2)
    assert found.pair == ("l",)


def test_leaking_slivers_are_one_finding_for_each_unit() -> None:
    tail = [(0.0, 151.0), (-0.3, 150.0), (0.0, 149.0), (0.0, 51.0), (-0.3, 50.0), (0.0, 49.0)]
    bulged = polygon((0, 0), (100, 0), (100, 200), (0, 200), *tail)
    found = one(check({"l": bulged, "r": RIGHT}), Kind.OUTSIDE)

    assert (found.units, found.pieces, found.parent) == (("l",), 2, "P")
    assert found.area_m2 == pytest.approx(0.6, rel=1e-6)
    assert "l leaves its parent P in 2 slivers" in found.message


def test_mending_one_finding_leaves_the_ids_of_all_others() -> None:
    # A hole of 10 x 10 m in r, slivers on the border, and a third unit that covers a part of r.
    hole = box(150, 50, 160, 60)
    cover = box(170, 150, 190, 170)
    before = ids(check({"l": left(SAW), "r": RIGHT - hole, "x": cover}))
    assert len(before) == 4

    without_cover = ids(check({"l": left(SAW), "r": RIGHT - hole}))
    without_hole = ids(check({"l": left(SAW), "r": RIGHT, "x": cover}))
    without_teeth = ids(check({"l": left([]), "r": RIGHT - hole, "x": cover}))

    for after, gone in ((without_cover, 1), (without_hole, 1), (without_teeth, 2)):
        assert after.items() <= before.items()
        assert len(after) == len(before) - gone


@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.too_slow])
@given(dirty=dirty_coverages())
def test_ids_do_not_depend_on_the_order_of_rows_or_on_where_rings_begin(dirty: Dirty) -> None:
    layer, parents = dirty
    noded = node_level(layer, parents)
    proof = prove(noded.layer, noded.parents, PLANE)
    turned = np.array([_turned(geom) for geom in noded.layer.geoms[::-1]], object)
    backwards = Layer(
        level=layer.level,
        geoms=turned,
        codes=list(layer.codes)[::-1],
        parent_of=layer.parent_of[::-1],
        rows=layer.rows[::-1],
    )
    again = prove(backwards, noded.parents, PLANE)

    assert sorted(f.id for f in again.findings) == sorted(f.id for f in proof.findings)
    assert sorted(f.units for f in again.findings) == sorted(f.units for f in proof.findings)


def _turned(geom: BaseGeometry) -> BaseGeometry:
    """Return a polygon or multipolygon whose exteriors begin elsewhere and run backwards."""
    parts = []
    for part in shapely.get_parts(geom):
        ring = part.exterior.coords[:-1]
        parts.append(shapely.Polygon((ring[2:] + ring[:2])[::-1], part.interiors))
    return shapely.MultiPolygon(parts)


# -- a DISJOINT level --------------------------------------------------------------------------


def test_slivers_of_a_disjoint_level_are_one_finding_for_each_pair() -> None:
    layer = draw_layer({"l": left(SAW), "r": RIGHT}, level="compound")
    proof = check_disjoint(layer, draw_parents(WHOLE), PLANE)

    (found,) = [f for f in proof.findings if f.severity is Severity.BLOCKING]
    assert (found.kind, found.units, found.pieces) == (Kind.OVERLAP, ("l", "r"), 2)
    assert found.parent == "P"
    assert found.extra == 0, "no sum is asked of such a level"
    mended = draw_layer({"l": left(SAW[2:]), "r": RIGHT}, level="compound")
    less = check_disjoint(mended, draw_parents(WHOLE), PLANE)
    assert one(less, Kind.OVERLAP).id == found.id
    # The land of no unit is one warning for the parent, whatever its shape.
    assert one(less, Kind.BLANK).id == one(proof, Kind.BLANK).id
