"""Drafts: imports that are not published."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Annotated, Any, Self

import strawberry

from geo.errors import UnknownError
from resolvers import drafts_reading as reading
from resolvers.changes import require_comparable
from resolvers.context import State
from resolvers.coverage_reading import report_of_draft
from resolvers.paging import Page, decode_cursor, encode_cursor, page_size
from schema import moves as move_types
from schema.arguments import After, Bbox, First
from schema.changes import ChangeSummary
from schema.common import TOTAL, Node, PageInfo
from schema.coverage import CoverageReport
from schema.editions import Edition, edition_of
from schema.enums import Datum, DraftStatus
from schema.ids import IdKind, decode, encode
from schema.levels import Level, level_of
from schema.lookahead import page_asked, page_wanted
from schema.moves import GoneFinding, LandMoveConnection
from schema.request import Info
from schema.scalars import Json
from schema.unit_lists import UnitConnection
from schema.units import IN_DRAFT, Unit, unit_of
from storage import moves, rechecking
from storage.drafts_reading import DraftRow
from storage.units import UnitRow

CURSOR = "draft"


@strawberry.type(description="A guess that was made about a file, with its evidence.")
class Notice:
    code: str = strawberry.field(description="What kind of notice.")
    message: str = strawberry.field(description="What was concluded, and from what.")
    feature_count: int = strawberry.field(description="How many rows it concerns.")


@strawberry.type(
    description="What was read, and every guess that was made about it with its evidence."
)
class DraftSource:
    file: str = strawberry.field(description="Name of the file.")
    sha256: str = strawberry.field(description="Its SHA-256, in hexadecimal digits.")
    format: str = strawberry.field(description="GDAL's short name of its format, e.g. GPKG.")
    layer: str | None = strawberry.field(description="The layer; null if it has none.")
    feature_count: int = strawberry.field(description="How many rows it has.")
    encoding: str = strawberry.field(description="How its text was read, e.g. GB18030.")
    crs: str = strawberry.field(description="Its coordinate system: EPSG:4523, or WKT.")
    datum: Datum = strawberry.field(description="What its degrees refer to.")
    columns: Json = strawberry.field(description="Which column was taken for what.")
    notices: list[Notice] = strawberry.field(description="Every guess, with its evidence.")

    @classmethod
    def of(cls, stored: dict[str, Any]) -> Self:
        """Show what an import wrote down."""
        return cls(
            file=stored["file"],
            sha256=stored["sha256"],
            format=stored["format"],
            layer=stored.get("layer"),
            feature_count=stored["featureCount"],
            encoding=stored["encoding"],
            crs=stored["crs"],
            datum=Datum(stored["datum"]),
            columns=Json(stored["columns"]),
            notices=[
                Notice(
                    code=notice["code"],
                    message=notice["message"],
                    feature_count=notice["featureCount"],
                )
                for notice in stored["notices"]
            ],
        )


@strawberry.type(
    description=(
        "An import that is not published: seen by editors of its ground only, never by readers."
    )
)
class Draft(Node):
    row: strawberry.Private[DraftRow]
    created_at: dt.datetime = strawberry.field(description="When it was imported.")
    created_by: str = strawberry.field(description="Name of the key, or of the account.")

    @strawberry.field(description="What became of it.")
    def status(self) -> DraftStatus:
        return DraftStatus(self.row.status)

    @strawberry.field(description="Why it is FAILED; null otherwise.")
    def error(self) -> str | None:
        return self.row.error

    @strawberry.field(description="The level that it redraws.")
    async def level(self, info: Info) -> Level:
        return await level_of(info, self.row.level, reading.state_of(self.row))

    @strawberry.field(description="The unit whose ground it redraws; null: the whole level.")
    async def within(self, info: Info) -> Unit | None:
        if self.row.within_level is None:
            return None
        state = reading.state_of(self.row)
        return await unit_of(info, state, self.row.within_level, self.row.within_code)

    @strawberry.field(description="The edition that it was checked against; null: before any.")
    async def base(self, info: Info) -> Edition | None:
        return await edition_of(info, self.row.base_edition)

    @strawberry.field(
        name="with",
        description=(
            "Drafts of other levels that it stands on or that stand on it, to be published "
            "together."
        ),
    )
    async def with_(self, info: Info) -> list[Draft]:
        rows = await info.context.drafts_with(self.row.id)
        info.context.spend(len(rows))
        return [Draft.of(row) for row in rows]

    @strawberry.field(description="The draft that it mends.")
    async def repair_of(self, info: Info) -> Draft | None:
        if self.row.repair_of is None:
            return None
        info.context.spend()
        row = await info.context.draft(self.row.repair_of)
        return Draft.of(row) if row else None

    @strawberry.field(description="The edition that it became part of.")
    async def published_as(self, info: Info) -> Edition | None:
        return await edition_of(info, self.row.published_as)

    @strawberry.field(description="What was read.")
    def source(self) -> DraftSource:
        return DraftSource.of(self.row.source)

    @strawberry.field(description="What the check says. Null while READING and after FAILED.")
    async def report(self, info: Info) -> CoverageReport | None:
        info.context.spend()
        if self.row.report is None:
            return None
        row = report_of_draft(self.row, await info.context.draft_counts(self.row.id))
        return CoverageReport.of(row, self.row) if row is not None else None

    @strawberry.field(
        description=(
            "The rows of the file that can be units, by code; 1 to 1000 a page. bbox is in WGS 84."
        )
    )
    async def units(
        self, info: Info, bbox: Bbox = None, first: First = 100, after: After = None
    ) -> UnitConnection:
        context, draft = info.context, self.row.id
        context.spend()
        size = page_size(first, 100)
        place = decode_cursor(after, IN_DRAFT, str, int) if after is not None else None
        box = tuple(bbox) if bbox is not None else None
        page: Page[UnitRow] = Page([], more=False)
        if page_asked(info):
            page = await context.draft_units(
                draft,
                bbox=box,
                first=size,
                after=(str(place[0]), int(place[1])) if place else None,
                wanted=page_wanted(info),
            )
        return UnitConnection(
            page=page,
            state=reading.state_of(self.row),
            after=after,
            cursor=lambda row: encode_cursor(IN_DRAFT, row.code, row.id),
            count=lambda: context.count_draft_units(draft, bbox=box),
        )

    @strawberry.field(
        description=(
            "What it would change: against the base edition on its ground, or against another "
            "draft of the level, e.g. the one that it repairs. Null while READING and after "
            "FAILED. Land that it would open or claim twice is in its report, too."
        )
    )
    async def changes(
        self,
        info: Info,
        against: Annotated[
            strawberry.ID | None, strawberry.argument(description="Id of another draft.")
        ] = None,
    ) -> ChangeSummary | None:
        info.context.spend()
        other = None
        if against is not None:
            number = decode(against, argument="against", kind=IdKind.DRAFT).number
            other = await reading.one(info.context.reading, number)
            if other is None:
                raise UnknownError(f"there is no draft {number}", argument="against")
            require_comparable(self.row, other)
        if self.row.report is None:
            return None
        found = await info.context.draft_changes(self.row, other)
        base = State(self.row.base_edition) if self.row.base_edition is not None else None
        before = reading.state_of(other) if other is not None else base
        after = reading.state_of(self.row)
        return ChangeSummary.of(found, before, after, self.row.published_as)

    @strawberry.field(
        description=(
            "What was moved to make it, largest first, when it is a mended copy; 1 to 1000 a page."
        )
    )
    async def moves(
        self, info: Info, first: First = 100, after: After = None
    ) -> LandMoveConnection:
        info.context.spend()
        size = page_size(first, 100)
        place = decode_cursor(after, move_types.CURSOR, float, int) if after is not None else None
        rows = await info.context.reading.ask(
            moves.moves_of,
            self.row.id,
            first=size + 1,
            after=moves.MovePlace(float(place[0]), int(place[1])) if place else None,
        )
        return LandMoveConnection(
            page=Page(rows[:size], more=len(rows) > size),
            draft=self.row.id,
            level=self.row.level,
            state=reading.state_of(self.row),
            after=after,
        )

    @strawberry.field(
        description=(
            "What the check before the last one had found and the last one did not, largest "
            "first, at most 1000."
        )
    )
    async def gone_findings(self, info: Info) -> list[GoneFinding]:
        gone = await info.context.reading.ask(rechecking.gone_findings, self.row.id)
        info.context.spend(len(gone))
        return [GoneFinding.of(one) for one in gone]

    @classmethod
    def of(cls, row: DraftRow) -> Self:
        """Show a draft."""
        return cls(
            id=encode(IdKind.DRAFT, row.id),
            row=row,
            created_at=row.created_at,
            created_by=row.created_by,
        )


@strawberry.type(description="A draft in a list.")
class DraftEdge:
    node: Draft = strawberry.field(description="The draft.")
    cursor: str = strawberry.field(description="Its place in the list, for `after`.")


@strawberry.type(description="A page of drafts, newest first.")
class DraftConnection:
    page: strawberry.Private[Page[DraftRow]]
    after: strawberry.Private[str | None]
    chosen_status: strawberry.Private[str | None]
    chosen_level: strawberry.Private[str | None]

    @strawberry.field(description="The drafts with their cursors.")
    def edges(self, info: Info) -> list[DraftEdge]:
        info.context.spend(len(self.page.rows))
        return [
            DraftEdge(node=Draft.of(row), cursor=cursor)
            for row, cursor in zip(self.page.rows, self._cursors(), strict=True)
        ]

    @strawberry.field(description="The drafts.")
    def nodes(self, info: Info) -> list[Draft]:
        info.context.spend(len(self.page.rows))
        return [Draft.of(row) for row in self.page.rows]

    @strawberry.field(description="Where the page lies in the list.")
    def page_info(self) -> PageInfo:
        return PageInfo.of(self._cursors(), more=self.page.more, after=self.after)

    @strawberry.field(description=TOTAL)
    async def total_count(self, info: Info) -> int:
        return await reading.count(
            info.context.reading, status=self.chosen_status, level=self.chosen_level
        )

    def _cursors(self) -> Sequence[str]:
        return [encode_cursor(CURSOR, row.id) for row in self.page.rows]
