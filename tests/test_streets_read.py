"""Streets read from files: extracts of OpenStreetMap in every packing, and layers of lines."""

from __future__ import annotations

import bz2
import gzip
import json
from typing import TYPE_CHECKING

import numpy as np
import osmium
import pyogrio
import pytest
import shapely

from geo.crs import Datum, Plane, convert
from geo.errors import BadInputError, UnreadableError
from geo.street_building import Built, build_streets
from resolvers.streets import join_files
from sources.apart import Limits, read_streets_apart
from sources.streets import StreetFile, read_streets
from sources.walkable import read_walkable
from tests.streets_made import drawn, lonlat_of, osm_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tests.streets_made import Place

TABLE = read_walkable()

PLACES: Mapping[str, Place] = {
    "A": (0, 0),
    "B": (2, 0),
    "C": (1, 0),
    "D": (1, -1),
    "E": (1, 1),
}
"""A-C-B from west to east, D-C-E from south to north."""

STREET = {"highway": "residential"}
CROSS = (("ACB", STREET), ("DCE", {"highway": "footway", "name": "南北巷"}))


def read(path: Path) -> StreetFile:
    return read_streets(path, walkable=TABLE)


def codes(part: StreetFile) -> dict[str, int]:
    return {notice.code: notice.feature_count for notice in part.notices}


def left_out(part: StreetFile) -> dict[str, int]:
    return dict(zip(part.reasons, part.left_out.tolist(), strict=True))


def the_cross() -> Built:
    ways = drawn(dict(PLACES), "ACB", "DCE")
    return build_streets(ways._replace(kinds=["residential", "footway"], names=[None, "南北巷"]))


def to_pbf(text: Path, target: Path) -> Path:
    """Let the library itself write a file in its other form."""
    writer = osmium.SimpleWriter(str(target))
    for thing in osmium.FileProcessor(str(text)):
        writer.add(thing)
    writer.close()
    return target


def packed(content: bytes, form: str) -> bytes:
    if form.endswith("gz"):
        return gzip.compress(content)
    return bz2.compress(content) if form.endswith("bz2") else content


# --- extracts -----------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["osm", "osm.gz", "osm.bz2", "osm.pbf", "bin"])
def test_an_extract_is_told_by_its_bytes_in_every_packing(tmp_path: Path, form: str) -> None:
    text = osm_text(PLACES, CROSS).encode()
    plain, path = tmp_path / "plain.osm", tmp_path / f"x.{form}"
    plain.write_bytes(text)
    if form == "osm.pbf":
        to_pbf(plain, path)
    else:
        path.write_bytes(packed(text, form))

    part = read(path)

    assert (part.format, part.taken, part.has_nodes) == ("OpenStreetMap", 2, True)
    assert join_files([part]).streets.version == the_cross().streets.version


@pytest.mark.parametrize("ways_first", [False, True])
@pytest.mark.parametrize("sign", [1, -1])
def test_neither_the_order_in_a_file_nor_the_sign_of_ids_matters(
    tmp_path: Path, ways_first: bool, sign: int
) -> None:
    path = tmp_path / "x.osm"
    path.write_text(osm_text(PLACES, CROSS, ways_first=ways_first, sign=sign), encoding="utf-8")

    assert join_files([read(path)]).streets.version == the_cross().streets.version


def test_nodes_are_chosen_alike_in_large_files_and_small(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.osm"
    path.write_text(osm_text(PLACES, CROSS), encoding="utf-8")
    monkeypatch.setattr("sources.osm.LARGE_BYTES", 1)

    assert join_files([read(path)]).streets.version == the_cross().streets.version


def test_one_way_streets_are_walked_both_ways(tmp_path: Path) -> None:
    path = tmp_path / "x.osm"
    path.write_text(osm_text(PLACES, [("AC", STREET | {"oneway": "yes"})]), encoding="utf-8")

    streets = join_files([read(path)]).streets

    assert streets.arc_node.tolist() == [1, 0]


def test_what_is_left_out_is_counted_by_reason(tmp_path: Path) -> None:
    path = tmp_path / "x.osm"
    ways = [
        ("AC", STREET),
        ("CB", {"highway": "motorway"}),
        ("DC", STREET | {"foot": "no"}),
        ("CE", STREET | {"foot": "NO "}),
        ("A", STREET),
        ("AE", {"waterway": "river"}),
    ]
    path.write_text(osm_text(PLACES, ways), encoding="utf-8")

    part = read(path)

    assert part.taken == 1
    assert left_out(part) == {"foot=no": 2, "fewer than two nodes": 1, "motorway": 1}
    assert part.reasons[0] == "foot=no"  # the most first


def test_conditions_and_squares_are_told(tmp_path: Path) -> None:
    path = tmp_path / "x.osm"
    square = {"highway": "pedestrian", "area": "yes"}
    ways = [("ADBEA", square), ("ACB", STREET | {"foot:conditional": "no @ (22:00-06:00)"})]
    path.write_text(osm_text(PLACES, ways), encoding="utf-8")

    part = read(path)

    assert codes(part) == {"AREA": 1, "CONDITIONS": 1}
    # The square is walked around: its outline and the street through it, which meet at A and B.
    assert len(join_files([part]).streets) == 3


def test_ways_that_leave_the_extract_keep_what_lies_in_it(tmp_path: Path) -> None:
    path = tmp_path / "x.osm"
    places = dict(PLACES) | {letter: (n, 2) for n, letter in enumerate("pqrstu")}
    # Of p to u, r is beyond the edge: p-q stays, and s-t-u. Of A-r-C nothing does.
    ways = [("pqrstu", STREET), ("ArC", STREET)]
    path.write_text(osm_text(places, ways, missing="r"), encoding="utf-8")

    part = read(path)

    assert (part.taken, codes(part)) == (2, {"CUT": 2})
    kept = [lonlat_of(places[letter]) for letter in "pqstu"]
    assert [tuple(place) for place in part.lonlat.tolist()] == kept
    assert part.start.tolist() == [0, 2, 5]


def test_extracts_side_by_side_meet_where_they_share_a_node(tmp_path: Path) -> None:
    west, east = tmp_path / "west.osm", tmp_path / "east.osm"
    west.write_text(osm_text(PLACES, CROSS, missing="B"), encoding="utf-8")
    east.write_text(osm_text(PLACES, CROSS, missing="A"), encoding="utf-8")

    for files in ((west, east), (east, west)):
        built = join_files([read(path) for path in files])
        assert built.streets.version == the_cross().streets.version


def test_extracts_and_layers_of_lines_are_not_mixed(tmp_path: Path) -> None:
    extract = tmp_path / "x.osm"
    extract.write_text(osm_text(PLACES, CROSS), encoding="utf-8")
    lines = write_lines(tmp_path / "lines.geojson", [("ACB", {"highway": "path"})])

    with pytest.raises(BadInputError, match=r"lines\.geojson"):
        join_files([read(extract), read(lines)])


def test_names_lose_what_harms_a_terminal_and_keep_the_rest(tmp_path: Path) -> None:
    path = tmp_path / "x.osm"
    ways = [("AC", STREET | {"name": " a\u202eb\u009bc "}), ("DE", STREET | {"name": "حي"})]
    path.write_text(osm_text(PLACES, ways), encoding="utf-8")

    part = read(path)

    assert part.names == ["abc", "حي"]
    assert codes(part) == {"CONTROL_CHARACTERS": 1}


def test_a_name_that_is_no_utf8_is_left_out_and_told(tmp_path: Path) -> None:
    text, path = tmp_path / "x.osm", tmp_path / "x.osm.pbf"
    text.write_text(osm_text(PLACES, [("AC", STREET | {"name": "maindrag"})]), encoding="utf-8")
    writer = osmium.SimpleWriter(osmium.io.File(str(path), "pbf,pbf_compression=none"))
    for thing in osmium.FileProcessor(str(text)):
        writer.add(thing)
    writer.close()
    path.write_bytes(path.read_bytes().replace(b"maindrag", b"\xb4\xf3\xbd\xd6\xb4\xf3\xbd\xd6"))

    part = read(path)

    assert part.names == [None]
    assert codes(part) == {"TEXT_SPOILT": 1}


def test_an_extract_in_a_shifted_datum_is_taken_back(tmp_path: Path) -> None:
    path = tmp_path / "x.osm"
    path.write_text(osm_text(PLACES, CROSS), encoding="utf-8")

    shifted = read_streets(path, walkable=TABLE, datum=Datum.GCJ02)

    np.testing.assert_allclose(
        shifted.lonlat, convert(read(path).lonlat, Datum.GCJ02, Datum.WGS84), atol=1e-9
    )
    assert np.abs(shifted.lonlat - read(path).lonlat).max() > 1e-3


# --- extracts that cannot be read ---------------------------------------------------------------

NODE = '<node id="1" lat="{}" lon="{}"/>'
WAY = '<way id="1"><nd ref="1"/><nd ref="2"/><tag k="highway" v="path"/></way>'


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("<osm version='0.6'></osm>", "no way that may be walked"),
        ("<osm version='0.6'>" + WAY + "</osm>", "of none two nodes"),
        ("<osm version='0.6'>" + NODE.format(91, 1) + WAY + "</osm>", "of none two nodes"),
        ("<osm version='0.6'>" + NODE.format("nan", 1) + "</osm>", "wrong format for coordinate"),
        ("<osm version='0.6'>" + NODE.format(1, "9e9") + "</osm>", "wrong format for coordinate"),
        ("<osm version='0.6'><way id='1'>", "no element found"),
        ("<osm version='0.6'><way id='99999999999999999999'/></osm>", "illegal id"),
        ("<osm></osm>", "without version"),
        ("<osmChange version='0.6'></osmChange>", "holds changes"),
        ("<!DOCTYPE osm [<!ENTITY a 'b'>]><osm version='0.6'/>", "entities are not supported"),
        ("\0\0\0\x0d\n\tOSMHeader\x18\x10", "no whole extract"),
    ],
)
def test_a_bad_extract_is_refused_in_one_sentence(tmp_path: Path, content: str, told: str) -> None:
    path = tmp_path / "bad.osm"
    path.write_text(content, encoding="latin-1")

    with pytest.raises((UnreadableError, BadInputError), match=told) as caught:
        read(path)

    assert "bad.osm" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("form", ["osm", "osm.gz", "osm.bz2", "osm.pbf"])
def test_an_extract_that_is_cut_off_is_never_half_a_network(tmp_path: Path, form: str) -> None:
    whole, path = tmp_path / "whole.osm", tmp_path / f"x.{form}"
    whole.write_text(osm_text(PLACES, CROSS), encoding="utf-8")
    if form == "osm.pbf":
        content = to_pbf(whole, path).read_bytes()
    else:
        content = packed(whole.read_bytes(), form)
    for length in range(8, len(content) - 1, max(1, len(content) // 20)):
        path.write_bytes(content[:length])
        with pytest.raises((UnreadableError, BadInputError)):
            read(path)


def test_only_none_or_the_datum_is_asked_of_an_extract(tmp_path: Path) -> None:
    path = tmp_path / "x.osm"
    path.write_text(osm_text(PLACES, CROSS), encoding="utf-8")

    with pytest.raises(BadInputError, match="--crs") as caught:
        read_streets(path, walkable=TABLE, crs="EPSG:4490")

    assert caught.value.extensions["argument"] == "crs"


# --- a process apart ----------------------------------------------------------------------------


def test_a_process_apart_reads_the_same(tmp_path: Path) -> None:
    path = tmp_path / "x.osm"
    path.write_text(osm_text(PLACES, CROSS), encoding="utf-8")

    here, apart = read(path), read_streets_apart(path, walkable=TABLE)

    for name, value in vars(here).items():
        np.testing.assert_array_equal(getattr(apart, name), value, err_msg=name)


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress])
def test_a_bomb_is_not_unpacked(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "bomb.osm.gz"
    path.write_bytes(pack(b"<osm>" + bytes(80 << 20)))

    with pytest.raises(UnreadableError, match="more than 200 times its size"):
        read_streets_apart(path, walkable=TABLE)


def test_a_reader_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    path = tmp_path / "x.osm"
    path.write_text(osm_text(PLACES, CROSS), encoding="utf-8")

    with pytest.raises(UnreadableError, match="more than 0 seconds"):
        read_streets_apart(path, walkable=TABLE, limits=Limits(seconds=0))


# --- layers of lines ----------------------------------------------------------------------------


def write_lines(
    path: Path,
    ways: list[tuple[str, dict[str, object]]],
    *,
    move: Callable[[list[tuple[float, float]]], object] = list,
) -> Path:
    features = [
        {
            "type": "Feature",
            "properties": tags,
            "geometry": {
                "type": "LineString",
                "coordinates": move([lonlat_of(PLACES[letter]) for letter in letters]),
            },
        }
        for letters, tags in ways
    ]
    path.write_text(
        json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8"
    )
    return path


LINES: list[tuple[str, dict[str, object]]] = [
    ("ACB", {"highway": "residential", "name": None}),
    ("DCE", {"highway": "footway", "name": "南北巷"}),
]


def test_lines_meet_where_they_share_a_vertex(tmp_path: Path) -> None:
    part = read(write_lines(tmp_path / "x.geojson", LINES))

    assert (part.format, part.has_nodes, part.taken) == ("GeoJSON", False, 2)
    assert join_files([part]).streets.version == the_cross().streets.version


def test_lines_that_only_cross_do_not_meet(tmp_path: Path) -> None:
    ways: list[tuple[str, dict[str, object]]] = [("AB", {}), ("DE", {})]
    part = read(write_lines(tmp_path / "x.geojson", ways))

    assert len(join_files([part]).streets.piece_length_m) == 2
    assert codes(part) == {"NO_CLASS": 2}


@pytest.mark.parametrize("column", ["highway", "class", "fclass", "道路等级"])
def test_a_column_of_classes_is_judged_by_the_table(tmp_path: Path, column: str) -> None:
    ways: list[tuple[str, dict[str, object]]] = [
        ("ACB", {column: "residential", "foot": None}),
        ("DC", {column: "motorway", "foot": None}),
        ("CE", {column: "residential", "foot": "no"}),
        ("AD", {column: None, "foot": "yes"}),
    ]
    part = read(write_lines(tmp_path / "x.geojson", ways))

    assert part.taken == 1
    assert left_out(part) == {"foot=no": 1, "motorway": 1, "no street of any kind": 1}


def test_tags_that_share_a_column_are_judged_too(tmp_path: Path) -> None:
    ways: list[tuple[str, dict[str, object]]] = [
        ("AC", {"highway": "path", "other_tags": '"lit"=>"yes","foot"=>"no"'}),
        ("CB", {"highway": "path", "other_tags": '"note"=>"say \\"foot\\"=>\\"no\\""'}),
        ("DC", {"highway": "path", "other_tags": None}),
    ]
    part = read(write_lines(tmp_path / "x.geojson", ways))

    assert (part.taken, left_out(part)) == (2, {"foot=no": 1})


def test_what_is_no_line_is_left_out_and_told(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "x.geojson", LINES)
    document = json.loads(path.read_text(encoding="utf-8"))
    point = {"type": "Point", "coordinates": lonlat_of((0, 0))}
    document["features"].append({"type": "Feature", "properties": {}, "geometry": point})
    document["features"].append({"type": "Feature", "properties": {}, "geometry": None})
    path.write_text(json.dumps(document), encoding="utf-8")

    part = read(path)

    assert (part.taken, codes(part)) == (2, {"WRONG_TYPE": 2})


@pytest.mark.parametrize("kind", ["Polygon", "Point"])
def test_a_layer_without_lines_is_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "x.geojson"
    ring = [lonlat_of(PLACES[letter]) for letter in "ADBA"]
    shape = {"type": kind, "coordinates": [ring] if kind == "Polygon" else ring[0]}
    feature = {"type": "Feature", "properties": {}, "geometry": shape}
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))

    with pytest.raises(UnreadableError, match=f"no line but {kind}"):
        read(path)


def test_a_projected_geopackage_is_read_in_its_own_system(tmp_path: Path) -> None:
    path = tmp_path / "roads.gpkg"
    plane = Plane.of("EPSG:4527", lonlat_of((0, 0)))
    shapes = [
        shapely.LineString(
            plane.to_file(plane.from_lonlat([lonlat_of(PLACES[letter]) for letter in letters]))
        )
        for letters, _ in LINES
    ]
    pyogrio.raw.write(
        path,
        geometry=np.array(shapely.to_wkb(shapes), dtype=object),
        field_data=[np.array(["residential", "footway"], dtype=object)],
        fields=["fclass"],
        geometry_type="LineString",
        crs="EPSG:4527",
        driver="GPKG",
    )

    built = join_files([read(path)])

    assert len(built.streets.piece_length_m) == 1  # the shared vertex is one place still
    np.testing.assert_allclose(built.node_lonlat, the_cross().node_lonlat, rtol=0, atol=2e-9)


def test_shifted_lines_are_taken_back(tmp_path: Path) -> None:
    def shift(places: list[tuple[float, float]]) -> object:
        return convert(places, Datum.WGS84, Datum.GCJ02).tolist()

    path = write_lines(tmp_path / "x.geojson", LINES, move=shift)

    built = join_files([read_streets(path, walkable=TABLE, datum=Datum.GCJ02)])

    assert len(built.streets.piece_length_m) == 1
    np.testing.assert_allclose(built.node_lonlat, the_cross().node_lonlat, rtol=0, atol=2e-7)


def test_degrees_beyond_the_earth_are_refused(tmp_path: Path) -> None:
    path = write_lines(
        tmp_path / "x.geojson", LINES, move=lambda places: [(x, y + 60) for x, y in places]
    )

    with pytest.raises((UnreadableError, BadInputError)):
        read(path)
