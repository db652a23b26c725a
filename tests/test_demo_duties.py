"""The duties that the demo shows, against what is counted row by row in the town's files."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from io import StringIO
from typing import TYPE_CHECKING, Any

import pytest
import shapely
from rich.console import Console

from fixtures.__main__ import DATA
from resolvers.demo_duties import ADDRESSES
from resolvers.list_lookup import Reject
from service.cli.playbill import show_played
from tests.duties.roster import BEFORE, NOW, households, spread, targets
from tests.played import Demo, play_once
from tests.town import addresses, layer, table

if TYPE_CHECKING:
    from tests.databases import Databases

DUTIES = {
    duty["key"]: duty
    for duty in tomllib.loads((DATA / "duties.toml").read_text(encoding="utf-8"))["duty"]
}
NAMES = {row["key"]: row["name"] for row in [*table("people.csv"), *table("organisations.csv")]}


@pytest.fixture(scope="module")
def demo(databases: Databases) -> Demo:
    return play_once(databases)


def where(address: str) -> list[tuple[str, str]]:
    """Return level and code of the units at an address, from the lowest up."""
    grids, (rows, points) = layer("grid"), addresses()
    [at] = [n for n, row in enumerate(rows) if row["key"] == address]
    [inside] = [
        str(code)
        for code, land in zip(grids.columns["code"], grids.geoms, strict=True)
        if shapely.contains(land, points[at])
    ]
    compound = rows[at]["compound"]
    above = zip(("grid", "community", "subdistrict", "district"), (15, 12, 9, 6), strict=True)
    found = [(level, inside[:digits]) for level, digits in above]
    return [("compound", compound), *found] if compound else found


def told_of(level: str, code: str) -> set[tuple[str, str, str]]:
    """Return duty, body and name of those who carry a public duty on a unit."""
    return {
        (row["duty"], row["body"], NAMES[row["body"]])
        for row in NOW
        if (row["level"], row["unit"]) == (level, code) and DUTIES[row["duty"]].get("public", True)
    }


@pytest.mark.parametrize("address", ADDRESSES)
def test_an_address_is_told_who_answers_as_the_roster_says(demo: Demo, address: str) -> None:
    [ladder] = [one for one in demo.told["duties"]["ladders"] if one["address"] == address]

    assert [(rung["for"]["level"], rung["for"]["code"]) for rung in ladder["rungs"]] == where(
        address
    )
    for rung in ladder["rungs"]:
        own = (rung["for"]["level"], rung["for"]["code"])
        found = {(one["duty"], one["body"], one["name"]) for one in rung["holders"]}
        assert found == told_of(*own)
        assert rung["unit"] == rung["for"], "every unit has somebody, or none above has"


def test_the_three_addresses_show_what_they_should(demo: Demo) -> None:
    joint, branchless, alone = [
        {rung["for"]["level"]: rung["holders"] for rung in ladder["rungs"]}
        for ladder in demo.told["duties"]["ladders"]
    ]

    def bodies(holders: list[dict[str, Any]], duty: str) -> list[str]:
        return [one["body"] for one in holders if one["duty"] == duty]

    [branch] = bodies(joint["compound"], "party_branch")
    assert len({row["unit"] for row in NOW if row["body"] == branch}) == 2
    assert bodies(branchless["compound"], "party_branch") == []
    assert bodies(branchless["compound"], "property_company")
    assert bodies(alone["community"], "community_liaison") == []
    assert bodies(alone["community"], "community_office")
    assert "compound" not in alone


def test_the_gaps_are_the_duties_that_some_unit_asks_for_in_vain(demo: Demo) -> None:
    expected = []
    for key, duty in sorted(DUTIES.items()):
        carried = {
            row["unit"] for row in NOW if (row["duty"], row["level"]) == (key, duty["level"])
        }
        codes = sorted(str(code) for code in layer(duty["level"]).columns["code"])
        lacking = [code for code in codes if code not in carried]
        if duty.get("min") and lacking:
            bodies = {row["body"] for row in NOW if row["duty"] == key}
            counts = (len(codes), len(codes) - len(lacking), len(bodies))
            expected.append((key, *counts, lacking))

    found = [
        (
            *(gap[name] for name in ("duty", "total", "covered", "bodyCount")),
            [unit["code"] for unit in gap["missing"]],
        )
        for gap in demo.told["duties"]["gaps"]
    ]

    assert found == expected
    assert [row[:3] for row in found] == [
        ("community_liaison", 9, 8),
        ("party_branch", 30, 25),
    ]


def printed(demo: Demo) -> str:
    console = Console(width=200, file=StringIO())
    with console.capture() as captured:
        console.print(show_played(demo.played, demo.town))
    return captured.get()


def test_the_demo_prints_who_answers_and_what_is_missing(demo: Demo) -> None:
    text = printed(demo)

    assert "duties: 19; 1,435 people and organisations, 1,676 assignments" in text
    for address in ADDRESSES:
        lines = [line for line in text.splitlines() if line.strip().startswith(address)]
        for (level, code), shown in zip(where(address), lines, strict=True):
            assert level in shown
            needed = [
                name
                for duty, _, name in told_of(level, code)
                if DUTIES[duty].get("min") and DUTIES[duty]["level"] == level
            ]
            assert all(name in shown for name in needed)
    assert "2 of 6 that every unit of their level needs" in text
    assert "桃李园, 明珠家园, 沙枣花园, 百合佳苑, 和谐家园" in text
    ends = [line.split()[-1] for line in text.splitlines() if line.strip()]
    assert ends.count("nobody") == len(ADDRESSES), "no duty is carried on the district"


def test_the_plan_spreads_people_by_households_as_they_never_were(demo: Demo) -> None:
    plan = demo.told["duties"]["plan"]

    assert {load["code"]: load["bodyCountBefore"] for load in plan["loads"]} == BEFORE
    after = {load["code"]: load["bodyCount"] for load in plan["loads"]}
    for told, loads in ((plan["before"], BEFORE), (plan["after"], after)):
        each = [households()[code] / count for code, count in loads.items()]
        assert told["bodies"] == sum(loads.values())
        assert (told["lightest"], told["heaviest"]) == pytest.approx((min(each), max(each)))
        assert told["off"] == pytest.approx(spread(loads) / 2)
    assert (plan["before"]["bodies"], plan["after"]["bodies"], plan["unassigned"]) == (
        1112,
        1334,
        0,
    )
    assert {load["code"]: load["target"] for load in plan["loads"]} == pytest.approx(targets(1334))
    assert plan["after"]["off"] < plan["before"]["off"] / 4
    assert plan["cost"] <= 1.001 * plan["bound"]


def test_the_demo_prints_the_plans_spread_before_and_after(demo: Demo) -> None:
    rows = {line.split()[0]: line.split() for line in printed(demo).splitlines() if line.strip()}

    plan = demo.told["duties"]["plan"]
    for word, told in (("today", plan["before"]), ("planned", plan["after"])):
        loads = [f"{told[name]:.1f}" for name in ("lightest", "heaviest")]
        assert rows[word][1:] == [f"{told['bodies']:,}", *loads, f"{100 * told['off']:.1f}", "%"]


def test_a_plan_that_is_no_better_than_what_there_is_is_noticed(demo: Demo) -> None:
    planned = demo.played.planned

    assert not demo.played._replace(planned=planned._replace(after=planned.before)).right
    doubtful = replace(planned.plan, bound_m=0.99 * planned.plan.cost_m, optimal=False)
    played = demo.played._replace(planned=planned._replace(plan=doubtful))
    assert not played.right
    assert "no plan is better by more than 1.0 %" in printed(demo._replace(played=played))


def test_a_row_of_the_roster_that_cannot_be_taken_is_noticed(demo: Demo) -> None:
    assert demo.played.right
    roster = demo.played.roster
    reject = Reject("people.csv", 7, "this unit is none")
    for part in ("bodies", "assignments"):
        worse = getattr(roster, part)._replace(rejected=(reject,))
        played = demo.played._replace(roster=roster._replace(**{part: worse}))

        assert not played.right
        assert "; 1 rows could not be taken" in printed(demo._replace(played=played))
