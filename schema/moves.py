"""What a repair moved to make a draft."""

from __future__ import annotations

import asyncio
from typing import Any, Self

import orjson
import strawberry

from resolvers.context import State
from resolvers.paging import Page, encode_cursor
from resolvers.shapes import geojson_of_wkb
from schema.arguments import OfDatum, plain_datum
from schema.common import TOTAL, PageInfo
from schema.enums import Datum, FindingKind
from schema.ids import IdKind, encode
from schema.lookahead import unit_wanted
from schema.request import Info
from schema.scalars import GeoJSON, as_json
from schema.units import Unit, unit_of
from storage import moves
from storage.moves import MoveRow

CURSOR = "move"


@strawberry.type(description="Land that changed hands when a draft was mended.")
class LandMove:
    row: strawberry.Private[MoveRow]
    level: strawberry.Private[str]
    state: strawberry.Private[State]
    area_m2: float = strawberry.field(description="Land, in square metres.")
    width_m: float = strawberry.field(description="Its largest width, in metres.")
    pieces: int = strawberry.field(description="How many separate pieces of land it is.")
    households: int = strawberry.field(description="Households of the addresses on it.")
    finding: strawberry.ID | None = strawberry.field(
        description="The finding that it mends; null for land too narrow to be one."
    )

    @strawberry.field(
        name="from", description="The units that claimed it and do no more; none for blank land."
    )
    async def from_(self, info: Info) -> list[Unit]:
        wanted = unit_wanted(info)
        info.context.spend(len(self.row.givers))
        rows = await asyncio.gather(
            *(info.context.unit(self.state, self.level, code, wanted) for code in self.row.givers)
        )
        return [Unit.of(row, self.state) for row in rows if row is not None]

    @strawberry.field(
        description="The unit that has it now; null for nobody, outside of all parents."
    )
    async def to(self, info: Info) -> Unit | None:
        return await unit_of(info, self.state, self.level, self.row.taker)

    @strawberry.field(description="The land.")
    def geometry(self, datum: OfDatum = Datum.WGS84) -> GeoJSON:
        return _geometry(self.row, datum)

    @classmethod
    def of(cls, row: MoveRow, level: str, state: State) -> Self:
        """Show a move of a draft of a level."""
        return cls(
            row=row,
            level=level,
            state=state,
            area_m2=row.area_m2,
            width_m=row.width_m,
            pieces=row.pieces,
            households=row.households,
            finding=_finding(row),
        )


def _finding(row: MoveRow) -> strawberry.ID | None:
    return encode(IdKind.FINDING, row.finding_id) if row.finding_id is not None else None


def _geometry(row: MoveRow, datum: Datum | None) -> GeoJSON:
    return GeoJSON(as_json(geojson_of_wkb(row.wkb, plain_datum(datum))))


@strawberry.type(description="A page of moves, largest first.")
class LandMoveConnection:
    page: strawberry.Private[Page[MoveRow]]
    draft: strawberry.Private[int]
    level: strawberry.Private[str]
    state: strawberry.Private[State]
    after: strawberry.Private[str | None]

    @strawberry.field(description="The moves.")
    def nodes(self, info: Info) -> list[LandMove]:
        info.context.spend(len(self.page.rows))
        return [LandMove.of(row, self.level, self.state) for row in self.page.rows]

    @strawberry.field(description="Where the page lies in the list.")
    def page_info(self) -> PageInfo:
        cursors = [encode_cursor(CURSOR, row.area_m2, row.row_id) for row in self.page.rows]
        return PageInfo.of(cursors, more=self.page.more, after=self.after)

    @strawberry.field(description=TOTAL)
    async def total_count(self, info: Info) -> int:
        return await info.context.reading.ask(moves.count_moves, self.draft)

    @strawberry.field(
        description=(
            "This page as one FeatureCollection: properties from and to (codes), areaM2, widthM, "
            "pieces, households, finding."
        )
    )
    def feature_collection(self, info: Info, datum: OfDatum = Datum.WGS84) -> GeoJSON:
        info.context.spend(len(self.page.rows))
        features = [
            {
                "type": "Feature",
                "geometry": _geometry(row, datum),
                "properties": _properties(row),
            }
            for row in self.page.rows
        ]
        collection = {"type": "FeatureCollection", "features": features}
        return GeoJSON(as_json(orjson.dumps(collection)))


def _properties(row: MoveRow) -> dict[str, Any]:  # values of JSON
    return {
        "from": row.givers,
        "to": row.taker,
        "areaM2": row.area_m2,
        "widthM": row.width_m,
        "pieces": row.pieces,
        "households": row.households,
        "finding": _finding(row),
    }


@strawberry.type(description="A finding of the check before, which the last check did not find.")
class GoneFinding:
    id: strawberry.ID = strawberry.field(description="The id that it had.")
    kind: FindingKind = strawberry.field(description="What was wrong.")
    message: str = strawberry.field(description="The same in words.")
    area_m2: float = strawberry.field(description="Land concerned, in square metres.")

    @classmethod
    def of(cls, stored: dict[str, Any]) -> Self:
        """Show what a check remembered."""
        return cls(
            id=encode(IdKind.FINDING, stored["id"]),
            kind=FindingKind(stored["kind"]),
            message=stored["message"],
            area_m2=stored["areaM2"],
        )
