"""Bulk writing through COPY, the one road that stays fast with a hundred thousand rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import shapely
from psycopg.sql import SQL

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray
    from psycopg import AsyncConnection as Driver
    from sqlalchemy.ext.asyncio import AsyncConnection

PIECE = 4096
"""Geometries that are turned into bytes at once: those of a large level need not stand in memory
twice."""

_HEAD = b"\x01\x06\x00\x00\x00"
"""How the little-endian WKB of a MultiPolygon begins."""

_HEAD_IN_DEGREES = b"\x01\x06\x00\x00\x20\xe6\x10\x00\x00"
"""The same with the SRID 4326, as PostGIS takes it."""


class Column(NamedTuple):
    """One column of a binary COPY."""

    name: str
    type: str
    """PostgreSQL's name of the type whose bytes are sent: ``bytea`` for what comes as bytes."""


def copy_statement(table: str, columns: Sequence[Column]) -> SQL:
    """Return the statement of a binary COPY; the names are constants of this package."""
    names = ", ".join(column.name for column in columns)
    return SQL(f"COPY {table} ({names}) FROM STDIN (FORMAT BINARY)")


async def copy_rows(
    connection: AsyncConnection,
    statement: SQL,
    rows: Iterable[Sequence[object]],
    columns: Sequence[Column] = (),
) -> None:
    """Write rows through a ``COPY … FROM STDIN`` statement, in the connection's transaction.

    Parameters
    ----------
    columns
        What the values of a row are, for a statement in binary form; none for one in text form.
    """
    raw = await connection.get_raw_connection()
    driver: Driver[object] = raw.driver_connection  # type: ignore[assignment] # psycopg's own
    async with driver.cursor() as cursor, cursor.copy(statement) as copy:
        if columns:
            copy.set_types([column.type for column in columns])
        for row in rows:
            await copy.write_row(row)


def wkb_pieces(geoms: NDArray[np.object_]) -> Iterator[bytes | None]:
    """Yield the WKB of geometries one by one, made piece by piece; None stays None."""
    for first in range(0, len(geoms), PIECE):
        yield from shapely.to_wkb(geoms[first : first + PIECE], byte_order=1)


def in_degrees(wkb: bytes) -> bytes:
    """Return the WKB of a MultiPolygon as that of one in degrees of WGS 84.

    Raises
    ------
    ValueError
        If it is none.
    """
    if not wkb.startswith(_HEAD):
        raise ValueError("only two-dimensional MultiPolygons are stored")
    return _HEAD_IN_DEGREES + wkb[len(_HEAD) :]


def json_bytes(text: bytes) -> bytes:
    """Return a JSON text as a binary COPY takes it for a column of type ``jsonb``."""
    return b"\x01" + text  # the version of that form
