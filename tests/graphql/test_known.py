"""What a process knows is what the database holds: told, doubted, and read after writing."""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import insert, text, update

from resolvers import events, known
from resolvers.context import Shared
from resolvers.events import Hub
from resolvers.known import UNKNOWN, Known
from storage.duty_models import Body
from storage.keys import Role
from storage.models import Level
from tests.conftest import CHECKOUT
from tests.graphql import duty_rosters, duty_world, next_edition, world
from tests.graphql.asking import told
from tests.graphql.both_ways import Ways, hold, shared_of
from tests.graphql.duty_world import Carried
from tests.graphql.next_edition import N1, N2
from tests.graphql.world import C1, G11, G12, G21, G22, G31, G32

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from sqlalchemy.ext.asyncio import AsyncEngine

pytestmark = pytest.mark.one_way

PATIENCE_S = 30.0

GRIDS = '{ units(level: "grid") { nodes { code } } }'
LEVELS = "{ levels { key } }"
DUTIES = "{ duties { key } }"
LIAISON = (
    f'{{ unit(level: "community", code: "{C1}") {{'
    ' assignments(duty: "community_liaison") { nodes { body { name } } } } }'
)

BEFORE = [G11, G12, G21, G22, G31, G32]
AFTER = sorted([G11, G21, G22, G32, N1, N2])


# --- facts --------------------------------------------------------------------------------------


async def _fact(value: object) -> object:
    return value


@pytest.mark.anyio
async def test_a_fact_counts_as_long_as_changes_would_be_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 100.0
    monkeypatch.setattr("resolvers.known.time.monotonic", lambda: now)
    facts = Known()

    await facts.learn("a", lambda: _fact(1))
    assert facts.look("a") is UNKNOWN, "nothing is heard yet"
    facts.trust()
    await facts.learn("a", lambda: _fact(None))
    assert facts.look("a") is None, "that there is none is a fact"
    now += known.TRUSTED_S - 0.01
    assert facts.look("a") is None
    now += 0.01
    assert facts.look("a") is UNKNOWN
    facts.trust()
    assert facts.look("a") is None, "the connection was silent, not lost"
    facts.doubt()
    facts.trust()
    assert facts.look("a") is UNKNOWN


@pytest.mark.anyio
async def test_what_changes_while_it_is_looked_up_is_not_kept() -> None:
    facts = Known()
    facts.trust()

    async def old() -> str:
        facts.forget()
        return "old"

    assert await facts.learn("a", old) == "old"
    assert facts.look("a") is UNKNOWN


# --- told ---------------------------------------------------------------------------------------


@asynccontextmanager
async def listening(engine: AsyncEngine) -> AsyncIterator[Shared]:
    """Run a process that hears of changes."""
    shared = Shared(engine, holds=True)
    hub = Hub(engine, shared.known)
    task = asyncio.create_task(hub.run())
    try:
        await hub.ready()
        yield shared
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def found(data: Any) -> list[str]:  # noqa: ANN401 - JSON
    """Return the texts at the ends of an answer."""
    if isinstance(data, str):
        return [data]
    below = data.values() if isinstance(data, dict) else data or []
    return [text for one in below for text in found(one)]


async def comes(shared: Shared, query: str, wanted: Callable[[list[str]], bool]) -> None:
    """Ask until the answer is as wanted."""
    async with asyncio.timeout(PATIENCE_S):
        while not wanted(found(await told(shared.engine, query, shared=shared))):  # noqa: ASYNC110 - a notice
            await asyncio.sleep(0.02)


async def add_level(engine: AsyncEngine) -> None:
    """Add a level beside the others."""
    row = {"key": "police", "name": "police", "parent": "community", "tiling": "TILES", "rank": 9}
    await world.run(engine, insert(Level).values(**row))


async def rename(engine: AsyncEngine) -> None:
    """Give the liaison of C1 another name."""
    await world.run(engine, update(Body).where(Body.key == "dai").values(name="new name"))


async def another_liaison(engine: AsyncEngine) -> None:
    """Let chen be another."""
    await duty_world.put(engine, Carried("community_liaison", "chen", ("community", C1)))


CHANGES: list[tuple[str, Callable[[AsyncEngine], Awaitable[None]], Callable[[list[str]], bool]]] = [
    (GRIDS, next_edition.publish, lambda said: said == AFTER),
    (LEVELS, add_level, lambda said: "police" in said),
    (LIAISON, rename, lambda said: said == ["new name"]),
    (LIAISON, another_liaison, lambda said: sorted(said) == ["new name", "陈三"]),
    (
        DUTIES,
        lambda engine: duty_rosters.add_duty(engine, "guard", ("grid",), 0, 1),
        lambda said: "guard" in said,
    ),
]
"""What is asked, what changes, and what is answered then."""

ELSEWHERE = """
import asyncio, sys
from storage.engine import make_engine
from tests.graphql.test_known import CHANGES

async def main():
    engine = make_engine(sys.argv[1])
    for line in sys.stdin:
        await CHANGES[int(line)][1](engine)
        print("done", flush=True)
    await engine.dispose()

asyncio.run(main())
"""


@pytest.mark.anyio
async def test_what_another_process_changes_is_seen_after_its_notice(
    town: AsyncEngine, database_url: str
) -> None:
    await duty_world.build(town)
    other = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        ELSEWHERE,
        database_url,
        cwd=CHECKOUT,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert other.stdin is not None
    assert other.stdout is not None
    async with listening(town) as shared:
        await hold(shared)
        ways = Ways(shared, shared_of(town, holds=False), asyncio.all_tasks())
        for number, (query, _, wanted) in enumerate(CHANGES):
            for _ in range(3):  # known, and held, from here on
                assert not wanted(found((await ways.ask(query)).answer["data"]))
                await ways.settle()
            other.stdin.write(f"{number}\n".encode())
            async with asyncio.timeout(PATIENCE_S):
                assert await other.stdout.readline() == b"done\n"
            await comes(shared, query, wanted)
            assert wanted(found((await ways.ask(query)).answer["data"])), "and not forgotten again"
        other.stdin.close()
        assert await other.wait() == 0
        await ways.settle()


@pytest.mark.anyio
async def test_nothing_is_taken_for_known_while_changes_are_not_heard(
    town: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "FIRST_PAUSE_S", 1.0)
    end = text(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname ="
        " current_database() AND (query LIKE 'LISTEN%' OR query = 'SELECT 1')"
    )
    async with listening(town) as shared:
        await hold(shared)
        before = await told(town, GRIDS, shared=shared)
        assert found(before) == BEFORE
        async with town.connect() as connection:
            assert await connection.scalar(end) >= 1
        async with asyncio.timeout(PATIENCE_S):
            while shared.known.look("tree") is not UNKNOWN:  # noqa: ASYNC110 - it has no event
                await asyncio.sleep(0.005)

        await next_edition.publish(town)

        assert found(await told(town, GRIDS, shared=shared)) == AFTER
        async with asyncio.timeout(PATIENCE_S):
            while shared.known.look("tree") is UNKNOWN:  # it listens again
                assert found(await told(town, GRIDS, shared=shared)) == AFTER
                await asyncio.sleep(0.05)
        assert found(await told(town, GRIDS, shared=shared)) == AFTER
    while shared.asked:
        await asyncio.gather(*shared.asked)


# --- written ------------------------------------------------------------------------------------

REVERT = 'mutation { draftRevert(level: "grid", to: 1) { id } }'
PUBLISH = 'mutation ($ids: [ID!]!) { publishDrafts(ids: $ids, note: "back") { number } }'
ASSIGN = """mutation ($unit: UnitRef!) {
  assign(duty: "grid_holder", body: "xu", unit: $unit) { id body { name } } }"""
THERE = {"level": "grid", "code": G22}
HELD = (
    f'{{ unit(level: "grid", code: "{G22}") {{ assignments {{ nodes {{ body {{ key }} }} }} }} }}'
)
PUT = (
    'mutation { putFacility(key: "new", kind: "station", name: "new",'
    " location: {lon: 104.005, lat: 38.002}) { key } }"
)
STATIONS = "{ facilities { nodes { key } } }"
WHERE = "{ placesAt(points: [{lon: 104.012, lat: 38.002}]) { code } }"


@pytest.mark.anyio
async def test_who_has_changed_something_sees_it_at_once_told_or_not(town: AsyncEngine) -> None:
    await duty_world.build(town)
    editor = await world.make_key(town, Role.PUBLISHER)
    shared = shared_of(town, holds=True)  # it trusts that it would be told, and never is
    await hold(shared)
    ways = Ways(shared, shared_of(town, holds=False), asyncio.all_tasks())

    async def change(query: str, **variables: Any) -> Any:  # noqa: ANN401 - JSON
        return await told(town, query, variables, key=editor, shared=shared)

    async def said(query: str) -> list[str]:
        await ways.ask(query)
        await ways.settle()
        answer = (await ways.ask(query)).answer
        await ways.settle()
        return found(answer["data"])

    assert (await said(HELD), await said(STATIONS), await said(WHERE)) == ([], [], [G11])
    await change(ASSIGN, unit=THERE)
    assert await said(HELD) == ["xu"]
    await change(PUT)
    assert await said(STATIONS) == ["new"]
    draft = (await change(REVERT))["draftRevert"]["id"]
    assert await said(WHERE) == [G11]
    assert (await change(PUBLISH, ids=[draft]))["publishDrafts"] == {"number": 3}
    # as edition 1 has it, the ground is G12's, and remains so now that edition 3 is held, too
    assert await said(WHERE) == [G12]
    assert await said(WHERE) == [G12]
