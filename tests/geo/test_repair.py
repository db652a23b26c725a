"""A repair moves the least land, leaves the rest as it is, and its result is proven."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.chain import chains, parent_sums
from geo.coverage import prove
from geo.crs import round9
from geo.layers import NO_PARENT, Layer, Parents
from geo.repair import MAX_CLAIMANTS, Reason, Repaired, repair
from tests.geo.builders import PLANE, box, draw_layer, draw_parents, node_level, polygon
from tests.geo.strategies import Dirty, dirty_coverages, rough_coverages

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

Moves = list[tuple[tuple[str, ...], str | None, float]]


def mend(
    units: Mapping[str, BaseGeometry] | Sequence[tuple[str | None, BaseGeometry]],
    parents: Mapping[str, BaseGeometry],
    parent_of: Sequence[int] | int = 0,
    *,
    max_move_m: float = 1.0,
    noded: bool = False,
) -> tuple[Layer, Parents, Repaired]:
    """Repair a level that is drawn in metres."""
    layer, above = draw_layer(units, parent_of), draw_parents(parents)
    if noded:
        layer, above, _ = node_level(layer, above)
    return layer, above, repair(layer, above, PLANE, max_move_m=max_move_m)


def moves_of(mended: Repaired) -> Moves:
    """Return what moved, with whole square decimetres."""
    return [(m.givers, m.taker, round(m.area_m2, 2)) for m in mended.moves]


def reasons(mended: Repaired) -> list[tuple[str, str]]:
    return sorted((left.finding.kind.value, left.reason.value) for left in mended.left)


def drawn(mended: Repaired) -> list[BaseGeometry]:
    """Return the units in metres, to whole tenths of a millimetre."""
    flat = PLANE.project(mended.geoms)
    return list(shapely.transform(flat, lambda xy: np.round(xy, 4)))


def sums_after(layer: Layer, mended: Repaired) -> NDArray[np.int64]:
    return parent_sums(chains(mended.geoms), layer.parent_of, chains(mended.parents))


def require_proven(layer: Layer, mended: Repaired) -> None:
    """Assert that all parents are filled exactly, by valid rings on the grid of degrees."""
    assert mended.left == ()
    assert mended.proven.all()
    assert not sums_after(layer, mended).any()
    assert shapely.is_valid(mended.geoms).all()
    xy = shapely.get_coordinates(mended.geoms)
    np.testing.assert_array_equal(xy, round9(xy))


# --- drawn ----------------------------------------------------------------------------------------


def test_a_blank_strip_goes_to_the_neighbour_with_the_longest_border() -> None:
    #  +-----+-+---+
    #  |     |.| b |     the strip between x 60 and 60.5 has 90 m in common with a,
    #  |  a  |.+---+     50 m with b and 40 m with c
    #  |     |.| c |
    #  +-----+-+---+
    units = {"a": box(0, 0, 60, 90), "b": box(60.5, 40, 100, 90), "c": box(60.5, 0, 100, 40)}

    layer, _, mended = mend(units, {"P": box(0, 0, 100, 90)})

    require_proven(layer, mended)
    assert moves_of(mended) == [((), "a", 45.0)]
    assert mended.moves[0].width_m == pytest.approx(0.5, rel=0.01)
    assert drawn(mended)[0].equals(box(0, 0, 60.5, 90))
    assert mended.geoms[1] is layer.geoms[1]
    assert mended.geoms[2] is layer.geoms[2]
    assert mended.changed.tolist() == [0]


def test_doubled_land_goes_to_the_claimant_whose_other_land_has_the_longest_border_with_it() -> (
    None
):
    # b reaches 0.8 m into a: a has 40 m of border with the strip, and its two short ends; b 40 m
    units = {"a": box(0, 0, 50.8, 60), "b": box(50, 10, 100, 50), "n": box(50.8, 50, 100, 60)}
    units["s"] = box(50.8, 0, 100, 10)

    layer, _, mended = mend(units, {"P": box(0, 0, 100, 60)})

    require_proven(layer, mended)
    assert moves_of(mended) == [(("b",), "a", 32.0)]
    assert drawn(mended)[1].equals(box(50.8, 10, 100, 50))
    assert drawn(mended)[0].equals(box(0, 0, 50.8, 60))


def test_land_of_three_claimants_moves_twice() -> None:
    # the square [49.5, 50.5]^2 is claimed by a, b and c
    units = {
        "a": box(0, 0, 50.5, 50.5),
        "b": shapely.union_all([box(50.5, 0, 100, 50.5), box(49.5, 49.5, 50.5, 50.5)]),
        "c": shapely.union_all([box(0, 50.5, 100, 100), box(49.5, 49.5, 50.5, 50.5)]),
    }

    layer, _, mended = mend(units, {"P": box(0, 0, 100, 100)}, max_move_m=1.1)

    require_proven(layer, mended)
    assert moves_of(mended) == [(("b", "c"), "a", 1.0)]


def test_a_unit_leaves_the_land_of_another_parent_to_those_who_have_it() -> None:
    units = {"a": box(0, 0, 50.6, 40), "b": box(50, 0, 100, 40)}
    parents = {"P": box(0, 0, 50, 40), "Q": box(50, 0, 100, 40)}

    layer, _, mended = mend(units, parents, [0, 1])

    require_proven(layer, mended)
    assert moves_of(mended) == [(("a",), "b", 24.0)]
    assert mended.geoms[1] is layer.geoms[1]


def test_land_that_only_a_stranger_claims_goes_to_a_unit_of_its_own_parent() -> None:
    # the strip from 50 to 50.6 belongs to Q, but only P's unit a has it
    units = {"a": box(0, 0, 50.6, 40), "b": box(50.6, 0, 100, 40)}
    parents = {"P": box(0, 0, 50, 40), "Q": box(50, 0, 100, 40)}

    layer, _, mended = mend(units, parents, [0, 1])

    require_proven(layer, mended)
    assert moves_of(mended) == [(("a",), "b", 24.0)]


def test_land_outside_of_all_parents_is_nobodys() -> None:
    layer, _, mended = mend({"a": box(0, 0, 50, 40.7)}, {"P": box(0, 0, 50, 40)})

    require_proven(layer, mended)
    assert moves_of(mended) == [(("a",), None, 35.0)]


def test_a_triangle_between_three_units_goes_wholly_to_one() -> None:
    # legs of 0.6 m to a (south) and b (west), the hypotenuse to c
    units = {
        "a": box(0, 0, 60, 20),
        "b": box(0, 20, 20, 60),
        "c": polygon((20.6, 20), (60, 20), (60, 60), (20, 60), (20, 20.6)),
    }

    layer, _, mended = mend(units, {"P": box(0, 0, 60, 60)})

    require_proven(layer, mended)
    assert moves_of(mended) == [((), "c", 0.18)]
    assert drawn(mended)[2].equals(box(20, 20, 60, 60))


def test_a_lake_stays_exactly_as_it_is_beside_a_strip_that_is_mended() -> None:
    lake = box(10, 10, 30, 30)
    units = {"a": box(0, 0, 50, 40).difference(lake), "b": box(50.4, 0, 90, 40)}

    _, _, mended = mend(units, {"P": box(0, 0, 90, 40)})

    [(_, taker, area_m2)] = moves_of(mended)
    assert (taker in {"a", "b"}, area_m2) == (True, 16.0)
    assert reasons(mended) == [("BLANK", "TOO_WIDE")]
    assert mended.left[0].finding.area_m2 == pytest.approx(400.0)
    [_, ring] = shapely.get_rings(shapely.get_parts(drawn(mended)[0]))
    assert shapely.Polygon(ring).equals(lake)
    assert not mended.proven.any()


def test_width_is_that_of_the_largest_circle_and_not_of_the_longest_side() -> None:
    units = {"a": box(0, 0, 50, 2000), "b": box(50.9, 0, 100, 2000)}

    _, _, narrower = mend(units, {"P": box(0, 0, 100, 2000)}, max_move_m=0.8)
    layer, _, mended = mend(units, {"P": box(0, 0, 100, 2000)}, max_move_m=0.9)

    assert narrower.moves == ()
    assert narrower.changed.tolist() == []
    require_proven(layer, mended)
    assert moves_of(mended)[0][2] == 1800.0


@pytest.mark.parametrize(
    "second", [box(0, 0, 50, 40), box(20, 20, 30, 30)], ids=["a duplicate", "a contained unit"]
)
def test_a_unit_within_another_is_never_emptied(second: shapely.Polygon) -> None:
    units = {"a": box(0, 0, 50, 40), "again": second, "b": box(50, 0, 90, 40)}

    layer, _, mended = mend(units, {"P": box(0, 0, 90, 40)}, max_move_m=1000)

    assert mended.moves == ()
    assert reasons(mended) == [("OVERLAP", "EMPTIES_A_UNIT")]
    assert "without land" in mended.left[0].message
    assert mended.changed.tolist() == []
    assert all(a is b for a, b in zip(mended.geoms, layer.geoms, strict=True))


def test_a_unit_keeps_doubled_land_that_holds_it_together() -> None:
    #  +--+--------+--+
    #  |a |   b    |a |    a is two wings and a bridge [40, 60] x [0, 0.9] along the south;
    #  |  +--------+  |    b claims the bridge, too, and has its whole northern side
    #  +==+========+==+
    bridge = box(40, 0, 60, 0.9)
    wings = [box(0, 0, 40, 50), box(60, 0, 100, 50)]
    units = {"a": shapely.union_all([*wings, bridge]), "b": box(40, 0, 60, 50)}

    layer, _, mended = mend(units, {"P": box(0, 0, 100, 50)})

    require_proven(layer, mended)
    assert moves_of(mended) == [(("b",), "a", 18.0)]
    assert shapely.get_num_geometries(mended.geoms).tolist() == [1, 1]


def test_a_missing_node_is_put_in_and_moves_nothing() -> None:
    # b and c meet in the middle of a's edge
    units = {"a": box(0, 0, 100, 50), "b": box(0, 50, 50, 90), "c": box(50, 50, 100, 90)}

    layer, _, mended = mend(units, {"P": box(0, 0, 100, 90)})

    require_proven(layer, mended)
    assert mended.moves == ()
    corners = shapely.get_coordinates(drawn(mended)[0]).tolist()
    assert [50.0, 50.0] in corners
    assert len(corners) == 6
    assert [50.0, 90.0] in shapely.get_coordinates(PLANE.project(mended.parents)).round(4).tolist()
    assert mended.noded_parents.tolist() == [0]
    assert mended.geoms[1] is layer.geoms[1]


def test_a_node_in_a_common_border_of_two_parents_goes_into_both_and_into_their_units() -> None:
    # P's units a and b meet in the middle of Q's border, which Q's unit c has as one edge
    units = {"a": box(0, 0, 50, 20), "b": box(0, 20, 50, 40), "c": box(50, 0, 100, 40)}
    parents = {"P": box(0, 0, 50, 40), "Q": box(50, 0, 100, 40)}

    layer, _, mended = mend(units, parents, [0, 0, 1])

    require_proven(layer, mended)
    assert mended.noded_parents.tolist() == [0, 1]
    assert mended.changed.tolist() == [2]


def test_a_ring_whose_loop_is_small_is_drawn_anew() -> None:
    # the ring crosses itself at (50, 0): a loop of 0.2 m hangs out at the corner
    crossing = polygon((0, 0), (50.2, 0), (50, -0.2), (50, 40), (0, 40))
    assert not crossing.is_valid

    layer, _, mended = mend(
        {"a": crossing, "b": box(50, 0, 90, 40)}, {"P": box(0, 0, 90, 40)}, max_move_m=1.0
    )

    require_proven(layer, mended)
    assert drawn(mended)[0].normalize().equals(box(0, 0, 50, 40))


def test_a_ring_that_goes_twice_around_wide_land_stays() -> None:
    # the inner square is gone around twice: land, or a hole?
    outer, inner = [(0, 0), (50, 0), (50, 40), (0, 40)], [(10, 10), (40, 10), (40, 30), (10, 30)]
    twice = shapely.Polygon([*outer, (0, 0), *inner, (10, 10), (0, 0)])
    assert not twice.is_valid

    layer, _, mended = mend({"a": twice, "b": box(50.5, 0, 90, 40)}, {"P": box(0, 0, 90, 40)})

    assert ("INVALID_RING", "TWISTED") in reasons(mended)
    assert mended.geoms[0] is layer.geoms[0]
    assert moves_of(mended) == [((), "b", 20.0)], "the strip goes to the neighbour that is valid"


def test_only_the_named_finding_is_mended() -> None:
    units = {"a": box(0, 0, 50, 40), "b": box(50.4, 0, 90, 40), "c": box(90.4, 0, 130, 40)}
    level, outline = draw_layer(units), draw_parents({"P": box(0, 0, 130, 40)})
    layer, parents, _ = node_level(level, outline)
    first, second = sorted(
        prove(layer, parents, PLANE).findings,
        key=lambda f: f.geometry.bounds[0] if f.geometry is not None else 0.0,
    )

    mended = repair(layer, parents, PLANE, only=[second.id])

    assert [m.finding for m in mended.moves] == [second.id]
    assert [(left.finding.id, left.reason) for left in mended.left] == [
        (first.id, Reason.NOT_ASKED)
    ]
    assert mended.geoms[0] is layer.geoms[0]


def test_a_waived_finding_stays() -> None:
    units = {"a": box(0, 0, 50, 40), "b": box(50.4, 0, 90, 40)}
    level, outline = draw_layer(units), draw_parents({"P": box(0, 0, 90, 40)})
    layer, parents, _ = node_level(level, outline)
    [found] = prove(layer, parents, PLANE).findings

    mended = repair(layer, parents, PLANE, findings=[replace(found, waiver=7)])

    assert mended.moves == ()
    assert reasons(mended) == [("BLANK", "WAIVED")]
    assert mended.changed.tolist() == []


def test_blank_land_without_a_neighbour_of_its_parent_stays() -> None:
    parents = {"P": box(0, 0, 50, 40), "Q": box(50, 0, 50.5, 40)}

    _, _, mended = mend({"a": box(0, 0, 50, 40)}, parents)

    assert mended.moves == ()
    assert reasons(mended) == [("BLANK", "NO_NEIGHBOUR")]


def test_units_of_other_ground_keep_their_land() -> None:
    # c stands beyond P, and a leaks over it
    units = {"a": box(0, 0, 50.5, 40), "c": box(50, 0, 90, 40)}

    layer, _, mended = mend(units, {"P": box(0, 0, 50, 40)}, [0, NO_PARENT])

    require_proven(layer, mended)
    assert moves_of(mended) == [(("a",), None, 20.0)]
    assert mended.geoms[1] is layer.geoms[1]


def test_land_that_very_many_units_claim_is_left_to_people() -> None:
    pile = [(f"p{i:03d}", box(0, 0, 0.5 + i / 1000, 40)) for i in range(MAX_CLAIMANTS + 10)]
    units = [("a", box(0, 0, 50, 40)), *pile, ("b", box(50, 0, 70, 40))]
    units.append(("c", box(70.4, 0, 90, 40)))
    owners = [0] * (len(units) - 2) + [1, 1]

    _, _, mended = mend(
        units, {"P": box(0, 0, 50, 40), "Q": box(50, 0, 90, 40)}, owners, max_move_m=2.0
    )

    assert [m.area_m2 for m in mended.moves] == [pytest.approx(16.0)]
    assert {left.reason for left in mended.left} == {Reason.ENTANGLED}
    assert mended.proven.tolist() == [False, True]


def test_nothing_is_done_to_a_level_that_is_proven() -> None:
    layer, parents, mended = mend(
        {"a": box(0, 0, 50, 40), "b": box(50, 0, 90, 40)},
        {"P": polygon((0, 0), (50, 0), (90, 0), (90, 40), (50, 40), (0, 40))},
    )

    require_proven(layer, mended)
    assert mended.moves == ()
    assert all(a is b for a, b in zip(mended.geoms, layer.geoms, strict=True))
    assert all(a is b for a, b in zip(mended.parents, parents.geoms, strict=True))


def test_a_width_that_is_no_width_is_refused() -> None:
    layer, parents = draw_layer({"a": box(0, 0, 50, 40)}), draw_parents({"P": box(0, 0, 50, 40)})

    for width in (-1.0, float("nan")):
        with pytest.raises(ValueError, match="not a width"):
            repair(layer, parents, PLANE, max_move_m=width)


# --- random coverages -----------------------------------------------------------------------------


def least_m2(dirty: Dirty) -> float:
    """Return the land that any repair must move, by overlays: blank + excess cover + leaks."""
    units, parents = PLANE.project(dirty.layer.geoms), PLANE.project(dirty.parents.geoms)
    total = 0.0
    for p, whole in enumerate(parents):
        mine = units[dirty.layer.parent_of == p]
        inside = shapely.intersection(mine, whole)
        covered = shapely.union_all(inside).area
        excess = shapely.area(inside).sum() - covered
        total += shapely.area(shapely.difference(mine, whole)).sum() + excess + whole.area - covered
    return float(total)


def moved_m2(layer: Layer, mended: Repaired) -> float:
    """Return the land that units gained or lost, by overlays."""
    before, after = PLANE.project(layer.geoms), PLANE.project(mended.geoms)
    return float(shapely.area(shapely.symmetric_difference(before, after)).sum())


ROUNDING_M2 = 0.02
"""What crossings, rounded to tenths of a millimetre, may add on borders of some 100 m."""


def judge(dirty: Dirty, mended: Repaired) -> None:
    """Assert what holds of every repair."""
    layer = dirty.layer
    assert shapely.is_valid(mended.geoms).all()
    assert not shapely.is_empty(mended.geoms).any()
    assert Reason.ENTANGLED not in {left.reason for left in mended.left}
    changed = set(mended.changed.tolist())
    assert all(
        mended.geoms[i] is layer.geoms[i] for i in range(len(layer.geoms)) if i not in changed
    )
    assert moved_m2(layer, mended) <= 1.01 * least_m2(dirty) + ROUNDING_M2
    for p in np.flatnonzero(mended.proven).tolist():
        filled = shapely.union_all(PLANE.project(mended.geoms[layer.parent_of == p]))
        whole = PLANE.project(mended.parents)[p]
        assert shapely.area(filled) == pytest.approx(shapely.area(whole), abs=1e-6)
    assert (sums_after(layer, mended) == 0)[mended.proven].all()
    if not mended.left:
        require_proven(layer, mended)


def again(dirty: Dirty, mended: Repaired, max_move_m: float) -> Repaired:
    layer = replace(dirty.layer, geoms=mended.geoms)
    parents = Parents(dirty.parents.codes, mended.parents)
    return repair(layer, parents, PLANE, max_move_m=max_move_m)


@settings(max_examples=60)
@given(dirty_coverages(), st.sampled_from([0.02, 1.0, 20.0, 500.0]))
def test_random_faults_are_mended_with_the_least_land_moved(
    dirty: Dirty, max_move_m: float
) -> None:
    mended = repair(dirty.layer, dirty.parents, PLANE, max_move_m=max_move_m)

    judge(dirty, mended)
    for left in mended.left:
        if left.reason is Reason.TOO_WIDE:
            assert left.finding.width_m > max_move_m
    second = again(dirty, mended, max_move_m)
    assert second.moves == ()
    assert second.changed.tolist() == []


@settings(max_examples=25)
@given(rough_coverages, st.sampled_from([0.02, 1.0]))
def test_levels_drawn_by_an_unsteady_hand_are_mended(dirty: Dirty, max_move_m: float) -> None:
    mended = repair(dirty.layer, dirty.parents, PLANE, max_move_m=max_move_m)

    judge(dirty, mended)
    assert again(dirty, mended, max_move_m).moves == ()


@settings(max_examples=25)
@given(dirty_coverages(), st.randoms(use_true_random=False))
def test_findings_mended_one_by_one_in_any_order_end_the_same_way(
    dirty: Dirty, order: random.Random
) -> None:
    whole = repair(dirty.layer, dirty.parents, PLANE, max_move_m=500)
    layer, parents = dirty.layer, dirty.parents
    stuck: set[str] = set()
    for _ in range(60):
        open_ones = [f for f in prove(layer, parents, PLANE).findings if f.id not in stuck]
        if not open_ones:
            break
        chosen = order.choice(open_ones)
        mended = repair(layer, parents, PLANE, max_move_m=500, only=[chosen.id])
        if not len(mended.changed) and not len(mended.noded_parents):
            stuck.add(chosen.id)
        layer = replace(layer, geoms=mended.geoms)
        parents = Parents(parents.codes, mended.parents)

    assert layer.codes == dirty.layer.codes
    assert shapely.is_valid(layer.geoms).all()
    sums = parent_sums(chains(layer.geoms), layer.parent_of, chains(parents.geoms))
    assert (sums == 0)[whole.proven].all()
    if not whole.left:
        moved = shapely.area(
            shapely.symmetric_difference(
                PLANE.project(dirty.layer.geoms), PLANE.project(layer.geoms)
            )
        )
        assert moved.sum() <= 1.01 * least_m2(dirty) + ROUNDING_M2
