"""Assignments that are left on units which stand no more, and who may take them over.

Nothing is moved: an assignment stays as it is until somebody ends it or assigns anew. What is
proposed for it is the unit that receives most of the households; see :mod:`geo.successors`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from resolvers.duty_sight import sight
from resolvers.paging import Page, take
from storage import editions, orphans
from storage.orphans import Lost

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from geo.changes_told import ChangeSet
    from resolvers.context import Context
    from storage.assignments import AssignmentRow
    from storage.orphans import OrphanPlace


def lost_by(found: ChangeSet, day: dt.date, edition: int | None) -> Lost:
    """Return the codes that stand no more after what changes.

    Parameters
    ----------
    day
        The first day of what comes after.
    edition
        The edition that comes after; None for a draft.
    """
    return Lost(found.level, tuple(unit.code for unit in found.gone), day, edition)


async def day_of_draft(context: Context, base: int | None) -> dt.date:
    """Return the first day on which a draft over an edition can be in force: today or later."""
    if base is None:
        return context.today
    row = await context.once(
        ("edition number", base), lambda: context.ask(editions.by_number, base)
    )
    return max(context.today, row.effective_on) if row is not None else context.today


async def orphan_pages(
    context: Context, asked: Sequence[Lost], *, first: int, after: OrphanPlace | None
) -> dict[Lost, Page[AssignmentRow]]:
    """Return a page of the assignments on lost units that the asker may see, for each asked."""
    mine = await sight(context)
    found = await context.ask(orphans.orphans, asked, sight=mine, first=first + 1, after=after)
    return {one: take(rows, first) for one, rows in zip(asked, found, strict=True)}


async def orphan_counts(context: Context, asked: Sequence[Lost]) -> dict[Lost, int]:
    """Return how many assignments are on lost units, whoever may see them."""
    return dict(zip(asked, await context.ask(orphans.count_orphans, asked), strict=True))
