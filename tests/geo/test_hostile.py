"""Files that are meant to hurt end in findings that a drawing explains, and never in a failure."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pytest
import shapely

from geo.check import Sent, check
from geo.crs import Datum
from geo.findings import Finding, Kind
from geo.world import World
from resolvers.checking import ALONE, PARENTS, UNITS
from tests.geo import hostile
from tests.geo.hostile import array, at

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geo.check import Checked

GROUND = 1e-5
"""What the plane's scale may add to an area, relatively: 0.2 mm in 100 m on the meridian."""


class Told(NamedTuple):
    """What a check found, by kind."""

    checked: Checked

    def of(self, kind: Kind) -> list[Finding]:
        """Return the findings of a kind."""
        return [f for f in self.checked.report.findings if f.kind is kind]

    @property
    def kinds(self) -> set[Kind]:
        """What kinds there are."""
        return {f.kind for f in self.checked.report.findings}

    @property
    def remarks(self) -> set[str]:
        """The codes of what the check remarked."""
        return {remark.code for remark in self.checked.remarks}


def sent(geoms: NDArray[np.object_], *, crs: str = hostile.CRS, prefix: str = "") -> Sent:
    """Return polygons as rows of a file."""
    n = len(geoms)
    codes = [f"{prefix}{i:06d}" for i in range(n)]
    return Sent(
        rows=np.arange(1, n + 1),
        codes=codes,
        names=codes,
        parents=[None] * n,
        properties=[{} for _ in range(n)],
        geoms=geoms,
        crs=crs,
        datum=Datum.WGS84,
    )


def alone(geoms: NDArray[np.object_], *, exact: bool = False) -> Told:
    """Check polygons in metres around the origin on their own outline."""
    return alone_as(sent(at(geoms)), exact=exact)


def alone_as(rows: Sent, *, exact: bool = False) -> Told:
    """Check rows on their own outline."""
    return Told(check(rows, ALONE.key, World(levels=(ALONE,), units={}), exact=exact))


def inside(units: Sent, parents: Sent) -> Told:
    """Check units in parents."""
    empty = World(levels=(PARENTS, UNITS), units={})
    return Told(check(units, UNITS.key, check(parents, PARENTS.key, empty).world))


# --- one unit that is huge or ragged ------------------------------------------------------------


def test_a_round_unit_of_many_vertices_is_proven() -> None:
    found = alone(hostile.circle(20_000))

    radius = 2_000 / (2 * math.pi)
    assert found.checked.report.clean
    assert found.checked.report.area_m2 == pytest.approx(math.pi * radius**2, rel=GROUND)


def test_vertices_nearer_than_the_merging_distance_are_thinned_out() -> None:
    """A circle of 100 m has 10,000 vertices 10 mm apart: no two within 20 mm remain."""
    found = alone(hostile.circle(10_000, 0.01))

    xy = shapely.get_coordinates(found.checked.geoms)[:-1]
    metres = found.checked.metric.project(np.asarray(shapely.points(xy)))
    apart = shapely.distance(metres, np.roll(metres, 1))
    assert found.checked.report.clean
    assert len(xy) <= 5_000
    assert apart.min() > 0.0199


def test_a_comb_and_a_spiral_of_many_vertices_are_proven() -> None:
    comb, spiral = alone(hostile.comb(20_000)), alone(hostile.spiral(20_000))

    assert comb.checked.report.clean
    assert spiral.checked.report.clean
    # 5,000 teeth of 0.5 x 50 m on a bar a metre high, from the first tooth to the last one's end
    drawn = 5_000 * 0.5 * 50 + (2 * 5_000 - 1) * 0.5 * 1
    # the two sides of a tooth are rounded to 0.1 mm each
    assert comb.checked.report.area_m2 == pytest.approx(drawn, rel=0.0001 / 0.5)


@pytest.mark.parametrize("width_m", [0.0, 0.004])
def test_spikes_that_are_no_land_are_taken_away(width_m: float) -> None:
    found = alone(hostile.spiked(500, width_m))

    assert found.checked.report.clean
    assert found.checked.report.area_m2 == pytest.approx(502 * 50, rel=GROUND)


def test_spikes_that_are_land_stay() -> None:
    found = alone(hostile.spiked(500, 0.3))

    assert found.checked.report.clean
    assert found.checked.report.area_m2 == pytest.approx(502 * 50 + 500 * 0.3 * 30 / 2, rel=GROUND)


def test_spikes_without_width_are_an_invalid_ring_where_vertices_are_taken_as_they_are() -> None:
    found = alone(hostile.spiked(500, 0.0), exact=True)

    [finding] = found.of(Kind.INVALID_RING)
    assert finding.units == ("000000",)


def test_a_thousand_holes_of_one_unit_are_blank_land_beside_it() -> None:
    found = alone(hostile.perforated(1_000))

    blanks = found.of(Kind.BLANK)
    assert found.kinds == {Kind.BLANK}
    assert sum(f.pieces for f in blanks) == 1_000
    assert {f.units for f in blanks} == {("000000",)}
    assert sum(f.area_m2 for f in blanks) == pytest.approx(1_000 * 0.25, rel=1e-4)
    assert sum(sum(f.borders_m) for f in blanks) == pytest.approx(1_000 * 4 * 0.5, rel=1e-4)


def test_a_unit_of_two_thousand_parts_is_proven() -> None:
    found = alone(hostile.scattered(2_000))

    assert found.checked.report.clean
    assert found.checked.report.area_m2 == pytest.approx(2_000, rel=GROUND * 10)


def test_parts_that_overlap_are_an_invalid_ring() -> None:
    found = alone(hostile.piled_parts(300))

    [finding] = found.of(Kind.INVALID_RING)
    assert finding.units == ("000000",)
    assert not found.checked.report.clean


def test_a_polygon_with_a_hole_of_no_vertices_is_a_polygon() -> None:
    square = shapely.from_wkt("POLYGON ((0 0, 100 0, 100 100, 0 100, 0 0), EMPTY)")

    found = alone(array([square]))

    assert found.checked.report.clean
    assert found.checked.report.area_m2 == pytest.approx(10_000, rel=GROUND)


# --- many units on one spot ---------------------------------------------------------------------


@pytest.mark.parametrize("noise_m", [0.0, 0.005])
def test_two_thousand_equal_units_are_one_overlap(noise_m: float) -> None:
    found = alone(hostile.nearly_equal(2_000, noise_m))

    [finding] = found.checked.report.findings
    assert finding.kind is Kind.OVERLAP
    assert len(finding.units) == 2_000
    assert finding.area_m2 == pytest.approx(10_000, rel=4 * 0.005 / 100)


def test_units_that_cross_without_end_are_not_noded_and_all_named() -> None:
    """Each pair of 400 squares off by up to a metre crosses several times: 10^5.5 crossings."""
    found = alone(hostile.nearly_equal(400, 1.0))

    named = {unit for f in found.of(Kind.OVERLAP) for unit in f.units}
    assert "ENTANGLED" in found.remarks
    assert not found.checked.report.clean
    assert len(named) == 400
    # what any two hold: within the box of all corners, around what all hold
    assert 98.0**2 < found.checked.report.overlap_m2 < 102.0**2


def test_nested_units_are_doubled_up_to_the_second_largest() -> None:
    found = alone(hostile.concentric(600))

    assert found.kinds == {Kind.OVERLAP}
    assert found.checked.report.overlap_m2 == pytest.approx((2 * 599) ** 2, rel=GROUND)
    named = {unit for f in found.of(Kind.OVERLAP) for unit in f.units}
    assert len(named) == 600


def test_a_fabric_of_strips_is_doubled_where_two_cross_and_blank_between_four() -> None:
    """Of 20 + 20 strips, 400 squares are doubled and 19 x 19 lie between."""
    found = alone(hostile.woven(40))

    assert found.kinds == {Kind.OVERLAP, Kind.BLANK}
    assert found.checked.report.overlap_m2 == pytest.approx(400, rel=GROUND)
    assert found.checked.report.blank_m2 == pytest.approx(19 * 19, rel=GROUND)


def test_a_star_of_strips_names_each_strip() -> None:
    found = alone(hostile.star(60))

    named = {unit for f in found.of(Kind.OVERLAP) for unit in f.units}
    assert len(named) == 60
    # strips k steps apart share a rhombus of 1 / sin(angle) square metres: an upper bound
    pairs = sum((60 - k) / math.sin(math.pi * k / 60) for k in range(1, 60))
    assert 0 < found.checked.report.overlap_m2 < pairs


# --- no land at all -----------------------------------------------------------------------------


def test_units_without_land_are_named_one_by_one() -> None:
    found = alone(hostile.flat(100))

    assert found.kinds == {Kind.INVALID_RING}
    assert len(found.of(Kind.INVALID_RING)) == 100
    assert found.checked.report.area_m2 == 0


@pytest.mark.parametrize("size", [1e-320, 1e-12, 1e-9])
def test_a_unit_too_small_for_the_grid_is_named(size: float) -> None:
    """Such coordinates round to the same nine decimals, or to a square of 0.1 mm."""
    tiny = sent(array([shapely.box(0, 0, size, size)]), crs="EPSG:4326")

    found = alone_as(tiny)

    assert found.kinds == {Kind.INVALID_RING}


# --- parents ------------------------------------------------------------------------------------

TWO_PARENTS = array([shapely.box(0, 0, 100, 100), shapely.box(100, 0, 200, 100)])


def test_a_parent_without_a_unit_is_blank_as_a_whole() -> None:
    units = sent(at(array([shapely.box(0, 0, 100, 100)])))

    found = inside(units, sent(at(TWO_PARENTS), prefix="P"))

    [finding] = found.checked.report.findings
    assert (finding.kind, finding.parent) == (Kind.BLANK, "P000001")
    assert finding.area_m2 == pytest.approx(10_000, rel=GROUND)
    assert found.checked.report.proven_parents == 1


def test_a_level_without_a_unit_with_land_leaves_all_parents_blank() -> None:
    found = inside(sent(at(hostile.flat(4))), sent(at(TWO_PARENTS), prefix="P"))

    assert found.checked.report.blank_m2 == pytest.approx(20_000, rel=GROUND)
    assert {f.parent for f in found.of(Kind.BLANK)} == {"P000000", "P000001"}


def test_a_unit_larger_than_everything_leaves_its_parent() -> None:
    """It covers both parents and a kilometre around: what is its own parent's is right."""
    units = sent(at(array([shapely.box(-1000, -1000, 1200, 1100)])))

    found = inside(units, sent(at(TWO_PARENTS), prefix="P"))

    # beyond its own parent, of 100 x 100 m, all of it is outside or another one's
    beyond = 2200 * 2100 - 100 * 100
    assert found.checked.report.outside_m2 == pytest.approx(beyond, rel=GROUND)
    assert found.checked.report.proven_parents == 0


# --- the ends of the map ------------------------------------------------------------------------


@pytest.mark.parametrize("west", [179.9, -180.0])
def test_units_that_touch_the_antimeridian_are_proven(west: float) -> None:
    middle, east = west + 0.05, west + 0.1
    boxes = array([shapely.box(west, 10, middle, 10.1), shapely.box(middle, 10, east, 10.1)])

    found = alone_as(sent(boxes, crs="EPSG:4326"))

    assert found.checked.report.clean
    assert shapely.total_bounds(found.checked.geoms).tolist() == pytest.approx(
        [west, 10, west + 0.1, 10.1], abs=1e-9
    )


def test_a_unit_that_crosses_the_antimeridian_the_long_way_round_overlaps_what_it_meets() -> None:
    """A writer that wraps 180.1 to -179.9 draws a band around the whole Earth."""
    band, beside = shapely.box(-179.9, 10, 179.9, 10.1), shapely.box(100, 10, 100.1, 10.1)

    found = alone_as(sent(array([band, beside]), crs="EPSG:4326"))

    [finding] = found.of(Kind.OVERLAP)
    assert finding.units == ("000000", "000001")
