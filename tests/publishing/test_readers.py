"""Readers who look on while others publish: every answer is of one edition, whole."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from schema.ids import IdKind, encode
from storage.keys import Role
from tests.graphql import real, world
from tests.graphql.live import serving
from tests.graphql.real import Drew
from tests.graphql.world import C1, G11, G12, HOMES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.ext.asyncio import AsyncEngine

    from tests.graphql.live import Service

pytestmark = [pytest.mark.anyio, pytest.mark.postgis]

PUBLISHES = 50
READERS = 2
PAUSE_S = 0.2
"""Between two looks of a reader; it shares its process with the publisher."""
DRAWN = 2
"""The newest edition of the drawing."""

LOOK = """
query ($c1: UnitRef!) {
  units(level: "grid", within: $c1) { totalCount nodes {
    code areaM2 households since { number } parent { code households }
  } }
  edition { number }
  coverage(level: "grid") {
    edition { number } clean provenParents parents areaM2 blankM2 overlapM2
    households { total covered } findings { totalCount }
  }
}
"""
PUBLISH = "mutation ($ids: [ID!]!) { publishDrafts(ids: $ids) { number } }"


def border(edition: int) -> float:
    """Return where an edition divides C1: somewhere else each time, never through a home."""
    return 0.6 + 0.0161 * (edition - DRAWN)


def expected(edition: int) -> dict[str, tuple[float, int, int]]:
    """Return area, households and age of each grid of C1, from the drawing."""
    if edition == DRAWN:
        lower, upper = world.area_m2((0, 0, 2, 0.5)), world.area_m2((0, 0.5, 2, 1))
        return {G11: (lower, 8, 2), G12: (upper, 3, 2)}
    at = border(edition)
    homes = [home for home in HOMES if home.place[0] < 2 and home.place[1] < 1]
    west = sum(home.households for home in homes if home.place[0] < at)
    every = sum(home.households for home in homes)
    return {
        G11: (world.area_m2((0, 0, at, 1)), west, edition),
        G12: (world.area_m2((at, 0, 2, 1)), every - west, edition),
    }


async def publish_all(engine: AsyncEngine, service: Service, key: str) -> None:
    """Publish one edition after the other, each through the API."""
    for edition in range(DRAWN + 1, DRAWN + 1 + PUBLISHES):
        at = border(edition)
        parts = [Drew(G11, (0, 0, at, 1)), Drew(G12, (at, 0, 2, 1))]
        draft = await real.make(engine, "grid", parts, within=("community", C1))
        answer = await service.ask(PUBLISH, {"ids": [encode(IdKind.DRAFT, draft)]}, key=key)
        assert answer == {"data": {"publishDrafts": {"number": edition}}}


async def look_on(service: Service, done: asyncio.Event) -> list[Any]:
    """Ask again and again until all is published, and once more."""
    seen = []
    ground = {"c1": {"level": "community", "code": C1}}
    while True:
        last = done.is_set()
        seen.append(await service.ask(LOOK, ground))
        if last:
            return seen
        await asyncio.sleep(PAUSE_S)


def judge(answer: Mapping[str, Any]) -> int:
    """See that an answer is of one edition in all its parts; return its number."""
    assert "errors" not in answer
    data = answer["data"]
    number = int(data["edition"]["number"])
    report = data["coverage"]
    assert report["edition"] == {"number": number}
    assert report["clean"] is True
    assert (report["provenParents"], report["parents"]) == (3, 3)
    assert (report["blankM2"], report["overlapM2"]) == (0, 0)
    assert report["households"] == {"total": 20, "covered": 20}
    assert report["findings"] == {"totalCount": 0}
    assert data["units"]["totalCount"] == 2
    parts = expected(number)
    for unit in data["units"]["nodes"]:
        area, households, since = parts[unit["code"]]
        assert unit["areaM2"] == pytest.approx(area, rel=1e-7), (number, unit)
        assert (unit["households"], unit["since"]) == (households, {"number": since}), number
        assert unit["parent"] == {"code": C1, "households": 11}
    return number


async def test_no_reader_ever_sees_half_an_edition(engine: AsyncEngine, database_url: str) -> None:
    await world.build(engine)
    key = await world.make_key(engine, Role.PUBLISHER)
    done = asyncio.Event()
    async with serving(database_url) as service, asyncio.TaskGroup() as together:
        readers = [together.create_task(look_on(service, done)) for _ in range(READERS)]
        try:
            await publish_all(engine, service, key)
        finally:
            done.set()

    seen = [[judge(answer) for answer in reader.result()] for reader in readers]
    for numbers in seen:
        assert numbers == sorted(numbers), "an edition that was seen is never gone again"
        assert numbers[-1] == DRAWN + PUBLISHES
    assert len({number for numbers in seen for number in numbers}) > PUBLISHES / 5, "they looked on"
