"""The made-up town's 1,334 people placed onto its 46 grids, at eight posts.

What is compared is counted here from the files: who has a post where, and who fits it.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
import shapely

from tests.duties import test_town
from tests.duties.roster import BEFORE, NOW, PEOPLE, households, spread, targets
from tests.duties.test_town import DISTRICT, LOADED
from tests.graphql.asking import TODAY, ask, told
from tests.town import addresses, apart_m, table

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

PLAN = """
query ($code: String!, $least: Int, $most: Int, $each: Int! = 0) {
  assignmentPlan(
    duty: "volunteer", within: {level: "district", code: $code}
    perUnitMin: $least, perUnitMax: $most, perPostMin: $each
  ) {
    cost bound optimal
    items { body { key } unit { level { key } code } post distanceM }
    unassigned { key }
    loads { unit { code } bodyCount bodyCountBefore households target }
  }
}
"""
ACCEPT = """
mutation ($items: [PlanItem!]!) {
  acceptPlan(duty: "volunteer", items: $items) { body { key } unit { code } post since until }
}
"""
COVERAGE = """
{ dutyCoverage(duty: "volunteer") { total covered bodyCount } }
"""
SKILL = {row["key"]: row["skill"] for row in table("posts.csv")}
SKILLS = {row["key"]: set(row["skills"].split("|")) for row in PEOPLE}
WEIGHTS = (2_000.0, 3_000.0, 10_000.0)
"""Metres for a body at a post that it does not fit, for a post without anybody who does, and for
load that deviates: as the field ``cost`` says."""


async def draw(engine: AsyncEngine) -> None:
    await test_town.draw(engine)


async def planned(engine: AsyncEngine, **bounds: int) -> Any:  # noqa: ANN401 - JSON
    variables = {"code": DISTRICT, **bounds}
    return (await told(engine, PLAN, variables, key=LOADED["key"]))["assignmentPlan"]


def fitting(items: list[tuple[str, str]]) -> float:
    """Return the share of bodies that have the skill of their post."""
    return sum(SKILL[post] in SKILLS[body] for body, post in items) / len(items)


@pytest.mark.anyio
async def test_everybody_is_placed_once_and_the_plan_is_proven_the_best(city: AsyncEngine) -> None:
    plan = await planned(city)

    placed = [item["body"]["key"] for item in plan["items"]]
    assert sorted(placed) == sorted(row["key"] for row in PEOPLE)
    assert len(placed) == 1334
    assert plan["unassigned"] == []
    assert plan["bound"] <= plan["cost"] <= 1.001 * plan["bound"]
    assert plan["optimal"] == (plan["cost"] == plan["bound"])
    counts = Counter(item["unit"]["code"] for item in plan["items"])
    assert {load["unit"]["code"]: load["bodyCount"] for load in plan["loads"]} == counts
    assert {load["unit"]["code"]: load["bodyCountBefore"] for load in plan["loads"]} == BEFORE
    assert len(counts) == 46


@pytest.mark.anyio
async def test_loads_follow_households_far_better_than_they_grew(city: AsyncEngine) -> None:
    plan = await planned(city)

    loads = {load["unit"]["code"]: load["bodyCount"] for load in plan["loads"]}
    for load in plan["loads"]:
        code = load["unit"]["code"]
        assert load["households"] == households()[code]
        assert load["target"] == pytest.approx(targets(1334)[code])
    assert spread(BEFORE) > 0.25
    assert spread(loads) < spread(BEFORE) / 4
    before = [(row["body"], row["post"]) for row in NOW if row["duty"] == "volunteer"]
    after = [(item["body"]["key"], item["post"]) for item in plan["items"]]
    assert fitting(after) > fitting(before)


@pytest.mark.anyio
async def test_the_cost_is_what_the_items_cost_by_its_own_description(city: AsyncEngine) -> None:
    plan = await planned(city)
    misfit, empty, balance = WEIGHTS

    items = [(i["body"]["key"], i["unit"]["code"], i["post"]) for i in plan["items"]]
    ways = sum(item["distanceM"] for item in plan["items"])
    wrong = sum(SKILL[post] not in SKILLS[body] for body, _, post in items)
    held = {(unit, post) for body, unit, post in items if SKILL[post] in SKILLS[body]}
    lacking = 46 * len(SKILL) - len(held)
    counts = Counter(unit for _, unit, _ in items)
    off = sum((counts[code] - part) ** 2 / max(part, 1.0) for code, part in targets(1334).items())

    cost = ways + misfit * wrong + empty * lacking + balance * off
    assert plan["cost"] == pytest.approx(cost, rel=1e-5)  # whole centimetres a step


@pytest.mark.anyio
async def test_a_way_is_the_straight_line_from_the_address_to_the_grid(city: AsyncEngine) -> None:
    plan = await planned(city)
    home = {row["key"]: row["home_address"] for row in PEOPLE}
    rows, points = addresses()
    place = {row["key"]: point for row, point in zip(rows, points, strict=True)}
    query = '{ units(level: "grid", first: 100) { nodes { code labelPoint } } }'
    nodes = (await told(city, query))["units"]["nodes"]
    label = {unit["code"]: shapely.Point(unit["labelPoint"]["coordinates"]) for unit in nodes}

    for item in plan["items"][::41]:
        away = apart_m(place[home[item["body"]["key"]]], label[item["unit"]["code"]])
        assert item["distanceM"] == pytest.approx(away, rel=1e-3, abs=0.1)


@pytest.mark.anyio
async def test_every_grid_keeps_within_its_bounds_and_has_each_post_that_is_asked_for(
    city: AsyncEngine,
) -> None:
    plan = await planned(city, least=24, most=34, each=1)

    loads = [load["bodyCount"] for load in plan["loads"]]
    assert (sum(loads), len(loads)) == (1334, 46)
    assert min(loads) >= 24
    assert max(loads) <= 34
    held = {
        (item["unit"]["code"], item["post"])
        for item in plan["items"]
        if SKILL[item["post"]] in SKILLS[item["body"]["key"]]
    }
    assert len(held) == 46 * 8
    assert plan["bound"] <= plan["cost"] <= 1.001 * plan["bound"]


@pytest.mark.anyio
async def test_what_cannot_be_met_is_said_with_its_numbers(city: AsyncEngine) -> None:
    able = Counter(skill for skills in SKILLS.values() for skill in skills)
    each = min(able[skill] for skill in SKILL.values()) // 46 + 1
    for bounds, numbers in (
        ({"least": 30}, ["30", "46", "1,334"]),
        ({"each": each}, ["46", str(each)]),
        ({"least": 5, "most": 4}, ["5", "4"]),
    ):
        variables = {"code": DISTRICT, **bounds}

        answer = await ask(city, PLAN, variables, key=LOADED["key"])

        assert answer.codes() == ["BAD_INPUT"], bounds
        assert all(number in answer.errors[0]["message"] for number in numbers), answer.errors


@pytest.mark.anyio
async def test_an_accepted_plan_is_who_carries_what_from_that_day_on(changing: AsyncEngine) -> None:
    plan = await planned(changing)
    items = [
        {
            "body": item["body"]["key"],
            "unit": {"level": "grid", "code": item["unit"]["code"]},
            "post": item["post"],
        }
        for item in plan["items"]
    ]

    made = (await told(changing, ACCEPT, {"items": items}, key=LOADED["key"]))["acceptPlan"]

    found = [(one["body"]["key"], one["unit"]["code"], one["post"]) for one in made]
    assert found == [(one["body"], one["unit"]["code"], one["post"]) for one in items]
    assert {one["until"] for one in made} == {None}
    stayed = {(r["body"], r["unit"], r["post"]) for r in NOW if r["duty"] == "volunteer"}
    for one, names in zip(made, found, strict=True):
        assert one["since"] == ("2025-01-01" if names in stayed else str(TODAY))
    coverage = (await told(changing, COVERAGE))["dutyCoverage"]
    assert coverage == {"total": 46, "covered": 46, "bodyCount": 1334}
    again = await planned(changing)
    assert again["cost"] == pytest.approx(plan["cost"])
    assert [load["bodyCountBefore"] for load in again["loads"]] == [
        load["bodyCount"] for load in plan["loads"]
    ]
