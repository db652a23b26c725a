"""Who may read, and who may see drafts."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import update

from schema.build import schema
from storage.keys import Role
from storage.models import ApiKey
from tests.graphql import imported, world
from tests.graphql.asking import ask, told
from tests.graphql.world import C1, C2, C3, G21, S1, S2, D

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

pytestmark = pytest.mark.anyio


def draft_id(number: int) -> str:
    return base64.b64encode(f"Draft:{number}".encode()).decode()


@pytest.mark.parametrize("field", ["drafts { totalCount }", 'draft(id: "RHJhZnQ6MQ==") { id }'])
async def test_readers_see_no_draft(town: AsyncEngine, field: str) -> None:
    await imported.add_draft(town)
    reader = await world.make_key(town, Role.READER)

    without = await ask(town, f"{{ {field} levels {{ key }} }}")
    reading = await ask(town, f"{{ {field} levels {{ key }} }}", key=reader)

    assert without.codes() == ["UNAUTHENTICATED"]
    assert reading.codes() == ["FORBIDDEN"]
    assert len(reading.data["levels"]) == 5, "the neighbour stays"


@pytest.mark.parametrize("role", [Role.EDITOR, Role.PUBLISHER, Role.ADMIN])
async def test_editors_and_those_above_see_them(town: AsyncEngine, role: Role) -> None:
    await imported.add_draft(town)
    key = await world.make_key(town, role)

    assert await told(town, "{ drafts { totalCount } }", key=key) == {"drafts": {"totalCount": 1}}


async def test_an_editor_of_some_ground_sees_the_drafts_inside_it(town: AsyncEngine) -> None:
    whole = await imported.add_draft(town, within=None)
    in_c1 = await imported.add_draft(town, within=("community", C1))
    in_c3 = await imported.add_draft(town, within=("community", C3))
    in_s1 = await imported.add_draft(town, within=("subdistrict", S1), with_drafts=[in_c1, in_c3])
    grounds = {
        ("subdistrict", S1): [in_s1, in_c1],
        ("subdistrict", S2): [in_c3],
        ("community", C1): [in_c1],
        ("community", C2): [],
        ("district", D): [in_s1, in_c3, in_c1],
    }
    for ground, seen in grounds.items():
        key = await world.make_key(town, Role.EDITOR, within=ground)
        data = await told(town, "{ drafts { totalCount nodes { id } } }", key=key)
        assert [one["id"] for one in data["drafts"]["nodes"]] == [draft_id(n) for n in seen]
        assert data["drafts"]["totalCount"] == len(seen)

    key = await world.make_key(town, Role.EDITOR, within=("subdistrict", S1))
    query = "query ($id: ID!) { draft(id: $id) { id with { id } } }"
    mine = await told(town, query, {"id": draft_id(in_s1)}, key=key)
    assert mine["draft"]["with"] == [{"id": draft_id(in_c1)}], "not the one in C3"
    for foreign in (whole, in_c3):
        answer = await ask(town, query, {"id": draft_id(foreign)}, key=key)
        assert answer.codes() == ["FORBIDDEN"]
    absent = await told(town, query, {"id": draft_id(99)}, key=key)
    assert absent == {"draft": None}


async def test_a_revoked_or_made_up_key_is_refused_everywhere(town: AsyncEngine) -> None:
    key = await world.make_key(town, Role.ADMIN)
    await world.run(town, update(ApiKey).values(revoked_at=ApiKey.created_at))

    for bad in (key, "wg_nonsense", ""):
        answer = await ask(town, '{ unit(level: "grid", code: "1") { code } }', key=bad)
        assert answer.codes() == ["UNAUTHENTICATED"]


ROOTS = [
    'node(id: "VW5pdDox") { id }',
    'nodes(ids: ["VW5pdDox"]) { id }',
    "levels { key }",
    "edition { number }",
    "editions { totalCount }",
    f'unit(level: "grid", code: "{G21}") {{ code }}',
    'units(level: "grid") { totalCount }',
    'search(text: "a") { code }',
    "placeAt(point: {lon: 104, lat: 38}) { reason }",
    'placeOf(address: "a1") { reason }',
    "placesAt(points: [{lon: 104, lat: 38}]) { code }",
    'coverage(level: "grid") { clean }',
    'changes(from: 1, to: 2, level: "grid") { redrawn }',
    "facilityKinds { key }",
    'facility(key: "s1") { key }',
    "facilities { totalCount }",
    'programme(key: "p") { key }',
    "programmes { key }",
    "circleAt(point: {lon: 104, lat: 38}) { connected }",
    'circleCoverage(kinds: ["station"]) { share }',
    "nearest(point: {lon: 104, lat: 38}) { walkM }",
    "walkPresets { key }",
    "duties { key }",
    'body(key: "an") { key }',
    "bodies { totalCount }",
    'dutyCoverage(duty: "grid_holder") { total }',
    'crossAppointment(duties: ["branch_secretary", "committee_chair"]) { total }',
    'siting(kinds: ["station"], within: {level: "district", code: "999000"}) { bound }',
]


@pytest.mark.parametrize("field", ROOTS)
async def test_where_reading_needs_a_key_every_root_field_asks_for_it(
    town: AsyncEngine, field: str
) -> None:
    reader = await world.make_key(town, Role.READER)

    denied = await ask(town, f"{{ {field} }}", public=False)
    granted = await ask(town, f"{{ {field} }}", public=False, key=reader)
    public = await ask(town, f"{{ {field} }}")

    assert denied.codes() == ["UNAUTHENTICATED"]
    assert granted.errors == []
    assert public.errors == []


def test_the_list_of_root_fields_is_whole() -> None:
    names = {field.split("(")[0].split(" ")[0] for field in ROOTS}
    query = schema.get_type_by_name("Query")
    assert names | {"draft", "drafts", "assignmentPlan"} == {
        schema.config.name_converter.from_field(field) for field in getattr(query, "fields", [])
    }
