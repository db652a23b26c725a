"""Branches that serve several compounds, committees that few have, people with two offices.

Three communities of one city, each asked for by itself. The first has 73 compounds and 60
branches: eleven serve two compounds, one serves three. The second has 233 compounds with a branch
each and 34 committees. The third has 86 compounds with a secretary each: 52 of them are chair of
the committee of the same compound, in five the chair is a neighbour's secretary, in 15 somebody
who is no secretary, and in the last 14 the secretary was chair until 2025.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest

from tests.duties import city as cities
from tests.duties.city import SUMMER, Held
from tests.graphql.asking import told

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

CITY = cities.city(compounds=[73, 233, 86])
JOINT, FEW, DUAL = CITY.codes("community")
LONE = 48
"""Compounds of the first community whose branch is theirs alone; 11 branches of two are next."""

COVERAGE = """
query ($duty: String!, $within: UnitRef) {
  dutyCoverage(duty: $duty, within: $within, asOf: "2026-07-01") {
    total covered share bodyCount
    missing(first: 500) { totalCount nodes { code } }
    byParent { nodes { unit { code } total covered } }
  }
}
"""
CROSS = """
query ($duties: [String!]!, $within: UnitRef, $day: Date) {
  crossAppointment(duties: $duties, within: $within, asOf: $day) {
    total dual share bodies(first: 100) { totalCount nodes { key name } }
  }
}
"""


def below(community: str) -> list[str]:
    return [code for code in CITY.codes("compound") if CITY.parent(code) == community]


def branches() -> list[Held]:
    """Return who serves the first community: 48 alone, 11 two each, one three."""
    codes = below(JOINT)
    groups = [[code] for code in codes[:LONE]]
    groups += [codes[LONE + 2 * n :][:2] for n in range(11)]
    groups.append(codes[LONE + 22 :])
    assert [len(groups), *map(len, groups[LONE:])] == [60, *[2] * 11, 3]
    return [
        Held("party_branch", f"branch {n}", "compound", code)
        for n, group in enumerate(groups)
        for code in group
    ]


def two_offices() -> list[Held]:
    """Return the secretaries and chairs of the third community."""
    codes = below(DUAL)
    secretary = {code: f"secretary {n:02d}" for n, code in enumerate(codes)}
    held = [Held("branch_secretary", key, "compound", code) for code, key in secretary.items()]
    chairs = {code: secretary[code] for code in codes[:52]}
    chairs |= dict.fromkeys(codes[52:57], secretary[codes[0]])
    chairs |= {code: f"chair of {code}" for code in codes[57:72]}
    held += [Held("committee_chair", key, "compound", code) for code, key in chairs.items()]
    return held + [
        Held("committee_chair", secretary[code], "compound", code, until=dt.date(2025, 1, 1))
        for code in codes[72:]
    ]


async def draw(engine: AsyncEngine) -> None:
    many = below(FEW)
    own = [Held("party_branch", f"branch of {code}", "compound", code) for code in many]
    committees = [
        Held("owners_committee", f"committee of {code}", "compound", code) for code in many[::7]
    ]
    assert len(committees) == 34
    offices = [*branches(), *own, *committees]
    keys = [one.body for one in offices]
    await cities.build(engine, CITY, [*offices, *two_offices()], organisations=keys)


async def coverage(engine: AsyncEngine, duty: str, community: str | None = None) -> Any:  # noqa: ANN401 - JSON
    within = {"level": "community", "code": community} if community else None
    return (await told(engine, COVERAGE, {"duty": duty, "within": within}))["dutyCoverage"]


async def cross(
    engine: AsyncEngine, *duties: str, community: str | None = DUAL, day: dt.date = SUMMER
) -> Any:  # noqa: ANN401 - JSON
    within = {"level": "community", "code": community} if community else None
    variables = {"duties": duties, "within": within, "day": str(day)}
    return (await told(engine, CROSS, variables))["crossAppointment"]


@pytest.mark.anyio
async def test_sixty_branches_some_of_them_joint_serve_all_of_73_compounds(
    city: AsyncEngine,
) -> None:
    found = await coverage(city, "party_branch", JOINT)

    assert (found["covered"], found["total"], found["share"]) == (73, 73, 1.0)
    assert found["bodyCount"] == 60, "a joint branch is one body, and counts for each compound"


@pytest.mark.anyio
async def test_233_compounds_have_233_branches_and_34_committees(city: AsyncEngine) -> None:
    branch = await coverage(city, "party_branch", FEW)
    committee = await coverage(city, "owners_committee", FEW)

    assert (branch["covered"], branch["total"], branch["bodyCount"]) == (233, 233, 233)
    assert (committee["covered"], committee["total"], committee["bodyCount"]) == (34, 233, 34)
    assert committee["share"] == pytest.approx(34 / 233)
    codes = below(FEW)
    without = [code for n, code in enumerate(codes) if n % 7]
    assert [unit["code"] for unit in committee["missing"]["nodes"]] == without
    assert committee["missing"]["totalCount"] == 199


@pytest.mark.anyio
async def test_the_whole_city_is_the_sum_of_its_communities(city: AsyncEngine) -> None:
    found = await coverage(city, "party_branch")

    assert (found["covered"], found["total"]) == (73 + 233, 73 + 233 + 86)
    assert found["bodyCount"] == 60 + 233
    assert [
        (row["unit"]["code"], row["covered"], row["total"]) for row in found["byParent"]["nodes"]
    ] == [(JOINT, 73, 73), (FEW, 233, 233), (DUAL, 0, 86)]


@pytest.mark.anyio
async def test_52_of_86_secretaries_are_chair_of_the_same_compound(city: AsyncEngine) -> None:
    found = await cross(city, "branch_secretary", "committee_chair")

    assert (found["dual"], found["total"]) == (52, 86)
    assert found["share"] == pytest.approx(52 / 86)
    assert found["bodies"]["totalCount"] == 52
    assert [(one["key"], one["name"]) for one in found["bodies"]["nodes"]] == [
        (f"secretary {n:02d}", f"*secretary {n:02d}") for n in range(52)
    ]


@pytest.mark.anyio
async def test_of_the_72_chairs_52_are_secretary_too(city: AsyncEngine) -> None:
    found = await cross(city, "committee_chair", "branch_secretary")

    assert (found["dual"], found["total"]) == (52, 72)
    assert found["bodies"]["totalCount"] == 52


@pytest.mark.anyio
async def test_offices_that_are_held_one_after_the_other_are_not_dual(city: AsyncEngine) -> None:
    found = await cross(city, "branch_secretary", "owners_committee")

    assert (found["dual"], found["total"], found["share"]) == (0, 86, 0.0)
    assert found["bodies"]["nodes"] == []


@pytest.mark.anyio
async def test_where_nobody_holds_the_first_duty_there_is_no_share(city: AsyncEngine) -> None:
    found = await cross(city, "branch_secretary", "committee_chair", community=JOINT)

    assert (found["dual"], found["total"], found["share"]) == (0, 0, None)
