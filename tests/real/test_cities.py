"""Real cities are imported, proven, published or refused; overlays measure every area, too."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
import pytest
import shapely
from pyogrio.raw import read
from pyproj import Transformer
from shapely import Polygon

from sources.boundaries import read_boundaries
from tests.town import remainder

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

    from tests.publishing.outside import Wangge
    from tests.publishing.stored import Stored

pytestmark = [pytest.mark.real, pytest.mark.postgis]

Report = dict[str, Any]

ONE_LEVEL = '[[level]]\nkey = "precinct"\n'


class Land(NamedTuple):
    """What an overlay in an equal-area plane measures, in square metres."""

    held: float
    """Held by any unit."""
    blank: float
    doubled: float
    """Held by two or more, counted once."""
    beyond: float
    """Held outside of the parents."""


def array(geoms: Iterable[BaseGeometry]) -> NDArray[np.object_]:
    given = list(geoms)
    out = np.empty(len(given), object)
    out[:] = given
    return out


def flat(geoms: NDArray[np.object_]) -> NDArray[np.object_]:
    """Return degrees in an equal-area plane around them."""
    west, south, east, north = shapely.total_bounds(geoms)
    to = Transformer.from_crs(
        "EPSG:4326",
        f"+proj=laea +lon_0={(west + east) / 2} +lat_0={(south + north) / 2} +ellps=WGS84",
        always_xy=True,
    )
    return np.asarray(shapely.transform(geoms, lambda xy: np.column_stack(to.transform(*xy.T))))


def filled(geoms: NDArray[np.object_]) -> BaseGeometry:
    """Return what polygons enclose."""
    parts = shapely.get_parts(shapely.union_all(geoms))
    whole: BaseGeometry = shapely.union_all([Polygon(part.exterior) for part in parts])
    return whole


def measure(
    units: NDArray[np.object_],
    parents: NDArray[np.object_] | None = None,
    *,
    method: Literal["structure", "linework"] = "structure",
) -> Land:
    """Lay polygons in degrees over each other and over their parents, or their own outline.

    Parameters
    ----------
    method
        What a ring that crosses itself holds: all that it goes around (structure), or what it goes
        around an odd number of times (linework).
    """
    number = len(units)
    both = flat(np.concatenate([units, parents]) if parents is not None else units)
    mine = solid(both[:number], method)
    whole = shapely.union_all(both[number:]) if parents is not None else filled(mine)
    held = shapely.union_all(mine)
    a, b = shapely.STRtree(mine).query(mine, predicate="intersects")
    shared = shapely.intersection(mine[a[a < b]], mine[b[a < b]])
    twice = shapely.union_all(shared[shapely.area(shared) > 0])  # of neighbours it is a line
    return Land(held.area, wide(whole.difference(held)), wide(twice), wide(held.difference(whole)))


def _make_valid(
    geoms: NDArray[np.object_], method: Literal["structure", "linework"]
) -> NDArray[np.object_]:
    if method == "linework":
        return np.asarray(shapely.make_valid(geoms, method="linework"))
    return np.asarray(shapely.make_valid(geoms, method="structure", keep_collapsed=False))


def solid(
    geoms: NDArray[np.object_], method: Literal["structure", "linework"] = "structure"
) -> NDArray[np.object_]:
    """Return polygons as valid ones; see :func:`measure`."""
    twisted = ~shapely.is_valid(geoms)
    valid = geoms.copy()
    valid[twisted] = _make_valid(geoms[twisted], method)
    return valid


def wide(land: BaseGeometry) -> float:
    """Return the area of the parts that are wider than a millimetre: narrower is no land."""
    parts = shapely.get_parts(land)
    parts = parts[shapely.area(parts) > 0]
    if not len(parts):
        return 0.0
    radius = shapely.length(shapely.maximum_inscribed_circle(parts, tolerance=1e-5))
    return float(shapely.area(parts[radius > 0.0005]).sum())


def noded(stored: Stored, draft: str) -> NDArray[np.object_]:
    """Return a draft's polygons as noding has made them, in degrees."""
    rows = stored.rows(
        "SELECT ST_AsBinary(geom) FROM draft_unit WHERE draft_id = %s ORDER BY row", int(draft)
    )
    return array(shapely.from_wkb(bytes(wkb)) for (wkb,) in rows)


def layer(path: Path, name: str | None = None) -> tuple[NDArray[np.object_], dict[str, list[Any]]]:
    """Return a file's polygons in its own coordinates, and its columns."""
    source = f"/vsizip/{path}" if path.suffix == ".zip" else path
    meta, _, wkb, columns = read(source, layer=name)
    names = meta["fields"].tolist()
    return array(shapely.from_wkb(wkb)), {
        key: values.tolist() for key, values in zip(names, columns, strict=True)
    }


def kinds(report: Report) -> Counter[str]:
    return Counter(f["kind"] for f in report["findings"]["nodes"])


def total(report: Report, kind: str) -> float:
    """Return the land of all findings of a kind."""
    return float(sum(f["areaM2"] for f in report["findings"]["nodes"] if f["kind"] == kind))


def said(report: Report) -> list[tuple[object, ...]]:
    """Return the findings less the level's name."""
    return sorted(
        (
            f["kind"],
            tuple(u["code"] for u in f["units"]),
            f["parent"] is None,
            round(f["areaM2"], 6),
        )
        for f in report["findings"]["nodes"]
    )


def only_level(wangge: Wangge, here: Path) -> None:
    """Let there be one level, so that a file is judged by itself."""
    here.write_text(ONE_LEVEL, encoding="utf-8")
    wangge.ask("load", "levels", here)


# --- Liechtenstein ------------------------------------------------------------------------------

COUNTRY = """
[[level]]
key = "country"

[[level]]
key = "district"
parent = "country"

[[level]]
key = "commune"
parent = "district"
"""
FILES = {"country": "admin2", "district": "admin6", "commune": "admin8"}
OSM = ("--columns", "code=osm_id")


@pytest.fixture
def liechtenstein(wangge: Wangge, here: Path, real_data: Path) -> Wangge:
    """Give the country's three levels, each published from its file."""
    here.write_text(COUNTRY, encoding="utf-8")
    wangge.ask("load", "levels", here)
    for edition, (level, name) in enumerate(FILES.items(), start=1):
        file = real_data / f"derived/liechtenstein_{name}.geojson"
        assert wangge.publish(level, file, *OSM) == edition
    return wangge


def test_liechtensteins_three_levels_are_published_and_add_up(
    liechtenstein: Wangge, stored: Stored, real_data: Path
) -> None:
    counts = {level: len(stored.units(level)) for level in FILES}

    assert counts == {"country": 1, "district": 2, "commune": 11}
    assert stored.faults() == {}
    [country] = stored.units("country").values()
    communes = array(row.geom for row in stored.units("commune").values())
    land = measure(communes, array([country.geom]))
    assert country.area_m2 == pytest.approx(160.49e6, rel=1e-3)
    assert country.area_m2 == pytest.approx(land.held, rel=1e-9)
    assert max(land.blank, land.doubled, land.beyond) < 1e-3
    # the same files again change nothing
    for level, name in FILES.items():
        file = real_data / f"derived/liechtenstein_{name}.geojson"
        assert liechtenstein.publish(level, file, *OSM) == 3


def test_liechtensteins_file_as_it_came_needs_no_node(
    liechtenstein: Wangge, stored: Stored, real_data: Path
) -> None:
    """The file's own segments cancel, counted one by one."""
    country, _ = layer(real_data / "derived/liechtenstein_admin2.geojson")
    communes, _ = layer(real_data / "derived/liechtenstein_admin8.geojson")

    assert remainder(country[0], communes.tolist()) == {}
    vertices = shapely.get_num_coordinates(communes).sum()
    stands = [row.geom for row in stored.units("commune").values()]
    assert shapely.get_num_coordinates(array(stands)).sum() == vertices


def test_liechtensteins_buildings_are_loaded_and_those_abroad_are_named(
    liechtenstein: Wangge, stored: Stored, real_data: Path
) -> None:
    file = real_data / "derived/liechtenstein_buildings.geojson"
    communes, _ = layer(real_data / "derived/liechtenstein_admin8.geojson")
    buildings, _ = layer(file)
    points = shapely.point_on_surface(buildings)
    inside = shapely.intersects(shapely.union_all(communes), points)
    assert int((~inside).sum()) == 33

    loaded = liechtenstein.ask("load", "addresses", file)

    assert (loaded["added"], loaded["edition"]) == (8994, 4)
    places = "SELECT count(*), count(code) FROM address_place WHERE last_edition IS NULL"
    assert stored.rows(places) == [(8994, 8994 - 33)]
    made = liechtenstein.draft(
        "commune",
        real_data / "derived/liechtenstein_admin8.geojson",
        *OSM,
        "--dry-run",
        exit_code=1,
    )
    assert kinds(made["report"]) == {"HOUSEHOLD_UNCOVERED": 1}
    [finding] = made["report"]["findings"]["nodes"]
    assert len(finding["addresses"]) == 33
    assert (finding["parent"], finding["severity"]) == (None, "BLOCKING")
    abroad = shapely.get_parts(shapely.from_geojson(str(finding["geometry"]).replace("'", '"')))
    assert {(round(p.x, 9), round(p.y, 9)) for p in abroad} == {
        (round(p.x, 9), round(p.y, 9)) for p in points[~inside]
    }
    cover = made["report"]["households"]
    assert (cover["total"], cover["uncovered"]) == (8994, 33)


# --- Providence ---------------------------------------------------------------------------------


def test_providences_precincts_leave_half_of_the_city_blank(
    wangge: Wangge, real_data: Path
) -> None:
    precincts = real_data / "a_defects/providence_precincts.zip"
    districts = real_data / "a_defects/providence_districts.zip"
    land = measure(layer(precincts)[0], layer(districts)[0])  # NAD 83 is taken for WGS 84
    assert land.held / 1e6 == pytest.approx(26.6, abs=0.05)
    assert (land.held - land.beyond + land.blank) / 1e6 == pytest.approx(48.7, abs=0.05)

    found = wangge.ask(
        "check", precincts, "--within", districts, "--columns", "code=NAME", exit_code=1
    )

    assert set(kinds(found)) == {"BLANK", "OVERLAP", "OUTSIDE"}
    # noding moves a border by some millimetres here and there
    assert found["blankM2"] == pytest.approx(land.blank, rel=1e-6)
    assert found["overlapM2"] == pytest.approx(land.doubled, rel=1e-4)
    assert found["areaM2"] == pytest.approx(48.74e6, rel=1e-4)
    assert not found["clean"]
    assert found["provenParents"] < found["parents"] == 15


def test_providences_precincts_alone_are_refused_with_their_holes(
    wangge: Wangge, stored: Stored, here: Path, real_data: Path
) -> None:
    file = real_data / "a_defects/providence_precincts.zip"
    only_level(wangge, here)

    made = wangge.draft("precinct", file, "--columns", "code=NAME", "--publish", exit_code=1)
    alone = wangge.ask("check", file, "--columns", "code=NAME", exit_code=1)

    assert made["status"] == "OPEN"
    assert stored.newest() == 0
    land = measure(noded(stored, made["id"]))
    for report in (made["report"], alone):
        assert set(kinds(report)) == {"BLANK", "OVERLAP"}
        assert report["blankM2"] == pytest.approx(land.blank, rel=1e-6)
        assert report["overlapM2"] == pytest.approx(land.doubled, rel=1e-6)
        assert total(report, "BLANK") == pytest.approx(land.blank, rel=1e-6)
    assert said(alone) == said(made["report"])
    refused = wangge.failure("draft", "publish", made["id"], exit_code=5)
    assert refused["code"] == "NOT_CLEAN"
    assert len(refused["findingIds"]) == made["report"]["findings"]["totalCount"]


# --- Zurich and Denver --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "columns", "found"),
    [
        ("zurich_city.geojson", "code=cartodb_id", {"BLANK", "OVERLAP", "INVALID_RING"}),
        ("denver_precincts2020_orig.zip", "", {"BLANK", "OVERLAP"}),
        ("denver_precincts2016_orig.zip", "code=NAMELSAD", {"BLANK"}),
        ("denver_precincts2020_repaired.zip", "", {"BLANK"}),
    ],
)
def test_a_citys_blank_and_doubled_land_is_what_an_overlay_measures(
    wangge: Wangge,
    stored: Stored,
    here: Path,
    real_data: Path,
    name: str,
    columns: str,
    found: set[str],
) -> None:
    file = real_data / "a_defects" / name
    only_level(wangge, here)

    made = wangge.draft("precinct", file, "--columns", columns, exit_code=1)
    alone = wangge.ask("check", file, "--columns", columns, exit_code=1)

    report = made["report"]
    assert set(kinds(report)) == found
    # of a ring that crosses itself there are two readings; without one, both are the same
    sent = noded(stored, made["id"])
    one, other = measure(sent, method="structure"), measure(sent, method="linework")
    between(one.blank, report["blankM2"], other.blank)
    between(one.blank, total(report, "BLANK"), other.blank)
    between(one.doubled, report["overlapM2"], other.doubled)
    between(one.held + one.blank, report["areaM2"], other.held + other.blank)
    if "INVALID_RING" not in found:
        assert one == pytest.approx(other, rel=1e-12)
    assert report["outsideM2"] == 0
    assert said(alone) == said(report)
    assert stored.faults() == {}


def between(one: float, found: float, other: float) -> None:
    """Assert that a measure agrees to a millionth with one of two, or lies between them."""
    low, high = sorted((one, other))
    assert low - 1e-6 * low - 1e-6 <= found <= high + 1e-6 * high + 1e-6


def test_denver_as_repaired_by_others_has_its_real_holes_only(
    wangge: Wangge, real_data: Path
) -> None:
    file = real_data / "a_defects/denver_precincts2020_repaired.zip"
    to = Transformer.from_crs("EPSG:2232", "EPSG:4326", always_xy=True)
    sent = shapely.transform(layer(file)[0], lambda xy: np.column_stack(to.transform(*xy.T)))
    held = flat(sent)
    whole = filled(held).difference(shapely.union_all(held))
    holes = sorted(part.area for part in shapely.get_parts(whole) if part.area > 1)

    report = wangge.ask("check", file, exit_code=1)

    assert kinds(report) == {"BLANK": 10}
    mine = sorted(f["areaM2"] for f in report["findings"]["nodes"])
    assert mine == pytest.approx(holes, rel=1e-4)
    broken = {c["rule"] for c in report["clauses"] if not c["holds"]}
    assert broken == {"NO_BLANK"}


def test_zurichs_invalid_rings_are_named(wangge: Wangge, real_data: Path) -> None:
    file = real_data / "a_defects/zurich_city.geojson"
    geoms, columns = layer(file)
    invalid = {
        str(columns["cartodb_id"][i]) for i in np.flatnonzero(~shapely.is_valid(geoms)).tolist()
    }

    report = wangge.ask("check", file, "--columns", "code=cartodb_id", exit_code=1)

    named = [f for f in report["findings"]["nodes"] if f["kind"] == "INVALID_RING"]
    assert len(invalid) == 7
    assert {unit["code"] for f in named for unit in f["units"]} == invalid


# --- Taiwan -------------------------------------------------------------------------------------


def test_taiwans_villages_are_refused_with_the_towns_that_they_do_not_fill(
    wangge: Wangge, real_data: Path
) -> None:
    file = real_data / "b_hierarchy/taiwan_villages-10t.json"
    # the file as it is read: quantised arcs, so that equal borders are equal
    villages = read_boundaries(file, layer="villages")
    towns = read_boundaries(file, layer="towns")
    invalid = np.flatnonzero(~shapely.is_valid(villages.geoms)).tolist()
    assert len(invalid) == 7
    asked = ("check", file, "--layer", "villages", "--within", file, "--within-layer", "towns")

    report = wangge.ask(*asked, exit_code=1)
    exact = wangge.ask(*asked, "--exact", exit_code=1)

    assert named_rings(exact) == {str(villages.codes[i]) for i in invalid}
    # an import takes away spikes, which enclose no land; a ring that crosses itself remains
    twisted = [i for i in invalid if not despiked(villages.geoms[i]).is_valid]
    assert named_rings(report) == {str(villages.codes[i]) for i in twisted} == {"67000020010"}
    found = report["findings"]["nodes"]
    blank: dict[str, float] = defaultdict(float)
    for f in found:
        if f["kind"] == "BLANK":
            blank[f["parent"]["code"]] += f["areaM2"]
    # a town's blank land is what none of its own villages holds, be it another town's or nobody's
    own = array(
        shapely.union_all(solid(villages.geoms[[parent == town for parent in villages.parents]]))
        for town in towns.codes
    )
    both = flat(np.concatenate([towns.geoms, own]))
    bare = shapely.area(shapely.difference(both[: len(own)], both[len(own) :]))
    expected = dict(zip(map(str, towns.codes), bare.tolist(), strict=True))
    assert {code for code, area in expected.items() if area > 1} == {
        code for code, area in blank.items() if area > 1
    }
    for code, area in blank.items():
        assert area == pytest.approx(expected[code], rel=1e-4, abs=1.0), code
    land = measure(villages.geoms, towns.geoms)
    assert report["blankM2"] == pytest.approx(land.blank, rel=1e-4)
    assert report["overlapM2"] == pytest.approx(land.doubled, rel=1e-3)
    # outside is what lies beyond a village's own town, be it in another one or in the sea
    town_of = dict(zip(towns.codes, towns.geoms, strict=True))
    mine = solid(villages.geoms)
    home = array(town_of.get(code, shapely.MultiPolygon()) for code in villages.parents)
    astray = flat(shapely.difference(mine, home))
    assert report["outsideM2"] == pytest.approx(shapely.union_all(astray).area, rel=1e-4)


def named_rings(report: Report) -> set[str]:
    """Return the codes of the units whose rings are named."""
    found = [f for f in report["findings"]["nodes"] if f["kind"] == "INVALID_RING"]
    return {unit["code"] for f in found for unit in f["units"]}


def despiked(polygon: Polygon) -> Polygon:
    """Return a polygon without holes less what goes from a to b and straight back to a."""
    ring: list[tuple[float, ...]] = []
    for place in polygon.exterior.coords[:-1]:
        if len(ring) > 1 and ring[-2] == place:
            ring.pop()
        elif not ring or ring[-1] != place:
            ring.append(place)
    while len(ring) > 2 and ring[0] == ring[-2]:
        ring = ring[:-2]
    while len(ring) > 2 and ring[-1] == ring[1]:
        ring = ring[2:]
    return Polygon(ring)


@pytest.mark.parametrize(("level", "parents"), [("counties", "nation"), ("towns", "counties")])
def test_taiwans_upper_levels_are_measured_within_one_another(
    wangge: Wangge, real_data: Path, level: str, parents: str
) -> None:
    file = real_data / "b_hierarchy/taiwan_villages-10t.json"
    column = {"nation": "id", "counties": "COUNTYCODE", "towns": "TOWNCODE"}[level]
    units = read_boundaries(file, layer=level, need_code=False).geoms
    above = read_boundaries(file, layer=parents, need_code=False).geoms
    land = measure(units, solid(above))

    answer = wangge(
        "check", file, "--layer", level, "--columns", f"code={column}",
        "--within", file, "--within-layer", parents, "--json",
    )  # fmt: skip

    report = answer.json()
    assert answer.exit_code == (0 if report["clean"] else 1)
    assert report["blankM2"] == pytest.approx(land.blank, rel=1e-4, abs=1.0)
    assert report["clean"] == (land.blank < 1.0)
