"""Open the pool of connections that every question shares."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, TypeVar

import orjson
import psycopg
import shapely
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from geo.errors import NoDatabaseError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    import numpy as np
    from numpy.typing import NDArray

T = TypeVar("T")

LOG = logging.getLogger("wangge.database")

POOL_SIZE = 10
"""Connections that stay open; siblings of one request run side by side on them."""
MAX_OVERFLOW = 10
"""Connections beyond the pool under load; PostgreSQL allows 100 unless told otherwise."""
POOL_TIMEOUT_S = 30.0
"""How long a request waits for a connection before it fails."""

AGAIN_S = (0.1, 0.4, 1.0)
"""Pauses before a question is put again: PostgreSQL is started anew in about a second."""


def make_engine(url: str) -> AsyncEngine:
    """Make the engine of one process; dispose of it when the process ends.

    Parameters
    ----------
    url
        SQLAlchemy URL of a migrated database, ``postgresql+psycopg://…``.
    """
    return create_async_engine(
        url,
        pool_size=POOL_SIZE,
        max_overflow=MAX_OVERFLOW,
        pool_timeout=POOL_TIMEOUT_S,
        pool_pre_ping=True,  # the private cluster may have been started anew meanwhile
        json_serializer=_json_text,
        json_deserializer=orjson.loads,
    )


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


async def again_if_lost(question: Callable[[], Awaitable[T]]) -> T:
    """Put a question that only reads, and again if the server went away meanwhile.

    Raises
    ------
    NoDatabaseError
        If it does not come back within a moment.

    Notes
    -----
    A server that is started anew ends all connections; those of the pool are found broken when
    they are next lent, and the ones in the middle of a statement here.
    """
    for pause_s in AGAIN_S:
        try:
            return await question()
        except DBAPIError as error:
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
