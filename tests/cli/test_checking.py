"""``wangge check`` finds without a database what an import finds with one."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import shapely
from pyogrio.raw import read
from shapely import Polygon, box

from fixtures.__main__ import DATA
from tests.publishing.drawing import (
    COMMUNITIES,
    DISTRICT,
    GRIDS,
    Plan,
    plan,
    rectangle_m2,
    write_addresses,
    write_geojson,
    write_ogr,
)

if TYPE_CHECKING:
    from pathlib import Path

    from shapely.geometry.base import BaseGeometry

    from tests.publishing.outside import Wangge
    from tests.publishing.stored import Stored

pytestmark = pytest.mark.postgis

Report = dict[str, Any]


def said(report: Report) -> list[tuple[object, ...]]:
    """Return the findings less the level's name, which a plain file does not have."""
    return sorted(
        (
            f["kind"],
            f["severity"],
            tuple(unit["code"] for unit in f["units"]),
            f["parent"]["code"] if f["parent"] else "",
            tuple(feature["row"] for feature in f["features"]),
            tuple(f["addresses"]),
            f["households"],
            round(f["areaM2"], 6),
            round(f["widthM"], 6),
            f["message"],
        )
        for f in report["findings"]["nodes"]
    )


def same(checked: Report, imported: Report) -> None:
    """Assert that two reports say the same of different levels' names."""
    assert said(checked) == said(imported)
    for key in ("clean", "clauses", "provenParents", "parents", "households"):
        assert checked[key] == imported[key], key
    for key in ("areaM2", "blankM2", "overlapM2", "outsideM2"):
        assert checked[key] == pytest.approx(imported[key], rel=1e-9, abs=1e-9), key


def changed(**units: tuple[float, float, float, float] | BaseGeometry) -> Plan:
    """Return the four grids with some of them drawn otherwise."""
    return plan({**GRIDS.shapes, **{code[1:]: shape for code, shape in units.items()}})


FILES: dict[str, tuple[Plan, list[str], float, float, float]] = {
    # kinds, and blank, overlap and outside in m2
    "clean": (GRIDS, [], 0, 0, 0),
    "a blank strip": (
        changed(_010101=(0, 0, 200, 97)),
        ["BLANK"],
        rectangle_m2((0, 97, 200, 100)),
        0,
        0,
    ),
    "an overlap": (
        changed(_010101=(0, 0, 200, 104)),
        ["OVERLAP"],
        0,
        rectangle_m2((0, 100, 200, 104)),
        0,
    ),
    "a leak over the edge": (
        changed(_010201=(200, 0, 407, 100)),
        ["OUTSIDE"],
        0,
        0,
        rectangle_m2((400, 0, 407, 100)),
    ),
    "a unit that is missing": (
        Plan({code: GRIDS.shapes[code] for code in ("010101", "010102", "010202")}),
        ["BLANK"],
        rectangle_m2((200, 0, 400, 100)),
        0,
        0,
    ),
    "a unit in a unit": (
        plan({**GRIDS.shapes, "010109": (50, 50, 60, 60)}),
        ["OVERLAP"],
        0,
        rectangle_m2((50, 50, 60, 60)),
        0,
    ),
    "a unit twice": (
        plan({**GRIDS.shapes, "010109": (0, 0, 200, 100)}),
        ["OVERLAP"],
        0,
        rectangle_m2((0, 0, 200, 100)),
        0,
    ),
    "a unit far away": (
        plan({**GRIDS.shapes, "999999": (900, 900, 950, 950)}),
        ["ORPHAN"],
        0,
        0,
        rectangle_m2((900, 900, 950, 950)),
    ),
    "a strip of 12 mm": (changed(_010101=(0, 0, 200, 100 - 0.012 / 1.1085)), [], 0, 0, 0),
}


@pytest.mark.parametrize("what", FILES)
def test_a_file_within_parents_is_judged_as_its_import_would_be(
    wangge: Wangge, here: Path, tmp_path: Path, what: str
) -> None:
    drawn, kinds, blank, overlap, outside = FILES[what]
    parents = write_geojson(tmp_path / "communities.geojson", COMMUNITIES)
    wangge.publish("district", write_geojson(here, DISTRICT))
    wangge.publish("community", parents)
    file = write_geojson(here, drawn)
    end = 1 if kinds else 0

    checked = wangge.ask("check", file, "--within", parents, exit_code=end)
    made = wangge.draft("grid", file, "--dry-run", exit_code=end)

    same(checked, made["report"])
    assert [f["kind"] for f in checked["findings"]["nodes"]] == kinds
    measured = [checked["blankM2"], checked["overlapM2"], checked["outsideM2"]]
    assert measured == pytest.approx([blank, overlap, outside], rel=1e-4, abs=1e-6)
    assert made["id"] is None
    assert made["status"] is None


def test_a_trial_stores_nothing(wangge: Wangge, stored: Stored, here: Path) -> None:
    wangge.draft("district", write_geojson(here, DISTRICT), "--dry-run")

    assert stored.one("SELECT count(*) FROM draft") == 0
    assert stored.one("SELECT count(*) FROM draft_unit") == 0
    assert stored.newest() == 0


@pytest.mark.parametrize("what", FILES)
def test_a_file_alone_is_judged_against_its_own_outline(
    wangge: Wangge, here: Path, what: str
) -> None:
    drawn, _, _, overlap, _ = FILES[what]
    file = write_geojson(here, drawn)
    union = shapely.union_all(list(drawn.shapes.values()))
    holes = [Polygon(ring) for part in shapely.get_parts(union) for ring in part.interiors]
    kinds = ["OVERLAP"] * (overlap > 0) + ["BLANK"] * len(holes)

    checked = wangge.ask("check", file, exit_code=1 if kinds else 0)
    made = wangge.draft("district", file, "--dry-run", exit_code=1 if kinds else 0)

    same(checked, made["report"])
    assert [f["kind"] for f in checked["findings"]["nodes"]] == kinds
    assert checked["overlapM2"] == pytest.approx(overlap, rel=1e-4, abs=1e-6)


def test_a_hole_of_a_file_alone_is_blank(wangge: Wangge, here: Path) -> None:
    drawn = plan({"a": box(0, 0, 90, 90).difference(box(30, 30, 60, 60)), "b": (90, 0, 120, 90)})

    checked = wangge.ask("check", write_geojson(here, drawn), exit_code=1)

    [blank] = checked["findings"]["nodes"]
    assert (blank["kind"], blank["parent"]) == ("BLANK", None)
    assert [unit["code"] for unit in blank["units"]] == ["a"]
    assert blank["areaM2"] == pytest.approx(rectangle_m2((30, 30, 60, 60)), rel=1e-5)
    land = shapely.from_geojson(str(blank["geometry"]).replace("'", '"'))
    np.testing.assert_allclose(
        land.bounds, [114.0003, 30.0003, 114.0006, 30.0006], rtol=0, atol=1e-9
    )


def test_the_table_names_each_finding_by_its_id(wangge: Wangge, here: Path) -> None:
    drawn = plan({"a": box(0, 0, 90, 90).difference(box(30, 30, 60, 60)), "b": (90, 0, 120, 90)})
    file = write_geojson(here, drawn)
    [blank] = wangge.ask("check", file, exit_code=1)["findings"]["nodes"]

    printed = wangge("check", file).out

    [row] = [line.split() for line in printed.splitlines() if " BLANK " in line]
    assert row[:2] == [blank["id"][:12], "BLANK"]


# --- exact --------------------------------------------------------------------------------------


def test_exact_takes_vertices_as_they_are(wangge: Wangge, here: Path, tmp_path: Path) -> None:
    parents = write_geojson(tmp_path / "communities.geojson", COMMUNITIES)
    # some 5 mm short of the border to the north: closed by an import, blank land as it is
    short = 100 - 0.0045  # on the grid of stored degrees
    file = write_geojson(here, changed(_010101=(0, 0, 200, short)))

    noded = wangge.ask("check", file, "--within", parents)
    exact = wangge.ask("check", file, "--within", parents, "--exact", exit_code=1)

    assert noded["clean"]
    assert {n["code"] for n in noded["notices"]} >= {"MERGED"}
    blank = [f for f in exact["findings"]["nodes"] if f["kind"] == "BLANK"]
    assert sum(f["areaM2"] for f in blank) == pytest.approx(
        rectangle_m2((0, short, 200, 100)), rel=1e-4
    )
    assert blank[0]["widthM"] == pytest.approx(0.00499, rel=1e-2)


def test_exact_says_where_a_node_is_missing_though_no_land_is_wrong(
    wangge: Wangge, here: Path
) -> None:
    # b and c meet in the middle of a's border
    file = write_geojson(
        here, plan({"a": (0, 0, 100, 50), "b": (0, 50, 50, 90), "c": (50, 50, 100, 90)})
    )

    assert wangge.ask("check", file)["clean"]
    exact = wangge.ask("check", file, "--exact", exit_code=1)

    assert {f["kind"] for f in exact["findings"]["nodes"]} == {"MISMATCH"}
    assert exact["blankM2"] == exact["overlapM2"] == 0


# --- addresses ----------------------------------------------------------------------------------


def test_addresses_are_counted_in_a_check_as_in_an_import(
    wangge: Wangge, here: Path, tmp_path: Path
) -> None:
    homes = write_addresses(
        tmp_path / "homes.csv",
        {"in": (50, 50, 3), "blank": (50, 98, 5), "out": (500, 500, 7), "twice": (250, 101, 11)},
    )
    parents = write_geojson(tmp_path / "communities.geojson", COMMUNITIES)
    wangge.publish("district", write_geojson(here, DISTRICT))
    wangge.publish("community", parents)
    wangge.ask("load", "addresses", homes)
    file = write_geojson(here, changed(_010101=(0, 0, 200, 97), _010201=(200, 0, 400, 102)))

    checked = wangge.ask("check", file, "--within", parents, "--addresses", homes, exit_code=1)
    made = wangge.draft("grid", file, "--dry-run", exit_code=1)

    same(checked, made["report"])
    assert checked["households"] == {"total": 26, "covered": 14, "uncovered": 12, "doubled": 11}
    found = {
        (f["kind"], f["parent"] and f["parent"]["code"]): f for f in checked["findings"]["nodes"]
    }
    assert found["HOUSEHOLD_UNCOVERED", "0101"]["addresses"] == ["blank"]
    assert found["HOUSEHOLD_UNCOVERED", None]["addresses"] == ["out"]
    assert found["BLANK", "0101"]["households"] == 5
    assert found["OVERLAP", "0102"]["households"] == 11
    doubled = next(f for f in checked["findings"]["nodes"] if f["kind"] == "HOUSEHOLD_DOUBLED")
    assert doubled["addresses"] == ["twice"]
    assert {u["code"] for u in doubled["units"]} == {"010201", "010202"}


# --- reports ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["report.geojson", "报告.fgb"])
def test_findings_are_written_as_a_map_layer(
    wangge: Wangge, here: Path, tmp_path: Path, name: str
) -> None:
    drawn = plan({**GRIDS.shapes, "010101": (0, 0, 200, 97), "999999": (900, 900, 950, 950)})
    parents = write_geojson(tmp_path / "communities.geojson", COMMUNITIES)
    file = write_geojson(here, drawn)

    checked = wangge.ask(
        "check", file, "--within", parents, "--report", tmp_path / name, exit_code=1
    )

    meta, _, wkb, columns = read(tmp_path / name)
    table = dict(zip(meta["fields"].tolist(), columns, strict=True))
    nodes = {f["id"]: f for f in checked["findings"]["nodes"]}
    assert set(table["id"]) == set(nodes)
    for i, key in enumerate(table["id"]):
        assert table["kind"][i] == nodes[key]["kind"]
        assert table["area_m2"][i] == pytest.approx(nodes[key]["areaM2"], rel=1e-9)
        assert table["units"][i].split() == [unit["code"] for unit in nodes[key]["units"]]
        assert shapely.from_wkb(wkb[i]).geom_type in {"Polygon", "MultiPolygon", "Point"}
    assert meta["crs"] == "EPSG:4326"


@pytest.mark.parametrize("name", ["report.geojson", "report.fgb"])
def test_a_clean_file_makes_an_empty_report(
    wangge: Wangge, here: Path, tmp_path: Path, name: str
) -> None:
    wangge.ask("check", write_geojson(here, GRIDS), "--report", tmp_path / name)

    assert len(read(tmp_path / name)[2]) == 0


# --- the same land in other clothes -------------------------------------------------------------


def test_a_files_format_and_coordinates_change_no_finding(
    wangge: Wangge, here: Path, tmp_path: Path
) -> None:
    drawn = changed(_010101=box(0, 0, 200, 100).difference(box(50, 50, 60, 60)))
    plain = wangge.ask("check", write_geojson(here, drawn), exit_code=1)
    for driver, suffix, crs in (
        ("GPKG", ".gpkg", "EPSG:4490"),
        ("ESRI Shapefile", ".shp", "EPSG:4547"),
        ("FlatGeobuf", ".fgb", "EPSG:3857"),
    ):
        file = write_ogr(tmp_path / f"other{suffix}", drawn, driver, crs=crs)

        other = wangge.ask("check", file, exit_code=1)

        [one], [two] = plain["findings"]["nodes"], other["findings"]["nodes"]
        assert (two["kind"], two["units"]) == (one["kind"], one["units"])
        assert two["areaM2"] == pytest.approx(one["areaM2"], rel=1e-4)


def test_the_towns_faulty_second_year_is_judged_alike_with_and_without_a_database(
    wangge: Wangge,
) -> None:
    wangge.ask("load", "levels", DATA / "levels.toml")
    town, next_year = DATA / "town.gpkg", DATA / "grids_next_year.gpkg"
    for level in ("district", "subdistrict", "community"):
        wangge.publish(level, town, "--layer", level)

    checked = wangge.ask(
        "check", next_year, "--within", town, "--within-layer", "community", exit_code=1
    )
    made = wangge.draft("grid", next_year, "--dry-run", exit_code=1)

    assert len(checked["findings"]["nodes"]) > 10

    def loosely(report: Report) -> Counter[tuple[object, ...]]:
        return Counter(
            (f["kind"], tuple(u["code"] for u in f["units"]), round(f["areaM2"], 1))
            for f in report["findings"]["nodes"]
        )

    assert loosely(checked) == loosely(made["report"])
