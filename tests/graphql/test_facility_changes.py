"""Putting and removing service points over GraphQL: states, refusals, and two at once."""

from __future__ import annotations

import asyncio
import datetime as dt
import math
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from resolvers.facility_lists import load_facilities
from storage import facilities
from storage.circle_models import Facility
from storage.keys import Role
from tests.facility_files import Point, listed
from tests.graphql import world
from tests.graphql.asking import TODAY, Answer, ask, told
from tests.graphql.facility_points import load
from tests.graphql.world import C1, lonlat

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

pytestmark = pytest.mark.anyio

PUT = """mutation ($key: String! = "p", $kind: String! = "station", $name: String! = "驿站",
    $place: PointInput!, $area: Float, $rooms: [String!], $hours: String, $compound: String,
    $since: Date, $until: Date, $properties: JSON) {
  putFacility(key: $key, kind: $kind, name: $name, location: $place, floorAreaM2: $area,
    rooms: $rooms, openingHours: $hours, compound: $compound, since: $since, until: $until,
    properties: $properties) {
    key kind name floorAreaM2 rooms openingHours compound since until properties location
    unit(level: "community") { code } } }"""

X, Y = lonlat(0.5, 0.25)
PLACE = {"lon": X, "lat": Y}
ALL = {
    "area": 61.5,
    "rooms": ["meeting", "rest"],
    "hours": "Mo-Fr 09:00-17:00",
    "compound": "C7",
    "properties": {"phone": "12"},
}


@pytest.fixture
async def key(town: AsyncEngine) -> str:
    """Give an editor's key for everywhere."""
    return await world.make_key(town, Role.EDITOR)


async def put(engine: AsyncEngine, by: str, /, **said: Any) -> Answer:  # noqa: ANN401 - variables
    return await ask(engine, PUT, {"place": PLACE, **said}, key=by)


async def states(engine: AsyncEngine) -> list[tuple[str, dt.date, dt.date | None, str]]:
    query = select(Facility.name, Facility.since, Facility.until, Facility.changed_by)
    async with engine.connect() as connection:
        rows = await connection.execute(query.order_by(Facility.key, Facility.since))
        return [(name, since, until, by) for name, since, until, by in rows]


async def test_what_is_put_stands_from_today_in_the_name_of_the_key(
    town: AsyncEngine, key: str
) -> None:
    answer = await put(town, key, **ALL)
    found = await told(town, '{ facilities(search: "yizhan") { nodes { key } } }')

    assert answer.errors == []
    assert answer.data["putFacility"] == {
        "key": "p",
        "kind": "station",
        "name": "驿站",
        "floorAreaM2": 61.5,
        "rooms": ["meeting", "rest"],
        "openingHours": "Mo-Fr 09:00-17:00",
        "compound": "C7",
        "since": "2026-11-22",
        "until": None,
        "properties": {"phone": "12"},
        "location": {"type": "Point", "coordinates": [104.005, 38.0025]},
        "unit": {"code": C1},
    }
    assert found["facilities"]["nodes"] == [{"key": "p"}]
    assert await states(town) == [("驿站", dt.date(2026, 11, 22), None, "tester")]


async def test_what_is_left_out_stays_and_null_empties_it(town: AsyncEngine, key: str) -> None:
    await put(town, key, since="2026-01-01", until="2027-01-01", **ALL)

    kept = (await put(town, key, name="other")).data["putFacility"]
    emptied = dict.fromkeys([*ALL, "until"])
    bare = (await put(town, key, name="other", **emptied)).data["putFacility"]

    shown = ("floorAreaM2", "rooms", "openingHours", "compound", "properties", "until")
    assert [kept[name] for name in shown] == [
        61.5,
        ["meeting", "rest"],
        "Mo-Fr 09:00-17:00",
        "C7",
        {"phone": "12"},
        "2027-01-01",
    ]
    assert [bare[name] for name in shown] == [None, [], None, None, {}, None]


async def test_a_change_keeps_what_was_before(town: AsyncEngine, key: str) -> None:
    await put(town, key, since="2026-01-01", name="old")
    await put(town, key, since="2026-05-01", name="new")
    await put(town, key, name="newer", place={"lon": X, "lat": Y + 0.01})
    again = await put(town, key, name="newer", place={"lon": X, "lat": Y + 0.01})

    assert again.errors == []
    assert [row[:3] for row in await states(town)] == [
        ("old", dt.date(2026, 1, 1), dt.date(2026, 5, 1)),
        ("new", dt.date(2026, 5, 1), dt.date(2026, 11, 22)),
        ("newer", dt.date(2026, 11, 22), None),
    ]
    query = '{ facilities(asOf: "%s") { nodes { name location } } }'
    [then] = (await told(town, query % "2026-11-21"))["facilities"]["nodes"]
    [now] = (await told(town, query % "2026-11-22"))["facilities"]["nodes"]
    assert (then["name"], then["location"]["coordinates"]) == ("new", [104.005, 38.0025])
    assert (now["name"], now["location"]["coordinates"]) == ("newer", [104.005, 38.0125])


REMOVE = """mutation ($key: String!, $on: Date) { removeFacility(key: $key, on: $on) {
    key since until } }"""


async def test_a_removed_point_is_gone_from_its_day_and_not_before(
    town: AsyncEngine, key: str
) -> None:
    await put(town, key, since="2026-01-01")

    gone = await told(town, REMOVE, {"key": "p"}, key=key)
    again = await told(town, REMOVE, {"key": "p"}, key=key)
    back = await put(town, key)

    assert gone["removeFacility"] == {"key": "p", "since": "2026-01-01", "until": "2026-11-22"}
    assert again == gone
    assert back.data["putFacility"]["since"] == "2026-01-01", "it never was away"
    on = await told(town, REMOVE, {"key": "p", "on": "2026-06-01"}, key=key)
    assert on["removeFacility"]["until"] == "2026-06-01"
    anew = await put(town, key)
    assert anew.data["putFacility"]["since"] == "2026-11-22"
    assert [row[1:3] for row in await states(town)] == [
        (dt.date(2026, 1, 1), dt.date(2026, 6, 1)),
        (dt.date(2026, 11, 22), None),
    ]


@pytest.mark.parametrize(
    ("on", "code", "part"),
    [
        ("2026-01-01", "BAD_INPUT", "the first day on which it can be gone is 2026-01-02"),
        ("2025-01-01", "BAD_INPUT", "stands from 2026-01-01 on"),
        ("2026-07-01", "BAD_INPUT", "ended on 2026-06-01 already"),
    ],
)
async def test_a_removal_on_a_day_that_cannot_be_is_refused(
    town: AsyncEngine, key: str, on: str, code: str, part: str
) -> None:
    await put(town, key, since="2026-01-01", until="2026-06-01")

    answer = await ask(town, REMOVE, {"key": "p", "on": on}, key=key)

    assert answer.codes() == [code]
    assert part in answer.errors[0]["message"]


BAD: dict[str, tuple[dict[str, Any], str, str]] = {
    "an unknown kind": ({"kind": "pub"}, "UNKNOWN", "kind"),
    "a blank key": ({"key": " "}, "BAD_INPUT", "key"),
    "a long key": ({"key": "k" * 1001}, "BAD_INPUT", "key"),
    "a NUL": ({"name": "a\0"}, "BAD_INPUT", "name"),
    "half a character": ({"name": "\ud800"}, "BAD_INPUT", "name"),
    "an escape": ({"name": "\x1b[31m"}, "BAD_INPUT", "name"),
    "a direction": ({"rooms": ["\u202e"]}, "BAD_INPUT", "rooms"),
    "many rooms": ({"rooms": [str(n) for n in range(101)]}, "LIMIT_EXCEEDED", "rooms"),
    "no area": ({"area": -0.5}, "BAD_INPUT", "floorAreaM2"),
    "all land": ({"area": 1e300}, "BAD_INPUT", "floorAreaM2"),
    "hours in words": ({"hours": "9 to 5"}, "BAD_INPUT", "openingHours"),
    "no object": ({"properties": [1]}, "BAD_INPUT", "properties"),
    "a book": ({"properties": {"a": "x" * 100_000}}, "BAD_INPUT", "properties"),
    "a NUL within": ({"properties": {"a": "\0"}}, "BAD_INPUT", "properties"),
    "half a one within": ({"properties": {"a": "\ud800"}}, "BAD_INPUT", "properties"),
    "a huge number": ({"properties": {"a": 10**400}}, "BAD_INPUT", "properties"),
    "off the Earth": ({"place": {"lon": 181, "lat": 0}}, "BAD_INPUT", "location"),
    "exchanged": ({"place": {"lon": Y, "lat": X - 30}}, "BAD_INPUT", "location"),
    "far away": ({"place": {"lon": X, "lat": Y + 1}}, "BAD_INPUT", "location"),
    "over before it began": ({"until": "2026-11-22"}, "BAD_INPUT", "until"),
}


async def test_what_cannot_be_meant_is_refused_and_nothing_written(
    town: AsyncEngine, key: str
) -> None:
    said = {}
    for name, (variables, _, _) in BAD.items():
        answer = await put(town, key, **variables)
        [error] = answer.errors
        said[name] = (error["extensions"].get("code"), error["extensions"].get("argument"))

    assert said == {name: (code, argument) for name, (_, code, argument) in BAD.items()}
    assert await states(town) == []
    for bad in (math.nan, math.inf):  # no JSON, but Python's reader takes it
        answer = await put(town, key, place={"lon": bad, "lat": 38.0})
        assert answer.errors != []


async def test_a_point_in_the_river_or_beside_the_city_is_taken(
    town: AsyncEngine, key: str
) -> None:
    lon, lat = lonlat(5, 1)

    answer = await put(town, key, place={"lon": lon, "lat": lat})

    assert answer.errors == []
    assert answer.data["putFacility"]["unit"] is None


async def test_degrees_of_another_datum_are_brought_back(town: AsyncEngine, key: str) -> None:
    query = '{ facility(key: "p") { location(datum: GCJ02) location84: location } }'
    await put(town, key, place={**PLACE, "datum": "GCJ02"})
    found = (await told(town, query))["facility"]

    assert found["location"]["coordinates"] == pytest.approx([X, Y], abs=1e-7)
    assert found["location84"]["coordinates"] != pytest.approx([X, Y], abs=1e-4)


async def test_two_who_put_the_same_at_once_leave_one_state_a_day(
    town: AsyncEngine, key: str
) -> None:
    answers = await asyncio.gather(*(put(town, key, name=f"n{n}") for n in range(6)))

    codes = {code for answer in answers for code in answer.codes()}
    done = [answer for answer in answers if not answer.errors]
    assert codes <= {"CONFLICT"}
    assert done
    assert len(await states(town)) == 1


async def test_lists_and_mutations_at_once_wait_for_one_another(
    town: AsyncEngine, key: str
) -> None:
    await load(town, Point("p"), Point("q"))

    async def list_again(n: int) -> None:
        fresh = Point(f"n{n}", kind=f"kind {n}")
        said = listed(Point("q", name=f"l{n}"), Point("p", name=f"l{n}"), fresh)
        await load_facilities(town, said, changed_by="list", day=TODAY, new_kinds=True)

    putting = [put(town, key, name=f"n{n}", key="pq"[n % 2]) for n in range(8)]
    listing = [list_again(n) for n in range(4)]
    answers = await asyncio.gather(*putting)
    results = await asyncio.gather(*listing, *(put(town, key, key="q") for _ in range(4)))

    assert {code for answer in answers for code in answer.codes()} <= {"CONFLICT"}
    assert {c for one in results if one is not None for c in one.codes()} <= {"CONFLICT"}
    async with town.connect() as connection:
        there = await facilities.by_keys(connection, TODAY, ["p", "q", "n0", "n1", "n2", "n3"])
    assert len(there) == 6


async def test_what_one_mutation_put_the_next_one_sees(town: AsyncEngine, key: str) -> None:
    query = """mutation ($place: PointInput!) {
        a: putFacility(key: "p", kind: "gate", name: "a", location: $place) { name compound }
        b: putFacility(key: "p", kind: "gate", name: "b", location: $place) { name }
        c: removeFacility(key: "p", on: "2027-01-01") { name until } }"""

    answer = await told(town, query, {"place": PLACE}, key=key)

    assert answer["b"] == {"name": "b"}
    assert answer["c"] == {"name": "b", "until": "2027-01-01"}
