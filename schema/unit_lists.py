"""Pages of units, and those below one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Annotated

import strawberry

from resolvers import children as below
from resolvers.context import State
from resolvers.paging import Page, decode_cursor, encode_cursor, page_size
from schema.arguments import OfDatum, ToleranceM, plain_datum
from schema.common import TOTAL, PageInfo
from schema.enums import Datum
from schema.lookahead import page_asked, page_wanted
from schema.pictures import collection_of, holder_names
from schema.request import Info
from schema.scalars import GeoJSON, as_json
from schema.units import Unit, units_of
from storage.units import UnitRow

if TYPE_CHECKING:
    from geo import crs

CHILD = "child"
"""The kind of list that units below one are."""


@strawberry.type(description="A unit in a list.")
class UnitEdge:
    node: Unit = strawberry.field(description="The unit.")
    cursor: str = strawberry.field(description="Its place in the list, for `after`.")


@strawberry.type(description="A page of units, by code.")
class UnitConnection:
    page: strawberry.Private[Page[UnitRow]]
    state: strawberry.Private[State]
    after: strawberry.Private[str | None]
    cursor: strawberry.Private[Callable[[UnitRow], str]]
    count: strawberry.Private[Callable[[], Awaitable[int]]]

    @strawberry.field(description="The units with their cursors.")
    def edges(self, info: Info) -> list[UnitEdge]:
        info.context.spend(len(self.page.rows))
        units = units_of(info, self.page.rows, self.state)
        return [UnitEdge(node=unit, cursor=self.cursor(unit.row)) for unit in units]

    @strawberry.field(description="The units.")
    def nodes(self, info: Info) -> list[Unit]:
        info.context.spend(len(self.page.rows))
        return units_of(info, self.page.rows, self.state)

    @strawberry.field(description="Where the page lies in the list.")
    def page_info(self) -> PageInfo:
        rows = self.page.rows
        ends: Sequence[UnitRow] = [rows[0], rows[-1]] if rows else []
        return PageInfo.of(
            [self.cursor(row) for row in ends], more=self.page.more, after=self.after
        )

    @strawberry.field(description=TOTAL)
    async def total_count(self) -> int:
        return await self.count()

    @strawberry.field(
        description=(
            "This page as one FeatureCollection, ready for a map source: properties id, level, "
            "code, name, parent (its code), areaM2, households, people, and with `duty` holders: "
            "the names of those who carry it, as far as the asker may know them."
        )
    )
    async def feature_collection(
        self,
        info: Info,
        datum: OfDatum = Datum.WGS84,
        tolerance_m: ToleranceM = None,
        duty: Annotated[
            str | None, strawberry.argument(description="Key of a duty; null for no holders.")
        ] = None,
    ) -> GeoJSON:
        plain: crs.Datum = plain_datum(datum)
        rows = self.page.rows
        info.context.spend(len(rows))
        names = await holder_names(info, rows, self.state, duty) if duty is not None else None
        text = await collection_of(
            info, rows, self.state, datum=plain, tolerance_m=tolerance_m, holders=names
        )
        return GeoJSON(as_json(text))


def child_cursor(row: UnitRow) -> str:
    """Return the place of a unit among those below one."""
    return encode_cursor(CHILD, row.code, row.level)


async def children_of(
    info: Info,
    unit: UnitRow,
    state: State,
    *,
    level: str | None,
    first: int | None,
    after: str | None,
) -> UnitConnection:
    """Show a page of the units below one."""
    context = info.context
    context.spend()
    way = await below.descent(context.reading, unit.level, level)
    place = decode_cursor(after, CHILD, str, str) if after is not None else None
    size = page_size(first, 100)
    page: Page[UnitRow] = Page([], more=False)
    if page_asked(info):
        page = await context.children(
            state,
            way,
            unit.code,
            first=size,
            after=(str(place[0]), str(place[1])) if place else None,
            wanted=page_wanted(info),
        )
    return UnitConnection(
        page=page,
        state=state,
        after=after,
        cursor=child_cursor,
        count=partial(context.count_children, state, way, unit.code),
    )
