"""``wangge repair`` writes a mended copy that proves when it is read again, and says what moved."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import shapely
from pyogrio.raw import read

from geo.check import check
from geo.findings import Kind
from geo.levels import LevelSpec, Tiling
from geo.world import World
from resolvers.checking import sent_file
from resolvers.repairing import repair_checked
from sources.boundaries import read_boundaries
from tests.publishing.drawing import (
    COMMUNITIES,
    GRIDS,
    Plan,
    plan,
    point,
    rectangle_m2,
    write_addresses,
    write_geojson,
    write_ogr,
)
from tests.publishing.outside import Wangge

if TYPE_CHECKING:
    from pathlib import Path

NOTES = {"010101": "南", "010102": "北", "010201": "=1+1", "010202": None}
PEOPLE = {"010101": 12, "010102": 7, "010201": 0, "010202": 3}
STRIP, DOUBLED, LEAK = (0, 99.5, 200, 100), (200, 100, 400, 100.4), (200, 120, 200.6, 200)
FAULTY = plan(
    {
        **GRIDS.shapes,
        "010101": (0, 0, 200, 99.5),  # a strip without a unit
        "010201": (200, 0, 400, 100.4),  # a strip that 010202 has, too
        # leaves its community for the other one
        "010102": shapely.union_all([shapely.box(0, 100, 200, 200), shapely.box(*LEAK)]),
    },
    others={"note": NOTES, "floors": PEOPLE},
)
MOVED_M2 = sum(rectangle_m2(box) for box in (STRIP, DOUBLED, LEAK))


@pytest.fixture
def wangge() -> Wangge:
    """Give the program; files need no database, and an address that leads nowhere shows it."""
    return Wangge("postgresql://nobody@127.0.0.1:1/nothing")


@pytest.fixture
def parents(tmp_path: Path) -> Path:
    return write_geojson(tmp_path / "communities.geojson", COMMUNITIES)


def table_of(path: Path) -> dict[str, list[Any]]:
    """Return a file's columns by name."""
    meta, _, _, columns = read(path)
    names = meta["fields"].tolist()
    return {name: values.tolist() for name, values in zip(names, columns, strict=True)}


def test_a_mended_copy_is_clean_and_the_list_says_what_moved(
    wangge: Wangge, here: Path, parents: Path, tmp_path: Path
) -> None:
    file, out = write_geojson(here, FAULTY), tmp_path / "mended.geojson"
    before = file.read_bytes()

    told = wangge.ask("repair", file, "--within", parents, "-o", out)

    assert told["before"]["clean"] is False
    assert told["after"]["clean"] is True
    assert told["left"] == []
    moves = {(tuple(m["from"]), m["to"]): m["areaM2"] for m in told["moves"]}
    assert moves == {
        ((), "010101"): pytest.approx(rectangle_m2(STRIP), rel=1e-4),
        (("010202",), "010201"): pytest.approx(rectangle_m2(DOUBLED), rel=1e-4),
        (("010102",), "010202"): pytest.approx(rectangle_m2(LEAK), rel=1e-4),
    }
    assert told["movedM2"] == pytest.approx(MOVED_M2, rel=1e-4)
    assert wangge.ask("check", out, "--within", parents)["clean"] is True
    assert file.read_bytes() == before


@pytest.mark.parametrize(
    ("driver", "suffix", "crs"),
    [
        ("GeoJSON", ".geojson", "EPSG:4326"),
        ("GPKG", ".gpkg", "EPSG:4326"),
        ("GPKG", ".gpkg", "EPSG:4547"),
        ("GPKG", ".gpkg", "EPSG:4490"),
        ("ESRI Shapefile", ".shp", "EPSG:4326"),
        ("ESRI Shapefile", ".shp", "EPSG:4547"),
        ("FlatGeobuf", ".fgb", "EPSG:4547"),
    ],
)
def test_a_mended_copy_proves_again_in_its_own_format_and_coordinates(
    wangge: Wangge, tmp_path: Path, driver: str, suffix: str, crs: str
) -> None:
    file = write_ogr(tmp_path / f"grids{suffix}", FAULTY, driver, crs=crs)
    above = write_ogr(tmp_path / f"communities{suffix}", COMMUNITIES, driver, crs=crs)
    out, within_out = tmp_path / f"mended{suffix}", tmp_path / f"noded{suffix}"

    told = wangge.ask("repair", file, "--within", above, "-o", out, "--within-out", within_out)

    assert told["after"]["clean"] is True
    assert wangge.ask("check", out, "--within", above)["clean"] is True
    exact = wangge.ask("check", out, "--within", within_out, "--exact")
    assert exact["clean"] is True
    assert exact["provenParents"] == exact["parents"] == 2
    assert read(out)[0]["crs"] == crs
    assert table_of(out) == table_of(file), "rows and columns stay as they are"


def test_units_that_were_not_touched_keep_their_bytes(wangge: Wangge, tmp_path: Path) -> None:
    # a strip between b and e; a's corners are corners of all around it
    drawn = plan({"a": (0, 0, 100, 100), "b": (100, 0, 200, 100), "d": (0, 100, 100, 200)})
    drawn = plan({**drawn.shapes, "e": (100, 100.5, 200, 200)})
    file = write_ogr(tmp_path / "in.gpkg", drawn, "GPKG", crs="EPSG:4547")
    above = write_geojson(tmp_path / "above.geojson", plan({"P": (0, 0, 200, 200)}))

    told = wangge.ask("repair", file, "--within", above, "-o", tmp_path / "out.gpkg")

    assert len(told["moves"]) == 1
    before, after = (
        [shapely.get_coordinates(shapely.from_wkb(wkb)).tobytes() for wkb in read(path)[2]]
        for path in (file, tmp_path / "out.gpkg")
    )
    others = sum(one != two for one, two in zip(before, after, strict=True))
    assert after[0] == before[0]
    assert others == told["changedFeatures"] < len(before)


def test_wide_land_stays_and_is_listed_with_the_reason(
    wangge: Wangge, here: Path, parents: Path, tmp_path: Path
) -> None:
    lake = plan({**FAULTY.shapes, "010102": (0, 110, 200, 200)})  # a strip of 10.5 steps
    file, out = write_geojson(here, lake), tmp_path / "mended.geojson"

    told = wangge.ask("repair", file, "--within", parents, "-o", out, exit_code=1)

    assert [left["reason"] for left in told["left"]] == ["TOO_WIDE"]
    [stays] = told["after"]["findings"]["nodes"]
    assert stays["kind"] == "BLANK"
    assert stays["id"] == told["left"][0]["finding"]
    assert [(m["from"], m["to"]) for m in told["moves"]] == [(["010202"], "010201")]
    wide = wangge.ask("repair", file, "--within", parents, "-o", out, "--max-move", 20)
    assert wide["after"]["clean"] is True


def test_only_the_named_finding_is_mended(
    wangge: Wangge, here: Path, parents: Path, tmp_path: Path
) -> None:
    file, out = write_geojson(here, FAULTY), tmp_path / "mended.geojson"
    nodes = wangge.ask("check", file, "--within", parents, exit_code=1)["findings"]["nodes"]
    [blank] = [node["id"] for node in nodes if node["kind"] == "BLANK"]

    told = wangge.ask("repair", file, "--within", parents, "-o", out, "--only", blank, exit_code=1)

    assert [move["finding"] for move in told["moves"]] == [blank]
    assert {left["reason"] for left in told["left"]} == {"NOT_ASKED"}
    short = [*("repair", file, "--within", parents, "-o", out, "--only"), blank[:8]]
    assert wangge.ask(*short, exit_code=1)["moves"] == told["moves"]


@pytest.mark.parametrize("named", ["0" * 32, "00000000", "", "deadbeef"])
def test_a_finding_that_is_not_there_is_refused_and_nothing_is_written(
    wangge: Wangge, here: Path, parents: Path, tmp_path: Path, named: str
) -> None:
    file, out = write_geojson(here, FAULTY), tmp_path / "mended.geojson"

    told = wangge.ask("repair", file, "--within", parents, "-o", out, "--only", named, exit_code=2)

    assert told["error"]["code"] == "UNKNOWN"
    assert not out.exists()


def test_the_list_of_moves_counts_households_and_is_written_as_a_table_and_as_a_map(
    wangge: Wangge, here: Path, parents: Path, tmp_path: Path
) -> None:
    file = write_geojson(here, FAULTY)
    homes = write_addresses(
        tmp_path / "homes.csv", {"strip": (50, 99.7, 3), "leak": (200.3, 150, 5), "in": (9, 9, 7)}
    )
    command = ["repair", file, "--within", parents, "--addresses", homes]
    command += ["-o", tmp_path / "mended.geojson", "--moves"]

    told = wangge.ask(*command, tmp_path / "moves.csv")
    assert wangge.ask(*command, tmp_path / "moves.geojson") == told

    moved = {tuple(m["from"]): m["households"] for m in told["moves"]}
    assert moved == {(): 3, ("010202",): 0, ("010102",): 5}
    with (tmp_path / "moves.csv").open(encoding="utf-8-sig", newline="") as text:
        rows = list(csv.DictReader(text))
    assert [float(row["area_m2"]) for row in rows] == [m["areaM2"] for m in told["moves"]]
    assert [row["from"].split() for row in rows] == [m["from"] for m in told["moves"]]
    features = json.loads((tmp_path / "moves.geojson").read_text(encoding="utf-8"))["features"]
    assert [f["properties"]["households"] for f in features] == [
        m["households"] for m in told["moves"]
    ]
    lon, lat = point(200.3, 150)
    leak = next(f for f in features if f["properties"]["from"] == "010102")
    assert shapely.from_geojson(json.dumps(leak["geometry"])).contains(shapely.Point(lon, lat))


def test_people_are_told_in_tables(
    wangge: Wangge, here: Path, parents: Path, tmp_path: Path
) -> None:
    file, out = write_geojson(here, FAULTY), tmp_path / "mended.geojson"

    answer = wangge("repair", file, "--within", parents, "-o", out)

    assert answer.exit_code == 0
    for words in ("3 move(s)", "nobody", "m2 moved", "2 of 2 parents proven", "--within-out"):
        assert words in answer.out, words


def test_a_clean_file_is_copied_with_nothing_moved(
    wangge: Wangge, here: Path, parents: Path, tmp_path: Path
) -> None:
    out = tmp_path / "mended.geojson"

    told = wangge.ask("repair", write_geojson(here, GRIDS), "--within", parents, "-o", out)

    assert told["moves"] == told["left"] == []
    assert told["movedM2"] == 0
    again = wangge.ask("repair", out, "-o", tmp_path / "twice.geojson", "--within", parents)
    assert again["changedFeatures"] == 0
    assert table_of(tmp_path / "twice.geojson") == table_of(out)


def test_a_file_alone_is_mended_on_its_own_outline(
    wangge: Wangge, here: Path, tmp_path: Path
) -> None:
    drawn = plan({"a": (0, 0, 100, 50), "b": (0, 50.5, 100, 90), "rim": (100, 0, 110, 90)})
    drawn = plan({**drawn.shapes, "rim2": (-10, 0, 0, 90)})
    out = tmp_path / "mended.geojson"

    told = wangge.ask("repair", write_geojson(here, drawn), "-o", out)

    assert [m["from"] for m in told["moves"]] == [[]]
    assert wangge.ask("check", out, "--exact")["clean"] is True


def test_rows_that_are_no_units_stay_as_they_are(
    wangge: Wangge, here: Path, parents: Path, tmp_path: Path
) -> None:
    file = write_geojson(here, FAULTY)
    document = json.loads(file.read_text(encoding="utf-8"))
    line = {"type": "LineString", "coordinates": [point(0, 0), point(9, 9)]}
    document["features"].insert(
        1, {"type": "Feature", "properties": {"code": "line"}, "geometry": line}
    )
    document["features"].append(
        {"type": "Feature", "properties": {"code": "none"}, "geometry": None}
    )
    file.write_text(json.dumps(document), encoding="utf-8")
    out = tmp_path / "mended.geojson"

    told = wangge.ask("repair", file, "--within", parents, "-o", out, exit_code=1)

    assert {left["reason"] for left in told["left"]} == {"NO_LAND"}
    assert len(told["moves"]) == 3
    written = json.loads(out.read_text(encoding="utf-8"))["features"]
    assert [f["properties"]["code"] for f in written] == [
        f["properties"]["code"] for f in document["features"]
    ]
    assert written[1]["geometry"]["coordinates"] == [list(point(0, 0)), list(point(9, 9))]
    assert written[-1]["geometry"] is None


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("-o", "sent.geojson"), "is read"),
        (("-o", "communities.geojson"), "is read"),
        (("-o", "out.geojson", "--within-out", "out.geojson"), "two results"),
        (("-o", "out.geojson", "--moves", "out.geojson"), "two results"),
        (("-o", "out.xyz"), "format"),
        (("-o", "nowhere/out.gpkg"), "folder"),
        (("-o", "out.gpkg", "--moves", "nowhere/moves.csv"), "folder"),
        (("-o", "out.gpkg", "--max-move", "-1"), "width"),
        (("-o", "out.gpkg", "--max-move", "nan"), "width"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_written(
    wangge: Wangge,
    here: Path,
    parents: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: tuple[str, ...],
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    file = write_geojson(here, FAULTY)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    error = wangge.failure("repair", file, "--within", parents, *options, exit_code=2)

    assert error["code"] == "BAD_INPUT"
    assert said in error["message"]
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_copy_of_the_parents_needs_parents(wangge: Wangge, here: Path, tmp_path: Path) -> None:
    file = write_geojson(here, FAULTY)

    error = wangge.failure(
        *("repair", file, "-o", tmp_path / "out.gpkg"),
        *("--within-out", tmp_path / "noded.gpkg"),
        exit_code=2,
    )

    assert "--within" in error["message"]
    assert not (tmp_path / "out.gpkg").exists()


# --- what drafts are built on ---------------------------------------------------------------------

LEVELS = (
    LevelSpec("community", "", None, Tiling.TILES, 0),
    LevelSpec("grid", "", "community", Tiling.TILES, 1),
)


def test_mended_rows_are_proven_by_a_normal_check_on_the_same_world(
    here: Path, parents: Path
) -> None:
    empty = World(levels=LEVELS, units={})
    world = check(sent_file(read_boundaries(parents)), "community", empty).world
    sent = sent_file(read_boundaries(write_geojson(here, changed_by_a_lake())))
    first = check(sent, "grid", world)

    rows = repair_checked(sent, first, "grid", None)
    second = check(rows.sent, "grid", world)

    assert [f.kind for f in second.report.findings] == [Kind.BLANK], "the lake"
    assert second.report.proven_parents == 1
    assert rows.sent.crs == "EPSG:4326"
    assert list(rows.sent.codes) == list(sent.codes)
    moved = {code for m in rows.moved for code in (*m.move.givers, m.move.taker)}
    for code, one, two in zip(sent.codes, first.geoms, second.geoms, strict=True):
        if code not in moved:
            assert shapely.equals_identical(one, two), code
    assert np.isclose(rows.moved_m2, rectangle_m2(STRIP), rtol=1e-2)


def changed_by_a_lake() -> Plan:
    lake = shapely.box(250, 20, 300, 80)
    return plan(
        {
            **GRIDS.shapes,
            "010101": (0, 0, 200, 99.5),
            "010201": shapely.box(200, 0, 400, 100).difference(lake),
        }
    )
