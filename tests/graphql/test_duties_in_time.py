"""Boundaries and duties of one day: whatever is asked, never those of two."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import insert, text, update

from storage.keys import Role
from storage.models import Edition, EditionLevel, Unit
from tests.graphql import duty_world, next_edition, world
from tests.graphql.asking import TODAY, ask, told
from tests.graphql.duty_world import CARRIED, EARLY, MOVED, Carried
from tests.graphql.next_edition import BESIDE, COME, DAY, GONE, N1
from tests.graphql.world import DAYS, G12, G31, HOMES, UNITS, Box, lonlat

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncEngine

    from tests.databases import Databases

pytestmark = [pytest.mark.anyio, pytest.mark.reads]

A_DAY = dt.timedelta(days=1)
HOLDER = "grid_holder"

ADDED = (
    Carried(HOLDER, "ren", ("grid", G12), MOVED, DAY),
    Carried(HOLDER, "chen", ("grid", N1), DAY),
)
"""ren leaves G12 on the day on which it goes, and chen moves from G31 to the half that is N1."""

EVER = (
    tuple(
        one._replace(until=DAY) if (one.body, one.duty) == ("chen", HOLDER) else one
        for one in CARRIED
    )
    + ADDED
)

OF_DAYS = {
    DAYS[1]: 1,
    EARLY - A_DAY: 1,
    EARLY: 1,
    DAYS[2] - A_DAY: 1,
    DAYS[2]: 2,
    DAY - A_DAY: 2,
    DAY: 3,
    TODAY: 3,
    dt.date(9999, 12, 31): 3,
}
"""The edition of each day."""

SPOT = (2.25, 0.75)
"""In G31, and then in N1."""


async def build(engine: AsyncEngine) -> None:
    """Draw the town with three editions and its duties, moved with the boundaries."""
    await world.build(engine, homes=(*HOMES, BESIDE))
    await duty_world.build(engine)
    moved = text("UPDATE assignment SET until = :day WHERE body = 'chen' AND duty = :duty")
    await world.run(engine, moved.bindparams(day=DAY, duty=HOLDER))
    await duty_world.put(engine, *ADDED)
    await next_edition.publish(engine)


@pytest.fixture(scope="session")
def moved_template(databases: Databases) -> str:
    """Draw all that once."""
    return databases.built("drawn_duties_in_time", build)


@pytest.fixture
def town(moved_template: str, engine: AsyncEngine) -> AsyncEngine:
    """Give the town with three editions and its duties, moved with the boundaries."""
    del moved_template  # it is copied
    return engine


def standing(number: int) -> dict[str, Box]:
    """Return the grids of an edition, read off the drawing."""
    first = {u.code: u.box for u in UNITS if u.level == "grid" and u.first == 1}
    second = {u.code: u.box for u in UNITS if u.level == "grid" and u.last is None}
    if number < 3:
        return first if number == 1 else second
    kept = {code: box for code, box in second.items() if code not in GONE}
    return kept | {code: box for code, _, _, box in COME}


def holders(day: dt.date, duty: str = HOLDER) -> dict[str, list[str]]:
    """Return who carries a duty, by unit, one assignment after the other."""
    found: dict[str, list[str]] = {}
    for one in EVER:
        if one.duty == duty and one.since <= day and (one.until is None or day < one.until):
            found.setdefault(one.unit[1], []).append(one.body)
    return found


ASKED = """query ($day: Date) {
    dutyCoverage(duty: "grid_holder", asOf: $day) { asOf total covered bodyCount
        missing { nodes { code id } totalCount }
        byParent { nodes { total covered } } }
    bodies(duty: "grid_holder", asOf: $day) { nodes { key
        assignments { nodes { duty { key } unit { code id } } } } totalCount }
    crossAppointment(duties: ["grid_holder", "volunteer"], asOf: $day) { total dual }
    units(level: "grid", asOf: $day) { nodes { code id
        assignments(duty: "grid_holder") { nodes { body { key } unit { id } since until } } }
        featureCollection(duty: "grid_holder") }
    placeAt(point: {lon: %s, lat: %s}, asOf: $day) {
        ladder(duty: "grid_holder") { for { code id } holders { body { key } unit { id } } } }
}""" % lonlat(*SPOT)  # noqa: UP031 - braces are the query's own


@pytest.mark.parametrize("day", OF_DAYS, ids=str)
@pytest.mark.writes
async def test_boundaries_and_duties_are_those_of_one_day(town: AsyncEngine, day: dt.date) -> None:
    key = await world.make_key(town, Role.EDITOR)
    found = await told(town, ASKED, {"day": str(day)}, key=key)

    grids, held = standing(OF_DAYS[day]), holders(day)
    missing = sorted(set(grids) - set(held))
    coverage = found["dutyCoverage"]
    assert coverage["asOf"] == str(day)
    assert (coverage["total"], coverage["covered"]) == (len(grids), len(grids) - len(missing))
    assert [unit["code"] for unit in coverage["missing"]["nodes"]] == missing
    assert coverage["bodyCount"] == len({b for some in held.values() for b in some})
    assert sum(one["covered"] for one in coverage["byParent"]["nodes"]) == coverage["covered"]
    assert [one["key"] for one in found["bodies"]["nodes"]] == sorted(
        {body for some in held.values() for body in some}
    )
    assert found["crossAppointment"] == {"total": len(held), "dual": 0}
    assert {u["code"]: _bodies(u["assignments"]["nodes"]) for u in found["units"]["nodes"]} == {
        code: held.get(code, []) for code in grids
    }
    [here] = [c for c, (w, s, e, n) in grids.items() if w < SPOT[0] < e and s < SPOT[1] < n]
    rung = found["placeAt"]["ladder"][0]
    assert (rung["for"]["code"], _bodies(rung["holders"])) == (here, held.get(here, []))


def _bodies(assignments: Sequence[dict[str, Any]]) -> list[str]:
    return [one["body"]["key"] for one in assignments]


@pytest.mark.parametrize("day", OF_DAYS, ids=str)
@pytest.mark.writes
async def test_every_unit_of_an_answer_is_of_one_edition(town: AsyncEngine, day: dt.date) -> None:
    key = await world.make_key(town, Role.EDITOR)
    found = await told(town, ASKED, {"day": str(day)}, key=key)

    drawn = {unit["code"]: unit["id"] for unit in found["units"]["nodes"]}
    for unit in found["units"]["nodes"]:
        assert all(one["unit"]["id"] == unit["id"] for one in unit["assignments"]["nodes"])
    for unit in found["dutyCoverage"]["missing"]["nodes"]:
        assert unit["id"] == drawn[unit["code"]]
    carried = [
        one["unit"]
        for body in found["bodies"]["nodes"]
        for one in body["assignments"]["nodes"]
        if one["duty"]["key"] == HOLDER
    ]
    assert [unit["id"] for unit in carried] == [drawn[unit["code"]] for unit in carried]
    rung = found["placeAt"]["ladder"][0]
    assert rung["for"]["id"] == drawn[rung["for"]["code"]]
    assert all(one["unit"]["id"] == rung["for"]["id"] for one in rung["holders"])
    features = found["units"]["featureCollection"]["features"]
    names = {one.key: one.name for one in duty_world.BODIES}
    assert {f["properties"]["code"]: f["properties"]["holders"] for f in features} == {
        code: [names[body] for body in holders(day).get(code, [])] for code in drawn
    }


@pytest.mark.writes
async def test_without_a_day_it_is_today(town: AsyncEngine) -> None:
    key = await world.make_key(town, Role.EDITOR)
    for today in (DAYS[2] - A_DAY, DAY - A_DAY, DAY):
        assert await told(town, ASKED, today=today, key=key) == await told(
            town, ASKED, {"day": str(today)}, key=key
        )


@pytest.mark.writes
async def test_before_the_first_edition_nothing_can_be_said_of_ground(town: AsyncEngine) -> None:
    day = str(DAYS[1] - A_DAY)
    query = """query ($day: Date) { dutyCoverage(duty: "grid_holder", asOf: $day) { total }
        crossAppointment(duties: ["grid_holder", "volunteer"], asOf: $day) { total } }"""

    answer = await ask(town, query, {"day": day})

    assert answer.data == {"dutyCoverage": None, "crossAppointment": None}
    assert answer.codes() == ["NO_EDITION", "NO_EDITION"]


@pytest.mark.writes
async def test_the_two_sides_of_a_change_answer_on_their_own_days(town: AsyncEngine) -> None:
    query = """{ edition(number: 3) { changes { items { nodes { code
        before { code assignments(duty: "grid_holder") { nodes { body { key } } } }
        after { code assignments(duty: "grid_holder") { nodes { body { key } } } } } } } } }"""

    found = (await told(town, query))["edition"]["changes"]["items"]["nodes"]

    def side(name: str) -> dict[str, list[str]]:
        return {
            one[name]["code"]: _bodies(one[name]["assignments"]["nodes"])
            for one in found
            if one[name] is not None
        }

    before, after = holders(DAYS[2]), holders(TODAY)
    assert side("before") == {code: before.get(code, []) for code in GONE}
    assert side("after") == {code: after.get(code, []) for code, *_ in COME}


@pytest.mark.writes
async def test_a_nearer_day_decides_of_assignments_alone(town: AsyncEngine) -> None:
    query = f"""{{ unit(level: "grid", code: "{G31}", asOf: "{DAY - A_DAY}") {{
        then: assignments {{ nodes {{ body {{ key }} }} }}
        now: assignments(duty: "{HOLDER}", asOf: "{DAY}") {{ nodes {{ body {{ key }} }} }}
        ever: assignments(duty: "{HOLDER}", asOf: "{DAY}", history: true)
            {{ nodes {{ body {{ key }} unit {{ code }} }} }} }} }}"""

    found = (await told(town, query))["unit"]

    assert _bodies(found["then"]["nodes"]) == ["chen"]
    assert found["now"]["nodes"] == []
    # it stands no more on the day that is asked about
    assert found["ever"]["nodes"] == [{"body": {"key": "chen"}, "unit": None}]


@pytest.mark.writes
async def test_a_correction_of_the_same_day_is_the_only_truth_of_that_day(
    town: AsyncEngine,
) -> None:
    await _take_back(town)
    query = """query ($day: Date) { units(level: "grid", asOf: $day) { nodes { code
            assignments(duty: "grid_holder") { nodes { body { key } } } } }
        dutyCoverage(duty: "grid_holder", asOf: $day) { total covered
            missing { nodes { code } } } }"""

    for day in (DAY - A_DAY, DAY, TODAY):
        found = await told(town, query, {"day": str(day)})

        grids, held = standing(2), holders(day)  # the ground as it was, the duties of the day
        assert {u["code"]: _bodies(u["assignments"]["nodes"]) for u in found["units"]["nodes"]} == {
            code: held.get(code, []) for code in grids
        }
        missing = sorted(code for code in grids if code not in held)
        assert [u["code"] for u in found["dutyCoverage"]["missing"]["nodes"]] == missing


@pytest.mark.writes
async def test_what_a_correction_brings_back_was_never_left_behind(town: AsyncEngine) -> None:
    key = await world.make_key(town, Role.EDITOR)
    query = """{ third: edition(number: 3) { changes { orphanedAssignments { nodes {
            body { key } } } } } }"""
    await duty_world.put(town, Carried("volunteer", "ren", ("grid", G12), MOVED))
    before = await told(town, query, key=key)

    await _take_back(town)
    after = await told(town, query, key=key)

    assert _bodies(before["third"]["changes"]["orphanedAssignments"]["nodes"]) == ["ren", "yan"]
    assert after["third"]["changes"]["orphanedAssignments"]["nodes"] == []


async def _take_back(engine: AsyncEngine) -> None:
    """Publish edition 4, which corrects the third to what the second was."""
    rows = text(
        "INSERT INTO unit (level, code, name, parent_code, geom, chain, area_m2, search_text,"
        " since_edition, drawn_edition, first_edition)"
        " SELECT level, code, name, parent_code, geom, chain, area_m2, search_text, 4, 4, 4"
        " FROM unit WHERE level = 'grid' AND last_edition = 2"
    )
    async with engine.begin() as connection:
        values = {"number": 4, "effective_on": DAY, "published_by": "town hall", "note": ""}
        await connection.execute(insert(Edition).values(values | {"correction": True}))
        await connection.execute(insert(EditionLevel).values(number=4, level="grid"))
        third = update(Unit).where(Unit.first_edition == 3, Unit.last_edition.is_(None))
        await connection.execute(third.values(last_edition=3))
        await connection.execute(rows)
