"""Who may accept what was found, and what is seen of it."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import delete, func, insert, select, update
from starlette.testclient import TestClient

from resolvers.context import Shared
from schema.ids import IdKind, encode
from service.app import make_app
from service.settings import Settings
from storage.engine import make_engine
from storage.keys import Role
from storage.models import AddressPlace, Draft, Finding, Unit, Waiver
from tests.graphql import imported, real, world
from tests.graphql.asking import TODAY, ask, told
from tests.graphql.imported import HASHES
from tests.graphql.real import Drew
from tests.graphql.world import C1, C3, G11, G12, HOMES, LOST, S1, S2, D

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

pytestmark = pytest.mark.anyio

WAIVE = """
mutation ($id: ID!, $reason: String = "a lake", $until: Date) {
  waive(findingId: $id, reason: $reason, until: $until) {
    id kind waiver { reason approvedBy approvedAt until }
  }
}
"""
UNWAIVE = "mutation ($id: ID!) { unwaive(findingId: $id) { id waiver { reason } } }"
DRAFT = """
query ($id: ID!, $waived: Boolean) {
  draft(id: $id) { report {
    clean provenParents
    clauses { rule holds findingCount waivedCount }
    findings(waived: $waived) { totalCount nodes { kind waiver { reason } } }
  } }
}
"""
COVERAGE = """
{ coverage(level: "grid") {
    clean provenParents
    clauses { rule waivedCount }
    findings { nodes { id kind severity waiver { reason } } }
} }
"""
FINDINGS = "query ($id: ID!) { draft(id: $id) { report { findings { nodes { id kind } } } } }"
BLANK, OVERLAP, NO_CODE = (encode(IdKind.FINDING, digits) for digits in HASHES)


async def waivers(engine: AsyncEngine) -> int:
    async with engine.connect() as connection:
        return await connection.scalar(select(func.count()).select_from(Waiver)) or 0


async def lost(engine: AsyncEngine) -> str:
    """Draw the town with one address outside of it; return the id of that finding."""
    await world.build(engine, homes=[*HOMES, LOST])
    data = await told(engine, COVERAGE)
    [found] = data["coverage"]["findings"]["nodes"]
    assert found["kind"] == "HOUSEHOLD_UNCOVERED"
    return str(found["id"])


async def without_grids_in_c3(engine: AsyncEngine) -> str:
    """Take the grids of C3, which lies in S2, away; return the id of what is blank then."""
    await world.run(engine, delete(Unit).where(Unit.level == "grid", Unit.parent_code == C3))
    await world.run(engine, delete(AddressPlace).where(AddressPlace.code.startswith(C3)))
    data = await told(engine, COVERAGE)
    [blank] = [f for f in data["coverage"]["findings"]["nodes"] if f["kind"] == "BLANK"]
    return str(blank["id"])


# -- who -------------------------------------------------------------------------------------


@pytest.mark.parametrize("mutation", [WAIVE, UNWAIVE])
async def test_nobody_below_a_publisher_accepts_anything(town: AsyncEngine, mutation: str) -> None:
    await imported.add_draft(town)
    reader = await world.make_key(town, Role.READER)
    editor = await world.make_key(town, Role.EDITOR)

    for key, code in ((None, "UNAUTHENTICATED"), (reader, "FORBIDDEN"), (editor, "FORBIDDEN")):
        answer = await ask(town, mutation, {"id": BLANK}, key=key)
        assert answer.codes() == [code]
    assert await waivers(town) == 0


@pytest.mark.parametrize("role", [Role.PUBLISHER, Role.ADMIN])
async def test_a_publisher_accepts_in_the_name_of_the_key(town: AsyncEngine, role: Role) -> None:
    await imported.add_draft(town)
    key = await world.make_key(town, role)
    until = TODAY + dt.timedelta(days=365)

    data = await told(town, WAIVE, {"id": BLANK, "until": str(until)}, key=key)

    waiver = data["waive"].pop("waiver")
    assert data["waive"] == {"id": BLANK, "kind": "BLANK"}
    approved_at = dt.datetime.fromisoformat(waiver.pop("approvedAt"))
    assert abs(dt.datetime.now(dt.UTC) - approved_at) < dt.timedelta(hours=1)
    assert waiver == {"reason": "a lake", "approvedBy": "tester", "until": str(until)}
    assert (await told(town, UNWAIVE, {"id": BLANK}, key=key))["unwaive"]["waiver"] is None


async def test_a_publisher_of_other_ground_accepts_nothing_of_a_draft(town: AsyncEngine) -> None:
    await imported.add_draft(town, within=("community", C1))
    here = await world.make_key(town, Role.PUBLISHER, within=("subdistrict", S1))
    there = await world.make_key(town, Role.PUBLISHER, within=("subdistrict", S2))

    assert (await ask(town, WAIVE, {"id": BLANK}, key=there)).codes() == ["FORBIDDEN"]
    assert (await ask(town, WAIVE, {"id": BLANK}, key=here)).errors == []
    assert (await ask(town, UNWAIVE, {"id": BLANK}, key=there)).codes() == ["FORBIDDEN"]


async def test_nor_of_an_edition(town: AsyncEngine) -> None:
    finding = await without_grids_in_c3(town)
    here = await world.make_key(town, Role.PUBLISHER, within=("subdistrict", S2))
    there = await world.make_key(town, Role.PUBLISHER, within=("subdistrict", S1))

    assert (await ask(town, WAIVE, {"id": finding}, key=there)).codes() == ["FORBIDDEN"]
    assert (await ask(town, WAIVE, {"id": finding}, key=here)).errors == []


async def test_what_lies_outside_every_ground_is_for_those_of_all_ground(
    engine: AsyncEngine,
) -> None:
    finding = await lost(engine)
    some = await world.make_key(engine, Role.PUBLISHER, within=("subdistrict", S2))
    whole = await world.make_key(engine, Role.PUBLISHER)

    assert (await ask(engine, WAIVE, {"id": finding}, key=some)).codes() == ["FORBIDDEN"]
    assert (await ask(engine, WAIVE, {"id": finding}, key=whole)).errors == []


async def test_land_of_a_neighbour_is_not_taken_by_accepting_that_two_claim_it(
    town: AsyncEngine,
) -> None:
    # G12 of C1, which lies in S1, reaches half a step into G31 of C3, which lies in S2
    reaching = [Drew(G11, (0, 0, 2, 0.5)), Drew(G12, (0, 0.5, 2.5, 1))]
    draft = await real.make(town, "grid", reaching, within=("community", C1))
    one = await world.make_key(town, Role.PUBLISHER, within=("subdistrict", S1))
    both = await world.make_key(town, Role.PUBLISHER, within=("district", D))
    data = await told(town, FINDINGS, {"id": encode(IdKind.DRAFT, draft)}, key=one)
    found = {f["kind"]: f["id"] for f in data["draft"]["report"]["findings"]["nodes"]}

    assert set(found) == {"OVERLAP", "OUTSIDE"}
    assert (await ask(town, WAIVE, {"id": found["OUTSIDE"]}, key=one)).errors == []
    for key, codes in ((one, ["FORBIDDEN"]), (both, [])):
        assert (await ask(town, WAIVE, {"id": found["OVERLAP"]}, key=key)).codes() == codes
    assert (await ask(town, UNWAIVE, {"id": found["OVERLAP"]}, key=one)).codes() == ["FORBIDDEN"]


# -- what ------------------------------------------------------------------------------------


async def test_what_cannot_be_meant_is_refused(town: AsyncEngine) -> None:
    draft = await imported.add_draft(town)
    key = await world.make_key(town, Role.PUBLISHER)
    refused: list[tuple[dict[str, Any], str, str]] = [
        ({"id": NO_CODE}, "BAD_INPUT", "findingId"),
        ({"id": BLANK, "reason": " \n"}, "BAD_INPUT", "reason"),
        ({"id": BLANK, "reason": "x" * 2001}, "BAD_INPUT", "reason"),
        ({"id": BLANK, "reason": "a\x00b"}, "BAD_INPUT", "reason"),
        ({"id": BLANK, "until": str(TODAY)}, "BAD_INPUT", "until"),
        ({"id": encode(IdKind.FINDING, "d" * 32)}, "UNKNOWN", "findingId"),
        ({"id": encode(IdKind.DRAFT, draft)}, "BAD_INPUT", "findingId"),
        ({"id": "lake"}, "BAD_INPUT", "findingId"),
    ]

    for variables, code, argument in refused:
        answer = await ask(town, WAIVE, variables, key=key)
        assert answer.codes() == [code], variables
        assert answer.errors[0]["extensions"]["argument"] == argument
        assert answer.data == {"waive": None}
    assert await waivers(town) == 0


async def test_a_drafts_report_lives_with_its_waivers(town: AsyncEngine) -> None:
    number = await imported.add_draft(town)
    key = await world.make_key(town, Role.PUBLISHER)
    shown = {"id": encode(IdKind.DRAFT, number)}
    await told(town, WAIVE, {"id": BLANK}, key=key)
    await told(town, WAIVE, {"id": OVERLAP, "until": "2026-12-01"}, key=key)

    report = (await told(town, DRAFT, shown, key=key))["draft"]["report"]
    later = (await told(town, DRAFT, shown, key=key, today=dt.date(2026, 12, 1)))["draft"]["report"]

    assert [(c["holds"], c["findingCount"], c["waivedCount"]) for c in report["clauses"]] == [
        (False, 1, 0),  # the row without a code
        (True, 1, 1),
        (True, 1, 1),
        (True, 0, 0),
    ]
    assert report["clean"] is False
    assert [c["holds"] for c in later["clauses"]] == [False, True, False, True]
    for waived, kinds in ((True, ["BLANK", "OVERLAP"]), (False, ["MISSING_CODE"])):
        some = await told(town, DRAFT, shown | {"waived": waived}, key=key)
        found = some["draft"]["report"]["findings"]
        assert [finding["kind"] for finding in found["nodes"]] == kinds
        assert found["totalCount"] == len(kinds)
    again = await ask(town, WAIVE, {"id": BLANK}, key=key)
    assert "waived already, by tester" in again.errors[0]["message"]


async def test_with_everything_waived_a_draft_is_clean_and_proven(town: AsyncEngine) -> None:
    number = await imported.add_draft(town)
    await world.run(town, delete(Finding).where(Finding.id == HASHES[2]))
    # the rest of the parent's sum is what is waived: 7 blank less 2 x 5 doubled
    chains = {HASHES[0]: (7, 1), HASHES[1]: (5, 2)}
    for digits, (chain, extra) in chains.items():
        same = Finding.id == digits
        await world.run(town, update(Finding).where(same).values(chain=chain, extra=extra))
    unproven = [{"parent": C1, "rest": str(2 * 5 - 7), "spoilt": False, "findings": []}]
    report = imported.REPORT | {"unproven": unproven}
    await world.run(town, update(Draft).values(report=report))
    key = await world.make_key(town, Role.PUBLISHER)
    seen = []
    for finding in (BLANK, OVERLAP):
        await told(town, WAIVE, {"id": finding}, key=key)
        shown = await told(town, DRAFT, {"id": encode(IdKind.DRAFT, number)}, key=key)
        found = shown["draft"]["report"]
        seen.append((found["clean"], found["provenParents"]))

    assert seen == [(False, 0), (True, 1)]


async def test_a_waiver_shows_at_once_though_reports_are_kept(engine: AsyncEngine) -> None:
    finding = await lost(engine)
    key = await world.make_key(engine, Role.PUBLISHER)
    shared = Shared(engine)
    states = []
    for step in (None, WAIVE, UNWAIVE):
        if step is not None:
            await told(engine, step, {"id": finding}, key=key, shared=shared)
        data = await told(engine, COVERAGE, shared=shared)
        states.append((data["coverage"]["clean"], data["coverage"]["findings"]["nodes"][0]["id"]))

    assert states == [(False, finding), (True, finding), (False, finding)]


async def test_a_community_without_grids_may_be_meant_so(town: AsyncEngine) -> None:
    await without_grids_in_c3(town)
    key = await world.make_key(town, Role.PUBLISHER)
    before = (await told(town, COVERAGE))["coverage"]
    assert (before["clean"], before["provenParents"]) == (False, 2)
    assert sorted(found["kind"] for found in before["findings"]["nodes"]) == [
        "BLANK",
        "HOUSEHOLD_UNCOVERED",
    ]

    for found in before["findings"]["nodes"]:
        await told(town, WAIVE, {"id": found["id"], "reason": "an airport"}, key=key)

    after = (await told(town, COVERAGE))["coverage"]
    assert (after["clean"], after["provenParents"]) == (True, 3)
    assert {found["id"] for found in after["findings"]["nodes"]} == {
        found["id"] for found in before["findings"]["nodes"]
    }


async def test_findings_are_found_with_their_waivers_by_their_ids(town: AsyncEngine) -> None:
    await imported.add_draft(town)
    key = await world.make_key(town, Role.PUBLISHER)
    await told(town, WAIVE, {"id": BLANK}, key=key)
    query = "query ($ids: [ID!]!) { nodes(ids: $ids) { ... on Finding { waiver { reason } } } }"

    data = await told(town, query, {"ids": [BLANK, OVERLAP]}, key=key)

    assert data["nodes"] == [{"waiver": {"reason": "a lake"}}, {"waiver": None}]


async def test_waived_findings_take_no_statements_of_their_own(
    town: AsyncEngine, counted: list[str]
) -> None:
    number = await imported.add_draft(town)
    key = await world.make_key(town, Role.PUBLISHER)
    variables = {"id": encode(IdKind.DRAFT, number)}
    counts = []
    for finding in (None, BLANK, OVERLAP):
        if finding is not None:
            await told(town, WAIVE, {"id": finding}, key=key)
        counted.clear()
        await told(town, DRAFT, variables, key=key)
        counts.append(len(counted))

    # the key, the draft, the counts of its report, its findings and their total
    assert counts == [5, 5, 5]


async def test_two_who_accept_the_same_at_once_make_one_waiver(town: AsyncEngine) -> None:
    await imported.add_draft(town)
    key = await world.make_key(town, Role.PUBLISHER)

    answers = await asyncio.gather(*(ask(town, WAIVE, {"id": BLANK}, key=key) for _ in range(4)))

    assert sorted(answer.codes() for answer in answers) == [[], *[["BAD_INPUT"]] * 3]
    assert await waivers(town) == 1


async def test_a_waiver_without_a_reason_cannot_even_be_stored(town: AsyncEngine) -> None:
    values = {"finding_id": "x", "level": "grid", "kind": "BLANK", "extra": 1, "area_m2": 1.0}
    statement = insert(Waiver).values(**values, reason="", approved_by="tester")

    with pytest.raises(Exception, match="waiver_reason"):
        await world.run(town, statement)


# -- over HTTP -------------------------------------------------------------------------------


def test_a_link_cannot_waive_anything(database_url: str) -> None:
    async def build() -> str:
        engine = make_engine(database_url)
        await world.build(engine)
        await imported.add_draft(engine)
        key = await world.make_key(engine, Role.PUBLISHER)
        await engine.dispose()
        return key

    headers = {"authorization": f"Bearer {asyncio.run(build())}"}
    query = f'mutation {{ waive(findingId: "{BLANK}", reason: "a lake") {{ kind }} }}'
    with TestClient(make_app(Settings(), database_url)) as client:
        got = client.get("/graphql", params={"query": query}, headers=headers)
        form = client.post("/graphql", data={"query": query}, headers=headers)
        posted = client.post("/graphql", json={"query": query}, headers=headers)

    assert (got.status_code, got.headers["allow"]) == (405, "POST")
    assert form.status_code >= 400
    assert posted.json() == {"data": {"waive": {"kind": "BLANK"}}}, "and nobody was before it"
