"""Who may be placed onto units, who stays on them, and what bodies hold: what plans are made of."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import ColumnElement, and_, exists, func, not_, or_, select
from sqlalchemy.orm import aliased

from storage.assignments import AssignmentRow, columns
from storage.bodies import lies_in
from storage.duty_days import holding_from, holding_on
from storage.duty_models import Assignment, Body
from storage.models import Address
from storage.units import stands, texts

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection

    from storage.bodies import Ground

Day = dt.date


class Pool(NamedTuple):
    """Which bodies may be placed: those of a profession who live on a ground or hold a duty there.

    Attributes
    ----------
    profession
        Of people, or what sort of organisation; None for all people.
    ground
        With its edition.
    duty, level, codes
        The duty and the units that are planned.
    day
        Who holds it there on that day is placed anew, unless the duty may be held on several units.
    all_homes
        Whether the asker may know all homes: else an address counts only with the unit of the home,
        by which is told whether they may.
    """

    profession: str | None
    ground: Ground
    duty: str
    level: str
    codes: Sequence[str]
    several: bool
    day: Day
    all_homes: bool


class Candidate(NamedTuple):
    """A body that may be placed, and what is known of its home."""

    key: str
    skills: tuple[str, ...]
    home_level: str | None
    home_code: str | None
    lon: float | None
    """Of its address, where one is known that stands."""
    lat: float | None


class Holder(NamedTuple):
    """A body that holds a duty on a unit on a day or later."""

    body: str
    code: str
    post: str | None
    since: Day
    skills: tuple[str, ...]


async def candidates(connection: AsyncConnection, pool: Pool, *, first: int) -> list[Candidate]:
    """Return up to ``first`` bodies that may be placed, by key.

    Notes
    -----
    One statement; leans on ``body_profession`` where one is given, ``assignment_body`` and
    ``assignment_duty``. Whose home is not known is one of them only where a profession names it.
    """
    ground = pool.ground
    standing = and_(Address.key == Body.home_address, stands(Address, ground.edition))
    if not pool.all_homes:
        standing = and_(standing, Body.home_code.is_not(None))
    query = (
        select(
            Body.key,
            Body.skills,
            Body.home_level,
            Body.home_code,
            func.ST_X(Address.geom),
            func.ST_Y(Address.geom),
        )
        .outerjoin(Address, standing)
        .where(_is_of(pool), or_(_near(pool), _holds_there(pool)), not_(_is_bound(pool)))
        .order_by(Body.key)
        .limit(first)
    )
    rows = await connection.execute(query)
    return [Candidate(row[0], tuple(row[1]), *row[2:]) for row in rows]


def _is_of(pool: Pool) -> ColumnElement[bool]:
    if pool.profession is None:
        return Body.kind == "PERSON"
    return Body.profession == pool.profession


def _near(pool: Pool) -> ColumnElement[bool]:
    lives = lies_in(pool.ground, Body.home_level, Body.home_code)
    if pool.profession is None:
        return lives
    return or_(lives, Body.home_code.is_(None))


def _there(rows: Any, pool: Pool) -> ColumnElement[bool]:  # noqa: ANN401 - an alias of Assignment
    """Return the condition that an assignment is on a planned unit on the day."""
    planned = and_(rows.level == pool.level, rows.code == func.any(texts(pool.codes)))
    return and_(planned, rows.since <= pool.day)


def _holds_there(pool: Pool) -> ColumnElement[bool]:
    held = aliased(Assignment)
    query = select(held.body).where(held.duty == pool.duty, holding_from(pool.day, held))
    return Body.key.in_(query.where(_there(held, pool)))


def _is_bound(pool: Pool) -> ColumnElement[bool]:
    """Return the condition that a body holds the duty, or will, where no plan may move it."""
    held = aliased(Assignment)
    query = select(held.id).where(
        held.duty == pool.duty, held.body == Body.key, holding_from(pool.day, held)
    )
    if pool.several:  # nobody is moved: who has it there, has it
        planned = and_(held.level == pool.level, held.code == func.any(texts(pool.codes)))
        return exists(query.where(planned).correlate_except(held))
    return exists(query.where(not_(_there(held, pool))).correlate_except(held))


async def holders(
    connection: AsyncConnection, duty: str, level: str, codes: Sequence[str], day: Day
) -> list[Holder]:
    """Return who holds a duty on units on a day or later, by unit and body.

    No limit: what is planned is. Leans on ``assignment_duty``.
    """
    query = (
        select(Assignment.body, Assignment.code, Assignment.post, Assignment.since, Body.skills)
        .join(Body, Body.key == Assignment.body)
        .where(
            Assignment.duty == duty,
            Assignment.level == level,
            Assignment.code == func.any(texts(codes)),
            holding_from(day),
        )
        .order_by(Assignment.code, Assignment.body, Assignment.id)
    )
    rows = await connection.execute(query)
    return [Holder(*row[:4], tuple(row[4])) for row in rows]


async def held_by(
    connection: AsyncConnection, duty: str, bodies: Collection[str], day: Day
) -> list[AssignmentRow]:
    """Return what bodies hold of a duty on a day, by number; leans on ``assignment_body``."""
    query = columns().where(
        Assignment.duty == duty,
        Assignment.body == func.any(texts(sorted(bodies))),
        holding_on(day),
    )
    rows = await connection.execute(query.order_by(Assignment.id))
    return [AssignmentRow._make(row) for row in rows]


async def most_held(
    connection: AsyncConnection, duty: str, level: str, codes: Collection[str], day: Day
) -> tuple[str, int] | None:
    """Return the unit of some with the most holders of a duty on a day, and how many they are.

    Leans on ``assignment_duty``.
    """
    number = func.count(Assignment.body.distinct())
    query = (
        select(Assignment.code, number)
        .where(
            Assignment.duty == duty,
            Assignment.level == level,
            Assignment.code == func.any(texts(sorted(codes))),
            holding_on(day),
        )
        .group_by(Assignment.code)
        .order_by(number.desc(), Assignment.code)
        .limit(1)
    )
    row = (await connection.execute(query)).first()
    return (row[0], row[1]) if row is not None else None
