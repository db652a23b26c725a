"""Who carries which duty on which unit on a day: of units, of bodies, and by id."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import ColumnElement, and_, func, or_, select, true, tuple_

from storage.duty_days import holding_on
from storage.duty_models import Assignment, Body
from storage.duty_sight import may_name, may_see
from storage.units import texts

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection

    from storage.duty_sight import Sight
    from storage.units import Query

Day = dt.date

UnitKey = tuple[str, str]
"""A unit's level and code: its lasting name, whatever edition it stands in."""


class AssignmentRow(NamedTuple):
    """A body carries a duty on a unit from ``since`` until the day before ``until``."""

    id: int
    duty: str
    body: str
    level: str
    code: str
    post: str | None
    since: Day
    until: Day | None
    """None: it still does. The same as ``since``: it never did, it was a mistake."""
    changed: int
    """The stamp at which it was last written."""


class AssignmentFilter(NamedTuple):
    """Which assignments: those of a day that fulfil everything that is given."""

    day: Day
    duty: str | None = None
    post: str | None = None
    history: bool = False
    """Those that had ended by the day, too, unless they were mistakes."""


class Place(NamedTuple):
    """Where a list of assignments goes on: after the one with these values."""

    duty: str
    level: str
    code: str
    since: Day
    id: int


def columns() -> Query:
    """Return the query for the columns of ``AssignmentRow``."""
    return select(
        Assignment.id,
        Assignment.duty,
        Assignment.body,
        Assignment.level,
        Assignment.code,
        Assignment.post,
        Assignment.since,
        Assignment.until,
        Assignment.changed,
    )


def order() -> tuple[ColumnElement[Any], ...]:
    """Return what lists are ordered by: the duty, the unit, and when it began."""
    return (
        Assignment.__table__.c.duty,
        Assignment.level.collate("C"),
        Assignment.__table__.c.code,
        Assignment.__table__.c.since,
        Assignment.__table__.c.id,
    )


def matching(query: Query, which: AssignmentFilter) -> Query:
    """Keep the assignments that a filter names."""
    query = query.where(_begun(which.day) if which.history else holding_on(which.day))
    if which.duty is not None:
        query = query.where(Assignment.duty == which.duty)
    if which.post is not None:
        query = query.where(Assignment.post == which.post)
    return query


def _begun(day: Day) -> ColumnElement[bool]:
    """Return the condition that an assignment had begun by a day, and was no mistake."""
    meant = or_(Assignment.until.is_(None), Assignment.until > Assignment.since)
    return and_(Assignment.since <= day, meant)


async def by_ids(
    connection: AsyncConnection, ids: Collection[int], sight: Sight
) -> dict[int, AssignmentRow]:
    """Return assignments by their numbers, of whatever day, as far as the asker may see them."""
    query = columns().where(Assignment.id.in_(ids), may_see(sight))
    return {row[0]: AssignmentRow._make(row) for row in await connection.execute(query)}


async def of_units(
    connection: AsyncConnection,
    units: Sequence[UnitKey],
    which: AssignmentFilter,
    sight: Sight,
    *,
    first: int,
    after: Place | None = None,
) -> dict[UnitKey, list[AssignmentRow]]:
    """Return up to ``first`` assignments of each of many units that the asker may see, in order.

    One statement; leans on ``assignment_unit``.
    """
    given = _given(units)
    mine = and_(Assignment.level == given.c.level, Assignment.code == given.c.code)
    query = matching(columns().where(mine, may_see(sight)), which)
    found: dict[UnitKey, list[AssignmentRow]] = {unit: [] for unit in units}
    for row in await _first_of_each(connection, given, query, first, after):
        found[row.level, row.code].append(row)
    return found


async def count_of_units(
    connection: AsyncConnection, units: Sequence[UnitKey], which: AssignmentFilter
) -> dict[UnitKey, int]:
    """Return how many assignments each of many units has, whoever may see them."""
    given = _given(units)
    mine = and_(Assignment.level == given.c.level, Assignment.code == given.c.code)
    query = matching(
        select(given.c.level, given.c.code, func.count()).join_from(given, Assignment, mine), which
    ).group_by(given.c.level, given.c.code)
    return {(row[0], row[1]): row[2] for row in await connection.execute(query)}


async def of_bodies(
    connection: AsyncConnection,
    bodies: Sequence[str],
    which: AssignmentFilter,
    sight: Sight,
    *,
    first: int,
    after: Place | None = None,
) -> dict[str, list[AssignmentRow]]:
    """Return up to ``first`` assignments of each of many bodies that the asker may see, in order.

    One statement; leans on ``assignment_body``.
    """
    given = func.unnest(texts(bodies)).table_valued("body").render_derived(name="given")
    query = columns().where(Assignment.body == given.c.body, may_see(sight))
    found: dict[str, list[AssignmentRow]] = {body: [] for body in bodies}
    for row in await _first_of_each(connection, given, matching(query, which), first, after):
        found[row.body].append(row)
    return found


async def count_of_bodies(
    connection: AsyncConnection, bodies: Sequence[str], which: AssignmentFilter
) -> dict[str, int]:
    """Return how many assignments each of many bodies has, whoever may see them."""
    query = select(Assignment.body, func.count()).where(Assignment.body == func.any(texts(bodies)))
    query = matching(query, which).group_by(Assignment.body)
    return {row[0]: row[1] for row in await connection.execute(query)}


async def holder_names(
    connection: AsyncConnection,
    units: Sequence[UnitKey],
    which: AssignmentFilter,
    sight: Sight,
) -> dict[UnitKey, list[str]]:
    """Return the names of the bodies that carry something on each of many units, each once.

    Names come in the order of the bodies' keys; those that the asker may not know are left out.
    One statement; leans on ``assignment_unit``.
    """
    given = _given(units)
    mine = and_(Assignment.level == given.c.level, Assignment.code == given.c.code)
    query = (
        select(given.c.level, given.c.code, Body.key, Body.name)
        .select_from(given)
        .join(Assignment, mine)
        .join(Body, Body.key == Assignment.body)
        .where(may_see(sight), may_name(sight, which.day))
        .distinct()
        .order_by(given.c.level, given.c.code, Body.key)
    )
    found: dict[UnitKey, list[str]] = {unit: [] for unit in units}
    for level, code, _, name in await connection.execute(matching(query, which)):
        found[level, code].append(name)
    return found


def _given(units: Sequence[UnitKey]) -> Any:  # noqa: ANN401 - a table of two columns
    levels, codes = [level for level, _ in units], [code for _, code in units]
    rows = func.unnest(texts(levels), texts(codes)).table_valued("level", "code")
    return rows.render_derived(name="given")


async def _first_of_each(
    connection: AsyncConnection,
    given: Any,  # noqa: ANN401 - a table
    query: Query,
    first: int,
    after: Place | None,
) -> list[AssignmentRow]:
    """Return the first rows that a query, which names a given row, finds for each of those."""
    if after is not None:
        query = query.where(tuple_(*order()) > tuple_(*after))
    each = query.order_by(*order()).limit(first).lateral("each")
    # the rows of one come in order, and the caller puts them apart
    found = select(each).select_from(given).join(each, true())
    place = (each.c.duty, each.c.level.collate("C"), each.c.code, each.c.since, each.c.id)
    rows = await connection.execute(found.order_by(*place))
    return [AssignmentRow._make(row) for row in rows]
