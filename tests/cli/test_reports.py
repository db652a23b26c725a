"""Reports as files: a layer a kind for map programs, and a page to read."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import numpy as np
import pyogrio
import pytest
import shapely

from fixtures.__main__ import DATA
from tests.publishing.drawing import (
    COMMUNITIES,
    GRIDS,
    Plan,
    plan,
    rectangle_m2,
    write_addresses,
    write_geojson,
)
from tests.publishing.outside import Wangge
from tests.reported import page_data, table

if TYPE_CHECKING:
    from pathlib import Path

FAULTY: Plan = plan(
    {
        "010101": (0, 0, 200, 97),  # a blank strip of three steps
        "010102": (0, 100, 200, 200),
        "010201": (200, 0, 400, 104),  # an overlap of four
        "010202": (200, 100, 400, 200),
        "999999": (900, 900, 950, 950),  # far away
    }
)


@pytest.fixture
def alone() -> Wangge:
    """Give the program without a database."""
    return Wangge("")


@pytest.fixture
def parents(tmp_path: Path) -> Path:
    """Give the communities' file."""
    return write_geojson(tmp_path / "communities.geojson", COMMUNITIES)


# -- GeoPackage -----------------------------------------------------------------------------------


def test_a_geopackage_has_a_layer_for_each_kind_and_a_summary(
    alone: Wangge, here: Path, parents: Path, tmp_path: Path
) -> None:
    out = tmp_path / "报告.gpkg"
    homes = write_addresses(
        tmp_path / "homes.csv", {"in": (50, 50, 3), "blank": (50, 98, 5), "out": (500, 500, 7)}
    )
    file = write_geojson(here, FAULTY)

    checked = alone.ask(
        "check", file, "--within", parents, "--addresses", homes,
        "--report", out, "--lang", "zh", exit_code=1,
    )  # fmt: skip

    layers = {str(name): kind for name, kind in pyogrio.list_layers(out)}
    kinds = {f["kind"] for f in checked["findings"]["nodes"]}
    assert set(layers) == kinds | {"summary"}
    assert {name: layers[name] for name in ("BLANK", "OVERLAP", "summary")} == {
        "BLANK": "MultiPolygon",
        "OVERLAP": "MultiPolygon",
        "summary": None,
    }
    assert layers["HOUSEHOLD_UNCOVERED"] == "MultiPoint"

    geoms, columns, meta = table(out, "BLANK")
    [node] = [f for f in checked["findings"]["nodes"] if f["kind"] == "BLANK"]
    assert meta["crs"] == "EPSG:4326"
    assert columns["id"] == [node["id"]]
    assert columns["rule"] == ["NO_BLANK"]
    assert columns["severity"] == ["BLOCKING"]
    assert columns["area_m2"] == pytest.approx([rectangle_m2((0, 97, 200, 100))], rel=1e-5)
    assert columns["households"] == [5]
    assert columns["parent"] == ["0101"]
    assert columns["pieces"] == [1]
    assert columns["waived"] == [False]
    assert {"message", "width_m", "units", "borders", "kind"} <= columns.keys()
    np.testing.assert_allclose(
        geoms[0].bounds, [114.0, 30.00097, 114.002, 30.001], rtol=0, atol=1e-9
    )

    _, summary, _ = table(out, "summary")
    assert summary["clause"] == ["CLEAR_BOUNDARIES", "NO_BLANK", "NO_OVERLAP", "EVERY_HOUSEHOLD"]
    assert summary["holds"] == [False, False, False, False]
    assert summary["findings"] == [c["findingCount"] for c in checked["clauses"]]
    assert summary["name"] == ["边界清晰", "无空白", "无重叠", "每户归属唯一"]
    assert summary["says"][1].startswith("有 1 处土地不属于任何单元，合计")


def test_each_layer_has_an_extent_and_an_index_as_map_programs_want_it(
    alone: Wangge, here: Path, parents: Path, tmp_path: Path
) -> None:
    out = tmp_path / "report.gpkg"
    alone.ask(
        "check", write_geojson(here, FAULTY), "--within", parents, "--report", out, exit_code=1
    )

    with closing(sqlite3.connect(out)) as database:
        contents = database.execute(
            "SELECT table_name, data_type, min_x, max_y, srs_id FROM gpkg_contents"
        ).fetchall()
        types = dict(
            database.execute("SELECT table_name, geometry_type_name FROM gpkg_geometry_columns")
        )
        indexed = {
            name
            for (name,) in database.execute(
                "SELECT table_name FROM gpkg_extensions WHERE extension_name = 'gpkg_rtree_index'"
            )
        }
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    for name, data_type, west, north, srs in contents:
        if name == "summary":
            assert data_type == "attributes"
            continue
        assert (data_type, srs) == ("features", 4326)
        assert 114 <= west < 114.01
        assert 30 < north <= 30.01
        assert types[name].startswith("MULTI")
        assert name in indexed


def test_findings_without_a_place_stand_in_a_table(
    alone: Wangge, here: Path, tmp_path: Path
) -> None:
    out = tmp_path / "report.gpkg"
    here.write_text(
        json.dumps(
            {
                "type": "FeatureCollection",
                "features": [
                    {
                        "type": "Feature",
                        "properties": {"code": code},
                        "geometry": json.loads(shapely.to_geojson(box)) if box else None,
                    }
                    for code, box in [("1", shapely.box(114, 30, 114.01, 30.01)), ("2", None)]
                ],
            }
        ),
        encoding="utf-8",
    )

    alone.ask("check", here, "--report", out, exit_code=1)

    geoms, columns, meta = table(out, "NO_GEOMETRY")
    assert meta["geometry_type"] is None
    assert geoms == []
    assert columns["units"] == ["2"]
    assert columns["rows"] == ["2"]


def test_the_towns_faulty_second_year_is_whole_in_a_geopackage(
    alone: Wangge, tmp_path: Path
) -> None:
    out = tmp_path / "town.gpkg"
    within = ("--within", DATA / "town.gpkg", "--within-layer", "community")

    checked = alone.ask(
        "check", DATA / "grids_next_year.gpkg", *within, "--report", out, exit_code=1
    )

    found = []
    for name, kind in pyogrio.list_layers(out):
        if name == "summary":
            continue
        geoms, columns, _ = table(out, str(name))
        assert {g.geom_type for g in geoms if g is not None} <= {kind}
        found += list(zip(columns["id"], columns["kind"], columns["area_m2"], strict=True))
    nodes = [(f["id"], f["kind"], f["areaM2"]) for f in checked["findings"]["nodes"]]
    assert len(nodes) > 20
    assert sorted(found) == sorted(nodes)


def test_a_clean_file_has_a_summary_alone(alone: Wangge, here: Path, tmp_path: Path) -> None:
    out = tmp_path / "report.gpkg"
    alone.ask("check", write_geojson(here, GRIDS), "--report", out)

    assert [str(name) for name, _ in pyogrio.list_layers(out)] == ["summary"]
    assert table(out, "summary")[1]["holds"] == [True] * 4


# -- pages ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("env", "option", "heading"),
    [
        ("en_GB.UTF-8", (), "Boundary check"),
        ("zh_CN.UTF-8", (), "边界检查报告"),
        ("zh_CN.UTF-8", ("--lang", "en"), "Boundary check"),
        ("C", ("--lang", "ZH"), "边界检查报告"),
    ],
)
def test_the_page_speaks_the_language_that_is_asked_for(
    alone: Wangge,
    here: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    env: str,
    option: tuple[str, ...],
    heading: str,
) -> None:
    monkeypatch.setenv("LC_ALL", env)
    out = tmp_path / "report.html"

    alone.ask("check", write_geojson(here, FAULTY), "--report", out, *option, exit_code=1)

    text = out.read_text(encoding="utf-8")
    assert heading in text
    assert f'<html lang="{"en" if heading.isascii() else "zh-CN"}">' in text


def test_the_page_and_the_command_tell_the_same(
    alone: Wangge, here: Path, parents: Path, tmp_path: Path
) -> None:
    out = tmp_path / "report.html"

    checked = alone.ask(
        "check", write_geojson(here, FAULTY), "--within", parents, "--report", out, exit_code=1
    )

    rows = page_data(out)["rows"]
    nodes = checked["findings"]["nodes"]
    assert [row[0] for row in rows] == [f["kind"] for f in nodes]
    assert [row[3] for row in rows] == [[u["code"] for u in f["units"]] for f in nodes]
    assert [row[5] for row in rows] == pytest.approx([f["areaM2"] for f in nodes], abs=1e-6)
    assert page_data(out)["map"]["units"]["codes"] == list(FAULTY.shapes)
    assert page_data(out)["map"]["units"]["dimensions"] == "2" * 5
    assert "communities.geojson" in out.read_text(encoding="utf-8")


def test_an_unknown_language_is_refused(alone: Wangge, here: Path, tmp_path: Path) -> None:
    file = write_geojson(here, GRIDS)

    answer = alone("check", file, "--report", tmp_path / "r.html", "--lang", "fr")

    assert answer.exit_code == 2
    assert not (tmp_path / "r.html").exists()


@pytest.mark.parametrize("command", [("check",), ("import", "--level", "grid")])
def test_a_target_is_refused_before_the_work(
    alone: Wangge, tmp_path: Path, command: tuple[str, ...]
) -> None:
    # the file to read is not there: that would be the next complaint
    name, *options = command
    for target, said in (
        ("report.pdf", "names no kind of report; end the name in one of .html, .geojson"),
        ("nowhere/report.html", "make it first"),
    ):
        error = alone.failure(
            name, tmp_path / "absent.gpkg", *options, "--report", tmp_path / target, exit_code=2
        )
        assert said in error["message"]


def test_a_file_that_cannot_be_read_leaves_an_older_report_alone(
    alone: Wangge, here: Path, tmp_path: Path
) -> None:
    out = tmp_path / "report.html"
    out.write_text("as before", encoding="utf-8")
    here.write_text("no map", encoding="utf-8")

    alone.failure("check", here, "--report", out, exit_code=3)

    assert out.read_text(encoding="utf-8") == "as before"
