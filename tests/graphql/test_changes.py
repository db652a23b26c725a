"""What editions and drafts change, as the API tells it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import delete, update

from resolvers import changes
from resolvers.context import Shared
from storage.keys import Role
from storage.models import Draft, DraftUnit
from tests.graphql import imported, world
from tests.graphql.asking import ask, told
from tests.graphql.world import C1, C2, G11, G12, HOMES, Home, area_m2

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.ext.asyncio import AsyncEngine

    from tests.databases import Databases

pytestmark = [pytest.mark.anyio, pytest.mark.reads]

ALL = """{ added removed redrawn renamed recoded reattributed split merged unchanged householdsMoved
    items { totalCount nodes { kinds columns level { key } code movedM2 parts { code }
        before { code name areaM2 since { number } } after { code name areaM2 } } }
    movements { totalCount nodes { from { code } to { code } households areaM2 } } }"""

EAST = Home("a7", (1.5, 0.25), 9, 20, {}, (G12, G12))
"""In C1 grid 2 in edition 1, in grid 1 in edition 2: C1 is divided across then."""


@pytest.fixture(scope="session")
def more_template(databases: Databases) -> str:
    """Draw the town with one household more, once."""
    return databases.built("drawn_more", lambda engine: world.build(engine, homes=(*HOMES, EAST)))


@pytest.fixture
def town(more_template: str, engine: AsyncEngine) -> AsyncEngine:
    """Give the town with one household more."""
    del more_template  # it is copied
    return engine


@pytest.fixture
async def key(town: AsyncEngine) -> str:
    """Give an editor's key."""
    return await world.make_key(town, Role.EDITOR)


def counts(summary: dict[str, Any]) -> dict[str, int]:
    """Return the counts that are not zero."""
    return {name: n for name, n in summary.items() if isinstance(n, int) and n}


def ways(summary: dict[str, Any]) -> Iterator[tuple[str | None, str | None, int]]:
    for one in summary["movements"]["nodes"]:
        ends = (end["code"] if end else None for end in (one["from"], one["to"]))
        yield *ends, one["households"]


async def between(town: AsyncEngine, before: int, after: int, level: str = "grid") -> Any:  # noqa: ANN401 - JSON
    query = f"{{ changes(from: {before}, to: {after}, level: {level!r}) {ALL} }}"
    return (await told(town, query.replace("'", '"')))["changes"]


@pytest.mark.writes
async def test_editions_are_compared_in_units_land_and_households(town: AsyncEngine) -> None:
    found = await between(town, 1, 2)

    quarter = area_m2((0, 0, 1, 0.5))
    assert counts(found) == {"redrawn": 2, "unchanged": 4, "householdsMoved": 9}
    assert [item["code"] for item in found["items"]["nodes"]] == [G11, G12]
    first = found["items"]["nodes"][0]
    assert (first["kinds"], first["columns"]) == (["REDRAWN"], [])
    assert first["level"] == {"key": "grid"}
    # it keeps the lower left quarter of C1, gives the upper left one, takes the lower right one
    assert first["movedM2"] == pytest.approx(2 * quarter, rel=1e-3)
    assert first["before"]["areaM2"] == pytest.approx(area_m2((0, 0, 1, 1)), rel=1e-9)
    assert first["before"]["since"] == {"number": 1}
    assert first["after"]["areaM2"] == pytest.approx(area_m2((0, 0, 2, 0.5)), rel=1e-9)
    assert list(ways(found)) == [(G12, G11, 9), (G11, G12, 0)]
    assert found["movements"]["nodes"][0]["areaM2"] == pytest.approx(quarter, rel=1e-3)


@pytest.mark.writes
async def test_time_may_run_backwards(town: AsyncEngine) -> None:
    found = await between(town, 2, 1)

    assert counts(found) == {"redrawn": 2, "unchanged": 4, "householdsMoved": 9}
    assert list(ways(found)) == [(G11, G12, 9), (G12, G11, 0)]
    assert found["items"]["nodes"][0]["before"]["areaM2"] == pytest.approx(
        area_m2((0, 0, 2, 0.5)), rel=1e-9
    )


@pytest.mark.writes
async def test_an_edition_tells_what_it_changed_on_the_lowest_level(town: AsyncEngine) -> None:
    query = f"""{{ second: edition(number: 2) {{ changes {ALL} }}
        first: edition(number: 1) {{ changes {{ added unchanged householdsMoved
            items(first: 1) {{ nodes {{ before {{ code }} level {{ key }} }} }} }} }}
        above: edition(number: 2) {{ changes(level: "community") {{ unchanged }} }} }}"""

    found = await told(town, query)

    assert found["second"]["changes"] == await between(town, 1, 2)
    assert counts(found["first"]["changes"]) == {"added": 6}
    assert found["first"]["changes"]["items"]["nodes"] == [
        {"before": None, "level": {"key": "grid"}}
    ]
    assert counts(found["above"]["changes"]) == {"unchanged": 3}


@pytest.mark.writes
async def test_changes_are_asked_for_below_a_unit(town: AsyncEngine) -> None:
    query = f"""{{
        mine: changes(from: 1, to: 2, level: "grid", within: {{level: "community", code: "{C1}"}})
            {{ redrawn unchanged householdsMoved movements {{ totalCount }} }}
        other: changes(from: 1, to: 2, level: "grid", within: {{level: "community", code: "{C2}"}})
            {{ redrawn unchanged householdsMoved movements {{ totalCount }} }} }}"""

    found = await told(town, query)

    assert counts(found["mine"]) == {"redrawn": 2, "householdsMoved": 9}
    assert found["mine"]["movements"] == {"totalCount": 2}
    assert counts(found["other"]) == {"unchanged": 2}
    assert found["other"]["movements"] == {"totalCount": 0}


@pytest.mark.writes
async def test_lists_come_in_pages_that_follow_one_another(town: AsyncEngine) -> None:
    page = """query ($after: String) { changes(from: 1, to: 2, level: "grid") { %s(
        first: 1, after: $after) { totalCount edges { cursor node { %s } }
        pageInfo { hasNextPage hasPreviousPage endCursor } } } }"""
    for field, inner, expected in (
        ("items", "code", [{"code": G11}, {"code": G12}]),
        ("movements", "households", [{"households": 9}, {"households": 0}]),
    ):
        first = (await told(town, page % (field, inner)))["changes"][field]
        end = first["pageInfo"]["endCursor"]
        second = (await told(town, page % (field, inner), {"after": end}))["changes"][field]

        assert [one["edges"][0]["node"] for one in (first, second)] == expected
        assert first["edges"][0]["cursor"] == end
        assert [one["pageInfo"]["hasNextPage"] for one in (first, second)] == [True, False]
        assert second["pageInfo"]["hasPreviousPage"]
        assert [one["totalCount"] for one in (first, second)] == [2, 2]


async def test_items_can_be_chosen_by_kind(town: AsyncEngine) -> None:
    query = """{ changes(from: 1, to: 2, level: "grid") {
        some: items(kinds: [REDRAWN, ADDED]) { totalCount nodes { code } }
        none: items(kinds: [SPLIT]) { totalCount nodes { code } } } }"""

    found = (await told(town, query))["changes"]

    assert found["some"]["totalCount"] == len(found["some"]["nodes"]) == 2
    assert found["none"] == {"totalCount": 0, "nodes": []}


@pytest.mark.parametrize(
    ("query", "code", "argument"),
    [
        ('changes(from: 1, to: 3, level: "grid") { added }', "UNKNOWN", "to"),
        ('changes(from: 0, to: 2, level: "grid") { added }', "UNKNOWN", "from"),
        ('changes(from: -1, to: 2, level: "grid") { added }', "UNKNOWN", "from"),
        ('changes(from: 1, to: 2, level: "gird") { added }', "UNKNOWN", "level"),
        (
            'changes(from: 1, to: 2, level: "grid", within: {level: "community", code: "9"})'
            "{ added }",
            "UNKNOWN",
            "within",
        ),
        (
            'changes(from: 1, to: 2, level: "community", within: {level: "grid", code: "9"})'
            "{ added }",
            "BAD_INPUT",
            "within",
        ),
        (
            'changes(from: 1, to: 2, level: "grid") { items(first: 1001) { totalCount } }',
            "LIMIT_EXCEEDED",
            "first",
        ),
        (
            'changes(from: 1, to: 2, level: "grid") { movements(after: "x") { totalCount } }',
            "BAD_INPUT",
            "after",
        ),
    ],
)
async def test_what_cannot_be_meant_is_refused(
    town: AsyncEngine, query: str, code: str, argument: str
) -> None:
    answer = await ask(town, f"{{ {query} levels {{ key }} }}")

    assert answer.codes() == [code]
    assert answer.errors[0]["extensions"]["argument"] == argument
    assert answer.data["changes"] is None
    assert answer.data["levels"]


@pytest.mark.writes
async def test_closed_reading_closes_changes(town: AsyncEngine) -> None:
    query = '{ changes(from: 1, to: 2, level: "grid") { added } }'

    answer = await ask(town, query, public=False)

    assert answer.codes() == ["UNAUTHENTICATED"]


# --- drafts ------------------------------------------------------------------------------------

ROWS = [
    (G11, C1, (0, 0, 1, 0.5)),
    ("999000001001003", C1, (1, 0, 2, 0.5)),
    (G12, C1, (0, 0.5, 2, 1)),
]
"""C1 grid 1, the lower half of it, is divided in the middle; every row has a new name."""


@pytest.mark.writes
async def test_a_draft_is_compared_with_its_base(town: AsyncEngine, key: str) -> None:
    number = await imported.add_draft(town, units=ROWS)
    ident = await draft_id(town, key)

    found = (await told(town, f'{{ draft(id: "{ident}") {{ changes {ALL} }} }}', key=key))["draft"]

    changes = found["changes"]
    assert counts(changes) == {
        "added": 1,
        "redrawn": 1,
        "renamed": 2,
        "reattributed": 2,  # the columns of the file
        "split": 1,
        "householdsMoved": 9,
    }
    first = changes["items"]["nodes"][0]
    assert first["kinds"] == ["REDRAWN", "RENAMED", "REATTRIBUTED", "SPLIT"]
    assert first["columns"] == ["row"]  # the file has one more
    assert [part["code"] for part in first["parts"]] == [G11, "999000001001003"]
    assert first["before"]["name"] == "柳树第一网格"
    assert first["after"]["name"] == "row 1"
    assert list(ways(changes)) == [(G11, "999000001001003", 9)]
    assert number == 1


async def draft_id(town: AsyncEngine, key: str) -> str:
    """Return the id of the newest draft."""
    found = await told(town, "{ drafts(first: 1) { nodes { id } } }", key=key)
    return str(found["drafts"]["nodes"][0]["id"])


@pytest.mark.writes
async def test_a_draft_is_compared_with_the_one_that_it_repairs(
    town: AsyncEngine, key: str
) -> None:
    first = await imported.add_draft(town, units=[*ROWS[:2], (G12, C1, (0, 0.5, 2, 0.9))])
    against = await draft_id(town, key)
    await imported.add_draft(town, units=ROWS, repair_of=first)
    ident = await draft_id(town, key)
    query = f"""{{ draft(id: "{ident}") {{ changes(against: "{against}") {{
        redrawn unchanged householdsMoved
        items {{ nodes {{ before {{ areaM2 }} after {{ areaM2 }} movedM2 }} }}
        movements {{ nodes {{ from {{ code }} to {{ code }} households areaM2 }} }} }} }} }}"""

    changes = (await told(town, query, key=key))["draft"]["changes"]

    strip = area_m2((0, 0.9, 2, 1))
    assert counts(changes) == {"redrawn": 1, "unchanged": 2}
    [item] = changes["items"]["nodes"]
    assert item["after"]["areaM2"] - item["before"]["areaM2"] == pytest.approx(strip, rel=1e-3)
    assert item["movedM2"] == pytest.approx(strip, rel=1e-3)
    assert list(ways(changes)) == [(None, G12, 0)]


@pytest.mark.writes
async def test_a_draft_that_was_written_anew_is_compared_anew(town: AsyncEngine, key: str) -> None:
    shared = Shared(town)
    await imported.add_draft(town, units=ROWS)
    query = f'{{ draft(id: "{await draft_id(town, key)}") {{ changes {{ added renamed }} }} }}'
    before = await told(town, query, key=key, shared=shared)

    await world.run(
        town,
        delete(DraftUnit).where(DraftUnit.code == ROWS[1][0]),
    )
    kept = await told(town, query, key=key, shared=shared)
    await world.run(town, update(Draft).values(created_by="again"))
    after = await told(town, query, key=key, shared=shared)

    assert before["draft"]["changes"] == kept["draft"]["changes"] == {"added": 1, "renamed": 2}
    assert after["draft"]["changes"] == {"added": 0, "renamed": 2}


@pytest.mark.writes
async def test_a_draft_that_was_never_checked_has_no_changes(town: AsyncEngine, key: str) -> None:
    await imported.add_draft(town, units=ROWS, status="READING", findings=False)
    query = f'{{ draft(id: "{await draft_id(town, key)}") {{ changes {{ added }} }} }}'

    assert await told(town, query, key=key) == {"draft": {"changes": None}}


@pytest.mark.writes
async def test_a_draft_of_other_ground_or_level_is_no_standard(town: AsyncEngine, key: str) -> None:
    await imported.add_draft(town, units=[], within=("community", C2))
    foreign = await draft_id(town, key)
    await imported.add_draft(town, units=[], level="compound")
    other = await draft_id(town, key)
    await imported.add_draft(town, units=ROWS)
    ident = await draft_id(town, key)
    own = await world.make_key(town, Role.EDITOR, within=("community", C1))

    async def codes(against: str, who: str) -> list[str]:
        query = f'{{ draft(id: "{ident}") {{ changes(against: "{against}") {{ added }} }} }}'
        return (await ask(town, query, key=who)).codes()

    assert await codes(foreign, own) == ["FORBIDDEN"]
    assert await codes(foreign, key) == []
    assert await codes(other, key) == ["BAD_INPUT"]
    assert await codes("RHJhZnQ6OTk=", key) == ["UNKNOWN"]  # Draft:99


async def test_too_much_at_once_is_refused_and_the_rest_told(
    town: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    # edition 1 has six grids, edition 2 ends and begins two each
    monkeypatch.setattr(changes, "MAX_ROWS", 5)
    query = """{ first: edition(number: 1) { changes { added } }
        second: edition(number: 2) { changes { redrawn } } }"""

    answer = await ask(town, query)

    assert answer.codes() == ["TOO_COSTLY"]
    assert answer.data == {"first": None, "second": {"changes": {"redrawn": 2}}}


# --- statements --------------------------------------------------------------------------------


async def test_as_many_statements_for_many_editions_as_for_one(
    town: AsyncEngine, statements: list[str]
) -> None:
    taken = []
    for query in (
        "{ edition(number: 2) { changes { added redrawn } } }",
        "{ editions { nodes { changes { added redrawn householdsMoved } } } }",
    ):
        statements.clear()
        await told(town, query)
        taken.append(len(statements))

    # the edition, the levels, the edition's; rows, counts, addresses, units around, the outline
    assert taken[0] == taken[1] == 8, "\n\n".join(statements)


async def test_what_editions_change_is_found_out_once(
    town: AsyncEngine, statements: list[str]
) -> None:
    shared = Shared(town)
    query = '{ changes(from: 1, to: 2, level: "grid") { redrawn items { nodes { code } } } }'
    await told(town, query, shared=shared)
    statements.clear()

    await told(town, query, shared=shared)

    assert len(statements) == 2, "the levels, and which edition is the newest"


@pytest.mark.writes
async def test_units_of_a_list_are_read_at_once(town: AsyncEngine, statements: list[str]) -> None:
    shared = Shared(town)
    await told(town, '{ changes(from: 1, to: 2, level: "grid") { redrawn } }', shared=shared)
    statements.clear()

    await told(
        town,
        """{ changes(from: 1, to: 2, level: "grid") {
            items { nodes { before { code geometry } after { code geometry } parts { code } } }
            movements { nodes { from { code geometry } to { code geometry } } } } }""",
        shared=shared,
    )

    assert len(statements) == 2 + 2, "one for each state"


@pytest.mark.writes
async def test_drafts_take_as_many_statements_as_one(
    town: AsyncEngine, key: str, statements: list[str]
) -> None:
    taken = []
    for _ in range(2):
        await imported.add_draft(town, units=ROWS)
        await imported.add_draft(town, units=ROWS[:2])
        statements.clear()
        await told(
            town,
            """{ drafts { nodes { changes { added movements { nodes { to { code } } }
                items { nodes { before { code } after { code } } } } } } }""",
            key=key,
        )
        taken.append(len(statements))

    assert taken[0] == taken[1]
