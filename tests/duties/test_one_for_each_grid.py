"""46 grids with exactly one holder each, and what happens when one gets a second, or none.

Nine communities with five grids each, but for the first, which has six. Every community has a
liaison.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from sqlalchemy import insert, make_url, select, update
from sqlalchemy.exc import IntegrityError

from storage.duty_models import Assignment
from storage.keys import Role
from tests.circles.drawn import asked
from tests.duties import city as cities
from tests.duties.city import SUMMER, Held
from tests.graphql.asking import TODAY, ask, told
from tests.graphql.world import make_key, run

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

CITY = cities.city(compounds=[1] * 9, grids=[6, *[5] * 8])
GRIDS, COMMUNITIES = CITY.codes("grid"), CITY.codes("community")
EMPTY = GRIDS[17]
"""The grid that gets a second holder, or none."""
HOLDER = f"holder of {EMPTY}"
SPARE = "spare"

COVERAGE = """
query ($day: Date, $within: UnitRef) {
  dutyCoverage(duty: "grid_holder", within: $within, asOf: $day) {
    total covered share bodyCount
    missing { totalCount nodes { code } }
    excess { totalCount nodes { code } }
  }
}
"""
LADDER = """
query ($at: PointInput!, $duty: String, $history: Boolean!, $day: Date) {
  placeAt(point: $at, asOf: $day) {
    ladder(duty: $duty, history: $history) {
      unit { level { key } code }
      holders { duty { key } body { key name } since until }
    }
  }
}
"""
ASSIGN = """
mutation ($body: String!, $code: String!, $since: Date, $until: Date) {
  assign(
    duty: "grid_holder", body: $body, unit: {level: "grid", code: $code}
    since: $since, until: $until
  ) { id body { key } unit { code } since until }
}
"""
END = """
mutation ($id: ID!, $on: Date) { endAssignment(id: $id, on: $on) { id since until } }
"""
HOLDERS = """
query ($code: String!, $history: Boolean!) {
  unit(level: "grid", code: $code) {
    assignments(duty: "grid_holder", history: $history) { nodes { id body { key } since until } }
  }
}
"""


async def draw(engine: AsyncEngine) -> None:
    held = [Held("grid_holder", f"holder of {code}", "grid", code) for code in GRIDS]
    held += [
        Held("community_liaison", f"liaison of {code}", "community", code) for code in COMMUNITIES
    ]
    # somebody who answers for nothing any more
    held.append(Held("community_liaison", SPARE, "community", COMMUNITIES[0], until=held[0].since))
    await cities.build(engine, CITY, held)


async def coverage(engine: AsyncEngine, day: dt.date = TODAY) -> Any:  # noqa: ANN401 - JSON
    return (await told(engine, COVERAGE, {"day": str(day)}))["dutyCoverage"]


async def ladder(
    engine: AsyncEngine,
    duty: str | None = None,
    *,
    code: str = EMPTY,
    history: bool = False,
    day: dt.date = TODAY,
) -> list[tuple[str, str, list[str]]]:
    """Return level, unit and holders of each rung in the middle of a grid."""
    at = asked(CITY.middle(code))
    variables = {"at": at, "duty": duty, "history": history, "day": str(day)}
    rungs = (await told(engine, LADDER, variables))["placeAt"]["ladder"]
    return [
        (
            rung["unit"]["level"]["key"],
            rung["unit"]["code"],
            [holder["body"]["key"] for holder in rung["holders"]],
        )
        for rung in rungs
    ]


async def holder_id(engine: AsyncEngine) -> str:
    """Return the id of the assignment of the grid's holder."""
    data = await told(engine, HOLDERS, {"code": EMPTY, "history": False})
    [one] = data["unit"]["assignments"]["nodes"]
    assert one["body"]["key"] == HOLDER
    return str(one["id"])


@pytest.mark.anyio
async def test_46_grids_have_exactly_one_holder_each(city: AsyncEngine) -> None:
    found = await coverage(city)

    assert (found["covered"], found["total"], found["share"]) == (46, 46, 1.0)
    assert found["bodyCount"] == 46
    assert found["missing"]["totalCount"] == found["excess"]["totalCount"] == 0


@pytest.mark.anyio
async def test_every_grid_names_its_holder_on_the_first_rung(city: AsyncEngine) -> None:
    for code in (GRIDS[0], EMPTY, GRIDS[-1]):
        above = CITY.parent(code)

        rungs = await ladder(city, code=code)

        assert rungs[:2] == [
            ("grid", code, [f"holder of {code}"]),
            ("community", above, [f"liaison of {above}"]),
        ]
        assert len(rungs) == 4, "grid, community, subdistrict, district"


@pytest.mark.anyio
async def test_a_second_holder_is_refused_with_the_name_of_the_first(
    changing: AsyncEngine,
) -> None:
    key = await make_key(changing, Role.ADMIN)

    answer = await ask(changing, ASSIGN, {"body": SPARE, "code": EMPTY}, key=key)

    assert answer.codes() == ["CONFLICT"]
    [error] = answer.errors
    assert EMPTY in error["message"]
    assert HOLDER in error["message"]
    assert (await coverage(changing))["covered"] == 46
    assert (await ladder(changing))[0] == ("grid", EMPTY, [HOLDER])


@pytest.mark.anyio
async def test_a_holder_may_not_take_a_second_grid(changing: AsyncEngine) -> None:
    key = await make_key(changing, Role.ADMIN)
    freed = await holder_id(changing)
    assert not (await ask(changing, END, {"id": freed, "on": str(SUMMER)}, key=key)).errors

    variables = {"body": f"holder of {GRIDS[0]}", "code": EMPTY, "since": str(SUMMER)}
    answer = await ask(changing, ASSIGN, variables, key=key)

    assert answer.codes() == ["CONFLICT"]
    assert GRIDS[0] in answer.errors[0]["message"]
    assert (await coverage(changing))["missing"]["nodes"] == [{"code": EMPTY}]


def test_the_database_itself_refuses_a_second_holder_whoever_writes(changing_url: str) -> None:
    url = make_url(changing_url).set(drivername="postgresql")
    with psycopg.connect(url.render_as_string(hide_password=False), autocommit=True) as connection:

        def write(since: str, until: str | None) -> None:
            connection.execute(
                "INSERT INTO assignment (duty, body, level, code, since, until, created_by)"
                " VALUES ('grid_holder', %s, 'grid', %s, %s, %s, 'somebody')",
                (SPARE, EMPTY, since, until),
            )

        for since, until in (("2026-07-01", None), ("2019-01-01", "2020-01-02")):
            with pytest.raises(psycopg.errors.ExclusionViolation, match="assignment_one_holder"):
                write(since, until)
        write("2019-01-01", "2020-01-01")  # until the day on which the other one began

        with pytest.raises(psycopg.errors.ExclusionViolation):
            connection.execute(
                "UPDATE assignment SET until = '2020-01-02'"
                " WHERE body = %s AND duty = 'grid_holder'",
                (SPARE,),
            )


@pytest.mark.anyio
async def test_no_flag_that_somebody_writes_lets_a_second_holder_in(changing: AsyncEngine) -> None:
    row = Held("grid_holder", SPARE, "grid", EMPTY)._asdict()
    values = {**row, "created_by": "somebody", "exclusive": False, "single": False}
    moved = update(Assignment).where(Assignment.code == GRIDS[18])  # the neighbour's holder
    for statement in (
        insert(Assignment).values(values),
        moved.values(code=EMPTY, exclusive=False, single=False),
    ):
        with pytest.raises(IntegrityError, match="assignment_one_holder"):
            await run(changing, statement)

    async with changing.connect() as connection:
        flags = select(Assignment.exclusive).where(Assignment.duty == "grid_holder")
        assert set((await connection.scalars(flags)).all()) == {True}


@pytest.mark.anyio
async def test_a_grid_without_a_holder_is_named_and_its_community_answers(
    changing: AsyncEngine,
) -> None:
    key = await make_key(changing, Role.ADMIN)
    community = CITY.parent(EMPTY)
    ended = await told(changing, END, {"id": await holder_id(changing), "on": str(SUMMER)}, key=key)
    assert ended["endAssignment"]["until"] == str(SUMMER)

    found = await coverage(changing, SUMMER)
    assert (found["covered"], found["total"], found["bodyCount"]) == (45, 46, 45)
    assert found["share"] == pytest.approx(45 / 46)
    assert found["missing"] == {"totalCount": 1, "nodes": [{"code": EMPTY}]}

    liaison = ("community", community, [f"liaison of {community}"])
    assert (await ladder(changing, day=SUMMER))[:2] == [liaison, liaison]
    before = SUMMER - dt.timedelta(days=1)
    assert (await ladder(changing, day=before))[0] == ("grid", EMPTY, [HOLDER])
    assert (await coverage(changing, before))["covered"] == 46
    first, *_ = await ladder(changing, day=SUMMER, history=True, duty="grid_holder")
    assert first == ("grid", EMPTY, [HOLDER]), "history tells who it was"


@pytest.mark.anyio
async def test_the_grid_passes_from_one_holder_to_the_next_without_a_day_between(
    changing: AsyncEngine,
) -> None:
    key = await make_key(changing, Role.ADMIN)
    await told(changing, END, {"id": await holder_id(changing), "on": str(SUMMER)}, key=key)
    new = {"body": SPARE, "code": EMPTY, "since": str(SUMMER)}
    made = (await told(changing, ASSIGN, new, key=key))["assign"]
    assert (made["body"]["key"], made["unit"]["code"], made["until"]) == (SPARE, EMPTY, None)

    data = await told(changing, HOLDERS, {"code": EMPTY, "history": True})
    nodes = data["unit"]["assignments"]["nodes"]
    held = {(one["body"]["key"], one["since"], one["until"]) for one in nodes}
    assert held == {
        (HOLDER, str(cities.LONG_AGO), str(SUMMER)),
        (SPARE, str(SUMMER), None),
    }
    for day in (SUMMER - dt.timedelta(days=1), SUMMER, TODAY):
        found = await coverage(changing, day)
        assert (found["covered"], found["excess"]["totalCount"]) == (46, 0)
