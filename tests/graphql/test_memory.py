"""The memory of one process for results that never change."""

from __future__ import annotations

import asyncio

import pytest

from resolvers.context import Cache

pytestmark = pytest.mark.anyio


async def test_a_result_is_made_once_even_for_those_who_ask_meanwhile() -> None:
    cache, made = Cache(10), []

    async def make() -> str:
        made.append(1)
        await asyncio.sleep(0)
        return "made"

    answers = await asyncio.gather(*(cache.get("key", make, len) for _ in range(5)))

    assert answers == ["made"] * 5
    assert len(made) == 1


async def test_the_least_recently_used_results_are_forgotten() -> None:
    cache, made = Cache(2), []

    async def ask(key: str) -> None:
        async def make() -> str:
            made.append(key)
            return key

        await cache.get(key, make, lambda _: 1)
        await asyncio.sleep(0)

    for key in "abacab":
        await ask(key)

    # c takes the place of b, as a was used after it
    assert "".join(made) == "abcb"


async def test_a_failure_is_not_kept() -> None:
    cache, calls = Cache(2), []

    async def make() -> str:
        calls.append(1)
        if len(calls) == 1:
            raise ValueError("not yet")
        return "made"

    with pytest.raises(ValueError, match="not yet"):
        await cache.get("key", make, len)

    assert await cache.get("key", make, len) == "made"


async def test_one_who_goes_away_leaves_the_result_to_the_others() -> None:
    cache, gate = Cache(10), asyncio.Event()

    async def make() -> str:
        await gate.wait()
        return "made"

    first = asyncio.ensure_future(cache.get("key", make, len))
    second = asyncio.ensure_future(cache.get("key", make, len))
    await asyncio.sleep(0)
    first.cancel()
    gate.set()

    assert await second == "made"
    with pytest.raises(asyncio.CancelledError):
        await first
