"""Facts that a process keeps, and parts of them: read once, forgotten alone or with all."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from geo.errors import TooCostlyError
from resolvers import known as knowledge
from resolvers.context import Context, Shared
from resolvers.known import UNKNOWN, Known
from tests.graphql.asking import TODAY

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

pytestmark = pytest.mark.anyio


async def fact() -> str:
    return "so"


def trusted() -> Known:
    known = Known()
    known.trust()
    return known


async def test_a_part_is_forgotten_alone_and_with_all() -> None:
    known = trusted()
    part = known.of("part")
    await known.learn("whole", fact)
    await part.learn("of it", fact)

    part.forget()
    assert (known.look("whole"), part.look("of it")) == ("so", UNKNOWN)

    await part.learn("of it", fact)
    known.forget()
    assert (known.look("whole"), part.look("of it")) == (UNKNOWN, UNKNOWN)
    assert known.of("part") is part


async def test_a_part_is_trusted_as_long_as_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = 1_000.0
    monkeypatch.setattr("resolvers.known.time.monotonic", lambda: now_s)
    known = trusted()
    part = known.of("part")
    await part.learn("fact", fact)
    assert part.look("fact") == "so"

    now_s += knowledge.TRUSTED_S
    assert part.look("fact") is UNKNOWN, "nothing was heard for too long"

    known.trust()
    assert part.look("fact") == "so", "and all that was told until now has been heard"

    known.doubt()
    known.trust()
    assert part.look("fact") is UNKNOWN, "something may have changed unheard"


@pytest.mark.parametrize("forgotten", ["part", "whole"])
async def test_what_was_read_before_a_change_is_not_kept_after_it(forgotten: str) -> None:
    known, gate = trusted(), asyncio.Event()
    part = known.of("part")

    async def make() -> str:
        await gate.wait()
        return "old"

    coming = part.begin("fact", make)
    assert coming is not None
    await asyncio.sleep(0)
    (part if forgotten == "part" else known).forget()
    gate.set()

    assert await coming == "old"
    assert part.look("fact") is UNKNOWN


async def test_many_who_ask_begin_it_once() -> None:
    known, made = trusted(), list[int]()

    async def make() -> str:
        made.append(1)
        await asyncio.sleep(0.01)
        return "so"

    begun = [known.begin("fact", make) for _ in range(16)]
    await asyncio.gather(*(one for one in begun if one is not None))

    assert sum(one is not None for one in begun) == len(made) == 1
    assert known.look("fact") == "so"


async def test_what_changes_all_the_time_is_not_read_all_the_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now_s = 1_000.0
    monkeypatch.setattr("resolvers.known.time.monotonic", lambda: now_s)
    known = trusted()

    async def make() -> str:
        nonlocal now_s
        now_s += 0.2  # so long it takes
        return "so"

    first = known.begin("fact", make)
    assert first is not None
    await first
    known.forget()
    now_s += 1.9
    assert known.begin("fact", make) is None

    now_s += 0.2  # ten times as long is over
    again = known.begin("fact", make)
    assert again is not None
    await again
    assert known.look("fact") == "so"


async def test_a_failure_is_heard_and_not_kept() -> None:
    known = trusted()

    async def fail() -> str:
        raise ValueError("not now")

    coming = known.begin("fact", fail)
    assert coming is not None
    with pytest.raises(ValueError, match="not now"):
        await coming
    assert known.look("fact") is UNKNOWN


async def test_nothing_is_begun_that_would_not_be_kept() -> None:
    silent = Known()
    assert silent.of("part").begin("fact", fact) is None, "nothing is heard of changes"

    never = Known(kept=False)
    never.trust()
    assert never.of("part").begin("fact", fact) is None


async def test_what_is_made_for_all_does_not_end_with_a_question_of_one_who_left(
    town: AsyncEngine,
) -> None:
    asked, gate = asyncio.Event(), asyncio.Event()
    context = Context(Shared(town), today=TODAY)

    async def slow(_connection: AsyncConnection) -> str:
        asked.set()
        await gate.wait()
        return "so"

    async def make() -> str:
        return await context.once("fact", lambda: context.ask(slow))

    own = asyncio.ensure_future(make())
    await asked.wait()
    others = [asyncio.ensure_future(context.shared.reports.get(1, make, len)) for _ in range(2)]
    await asyncio.sleep(0.05)
    context.stop(TooCostlyError("the one who asked has gone"))
    gate.set()

    assert await asyncio.gather(*others) == ["so", "so"]
    with pytest.raises(TooCostlyError):
        await own
