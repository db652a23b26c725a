"""The root fields."""

from __future__ import annotations

from typing import Annotated

import strawberry

from resolvers import coverage_reading, drafts_reading, places, reading, units
from resolvers.changes import changes_between
from resolvers.context import State
from resolvers.paging import Page, check_length, decode_cursor, encode_cursor, page_size
from resolvers.units import UnitQuestion, UnitRef
from schema import drafts as draft_types
from schema import editions as edition_types
from schema.arguments import (
    After,
    AnyLevelKey,
    AsOf,
    Bbox,
    DecidingLevel,
    First,
    LevelKey,
    PointInput,
    Within,
    plain_datum,
    plain_ref,
)
from schema.batches import points_of
from schema.changes import ChangeSummary
from schema.common import Node
from schema.coverage import CoverageReport
from schema.drafts import Draft, DraftConnection
from schema.editions import Edition, EditionConnection
from schema.enums import Datum, DraftStatus
from schema.guard import root
from schema.ids import IdKind, decode
from schema.levels import Level
from schema.lookahead import page_asked, page_wanted, unit_wanted
from schema.nodes import node_of, nodes_of
from schema.places import Place, PlaceCode, place_codes_of
from schema.request import Info
from schema.scalars import Json
from schema.unit_lists import UnitConnection
from schema.units import PLAIN, Unit
from storage.editions import EditionRow
from storage.units import UnitRow

Id = Annotated[strawberry.ID, strawberry.argument(description="From the field `id` of a thing.")]
UnitCode = Annotated[str, strawberry.argument(description="The unit's code; leading zeros count.")]


@strawberry.type(description="Everything that can be read.")
class Query:
    @root("The thing of an id; null where it is gone.")
    async def node(self, info: Info, id: Id) -> Node | None:
        return await node_of(info, id)

    @root("The things of many ids, in their order; null where one is gone.")
    async def nodes(
        self,
        info: Info,
        ids: Annotated[list[strawberry.ID], strawberry.argument(description="At most 1000 ids.")],
    ) -> list[Node | None]:
        check_length("ids", ids)
        info.context.spend(len(ids))
        # graphql-core reports an exception in a list as the error of that entry
        return await nodes_of(info, ids)  # type: ignore[return-value]

    @root("All levels, topmost first, each followed by those below it.")
    async def levels(self, info: Info) -> list[Level]:
        context = info.context.reading
        today = await context.edition_or_none()
        state = State(today.number if today else None)
        return [Level.of(spec, state) for spec in (await context.tree()).specs]

    @root("An edition by its number, or the one of a day; without either today's.")
    async def edition(
        self,
        info: Info,
        number: Annotated[
            int | None, strawberry.argument(description="Its number; null where there is none.")
        ] = None,
        as_of: AsOf = None,
    ) -> Edition | None:
        row = await reading.edition(info.context.reading, number=number, as_of=as_of)
        return Edition.of(row) if row else None

    @root("Newest first; those that come into force later, too. 1 to 1000 a page.")
    async def editions(
        self, info: Info, first: First = 20, after: After = None
    ) -> EditionConnection:
        size = page_size(first, 20)
        place = decode_cursor(after, edition_types.CURSOR, int) if after is not None else None
        page: Page[EditionRow] = Page([], more=False)
        if page_asked(info):
            page = await reading.editions_page(
                info.context.reading, first=size, after=int(place[0]) if place else None
            )
        return EditionConnection(page=page, after=after)

    @root(
        "What changes on a level from one edition to another, in either direction of time. "
        "`within` keeps the units below that unit in either edition; its level must be above."
    )
    async def changes(
        self,
        info: Info,
        *,
        from_: Annotated[
            int, strawberry.argument(name="from", description="Number of the edition before.")
        ],
        to: Annotated[int, strawberry.argument(description="Number of the edition after.")],
        level: LevelKey,
        within: Within = None,
    ) -> ChangeSummary | None:
        found = await changes_between(
            info.context.reading, level=level, before=from_, after=to, within=plain_ref(within)
        )
        return ChangeSummary.of(found, State(from_), State(to))

    @root("A unit by its lasting name; null where none of that code stands on that day.")
    async def unit(
        self, info: Info, level: LevelKey, code: UnitCode, as_of: AsOf = None
    ) -> Unit | None:
        context = info.context.reading
        edition = (await context.edition(as_of)).number
        row = await units.one(context, edition, UnitRef(level, code), unit_wanted(info))
        return Unit.of(row, State(edition)) if row else None

    @root(
        "The units of a level that fulfil everything that is given, by code; 1 to 1000 a page. "
        "bbox is west, south, east, north in `datum`; west > east crosses the antimeridian. Units "
        "that intersect it are returned."
    )
    async def units(
        self,
        info: Info,
        *,
        level: LevelKey,
        within: Within = None,
        codes: Annotated[
            list[str] | None,
            strawberry.argument(description="Only these codes, at most 1000."),
        ] = None,
        bbox: Bbox = None,
        datum: Annotated[
            Datum | None, strawberry.argument(description="Datum of bbox.")
        ] = Datum.WGS84,
        search: Annotated[
            str | None,
            strawberry.argument(description="A part of the code, the name or its pinyin."),
        ] = None,
        properties: Annotated[
            Json | None,
            strawberry.argument(description="An object that the unit's properties must contain."),
        ] = None,
        as_of: AsOf = None,
        first: First = 100,
        after: After = None,
    ) -> UnitConnection | None:
        context = info.context.reading
        size = page_size(first, 100)
        place = decode_cursor(after, PLAIN, str) if after is not None else None
        question = UnitQuestion(
            level=level,
            within=plain_ref(within),
            codes=codes,
            bbox=bbox,
            datum=plain_datum(datum),
            search=search,
            properties=properties,
        )
        which = await units.filter_of(context, question)
        edition = (await context.edition(as_of)).number
        page: Page[UnitRow] = Page([], more=False)
        if page_asked(info):
            page = await units.page(
                context,
                edition,
                which,
                within=question.within,
                first=size,
                after=str(place[0]) if place else None,
                wanted=page_wanted(info),
            )
        return UnitConnection(
            page=page,
            state=State(edition),
            after=after,
            cursor=lambda row: encode_cursor(PLAIN, row.code),
            count=lambda: units.count(context, edition, which),
        )

    @root(
        "By code and name over all levels, best first, Chinese and pinyin, for a search box: the "
        "exact code, codes that start so, names that start so, the most similar. Today's edition; "
        "every word must be there; at most 1000."
    )
    async def search(
        self,
        info: Info,
        text: Annotated[
            str, strawberry.argument(description="At most 16 words; blank finds nothing.")
        ],
        levels: Annotated[
            list[str] | None,
            strawberry.argument(description="Keys of levels; null for all."),
        ] = None,
        within: Within = None,
        first: First = 10,
    ) -> list[Unit] | None:
        context = info.context.reading
        rows = await units.search(
            context,
            text,
            levels=levels,
            within=plain_ref(within),
            first=page_size(first, 10),
            wanted=unit_wanted(info),
        )
        state = State((await context.edition()).number)
        info.context.spend(len(rows))
        return [Unit.of(row, state) for row in rows]

    @root("Where a point is. It is rounded to 1e-9 degrees.")
    async def place_at(
        self,
        info: Info,
        point: Annotated[
            PointInput, strawberry.argument(description="Longitude, latitude and their datum.")
        ],
        level: DecidingLevel = None,
        as_of: AsOf = None,
    ) -> Place | None:
        wanted = unit_wanted(info, "units") | unit_wanted(info, "unit")
        row = await places.place_at(
            info.context.reading, point.plain(), level=level, as_of=as_of, wanted=wanted
        )
        return Place.of(info, row)

    @root("Where a loaded address is, by its key; null where there is none of that key.")
    async def place_of(
        self,
        info: Info,
        address: Annotated[str, strawberry.argument(description="Key of the address.")],
        level: DecidingLevel = None,
        as_of: AsOf = None,
    ) -> Place | None:
        wanted = unit_wanted(info, "units") | unit_wanted(info, "unit")
        row = await places.place_of(
            info.context.reading, address, level=level, as_of=as_of, wanted=wanted
        )
        return Place.of(info, row) if row else None

    @root(
        "The unit of one level for each of many points, in their order. At most 10000 points; "
        "level is by default the lowest tiling one."
    )
    async def places_at(
        self,
        info: Info,
        points: Annotated[
            list[PointInput], strawberry.argument(description="At most 10000 points.")
        ],
        level: DecidingLevel = None,
        as_of: AsOf = None,
    ) -> list[PlaceCode] | None:
        rows = await places.places_at(
            info.context.reading, points_of(points), level=level, as_of=as_of
        )
        info.context.spend(len(rows))
        return place_codes_of(rows)

    @root(
        "The four clauses of a level of an edition. `within` keeps the parents below that unit, or "
        "itself; it must be of a level above."
    )
    async def coverage(
        self, info: Info, level: LevelKey, within: Within = None, as_of: AsOf = None
    ) -> CoverageReport | None:
        row = await coverage_reading.coverage(
            info.context.reading, level, within=plain_ref(within), as_of=as_of
        )
        return CoverageReport.of(row)

    @root("A draft; null where there is none. For editors of its ground.")
    async def draft(self, info: Info, id: Id) -> Draft | None:
        number = decode(id, kind=IdKind.DRAFT).number
        row = await drafts_reading.one(info.context.reading, number)
        return Draft.of(row) if row else None

    @root("Newest first; those that the key's ground holds. For editors. 1 to 1000 a page.")
    async def drafts(
        self,
        info: Info,
        status: Annotated[
            DraftStatus | None, strawberry.argument(description="Only of this status.")
        ] = None,
        level: AnyLevelKey = None,
        first: First = 20,
        after: After = None,
    ) -> DraftConnection | None:
        context = info.context.reading
        size = page_size(first, 20)
        place = decode_cursor(after, draft_types.CURSOR, int) if after is not None else None
        chosen = status.value if status is not None else None
        page = await drafts_reading.page(
            context,
            status=chosen,
            level=level,
            first=size,
            after=int(place[0]) if place else None,
        )
        return DraftConnection(page=page, after=after, chosen_status=chosen, chosen_level=level)
