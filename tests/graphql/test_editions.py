"""Editions, and things by their ids."""

from __future__ import annotations

import base64
import datetime as dt
from typing import TYPE_CHECKING

import pytest

from storage.keys import Role
from tests.graphql import imported, world
from tests.graphql.asking import ask, told
from tests.graphql.world import C1, G11, G21, IDS

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

pytestmark = [pytest.mark.anyio, pytest.mark.reads]


def text_id(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


FIELDS = "id number effectiveOn publishedAt publishedBy note correction levels { key }"


@pytest.mark.writes
async def test_editions_come_newest_first_in_pages(town: AsyncEngine) -> None:
    query = """query ($after: String) { editions(first: 1, after: $after) {
        totalCount nodes { %s } edges { cursor node { number } }
        pageInfo { hasNextPage hasPreviousPage endCursor } } }"""

    first = (await told(town, query % FIELDS))["editions"]
    after = first["pageInfo"]["endCursor"]
    second = (await told(town, query % FIELDS, {"after": after}))["editions"]

    assert first["nodes"] == [
        {
            "id": text_id("Edition:2"),
            "number": 2,
            "effectiveOn": "2026-01-01",
            "publishedAt": "2025-01-02T08:30:00.000000Z",
            "publishedBy": "town hall",
            "note": "C1 divided anew",
            "correction": False,
            "levels": [{"key": "grid"}],
        }
    ]
    assert [level["key"] for level in second["nodes"][0]["levels"]] == [
        "district",
        "subdistrict",
        "community",
        "grid",
        "compound",
    ]
    assert first["totalCount"] == 2
    assert [first["pageInfo"]["hasNextPage"], second["pageInfo"]["hasNextPage"]] == [True, False]
    assert second["edges"][0]["node"] == {"number": 1}


async def test_an_edition_is_found_by_number_or_day(town: AsyncEngine) -> None:
    data = await told(
        town,
        """{ one: edition(number: 1) { number } day: edition(asOf: "2025-12-31") { number }
             today: edition { number } none: edition(number: 3) { number } }""",
    )

    assert data == {
        "one": {"number": 1},
        "day": {"number": 1},
        "today": {"number": 2},
        "none": None,
    }


async def test_today_is_the_day_of_the_city(town: AsyncEngine) -> None:
    query = "{ edition { number } }"

    assert await told(town, query, today=dt.date(2025, 12, 31)) == {"edition": {"number": 1}}
    assert await told(town, query, today=dt.date(2026, 1, 1)) == {"edition": {"number": 2}}


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ('number: 1, asOf: "2026-01-01"', "BAD_INPUT"),
        ('asOf: "2024-12-31"', "NO_EDITION"),
        ('asOf: "31.12.2024"', "BAD_INPUT"),
    ],
)
async def test_an_edition_must_be_meant_one_way(
    town: AsyncEngine, arguments: str, code: str
) -> None:
    answer = await ask(town, f"{{ edition({arguments}) {{ number }} }}")

    assert answer.codes() == [code]


# --- ids ----------------------------------------------------------------------------------------

NODE = """query ($id: ID!) { node(id: $id) { __typename id
    ... on Unit { code bbox since { number } until { number } parent { code } }
    ... on Edition { number } } }"""


async def test_every_id_finds_its_thing_again(town: AsyncEngine) -> None:
    data = await told(
        town,
        '{ units(level: "grid") { nodes { id code } } editions { nodes { id number } } }',
    )
    units, editions = data["units"]["nodes"], data["editions"]["nodes"]

    for unit in units:
        found = (await told(town, NODE, {"id": unit["id"]}))["node"]
        assert (found["__typename"], found["id"], found["code"]) == (
            "Unit",
            unit["id"],
            unit["code"],
        )
    for edition in editions:
        found = (await told(town, NODE, {"id": edition["id"]}))["node"]
        assert found == {"__typename": "Edition", "id": edition["id"], "number": edition["number"]}


async def test_an_id_of_the_past_finds_the_version_of_then(town: AsyncEngine) -> None:
    old = text_id(f"Unit:{IDS['grid', G11, 1]}")

    found = (await told(town, NODE, {"id": old}))["node"]

    assert found["bbox"] == [104.0, 38.0, 104.01, 38.01]
    assert found["until"] == {"number": 1}
    assert found["parent"] == {"code": C1}


async def test_an_id_of_the_future_finds_the_version_to_come(town: AsyncEngine) -> None:
    coming = text_id(f"Unit:{IDS['grid', G11, 2]}")

    data = await told(town, NODE, {"id": coming}, today=dt.date(2025, 6, 1))

    assert data["node"]["bbox"] == [104.0, 38.0, 104.02, 38.005]
    assert data["node"]["since"] == {"number": 2}


async def test_many_ids_come_in_their_order_with_errors_in_place(town: AsyncEngine) -> None:
    unit, edition = text_id(f"Unit:{IDS['grid', G21, 1]}"), text_id("Edition:1")
    ids = [edition, "rubbish", unit, text_id("Unit:999"), unit, text_id("Draft:1")]

    answer = await ask(
        town, "query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }", {"ids": ids}
    )

    assert answer.data["nodes"] == [
        {"__typename": "Edition", "id": edition},
        None,
        {"__typename": "Unit", "id": unit},
        None,
        {"__typename": "Unit", "id": unit},
        None,
    ]
    assert [(error["path"], error["extensions"]["code"]) for error in answer.errors] == [
        (["nodes", 1], "BAD_INPUT"),
        (["nodes", 5], "UNAUTHENTICATED"),
    ]


async def test_many_units_by_id_are_one_statement(town: AsyncEngine, counted: list[str]) -> None:
    ids = [text_id(f"Unit:{number}") for number in range(1, 17)]

    data = await told(
        town, "query ($ids: [ID!]!) { nodes(ids: $ids) { ... on Unit { code } } }", {"ids": ids}
    )

    assert len(data["nodes"]) == len(world.UNITS)
    assert all(data["nodes"])
    assert len(counted) == 2, "today's edition and the units"


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "!",
        "Unit:1",
        "VW5pdDox\n",
        text_id("Unit:"),
        text_id("Unit:0"),
        text_id("Unit:-1"),
        text_id("Unit:01"),
        text_id("Unit:99999999999999999999"),
        text_id("Unit:１"),
        text_id("Planet:1"),
        text_id("Finding:xyz"),
    ],
)
async def test_an_id_that_was_never_given_is_bad_input(town: AsyncEngine, bad: str) -> None:
    answer = await ask(town, NODE, {"id": bad})

    assert answer.codes() == ["BAD_INPUT"]
    assert answer.errors[0]["extensions"]["argument"] == "id"
    assert answer.data == {"node": None}


async def test_ids_of_things_that_are_gone_are_null(town: AsyncEngine) -> None:
    for gone in ("Unit:4711", "Edition:4711", "Edition:4711471147114711", f"Finding:{'0' * 32}"):
        assert await told(town, NODE, {"id": text_id(gone)}) == {"node": None}


async def test_at_most_1000_ids_are_looked_up(town: AsyncEngine) -> None:
    ids = [text_id("Edition:1")] * 1001

    answer = await ask(town, "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", {"ids": ids})

    assert answer.codes() == ["LIMIT_EXCEEDED"]


@pytest.mark.writes
async def test_a_unit_of_a_draft_has_an_id_of_its_own(town: AsyncEngine) -> None:
    key = await world.make_key(town, Role.EDITOR)
    await imported.add_draft(town, units=[(G11, C1, (0, 0, 1, 1))])
    data = await told(town, "{ drafts { nodes { id units { nodes { id code } } } } }", key=key)
    draft = data["drafts"]["nodes"][0]
    unit = draft["units"]["nodes"][0]

    found = (await told(town, NODE, {"id": unit["id"]}, key=key))["node"]
    again = (await told(town, NODE, {"id": draft["id"]}, key=key))["node"]
    denied = await ask(town, NODE, {"id": unit["id"]})

    assert found["code"] == G11
    assert found["since"] is None
    assert found["bbox"] == [104.0, 38.0, 104.01, 38.01]
    assert again == {"__typename": "Draft", "id": draft["id"]}
    assert denied.codes() == ["UNAUTHENTICATED"]
