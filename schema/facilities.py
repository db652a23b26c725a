"""Service points, their kinds, and lists of them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Self

import orjson
import strawberry

from geo import crs
from resolvers.context import State
from resolvers.facilities import Spot, UnitSpot, day_of, failed_rules, location_text
from resolvers.paging import Page, decode_cursor, encode_cursor, page_size
from resolvers.programmes import require_kinds
from schema.arguments import LevelKey, OfDatum, plain_datum
from schema.asked_day import asked_day
from schema.common import TOTAL, Node, PageInfo
from schema.enums import Datum
from schema.ids import IdKind, encode
from schema.lookahead import page_asked, unit_wanted
from schema.request import Info
from schema.scalars import GeoJSON, Json, as_json
from schema.units import Unit
from schema.walks import AskedWalk, plain_walk
from storage.facilities import FacilityFilter, FacilityRow
from storage.facility_kinds import KindRow
from storage.units import UnitRow

if TYPE_CHECKING:
    from schema.circles import Circle

CURSOR = "facility"


@strawberry.type(description="A kind of service points, and the rules that each should keep.")
class FacilityKind:
    key: str = strawberry.field(description="What facilities name as their kind, e.g. station.")
    name: str = strawberry.field(description="Its name for people.")
    rules: list[str] = strawberry.field(
        description=(
            "AREA_MIN_60: at least 60 m2 of floor; ROOM_MEETING: a room called meeting; "
            "ROOMS_MIN_3: at least three rooms; HOURS_MIN_40: open for at least 40 hours in the "
            "seven days from the day asked about; OPEN_WEEKENDS: open on Saturday and on Sunday "
            "at some time of them."
        )
    )

    @classmethod
    def of(cls, row: KindRow) -> Self:
        """Show a kind."""
        return cls(key=row.key, name=row.name, rules=list(row.rules))


@strawberry.type(
    description=(
        "A service point: a station, a community centre, a clinic; a compound's gate is a facility "
        "of kind gate. As it stands on one day: whatever changes about it makes another id."
    )
)
class Facility(Node):
    row: strawberry.Private[FacilityRow]
    day: strawberry.Private[dt.date]
    key: str = strawberry.field(description="Its lasting name.")
    kind: str = strawberry.field(description="Key of its kind.")
    name: str = strawberry.field(description="Its name for people; empty where it has none.")
    floor_area_m2: float | None = strawberry.field(
        description="Floor in square metres; null where it is not known."
    )
    rooms: list[str] = strawberry.field(description="What rooms it has, e.g. meeting.")
    opening_hours: str | None = strawberry.field(
        description=(
            "When it is open, as OpenStreetMap writes it, e.g. Mo-Fr 09:00-17:00; in the city's "
            "own time. Null where it is not known."
        )
    )
    compound: str | None = strawberry.field(
        description="Code of the compound that it says it belongs to, as gates do."
    )
    since: dt.date = strawberry.field(description="The first day on which it stands so.")
    until: dt.date | None = strawberry.field(
        description="The first day on which it stands so no more; null where none is known."
    )

    @strawberry.field(description="Where it is: a point.")
    def location(self, datum: OfDatum = Datum.WGS84) -> GeoJSON:
        return GeoJSON(as_json(location_text(self.row, plain_datum(datum))))

    @strawberry.field(description="What else its file says of it.")
    def properties(self) -> Json:
        return Json(as_json(self.row.properties))

    @strawberry.field(
        description=(
            "The unit of a level of any kind that it lies in, null where there is none; by the "
            "border rule, and in the compound that it names."
        )
    )
    async def unit(self, info: Info, level: LevelKey) -> Unit | None:
        edition = await info.context.reading.edition_or_none(self.day)
        if edition is None:
            (await info.context.reading.tree()).get(level)
            return None
        info.context.spend()
        spot = Spot(*self._lonlat, self.row.compound_code)
        wanted = unit_wanted(info)
        row = await info.context.facility_unit(edition.number, level, spot, wanted)
        return Unit.of(row, State(edition.number)) if row is not None else None

    @strawberry.field(
        description=(
            "Rules of its kind that it fails, e.g. AREA_MIN_60; what is not known keeps no rule."
        )
    )
    async def failing(self, info: Info) -> list[str]:
        return await failed_rules(info.context.reading, self.row, self.day)

    @strawberry.field(description="What can be walked to from it, and who lives there.")
    async def circle(
        self, info: Info, walk: AskedWalk = None
    ) -> Annotated[Circle, strawberry.lazy("schema.circles")] | None:
        from schema.circles import circle_of  # noqa: PLC0415 - circles show facilities

        return await circle_of(info, self.row, plain_walk(walk), self.day)

    @property
    def _lonlat(self) -> tuple[float, float]:
        return self.row.lon, self.row.lat

    @classmethod
    def of(cls, row: FacilityRow, day: dt.date) -> Self:
        """Show a service point as it is on a day."""
        return cls(
            id=encode(IdKind.FACILITY, row.row_id),
            row=row,
            day=day,
            key=row.key,
            kind=row.kind,
            name=row.name,
            floor_area_m2=row.floor_area_m2,
            rooms=list(row.rooms),
            opening_hours=row.opening_hours,
            compound=row.compound_code,
            since=row.since,
            until=row.until,
        )


@strawberry.type(description="A facility in a list.")
class FacilityEdge:
    node: Facility = strawberry.field(description="The facility.")
    cursor: str = strawberry.field(description="Its place in the list, for `after`.")


@strawberry.type(description="A page of facilities, by key.")
class FacilityConnection:
    page: strawberry.Private[Page[FacilityRow]]
    day: strawberry.Private[dt.date]
    after: strawberry.Private[str | None]
    count: strawberry.Private[Callable[[], Awaitable[int]]]

    @strawberry.field(description="The facilities with their cursors.")
    def edges(self, info: Info) -> list[FacilityEdge]:
        info.context.spend(len(self.page.rows))
        return [
            FacilityEdge(node=Facility.of(row, self.day), cursor=_cursor(row))
            for row in self.page.rows
        ]

    @strawberry.field(description="The facilities.")
    def nodes(self, info: Info) -> list[Facility]:
        info.context.spend(len(self.page.rows))
        return [Facility.of(row, self.day) for row in self.page.rows]

    @strawberry.field(description="Where the page lies in the list.")
    def page_info(self) -> PageInfo:
        rows = self.page.rows
        ends: Sequence[FacilityRow] = [rows[0], rows[-1]] if rows else []
        cursors = [_cursor(row) for row in ends]
        return PageInfo.of(cursors, more=self.page.more, after=self.after)

    @strawberry.field(description=TOTAL)
    async def total_count(self) -> int:
        return await self.count()

    @strawberry.field(
        description=(
            "This page as one FeatureCollection, ready for a map source: properties id, key, kind, "
            "name, floorAreaM2, rooms, openingHours, since, until."
        )
    )
    def feature_collection(self, info: Info, datum: OfDatum = Datum.WGS84) -> GeoJSON:
        info.context.spend(len(self.page.rows))
        plain = plain_datum(datum)
        features = [_feature(row, plain) for row in self.page.rows]
        text = orjson.dumps({"type": "FeatureCollection", "features": features})
        return GeoJSON(as_json(text))


def _cursor(row: FacilityRow) -> str:
    return encode_cursor(CURSOR, row.key)


def _feature(row: FacilityRow, datum: crs.Datum) -> dict[str, Any]:  # values of JSON
    return {
        "type": "Feature",
        "geometry": orjson.Fragment(location_text(row, datum)),
        "properties": {
            "id": encode(IdKind.FACILITY, row.row_id),
            "key": row.key,
            "kind": row.kind,
            "name": row.name,
            "floorAreaM2": row.floor_area_m2,
            "rooms": list(row.rooms),
            "openingHours": row.opening_hours,
            "since": row.since.isoformat(),
            "until": row.until.isoformat() if row.until is not None else None,
        },
    }


async def facility_of_row(info: Info, row_id: int, day: dt.date) -> Facility | None:
    """Show a state of a service point by its number."""
    row = await info.context.facility_by_row(row_id)
    return Facility.of(row, day) if row is not None else None


async def facilities_in(
    info: Info,
    unit: UnitRow,
    state: State,
    *,
    kind: str | None,
    first: int | None,
    after: str | None,
) -> FacilityConnection:
    """Show a page of the service points in a unit, on the day that the question is about."""
    context = info.context
    context.spend()
    size = page_size(first, 100)
    place = str(decode_cursor(after, CURSOR, str)[0]) if after is not None else None
    if kind is not None:
        await require_kinds(context.reading, [kind], argument="kind")
    day = asked_day(info) or await day_of(context.reading, state)
    which = FacilityFilter(day, kinds=(kind,) if kind is not None else None)
    subject = UnitSpot(unit.code, unit.row_id if unit.draft_id is not None else None)
    page: Page[FacilityRow] = Page([], more=False)
    if page_asked(info):
        page = await context.facilities_in(
            state, unit.level, subject, which, first=size, after=place
        )
    return FacilityConnection(
        page=page,
        day=day,
        after=after,
        count=lambda: context.count_facilities_in(state, unit.level, subject, which),
    )
