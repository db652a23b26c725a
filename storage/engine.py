"""Open the pool of connections that every question shares."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import shapely
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

POOL_SIZE = 10
"""Connections that stay open; siblings of one request run side by side on them."""
MAX_OVERFLOW = 10
"""Connections beyond the pool under load; PostgreSQL allows 100 unless told otherwise."""
POOL_TIMEOUT_S = 30.0
"""How long a request waits for a connection before it fails."""


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


def as_geoms(wkb: Sequence[bytes | None]) -> NDArray[np.object_]:
    """Read WKB, as ``ST_AsBinary`` gives it, into shapely geometries of shape (n,)."""
    return shapely.from_wkb(list(wkb))


def _json_text(value: Any) -> str:  # noqa: ANN401 - any JSON value
    return orjson.dumps(value).decode()
