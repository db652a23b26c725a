"""What the demo plays of the duties: who answers at three addresses, and which duties have gaps."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from resolvers import bodies, duty_coverage
from resolvers.assignment_lists import load_assignments
from resolvers.assignments import filter_of, pages_of_units
from resolvers.body_lists import load_bodies
from resolvers.duties import by_key
from resolvers.duty_lists import load_duties
from resolvers.duty_report import duty_overview
from resolvers.ladder import rungs, ways_up
from resolvers.paging import MAX_FIRST
from resolvers.places import place_of, unit_at
from storage.units import UnitRow, Wanted

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncEngine

    from resolvers.assignment_lists import LoadedAssignments
    from resolvers.body_lists import LoadedBodies
    from resolvers.context import Context
    from resolvers.duty_lists import LoadedDuties
    from resolvers.duty_report import Covered
    from resolvers.ladder import RungRow
    from resolvers.places import PlaceRow
    from sources.assignments import AssignmentFile
    from sources.bodies import BodyFile
    from sources.duties import DutyFile
    from storage.duties import DutyRow

COMPOUND = "compound"

ADDRESSES = ("00000220", "00001749", "00002605")
"""In a compound with a joint branch; in one without any; in a community without a liaison."""

MISSING = 5
"""How many units without a holder are named."""


class Roster(NamedTuple):
    """The files of who is there, and who carries what, read."""

    duties: DutyFile
    bodies: Sequence[BodyFile]
    assignments: AssignmentFile


class LoadedRoster(NamedTuple):
    """What of them was loaded."""

    duties: LoadedDuties
    bodies: LoadedBodies
    assignments: LoadedAssignments

    @property
    def right(self) -> bool:
        """True when every row was taken."""
        return not self.bodies.rejected and not self.assignments.rejected


class Holder(NamedTuple):
    """Who carries a duty, as far as everybody is told."""

    duty: DutyRow
    key: str
    name: str


class Rung(NamedTuple):
    """A unit at an address, and who answers for it: those of the nearest unit that has somebody."""

    own: UnitRow
    unit: UnitRow
    holders: list[Holder]
    """By the duty's key and the first day."""


class Ladder(NamedTuple):
    """Who answers at an address, from the lowest unit upwards."""

    address: str
    rungs: list[Rung]


class Gap(NamedTuple):
    """A duty that some units ask for in vain."""

    covered: Covered
    missing: list[UnitRow]
    """The first of them, by code."""


class Duties(NamedTuple):
    """Who answers where, and what is missing."""

    ladders: list[Ladder]
    asked: int
    """How many duties each unit of their level must have a holder of."""
    gaps: list[Gap]

    @property
    def right(self) -> bool:
        """True when somebody answers at each of the addresses."""
        return all(any(rung.holders for rung in ladder.rungs) for ladder in self.ladders)


async def load_roster(
    engine: AsyncEngine, roster: Roster, *, today: dt.date, by: str
) -> LoadedRoster:
    """Load duties, people, organisations, and who carries what.

    Parameters
    ----------
    engine
        Of a database whose units are published.
    today
        The day from which an assignment holds, where the file says no other.
    by
        Who loads them.
    """
    return LoadedRoster(
        await load_duties(engine, roster.duties, day=today),
        await load_bodies(engine, *roster.bodies, changed_by=by),
        await load_assignments(engine, roster.assignments, changed_by=by, day=today),
    )


async def answering(context: Context) -> Duties:
    """Find who answers at some addresses, and which duties are not carried everywhere."""
    ladders = [await _ladder(context, key) for key in ADDRESSES]
    asked = [one for one in await duty_overview(context) if one.row.duty.min]
    gaps = [await _gap(context, one) for one in asked if one.missing]
    return Duties(ladders, len(asked), gaps)


async def _ladder(context: Context, key: str) -> Ladder:
    place = await place_of(context, key, level=None, as_of=None, wanted=Wanted.NOTHING)
    if place is None:
        return Ladder(key, [])
    found = await _rungs(context, place)
    return Ladder(key, [await _named(context, row) for row in found])


async def _rungs(context: Context, place: PlaceRow) -> list[RungRow]:
    """Return who answers at a place, for the compound that it lies in first."""
    day = context.today
    ways = await ways_up(context, place, None)
    compound = await unit_at(context, place, COMPOUND, Wanted.NOTHING)
    if compound is not None:
        ways.insert(0, (compound,))
    units = list(dict.fromkeys((row.level, row.code) for way in ways for row in way))
    which = await filter_of(context, day)
    pages = await pages_of_units(context, units, which, first=MAX_FIRST, after=None)
    return rungs(ways, {unit: page.rows for unit, page in pages.items()}, day)


async def _named(context: Context, row: RungRow) -> Rung:
    kinds, day = await by_key(context), context.today
    keys = [(one.body, day) for one in row.holders]
    known = await bodies.by_keys(context, keys)
    named = [(kinds[one.duty], known[one.body, day]) for one in row.holders]
    return Rung(row.own, row.unit, [Holder(duty, b.key, b.name or b.key) for duty, b in named])


async def _gap(context: Context, covered: Covered) -> Gap:
    page = await duty_coverage.missing(
        context, covered.row, first=MISSING, after=None, wanted=Wanted.NOTHING
    )
    return Gap(covered, list(page.rows))
