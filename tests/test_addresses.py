"""Reading addresses: from tables, points and buildings; all of them or none."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyogrio
import pyproj
import pytest
import shapely

from geo.crs import Datum, convert
from geo.errors import BadInputError, UnreadableError
from sources.addresses import AddressColumns, parse_address_columns, read_addresses

TABLE = """地址编码,经度,纬度,户数,人口,独居老人,残疾人,group_Renters,小区编码,地址
0001,104.9000000012,38.4,3,7,1,0,2,X01,"滨河路1号,东门"
0002,104.91,38.41,2,5,,1,0,,滨河路2号

"""


def write(folder: Path, text: str, name: str = "addresses.csv", codec: str = "utf-8") -> Path:
    path = folder / name
    path.write_bytes(text.encode(codec))
    return path


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "gbk", "utf-16"])
def test_a_chinese_table_is_read_in_any_encoding(tmp_path: Path, codec: str) -> None:
    found = read_addresses(write(tmp_path, TABLE, codec=codec))

    assert found.keys == ["0001", "0002"]
    assert found.lonlat.tolist() == [[104.900000001, 38.4], [104.91, 38.41]]
    assert found.households.tolist() == [3, 2]
    assert found.people.tolist() == [7, 5]
    assert found.groups == [{"elder_alone": 1, "renters": 2}, {"disabled": 1}]
    assert found.compound_codes == ["X01", None]
    assert found.file == "addresses.csv"
    codes = [notice.code for notice in found.notices]
    assert codes == (["ENCODING"] if codec == "gbk" else [])


@pytest.mark.parametrize("separator", ["\t", ";", "|"])
def test_other_separators_are_found(tmp_path: Path, separator: str) -> None:
    text = separator.join(["id", "lng", "lat"]) + "\n" + separator.join(["a", "104.9", "38.4"])

    found = read_addresses(write(tmp_path, text, "addresses.tsv"))

    assert (found.keys, found.lonlat.tolist()) == (["a"], [[104.9, 38.4]])


def test_without_counts_each_address_is_one_household_aloud(tmp_path: Path) -> None:
    found = read_addresses(write(tmp_path, "key,longitude,latitude\na,104.9,38.4\nb,104.8,38.4\n"))

    assert (found.households.tolist(), found.people.tolist()) == ([1, 1], [0, 0])
    assert [(notice.code, notice.feature_count) for notice in found.notices] == [
        ("NO_HOUSEHOLDS", 2),
        ("NO_PEOPLE", 2),
    ]


def test_blank_counts_are_none_aloud(tmp_path: Path) -> None:
    text = "key,lon,lat,households,people\na,104.9,38.4,,2\nb,104.9,38.4,3,\n"

    found = read_addresses(write(tmp_path, text))

    assert (found.households.tolist(), found.people.tolist()) == ([0, 3], [2, 0])
    assert [notice.code for notice in found.notices] == ["BLANK_COUNT", "BLANK_COUNT"]


def test_named_columns_win(tmp_path: Path) -> None:
    text = "key,no,lon,lat,e,n,hh,alone,pupil,yard\na,7,1,2,104.9,38.4,5,3,9,Y\n"
    columns = parse_address_columns("key=no,lon=e,lat=n,households=hh,groups=alone,compound=yard")

    found = read_addresses(write(tmp_path, text), columns=columns)

    assert (found.keys, found.lonlat.tolist()) == (["7"], [[104.9, 38.4]])
    assert found.households.tolist() == [5]
    assert found.groups == [{"alone": 3}], "only the named groups are counted"
    assert found.compound_codes == ["Y"]


def test_columns_are_parsed_from_one_text() -> None:
    assert parse_address_columns("key=osm_id+osm_way_id, groups=独居老人|残疾人") == AddressColumns(
        key=("osm_id", "osm_way_id"), groups=("独居老人", "残疾人")
    )
    assert parse_address_columns("") == AddressColumns()
    with pytest.raises(BadInputError, match="'code' is not known"):
        parse_address_columns("code=a")


def test_a_key_is_the_first_of_its_columns_that_is_not_blank(tmp_path: Path) -> None:
    text = "osm_id,osm_way_id,lon,lat\n,12,104.9,38.4\n11,,104.9,38.4\n"

    assert read_addresses(write(tmp_path, text)).keys == ["12", "11"]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (",104.9,38.4,1,1", "row 3: no key"),
        ("a,104.9,38.4,1,1", "row 3: key 'a' was there before, in row 2"),
        ("b,east,38.4,1,1", "row 3: lon 'east' is no number"),
        ("b,,38.4,1,1", "row 3: lon is blank"),
        ("b,nan,38.4,1,1", "row 3: lon is nan"),
        ("b,inf,38.4,1,1", "row 3: lon is inf"),
        ("b,104.9,95,1,1", "row 3: latitude 95 is no degree"),
        ("b,-181,38.4,1,1", "row 3: longitude -181 is no degree"),
        ("b,104.9,38.4,-1,1", "row 3: households '-1'"),
        ("b,104.9,38.4,1.5,1", "row 3: households '1.5'"),
        ("b,104.9,38.4,1,some", "row 3: people 'some'"),
        ("b,104.9,38.4,1,99999999999", "row 3: people '99999999999'"),
    ],
)
def test_a_bad_row_is_named_with_its_reason(tmp_path: Path, row: str, said: str) -> None:
    text = f"key,lon,lat,households,people\na,104.9,38.4,1,1\n{row}\n"

    with pytest.raises(BadInputError) as error:
        read_addresses(write(tmp_path, text))

    assert "has 1 bad row (the header is row 1)" in str(error.value)
    assert said in str(error.value)
    assert "nothing was taken" in str(error.value)
    assert error.value.extensions["rows"] == [3]


def test_many_bad_rows_are_counted_and_the_first_named(tmp_path: Path) -> None:
    rows = "".join(f"k{n},x,38.4\n" for n in range(100))

    with pytest.raises(BadInputError, match=r"has 100 bad rows .* and 95 more") as error:
        read_addresses(write(tmp_path, f"key,lon,lat\n{rows}"))

    assert error.value.extensions["rows"] == [2, 3, 4, 5, 6]


def test_metres_are_read_in_the_named_crs(tmp_path: Path) -> None:
    zone = pyproj.Transformer.from_crs("EPSG:4490", "EPSG:4523", always_xy=True)
    x, y = zone.transform(104.9, 38.4)
    path = write(tmp_path, f"key,x,y\na,{x!r},{y!r}\n")

    found = read_addresses(path, crs="EPSG:4523")

    assert found.lonlat.tolist() == [[104.9, 38.4]]
    with pytest.raises(BadInputError, match="name --crs"):
        read_addresses(path)


def test_shifted_degrees_are_brought_back(tmp_path: Path) -> None:
    lon, lat = convert([[114.06, 22.54]], Datum.WGS84, Datum.BD09)[0].tolist()
    path = write(tmp_path, f"key,lon,lat\na,{lon!r},{lat!r}\n")

    assert read_addresses(path, datum=Datum.BD09).lonlat.tolist() == [[114.06, 22.54]]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name,lon,lat\na,104.9,38.4\n", "no column of keys"),
        ("key,lat\na,38.4\n", "no column of longitude"),
        ("key,lon\na,38.4\n", "no column of latitude"),
    ],
)
def test_a_missing_column_lists_those_that_are_there(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(BadInputError, match=said) as error:
        read_addresses(write(tmp_path, text))

    assert error.value.extensions["argument"] == "columns"
    assert error.value.extensions["options"] == text.splitlines()[0].split(",")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv", b"", "is empty"),
        ("a.csv", b"key,lon,lat\n", "no rows below its header"),
        ("a.csv", b"key,lon,lat\na,1,2,3\n", "more cells than columns in row 2"),
        ("a.csv", b'key,lon,lat\n"a,1,2\n', "no valid CSV"),
        ("a.csv", b"key,lon,lat\na\0,1,2\n", "no text table"),
        ("a.xlsx", b"PK\x03\x04 nonsense", "no whole zip archive"),
        ("a.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "no whole workbook"),
    ],
)
def test_what_is_no_table_is_said(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)

    with pytest.raises(UnreadableError, match=said):
        read_addresses(path)


def test_a_workbook_is_read(tmp_path: Path) -> None:
    path = tmp_path / "地址!.xlsx"
    save_sheet(tmp_path, path, "Sheet1")

    found = read_addresses(path)

    assert found.keys == ["0001", "0002"], "leading zeros of text stay"
    assert found.lonlat.tolist() == [[104.9, 38.4], [104.91, 38.41]]
    assert found.households.tolist() == [3, 2]


def test_of_two_sheets_one_must_be_named(tmp_path: Path) -> None:
    path = tmp_path / "addresses.xlsx"
    save_sheet(tmp_path, path, "东片")
    save_sheet(tmp_path, path, "西片", append=True)

    with pytest.raises(UnreadableError, match="2 sheets") as error:
        read_addresses(path)
    assert error.value.extensions["options"] == ["东片", "西片"]
    assert read_addresses(path, layer="西片").keys == ["0001", "0002"]
    with pytest.raises(BadInputError, match="no sheet '南片'"):
        read_addresses(path, layer="南片")


def save_sheet(folder: Path, path: Path, sheet: str, *, append: bool = False) -> None:
    plain = folder / "plain.xlsx"
    if append:
        path.rename(plain)
    pyogrio.raw.write(
        plain,
        None,
        [
            np.array(["0001", "0002"], dtype=object),
            np.array([104.9, 104.91]),
            np.array([38.4, 38.41]),
            np.array([3, 2]),
        ],
        np.array(["地址编码", "经度", "纬度", "户数"], dtype=object),
        driver="XLSX",
        layer=sheet,
        append=append,
    )
    plain.rename(path)


def geojson(folder: Path, *geometries: object, crs: str | None = None) -> Path:
    features = [
        {"type": "Feature", "properties": {"osm_id": None, "osm_way_id": str(n)}, "geometry": shape}
        for n, shape in enumerate(geometries)
    ]
    members = {"crs": {"type": "name", "properties": {"name": crs}}} if crs else {}
    text = {"type": "FeatureCollection", **members, "features": features}
    return write(folder, json.dumps(text), "buildings.geojson")


def test_of_a_building_a_point_inside_is_taken(tmp_path: Path) -> None:
    # An L whose middle lies outside it, and a yard within a ring of houses.
    corner = shapely.Polygon([(0, 0), (1, 0), (1, 0.1), (0.1, 0.1), (0.1, 1), (0, 1)])
    yard = shapely.box(0, 0, 1, 1).difference(shapely.box(0.1, 0.1, 0.9, 0.9))
    shapes = [shapely.geometry.mapping(shape) for shape in (corner, yard)]

    found = read_addresses(geojson(tmp_path, *shapes))

    assert found.keys == ["0", "1"]
    for shape, place in zip((corner, yard), found.lonlat, strict=True):
        assert shapely.contains_xy(shape, *place)


def test_points_are_read_in_their_own_crs(tmp_path: Path) -> None:
    zone = pyproj.Transformer.from_crs("EPSG:4490", "EPSG:4523", always_xy=True)
    point = {"type": "Point", "coordinates": list(zone.transform(104.9, 38.4))}

    found = read_addresses(geojson(tmp_path, point, crs="urn:ogc:def:crs:EPSG::4523"))

    assert found.lonlat.tolist() == [[104.9, 38.4]]


def test_an_address_without_a_place_is_a_bad_row(tmp_path: Path) -> None:
    point = {"type": "Point", "coordinates": [104.9, 38.4]}

    with pytest.raises(BadInputError, match=r"\(the first feature is row 1\): row 2: it has no"):
        read_addresses(geojson(tmp_path, point, None))


def test_lines_are_no_addresses(tmp_path: Path) -> None:
    line = {"type": "LineString", "coordinates": [[104.9, 38.4], [104.91, 38.4]]}

    with pytest.raises(UnreadableError, match="no point or polygon but LineString"):
        read_addresses(geojson(tmp_path, line))
