"""Circles unit by unit."""

from __future__ import annotations

from typing import Self

import strawberry

from resolvers.circle_units import NOBODY, UnitCircleRow, UnitCircles
from resolvers.context import State
from resolvers.paging import Page, encode_cursor
from schema.common import PageInfo
from schema.facilities import Facility, facility_of_row
from schema.lookahead import unit_wanted
from schema.request import Info
from schema.tallies import Tally
from schema.units import Unit

CURSOR = "unit circle"


@strawberry.type(description="Who of a unit is inside the circles, and how far it is.")
class UnitCircle:
    row: strawberry.Private[UnitCircleRow]
    found: strawberry.Private[UnitCircles]
    total: Tally = strawberry.field(description="All who live in the unit.")
    inside: Tally = strawberry.field(description="Those inside a circle.")
    not_connected: Tally = strawberry.field(
        description=(
            "Those outside who are on no street, or on a piece of the network that no facility "
            "can be walked to from."
        )
    )
    share: float | None = strawberry.field(
        description=(
            "Share inside, of the households or of the people of the asked group; null where "
            "there are none, and, but for editors, of a group: but for programmes as they are "
            "promised, there only of one at a single address."
        )
    )
    median_walk_s: float | None = strawberry.field(
        description=(
            "Seconds that at least half of the households need at most to their nearest facility, "
            "however far; null where none can walk to one."
        )
    )
    worst_walk_s: float | None = strawberry.field(
        description=(
            "Seconds that the farthest household needs, of those that can walk to a facility; null "
            "where none can."
        )
    )

    @strawberry.field(description="The unit.")
    async def unit(self, info: Info) -> Unit:
        info.context.spend()
        state = State(self.found.row.city.edition)
        found = await info.context.unit(
            state, self.found.level_key, self.row.code, unit_wanted(info)
        )
        if found is None:
            raise LookupError(f"{self.found.level_key} {self.row.code} left its edition")
        return Unit.of(found, state)

    @strawberry.field(
        description=(
            "The facility that is the nearest for most of the unit's households; null where none "
            "can walk to one."
        )
    )
    async def nearest(self, info: Info) -> Facility | None:
        if self.row.nearest is None:
            return None
        return await facility_of_row(info, self.row.nearest, self.found.row.city.day)

    @classmethod
    def of(cls, row: UnitCircleRow, found: UnitCircles) -> Self:
        """Show a unit's circles."""
        telling, chosen = row.telling_groups, found.row.chosen
        return cls(
            row=row,
            found=found,
            total=Tally.of(row.total),
            inside=Tally.of(row.inside, telling, chosen=chosen),
            not_connected=Tally.of(row.not_connected, telling, chosen=chosen),
            share=row.share,
            median_walk_s=row.median_s,
            worst_walk_s=row.worst_s,
        )


@strawberry.type(description="A unit's circles in a list.")
class UnitCircleEdge:
    node: UnitCircle = strawberry.field(description="The unit's circles.")
    cursor: str = strawberry.field(description="Their place in the list, for `after`.")


@strawberry.type(description="A page of units' circles, lowest share first, then by code.")
class UnitCircleConnection:
    page: strawberry.Private[Page[UnitCircleRow]]
    found: strawberry.Private[UnitCircles]
    after: strawberry.Private[str | None]

    @strawberry.field(description="The units' circles with their cursors.")
    def edges(self, info: Info) -> list[UnitCircleEdge]:
        info.context.spend(len(self.page.rows))
        return [
            UnitCircleEdge(node=UnitCircle.of(row, self.found), cursor=_cursor(row))
            for row in self.page.rows
        ]

    @strawberry.field(description="The units' circles.")
    def nodes(self, info: Info) -> list[UnitCircle]:
        info.context.spend(len(self.page.rows))
        return [UnitCircle.of(row, self.found) for row in self.page.rows]

    @strawberry.field(description="Where the page lies in the list.")
    def page_info(self) -> PageInfo:
        rows = self.page.rows
        ends = [rows[0], rows[-1]] if rows else []
        return PageInfo.of([_cursor(row) for row in ends], more=self.page.more, after=self.after)

    @strawberry.field(description="How many there are in all pages together.")
    def total_count(self) -> int:
        return len(self.found.number)


def _cursor(row: UnitCircleRow) -> str:
    return encode_cursor(CURSOR, row.share if row.share is not None else NOBODY, row.code)
