"""What cannot be meant is refused in one sentence, with an exit code, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import zipfile
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import shapely
from pyogrio.raw import write

from tests.publishing.drawing import COMMUNITIES, DISTRICT, GRIDS, plan, write_geojson, write_ogr
from tests.publishing.outside import in_process

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.publishing.outside import Answer, Wangge
    from tests.publishing.stored import Stored

pytestmark = pytest.mark.postgis

Json = dict[str, Any]

SQUARE: Json = {
    "type": "Polygon",
    "coordinates": [[[114, 30], [114.01, 30], [114.01, 30.01], [114, 30.01], [114, 30]]],
}
LINE: Json = {"type": "LineString", "coordinates": [[114, 30], [114.01, 30.01]]}


def collection(*features: tuple[Json | None, Json]) -> str:
    """Return GeoJSON of geometries and their properties."""
    return json.dumps(
        {
            "type": "FeatureCollection",
            "features": [
                {"type": "Feature", "properties": properties, "geometry": geometry}
                for geometry, properties in features
            ],
        }
    )


def moved(east: float, north: float) -> Json:
    """Return the square, moved by degrees."""
    ring = [[x + east, y + north] for x, y in SQUARE["coordinates"][0]]
    return {"type": "Polygon", "coordinates": [ring]}


def text(path: Path, content: str) -> Path:
    path.write_text(content, encoding="utf-8")
    return path


def shapefile_without(path: Path, part: str) -> Path:
    write_ogr(path.with_suffix(".shp"), DISTRICT, "ESRI Shapefile")
    path.with_suffix(part).unlink()
    return path.with_suffix(".shp")


def cut_zip(path: Path) -> Path:
    shapefile = write_ogr(path.with_suffix(".shp"), GRIDS, "ESRI Shapefile")
    archive = path.with_suffix(".zip")
    with zipfile.ZipFile(archive, "w") as packed:
        for part in (".shp", ".shx", ".dbf", ".prj"):
            packed.write(shapefile.with_suffix(part), f"grids{part}")
    whole = archive.read_bytes()
    archive.write_bytes(whole[: len(whole) // 2])
    return archive


def cut_geopackage(path: Path) -> Path:
    file = write_ogr(path.with_suffix(".gpkg"), GRIDS, "GPKG")
    file.write_bytes(file.read_bytes()[:40_000])
    return file


def geopackage_with_nan(path: Path) -> Path:
    marked = shapely.to_wkb(shapely.Polygon([(114, 30), (114.01, 77.125), (114.01, 30.01)]))
    spoilt = marked.replace(np.float64(77.125).tobytes(), np.float64("nan").tobytes())
    write(
        path.with_suffix(".gpkg"),
        geometry=np.array([spoilt], object),
        field_data=[np.array(["01"], object)],
        fields=["code"],
        layer="units",
        driver="GPKG",
        geometry_type="Polygon",
        crs="EPSG:4326",
    )
    return path.with_suffix(".gpkg")


def folder(path: Path) -> Path:
    path.mkdir()
    return path


def empty(path: Path) -> Path:
    path.touch()
    return path


# what it is, how it is made, exit code, what the sentence speaks of
Case = tuple["Callable[[Path], Path]", int, str]
REFUSED: dict[str, Case] = {
    "a collection without features": (lambda p: text(p, collection()), 3, "no features"),
    "a file of no bytes": (empty, 3, "empty"),
    "a GeoPackage of no bytes": (lambda p: empty(p.with_suffix(".gpkg")), 3, "empty"),
    "half a GeoPackage": (cut_geopackage, 3, "cannot be read"),
    "half a zip archive": (cut_zip, 3, "zip"),
    "a directory": (folder, 3, "directory"),
    "no file": (lambda p: p, 3, "not there"),
    "lines": (lambda p: text(p, collection((LINE, {"code": "01"}))), 3, "LineString"),
    "no geometry": (lambda p: text(p, collection((None, {"code": "01"}))), 3, "no geometry"),
    "no column of codes": (
        lambda p: text(p, collection((SQUARE, {"foo": 1}))),
        3,
        "--columns code=",
    ),
    "two columns of codes": (
        lambda p: text(p, collection((SQUARE, {"code": "01", "CODE": "02"}))),
        3,
        "2 columns",
    ),
    "not a number among the coordinates": (geopackage_with_nan, 3, "row 1"),
    "NaN in GeoJSON": (
        lambda p: text(p, collection((SQUARE, {"code": "01"})).replace("30.01", "NaN")),
        3,
        "row 1",
    ),
    "latitude 95": (lambda p: text(p, collection((moved(0, 65), {"code": "1"}))), 3, "y 95"),
    "longitude 194": (
        lambda p: text(p, collection((moved(80, 0), {"code": "1"}))),
        3,
        "x 194",
    ),
    "a Shapefile without .shx": (lambda p: shapefile_without(p, ".shx"), 3, ".shx"),
    "a Shapefile without .dbf": (lambda p: shapefile_without(p, ".dbf"), 3, ".dbf"),
    "a web page": (lambda p: text(p, "<html><body>404</body></html>"), 3, "html"),
    "a text": (lambda p: text(p.with_suffix(".gpkg"), "hello"), 3, "format"),
}


def complaint(answer: Answer) -> str:
    """Return the one sentence that a failed command says."""
    lines = answer.err.splitlines()
    told = [line for line in lines if line.startswith("error: ")]
    expected = ("error: ", "choose one: ", "reading ", "checking ")
    others = [line for line in lines if not line.startswith(expected)]
    assert len(told) == 1, answer
    assert others == [], answer
    return told[0]


@pytest.mark.parametrize("what", REFUSED)
def test_a_file_that_cannot_be_meant_is_refused(
    wangge: Wangge, stored: Stored, here: Path, what: str
) -> None:
    make, exit_code, fragment = REFUSED[what]
    file = make(here)

    answer = wangge("import", file, "--level", "district", "--publish")
    failure = wangge("import", file, "--level", "district", "--publish", "--json")
    checked = wangge("check", file)

    assert answer.exit_code == exit_code, answer
    assert answer.out == ""
    assert fragment in complaint(answer)
    assert file.name in complaint(answer)
    assert failure.exit_code == exit_code
    assert failure.json()["error"]["code"] == {2: "BAD_INPUT", 3: "UNREADABLE"}[exit_code]
    assert f"error: {failure.json()['error']['message']}" == complaint(answer)
    assert "error" not in failure.err
    if "column" not in what:  # a check needs no codes
        assert checked.exit_code == exit_code
    assert stored.one("SELECT count(*) FROM draft") == 0
    assert stored.newest() == 0


def test_a_code_that_no_index_can_hold_is_no_failure_of_the_program(
    wangge: Wangge, stored: Stored, here: Path
) -> None:
    book = "".join(chr(0x4E00 + 7919 * i % 20_000) for i in range(20_000))

    answer = wangge(
        "import", text(here, collection((SQUARE, {"code": book}))), "--level", "district"
    )

    assert answer.exit_code in {1, 2, 3}, answer.err
    assert stored.faults() == {}


# what it is, how it is made, the kinds that are found
FOUND: dict[str, tuple[Callable[[Path], Path], list[str]]] = {
    "a code twice": (
        lambda p: text(p, collection((SQUARE, {"code": "01"}), (moved(0.01, 0), {"code": "01"}))),
        ["DUPLICATE_CODE"],
    ),
    "a row without a code": (
        lambda p: text(p, collection((SQUARE, {"code": "01"}), (moved(0.01, 0), {"code": ""}))),
        ["MISSING_CODE"],
    ),
    "a line among polygons": (
        lambda p: text(p, collection((SQUARE, {"code": "01"}), (LINE, {"code": "02"}))),
        ["WRONG_TYPE"],
    ),
    "a row without a geometry": (
        lambda p: text(p, collection((SQUARE, {"code": "01"}), (None, {"code": "02"}))),
        ["NO_GEOMETRY"],
    ),
    "a collection of a polygon and a line alone": (
        lambda p: text(
            p,
            collection(
                ({"type": "GeometryCollection", "geometries": [SQUARE, LINE]}, {"code": "1"})
            ),
        ),
        ["WRONG_TYPE"],
    ),
    "a ring there and back alone": (
        lambda p: text(
            p,
            collection(
                (
                    {
                        "type": "Polygon",
                        "coordinates": [[[114, 30], [114.1, 30], [114, 30], [114, 30]]],
                    },
                    {"code": "1"},
                )
            ),
        ),
        ["INVALID_RING"],
    ),
    "a square of a millimetre alone": (
        lambda p: write_geojson(p, plan({"01": (0, 0, 0.001, 0.001)})),
        ["INVALID_RING"],
    ),
    "a bow-tie": (
        lambda p: write_geojson(
            p, plan({"01": shapely.Polygon([(0, 0), (90, 90), (90, 0), (0, 90)])})
        ),
        ["INVALID_RING"],
    ),
}


@pytest.mark.parametrize("what", FOUND)
def test_what_is_wrong_with_single_units_is_found_and_never_published(
    wangge: Wangge, stored: Stored, here: Path, what: str
) -> None:
    make, kinds = FOUND[what]
    file = make(here)

    checked = wangge.ask("check", file, exit_code=1)
    made = wangge.draft("district", file, "--publish", exit_code=1)

    assert made["status"] == "OPEN"
    for report in (made["report"], checked):
        assert not report["clean"]
        assert [f["kind"] for f in report["findings"]["nodes"]] == kinds
    assert wangge.failure("draft", "publish", made["id"], exit_code=5)["code"] == "NOT_CLEAN"
    assert stored.newest() == 0
    assert stored.faults() == {}


WRONG_USE: dict[str, tuple[list[str], str, str]] = {
    "an unknown level": (["--level", "nope"], "UNKNOWN", "nope"),
    "a level whose parents are not published": (["--level", "grid"], "BAD_INPUT", "community"),
    "an unknown ground": (["--level", "community", "--within", "7"], "UNKNOWN", "7"),
    "the topmost level within something": (
        ["--level", "district", "--within", "01"],
        "UNKNOWN",
        "01",
    ),
    "a ground of the level itself": (
        ["--level", "community", "--within", "community:0101"],
        "UNKNOWN",
        "community:0101",
    ),
    "an unknown draft beside it": (["--level", "community", "--with", "7"], "UNKNOWN", "7"),
    "a column that is not there": (
        ["--level", "community", "--columns", "code=zzz"],
        "BAD_INPUT",
        "zzz",
    ),
    "a meaning that is none": (
        ["--level", "community", "--columns", "kode=code"],
        "BAD_INPUT",
        "kode",
    ),
    "an unknown layer": (["--level", "community", "--layer", "zzz"], "BAD_INPUT", "zzz"),
    "an unknown coordinate system": (
        ["--level", "community", "--crs", "EPSG:99999"],
        "BAD_INPUT",
        "99999",
    ),
    "a report into no folder": (
        ["--level", "community", "--report", "/nope/report.gpkg"],
        "BAD_INPUT",
        "/nope",
    ),
    "a trial that is to be published": (
        ["--level", "community", "--dry-run", "--publish"],
        "BAD_INPUT",
        "--publish",
    ),
}


@pytest.mark.parametrize("what", WRONG_USE)
def test_wrong_use_is_refused_before_anything_is_stored(
    wangge: Wangge, stored: Stored, here: Path, what: str
) -> None:
    wangge.publish("district", write_geojson(here, DISTRICT))
    options, code, fragment = WRONG_USE[what]
    file = write_geojson(here, COMMUNITIES)

    answer = wangge("import", file, *options)
    failure = wangge("import", file, *options, "--json")

    assert (answer.exit_code, failure.exit_code) == (2, 2), answer
    assert "Traceback" not in answer.err
    assert fragment in answer.err
    assert failure.json()["error"]["code"] == code
    assert stored.one("SELECT count(*) FROM draft WHERE status = 'OPEN'") == 0
    assert stored.newest() == 1


@pytest.mark.parametrize("command", ["publish", "recheck", "show", "discard"])
def test_a_draft_that_is_not_there_is_unknown(wangge: Wangge, command: str) -> None:
    failure = wangge.failure("draft", command, "7", exit_code=2)
    beyond = wangge("draft", command, "99999999999999999999")

    assert failure["code"] == "UNKNOWN"
    assert "7" in failure["message"]
    assert beyond.exit_code == 2, beyond
    assert beyond.out == ""


@contextmanager
def without_rights() -> Iterator[None]:
    """Be nobody for a while where root runs the tests, since root may read everything."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.parametrize("command", [("check",), ("import", "--level", "district")])
def test_a_file_that_may_not_be_read_is_refused(
    wangge: Wangge, scratch: Path, command: tuple[str, ...]
) -> None:
    file = write_geojson(scratch / "mine.geojson", DISTRICT)
    file.chmod(0o000)

    with without_rights():
        answer = wangge(command[0], file, *command[1:])

    assert answer.exit_code == 3, answer
    assert "mine.geojson" in complaint(answer)


def test_the_program_itself_ends_with_these_codes(here: Path, tmp_path: Path) -> None:
    """Without a server: a process of its own, as scripts run it."""
    twice = collection((SQUARE, {"code": "01"}), (SQUARE, {"code": "02"}))
    findings = in_process("check", text(here, twice))
    unreadable = in_process("check", tmp_path, "--json")
    no_database = in_process(
        "import", here, "--level", "district", url="postgresql://127.0.0.1:1/nowhere"
    )

    assert (findings.exit_code, unreadable.exit_code, no_database.exit_code) == (1, 3, 4)
    assert "no overlap" in findings.out
    assert json.loads(unreadable.out)["error"]["code"] == "UNREADABLE"
    assert no_database.err.splitlines()[-1].startswith("error: ")
    assert "Traceback" not in findings.err + unreadable.err + no_database.err
