"""Who carries what, held in memory: everyone is told what the database would tell them."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text

from resolvers import carried, known
from resolvers.carried import held_duties
from resolvers.context import Context, Shared
from resolvers.events import Hub
from resolvers.known import DUTIES, UNKNOWN
from storage.duty_sight import EVERYTHING, PUBLIC
from storage.keys import Role
from tests.graphql import duty_world, world
from tests.graphql.asking import TODAY, ask, told
from tests.graphql.both_ways import shared_of
from tests.graphql.duty_world import EARLY, MOVED, Carried
from tests.graphql.test_duty_sight import KNOWN, key_of
from tests.graphql.world import G11, G22, P1, S1

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sqlalchemy.ext.asyncio import AsyncEngine

pytestmark = [pytest.mark.anyio, pytest.mark.postgis]

BODY = "body { id key name skills memberOf { key name } home { code } contact properties }"
ON_UNIT = "id since until post change duty { key } unit { code } " + BODY
LEVELS = ("grid", "compound")

QUESTIONS = [
    ("", f"nodes {{ {ON_UNIT} }}"),
    ("(first: 1)", "nodes { id } pageInfo { hasNextPage endCursor } totalCount"),
    ('(duty: "volunteer")', f"edges {{ cursor node {{ {ON_UNIT} }} }} totalCount"),
    ('(duty: "volunteer", post: "mediator")', "nodes { post body { key name } }"),
    ('(duty: "grid_holder", first: 1)', "nodes { body { name } }"),
    ("(history: true)", "nodes { id until body { name } } totalCount"),
    (f'(asOf: "{EARLY}")', "nodes { id until body { name } unit { code } }"),
    ('(asOf: "2030-01-01")', "nodes { id body { name } unit { code } }"),
    ("", "totalCount"),
    ("", "a: nodes { id } pageInfo { startCursor } nodes { since } edges { cursor }"),
]
"""Arguments, and what is asked of the assignments: pages, filters, days, history, the count."""

OTHERS = [
    '{ units(level: "grid") { featureCollection(duty: "grid_holder") } }',
    '{ units(level: "grid") { featureCollection(duty: "volunteer") } }',
    f'{{ units(level: "community", asOf: "{EARLY}") {{ nodes {{ children(level: "grid") {{ nodes {{'
    " code assignments { nodes { since body { name } } } } } } } }",
    '{ units(level: "district", first: 1) { nodes { children(level: "grid", first: 10) {'
    " totalCount nodes { code assignments(first: 9) { nodes { body { key"
    " assignments(first: 9) { nodes { unit { code } } } } } } } } } } }",
    '{ body(key: "an") { name home { code } } nobody: body(key: "none") { name } }',
    "{ duties { key name posts } }",
]


def on_units(level: str, *asked: tuple[str, str]) -> str:
    """Return a question about what the units of a level carry."""
    parts = [f"q{n}: assignments{one[0]} {{ {one[1]} }}" for n, one in enumerate(asked)]
    return f'{{ units(level: "{level}", first: 6) {{ nodes {{ {" ".join(parts)} }} }} }}'


def questions() -> list[str]:
    return [*(on_units(level, *QUESTIONS) for level in LEVELS), *OTHERS]


async def settled(shared: Shared) -> None:
    """Wait until nothing is being read for those who come later."""
    while shared.asked:
        await asyncio.wait(list(shared.asked))


async def hold_all(shared: Shared, *, today: dt.date = TODAY) -> None:
    """Wait until units and duties are held, for readers and for editors of everywhere."""
    context = Context(shared, today=today)
    await context.edition()
    for seen in (PUBLIC, EVERYTHING):
        held_duties(context, today, seen)
    await told(shared.engine, '{ units(level: "grid") { nodes { code } } }', shared=shared)
    await settled(shared)
    for seen in (PUBLIC, EVERYTHING):
        assert held_duties(context, today, seen) is not None


@pytest.fixture(autouse=True)
def tireless(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let what has changed be read again at once."""
    monkeypatch.setattr(known, "REST", 0.0)


@pytest.fixture
async def private(posted: AsyncEngine) -> AsyncEngine:
    """Give the town with its duties; everybody has a contact and properties."""
    said = text("""UPDATE body SET contact = '{"phone": "1"}', properties = '{"desk": 4}'""")
    await world.run(posted, said)
    return posted


@pytest.fixture
async def shared(private: AsyncEngine) -> AsyncIterator[Shared]:
    """Give what a process shares that holds everything, and hears of nothing."""
    made = shared_of(private, holds=True)
    await hold_all(made)
    yield made
    await settled(made)


async def test_everyone_is_told_what_the_database_tells_them(
    shared: Shared, private: AsyncEngine
) -> None:
    for asker, *_ in KNOWN:
        key = await key_of(private, asker)
        for query in questions():
            held = await ask(private, query, key=key, shared=shared)
            assert held == await ask(private, query, key=key, fast=False), (asker, query)
            assert held.errors == []


async def test_errors_are_those_of_the_database(shared: Shared, private: AsyncEngine) -> None:
    for arguments in ['(duty: "none")', '(post: "a\\u0000")', "(first: 0)", "(first: 1001)"]:
        query = on_units("grid", (arguments, "nodes { id }"))
        held = await ask(private, query, shared=shared)
        assert held == await ask(private, query, fast=False)
        assert held.errors


HOW_MUCH = "SELECT count(*) AS count_1 \nFROM assignment"
"""The question that comes before all that is carried is read."""

HOLDERS = """{ units(level: "grid") { nodes { code assignments(duty: "grid_holder") {
  nodes { body { key name } } } } } }"""


def holders(data: Any) -> dict[str, list[str]]:  # noqa: ANN401 - JSON
    return {
        unit["code"]: [one["body"]["name"] for one in unit["assignments"]["nodes"]]
        for unit in data["units"]["nodes"]
        if unit["assignments"]["nodes"]
    }


DRAWN = {"G11": ["安小平"], "G21": ["薄二"], "G31": ["陈三"]}
"""The holders of the town, whose codes end so."""


async def test_holders_of_many_units_take_no_statement(
    shared: Shared, private: AsyncEngine, statements: list[str]
) -> None:
    await told(private, HOLDERS, shared=shared)  # the kinds of duties are known from now on
    statements.clear()

    found = holders(await told(private, HOLDERS, shared=shared))

    assert found == {getattr(world, code): names for code, names in DRAWN.items()}
    assert statements == []


async def test_editors_of_a_ground_are_told_by_the_database(
    shared: Shared, private: AsyncEngine, statements: list[str]
) -> None:
    """What they may see depends on where units lie; nothing of it is held."""
    key = await world.make_key(private, Role.EDITOR, within=("subdistrict", S1))
    statements.clear()

    await told(private, HOLDERS, key=key, shared=shared)

    assert any("unit_above" in one for one in statements)


async def test_sixteen_who_come_first_let_it_be_read_once(
    private: AsyncEngine, statements: list[str]
) -> None:
    shared = shared_of(private, holds=True)
    found = await asyncio.gather(*(told(private, HOLDERS, shared=shared) for _ in range(16)))
    await settled(shared)

    assert all(one == found[0] for one in found)
    assert sum("ST_AsBinary" in one for one in statements) == 1, "the units"
    assert sum(one.startswith(HOW_MUCH) for one in statements) == 1, "what is carried"


# -- changes ---------------------------------------------------------------------------------

CHANGES = [
    "UPDATE body SET name = '新名' WHERE key = 'an'",
    "UPDATE assignment SET until = since WHERE body = 'an' AND duty = 'grid_holder'",
    "DELETE FROM assignment WHERE body = 'an' AND duty = 'grid_holder'",
    "TRUNCATE assignment",
    "UPDATE duty SET public = false WHERE key = 'grid_holder'",
]


@pytest.fixture
async def hearing(private: AsyncEngine) -> AsyncIterator[Shared]:
    """Give what a process shares that holds everything, and hears of what others change."""
    shared = shared_of(private, holds=True)
    hub = Hub(private, shared.known)
    listening = asyncio.ensure_future(hub.run())
    try:
        await hub.ready()
        await hold_all(shared)
        yield shared
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        await settled(shared)


async def until_forgotten(shared: Shared) -> None:
    for _ in range(1_000):
        if shared.known.of(DUTIES).look(("carried", False)) is UNKNOWN:
            return
        await asyncio.sleep(0.01)
    raise AssertionError("nothing was heard of the change")


@pytest.mark.parametrize("change", CHANGES)
async def test_what_others_change_is_heard(
    hearing: Shared, private: AsyncEngine, change: str
) -> None:
    before = await told(private, HOLDERS, shared=hearing)
    await world.run(private, text(change))
    await until_forgotten(hearing)

    after = await told(private, HOLDERS, shared=hearing)

    assert after == await told(private, HOLDERS)
    assert after != before


async def test_what_has_changed_is_held_again(hearing: Shared, private: AsyncEngine) -> None:
    await world.run(private, text(CHANGES[0]))
    await until_forgotten(hearing)
    await told(private, HOLDERS, shared=hearing)
    await settled(hearing)

    assert hearing.known.of(DUTIES).look(("carried", False)) is not UNKNOWN
    assert holders(await told(private, HOLDERS, shared=hearing))[G11] == ["新名"]


async def test_levels_and_editions_stay_known_when_duties_change(
    hearing: Shared, private: AsyncEngine
) -> None:
    await world.run(private, text(CHANGES[0]))
    await until_forgotten(hearing)

    assert hearing.known.look("tree") is not UNKNOWN
    assert hearing.known.look(("edition", TODAY)) is not UNKNOWN


async def test_who_changes_something_sees_it_at_once(shared: Shared, private: AsyncEngine) -> None:
    """Nothing is heard here: this process knows what it has done itself."""
    key = await world.make_key(private, Role.EDITOR)
    assert G22 not in holders(await told(private, HOLDERS, shared=shared))
    give = f"""mutation {{ assign(duty: "grid_holder", body: "wu", since: "{MOVED}",
      unit: {{level: "grid", code: "{G22}"}}) {{ id body {{ name }} unit {{
        assignments {{ nodes {{ body {{ key name }} }} }} }} }} }}"""

    given = (await told(private, give, key=key, shared=shared))["assign"]
    assert given["body"]["name"] == "吴五"
    assert {"body": {"key": "wu", "name": "吴五"}} in given["unit"]["assignments"]["nodes"]
    assert holders(await told(private, HOLDERS, shared=shared))[G22] == ["吴五"]

    take = f'mutation {{ endAssignment(id: "{given["id"]}", on: "{TODAY}") {{ id }} }}'
    await told(private, take, key=key, shared=shared)
    assert G22 not in holders(await told(private, HOLDERS, shared=shared))


async def test_nothing_is_told_from_memory_when_changes_may_go_unheard(
    shared: Shared, private: AsyncEngine
) -> None:
    shared.known.doubt()
    await world.run(private, text(CHANGES[0]))

    assert holders(await told(private, HOLDERS, shared=shared))[G11] == ["新名"]


async def test_the_next_day_begins_anew(shared: Shared, private: AsyncEngine) -> None:
    tomorrow = TODAY + dt.timedelta(days=1)
    await duty_world.put(private, Carried("grid_holder", "xu", ("grid", G22), tomorrow))
    shared.known.forget()
    await hold_all(shared)

    assert G22 not in holders(await told(private, HOLDERS, shared=shared))
    found = holders(await told(private, HOLDERS, shared=shared, today=tomorrow))
    assert found[G22] == ["徐六"]


async def test_more_than_may_be_held_is_told_by_the_database(
    private: AsyncEngine, monkeypatch: pytest.MonkeyPatch, statements: list[str]
) -> None:
    monkeypatch.setattr(carried, "CARRIED_BYTES", 1_000)
    shared = shared_of(private, holds=True)
    first = await told(private, HOLDERS, shared=shared)
    await settled(shared)
    statements.clear()

    assert await told(private, HOLDERS, shared=shared) == first == await told(private, HOLDERS)
    assert not any(one.startswith(HOW_MUCH) for one in statements), "that was asked once"
    assert holders(first)[G11] == ["安小平"]


async def test_what_a_mistaken_post_of_a_duty_says_is_the_same(
    shared: Shared, private: AsyncEngine
) -> None:
    query = f"""{{ unit(level: "compound", code: "{P1}") {{
      assignments(duty: "committee_chair", post: "none") {{ nodes {{ id }} }} }} }}"""

    assert await ask(private, query, shared=shared) == await ask(private, query, fast=False)
