"""What a check found."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Self

import orjson
import strawberry

from resolvers.context import State
from resolvers.drafts_reading import picture_of
from resolvers.paging import Page
from resolvers.shapes import geojson_of_wkb
from schema.arguments import OfDatum, plain_datum
from schema.common import TOTAL, Node, PageInfo
from schema.enums import CoverageRule, Datum, FindingKind, Severity
from schema.ids import IdKind, encode
from schema.lookahead import asked, unit_wanted
from schema.request import Info
from schema.scalars import GeoJSON, Json, as_json
from schema.units import Unit, unit_of
from storage.drafts_reading import DraftRow
from storage.findings_reading import FeatureRow, FindingRow
from storage.waivers import Acceptance


@strawberry.type(description="An accepted exception: a lake, a disputed strip.")
class Waiver:
    reason: str = strawberry.field(description="Why it was accepted.")
    approved_by: str = strawberry.field(description="Name of the key, or of the account.")
    approved_at: dt.datetime = strawberry.field(description="When it was accepted.")
    until: dt.date | None = strawberry.field(
        description="The first day on which it holds no more; null: it holds for good."
    )

    @classmethod
    def of(cls, accepted: Acceptance) -> Self:
        """Show how something was accepted."""
        return cls(**accepted._asdict())


@strawberry.type(description="A unit along blank land.")
class Border:
    code: strawberry.Private[str]
    level: strawberry.Private[str]
    state: strawberry.Private[State]
    metres: float = strawberry.field(description="Length of the border to it, in metres.")

    @strawberry.field(description="The unit; null where it does not stand any more.")
    async def unit(self, info: Info) -> Unit | None:
        return await unit_of(info, self.state, self.level, self.code)


@strawberry.type(description="A row of an imported file, also one that can be no unit.")
class SourceFeature:
    feature: strawberry.Private[FeatureRow]
    draft: strawberry.Private[DraftRow]
    row: int = strawberry.field(description="Its row in the file, from 1.")
    layer: str | None = strawberry.field(description="The layer of the file; null if it has none.")
    code: str | None = strawberry.field(description="What the column of codes says.")
    name: str | None = strawberry.field(description="What the column of names says.")

    @strawberry.field(description="The columns that have no field of their own.")
    def properties(self) -> Json:
        return Json(as_json(self.feature.properties))

    @strawberry.field(
        description=(
            "The geometry as it was sent, in degrees; null where there is none, or none that can "
            "be drawn."
        )
    )
    def geometry(self, datum: OfDatum = Datum.WGS84) -> GeoJSON | None:
        text = picture_of(self.draft, self.feature, plain_datum(datum))
        return GeoJSON(as_json(text)) if text is not None else None

    @classmethod
    def of(cls, row: FeatureRow, draft: DraftRow) -> Self:
        """Show a row of a draft's file."""
        return cls(
            feature=row,
            draft=draft,
            row=row.row,
            layer=draft.source.get("layer"),
            code=row.code,
            name=row.name,
        )


@strawberry.type(
    description=(
        "One thing that the check found. Its id depends on kind, units and place only, so that it "
        "is the same after a re-check."
    )
)
class Finding(Node):
    row: strawberry.Private[FindingRow]
    state: strawberry.Private[State]
    message: str = strawberry.field(description="What is wrong, in words.")
    area_m2: float = strawberry.field(description="Land concerned, in square metres.")
    width_m: float = strawberry.field(
        description=(
            "Largest width of the land concerned, in metres: the diameter of the largest circle in "
            "it."
        )
    )
    pieces: int = strawberry.field(
        description="How many separate pieces of land it speaks of: slivers of one pair are one."
    )
    chain: str | None = strawberry.field(
        description=(
            "Chain of the land, a signed 64-bit number: what it adds to the sum of the parent. "
            "Null where there is no land."
        )
    )
    households: int = strawberry.field(description="Households of the addresses concerned.")
    addresses: list[str] = strawberry.field(
        description="Keys of the addresses concerned, at most 1000."
    )

    @strawberry.field(description="What is wrong.")
    def kind(self) -> FindingKind:
        return FindingKind(self.row.kind)

    @strawberry.field(description="The clause that it breaks.")
    def rule(self) -> CoverageRule:
        return CoverageRule(self.row.rule)

    @strawberry.field(description="Whether it forbids publishing.")
    def severity(self) -> Severity:
        return Severity(self.row.severity)

    @strawberry.field(
        description=(
            "The land concerned: a polygon for BLANK, OVERLAP and OUTSIDE, a line or point "
            "otherwise; null where there is none."
        )
    )
    def geometry(self, datum: OfDatum = Datum.WGS84) -> GeoJSON | None:
        return _geometry(self.row, datum)

    @strawberry.field(
        description="The units that clash; for BLANK its neighbours, longest shared border first."
    )
    async def units(self, info: Info) -> list[Unit]:
        wanted = unit_wanted(info)
        info.context.spend(len(self.row.units))
        rows = await asyncio.gather(
            *(
                info.context.unit(self.state, self.row.level, code, wanted)
                for code in self.row.units
            )
        )
        return [Unit.of(row, self.state) for row in rows if row is not None]

    @strawberry.field(
        description=(
            "The rows of the file concerned, in a draft: also those that can be no unit (no code, "
            "no geometry, wrong type)."
        )
    )
    async def features(self, info: Info) -> list[SourceFeature]:
        number = self.row.draft_id
        draft = await info.context.draft(number) if number is not None else None
        if draft is None:
            return []
        info.context.spend(len(self.row.rows))
        geometry = "geometry" in asked(info)
        rows = await asyncio.gather(
            *(info.context.feature(draft.id, row, geometry=geometry) for row in self.row.rows)
        )
        return [SourceFeature.of(row, draft) for row in rows if row is not None]

    @strawberry.field(description="The parent concerned; null when several or none are.")
    async def parent(self, info: Info) -> Unit | None:
        above = (await info.context.reading.tree()).parent(self.row.level)
        if above is None:
            return None
        return await unit_of(info, self.state, above.key, self.row.parent_code)

    @strawberry.field(
        description="Of blank land: how long its border to each of `units` is; else empty."
    )
    def borders(self, info: Info) -> list[Border]:
        info.context.spend(len(self.row.borders_m))
        # other kinds of land have no lengths
        return [
            Border(code=code, level=self.row.level, state=self.state, metres=metres)
            for code, metres in zip(self.row.units, self.row.borders_m, strict=False)
        ]

    @strawberry.field(
        description=(
            "How it was accepted; null while it is not, and where no waiver holds on the day that "
            "is asked for."
        )
    )
    def waiver(self) -> Waiver | None:
        return Waiver.of(self.row.waiver) if self.row.waiver is not None else None

    @classmethod
    def of(cls, row: FindingRow, state: State) -> Self:
        """Show a finding."""
        return cls(
            id=encode(IdKind.FINDING, row.id),
            row=row,
            state=state,
            message=row.message,
            area_m2=row.area_m2,
            width_m=row.width_m,
            pieces=row.pieces,
            chain=str(row.chain) if row.chain is not None else None,
            households=row.households,
            addresses=row.addresses,
        )


def _geometry(row: FindingRow, datum: Datum | None) -> GeoJSON | None:
    if row.wkb is None:
        return None
    return GeoJSON(as_json(geojson_of_wkb(row.wkb, plain_datum(datum))))


@strawberry.type(description="A finding in a list.")
class FindingEdge:
    node: Finding = strawberry.field(description="The finding.")
    cursor: str = strawberry.field(description="Its place in the list, for `after`.")


@strawberry.type(description="A page of findings, largest first.")
class FindingConnection:
    page: strawberry.Private[Page[FindingRow]]
    state: strawberry.Private[State]
    after: strawberry.Private[str | None]
    cursor: strawberry.Private[Callable[[FindingRow], str]]
    count: strawberry.Private[Callable[[], Awaitable[int]]]

    @strawberry.field(description="The findings with their cursors.")
    def edges(self, info: Info) -> list[FindingEdge]:
        info.context.spend(len(self.page.rows))
        return [
            FindingEdge(node=Finding.of(row, self.state), cursor=self.cursor(row))
            for row in self.page.rows
        ]

    @strawberry.field(description="The findings.")
    def nodes(self, info: Info) -> list[Finding]:
        info.context.spend(len(self.page.rows))
        return [Finding.of(row, self.state) for row in self.page.rows]

    @strawberry.field(description="Where the page lies in the list.")
    def page_info(self) -> PageInfo:
        rows = self.page.rows
        ends: Sequence[FindingRow] = [rows[0], rows[-1]] if rows else []
        return PageInfo.of(
            [self.cursor(row) for row in ends], more=self.page.more, after=self.after
        )

    @strawberry.field(description=TOTAL)
    async def total_count(self) -> int:
        return await self.count()

    @strawberry.field(
        description=(
            "This page as one FeatureCollection: properties id, kind, rule, severity, message, "
            "areaM2, widthM, households, units (their codes). Findings without land have the "
            "geometry null."
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


def _properties(row: FindingRow) -> dict[str, Any]:  # values of JSON
    return {
        "id": encode(IdKind.FINDING, row.id),
        "kind": row.kind,
        "rule": row.rule,
        "severity": row.severity,
        "message": row.message,
        "areaM2": row.area_m2,
        "widthM": row.width_m,
        "households": row.households,
        "units": row.units,
    }
