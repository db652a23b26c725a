"""A question that need not wait is answered before anything counts its time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from schema.driving import Begun

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.anyio


async def test_what_does_not_wait_is_done_at_once() -> None:
    async def say() -> str:
        return "there"

    begun = Begun(say())

    assert begun.is_done
    assert begun.value == "there"
    assert await begun == "there"


async def test_what_waits_goes_on_when_its_future_is_there() -> None:
    first: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    steps: list[str] = []

    async def add() -> int:
        steps.append("begun")
        one = await first
        await asyncio.sleep(0)
        steps.append("went on")
        return one + 1

    begun = Begun(add())
    assert steps == ["begun"]
    assert not begun.is_done
    asyncio.get_running_loop().call_soon(first.set_result, 4)

    assert await begun == 5
    assert steps == ["begun", "went on"]


async def test_an_error_is_raised_where_it_happens() -> None:
    async def fail(*, later: bool) -> None:
        if later:
            await asyncio.sleep(0)
        raise KeyError("gone")

    with pytest.raises(KeyError):
        Begun(fail(later=False))
    waiting = Begun(fail(later=True))
    with pytest.raises(KeyError):
        await waiting


async def test_who_is_cancelled_hears_it_and_what_it_returns_then_counts() -> None:
    heard: list[str] = []

    async def wait() -> str:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            heard.append("cancelled")
            raise
        return "never"

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await Begun(wait())

    assert heard == ["cancelled"]


async def test_what_is_waited_for_inside_ends_in_its_order() -> None:
    ended: list[str] = []

    async def values() -> AsyncIterator[int]:
        try:
            for number in range(3):
                await asyncio.sleep(0)
                yield number
        finally:
            ended.append("generator")

    async def add() -> int:
        async with asyncio.timeout(60):
            return sum([number async for number in values()])

    assert await Begun(add()) == 3
    assert ended == ["generator"]
