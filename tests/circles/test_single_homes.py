"""What would tell of one home who lives there is for editors, however it is asked."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import insert

from storage.circle_models import Programme
from storage.keys import Role
from tests.circles import drawn
from tests.circles.drawn import House, Land, Stand
from tests.graphql.asking import told
from tests.graphql.world import make_key

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

pytestmark = pytest.mark.anyio

BOX = (-2000.0, -2000.0, 2000.0, 2000.0)
LANDS = (
    Land("district", "D", None, BOX),
    Land("subdistrict", "D1", "D", BOX),
    Land("community", "D11", "D1", BOX),
    Land("grid", "D111", "D11", BOX),
)

GROUPS = "{ addresses groups { group people } }"
QUERY = f"""{{ programme(key: "p") {{ coverage {{
    total {GROUPS} inside {GROUPS} outside {GROUPS}
    share old: share(group: "old") many: share(group: "many")
    grids: byUnit(level: "grid", group: "old") {{ nodes {{
        share total {GROUPS} inside {GROUPS} }} }} }} }} }}"""


async def _drawn(engine: AsyncEngine, *houses: House) -> None:
    """Draw a street along y = 0 with a station at x = 0, which is promised within 100 m."""
    street = ((0.0, 0.0), (1000.0, 0.0))
    await drawn.build(
        engine, lands=LANDS, houses=houses, points=[Stand("s", (0.0, 0.0))], ways=[street]
    )
    promise = {"kinds": ["station"], "minutes": 2, "metres": 100.0, "basis": "NETWORK"}
    row = {"key": "p", "name": "", "own_level": None, "since": dt.date(2026, 1, 1)}
    async with engine.begin() as connection:
        await connection.execute(insert(Programme).values(row | promise))


def _people(tally: dict[str, Any]) -> dict[str, int]:
    return {one["group"]: one["people"] for one in tally["groups"]}


async def test_of_two_homes_nothing_tells_which_one_somebody_lives_in(engine: AsyncEngine) -> None:
    await _drawn(
        engine,
        House("near", (0.0, 10.0), groups={"old": 1, "many": 9}),
        House("far", (900.0, 10.0), groups={"many": 3}),
    )
    key = await make_key(engine, Role.EDITOR)

    read = (await told(engine, QUERY))["programme"]["coverage"]
    edited = (await told(engine, QUERY, key=key))["programme"]["coverage"]

    # both together are no single home
    assert _people(read["total"]) == _people(edited["total"]) == {"many": 12, "old": 1}
    assert _people(read["inside"]) == {"many": 9}
    assert _people(read["outside"]) == {"many": 3}
    assert (read["share"], read["old"], read["many"]) == (0.5, None, 0.75)
    [grid] = read["grids"]["nodes"]
    assert (grid["share"], _people(grid["inside"])) == (None, {"many": 9})
    assert _people(edited["inside"]) == {"many": 9, "old": 1}
    assert (edited["old"], edited["grids"]["nodes"][0]["share"]) == (1.0, 1.0)


@pytest.mark.parametrize("second", [False, True])
async def test_a_unit_with_one_home_does_not_tell_who_lives_there(
    engine: AsyncEngine, *, second: bool
) -> None:
    homes = [House("one", (0.0, 10.0), groups={"old": 1, "many": 9})]
    homes += [House("two", (50.0, 10.0))] if second else []
    await _drawn(engine, *homes)
    key = await make_key(engine, Role.EDITOR)
    query = """{ units(level: "grid") { nodes { groups { group people } } }
        unit(level: "district", code: "D") { groups { group people } } }"""

    read = await told(engine, query)
    edited = await told(engine, query, key=key)

    everything = {"old": 1, "many": 9}
    seen = everything if second else {"many": 9}
    assert [_people(one) for one in (read["units"]["nodes"][0], read["unit"])] == [seen, seen]
    assert _people(edited["unit"]) == _people(edited["units"]["nodes"][0]) == everything


async def test_the_one_home_outside_is_not_told_by_those_inside(engine: AsyncEngine) -> None:
    # of four old people three live near, two of them together: the fourth is the one who is far
    await _drawn(
        engine,
        House("a", (0.0, 10.0), groups={"old": 2}),
        House("b", (20.0, 10.0), groups={"old": 1}),
        House("far", (900.0, 10.0), groups={"old": 1}),
    )

    read = (await told(engine, QUERY.replace('many: share(group: "many")', "")))["programme"][
        "coverage"
    ]

    assert [read[part]["addresses"] for part in ("total", "inside", "outside")] == [3, 2, 1]
    assert _people(read["total"]) == {"old": 4}
    assert _people(read["inside"]) == _people(read["outside"]) == {}
    assert read["old"] is None
    [grid] = read["grids"]["nodes"]
    assert (grid["share"], _people(grid["inside"])) == (None, {})
