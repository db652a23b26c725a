"""What is found and meant so: waived, published, and part of the proof."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest
import shapely
from shapely import box

from schema.ids import IdKind, encode
from storage.engine import make_engine
from tests.clock import city_day
from tests.graphql.asking import told
from tests.publishing.drawing import (
    COMMUNITIES,
    DISTRICT,
    GRIDS,
    GRIDS_A,
    GRIDS_B,
    Plan,
    halves,
    plan,
    point,
    rectangle_m2,
    write_addresses,
    write_geojson,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.publishing.drawing import Box
    from tests.publishing.outside import Wangge
    from tests.publishing.stored import Stored

pytestmark = pytest.mark.postgis

LAKE: Box = (50, 60, 150, 130)
"""In community 0101, on both sides of the border between its grids."""

LAND = """
SELECT kind, parent_code, extra, first_edition, last_edition, area_m2, waiver_id,
       ST_NPoints(geom) - 1
FROM waived_land ORDER BY row_id
"""

ZERO = """
SELECT mod(
    (SELECT sum(chain::numeric) FROM unit
     WHERE level = 'grid' AND parent_code = %(parent)s AND last_edition IS NULL)
    + (SELECT coalesce(sum(chain::numeric * CASE kind WHEN 'BLANK' THEN 1
                                            WHEN 'OVERLAP' THEN -extra ELSE -1 END), 0)
       FROM waived_land
       WHERE level = 'grid' AND parent_code = %(parent)s AND last_edition IS NULL)
    - (SELECT chain FROM unit
       WHERE level = 'community' AND code = %(parent)s AND last_edition IS NULL),
    18446744073709551616) = 0
"""

COVERAGE = """
query ($level: String!, $day: Date, $waived: Boolean) {
  coverage(level: $level, asOf: $day) {
    clean provenParents parents blankM2 overlapM2 outsideM2
    edition { number }
    clauses { rule holds findingCount waivedCount }
    findings(waived: $waived) {
      totalCount
      nodes { id kind areaM2 pieces chain borders { metres unit { code } } parent { code }
              addresses waiver { reason approvedBy until } }
    }
  }
}
"""


def with_lake(lake: Box = LAKE, drawn: Plan = GRIDS_A) -> Plan:
    """Return grids without the land of a lake."""
    return plan({code: shape.difference(box(*lake)) for code, shape in drawn.shapes.items()})


def findings(report: dict[str, Any], kind: str | None = None) -> list[dict[str, Any]]:
    return [f for f in report["findings"]["nodes"] if kind in {None, f["kind"]}]


def clause(report: dict[str, Any], rule: str) -> dict[str, Any]:
    [found] = [clause for clause in report["clauses"] if clause["rule"] == rule]
    return dict(found)


def draft_of(town: Wangge, here: Path, drawn: Plan, within: str = "0101") -> dict[str, Any]:
    """Import grids that are not clean."""
    file = write_geojson(here, drawn)
    return dict(town.draft("grid", file, "--within", within, exit_code=1))


def waive(town: Wangge, finding: str, *more: object) -> dict[str, Any]:
    return dict(town.ask("waive", finding, "--reason", "a lake", "--by", "Wu", *more))


def report_of(town: Wangge, draft: object) -> dict[str, Any]:
    return dict(town.ask("draft", "show", draft)["report"])


def waive_all(town: Wangge, draft: dict[str, Any]) -> None:
    for finding in findings(draft["report"]):
        waive(town, finding["id"])


def publish_lake(town: Wangge, here: Path, lake: Box = LAKE) -> str:
    """Publish a lake between the grids of 0101; return the id of the finding that it is."""
    made = draft_of(town, here, with_lake(lake))
    [found] = findings(made["report"])
    waive(town, found["id"])
    town.ask("draft", "publish", made["id"])
    return str(found["id"])


def graphql(
    town: Wangge, query: str, variables: dict[str, Any], *, today: dt.date | None = None
) -> Any:  # noqa: ANN401 - JSON
    """Put a question to the API."""

    async def put() -> Any:  # noqa: ANN401 - JSON
        engine = make_engine(town.url)
        try:
            return await told(engine, query, variables, today=today or city_day())
        finally:
            await engine.dispose()

    return asyncio.run(put())


def coverage(town: Wangge, level: str = "grid", **variables: object) -> dict[str, Any]:
    day = variables.pop("day", None)
    asked = {"level": level, "day": str(day) if day else None, **variables}
    return dict(graphql(town, COVERAGE, asked)["coverage"])


@pytest.fixture
def tomorrow(stored: Stored) -> dt.date:
    day: dt.date = stored.one("SELECT max(effective_on) + 1 FROM edition")
    return day


# -- a lake ----------------------------------------------------------------------------------


def test_a_waived_lake_is_published_and_the_sum_is_zero_with_it(
    town: Wangge, stored: Stored, here: Path
) -> None:
    made = draft_of(town, here, with_lake())
    [found] = findings(made["report"])
    assert (found["kind"], found["parent"]["code"]) == ("BLANK", "0101")
    assert made["report"]["provenParents"] == 0
    assert town.failure("draft", "publish", made["id"], exit_code=5)["code"] == "NOT_CLEAN"

    accepted = waive(town, found["id"])

    assert accepted["waiver"]["reason"] == "a lake"
    assert accepted["waiver"]["approvedBy"] == "Wu"
    report = report_of(town, made["id"])
    assert (report["clean"], report["provenParents"], report["parents"]) == (True, 1, 1)
    blank = clause(report, "NO_BLANK")
    assert (blank["holds"], blank["findingCount"], blank["waivedCount"]) == (True, 1, 1)
    assert findings(report)[0]["waiver"]["approvedBy"] == "Wu"

    assert town.ask("draft", "publish", made["id"])["number"] == 4
    [row] = stored.rows(LAND)
    assert row[:5] == ("BLANK", "0101", 1, 4, None)
    assert row[5] == pytest.approx(rectangle_m2(LAKE), rel=1e-6)
    assert stored.one(ZERO.replace("%(parent)s", "'0101'")) is True
    assert stored.faults() == {}, "each segment counted, too"


def test_without_the_lakes_chain_nothing_adds_up(town: Wangge, stored: Stored, here: Path) -> None:
    publish_lake(town, here)
    with stored.connect() as connection:
        connection.execute("CREATE TABLE kept AS TABLE waived_land")
        connection.execute("DELETE FROM waived_land")

    report = coverage(town)

    assert report["clean"] is False
    assert [f["kind"] for f in findings(report)] == ["MISMATCH"]
    assert set(stored.faults()) == {"sums", "segments"}
    with stored.connect() as connection:
        connection.execute("INSERT INTO waived_land OVERRIDING SYSTEM VALUE TABLE kept")


def test_the_coverage_of_the_edition_names_the_lake_with_its_waiver(
    town: Wangge, here: Path
) -> None:
    key = publish_lake(town, here)

    report = coverage(town)

    assert (report["clean"], report["provenParents"], report["parents"]) == (True, 2, 2)
    assert report["edition"]["number"] == 4
    assert report["blankM2"] == pytest.approx(rectangle_m2(LAKE), rel=1e-6)
    [lake] = findings(report)
    assert lake["id"] == encode(IdKind.FINDING, key)
    assert lake["waiver"] == {"reason": "a lake", "approvedBy": "Wu", "until": None}
    # 40 steps of its height lie in the lower grid, 30 in the upper: the longer border first
    assert [border["unit"]["code"] for border in lake["borders"]] == ["010101", "010102"]
    assert lake["borders"][0]["metres"] > lake["borders"][1]["metres"]
    assert clause(report, "NO_BLANK")["waivedCount"] == 1
    assert coverage(town, waived=True)["findings"]["totalCount"] == 1
    assert coverage(town, waived=False)["findings"]["totalCount"] == 0


def test_the_same_file_again_changes_nothing(town: Wangge, stored: Stored, here: Path) -> None:
    publish_lake(town, here)
    before = stored.rows(LAND)

    made = town.draft("grid", here, "--within", "0101", "--publish")

    assert made["report"]["clean"] is True
    [found] = findings(made["report"])
    assert (found["waiver"]["reason"], found["waiver"]["approvedBy"]) == ("a lake", "Wu")
    assert made["publishedAs"]["number"] == 4, "nothing changes"
    assert stored.rows(LAND) == before


def test_a_lake_that_grows_is_a_finding_again(town: Wangge, stored: Stored, here: Path) -> None:
    publish_lake(town, here)

    made = draft_of(town, here, with_lake((50, 60, 151, 130)))

    [found] = findings(made["report"])
    assert found["waiver"] is None
    error = town.failure("draft", "publish", made["id"], exit_code=5)
    assert error["code"] == "NOT_CLEAN"
    assert error["findingIds"] == [found["id"]]
    assert stored.newest() == 4


@pytest.mark.parametrize("lake", [(60, 70, 140, 120), (50, 60, 149, 130)])
def test_a_lake_that_shrinks_stays_waived(
    lake: Box, town: Wangge, stored: Stored, here: Path
) -> None:
    publish_lake(town, here)

    assert town.publish("grid", write_geojson(here, with_lake(lake)), "--within", "0101") == 5

    old, new = stored.rows(LAND)
    assert (old[3:5], new[3:5]) == ((4, 4), (5, None))
    assert new[5] == pytest.approx(rectangle_m2(lake), rel=1e-6)
    assert old[6] == new[6], "the same waiver"
    assert coverage(town)["clean"] is True


def test_a_lake_that_is_filled_is_no_land_of_the_edition_any_more(
    town: Wangge, stored: Stored, here: Path
) -> None:
    publish_lake(town, here)

    assert town.publish("grid", write_geojson(here, GRIDS_A), "--within", "0101") == 5

    [row] = stored.rows(LAND)
    assert row[3:5] == (4, 4)
    report = coverage(town)
    assert (report["clean"], findings(report)) == (True, [])
    assert stored.one("SELECT count(*) FROM waiver WHERE ended_at IS NULL") == 1


def test_two_lakes_are_two_waivers(town: Wangge, stored: Stored, here: Path) -> None:
    drawn = with_lake((20, 20, 60, 60), with_lake((100, 20, 150, 60)))
    made = draft_of(town, here, drawn)
    large, small = findings(made["report"])

    waive(town, large["id"][:8])  # the beginning is enough
    report = report_of(town, made["id"])
    assert (report["clean"], report["provenParents"]) == (False, 0)
    assert clause(report, "NO_BLANK")["waivedCount"] == 1
    error = town.failure("draft", "publish", made["id"], exit_code=5)
    assert error["findingIds"] == [small["id"]]

    waive(town, encode(IdKind.FINDING, small["id"]))  # as the API names it
    assert report_of(town, made["id"])["provenParents"] == 1
    town.ask("draft", "publish", made["id"])

    assert len(stored.rows(LAND)) == 2
    assert coverage(town)["clean"] is True


# -- nodes -----------------------------------------------------------------------------------


def lake_between_communities(wangge: Wangge, tmp_path: Path) -> Path:
    """Publish a lake across the border of two communities; return their file."""
    wangge.publish("district", write_geojson(tmp_path / "d.geojson", DISTRICT))
    lake = box(150, 50, 250, 150)
    drawn = plan(
        {
            "0101": box(0, 0, 200, 200).difference(lake),
            "0102": box(200, 0, 400, 200).difference(lake),
        }
    )
    file = write_geojson(tmp_path / "c.geojson", drawn)
    made = wangge.draft("community", file, exit_code=1)
    [found] = findings(made["report"])
    waive(wangge, found["id"])
    wangge.ask("draft", "publish", made["id"])
    return file


def test_grids_put_nodes_into_the_rim_of_a_lake_of_the_level_above(
    wangge: Wangge, stored: Stored, tmp_path: Path
) -> None:
    file = lake_between_communities(wangge, tmp_path)
    # four corners; the communities' border ends twice in the rim
    assert [row[7] for row in stored.rows(LAND)] == [6]
    lake = box(150, 50, 250, 150)

    for edition, within, west, at in ((3, "0101", 0, 100), (4, "0102", 200, 80)):
        shapes = halves(west, west + 200, at, within)
        drawn = plan(
            {c: box(*b).difference(lake) for c, b in shapes.items() if isinstance(b, tuple)}
        )
        file_of = write_geojson(tmp_path / f"{within}.geojson", drawn)
        assert wangge.publish("grid", file_of, "--within", within) == edition

    # each time the border between the grids ends in the rim
    assert [(row[3], row[4], row[7]) for row in stored.rows(LAND)] == [
        (2, 2, 6),
        (3, 3, 7),
        (4, None, 8),
    ]
    assert stored.faults() == {}
    for level in ("community", "grid"):
        report = coverage(wangge, level)
        assert (report["clean"], report["provenParents"]) == (True, report["parents"])
    drawn_in = {unit.drawn for unit in stored.units("community").values()}
    assert drawn_in == {2}, "a node is no redraw"

    # the communities' file has none of these nodes, and is the same all the same
    again = wangge.draft("community", file, "--publish")
    assert again["publishedAs"]["number"] == 4
    assert stored.newest() == 4


def test_a_community_with_a_waived_lake_below_can_be_drawn_anew(
    town: Wangge, stored: Stored, here: Path, tmp_path: Path
) -> None:
    publish_lake(town, here)
    names = {"0101": "桥头", "0102": "河西"}
    renamed = Plan({"0101": box(0, 0, 200, 200), "0102": box(200, 0, 400, 200)}, names=names)

    assert town.publish("community", write_geojson(tmp_path / "c.geojson", renamed)) == 5

    assert len(stored.rows(LAND)) == 1, "nothing about the lake changes"
    assert coverage(town)["clean"] is True


# -- overlaps, and land outside --------------------------------------------------------------


def test_land_that_three_claim_counts_twice_too_often(
    town: Wangge, stored: Stored, here: Path
) -> None:
    # 010101 and 010102 overlap from y=80 to y=120, and 010103 claims the middle of that, too
    drawn = plan(
        {
            "010101": (0, 0, 200, 120),
            "010102": (0, 80, 200, 200),
            "010103": (50, 80, 150, 120),
        }
    )
    made = draft_of(town, here, drawn)
    overlaps = findings(made["report"], "OVERLAP")
    assert len(overlaps) == len(findings(made["report"])) == 3

    waive_all(town, made)
    assert report_of(town, made["id"])["provenParents"] == 1
    town.ask("draft", "publish", made["id"])

    assert sorted(row[2] for row in stored.rows(LAND)) == [1, 1, 2]
    assert stored.one(ZERO.replace("%(parent)s", "'0101'")) is True
    report = coverage(town)
    assert report["clean"] is True
    assert report["overlapM2"] == pytest.approx(rectangle_m2((0, 80, 200, 120)), rel=1e-6)


def test_a_waiver_of_an_overlap_speaks_of_its_claimants_only(town: Wangge, here: Path) -> None:
    drawn = {"010101": (0, 0, 200, 110), "010102": (0, 100, 200, 200)}
    made = draft_of(town, here, plan(drawn))
    waive_all(town, made)
    town.ask("draft", "publish", made["id"])

    other = plan({"010101": drawn["010101"], "010109": drawn["010102"]})
    again = draft_of(town, here, other)

    assert [f["waiver"] for f in findings(again["report"])] == [None]


def test_land_outside_may_be_waived(
    town: Wangge, stored: Stored, here: Path, tmp_path: Path
) -> None:
    leak = plan(
        {"010101": (0, 0, 200, 100), "010102": box(0, 100, 200, 200).union(box(200, 120, 220, 150))}
    )
    made = draft_of(town, here, leak)
    assert sorted(f["kind"] for f in findings(made["report"])) == ["OUTSIDE", "OVERLAP"]
    waive_all(town, made)
    town.ask("draft", "publish", made["id"])
    land = rectangle_m2((200, 120, 220, 150))

    # the overlap is in the sum of neither parent
    assert sorted((row[0], row[1], row[2]) for row in stored.rows(LAND)) == [
        ("OUTSIDE", "0101", 1),
        ("OVERLAP", None, 0),
    ]
    assert stored.one(ZERO.replace("%(parent)s", "'0101'")) is True
    report = coverage(town)
    assert (report["clean"], report["provenParents"]) == (True, 2)
    assert report["outsideM2"] == pytest.approx(land, rel=1e-6)
    assert report["overlapM2"] == pytest.approx(land, rel=1e-6)

    # the neighbour's own grids again: nothing about them is wrong, and nothing is forgotten
    file = write_geojson(tmp_path / "b.geojson", Plan(GRIDS_B.shapes, names={"010201": "新"}))
    assert town.publish("grid", file, "--within", "0102") == 5
    assert len(coverage(town)["findings"]["nodes"]) == 2

    # without the leak both are gone
    assert town.publish("grid", write_geojson(here, GRIDS_A), "--within", "0101") == 6
    assert findings(coverage(town)) == []


def test_a_compound_may_straddle_a_border_if_that_is_waived(town: Wangge, here: Path) -> None:
    drawn = plan({"P1": (130, 10, 260, 40)}, parents={"P1": "0101"})
    made = dict(town.draft("compound", write_geojson(here, drawn), exit_code=1))
    assert [f["kind"] for f in findings(made["report"]) if f["severity"] == "BLOCKING"] == [
        "STRADDLES"
    ]
    [straddles] = findings(made["report"], "STRADDLES")
    assert report_of(town, made["id"])["provenParents"] == 1

    waive(town, straddles["id"])

    assert report_of(town, made["id"])["provenParents"] == 2
    town.ask("draft", "publish", made["id"])
    report = coverage(town, "compound")
    assert (report["clean"], report["provenParents"]) == (True, 2)
    assert [f["kind"] for f in findings(report) if f["waiver"]] == ["STRADDLES"]


# -- households ------------------------------------------------------------------------------


def test_a_house_in_the_lake_is_waived_by_its_address(wangge: Wangge, tmp_path: Path) -> None:
    for level, drawn in (("district", DISTRICT), ("community", COMMUNITIES), ("grid", GRIDS)):
        wangge.publish(level, write_geojson(tmp_path / f"{level}.geojson", drawn))
    homes = {"boat": (100, 90, 2), "shore": (10, 10, 3)}
    wangge.ask("load", "addresses", write_addresses(tmp_path / "homes.csv", homes))
    made = draft_of(wangge, tmp_path / "lake.geojson", with_lake())
    assert sorted(f["kind"] for f in findings(made["report"])) == ["BLANK", "HOUSEHOLD_UNCOVERED"]
    waive_all(wangge, made)
    wangge.ask("draft", "publish", made["id"])

    report = coverage(wangge)
    assert report["clean"] is True
    assert clause(report, "EVERY_HOUSEHOLD")["waivedCount"] == 1
    assert [f["addresses"] for f in findings(report) if f["addresses"]] == [["boat"]]

    # another boat was accepted by nobody
    homes["second boat"] = (110, 90, 1)
    wangge.ask("load", "addresses", write_addresses(tmp_path / "homes.csv", homes))
    report = coverage(wangge)
    assert report["clean"] is False
    [lost] = [f for f in findings(report) if f["addresses"]]
    assert (lost["waiver"], lost["addresses"]) == (None, ["boat", "second boat"])

    waive(wangge, lost["id"])
    assert coverage(wangge)["clean"] is True


# -- time, and taking it back ----------------------------------------------------------------


def test_an_expired_waiver_makes_the_coverage_unclean_and_unpublishes_nothing(
    town: Wangge, stored: Stored, here: Path, tomorrow: dt.date
) -> None:
    made = draft_of(town, here, with_lake())
    [found] = findings(made["report"])
    until = tomorrow + dt.timedelta(days=10)
    waive(town, found["id"], "--until", until)
    town.ask("draft", "publish", made["id"])

    last = coverage(town, day=until - dt.timedelta(days=1))
    assert (last["clean"], last["provenParents"]) == (True, 2)
    assert findings(last)[0]["waiver"]["until"] == str(until)
    report = coverage(town, day=until)
    assert (report["clean"], report["provenParents"]) == (False, 1)
    assert [(f["kind"], f["waiver"]) for f in findings(report)] == [("BLANK", None)]
    assert report["edition"]["number"] == stored.newest() == 4
    assert coverage(town)["clean"] is True, "today it holds"


def test_a_draft_with_an_expired_waiver_cannot_be_published(
    town: Wangge, stored: Stored, here: Path
) -> None:
    made = draft_of(town, here, with_lake())
    [found] = findings(made["report"])
    waive(town, found["id"])
    with stored.connect() as connection:
        connection.execute("UPDATE waiver SET until = current_date - 2")

    assert report_of(town, made["id"])["clean"] is False
    assert town.failure("draft", "publish", made["id"], exit_code=5)["code"] == "NOT_CLEAN"
    waive(town, found["id"])
    assert town.ask("draft", "publish", made["id"])["number"] == 4


def test_what_is_unwaived_stays_published_and_can_be_waived_again(
    town: Wangge, stored: Stored, here: Path
) -> None:
    key = publish_lake(town, here)
    [first] = [row[6] for row in stored.rows(LAND)]

    taken = town.ask("unwaive", key, "--by", "Zhao")

    assert taken["waiver"] is None
    report = coverage(town)
    assert (report["clean"], report["provenParents"]) == (False, 1)
    assert stored.newest() == 4
    assert stored.one("SELECT ended_by FROM waiver") == "Zhao"
    error = town.failure("unwaive", key, exit_code=2)
    assert "not waived" in error["message"]

    waive(town, key)
    assert coverage(town)["clean"] is True
    [again] = [row[6] for row in stored.rows(LAND)]
    assert again > first
    assert stored.rows(LAND)[0][3:5] == (4, None), "no new edition for that"


def test_an_unwaived_draft_is_not_clean_any_more(town: Wangge, here: Path) -> None:
    made = draft_of(town, here, with_lake())
    [found] = findings(made["report"])
    waive(town, found["id"])
    town.ask("unwaive", found["id"])

    assert report_of(town, made["id"])["clean"] is False
    assert town.failure("draft", "publish", made["id"], exit_code=5)["code"] == "NOT_CLEAN"


def test_a_draft_of_before_learns_of_the_waiver_when_it_is_checked_again(
    town: Wangge, here: Path, tmp_path: Path
) -> None:
    made = draft_of(town, here, with_lake())
    smaller = draft_of(town, tmp_path / "smaller.geojson", with_lake((60, 70, 140, 120)))
    [found] = findings(made["report"])
    waive(town, found["id"])
    [inside] = findings(report_of(town, smaller["id"]))
    assert inside["waiver"] is None
    error = town.failure("waive", inside["id"], "--reason", "again", exit_code=2)
    assert "by Wu" in error["message"]
    assert "checked again" in error["message"]

    town.ask("draft", "recheck", smaller["id"])

    assert report_of(town, smaller["id"])["clean"] is True


def test_waivers_are_listed_with_what_became_of_them(
    town: Wangge, stored: Stored, here: Path
) -> None:
    key = publish_lake(town, here)

    [listed] = town.ask("waivers")
    assert (listed["finding"], listed["kind"], listed["reason"]) == (key, "BLANK", "a lake")
    assert town.ask("waivers", "--level", "community") == []
    town.ask("unwaive", key, "--by", "Zhao")
    assert town.ask("waivers") == []
    [ended] = town.ask("waivers", "--all")
    assert ended["endedBy"] == "Zhao"
    assert f"ended {ended['endedAt'][:10]} by Zhao" in town("waivers", "--all").out
    assert stored.one("SELECT count(*) FROM waiver") == 1


# -- what is refused -------------------------------------------------------------------------


def test_what_cannot_be_meant_is_refused_in_words(
    town: Wangge, stored: Stored, here: Path, tomorrow: dt.date
) -> None:
    made = draft_of(town, here, with_lake())
    [found] = findings(made["report"])
    yesterday = tomorrow - dt.timedelta(days=2)
    refused: list[tuple[Callable[[], dict[str, Any]], str]] = [
        (lambda: town.failure("waive", found["id"], "--reason", " ", exit_code=2), "say why"),
        (
            lambda: town.failure(
                "waive", found["id"], "--reason", "x", "--until", yesterday, exit_code=2
            ),
            "would not hold on any day",
        ),
        (lambda: town.failure("waive", "f" * 32, "--reason", "x", exit_code=2), "no finding"),
        (lambda: town.failure("waive", "0" * 9, "--reason", "x", exit_code=2), "begins with"),
        (lambda: town.failure("waive", "lake", "--reason", "x", exit_code=2), "is no id"),
        (lambda: town.failure("waive", "f" * 7, "--reason", "x", exit_code=2), "first 8 digits"),
        (lambda: town.failure("unwaive", found["id"], exit_code=2), "not waived"),
    ]
    for attempt, words in refused:
        assert words in attempt()["message"]
    assert stored.one("SELECT count(*) FROM waiver") == 0

    waive(town, found["id"])
    error = town.failure("waive", found["id"], "--reason", "once more", exit_code=2)
    assert "waived already, by Wu" in error["message"]
    assert "a lake" in error["message"]


def test_what_can_only_be_mended_is_not_waived(town: Wangge, here: Path) -> None:
    bow_tie = shapely.Polygon([(0, 0), (200, 100), (200, 0), (0, 100)])
    made = draft_of(town, here, plan({**GRIDS_A.shapes, "010101": bow_tie}))
    [found] = findings(made["report"], "INVALID_RING")

    error = town.failure("waive", found["id"], "--reason", "so be it", exit_code=2)

    assert error["code"] == "BAD_INPUT"
    assert "mend it in the file" in error["message"]


def test_a_publish_that_fails_leaves_no_waived_land(
    town: Wangge, stored: Stored, here: Path
) -> None:
    made = draft_of(town, here, with_lake())
    [found] = findings(made["report"])
    waive(town, found["id"])
    with stored.connect() as connection:
        connection.execute(
            "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE EXCEPTION 'the disk is full'; END $$"
        )
        connection.execute(
            "CREATE TRIGGER fail AFTER UPDATE OF published_as ON draft EXECUTE FUNCTION fail()"
        )

    assert town("draft", "publish", made["id"]).exit_code == 70

    assert stored.rows(LAND) == []
    assert stored.newest() == 3
    with stored.connect() as connection:
        connection.execute("DROP TRIGGER fail ON draft")
    assert town.ask("draft", "publish", made["id"])["number"] == 4


# -- where points are ------------------------------------------------------------------------


def test_a_point_in_the_lake_is_in_waived_land(town: Wangge, here: Path) -> None:
    publish_lake(town, here)
    query = """query ($points: [PointInput!]!, $lake: PointInput!) {
        placesAt(points: $points) { code reason }
        placeAt(point: $lake) { reason units { code } nearest { code } nearestDistanceM }
        community: placeAt(point: $lake, level: "community") { reason units { code } }
    }"""
    drawn = {"lake": (100, 99), "rim": (50, 70), "grid": (10, 10), "far": (-900, 0)}
    places = {key: dict(zip(("lon", "lat"), point(*xy), strict=True)) for key, xy in drawn.items()}

    data = graphql(town, query, {"points": list(places.values()), "lake": places["lake"]})

    assert data["placesAt"] == [
        {"code": None, "reason": "WAIVED_BLANK"},
        {"code": "010101", "reason": None},
        {"code": "010101", "reason": None},
        {"code": None, "reason": "OUTSIDE"},
    ]
    place = data["placeAt"]
    assert place["reason"] == "WAIVED_BLANK"
    assert [unit["code"] for unit in place["units"]] == ["01", "0101"]
    assert place["nearest"]["code"] == "010102", "31 steps north, 39 steps south"
    assert place["nearestDistanceM"] == pytest.approx(31 * 1.1085, rel=1e-3)
    assert data["community"]["reason"] is None
