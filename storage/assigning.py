"""Writes who carries which duty; the tables forbid what must not be, and here it is explained."""

from __future__ import annotations

import datetime as dt
from enum import IntEnum
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Date,
    Integer,
    Text,
    and_,
    bindparam,
    case,
    column,
    func,
    literal,
    null,
    or_,
    select,
    union_all,
    update,
)
from sqlalchemy import cast as sql_cast
from sqlalchemy import (
    insert as insert_into,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.exc import DBAPIError

from geo.errors import ConflictError
from storage.assignments import AssignmentRow, columns
from storage.duty_models import Assignment, Body, DutyStamp
from storage.duty_sight import lies_in, may_know, may_name, may_see
from storage.units import texts

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection

    from storage.assignments import UnitKey
    from storage.duty_sight import DutyGround, Sight
    from storage.units import Query

Day = dt.date

OVERLAP = "23P01"
"""SQLSTATE of an exclusion constraint: what is written must not stand beside what stands."""

UNKNOWN_KEY = "23503"
"""SQLSTATE of a foreign key: what is named is gone."""

AT_ONCE = 10_000
"""So many rows are one statement."""


class NewAssignment(NamedTuple):
    """What is to be written: a body carries a duty on a unit."""

    duty: str
    body: str
    level: str
    code: str
    since: Day
    until: Day | None = None
    post: str | None = None


class Why(IntEnum):
    """Why two assignments cannot stand side by side; the plainest first."""

    TWICE = 0
    """They are the same, on days that both have."""
    HOLDER = 1
    """The unit may have one holder at a time."""
    UNIT = 2
    """The body may carry it on one unit at a time."""


class Clash(NamedTuple):
    """A stored assignment beside which a new one cannot stand."""

    place: int
    """Of the new one, among those that are to be written."""
    why: Why
    other: AssignmentRow
    seen: bool
    """Whether the asker may see the stored one."""
    name: str | None
    """Of its body; None where the asker may not know it."""


async def lock(connection: AsyncConnection) -> None:
    """Let others who would change duties wait until the transaction ends.

    They would wait at their first statement anyway: a trigger counts changes in one row. Taken
    before looking, it makes sure that what was looked at is still so when it is written.
    """
    await connection.execute(select(DutyStamp.stamp).with_for_update())


async def find_clashes(
    connection: AsyncConnection, rows: Sequence[NewAssignment], sight: Sight, day: Day
) -> dict[int, Clash]:
    """Return beside which stored assignments new ones cannot stand, by the place of the new one.

    Parameters
    ----------
    sight, day
        What the asker may know of the stored ones, on that day.

    Returns
    -------
    dict
        One for each new one, the plainest and earliest; it lacks those that nothing forbids. One
        statement for 10,000 new ones; leans on ``assignment_unit`` and ``assignment_body``.
    """
    found: dict[int, Clash] = {}
    for start in range(0, len(rows), AT_ONCE):
        query = _clashes(rows[start : start + AT_ONCE], sight, day)
        for place, why, seen, name, *other in await connection.execute(query):
            clash = Clash(start + place, Why(why), AssignmentRow._make(other), seen, name)
            found.setdefault(clash.place, clash)
    return found


def _clashes(rows: Sequence[NewAssignment], sight: Sight, day: Day) -> Query:
    new = _given(rows)
    same_duty = Assignment.duty == new.c.duty
    same_unit = and_(same_duty, Assignment.level == new.c.level, Assignment.code == new.c.code)
    same_body = and_(same_duty, Assignment.body == new.c.body)
    same_post = Assignment.post.is_not_distinct_from(new.c.post)
    conditions = {
        Why.TWICE: and_(same_unit, same_body, same_post),
        Why.HOLDER: and_(same_unit, Assignment.exclusive),
        Why.UNIT: and_(same_body, Assignment.single),
    }
    pairs = union_all(
        *(
            select(new.c.i, literal(int(why), Integer).label("why"), Assignment.id)
            .select_from(new)
            .join(Assignment, and_(condition, _overlap(new)))
            for why, condition in conditions.items()
        )
    ).subquery("pairs")
    name = case((may_name(sight, day), Body.name), else_=null())
    return (
        select(pairs.c.i, pairs.c.why, may_see(sight), name, *columns().selected_columns)
        .select_from(pairs)
        .join(Assignment, Assignment.id == pairs.c.id)
        .join(Body, Body.key == Assignment.body)
        .order_by(pairs.c.i, pairs.c.why, Assignment.since, Assignment.id)
    )


def _overlap(new: Any) -> ColumnElement[bool]:  # noqa: ANN401 - a table of new ones
    """Return the condition that a stored assignment and a new one have a day in common."""
    begins = or_(new.c.until.is_(None), Assignment.since < new.c.until)
    lasts = or_(
        Assignment.until.is_(None),
        and_(Assignment.until > new.c.since, Assignment.until > Assignment.since),
    )
    return and_(begins, lasts)


async def same(
    connection: AsyncConnection, row: NewAssignment, *, lasting: bool = False
) -> AssignmentRow | None:
    """Return the stored assignment that says just what a new one would; None without one.

    Parameters
    ----------
    lasting
        One that began earlier says the same, too.
    """
    began = Assignment.since <= row.since if lasting else Assignment.since == row.since
    query = columns().where(
        Assignment.duty == row.duty,
        Assignment.body == row.body,
        Assignment.level == row.level,
        Assignment.code == row.code,
        Assignment.post.is_not_distinct_from(row.post),
        Assignment.until.is_not_distinct_from(row.until),
        began,
    )
    found = (await connection.execute(query.order_by(Assignment.id).limit(1))).first()
    return AssignmentRow._make(found) if found is not None else None


class Assignable(NamedTuple):
    """What decides whether an asker may give a body something to carry."""

    known: bool
    """Whether the asker may know its home."""
    settled: bool
    """Whether it has a home."""


async def assignable(
    connection: AsyncConnection, bodies: Collection[str], sight: Sight
) -> dict[str, Assignable]:
    """Return what decides whether an asker may give bodies something to carry, by their keys.

    It lacks those that are not there. Leans on ``body_key_key``.
    """
    query = select(Body.key, may_know(sight), Body.home_code.is_not(None)).where(
        Body.key == func.any(texts(sorted(bodies)))
    )
    return {key: Assignable(*row) for key, *row in await connection.execute(query)}


async def outside(
    connection: AsyncConnection, ground: DutyGround, units: Sequence[UnitKey]
) -> list[UnitKey]:
    """Return the units of many that do not lie on a ground; leans on ``unit_code``."""
    levels, codes = texts([level for level, _ in units]), texts([code for _, code in units])
    given = func.unnest(levels, codes).table_valued(column("level", Text), column("code", Text))
    unit = given.render_derived(name="given")
    query = select(unit.c.level, unit.c.code).where(~lies_in(ground, unit.c.level, unit.c.code))
    return [(level, code) for level, code in await connection.execute(query)]


async def insert(
    connection: AsyncConnection, rows: Sequence[NewAssignment], by: str
) -> list[AssignmentRow]:
    """Write new assignments in somebody's name, and return them in their order.

    Raises
    ------
    ConflictError
        If two of them cannot stand side by side, or if somebody changed what they stand on. What
        of that was stored before, :func:`find_clashes` tells in time.
    """
    written: list[AssignmentRow] = []
    for start in range(0, len(rows), AT_ONCE):
        new = _given(rows[start : start + AT_ONCE])
        names = list(NewAssignment._fields)
        chosen = select(*(new.c[name] for name in names), literal(by, Text)).order_by(new.c.i)
        statement = (
            insert_into(Assignment)
            .from_select([*names, "created_by"], chosen)
            .returning(*columns().selected_columns)
        )
        try:
            made = [AssignmentRow._make(row) for row in await connection.execute(statement)]
        except DBAPIError as error:
            refused = refused_by_the_table(error)
            if refused is None:
                raise
            raise refused from error
        written += sorted(made, key=lambda row: row.id)
    return written


async def end(
    connection: AsyncConnection, ids: Collection[int], on: Day, by: str
) -> list[AssignmentRow]:
    """End assignments on a day, the first on which they hold no more, in somebody's name.

    Those that begin later, and those that have ended by then, stay as they are.

    Returns
    -------
    list
        Those that were ended now, by id.
    """
    numbers = bindparam(None, sorted(ids), ARRAY(BigInteger), unique=True)
    statement = (
        update(Assignment)
        .where(
            Assignment.id == func.any(numbers),
            Assignment.since <= on,
            or_(Assignment.until.is_(None), Assignment.until > on),
        )
        .values(until=on, ended_at=func.now(), ended_by=by)
        .returning(*columns().selected_columns)
    )
    ended = [AssignmentRow._make(row) for row in await connection.execute(statement)]
    return sorted(ended, key=lambda row: row.id)


def refusal(clash: Clash, new: NewAssignment) -> ConflictError:
    """Return what whoever asks for a new assignment is told of the one that stands in its way."""
    other = clash.other
    if not clash.seen:
        return ConflictError(
            f"body {new.body!r} carries {new.duty!r} on another unit on these days, outside the "
            "ground for which the key is valid; a body may carry it on one unit at a time",
            argument="body",
            hint="ask an editor of that ground, or of everywhere, to end it first",
        )
    who = f"{other.body!r} ({clash.name})" if clash.name is not None else f"{other.body!r}"
    held = f"{who} {days_of(other)}"
    if clash.why is Why.TWICE:
        said = f"{other.level} {other.code} has {new.duty!r} carried by {held} already"
    elif clash.why is Why.HOLDER:
        said = f"{other.level} {other.code} has one holder of {new.duty!r} at a time: {held}"
    else:
        said = (
            f"a body carries {new.duty!r} on one unit at a time: {held}, on {other.level} "
            f"{other.code}"
        )
    return ConflictError(
        f"{said}; end that first, or name days on which it does not hold",
        argument="body" if clash.why is Why.UNIT else "unit",
        hint="endAssignment ends it; what was held until then stays",
    )


def days_of(row: AssignmentRow | NewAssignment) -> str:
    """Return the days of an assignment in words."""
    return f"from {row.since} " + (f"until {row.until}" if row.until is not None else "on")


def refused_by_the_table(error: DBAPIError) -> ConflictError | None:
    """Return what is said of a row that the tables do not take; None of another failure."""
    sqlstate = getattr(error.orig, "sqlstate", None)
    if sqlstate == OVERLAP:
        return ConflictError(
            "two of the assignments cannot stand side by side: a unit would have two holders of a "
            "duty that has one, a body would carry it on two units, or twice on one; leave one of "
            "the two out"
        )
    if sqlstate == UNKNOWN_KEY:
        return ConflictError(
            "a duty, one of its levels or a body was taken away meanwhile; look at them again"
        )
    return None


def _given(rows: Sequence[NewAssignment]) -> Any:  # noqa: ANN401 - a table of the columns below
    """Return new assignments as a table, in which ``i`` counts from 0."""
    plain = [{"i": index, **row._asdict()} for index, row in enumerate(rows)]
    sent = sql_cast(bindparam(None, orjson.dumps(plain).decode(), Text, unique=True), JSONB)
    names = (column(name, Text) for name in ("duty", "body", "level", "code", "post"))
    days = (column(name, Date) for name in ("since", "until"))
    table = func.jsonb_to_recordset(sent).table_valued(column("i", Integer), *names, *days)
    return table.render_derived(name="new", with_types=True)
