"""Exceptions, mending, the short way, other levels and other publishers, all on one ground."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest
import shapely
from shapely import box

from tests.publishing.drawing import (
    COMMUNITIES,
    DISTRICT,
    GRIDS,
    GRIDS_A,
    Plan,
    halves,
    plan,
    write_addresses,
    write_geojson,
)
from tests.publishing.test_waivers import (
    COVERAGE,
    LAKE,
    coverage,
    draft_of,
    findings,
    graphql,
    publish_lake,
    report_of,
    waive,
    waive_all,
    with_lake,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tests.publishing.outside import Wangge
    from tests.publishing.stored import Stored

pytestmark = pytest.mark.postgis


def well(town: Wangge, stored: Stored, *levels: str, clean: bool = True) -> None:
    """See that all that is stored holds, by SQL, by the audit and by the coverage."""
    assert stored.faults() == {}
    audited = town.ask("audit")
    assert audited["differences"] == []
    for level in levels or ("district", "community", "grid"):
        report = coverage(town, level)
        open_ones = [f for f in findings(report) if f["waiver"] is None]
        assert report["clean"] == (not open_ones), (level, report)
        assert (report["provenParents"] == report["parents"]) == (not open_ones), (level, report)
    if clean:
        assert all(coverage(town, level)["clean"] for level in levels or ("grid",))


def both(a: Plan, b: Plan) -> Plan:
    return plan({**a.shapes, **b.shapes})


def file(here: Path, name: str, drawn: Plan) -> Path:
    return write_geojson(here.parent / f"{name}.geojson", drawn)


def accept(town: Wangge, draft: dict[str, Any]) -> None:
    for finding in findings(draft["report"]):
        if finding["waiver"] is None:
            waive(town, finding["id"])



def test_waive_plan_unwaive(town: Wangge, stored: Stored, here: Path) -> None:
    made = draft_of(town, here, with_lake())
    [f] = findings(made["report"])
    waive(town, f["id"])
    again = town.ask("draft", "recheck", made["id"])
    assert again["clean"]
    town.ask("unwaive", f["id"])
    assert town.failure("draft", "publish", made["id"], exit_code=5)["code"] == "NOT_CLEAN"
    waive(town, f["id"])
    town.ask("draft", "publish", made["id"])
    well(town, stored)
    # a draft for neighbour, planned; then unwaive; then publish
    beside = town.draft("grid", file(here, "b", plan(halves(200, 400, 71, "0102"))), "--within", "0102")
    assert stored.one("SELECT planned FROM draft WHERE id=%s", int(beside["id"]))
    town.ask("unwaive", f["id"])
    town.ask("draft", "publish", beside["id"])
    well(town, stored, clean=False)
    # a name only, for the ground of the lake: must be refused
    named = town.draft("grid", file(here, "n", Plan(with_lake().shapes, names={"010101": "x"})), "--within", "0101", exit_code=1)
    assert town.failure("draft", "publish", named["id"], exit_code=5)["code"] == "NOT_CLEAN"
    # the whole community level renamed
    c = town("import", file(here, "c", Plan(COMMUNITIES.shapes, names={"0101": "x"})), "--level", "community", "--json")
    print(c.exit_code, [(x["kind"], x["waiver"]) for x in c.json()["report"]["findings"]["nodes"]])
    # filled
    town.publish("grid", file(here, "f", GRIDS_A), "--within", "0101")
    well(town, stored)


def test_compound_in_lakes(town: Wangge, stored: Stored, here: Path) -> None:
    lake = box(150, 50, 250, 150)
    c = plan({"0101": box(0, 0, 200, 200) - lake, "0102": box(200, 0, 400, 200) - lake})
    cd = town.draft("community", file(here, "c", c), exit_code=1)
    print([(f["kind"], f["message"]) for f in findings(cd["report"])])
    for f in findings(cd["report"]):
        if f["kind"] == "BLANK":
            waive(town, f["id"])
    g = town.draft("grid", file(here, "g", plan({k: v - lake for k, v in GRIDS.shapes.items()})), "--with", cd["id"])
    town.ask("draft", "publish", cd["id"], g["id"])
    well(town, stored)
    k = town.draft("compound", file(here, "k", plan({"K": (140, 90, 180, 120), "L": (10, 10, 30, 30)})), exit_code=1)
    print([(f["kind"], f["message"], f["parent"]) for f in findings(k["report"])])
    accept(town, k)
    town.ask("draft", "publish", k["id"])
    well(town, stored)
    report = coverage(town, "compound")
    print(report["clean"], [(f["kind"], f["waiver"] is not None) for f in findings(report)])
    assert report["clean"]
    # neighbour grid split beside the lake
    lakeg = {kk: v - lake for kk, v in plan({"010101": (0, 0, 200, 70), "010103": (0, 70, 200, 100), "010102": (0, 100, 200, 200)}).shapes.items()}
    town.publish("grid", file(here, "g3", plan(lakeg)), "--within", "0101")
    well(town, stored)
    again = town.draft("compound", here.parent / "k.geojson", "--publish")
    print(again["publishedAs"], stored.newest())
    well(town, stored)


def test_pictures_and_shares(town: Wangge, stored: Stored, here: Path) -> None:
    publish_lake(town, here)
    town.publish("police", file(here, "p", plan({"P1": (0, 0, 200, 70), "P2": (0, 70, 200, 200), "P3": (200, 0, 400, 200)})))
    q = """{ units(level: "grid", first: 10) { nodes { code geometry(toleranceM: 20) crosswalk(to: "police") { unit { code } land households } predecessors { unit { code } land } } } featureCollection(level: "grid", toleranceM: 20) }"""
    try:
        print(graphql(town, q, {}))
    except Exception as e:
        print("ERR", repr(e))


def test_far_exclave(town: Wangge, stored: Stored, here: Path) -> None:
    far = plan(
        {"010101": (0, 0, 200, 100), "010102": box(0, 100, 200, 200).union(box(600, 120, 620, 150))}
    )
    made = draft_of(town, here, far)
    waive_all(town, made)
    town.ask("draft", "publish", made["id"])
    well(town, stored)
    again = town.draft("grid", here, "--within", "0101", "--publish")
    assert again["publishedAs"]["number"] == 4
    well(town, stored)
    other = plan(
        {"010101": (0, 0, 200, 90), "010102": box(0, 90, 200, 200).union(box(600, 120, 620, 150))}
    )
    town.publish("grid", write_geojson(here, other), "--within", "0101")
    well(town, stored)
    town.publish("grid", write_geojson(here, GRIDS_A), "--within", "0101")
    well(town, stored)
    assert stored.one("SELECT count(*) FROM waived_land WHERE last_edition IS NULL") == 0


def test_far_part_of_lake_in_other_units(town: Wangge, stored: Stored, here: Path) -> None:
    """A part in 0102, away from 0101's box, overlapping 010202 there."""
    east = plan(
        {
            "010201": (200, 0, 300, 100),
            "010202": (200, 100, 300, 200),
            "010203": (300, 0, 400, 100),
            "010204": (300, 100, 400, 200),
        }
    )
    town.publish("grid", file(here, "e", east), "--within", "0102")
    far = plan(
        {"010101": (0, 0, 200, 100), "010102": box(0, 100, 200, 200).union(box(350, 120, 370, 150))}
    )
    made = draft_of(town, here, far)
    waive_all(town, made)
    town.ask("draft", "publish", made["id"])
    report = coverage(town)
    print([(f["kind"], f["waiver"]) for f in findings(report)])
    assert stored.faults() == {}
    whole = town.draft("grid", file(here, "all", both(far, east)), exit_code=1)
    print([(f["kind"], f["waiver"]) for f in findings(whole["report"])])
    accept(town, whole)
    town.ask("draft", "publish", whole["id"])
    well(town, stored)
    again = town.draft("grid", here, "--within", "0101", "--publish")
    print(again["publishedAs"])
    well(town, stored)
    town.publish("grid", write_geojson(here, GRIDS_A), "--within", "0101")
    well(town, stored)
    print(stored.rows("SELECT kind,parent_code,first_edition,last_edition FROM waived_land"))


def test_lake_on_rim_and_all(town: Wangge, stored: Stored, here: Path) -> None:
    key = publish_lake(town, here, (0, 60, 50, 130))
    well(town, stored)
    # neighbours
    town.publish("grid", file(here, "b", plan(halves(200, 400, 61, "0102"))), "--within", "0102")
    well(town, stored)
    # community and district again, named
    names = {"0101": "a", "0102": "b"}
    town.publish("community", file(here, "c", Plan(COMMUNITIES.shapes, names=names)))
    well(town, stored)
    # district with more vertices on the rim of the lake and outline
    d = plan({"01": shapely.Polygon([(0, 0), (400, 0), (400, 200), (0, 200), (0, 95), (0, 62)])})
    town.publish("district", file(here, "d", d))
    well(town, stored)
    # redraw a grid beside lake
    made = town.draft("grid", file(here, "a2", with_lake((0, 60, 50, 130), plan(halves(0, 200, 110, "0101")))), "--within", "0101", "--publish")
    well(town, stored)
    town.ask("unwaive", key[:12])
    well(town, stored, clean=False)
    # compound and police
    town.publish("police", file(here, "p", plan({"P1": (0, 0, 200, 70), "P2": (0, 70, 200, 200), "P3": (200, 0, 400, 200)})))
    well(town, stored, clean=False)
    error = town.ask("import", file(here, "a3", with_lake((0, 60, 50, 130), plan(halves(0, 200, 105, "0101")))), "--level", "grid", "--within", "0101", "--publish", exit_code=1)
    print(error)


