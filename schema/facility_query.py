"""The root fields of service points and programmes."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

import strawberry

from resolvers import facilities, programmes
from resolvers.facilities import FacilityQuestion
from resolvers.paging import Page, decode_cursor, page_size
from schema.arguments import After, AsOf, Bbox, First, UnitRefInput, plain_ref
from schema.facilities import CURSOR, Facility, FacilityConnection, FacilityKind
from schema.guard import root
from schema.lookahead import page_asked
from schema.programmes import Programme
from schema.request import Info
from storage.facilities import FacilityRow

FacilityKey = Annotated[str, strawberry.argument(description="Key of a facility.")]


@strawberry.type
class FacilityQueries:
    """Mixed into the root type."""

    @root("All kinds of facilities, by key.")
    async def facility_kinds(self, info: Info) -> list[FacilityKind]:
        rows = await programmes.kinds(info.context.reading)
        info.context.spend(len(rows))
        return [FacilityKind.of(row) for row in rows]

    @root("A facility as it stands today; null where none of that key does.")
    async def facility(self, info: Info, key: FacilityKey) -> Facility | None:
        context = info.context.reading
        row = await facilities.one(context, key)
        return Facility.of(row, context.today) if row is not None else None

    @root(
        "The facilities of a day that fulfil everything that is given, by key; 1 to 1000 a page. "
        "bbox is west, south, east, north; west > east crosses the antimeridian."
    )
    async def facilities(
        self,
        info: Info,
        *,
        kind: Annotated[str | None, strawberry.argument(description="Key of a kind.")] = None,
        within: Annotated[
            UnitRefInput | None,
            strawberry.argument(
                description="Only those in this unit: by the border rule, as addresses."
            ),
        ] = None,
        bbox: Bbox = None,
        search: Annotated[
            str | None,
            strawberry.argument(description="A part of the key, the name or its pinyin."),
        ] = None,
        open_at: Annotated[
            dt.datetime | None,
            strawberry.argument(
                description=(
                    "Only those that are open at this instant, by their opening hours in the "
                    "city's own time. Public holidays are not known; without hours, or with hours "
                    "that cannot be understood, none is open."
                )
            ),
        ] = None,
        failing: Annotated[
            str | None,
            strawberry.argument(
                description=(
                    "Only those whose kind has this rule, e.g. AREA_MIN_60, and that fail it."
                )
            ),
        ] = None,
        as_of: AsOf = None,
        first: First = 100,
        after: After = None,
    ) -> FacilityConnection | None:
        context = info.context.reading
        size = page_size(first, 100)
        place = str(decode_cursor(after, CURSOR, str)[0]) if after is not None else None
        day = as_of or context.today
        question = FacilityQuestion(kind, plain_ref(within), bbox, search, open_at, failing)
        which = await facilities.filter_of(context, question, day)
        page: Page[FacilityRow] = Page([], more=False)
        if page_asked(info):
            page = await facilities.page(context, question, which, first=size, after=place)
        return FacilityConnection(
            page=page, day=day, after=after, count=lambda: facilities.count(context, which)
        )

    @root("A programme that holds today; null where none of that key does.")
    async def programme(
        self,
        info: Info,
        key: Annotated[str, strawberry.argument(description="Key of a programme.")],
    ) -> Programme | None:
        context = info.context.reading
        row = await programmes.one(context, key)
        return Programme.of(row, context.today) if row is not None else None

    @root("All programmes that hold today, by key.")
    async def programmes(self, info: Info) -> list[Programme]:
        context = info.context.reading
        rows = await programmes.standing(context)
        info.context.spend(len(rows))
        return [Programme.of(row, context.today) for row in rows]
