"""Who may know whom: names, homes, contacts and what is carried, for every kind of asker.

The bodies and what they carry are drawn in :mod:`tests.graphql.duty_world`. Of the grounds, S1 has
G11 to G22 with P1 and P2, and S2 has G31 and G32.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text, update

from schema.ids import IdKind, encode
from storage.duty_models import Duty
from storage.keys import Role
from storage.models import Unit
from tests.graphql import duty_world, world
from tests.graphql.asking import TODAY, Answer, ask, told
from tests.graphql.duty_world import BODIES, CARRIED, EARLY, MOVED, Carried, Someone
from tests.graphql.world import C1, G11, G12, G22, G31, G32, S1, S2, D

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from tests.databases import Databases

pytestmark = [pytest.mark.anyio, pytest.mark.reads]

Ground = tuple[str, str]
Asker = tuple[Role, Ground | None] | None

STRANGER: Asker = None
READER: Asker = (Role.READER, None)
READER_OF_S1: Asker = (Role.READER, ("subdistrict", S1))
EDITOR_OF_S1: Asker = (Role.EDITOR, ("subdistrict", S1))
EDITOR_OF_S2: Asker = (Role.EDITOR, ("subdistrict", S2))
EDITOR_OF_G11: Asker = (Role.EDITOR, ("grid", G11))
ADMIN_OF_CITY: Asker = (Role.ADMIN, ("district", D))
EDITOR: Asker = (Role.EDITOR, None)

PUBLIC_NAMES = {"an", "bo", "chen", "dai", "east", "office", "qi", "ren", "street"}
"""Whoever carries something public today."""
IN_S1 = {"an", "bo", "dai", "east", "office", "qi", "ren", "street", "wu", "xu"}
"""Whoever lives there, or carries something there."""
IN_S2 = {"chen", "yan"}
ALL = {one.key for one in BODIES}

KNOWN: list[tuple[Asker, set[str], set[str]]] = [
    (STRANGER, PUBLIC_NAMES, set()),
    (READER, PUBLIC_NAMES, set()),
    (READER_OF_S1, PUBLIC_NAMES, set()),
    (EDITOR_OF_S1, PUBLIC_NAMES | IN_S1, IN_S1),
    (EDITOR_OF_S2, PUBLIC_NAMES | IN_S2, IN_S2),
    (EDITOR_OF_G11, PUBLIC_NAMES | {"wu", "xu"}, {"an", "wu", "xu"}),
    (ADMIN_OF_CITY, ALL, ALL),
    (EDITOR, ALL, ALL),
]
"""Each asker, whose names are told, and whose homes, contacts and properties."""

HIDDEN = {n: one.unit[1] for n, one in enumerate(CARRIED, start=1) if one.duty == "volunteer"}
"""Numbers of the assignments of which readers are not told, and their grids."""


async def build(engine: AsyncEngine) -> None:
    """Give everybody a contact and properties."""
    said = text("""UPDATE body SET contact = '{"phone": "1"}', properties = '{"desk": 4}'""")
    await world.run(engine, said)


@pytest.fixture(scope="session")
def told_template(databases: Databases, duties_template: str) -> str:
    """Draw the town with its duties and what is told of everybody, once."""
    return databases.built("drawn_told", build, duties_template)


@pytest.fixture
def duties(told_template: str, engine: AsyncEngine) -> AsyncEngine:
    """Give the town with its duties; everybody has a contact and properties."""
    del told_template  # it is copied
    return engine


async def key_of(engine: AsyncEngine, asker: Asker) -> str | None:
    return await world.make_key(engine, asker[0], within=asker[1]) if asker is not None else None


async def say(engine: AsyncEngine, asker: Asker, query: str) -> Any:  # noqa: ANN401 - JSON
    return await told(engine, query, key=await key_of(engine, asker))


# -- bodies ----------------------------------------------------------------------------------

FIELDS = "key kind name profession skills memberOf { key } home { code } contact properties"


async def test_names_homes_and_contacts_are_told_to_whom_they_concern(duties: AsyncEngine) -> None:
    for asker, named, known in KNOWN:
        data = await say(duties, asker, f"{{ bodies {{ nodes {{ {FIELDS} }} }} }}")
        nodes = data["bodies"]["nodes"]

        assert {one["key"] for one in nodes} == ALL, "that there is somebody is no secret"
        for one in nodes:
            drawn = next(body for body in BODIES if body.key == one["key"])
            knows = drawn.key in known
            home = {"code": drawn.home[1]} if drawn.home is not None and knows else None
            assert one == {
                "key": drawn.key,
                "kind": drawn.kind,
                "name": drawn.name if drawn.key in named else None,
                "profession": drawn.profession,
                "skills": list(drawn.skills),
                "memberOf": {"key": drawn.member_of} if drawn.member_of else None,
                "home": home,
                "contact": {"phone": "1"} if knows else {},
                "properties": {"desk": 4} if knows else {},
            }, drawn.key


async def test_a_body_is_told_alike_whichever_way_it_is_asked_for(duties: AsyncEngine) -> None:
    """By key, as a node, as an organisation's member and as a holder: never more than in a list."""
    for asker, *_ in KNOWN:
        key = await key_of(duties, asker)
        listed = await told(duties, f"{{ bodies {{ nodes {{ id {FIELDS} }} }} }}", key=key)
        nodes = listed["bodies"]["nodes"]
        each = "".join(
            f'''b{n}: body(key: "{one["key"]}") {{ id {FIELDS} }}
            n{n}: node(id: "{one["id"]}") {{ ... on Body {{ id {FIELDS} }} }} '''
            for n, one in enumerate(nodes)
        )
        single = await told(duties, f"{{ {each} }}", key=key)
        for n, one in enumerate(nodes):
            assert single[f"b{n}"] == single[f"n{n}"] == one


async def test_a_search_finds_only_names_that_one_may_know(duties: AsyncEngine) -> None:
    """Each by a part of the name, by its pinyin, and by its key."""
    for asker, named, _ in KNOWN:
        key = await key_of(duties, asker)
        for hidden, name, pinyin in (("wu", "吴五", "wuwu"), ("yan", "严七", "yanqi")):
            for words, least in (
                (name, hidden in named),
                (pinyin, hidden in named),
                (hidden, True),
            ):
                query = f'{{ bodies(search: "{words}") {{ totalCount nodes {{ key }} }} }}'
                found = (await told(duties, query, key=key))["bodies"]
                assert (hidden in {one["key"] for one in found["nodes"]}) is least, words
                assert found["totalCount"] == len(found["nodes"])


@pytest.mark.writes
async def test_a_name_is_public_on_the_days_of_a_public_duty_only(duties: AsyncEngine) -> None:
    await duty_world.put(
        duties,
        Carried("building_head", "yan", ("compound", f"{C1}P01"), EARLY),
        Carried("owners_committee", "wu", ("compound", f"{C1}P01"), EARLY, MOVED),
    )
    query = '{ bodies(search: "吴五", asOf: "%s") { nodes { name } } }'
    before = await told(duties, query % (MOVED - dt.timedelta(days=1)))
    after = await told(duties, query % MOVED)

    assert before["bodies"]["nodes"] == [{"name": "吴五"}]
    assert after["bodies"]["nodes"] == []
    assert (await told(duties, '{ body(key: "yan") { name } }'))["body"] == {"name": None}


@pytest.mark.writes
async def test_a_duty_that_is_public_no_more_hides_who_carries_it(duties: AsyncEngine) -> None:
    await world.run(duties, update(Duty).where(Duty.key == "grid_holder").values(public=False))
    data = await told(
        duties,
        f"""{{ body(key: "an") {{ name assignments {{ totalCount nodes {{ id }} }} }}
            unit(level: "grid", code: "{G11}") {{
              assignments(duty: "grid_holder") {{ totalCount nodes {{ id }} }} }} }}""",
    )
    hidden = {"totalCount": 1, "nodes": []}
    assert data == {"body": {"name": None, "assignments": hidden}, "unit": {"assignments": hidden}}


# -- assignments -----------------------------------------------------------------------------

SEEN: list[tuple[Asker, set[int]]] = [
    (STRANGER, set()),
    (READER, set()),
    (READER_OF_S1, set()),
    (EDITOR_OF_S1, {n for n, code in HIDDEN.items() if code == G11}),
    (EDITOR_OF_S2, {n for n, code in HIDDEN.items() if code == G31}),
    (EDITOR_OF_G11, {n for n, code in HIDDEN.items() if code == G11}),
    (ADMIN_OF_CITY, {*HIDDEN}),
    (EDITOR, {*HIDDEN}),
]
"""Each asker, and which assignments of duties that are not public are shown."""


async def test_hidden_assignments_are_counted_for_all_and_shown_to_whom_they_concern(
    duties: AsyncEngine,
) -> None:
    for asker, seen in SEEN:
        key = await key_of(duties, asker)
        ids = {encode(IdKind.ASSIGNMENT, n): n for n in HIDDEN}
        wanted = " ".join(f'n{n}: node(id: "{id_}") {{ id }}' for id_, n in ids.items())
        listed = "totalCount nodes { id }"
        query = f"""{{
          units(level: "grid") {{ nodes {{ assignments(duty: "volunteer") {{ {listed} }} }} }}
          bodies {{ nodes {{ assignments {{ {listed} }} }} }} {wanted} }}"""
        data = await told(duties, query, key=key)

        for parent in ("units", "bodies"):
            lists = [one["assignments"] for one in data[parent]["nodes"]]
            shown = {node["id"] for one in lists for node in one["nodes"]}
            assert {ids[id_] for id_ in shown & {*ids}} == seen, parent
        counted = sum(one["assignments"]["totalCount"] for one in data["units"]["nodes"])
        assert counted == len(HIDDEN), "the same for everybody"
        for id_, n in ids.items():
            assert data[f"n{n}"] == ({"id": id_} if n in seen else None)


async def test_questions_about_hidden_duties_name_nobody_whom_one_may_not_know(
    duties: AsyncEngine,
) -> None:
    for asker, seen in SEEN:
        key = await key_of(duties, asker)
        bodies_seen = {CARRIED[n - 1].body for n in seen}
        lon, lat = world.lonlat(0.3, 0.1)  # in G11
        query = f"""{{
          bodies(duty: "volunteer") {{ totalCount nodes {{ key }} }}
          posted: bodies(post: "mediator") {{ nodes {{ key }} }}
          near: bodies(duty: "volunteer", within: {{level: "community", code: "{C1}"}}) {{
            nodes {{ key }} }}
          units(level: "grid") {{ featureCollection(duty: "volunteer") }}
          placeAt(point: {{lon: {lon}, lat: {lat}}}) {{
            ladder(duty: "volunteer") {{ holders {{ body {{ key name }} }} }} }}
          dutyCoverage(duty: "volunteer") {{ covered bodyCount }} }}"""
        data = await told(duties, query, key=key)

        assert {one["key"] for one in data["bodies"]["nodes"]} == bodies_seen
        assert data["bodies"]["totalCount"] == len(bodies_seen)
        mediators = {body for body in bodies_seen if body != "xu"}
        assert {one["key"] for one in data["posted"]["nodes"]} == mediators
        in_c1 = {CARRIED[n - 1].body for n in seen if HIDDEN[n] == G11}
        assert {one["key"] for one in data["near"]["nodes"]} == in_c1
        told_names = str(data["units"]["featureCollection"])
        for one in BODIES:
            assert (one.name in told_names) is (one.key in bodies_seen), one.key
        holders = [holder for rung in data["placeAt"]["ladder"] for holder in rung["holders"]]
        assert {one["body"]["key"] for one in holders} == in_c1
        assert data["dutyCoverage"] == {"covered": 2, "bodyCount": 3}, "the same for everybody"


# -- changes ---------------------------------------------------------------------------------


async def give(engine: AsyncEngine, asker: Asker, said: str) -> Answer:
    key = await key_of(engine, asker)
    return await ask(engine, f"mutation {{ assign({said}) {{ id }} }}", key=key)


@pytest.mark.writes
async def test_a_refusal_names_nobody_whom_the_asker_may_not_know(duties: AsyncEngine) -> None:
    """Yan helps in G31 of S2, of which an editor of S1 is not told; it carries something in S1."""
    await duty_world.put(duties, Carried("building_head", "yan", ("compound", f"{C1}P01"), EARLY))
    unit = f'unit: {{level: "grid", code: "{G22}"}}'
    said = f'duty: "volunteer", body: "yan", {unit}'
    [hidden] = (await give(duties, EDITOR_OF_S1, said)).errors
    [shown] = (await give(duties, EDITOR, said)).errors

    assert hidden["extensions"]["code"] == shown["extensions"]["code"] == "CONFLICT"
    assert f"grid {G31}" in shown["message"]
    assert MOVED.isoformat() in shown["message"]
    for secret in (G31, MOVED.isoformat(), "严七"):
        assert secret not in str(hidden)


@pytest.mark.writes
async def test_a_hidden_assignment_of_other_ground_is_as_if_it_were_not_there(
    duties: AsyncEngine,
) -> None:
    foreign = next(n for n, code in HIDDEN.items() if code == G31)
    query = 'mutation {{ endAssignment(id: "{}") {{ id }} }}'
    key = await key_of(duties, EDITOR_OF_S1)
    there = await ask(duties, query.format(encode(IdKind.ASSIGNMENT, foreign)), key=key)
    absent = await ask(duties, query.format(encode(IdKind.ASSIGNMENT, 999)), key=key)

    assert there.codes() == absent.codes() == ["UNKNOWN"]
    assert there.errors[0]["message"].replace(str(foreign), "999") == absent.errors[0]["message"]


@pytest.mark.writes
async def test_nobody_learns_a_home_by_giving_its_owner_a_duty(duties: AsyncEngine) -> None:
    """Chen lives in S2: an editor of S1 would know the home as soon as it carried something there.

    Whoever has no home can be given something everywhere.
    """
    unit = f'unit: {{level: "community", code: "{C1}"}}'
    foreign = await give(duties, EDITOR_OF_S1, f'duty: "station_head", body: "chen", {unit}')
    settled = await give(duties, EDITOR_OF_S1, f'duty: "station_head", body: "wu", {unit}')
    nowhere = await give(duties, EDITOR_OF_S1, f'duty: "station_head", body: "east", {unit}')
    city = await give(duties, ADMIN_OF_CITY, f'duty: "station_head", body: "chen", {unit}')
    after = await give(duties, EDITOR_OF_S1, f'duty: "building_head", body: "chen", {P1_UNIT}')

    [error] = foreign.errors
    assert error["extensions"]["code"] == "FORBIDDEN"
    assert error["extensions"]["argument"] == "body"
    assert G31 not in str(error)
    assert "陈三" not in str(error)
    assert settled.errors == nowhere.errors == city.errors == after.errors == []


P1_UNIT = f'unit: {{level: "compound", code: "{C1}P01"}}'


# -- the ground ------------------------------------------------------------------------------


@pytest.mark.writes
async def test_what_is_left_of_a_unit_that_is_gone_is_for_those_who_had_it(
    duties: AsyncEngine,
) -> None:
    await world.run(
        duties,
        text(f"UPDATE unit SET last_edition = 1 WHERE code = '{G31}'"),
    )
    wanted = {asker: await seen_in_g31(duties, asker) for asker in (EDITOR_OF_S1, EDITOR_OF_S2)}
    assert wanted == {EDITOR_OF_S1: False, EDITOR_OF_S2: True}


@pytest.mark.writes
async def test_a_unit_that_goes_to_another_parent_takes_what_is_carried_on_it_along(
    duties: AsyncEngine,
) -> None:
    moved = update(Unit).where(Unit.code == G31).values(parent_code=C1)
    await world.run(duties, moved)
    wanted = {asker: await seen_in_g31(duties, asker) for asker in (EDITOR_OF_S1, EDITOR_OF_S2)}
    assert wanted == {EDITOR_OF_S1: True, EDITOR_OF_S2: False}


async def seen_in_g31(engine: AsyncEngine, asker: Asker) -> bool:
    number = next(n for n, code in HIDDEN.items() if code == G31)
    query = f'{{ node(id: "{encode(IdKind.ASSIGNMENT, number)}") {{ id }} }}'
    return (await say(engine, asker, query))["node"] is not None


@pytest.mark.writes
async def test_what_ended_gives_no_right_to_know_and_what_is_to_come_does(
    duties: AsyncEngine,
) -> None:
    """Of three strangers in G32, one has gone, one never came, and one is expected."""
    later = TODAY + dt.timedelta(days=9)
    strangers = ("gone", "never", "next")
    homes = (Someone(key, key, home=("grid", G12), contact={"phone": "1"}) for key in strangers)
    await duty_world.put_bodies(duties, *homes)
    await duty_world.put(
        duties,
        Carried("volunteer", "gone", ("grid", G32), EARLY, TODAY),
        Carried("volunteer", "never", ("grid", G32), later, later),
        Carried("volunteer", "next", ("grid", G32), later),
    )
    key = await key_of(duties, EDITOR_OF_S2)
    public = dict.fromkeys((EARLY, TODAY, later), PUBLIC_NAMES)  # the same on all three
    for day in public:  # a home is that of today, whatever day is asked about
        fields = "key name home { code } contact"
        query = f"""{{ bodies(asOf: "{day}") {{ nodes {{ {fields} }} }}
            unit(level: "grid", code: "{G32}", asOf: "{day}") {{
              assignments(history: true) {{ nodes {{ body {{ {fields} }} }} }} }} }}"""
        data = await told(duties, query, key=key)
        carried = [one["body"] for one in data["unit"]["assignments"]["nodes"]]
        for one in [*data["bodies"]["nodes"], *carried]:
            known = one["key"] in {"chen", "yan", "next"}
            assert (one["home"] is not None, one["contact"] != {}) == (known, known), one
            assert (one["name"] is not None) is (known or one["key"] in public[day]), one


async def test_it_is_one_statement_however_many_are_asked_about(
    duties: AsyncEngine, statements: list[str]
) -> None:
    key = await key_of(duties, EDITOR_OF_S1)
    counts = []
    for first in (1, 12):
        statements.clear()
        await told(duties, f"{{ bodies(first: {first}) {{ nodes {{ key name }} }} }}", key=key)
        counts.append(len([one for one in statements if "FROM body" in one]))
    assert counts == [1, 1]
