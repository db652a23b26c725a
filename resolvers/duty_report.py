"""Coverage of duties for the command line: of all of them, or of one with what it lacks."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

from resolvers import duty_coverage
from resolvers.circle_report import find_unit
from resolvers.context import State
from resolvers.duties import by_key
from resolvers.units import by_keys
from storage.units import Wanted

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from resolvers.context import Context
    from resolvers.duty_coverage import CoverageRow
    from storage.duty_counts import Counts, ParentRow
    from storage.units import UnitRow


class Covered(NamedTuple):
    """A duty, and how many units of a level have the holders that it asks for."""

    row: CoverageRow
    counts: Counts
    bodies: int

    @property
    def missing(self) -> int:
        """How many have not."""
        return self.counts.total - self.counts.covered

    @property
    def share(self) -> float | None:
        """How large a part of them has; None where there are no units."""
        return self.counts.covered / self.counts.total if self.counts.total else None


class NamedParent(NamedTuple):
    """A unit right above, and how many of those below it are covered."""

    name: str
    row: ParentRow


class DutyReport(NamedTuple):
    """How well one duty is covered, and the first of what it lacks."""

    covered: Covered
    missing: Sequence[UnitRow]
    excess: Sequence[UnitRow]
    parents: list[NamedParent]
    parent_count: int


async def duty_overview(
    context: Context, *, within: str | None = None, day: dt.date | None = None
) -> list[Covered]:
    """Return how well every duty is covered on the units of its own level, by key.

    Parameters
    ----------
    within
        ``LEVEL:CODE``, or a code that one unit alone has; duties of levels above it or beside
        it are left out.

    Raises
    ------
    UnknownError, BadInputError, NoEditionError
        If ``within`` names no unit, or several, or nothing was published by then.
    """
    ref = await find_unit(context, within, day) if within is not None else None
    tree = await context.tree()
    keys = [
        key
        for key, duty in (await by_key(context)).items()
        if ref is None or ref.level == duty.level or tree.between(ref.level, duty.level) is not None
    ]
    rows = [await duty_coverage.coverage(context, key, within=ref, as_of=day) for key in keys]
    return list(await asyncio.gather(*(_covered(context, row) for row in rows)))


async def duty_report(
    context: Context,
    duty: str,
    *,
    within: str | None = None,
    level: str | None = None,
    post: str | None = None,
    day: dt.date | None = None,
    first: int = 10,
) -> DutyReport:
    """Return how well one duty is covered, and the first units that lack or exceed it.

    Parameters
    ----------
    within
        As for ``duty_overview``.
    level
        Another level than the duty's own.
    first
        How many units of each list.

    Raises
    ------
    UnknownError, BadInputError, NoEditionError
        See :func:`resolvers.duty_coverage.coverage`; and if ``within`` names no unit, or several.
    """
    ref = await find_unit(context, within, day) if within is not None else None
    row = await duty_coverage.coverage(context, duty, level=level, post=post, within=ref, as_of=day)
    covered = await _covered(context, row)
    none = Wanted.NOTHING
    missing = await duty_coverage.missing(context, row, first=first, after=None, wanted=none)
    excess = await duty_coverage.excess(context, row, first=first, after=None, wanted=none)
    parents = await duty_coverage.by_parent(context, row, first=first, after=None)
    return DutyReport(
        covered=covered,
        missing=missing.rows,
        excess=excess.rows,
        parents=await _named(context, row, parents.rows),
        parent_count=await duty_coverage.count_parents(context, row),
    )


async def _covered(context: Context, row: CoverageRow) -> Covered:
    counts = await duty_coverage.counts(context, row)
    return Covered(row, counts, await duty_coverage.count_bodies(context, row))


async def _named(
    context: Context, row: CoverageRow, parents: Sequence[ParentRow]
) -> list[NamedParent]:
    above = row.level.parent
    if above is None or not parents:
        return []
    state = State(row.scope.edition)
    keys = {parent.code: (state, above, parent.code) for parent in parents}
    names = await by_keys(context, list(keys.values()), Wanted.NOTHING)
    return [
        NamedParent(names[key].name if (key := keys[one.code]) in names else "", one)
        for one in parents
    ]
