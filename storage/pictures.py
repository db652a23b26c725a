"""Units drawn with fewer vertices: made once for an edition and a step, then read by everyone.

The tables are a cache. They are not logged, so that a crash of the server empties them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from psycopg.sql import SQL
from sqlalchemy import BigInteger, bindparam, delete, exists, func, insert, select
from sqlalchemy.dialects.postgresql import ARRAY

from storage.copying import copy_rows
from storage.drafts import ewkb_hex
from storage.engine import as_geoms
from storage.models import Level, Picture, PictureStep, Unit
from storage.units import stands

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray
    from sqlalchemy.ext.asyncio import AsyncConnection

MAKING_LOCK = 0x77616E6767650006
"""Advisory lock under which one process at a time draws ("wangge" and a number)."""

KEPT_EDITIONS = 3
"""Pictures of so many editions are kept: of the one drawn last, and of the newest others."""

_CHUNK = 2_000
"""Rows that are held as bytes at a time."""

_COPY = SQL("COPY picture (edition, step_mm, unit_row, geom) FROM STDIN")


class Stored(NamedTuple):
    """Some units of one level, as they are stored."""

    level: str
    row_ids: list[int]
    geoms: NDArray[np.object_]


async def read(
    connection: AsyncConnection, edition: int, step_mm: int, unit_rows: Sequence[int]
) -> dict[int, bytes]:
    """Return the WKB of pictures, by row of the unit; those that were not made are absent.

    One statement, on the primary key.
    """
    query = select(Picture.unit_row, func.ST_AsBinary(Picture.__table__.c.geom)).where(
        Picture.edition == edition,
        Picture.step_mm == step_mm,
        Picture.unit_row == func.any(bindparam("rows", type_=ARRAY(BigInteger))),
    )
    rows = await connection.execute(query, {"rows": list(unit_rows)})
    return {row_id: bytes(wkb) for row_id, wkb in rows}


async def is_made(connection: AsyncConnection, edition: int, step_mm: int) -> bool:
    """Return whether every unit of an edition has its picture of a step."""
    made = exists().where(PictureStep.edition == edition, PictureStep.step_mm == step_mm)
    return bool(await connection.scalar(select(made)))


async def may_make(connection: AsyncConnection) -> bool:
    """Take the lock under which pictures are made, until the transaction ends; never wait."""
    return bool(await connection.scalar(select(func.pg_try_advisory_xact_lock(MAKING_LOCK))))


async def standing(connection: AsyncConnection, edition: int) -> AsyncGenerator[Stored]:
    """Yield all units of an edition by rank of their level and code, some thousand at a time."""
    query = (
        select(Unit.level, Unit.row_id, func.ST_AsBinary(Unit.__table__.c.geom))
        .join(Level, Level.key == Unit.level)
        .where(stands(Unit, edition))
        .order_by(Level.rank, Unit.code)
    )
    # a server-side cursor: the bytes of a whole city are never here at once
    rows = await connection.stream(query)
    try:
        async for some in rows.partitions(_CHUNK):
            for level in dict.fromkeys(row[0] for row in some):
                ours = [row for row in some if row[0] == level]
                geoms = as_geoms([bytes(row[2]) for row in ours])
                yield Stored(level, [row[1] for row in ours], geoms)
    finally:
        await rows.close()  # "async with" of the stream leaves the cursor open after an error


async def write(
    connection: AsyncConnection,
    edition: int,
    step_mm: int,
    row_ids: Sequence[int],
    geoms: NDArray[np.object_],
) -> None:
    """Store the pictures of all units of an edition, and forget those of old editions.

    Whoever reads sees nothing of it before the transaction ends, and then all of it.
    """
    await connection.execute(insert(PictureStep).values(edition=edition, step_mm=step_mm))

    def lines() -> Iterator[tuple[object, ...]]:
        for first in range(0, len(row_ids), _CHUNK):
            some = slice(first, first + _CHUNK)
            for row_id, text in zip(row_ids[some], ewkb_hex(geoms[some]), strict=True):
                yield edition, step_mm, row_id, text

    await copy_rows(connection, _COPY, lines())
    others = PictureStep.edition != edition
    newest = (
        select(PictureStep.edition)
        .where(others)
        .distinct()
        .order_by(PictureStep.edition.desc())
        .limit(KEPT_EDITIONS - 1)
    )
    # the pictures go with their steps
    await connection.execute(delete(PictureStep).where(others, PictureStep.edition.not_in(newest)))
