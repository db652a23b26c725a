"""Writes who carries which duty, many at once; the tables forbid two holders where one may be."""

# ruff: noqa: S608 - what is put together are constants of this module; values are bound

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, NamedTuple

import orjson
from sqlalchemy import func, text
from sqlalchemy.exc import DBAPIError

from geo.errors import ConflictError
from storage.assigning import OVERLAP, UNKNOWN_KEY, NewAssignment
from storage.assignments import AssignmentRow, columns
from storage.duty_models import Assignment
from storage.units import texts

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection

Day = dt.date

AT_ONCE = 10_000
"""So many rows are one statement."""

MANY = 1_000
"""So many new rows are worth looking at by the planner."""

_REFUSED = frozenset({OVERLAP, UNKNOWN_KEY})
"""What was looked at before has changed: somebody wrote without waiting."""


class NewEnd(NamedTuple):
    """Another last day of a stored assignment."""

    id: int
    until: Day | None


async def stored_assignments(
    connection: AsyncConnection, duties: Collection[str]
) -> list[AssignmentRow]:
    """Return all assignments of some duties, whenever they hold; by number.

    No limit: a list may be the whole truth of a duty. Leans on ``assignment_duty``.
    """
    query = columns().where(Assignment.duty == func.any(texts(sorted(duties))))
    rows = await connection.execute(query.order_by(Assignment.id))
    return [AssignmentRow._make(row) for row in rows]


async def write(
    connection: AsyncConnection,
    *,
    ends: Sequence[NewEnd],
    longer: Sequence[NewEnd],
    new: Sequence[NewAssignment],
    by: str,
) -> None:
    """Write assignments that hold shorter, then those that hold longer, then new ones.

    Raises
    ------
    ConflictError
        If somebody else wrote what forbids it meanwhile.
    """
    try:
        for ended in (ends, longer):  # the first ones make room
            for start in range(0, len(ended), AT_ONCE):
                await _run(connection, _END, ended[start : start + AT_ONCE], by)
        for start in range(0, len(new), AT_ONCE):
            await _run(connection, _INSERT, new[start : start + AT_ONCE], by)
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) not in _REFUSED:
            raise
        raise ConflictError(
            "somebody else changed the same assignments, or what they name, at the same time; "
            "load the list again"
        ) from error
    if len(new) > MANY:
        await connection.execute(text("ANALYZE assignment"))


async def _run(
    connection: AsyncConnection, statement: str, rows: Sequence[NamedTuple], by: str
) -> None:
    plain = orjson.dumps([row._asdict() for row in rows]).decode()
    await connection.execute(text(statement), {"rows": plain, "by": by})


_END = """
UPDATE assignment a
SET until = r.until,
    ended_at = CASE WHEN r.until IS NOT NULL THEN now() END,
    ended_by = CASE WHEN r.until IS NOT NULL THEN :by END
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (id bigint, until date)
WHERE a.id = r.id
"""
_INSERT = f"""
INSERT INTO assignment ({", ".join(NewAssignment._fields)}, created_by, ended_at, ended_by)
SELECT {", ".join(f"r.{field}" for field in NewAssignment._fields)}, :by,
    CASE WHEN r.until IS NOT NULL THEN now() END, CASE WHEN r.until IS NOT NULL THEN :by END
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r
    (duty text, body text, level text, code text, post text, since date, until date)
"""
