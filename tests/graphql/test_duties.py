"""Duties, bodies, and who carries what: of units, of bodies, and by id, on every day."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from geo.errors import BadInputError
from resolvers.assignments import place_of
from resolvers.paging import encode_cursor
from schema.ids import IdKind, encode
from storage.keys import Role
from tests.graphql import duty_world, imported, world
from tests.graphql.asking import ask, told
from tests.graphql.duty_world import BODIES, CARRIED, EARLY, MOVED, Carried
from tests.graphql.world import C1, C2, G11, G12, G21, G22, G31, G32, IDS, P1, S1

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

pytestmark = [pytest.mark.anyio, pytest.mark.reads]

A_DAY = dt.timedelta(days=1)


@pytest.fixture
async def admin(posted: AsyncEngine) -> str:
    """Give a key that may know everything."""
    return await world.make_key(posted, Role.ADMIN)


async def keys_of(engine: AsyncEngine, arguments: str, **how: Any) -> list[str]:  # noqa: ANN401 - options
    """Return the keys of the bodies that a question finds, counted in the same breath."""
    given = f"({arguments})" if arguments else ""
    query = f"{{ bodies{given} {{ totalCount nodes {{ key }} }} }}"
    answer = (await told(engine, query, **how))["bodies"]
    keys = [node["key"] for node in answer["nodes"]]
    assert answer["totalCount"] == len(keys)
    return keys


# -- duties ------------------------------------------------------------------------------------


async def test_duties_come_by_key_with_their_levels_and_posts(town: AsyncEngine) -> None:
    query = """{ duties { key name level { key unitCount } levels { key } min max several public
        posts postDetails { key name skill } } }"""

    duties = (await told(town, query))["duties"]

    keys = [duty["key"] for duty in duties]
    by_key = {duty["key"]: duty for duty in duties}
    assert keys == sorted(keys)
    assert by_key["grid_holder"] == {
        "key": "grid_holder",
        "name": "网格长",
        "level": {"key": "grid", "unitCount": 6},
        "levels": [{"key": "grid"}],
        "min": 1,
        "max": 1,
        "several": False,
        "public": True,
        "posts": [],
        "postDetails": [],
    }
    assert [one["key"] for one in by_key["paired_department"]["levels"]] == [
        "community",
        "compound",
    ]
    volunteer = by_key["volunteer"]
    assert volunteer["public"] is False
    assert volunteer["max"] is None
    assert volunteer["posts"] == [post["key"] for post in volunteer["postDetails"]]
    assert {"key": "mediator", "name": "矛盾调解员", "skill": "mediation"} in volunteer[
        "postDetails"
    ]


@pytest.mark.writes
async def test_duties_are_known_before_anything_is_published(engine: AsyncEngine) -> None:
    duties = (await told(engine, "{ duties { key level { unitCount } } }"))["duties"]

    assert {duty["level"]["unitCount"] for duty in duties} == {0}


# -- bodies ------------------------------------------------------------------------------------


async def test_a_body_tells_all_that_its_list_says(posted: AsyncEngine, admin: str) -> None:
    query = """{ body(key: "dai") { kind key name profession skills properties contact
        memberOf { key kind name memberOf { key } home { level { key } code } } home { code } }
        chen: body(key: "chen") { skills memberOf { key } home { code parent { code } } }
        nobody: body(key: "nobody") { key } }"""

    answer = await told(posted, query, key=admin)

    assert answer["body"] == {
        "kind": "PERSON",
        "key": "dai",
        "name": "戴四",
        "profession": "official",
        "skills": [],
        "properties": {"desk": 4},
        "contact": {},
        "memberOf": {
            "key": "office",
            "kind": "ORGANISATION",
            "name": "柳树社区居委会",
            "memberOf": None,
            "home": {"level": {"key": "community"}, "code": C1},
        },
        "home": None,
    }
    assert answer["chen"]["skills"] == ["repair", "mediation"]
    assert answer["chen"]["home"]["code"] == G31
    assert answer["nobody"] is None


async def test_readers_are_told_what_is_public_only(posted: AsyncEngine) -> None:
    fields = "{ key name profession contact properties home { code } }"
    query = f'{{ an: body(key: "an") {fields} yan: body(key: "yan") {fields} }}'

    answer = await told(posted, query)

    nothing: dict[str, Any] = {"contact": {}, "properties": {}, "home": None}
    assert answer == {
        "an": {"key": "an", "name": "安小平", "profession": "grid_worker", **nothing},
        "yan": {"key": "yan", "name": None, "profession": "student", **nothing},
    }


@pytest.mark.parametrize(
    ("arguments", "readers", "editors_more"),
    [
        ("", [one.key for one in BODIES], []),
        ("kind: ORGANISATION", ["east", "office", "street"], []),
        ('profession: "grid_worker"', ["an", "bo", "chen"], []),
        ('profession: "office"', ["office", "street"], []),
        ('kind: PERSON, profession: "office"', [], []),
        ('search: "安"', ["an"], []),
        ('search: " AXP "', ["an"], []),
        ('search: "wu"', ["wu"], []),
        ('search: "吴"', [], ["wu"]),
        ('search: "%"', [], []),
        ('memberOf: "office"', ["dai"], []),
        ('memberOf: "an"', [], []),
        ('duty: "grid_holder"', ["an", "bo", "chen"], []),
        (f'duty: "grid_holder", asOf: "{EARLY - A_DAY}"', [], []),
        ('duty: "volunteer"', [], ["wu", "xu", "yan"]),
        ('duty: "volunteer", post: "mediator"', [], ["wu", "yan"]),
        ('post: "mediator"', [], ["wu", "yan"]),
        ('post: "nothing of the kind"', [], []),
        (f'duty: "grid_holder", within: {{level: "community", code: "{C1}"}}', ["an"], []),
        (
            f'duty: "grid_holder", within: {{level: "community", code: "{C1}"}}, '
            f'asOf: "{MOVED - A_DAY}"',
            ["an", "bo"],
            [],
        ),
        (f'duty: "grid_holder", within: {{level: "grid", code: "{G31}"}}', ["chen"], []),
        (
            f'within: {{level: "community", code: "{C1}"}}',
            ["an", "dai", "east", "office", "qi", "ren"],
            ["wu", "xu"],
        ),
        (
            f'within: {{level: "subdistrict", code: "{S1}"}}',
            ["an", "bo", "dai", "east", "office", "qi", "ren", "street"],
            ["wu", "xu"],
        ),
        (f'within: {{level: "grid", code: "{G12}"}}', [], ["qi"]),
        (f'within: {{level: "compound", code: "{P1}"}}, profession: "official"', ["qi"], []),
    ],
)
async def test_bodies_are_found_by_all_that_is_given(
    posted: AsyncEngine, admin: str, arguments: str, readers: list[str], editors_more: list[str]
) -> None:
    assert await keys_of(posted, arguments) == readers
    assert await keys_of(posted, arguments, key=admin) == sorted(readers + editors_more)


@pytest.mark.parametrize(
    ("arguments", "code", "argument", "said"),
    [
        ('duty: "grid_holde"', "UNKNOWN", "duty", "grid_holder"),
        ('duty: "volunteer", post: "cook"', "BAD_INPUT", "post", "mediator"),
        ('memberOf: "nobody"', "UNKNOWN", "memberOf", "nobody"),
        ('within: {level: "grid", code: "no"}', "UNKNOWN", "within", "no"),
        ('within: {level: "block", code: "no"}', "UNKNOWN", "within", "block"),
        ('search: "a\\u0000"', "BAD_INPUT", "search", "character"),
        ("first: 0", "BAD_INPUT", "first", "1 to 1000"),
        ("first: 1001", "LIMIT_EXCEEDED", "first", "1000"),
        ('after: "x"', "BAD_INPUT", "after", "cursor"),
        (
            f'within: {{level: "grid", code: "{G11}"}}, asOf: "2024-12-31"',
            "NO_EDITION",
            "asOf",
            "2024-12-31",
        ),
    ],
)
async def test_a_question_that_cannot_be_meant_is_refused(
    posted: AsyncEngine, arguments: str, code: str, argument: str, said: str
) -> None:
    answer = await ask(posted, f"{{ bodies({arguments}) {{ nodes {{ key }} }} duties {{ key }} }}")

    [error] = answer.errors
    assert error["extensions"]["code"] == code
    assert error["extensions"]["argument"] == argument
    assert said in error["message"]
    assert answer.data["bodies"] is None
    assert answer.data["duties"]


@pytest.mark.parametrize(
    ("day", "units"),
    [
        (EARLY - A_DAY, {}),
        (EARLY, {"an": (G11, 1), "bo": (G12, 1), "chen": (G31, 1)}),
        (MOVED - A_DAY, {"an": (G11, 1), "bo": (G12, 1), "chen": (G31, 1)}),
        (MOVED, {"an": (G11, 2), "bo": (G21, 1), "chen": (G31, 1)}),
    ],
)
async def test_bodies_and_their_units_are_of_the_same_day(
    posted: AsyncEngine, day: dt.date, units: dict[str, tuple[str, int]]
) -> None:
    query = f"""{{ bodies(duty: "grid_holder", asOf: "{day}") {{ nodes {{ key
        assignments {{ nodes {{ unit {{ id }} }} }} }} }} }}"""

    nodes = (await told(posted, query))["bodies"]["nodes"]

    assert {node["key"]: node["assignments"]["nodes"] for node in nodes} == {
        key: [{"unit": {"id": encode(IdKind.UNIT, IDS["grid", code, first])}}]
        for key, (code, first) in units.items()
    }


async def test_a_name_is_public_on_days_of_a_public_duty(posted: AsyncEngine) -> None:
    query = """query ($day: Date) { bodies(profession: "grid_worker", asOf: $day) {
        nodes { name } } }"""

    before = await told(posted, query, {"day": str(EARLY - A_DAY)})
    then = await told(posted, query, {"day": str(EARLY)})

    assert [node["name"] for node in before["bodies"]["nodes"]] == [None, None, None]
    assert [node["name"] for node in then["bodies"]["nodes"]] == ["安小平", "薄二", "陈三"]


async def test_pages_of_bodies_follow_on_one_another(posted: AsyncEngine) -> None:
    query = """query ($after: String) { bodies(first: 5, after: $after) { totalCount
        edges { cursor node { key } } pageInfo { hasNextPage endCursor } } }"""
    seen: list[str] = []
    after, more = None, True
    while more:
        page = (await told(posted, query, {"after": after}))["bodies"]
        seen += [edge["node"]["key"] for edge in page["edges"]]
        after, more = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]
        assert page["totalCount"] == len(BODIES)
        assert after == page["edges"][-1]["cursor"]

    assert seen == [one.key for one in BODIES]


# -- of units ----------------------------------------------------------------------------------

HELD = "{ totalCount nodes { duty { key } body { key } post since until } }"


async def held(engine: AsyncEngine, code: str, arguments: str, **how: Any) -> list[str]:  # noqa: ANN401 - options
    """Return who carries something on a grid."""
    given = f"({arguments})" if arguments else ""
    query = f'{{ unit(level: "grid", code: "{code}") {{ assignments{given} {HELD} }} }}'
    answer = await told(engine, query, **how)
    return [node["body"]["key"] for node in answer["unit"]["assignments"]["nodes"]]


async def test_a_unit_tells_who_carries_what_as_far_as_one_may_see(
    posted: AsyncEngine, admin: str
) -> None:
    query = f'{{ unit(level: "grid", code: "{G11}") {{ assignments {HELD} }} }}'
    holder = {
        "duty": {"key": "grid_holder"},
        "body": {"key": "an"},
        "post": None,
        "since": str(EARLY),
        "until": None,
    }

    reading = await told(posted, query)
    knowing = await told(posted, query, key=admin)

    assert reading["unit"]["assignments"] == {"totalCount": 3, "nodes": [holder]}
    more = knowing["unit"]["assignments"]
    assert more["totalCount"] == 3
    assert more["nodes"][0] == holder
    assert [(one["body"]["key"], one["post"]) for one in more["nodes"][1:]] == [
        ("wu", "mediator"),
        ("xu", "safety_patrol"),
    ]


@pytest.mark.parametrize(
    ("code", "arguments", "expected"),
    [
        (G11, 'duty: "volunteer"', ["wu", "xu"]),
        (G11, 'duty: "volunteer", post: "mediator"', ["wu"]),
        (G11, 'post: "mediator"', ["wu"]),
        (G11, 'duty: "party_branch"', []),
        (G11, f'asOf: "{MOVED - A_DAY}"', ["an"]),
        (G12, "", []),
        (G12, "history: true", ["bo"]),
        (G12, f'asOf: "{MOVED - A_DAY}"', ["bo"]),
        (G12, f'asOf: "{MOVED}"', []),
        (G12, f'asOf: "{EARLY}"', ["bo"]),
        (G12, f'history: true, asOf: "{EARLY - A_DAY}"', []),
        (G21, f'history: true, asOf: "{MOVED - A_DAY}"', []),
        (G21, "first: 1", ["bo"]),
        (G22, "history: true", []),
    ],
)
async def test_a_unit_is_asked_by_duty_post_and_day(
    posted: AsyncEngine, admin: str, code: str, arguments: str, expected: list[str]
) -> None:
    assert await held(posted, code, arguments, key=admin) == expected


@pytest.mark.writes
async def test_a_mistake_is_no_history(posted: AsyncEngine, admin: str) -> None:
    mistake = Carried("grid_holder", "yan", ("grid", G22), EARLY, EARLY)
    await duty_world.put(posted, mistake)

    assert await held(posted, G22, "history: true", key=admin) == []
    assert await held(posted, G22, f'asOf: "{EARLY}"', key=admin) == []
    query = '{ body(key: "yan") { assignments(history: true) { totalCount nodes { since } } } }'
    answer = await told(posted, query, key=admin)
    assert answer["body"]["assignments"]["totalCount"] == 1


@pytest.mark.writes
async def test_history_comes_in_the_order_of_days(posted: AsyncEngine, admin: str) -> None:
    years = [dt.date(year, 1, 1) for year in (2019, 2020, 2021, 2022)]
    holders = ("dai", "an", "chen")
    spans = [
        Carried("grid_holder", body, ("grid", G32), *days)
        for body, days in zip(holders, pairwise(years), strict=True)
    ]
    # an and chen hold other grids today only
    await duty_world.put(posted, *reversed(spans))

    assert await held(posted, G32, "history: true", key=admin) == ["dai", "an", "chen"]
    assert await held(posted, G32, "", key=admin) == []


async def test_pages_of_a_units_assignments_follow_on_one_another(
    posted: AsyncEngine, admin: str
) -> None:
    query = """query ($after: String) { unit(level: "grid", code: "%s") {
        assignments(first: 1, after: $after) { totalCount edges { cursor node { body { key } } }
        pageInfo { hasNextPage hasPreviousPage endCursor } } } }"""
    seen = []
    after = None
    for expected in ("an", "wu", "xu"):
        page = (await told(posted, query % G11, {"after": after}, key=admin))["unit"]["assignments"]
        [edge] = page["edges"]
        seen.append(edge["node"]["body"]["key"])
        assert page["pageInfo"] == {
            "hasNextPage": expected != "xu",
            "hasPreviousPage": after is not None,
            "endCursor": edge["cursor"],
        }
        assert page["totalCount"] == 3
        after = edge["cursor"]

    assert seen == ["an", "wu", "xu"]


@pytest.mark.parametrize(
    "cursor",
    [
        encode_cursor("assignment", "d", "l", "c", "no day", 1),
        encode_cursor("assignment", "d", "l", "c", "2025-01-01"),
        encode_cursor("assignment", "d", "l", "c", "2025-01-01", 2**63),
        encode_cursor("unit", "c"),
        "",
    ],
)
def test_a_made_up_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(BadInputError, match="after is no cursor"):
        place_of(cursor)


@pytest.mark.writes
async def test_a_unit_of_a_draft_has_the_assignments_of_its_code(posted: AsyncEngine) -> None:
    key = await world.make_key(posted, Role.EDITOR)
    rows = [(G11, C1, (0, 0, 1, 1)), (G12, C1, (1, 0, 2, 1))]
    await imported.add_draft(posted, units=rows)
    query = """{ drafts { nodes { units { nodes { id code assignments(duty: "grid_holder") {
        nodes { body { key } unit { id } } } } } } } }"""

    [draft] = (await told(posted, query, key=key))["drafts"]["nodes"]

    found = {one["code"]: one for one in draft["units"]["nodes"]}
    assert found[G11]["assignments"]["nodes"] == [
        {"body": {"key": "an"}, "unit": {"id": found[G11]["id"]}}
    ]
    assert found[G12]["assignments"]["nodes"] == []


# -- of bodies ---------------------------------------------------------------------------------


async def test_a_body_tells_what_it_carries_on_a_day(posted: AsyncEngine) -> None:
    query = """query ($day: Date) { body(key: "bo") { assignments(asOf: $day) { totalCount nodes {
        duty { key } unit { id level { key } code } } } } }"""
    units = {EARLY: (G12, 1), MOVED - A_DAY: (G12, 1), MOVED: (G21, 1), None: (G21, 1)}

    for day, (code, first) in units.items():
        answer = await told(posted, query, {"day": day.isoformat() if day else None})
        [one] = answer["body"]["assignments"]["nodes"]
        assert one["unit"]["code"] == code
        assert one["unit"]["id"] == encode(IdKind.UNIT, IDS["grid", code, first])
    before = await told(posted, query, {"day": str(EARLY - A_DAY)})
    assert before["body"]["assignments"] == {"totalCount": 0, "nodes": []}


@pytest.mark.writes
async def test_a_bodys_assignments_come_by_duty_unit_and_day(posted: AsyncEngine) -> None:
    query = """{ bodies { nodes { key assignments(history: true) { totalCount
        nodes { duty { key } unit { code } since } } } } }"""
    public = [one for one in CARRIED if one.duty != "volunteer"]

    nodes = (await told(posted, query))["bodies"]["nodes"]

    for node in nodes:
        mine = [one for one in CARRIED if one.body == node["key"]]
        shown = sorted((one.duty, one.unit[1], str(one.since)) for one in public if one in mine)
        assert node["assignments"]["totalCount"] == len(mine)
        assert [
            (one["duty"]["key"], one["unit"]["code"], one["since"])
            for one in node["assignments"]["nodes"]
        ] == shown


@pytest.mark.writes
async def test_an_assignment_on_a_unit_that_is_gone_has_none(posted: AsyncEngine) -> None:
    await duty_world.put(posted, Carried("community_liaison", "an", ("community", "gone")))
    query = '{ body(key: "an") { assignments { nodes { duty { key } unit { code } } } } }'

    nodes = (await told(posted, query))["body"]["assignments"]["nodes"]

    assert [(one["duty"]["key"], one["unit"] and one["unit"]["code"]) for one in nodes] == [
        ("community_liaison", None),
        ("grid_holder", G11),
    ]


# -- days --------------------------------------------------------------------------------------


async def test_what_lies_below_a_field_is_seen_on_its_day(posted: AsyncEngine) -> None:
    below = "nodes { unit { id code assignments { nodes { body { key } } } } }"
    query = f"""query ($then: Date) {{
        body(key: "bo") {{ ...Before now: assignments {{ {below} }} }}
        unit(level: "grid", code: "{G12}", asOf: $then) {{ id
            assignments {{ nodes {{ body {{ key assignments {{ {below} }} }} }} }}
            today: assignments(asOf: "{MOVED}") {{ totalCount }} }} }}
        fragment Before on Body {{ ... on Node {{ id }}
            then: assignments(asOf: $then) {{ {below} }} }}"""
    then = {
        "id": encode(IdKind.UNIT, IDS["grid", G12, 1]),
        "code": G12,
        "assignments": {"nodes": [{"body": {"key": "bo"}}]},
    }
    now = {
        "id": encode(IdKind.UNIT, IDS["grid", G21, 1]),
        "code": G21,
        "assignments": {"nodes": [{"body": {"key": "bo"}}]},
    }

    answer = await told(posted, query, {"then": str(MOVED - A_DAY)})

    assert answer["body"]["then"]["nodes"] == [{"unit": then}]
    assert answer["body"]["now"]["nodes"] == [{"unit": now}]
    assert answer["unit"]["id"] == then["id"]
    [there] = answer["unit"]["assignments"]["nodes"]
    assert there["body"] == {"key": "bo", "assignments": {"nodes": [{"unit": then}]}}
    assert answer["unit"]["today"]["totalCount"] == 0


async def test_one_name_may_be_two_fields_of_two_types(posted: AsyncEngine) -> None:
    body = (await told(posted, '{ body(key: "bo") { id } }'))["body"]["id"]
    inside = "nodes { unit { code assignments { totalCount } } }"
    query = f"""query ($id: ID!) {{ node(id: $id) {{
        ... on Unit {{ one: assignments(asOf: "2025-06-01") {{ {inside} }} }}
        ... on Body {{ one: assignments(asOf: "{MOVED}") {{ {inside} }} }} }} }}"""

    on_body = await told(posted, query, {"id": body})
    on_unit = await told(posted, query, {"id": encode(IdKind.UNIT, IDS["grid", G12, 1])})

    assert on_body["node"]["one"]["nodes"] == [
        {"unit": {"code": G21, "assignments": {"totalCount": 1}}}
    ]
    assert on_unit["node"]["one"]["nodes"] == [
        {"unit": {"code": G12, "assignments": {"totalCount": 1}}}
    ]


# -- by id -------------------------------------------------------------------------------------


async def test_ids_find_bodies_and_assignments_again(posted: AsyncEngine, admin: str) -> None:
    query = """{ bodies { nodes { id } } b: bodies { nodes { assignments { nodes { id } } } } }"""
    answer = await told(posted, query, key=admin)
    bodies = [node["id"] for node in answer["bodies"]["nodes"]]
    carried = [one["id"] for node in answer["b"]["nodes"] for one in node["assignments"]["nodes"]]
    again = """query ($ids: [ID!]!) { nodes(ids: $ids) { id ... on Body { key }
        ... on Assignment { duty { key } body { key } unit { code } change } } }"""

    nodes = (await told(posted, again, {"ids": bodies + carried}, key=admin))["nodes"]
    reading = (await told(posted, again, {"ids": carried}))["nodes"]

    assert [node["id"] for node in nodes] == bodies + carried
    assert [node["key"] for node in nodes[: len(bodies)]] == [one.key for one in BODIES]
    hidden = [node["duty"]["key"] == "volunteer" for node in nodes[len(bodies) :]]
    assert sum(hidden) == 3
    assert [node is None for node in reading] == hidden


async def test_an_id_of_nothing_is_null(posted: AsyncEngine) -> None:
    ids = [
        encode(kind, number) for kind in (IdKind.BODY, IdKind.ASSIGNMENT) for number in (99, 2**62)
    ]

    answer = await told(posted, "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", {"ids": ids})

    assert answer["nodes"] == [None] * 4


# -- pictures ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("duty", "day", "readers", "editors"),
    [
        ("grid_holder", MOVED, {G11: ["安小平"], G21: ["薄二"], G31: ["陈三"]}, None),
        # a name is public where a public duty holds on the day
        ("grid_holder", EARLY, {G11: ["安小平"], G12: ["薄二"], G31: ["陈三"]}, None),
        ("grid_holder", EARLY - A_DAY, {}, None),
        ("volunteer", MOVED, {}, {G11: ["吴五", "徐六"], G31: ["严七"]}),
        ("party_branch", MOVED, {}, None),
    ],
)
async def test_a_picture_names_the_holders_that_one_may_know(
    posted: AsyncEngine,
    admin: str,
    duty: str,
    day: dt.date,
    readers: dict[str, list[str]],
    editors: dict[str, list[str]] | None,
) -> None:
    query = f"""query ($day: Date) {{ units(level: "grid", asOf: $day) {{
        featureCollection(duty: "{duty}") plain: featureCollection }} }}"""
    grids = [G11, G12, G21, G22, G31, G32]
    for key, names in ((None, readers), (admin, editors if editors is not None else readers)):
        answer = (await told(posted, query, {"day": str(day)}, key=key))["units"]
        shown = {
            one["properties"]["code"]: one["properties"]["holders"]
            for one in answer["featureCollection"]["features"]
        }
        assert shown == {code: names.get(code, []) for code in grids}
        plain = [one["properties"] for one in answer["plain"]["features"]]
        assert all("holders" not in one for one in plain)


@pytest.mark.writes
async def test_a_holder_with_two_posts_is_named_once(posted: AsyncEngine) -> None:
    posts = [
        Carried("volunteer_team", "east", ("community", C1), EARLY, None, post)
        for post in ("sweeping", "singing")
    ]
    await duty_world.put(posted, *posts)
    query = f"""{{ units(level: "community", codes: ["{C1}"]) {{
        featureCollection(duty: "volunteer_team") nodes {{ assignments {{ totalCount }} }} }} }}"""

    answer = await told(posted, query)

    [feature] = answer["units"]["featureCollection"]["features"]
    assert feature["properties"]["holders"] == ["东区联合党支部"]
    assert answer["units"]["nodes"][0]["assignments"]["totalCount"] == 4


async def test_a_picture_of_no_duty_is_refused(posted: AsyncEngine) -> None:
    query = '{ units(level: "grid") { featureCollection(duty: "king") } }'

    answer = await ask(posted, query)

    assert answer.codes() == ["UNKNOWN"]
    assert C2 not in str(answer.data)
