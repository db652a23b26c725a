"""Writing features: every format, whole or not at all, and read again as it was."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from geo.errors import BadInputError
from sources.boundaries import BoundaryFile, read_boundaries
from sources.writing import KNOWN_SUFFIXES, UnitRow, write_features, write_units

WEST = shapely.box(104.900000001, 38.4, 104.91, 38.41)
PARTS = shapely.MultiPolygon(
    [shapely.box(105.0, 38.0, 105.1, 38.1), shapely.box(105.2, 38.0, 105.3, 38.123456789)]
)
HOLED = shapely.box(104.0, 38.0, 104.1, 38.1).difference(shapely.box(104.02, 38.02, 104.05, 38.05))

UNITS = [
    UnitRow("001", "第一网格", "C1", WEST, 968_000.5, 3, 7, {"备注": "临河", "楼数": 4}),
    UnitRow("002", "第二网格", "C1", PARTS, 2.5, 0, 0, {"备注": None, "楼数": 5}),
    UnitRow("010", "第十网格", None, HOLED, 1.0, 12, 30, {}),
]


def by_code(found: BoundaryFile) -> dict[str, int]:
    """Return where each code stands: FlatGeobuf sorts by place."""
    return {code: place for place, code in enumerate(found.codes) if code is not None}


def vertices(geom: BaseGeometry) -> NDArray[np.float64]:
    """Return coordinates wherever a ring starts and whether or not a lone part is wrapped."""
    parts = shapely.multipolygons(shapely.get_parts(geom))
    return np.asarray(shapely.get_coordinates(shapely.normalize(parts)))


@pytest.mark.parametrize("suffix", KNOWN_SUFFIXES)
def test_units_come_back_from_every_format(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"网格!一{suffix}"

    write_units(path, level="grid", rows=UNITS)
    found = read_boundaries(path)

    places = by_code(found)
    assert sorted(places) == ["001", "002", "010"]
    for unit in UNITS:
        place = places[unit.code]
        assert found.names[place] == unit.name
        assert found.parents[place] == unit.parent
        assert found.households[place] == unit.households
        assert found.people[place] == unit.people
        assert found.properties[place]["area_m2"] == unit.area_m2
        assert found.properties[place]["备注"] == unit.properties.get("备注")
        np.testing.assert_array_equal(
            vertices(found.geoms[place]),
            vertices(unit.geom),
            "nine decimals come back bit by bit",
        )
    assert found.crs == "EPSG:4326"
    assert found.encoding == "UTF-8"
    assert {notice.code for notice in found.notices} <= {"HEIGHTS_DROPPED"}, "KML adds heights"


def test_geojson_follows_its_standard(tmp_path: Path) -> None:
    path = tmp_path / "grids.geojson"
    clockwise = shapely.Polygon([(0, 0), (0, 1), (1, 1), (1, 0)])

    write_features(path, "grid", [clockwise, None], {"code": ["1", "2"], "x": [0.1 + 0.2, None]})

    written = json.loads(path.read_text(encoding="utf-8"))
    assert written["name"] == "grid"
    assert "crs" not in written
    first, second = written["features"]
    assert second == {"type": "Feature", "properties": {"code": "2", "x": None}, "geometry": None}
    outer = shapely.LinearRing(first["geometry"]["coordinates"][0])
    assert outer.is_ccw
    assert len(path.read_text(encoding="utf-8").splitlines()) == 4, "one feature a line"


def test_degrees_have_nine_decimals_and_no_more(tmp_path: Path) -> None:
    path = tmp_path / "p.geojson"

    write_features(path, "p", [shapely.Point(104.12345678949, -1e-12)], {})

    assert '"coordinates":[104.123456789,0.0]' in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("suffix", [".gpkg", ".geojson", ".shp", ".parquet", ".fgb"])
def test_other_coordinate_systems_are_kept(tmp_path: Path, suffix: str) -> None:
    cell = shapely.box(35491264.674978375, 4251000, 35491300, 4251100.5)

    write_features(tmp_path / f"a{suffix}", "a", [cell], {"code": ["1"]}, crs="EPSG:4523")
    found = read_boundaries(tmp_path / f"a{suffix}")

    assert found.crs == "EPSG:4523"
    assert found.geoms[0].bounds == cell.bounds


def test_findings_of_all_kinds_go_into_one_layer(tmp_path: Path) -> None:
    geoms = [WEST, shapely.LineString([(104.9, 38.4), (104.91, 38.4)]), shapely.Point(1, 2), None]
    kinds = ["BLANK", "MISMATCH", "ORPHAN", "MISSING_CODE"]

    for suffix in (".gpkg", ".geojson", ".parquet"):
        path = tmp_path / f"findings{suffix}"
        write_features(path, "findings", geoms, {"kind": kinds})
        if suffix == ".parquet":
            continue
        meta, _, wkb, data = pyogrio.raw.read(path)
        assert meta["fields"].tolist() == ["kind"]
        assert data[0].tolist() == kinds
        found = [geom and geom.geom_type for geom in shapely.from_wkb(wkb)]
        assert found == ["Polygon", "LineString", "Point", None]
    with pytest.raises(BadInputError, match="one kind of geometry, not LineString and Point"):
        write_features(tmp_path / "findings.shp", "findings", geoms, {"kind": kinds})


@pytest.mark.parametrize("suffix", KNOWN_SUFFIXES)
def test_nothing_found_is_a_file_too(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"none{suffix}"

    write_features(path, "none", [], {"kind": []})

    assert path.stat().st_size > 0 or suffix == ".geojsonl"


def test_geoparquet_says_what_the_standard_asks(tmp_path: Path) -> None:
    pq = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "grids.parquet"

    write_features(path, "grid", [WEST, PARTS], {"code": ["1", "2"]})

    geo: dict[str, Any] = json.loads(pq.read_schema(path).metadata[b"geo"])
    column = geo["columns"][geo["primary_column"]]
    assert geo["version"] == "1.1.0"
    assert column["encoding"] == "WKB"
    assert column["geometry_types"] == ["MultiPolygon", "Polygon"]
    assert column["crs"]["id"] == {"authority": "EPSG", "code": 4326}
    assert column["bbox"] == [104.900000001, 38.0, 105.3, 38.41]


def test_a_shapefile_gets_its_label_and_short_names(tmp_path: Path) -> None:
    path = tmp_path / "grids.shp"
    columns: dict[str, list[object]] = {
        "code": ["1"],
        "所属街道名称": ["河东"],
        "所属街道编码": ["01"],
        "Population2025": [5],
        "population2026": [6],
        "note": ["网" * 200],
    }

    write_features(path, "grid", [WEST], columns)

    assert path.with_suffix(".cpg").read_text(encoding="ascii").strip() == "UTF-8"
    meta, _, _, data = pyogrio.raw.read(path)
    assert meta["fields"].tolist() == [
        "code",
        "所属街",
        "所属街2",
        "Population",
        "populatio2",
        "note",
    ]
    assert data[-1][0] == "网" * 84, "254 bytes, whole characters"


def test_a_zipped_shapefile_holds_its_parts_under_its_name(tmp_path: Path) -> None:
    path = tmp_path / "网格.shp.zip"

    write_units(path, level="grid", rows=UNITS)

    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    assert names == [f"网格.{part}" for part in ("cpg", "dbf", "prj", "shp", "shx")]


def test_an_older_shapefile_is_replaced_with_all_its_parts(tmp_path: Path) -> None:
    path = tmp_path / "grids.shp"
    write_units(path, level="grid", rows=UNITS)
    path.with_suffix(".qix").write_bytes(b"stale")

    write_units(path, level="grid", rows=UNITS[:1])

    assert read_boundaries(path).codes == ["001"]
    assert not path.with_suffix(".qix").exists(), "a stale index would hide features"


@pytest.mark.parametrize("suffix", KNOWN_SUFFIXES)
def test_a_failure_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / f"grids{suffix}"
    write_units(path, level="grid", rows=UNITS)
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}

    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copyfile", fail)
    with pytest.raises(BadInputError, match="No space left") as error:
        write_units(path, level="grid", rows=UNITS[:1])

    assert error.value.extensions["argument"] == "output"
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


@pytest.mark.parametrize("name", ["grids.xyz", "grids", "grids.zip", ".gpkg", "grids.topojson"])
def test_an_unknown_format_lists_the_known_ones(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadInputError, match=r"\.gpkg") as error:
        write_units(tmp_path / name, level="grid", rows=UNITS)

    assert error.value.extensions["options"] == list(KNOWN_SUFFIXES)
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="is no folder"):
        write_units(tmp_path / "none" / "grids.gpkg", level="grid", rows=UNITS)
    (tmp_path / "folder.gpkg").mkdir()
    with pytest.raises(BadInputError, match="is a directory"):
        write_units(tmp_path / "folder.gpkg", level="grid", rows=UNITS)


@pytest.mark.parametrize("suffix", [".kml", ".geojsonl"])
def test_formats_of_degrees_take_no_metres(tmp_path: Path, suffix: str) -> None:
    with pytest.raises(BadInputError, match="only hold degrees"):
        write_features(tmp_path / f"a{suffix}", "a", [WEST], {}, crs="EPSG:4523")


def test_columns_of_another_length_are_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="one value a geometry"):
        write_features(tmp_path / "a.gpkg", "a", [WEST], {"code": ["1", "2"]})


def test_properties_named_like_fixed_columns_stay_beside_them(tmp_path: Path) -> None:
    unit = UNITS[0]._replace(properties={"Code": "other", "area_m2": 5})

    write_units(tmp_path / "a.gpkg", level="grid", rows=[unit])

    found = read_boundaries(tmp_path / "a.gpkg")
    assert found.codes == ["001"]
    assert found.properties == [{"area_m2": 968_000.5, "Code_2": "other", "area_m2_2": 5}]


json_values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**62), 2**62),
    st.floats(allow_nan=False, allow_infinity=False, width=32),
    st.text(st.characters(categories=["L", "Nd"]), min_size=1, max_size=8),
    st.lists(st.integers(0, 9), max_size=3),
)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(values=st.lists(json_values, min_size=1, max_size=4), suffix=st.sampled_from(KNOWN_SUFFIXES))
def test_columns_of_mixed_values_are_written(
    tmp_path: Path, values: list[Any], suffix: str
) -> None:
    path = tmp_path / f"mixed{suffix}"
    codes = [f"c{n}" for n in range(len(values))]

    write_features(path, "mixed", [WEST] * len(values), {"code": codes, "value": values})

    found = read_boundaries(path)
    assert sorted(by_code(found)) == codes
    for code, place in by_code(found).items():
        sent, back = values[int(code[1:])], found.properties[place]["value"]
        assert (back is None) == (sent is None) or suffix.startswith((".shp", ".kml", ".geojsonl"))
        if isinstance(sent, str) and back is not None:
            assert back == sent
