"""The memory of one process for results that never change."""

from __future__ import annotations

import asyncio
import gc
import weakref
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

import pytest

from resolvers.context import Cache
from schema.build import schema
from schema.shape import MAX_LIST, Texts, read

if TYPE_CHECKING:
    from collections.abc import Iterator

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


class Many(list[int]):
    """A list that says when it has gone."""


@contextmanager
def uncollected() -> Iterator[None]:
    """Let circles stay for a while."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


async def test_the_variables_of_a_refused_question_go_with_it() -> None:
    sent = Many(range(MAX_LIST + 1))
    left = weakref.ref(sent)

    with uncollected():
        answer = await schema.execute(
            "query ($of: [ID!]!) { nodes(ids: $of) { id } }",
            variable_values={"of": sent},
        )
        assert answer.errors, "so many are refused"
        del sent, answer

        assert left() is None


async def test_a_text_that_is_forgotten_goes_at_once() -> None:
    texts = Texts()
    known = texts.keep("{ a }", read('{ units(level: "grid", first: 3) { nodes { id } nope } }'))
    core = schema._schema
    assert len(known.judge(core)) == 1
    left = weakref.ref(known.document), weakref.ref(known)

    with uncollected():
        word = known.document.loc.start_token if known.document.loc else None
        assert word is not None
        assert word.next is None, "words name no other words"
        del known, texts

        assert [one() for one in left] == [None, None]


async def test_what_is_kept_is_not_kept_with_what_made_it() -> None:
    cache, says = Cache(10), ContextVar[object]("says")

    class Request:
        """What a request knows."""

    async def ask() -> str:
        request = Request()
        says.set(request)
        left.append(weakref.ref(request))

        async def make() -> str:
            await asyncio.sleep(0)
            return "made"

        return await cache.get("key", make, len)

    left: list[weakref.ref[Request]] = []
    assert await asyncio.ensure_future(ask()) == "made"
    await asyncio.sleep(0)
    gc.collect()

    assert cache.peek("key") == "made"
    assert left[0]() is None
