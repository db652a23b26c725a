"""Circles by the units of partitions that stand side by side, and homes in no unit at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import insert

from storage.models import Level
from tests.circles import drawn
from tests.circles.drawn import House, Land, Stand
from tests.graphql.asking import ask, told

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

pytestmark = pytest.mark.anyio

# y = 1000 +---------+---------+     Grids are cut along y = 0, police beats along x = 0; c3 has a
#          |   c1 a  | b  c1   |     grid and no beat below it, `lost` lies in no unit at all. The
#    y = 0 +----s----+---------+     street is the line y = 0, the station stands at x = -500.
#          |   c1 c  | d  c1   |
#  -1000   +---------+---------+------- c2 -------+
#       x = -1000    0        1000              2000
HERE = (-1000.0, -1000.0, 1000.0, 1000.0)
LANDS = (
    Land("district", "D", None, (-1000, -1000, 2000, 1000)),
    Land("subdistrict", "D1", "D", (-1000, -1000, 2000, 1000)),
    Land("community", "c1", "D1", HERE),
    Land("community", "c2", "D1", (1000, -1000, 2000, 1000)),
    Land("grid", "north", "c1", (-1000, 0, 1000, 1000)),
    Land("grid", "south", "c1", (-1000, -1000, 1000, 0)),
    Land("police", "east", "c1", (0, -1000, 1000, 1000)),
    Land("police", "west", "c1", (-1000, -1000, 0, 1000)),
)
HOUSES = (
    House("a", (-500.0, 20.0), 1),
    House("b", (500.0, 20.0), 2),
    House("c", (-500.0, -20.0), 4),
    House("d", (500.0, -20.0), 8),
    House("e", (1500.0, 20.0), 16),  # c2 has no grid: it is in the community itself
    House("lost", (-500.0, 1100.0), 32),
)
STREET = (((-1000.0, 0.0), (2000.0, 0.0)),)


@pytest.fixture
async def beats(engine: AsyncEngine) -> AsyncEngine:
    """Give the drawing."""
    async with engine.begin() as connection:
        police = {"key": "police", "name": "警格", "parent": "community"}
        await connection.execute(insert(Level).values(**police, tiling="TILES", rank=5))
    await drawn.build(
        engine, lands=LANDS, houses=HOUSES, points=[Stand("s", (-500.0, 0.0))], ways=STREET
    )
    return engine


async def test_every_partition_counts_its_own_units(beats: AsyncEngine) -> None:
    levels = ("district", "subdistrict", "community", "grid", "police")
    fields = " ".join(
        f'{level}: byUnit(level: "{level}") {{ nodes {{ unit {{ code households }} '
        "total { households } inside { households } } }"
        for level in levels
    )
    query = f"""{{ circleCoverage(kinds: ["station"], walk: {{metres: 100}}) {{
        total {{ households }} inside {{ households }} offStreets {{ households }} {fields} }} }}"""

    row = (await told(beats, query))["circleCoverage"]

    assert row["total"] == {"households": 63}
    assert row["inside"] == {"households": 1 + 4}
    assert row["offStreets"] == {"households": 32}
    sums = {
        level: {
            node["unit"]["code"]: (node["total"]["households"], node["inside"]["households"])
            for node in row[level]["nodes"]
        }
        for level in levels
    }
    assert sums == {
        "district": {"D": (31, 5)},
        "subdistrict": {"D1": (31, 5)},
        "community": {"c1": (15, 5), "c2": (16, 0)},
        "grid": {"north": (3, 1), "south": (12, 4)},
        "police": {"east": (10, 0), "west": (5, 5)},
    }
    for level in levels:  # as the units themselves count
        for node in row[level]["nodes"]:
            assert node["unit"]["households"] == node["total"]["households"]


async def test_the_own_beat_may_be_asked_for(beats: AsyncEngine) -> None:
    query = """query ($level: String!) { circleCoverage(kinds: ["station"], ownLevel: $level,
        walk: {metres: 2500}) { inside { households } notConnected { households } } }"""
    found = {}

    for level in ("community", "police", "grid"):
        row = (await told(beats, query, {"level": level}))["circleCoverage"]
        found[level] = row["inside"]["households"]
        assert row["notConnected"]["households"] == 32

    # the station is on the border of both grids: it is in the one with the smallest code
    assert found == {"community": 15, "police": 5, "grid": 1 + 2}


async def test_a_level_beside_the_asked_ground_is_refused(beats: AsyncEngine) -> None:
    answer = await ask(
        beats,
        """{ circleCoverage(kinds: ["station"], within: {level: "grid", code: "north"}) {
            total { households } byUnit(level: "police") { totalCount } } }""",
    )

    assert answer.codes() == ["BAD_INPUT"]
    assert answer.errors[0]["extensions"]["argument"] == "level"
