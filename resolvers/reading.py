"""Editions, and things by their global ids."""

from __future__ import annotations

from typing import TYPE_CHECKING

from geo.errors import BadInputError, ForbiddenError, UnauthenticatedError
from resolvers import coverage_findings, coverage_reading
from resolvers.context import State
from resolvers.drafts_reading import state_of
from resolvers.paging import Page, take
from storage import drafts_reading, editions, editions_reading, findings_reading, units
from storage.findings_reading import FindingFilter
from storage.units import Wanted

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from resolvers.context import Context
    from storage.editions import EditionRow
    from storage.findings_reading import FindingRow
    from storage.units import UnitRow


async def edition(
    context: Context, *, number: int | None, as_of: dt.date | None
) -> EditionRow | None:
    """Return an edition by its number, or the one that stands on a day.

    Raises
    ------
    BadInputError
        If both are given.
    NoEditionError
        If nothing was published by that day; a number that is not there is none.
    """
    if number is None:
        return await context.edition(as_of)
    if as_of is not None:
        raise BadInputError("give number or asOf, not both", argument="number")
    return await context.ask(editions.by_number, number)


async def editions_by_numbers(context: Context, numbers: Sequence[int]) -> dict[int, EditionRow]:
    """Return editions by their numbers."""
    return await context.ask(editions_reading.by_numbers, numbers)


async def levels_of_editions(
    context: Context, numbers: Sequence[int]
) -> dict[int, tuple[str, ...]]:
    """Return the keys of the levels that each of many editions changed."""
    return await context.ask(editions.levels_of, numbers)


async def count_editions(context: Context) -> int:
    """Return how many editions there are."""
    return await context.ask(editions.count)


async def editions_page(context: Context, *, first: int, after: int | None) -> Page[EditionRow]:
    """Return a page of the editions, newest first."""
    return take(await context.ask(editions.page, first + 1, after), first)


async def units_by_ids(context: Context, ids: Sequence[int]) -> dict[int, tuple[UnitRow, State]]:
    """Return drawn versions, each with the edition to see it in: today's while it stands."""
    today = await context.edition_or_none()
    found = await context.ask(units.by_ids, today.number if today else 0, ids)
    return {number: (row, State(seen)) for number, (row, seen) in found.items()}


async def draft_units_by_ids(
    context: Context, ids: Sequence[int]
) -> dict[int, tuple[UnitRow, State]]:
    """Return units of drafts that the asker may see."""
    ground = await context.editor_ground()
    rows = await context.ask(drafts_reading.units_by_ids, ids, wanted=Wanted.NOTHING)
    drafts = sorted({row.draft_id for row in rows.values() if row.draft_id is not None})
    visible = await context.ask(drafts_reading.drafts_by_ids, drafts, ground=ground)
    return {
        number: (row, state_of(visible[row.draft_id]))
        for number, row in rows.items()
        if row.draft_id in visible
    }


async def findings_by_ids(
    context: Context, ids: Sequence[str]
) -> dict[str, tuple[FindingRow, State]]:
    """Return findings of drafts that the asker may see, else of today's edition."""
    found: dict[str, tuple[FindingRow, State]] = {}
    try:
        ground = await context.editor_ground()
    except (UnauthenticatedError, ForbiddenError):
        pass  # a reader knows the findings of editions only
    else:
        rows = await context.ask(
            findings_reading.findings_by_ids, ids, ground=ground, day=context.today
        )
        drafts = sorted({row.draft_id for row in rows.values() if row.draft_id is not None})
        known = await context.ask(drafts_reading.drafts_by_ids, drafts, ground=ground)
        found = {
            key: (row, state_of(known[row.draft_id]))
            for key, row in rows.items()
            if row.draft_id in known
        }
    rest = [key for key in ids if key not in found]
    return found | await _findings_of_today(context, rest) if rest else found


async def _findings_of_today(
    context: Context, ids: Sequence[str]
) -> dict[str, tuple[FindingRow, State]]:
    today = await context.edition_or_none()
    if today is None:
        return {}
    found: dict[str, tuple[FindingRow, State]] = {}
    for spec in (await context.tree()).specs:
        report = await coverage_reading.report_of(
            context, spec, today.number, None, day=context.today
        )
        page = await coverage_findings.findings_page(
            context, report, FindingFilter(), first=len(report.findings), after=None
        )
        found |= {row.id: (row, State(today.number)) for row in page.rows if row.id in ids}
    return found
