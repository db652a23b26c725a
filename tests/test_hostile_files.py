"""Boundary files that are meant to hurt: refused or made harmless, in little time and memory."""

from __future__ import annotations

import json
import socket
import sqlite3
import stat
import struct
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pyogrio
import pytest
import shapely

from geo.errors import UnreadableError, WanggeError
from sources.apart import Limits, read_boundaries_apart
from sources.boundaries import BoundaryFile, read_boundaries
from sources.harmless import MAX_LABEL, MAX_VERTICES

WEST = shapely.box(104.90, 38.40, 104.91, 38.41)
EAST = shapely.box(104.91, 38.40, 104.92, 38.41)
SQUARE = "[[[104.9,38.4],[104.91,38.4],[104.91,38.41],[104.9,38.41],[104.9,38.4]]]"

LIMITS = Limits(memory_mb=1024, seconds=60, disk_mb=256)
"""Tighter than a service's: whatever passes here passes there."""

Json = dict[str, Any]  # hand-made GeoJSON, of any shape
Maker = Callable[[Path], Path]


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give the folder of temporary files, in which nothing may be left at the end."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert list(folder.iterdir()) == []


@pytest.fixture
def host() -> Iterator[str]:
    """Give the address of a host that nobody may speak to."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(BlockingIOError):
            server.accept()


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    """Give a boundary file that lies elsewhere and that nobody may read."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    return text(folder / "canary.geojson", collection(feature(code="CANARY", name="CANARY")))


def text(path: Path, content: str) -> Path:
    path.write_text(content, encoding="utf-8")
    return path


def feature(coordinates: str = SQUARE, /, **properties: object) -> str:
    told = json.dumps(properties, ensure_ascii=False)
    shape = f'{{"type":"Polygon","coordinates":{coordinates}}}'
    return f'{{"type":"Feature","properties":{told},"geometry":{shape}}}'


def collection(*features: str) -> str:
    return '{"type":"FeatureCollection","features":[' + ",".join(features) + "]}"


def save(
    path: Path, columns: Mapping[str, Sequence[object]], driver: str, **options: object
) -> Path:
    """Write the two cells with GDAL itself."""
    data = [np.array(list(values), dtype=object) for values in columns.values()]
    arguments: Json = {"crs": "EPSG:4326", "geometry_type": "Polygon", "driver": driver}
    wkb = shapely.to_wkb(np.array([WEST, EAST], dtype=object))
    names = np.array(list(columns), dtype=object)
    pyogrio.raw.write(path, wkb, data, names, **(arguments | options))
    return path


def outcome(path: Path, *, limits: Limits | None = LIMITS) -> BoundaryFile | str:
    """Read a file apart, or in this process without limits: what was read, or why not."""
    try:
        if limits is None:
            return read_boundaries(path)
        return read_boundaries_apart(path, limits=limits)
    except WanggeError as error:
        sentence = str(error)
        assert "\n" not in sentence
        assert path.name in sentence
        assert len(sentence) < 600, sentence
        return sentence


def refused(path: Path, *, limits: Limits | None = LIMITS) -> str:
    """Read a file that must be refused, and return the sentence why."""
    answer = outcome(path, limits=limits)
    assert isinstance(answer, str), answer.codes
    return answer


# --- archives -------------------------------------------------------------------------------------

GRIDS = collection(feature(code="1"))


def archive(
    path: Path, *members: tuple[str, str | bytes], method: int = zipfile.ZIP_STORED
) -> Path:
    with zipfile.ZipFile(path, "w", method) as packed:
        for name, content in members:
            packed.writestr(name, content)
    return path


def _of_kind(kind: int) -> Maker:
    def make(path: Path) -> Path:
        info = zipfile.ZipInfo("grids.geojson")
        info.create_system, info.external_attr = 3, (kind | 0o777) << 16
        with zipfile.ZipFile(path, "w") as packed:
            packed.writestr(info, "../elsewhere/canary.geojson")
        return path

    return make


def _overlapping(path: Path) -> Path:
    """Two names for the same bytes, as a bomb has thousands of."""
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("grids.geojson", GRIDS)
        again = zipfile.ZipInfo("more.geojson")
        first = packed.filelist[0]
        for name in (
            "header_offset",
            "CRC",
            "compress_size",
            "file_size",
            "_raw_time",
            "orig_filename",
        ):
            if hasattr(first, name):
                setattr(again, name, getattr(first, name))
        packed.filelist.append(again)
    return path


def _twice(path: Path) -> Path:
    with pytest.warns(UserWarning, match="Duplicate name"):
        return archive(path, ("grids.geojson", GRIDS), ("grids.geojson", GRIDS))


def _encrypted(path: Path) -> Path:
    archive(path, ("grids.geojson", GRIDS))
    data = bytearray(path.read_bytes())
    data[6] |= 1  # general purpose flags, in the member's own head
    data[data.index(b"PK\1\2") + 8] |= 1  # and in the directory
    path.write_bytes(data)
    return path


def _cut(path: Path) -> Path:
    whole = archive(path, ("grids.geojson", GRIDS)).read_bytes()
    path.write_bytes(whole[:-30])
    return path


def _spoilt(method: int) -> Maker:
    def make(path: Path) -> Path:
        noise = np.random.default_rng(1).integers(0, 256, 2000, dtype=np.uint8).tobytes()
        data = bytearray(archive(path, ("grids.geojson", noise), method=method).read_bytes())
        data[60:200] = bytes(140)
        path.write_bytes(data)
        return path

    return make


ARCHIVES: dict[str, tuple[Maker, str]] = {
    "a bomb of zeros": (
        lambda p: archive(p, ("a.geojson", bytes(70 << 20)), method=zipfile.ZIP_DEFLATED),
        "times its size",
    ),
    "a bomb packed twice": (
        lambda p: archive(p, ("bomb.zip", archive(p, ("a.json", bytes(1 << 20))).read_bytes())),
        "holds no boundary file",
    ),
    "ten thousand files and one": (
        lambda p: archive(p, *((f"{n}.geojson", "") for n in range(10_001))),
        "holds 10001 files",
    ),
    "files that overlap": (_overlapping, "overlap"),
    "a link": (_of_kind(stat.S_IFLNK), "link or a device"),
    "a device": (_of_kind(stat.S_IFCHR), "link or a device"),
    "a pipe": (_of_kind(stat.S_IFIFO), "link or a device"),
    "one path twice": (_twice, "twice"),
    "an encrypted file": (_encrypted, "encrypted"),
    "a cut end": (_cut, "cut off"),
    "spoilt bzip2": (_spoilt(zipfile.ZIP_BZIP2), "damaged"),
    "spoilt LZMA": (_spoilt(zipfile.ZIP_LZMA), "damaged"),
    "spoilt Deflate": (_spoilt(zipfile.ZIP_DEFLATED), "damaged"),
    "no archive at all": (lambda p: text(p, "PK\3\4" + "\0" * 100), "no whole zip"),
}


@pytest.mark.parametrize("what", ARCHIVES)
def test_an_archive_that_is_a_trap_is_refused(tmp_path: Path, what: str) -> None:
    make, said = ARCHIVES[what]

    with pytest.raises(UnreadableError, match=said):
        read_boundaries(make(tmp_path / "grids.zip"))


@pytest.mark.parametrize(
    "name",
    [
        "a" * 60_000 + ".geojson",
        "grids.geojson\0.txt",
        "\x1b[2Jgrids.geojson",
        "con.geojson",
        "$(reboot).geojson",
        "%2e%2e%2fgrids.geojson",
        "-rf.geojson",
    ],
)
def test_the_name_of_a_packed_file_is_no_name_of_ours(tmp_path: Path, name: str) -> None:
    path = archive(tmp_path / "grids.zip", ("grids.geojson", GRIDS))
    inside = zipfile.ZipInfo("x")
    inside.filename = name
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr(inside, GRIDS)

    assert read_boundaries(path).codes == ["1"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["grids.zip", "temporary"]


# --- XML ------------------------------------------------------------------------------------------

KML = '<kml xmlns="http://www.opengis.net/kml/2.2"><Document>{}</Document></kml>'
PLACE = (
    "<Placemark><name>{}</name><ExtendedData><Data name='code'><value>1</value></Data>"
    "</ExtendedData><Polygon><outerBoundaryIs><LinearRing><coordinates>104.9,38.4 104.91,38.4 "
    "104.91,38.41 104.9,38.4</coordinates></LinearRing></outerBoundaryIs></Polygon></Placemark>"
)
LAUGHS = "<!DOCTYPE kml [<!ENTITY a0 'ha'>{}]>".format(
    "".join(f"<!ENTITY a{n} '{f'&a{n - 1};' * 10}'>" for n in range(1, 12))
)

TYPED: dict[str, str] = {
    "a billion laughs": LAUGHS + KML.format(PLACE.format("&a11;")),
    "an entity of another file": "<!DOCTYPE kml [<!ENTITY x SYSTEM 'file://{canary}'>]>"
    + KML.format(PLACE.format("&x;")),
    "an entity of a host": "<!DOCTYPE kml [<!ENTITY x SYSTEM '{host}/x'>]>"
    + KML.format(PLACE.format("&x;")),
    "a document type on a host": "<!DOCTYPE kml SYSTEM '{host}/kml.dtd'>"
    + KML.format(PLACE.format("a")),
    "a parameter entity": "<!DOCTYPE kml [<!ENTITY % x SYSTEM 'file://{canary}'> %x;]>"
    + KML.format(PLACE.format("a")),
}


@pytest.mark.parametrize("what", TYPED)
@pytest.mark.parametrize("suffix", [".kml", ".gml"])
def test_xml_that_declares_a_document_type_is_refused(
    tmp_path: Path, canary: Path, host: str, what: str, suffix: str
) -> None:
    content = TYPED[what].replace("{canary}", str(canary)).replace("{host}", host)

    with pytest.raises(UnreadableError, match="declares a document type"):
        read_boundaries(text(tmp_path / f"grids{suffix}", content))


GML = (
    '<ogr:FeatureCollection xmlns:ogr="http://ogr.maptools.org/" '
    'xmlns:gml="http://www.opengis.net/gml" xmlns:xlink="http://www.w3.org/1999/xlink" '
    'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" {head}><gml:featureMember>'
    "<ogr:grids fid='1'><ogr:code>1</ogr:code>{more}<ogr:geometryProperty>{shape}"
    "</ogr:geometryProperty></ogr:grids></gml:featureMember></ogr:FeatureCollection>"
)
SHAPE = (
    "<gml:Polygon srsName='EPSG:4326'><gml:outerBoundaryIs><gml:LinearRing><gml:coordinates>"
    "104.9,38.4 104.91,38.4 104.91,38.41 104.9,38.4</gml:coordinates></gml:LinearRing>"
    "</gml:outerBoundaryIs></gml:Polygon>"
)

POINTING: dict[str, tuple[str, str]] = {
    "a KML network link to a host": (
        ".kml",
        KML.format(
            PLACE.format("a") + "<NetworkLink><Link><href>{host}/a.kml</href></Link></NetworkLink>"
        ),
    ),
    "a KML network link to a file": (
        ".kml",
        KML.format(
            PLACE.format("a") + "<NetworkLink><Link><href>{canary}</href></Link></NetworkLink>"
        ),
    ),
    "a KML icon and model on a host": (
        ".kml",
        KML.format(
            "<Style><IconStyle><Icon><href>{host}/a.png</href></Icon></IconStyle></Style>"
            + PLACE.format("<![CDATA[<img src='{host}/a.png'>]]>")
        ),
    ),
    "KML that includes a file": (
        ".kml",
        KML.format(
            PLACE.format("a")
            + "<xi:include xmlns:xi='http://www.w3.org/2001/XInclude' href='{canary}'/>"
        ),
    ),
    "GML with a link to a file": (
        ".gml",
        GML.format(head="", more="<ogr:name xlink:href='file://{canary}'/>", shape=SHAPE),
    ),
    "GML with a link to a host": (
        ".gml",
        GML.format(head="", more="", shape="<gml:Polygon xlink:href='{host}/a.gml#1'/>" + SHAPE),
    ),
    "GML with its schema in a file": (
        ".gml",
        GML.format(
            head="xsi:schemaLocation='http://ogr.maptools.org/ {canary}'", more="", shape=SHAPE
        ),
    ),
    "GML with its schema on a host": (
        ".gml",
        GML.format(
            head="xsi:schemaLocation='http://ogr.maptools.org/ {host}/a.xsd'", more="", shape=SHAPE
        ),
    ),
}


@pytest.mark.parametrize("what", POINTING)
def test_xml_that_points_elsewhere_is_not_followed(
    tmp_path: Path, canary: Path, host: str, what: str
) -> None:
    suffix, content = POINTING[what]
    content = content.replace("{canary}", str(canary)).replace("{host}", host)

    answer = outcome(text(tmp_path / f"grids{suffix}", content))

    assert "CANARY" not in repr(answer)
    if isinstance(answer, BoundaryFile):
        assert answer.codes == ["1"]


# --- JSON -----------------------------------------------------------------------------------------


def _deep(levels: int, opened: str, closed: str) -> str:
    return opened * levels + closed * levels


DEEP: dict[str, Callable[[int], tuple[str, str]]] = {
    "coordinates": lambda n: (".geojson", collection(feature(_deep(n, "[", "]"), code="1"))),
    "collections": lambda n: (
        ".geojson",
        '{"type":"Feature","properties":{"code":"1"},"geometry":'
        + _deep(n, '{"type":"GeometryCollection","geometries":[', "]}")
        + "}",
    ),
    "lines of JSON": lambda n: (
        ".geojsonl",
        feature(code="1") + "\n" + _deep(n, "[", "]") + "\n",
    ),
    "TopoJSON": lambda n: (
        ".json",
        '{"type":"Topology","arcs":[],"objects":{"a":'
        + _deep(n, '{"type":"GeometryCollection","geometries":[', "]}")
        + "}}",
    ),
    "KML": lambda n: (".kml", KML.format(_deep(n, "<Folder>", "</Folder>"))),
    "GML": lambda n: (
        ".gml",
        GML.format(
            head="",
            more="",
            shape=_deep(
                n,
                "<gml:MultiGeometry><gml:geometryMember>",
                "</gml:geometryMember></gml:MultiGeometry>",
            ),
        ),
    ),
}


@pytest.mark.parametrize("levels", [1_000, 100_000])
@pytest.mark.parametrize("what", DEEP)
def test_a_file_of_very_many_levels_is_refused(tmp_path: Path, what: str, levels: int) -> None:
    suffix, content = DEEP[what](levels)

    refused(text(tmp_path / f"grids{suffix}", content), limits=LIMITS if levels > 1_000 else None)


@pytest.mark.parametrize("levels", [60, 1_000])
def test_a_cell_of_many_levels_becomes_text(tmp_path: Path, levels: int) -> None:
    sent = feature(code="1", deep=0).replace('"deep": 0', f'"deep": {_deep(levels, "[", "]")}')

    found = outcome(text(tmp_path / "grids.geojson", collection(sent)))

    assert isinstance(found, BoundaryFile)
    deep = found.properties[0]["deep"]
    if levels == 60:
        assert deep == json.loads(_deep(levels, "[", "]"))
    else:
        assert isinstance(deep, str)
        assert deep.replace(" ", "") == _deep(levels, "[", "]")


@pytest.mark.parametrize("number", ["1e999", "-1e999", "NaN", "Infinity", "1e308", "9" * 10_000])
def test_a_coordinate_that_is_no_place_is_refused(tmp_path: Path, number: str) -> None:
    content = collection(feature(SQUARE.replace("38.41", number), code="1"))

    said = refused(text(tmp_path / "grids.geojson", content), limits=None)

    assert "row 1" in said or "Unrecognized number" in said


def test_keys_given_twice_make_one_value(tmp_path: Path) -> None:
    content = collection(feature(code="1")).replace('"code": "1"', '"code": "1", "code": "2"')

    found = outcome(text(tmp_path / "grids.geojson", content), limits=None)

    assert isinstance(found, BoundaryFile)
    assert found.codes in (["1"], ["2"])


def test_a_text_that_a_zero_character_would_cut_is_refused(tmp_path: Path) -> None:
    content = collection(feature(code="1\0A"), feature(code="1\0B"))

    with pytest.raises(UnreadableError, match=r"U\+0000"):
        read_boundaries(text(tmp_path / "grids.geojson", content))


def test_a_backslash_before_u0000_is_plain_text(tmp_path: Path) -> None:
    found = read_boundaries(
        text(tmp_path / "grids.geojson", collection(feature(code="1", name=r"C:\u0000")))
    )

    assert found.names == [r"C:\u0000"]


TOPOLOGY = {
    "type": "Topology",
    "arcs": [[[104.9, 38.4], [104.91, 38.4], [104.91, 38.41], [104.9, 38.4]]],
}

TOPOLOGIES: dict[str, Json] = {
    "an arc that is not there": {"type": "Polygon", "arcs": [[7]]},
    "an arc beyond all numbers": {"type": "Polygon", "arcs": [[2**40]]},
    "an arc from behind beyond the first": {"type": "Polygon", "arcs": [[-(2**31)]]},
    "arcs that are no numbers": {"type": "Polygon", "arcs": [["x", None, {}]]},
    "arcs that are no list": {"type": "Polygon", "arcs": {"a": 1}},
}


@pytest.mark.parametrize("what", TOPOLOGIES)
def test_a_topology_without_its_arcs_harms_nobody(tmp_path: Path, what: str) -> None:
    shape = TOPOLOGIES[what] | {"properties": {"code": "1"}}
    whole = TOPOLOGY | {"objects": {"a": {"type": "GeometryCollection", "geometries": [shape]}}}

    answer = outcome(text(tmp_path / "grids.topojson", json.dumps(whole)), limits=None)

    if isinstance(answer, BoundaryFile):  # land that is not there is no land
        assert all(geom is None or geom.is_empty for geom in answer.geoms)


# --- files that make GDAL open others -------------------------------------------------------------

VRT = (
    "<OGRVRTDataSource><OGRVRTLayer name='canary'><SrcDataSource>{}</SrcDataSource>"
    "</OGRVRTLayer></OGRVRTDataSource>"
)

OPENING: dict[str, tuple[str, str]] = {
    "a .vrt": ("grids.vrt", VRT.format("{canary}")),
    "a .vrt of a host": ("grids.vrt", VRT.format("/vsicurl/{host}/a.geojson")),
    "a .vrt called .gpkg": ("grids.gpkg", VRT.format("{canary}")),
    "a .vrt called .shp": ("grids.shp", VRT.format("{canary}")),
    "a .vrt called .geojson": ("grids.geojson", VRT.format("{canary}")),
    "a .vrt called .kml": ("grids.kml", VRT.format("{canary}")),
    "a .vrt called .gml": ("grids.gml", VRT.format("{canary}")),
    "a table of links": ("grids.csv", "code,WKT\n1,{canary}\n"),
    "a service's address": ("grids.xml", "<WFSDataSource><URL>{host}/wfs</URL></WFSDataSource>"),
    "a service's feature list": (
        "grids.json",
        '{"type":"FeatureCollection","links":[{"href":"{host}/next","rel":"next"}],"features":[]}',
    ),
    "a list of tiles": (
        "grids.json",
        '{"type":"FeatureCollection","features":[],"tiles":["{host}/{z}/{x}/{y}.mvt"]}',
    ),
    "a page of Esri's service": (
        "grids.json",
        '{"geometryType":"esriGeometryPolygon","exceededTransferLimit":true,"fields":'
        '[{"name":"code","type":"esriFieldTypeString"}],"features":[{"attributes":{"code":"1"},'
        f'"geometry":{{"rings":{SQUARE}}}}}]}}',
    ),
    "a connection to a database": ("grids.txt", "PG:host=127.0.0.1 dbname=wangge"),
    "a path for a content": ("grids.geojson", "{canary}"),
}


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("what", OPENING)
def test_no_file_makes_another_be_opened(
    tmp_path: Path, canary: Path, host: str, what: str, packed: bool
) -> None:
    name, content = OPENING[what]
    content = content.replace("{canary}", str(canary)).replace("{host}", host)
    path = text(tmp_path / name, content)
    if packed:
        path = archive(tmp_path / "grids.zip", (name, content))

    try:
        answer: object = read_boundaries(path)
    except WanggeError as error:
        answer = error

    assert "CANARY" not in repr(answer)
    assert isinstance(answer, UnreadableError) or "Esri" in what


@pytest.mark.parametrize(
    "name",
    ["/vsizip/grids.zip", "/vsicurl/{host}/a.geojson", "GeoJSON:{canary}", "{host}/a.geojson"],
)
def test_a_name_is_only_a_file_s_name(canary: Path, host: str, name: str) -> None:
    name = name.replace("{canary}", str(canary)).replace("{host}", host)

    with pytest.raises(UnreadableError, match="is not there"):
        read_boundaries_apart(Path(name))


def test_a_file_that_is_called_like_a_connection_is_read_as_a_file(tmp_path: Path) -> None:
    for name in (
        "PG:dbname=x.geojson",
        "MVT:grids.geojson",
        "grids.gpkg,layer.geojson",
        "a?b#c.geojson",
    ):
        assert read_boundaries(text(tmp_path / name, GRIDS)).codes == ["1"]


# --- databases ------------------------------------------------------------------------------------


def geopackage(path: Path, *statements: str) -> Path:
    """Write the two cells as layer ``grids``, then change the database by hand."""
    save(path, {"code": ["1", "2"], "name": ["a", "b"]}, "GPKG", layer="grids")
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        triggers = database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        for (name,) in triggers.fetchall():  # they call functions that only GDAL has
            database.execute(f'DROP TRIGGER "{name}"')
        database.execute("PRAGMA writable_schema = ON")
        for statement in statements:
            database.execute(statement)
    return path


def view(query: str) -> list[str]:
    """Return what puts a view in the place of the layer."""
    return ["ALTER TABLE grids RENAME TO hidden", f"CREATE VIEW grids AS {query}"]


def virtual(module: str) -> str:
    """Return what declares a virtual table, which only its module could make."""
    return (
        "INSERT INTO sqlite_master (type, name, tbl_name, rootpage, sql) VALUES "
        f"('table', 'more', 'more', 0, 'CREATE VIRTUAL TABLE more USING {module}')"
    )


DATABASES: dict[str, list[str]] = {
    "a view of an extension": view(
        "SELECT fid, geom, load_extension('{canary}') AS code, 'x' AS name FROM hidden"
    ),
    "a view of a file": view(
        "SELECT fid, geom, readfile('{canary}') AS code, 'x' AS name FROM hidden"
    ),
    "a view that writes": view(
        "SELECT fid, geom, writefile('{canary}', 'x') AS code, 'x' AS name FROM hidden"
    ),
    "a view of a host": view(
        "SELECT fid, geom, ogr_geocode('{host}') AS code, 'x' AS name FROM hidden"
    ),
    "a view of other layers": view(
        "SELECT fid, geom, ogr_datasource_load_layers('{canary}') AS code, 'x' AS name FROM hidden"
    ),
    "a view of itself": [*view("SELECT * FROM more"), "CREATE VIEW more AS SELECT * FROM grids"],
    "a virtual table of OGR": [virtual("VirtualOGR(''{canary}'')")],
    "a virtual table of a CSV": [virtual("csv(filename=''{canary}'')")],
    "triggers": [
        "CREATE TRIGGER t AFTER INSERT ON grids BEGIN DELETE FROM grids; END",
        "CREATE TRIGGER u AFTER UPDATE ON grids BEGIN SELECT load_extension('x'); END",
    ],
    "a schema that is broken": [
        "UPDATE sqlite_master SET sql = 'CREATE TABLE broken (' WHERE name = 'gpkg_extensions'"
    ],
}


@pytest.mark.parametrize("what", DATABASES)
def test_a_database_runs_nothing_of_its_own(
    tmp_path: Path, canary: Path, host: str, what: str
) -> None:
    was = canary.read_bytes()
    path = geopackage(
        tmp_path / "grids.gpkg",
        *(s.replace("{canary}", str(canary)).replace("{host}", host) for s in DATABASES[what]),
    )
    sent = path.read_bytes()

    answer = outcome(path)

    assert "CANARY" not in repr(answer)
    assert canary.read_bytes() == was
    assert path.read_bytes() == sent


def test_a_view_without_end_ends_with_its_time(tmp_path: Path) -> None:
    endless = (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
        "SELECT n.i AS fid, geom, code, name FROM hidden, n"
    )
    path = geopackage(tmp_path / "grids.gpkg", *view(endless))

    assert "more than 3 seconds" in refused(path, limits=LIMITS._replace(seconds=3))


def test_a_database_that_miscounts_itself_loses_nothing(tmp_path: Path) -> None:
    """Programs other than GDAL change the features and not the count of them."""
    for count in (1, 0, -7, 5, 2**31, 2**62):
        miscounted = f"UPDATE gpkg_ogr_contents SET feature_count = {count}"

        found = read_boundaries(geopackage(tmp_path / "grids.gpkg", miscounted))

        assert found.codes == ["1", "2"], count
        found_in = tmp_path / "grids.gpkg"
        found_in.unlink()


def test_thousands_of_layers_are_named_in_few_words(tmp_path: Path) -> None:
    named = (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) "
        "INSERT INTO {} SELECT {} FROM n"
    )
    path = geopackage(
        tmp_path / "grids.gpkg",
        named.format(
            "gpkg_contents (table_name, data_type, identifier, srs_id)",
            "'layer' || i, 'features', 'layer' || i, 4326",
        ),
        named.format("gpkg_geometry_columns", "'layer' || i, 'geom', 'POLYGON', 4326, 0, 0"),
    )

    answer = outcome(path)

    assert isinstance(answer, BoundaryFile)
    assert answer.codes == ["1", "2"]


def in_a_log(path: Path, code: str) -> sqlite3.Connection:
    """Change the first code of a GeoPackage in its log only, as QGIS does while it is open."""
    database = sqlite3.connect(geopackage(path), isolation_level=None)
    database.execute("PRAGMA journal_mode = wal")
    database.execute("PRAGMA wal_autocheckpoint = 0")
    database.execute("UPDATE grids SET code = ? WHERE fid = 1", [code])
    return database


@pytest.mark.parametrize("read", [read_boundaries, read_boundaries_apart])
def test_changes_that_stand_in_a_database_s_log_are_read(
    tmp_path: Path, read: Callable[[Path], BoundaryFile]
) -> None:
    path = tmp_path / "grids.gpkg"
    with closing(in_a_log(path, "changed")):
        beside = sorted(p.name for p in tmp_path.iterdir())

        assert read(path).codes == ["changed", "2"]
        assert sorted(p.name for p in tmp_path.iterdir()) == beside


def test_a_database_with_changes_to_be_taken_back_is_refused(tmp_path: Path) -> None:
    path = geopackage(tmp_path / "grids.gpkg")
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("PRAGMA cache_size = 1")
        database.execute("BEGIN")
        database.execute("UPDATE grids SET code = hex(zeroblob(500000))")
        assert path.with_name("grids.gpkg-journal").stat().st_size

        with pytest.raises(UnreadableError, match="being written to"):
            read_boundaries(path)
        database.execute("ROLLBACK")

    assert read_boundaries(path).codes == ["1", "2"]


def test_a_database_s_commands_are_no_database(tmp_path: Path) -> None:
    content = ".open /etc/passwd\n.shell touch /tmp/pwned\nATTACH DATABASE 'x' AS y;\n"

    assert "no known format" in refused(text(tmp_path / "grids.gpkg", content))


# --- lengths that lie -----------------------------------------------------------------------------


def patched(path: Path, place: int, content: bytes) -> Path:
    """Overwrite some bytes of a file."""
    data = bytearray(path.read_bytes())
    data[place : place + len(content)] = content
    path.write_bytes(data)
    return path


MANY = 0x7FFFFFFF

LYING: dict[str, tuple[str, int, bytes]] = {
    "a .shp of 4 GiB": (".shp", 24, struct.pack(">i", MANY)),
    "a .shp of a length below 0": (".shp", 24, struct.pack(">i", -5)),
    "a shape of 4 GiB": (".shp", 104, struct.pack(">i", MANY)),
    "a shape of very many parts": (".shp", 108 + 36, struct.pack("<i", MANY)),
    "a shape of very many points": (".shp", 108 + 40, struct.pack("<i", MANY)),
    "a part that begins outside": (".shp", 108 + 44, struct.pack("<i", MANY)),
    "a .shx of 4 GiB": (".shx", 24, struct.pack(">i", MANY)),
    "a .shx that points outside": (".shx", 100, struct.pack(">i", MANY)),
    "a .shx that points before": (".shx", 100, struct.pack(">i", -4)),
    "a .dbf of 2**32 rows": (".dbf", 4, b"\xff" * 4),
    "a .dbf of rows without width": (".dbf", 10, bytes(2)),
    "a .dbf of a head beyond its end": (".dbf", 8, b"\xff\xff"),
    "a .dbf of a head without length": (".dbf", 8, bytes(2)),
}


@pytest.mark.parametrize("what", LYING)
def test_a_shapefile_that_lies_about_lengths_is_refused_or_short(tmp_path: Path, what: str) -> None:
    suffix, place, content = LYING[what]
    path = save(tmp_path / "grids.shp", {"code": ["1", "2"]}, "ESRI Shapefile")
    patched(path.with_suffix(suffix), place, content)

    try:
        answer: object = read_boundaries(path)
    except WanggeError as error:
        answer = error

    assert isinstance(answer, UnreadableError) or (
        isinstance(answer, BoundaryFile) and len(answer.geoms) <= 2
    )


@pytest.mark.parametrize("count", [0, 1, 2**31, 2**63, 2**64 - 1])
@pytest.mark.parametrize("indexed", ["YES", "NO"])
def test_a_flatgeobuf_that_lies_about_its_count_makes_up_nothing(
    tmp_path: Path, count: int, indexed: str
) -> None:
    codes = ["1", "2"]
    path = save(tmp_path / "grids.fgb", {"code": codes}, "FlatGeobuf", SPATIAL_INDEX=indexed)
    place = path.read_bytes().index(struct.pack("<Q", 2), 8)
    patched(path, place, struct.pack("<Q", count))

    try:
        answer: BoundaryFile | None = read_boundaries(path)
    except UnreadableError:
        answer = None

    assert answer is None or set(answer.codes) <= {*codes}


def parquet(path: Path, **columns: pa.Array) -> Path:
    """Write GeoParquet with zstd, whatever is in it."""
    described = {"encoding": "WKB", "geometry_types": ["Polygon"]}
    geo = {"version": "1.1.0", "primary_column": "geometry", "columns": {"geometry": described}}
    table = pa.table(columns).replace_schema_metadata({"geo": json.dumps(geo)})
    pq.write_table(table, path, compression="zstd", write_statistics=False)
    return path


def repeated(value: bytes | str, count: int) -> pa.Array:
    """Return a column of one value, which a file holds once."""
    kind = pa.binary() if isinstance(value, bytes) else pa.string()
    return pa.DictionaryArray.from_arrays(
        pa.array(np.zeros(count, dtype=np.int32)), pa.array([value], type=kind)
    )


def test_ten_million_features_are_refused(tmp_path: Path) -> None:
    square = bytes(shapely.to_wkb(WEST))
    path = parquet(tmp_path / "grids.parquet", geometry=repeated(square, 10_000_000))
    assert path.stat().st_size < 1 << 20

    assert "2,000,000 features" in refused(path)


def test_texts_that_unpack_to_a_thousand_times_their_size_are_refused(tmp_path: Path) -> None:
    square = bytes(shapely.to_wkb(WEST))
    count = 20_000
    path = parquet(
        tmp_path / "grids.parquet",
        geometry=repeated(square, count),
        code=pa.array([str(n) for n in range(count)]),
        note=repeated("x" * 100_000, count),
    )
    assert path.stat().st_size < 1 << 20

    said = refused(path)

    assert "memory" in said
    assert str(LIMITS.memory_mb) in said


def test_a_polygon_of_ten_million_vertices_is_refused(tmp_path: Path) -> None:
    count = 10_000_000
    ring = np.tile([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]], (count // 4, 1))
    ring[-1] = ring[0]
    assert count > MAX_VERTICES
    head = struct.pack("<BIII", 1, 3, 1, count)
    path = parquet(
        tmp_path / "grids.parquet",
        geometry=pa.array([head + ring.tobytes()], type=pa.binary()),
        code=pa.array(["1"]),
    )

    assert "10,000,000 vertices in row 1" in refused(path)


@pytest.mark.parametrize("count", [2**31 - 1, 2**32 - 1])
def test_a_geometry_that_lies_about_its_length_is_refused(tmp_path: Path, count: int) -> None:
    lying = struct.pack("<BIII", 1, 3, 1, count) + bytes(64)
    more = struct.pack("<BII", 1, 6, count) + bytes(64)
    for piece in (lying, more):
        path = parquet(
            tmp_path / "grids.parquet",
            geometry=pa.array([piece], type=pa.binary()),
            code=pa.array(["1"]),
        )

        refused(path, limits=None)


@pytest.mark.parametrize("place", ["the end", "the middle"])
def test_a_parquet_file_that_lies_about_lengths_is_refused(tmp_path: Path, place: str) -> None:
    square = bytes(shapely.to_wkb(WEST))
    path = parquet(tmp_path / "grids.parquet", geometry=pa.array([square] * 3))
    at = path.stat().st_size - 8 if place == "the end" else path.stat().st_size // 2

    refused(patched(path, at, b"\xff\xff\xff\x7f"), limits=None)


# --- texts ----------------------------------------------------------------------------------------

# as sent, and as it may be printed, stored and compared
TEXTS: dict[str, tuple[str, str]] = {
    "a terminal's command": ("\x1b[2J\x1b]0;x\x07网格", "[2J]0;x网格"),
    "a bell and a backspace": ("网\x07\x08格", "网格"),
    "an overridden direction": ("网格\u202egnp.exe", "网格gnp.exe"),
    "an isolate without end": ("\u2066网格", "网格"),
    "a control character of Latin-1": ("网\x9b格", "网格"),
    "marks that Uyghur names need": ("ئۈرۈم\u200cچى\u200f", "ئۈرۈم\u200cچى\u200f"),
    "a line break": ("第一\n网格", "第一\n网格"),
    "a page's script": ("<script>alert(1)</script>", "<script>alert(1)</script>"),
    "a spreadsheet's formula": ("=HYPERLINK(1)", "=HYPERLINK(1)"),
    "a statement": ("'; DROP TABLE unit; --", "'; DROP TABLE unit; --"),
    "a template": ("{{7*7}}${7*7}%s", "{{7*7}}${7*7}%s"),
}


@pytest.mark.parametrize("what", TEXTS)
def test_a_text_is_made_harmless_aloud(tmp_path: Path, what: str) -> None:
    sent, kept = TEXTS[what]
    content = collection(
        feature(code="1", name="网格", note=[{sent: sent}]), feature(code="2", name=sent)
    )

    found = read_boundaries(text(tmp_path / "grids.geojson", content))

    assert found.names[1] == kept
    assert found.properties[0] == {"note": [{kept: kept}]}
    told = [n.feature_count for n in found.notices if n.code == "CONTROL_CHARACTERS"]
    assert told == ([2] if sent != kept else [])


def test_the_name_of_a_column_is_made_harmless_aloud(tmp_path: Path) -> None:
    sent: Json = {"\x1b[2Jcode": "1", "x'); DROP TABLE unit; --": 1, "\u202etxt": 2, "": 3}

    found = read_boundaries(
        text(tmp_path / "grids.geojson", collection(feature(**sent))), need_code=False
    )

    assert found.properties == [{"[2Jcode": "1", "x'); DROP TABLE unit; --": 1, "txt": 2, "": 3}]
    told = [n for n in found.notices if n.code == "CONTROL_CHARACTERS"]
    assert len(told) == 1
    assert "2 columns" in told[0].message


def test_a_zero_character_in_a_parquet_file_is_taken_out(tmp_path: Path) -> None:
    square = bytes(shapely.to_wkb(WEST))
    path = parquet(
        tmp_path / "grids.parquet",
        geometry=pa.array([square]),
        code=pa.array(["1\0"]),
        name=pa.array(["a\0b"]),
        nested=pa.array([{"a\0": ["\0"]}]),
    )

    found = read_boundaries(path)

    assert (found.codes, found.names, found.properties) == (
        ["1"],
        ["ab"],
        [{"nested": {"a": [""]}}],
    )


def test_half_a_character_becomes_a_whole_one(tmp_path: Path) -> None:
    content = collection(feature(code="1", name="NAME", note=["NAME"])).replace("NAME", "a\\ud800b")

    found = read_boundaries(text(tmp_path / "grids.geojson", content))

    assert found.names == ["a\ufffdb"]
    assert found.properties == [{"note": ["a\ufffdb"]}]
    json.dumps(found.properties, ensure_ascii=False).encode()  # as a database is given it


@pytest.mark.parametrize("column", ["code", "name", "parent"])
def test_a_code_or_name_as_long_as_a_book_is_refused(tmp_path: Path, column: str) -> None:
    long = {"code": "1", "name": "a", "parent": "0"} | {column: "长" * 3_000_000}

    with pytest.raises(UnreadableError, match=f"a {column} of 3,000,000 characters in row 2"):
        read_boundaries(
            text(tmp_path / "g.geojson", collection(feature(code="0"), feature(**long)))
        )


def test_a_long_text_in_any_other_column_is_kept(tmp_path: Path) -> None:
    book = "长" * 3_000_000
    name = "n" * MAX_LABEL

    found = outcome(
        text(tmp_path / "g.geojson", collection(feature(code="1", name=name, note=book)))
    )

    assert isinstance(found, BoundaryFile)
    assert found.names == [name]
    assert found.properties == [{"note": book}]
