"""Assignments left without a unit, told with names to whoever has the whole database."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from geo.changes_told import ChangeSet
from geo.successors import successors_of
from resolvers.changes import Between, changes_of_editions
from resolvers.context import Context, Shared
from resolvers.duties import by_key
from resolvers.orphans import day_of_draft, lost_by
from storage import drafts_reading, editions, orphans
from storage.duty_sight import EVERYTHING
from storage.orphans import Lost

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Collection, Mapping, Sequence

    from sqlalchemy.ext.asyncio import AsyncEngine

    from geo.successors import Successor
    from storage.assignments import AssignmentRow
    from storage.orphans import StrayRow


class Named(NamedTuple):
    """A unit that may take an assignment over."""

    name: str
    """Empty where nothing but a border of it has changed."""
    gets: Successor


class Orphan(NamedTuple):
    """An assignment whose unit stands no more, with names for people."""

    row: AssignmentRow
    duty: str
    body: str
    unit: str
    """Name of the unit, as it last was; empty where it never stood."""
    successors: tuple[Named, ...]
    """The best first; none where nobody has its land, or where that cannot be told."""
    gone_on: dt.date | None
    """The first day without the unit; None where it never stood, or still stands."""


def label(code: str, name: str) -> str:
    """Return a unit as a sentence names it."""
    return code if name in {"", code} else f"{name} ({code})"


async def orphans_by(
    engine: AsyncEngine, found: ChangeSet, *, today: dt.date, base: int | None
) -> list[Orphan]:
    """Return the assignments that a draft would leave on units that stand no more, by code.

    Parameters
    ----------
    found
        What it changes, against its base.
    base
        Number of the edition that it lies over; None for nothing.
    """
    if not found.gone:
        return []
    context = Context(Shared(engine), today=today)
    day = await day_of_draft(context, base)
    return await _told(context, lost_by(found, day, None), found)


async def orphans_between(
    engine: AsyncEngine, found: ChangeSet, *, after: int, today: dt.date
) -> list[Orphan]:
    """Return the assignments that an edition has left on units that stand no more, by code.

    Parameters
    ----------
    found
        What changed on a level until that edition.
    """
    if not found.gone:
        return []
    context = Context(Shared(engine), today=today)
    edition = await context.ask(editions.by_number, after)
    if edition is None:
        return []
    return await _told(context, lost_by(found, edition.effective_on, after), found)


async def orphans_of_draft(
    engine: AsyncEngine, found: ChangeSet, number: int, *, today: dt.date
) -> list[Orphan]:
    """Return what a stored draft would leave behind, or has where it is published."""
    async with engine.connect() as connection:
        drafts = await drafts_reading.drafts_by_ids(connection, [number], ground=None)
    draft = drafts[number]
    if draft.published_as is not None:
        return await orphans_between(engine, found, after=draft.published_as, today=today)
    return await orphans_by(engine, found, today=today, base=draft.base_edition)


async def orphans_of_edition(engine: AsyncEngine, number: int, *, today: dt.date) -> list[Orphan]:
    """Return the assignments that an edition has left behind on all its levels.

    Notes
    -----
    States are compared only where there is anything to tell: after most editions one statement.
    Where too much changed to be compared, nobody is proposed.
    """
    context = Context(Shared(engine), today=today)
    left = await context.ask(orphans.left_behind, number)
    edition = await context.ask(editions.by_number, number) if left else None
    if edition is None:
        return []
    asked = {level: Between(level, number - 1, number) for level in left}
    changed = await changes_of_editions(context, list(asked.values()))
    told: list[Orphan] = []
    for level, codes in left.items():
        lost = Lost(level, tuple(codes), edition.effective_on, number)
        outcome = changed[asked[level]]
        told += await _told(context, lost, outcome if isinstance(outcome, ChangeSet) else None)
    return told


async def _told(context: Context, lost: Lost, found: ChangeSet | None) -> list[Orphan]:
    [rows] = await context.ask(orphans.orphans, [lost], sight=EVERYTHING, first=None)
    if not rows:
        return []
    told = await _with_names(context, rows)
    if lost.edition is not None:
        told = [one._replace(gone_on=lost.day) for one in told]
    known = _Known.of(found, {row.code for row in rows}) if found is not None else None
    return [known.tell(one) for one in told] if known is not None else told


class _Known(NamedTuple):
    """What is known of lost units of a level."""

    names: Mapping[str, str]
    after: Mapping[str, str]
    """Names of the units that changed, as they are after."""
    successors: Mapping[str, tuple[Successor, ...]]

    @classmethod
    def of(cls, found: ChangeSet, codes: Collection[str]) -> _Known:
        names = {unit.code: unit.name for unit in found.gone}
        after = {c.after.code: c.after.name for c in found.changes if c.after is not None}
        return cls(names, after, successors_of(found.movements, codes))

    def tell(self, orphan: Orphan) -> Orphan:
        code = orphan.row.code
        return orphan._replace(
            unit=self.names.get(code, ""),
            successors=tuple(
                Named(self.after.get(one.code, ""), one) for one in self.successors.get(code, ())
            ),
        )


async def _with_names(context: Context, rows: Sequence[AssignmentRow]) -> list[Orphan]:
    bodies = await context.ask(orphans.names_of_bodies, {row.body for row in rows})
    duties = await by_key(context)
    return [
        Orphan(
            row=row,
            duty=duties[row.duty].name if row.duty in duties else row.duty,
            body=bodies.get(row.body, ""),
            unit="",
            successors=(),
            gone_on=None,
        )
        for row in rows
    ]


# --- all of a day --------------------------------------------------------------------------------


async def strays(context: Context, day: dt.date) -> list[Orphan]:
    """Return all assignments that hold on a day or will, whose unit does not stand then.

    By level, code, duty and number. Successors are those of the edition of that day, whichever
    edition took the unit away: it may be long ago, and its own successors gone by now.

    Notes
    -----
    One comparison for each level and each edition after which units were taken away.
    """
    rows = await context.ask(orphans.strays, day)
    if not rows:
        return []
    stood = [row for row in rows if row.last is not None]
    asked = {Between(row.row.level, row.last or 0, row.edition) for row in stood}
    changed = await changes_of_editions(context, sorted(asked, key=str)) if asked else {}
    codes = {one: {row.row.code for row in stood if _between(row) == one} for one in asked}
    known = {
        one: _Known.of(found, codes[one])
        for one, found in changed.items()
        if isinstance(found, ChangeSet)
    }
    told = await _with_names(context, [row.row for row in rows])
    return [
        (known[_between(row)].tell(orphan) if _between(row) in known else orphan)._replace(
            gone_on=row.gone_on
        )
        for row, orphan in zip(rows, told, strict=True)
    ]


def _between(row: StrayRow) -> Between:
    return Between(row.row.level, row.last or 0, row.edition)
