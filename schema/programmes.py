"""Programmes: sets of kinds of service points with a promise."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Self

import strawberry

from resolvers.paging import Page, decode_cursor, page_size
from schema.arguments import After, First, UnitRefInput, plain_ref
from schema.circles import CircleCoverage, coverage_of
from schema.facilities import CURSOR, FacilityConnection
from schema.lookahead import page_asked
from schema.request import Info
from schema.walks import AskedWalk, WalkUsed, plain_walk, walk_used_of
from storage.facilities import FacilityFilter, FacilityRow
from storage.programmes import ProgrammeRow


@strawberry.type(
    description=(
        "A set of facilities with a promise: everyone within so many minutes, so many points by a "
        "date. As it holds today."
    )
)
class Programme:
    row: strawberry.Private[ProgrammeRow]
    day: strawberry.Private[dt.date]
    key: str = strawberry.field(description="Its lasting name.")
    name: str = strawberry.field(description="Its name for people.")
    kinds: list[str] = strawberry.field(description="Keys of the kinds that count.")
    own_level: str | None = strawberry.field(
        description=(
            "Key of the level in whose unit an address lives that only facilities in the same unit "
            "serve; null where any does."
        )
    )
    target: int | None = strawberry.field(description="How many facilities there are to be.")
    due: dt.date | None = strawberry.field(description="By when.")
    since: dt.date = strawberry.field(description="The first day on which it holds so.")
    until: dt.date | None = strawberry.field(
        description="The first day on which it holds so no more; null where none is known."
    )

    @strawberry.field(
        description="How far its circles reach: its own promise, else the service's default."
    )
    async def walk(self, info: Info) -> WalkUsed:
        return await walk_used_of(info, self.row)

    @strawberry.field(
        description="The facilities of its kinds that stand on the day, by key; 1 to 1000 a page."
    )
    async def facilities(
        self, info: Info, first: First = 100, after: After = None
    ) -> FacilityConnection:
        context, kinds, day = info.context, self.row.kinds, self.day
        context.spend()
        size = page_size(first, 100)
        place = str(decode_cursor(after, CURSOR, str)[0]) if after is not None else None
        page: Page[FacilityRow] = Page([], more=False)
        which = FacilityFilter(day)
        if page_asked(info):
            page = await context.facilities_of(kinds, which, first=size, after=place)
        return FacilityConnection(
            page=page,
            day=day,
            after=after,
            count=lambda: context.count_facilities_of(kinds, which),
        )

    @strawberry.field(
        description=(
            "Who is inside its circles, and who is not; by its own promise where `walk` does not "
            "say otherwise."
        )
    )
    async def coverage(
        self,
        info: Info,
        within: Annotated[
            UnitRefInput | None,
            strawberry.argument(description="Only who lives in this unit, of a level of any kind."),
        ] = None,
        walk: AskedWalk = None,
    ) -> CircleCoverage | None:
        return await coverage_of(
            info,
            self.kinds,
            within=plain_ref(within),
            walk=plain_walk(walk),
            own_level=self.own_level,
            day=self.day,
            promise=self.row,
        )

    @classmethod
    def of(cls, row: ProgrammeRow, day: dt.date) -> Self:
        """Show a programme as it holds on a day."""
        return cls(
            row=row,
            day=day,
            key=row.key,
            name=row.name,
            kinds=list(row.kinds),
            own_level=row.own_level,
            target=row.target,
            due=row.due,
            since=row.since,
            until=row.until,
        )
