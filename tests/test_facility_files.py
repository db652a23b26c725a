"""Reading service points: from tables and layers, with Chinese columns and hostile cells."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from geo.crs import Datum, convert
from geo.errors import BadInputError, UnreadableError
from sources.apart import read_facilities_apart
from sources.facilities import FacilityColumns, parse_facility_columns, read_facilities

TOWN = Path(__file__).resolve().parent.parent / "fixtures" / "data" / "facilities.csv"

TABLE = """设施编码,类型,名称,经度,纬度,建筑面积,功能室,开放时间,启用日期,撤销日期,小区编码,电话
S1,station,龙潭驿站,104.9000000012,38.4,"1,200㎡",会议室、阅览室,Mo-Fr 09:00-17:00,2024/6/1,,,0001
S2,gate,,104.91,38.41,,,24/7,2019年1月1日,2027-01-01,C07,
"""


def write(folder: Path, text: str, name: str = "points.csv", codec: str = "utf-8") -> Path:
    path = folder / name
    path.write_bytes(text.encode(codec))
    return path


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "gbk", "utf-16"])
def test_a_chinese_table_is_read_in_any_encoding(tmp_path: Path, codec: str) -> None:
    found = read_facilities(write(tmp_path, TABLE, codec=codec))

    assert (found.keys, found.kinds) == (["S1", "S2"], ["station", "gate"])
    assert found.labels == ["龙潭驿站", ""]
    assert found.lonlat.tolist() == [[104.900000001, 38.4], [104.91, 38.41]]
    assert found.floor_areas == [1200.0, None]
    assert found.rooms == [["会议室", "阅览室"], []]
    assert found.opening_hours == ["Mo-Fr 09:00-17:00", "24/7"]
    assert (found.since, found.until) == (["2024-06-01", "2019-01-01"], [None, "2027-01-01"])
    assert found.compounds == [None, "C07"]
    assert [row["电话"] for row in found.properties] == ["0001", ""]
    assert [set(row) for row in found.properties] == [{"电话"}, {"电话"}]


def test_the_list_of_the_town_loads_as_it_is() -> None:
    found = read_facilities(TOWN)

    assert len(found.keys) == 93
    assert {kind: found.kinds.count(kind) for kind in set(found.kinds)} == {
        "community_centre": 9,
        "station": 23,
        "gate": 61,
    }
    assert found.notices == ()
    assert all(row == {} for row in found.properties)
    assert found.rooms[0][:2] == ["meeting", "reading"]
    gates = [kind == "gate" for kind in found.kinds]
    assert [compound is not None for compound in found.compounds] == gates


def test_points_of_a_layer_are_read_with_lists_and_numbers(tmp_path: Path) -> None:
    features = [
        {
            "type": "Feature",
            "properties": {
                "id": 7,
                "amenity": "clinic",
                "name": "<b>诊所</b>",
                "area": 61.5,
                "rooms": ["rest", "rest", "counsel"],
                "beds": 3,
            },
            "geometry": {"type": "Point", "coordinates": [104.9, 38.4]},
        }
    ]
    path = write(
        tmp_path, json.dumps({"type": "FeatureCollection", "features": features}), "points.geojson"
    )

    found = read_facilities(path)

    assert (found.keys, found.kinds, found.labels) == (["7"], ["clinic"], ["<b>诊所</b>"])
    assert (found.floor_areas, found.rooms) == ([61.5], [["rest", "counsel"]])
    assert found.properties == [{"beds": 3}]


def test_degrees_of_another_datum_are_brought_back(tmp_path: Path) -> None:
    [[lon, lat]] = convert([[104.9, 38.4]], Datum.WGS84, Datum.GCJ02).tolist()
    text = f"key,kind,lon,lat\na,gate,{lon!r},{lat!r}\n"

    found = read_facilities(write(tmp_path, text), datum=Datum.GCJ02)

    assert found.lonlat[0].tolist() == pytest.approx([104.9, 38.4], abs=2e-9)


def test_the_caller_may_name_the_columns_and_the_kind(tmp_path: Path) -> None:
    text = "key,no,what,lon,lat,e,n,m2\nk,7,x,1,2,104.9,38.4,60\n"
    columns = parse_facility_columns("key=no,lon=e,lat=n,floor_area_m2=m2")

    found = read_facilities(write(tmp_path, text), columns=columns, kind="station")

    assert (found.keys, found.kinds, found.floor_areas) == (["7"], ["station"], [60.0])
    assert found.lonlat.tolist() == [[104.9, 38.4]]
    assert found.properties == [{"key": "k", "what": "x", "lon": "1", "lat": "2"}]


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        pytest.param(",gate,104.9,38.4,,,", "no key", id="no key"),
        pytest.param("a,gate,104.9,38.4,,,", "key 'a' was there before, in row 2", id="twice"),
        pytest.param("b,,104.9,38.4,,,", "kind is blank: no kind", id="no kind"),
        pytest.param("b,gate,,38.4,,,", "lon is blank", id="no longitude"),
        pytest.param("b,gate,nan,38.4,,,", "lon is nan", id="not a number"),
        pytest.param("b,gate,38.4,104.9,,,", "latitude 104.9 is no degree", id="exchanged"),
        pytest.param("b,gate,104.9,38.4,-1,,", "'-1' is no area in square metres", id="negative"),
        pytest.param("b,gate,104.9,38.4,1e9,,", "'1e9' is no area", id="written otherwise"),
        pytest.param("b,gate,104.9,38.4,999999999999,,", "is no area", id="as large as a land"),
        pytest.param("b,gate,104.9,38.4,,soon,", "since 'soon' is no day", id="no day"),
        pytest.param("b,gate,104.9,38.4,,2026-02-30,", "'2026-02-30' is no day", id="30 February"),
        pytest.param(
            "b,gate,104.9,38.4,,2026-02-01,2026-02-01",
            "it ends on 2026-02-01, but begins on 2026-02-01",
            id="not a day long",
        ),
    ],
)
def test_a_bad_row_refuses_the_file_and_is_named(tmp_path: Path, cells: str, reason: str) -> None:
    text = f"key,kind,lon,lat,area,since,until\na,gate,104.9,38.4,,,\n{cells}\n"

    with pytest.raises(BadInputError) as caught:
        read_facilities(write(tmp_path, text))

    assert "row 3: " in str(caught.value)
    assert reason in str(caught.value)
    assert caught.value.extensions["rows"] == [3]


def test_all_bad_rows_are_counted_and_the_first_named(tmp_path: Path) -> None:
    rows = "".join(f"k{n},gate,104.9,no\n" for n in range(7))

    with pytest.raises(BadInputError, match=r"7 bad rows .*row 2: .*row 6: .*; and 2 more"):
        read_facilities(write(tmp_path, f"key,kind,lon,lat\n{rows}"))


def test_control_characters_are_left_out_aloud_and_long_texts_refused(tmp_path: Path) -> None:
    text = "key,kind,name,lon,lat\na,gate,\x1b[31m门\u202e,104.9,38.4\n"

    found = read_facilities(write(tmp_path, text))

    assert found.labels == ["[31m门"]
    assert [notice.code for notice in found.notices] == ["CONTROL_CHARACTERS"]
    with pytest.raises(BadInputError, match="row 2: a text has 1,001 characters"):
        read_facilities(write(tmp_path, f"key,kind,lon,lat\n{'k' * 1001},gate,104.9,38.4\n"))


def test_a_table_without_kinds_or_places_says_what_to_name(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"no column of kinds.*--kind station"):
        read_facilities(write(tmp_path, "key,lon,lat\na,104.9,38.4\n"))
    with pytest.raises(BadInputError, match="no column of longitude"):
        read_facilities(write(tmp_path, "key,kind,place\na,gate,here\n"))
    with pytest.raises(UnreadableError):
        read_facilities(write(tmp_path, ""))


def test_the_process_apart_reads_the_same(tmp_path: Path) -> None:
    path = write(tmp_path, TABLE)

    near = read_facilities(path)
    apart = read_facilities_apart(path, columns=FacilityColumns(key="设施编码"))

    assert apart.lonlat.tolist() == near.lonlat.tolist()
    assert [apart.keys, apart.rooms, apart.since, apart.floor_areas, apart.properties] == [
        near.keys,
        near.rooms,
        near.since,
        near.floor_areas,
        near.properties,
    ]


def test_a_reason_from_the_process_apart_is_the_same(tmp_path: Path) -> None:
    path = write(tmp_path, "key,kind,lon,lat\na,,104.9,38.4\n")

    with pytest.raises(BadInputError, match="row 2: kind is blank"):
        read_facilities_apart(path)
