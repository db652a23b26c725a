"""Which units have the holders that a duty asks for, which have not, and which have too many."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

from geo.errors import BadInputError
from resolvers.assignments import filter_of
from resolvers.duties import require_duty
from resolvers.paging import Page, check_text, take
from resolvers.units import UnitRef, require_unit
from storage import duty_counts
from storage.duty_counts import Demand, Scope

if TYPE_CHECKING:
    from geo.levels import LevelSpec
    from resolvers.context import Context
    from storage.duties import DutyRow
    from storage.duty_counts import Counts, ParentRow
    from storage.units import UnitRow, Wanted


@dataclass(frozen=True)
class CoverageRow:
    """A question about a duty that can be answered."""

    duty: DutyRow
    level: LevelSpec
    scope: Scope
    demand: Demand


async def coverage(
    context: Context,
    duty: str,
    *,
    level: str | None = None,
    post: str | None = None,
    within: UnitRef | None = None,
    as_of: dt.date | None = None,
) -> CoverageRow:
    """Return what covers a unit of a level on a day.

    On the duty's own level that are as many holders as it asks for, on another one at least one;
    with a post one holder of that.

    Raises
    ------
    BadInputError, UnknownError, NoEditionError
        If it cannot be asked.
    """
    row = await require_duty(context, duty)
    day = as_of or context.today
    await filter_of(context, day, duty=duty, post=post)
    key = carried_on(row, level)
    own = key == row.level
    least = max(1, row.min) if own and post is None else 1
    return CoverageRow(
        duty=row,
        level=(await context.tree()).get(key),
        scope=await scope_of(context, key, within, day),
        demand=Demand(row.key, least, row.max if own else None, post),
    )


def carried_on(duty: DutyRow, level: str | None) -> str:
    """Return the level that is asked about: the duty's own one where none is named.

    Raises
    ------
    BadInputError
        If the duty is not carried on units of that level.
    """
    if level is None:
        return duty.level
    if level not in duty.levels:
        options = list(duty.levels)
        raise BadInputError(
            f"the duty {duty.key!r} is not carried on the level {level[:80]!r}; it is on "
            f"{', '.join(options)}",
            argument="level",
            options=options,
        )
    return level


async def scope_of(context: Context, level: str, within: UnitRef | None, day: dt.date) -> Scope:
    """Return the units of a level on a day, all of them, those below one, or that one itself.

    Raises
    ------
    BadInputError, UnknownError, NoEditionError
        If ``within`` is of a level below or does not stand, or nothing was published by then.
    """
    tree = await context.tree()
    through: tuple[str, ...] | None = ()
    if within is not None:
        check_text("within", within.code)
        itself = within.level == level
        through = None if itself else tree.require_above(within.level, level, argument="within")
    edition = (await context.edition(day)).number
    if within is None:
        return Scope(edition, day, level)
    await require_unit(context, edition, within, argument="within")
    return Scope(edition, day, level, within.code, through)


async def counts(context: Context, row: CoverageRow) -> Counts:
    """Return how many units there are, are covered, and have too many holders."""
    return await context.once(
        ("duty counts", row.scope, row.demand),
        lambda: context.ask(duty_counts.counts, row.scope, row.demand),
    )


async def count_bodies(context: Context, row: CoverageRow) -> int:
    """Return how many bodies carry the duty, or its post, each once."""
    return await context.ask(duty_counts.count_bodies, row.scope, row.demand)


async def missing(
    context: Context, row: CoverageRow, *, first: int, after: str | None, wanted: Wanted
) -> Page[UnitRow]:
    """Return a page of the units that are not covered, by code."""
    rows = await context.ask(
        duty_counts.missing, row.scope, row.demand, first=first + 1, after=after, wanted=wanted
    )
    return take(rows, first)


async def excess(
    context: Context, row: CoverageRow, *, first: int, after: str | None, wanted: Wanted
) -> Page[UnitRow]:
    """Return a page of the units with more holders than the duty allows, by code."""
    if row.demand.most is None:
        return Page([], more=False)
    rows = await context.ask(
        duty_counts.excess, row.scope, row.demand, first=first + 1, after=after, wanted=wanted
    )
    return take(rows, first)


async def by_parent(
    context: Context, row: CoverageRow, *, first: int, after: str | None
) -> Page[ParentRow]:
    """Return a page of the units right above, by code, with how well each is covered."""
    if row.level.parent is None:
        return Page([], more=False)
    rows = await context.ask(
        duty_counts.by_parent,
        row.scope,
        row.demand,
        row.level.parent,
        first=first + 1,
        after=after,
    )
    return take(rows, first)


async def count_parents(context: Context, row: CoverageRow) -> int:
    """Return how many units there are right above."""
    if row.level.parent is None:
        return 0
    return await context.ask(duty_counts.count_parents, row.scope, row.level.parent)
