"""Assignments by their changes, in the order in which those were committed."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import func, select

from storage.assignments import AssignmentRow, columns
from storage.duty_models import Assignment
from storage.duty_sight import lies_in, may_see

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

    from storage.duty_sight import DutyGround, Sight


class Changes(NamedTuple):
    """Assignments that have changed, and how far was looked."""

    rows: list[AssignmentRow]
    """By the number of their last change."""
    newest: int
    """The number of the newest change of all: those up to it were looked at."""


async def newest(connection: AsyncConnection) -> int:
    """Return the number of the newest change of any assignment; 0 before the first."""
    return (await connection.scalar(select(func.max(Assignment.changed)))) or 0


async def after(
    connection: AsyncConnection,
    number: int,
    sight: Sight,
    *,
    within: DutyGround | None,
    duty: str | None,
    first: int,
) -> Changes:
    """Return up to ``first`` assignments last changed after a number that the asker may see.

    Numbers become visible in their order, so that none can appear before one that was seen. Leans
    on ``assignment_changed``.
    """
    last = await newest(connection)
    query = (
        columns()
        .where(Assignment.changed > number, Assignment.changed <= last, may_see(sight))
        .order_by(Assignment.changed)
        .limit(first)
    )
    if duty is not None:
        query = query.where(Assignment.duty == duty)
    if within is not None:
        query = query.where(lies_in(within, Assignment.level, Assignment.code))
    return Changes([AssignmentRow._make(row) for row in await connection.execute(query)], last)
