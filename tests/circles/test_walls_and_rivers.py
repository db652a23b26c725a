"""Walls with gates, rivers without a bridge, and other ground that stands in the way."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from shapely.geometry import shape
from sqlalchemy import event

from resolvers.context import Shared
from tests.circles import drawn
from tests.circles.drawn import House, Land, Stand, asked
from tests.graphql.asking import told

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

pytestmark = pytest.mark.anyio

SECONDS_A_METRE = 3600 / 4000
"""At 4 km/h."""

BOX = (-2000.0, -2000.0, 2000.0, 3000.0)
LANDS = (
    Land("district", "D", None, BOX),
    Land("subdistrict", "D1", "D", BOX),
    Land("community", "D11", "D1", BOX),
    Land("grid", "D111", "D11", BOX),
)
WALLED = Land("compound", "W", "D11", (400, 100, 600, 300))
OPEN = Land("compound", "O", "D11", (700, 100, 900, 300))

# y = 400  +-----------------g-----------------+ x = 1000      g: the gate of W at (500, 300)
#          |           | W h |   | O i |      .
# y = 0    +-----------------s-----------------+               s: the station at (500, 0)
RING = (
    ((0.0, 0.0), (1000.0, 0.0)),
    ((0.0, 0.0), (0.0, 400.0)),
    ((0.0, 400.0), (1000.0, 400.0)),
)


async def walks(engine: AsyncEngine, kind: str = "station", metres: float = 5000) -> dict[str, Any]:
    """Return the coverage of a kind, with the walk of the worst home of each compound and grid."""
    query = """query ($kind: String!, $metres: Float) {
        circleCoverage(kinds: [$kind], walk: {metres: $metres}) {
            total { addresses } inside { addresses } outside { addresses }
            notConnected { addresses } offStreets { addresses } cutOff { addresses } share geometry
            compounds: byUnit(level: "compound") { nodes {
                unit { code } worstWalkS nearest { key } share } }
            grids: byUnit(level: "grid") { nodes { worstWalkS notConnected { addresses } } } } }"""
    found = await told(engine, query, {"kind": kind, "metres": metres})
    row: dict[str, Any] = found["circleCoverage"]
    return row


def worst_m(row: dict[str, Any], compound: str) -> float | None:
    """Return the walk of the worst home of a compound, in metres."""
    [node] = [one for one in row["compounds"]["nodes"] if one["unit"]["code"] == compound]
    return node["worstWalkS"] / SECONDS_A_METRE if node["worstWalkS"] is not None else None


def addresses(row: dict[str, Any], *names: str) -> list[int]:
    """Return how many addresses some tallies have."""
    return [row[name]["addresses"] for name in names]


async def test_behind_walls_one_goes_by_the_gate(engine: AsyncEngine) -> None:
    await drawn.build(
        engine,
        lands=(*LANDS, WALLED, OPEN),
        houses=[
            House("h", (500.0, 120.0)),
            House("i", (800.0, 120.0)),
            House("named", (500.0, 40.0), compound="W"),
        ],
        points=[
            Stand("s", (500.0, 0.0)),
            Stand("g", (500.0, 300.0), "gate", compound="W"),
            Stand("in", (520.0, 250.0), "clinic", compound="W"),
        ],
        ways=RING,
    )

    row, clinic, gate = (
        await walks(engine),
        await walks(engine, "clinic"),
        await walks(engine, "gate"),
    )

    # from the gate 100 m to the northern street, then 500 + 400 + 500 round to the station; to the
    # gate h has 180 m. `named` stands outside, but says that it belongs to W: 260 m.
    assert worst_m(row, "W") == pytest.approx(260.0 + 100.0 + 1400.0, abs=0.01)
    # without gates there are no walls: 120 m down, 300 m along
    assert worst_m(row, "O") == pytest.approx(420.0, abs=0.01)
    # the clinic stands behind the same walls: 130 and 210.95 m straight; i walks 300 m of street
    # and both ways into it, 280 and 100 + 53.85 m
    assert worst_m(clinic, "W") == pytest.approx((20**2 + 210**2) ** 0.5, abs=0.01)
    straight_m = (20**2 + 50**2) ** 0.5
    assert worst_m(clinic, "O") == pytest.approx(120 + 800 + 400 + 500 + 100 + straight_m, abs=0.01)
    # to the gate itself: straight from inside
    assert worst_m(gate, "W") == pytest.approx(260.0, abs=0.01)
    assert addresses(row, "total", "inside", "notConnected") == [3, 3, 0]


async def test_a_point_in_a_walled_compound_goes_by_its_gate(engine: AsyncEngine) -> None:
    await drawn.build(
        engine,
        lands=(*LANDS, WALLED, OPEN),
        houses=[House("beside", (480.0, 130.0)), House("outside", (500.0, 10.0))],
        points=[Stand("s", (500.0, 0.0)), Stand("g", (500.0, 300.0), "gate", compound="W")],
        ways=RING,
    )
    query = """query ($point: PointInput!) { nearest(point: $point, kind: "station") {
            walkM route } circleAt(point: $point, walk: {metres: 350}) {
            tally { addresses } reachedM } }"""

    walled = await told(engine, query, {"point": asked((500.0, 120.0))})
    unwalled = await told(engine, query, {"point": asked((800.0, 120.0))})

    [way] = walled["nearest"]
    assert way["walkM"] == pytest.approx(180.0 + 100.0 + 1400.0, abs=0.01)
    line = shape(way["route"])
    gate = drawn.lonlat([(500.0, 300.0)])[0]
    assert min(abs(x - gate[0]) + abs(y - gate[1]) for x, y in line.coords) < 2e-7
    # the neighbour behind the same walls is 22 m away, whoever is out there 1,690 m
    assert walled["circleAt"]["tally"] == {"addresses": 1}
    # 350 - 180 - 100 = 70 m both ways along the northern street
    assert walled["circleAt"]["reachedM"] == pytest.approx(140.0, abs=0.01)
    assert unwalled["nearest"][0]["walkM"] == pytest.approx(420.0, abs=0.01)


async def test_a_river_without_a_bridge_is_not_jumped(engine: AsyncEngine) -> None:
    river = (
        ((-1000.0, 0.0), (1000.0, 0.0)),
        ((-1000.0, 60.0), (1000.0, 60.0)),
    )
    await drawn.build(
        engine,
        lands=LANDS,
        houses=[
            House("near", (300.0, -10.0)),
            House("too far", (-900.0, -10.0)),
            House("over the river", (0.0, 70.0)),
            House("on no street", (0.0, 700.0)),
        ],
        points=[Stand("s", (0.0, 0.0)), Stand("wet", (0.0, 1500.0), "clinic")],
        ways=river,
    )

    row, wet = await walks(engine, metres=500.0), await walks(engine, "clinic")

    assert addresses(row, "total", "inside", "outside") == [4, 1, 3]
    # too far is another thing than no way at all
    assert addresses(row, "notConnected", "offStreets", "cutOff") == [2, 1, 1]
    assert row["grids"]["nodes"][0]["notConnected"] == {"addresses": 2}
    [worst] = [node["worstWalkS"] for node in row["grids"]["nodes"]]
    assert worst / SECONDS_A_METRE == pytest.approx(910.0, abs=0.01)
    # the other bank is not painted: it would begin 60 m from the station
    bank = shape(row["geometry"])
    assert not bank.covers(shape({"type": "Point", "coordinates": drawn.lonlat([(0, 62)])[0]}))
    # a clinic in the river: nobody gets there, and that is told
    assert addresses(wet, "inside", "notConnected", "offStreets", "cutOff") == [0, 4, 1, 3]
    assert wet["share"] == 0.0
    assert wet["geometry"] is None


async def test_a_facility_in_the_river_has_no_circle(engine: AsyncEngine) -> None:
    await drawn.build(
        engine,
        lands=LANDS,
        houses=[House("h", (0.0, 10.0))],
        points=[Stand("wet", (0.0, 1500.0))],
        ways=(((0.0, 0.0), (100.0, 0.0)),),
    )
    query = """{ facility(key: "wet") { circle { connected remark geometry reachedM
        tally { addresses households } } }
        circleAt(point: {lon: 104, lat: 38}) {
            connected reachedM tally { addresses } geometry }
        walked: circleCoverage(kinds: ["station"]) { facilityCount facilitiesOffStreets }
        flown: circleCoverage(kinds: ["station"], walk: {basis: RADIUS}) { facilitiesOffStreets }
    }"""

    found = await told(engine, query)

    assert found["walked"] == {"facilityCount": 1, "facilitiesOffStreets": 1}
    assert found["flown"] == {"facilitiesOffStreets": 0}
    circle = found["facility"]["circle"]
    assert circle["connected"] is False
    assert "500 m" in circle["remark"]
    assert (circle["geometry"], circle["reachedM"]) == (None, 0.0)
    assert circle["tally"] == {"addresses": 0, "households": 0}
    # a network of one street of 100 m is a network
    assert found["circleAt"]["connected"] is True
    assert found["circleAt"]["reachedM"] == pytest.approx(100.0, abs=0.01)
    assert found["circleAt"]["tally"] == {"addresses": 1}
    assert shape(found["circleAt"]["geometry"]).is_valid


async def test_many_who_ask_at_once_wait_for_one_reading(town: AsyncEngine) -> None:
    seen: list[str] = []
    event.listen(
        town.sync_engine, "before_cursor_execute", lambda *happened: seen.append(happened[2])
    )
    shared = Shared(town)
    query = """query ($metres: Float) { circleCoverage(kinds: ["station"],
        walk: {metres: $metres}) { inside { addresses } geometry } }"""

    found = await asyncio.gather(
        *(told(town, query, {"metres": 150.0 + 100 * n}, shared=shared) for n in range(6))
    )

    counts = [row["circleCoverage"]["inside"]["addresses"] for row in found]
    # 100, 200 … 600 m along, and 10 m to the door; the street begins 500 m west of s1
    assert counts == [6, 10, 14, 18, 10 + 11, 11 + 13]
    assert sum("FROM address_place" in one for one in seen) == 1
