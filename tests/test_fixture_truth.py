"""What the truth lists say of the spoilt files is so, by overlays without the engine under test."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import shapely
from shapely import LineString, MultiPolygon, Point, Polygon

from fixtures.__main__ import DATA
from geo.findings import Finding, Rule
from resolvers.checking import check_files
from sources.addresses import AddressFile, read_addresses
from sources.boundaries import read_boundaries
from tests.town import (
    addresses,
    apart_m,
    area_m2,
    features,
    layer,
    remainder,
    table,
    width_m,
)

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry

KEYS = (
    "blank_corner", "enclosed_blank", "hole",
    "blank_strip_0.03", "blank_strip_0.4", "blank_strip_3.0", "blank_strip_20.0",
    "overlap_strip_0.03", "overlap_strip_0.4", "overlap_strip_3.0", "overlap_strip_20.0",
    "strip_mended", "duplicate", "three_times", "contained", "leak",
    "t_junction_on_line", "t_junction_off_line", "bow_tie", "overlapping_parts", "twisted_twins",
    "duplicate_code", "missing_code", "wrong_parent", "no_geometry", "wrong_type", "orphan",
)  # fmt: skip

Truth = dict[str, Any]  # Any: what json.loads gives
SHEET = layer("grid", DATA / "grids_next_year.gpkg")
ROWS = list(
    zip(*(SHEET.columns[key] for key in ("code", "name", "parent")), SHEET.geoms, strict=True)
)
FIRST_YEAR = layer("grid").by_code()
COMMUNITY = layer("community").by_code()
PARENT = dict(zip(*(layer("grid").columns[key] for key in ("code", "parent")), strict=True))


def truth(name: str) -> Truth:
    content: Truth = json.loads((DATA / name).read_text(encoding="utf-8"))
    return content


FAULTS = {fault["key"]: fault for fault in truth("grids_next_year.truth.json")["faults"]}
FOUND = [
    (key, found) for key, fault in FAULTS.items() for found in fault["found"] if found["area_m2"]
]


def geom_of(row: int) -> Polygon:
    """Return the polygon of a row, counted from 1."""
    found: Polygon = SHEET.geoms[row - 1]
    return found


def siblings(code: str) -> list[Polygon]:
    """Return the whole polygons of a code's community, by its first digits."""
    return [
        geom
        for own, _, _, geom in ROWS
        if own and own[:12] == code[:12] and isinstance(geom, Polygon) and geom.is_valid
    ]


def land_of(key: str, found: Truth) -> Polygon:
    """Return the land of a finding, by overlay of the rows as they are in the file."""
    codes = found["codes"]
    own = [geom for code, _, _, geom in ROWS if code in codes and isinstance(geom, Polygon)]
    if found["kind"] == "OUTSIDE":
        return largest(shapely.difference(own[0], layer("district").geoms[0]))
    if found["kind"] == "OVERLAP":
        return largest(shapely.intersection_all(own))
    if key == "blank_corner":
        gone = set(FIRST_YEAR) - {code for code, *_ in ROWS}
        return next(FIRST_YEAR[code] for code in gone if str(code)[:12] == codes[0][:12])
    blank = shapely.difference(COMMUNITY[codes[0][:12]], shapely.union_all(siblings(codes[0])))
    part: Polygon = max(
        (part for part in shapely.get_parts(blank) if neighbours_of(part) == sorted(codes)),
        key=lambda part: -abs(area_m2(part) - found["area_m2"]),
    )
    return part


def largest(geom: BaseGeometry) -> Polygon:
    """Return the largest part: overlays leave the shared border as lines beside the land."""
    part: Polygon = max(shapely.get_parts(geom), key=lambda part: float(part.area))
    return part


def neighbours_of(land: Polygon) -> list[str]:
    """Return the codes of the land's neighbours."""
    return sorted(
        own
        for own, _, _, geom in ROWS
        if own
        and isinstance(geom, Polygon)
        and shapely.length(shapely.intersection(geom.boundary, land.boundary)) > 1e-8
    )


def test_every_kind_of_fault_is_there_once() -> None:
    listed = [fault["key"] for fault in truth("grids_next_year.truth.json")["faults"]]

    assert sorted(listed) == sorted(KEYS)


def test_the_kinds_of_findings_are_all_that_a_grid_file_can_show() -> None:
    kinds = {found["kind"] for fault in FAULTS.values() for found in fault["found"]}
    kinds |= {fault["exact"]["kind"] for fault in FAULTS.values() if fault["exact"]}

    assert kinds == {
        "BLANK", "OVERLAP", "OUTSIDE", "MISMATCH", "INVALID_RING", "NO_GEOMETRY", "WRONG_TYPE",
        "DUPLICATE_CODE", "MISSING_CODE", "WRONG_PARENT", "ORPHAN",
    }  # fmt: skip


@pytest.mark.parametrize(("key", "found"), FOUND, ids=[key for key, _ in FOUND])
def test_a_finding_has_the_area_and_the_households_of_its_land(key: str, found: Truth) -> None:
    land = land_of(key, found)
    rows, points = addresses()
    inside = shapely.contains_properly(land, points)

    assert area_m2(land) == pytest.approx(found["area_m2"], rel=found["area_rel"])
    if found["kind"] == "BLANK":
        assert neighbours_of(land) == found["codes"]
    households = np.array([int(row["households"]) for row in rows])
    assert households[inside].sum() == found["households"]


@pytest.mark.parametrize("key", [key for key in KEYS if "strip_" in key and key[-1].isdigit()])
def test_a_strip_is_as_wide_as_its_name_says(key: str) -> None:
    (found,) = FAULTS[key]["found"]
    land = land_of(key, found)

    assert found["width_m"] == float(
        key.removeprefix("blank_strip_").removeprefix("overlap_strip_")
    )
    assert width_m(land) == pytest.approx(found["width_m"], abs=0.0005, rel=0.001)


def test_what_has_a_hole_of_1200_square_metres_says_so() -> None:
    (row,) = FAULTS["hole"]["rows"]

    (hole,) = geom_of(row).interiors
    assert area_m2(Polygon(hole)) == pytest.approx(1200, rel=0.001)


def test_invalid_rings_are_those_of_the_list_and_no_others() -> None:
    listed = {
        row
        for fault in FAULTS.values()
        for found in fault["found"]
        if found["kind"] == "INVALID_RING"
        for row in found["rows"]
    }

    polygons = shapely.get_dimensions(SHEET.geoms) == 2
    invalid = np.flatnonzero(polygons & ~shapely.is_valid(SHEET.geoms)) + 1
    assert listed == set(invalid.tolist())
    (row,) = FAULTS["overlapping_parts"]["rows"]
    assert isinstance(geom_of(row), MultiPolygon)


def test_the_twisted_twins_cancel_as_if_nothing_were_wrong() -> None:
    one, two = FAULTS["twisted_twins"]["rows"]
    before = [FIRST_YEAR[ROWS[row - 1][0]] for row in (one, two)]

    assert not any(geom_of(row).is_valid for row in (one, two))
    union = shapely.coverage_union_all(before)
    twisted = [Polygon(geom_of(row).exterior.coords) for row in (one, two)]
    assert remainder(union, before) == remainder(union, twisted) == {}


@pytest.mark.parametrize(
    ("key", "off_m"), [("t_junction_on_line", 0.0), ("t_junction_off_line", 0.006)]
)
def test_a_t_junction_is_one_corner_so_far_off_the_line(key: str, off_m: float) -> None:
    (row,) = FAULTS[key]["rows"]
    before = FIRST_YEAR[ROWS[row - 1][0]]

    (corner,) = set(geom_of(row).exterior.coords) - set(before.exterior.coords)
    assert apart_m(Point(corner), before.exterior) == pytest.approx(off_m, abs=1.5e-4)


def test_the_mended_strip_is_twelve_millimetres_wide() -> None:
    (row,) = FAULTS["strip_mended"]["rows"]
    before = FIRST_YEAR[ROWS[row - 1][0]]

    gone = shapely.difference(before, geom_of(row))
    assert width_m(gone) == pytest.approx(0.012, abs=2e-4)


def test_the_rows_of_wrong_columns_and_types_are_those_of_the_list() -> None:
    def rows(key: str) -> list[int]:
        listed: list[int] = FAULTS[key]["rows"]
        return listed

    codes = [code for code, *_ in ROWS]
    twice = [n for n, code in enumerate(codes, 1) if code and codes.count(code) > 1]
    assert rows("duplicate_code") == twice
    assert rows("missing_code") == [n for n, code in enumerate(codes, 1) if not code]
    assert rows("no_geometry") == [n for n, row in enumerate(ROWS, 1) if row[3] is None]
    lines = [n for n, row in enumerate(ROWS, 1) if isinstance(row[3], LineString)]
    assert rows("wrong_type") == lines
    wrong = [n for n, (code, _, parent, _) in enumerate(ROWS, 1) if code and code[:12] != parent]
    assert rows("wrong_parent") == wrong
    far = [n for n, row in enumerate(ROWS, 1) if row[3] and row[3].bounds[0] > 105.0]
    assert rows("orphan") == far
    assert ROWS[far[0] - 1][2] not in COMMUNITY


def test_a_grid_in_no_fault_is_as_it_was_in_the_first_year() -> None:
    touched = {row for fault in FAULTS.values() for row in fault["rows"]}

    same = [row for n, row in enumerate(ROWS, 1) if n not in touched]
    assert len(same) > 15
    for code, _, parent, geom in same:
        assert geom.equals_exact(FIRST_YEAR[code], 0.0)
        assert parent == PARENT[code]


def test_faults_of_different_kinds_lie_apart() -> None:
    lands = [land_of(key, found) for key, found in FOUND]

    for i, one in enumerate(lands):
        for two in lands[:i]:
            assert apart_m(one, two) > 5


def test_the_stray_addresses_lie_outside_the_town_and_the_others_inside() -> None:
    told = truth("addresses_faulty.truth.json")
    rows, town = table("addresses_faulty.csv"), layer("district").geoms[0]

    outside = [row for row in rows if not town.covers(Point(float(row["lon"]), float(row["lat"])))]
    assert [row["key"] for row in outside] == told["uncovered"]
    assert sum(int(row["households"]) for row in outside) == told["uncovered_households"]
    assert sum(int(row["households"]) for row in rows) == told["households"]


def test_the_stray_compounds_are_wrong_in_the_way_that_the_list_says() -> None:
    geoms = {row["code"]: geom for row, geom in features("compounds_next_year.geojson")}
    faults = {
        fault["key"]: fault["found"][0]
        for fault in truth("compounds_next_year.truth.json")["faults"]
    }

    (astride,) = faults["over_border"]["codes"]
    held = [shapely.area(shapely.intersection(geoms[astride], c)) for c in COMMUNITY.values()]
    assert sorted(share / geoms[astride].area > 0.4 for share in held)[-2:] == [True, True]
    one, two = (geoms[code] for code in faults["into_neighbour"]["codes"])
    shared_m2 = area_m2(shapely.intersection(one, two))
    assert shared_m2 == pytest.approx(faults["into_neighbour"]["area_m2"], rel=0.001)
    (leaving,) = faults["over_edge"]["codes"]
    outside_m2 = area_m2(shapely.difference(geoms[leaving], layer("district").geoms[0]))
    assert outside_m2 == pytest.approx(faults["over_edge"]["area_m2"], rel=0.001)
    new = {astride, leaving, *faults["into_neighbour"]["codes"]}
    assert len(geoms) == 33
    for code in set(geoms) - new:
        assert sum(geoms[code].intersects(other) for other in geoms.values()) == 1


@pytest.fixture(scope="module")
def address_file(tmp_path_factory: pytest.TempPathFactory) -> AddressFile:
    parts = [(DATA / f"addresses_{n}.csv").read_text(encoding="utf-8").splitlines() for n in (1, 2)]
    path = tmp_path_factory.mktemp("addresses") / "addresses.csv"
    path.write_text("\n".join([*parts[0], *parts[1][1:]]), encoding="utf-8")
    return read_addresses(path)


@pytest.mark.parametrize("exact", [False, True])
def test_the_check_finds_what_the_list_says_and_nothing_else(
    address_file: AddressFile, exact: bool
) -> None:
    checked = check_files(
        read_boundaries(DATA / "grids_next_year.gpkg"),
        read_boundaries(DATA / "town.gpkg", layer="community"),
        address_file,
        exact=exact,
    )

    wanted = [found for fault in FAULTS.values() for found in fault["found"]]
    if exact:
        wanted += [fault["exact"] for fault in FAULTS.values() if fault["exact"]]
    left = [f for f in checked.report.findings if f.rule is not Rule.EVERY_HOUSEHOLD]
    for found in wanted:
        (same,) = (finding for finding in left if is_told(finding, found))
        left.remove(same)
    may = {
        (kind, row) for fault in FAULTS.values() for kind in fault["may"] for row in fault["rows"]
    }
    codes = {row: code for row, (code, *_) in enumerate(ROWS, 1)}
    for finding in left:
        assert any(kind == finding.kind and codes[row] in finding.units for kind, row in may)
    notices = {fault["notice"] for fault in FAULTS.values() if fault["notice"]}
    assert exact or notices <= {remark.code for remark in checked.remarks}


def is_told(finding: Finding, found: Truth) -> bool:
    """Return whether a finding is the one that the list tells of."""
    if (finding.kind, sorted(finding.units)) != (found["kind"], found["codes"]):
        return False
    if found["area_m2"] is None:
        return bool(sorted(finding.rows) == found["rows"] or found["kind"] == "MISMATCH")
    rel = max(found["width_rel"], found["area_rel"])
    near = finding.area_m2 == pytest.approx(found["area_m2"], rel=found["area_rel"])
    wide = found["width_m"] is None or finding.width_m == pytest.approx(found["width_m"], rel=rel)
    return bool(near and wide and finding.households == found["households"])


def test_the_first_year_is_clean_in_every_format(address_file: AddressFile) -> None:
    parents = read_boundaries(DATA / "town.gpkg", layer="community")

    for name in ("grids.geojson", "grids_gbk.zip"):
        checked = check_files(read_boundaries(DATA / name), parents, address_file)
        assert checked.report.clean, name
        assert checked.report.proven_parents == checked.report.parents == 9
        assert checked.report.households.covered == checked.report.households.total
