"""People and organisations that carry duties: by key, by number, and in pages."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import ColumnElement, Text, and_, case, false, func, null, or_, select
from sqlalchemy import cast as sql_cast

from storage.duty_days import holding_on
from storage.duty_models import Assignment, Body
from storage.duty_sight import lies_in as lies_on
from storage.duty_sight import may_know, may_name, may_see
from storage.units import below, like_pattern, texts

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection

    from storage.duty_sight import Sight
    from storage.units import Query

Day = dt.date


class BodyRow(NamedTuple):
    """A person or an organisation, as far as the asker may know it."""

    row_id: int
    key: str
    kind: str
    """PERSON or ORGANISATION."""
    name: str | None
    """None where the asker may not know it."""
    profession: str | None
    """Of an organisation: what sort of organisation it is."""
    skills: tuple[str, ...]
    member_of: str | None
    """Key of an organisation."""
    home_level: str | None
    """With ``home_code`` the unit of the home; None where the asker may not know it."""
    home_code: str | None
    properties: str
    """JSON text; an empty object where the asker may not know it."""
    contact: str
    """JSON text; an empty object where the asker may not know it."""


class Ground(NamedTuple):
    """A unit of an edition and everything below it."""

    edition: int
    level: str
    code: str
    ways: tuple[tuple[str, tuple[str, ...]], ...]
    """Each level below, and the levels between, from above."""


class BodyFilter(NamedTuple):
    """Which bodies: those that fulfil everything that is given."""

    day: Day
    kind: str | None = None
    profession: str | None = None
    """Or the kind of an organisation."""
    search: str | None = None
    """A part of the key, or of a name that the asker may know, or its pinyin; in small letters."""
    duty: str | None = None
    post: str | None = None
    within: Ground | None = None
    member_of: str | None = None


def columns(sight: Sight, day: Day) -> Query:
    """Return the query for the rows of bodies, without what the asker may not know.

    What only editors of the ground may know is one column: the way to find that out is long.
    """
    private = func.jsonb_build_array(
        Body.home_level,
        Body.home_code,
        sql_cast(Body.properties, Text),
        sql_cast(Body.contact, Text),
    )
    return select(
        Body.row_id,
        Body.key,
        Body.kind,
        case((may_name(sight, day), Body.name), else_=null()),
        Body.profession,
        Body.skills,
        Body.member_of,
        case((may_know(sight), private), else_=null()),
    )


_NOT_KNOWN = (None, None, "{}", "{}")
"""Home, properties and contact of a body of which the asker may not know them."""


def row_of(values: Sequence[Any]) -> BodyRow:
    """Return the row of the columns that a query gave."""
    *open_to_all, private = values
    row = BodyRow._make([*open_to_all, *(private or _NOT_KNOWN)])
    return row._replace(skills=tuple(row.skills))


async def by_keys(
    connection: AsyncConnection, keys: Collection[str], sight: Sight, day: Day
) -> dict[str, BodyRow]:
    """Return bodies by their keys; index ``body_key_key``."""
    query = columns(sight, day).where(Body.key == func.any(texts(list(keys))))
    return {row[1]: row_of(row) for row in await connection.execute(query)}


async def by_rows(
    connection: AsyncConnection, row_ids: Collection[int], sight: Sight, day: Day
) -> dict[int, BodyRow]:
    """Return bodies by their numbers."""
    query = columns(sight, day).where(Body.row_id.in_(row_ids))
    return {row[0]: row_of(row) for row in await connection.execute(query)}


async def page(
    connection: AsyncConnection,
    which: BodyFilter,
    sight: Sight,
    *,
    first: int,
    after: str | None = None,
) -> list[BodyRow]:
    """Return up to ``first`` bodies after the key ``after``, by key."""
    keys = matching(select(Body.key), which, sight)
    if after is not None:
        keys = keys.where(Body.key > after)
    # what the asker may know is found out for the page only
    some = keys.order_by(Body.key).limit(first).subquery()
    query = columns(sight, which.day).join(some, some.c.key == Body.key).order_by(Body.key)
    return [row_of(row) for row in await connection.execute(query)]


async def count(connection: AsyncConnection, which: BodyFilter, sight: Sight) -> int:
    """Return how many bodies a filter finds."""
    query = matching(select(func.count()).select_from(Body), which, sight)
    return (await connection.scalar(query)) or 0


def matching(query: Query, which: BodyFilter, sight: Sight) -> Query:
    """Keep the bodies that a filter names.

    Nothing that the asker may not know decides: neither a hidden name, nor a home, nor an
    assignment. Leans on ``body_profession``, ``body_member_of``, ``body_search`` and
    ``assignment_duty`` for what is given.
    """
    if which.kind is not None:
        query = query.where(Body.kind == which.kind)
    if which.profession is not None:
        query = query.where(Body.profession == which.profession)
    if which.member_of is not None:
        query = query.where(Body.member_of == which.member_of)
    if which.search:
        query = query.where(_is_called(which.search, sight, which.day))
    carries = which.duty is not None or which.post is not None
    if carries or which.within is not None:
        found = _carries(which, sight)
        if not carries and which.within is not None:
            found = or_(found, _lives_in(which.within, sight))
        query = query.where(found)
    return query


def _is_called(part: str, sight: Sight, day: Day) -> ColumnElement[bool]:
    """Return the condition that a key contains a text, or a name that the asker may know."""
    pattern = like_pattern(part)
    # the text holds the key, too: its index finds both
    contains = Body.search_text.ilike(pattern, escape="\\")
    return and_(contains, or_(Body.key.ilike(pattern, escape="\\"), may_name(sight, day)))


def _carries(which: BodyFilter, sight: Sight) -> ColumnElement[bool]:
    """Return the condition that a body carries something of what the asker may see."""
    query = select(Assignment.body).where(holding_on(which.day), may_see(sight))
    if which.duty is not None:
        query = query.where(Assignment.duty == which.duty)
    if which.post is not None:
        query = query.where(Assignment.post == which.post)
    if which.within is not None:
        query = query.where(lies_in(which.within, Assignment.level, Assignment.code))
    return Body.key.in_(query)


def _lives_in(ground: Ground, sight: Sight) -> ColumnElement[bool]:
    """Return the condition that a body lives in a unit, and on the asker's own ground."""
    if not sight.everything and sight.ground is None:
        return false()
    lives = lies_in(ground, Body.home_level, Body.home_code)
    if sight.ground is None:
        return lives
    return and_(lives, lies_on(sight.ground, Body.home_level, Body.home_code))


def lies_in(ground: Ground, level: Any, code: Any) -> ColumnElement[bool]:  # noqa: ANN401 - columns
    """Return the condition that the unit of a level and code is a unit, or lies below it."""
    parts = [and_(level == ground.level, code == ground.code)]
    for key, between in ground.ways:
        under = below(ground.edition, [ground.code], [*between, key])
        parts.append(and_(level == key, code.in_(select(under.c.code))))
    return or_(*parts)
