"""Reading boundary files: every format, every label that lies, every file that is none."""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import stat
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pytest
import shapely
from shapely.geometry.base import BaseGeometry

from geo.crs import Datum
from geo.errors import BadInputError, UnreadableError
from sources import archives
from sources.boundaries import Columns, parse_columns, read_boundaries

# Two cells side by side, 1 west of 2:
#
#   +---+---+ 38.41
#   | 1 | 2 |
#   +---+---+ 38.40
# 104.90 104.92
WEST = shapely.box(104.90, 38.40, 104.91, 38.41)
EAST = shapely.box(104.91, 38.40, 104.92, 38.41)
CODES = ["0101", "0102"]
NAMES = ["第一网格", "第二网格"]

Json = dict[str, Any]  # hand-made GeoJSON, of any shape


def feature(geometry: BaseGeometry | Json | None, **properties: object) -> Json:
    shape = shapely.geometry.mapping(geometry) if isinstance(geometry, BaseGeometry) else geometry
    return {"type": "Feature", "properties": properties, "geometry": shape}


def collection(*features: Json, **members: object) -> str:
    return json.dumps(
        {"type": "FeatureCollection", **members, "features": list(features)}, ensure_ascii=False
    )


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def ring(*points: tuple[float, float]) -> Json:
    return {"type": "Polygon", "coordinates": [[list(point) for point in points]]}


def save(
    path: Path,
    columns: Mapping[str, Sequence[object]],
    geoms: Sequence[BaseGeometry | None] = (WEST, EAST),
    **options: object,
) -> Path:
    """Write a file with GDAL itself."""
    data = []
    for values in columns.values():
        array = np.empty(len(values), dtype=object)
        array[:] = list(values)
        data.append(array if isinstance(values[0], str | None) else np.array(values))
    arguments: Json = {"crs": "EPSG:4326", "geometry_type": "Polygon", "encoding": "UTF-8"}
    if path.suffix == ".kml":
        arguments["driver"] = "KML"
    arguments |= options
    wkb = shapely.to_wkb(np.array(geoms, dtype=object))
    pyogrio.raw.write(path, wkb, data, np.array(list(columns), dtype=object), **arguments)
    return path


def dbf(fields: Sequence[tuple[bytes, int]], records: Sequence[Sequence[bytes]]) -> bytes:
    """Make a dBASE III table of text columns, byte by byte, with language byte 0."""
    width = 1 + sum(size for _, size in fields)
    head = struct.pack("<BBBBIHH20x", 3, 126, 1, 1, len(records), 33 + 32 * len(fields), width)
    described = b"".join(struct.pack("<11sc4xB15x", name[:10], b"C", size) for name, size in fields)
    rows = b"".join(
        b" "
        + b"".join(cell[:size].ljust(size) for cell, (_, size) in zip(row, fields, strict=True))
        for row in records
    )
    return head + described + b"\r" + rows + b"\x1a"


def shapefile(
    folder: Path,
    fields: Sequence[tuple[bytes, int]],
    records: Sequence[Sequence[bytes]],
    *,
    cpg: str | None = None,
    stem: str = "grids",
) -> Path:
    """Write a Shapefile whose table holds exactly these bytes."""
    path = save(folder / f"{stem}.shp", {"code": CODES})
    path.with_suffix(".dbf").write_bytes(dbf(fields, records))
    path.with_suffix(".cpg").unlink()
    if cpg is not None:
        path.with_suffix(".cpg").write_text(cpg, encoding="ascii")
    return path


# --- formats ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "driver"),
    [
        ("grids.geojson", "GeoJSON"),
        ("grids.geojsonl", "GeoJSONSeq"),
        ("grids.gpkg", "GPKG"),
        ("grids.fgb", "FlatGeobuf"),
        ("grids.shp", "ESRI Shapefile"),
        ("grids.gml", "GML"),
        ("grids.kml", "KML"),
    ],
)
def test_what_gdal_writes_is_read(tmp_path: Path, name: str, driver: str) -> None:
    path = save(tmp_path / name, {"code": CODES, "name": NAMES, "floors": [3, 4]})

    found = read_boundaries(path)

    order = np.argsort(np.array(found.codes, dtype=str))  # FlatGeobuf sorts by place
    assert [found.codes[n] for n in order] == CODES
    assert [found.names[n] for n in order] == NAMES
    assert [str(found.properties[n]["floors"]) for n in order] == ["3", "4"]
    assert found.format == driver
    assert found.crs == "EPSG:4326"
    assert found.encoding == "UTF-8"
    for cell, n in zip([WEST, EAST], order, strict=True):
        assert shapely.equals(found.geoms[n], cell)
    assert found.rows.tolist() == [1, 2]


def test_topojson_is_read_and_its_crs_guessed_aloud(tmp_path: Path) -> None:
    arcs = [[[104.91, 38.40], [104.91, 38.41]]]
    arcs += [[[104.91, 38.41], [104.90, 38.41], [104.90, 38.40], [104.91, 38.40]]]
    geometry = {"type": "Polygon", "arcs": [[0, 1]], "properties": {"code": "0101"}}
    topology = {
        "type": "Topology",
        "arcs": arcs,
        "objects": {"grid": {"type": "GeometryCollection", "geometries": [geometry]}},
    }

    found = read_boundaries(write(tmp_path, "grids.json", json.dumps(topology)))

    assert (found.format, found.layer, found.codes) == ("TopoJSON", "grid", ["0101"])
    assert shapely.equals(found.geoms[0], WEST)
    assert [notice.code for notice in found.notices] == ["NO_CRS"]


def test_a_geoparquet_file_of_another_writer_is_read(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    column: Json = {"encoding": "WKB", "geometry_types": ["Polygon"]}
    geo = {"version": "1.0.0", "primary_column": "geom", "columns": {"geom": column}}
    table = pa.table(
        {
            "geom": shapely.to_wkb([WEST, EAST]).tolist(),
            "grid_code": CODES,
            "drawn": [None, __import__("datetime").date(2026, 3, 1)],
        }
    )
    path = tmp_path / "grids.parquet"
    pq.write_table(table.replace_schema_metadata({"geo": json.dumps(geo)}), path)

    found = read_boundaries(path)

    assert found.crs == "EPSG:4326", "GeoParquet's default is CRS84"
    assert found.codes == CODES
    assert [row["drawn"] for row in found.properties] == [None, "2026-03-01"]


def test_plain_parquet_is_refused(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "grids.parquet"
    pq.write_table(pa.table({"code": CODES}), path)

    with pytest.raises(UnreadableError, match="without GeoParquet's metadata"):
        read_boundaries(path)


@pytest.mark.parametrize("inside", ["grids.shp", "年度/网格/grids.shp"])
@pytest.mark.parametrize("name", ["grids.zip", "grids.shp.zip"])
def test_a_zipped_shapefile_is_read_wherever_it_lies(
    tmp_path: Path, inside: str, name: str
) -> None:
    save(tmp_path / "grids.shp", {"code": CODES})
    path = zipped(tmp_path, name, inside)

    found = read_boundaries(path)

    assert (found.codes, found.layer, found.crs) == (CODES, "grids", "EPSG:4326")
    assert found.file == name


def zipped(
    folder: Path, name: str, inside: str, *, leave_out: str = "", stem: str = "grids"
) -> Path:
    """Pack the parts of a Shapefile, with what macOS adds."""
    path = folder / name
    with zipfile.ZipFile(path, "a") as archive:
        for part in sorted(folder.glob(f"{stem}.???")):
            if part.suffix not in (leave_out, ".zip"):
                target = str(Path(inside).with_suffix(part.suffix))
                archive.write(part, target)
        archive.writestr(f"__MACOSX/._{stem}.shp", b"resource fork")
    return path


def test_of_several_files_in_a_zip_the_polygons_are_taken(tmp_path: Path) -> None:
    save(tmp_path / "grids.shp", {"code": CODES})
    points = [shapely.Point(104.9, 38.4), shapely.Point(104.91, 38.4)]
    save(tmp_path / "gates.shp", {"code": CODES}, points, geometry_type="Point")
    zipped(tmp_path, "all.zip", "gates.shp", stem="gates")

    found = read_boundaries(zipped(tmp_path, "all.zip", "grids.shp"))

    assert found.layer == "grids"


def test_of_two_polygon_files_in_a_zip_one_must_be_named(tmp_path: Path) -> None:
    save(tmp_path / "grids.shp", {"code": CODES})
    save(tmp_path / "towns.shp", {"code": ["9", "8"]})
    zipped(tmp_path, "all.zip", "a/towns.shp", stem="towns")
    path = zipped(tmp_path, "all.zip", "b/grids.shp")

    with pytest.raises(UnreadableError, match="grids") as error:
        read_boundaries(path)
    assert error.value.extensions["options"] == ["towns", "grids"]
    assert read_boundaries(path, layer="towns").codes == ["9", "8"]


def test_a_kmz_is_read(tmp_path: Path) -> None:
    path = save(tmp_path / "doc.kml", {"code": CODES, "name": NAMES})
    with zipfile.ZipFile(tmp_path / "grids.kmz", "w") as archive:
        archive.write(path, "doc.kml")
        archive.writestr("files/icon.png", b"no picture")

    assert read_boundaries(tmp_path / "grids.kmz").codes == CODES


@pytest.mark.parametrize("name", ["!test.geojson", "a.zip!b.geojson", "第一 网格 (新).geojson"])
def test_awkward_names_are_only_names(tmp_path: Path, name: str) -> None:
    path = write(tmp_path, name, collection(feature(WEST, code="1")))

    found = read_boundaries(path)

    assert found.file == name
    assert found.layer == Path(name).stem


def test_an_awkward_folder_is_only_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "a.zip!"
    folder.mkdir()
    save(tmp_path / "grids.shp", {"code": CODES})
    for part in tmp_path.glob("grids.*"):
        part.rename(folder / part.name.upper().replace("GRIDS", "grids"))

    assert read_boundaries(folder / "grids.SHP").codes == CODES


def test_a_layer_among_several_must_be_named(tmp_path: Path) -> None:
    path = save(tmp_path / "town.gpkg", {"code": CODES}, layer="grid")
    save(path, {"code": ["8", "9"]}, layer="community", append=False)
    points = [shapely.Point(104.9, 38.4)] * 2
    save(path, {"code": CODES}, points, layer="gates", geometry_type="Point")

    with pytest.raises(UnreadableError, match="--layer grid") as error:
        read_boundaries(path)
    assert error.value.extensions["options"] == ["grid", "community"]
    assert read_boundaries(path, layer="community").codes == ["8", "9"]
    with pytest.raises(BadInputError, match="no layer 'town'"):
        read_boundaries(path, layer="town")


def test_the_only_polygon_layer_needs_no_name(tmp_path: Path) -> None:
    path = save(tmp_path / "town.gpkg", {"code": CODES}, layer="grid")
    points = [shapely.Point(104.9, 38.4)] * 2
    save(path, {"code": CODES}, points, layer="gates", geometry_type="Point")

    assert read_boundaries(path).layer == "grid"


# --- what GDAL must never open ------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        '<OGRVRTDataSource><OGRVRTLayer name="x"><SrcDataSource>{0}</SrcDataSource>'
        "</OGRVRTLayer></OGRVRTDataSource>",
        '<kml></kml><OGRVRTDataSource><OGRVRTLayer name="secret"><SrcDataSource>{0}'
        "</SrcDataSource></OGRVRTLayer></OGRVRTDataSource>",
        "<OGRWFSDataSource><URL>http://127.0.0.1:9/</URL></OGRWFSDataSource>",
        '<!DOCTYPE kml [<!ENTITY x SYSTEM "file://{0}">]><kml>&x;</kml>',
        '<!DOCTYPE kml [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]><kml>&b;</kml>',
        "http://127.0.0.1:9/grids.geojson",
        '{{"type": "gdal_streamed_alg", "command_line": "gdal vector pipeline ! read {0}"}}',
    ],
)
@pytest.mark.parametrize("name", ["grids.geojson", "grids.kml", "grids.gpkg"])
def test_files_that_point_elsewhere_are_refused(tmp_path: Path, content: str, name: str) -> None:
    secret = write(tmp_path, "secret.geojson", collection(feature(WEST, code="1")))
    path = write(tmp_path, name, content.format(secret))

    with pytest.raises(UnreadableError):
        read_boundaries(path)


def test_a_stray_vrt_in_a_geojson_is_only_text(tmp_path: Path) -> None:
    trap = '<OGRVRTDataSource><OGRVRTLayer name="x"/></OGRVRTDataSource>'
    path = write(tmp_path, "grids.geojson", collection(feature(WEST, code="1", note=trap)))

    assert read_boundaries(path).properties == [{"note": trap}]


def test_gml_asks_no_host_for_its_schema(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        port = server.getsockname()[1]
        path = save(tmp_path / "grids.gml", {"code": CODES})
        path.with_suffix(".xsd").unlink()
        text = path.read_text(encoding="utf-8")
        text = text.replace("grids.xsd", f"http://127.0.0.1:{port}/grids.xsd")
        path.write_text(text, encoding="utf-8")

        assert read_boundaries(path).codes == CODES
        with pytest.raises(TimeoutError):
            server.accept()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["grids.gml"], "no .gfs is left"


def test_a_kml_network_link_is_not_followed(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        link = f"<Link><href>http://127.0.0.1:{server.getsockname()[1]}/a.kml</href></Link>"
        kml = '<kml xmlns="http://www.opengis.net/kml/2.2"><Document><NetworkLink>{}'
        path = write(tmp_path, "a.kml", kml.format(link) + "</NetworkLink></Document></kml>")

        with pytest.raises(UnreadableError):
            read_boundaries(path)
        with pytest.raises(TimeoutError):
            server.accept()


@pytest.mark.parametrize(
    "inside", ["../grids.shp", "/root/grids.shp", "a\\..\\grids.shp", "C:/g.shp"]
)
def test_a_zip_whose_paths_leave_it_is_refused(tmp_path: Path, inside: str) -> None:
    path = tmp_path / "grids.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(zipfile.ZipInfo("x"), b"")
        archive.infolist()[0].filename = inside
        archive.filelist[0].orig_filename = inside

    with pytest.raises(UnreadableError, match="leaves the archive"):
        read_boundaries(path)


def test_a_zip_made_to_fill_the_disk_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "MAX_UNPACKED_BYTES", 10 << 20)
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(3):
            archive.writestr(f"{number}.geojson", bytes(4 << 20))

    with pytest.raises(UnreadableError, match="more than is unpacked"):
        read_boundaries(path)


def test_a_zip_that_lies_about_a_size_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "liar.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("grids.geojson", collection(feature(WEST, code="1")))
    data = path.read_bytes()
    size = struct.pack("<I", len(collection(feature(WEST, code="1")).encode()))
    path.write_bytes(data.replace(size, struct.pack("<I", 5)))

    with pytest.raises(UnreadableError, match=r"liar\.zip"):
        read_boundaries(path)


# --- files that cannot be read ------------------------------------------------------------------

Maker = Callable[[Path], Path]


def _missing_part(suffix: str) -> Maker:
    def make(folder: Path) -> Path:
        path = save(folder / "grids.shp", {"code": CODES})
        path.with_suffix(suffix).unlink()
        return path

    return make


def _cut_part(suffix: str) -> Maker:
    def make(folder: Path) -> Path:
        path = save(folder / "grids.shp", {"code": CODES})
        part = path.with_suffix(suffix)
        part.write_bytes(part.read_bytes()[:-20])
        return path

    return make


def _cut(name: str, share: float) -> Maker:
    def make(folder: Path) -> Path:
        path = save(folder / name, {"code": CODES})
        data = path.read_bytes()
        path.write_bytes(data[: int(len(data) * share)])
        return path

    return make


def _cut_zip(folder: Path) -> Path:
    save(folder / "grids.shp", {"code": CODES})
    path = zipped(folder, "grids.zip", "grids.shp")
    path.write_bytes(path.read_bytes()[:-40])
    return path


def _zip_without(suffix: str) -> Maker:
    def make(folder: Path) -> Path:
        save(folder / "grids.shp", {"code": CODES})
        return zipped(folder, "grids.zip", "grids.shp", leave_out=suffix)

    return make


def _text(name: str, content: str | bytes) -> Maker:
    return lambda folder: write(folder, name, content)


def _lines(folder: Path) -> Path:
    lines = [shapely.LineString([(104.9, 38.4), (104.91, 38.41)])] * 2
    return save(folder / "lines.gpkg", {"code": CODES}, lines, geometry_type="LineString")


def _hollow(folder: Path) -> Path:
    return save(folder / "hollow.gpkg", {"code": CODES}, [shapely.Polygon(), None])


def _no_rows(folder: Path) -> Path:
    path = save(folder / "none.gpkg", {"code": CODES})
    with sqlite3.connect(path) as database:
        database.execute("DROP TRIGGER IF EXISTS trigger_delete_feature_count_none")
        database.execute("DROP TRIGGER IF EXISTS rtree_none_geom_delete")
        database.execute("DELETE FROM none")
    database.close()
    return path


def _other_rows(folder: Path) -> Path:
    path = save(folder / "grids.shp", {"code": CODES})
    path.with_suffix(".dbf").write_bytes(dbf([(b"code", 4)], [[b"1"]]))
    return path


GEOJSON_LINES = "\n".join(json.dumps(feature(WEST, code=code)) for code in ("1", "2", "3"))
KML_HEAD = '<?xml version="1.0"?><kml xmlns="http://www.opengis.net/kml/2.2"><Document><Placemark>'


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda folder: folder / "none.shp", "is not there"),
        (lambda folder: folder / "none" / "grids.shp", "is not there"),
        (lambda folder: folder, "is a directory"),
        (_text("empty.gpkg", b""), r"empty \(0 bytes\)"),
        (_text("empty.geojson", b""), r"empty \(0 bytes\)"),
        (_text("blank.geojson", b"  \n"), "no known format"),
        (_text("notes.txt", "hello"), "no known format"),
        (_text("noise.bin", bytes(range(256)) * 4), "no known format"),
        (_text("grids.dbf", dbf([(b"code", 4)], [[b"1"]])), "one part of a Shapefile"),
        (_text("data.json", '{"a": [1, 2]}'), "no GeoJSON"),
        (_text("page.xml", "<html><body/></html>"), "no KML or GML"),
        (_text("cut.kml", KML_HEAD), "broken XML"),
        (_text("cut.geojson", collection(feature(WEST, code="1"))[:-30]), "cannot be read"),
        (_text("cut.geojsonl", GEOJSON_LINES[:-30]), "no valid JSON in line 3"),
        (_text("none.geojson", collection()), "no features"),
        (_text("plain.zip", b"PK\x03\x04 this is no zip"), "no whole zip archive"),
        (_missing_part(".shx"), r"without its \.shx part"),
        (_missing_part(".dbf"), r"without its \.dbf part"),
        (_cut_part(".shp"), r"the \.shp part of grids\.shp is cut off"),
        (_cut_part(".shx"), r"the \.shx part of grids\.shp is cut off"),
        (_cut_part(".dbf"), r"the \.dbf part of grids\.shp is cut off"),
        (_other_rows, "do not belong together"),
        (_cut_zip, "no whole zip archive"),
        (_zip_without(".shx"), r"without its \.shx part"),
        (_zip_without(".shp"), "no boundary file"),
        (_cut("grids.gpkg", 0.3), "cannot be read"),
        (_cut("grids.fgb", 0.5), "cut off"),
        (_lines, "no polygon but LineString"),
        (_hollow, "no geometry at all"),
        (_no_rows, "no features"),
    ],
)
def test_what_cannot_be_read_is_said_in_one_sentence(
    tmp_path: Path, make: Maker, said: str, capfd: pytest.CaptureFixture[str]
) -> None:
    path = make(tmp_path)

    with pytest.raises(UnreadableError, match=said) as error:
        read_boundaries(path)

    assert "\n" not in str(error.value)
    assert (tmp_path == path) or path.name in str(error.value)
    assert "/wangge-" not in str(error.value), "the inner name is nobody's business"
    assert capfd.readouterr() == ("", ""), "nothing prints"


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "grids.geojson"
    os.mkfifo(path)

    with pytest.raises(UnreadableError, match="no plain file"):
        read_boundaries(path)


@pytest.mark.as_root
def test_a_file_without_the_right_to_read_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "grids.geojson", collection(feature(WEST, code="1")))
    path.chmod(0)
    script = (
        "import os, sys; from pathlib import Path; sys.path.insert(0, os.getcwd())\n"
        "import sources.boundaries as b\nimport geo.errors as e\n"
        "fd = os.open(sys.argv[2], os.O_RDONLY); os.fchdir(fd); os.setuid(65534)\n"
        "try: b.read_boundaries(Path(sys.argv[1]))\n"
        "except e.UnreadableError as error: print(error)\n"
    )
    ran = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", script, path.name, tmp_path],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parent.parent,
    )

    assert "may not be read" in ran.stdout, ran.stderr


@pytest.mark.parametrize("wild", ["NaN", "Infinity", "-Infinity"])
def test_coordinates_that_are_no_numbers_name_their_rows(tmp_path: Path, wild: str) -> None:
    text = collection(feature(WEST, code="1"), feature(EAST, code="2"))
    text = text.replace("[104.92, 38.41]", f"[{wild}, 38.41]")

    with pytest.raises(UnreadableError, match="no numbers in row 2"):
        read_boundaries(write(tmp_path, "grids.geojson", text))


def test_wild_numbers_in_a_geopackage_name_their_rows(tmp_path: Path) -> None:
    wild = shapely.Polygon([(104.9, 38.4), (np.inf, 38.4), (104.91, 38.41)])
    path = save(tmp_path / "grids.gpkg", {"code": CODES}, [wild, EAST])

    with pytest.raises(UnreadableError, match="no numbers in row 1;"):
        read_boundaries(path)


@pytest.mark.parametrize(
    ("west", "south", "said"),
    [(104.9, 95.0, "latitude 95.*beyond 90.* row 2"), (181.0, 38.4, "longitude 18.*row 2")],
)
def test_degrees_off_the_earth_name_their_rows(
    tmp_path: Path, west: float, south: float, said: str
) -> None:
    off = shapely.box(west, south, west + 0.001, south + 0.0)
    off = shapely.Polygon([(west, south), (west + 0.01, south), (west, south - 0.01)])
    text = collection(feature(WEST, code="1"), feature(off, code="2"))

    with pytest.raises(UnreadableError, match=said):
        read_boundaries(write(tmp_path, "grids.geojson", text))


@pytest.mark.parametrize(
    "open_ring",
    [
        ring((104.9, 38.4), (104.91, 38.4), (104.91, 38.41), (104.9, 38.41)),
        ring((104.9, 38.4), (104.91, 38.4)),
    ],
)
def test_an_open_ring_names_its_row(tmp_path: Path, open_ring: Json) -> None:
    text = collection(feature(WEST, code="1"), feature(open_ring, code="2"))

    with pytest.raises(UnreadableError, match=r"not closed.* row 2"):
        read_boundaries(write(tmp_path, "grids.geojson", text))


# --- what is the check's business, and what is mended aloud -------------------------------------


def test_lines_and_gaps_among_polygons_come_back_as_sent(tmp_path: Path) -> None:
    line = shapely.LineString([(104.9, 38.4), (104.91, 38.41)])
    text = collection(feature(WEST, code="1"), feature(line, code="2"), feature(None, code="3"))

    found = read_boundaries(write(tmp_path, "grids.geojson", text))

    assert [geom and geom.geom_type for geom in found.geoms] == ["Polygon", "LineString", None]
    assert found.codes == ["1", "2", "3"]


def test_collections_of_polygons_become_one_multipolygon(tmp_path: Path) -> None:
    both = shapely.GeometryCollection([WEST, shapely.MultiPolygon([EAST])])
    mixed = shapely.GeometryCollection([WEST, shapely.Point(104.9, 38.4)])
    text = collection(feature(both, code="1"), feature(mixed, code="2"))

    found = read_boundaries(write(tmp_path, "grids.geojson", text))

    assert [geom.geom_type for geom in found.geoms] == ["MultiPolygon", "GeometryCollection"]
    assert len(shapely.get_parts(found.geoms[0])) == 2
    told = [(n.code, n.feature_count) for n in found.notices]
    assert told == [("COLLECTION", 1), ("WRONG_TYPE", 1)]


def test_heights_are_left_out_aloud(tmp_path: Path) -> None:
    path = save(
        tmp_path / "z.gpkg",
        {"code": CODES},
        [shapely.force_3d(WEST, 5.0), EAST],
        geometry_type="Polygon Z",
    )

    found = read_boundaries(path)

    assert not shapely.has_z(found.geoms).any()
    assert [notice.code for notice in found.notices] == ["HEIGHTS_DROPPED"]


# --- encodings ----------------------------------------------------------------------------------

GBK_FIELDS = [("网格编码".encode("gbk"), 10), ("网格名称".encode("gbk"), 40)]
GBK_ROWS = [[code.encode(), name.encode("gbk")] for code, name in zip(CODES, NAMES, strict=True)]
UTF_FIELDS = [(b"code", 10), ("名称".encode(), 40)]
UTF_ROWS = [[code.encode(), name.encode()] for code, name in zip(CODES, NAMES, strict=True)]


@pytest.mark.parametrize("cpg", [None, "UTF-8", "ISO-8859-1", "nonsense"])
def test_gbk_is_read_whatever_its_label_says(tmp_path: Path, cpg: str | None) -> None:
    found = read_boundaries(shapefile(tmp_path, GBK_FIELDS, GBK_ROWS, cpg=cpg))

    assert (found.codes, found.names) == (CODES, NAMES)
    assert found.encoding == "GB18030"
    assert found.columns == Columns(code="网格编码", name="网格名称")
    assert [notice.code for notice in found.notices] == ["ENCODING"]
    assert "第一网格" in found.notices[0].message or "网格" in found.notices[0].message


@pytest.mark.parametrize("cpg", ["GBK", "936", "CP936", "GB2312"])
def test_a_label_that_says_gbk_rightly_needs_no_word(tmp_path: Path, cpg: str) -> None:
    found = read_boundaries(shapefile(tmp_path, GBK_FIELDS, GBK_ROWS, cpg=cpg))

    assert (found.names, found.encoding, found.notices) == (NAMES, "GB18030", ())


@pytest.mark.parametrize("cpg", [None, "GBK", "ISO-8859-1"])
def test_utf8_is_read_whatever_its_label_says(tmp_path: Path, cpg: str | None) -> None:
    found = read_boundaries(shapefile(tmp_path, UTF_FIELDS, UTF_ROWS, cpg=cpg))

    assert (found.codes, found.names, found.encoding) == (CODES, NAMES, "UTF-8")
    assert [notice.code for notice in found.notices] == ["ENCODING"]


def test_big5_is_told_from_gbk(tmp_path: Path) -> None:
    names = ["臺北市信義區", "新竹縣竹北市"]
    rows = [[code.encode(), name.encode("big5")] for code, name in zip(CODES, names, strict=True)]

    found = read_boundaries(shapefile(tmp_path, [(b"code", 10), (b"name", 40)], rows))

    assert (found.names, found.encoding) == (names, "Big5")


def test_european_letters_are_not_taken_for_chinese(tmp_path: Path) -> None:
    names = ["Nuevo León", "México"]
    rows = [
        [code.encode(), name.encode("latin-1")] for code, name in zip(CODES, names, strict=True)
    ]

    found = read_boundaries(shapefile(tmp_path, [(b"code", 10), (b"name", 40)], rows))

    assert found.names == names


def test_the_given_encoding_wins(tmp_path: Path) -> None:
    path = shapefile(tmp_path, GBK_FIELDS, GBK_ROWS)

    assert read_boundaries(path, encoding="gbk").names == NAMES
    with pytest.raises(BadInputError, match="not in UTF-8"):
        read_boundaries(path, encoding="utf-8")
    with pytest.raises(BadInputError, match="'klingon' is not known"):
        read_boundaries(path, encoding="klingon")


def test_names_of_columns_cut_within_a_character_are_read(tmp_path: Path) -> None:
    # 网格编码 has 12 bytes of UTF-8, of which 10 fit: three characters and a third of one.
    fields = [("网格编码".encode(), 10), ("上级编码".encode(), 10), (b"households", 4)]
    rows = [[b"0101", "社区一".encode(), b"12"], [b"0102", "社区一".encode(), b"13"]]

    found = read_boundaries(shapefile(tmp_path, fields, rows))

    assert found.codes == CODES
    assert found.columns == Columns(code="网格编", parent="上级编", households="households")
    assert (found.parents, found.households) == (["社区一"] * 2, [12, 13])


def test_cells_cut_within_a_character_are_read_aloud(tmp_path: Path) -> None:
    rows = [[b"0101", "第一网格".encode()], [b"0102", "第二".encode()]]

    found = read_boundaries(shapefile(tmp_path, [(b"code", 4), (b"name", 10)], rows))

    assert found.names == ["第一网", "第二"]
    assert ("TEXT_CUT", 1) in [(notice.code, notice.feature_count) for notice in found.notices]


@pytest.mark.parametrize("codec", ["gbk", "utf-8-sig", "utf-16"])
def test_geojson_in_other_encodings_is_read(tmp_path: Path, codec: str) -> None:
    text = collection(feature(WEST, 编码="0101", 名称="第一网格"))

    found = read_boundaries(write(tmp_path, "grids.geojson", text.encode(codec)))

    assert (found.codes, found.names) == (["0101"], ["第一网格"])


def test_kml_in_gbk_is_read(tmp_path: Path) -> None:
    ring_ = "104.9,38.4 104.91,38.4 104.91,38.41 104.9,38.4"
    text = (
        '<?xml version="1.0" encoding="GBK"?><kml xmlns="http://www.opengis.net/kml/2.2"><Document>'
        "<Placemark><name>第一网格</name><ExtendedData><Data name='编码'><value>0101</value></Data>"
        "</ExtendedData><Polygon><outerBoundaryIs><LinearRing><coordinates>"
        f"{ring_}</coordinates></LinearRing></outerBoundaryIs></Polygon></Placemark>"
        "</Document></kml>"
    )

    found = read_boundaries(write(tmp_path, "grids.kml", text.encode("gbk")))

    assert (found.codes, found.names) == (["0101"], ["第一网格"])


# --- columns ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "code", "parent", "name"),
    [
        (["code", "name", "parent"], "code", "parent", "name"),
        (["CODE", "NAME", "PARENT_CODE"], "CODE", "PARENT_CODE", "NAME"),
        (["网格编码", "网格名称", "所属社区编码"], "网格编码", "所属社区编码", "网格名称"),
        (["社区名称", "WGMC", "WGBM", "社区编码"], "WGBM", "社区编码", "WGMC"),
        (["VILLCODE", "TOWNCODE", "TOWNNAME", "VILLNAME"], "VILLCODE", "TOWNCODE", "VILLNAME"),
        (["TOWNCODE", "COUNTYCODE", "TOWNNAME"], "TOWNCODE", "COUNTYCODE", "TOWNNAME"),
        (["代码", "名称", "上级编码"], "代码", "上级编码", "名称"),
        (["GEOID20", "NAME20"], "GEOID20", None, "NAME20"),
        (["grid code", "备注"], "grid code", None, None),
        (["OBJECTID", "adcode", "名称"], "adcode", None, "名称"),
        (["小区编码", "小区名称", "社区编码"], "小区编码", "社区编码", "小区名称"),
    ],
)
def test_columns_are_found_by_their_usual_names(
    tmp_path: Path, names: list[str], code: str, parent: str | None, name: str | None
) -> None:
    rows = [feature(WEST, **{key: f"{names.index(key)}-{n}" for key in names}) for n in (1, 2)]

    found = read_boundaries(write(tmp_path, "grids.geojson", collection(*rows)))

    assert found.columns == Columns(code=code, name=name, parent=parent)
    assert found.codes == [f"{names.index(code)}-1", f"{names.index(code)}-2"]
    assert set(found.properties[0]) == set(names) - {code, parent, name}


@pytest.mark.parametrize("cell", ["110108001001", "河东社区"])
def test_a_place_above_is_a_parent_by_its_code_or_its_name(tmp_path: Path, cell: str) -> None:
    text = collection(feature(WEST, 网格编码="1", 所属社区=cell))

    found = read_boundaries(write(tmp_path, "grids.geojson", text))

    assert (found.columns.parent, found.parents) == ("所属社区", [cell])
    # A unit keeps its parent's code; a name is kept as the file has it.
    assert found.properties == [{} if cell.isascii() else {"所属社区": cell}]


def test_households_and_people_are_counted(tmp_path: Path) -> None:
    rows = [feature(WEST, code="1", 户数="12", 人口=30), feature(EAST, code="2", 户数=None, 人口=0)]

    found = read_boundaries(write(tmp_path, "grids.geojson", collection(*rows)))

    assert (found.households, found.people) == ([12, None], [30, 0])
    assert found.properties == [{}, {}]


def test_counts_that_are_none_are_refused_when_asked_for(tmp_path: Path) -> None:
    rows = [feature(WEST, code="1", 户数="many"), feature(EAST, code="2", 户数="-1")]
    path = write(tmp_path, "grids.geojson", collection(*rows))

    assert [notice.code for notice in read_boundaries(path).notices] == ["BAD_COUNT"]
    with pytest.raises(BadInputError, match="rows 1, 2"):
        read_boundaries(path, columns=Columns(households="户数"))


@pytest.mark.parametrize(
    ("cells", "codes"),
    [
        ([110108001001, 110108001002], ["110108001001", "110108001002"]),
        ([110108001001, None], ["110108001001", None]),
        ([1100000000000000001, None], ["1100000000000000001", None]),
        ([1.0, 2.5], ["1", "2.5"]),
        (["007", "8"], ["007", "8"]),
        (["  ", " 9 "], [None, "9"]),
    ],
)
def test_codes_are_text(tmp_path: Path, cells: list[object], codes: list[str | None]) -> None:
    rows = [feature(shape, code=cell) for shape, cell in zip((WEST, EAST), cells, strict=True)]

    found = read_boundaries(write(tmp_path, "grids.geojson", collection(*rows)))

    assert found.codes == codes


def test_codes_that_lost_their_last_digits_are_refused(tmp_path: Path) -> None:
    path = save(tmp_path / "grids.gpkg", {"code": [44030300100100112.0, 1.0]})

    with pytest.raises(UnreadableError, match="lost their last digits in row 1"):
        read_boundaries(path)


def test_a_file_without_codes_lists_its_columns(tmp_path: Path) -> None:
    text = collection(
        feature(WEST, colour="red", 片区="东"), feature(EAST, colour="red", 片区="西")
    )
    path = write(tmp_path, "grids.geojson", text)

    with pytest.raises(UnreadableError, match="code=片区") as error:
        read_boundaries(path)

    assert error.value.extensions["argument"] == "columns"
    assert error.value.extensions["options"] == ["code=片区"], "colours repeat: no codes"
    assert "code=COLUMN" in str(error.value.extensions["hint"])
    assert read_boundaries(path, columns=Columns(code="片区")).codes == ["东", "西"]
    assert read_boundaries(path, need_code=False).codes == [None, None]


def test_two_columns_that_could_be_the_code_must_agree_or_be_chosen(tmp_path: Path) -> None:
    same = collection(feature(WEST, 编码="1", 代码="1"), feature(EAST, 编码="2", 代码="2"))
    differ = collection(feature(WEST, 编码="1", 代码="8"), feature(EAST, 编码="2", 代码="9"))
    best = collection(feature(WEST, 编码="1", code="8"), feature(EAST, 编码="2", code="9"))

    assert read_boundaries(write(tmp_path, "same.geojson", same)).codes == ["1", "2"]
    assert read_boundaries(write(tmp_path, "best.geojson", best)).codes == ["8", "9"]
    path = write(tmp_path, "differ.geojson", differ)
    with pytest.raises(UnreadableError, match="could be the code and differ") as error:
        read_boundaries(path)
    assert error.value.extensions["argument"] == "columns"
    assert error.value.extensions["options"] == ["code=编码", "code=代码"]
    assert read_boundaries(path, columns=parse_columns("code=代码")).codes == ["8", "9"]


def test_a_named_column_must_be_there(tmp_path: Path) -> None:
    path = write(tmp_path, "grids.geojson", collection(feature(WEST, code="1", 名="x")))

    with pytest.raises(BadInputError, match="no column 'nom'; it has code, 名"):
        read_boundaries(path, columns=Columns(name="nom"))


def test_columns_are_parsed_from_one_text() -> None:
    assert parse_columns("code=网格编码, name=MC") == Columns(code="网格编码", name="MC")
    assert parse_columns("code=a，parent=b=c") == Columns(code="a", parent="b=c")
    assert parse_columns("") == Columns()


@pytest.mark.parametrize("text", ["codes=a", "code", "code=", "code=a,code=b"])
def test_columns_that_cannot_be_meant_are_refused(text: str) -> None:
    with pytest.raises(BadInputError) as error:
        parse_columns(text)

    assert error.value.extensions["argument"] == "columns"


def test_properties_are_what_json_holds(tmp_path: Path) -> None:
    values = {
        "n": 1,
        "x": 1.5,
        "yes": True,
        "list": [1, 2],
        "deep": {"a": [None]},
        "day": "2026-03-01",
    }
    rows = [feature(WEST, code="1", **values), feature(EAST, code="2")]

    found = read_boundaries(write(tmp_path, "grids.geojson", collection(*rows)))

    assert found.properties[0] == values
    assert found.properties[1] == dict.fromkeys(values)
    json.dumps(found.properties, allow_nan=False)


def test_two_columns_of_one_name_are_kept_apart(tmp_path: Path) -> None:
    fields = [(b"code", 4), (b"note", 4), (b"note", 4)]
    rows = [[b"0101", b"a", b"b"], [b"0102", b"c", b"d"]]

    found = read_boundaries(shapefile(tmp_path, fields, rows))

    assert [sorted(map(str, row.values())) for row in found.properties] == [["a", "b"], ["c", "d"]]


# --- coordinate systems -------------------------------------------------------------------------


def test_a_geojson_crs_member_is_believed(tmp_path: Path) -> None:
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::4523"}}
    metric = shapely.box(35491000, 4251000, 35491100, 4251100)
    text = collection(feature(metric, code="1"), crs=crs)

    assert read_boundaries(write(tmp_path, "grids.geojson", text)).crs == "EPSG:4523"


def test_a_given_crs_wins(tmp_path: Path) -> None:
    metric = shapely.box(35491000, 4251000, 35491100, 4251100)
    path = write(tmp_path, "grids.geojson", collection(feature(metric, code="1")))

    assert read_boundaries(path, crs="EPSG:2359").crs == "EPSG:2359"
    with pytest.raises(BadInputError, match="is not known"):
        read_boundaries(path, crs="EPSG:999999")


@pytest.mark.parametrize("prj", [None, ""])
def test_degrees_without_a_crs_are_taken_for_wgs84_aloud(tmp_path: Path, prj: str | None) -> None:
    path = save(tmp_path / "grids.shp", {"code": CODES})
    path.with_suffix(".prj").unlink()
    if prj is not None:
        path.with_suffix(".prj").write_text(prj, encoding="ascii")

    found = read_boundaries(path)

    assert found.crs == "EPSG:4326"
    assert [notice.code for notice in found.notices] == ["NO_CRS"]
    assert "104.9" in found.notices[0].message


def test_metres_without_a_zone_must_be_named(tmp_path: Path) -> None:
    metric = [shapely.box(x, 4251000, x + 100, 4251100) for x in (491000, 491100)]
    path = save(tmp_path / "grids.shp", {"code": CODES}, metric)
    path.with_suffix(".prj").unlink()

    with pytest.raises(UnreadableError, match="x 491000 to 491200, y 4251000") as error:
        read_boundaries(path)

    assert error.value.extensions["argument"] == "crs"
    assert read_boundaries(path, crs="4544").crs == "EPSG:4544"


def test_the_datum_is_taken_down(tmp_path: Path) -> None:
    path = write(tmp_path, "grids.geojson", collection(feature(WEST, code="1")))

    assert read_boundaries(path).datum is Datum.WGS84
    assert read_boundaries(path, datum=Datum.GCJ02).datum is Datum.GCJ02


def test_a_datum_that_only_roughly_converts_is_said(tmp_path: Path) -> None:
    path = save(tmp_path / "grids.gpkg", {"code": CODES}, crs="EPSG:4610")

    assert [notice.code for notice in read_boundaries(path).notices] == ["ROUGH_DATUM"]


def test_reading_leaves_the_file_and_its_folder_alone(tmp_path: Path) -> None:
    path = save(tmp_path / "grids.gpkg", {"code": CODES})
    path.chmod(stat.S_IRUSR)
    before = path.read_bytes()

    first, second = read_boundaries(path), read_boundaries(path)

    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["grids.gpkg"]
    assert first.sha256 == second.sha256
    assert len(first.sha256) == 64
