"""The made-up town's roster: 1,334 people, 101 organisations, 46 grids and 8 posts.

What is expected is counted here from the files, row by row.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

import pytest

from fixtures.__main__ import DATA
from resolvers.assignment_lists import load_assignments
from resolvers.body_lists import load_bodies
from resolvers.duty_lists import load_duties
from sources.assignments import read_assignments
from sources.bodies import read_bodies
from sources.duties import read_duties
from storage.keys import Role
from tests.circles import whole_town
from tests.duties.roster import NOW, PEOPLE, ROWS
from tests.graphql.asking import TODAY, told
from tests.graphql.world import make_key
from tests.town import layer, table

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

POSTS = [row["key"] for row in table("posts.csv")]
DISTRICT = "999001"
LOADED: dict[str, Any] = {}
"""What the loads said."""

COVERAGE = """
query ($duty: String!, $post: String, $level: String) {
  dutyCoverage(duty: $duty, post: $post, level: $level) {
    total covered bodyCount missing { nodes { code } } excess { totalCount }
  }
}
"""


async def load(engine: AsyncEngine) -> dict[str, Any]:
    """Load the roster, and return what each load said."""
    files = [read_bodies(DATA / "people.csv"), read_bodies(DATA / "organisations.csv")]
    return {
        "duties": await load_duties(engine, read_duties(DATA / "duties.toml"), day=TODAY),
        "bodies": await load_bodies(engine, *files, changed_by="tester"),
        "assignments": await load_assignments(
            engine, read_assignments(DATA / "assignments.csv"), changed_by="tester", day=TODAY
        ),
    }


async def draw(engine: AsyncEngine) -> None:
    await whole_town.build(engine)
    LOADED.update(await load(engine))
    LOADED["key"] = await make_key(engine, Role.EDITOR)


def codes(level: str) -> list[str]:
    return sorted(str(code) for code in layer(level).columns["code"])


def holders(duty: str, level: str, post: str | None = None) -> dict[str, set[str]]:
    """Return who carries a duty now, by unit."""
    found: dict[str, set[str]] = defaultdict(set)
    for row in NOW:
        if (row["duty"], row["level"]) == (duty, level) and post in {None, row["post"]}:
            found[row["unit"]].add(row["body"])
    return found


async def coverage(engine: AsyncEngine, duty: str, **more: str | None) -> Any:  # noqa: ANN401 - JSON
    return (await told(engine, COVERAGE, {"duty": duty, **more}))["dutyCoverage"]


@pytest.mark.usefixtures("drawn")
def test_the_roster_is_loaded_without_a_row_left_out() -> None:
    bodies, assignments = LOADED["bodies"], LOADED["assignments"]

    assert LOADED["duties"].unchanged == 19
    assert (bodies.added, bodies.rejected) == (1334 + 101, ())
    assert (assignments.added, assignments.rejected) == (len(ROWS), ())


@pytest.mark.anyio
async def test_the_same_roster_again_changes_nothing(changing: AsyncEngine) -> None:
    again = await load(changing)

    assert (again["bodies"].unchanged, again["bodies"].changed) == (1435, 0)
    assert again["assignments"].unchanged == len(ROWS)
    assert again["assignments"].added == again["assignments"].changed == 0


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("duty", "level", "covered", "total"),
    [
        ("grid_holder", "grid", 46, 46),
        ("party_branch", "compound", 25, 30),
        ("owners_committee", "compound", 14, 30),
        ("supervisory_board", "compound", 6, 30),
        ("property_company", "compound", 27, 30),
        ("community_liaison", "community", 8, 9),
        ("community_office", "community", 9, 9),
        ("subdistrict_office", "subdistrict", 2, 2),
        ("paired_department", "community", 9, 9),
        ("paired_department", "compound", 30, 30),
        ("volunteer", "grid", 46, 46),
    ],
)
async def test_a_duty_is_covered_as_the_roster_says(
    city: AsyncEngine, duty: str, level: str, covered: int, total: int
) -> None:
    found = await coverage(city, duty, level=level)

    carried = holders(duty, level)
    assert (found["covered"], found["total"]) == (covered, total)
    assert found["bodyCount"] == len(set().union(*carried.values()))
    lacking = [code for code in codes(level) if code not in carried]
    assert [unit["code"] for unit in found["missing"]["nodes"]] == lacking
    assert found["excess"]["totalCount"] == 0


@pytest.mark.anyio
@pytest.mark.parametrize("post", POSTS)
async def test_each_of_the_eight_posts_is_told_for_itself(city: AsyncEngine, post: str) -> None:
    found = await coverage(city, "volunteer", post=post)

    carried = holders("volunteer", "grid", post)
    assert (found["covered"], found["total"]) == (len(carried), 46)
    assert found["bodyCount"] == sum(len(some) for some in carried.values())
    lacking = [code for code in codes("grid") if code not in carried]
    assert [unit["code"] for unit in found["missing"]["nodes"]] == lacking


@pytest.mark.anyio
async def test_nine_secretaries_of_25_are_chair_too(city: AsyncEngine) -> None:
    query = """{ crossAppointment(duties: ["branch_secretary", "committee_chair"]) {
      total dual bodies { totalCount } } }"""

    found = (await told(city, query))["crossAppointment"]

    assert found == {"total": 25, "dual": 9, "bodies": {"totalCount": 9}}


@pytest.mark.anyio
async def test_every_volunteer_is_in_one_grid_with_one_post(city: AsyncEngine) -> None:
    query = """{ units(level: "grid") { nodes {
      code assignments(duty: "volunteer", first: 100) { totalCount nodes { body { key } post } }
    } } }"""

    found = (await told(city, query, key=LOADED["key"]))["units"]["nodes"]

    seen = [
        (unit["code"], one["body"]["key"], one["post"])
        for unit in found
        for one in unit["assignments"]["nodes"]
    ]
    volunteers = [row for row in NOW if row["duty"] == "volunteer"]
    assert sorted(seen) == sorted((row["unit"], row["body"], row["post"]) for row in volunteers)
    assert len(seen) == 1112
    counts = Counter(row["unit"] for row in volunteers)
    assert {u["code"]: u["assignments"]["totalCount"] for u in found} == counts


@pytest.mark.anyio
async def test_readers_are_told_how_many_volunteers_there_are_but_not_who(
    city: AsyncEngine,
) -> None:
    query = """query ($code: String!) { unit(level: "grid", code: $code) {
      volunteers: assignments(duty: "volunteer") { totalCount nodes { id } }
      holder: assignments(duty: "grid_holder") { nodes { body { key name home { code } } } }
    } }"""
    names = {row["key"]: row["name"] for row in PEOPLE}

    for code in codes("grid")[::9]:
        unit = (await told(city, query, {"code": code}))["unit"]

        assert unit["volunteers"]["nodes"] == []
        assert unit["volunteers"]["totalCount"] == len(holders("volunteer", "grid")[code])
        [key] = holders("grid_holder", "grid")[code]
        assert unit["holder"]["nodes"] == [{"body": {"key": key, "name": names[key], "home": None}}]
