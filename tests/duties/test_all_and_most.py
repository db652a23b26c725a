"""179 of 179 compounds have a branch, 110 of 179 a property company: which 69 have not, and when.

The city has nine communities: eight with 20 compounds and one with 19. In spring the compounds
whose number in the city leaves 0 or 1 by 3 lack a company until 69 do; by summer ten of the 110
companies have left, and ten of the 69 have come.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from tests.duties import city as cities
from tests.duties.city import SPRING, SUMMER, Held
from tests.graphql.asking import told

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy.ext.asyncio import AsyncEngine

CITY = cities.city(compounds=[20] * 8 + [19])
COMPOUNDS = CITY.codes("compound")
WITHOUT = [code for n, code in enumerate(COMPOUNDS) if n % 3 < 2][:69]
WITH = [code for code in COMPOUNDS if code not in WITHOUT]
LEFT, CAME = WITH[::11], WITHOUT[::7]
"""Ten compounds each."""
MISSING = {
    SPRING: sorted(WITHOUT),
    SUMMER: sorted({*WITHOUT, *LEFT} - {*CAME}),
}

QUERY = """
query ($duty: String!, $day: Date!, $within: UnitRef, $after: String) {
  dutyCoverage(duty: $duty, within: $within, asOf: $day) {
    asOf level { key } total covered share bodyCount
    missing(first: 50, after: $after) {
      totalCount nodes { code } pageInfo { hasNextPage endCursor }
    }
    excess { totalCount }
    byParent { totalCount nodes { unit { level { key } code } total covered share } }
  }
}
"""


async def draw(engine: AsyncEngine) -> None:
    companies = [f"company {n}" for n in range(12)]
    held = [Held("party_branch", f"branch {code}", "compound", code) for code in COMPOUNDS]
    for n, code in enumerate(WITH):
        until = dt.date(2026, 5, 1) if code in LEFT else None
        company = companies[n % len(companies)]
        held.append(Held("property_company", company, "compound", code, until=until))
    for code in CAME:
        since = dt.date(2026, 6, 1)
        held.append(Held("property_company", "late company", "compound", code, since=since))
    bodies = [one.body for one in held]
    await cities.build(engine, CITY, held, organisations=bodies)


async def coverage(engine: AsyncEngine, duty: str, day: dt.date | str, **more: Any) -> Any:  # noqa: ANN401 - JSON
    variables = {"duty": duty, "day": str(day), **more}
    return (await told(engine, QUERY, variables))["dutyCoverage"]


async def missing(engine: AsyncEngine, duty: str, day: dt.date) -> list[str]:
    """Return the codes of all units that lack a holder, page by page."""
    codes, after = [], None
    while True:
        page = (await coverage(engine, duty, day, after=after))["missing"]
        codes += [unit["code"] for unit in page["nodes"]]
        if not page["pageInfo"]["hasNextPage"]:
            assert page["totalCount"] == len(codes)
            return codes
        after = page["pageInfo"]["endCursor"]


def by_parent(lacking: Iterable[str]) -> list[dict[str, Any]]:  # JSON
    """Return what each community must be told to have, where these compounds lack a holder."""
    total = Counter(CITY.parent(code) for code in COMPOUNDS)
    none = Counter(CITY.parent(code) for code in lacking)
    return [
        {
            "unit": {"level": {"key": "community"}, "code": code},
            "total": total[code],
            "covered": total[code] - none[code],
            "share": pytest.approx((total[code] - none[code]) / total[code]),
        }
        for code in sorted(total)
    ]


def test_the_drawing_has_the_figures() -> None:
    assert (len(COMPOUNDS), len(WITH), len(WITHOUT)) == (179, 110, 69)
    assert (len(LEFT), len(CAME)) == (10, 10)
    assert [len(codes) for codes in MISSING.values()] == [69, 69]
    assert MISSING[SPRING] != MISSING[SUMMER]


@pytest.mark.anyio
@pytest.mark.parametrize("day", [SPRING, SUMMER])
async def test_all_of_179_compounds_have_a_branch(city: AsyncEngine, day: dt.date) -> None:
    found = await coverage(city, "party_branch", day)

    assert (found["covered"], found["total"], found["share"]) == (179, 179, 1.0)
    assert found["bodyCount"] == 179
    assert found["level"] == {"key": "compound"}
    assert found["missing"]["nodes"] == []
    assert found["byParent"]["nodes"] == by_parent([])


@pytest.mark.anyio
@pytest.mark.parametrize("day", [SPRING, SUMMER])
async def test_110_of_179_have_a_company_and_the_69_others_are_listed(
    city: AsyncEngine, day: dt.date
) -> None:
    found = await coverage(city, "property_company", day)

    assert (found["asOf"], found["covered"], found["total"]) == (str(day), 110, 179)
    assert found["share"] == pytest.approx(110 / 179)
    assert found["bodyCount"] == (12 if day == SPRING else 13)
    assert found["missing"]["totalCount"] == 69
    assert found["excess"]["totalCount"] == 0
    assert await missing(city, "property_company", day) == MISSING[day]


@pytest.mark.anyio
@pytest.mark.parametrize("day", [SPRING, SUMMER])
async def test_the_69_are_told_by_parent(city: AsyncEngine, day: dt.date) -> None:
    found = (await coverage(city, "property_company", day))["byParent"]

    assert found["totalCount"] == 9
    assert found["nodes"] == by_parent(MISSING[day])
    assert sum(row["total"] - row["covered"] for row in found["nodes"]) == 69


@pytest.mark.anyio
async def test_one_community_is_told_for_itself(city: AsyncEngine) -> None:
    for row in by_parent(MISSING[SUMMER]):
        code = row["unit"]["code"]
        within = {"level": "community", "code": code}

        found = await coverage(city, "property_company", SUMMER, within=within)

        own = [one for one in MISSING[SUMMER] if CITY.parent(one) == code]
        assert (found["covered"], found["total"]) == (row["covered"], row["total"])
        assert [unit["code"] for unit in found["missing"]["nodes"]] == own


@pytest.mark.anyio
async def test_the_day_on_which_ten_companies_leave_is_the_first_without_them(
    city: AsyncEngine,
) -> None:
    days = {
        day: await coverage(city, "property_company", day)
        for day in ("2026-04-30", "2026-05-01", "2026-05-31", "2026-06-01")
    }

    assert [found["covered"] for found in days.values()] == [110, 100, 100, 110]
