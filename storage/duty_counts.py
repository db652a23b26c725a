"""Which units have the holders that a duty asks for, and which bodies hold several duties there."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import ColumnElement, and_, exists, false, func, not_, select
from sqlalchemy.orm import aliased

from storage.bodies import columns as body_columns
from storage.bodies import row_of
from storage.duty_days import holding_on
from storage.duty_models import Assignment, Body
from storage.duty_sight import may_see
from storage.models import Unit
from storage.units import UnitRow, below, stands, unit_columns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Subquery
    from sqlalchemy.ext.asyncio import AsyncConnection

    from storage.bodies import BodyRow
    from storage.duty_sight import Sight
    from storage.units import Query, Wanted

Day = dt.date


class Scope(NamedTuple):
    """The units of one level of an edition, all of them or those below one, on a day."""

    edition: int
    day: Day
    level: str
    within: str | None = None
    """Code of a unit above, of the level that ``through`` starts below; or of the one unit."""
    through: tuple[str, ...] | None = ()
    """Levels between that of ``within`` and ``level``, from above; None: it is that unit itself."""


class Demand(NamedTuple):
    """What a unit must have to be covered."""

    duty: str
    least: int
    """So many holders; with ``post``, so many of that post."""
    most: int | None = None
    """More holders than this are too many; None: there may be any number."""
    post: str | None = None


class Counts(NamedTuple):
    """How many units of a scope there are, have what is asked for, and have too much of it."""

    total: int
    covered: int
    excess: int


class ParentRow(NamedTuple):
    """How many of the units below one there are, and have what is asked for."""

    code: str
    total: int
    covered: int


class CrossCounts(NamedTuple):
    """How many units have a holder of the first duty, one body for all, and how many those are."""

    total: int
    dual: int
    bodies: int


# -- coverage --------------------------------------------------------------------------------


async def counts(connection: AsyncConnection, scope: Scope, demand: Demand) -> Counts:
    """Return how well a scope is covered; one statement.

    Leans on ``assignment_duty`` and ``unit_code``, or ``unit_parent`` below a unit.
    """
    held = _held(scope, demand)
    query = (
        select(
            func.count(),
            func.count().filter(_covered(held, demand)),
            func.count().filter(_too_many(held, demand)),
        )
        .select_from(Unit)
        .outerjoin(held, held.c.code == Unit.code)
        .where(_in_scope(scope))
    )
    return Counts._make((await connection.execute(query)).one())


async def count_bodies(connection: AsyncConnection, scope: Scope, demand: Demand) -> int:
    """Return how many bodies carry the duty, or its post, in a scope."""
    query = _carried(select(func.count(Assignment.body.distinct())), scope, demand.duty)
    if demand.post is not None:
        query = query.where(Assignment.post == demand.post)
    return (await connection.scalar(query)) or 0


async def missing(
    connection: AsyncConnection,
    scope: Scope,
    demand: Demand,
    *,
    first: int,
    after: str | None,
    wanted: Wanted,
) -> list[UnitRow]:
    """Return up to ``first`` units after the code ``after`` that are not covered, by code."""
    held = _held(scope, demand)
    condition = not_(_covered(held, demand))
    query = _units(scope, held, condition, first=first, after=after, wanted=wanted)
    return [UnitRow._make((*row, wanted)) for row in await connection.execute(query)]


async def excess(
    connection: AsyncConnection,
    scope: Scope,
    demand: Demand,
    *,
    first: int,
    after: str | None,
    wanted: Wanted,
) -> list[UnitRow]:
    """Return up to ``first`` units after the code ``after`` with too many holders, by code."""
    held = _held(scope, demand)
    condition = _too_many(held, demand)
    query = _units(scope, held, condition, first=first, after=after, wanted=wanted)
    return [UnitRow._make((*row, wanted)) for row in await connection.execute(query)]


async def by_parent(
    connection: AsyncConnection,
    scope: Scope,
    demand: Demand,
    parent_level: str,
    *,
    first: int,
    after: str | None,
) -> list[ParentRow]:
    """Return up to ``first`` parents after the code ``after``, by code, those of no unit, too."""
    held = _held(scope, demand)
    each = (
        select(
            Unit.parent_code,
            func.count().label("total"),
            func.count().filter(_covered(held, demand)).label("covered"),
        )
        .select_from(Unit)
        .outerjoin(held, held.c.code == Unit.code)
        .where(_in_scope(scope))
        .group_by(Unit.parent_code)
        .subquery()
    )
    query = (
        select(Unit.code, func.coalesce(each.c.total, 0), func.coalesce(each.c.covered, 0))
        .outerjoin(each, each.c.parent_code == Unit.code)
        .where(_is_parent(scope, parent_level))
    )
    if after is not None:
        query = query.where(Unit.code > after)
    rows = await connection.execute(query.order_by(Unit.code).limit(first))
    return [ParentRow._make(row) for row in rows]


async def count_parents(connection: AsyncConnection, scope: Scope, parent_level: str) -> int:
    """Return how many parents there are."""
    query = select(func.count()).select_from(Unit).where(_is_parent(scope, parent_level))
    return (await connection.scalar(query)) or 0


def _in_scope(scope: Scope) -> ColumnElement[bool]:
    inside = and_(Unit.level == scope.level, stands(Unit, scope.edition))
    if scope.within is None:
        return inside
    if scope.through is None:
        return and_(inside, Unit.code == scope.within)
    parents = below(scope.edition, [scope.within], scope.through)
    return and_(inside, Unit.parent_code.in_(select(parents.c.code)))


def _is_parent(scope: Scope, parent_level: str) -> ColumnElement[bool]:
    parent = and_(Unit.level == parent_level, stands(Unit, scope.edition))
    if scope.within is None:
        return parent
    if scope.through is None:
        own = aliased(Unit)
        of_unit = and_(own.level == scope.level, own.code == scope.within)
        codes = select(own.parent_code).where(of_unit, stands(own, scope.edition))
        return and_(parent, Unit.code.in_(codes))
    parents = below(scope.edition, [scope.within], scope.through)
    return and_(parent, Unit.code.in_(select(parents.c.code)))


def _of_duty(query: Query, scope: Scope, duty: str) -> Query:
    return query.where(
        Assignment.duty == duty, Assignment.level == scope.level, holding_on(scope.day)
    )


def _held(scope: Scope, demand: Demand) -> Subquery:
    """Return (code, holders, fitting): how many bodies carry the duty on each unit that has one.

    A body with two posts is one holder, so that bodies are counted; but where one is enough and
    none is too many, or one alone may hold it (the database sees to that), rows do as well, which
    takes a third of the time.
    """
    rows_do = demand.least <= 1 and demand.most in {None, 1}
    holders = func.count() if rows_do else func.count(Assignment.body.distinct())
    fitting = holders.filter(Assignment.post == demand.post) if demand.post else holders
    query = select(Assignment.code, holders.label("holders"), fitting.label("fitting"))
    return _of_duty(query, scope, demand.duty).group_by(Assignment.code).subquery()


def _covered(held: Subquery, demand: Demand) -> ColumnElement[bool]:
    enough: ColumnElement[bool] = func.coalesce(held.c.fitting, 0) >= demand.least
    return enough


def _too_many(held: Subquery, demand: Demand) -> ColumnElement[bool]:
    if demand.most is None:
        return false()
    return func.coalesce(held.c.holders, 0) > demand.most


def _units(
    scope: Scope,
    held: Subquery,
    condition: ColumnElement[bool],
    *,
    first: int,
    after: str | None,
    wanted: Wanted,
) -> Query:
    """Return the question for a page of the units that fulfil a condition, by code."""
    query = (
        unit_columns(wanted, scope.edition)
        .outerjoin(held, held.c.code == Unit.code)
        .where(_in_scope(scope), condition)
    )
    if after is not None:
        query = query.where(Unit.code > after)
    return query.order_by(Unit.code).limit(first)


# -- several duties --------------------------------------------------------------------------


async def cross_counts(
    connection: AsyncConnection, scope: Scope, duties: Sequence[str]
) -> CrossCounts:
    """Return on how many units the first duty, and all duties by one body, are held."""
    held = _carried(select(func.count(Assignment.code.distinct())), scope, duties[0])
    pairs = _pairs(scope, duties).subquery()
    query = select(
        held.scalar_subquery(),
        func.count(pairs.c.code.distinct()),
        func.count(pairs.c.body.distinct()),
    ).select_from(pairs)
    return CrossCounts._make((await connection.execute(query)).one())


async def cross_bodies(
    connection: AsyncConnection,
    scope: Scope,
    duties: Sequence[str],
    sight: Sight,
    *,
    first: int,
    after: str | None,
) -> list[BodyRow]:
    """Return up to ``first`` bodies after the key ``after`` that hold all duties on one unit.

    Parameters
    ----------
    duties
        In any order; but one that is not public goes before those that are. The asker may see all
        of a body's assignments on a unit where he may see the one of the first duty.
    """
    pairs = _pairs(scope, duties).where(may_see(sight)).subquery()
    keys = select(Body.key).where(Body.key.in_(select(pairs.c.body)))
    if after is not None:
        keys = keys.where(Body.key > after)
    page = keys.order_by(Body.key).limit(first).subquery()
    query = body_columns(sight, scope.day).join(page, page.c.key == Body.key).order_by(Body.key)
    return [row_of(row) for row in await connection.execute(query)]


def _carried(query: Query, scope: Scope, duty: str) -> Query:
    """Return a question of ``Assignment`` about those of one duty in a scope."""
    joined = query.select_from(Assignment).join(Unit, Unit.code == Assignment.code)
    return _of_duty(joined.where(_in_scope(scope)), scope, duty)


def _pairs(scope: Scope, duties: Sequence[str]) -> Query:
    """Return the (code, body) that hold all of several duties; leans on ``assignment_duty``."""
    query = _carried(select(Assignment.code, Assignment.body), scope, duties[0])
    for duty in duties[1:]:
        other = aliased(Assignment)
        same = and_(
            other.duty == duty,
            other.level == scope.level,
            other.code == Assignment.code,
            other.body == Assignment.body,
            holding_on(scope.day, other),
        )
        query = query.where(exists(select(other.id).where(same).correlate(Assignment)))
    return query
