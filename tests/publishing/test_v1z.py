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


import asyncio
from storage.engine import make_engine
from storage.keys import Role
from tests.graphql.asking import ask
from tests.graphql.world import make_key
from schema.ids import IdKind, encode

def put(url, q, role=None, **v):
    async def work():
        engine = make_engine(url)
        try:
            key = await make_key(engine, role) if role else None
            return await ask(engine, q, v, key=key)
        finally:
            await engine.dispose()
    return asyncio.run(work())

def test_pictures_and_shares(town: Wangge, stored: Stored, here: Path, database_url: str) -> None:
    publish_lake(town, here)
    town.publish("police", file(here, "p", plan({"P1": (0, 0, 200, 70), "P2": (0, 70, 200, 200), "P3": (200, 0, 400, 200)})))
    for q in ('{ units(level: "grid", first: 10) { nodes { code geometry(toleranceM: 20) } featureCollection(toleranceM: 20) } }',
        '{ units(level: "grid", first: 10) { nodes { code crosswalk(to: "police") { unit { code } areaM2 areaShare }  predecessors { unit { code } areaShare } } } }',
        '{ units(level: "police", first: 10) { nodes { code crosswalk(to: "grid") { unit { code } areaM2 areaShare } } } }'):
        a = put(database_url, q)
        print(a)
        assert a.errors == []

def test_readers(town: Wangge, stored: Stored, here: Path, database_url: str) -> None:
    publish_lake(town, here)
    made = draft_of(town, here, plan({"010101": (0, 0, 200, 99.5), "010102": (0, 100, 200, 200)}))
    mended = town.ask("draft", "repair", made["id"])
    [f] = findings(made["report"])
    town.ask("draft", "recheck", mended["id"])
    qs = {
      "moves": ('query($id: ID!) { draft(id: $id) { id moves { totalCount nodes { areaM2 } } repairOf { id } } }', encode(IdKind.DRAFT, mended["id"])),
      "gone": ('query($id: ID!) { draft(id: $id) { id goneFindings { id } } }', encode(IdKind.DRAFT, mended["id"])),
      "node": ('query($id: ID!) { node(id: $id) { id __typename } }', encode(IdKind.DRAFT, mended["id"])),
      "finding": ('query($id: ID!) { node(id: $id) { id __typename ... on Finding { kind areaM2 } } }', encode(IdKind.FINDING, f["id"])),
    }
    for name, (q, i) in qs.items():
        for role in (None, Role.READER, Role.EDITOR):
            a = put(database_url, q, role, id=i)
            print(name, role, a)
