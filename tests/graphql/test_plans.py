"""Plans over GraphQL: who is placed, what is refused and why, and plans that are made to hold."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import delete, func, insert, select, update

from storage.duty_models import Assignment, Body, Duty, DutyLevel, DutyPost
from storage.keys import Role
from tests.graphql import duty_world, world
from tests.graphql.asking import TODAY, ask, told
from tests.graphql.duty_world import EARLY, Carried, Someone
from tests.graphql.world import C1, C2, C3, G11, G12, G21, G22, G31, G32, S1, S2, D

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

pytestmark = pytest.mark.anyio

PLAN = """query ($duty: String! = "volunteer", $within: UnitRef!, $profession: String,
    $min: Int = 0, $max: Int, $post: Int! = 0) {
  assignmentPlan(duty: $duty, within: $within, profession: $profession, perUnitMin: $min,
      perUnitMax: $max, perPostMin: $post) {
    cost bound optimal duty { key }
    items { body { key name } unit { code } post distanceM }
    unassigned { key }
    loads { unit { code } bodyCount bodyCountBefore households target } } }"""

ACCEPT = """mutation ($duty: String! = "volunteer", $items: [PlanItem!]!, $since: Date) {
  acceptPlan(duty: $duty, items: $items, since: $since) {
    id duty { key } body { key } unit { code } post since until } }"""

WHOLE = {"within": {"level": "district", "code": D}}
WEST = {"within": {"level": "subdistrict", "code": S1}}


@pytest.fixture
async def key(posted: AsyncEngine) -> str:
    """Give an editor's key for everywhere, in the town with its duties."""
    return await world.make_key(posted, Role.EDITOR)


async def plan(engine: AsyncEngine, key: str, **asked: Any) -> Any:  # noqa: ANN401 - JSON
    return (await told(engine, PLAN, asked, key=key))["assignmentPlan"]


async def refused(engine: AsyncEngine, key: str | None, **asked: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    answer = await ask(engine, PLAN, asked, key=key)
    assert answer.data == {"assignmentPlan": None}
    [error] = answer.errors
    return {"message": error["message"], **error["extensions"]}


def items_of(made: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - JSON
    return [
        {
            "body": item["body"]["key"],
            "unit": {"level": "grid", "code": item["unit"]["code"]},
            "post": item["post"],
        }
        for item in made["items"]
    ]


def item(body: str, code: str, post: str | None = None) -> dict[str, Any]:
    return {"body": body, "unit": {"level": "grid", "code": code}, "post": post}


async def holders(engine: AsyncEngine, duty: str = "volunteer") -> set[tuple[str, str, str | None]]:
    """Return who carries a duty where today, at which post."""
    query = select(Assignment.body, Assignment.code, Assignment.post).where(
        Assignment.duty == duty,
        Assignment.since <= TODAY,
        func.coalesce(Assignment.until > TODAY, True),
    )
    async with engine.connect() as connection:
        return {(body, code, post) for body, code, post in await connection.execute(query)}


# -- who is placed ---------------------------------------------------------------------------


async def test_people_who_live_there_or_carry_it_there_are_placed(
    town: AsyncEngine, key: str
) -> None:
    made = await plan(town, key, **WHOLE)

    # all people with a home; dai has none and carries another duty
    everybody = ["an", "bo", "chen", "qi", "ren", "wu", "xu", "yan"]
    assert sorted(item["body"]["key"] for item in made["items"]) == everybody
    assert made["unassigned"] == []
    assert made["optimal"]
    assert made["cost"] == made["bound"]
    assert [load["unit"]["code"] for load in made["loads"]] == [G11, G12, G21, G22, G31, G32]
    assert [load["bodyCountBefore"] for load in made["loads"]] == [2, 0, 0, 0, 1, 0]
    assert sum(load["bodyCount"] for load in made["loads"]) == 8
    # households 8, 3, 4, 0, 5, 0 of 20
    assert [load["target"] for load in made["loads"]] == pytest.approx([3.2, 1.2, 1.6, 0, 2, 0])


async def test_items_come_by_unit_with_fitting_posts_and_ways(town: AsyncEngine, key: str) -> None:
    made = await plan(town, key, **WHOLE)

    codes = [item["unit"]["code"] for item in made["items"]]
    assert codes == sorted(codes)
    posts = {item["body"]["key"]: item["post"] for item in made["items"]}
    assert posts["wu"] == "mediator"
    assert posts["chen"] in {"mediator", "handy_helper"}
    yan = next(item for item in made["items"] if item["body"]["key"] == "yan")
    assert yan["unit"]["code"] == G31
    assert yan["distanceM"] == 0, "from the label point of its home to that of the same unit"


async def test_the_nearer_way_is_measured_from_the_address_where_one_is_known(
    town: AsyncEngine, key: str
) -> None:
    await world.run(town, update(Body).where(Body.key == "yan").values(home_address="a4"))

    made = await plan(town, key, within={"level": "community", "code": C3}, profession="student")

    [yan] = [item for item in made["items"] if item["body"]["key"] == "yan"]
    assert yan["unit"]["code"] == G31
    # a4 lies in the middle of the box, the label point a quarter of a step (0.0025 degrees of
    # latitude, of 110.99 km each) north or south of it
    assert yan["distanceM"] == pytest.approx(277.5, abs=0.5)


async def test_a_profession_brings_those_without_a_home_and_leaves_others_in_their_place(
    town: AsyncEngine, key: str
) -> None:
    await duty_world.put_bodies(town, Someone("zoe", "邹七", "resident"))

    made = await plan(town, key, **WHOLE, profession="resident")

    assert sorted(item["body"]["key"] for item in made["items"]) == ["ren", "wu", "xu", "zoe"]
    zoe = next(item for item in made["items"] if item["body"]["key"] == "zoe")
    assert zoe["distanceM"] is None
    east = next(load for load in made["loads"] if load["unit"]["code"] == G31)
    assert east["bodyCount"] >= 1, "yan, a student, stays"
    assert sum(load["bodyCount"] for load in made["loads"]) == 5


async def test_who_carries_it_elsewhere_is_left_where_it_is(town: AsyncEngine, key: str) -> None:
    # xu lives in G11, and now carries it in the east
    moved = update(Assignment).where(Assignment.body == "xu", Assignment.duty == "volunteer")
    await world.run(town, moved.values(code=G32))

    made = await plan(town, key, **WEST)

    assert sorted(item["body"]["key"] for item in made["items"]) == ["an", "bo", "qi", "ren", "wu"]


async def test_where_several_are_allowed_nobody_is_moved(town: AsyncEngine, key: str) -> None:
    await world.run(town, update(Duty).where(Duty.key == "volunteer").values(several=True))

    made = await plan(town, key, **WHOLE)

    placed = sorted(item["body"]["key"] for item in made["items"])
    assert placed == ["an", "bo", "chen", "qi", "ren"]
    assert sum(load["bodyCount"] for load in made["loads"]) == 8


async def test_the_bounds_hold_and_who_is_too_many_is_left_out(town: AsyncEngine, key: str) -> None:
    made = await plan(town, key, **WHOLE, min=1, max=1)

    assert [load["bodyCount"] for load in made["loads"]] == [1] * 6
    assert len(made["unassigned"]) == 2


async def test_the_duty_s_own_bounds_are_stricter(town: AsyncEngine, key: str) -> None:
    made = await plan(town, key, **WHOLE, duty="grid_holder", max=5)

    assert [load["bodyCount"] for load in made["loads"]] == [1] * 6


# -- what cannot be --------------------------------------------------------------------------


async def test_too_few_bodies_are_told_with_numbers(town: AsyncEngine, key: str) -> None:
    error = await refused(town, key, **WHOLE, min=2)

    assert error["code"] == "BAD_INPUT"
    assert "12 bodies must be placed" in error["message"]
    assert "there are 8" in error["message"]


async def test_too_few_bodies_for_all_posts_are_told_as_such(town: AsyncEngine, key: str) -> None:
    error = await refused(town, key, **WHOLE, min=1, post=2)

    # six grids of eight posts, two holders each: 96
    assert error["argument"] == "perPostMin"
    assert error["message"].startswith(
        "96 bodies must be placed: 1 holders on each of 6 grid units, 2 for each of 8 posts of each"
    )


async def test_a_skill_that_too_few_have_is_named(town: AsyncEngine, key: str) -> None:
    await world.run(town, delete(DutyPost).where(DutyPost.key != "mediator"))

    error = await refused(town, key, **WHOLE, post=1)

    assert error["skills"] == ["mediation"]
    assert "6 more; 2 bodies have mediation" in error["message"]


async def test_a_unit_that_keeps_too_many_is_named(town: AsyncEngine, key: str) -> None:
    error = await refused(town, key, **WHOLE, profession="official", max=1)

    assert f"grid {G11} keeps 2 holders of 'volunteer'" in error["message"]


@pytest.mark.parametrize(
    ("asked", "code", "argument"),
    [
        ({"min": -1}, "BAD_INPUT", "perUnitMin"),
        ({"max": 0}, "BAD_INPUT", "perUnitMax"),
        ({"min": 3, "max": 2}, "BAD_INPUT", "perUnitMin"),
        ({"post": -1}, "BAD_INPUT", "perPostMin"),
        ({"duty": "voluntear"}, "UNKNOWN", "duty"),
        ({"within": {"level": "community", "code": "none"}}, "UNKNOWN", "within"),
        ({"within": {"level": "grid", "code": G11}}, "BAD_INPUT", "within"),
        ({"profession": "\x00"}, "BAD_INPUT", "profession"),
    ],
)
async def test_what_cannot_be_meant_is_refused(
    town: AsyncEngine, key: str, asked: dict[str, Any], code: str, argument: str
) -> None:
    error = await refused(town, key, **{**WHOLE, **asked})

    assert (error["code"], error["argument"]) == (code, argument)


async def test_plans_are_for_editors_of_the_ground(town: AsyncEngine, key: str) -> None:
    reader = await world.make_key(town, Role.READER)
    west = await world.make_key(town, Role.EDITOR, within=("subdistrict", S1))

    assert (await refused(town, None, **WEST))["code"] == "UNAUTHENTICATED"
    assert (await refused(town, reader, **WEST))["code"] == "FORBIDDEN"
    assert (await refused(town, west, **WHOLE))["code"] == "FORBIDDEN"
    assert (await plan(town, west, **WEST))["optimal"]
    assert len((await plan(town, key, **WEST))["items"]) == 6


# -- making it hold --------------------------------------------------------------------------


async def test_an_accepted_plan_holds_as_it_was_proposed_and_again_changes_nothing(
    town: AsyncEngine, key: str
) -> None:
    items = items_of(await plan(town, key, **WHOLE))

    first = await told(town, ACCEPT, {"items": items}, key=key)
    again = await told(town, ACCEPT, {"items": items}, key=key)
    next_plan = await plan(town, key, **WHOLE)

    assert [row["body"]["key"] for row in first["acceptPlan"]] == [one["body"] for one in items]
    assert again == first
    wanted = {(one["body"], one["unit"]["code"], one["post"]) for one in items}
    assert await holders(town) == wanted
    assert items_of(next_plan) == items
    assert [load["bodyCountBefore"] for load in next_plan["loads"]] == [
        load["bodyCount"] for load in next_plan["loads"]
    ]


async def test_who_moves_is_ended_there_on_the_day_and_who_stays_is_not_touched(
    town: AsyncEngine, key: str
) -> None:
    items = [item("wu", G22, "mediator"), item("xu", G11, "safety_patrol")]

    rows = await told(town, ACCEPT, {"items": items}, key=key)

    assert [row["since"] for row in rows["acceptPlan"]] == [
        TODAY.isoformat(),
        duty_world.MOVED.isoformat(),
    ]
    query = select(Assignment.code, Assignment.until).where(
        Assignment.body == "wu", Assignment.duty == "volunteer"
    )
    async with town.connect() as connection:
        held = [tuple(row) for row in await connection.execute(query.order_by(Assignment.id))]
    assert held == [(G11, TODAY), (G22, None)]


@pytest.mark.parametrize("duty", ["volunteer", "patrol"])
async def test_who_stays_keeps_the_end_that_was_set(town: AsyncEngine, key: str, duty: str) -> None:
    """Whether a body may carry the duty on one unit only (volunteers), or on several."""
    await world.run(town, insert(Duty).values(key="patrol", name="巡逻", level="grid"))
    await world.run(town, insert(DutyLevel).values(duty="patrol", level="grid"))
    last = TODAY + dt.timedelta(days=30)
    await duty_world.put(town, Carried(duty, "qi", ("grid", G11), EARLY, last, "mediator"))
    items = [item("qi", G11, "mediator")]

    rows = await told(town, ACCEPT, {"duty": duty, "items": items}, key=key)

    [row] = rows["acceptPlan"]
    assert (row["since"], row["until"]) == (EARLY.isoformat(), last.isoformat())


async def test_two_holders_can_change_places(town: AsyncEngine, key: str) -> None:
    items = [item("an", G21), item("bo", G11)]

    await told(town, ACCEPT, {"duty": "grid_holder", "items": items}, key=key)

    assert await holders(town, "grid_holder") == {
        ("an", G21, None),
        ("bo", G11, None),
        ("chen", G31, None),
    }


async def test_somebody_who_came_meanwhile_stands_in_the_way_and_nothing_is_written(
    town: AsyncEngine, key: str
) -> None:
    await duty_world.put(town, Carried("grid_holder", "yan", ("grid", G22), TODAY))
    before = await holders(town, "grid_holder")
    items = [item("wu", G12), item("xu", G22)]

    answer = await ask(town, ACCEPT, {"duty": "grid_holder", "items": items}, key=key)

    assert answer.codes() == ["CONFLICT"]
    assert answer.errors[0]["message"].startswith(f"item 2: grid {G22} has one holder")
    assert "'yan'" in answer.errors[0]["message"]
    assert answer.errors[0]["extensions"]["item"] == 2
    assert await holders(town, "grid_holder") == before


async def test_more_holders_than_the_duty_allows_are_refused(town: AsyncEngine, key: str) -> None:
    await world.run(town, update(Duty).where(Duty.key == "volunteer").values(max=2))

    answer = await ask(town, ACCEPT, {"items": [item("qi", G11)]}, key=key)

    assert answer.codes() == ["CONFLICT"]
    assert f"grid {G11} would have 3 holders" in answer.errors[0]["message"]


@pytest.mark.parametrize(
    ("items", "code", "says"),
    [
        ([item("qi", G11), item("nobody", G12)], "UNKNOWN", "item 2: there is no body 'nobody'"),
        ([item("qi", "77")], "UNKNOWN", "item 1: there is no grid '77'"),
        ([item("qi", G11), item("qi", G12)], "BAD_INPUT", "item 2: with item 1 it puts 'qi' on"),
        ([item("qi", G11, "king")], "BAD_INPUT", "item 1: the duty 'volunteer' has no post 'king'"),
        (
            [{"body": "qi", "unit": {"level": "community", "code": C1}}],
            "BAD_INPUT",
            "item 1: 'volunteer' is not carried on a community",
        ),
        ([item("", G11)], "BAD_INPUT", "item 1: body"),
        ([item("qi", G11)] * 20_001, "LIMIT_EXCEEDED", "20,001 items"),
    ],
)
async def test_items_that_cannot_be_meant_are_named_and_nothing_is_written(
    town: AsyncEngine, key: str, items: list[dict[str, Any]], code: str, says: str
) -> None:
    before = await holders(town)

    answer = await ask(town, ACCEPT, {"items": items}, key=key)

    assert answer.codes() == [code]
    assert says in answer.errors[0]["message"]
    assert await holders(town) == before


async def test_a_key_accepts_on_its_ground_only(town: AsyncEngine, key: str) -> None:
    west = await world.make_key(town, Role.EDITOR, within=("subdistrict", S1))
    await duty_world.put(town, Carried("volunteer", "qi", ("grid", G32), duty_world.MOVED))

    outside = await ask(town, ACCEPT, {"items": [item("wu", G31)]}, key=west)
    stranger = await ask(town, ACCEPT, {"items": [item("yan", G21)]}, key=west)
    bound = await ask(town, ACCEPT, {"items": [item("qi", G21)]}, key=west)
    nobody = await ask(town, ACCEPT, {"items": [item("wu", G21)]})

    assert outside.codes() == ["FORBIDDEN"]
    assert f"item 1: grid {G31} lies outside subdistrict {S1}" in outside.errors[0]["message"]
    assert stranger.codes() == ["FORBIDDEN"]
    assert bound.codes() == ["CONFLICT"]
    assert G32 not in bound.errors[0]["message"], "where it is carried is not theirs to know"
    assert nobody.codes() == ["UNAUTHENTICATED"]


async def test_an_address_alone_is_no_home_to_the_editor_of_a_part(
    town: AsyncEngine, key: str
) -> None:
    # zoe is known by the address a4 in the east only: her way to the west would tell of it
    await duty_world.put_bodies(town, Someone("zoe", "邹七", "clerk"))
    await world.run(town, update(Body).where(Body.key == "zoe").values(home_address="a4"))
    west = await world.make_key(town, Role.EDITOR, within=("subdistrict", S1))

    seen = [await plan(town, by, **WEST, profession="clerk") for by in (west, key)]

    ways = [made["items"][0]["distanceM"] for made in seen]
    assert ways[0] is None
    assert ways[1] > 500, "at least from one side of a grid to the other"


async def test_an_empty_plan_changes_nothing(town: AsyncEngine, key: str) -> None:
    assert await told(town, ACCEPT, {"items": []}, key=key) == {"acceptPlan": []}


async def test_questions_to_the_database_do_not_grow_with_the_items(
    town: AsyncEngine, key: str, statements: list[str]
) -> None:
    await plan(town, key, within={"level": "community", "code": C2})
    few = len(statements)
    statements.clear()

    await plan(town, key, **WHOLE)

    assert len(statements) <= few + 2
    assert S2 not in statements
