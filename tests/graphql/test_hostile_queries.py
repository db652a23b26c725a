"""Questions that mean harm are refused or bounded, and others are answered meanwhile."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from tests.graphql.asking import ask
from tests.graphql.hostile_queries import HOSTILE, Hostile
from tests.graphql.live import serving
from tests.graphql.world import G21

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

pytestmark = pytest.mark.anyio

PATIENCE_S = 5.0
"""What one of them may take at the very most, on a machine that is busy with other tests."""
FRIENDLY = f'{{ unit(level: "grid", code: "{G21}") {{ code parent {{ name }} }} }}'


@pytest.mark.parametrize("hostile", HOSTILE, ids=lambda hostile: hostile.name)
async def test_each_is_refused_or_bounded(town: AsyncEngine, hostile: Hostile) -> None:
    began = time.monotonic()
    answer = await ask(town, hostile.query, hostile.variables)
    took = time.monotonic() - began

    assert took < PATIENCE_S
    assert all(error["message"] != "Unexpected error." for error in answer.errors), answer.errors
    if hostile.codes:
        assert answer.errors
        assert set(answer.codes()) <= hostile.codes
    else:
        assert answer.errors == []
    assert len(orjson.dumps(list(answer))) < 200_000, "nor is the refusal itself large"


def test_there_are_thirty_of_them_at_least() -> None:
    assert len({hostile.query for hostile in HOSTILE}) >= 30
    assert len({hostile.name for hostile in HOSTILE}) == len(HOSTILE)


async def test_others_are_answered_meanwhile(drawn_town: str, database_url: str) -> None:
    del drawn_town
    friendly: list[Any] = []
    async with serving(database_url) as service:

        async def attack() -> list[int]:
            statuses = []
            for hostile in HOSTILE:
                body = orjson.dumps({"query": hostile.query, "variables": hostile.variables})
                headers = {"Content-Type": "application/json"}
                answer = await service.http.post("graphql", content=body, headers=headers)
                statuses.append(answer.status_code)
            return statuses

        attacks = asyncio.ensure_future(attack())
        while not attacks.done():
            friendly.append((await service.ask(FRIENDLY))["data"])
        statuses = await attacks

    assert set(statuses) <= {200, 400, 413}
    assert len(friendly) > 10
    assert all(data == {"unit": {"code": G21, "parent": {"name": "石桥社区"}}} for data in friendly)


async def test_many_at_once_in_one_request_are_not_taken(
    drawn_town: str, database_url: str
) -> None:
    del drawn_town
    async with serving(database_url) as service:
        answer = await service.http.post("graphql", json=[{"query": FRIENDLY}] * 100)

    assert answer.status_code == 400
