"""A row that was changed behind the program's back is found and named.

The town of :mod:`tests.publishing.drawing` with police beats along y = 60, one compound, and four
homes; ``on the border`` lies where the grids 010101 and 010102 meet::

    y=200 +-----------+-----------+
          | 010102    | 010202    |
    y=100 +--b--------+-----------+
          | 010101 k a| 010201 c  |
    y=0   +-----------+-----------+
         x=0         200         400
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import shapely
from shapely import MultiPolygon, Polygon, box

from geo.chain import chains
from geo.crs import LocalMetric
from tests.publishing.conftest import with_levels
from tests.publishing.drawing import (
    COMMUNITIES,
    DISTRICT,
    GRIDS,
    degrees,
    plan,
    point,
    write_geojson,
)
from tests.publishing.outside import Wangge

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shapely.geometry.base import BaseGeometry

    from tests.databases import Databases
    from tests.publishing.stored import Stored

pytestmark = pytest.mark.postgis

BEATS = plan({"P1": (0, 0, 200, 60), "P2": (0, 60, 200, 200), "P3": (200, 0, 400, 200)})
COMPOUND = plan({"K": (50, 20, 100, 80)})
HOMES = {  # place, households, the compound that it names
    "a": ((150, 50), 3, ""),
    "on the border": ((60, 100), 5, ""),
    "c": ((300, 50), 7, ""),
    "in k": ((60, 30), 11, "K"),
}


@pytest.fixture(scope="session")
def audited_town(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Publish the town once: addresses, then its levels, in editions 1 to 6."""
    name = "audited_town"
    folder = tmp_path_factory.mktemp(name)
    program = with_levels(databases.make(name), folder)
    lines = ["key,lon,lat,households,people,elder_alone,compound"]
    for key, (place, households, compound) in HOMES.items():
        lon, lat = point(*place)
        lines.append(f"{key},{lon:.9f},{lat:.9f},{households},{2 * households},1,{compound}")
    homes = folder / "homes.csv"
    homes.write_text("\n".join(lines) + "\n", encoding="utf-8")
    program.ask("load", "addresses", homes)
    for level, drawn in (
        ("district", DISTRICT),
        ("community", COMMUNITIES),
        ("grid", GRIDS),
        ("police", BEATS),
        ("compound", COMPOUND),
    ):
        program.publish(level, write_geojson(folder / f"{level}.geojson", drawn))
    return name


@pytest.fixture
def database_url(databases: Databases, audited_town: str) -> Iterator[str]:
    """Give a copy of the town, to be spoilt."""
    with databases.copy(audited_town) as url:
        yield url


@pytest.fixture
def whole(database_url: str) -> Wangge:
    """Give the program on the town."""
    return Wangge(database_url)


def found(program: Wangge, *options: object) -> list[dict[str, Any]]:
    """Return what differs, and see that the exit code says so."""
    answer = program("audit", *options, "--json")
    said = answer.json()
    assert answer.exit_code == (1 if said["differences"] else 0), answer
    assert said["clean"] == (not said["differences"])
    differences: list[dict[str, Any]] = said["differences"]
    return differences


def test_what_was_published_is_as_proven_in_every_edition(whole: Wangge, stored: Stored) -> None:
    for edition in range(1, stored.newest() + 1):
        assert found(whole, "--edition", edition) == []
    said = whole.ask("audit")

    assert said["edition"] == 6
    assert said["addresses"] == 4
    assert [tuple(level.values()) for level in said["levels"]] == [
        ("district", 1, 1, 1),
        ("community", 2, 1, 1),
        ("grid", 4, 2, 2),
        ("police", 3, 2, 2),
        ("compound", 1, 1, 1),
    ]
    assert "4 addresses lie and count where it is written down" in whole("audit").out


def test_an_edition_that_is_not_there_cannot_be_audited(whole: Wangge) -> None:
    assert whole.failure("audit", "--edition", 99, exit_code=2)["code"] == "UNKNOWN"


NOW = "AND last_edition IS NULL"
MOVED = "ST_Multi(ST_SetSRID(ST_Translate(geom, 1e-5, 0), 4326))"

CHANGES: tuple[tuple[str, set[tuple[str, str | None, str | None]]], ...] = (
    # what is done by SQL, and what must be among what is said: kind, unit or parent, address
    (
        f"UPDATE unit SET geom = {MOVED} WHERE code = '010101' {NOW}",
        {("CHAIN", "010101", None), ("PROOF", "0101", None)},
    ),
    (
        f"UPDATE unit SET chain = chain + 1 WHERE code = '010202' {NOW}",
        {("CHAIN", "010202", None)},
    ),
    (
        f"UPDATE unit SET area_m2 = area_m2 * 1.001 WHERE code = '0101' {NOW}",
        {("AREA", "0101", None)},
    ),
    (
        f"UPDATE unit SET area_m2 = 'NaN' WHERE code = 'P1' {NOW}",
        {("AREA", "P1", None)},
    ),
    (
        f"UPDATE unit SET parent_code = '0102' WHERE code = '010101' {NOW}",
        {("PROOF", "0101", None), ("PROOF", "0102", None), ("TALLY", "0101", None)},
    ),
    (
        f"UPDATE unit SET parent_code = '0109' WHERE code = 'P3' {NOW}",
        {("PARENT", "P3", None)},
    ),
    (
        f"UPDATE unit SET code = '010109' WHERE code = '010101' {NOW}",
        {
            ("NAME", "010109", None),
            ("PLACE", None, "a"),
            ("TALLY", "010101", None),
            ("TALLY", "010109", None),
        },
    ),
    (
        f"UPDATE unit SET name = 'other' WHERE code = '010202' {NOW}",
        {("NAME", "010202", None)},
    ),
    (
        f"UPDATE unit SET geom = ST_SetSRID(ST_Translate(geom, 3e-10, 0), 4326) WHERE code = 'K'"
        f" {NOW}",
        {("GRID", "K", None), ("CHAIN", "K", None)},
    ),
    (
        "UPDATE unit SET geom = ST_Multi(ST_GeomFromText('POLYGON((114.002 30, 114.004 30.001,"
        f" 114.004 30, 114.002 30.001, 114.002 30))', 4326)) WHERE code = '010201' {NOW}",
        {("RING", "010201", None), ("PROOF", "0102", None)},
    ),
    (
        f"UPDATE unit SET geom = ST_Translate(geom, 'NaN', 0) WHERE code = '010202' {NOW}",
        {("RING", "010202", None), ("CHAIN", "010202", None), ("PROOF", "0102", None)},
    ),
    (
        "UPDATE unit SET geom = ST_GeomFromText('MULTIPOLYGON EMPTY', 4326)"
        f" WHERE code = '010202' {NOW}",
        {("RING", "010202", None), ("AREA", "010202", None), ("PROOF", "0102", None)},
    ),
    (
        "UPDATE address_place SET code = '010102' WHERE last_edition IS NULL AND level = 'grid'"
        " AND address_row = (SELECT row_id FROM address WHERE key = 'a')",
        {("PLACE", None, "a")},
    ),
    (
        "UPDATE address_place SET code = '010102' WHERE last_edition IS NULL AND level = 'grid'"
        " AND address_row = (SELECT row_id FROM address WHERE key = 'on the border')",
        {("PLACE", None, "on the border")},
    ),
    (
        "DELETE FROM address_place WHERE last_edition IS NULL AND level = 'police'"
        " AND address_row = (SELECT row_id FROM address WHERE key = 'c')",
        {("PLACE", None, "c")},
    ),
    (
        "INSERT INTO address_place (address_row, level, code, first_edition)"
        " SELECT row_id, 'community', '0101', 6 FROM address WHERE key = 'a'",
        {("PLACE", None, "a")},
    ),
    (
        "UPDATE address SET geom = ST_SetSRID(ST_MakePoint(114.003, 30.0005), 4326)"
        " WHERE key = 'a'",
        {("PLACE", None, "a"), ("TALLY", "010101", None), ("TALLY", "0102", None)},
    ),
    (
        "UPDATE address SET geom = ST_SetSRID(ST_Translate(geom, 1.5e-10, 0), 4326)"
        " WHERE key = 'c'",
        {("GRID", None, "c")},
    ),
    (
        "UPDATE address SET households = 4 WHERE key = 'a'",
        {("TALLY", code, None) for code in ("01", "0101", "010101", "P1")},
    ),
    (
        "UPDATE address SET groups = '{\"elder_alone\": 2}' WHERE key = 'in k'",
        {("TALLY", code, None) for code in ("01", "0101", "010101", "P1", "K")},
    ),
    (
        f"UPDATE unit_tally SET households = households + 1 WHERE code = '0102' {NOW}",
        {("TALLY", "0102", None)},
    ),
    (
        f"UPDATE unit_tally SET people = 0 WHERE code = 'K' {NOW}",
        {("TALLY", "K", None)},
    ),
    (
        f"UPDATE unit_tally SET groups = '{{}}' WHERE code = 'P3' {NOW}",
        {("TALLY", "P3", None)},
    ),
    (
        f"DELETE FROM unit_tally WHERE code = '010102' OR code = '010101' {NOW}",
        {("TALLY", "010101", None)},
    ),
    (
        "INSERT INTO unit_tally (level, code, households, people, first_edition)"
        " VALUES ('grid', '010202', 1, 1, 3)",
        {("TALLY", "010202", None)},
    ),
    (
        f"UPDATE outline SET chain = chain - 1 WHERE true {NOW}",
        {("OUTLINE", None, None)},
    ),
    (
        f"UPDATE outline SET lon0 = lon0 + 1 WHERE true {NOW}",
        {("OUTLINE", None, None)},
    ),
    (
        f"UPDATE outline SET geom = {MOVED} WHERE true {NOW}",
        {("OUTLINE", None, None), ("PROOF", None, None)},
    ),
    (
        f"UPDATE outline SET geom = ST_Translate(geom, 'NaN', 0) WHERE true {NOW}",
        {("OUTLINE", None, None), ("PROOF", None, None)},
    ),
    (
        "DELETE FROM outline",
        {("OUTLINE", None, None)},
    ),
    (
        f"DELETE FROM unit WHERE code = '010202' {NOW}",
        {("PROOF", "0102", None)},
    ),
    (
        f"DELETE FROM unit WHERE code = '0102' {NOW}",
        {("PARENT", "010201", None), ("PARENT", "P3", None), ("PROOF", "01", None)},
    ),
    (
        "INSERT INTO unit (level, code, name, parent_code, geom, chain, area_m2, search_text,"
        " since_edition, drawn_edition, first_edition)"
        " SELECT level, '010209', '', parent_code, geom, chain, area_m2, '010209 ', 6, 6, 6"
        f" FROM unit WHERE code = '010202' {NOW}",
        {("PROOF", "0102", None), ("HISTORY", "010209", None)},
    ),
    (
        "INSERT INTO unit (level, code, name, parent_code, geom, chain, area_m2, search_text,"
        " since_edition, drawn_edition, first_edition)"
        " SELECT level, 'K2', 'K2', parent_code, geom, chain, area_m2, 'k2', 6, 6, 6"
        " FROM unit WHERE code = 'K'",
        {("PROOF", "0101", None)},
    ),
    (
        f"UPDATE unit SET drawn_edition = first_edition WHERE code = '01' {NOW}",
        {("HISTORY", "01", None)},
    ),
    (
        f"UPDATE unit SET since_edition = 1 WHERE code = '010202' {NOW}",
        {("HISTORY", "010202", None)},
    ),
    (
        "DELETE FROM unit WHERE code = '01' AND first_edition = 4",
        {("HISTORY", "01", None)},
    ),
    (
        "DELETE FROM unit WHERE code = '01' AND first_edition = since_edition",
        {("HISTORY", "01", None)},
    ),
    (
        "UPDATE edition SET effective_on = effective_on - 1 WHERE number = 4",
        {("EDITION", None, None)},
    ),
)


@pytest.mark.parametrize(("statement", "expected"), CHANGES)
def test_a_change_by_sql_is_found_and_named(
    whole: Wangge,
    stored: Stored,
    statement: str,
    expected: set[tuple[str, str | None, str | None]],
) -> None:
    with stored.connect() as connection:
        changed = connection.execute(statement).rowcount
    assert changed

    said = found(whole)

    assert expected <= {(one["code"], one["unit"], one["address"]) for one in said}, said
    for one in said:
        assert (one["unit"] or one["address"] or "") in one["message"]


def test_the_land_of_a_row_that_is_gone_is_measured_and_its_neighbours_are_named(
    whole: Wangge, stored: Stored
) -> None:
    area_m2 = stored.units("grid")["010202"].area_m2
    with stored.connect() as connection:
        connection.execute("DELETE FROM unit WHERE code = '010202'")

    [proof] = [one for one in found(whole) if one["code"] == "PROOF"]

    assert proof["units"] == ["010201"]
    assert f"{area_m2:,.0f} m2" in proof["message"]


def test_a_row_that_was_put_in_is_named_with_those_that_it_lies_on(
    whole: Wangge, stored: Stored
) -> None:
    with stored.connect() as connection:
        connection.execute(
            "INSERT INTO unit (level, code, name, parent_code, geom, chain, area_m2, search_text,"
            " since_edition, drawn_edition, first_edition)"
            " SELECT level, 'spy', '', parent_code, geom, chain, area_m2, 'spy ', 4, 4, 4"
            " FROM unit WHERE code = '010202'"
        )

    [proof] = [one for one in found(whole) if one["code"] == "PROOF"]

    assert proof["units"] == ["010202", "spy"]


def test_a_table_names_what_differs(whole: Wangge, stored: Stored) -> None:
    with stored.connect() as connection:
        connection.execute("UPDATE address SET households = 4 WHERE key = 'a'")

    answer = whole("audit")

    assert answer.exit_code == 1
    assert "edition 6: not as proven" in answer.out
    assert (
        "community 0101: it is said to count 19 households, 38 people, elder_alone 3, but "
        "20 households, 38 people, elder_alone 3 live there"
    ) in " ".join(answer.out.split())


def test_an_older_edition_is_found_fault_with_on_its_own(whole: Wangge, stored: Stored) -> None:
    with stored.connect() as connection:  # how the district stood in editions 2 and 3
        changed = connection.execute(
            "UPDATE unit SET chain = 0 WHERE code = '01' AND first_edition = 2"
        )
        assert changed.rowcount == 1

    assert found(whole) == []
    assert {one["code"] for one in found(whole, "--edition", 2)} == {"CHAIN"}


# --- waived land ----------------------------------------------------------------------------------

LAKE = (50, 120, 100, 160)  # in 010102
SHED = (250, 20, 280, 40)  # on land of 010201
PIER = (400, 50, 420, 60)  # beyond the outline


def put_in(stored: Stored, code: str, parent: str, shape: Polygon) -> None:
    """Let a grid stand by hand, as of edition 6, with everything that belongs to it."""
    land = MultiPolygon([shape])
    with stored.connect() as connection:
        connection.execute(
            "INSERT INTO unit (level, code, name, parent_code, geom, chain, area_m2, search_text,"
            " since_edition, drawn_edition, first_edition)"
            " VALUES ('grid', %s, '', %s, ST_GeomFromWKB(%s, 4326), %s, %s, %s, 6, 6, 6)",
            (code, parent, land.wkb, chain_of(land), area_of(stored, land), f"{code} "),
        )
        connection.execute("INSERT INTO edition_level VALUES (6, 'grid') ON CONFLICT DO NOTHING")


def waive(stored: Stored, kind: str, parent: str, land: BaseGeometry, extra: int = 0) -> None:
    """Waive land by hand, as of edition 6."""
    with stored.connect() as connection:
        connection.execute(
            "WITH made AS (INSERT INTO waiver (finding_id, level, parent_code, kind, extra,"
            " area_m2, reason, approved_by) VALUES (%(id)s, 'grid', %(parent)s, %(kind)s,"
            " %(extra)s, 1, 'a test', 'tester') RETURNING id)"
            " INSERT INTO waived_land (waiver_id, finding_id, level, parent_code, kind, message,"
            " extra, geom, chain, area_m2, width_m, first_edition)"
            " SELECT id, %(id)s, 'grid', %(parent)s, %(kind)s, '', %(extra)s,"
            " ST_GeomFromWKB(%(wkb)s, 4326), %(chain)s, 1, 1, 6 FROM made",
            {
                "id": f"{kind} in {parent}",
                "parent": parent,
                "kind": kind,
                "extra": extra,
                "wkb": land.wkb,
                "chain": chain_of(land),
            },
        )


def chain_of(shape: BaseGeometry) -> int:
    return int(chains(np.array([shape], object))[0])


def area_of(stored: Stored, shape: BaseGeometry) -> float:
    metric = LocalMetric.around(stored.outline(6).bounds)
    return float(metric.area_m2(np.array([shape], object))[0])


@pytest.fixture
def waived(whole: Wangge, stored: Stored) -> Wangge:
    """Give the town with a lake that no grid holds, two sheds on others' land, and a pier."""
    lake, shed, pier = (
        Polygon(shapely.get_exterior_ring(degrees(box(*sides)))) for sides in (LAKE, SHED, PIER)
    )
    old = stored.units("grid")["010102"].geom
    ring = shapely.get_exterior_ring(shapely.get_parts(old)[0])
    with stored.connect() as connection:
        connection.execute("DELETE FROM unit WHERE code = '010102'")
    put_in(stored, "010102", "0101", Polygon(ring, [lake.exterior]))
    waive(stored, "BLANK", "0101", lake)
    for code in ("shed 1", "shed 2"):
        put_in(stored, code, "0102", shed)
    waive(stored, "OVERLAP", "0102", shed, extra=2)
    put_in(stored, "pier", "0102", pier)
    waive(stored, "OUTSIDE", "0102", pier)
    return whole


def test_waived_land_is_part_of_the_proof(waived: Wangge) -> None:
    assert found(waived) == []


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (
            "UPDATE waived_land SET chain = chain + 1 WHERE kind = 'BLANK'",
            {("WAIVED", "0101")},
        ),
        (
            "UPDATE waived_land SET geom = ST_Translate(geom, 1e-5, 0) WHERE kind = 'BLANK'",
            {("WAIVED", "0101"), ("PROOF", "0101")},
        ),
        ("UPDATE waived_land SET extra = 1 WHERE kind = 'OVERLAP'", {("PROOF", "0102")}),
        ("UPDATE waived_land SET last_edition = 6 WHERE kind = 'BLANK'", set()),
        ("DELETE FROM waived_land WHERE kind = 'BLANK'", {("PROOF", "0101")}),
        ("DELETE FROM waived_land WHERE kind = 'OUTSIDE'", {("PROOF", "0102")}),
        (
            "UPDATE waived_land SET kind = 'OUTSIDE' WHERE kind = 'BLANK'",
            {("PROOF", "0101")},
        ),
        (
            "UPDATE waived_land SET parent_code = '0102' WHERE kind = 'BLANK'",
            {("PROOF", "0101"), ("PROOF", "0102")},
        ),
        (
            "UPDATE waived_land SET geom = ST_Boundary(geom) WHERE kind = 'OUTSIDE'",
            {("WAIVED", "0102"), ("PROOF", "0102")},
        ),
    ],
)
def test_changed_waived_land_is_found(
    waived: Wangge, stored: Stored, statement: str, expected: set[tuple[str, str]]
) -> None:
    with stored.connect() as connection:
        assert connection.execute(statement).rowcount == 1

    said = found(waived)

    assert {(one["code"], one["unit"]) for one in said} == expected, said


def test_more_differences_than_anybody_reads_are_counted(
    whole: Wangge, stored: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resolvers.audit_report.MAX_TOLD", 2)
    with stored.connect() as connection:
        connection.execute("UPDATE unit SET chain = chain + 1 WHERE level = 'grid'")

    said = [one["message"] for one in found(whole) if one["code"] == "CHAIN"]

    assert len(said) == 3
    assert said[-1] == "and 2 more of CHAIN"
