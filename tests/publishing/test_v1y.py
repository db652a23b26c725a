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


from concurrent.futures import ThreadPoolExecutor
import signal
from tests.publishing.test_races import publish_alone, outcome, gate, lock
from tests.publishing.test_killed import Command, settled
from tests.publishing.drawing import point


def test_two_publishers_round_one_lake(town: Wangge, stored: Stored, here: Path) -> None:
    lake = box(150, 50, 250, 150)
    c = plan({"0101": box(0, 0, 200, 200) - lake, "0102": box(200, 0, 400, 200) - lake})
    cd = town.draft("community", file(here, "c", c), exit_code=1)
    for f in findings(cd["report"]):
        if f["kind"] == "BLANK":
            waive(town, f["id"])
    g = town.draft("grid", file(here, "g", plan({k: v - lake for k, v in GRIDS.shapes.items()})), "--with", cd["id"])
    town.ask("draft", "publish", cd["id"], g["id"])
    ids = []
    for within, west, at in (("0101", 0, 77), ("0102", 200, 66)):
        d = plan({k: v - lake for k, v in plan(halves(west, west + 200, at, within)).shapes.items()})
        ids.append(town.draft("grid", file(here, within, d), "--within", within)["id"])
    print(stored.rows("SELECT id, planned FROM draft"))
    with ThreadPoolExecutor(2) as pool:
        done = [pool.submit(publish_alone, town.url, [i]) for i in ids]
        said = [outcome(f) for f in done]
    print(said)
    assert sorted(said) == ["edition 5", "edition 6"]
    well(town, stored)
    assert stored.one("SELECT ST_NPoints(geom) FROM waived_land WHERE last_edition IS NULL") > 6


def test_kill(town: Wangge, stored: Stored, here: Path) -> None:
    key = publish_lake(town, here)
    d = town.draft("grid", file(here, "s", with_lake((60, 70, 140, 120))), "--within", "0101")
    before = stored.rows("SELECT * FROM waived_land")
    with gate(stored, "SELECT FROM waived_land FOR UPDATE") as until:
        command = Command(town.url, "draft", "publish", d["id"])
        until(1)
        command.end(signal.SIGKILL)
    settled(stored)
    assert stored.rows("SELECT * FROM waived_land") == before
    assert stored.newest() == 4
    well(town, stored)
    town.ask("draft", "publish", d["id"])
    well(town, stored)
    # older file
    town.publish("grid", here, "--within", "0101")
    well(town, stored)


def test_unwaive_between_check_and_publish_at_the_gate(town: Wangge, stored: Stored, here: Path) -> None:
    key = publish_lake(town, here)
    d = town.draft("grid", file(here, "s", with_lake((60, 70, 140, 120))), "--within", "0101")
    with ThreadPoolExecutor(1) as pool:
        with gate(stored, lock("community", "0101")) as until:
            done = pool.submit(publish_alone, town.url, [d["id"]])
            until(1)
            town.ask("unwaive", key)
        print(outcome(done))
    well(town, stored, clean=False)


def test_households(town: Wangge, stored: Stored, here: Path) -> None:
    homes = {"boat": (100, 95, 4), "house": (10, 10, 3)}
    town.ask("load", "addresses", write_addresses(here.parent / "h.csv", homes))
    made = draft_of(town, here, with_lake())
    print([(f["kind"], f["addresses"]) for f in findings(made["report"])])
    mended = town.ask("draft", "repair", made["id"], exit_code=1)
    accept(town, mended)
    assert report_of(town, mended["id"])["clean"]
    assert report_of(town, made["id"])["clean"]
    town.ask("draft", "publish", mended["id"])
    well(town, stored)
    town.ask("load", "addresses", write_addresses(here.parent / "h2.csv", {**homes, "boat2": (110, 95, 2)}))
    well(town, stored, clean=False)
    print([(f["kind"], f["addresses"], f["waiver"] is not None) for f in findings(coverage(town))])
    town.publish("grid", file(here, "fill", GRIDS_A), "--within", "0101")
    well(town, stored)


def test_node_of_outline(town: Wangge, stored: Stored, here: Path) -> None:
    key = publish_lake(town, here, (0, 60, 50, 130))
    d = town.draft("grid", file(here, "n", with_lake((0, 60, 50, 130), plan(halves(0, 200, 100, "0101"))) if False else plan({"010201": shapely.Polygon([(200, 0), (313, 0), (400, 0), (400, 57), (400, 100), (200, 100)]), "010202": (200, 100, 400, 200)})), "--within", "0102")
    print(stored.rows("SELECT id, planned, plan_outline is not null FROM draft"))
    told = town.ask("draft", "publish", d["id"])
    print(told)
    well(town, stored)


def test_two_levels_lake(town: Wangge, stored: Stored, here: Path) -> None:
    """The same lake in grids and police beats."""
    publish_lake(town, here)
    beats = with_lake(LAKE, plan({"010101": (0, 0, 200, 100), "010102": (0, 100, 200, 200), "P3": (200, 0, 400, 200)}))
    p = town.draft("police", file(here, "p", Plan(beats.shapes, parents={"010101": "0101", "010102": "0101", "P3": "0102"})), exit_code=1)
    accept(town, p)
    town.ask("draft", "publish", p["id"])
    well(town, stored, "district", "community", "grid", "police")
    town.publish("grid", file(here, "s", with_lake((60, 70, 140, 120))), "--within", "0101")
    well(town, stored, "district", "community", "grid", "police")
    # a split beside the lake: node in both lakes
    town.publish("grid", file(here, "t", with_lake(LAKE, plan({"010101": (0, 0, 200, 88), "010103": (0, 88, 200, 100), "010102": (0, 100, 200, 200)}))), "--within", "0101")
    well(town, stored, "district", "community", "grid", "police")
    assert all(r[0] for r in stored.rows("SELECT ST_NPoints(geom) FROM waived_land WHERE last_edition IS NULL"))


def test_whole_unit_in_lake_removed(town: Wangge, stored: Stored, here: Path) -> None:
    """a community whose grids all vanish, waived: bare parent"""
    g = town.draft("grid", file(here, "g", plan({"010101": (0, 0, 200, 100)})), "--within", "0101", exit_code=1)
    accept(town, g)
    town.ask("draft", "publish", g["id"])
    well(town, stored)
    g = town.draft("grid", file(here, "g2", plan({k: v for k, v in GRIDS.shapes.items() if k.startswith("0102")})), exit_code=1)
    print([(f["kind"], f["severity"], f["waiver"] is not None, f["message"]) for f in findings(g["report"])])
    accept(town, g)
    town.ask("draft", "publish", g["id"])
    well(town, stored)


def test_exclave_wholly_outside(town: Wangge, stored: Stored, here: Path) -> None:
    drawn = plan({"010101": (0, 0, 200, 100), "010102": (0, 100, 200, 200), "010109": (600, 0, 650, 50)})
    made = draft_of(town, here, drawn)
    print([(f["kind"], f["message"]) for f in findings(made["report"])])
