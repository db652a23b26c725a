"""Giving duties and taking them back over GraphQL: days, refusals, and many at once."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import OperationalError

from schema.ids import IdKind, encode
from storage import assigning, editions
from storage.duty_models import Assignment, Duty
from storage.duty_sight import EVERYTHING
from storage.keys import Role
from storage.models import Unit
from tests.graphql import duty_world, world
from tests.graphql.asking import TODAY, Answer, ask, told
from tests.graphql.duty_world import CARRIED, EARLY, MOVED
from tests.graphql.world import C1, C3, G11, G12, G21, G22, G31, G32, P1, P2, D

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

    from storage.assigning import NewAssignment
    from storage.assignments import AssignmentRow

pytestmark = pytest.mark.anyio

ASSIGN = """mutation ($duty: String! = "grid_holder", $body: String! = "wu", $unit: UnitRef!,
    $since: Date, $until: Date, $post: String) {
  assign(duty: $duty, body: $body, unit: $unit, since: $since, until: $until, post: $post) {
    id duty { key } body { key name } unit { level { key } code } since until post } }"""

END = "mutation ($id: ID!, $on: Date) { endAssignment(id: $id, on: $on) { id since until } }"

NUMBERS = {(one.duty, one.body, one.unit): n for n, one in enumerate(CARRIED, start=1)}
AN_HOLDS_G11 = NUMBERS["grid_holder", "an", ("grid", G11)]
BO_HELD_G12 = NUMBERS["grid_holder", "bo", ("grid", G12)]
NEXT = len(CARRIED) + 1


@pytest.fixture
async def key(posted: AsyncEngine) -> str:
    """Give an editor's key for everywhere, in the town with its duties."""
    return await world.make_key(posted, Role.EDITOR)


async def assign(
    engine: AsyncEngine, by: str, level: str, code: str, /, **said: str | None
) -> Answer:
    return await ask(engine, ASSIGN, {"unit": {"level": level, "code": code}, **said}, key=by)


async def end(engine: AsyncEngine, by: str, number: int, on: str | None = None) -> Answer:
    return await ask(engine, END, {"id": encode(IdKind.ASSIGNMENT, number), "on": on}, key=by)


async def days(engine: AsyncEngine, duty: str, code: str) -> list[tuple[Any, ...]]:
    """Return who carries a duty on a unit, and when."""
    query = (
        select(Assignment.body, Assignment.since, Assignment.until)
        .where(Assignment.duty == duty, Assignment.code == code)
        .order_by(Assignment.since, Assignment.id)
    )
    async with engine.connect() as connection:
        return [tuple(row) for row in await connection.execute(query)]


async def whole(engine: AsyncEngine) -> list[tuple[Any, ...]]:
    async with engine.connect() as connection:
        table = Assignment.__table__
        return [tuple(row) for row in await connection.execute(select(table).order_by(table.c.id))]


# -- giving ----------------------------------------------------------------------------------


async def test_what_is_assigned_holds_from_today_in_the_name_of_the_key(
    town: AsyncEngine, key: str
) -> None:
    answer = await assign(town, key, "grid", G22)

    assert answer.errors == []
    assert answer.data["assign"] == {
        "id": encode(IdKind.ASSIGNMENT, NEXT),
        "duty": {"key": "grid_holder"},
        "body": {"key": "wu", "name": "吴五"},
        "unit": {"level": {"key": "grid"}, "code": G22},
        "since": "2026-11-22",
        "until": None,
        "post": None,
    }
    stored = (await whole(town))[-1]
    assert "tester" in stored


async def test_the_same_again_is_the_same_assignment_and_changes_nothing(
    town: AsyncEngine, key: str
) -> None:
    said = {"body": "ren", "post": "mediator", "since": "2026-02-01", "until": "2026-09-01"}
    first = await assign(town, key, "grid", G22, duty="volunteer", **said)
    before = await whole(town)
    again = await assign(town, key, "grid", G22, duty="volunteer", **said)

    assert first.errors == []
    assert again == first
    assert await whole(town) == before


async def test_who_holds_already_goes_on_when_no_first_day_is_named(
    town: AsyncEngine, key: str
) -> None:
    answer = await assign(town, key, "grid", G11, body="an")

    assert answer.data["assign"]["id"] == encode(IdKind.ASSIGNMENT, AN_HOLDS_G11)
    assert answer.data["assign"]["since"] == EARLY.isoformat()


async def test_a_second_holder_is_refused_and_told_who_holds_and_since_when(
    town: AsyncEngine, key: str
) -> None:
    before = await whole(town)
    answer = await assign(town, key, "grid", G11)

    [error] = answer.errors
    assert error["extensions"]["code"] == "CONFLICT"
    assert error["extensions"]["argument"] == "unit"
    for word in (G11, "grid_holder", "'an'", "安小平", "from 2025-03-01 on", "end that first"):
        assert word in error["message"]
    assert answer.data == {"assign": None}
    assert await whole(town) == before


async def test_the_next_holder_begins_on_the_day_when_the_last_one_ends(
    town: AsyncEngine, key: str
) -> None:
    ended = await end(town, key, AN_HOLDS_G11, "2026-12-01")
    too_early = await assign(town, key, "grid", G11, since="2026-11-30")
    in_time = await assign(town, key, "grid", G11, since="2026-12-01")

    assert ended.errors == in_time.errors == []
    assert too_early.codes() == ["CONFLICT"]
    assert await days(town, "grid_holder", G11) == [
        ("an", EARLY, dt.date(2026, 12, 1)),
        ("wu", dt.date(2026, 12, 1), None),
    ]


async def test_a_body_that_may_hold_one_unit_is_refused_a_second(
    town: AsyncEngine, key: str
) -> None:
    elsewhere = await assign(town, key, "grid", G22, body="an")
    before = await assign(town, key, "grid", G22, body="an", since="2025-01-02", until="2025-03-01")
    several = await assign(town, key, "community", C3, duty="community_liaison", body="dai")

    [error] = elsewhere.errors
    assert error["extensions"]["code"] == "CONFLICT"
    assert error["extensions"]["argument"] == "body"
    assert f"grid {G11}" in error["message"]
    assert before.errors == [], "on days before it held the other one"
    assert several.errors == [], "a liaison may have several communities"


async def test_the_same_on_days_that_it_holds_already_is_refused(
    town: AsyncEngine, key: str
) -> None:
    said = {"duty": "party_branch", "body": "east"}
    answer = await assign(town, key, "compound", P1, since="2026-06-01", **said)

    [error] = answer.errors
    assert error["extensions"]["code"] == "CONFLICT"
    assert "already" in error["message"]


async def test_one_body_may_have_two_posts_of_a_duty_on_a_unit(town: AsyncEngine, key: str) -> None:
    said = {"duty": "station_head", "body": "dai"}
    by_day = await assign(town, key, "community", C3, post="by day", **said)
    by_night = await assign(town, key, "community", C3, post=" by night ", **said)

    assert by_day.errors == by_night.errors == []
    assert by_night.data["assign"]["post"] == "by night"


async def test_what_was_a_mistake_stands_in_nobodys_way(town: AsyncEngine, key: str) -> None:
    await end(town, key, AN_HOLDS_G11, EARLY.isoformat())
    answer = await assign(town, key, "grid", G11, since=EARLY.isoformat())
    again = await assign(town, key, "grid", G22, body="an", since=EARLY.isoformat())

    assert answer.errors == again.errors == []


REFUSED: list[tuple[dict[str, Any], tuple[str, str], str, str, str]] = [
    ({"duty": "grid_keeper"}, ("grid", G22), "UNKNOWN", "duty", "grid_holder"),
    ({"duty": " "}, ("grid", G22), "BAD_INPUT", "duty", "blank"),
    ({"body": "nobody"}, ("grid", G22), "UNKNOWN", "body", "'nobody'"),
    ({"body": "w\0u"}, ("grid", G22), "BAD_INPUT", "body", "character"),
    ({}, ("grid", "1"), "UNKNOWN", "unit", "'1'"),
    ({}, ("grid", "\0"), "BAD_INPUT", "unit", "character"),
    ({}, ("block", G22), "UNKNOWN", "unit", "'block'"),
    ({}, ("community", C3), "BAD_INPUT", "unit", "not carried on a community"),
    ({"duty": "volunteer", "post": "mayor"}, ("grid", G22), "BAD_INPUT", "post", "mediator"),
    ({"post": "a\x01b"}, ("grid", G22), "BAD_INPUT", "post", "control"),
    ({"until": "2026-11-22"}, ("grid", G22), "BAD_INPUT", "until", "not after"),
    ({"since": "1899-12-31"}, ("grid", G22), "BAD_INPUT", "since", "1900-01-01"),
    ({"since": "2127-01-01"}, ("grid", G22), "BAD_INPUT", "since", "100 years"),
]


@pytest.mark.parametrize(("said", "unit", "code", "argument", "word"), REFUSED)
async def test_what_cannot_be_meant_is_refused_by_name_and_nothing_is_written(
    town: AsyncEngine,
    key: str,
    said: dict[str, Any],
    unit: tuple[str, str],
    code: str,
    argument: str,
    word: str,
) -> None:
    before = await whole(town)
    answer = await assign(town, key, *unit, **said)

    [error] = answer.errors
    assert error["extensions"]["code"] == code
    assert error["extensions"]["argument"] == argument
    assert word in error["message"]
    assert await whole(town) == before


async def test_a_change_is_seen_by_the_fields_after_it_in_the_same_request(
    town: AsyncEngine, key: str
) -> None:
    query = """mutation ($unit: UnitRef!) {
      first: assign(duty: "grid_holder", body: "wu", unit: $unit) { body { name } }
      second: assign(duty: "grid_holder", body: "xu", unit: $unit) { id } }"""
    answer = await ask(town, query, {"unit": {"level": "grid", "code": G22}}, key=key)

    assert answer.data["first"] == {"body": {"name": "吴五"}}
    assert answer.data["second"] is None
    assert "'wu'" in answer.errors[0]["message"]


# -- when the unit stands --------------------------------------------------------------------

GONE, COMING = "999000001001008", "999000001001009"


async def redraw(engine: AsyncEngine) -> None:
    """Let a grid have stood in edition 1 only, and another come with one of 2027."""
    box = world.polygon((0, 0, 0.1, 0.1))
    await world.add_unit(engine, "grid", GONE, box, parent=C1)
    ended = update(Unit).where(Unit.code == GONE).values(last_edition=1)
    await world.run(engine, ended)
    async with engine.begin() as connection:
        number = await editions.open_edition(
            connection,
            effective_on=dt.date(2027, 1, 1),
            today=TODAY,
            published_by="tester",
            levels=["grid"],
        )
    await world.add_unit(engine, "grid", COMING, box, parent=C1, first=number)


@pytest.mark.parametrize(
    ("code", "since", "until", "fine"),
    [
        (GONE, None, None, False),  # stands no more
        (GONE, "2025-02-01", None, False),  # would be left on a unit that is gone
        (GONE, "2025-02-01", "2025-06-01", True),  # was over when it went
        (GONE, "2025-02-01", "2026-03-01", True),  # was left over for some weeks
        (GONE, "2026-02-01", "2026-03-01", False),  # began when it was gone
        (COMING, None, None, False),  # does not stand yet
        (COMING, "2027-01-01", None, True),
        (COMING, "2026-12-31", None, False),
        (G22, "2020-01-01", None, True),  # editions begin later than duties
        (G22, "2010-01-01", "2015-01-01", True),
    ],
)
async def test_a_unit_must_stand_when_something_is_to_be_carried_on_it(
    town: AsyncEngine, key: str, code: str, since: str | None, until: str | None, fine: bool
) -> None:
    await redraw(town)
    said = {"duty": "volunteer", "body": "ren"}
    answer = await assign(town, key, "grid", code, since=since, until=until, **said)
    assert answer.codes() == ([] if fine else ["UNKNOWN"])


async def test_before_anything_is_published_nothing_can_be_carried(engine: AsyncEngine) -> None:
    await duty_world.put_bodies(engine, duty_world.Someone("wu", "吴五"))
    editor = await world.make_key(engine, Role.EDITOR)
    answer = await assign(engine, editor, "grid", G22)
    assert answer.codes() == ["NO_EDITION"]


# -- taking back -----------------------------------------------------------------------------


async def test_an_assignment_ends_today_and_stays_on_record(town: AsyncEngine, key: str) -> None:
    answer = await end(town, key, AN_HOLDS_G11)
    query = f"""{{ unit(level: "grid", code: "{G11}") {{
      now: assignments(duty: "grid_holder") {{ totalCount }}
      ever: assignments(duty: "grid_holder", history: true) {{ nodes {{ until }} }} }} }}"""
    found = await told(town, query)

    assert answer.data["endAssignment"]["until"] == "2026-11-22"
    assert found["unit"] == {"now": {"totalCount": 0}, "ever": {"nodes": [{"until": "2026-11-22"}]}}
    async with town.connect() as connection:
        ended = select(Assignment.ended_by, Assignment.ended_at.is_not(None))
        row = (await connection.execute(ended.where(Assignment.id == AN_HOLDS_G11))).one()
    assert tuple(row) == ("tester", True)


async def test_to_end_again_on_the_same_day_changes_nothing(town: AsyncEngine, key: str) -> None:
    first = await end(town, key, AN_HOLDS_G11, "2026-12-01")
    before = await whole(town)
    again = await end(town, key, AN_HOLDS_G11, "2026-12-01")

    assert again == first
    assert await whole(town) == before


async def test_an_end_can_come_earlier_but_not_later(town: AsyncEngine, key: str) -> None:
    await end(town, key, AN_HOLDS_G11, "2026-12-01")
    later = await end(town, key, AN_HOLDS_G11, "2026-12-02")
    earlier = await end(town, key, AN_HOLDS_G11, "2026-11-01")

    [error] = later.errors
    assert error["extensions"]["code"] == "BAD_INPUT"
    assert error["extensions"]["argument"] == "on"
    assert "2026-12-01" in error["message"]
    assert earlier.data["endAssignment"]["until"] == "2026-11-01"


async def test_what_ends_before_it_begins_is_refused_and_on_its_first_day_never_held(
    town: AsyncEngine, key: str
) -> None:
    before = await end(town, key, AN_HOLDS_G11, "2025-02-28")
    never = await end(town, key, AN_HOLDS_G11, EARLY.isoformat())
    ever = f"""{{ unit(level: "grid", code: "{G11}") {{
      assignments(duty: "grid_holder", history: true) {{ totalCount }} }} }}"""

    assert before.codes() == ["BAD_INPUT"]
    assert never.data["endAssignment"] == {
        "id": encode(IdKind.ASSIGNMENT, AN_HOLDS_G11),
        "since": EARLY.isoformat(),
        "until": EARLY.isoformat(),
    }
    assert (await told(town, ever))["unit"]["assignments"]["totalCount"] == 0


async def test_what_is_over_cannot_be_ended_today(town: AsyncEngine, key: str) -> None:
    answer = await end(town, key, BO_HELD_G12)
    [error] = answer.errors
    assert error["extensions"]["code"] == "BAD_INPUT"
    assert MOVED.isoformat() in error["message"]


async def test_an_id_of_nothing_or_of_something_else_is_refused(
    town: AsyncEngine, key: str
) -> None:
    nothing = await end(town, key, 999)
    other = await ask(town, END, {"id": encode(IdKind.BODY, 1)}, key=key)

    assert nothing.codes() == ["UNKNOWN"]
    assert other.codes() == ["BAD_INPUT"]


# -- many at once ----------------------------------------------------------------------------


async def test_of_many_who_want_one_grid_at_once_one_gets_it(town: AsyncEngine, key: str) -> None:
    bodies = ["wu", "xu", "yan", "dai", "ren", "qi"]
    answers = await asyncio.gather(*(assign(town, key, "grid", G22, body=one) for one in bodies))

    won = [answer for answer in answers if not answer.errors]
    lost = [answer for answer in answers if answer.errors]
    assert len(won) == 1
    [winner] = [answer.data["assign"]["body"]["key"] for answer in won]
    assert all(answer.codes() == ["CONFLICT"] for answer in lost)
    assert all(repr(winner) in answer.errors[0]["message"] for answer in lost)
    assert [body for body, *_ in await days(town, "grid_holder", G22)] == [winner]


async def test_a_body_that_is_wanted_on_many_grids_at_once_gets_one(
    town: AsyncEngine, key: str
) -> None:
    await end(town, key, AN_HOLDS_G11)
    grids = [G11, G12, G22, G32]
    answers = await asyncio.gather(*(assign(town, key, "grid", code) for code in grids))

    assert sorted(len(answer.errors) for answer in answers) == [0, 1, 1, 1]


async def test_the_table_itself_refuses_two_holders_whoever_writes(
    town: AsyncEngine, key: str
) -> None:
    del key
    with pytest.raises(Exception, match="assignment_one_holder"):
        await duty_world.put(town, duty_world.Carried("grid_holder", "wu", ("grid", G11), MOVED))


async def test_a_deadlock_is_tried_again(
    town: AsyncEngine, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, failed = assigning.insert, 0

    async def disturbed(
        connection: AsyncConnection, rows: list[NewAssignment], by: str
    ) -> list[AssignmentRow]:
        nonlocal failed
        if failed < 2:
            failed += 1
            raise OperationalError("INSERT", None, psycopg.errors.DeadlockDetected())
        return await write(connection, rows, by)

    monkeypatch.setattr(assigning, "insert", disturbed)
    answer = await assign(town, key, "grid", G22)

    assert answer.errors == []
    assert failed == 2


async def test_two_in_one_batch_that_exclude_each_other_are_refused(
    town: AsyncEngine, key: str
) -> None:
    del key
    rows = [
        assigning.NewAssignment("grid_holder", body, "grid", G22, MOVED) for body in ("wu", "xu")
    ]
    async with town.connect() as connection:
        with pytest.raises(Exception, match="side by side"):
            await assigning.insert(connection, rows, "test")


async def test_a_batch_is_written_in_its_order_by_a_statement_of_thousands(
    town: AsyncEngine, key: str, statements: list[str]
) -> None:
    del key
    rows = [
        assigning.NewAssignment(
            "station_head", "wu", "community", C3, MOVED, None, f"post {number:04d}"
        )
        for number in range(2_000)
    ]
    async with town.begin() as connection:
        statements.clear()
        written = await assigning.insert(connection, rows, "test")
        ended = await assigning.end(connection, [row.id for row in written], TODAY, "test")

    assert [row.post for row in written] == [row.post for row in rows]
    assert len(ended) == len(rows)
    assert len(statements) == 2
    assert {row.until for row in ended} == {TODAY}


async def test_a_batch_is_told_of_every_clash_with_what_is_stored(
    town: AsyncEngine, key: str
) -> None:
    del key
    rows = [
        assigning.NewAssignment("grid_holder", "wu", "grid", G11, MOVED),
        assigning.NewAssignment("grid_holder", "wu", "grid", G32, MOVED),
        assigning.NewAssignment("grid_holder", "chen", "grid", G22, TODAY),
        assigning.NewAssignment("grid_holder", "bo", "grid", G12, EARLY, MOVED),
        assigning.NewAssignment("grid_holder", "yan", "grid", G12, MOVED),
        assigning.NewAssignment("grid_holder", "yan", "grid", G21, EARLY, MOVED),
        assigning.NewAssignment("committee_chair", "qi", "compound", P2, EARLY, None),
    ]
    async with town.connect() as connection:
        found = await assigning.find_clashes(connection, rows, EVERYTHING, TODAY)

    whys = {place: (clash.why.name, clash.other.body) for place, clash in found.items()}
    assert whys == {
        0: ("HOLDER", "an"),
        2: ("UNIT", "chen"),
        3: ("TWICE", "bo"),
        6: ("HOLDER", "ren"),
    }


async def test_a_duty_of_many_holders_takes_one_more(town: AsyncEngine, key: str) -> None:
    await world.run(town, update(Duty).where(Duty.key == "grid_holder").values(max=2))
    answer = await assign(town, key, "grid", G11)
    assert answer.errors == []
    assert [body for body, *_ in await days(town, "grid_holder", G11)] == ["an", "wu"]


async def test_an_editor_of_other_ground_is_refused_by_name(town: AsyncEngine, key: str) -> None:
    del key
    other = await world.make_key(town, Role.EDITOR, within=("community", C3))
    given = await assign(town, other, "grid", G22, body="yan")
    above = await assign(town, other, "subdistrict", D, duty="subdistrict_office", body="street")
    taken = await end(town, other, AN_HOLDS_G11)
    own = await assign(town, other, "grid", G32, body="yan")

    for answer, argument in ((given, "unit"), (taken, "id")):
        [error] = answer.errors
        assert error["extensions"]["code"] == "FORBIDDEN"
        assert error["extensions"]["argument"] == argument
        assert f"outside community {C3}" in error["message"]
    assert above.codes() == ["UNKNOWN"]
    assert own.errors == []
    assert (G31, "chen") not in await days(town, "grid_holder", G32)
