"""Writes kinds of duties, and says which assignments a stricter one would not allow."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import and_, delete, func, insert, or_, select, text
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import aliased

from storage.duty_models import Assignment, Duty, DutyLevel, DutyPost
from storage.units import texts

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement
    from sqlalchemy.ext.asyncio import AsyncConnection

    from storage.duties import DutyRow


class Standing(NamedTuple):
    """An assignment that a stricter duty does not allow."""

    body: str
    level: str
    code: str
    post: str | None
    since: dt.date
    until: dt.date | None


class NotAllowed(NamedTuple):
    """Assignments that a stricter duty does not allow."""

    total: int
    first: tuple[Standing, ...]


_NAMED = 10
"""How many of them are named."""


async def put(connection: AsyncConnection, duties: Sequence[DutyRow]) -> None:
    """Write duties, new ones and others, with their levels and posts."""
    for duty in duties:
        values = {
            "key": duty.key,
            "name": duty.name,
            "level": duty.level,
            "min": duty.min,
            "max": duty.max,
            "several": duty.several,
            "public": duty.public,
        }
        await connection.execute(
            upsert(Duty).values(values).on_conflict_do_update(index_elements=["key"], set_=values)
        )
        await _put_levels(connection, duty)
        await connection.execute(delete(DutyPost).where(DutyPost.duty == duty.key))
        posts = [
            {"duty": duty.key, **post._asdict(), "rank": rank}
            for rank, post in enumerate(duty.posts)
        ]
        if posts:
            await connection.execute(insert(DutyPost), posts)


async def _put_levels(connection: AsyncConnection, duty: DutyRow) -> None:
    """Write levels; those that stay keep their row, to which assignments refer."""
    gone = DutyLevel.level.not_in(duty.levels)
    await connection.execute(delete(DutyLevel).where(DutyLevel.duty == duty.key, gone))
    levels = [{"duty": duty.key, "level": level} for level in duty.levels]
    await connection.execute(upsert(DutyLevel).values(levels).on_conflict_do_nothing())


async def remove(connection: AsyncConnection, keys: Sequence[str]) -> None:
    """Take away duties that nobody carries or ever carried."""
    await connection.execute(delete(Duty).where(Duty.key == func.any(texts(keys))))


async def carried_counts(connection: AsyncConnection, keys: Sequence[str]) -> dict[str, int]:
    """Return how many assignments some duties have, ended ones included; none are left out."""
    query = (
        select(Assignment.duty, func.count())
        .where(Assignment.duty == func.any(texts(keys)))
        .group_by(Assignment.duty)
        .order_by(Assignment.duty)
    )
    return {row[0]: row[1] for row in await connection.execute(query)}


async def on_other_levels(connection: AsyncConnection, duty: DutyRow) -> NotAllowed:
    """Return the assignments of a duty, ended ones included, on levels that it would not have."""
    return await _not_allowed(connection, duty, Assignment.level.not_in(duty.levels))


async def in_other_posts(connection: AsyncConnection, duty: DutyRow, day: dt.date) -> NotAllowed:
    """Return the assignments of a duty, from a day on, in posts that it would not have."""
    holds = or_(Assignment.until.is_(None), Assignment.until > day)
    posts = [post.key for post in duty.posts]
    return await _not_allowed(connection, duty, and_(holds, Assignment.post.not_in(posts)))


async def second_holders(connection: AsyncConnection, duty: DutyRow) -> NotAllowed:
    """Return the assignments of a duty to units that another one has on the same days."""
    other = aliased(Assignment)
    same = and_(other.level == Assignment.level, other.code == Assignment.code)
    return await _not_allowed(connection, duty, _meets(other, same))


async def on_second_units(connection: AsyncConnection, duty: DutyRow) -> NotAllowed:
    """Return the assignments of a duty to bodies that carry it elsewhere on the same days."""
    other = aliased(Assignment)
    return await _not_allowed(connection, duty, _meets(other, other.body == Assignment.body))


def _meets(other: type[Assignment], same: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return the condition that an earlier row of the same duty holds on one of the days."""
    one_day = text(
        "daterange(assignment.since, assignment.until) && "
        "daterange(assignment_1.since, assignment_1.until)"
    )
    query = select(other.id).where(
        other.duty == Assignment.duty, other.id < Assignment.id, same, one_day
    )
    return query.exists()


async def _not_allowed(
    connection: AsyncConnection, duty: DutyRow, condition: ColumnElement[bool]
) -> NotAllowed:
    query = (
        select(
            Assignment.body,
            Assignment.level,
            Assignment.code,
            Assignment.post,
            Assignment.since,
            Assignment.until,
            func.count().over(),
        )
        .where(Assignment.duty == duty.key, condition)
        .order_by(Assignment.level, Assignment.code, Assignment.since, Assignment.id)
        .limit(_NAMED)
    )
    rows = (await connection.execute(query)).all()
    return NotAllowed(rows[0][-1] if rows else 0, tuple(Standing(*row[:-1]) for row in rows))
