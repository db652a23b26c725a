"""All units of an edition, read at once to be held in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import func, select

from storage.models import Level, Unit, WaivedLand
from storage.units import UnitRow, Wanted, stands, unit_columns

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection

READ = Wanted.GEOMETRY | Wanted.TALLY
"""What is read of each unit, beside its shape."""

_CHUNK = 1_000
"""Rows that come at a time."""


class Drawn(NamedTuple):
    """Some units of one level, by code."""

    level: str
    rows: Sequence[UnitRow]
    wkb: Sequence[bytes]


async def stored_bytes(connection: AsyncConnection, edition: int) -> tuple[int, int]:
    """Return how many units stand in an edition, and the bytes of their shapes as stored."""
    size = func.coalesce(func.sum(func.pg_column_size(Unit.__table__.c.geom)), 0)
    query = select(func.count(), size).where(stands(Unit, edition))
    row = (await connection.execute(query)).one()
    return int(row[0]), int(row[1])


async def waived_levels(connection: AsyncConnection, edition: int) -> frozenset[str]:
    """Return the levels on which there is waived land in an edition."""
    query = select(WaivedLand.level).where(stands(WaivedLand, edition)).distinct()
    return frozenset((await connection.execute(query)).scalars())


async def standing(connection: AsyncConnection, edition: int) -> AsyncGenerator[Drawn]:
    """Yield the units of an edition by rank of their level and code, some at a time."""
    query = (
        unit_columns(READ, edition)
        .add_columns(func.ST_AsBinary(Unit.__table__.c.geom))
        .join(Level, Level.key == Unit.level)
        .where(stands(Unit, edition))
        .order_by(Level.rank, Unit.level, Unit.code)
    )
    result = await connection.stream(query)
    try:
        async for some in result.partitions(_CHUNK):
            for level in dict.fromkeys(row[3] for row in some):
                ours = [row for row in some if row[3] == level]
                rows = [UnitRow._make((*row[:-1], READ)) for row in ours]
                yield Drawn(level, rows, [bytes(row[-1]) for row in ours])
    finally:
        await result.close()  # "async with" of the stream leaves the cursor open after an error
