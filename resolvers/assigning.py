"""Gives duties to bodies and takes them back: whether the asker may, there, and the work."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, NamedTuple

from geo.errors import BadInputError, ForbiddenError, UnknownError
from resolvers import assignments
from resolvers.again import until_undisturbed
from resolvers.assignments import require_post
from resolvers.context import State
from resolvers.duties import require_duty
from resolvers.duty_sight import sight
from resolvers.facility_orders import plain_text
from resolvers.paging import check_text
from resolvers.rights import Right, require
from resolvers.units import UnitRef, by_keys
from storage import assigning
from storage import assignments as stored
from storage.assigning import NewAssignment
from storage.duty_sight import EVERYTHING
from storage.units import Wanted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection

    from resolvers.context import Context
    from resolvers.units import Key
    from storage.assignments import AssignmentRow
    from storage.duties import DutyRow
    from storage.duty_sight import Sight

Day = dt.date

FIRST_DAY = dt.date(1900, 1, 1)
"""Nothing that is carried today began before."""

YEARS_AHEAD = 100
"""Nobody is given a duty that begins later than that."""


class AssignOrder(NamedTuple):
    """What is asked for: a body is to carry a duty on a unit."""

    duty: str
    body: str
    unit: UnitRef
    since: Day | None = None
    """None: from today on."""
    until: Day | None = None
    post: str | None = None


# -- giving ----------------------------------------------------------------------------------


async def assign(context: Context, order: AssignOrder) -> AssignmentRow:
    """Let a body carry a duty on a unit, in the name of the key; the same again changes nothing.

    Raises
    ------
    UnauthenticatedError, ForbiddenError
        If the asker may not, where the unit is.
    BadInputError, UnknownError, NoEditionError
        If anything cannot be meant.
    ConflictError
        If a unit would have two holders of a duty that has one, or a body would carry it on two
        units, or twice on one; it says what stands in the way, as far as the asker may know it.
    """
    by, _ = await require(context, Right.KEEP_DUTIES)
    [new] = await checked(context, [order])
    seen = await sight(context)

    async def write(_again: bool) -> AssignmentRow:
        async with context.shared.engine.begin() as connection:
            await assigning.lock(connection)
            standing = await assigning.same(connection, new, lasting=order.since is None)
            if standing is not None:
                return standing
            [row] = await put(connection, [new], seen, context.today, by)
            return row

    row = await until_undisturbed(write)
    context.renew()
    return row


async def put(
    connection: AsyncConnection, rows: Sequence[NewAssignment], seen: Sight, day: Day, by: str
) -> list[AssignmentRow]:
    """Write checked assignments in a transaction that holds :func:`storage.assigning.lock`.

    Raises
    ------
    ConflictError
        If one of them cannot stand beside what is stored, or beside another one of them.
    """
    clashes = await assigning.find_clashes(connection, rows, seen, day)
    for place, clash in sorted(clashes.items()):
        raise assigning.refusal(clash, rows[place])
    return await assigning.insert(connection, rows, by)


async def checked(context: Context, orders: Sequence[AssignOrder]) -> list[NewAssignment]:
    """Return what is to be written, if all of it can be meant and the asker may.

    Raises
    ------
    ForbiddenError
        If a unit lies outside the asker's ground, or the body's home does and the body has
        nothing to do with that ground yet.
    BadInputError, UnknownError, NoEditionError
        If anything cannot be meant.
    """
    made = [await _meant(context, order) for order in orders]
    await _require_standing(context, made)
    await require_ground(context, [UnitRef(row.level, row.code) for row in made], argument="unit")
    await _require_bodies(context, [row.body for row in made])
    return made


async def _meant(context: Context, order: AssignOrder) -> NewAssignment:
    """Return an order with its days and names made plain."""
    duty = await require_duty(context, plain_text("duty", order.duty))
    unit = order.unit
    (await context.tree()).get(unit.level, argument="unit")
    check_text("unit", unit.code)
    require_level(duty, unit.level)
    post = plain_text("post", order.post) if order.post is not None else None
    if post is not None:
        require_post(duty, post)
    since = order.since or context.today
    check_days(since, order.until, context.today)
    body = plain_text("body", order.body)
    return NewAssignment(duty.key, body, unit.level, unit.code, since, order.until, post)


def require_level(duty: DutyRow, level: str) -> None:
    """Refuse a level on whose units a duty is not carried.

    Raises
    ------
    BadInputError
        If it is none of the duty's; they are named.
    """
    if level not in duty.levels:
        raise BadInputError(
            f"{duty.key!r} is not carried on a {level}; name a unit of {' or '.join(duty.levels)}",
            argument="unit",
            options=list(duty.levels),
        )


def check_days(since: Day, until: Day | None, today: Day) -> None:
    """Refuse days that nobody can mean.

    Raises
    ------
    BadInputError
        If it would end before it begins, or begin in another century.
    """
    if until is not None and until <= since:
        raise BadInputError(
            f"until, {until}, is not after since, {since}: until is the first day on which it "
            "holds no more",
            argument="until",
        )
    if since < FIRST_DAY or since.year > today.year + YEARS_AHEAD:
        raise BadInputError(
            f"since is {since}; it can be from {FIRST_DAY} to {YEARS_AHEAD} years ahead",
            argument="since",
        )


# -- where -----------------------------------------------------------------------------------


def days_to_stand(since: Day, until: Day | None, today: Day) -> tuple[Day, ...]:
    """Return the days on one of which a unit has to stand for an assignment to be meant.

    What holds still, or will, is for a unit that stands then; what is over is for one that stood
    on its first or its last day, or stands now: editions may begin later than duties.
    """
    if until is None or until > today:
        return (max(since, today),)
    return since, until - dt.timedelta(days=1), today


async def _require_standing(context: Context, rows: Sequence[NewAssignment]) -> None:
    """Refuse units that do not stand when something is to be carried on them.

    Raises
    ------
    UnknownError
        If one does not.
    NoEditionError
        If nothing was published by then.
    """
    wanted = {row: await _places(context, row) for row in dict.fromkeys(rows)}
    keys = [place for places in wanted.values() for place in places]
    found = await by_keys(context, list(dict.fromkeys(keys)), Wanted.NOTHING)
    for row, places in wanted.items():
        if not any(place in found for place in places):
            day = days_to_stand(row.since, row.until, context.today)[0]
            raise UnknownError(
                f"there is no {row.level} {row.code[:80]!r} on {day}: an assignment is for a unit "
                "that stands then; see what it was divided into, or name another day",
                argument="unit",
            )


async def _places(context: Context, row: NewAssignment) -> list[Key]:
    """Return the unit of an assignment in each edition in one of which it has to stand."""
    days = days_to_stand(row.since, row.until, context.today)
    editions = [await context.edition_or_none(day) for day in days]
    states = [State(edition.number) for edition in editions if edition is not None]
    if not states:
        await context.edition(days[-1])
    return [(state, row.level, row.code) for state in dict.fromkeys(states)]


async def require_ground(context: Context, units: Sequence[UnitRef], *, argument: str) -> None:
    """Refuse units outside the ground where the asker edits.

    Raises
    ------
    ForbiddenError
        If one lies there.
    """
    ground = (await sight(context)).ground
    if ground is None:
        return
    for level, code in await context.ask(assigning.outside, ground, units):
        raise ForbiddenError(
            f"{level} {code} lies outside {ground.level} {ground.code}, for which the key is valid",
            argument=argument,
        )


async def _require_bodies(context: Context, bodies: Sequence[str]) -> None:
    """Refuse bodies that are not there, and those that are none of the asker's.

    Whoever is carried by a ground's unit is known to that ground's editors, home and all: were
    that open to anybody, a key for one street could learn the homes of the whole city.

    Raises
    ------
    UnknownError
        If there is no such body.
    ForbiddenError
        If its home lies outside the asker's ground, and it carries nothing there.
    """
    found = await context.ask(assigning.assignable, {*bodies}, await sight(context))
    for body in bodies:
        if body not in found:
            raise UnknownError(f"there is no body {body[:80]!r}; load it first", argument="body")
        if found[body].settled and not found[body].known:
            raise ForbiddenError(
                f"body {body!r} lives outside the ground for which the key is valid and carries "
                "nothing there; a key for both grounds can give it something",
                argument="body",
            )


# -- taking back -----------------------------------------------------------------------------


async def end_assignment(context: Context, number: int, on: Day | None) -> AssignmentRow:
    """End an assignment on a day, in the name of the key; what was held until then stays.

    Parameters
    ----------
    on
        The first day on which it holds no more; None: today. Its own first day: it was a mistake
        and never held.

    Raises
    ------
    UnauthenticatedError, ForbiddenError
        If the asker may not, where the unit is.
    UnknownError
        If there is none of that number that the asker may see.
    BadInputError
        If it begins later, or ended before.
    """
    by, _ = await require(context, Right.KEEP_DUTIES)
    day = on or context.today
    seen = (await assignments.by_ids(context, [number])).get(number)
    if seen is None:
        raise UnknownError(f"there is no assignment {number}", argument="id")
    await require_ground(context, [UnitRef(seen.level, seen.code)], argument="id")

    async def write(_again: bool) -> AssignmentRow:
        async with context.shared.engine.begin() as connection:
            await assigning.lock(connection)
            row = (await stored.by_ids(connection, [number], EVERYTHING))[number]
            _check_end(row, day)
            ended = await assigning.end(connection, [number], day, by)
            return ended[0] if ended else row

    row = await until_undisturbed(write)
    context.renew()
    return row


def _check_end(row: AssignmentRow, day: Day) -> None:
    if day < row.since:
        raise BadInputError(
            f"it begins on {row.since}; end it on that day if it is not to hold at all",
            argument="on",
        )
    if row.until is not None and row.until < day:
        raise BadInputError(
            f"its end is {row.until} already; what goes on after that is a new assignment",
            argument="on",
        )
