"""A returning file gets back what its format could not hold, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from geo.check import Sent
from geo.crs import Datum
from geo.world import Units
from resolvers.returning import Returned, give_back

if TYPE_CHECKING:
    from collections.abc import Sequence

Row = dict[str, object]
SHAPEFILE = "ESRI Shapefile"


def sent(*rows: Row, names: Sequence[str | None] = (), codes: Sequence[str] = "abc") -> Sent:
    count = len(rows)
    return Sent(
        rows=np.arange(1, count + 1),
        codes=list(codes[:count]),
        names=list(names) or ["-"] * count,
        parents=[None] * count,
        properties=rows,
        geoms=np.empty(count, dtype=object),
        crs="EPSG:4326",
        datum=Datum.WGS84,
    )


def stands(*rows: Row, names: Sequence[str] = ()) -> Units:
    count = len(rows)
    return Units(
        row_ids=np.arange(1, count + 1),
        geoms=np.empty(count, dtype=object),
        codes=list("abc"[:count]),
        names=list(names) or ["-"] * count,
        parent_codes=[None] * count,
        properties=rows,
    )


def back(format_: str, came: Row, stood: Row) -> Row:
    """Return one row as it is given back."""
    return give_back(sent(came), stands(stood), format_=format_).sent.properties[0]


def told(found: Returned) -> list[tuple[str, int]]:
    return [(notice["code"], notice["featureCount"]) for notice in found.notices]


def test_cut_names_get_their_full_ones_back() -> None:
    stood = {"population_2020": 1, "population_2021": 2, "网格员姓名": "李四", "kind": "x"}
    came = {"population": 1, "populatio2": 2, "网格员": "李四", "kind": "x"}

    found = give_back(sent(came), stands(stood), format_=SHAPEFILE)

    assert found.sent.properties == [stood]
    assert told(found) == [("RESTORED", 1)]
    assert "population = population_2020" in found.notices[0]["message"]


def test_values_tell_names_apart_that_are_cut_to_the_same() -> None:
    """Another program has written the columns in another order."""
    stood: list[Row] = [{"population_2020": n, "population_2021": 10 + n} for n in range(3)]
    came: list[Row] = [{"population": 10 + n, "populatio2": n} for n in range(3)]

    found = give_back(sent(*came), stands(*stood), format_=SHAPEFILE)

    assert found.sent.properties == stood


def test_a_name_that_was_only_cut_by_its_sender_stays() -> None:
    assert back(SHAPEFILE, {"population": 5}, {"population": 4}) == {"population": 5}
    assert back(SHAPEFILE, {"popul": 5}, {"population_2020": 5}) == {"popul": 5}
    assert back("GPKG", {"population": 5}, {"population_2020": 5}) == {"population": 5}


def test_a_column_beside_one_of_ours_gets_its_name_back() -> None:
    """A property that is called as an export's own column goes out with a number."""
    assert back("GPKG", {"Name_2": "x"}, {"Name": "x"}) == {"Name": "x"}
    assert back(SHAPEFILE, {"household2": 7}, {"households": 7}) == {"households": 7}


SAME: list[tuple[str, object, object]] = [
    (SHAPEFILE, None, ""),
    (SHAPEFILE, "", None),
    (SHAPEFILE, 1, True),
    (SHAPEFILE, "0", False),
    (SHAPEFILE, "12", 12),
    (SHAPEFILE, 0.1 + 1e-15, 0.1),
    (SHAPEFILE, "a" * 254, "a" * 300),
    (SHAPEFILE, "里" * 84, "里" * 100),
    (SHAPEFILE, '["a", 2]', ["a", 2]),
    (SHAPEFILE, "ends", "ends  "),
    ("KML", "1.5", 1.5),
    ("KML", "true", True),
    ("KML", '{"at": [null, 1.5]}', {"at": [None, 1.5]}),
    ("GPKG", '{"a": 1}', {"a": 1}),
    ("FlatGeobuf", "[]", []),
    ("GPKG", "3", 3),
    ("Parquet", 3.0, 3),
    ("GeoJSON", "2026/03/01", "2026-03-01"),
    ("GPKG", "2026-03-01T08:00:00", "2026-03-01 08:00:00"),
]


@pytest.mark.parametrize(("format_", "came", "stood"), SAME)
def test_what_is_the_same_in_a_formats_terms_gets_its_type_back(
    format_: str, came: object, stood: object
) -> None:
    given = back(format_, {"v": came}, {"v": stood})["v"]

    assert given == stood
    assert type(given) is type(stood)


CHANGED: list[tuple[str, object, object]] = [
    (SHAPEFILE, "b", "a"),
    (SHAPEFILE, 2, True),
    (SHAPEFILE, 12, 13),
    (SHAPEFILE, 10**15, 10**15 + 1),
    (SHAPEFILE, 0.1001, 0.1),
    (SHAPEFILE, "a" * 253, "a" * 300),
    (SHAPEFILE, None, 0),
    (SHAPEFILE, 0, None),
    (SHAPEFILE, "00", "0"),
    (SHAPEFILE, "0730100", "730100"),
    (SHAPEFILE, "[1]", ["1"]),
    ("KML", "1.50000001", 1.5),
    ("KML", "no", False),
    ("GPKG", "", None),
    ("GPKG", None, ""),
    ("GPKG", 1, True),
    ("GPKG", "[1, 2]", [1]),
    ("GPKG", '{"a": ', {"a": 1}),
    ("GPKG", "[" * 100_000, ["["]),
    ("GeoJSON", "3", 3),
    ("GeoJSON", True, 1),
    ("GeoJSON", "[]", []),
    ("GeoJSON", "", None),
    ("GeoJSON", "2026-03-02", "2026-03-01"),
]


@pytest.mark.parametrize(("format_", "came", "stood"), CHANGED)
def test_what_was_changed_stays_changed(format_: str, came: object, stood: object) -> None:
    found = give_back(sent({"v": came}), stands({"v": stood}), format_=format_)

    [row] = found.sent.properties
    assert row["v"] == came
    assert type(row["v"]) is type(came)
    assert found.notices == []


def test_a_column_that_a_row_lacked_is_left_out_where_it_is_blank() -> None:
    for format_ in (SHAPEFILE, "GPKG", "GeoJSON", "Parquet", "KML"):
        assert back(format_, {"a": 1, "b": None}, {"a": 1}) == {"a": 1}
        assert back(format_, {"a": 1, "b": 2}, {"a": 1}) == {"a": 1, "b": 2}


def test_nobody_is_told_of_a_blank_column_that_was_left_out() -> None:
    found = give_back(sent({"a": 1, "b": None}), stands({"a": 1}), format_="GPKG")

    assert found.notices == []


def test_what_was_taken_away_stays_away() -> None:
    assert back(SHAPEFILE, {"a": 1}, {"a": 1, "b": 2}) == {"a": 1}


def test_long_names_of_units_get_their_end_back() -> None:
    long = "东城区" * 40

    found = give_back(
        sent({}, {}, names=[long[:84], long[:80]]),
        stands({}, {}, names=[long, long]),
        format_=SHAPEFILE,
    )

    assert found.sent.names == [long, long[:80]]
    assert told(found) == [("RESTORED", 1)]


def test_rows_of_other_codes_are_left_alone() -> None:
    other: dict[str, Any] = {"population": 1, "n": "1"}
    given = sent(other, codes=["z"])

    assert give_back(given, stands({"population_2020": 1, "n": 1}), format_=SHAPEFILE) == (
        given,
        [],
    )


def test_what_comes_from_no_file_is_left_alone() -> None:
    given = sent({"n": "1"})

    assert give_back(given, stands({"n": 1}), format_="edition") == (given, [])
