"""Who carries which duty on which unit: of units, of bodies, and by id."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from geo.errors import BadInputError
from resolvers.carried import held_duties
from resolvers.duties import require_duty
from resolvers.duty_sight import sight
from resolvers.known import DUTIES, UNKNOWN
from resolvers.paging import Page, check_text, decode_cursor, encode_cursor, take
from storage import assignments
from storage.assignments import AssignmentFilter, Place

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from resolvers.context import Context
    from storage.assignments import AssignmentRow, UnitKey
    from storage.duties import DutyRow

CURSOR = "assignment"


async def by_ids(context: Context, ids: Collection[int]) -> dict[int, AssignmentRow]:
    """Return the assignments of some numbers that the asker may see, those that ended, too."""
    return await context.ask(assignments.by_ids, ids, await sight(context))


async def filter_of(
    context: Context,
    day: dt.date,
    *,
    duty: str | None = None,
    post: str | None = None,
    history: bool = False,
) -> AssignmentFilter:
    """Return the filter that a question means on a day.

    Raises
    ------
    UnknownError
        If there is no such duty, or no such post of it.
    BadInputError
        If a text can be no name.
    """
    if post is not None:
        check_text("post", post)
    if duty is not None:
        row = await require_duty(context, duty)
        if post is not None:
            require_post(row, post)
    return AssignmentFilter(day, duty, post, history)


def noted_filter(
    context: Context, day: dt.date, duty: str | None, post: str | None
) -> AssignmentFilter | None:
    """Return the same filter, of a day, where that needs no asking."""
    if post is not None:
        check_text("post", post)
    if duty is not None:
        kinds = context.noted(DUTIES, part=DUTIES)
        if kinds is UNKNOWN or duty not in kinds:
            return None
        if post is not None:
            require_post(kinds[duty], post)
    return AssignmentFilter(day, duty, post)


def require_post(duty: DutyRow, post: str) -> None:
    """Refuse a post that a duty with posts of its own does not have.

    Raises
    ------
    BadInputError
        If it has others only; they are named.
    """
    posts = [one.key for one in duty.posts]
    if posts and post not in posts:
        raise BadInputError(
            f"the duty {duty.key!r} has no post {post[:80]!r}; its posts are {', '.join(posts)}",
            argument="post",
            options=posts,
        )


def cursor_of(row: AssignmentRow) -> str:
    """Return the place of an assignment in a list, as text."""
    return encode_cursor(CURSOR, row.duty, row.level, row.code, row.since.isoformat(), row.id)


def place_of(cursor: str | None) -> Place | None:
    """Return the place that a cursor names; None without one.

    Raises
    ------
    BadInputError
        If no list of assignments ever gave such a cursor.
    """
    if cursor is None:
        return None
    duty, level, code, since, number = decode_cursor(cursor, CURSOR, str, str, str, str, int)
    try:
        day = dt.date.fromisoformat(str(since))
    except ValueError:
        raise BadInputError(
            "after is no cursor of this list; take it from pageInfo.endCursor or an edge",
            argument="after",
        ) from None
    return Place(str(duty), str(level), str(code), day, int(number))


async def pages_of_units(
    context: Context,
    units: Sequence[UnitKey],
    which: AssignmentFilter,
    *,
    first: int,
    after: Place | None,
) -> dict[UnitKey, Page[AssignmentRow]]:
    """Return a page of the assignments of each of many units, as far as the asker may see them."""
    seen = await sight(context)
    there = None if which.history else held_duties(context, which.day, seen)
    if there is not None:
        return {unit: take(there.of_unit(unit, which, after), first) for unit in units}
    rows = await context.ask(assignments.of_units, units, which, seen, first=first + 1, after=after)
    return {unit: take(some, first) for unit, some in rows.items()}


async def counts_of_units(
    context: Context, units: Sequence[UnitKey], which: AssignmentFilter
) -> dict[UnitKey, int]:
    """Return how many assignments each of many units has, those not shown, too."""
    return await context.ask(assignments.count_of_units, units, which)


async def pages_of_bodies(
    context: Context,
    bodies: Sequence[str],
    which: AssignmentFilter,
    *,
    first: int,
    after: Place | None,
) -> dict[str, Page[AssignmentRow]]:
    """Return a page of the assignments of each of many bodies, as far as the asker may see them."""
    rows = await context.ask(
        assignments.of_bodies, bodies, which, await sight(context), first=first + 1, after=after
    )
    return {body: take(some, first) for body, some in rows.items()}


async def counts_of_bodies(
    context: Context, bodies: Sequence[str], which: AssignmentFilter
) -> dict[str, int]:
    """Return how many assignments each of many bodies has, those not shown, too."""
    return await context.ask(assignments.count_of_bodies, bodies, which)


async def holder_names(
    context: Context, units: Sequence[UnitKey], duty: str, day: dt.date
) -> dict[UnitKey, list[str]]:
    """Return the names of who carries a duty on each of many units, as far as one may know them.

    Raises
    ------
    UnknownError
        If there is no such duty.
    """
    which, seen = await filter_of(context, day, duty=duty), await sight(context)
    there = held_duties(context, day, seen)
    if there is not None:
        return {unit: there.names(unit, which) for unit in units}
    return await context.ask(assignments.holder_names, units, which, seen)
