"""All that is carried on a day and who carries it, read at once to be held in memory."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import Text, func, select
from sqlalchemy import cast as sql_cast

from storage import assignments, bodies
from storage.assignments import AssignmentRow
from storage.duty_days import holding_on
from storage.duty_models import Assignment, Body
from storage.duty_sight import may_see

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection

    from storage.bodies import BodyRow
    from storage.duty_sight import Sight
    from storage.units import Query

Day = dt.date

_CHUNK = 1_000
"""Rows that come at a time."""


class Size(NamedTuple):
    """How much there is to be held."""

    assignments: int
    bodies: int
    said: int
    """Characters of the bodies' contacts and properties."""


async def size(connection: AsyncConnection, day: Day) -> Size:
    """Return how much is carried on a day, whoever may see it."""
    count = select(func.count()).select_from(Assignment).where(holding_on(day))
    texts = sql_cast(Body.contact, Text), sql_cast(Body.properties, Text)
    said = func.coalesce(func.sum(sum(map(func.length, texts[1:]), func.length(texts[0]))), 0)
    who = select(func.count(), said).where(Body.key.in_(_carriers(day)))
    held = (await connection.scalar(count)) or 0
    row = (await connection.execute(who)).one()
    return Size(held, int(row[0]), int(row[1]))


async def carried(
    connection: AsyncConnection, day: Day, sight: Sight
) -> AsyncGenerator[Sequence[AssignmentRow]]:
    """Yield what the asker may see of what is carried on a day, in order, some at a time."""
    query = assignments.columns().where(holding_on(day), may_see(sight))
    result = await connection.stream(query.order_by(*assignments.order()))
    try:
        async for some in result.partitions(_CHUNK):
            yield [AssignmentRow._make(row) for row in some]
    finally:
        await result.close()  # "async with" of the stream leaves the cursor open after an error


async def carriers(
    connection: AsyncConnection, day: Day, sight: Sight
) -> AsyncGenerator[Sequence[BodyRow]]:
    """Yield who carries that, as the asker may know them on the day, some at a time."""
    mine = _carriers(day).where(may_see(sight))
    result = await connection.stream(bodies.columns(sight, day).where(Body.key.in_(mine)))
    try:
        async for some in result.partitions(_CHUNK):
            yield [bodies.row_of(row) for row in some]
    finally:
        await result.close()


def _carriers(day: Day) -> Query:
    return select(Assignment.body).where(holding_on(day))
