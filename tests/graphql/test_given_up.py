"""What one part of a question gives up is not lost to the others, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import gc
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from resolvers import units
from resolvers.context import Context
from schema.build import schema
from schema.request import RequestContext
from tests.graphql.asking import TODAY
from tests.graphql.both_ways import DROPPED, hold, shared_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sqlalchemy.ext.asyncio import AsyncEngine

    from resolvers.context import Shared

pytestmark = [pytest.mark.anyio, pytest.mark.one_way, pytest.mark.filterwarnings(DROPPED)]


NESTED = """{
  a: units(level: "community") { totalCount nodes { code since { number } children(first: 2) {
    totalCount nodes { code parent { code ancestors { code level { unitCount } } } } } } }
  b: units(level: "grid", asOf: "2025-06-01") { nodes { code parent { code } predecessors {
    unit { code } } crosswalk(to: "community") { unit { code } } } }
}"""
IN_A_LIST = """{
  a: units(level: "grid") { nodes { code crosswalk(to: "nowhere") { areaM2 } since { number } } }
  b: units(level: "grid") { nodes { children(level: "none") { totalCount } parent { code } } }
}"""
POINT = """{ placeAt(point: {lon: 104.01, lat: 38.005}) { units { code since { number } }
  ladder { holders { id } } nearest { code } } }"""


@asynccontextmanager
async def nothing_left(engine: AsyncEngine, shared: Shared) -> AsyncIterator[None]:
    """See that nothing goes on after a block, and that nothing failed unheard."""
    loop, unheard = asyncio.get_running_loop(), list[dict[str, Any]]()
    before = asyncio.all_tasks()
    loop.set_exception_handler(lambda _, context: unheard.append(context))
    try:
        yield
        async with asyncio.timeout(10):
            while rest := asyncio.all_tasks() - before:
                await asyncio.wait(rest)
        gc.collect()  # whatever was never awaited or heard says so now
        await asyncio.sleep(0)
    finally:
        loop.set_exception_handler(None)
    assert unheard == []
    assert not shared.asked
    assert engine.sync_engine.pool.checkedout() == 0  # type: ignore[attr-defined] # a QueuePool


@pytest.mark.parametrize("query", [NESTED, IN_A_LIST, POINT])
@pytest.mark.parametrize("holds", [True, False])
async def test_who_leaves_leaves_nothing_behind(town: AsyncEngine, query: str, holds: bool) -> None:
    shared = shared_of(town, holds=holds)
    if holds:
        await hold(shared)
    async with nothing_left(town, shared):
        for steps in range(0, 90, 3):
            context = RequestContext(Context(shared, today=TODAY))
            asking = asyncio.create_task(schema.execute(query, context_value=context))
            for _ in range(steps):
                await asyncio.sleep(0)
            if steps % 2:
                asking.cancel()
            else:
                context.clock.leave()
            await asyncio.wait([asking])

    # and those who stay are answered
    context = RequestContext(Context(shared, today=TODAY))
    result = await schema.execute(query, context_value=context)
    assert result.data is not None


@pytest.mark.parametrize("fast", [True, False])
async def test_an_error_in_a_list_leaves_nothing_unheard(town: AsyncEngine, fast: bool) -> None:
    shared = shared_of(town, holds=False)
    async with nothing_left(town, shared):
        for _ in range(2):
            context = RequestContext(Context(shared, today=TODAY), fast=fast)
            result = await schema.execute(IN_A_LIST, context_value=context)
            assert len(result.errors or ()) == 2


@pytest.mark.parametrize("fast", [True, False])
async def test_what_two_fields_wait_for_is_given_up_by_one_of_them_alone(
    town: AsyncEngine, monkeypatch: pytest.MonkeyPatch, fast: bool
) -> None:
    usual = units.by_keys

    async def late(*given: Any) -> Any:  # noqa: ANN401 - as the original
        await asyncio.sleep(0.1)
        return await usual(*given)

    monkeypatch.setattr(units, "by_keys", late)
    # the error of a's crosswalk takes a's list with it, while both wait for the same parents
    query = """{
      a: units(level: "grid") { nodes { crosswalk(to: "nowhere") { areaM2 } parent { code } } }
      b: units(level: "grid") { nodes { parent { code } } } }"""

    shared = shared_of(town, holds=False)
    context = RequestContext(Context(shared, today=TODAY), fast=fast)
    result = await schema.execute(query, context_value=context)

    assert result.data is not None
    assert result.data["a"] is None
    assert len(result.data["b"]["nodes"]) == 6
    assert [error.path[0] for error in result.errors or () if error.path] == ["a"]
