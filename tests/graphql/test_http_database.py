"""The service outlives its database: what is asked meanwhile is told, and then goes on."""

from __future__ import annotations

import asyncio
import shutil
from typing import TYPE_CHECKING

import psycopg
import pytest

from service.cluster import Cluster
from storage.migrate import upgrade
from tests.graphql.live import serving
from tests.rooms import open_room

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.databases import Databases

pytestmark = pytest.mark.anyio

ASKED = "{ editions(first: 1) { nodes { number } } }"
"""Nothing that the service may know without asking."""
EMPTY: dict[str, dict[str, list[object]]] = {"editions": {"nodes": []}}
WAITING = "wait_event_type = 'Lock' AND datname = current_database()"
PATIENCE_S = 20.0


@pytest.fixture
def own_cluster(databases: Databases) -> Iterator[Cluster]:
    """Give a server that the test may stop; where none can run, the test is skipped."""
    del databases
    folder = open_room()
    try:
        with Cluster(folder / "data", durable=False) as running:
            upgrade(running.url())
            yield running
    finally:
        shutil.rmtree(folder)


async def test_after_a_restart_of_the_server_the_next_question_is_answered(
    own_cluster: Cluster,
) -> None:
    async with serving(own_cluster.url()) as service:
        many = [service.ask(ASKED) for _ in range(8)]
        assert all(told["data"] == EMPTY for told in await asyncio.gather(*many))
        own_cluster.stop()
        down = await service.ask(ASKED)
        ready = await service.http.get("readyz")
        counted = await service.http.get("metrics")
        own_cluster.start()  # it ends with its thread, which is this one
        after = [service.ask(ASKED) for _ in range(8)]
        told = await asyncio.gather(*after)

    assert down["errors"][0]["extensions"]["code"] == "NO_DATABASE"
    assert "ask again soon" in down["errors"][0]["message"]
    assert ready.status_code == 503
    assert "wangge_database_up 0.0" in counted.text
    assert all(one["data"] == EMPTY for one in told), "each at the first try"


async def test_a_question_whose_connection_breaks_is_put_again(database_url: str) -> None:
    plain = database_url.replace("+psycopg", "")
    async with (
        serving(database_url) as service,
        await psycopg.AsyncConnection.connect(plain) as holder,
        await psycopg.AsyncConnection.connect(plain, autocommit=True) as watcher,
    ):
        await holder.execute("LOCK TABLE edition IN ACCESS EXCLUSIVE MODE")
        asked = asyncio.create_task(service.ask(ASKED))
        ended = 0
        async with asyncio.timeout(PATIENCE_S):
            while not ended:
                found = await watcher.execute(
                    f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {WAITING}"
                )
                ended = len(await found.fetchall())
                await asyncio.sleep(0.02)
        await holder.rollback()
        told = await asked

    assert ended == 1
    assert told["data"] == EMPTY
