"""Households and land that pass from one unit to another."""

from __future__ import annotations

from typing import NamedTuple, Self

import strawberry

from geo import changes_told as changes
from resolvers.context import State
from resolvers.paging import Page, encode_cursor
from schema.common import PageInfo
from schema.request import Info
from schema.units import Unit, unit_of

MOVEMENT = "movement"


class States(NamedTuple):
    """The states that a comparison is about, in which its units are seen."""

    level: str
    before: State | None
    after: State | None

    async def unit(self, info: Info, code: str | None, *, earlier: bool) -> Unit | None:
        """Show the unit of a code in one of the states."""
        state = self.before if earlier else self.after
        return await unit_of(info, state, self.level, code) if state is not None else None


@strawberry.type(
    description=(
        "Households and land that pass from one unit to another, literally by code: all of a unit "
        "that gets another code passes."
    )
)
class Movement:
    row: strawberry.Private[changes.Movement]
    states: strawberry.Private[States]
    households: int = strawberry.field(
        description="Households of the addresses concerned: those of the newer or base edition."
    )
    area_m2: float = strawberry.field(
        description=(
            "Land in square metres; 0 where only an address on a border passes, or land that is "
            "claimed twice."
        )
    )

    @strawberry.field(
        name="from", description="The unit before; null: none, the land is newly covered."
    )
    async def from_(self, info: Info) -> Unit | None:
        return await self.states.unit(info, self.row.giver, earlier=True)

    @strawberry.field(description="The unit after; null: none, the land is opened.")
    async def to(self, info: Info) -> Unit | None:
        return await self.states.unit(info, self.row.taker, earlier=False)

    @classmethod
    def of(cls, row: changes.Movement, states: States) -> Self:
        """Show a movement."""
        return cls(row=row, states=states, households=row.households, area_m2=row.area_m2)


@strawberry.type(description="A movement in a list.")
class MovementEdge:
    node: Movement = strawberry.field(description="The movement.")
    cursor: str = strawberry.field(description="Its place in the list, for `after`.")


@strawberry.type(description="A page of movements, most households first, then most land.")
class MovementConnection:
    page: strawberry.Private[Page[changes.Movement]]
    states: strawberry.Private[States]
    after: strawberry.Private[str | None]
    total_count: int = strawberry.field(description="How many there are in all pages together.")

    @strawberry.field(description="The movements with their cursors.")
    def edges(self, info: Info) -> list[MovementEdge]:
        info.context.spend(len(self.page.rows))
        return [
            MovementEdge(node=Movement.of(row, self.states), cursor=_movement_cursor(row))
            for row in self.page.rows
        ]

    @strawberry.field(description="The movements.")
    def nodes(self, info: Info) -> list[Movement]:
        info.context.spend(len(self.page.rows))
        return [Movement.of(row, self.states) for row in self.page.rows]

    @strawberry.field(description="Where the page lies in the list.")
    def page_info(self) -> PageInfo:
        cursors = [_movement_cursor(row) for row in self.page.rows]
        return PageInfo.of(cursors, more=self.page.more, after=self.after)


def _movement_cursor(row: changes.Movement) -> str:
    return encode_cursor(
        MOVEMENT, row.households, float(row.area_m2), row.giver or "", row.taker or ""
    )
