"""Databases on the tests' server, each a copy of another one."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager, suppress
from itertools import count
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import sql
from sqlalchemy import make_url

from service.cluster import DATABASE
from storage.engine import make_engine

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from psycopg import Connection
    from sqlalchemy.ext.asyncio import AsyncEngine

    from service.cluster import Cluster

LAST_ANSWERS_S = 10.0
"""How long questions that outlive a test may take."""

POSTGIS = "SELECT DISTINCT probin FROM pg_proc WHERE proname = 'st_intersects' AND probin <> ''"
"""The library of the installed extension, whose name carries its version."""


class Databases:
    """Makes databases on a server, and drops them."""

    def __init__(self, cluster: Cluster, connection: Connection[Any]) -> None:
        self._cluster = cluster
        self._connection = connection
        self._numbers = count(1)
        self._filled: set[str] = set()

    def url(self, name: str) -> str:
        """Return the URL of a database."""
        return self._cluster.url(name)

    def make(self, name: str, template: str = DATABASE) -> str:
        """Make a database as another one is, to which nobody is connected; return its URL."""
        made = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY = file_copy")
        self._run(made.format(sql.Identifier(name), sql.Identifier(template)))
        return self.url(name)

    def once(self, name: str, fill: Callable[[str], object], template: str = DATABASE) -> str:
        """Make and fill a database unless that was done; return its name."""
        if name not in self._filled:
            fill(self.make(name, template))
            self._filled.add(name)
        return name

    def built(
        self, name: str, build: Callable[[AsyncEngine], Awaitable[object]], template: str = DATABASE
    ) -> str:
        """Make a database and build a world in it unless that was done; return its name."""

        async def with_engine(url: str) -> None:
            engine = make_engine(url)
            await build(engine)
            await engine.dispose()

        return self.once(name, lambda url: asyncio.run(with_engine(url)), template)

    def read_only(self, template: str) -> str:
        """Make a copy that cannot be changed, unless that was done; return its URL."""
        name = f"read_{template}"
        firm = sql.SQL("ALTER DATABASE {} SET default_transaction_read_only = on")
        self.once(name, lambda _url: self._run(firm.format(sql.Identifier(name))), template)
        return self.url(name)

    def drop(self, name: str) -> None:
        """Drop a database, whoever is connected to it."""
        self._run(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    @contextmanager
    def copy(self, template: str = DATABASE) -> Iterator[str]:
        """Give the URL of a copy, which is dropped afterwards."""
        name = f"copy_{next(self._numbers)}"
        yield self.make(name, template)
        self.drop(name)

    def _run(self, statement: sql.Composed) -> None:
        self._connection.execute(statement)


async def let_go(engine: AsyncEngine) -> None:
    """Close an engine's connections when the last of them is given back.

    Some questions are put for those who come later, and outlive their test: a connection that came
    back to a pool which is gone would stay open, and be found by the collector of garbage in the
    middle of another test.
    """
    pool = engine.sync_engine.pool
    with suppress(TimeoutError):
        async with asyncio.timeout(LAST_ANSWERS_S):
            await asyncio.sleep(0)  # who just got an answer may ask on
            while pool.checkedout():  # type: ignore[attr-defined] # noqa: ASYNC110 - a QueuePool, which tells nobody
                await asyncio.sleep(0.002)
    await engine.dispose()


def connect(cluster: Cluster, database: str = "postgres") -> Connection[Any]:
    """Return a connection to a database whose statements stand in no transaction."""
    host = str(make_url(cluster.url()).query["host"])
    return psycopg.connect(host=host, user="postgres", dbname=database, autocommit=True)


def load_postgis_once(cluster: Cluster) -> None:
    """Let the server load PostGIS when it starts, and start it anew.

    Otherwise each connection loads it by itself, in 25 ms, and the tests open thousands.
    """
    with connect(cluster, DATABASE) as connection:
        [[library]] = connection.execute(POSTGIS).fetchall()
        connection.execute(
            sql.SQL("ALTER SYSTEM SET shared_preload_libraries = {}").format(sql.Literal(library))
        )
    cluster.stop()
    cluster.start()
