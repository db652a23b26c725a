"""Service points: what is found, where they lie, when they are open, and what they lack."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import update

from schema.ids import IdKind, encode
from storage.circle_models import FacilityKind
from storage.keys import Role
from tests.facility_files import Point
from tests.graphql import imported, world
from tests.graphql.asking import ask, told
from tests.graphql.facility_points import DAY, POINTS, load, load_all, placed
from tests.graphql.world import C1, C2, C3, G11, G12, G21, G31, P1, P2, D, lonlat

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from tests.databases import Databases

pytestmark = [pytest.mark.anyio, pytest.mark.reads]


@pytest.fixture(scope="session")
def points_template(databases: Databases, drawn_town: str) -> str:
    """Load the service points into the town, once."""
    return databases.built("drawn_points", load_all, drawn_town)


@pytest.fixture
def points(points_template: str, engine: AsyncEngine) -> AsyncEngine:
    """Give an engine on a database with the town and its service points."""
    del points_template  # it is copied
    return engine


async def found(engine: AsyncEngine, arguments: str, **how: Any) -> list[str]:  # noqa: ANN401 - options
    """Return the keys that a question finds, counted in the same breath."""
    given = f"({arguments})" if arguments else ""
    query = f"{{ facilities{given} {{ totalCount nodes {{ key }} }} }}"
    answer = (await told(engine, query, **how))["facilities"]
    keys = [node["key"] for node in answer["nodes"]]
    assert answer["totalCount"] == len(keys)
    return keys


# -- one ---------------------------------------------------------------------------------------


async def test_a_facility_tells_all_that_its_list_says(points: AsyncEngine) -> None:
    query = """{ facility(key: "n") { key kind name floorAreaM2 rooms openingHours compound since
        until properties location failing } r: facility(key: "r") { properties } }"""

    answer = await told(points, query)

    assert answer["facility"] == {
        "key": "n",
        "kind": "station",
        "name": "石桥驿站",
        "floorAreaM2": 59.9,
        "rooms": ["reading"],
        "openingHours": "24/7",
        "compound": None,
        "since": "2026-01-01",
        "until": None,
        "properties": {},
        "location": {"type": "Point", "coordinates": [104.005, 38.015]},
        "failing": ["AREA_MIN_60", "ROOM_MEETING"],
    }
    assert answer["r"]["properties"] == {"phone": "12", "n": 1}


@pytest.mark.writes
async def test_a_facility_stands_from_its_first_day_until_its_last(town: AsyncEngine) -> None:
    await load(town, Point("a", since="2026-03-01", until="2026-04-01", name="<i>"))
    found_on = {
        day: await found(town, f'asOf: "{day}"')
        for day in ("2026-02-28", "2026-03-01", "2026-03-31", "2026-04-01")
    }

    assert list(found_on.values()) == [[], ["a"], ["a"], []]
    assert await told(town, '{ facility(key: "a") { key } }') == {"facility": None}
    then = await told(town, '{ facility(key: "a") { name } }', today=dt.date(2026, 3, 9))
    assert then["facility"]["name"] == "<i>"


@pytest.mark.writes
async def test_an_id_names_one_state_and_finds_it_when_it_is_over(town: AsyncEngine) -> None:
    await load(town, Point("a", name="old"))
    await load(town, Point("a", name="new"), day=dt.date(2026, 5, 1))
    query = '{ facilities(asOf: "%s") { nodes { id } } }'
    ids = [
        (await told(town, query % day))["facilities"]["nodes"][0]["id"]
        for day in ("2026-04-30", "2026-05-01")
    ]

    answer = await told(
        town,
        """query ($ids: [ID!]!) { nodes(ids: $ids) { ... on Facility { name since until
            unit(level: "grid") { code } } } }""",
        {"ids": [*ids, encode(IdKind.FACILITY, 99)]},
    )

    assert len(set(ids)) == 2
    assert answer["nodes"] == [
        {
            "name": "old",
            "since": "2026-01-01",
            "until": "2026-05-01",
            "unit": {"code": G11},
        },
        {"name": "new", "since": "2026-05-01", "until": None, "unit": {"code": G11}},
        None,
    ]


# -- lists -------------------------------------------------------------------------------------


FOUND = {
    "": ["e", "g", "n", "r", "s", "x"],
    'kind: "clinic"': ["r", "x"],
    f'within: {{level: "community", code: "{C1}"}}': ["g", "s", "x"],
    f'within: {{level: "community", code: "{C2}"}}': ["n"],
    f'within: {{level: "community", code: "{C3}"}}': ["e"],
    f'within: {{level: "grid", code: "{G11}"}}': ["g", "s"],
    f'within: {{level: "grid", code: "{G12}"}}': ["x"],
    f'within: {{level: "grid", code: "{G21}"}}': ["n"],
    f'within: {{level: "district", code: "{D}"}}': ["e", "g", "n", "s", "x"],
    f'within: {{level: "compound", code: "{P2}"}}': ["g"],
    f'within: {{level: "compound", code: "{P1}"}}': ["s"],
    "bbox: [104.02, 38, 104.04, 38.02]": ["e"],
    "bbox: [104.005, 38.005, 104.005, 38.015]": ["n", "s", "x"],
    "bbox: [104.04, 38, 104.01, 38.02]": ["n", "r", "s", "x"],
    'search: "驿站"': ["n", "s"],
    'search: "SHIQIAO"': ["n"],
    'search: "lsyz"': ["s"],
    'search: "%"': [],
    'kind: "clinic", search: "界"': ["x"],
}
"""s lies at (0.5, 0.5): since edition 2 on the border of the grids of C1, of which G11 is the
lower one; and in P1. g lies on the wall of P2, r outside of everything."""


async def test_filters_find_what_the_drawing_shows(points: AsyncEngine) -> None:
    assert {arguments: await found(points, arguments) for arguments in FOUND} == FOUND


async def test_on_a_border_the_smallest_code_has_it_in_every_answer(points: AsyncEngine) -> None:
    query = """{ facilities { nodes { key grid: unit(level: "grid") { code }
        community: unit(level: "community") { code } compound: unit(level: "compound") { code }
    } } }"""
    nodes = (await told(points, query))["facilities"]["nodes"]
    lie = {node.pop("key"): {k: v and v["code"] for k, v in node.items()} for node in nodes}

    assert lie == {
        "e": {"grid": G31, "community": C3, "compound": None},
        "g": {"grid": G11, "community": C1, "compound": P2},
        "n": {"grid": G21, "community": C2, "compound": None},
        "r": {"grid": None, "community": None, "compound": None},
        "s": {"grid": G11, "community": C1, "compound": P1},
        "x": {"grid": G12, "community": C1, "compound": None},
    }
    for level in ("grid", "community", "compound"):
        for code in {units[level] for units in lie.values()} - {None}:
            within = f'within: {{level: "{level}", code: "{code}"}}'
            inside = sorted(key for key, units in lie.items() if units[level] == code)
            assert await found(points, within) == inside, within


@pytest.mark.writes
async def test_a_gate_is_in_the_compound_that_it_names_wherever_it_lies(town: AsyncEngine) -> None:
    # inside P1, says P2; inside P1, says one that is not there
    await load(
        town,
        placed(Point("a", compound=P2), 0.3, 0.3),
        placed(Point("b", compound="gone"), 0.3, 0.3),
    )

    for code, keys in ((P1, ["b"]), (P2, ["a"])):
        assert await found(town, f'within: {{level: "compound", code: "{code}"}}') == keys
    query = '{ facilities { nodes { unit(level: "compound") { code } } } }'
    nodes = (await told(town, query))["facilities"]["nodes"]
    assert [node["unit"]["code"] for node in nodes] == [P2, P1]


async def test_pages_follow_one_another_by_key(points: AsyncEngine) -> None:
    query = """query ($after: String) { facilities(first: 4, after: $after) { edges { cursor
        node { key } } pageInfo { hasNextPage hasPreviousPage endCursor } } }"""
    first = (await told(points, query))["facilities"]
    rest = (await told(points, query, {"after": first["pageInfo"]["endCursor"]}))["facilities"]

    assert [edge["node"]["key"] for edge in first["edges"]] == ["e", "g", "n", "r"]
    assert [edge["node"]["key"] for edge in rest["edges"]] == ["s", "x"]
    assert first["pageInfo"]["hasNextPage"]
    assert rest["pageInfo"] == {
        "hasNextPage": False,
        "hasPreviousPage": True,
        "endCursor": rest["edges"][-1]["cursor"],
    }


async def test_a_page_is_a_feature_collection(points: AsyncEngine) -> None:
    query = '{ facilities(kind: "gate") { featureCollection nodes { id } } }'
    answer = (await told(points, query))["facilities"]

    lon, lat = lonlat(1.2, 0.5)
    assert answer["featureCollection"] == {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "geometry": {"type": "Point", "coordinates": [lon, lat]},
                "properties": {
                    "id": answer["nodes"][0]["id"],
                    "key": "g",
                    "kind": "gate",
                    "name": "",
                    "floorAreaM2": None,
                    "rooms": [],
                    "openingHours": "Mo-Su 22:00-06:00",
                    "since": "2026-01-01",
                    "until": None,
                },
            }
        ],
    }


async def test_places_come_in_the_datum_that_is_asked_for(points: AsyncEngine) -> None:
    query = '{ facility(key: "s") { location location2: location(datum: GCJ02) } }'
    answer = (await told(points, query))["facility"]

    here, there = (answer[name]["coordinates"] for name in ("location", "location2"))
    assert here == [104.005, 38.005]
    assert 0.0005 < abs(there[0] - here[0]) + abs(there[1] - here[1]) < 0.02


REFUSED = {
    'kind: "pub"': ("UNKNOWN", "kind"),
    'within: {level: "grid", code: "no"}': ("UNKNOWN", "within"),
    'within: {level: "no", code: "no"}': ("UNKNOWN", "within"),
    "bbox: [0, 1, 2]": ("BAD_INPUT", "bbox"),
    'failing: "NICE"': ("BAD_INPUT", "rules"),
    'search: "\\u0000"': ("BAD_INPUT", "search"),
    "first: 1001": ("LIMIT_EXCEEDED", "first"),
    'after: "x"': ("BAD_INPUT", "after"),
    f'within: {{level: "grid", code: "{G11}"}}, asOf: "2024-01-01"': ("NO_EDITION", "asOf"),
}


async def test_what_cannot_be_meant_is_an_error_that_names_the_argument(
    points: AsyncEngine,
) -> None:
    said = {}
    for arguments in REFUSED:
        answer = await ask(points, f"{{ facilities({arguments}) {{ nodes {{ key }} }} }}")
        assert answer.data == {"facilities": None}
        [error] = answer.errors
        said[arguments] = (error["extensions"]["code"], error["extensions"]["argument"])

    assert said == REFUSED


# -- opening hours and rules -------------------------------------------------------------------


OPEN_AT = {
    # Monday, 9:00 in Shanghai
    "2026-11-23T01:00:00Z": ["n", "s"],
    "2026-11-23T00:59:59Z": ["n"],
    "2026-11-23T09:00:00+08:00": ["n", "s"],
    "2026-11-23T08:59:59Z": ["n", "s"],
    "2026-11-23T09:00:00Z": ["n"],
    # Saturday, 10:00 and, the night to Sunday, 5:59 and 6:00
    "2026-11-21T02:00:00Z": ["n", "x"],
    "2026-11-21T21:59:00Z": ["g", "n"],
    "2026-11-21T22:00:00Z": ["n"],
    "0001-01-01T00:00:00Z": [],
    "9999-12-31T23:59:59Z": [],
}


async def test_those_open_at_an_instant_are_found_by_the_clocks_of_the_city(
    points: AsyncEngine,
) -> None:
    keys = {instant: await found(points, f'openAt: "{instant}"') for instant in OPEN_AT}

    assert keys == OPEN_AT


FAILING = {
    "AREA_MIN_60": ["e", "n"],
    "ROOM_MEETING": ["e", "n"],
    "ROOMS_MIN_2": ["e", "n", "s"],
    "HOURS_MIN_40": ["e"],
    "HOURS_MIN_41": ["e", "s"],
    "OPEN_WEEKENDS": ["e", "s"],
    "ROOM_NOBODY_ASKS": [],
}
"""Of stations and centres: Monday to Friday from nine to five are 40 hours a week; e has no rooms
and is open "whenever"."""


@pytest.mark.writes
async def test_a_rule_that_is_failed_is_told_and_found(points: AsyncEngine) -> None:
    rules = [rule for rule in FAILING if rule != "ROOM_NOBODY_ASKS"]
    judged = FacilityKind.key.in_(["station", "community_centre"])
    await world.run(points, update(FacilityKind).where(judged).values(rules=rules))

    nodes = (await told(points, "{ facilities { nodes { key failing } } }"))["facilities"]["nodes"]

    assert {rule: await found(points, f'failing: "{rule}"') for rule in FAILING} == FAILING
    failed = {rule: [node["key"] for node in nodes if rule in node["failing"]] for rule in FAILING}
    assert failed == FAILING


async def test_kinds_are_told_with_their_rules(points: AsyncEngine) -> None:
    kinds = (await told(points, "{ facilityKinds { key name rules } }"))["facilityKinds"]

    keys = [kind["key"] for kind in kinds]
    assert keys == sorted(keys)
    assert {"key": "station", "name": "驿站", "rules": ["AREA_MIN_60", "ROOM_MEETING"]} in kinds


# -- in units ----------------------------------------------------------------------------------


async def test_units_list_the_facilities_in_them(points: AsyncEngine) -> None:
    query = """{ units(level: "community") { nodes { code facilities { totalCount nodes { key } }
        clinics: facilities(kind: "clinic") { totalCount nodes { key } }
        first: facilities(first: 1) { nodes { key } pageInfo { hasNextPage endCursor } } } } }"""
    nodes = (await told(points, query))["units"]["nodes"]

    assert [[f["key"] for f in node["facilities"]["nodes"]] for node in nodes] == [
        ["g", "s", "x"],
        ["n"],
        ["e"],
    ]
    assert [node["facilities"]["totalCount"] for node in nodes] == [3, 1, 1]
    assert [node["clinics"]["totalCount"] for node in nodes] == [1, 0, 0]
    assert [node["first"]["pageInfo"]["hasNextPage"] for node in nodes] == [True, False, False]
    after = nodes[0]["first"]["pageInfo"]["endCursor"]
    query = f"""{{ unit(level: "community", code: "{C1}") {{
        facilities(after: "{after}") {{ nodes {{ key }} }} }} }}"""
    rest = (await told(points, query))["unit"]["facilities"]["nodes"]
    assert [node["key"] for node in rest] == ["s", "x"]


@pytest.mark.writes
async def test_facilities_below_a_field_are_those_of_its_day(town: AsyncEngine) -> None:
    await load(town, placed(Point("a", until="2026-03-01"), 0.5, 1.5))
    await load(town, placed(Point("b", since="2026-03-01"), 0.5, 1.5))
    of_c2 = f'unit(level: "community", code: "{C2}"'
    inner = "{ facilities { totalCount nodes { key } } }"

    async def below(query: str, variables: dict[str, Any] | None = None) -> list[str]:
        answer = await told(town, query, variables)
        nodes = answer["unit"]["facilities"]["nodes"]
        assert answer["unit"]["facilities"]["totalCount"] == len(nodes)
        return [node["key"] for node in nodes]

    assert await below(f"{{ {of_c2}) {inner} }}") == ["b"]
    assert await below(f'{{ {of_c2}, asOf: "2026-02-28") {inner} }}') == ["a"]
    assert await below(f'{{ {of_c2}, asOf: "2026-03-01") {inner} }}') == ["b"]
    with_day = f"query ($day: Date) {{ unit: {of_c2}, asOf: $day) {inner} }}"
    assert await below(with_day, {"day": "2026-02-01"}) == ["a"]
    assert await below(with_day, {"day": None}) == ["b"]
    fragment = f'fragment Then on Query {{ unit: {of_c2}, asOf: "2026-02-01") {inner} }}'
    assert await below(f"{{ ...Then }} {fragment}") == ["a"]


@pytest.mark.writes
async def test_a_unit_of_an_old_edition_has_the_facilities_of_its_first_day(
    town: AsyncEngine,
) -> None:
    await load(town, placed(Point("a", since="2024-01-01", until="2025-06-01"), 0.5, 0.2))
    query = """{ changes(from: 1, to: 2, level: "grid") { items { nodes {
        before { code facilities { nodes { key } } }
        after { facilities { nodes { key } } } } } } }"""
    answer = await ask(town, query)
    if answer.errors:
        pytest.fail(str(answer.errors))
    nodes = answer.data["changes"]["items"]["nodes"]
    [first] = [node for node in nodes if node["before"]["code"] == G11]

    assert [node["key"] for node in first["before"]["facilities"]["nodes"]] == ["a"]
    assert first["after"]["facilities"]["nodes"] == []


@pytest.mark.writes
async def test_units_of_a_draft_have_the_facilities_on_their_new_ground(
    points: AsyncEngine,
) -> None:
    rows = [(G11, C1, (0, 0, 1, 1)), (G12, C1, (1, 0, 2, 1))]
    await imported.add_draft(points, units=rows)
    key = await world.make_key(points, Role.EDITOR)

    query = (
        "{ drafts { nodes { units { nodes { code facilities { totalCount nodes { key } } } } } } }"
    )
    [draft] = (await told(points, query, key=key))["drafts"]["nodes"]

    nodes = draft["units"]["nodes"]
    assert [[f["key"] for f in node["facilities"]["nodes"]] for node in nodes] == [
        ["s", "x"],
        ["g"],
    ]
    assert [node["facilities"]["totalCount"] for node in nodes] == [2, 1]


# -- statements --------------------------------------------------------------------------------

FRAME = ("FROM level ORDER BY", "WHERE edition.effective_on <=")
"""The levels and the edition, once a request."""


STATEMENTS = {
    "facilities { nodes { key name location properties } edges { cursor } }": 1,
    "facilities { totalCount }": 1,
    "facilities { featureCollection pageInfo { endCursor } totalCount }": 2,
    f'facilities(within: {{level: "district", code: "{D}"}}) {{ nodes {{ key }} }}': 1,
    # the hours that there are, once
    'facilities(openAt: "2026-11-23T01:00:00Z") { nodes { key } totalCount }': 3,
    # the kinds with their rules, once
    "facilities { nodes { failing } }": 2,
    'facilities(failing: "AREA_MIN_60") { nodes { failing } }': 2,
    'facilities(failing: "HOURS_MIN_1") { nodes { failing } }': 3,
    # which units are there, and these
    'facilities { nodes { unit(level: "grid") { code households } } }': 3,
    'units(level: "grid") { nodes { facilities { nodes { key } } } }': 2,
    'units(level: "grid") { nodes { facilities { totalCount } } }': 2,
    'units(level: "compound") { nodes { facilities { nodes { key } totalCount } } }': 3,
    'units(level: "grid") { nodes { facilities(kind: "gate") { nodes { key } } } }': 3,
    "facilityKinds { rules }": 1,
}


async def test_a_list_of_facilities_is_one_statement(
    points: AsyncEngine, statements: list[str]
) -> None:
    counts = {}
    for query in STATEMENTS:
        statements.clear()
        await told(points, f"{{ {query} }}")
        flat = [" ".join(one.split()) for one in statements]
        counts[query] = sum(not any(part in one for part in FRAME) for one in flat)

    assert counts == STATEMENTS


def test_the_drawing_has_every_point() -> None:
    assert {point.key for point in POINTS} == {"s", "n", "e", "x", "g", "r"}
    assert world.DAYS[2] == DAY
