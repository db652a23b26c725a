"""People and organisations that carry duties: by key, by number, and in pages."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

from geo.errors import UnknownError
from resolvers.assignments import filter_of as assignments_asked
from resolvers.carried import held_duties
from resolvers.duty_sight import sight
from resolvers.paging import Page, check_text, take
from resolvers.units import UnitRef, require_unit
from storage import bodies
from storage.bodies import BodyFilter, Ground

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from resolvers.context import Context
    from storage.bodies import BodyRow

CURSOR = "body"


@dataclass(frozen=True)
class BodyQuestion:
    """Which bodies are asked for, as the caller says it."""

    kind: str | None = None
    profession: str | None = None
    search: str | None = None
    duty: str | None = None
    post: str | None = None
    within: UnitRef | None = None
    member_of: str | None = None


async def by_keys(
    context: Context, keys: Sequence[tuple[str, dt.date]]
) -> dict[tuple[str, dt.date], BodyRow]:
    """Return bodies by their keys, each as the asker may know it on a day.

    One statement a day, of those that are not held in memory.
    """
    seen = await sight(context)
    found: dict[tuple[str, dt.date], BodyRow] = {}
    for day in {day for _, day in keys}:
        some = {key for key, on in keys if on == day}
        there = held_duties(context, day, seen)
        if there is not None:
            found |= {(key, day): there.bodies[key] for key in some & there.bodies.keys()}
            some -= there.bodies.keys()
        if some:
            rows = await context.ask(bodies.by_keys, some, seen, day)
            found |= {(key, day): row for key, row in rows.items()}
    return found


async def by_rows(context: Context, row_ids: Collection[int]) -> dict[int, BodyRow]:
    """Return bodies by their numbers, as the asker may know them today."""
    return await context.ask(bodies.by_rows, row_ids, await sight(context), context.today)


async def one(context: Context, key: str) -> BodyRow | None:
    """Return the body of a key, as the asker may know it today; None where there is none."""
    check_text("key", key)
    day = context.today
    return (await by_keys(context, [(key, day)])).get((key, day))


async def filter_of(context: Context, question: BodyQuestion, day: dt.date) -> BodyFilter:
    """Return the filter that a question means on a day.

    Raises
    ------
    BadInputError, UnknownError, NoEditionError
        If it cannot be meant.
    """
    texts = {
        "profession": question.profession,
        "search": question.search,
        "memberOf": question.member_of,
    }
    for argument, text in texts.items():
        if text is not None:
            check_text(argument, text)
    if question.member_of is not None and await one(context, question.member_of) is None:
        raise UnknownError(f"there is no body {question.member_of[:80]!r}", argument="memberOf")
    carried = await assignments_asked(context, day, duty=question.duty, post=question.post)
    within = question.within
    return BodyFilter(
        day=day,
        kind=question.kind,
        profession=question.profession,
        search=" ".join((question.search or "").lower().split()) or None,
        duty=carried.duty,
        post=carried.post,
        within=await ground_of(context, within, day) if within is not None else None,
        member_of=question.member_of,
    )


async def ground_of(context: Context, unit: UnitRef, day: dt.date) -> Ground:
    """Return a unit of a day's edition and everything below it.

    Raises
    ------
    UnknownError, NoEditionError
        If it does not stand then.
    """
    tree = await context.tree()
    edition = (await context.edition(day)).number
    await require_unit(context, edition, unit, argument="within")
    ways = tuple(
        (spec.key, tree.between(unit.level, spec.key) or ()) for spec in tree.below(unit.level)
    )
    return Ground(edition, unit.level, unit.code, ways)


async def page(
    context: Context, which: BodyFilter, *, first: int, after: str | None
) -> Page[BodyRow]:
    """Return a page of the bodies that a filter finds, by key."""
    seen = await sight(context)
    rows = await context.ask(bodies.page, which, seen, first=first + 1, after=after)
    return take(rows, first)


async def count(context: Context, which: BodyFilter) -> int:
    """Return how many bodies a filter finds."""
    return await context.ask(bodies.count, which, await sight(context))
