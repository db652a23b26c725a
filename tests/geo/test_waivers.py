"""Which waiver covers which finding."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely import MultiPoint, MultiPolygon, Polygon, affinity, box

from geo.findings import Finding, Kind
from geo.waivers import (
    WAIVABLE,
    WaivedLand,
    Waiver,
    covering,
    land_changes,
    match,
    settle,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry


class Flat:
    """A plane whose coordinates are metres already."""

    def project(self, geoms: NDArray[np.object_]) -> NDArray[np.object_]:
        """Return the geometries as they are."""
        return geoms


FLAT = Flat()
LAKE = box(0, 0, 100, 60)


def finding(
    land: BaseGeometry | None = LAKE,
    **other: Any,  # noqa: ANN401 - the fields of a finding
) -> Finding:
    made = Finding(
        level="grid", kind=Kind.BLANK, message="blank", geometry=land, parent="c1", extra=1, chain=7
    )
    return replace(made, **other)


def waiver(
    number: int = 1,
    land: BaseGeometry | None = LAKE,
    **other: Any,  # noqa: ANN401 - the fields of a waiver
) -> Waiver:
    made = Waiver(
        id=number,
        level="grid",
        kind=Kind.BLANK,
        parent="c1",
        extra=1,
        units=frozenset(),
        land=land,
        addresses=frozenset(),
        households=0,
    )
    return made._replace(**other)


def covered(found: Finding, *waivers: Waiver) -> int | None:
    return match([found], waivers, FLAT)[0].waiver


@given(
    west=st.floats(0, 40), south=st.floats(0, 20), east=st.floats(60, 100), north=st.floats(40, 60)
)
def test_whatever_lies_within_the_waived_land_is_covered(
    west: float, south: float, east: float, north: float
) -> None:
    assert covered(finding(box(west, south, east, north)), waiver()) == 1


@pytest.mark.parametrize(("beyond_m", "number"), [(0.029, 1), (0.031, None), (1.0, None)])
def test_land_may_grow_by_no_more_than_noding_moves_a_border(
    beyond_m: float, number: int | None
) -> None:
    assert covered(finding(box(0, 0, 100 + beyond_m, 60)), waiver()) == number


def test_vertices_on_the_rim_are_no_other_land() -> None:
    rim = [(0, 0), (30, -0.009), (100, 0), (100, 60), (50, 60.01), (0, 60)]

    assert covered(finding(Polygon(rim)), waiver()) == 1


def test_all_pieces_have_to_be_covered() -> None:
    apart = affinity.translate(LAKE, 500, 0)

    assert covered(finding(MultiPolygon([LAKE, apart])), waiver()) is None
    assert covered(finding(LAKE), waiver(land=MultiPolygon([LAKE, apart]))) == 1


@pytest.mark.parametrize(
    "other",
    [{"level": "community"}, {"parent": "c2"}, {"parent": None}, {"kind": Kind.OUTSIDE}],
)
def test_level_kind_and_parent_have_to_agree(
    other: dict[str, Any],  # the fields of a finding
) -> None:
    assert covered(finding(**other), waiver()) is None


def test_doubled_land_is_covered_for_its_claimants_and_as_often_only() -> None:
    said = waiver(kind=Kind.OVERLAP, extra=1, units=frozenset({"a", "b"}))
    ours = finding(kind=Kind.OVERLAP, extra=1, units=("a", "b"))

    assert covered(ours, said) == 1
    assert covered(replace(ours, units=("a", "c")), said) is None
    assert covered(replace(ours, extra=2, units=("a", "b")), said) is None


def test_beside_blank_land_the_units_may_change() -> None:
    assert covered(finding(units=("new",)), waiver(units=frozenset({"old"}))) == 1


@pytest.mark.parametrize("kind", sorted(set(Kind) - WAIVABLE))
def test_what_can_only_be_mended_is_covered_by_nothing(kind: Kind) -> None:
    assert covered(finding(kind=kind), waiver(kind=kind)) is None


def test_the_newest_of_several_waivers_is_named() -> None:
    waivers = [waiver(3), waiver(5, box(-10, -10, 200, 200)), waiver(9, box(0, 0, 1, 1))]

    assert covered(finding(), *waivers) == 5
    assert covering(finding(), waivers, FLAT) == [3, 5]


def test_an_old_mark_goes_where_nothing_covers_any_more() -> None:
    assert match([finding(waiver=4)], [], FLAT)[0].waiver is None


def home(kind: Kind, *addresses: str, households: int) -> Finding:
    points = MultiPoint([(i, 0) for i in range(len(addresses))])
    return finding(points, kind=kind, addresses=addresses, households=households, chain=None)


def test_households_are_covered_by_their_addresses_wherever_they_are() -> None:
    kind = Kind.HOUSEHOLD_UNCOVERED
    some = waiver(1, None, kind=kind, parent=None, addresses=frozenset("ab"), households=5)
    more = waiver(2, None, kind=kind, addresses=frozenset("c"), households=1)

    assert covered(home(kind, "a", households=2), some) == 1
    assert covered(home(kind, "a", "c", households=6), some, more) == 2, "both together"
    assert covered(home(kind, "a", "d", households=3), some, more) is None
    assert covered(home(kind, "a", households=6), some) is None, "more live there now"
    assert covered(home(Kind.HOUSEHOLD_DOUBLED, "a", households=2), some) is None
    assert covered(home(kind, households=1), some) is None, "it names nobody"


# -- land that stands ------------------------------------------------------------------------


def stored(row: int, found: Finding, by: int = 1) -> WaivedLand:
    return replace(WaivedLand.of(found), row_id=row, waiver=by)


def test_the_same_land_found_again_keeps_its_row() -> None:
    before = [stored(11, finding())]

    after = settle(before, lambda _: True, [finding(waiver=2)])
    change = land_changes(before, after)

    assert [(land.row_id, land.waiver) for land in after] == [(11, 2)]
    assert not change
    assert change.accepted_anew == [(11, 2)]


def test_land_with_another_vertex_is_another_row() -> None:
    before = [stored(11, finding())]

    after = settle(before, lambda _: True, [finding(waiver=1, chain=8)])
    change = land_changes(before, after)

    assert [land.chain for land in change.begin] == [8]
    assert change.end == [11]


def test_land_that_received_a_vertex_keeps_its_id() -> None:
    before = [stored(11, finding())]
    noded = Polygon([(0, 0), (50, -0.001), (100, 0), (100, 60), (0, 60)])

    after = settle([replace(before[0], geometry=noded, chain=9)], lambda _: False, [])
    change = land_changes(before, after)

    assert [(land.id, land.chain) for land in change.begin] == [(finding().id, 9)]
    assert change.end == [11]


def test_what_is_judged_and_not_found_or_not_waived_is_gone() -> None:
    before = [stored(11, finding())]

    assert settle(before, lambda _: True, []) == ()
    assert settle(before, lambda _: True, [finding(waiver=None)]) == ()
    assert settle(before, lambda _: False, []) == tuple(before)


def test_doubled_land_across_parents_stands_while_a_unit_leaves_its_own_there() -> None:
    leaves = finding(kind=Kind.OUTSIDE, units=("a",), chain=3)
    doubled = finding(kind=Kind.OVERLAP, units=("a", "b"), parent=None, extra=0, chain=4)
    before = [stored(1, leaves), stored(2, doubled)]

    # the check of b's ground alone judges what has no parent, and finds nothing wrong there
    kept = settle(before, lambda land: land.parent is None, [])
    gone = settle(before, lambda _: True, [])

    assert sorted(land.row_id for land in kept) == [1, 2]
    assert gone == ()
