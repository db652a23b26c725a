"""The short way to publish writes what the long way would, and nothing more."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.publishing.drawing import (
    GRIDS,
    GRIDS_A,
    GRIDS_B,
    Plan,
    halves,
    plan,
    write_addresses,
    write_geojson,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tests.publishing.outside import Wangge
    from tests.publishing.stored import Stored

pytestmark = pytest.mark.postgis

MOVED = plan(halves(0, 200, 120, "0101"))
"""The border between the grids of community 0101 lies twenty steps further north."""

THIRDS = plan(
    {"010103": (0, 0, 200, 60), "010101": (0, 60, 200, 100), "010102": (0, 100, 200, 200)}
)
"""A third grid of community 0101."""

CHANGES = {
    "moved": MOVED,
    "another number of grids": THIRDS,
    "a new name": Plan(GRIDS_A.shapes, names={"010101": "桥头"}),
    "new columns": Plan(GRIDS_A.shapes, others={"colour": {"010101": "red"}}),
    "other codes": plan({"x1": (0, 0, 200, 100), "x2": (0, 100, 200, 200)}),
}

UNITS = """
SELECT level, code, name, parent_code, ST_AsEWKT(geom), chain, area_m2, properties, search_text,
       since_edition, drawn_edition, first_edition, last_edition
FROM unit ORDER BY level, code, first_edition
"""

TALLIES = "SELECT level, code, households, people, first_edition, last_edition FROM unit_tally"
PLACES = "SELECT address_row, level, code, first_edition, last_edition FROM address_place"

HOMES = {f"h{i}": (10 + 17 * i, 5 + 16 * i, i + 1) for i in range(11)}


def draft_of(town: Wangge, here: Path, drawn: Plan) -> int:
    made = town.draft("grid", write_geojson(here, drawn), "--within", "0101")
    return int(made["id"])


def everything(stored: Stored) -> list[object]:
    said = [stored.rows(UNITS)]
    said += [sorted(stored.rows(query), key=str) for query in (TALLIES, PLACES)]
    said += [stored.rows("SELECT chain, first_edition, last_edition FROM outline ORDER BY 2")]
    return [*said, stored.rows("SELECT number, level FROM edition_level ORDER BY 1, 2")]


@pytest.mark.parametrize("change", CHANGES)
def test_both_ways_write_the_same(
    change: str, town: Wangge, stored: Stored, here: Path, tmp_path: Path
) -> None:
    town.ask("load", "addresses", write_addresses(tmp_path / "homes.csv", HOMES))
    number = draft_of(town, here, CHANGES[change])
    assert stored.one("SELECT planned FROM draft WHERE id = %s", number)
    with stored.connect() as connection:
        for table in ("unit", "unit_tally", "address_place", "outline", "draft"):
            connection.execute(f"CREATE TABLE kept_{table} AS TABLE {table}")

    told = town.ask("draft", "publish", number)
    short = everything(stored)
    with stored.connect() as connection:  # as it was, but for the plan
        for table in ("address_place", "unit_tally", "unit", "outline"):
            connection.execute(f"TRUNCATE {table}")
            connection.execute(f"INSERT INTO {table} OVERRIDING SYSTEM VALUE TABLE kept_{table}")
        connection.execute("UPDATE draft SET status = 'OPEN', published_as = NULL, planned = false")
        connection.execute(
            "UPDATE draft SET status = k.status, published_as = k.published_as"
            " FROM kept_draft k WHERE k.id = draft.id"
        )
        connection.execute("UPDATE draft SET planned = false")
        connection.execute("DELETE FROM edition_level WHERE number = 5")
        connection.execute("DELETE FROM edition WHERE number = 5")

    long = town.ask("draft", "publish", number)
    assert everything(stored) == short
    assert told["number"] == long["number"] == 5


def test_the_short_way_touches_no_other_row(town: Wangge, stored: Stored, here: Path) -> None:
    before = stored.rows("SELECT row_id, xmin::text FROM unit ORDER BY row_id")
    town.ask("draft", "publish", draft_of(town, here, MOVED))

    after = dict(stored.rows("SELECT row_id, xmin::text FROM unit"))
    rewritten = {row for row, version in before if after[row] != version}
    ended = stored.rows("SELECT row_id, level, code FROM unit WHERE last_edition = 3")
    assert rewritten == {row for row, _, _ in ended}
    # the two grids; what else touches the new border's ends receives them
    assert sorted((level, code) for _, level, code in ended) == [
        ("community", "0101"),
        ("community", "0102"),
        ("district", "01"),
        ("grid", "010101"),
        ("grid", "010102"),
        ("grid", "010202"),
    ]


def test_after_another_edition_everything_is_checked_again(
    town: Wangge, stored: Stored, here: Path, tmp_path: Path
) -> None:
    number = draft_of(town, here, MOVED)
    other = plan(halves(200, 400, 80, "0102"))
    town.publish("grid", write_geojson(tmp_path / "b.geojson", other), "--within", "0102")

    made = town.ask("draft", "publish", number)

    assert made["number"] == 5
    assert stored.faults() == {}


def test_new_addresses_since_the_check_are_seen(
    town: Wangge, stored: Stored, here: Path, tmp_path: Path
) -> None:
    number = draft_of(town, here, MOVED)
    homes = {"in the second grid before": (100, 110, 7)}
    town.ask("load", "addresses", write_addresses(tmp_path / "homes.csv", homes))

    town.ask("draft", "publish", number)

    tallies = (
        "SELECT code, households FROM unit_tally WHERE level = 'grid' AND last_edition IS NULL"
    )
    assert stored.rows(tallies) == [("010101", 7)]


def test_rows_changed_behind_the_services_back_are_not_built_upon(
    town: Wangge, stored: Stored, here: Path
) -> None:
    number = draft_of(town, here, MOVED)
    with stored.connect() as connection:
        connection.execute(
            "UPDATE unit SET chain = chain + 1 WHERE level = 'grid'"
            " AND code = '010201' AND last_edition IS NULL"
        )

    error = town.failure("draft", "publish", number, exit_code=5)

    assert error["code"] == "CONFLICT"
    assert "0102" in error["message"]
    assert stored.newest() == 3
    with stored.connect() as connection:
        connection.execute(
            "UPDATE unit SET chain = chain - 1 WHERE level = 'grid'"
            " AND code = '010201' AND last_edition IS NULL"
        )


def test_a_draft_with_findings_has_to_go_the_long_way_and_is_refused(
    town: Wangge, stored: Stored, here: Path
) -> None:
    gap = plan({"010101": (0, 0, 200, 80), "010102": (0, 100, 200, 200)})
    made = town.draft("grid", write_geojson(here, gap), "--within", "0101", exit_code=1)

    error = town.failure("draft", "publish", made["id"], exit_code=5)

    assert error["code"] == "NOT_CLEAN"
    assert stored.newest() == 3


def test_a_code_that_is_there_twice_makes_a_draft_without_a_plan(
    town: Wangge, stored: Stored, here: Path
) -> None:
    file = write_geojson(here, GRIDS_A)
    here.write_text(here.read_text("utf-8").replace("010102", "010101"), "utf-8")

    made = town.draft("grid", file, "--within", "0101", exit_code=1)

    assert "DUPLICATE_CODE" in {f["kind"] for f in made["report"]["findings"]["nodes"]}
    assert not stored.one("SELECT planned FROM draft WHERE id = %s", int(made["id"]))


def test_the_same_file_again_makes_no_edition_on_the_short_way_either(
    town: Wangge, stored: Stored, here: Path
) -> None:
    number = draft_of(town, here, GRIDS_A)
    assert stored.one("SELECT count(*) FROM draft_change WHERE draft_id = %s", number) == 0

    assert town.ask("draft", "publish", number)["number"] == 3
    assert stored.one("SELECT published_as FROM draft WHERE id = %s", number) == 3


def test_a_draft_that_was_laid_on_another_has_no_plan(
    town: Wangge, stored: Stored, here: Path, tmp_path: Path
) -> None:
    first = draft_of(town, here, MOVED)
    communities = plan({"0101": (0, 0, 200, 200), "0102": (200, 0, 400, 200)}, names={"0101": "新"})
    file = write_geojson(tmp_path / "c.geojson", communities)
    second = town.draft("community", file, "--with", first)["id"]

    planned = dict(stored.rows("SELECT id, planned FROM draft"))
    assert (planned[first], planned[int(second)]) == (True, False)
    assert GRIDS.shapes.keys() == {*GRIDS_A.shapes, *GRIDS_B.shapes}


SENT = "SELECT count(*) FROM draft_unit WHERE draft_id = %s AND source_wkb IS NULL"
PLANNED = "SELECT count(*) FROM draft_unit WHERE draft_id = %s AND base_row IS NOT NULL"


def test_a_drafts_own_units_are_kept_once(town: Wangge, stored: Stored, here: Path) -> None:
    number = draft_of(town, here, MOVED)

    # both grids are drawn anew; communities and a neighbour only receive the new border's ends
    assert stored.one(PLANNED, number) == 2
    beside = stored.rows("SELECT level, code FROM draft_change WHERE draft_id = %s", number)
    assert ("grid", "010101") not in beside
    assert ("grid", "010202") in beside


def test_land_that_stays_as_it_was_sent_is_stored_once_and_checked_again_from_there(
    town: Wangge, stored: Stored, here: Path
) -> None:
    number = draft_of(town, here, MOVED)
    assert stored.one(SENT, number) == 1  # the other grid receives a neighbour's corner
    before = stored.rows("SELECT row, code, chain, area_m2 FROM draft_unit ORDER BY draft_id, row")

    town.ask("draft", "recheck", number)

    again = stored.rows("SELECT row, code, chain, area_m2 FROM draft_unit ORDER BY draft_id, row")
    assert again == before
    assert stored.one("SELECT planned FROM draft WHERE id = %s", number)
    assert town.ask("draft", "publish", number)["number"] == 4
    assert stored.faults() == {}


def test_land_that_noding_changed_is_kept_as_it_was_sent_too(
    town: Wangge, stored: Stored, here: Path
) -> None:
    off = plan({"010101": (0, 0, 200, 100), "010102": (0, 100.005, 200, 200)})
    number = draft_of(town, here, off)

    sent = stored.rows(
        "SELECT ST_YMin(ST_GeomFromWKB(source_wkb)) - ST_YMin(geom) FROM draft_unit"
        " WHERE draft_id = %s AND code = '010102'",
        number,
    )
    # half a hundredth of a step of 1e-5 degrees was merged away, and can still be seen
    assert sent[0][0] == pytest.approx(5e-8, abs=1e-9)
