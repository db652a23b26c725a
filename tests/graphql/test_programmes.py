"""Programmes over GraphQL: what they promise, and the points that there are."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest

from resolvers.programmes import load_programmes
from sources.programmes import ProgrammeFile, ProgrammeSpec
from tests.graphql.asking import ask, told
from tests.graphql.facility_points import DAY, load_all

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from tests.databases import Databases

pytestmark = [pytest.mark.anyio, pytest.mark.reads]

PROGRAMMES = (
    ProgrammeSpec(
        "ten",
        "十分钟",
        ("clinic", "station"),
        minutes=10,
        metres=500.0,
        target=58,
        due=dt.date(2026, 12, 31),
        until=dt.date(2027, 1, 1),
    ),
    ProgrammeSpec("gates", "门", ("gate",), speed_kmh=3.0, own_level="compound"),
    ProgrammeSpec("over", "旧", ("gate",), since=dt.date(2025, 1, 1), until=dt.date(2025, 6, 1)),
)


@pytest.fixture(scope="session")
def promised_template(databases: Databases, drawn_town: str) -> str:
    """Load service points and programmes into the town, once."""

    async def load(engine: AsyncEngine) -> None:
        await load_all(engine)
        await load_programmes(engine, ProgrammeFile((), PROGRAMMES), day=DAY)

    return databases.built("drawn_programmes", load, drawn_town)


@pytest.fixture
def promised(promised_template: str, engine: AsyncEngine) -> AsyncEngine:
    """Give an engine on a database with service points and programmes."""
    del promised_template  # it is copied
    return engine


async def test_a_programme_tells_its_promise_and_what_there_is_of_it(
    promised: AsyncEngine,
) -> None:
    query = """{ programme(key: "ten") { key name kinds target due since until
        walk { minutes metres speedKmh basis networkVersion }
        facilities { totalCount nodes { key } } } }"""

    answer = (await told(promised, query))["programme"]

    assert answer["walk"].pop("speedKmh") == pytest.approx(3.0)
    assert answer == {
        "key": "ten",
        "name": "十分钟",
        "kinds": ["clinic", "station"],
        "target": 58,
        "due": "2026-12-31",
        "since": "2026-01-01",
        "until": "2027-01-01",
        "walk": {"minutes": 10, "metres": 500.0, "basis": "RADIUS", "networkVersion": None},
        "facilities": {
            "totalCount": 4,
            "nodes": [{"key": key} for key in ("n", "r", "s", "x")],
        },
    }


async def test_the_programmes_of_today_are_listed_with_their_facilities(
    promised: AsyncEngine, statements: list[str]
) -> None:
    query = """{ programmes { key ownLevel facilities(first: 2) {
        nodes { key } pageInfo { hasNextPage } } } }"""
    statements.clear()

    answer = (await told(promised, query))["programmes"]

    assert answer == [
        {
            "key": "gates",
            "ownLevel": "compound",
            "facilities": {"nodes": [{"key": "g"}], "pageInfo": {"hasNextPage": False}},
        },
        {
            "key": "ten",
            "ownLevel": None,
            "facilities": {
                "nodes": [{"key": "n"}, {"key": "r"}],
                "pageInfo": {"hasNextPage": True},
            },
        },
    ]
    assert len(statements) == 2, "the programmes, and the facilities of all of them"


async def test_a_programme_that_is_over_or_was_never_there_is_none(promised: AsyncEngine) -> None:
    query = '{ over: programme(key: "over") { key } none: programme(key: "no") { key } }'

    assert await told(promised, query) == {"over": None, "none": None}
    then = await told(promised, query, today=dt.date(2025, 5, 31))
    assert then == {"over": {"key": "over"}, "none": None}
    answer = await ask(promised, '{ programme(key: "\\u0000") { key } }')
    assert answer.codes() == ["BAD_INPUT"]


async def test_the_next_page_of_a_programme_follows_the_first(promised: AsyncEngine) -> None:
    query = """query ($after: String) { programme(key: "ten") { facilities(first: 3, after: $after)
        { totalCount edges { cursor node { key } } pageInfo { endCursor hasPreviousPage } } } }"""

    first = (await told(promised, query))["programme"]["facilities"]
    after = first["pageInfo"]["endCursor"]
    rest = (await told(promised, query, {"after": after}))["programme"]["facilities"]

    assert [edge["node"]["key"] for edge in first["edges"]] == ["n", "r", "s"]
    assert [edge["node"]["key"] for edge in rest["edges"]] == ["x"]
    assert (rest["totalCount"], rest["pageInfo"]["hasPreviousPage"]) == (4, True)
