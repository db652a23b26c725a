"""Assignments on units that stand no more.

What such an assignment is left with is a code on which nothing stands, from the day of an edition
until the code comes back. Nothing here writes: whoever answers for the ground decides.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import ARRAY, Date, Integer, Text, cast, func, select, text, tuple_

from storage.assignments import AssignmentRow, columns
from storage.duty_models import Assignment, Body
from storage.duty_sight import may_see
from storage.models import Edition, Unit

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy import ColumnElement, FromClause
    from sqlalchemy.ext.asyncio import AsyncConnection

    from storage.duty_sight import Sight


class Lost(NamedTuple):
    """Codes of a level on which nothing stands any more."""

    level: str
    codes: tuple[str, ...]
    day: dt.date
    """The first day on which nothing stands there."""
    edition: int | None
    """The edition since which that is so; None for a draft, after which nothing has come yet."""


class OrphanPlace(NamedTuple):
    """A place in a list of assignments on lost units."""

    code: str
    duty: str
    id: int


class StrayRow(NamedTuple):
    """An assignment whose unit does not stand."""

    row: AssignmentRow
    edition: int
    """The edition in which it does not stand: that of the day asked, or of the first day."""
    last: int | None
    """The last edition before in which it stood; None where it never did."""
    gone_on: dt.date | None
    """The first day on which it did not stand any more."""


def _lost(asked: Sequence[Lost]) -> tuple[FromClause, ColumnElement[bool]]:
    """Return the codes as a table, and what of the assignments is left without a unit."""
    rows = [
        (place, one.level, code, one.day, one.edition)
        for place, one in enumerate(asked)
        for code in one.codes
    ]
    columns = list(map(list, zip(*rows, strict=True))) or [[], [], [], [], []]
    places, levels, codes, days, editions = columns
    lost = (
        func.unnest(
            cast(places, ARRAY(Integer)),
            cast(levels, ARRAY(Text)),
            cast(codes, ARRAY(Text(collation="C"))),
            cast(days, ARRAY(Date)),
            cast(editions, ARRAY(Integer)),
        )
        .table_valued("place", "level", "code", "day", "edition", name="lost")
        .render_derived()
    )
    # Where the code comes back, what holds from then on has its unit. No edition: it never does.
    back = (
        select(func.min(Edition.effective_on))
        .join(Unit, Unit.first_edition == Edition.number)
        .where(
            Unit.level == lost.c.level,
            Unit.code == lost.c.code,
            Unit.first_edition > lost.c.edition,
        )
        .scalar_subquery()
    )
    holds = func.daterange(Assignment.since, Assignment.until, "[)")
    left = (
        (Assignment.level == lost.c.level)
        & (Assignment.code == lost.c.code)
        & holds.op("&&")(func.daterange(lost.c.day, back, "[)"))
    )
    return lost, left


async def orphans(
    connection: AsyncConnection,
    asked: Sequence[Lost],
    *,
    sight: Sight,
    first: int | None,
    after: OrphanPlace | None = None,
) -> list[list[AssignmentRow]]:
    """Return assignments on lost units, by code, duty and id, for each that is asked.

    Those that hold on some day on which nothing stands there, and those to come.

    Parameters
    ----------
    sight
        What the asker may see.
    first
        How many of each; None for all.

    Notes
    -----
    One statement; leans on ``assignment_unit``, and on ``unit_code`` for codes that came back.
    """
    lost, left = _lost(asked)
    order = (Assignment.code, Assignment.duty, Assignment.id)
    number = func.row_number().over(partition_by=lost.c.place, order_by=order).label("number")
    query = columns().add_columns(lost.c.place, number).join(lost, left).where(may_see(sight))
    if after is not None:
        query = query.where(tuple_(*order) > tuple_(*after))
    numbered = query.subquery()
    cut = select(numbered).order_by(numbered.c.place, numbered.c.number)
    if first is not None:
        cut = cut.where(numbered.c.number <= first)
    found: list[list[AssignmentRow]] = [[] for _ in asked]
    for *row, place, _ in await connection.execute(cut):
        found[place].append(AssignmentRow._make(row))
    return found


async def count_orphans(connection: AsyncConnection, asked: Sequence[Lost]) -> list[int]:
    """Return how many assignments on lost units there are, whoever may see them."""
    lost, left = _lost(asked)
    query = select(lost.c.place, func.count()).join(Assignment, left).group_by(lost.c.place)
    counts: dict[int, int] = dict((await connection.execute(query)).all())
    return [counts.get(place, 0) for place in range(len(asked))]


_LEFT_BEHIND = """
SELECT DISTINCT a.level, a.code FROM assignment a
JOIN edition e ON e.number = :edition
WHERE daterange(a.since, a.until, '[)') && daterange(e.effective_on, NULL, '[)')
  AND EXISTS (SELECT FROM unit u WHERE u.level = a.level AND u.code = a.code
              AND u.last_edition = :edition - 1)
  AND NOT EXISTS (SELECT FROM unit u WHERE u.level = a.level AND u.code = a.code
                  AND u.first_edition = :edition)
ORDER BY a.level, a.code
"""


async def left_behind(connection: AsyncConnection, edition: int) -> dict[str, list[str]]:
    """Return the codes, by level, whose units an edition took away while somebody had a duty there.

    One statement: a probe or two of ``unit_code`` for each assignment.
    """
    found: dict[str, list[str]] = {}
    for level, code in await connection.execute(text(_LEFT_BEHIND), {"edition": edition}):
        found.setdefault(level, []).append(code)
    return found


_STRAYS = """
SELECT a.id, a.duty, a.body, a.level, a.code, a.post, a.since, a.until, a.changed,
       now.number, last.number, gone.effective_on
FROM assignment a
JOIN LATERAL (
    SELECT e.number FROM edition e WHERE e.effective_on <= greatest(a.since, :day)
    ORDER BY e.effective_on DESC, e.number DESC LIMIT 1) AS now ON true
JOIN LATERAL (
    SELECT max(u.last_edition) AS number FROM unit u
    WHERE u.level = a.level AND u.code = a.code AND u.last_edition < now.number) AS last ON true
LEFT JOIN edition gone ON gone.number = last.number + 1
JOIN level l ON l.key = a.level
WHERE (a.until IS NULL OR a.until > greatest(a.since, :day))
  AND NOT EXISTS (
    SELECT FROM unit u WHERE u.level = a.level AND u.code = a.code
    AND u.first_edition <= now.number
    AND (u.last_edition IS NULL OR u.last_edition >= now.number))
ORDER BY l.rank, a.code, a.duty, a.id
"""


async def strays(connection: AsyncConnection, day: dt.date) -> list[StrayRow]:
    """Return the assignments that hold on a day or will, whose unit does not stand then.

    By level, code, duty and id. One statement: a probe of ``unit_code`` for each assignment.
    """
    rows = await connection.execute(text(_STRAYS), {"day": day})
    return [StrayRow(AssignmentRow(*row[:9]), row[9], row[10], row[11]) for row in rows]


async def names_of_bodies(connection: AsyncConnection, keys: Collection[str]) -> dict[str, str]:
    """Return the names of bodies by their keys, for whoever may know them all."""
    query = select(Body.key, Body.name).where(Body.key.in_(keys))
    names: dict[str, str] = dict((await connection.execute(query)).all())
    return names


async def carried_by(
    connection: AsyncConnection, bodies: Collection[str]
) -> set[tuple[str, str, str, str, str | None]]:
    """Return what bodies carry or will: duty, body, level and code of the unit, and post.

    That is what is without an end; leans on ``assignment_body``.
    """
    query = select(
        Assignment.duty, Assignment.body, Assignment.level, Assignment.code, Assignment.post
    ).where(Assignment.body.in_(bodies), Assignment.until.is_(None))
    return {(row[0], row[1], row[2], row[3], row[4]) for row in await connection.execute(query)}
