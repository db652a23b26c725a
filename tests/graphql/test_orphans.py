"""Assignments on units that an edition or a draft takes away, as the API tells them."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest

from storage.keys import Role
from tests.graphql import duty_world, imported, next_edition, world
from tests.graphql.asking import ask, told
from tests.graphql.duty_world import Carried
from tests.graphql.next_edition import BESIDE, DAY, N1, N2
from tests.graphql.world import C1, C3, G11, G12, G31, HOMES, area_m2

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from tests.databases import Databases

pytestmark = [pytest.mark.anyio, pytest.mark.reads]

LEFT = """orphanedAssignments { totalCount nodes {
    duty { key } body { key name } post since until unit { code name since { number } } } }"""
WITH_SUCCESSORS = """orphans { totalCount nodes {
    assignment { body { key } unit { code } }
    successors { unit { code name } households householdShare areaM2 areaShare } } }"""

A_DAY = dt.timedelta(days=1)


async def build(engine: AsyncEngine) -> None:
    """Draw the town with its duties, one more grid holder, and the third edition."""
    await world.build(engine, homes=(*HOMES, BESIDE))
    await duty_world.build(engine)
    await duty_world.put(engine, Carried("grid_holder", "ren", ("grid", G12), duty_world.MOVED))
    await next_edition.publish(engine)


@pytest.fixture(scope="session")
def orphans_template(databases: Databases) -> str:
    """Draw all that once."""
    return databases.built("drawn_orphans", build)


@pytest.fixture
def town(orphans_template: str, engine: AsyncEngine) -> AsyncEngine:
    """Give the town with its duties, one more grid holder, and the third edition."""
    del orphans_template  # it is copied
    return engine


@pytest.fixture
async def key(town: AsyncEngine) -> str:
    """Give the key of an editor of everywhere."""
    return await world.make_key(town, Role.EDITOR)


def of(found: dict[str, Any], name: str = "orphanedAssignments") -> list[tuple[str, str]]:
    """Return body and unit of each."""
    nodes = found[name]["nodes"]
    plain = [node.get("assignment", node) for node in nodes]
    return [(one["body"]["key"], one["unit"]["code"]) for one in plain]


EVERY = [("ren", G12), ("chen", G31), ("yan", G31)]
"""By code, then by duty; bo had left G12 when edition 2 came."""


async def test_an_edition_tells_what_it_left_behind(town: AsyncEngine, key: str) -> None:
    found = await told(town, f"{{ edition(number: 3) {{ changes {{ {LEFT} }} }} }}", key=key)

    changes = found["edition"]["changes"]
    assert of(changes) == EVERY
    assert changes["orphanedAssignments"]["totalCount"] == 3
    last = changes["orphanedAssignments"]["nodes"][2]
    assert last["duty"] == {"key": "volunteer"}
    assert (last["body"]["name"], last["post"]) == ("严七", "mediator")
    # as it stood before: it stands no more
    assert last["unit"] == {"code": G31, "name": "东门第一网格", "since": {"number": 1}}


async def test_successors_are_those_with_most_households_in_their_new_state(
    town: AsyncEngine, key: str
) -> None:
    query = f"{{ edition(number: 3) {{ changes {{ {WITH_SUCCESSORS} }} }} }}"

    found = (await told(town, query, key=key))["edition"]["changes"]

    assert of(found, "orphans") == EVERY
    assert found["orphans"]["totalCount"] == 3
    merged, divided, _ = (node["successors"] for node in found["orphans"]["nodes"])
    assert [(one["unit"]["code"], one["householdShare"]) for one in merged] == [(G11, 1.0)]
    first, second = divided
    assert first["unit"] == {"code": N1, "name": "东门第三网格"}
    assert (first["households"], first["householdShare"]) == (7, pytest.approx(7 / 12))
    assert first["areaShare"] == pytest.approx(0.25, rel=1e-3)
    assert first["areaM2"] == pytest.approx(area_m2((2, 0, 2.5, 1)), rel=1e-3)
    assert (second["unit"]["code"], second["households"]) == (N2, 5)


@pytest.mark.writes
async def test_pairs_of_editions_tell_it_in_either_direction(town: AsyncEngine, key: str) -> None:
    await duty_world.put(town, Carried("community_liaison", "dai", ("community", C3), DAY))
    await duty_world.put(town, Carried("grid_holder", "xu", ("grid", N1), DAY))
    query = f"""{{ on: changes(from: 1, to: 3, level: "grid") {{ {LEFT} }}
        back: changes(from: 3, to: 2, level: "grid") {{ {LEFT} }}
        same: changes(from: 2, to: 2, level: "grid") {{ {LEFT} }}
        east: changes(from: 2, to: 3, level: "grid", within: {{level: "community", code: "{C3}"}})
            {{ {LEFT} }} }}"""

    found = await told(town, query, key=key)

    assert of(found["on"]) == EVERY
    # N1 came with edition 3, and xu with it: in the time of edition 2 there is no such duty
    assert of(found["back"]) == []
    assert of(found["same"]) == []
    assert of(found["east"]) == EVERY[1:]


@pytest.mark.parametrize(
    ("who", "within", "sees"),
    [
        (None, None, EVERY[:2]),
        (Role.READER, None, EVERY[:2]),
        (Role.EDITOR, ("community", C1), EVERY[:2]),
        (Role.EDITOR, ("community", C3), EVERY),
        (Role.EDITOR, None, EVERY),
    ],
    ids=["stranger", "reader", "editor elsewhere", "editor there", "editor"],
)
async def test_all_are_counted_and_only_those_shown_that_one_may_see(
    town: AsyncEngine,
    who: Role | None,
    within: tuple[str, str] | None,
    sees: list[tuple[str, str]],
) -> None:
    key = await world.make_key(town, who, within=within) if who is not None else None
    query = f"{{ edition(number: 3) {{ changes {{ {LEFT} {WITH_SUCCESSORS} }} }} }}"

    found = (await told(town, query, key=key))["edition"]["changes"]

    for name in ("orphanedAssignments", "orphans"):
        assert of(found, name) == sees
        assert found[name]["totalCount"] == 3


async def test_pages_follow_one_another(town: AsyncEngine, key: str) -> None:
    page = """query ($after: String) { edition(number: 3) { changes { %s(first: 1, after: $after) {
        totalCount nodes { %s } pageInfo { hasNextPage hasPreviousPage endCursor } } } } }"""
    plain = "body { key } unit { code }"
    for name, inner in (
        ("orphanedAssignments", plain),
        ("orphans", f"assignment {{ {plain} }}"),
    ):
        listed, after = [], None
        for place in range(3):
            answer = await told(town, page % (name, inner), {"after": after}, key=key)
            found = answer["edition"]["changes"]
            listed += of(found, name)
            info = found[name]["pageInfo"]
            assert info["hasNextPage"] == (place < 2)
            assert info["hasPreviousPage"] == (place > 0)
            assert found[name]["totalCount"] == 3
            after = info["endCursor"]
        assert listed == EVERY


@pytest.mark.parametrize(
    ("arguments", "code"), [("first: 0", "BAD_INPUT"), ('after: "x"', "BAD_INPUT")]
)
async def test_a_page_that_cannot_be_meant_is_refused(
    town: AsyncEngine, arguments: str, code: str
) -> None:
    for name in ("orphanedAssignments", "orphans"):
        answer = await ask(
            town,
            f"{{ edition(number: 3) {{ changes {{ {name}({arguments}) {{ totalCount }} }} }} }}",
        )
        assert answer.codes() == [code]


@pytest.mark.writes
async def test_what_is_ended_on_the_editions_day_is_not_left_behind(
    town: AsyncEngine, key: str
) -> None:
    for body, until in (("past", DAY), ("still", DAY + A_DAY)):
        await duty_world.put_bodies(town, duty_world.Someone(body, body))
        await duty_world.put(
            town, Carried("volunteer", body, ("grid", G12), duty_world.MOVED, until)
        )

    found = await told(town, f"{{ edition(number: 3) {{ changes {{ {LEFT} }} }} }}", key=key)

    assert of(found["edition"]["changes"]) == [EVERY[0], ("still", G12), *EVERY[1:]]


@pytest.mark.writes
async def test_a_draft_tells_what_it_would_leave_behind(town: AsyncEngine, key: str) -> None:
    # over edition 2, in which C1 has G11 below y = 0.5 and G12 above
    await imported.add_draft(town, units=[(G11, C1, (0, 0, 2, 1))])
    query = f"{{ drafts {{ nodes {{ changes {{ {LEFT} {WITH_SUCCESSORS} }} }} }} }}"

    [draft] = (await told(town, query, key=key))["drafts"]["nodes"]

    assert of(draft["changes"]) == of(draft["changes"], "orphans") == [("ren", G12)]
    [orphan] = draft["changes"]["orphans"]["nodes"]
    [successor] = orphan["successors"]
    # the draft's own unit, with the name of its row
    assert successor["unit"] == {"code": G11, "name": "row 1"}
    assert (successor["households"], successor["householdShare"]) == (3, 1.0)


@pytest.mark.writes
async def test_editions_tell_it_in_as_many_statements_for_all_as_for_one(
    town: AsyncEngine, key: str, statements: list[str]
) -> None:
    query = f"{{ editions(first: %d) {{ nodes {{ changes {{ {LEFT} {WITH_SUCCESSORS} }} }} }} }}"

    statements.clear()
    one = await told(town, query % 1, key=key)
    for_one = len(statements)
    statements.clear()
    every = await told(town, query % 3, key=key)

    assert [of(e["changes"]) for e in every["editions"]["nodes"]] == [EVERY, [], []]
    assert one["editions"]["nodes"] == every["editions"]["nodes"][:1]
    asking = [text for text in statements if "lost" in text]
    assert len(asking) <= 3, "two lists and a count"
    assert len(statements) <= for_one + 2
