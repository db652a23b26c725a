"""Who answers at a place."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import TYPE_CHECKING, Self

import strawberry

from geo.errors import LimitExceededError
from resolvers import ladder
from resolvers.assignments import filter_of
from resolvers.context import State
from resolvers.ladder import RungRow
from resolvers.paging import MAX_FIRST
from schema.asked_day import asked_day
from schema.duties import Assignment
from schema.request import Info
from schema.units import Unit

if TYPE_CHECKING:
    from resolvers.places import PlaceRow
    from storage.assignments import AssignmentFilter, AssignmentRow, UnitKey


@strawberry.type(description="One step of a ladder: a unit, and who answers for it.")
class Rung:
    row: strawberry.Private[RungRow]
    state: strawberry.Private[State]
    day: strawberry.Private[dt.date]

    @strawberry.field(
        description=(
            "The unit where somebody answers for this rung: the nearest at or above `for` with a "
            "holder whom the asker may see, else `for` itself."
        )
    )
    def unit(self, info: Info) -> Unit:
        info.context.spend()
        return Unit.of(self.row.unit, self.state)

    @strawberry.field(name="for", description="The unit of the rung itself, in which the place is.")
    def own(self, info: Info) -> Unit:
        info.context.spend()
        return Unit.of(self.row.own, self.state)

    @strawberry.field(
        description=(
            "Who answers there, by the duty's key and the first day; with `history` also who did "
            "before. Readers are given those of public duties. At most 1000: more is "
            "LIMIT_EXCEEDED."
        )
    )
    def holders(self, info: Info) -> list[Assignment]:
        info.context.spend(len(self.row.holders))
        return [Assignment.of(row, self.day, self.state) for row in self.row.holders]

    @classmethod
    def of(cls, row: RungRow, state: State, day: dt.date) -> Self:
        """Show a rung."""
        return cls(row=row, state=state, day=day)


async def ladder_of(info: Info, place: PlaceRow, *, duty: str | None, history: bool) -> list[Rung]:
    """Show who answers at a place, from the lowest level upwards."""
    context = info.context
    day = asked_day(info) or context.reading.today
    which = await filter_of(context.reading, day, duty=duty, history=history)
    kind = await context.duty(duty) if duty is not None else None
    ways = await ladder.ways_up(context.reading, place, kind)
    context.spend(len(ways))
    units = list(dict.fromkeys((row.level, row.code) for way in ways for row in way))
    found = await asyncio.gather(*(_holders(info, unit, which) for unit in units))
    rows = ladder.rungs(ways, dict(zip(units, found, strict=True)), day)
    return [Rung.of(row, State(place.edition), day) for row in rows]


async def _holders(info: Info, unit: UnitKey, which: AssignmentFilter) -> tuple[AssignmentRow, ...]:
    """Return all who carry something on a unit; one statement for all units that are asked for."""
    page = await info.context.assignments_of_unit(unit, which, first=MAX_FIRST, after=None)
    if page.more:
        raise LimitExceededError(
            f"more than {MAX_FIRST} answer for {unit[0]} {unit[1]}; name a duty, or page through "
            "the unit's assignments",
            argument="duty",
        )
    return tuple(page.rows)
