"""The pool of connections: what takes too long ends, and nothing outlives its process."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import psycopg
import pytest
from sqlalchemy import make_url, text

from geo.errors import TooCostlyError
from storage import engine as engines
from storage.engine import CHECKED_MS, RESTED_S, again_if_lost, make_engine

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

pytestmark = pytest.mark.anyio

LONG = "SELECT pg_sleep(60)"
READ_S = 0.3
PID = text("SELECT pg_backend_pid()")


@pytest.fixture
async def bounded(database_url: str) -> AsyncIterator[AsyncEngine]:
    """Give an engine whose reading PostgreSQL ends soon."""
    made = make_engine(database_url, read_s=READ_S)
    yield made
    await made.dispose()


def reading(engine: AsyncEngine) -> AsyncEngine:
    return engine.execution_options(isolation_level="AUTOCOMMIT")


async def test_postgresql_itself_ends_what_reads_too_long(bounded: AsyncEngine) -> None:
    async def put() -> None:
        async with reading(bounded).connect() as connection:
            await connection.execute(text(LONG))

    began = time.monotonic()
    with pytest.raises(TooCostlyError, match="longer than it may"):
        await again_if_lost(put)

    assert time.monotonic() - began < 10


async def test_a_transaction_takes_the_time_that_it_needs(bounded: AsyncEngine) -> None:
    async with bounded.begin() as connection:
        await connection.execute(text(f"SELECT pg_sleep({2 * READ_S})"))
    async with reading(bounded).connect() as connection:
        after = await connection.scalar(text("SHOW statement_timeout"))

    assert after == "300ms", "and those who read next on its connection do not"


_SLEEPER = """
import asyncio, sys
from sqlalchemy import text
from storage.engine import make_engine

async def main():
    async with make_engine(sys.argv[1]).connect() as connection:
        print((await connection.execute(text("SELECT pg_backend_pid()"))).scalar(), flush=True)
        await connection.execute(text("SELECT pg_sleep(60)"))

asyncio.run(main())
"""


def test_a_process_that_is_killed_leaves_no_statement_running(database_url: str) -> None:
    url = make_url(database_url)
    child = subprocess.Popen(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", _SLEEPER, database_url], stdout=subprocess.PIPE, text=True
    )
    with (
        child,
        psycopg.connect(
            host=str(url.query["host"]), user="postgres", dbname=url.database, autocommit=True
        ) as connection,
    ):
        assert child.stdout is not None
        pid = int(child.stdout.readline())
        wanted = "SELECT count(*) FROM pg_stat_activity WHERE pid = %s AND query ~ 'sleep'"
        while connection.execute(wanted, (pid,)).fetchone() == (0,):
            time.sleep(0.05)
        child.kill()
        until = time.monotonic() + CHECKED_MS / 1000 + 10
        while connection.execute(wanted, (pid,)).fetchone() != (0,):
            assert time.monotonic() < until, "it sleeps for a minute unless somebody looks"
            time.sleep(0.1)


async def _end(engine: AsyncEngine, pid: int) -> None:
    async with engine.connect() as connection:
        await connection.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid})


async def test_a_connection_that_broke_while_nobody_used_it_is_not_lent(
    bounded: AsyncEngine, engine: AsyncEngine
) -> None:
    async with bounded.connect() as connection:
        before = await connection.scalar(PID)
    await _end(engine, before)
    await asyncio.sleep(RESTED_S)

    async with bounded.begin() as connection:  # which is not begun again by itself
        after = await connection.scalar(PID)

    assert after != before


async def test_a_connection_that_was_just_used_is_lent_unasked(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "RESTED_S", 3_600.0)
    made = make_engine(database_url)
    asked = 0
    ping = made.dialect.do_ping

    def counted(connection: object) -> bool:
        nonlocal asked
        asked += 1
        return ping(connection)  # type: ignore[arg-type]  # whatever the pool lends

    monkeypatch.setattr(made.dialect, "do_ping", counted)
    for rested_s, pings in ((3_600.0, 0), (0.0, 3)):
        monkeypatch.setattr(engines, "RESTED_S", rested_s)
        asked = 0
        for _ in range(3):
            async with made.connect() as connection:
                await _nothing(connection)
        assert asked == pings
    await made.dispose()


async def _nothing(connection: AsyncConnection) -> None:
    await connection.execute(text("SELECT 1"))
