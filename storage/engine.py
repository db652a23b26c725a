"""Open the pool of connections that every question shares."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Any, TypeVar

import orjson
import psycopg
import shapely
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError, InvalidatePoolError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from geo.errors import NoDatabaseError, TooCostlyError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    import numpy as np
    from numpy.typing import NDArray
    from sqlalchemy import Connection, Engine
    from sqlalchemy.engine.interfaces import DBAPIConnection
    from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

T = TypeVar("T")

LOG = logging.getLogger("wangge.database")

POOL_SIZE = 10
"""Connections that stay open; siblings of one request run side by side on them."""
MAX_OVERFLOW = 10
"""Connections beyond the pool under load; PostgreSQL allows 100 unless told otherwise."""
POOL_TIMEOUT_S = 30.0
"""How long a request waits for a connection before it fails."""

RESTED_S = 0.5
"""A connection that nobody used for so long is asked whether it is there before it is lent: the
server may have been started anew meanwhile, which takes longer. Asking each time costs as much as a
small question."""

CHECKED_MS = 2_000
"""How often PostgreSQL looks, in the middle of a statement, whether its client is still there: a
process that was killed leaves nothing running."""

AGAIN_S = (0.1, 0.4, 1.0)
"""Pauses before a question is put again: PostgreSQL is started anew in about a second."""

_IDLE_SINCE = "wangge_idle_since"


def make_engine(url: str, *, read_s: float | None = None) -> AsyncEngine:
    """Make the engine of one process; dispose of it when the process ends.

    Parameters
    ----------
    url
        SQLAlchemy URL of a migrated database, ``postgresql+psycopg://…``.
    read_s
        After how many seconds PostgreSQL itself ends a statement outside of a transaction; None:
        never. Transactions, which change things, may take as long as they need.
    """
    engine = create_async_engine(
        url,
        pool_size=POOL_SIZE,
        max_overflow=MAX_OVERFLOW,
        pool_timeout=POOL_TIMEOUT_S,
        json_serializer=_json_text,
        json_deserializer=orjson.loads,
    )
    _look_after(engine.sync_engine)
    _bound(engine.sync_engine, read_s)
    return engine


def _look_after(engine: Engine) -> None:
    """Lend no connection that broke while it was idle."""

    def returned(_dbapi: DBAPIConnection | None, entry: ConnectionPoolEntry) -> None:
        entry.info[_IDLE_SINCE] = time.monotonic()

    def lent(
        dbapi: DBAPIConnection, entry: ConnectionPoolEntry, _proxy: PoolProxiedConnection
    ) -> None:
        if time.monotonic() - entry.info.get(_IDLE_SINCE, time.monotonic()) < RESTED_S:
            return
        try:
            engine.dialect.do_ping(dbapi)
        except psycopg.Error as error:
            raise InvalidatePoolError("the database was away") from error  # a new one is made

    event.listen(engine, "checkin", returned)
    event.listen(engine, "checkout", lent)


def _bound(engine: Engine, read_s: float | None) -> None:
    """Let PostgreSQL end what nobody waits for, and what reads for too long."""
    given = {"client_connection_check_interval": f"{CHECKED_MS}ms"}
    if read_s is not None:
        given["statement_timeout"] = f"{max(1, round(1000 * read_s))}ms"
    asked = "SELECT " + ", ".join(f"set_config('{name}', %s, false)" for name in given)

    def connected(dbapi: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        cursor = dbapi.cursor()
        try:
            cursor.execute(asked, list(given.values()))
        except psycopg.errors.InvalidParameterValue as error:  # not every system can tell
            LOG.info("the database does not look after its clients: %s", error)
            dbapi.rollback()
        else:
            dbapi.commit()  # or it would be undone
        finally:
            cursor.close()

    def begun(connection: Connection) -> None:
        if connection.get_execution_options().get("isolation_level") != "AUTOCOMMIT":
            connection.exec_driver_sql("SET LOCAL statement_timeout = 0")

    event.listen(engine, "connect", connected)
    if read_s is not None:
        event.listen(engine, "begin", begun)


def is_lost(error: DBAPIError) -> bool:
    """Return whether the server did not answer, so that nothing can be said of the statement.

    Notes
    -----
    libpq gives no SQLSTATE when there is no connection or it broke; a server that is being
    stopped or started says so in classes 08 and 57P.
    """
    if not isinstance(error.orig, psycopg.OperationalError | psycopg.InterfaceError):
        return False
    state = error.orig.sqlstate
    return state is None or state.startswith(("08", "57P"))


def is_cut(error: DBAPIError) -> bool:
    """Return whether PostgreSQL ended a statement because it took too long."""
    return isinstance(error.orig, psycopg.errors.QueryCanceled)


async def again_if_lost(question: Callable[[], Awaitable[T]]) -> T:
    """Put a question that only reads, and again if the server went away meanwhile.

    Raises
    ------
    NoDatabaseError
        If it does not come back within a moment.
    TooCostlyError
        If PostgreSQL ended it.

    Notes
    -----
    A server that is started anew ends all connections; those of the pool are found broken when
    they are next lent, and the ones in the middle of a statement here.
    """
    for pause_s in AGAIN_S:
        try:
            return await question()
        except DBAPIError as error:
            if is_cut(error):
                raise TooCostlyError(
                    "the database took longer than it may; ask for less at a time"
                ) from error
            if not is_lost(error):
                raise
            LOG.info("the database does not answer, and is asked again: %s", error.orig)
        await asyncio.sleep(pause_s)
    try:
        return await question()
    except DBAPIError as error:
        if not is_lost(error):
            raise
        LOG.warning("the database does not answer: %s", error.orig)
        raise NoDatabaseError("the database does not answer just now; ask again soon") from error


def as_geoms(wkb: Sequence[bytes | None]) -> NDArray[np.object_]:
    """Read WKB, as ``ST_AsBinary`` gives it, into shapely geometries of shape (n,)."""
    return shapely.from_wkb(list(wkb))


def _json_text(value: Any) -> str:  # noqa: ANN401 - any JSON value
    return orjson.dumps(value).decode()
