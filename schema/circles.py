"""Circles: what can be walked to, who is inside, and who is not."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Annotated, Self

import strawberry

from geo.headcount import Count
from resolvers import circle_coverage as covering
from resolvers import circles
from resolvers.circle_coverage import CoverageRow
from resolvers.circle_pictures import circle_text, gap_text, union_text
from resolvers.circle_units import unit_circles
from resolvers.circles import CircleRow
from resolvers.nearest_facilities import WalkedRow, route_text
from resolvers.paging import decode_cursor, page_size
from resolvers.units import UnitRef
from resolvers.walks import Promise, WalkAsked, in_steps
from schema.arguments import After, First, OfDatum, plain_datum
from schema.circle_units import CURSOR, UnitCircleConnection
from schema.enums import Datum
from schema.facilities import Facility, facility_of_row
from schema.lookahead import asked
from schema.request import Info
from schema.scalars import GeoJSON, Json, as_json
from schema.tallies import Tally
from schema.walks import WalkUsed
from storage.facilities import FacilityRow

CIRCLE_COST = 100
"""Things that a circle counts for: walking one takes as long as showing so many."""

_DRAWN = {"geometry", "areaM2", "discShare"}

ByGroup = Annotated[
    str | None,
    strawberry.argument(
        description="Key of a group of people, e.g. elder_alone; null for households."
    ),
]


@strawberry.type(
    description=(
        "What can be walked to from a facility. Households are judged by their own walking time; "
        "the polygon is the picture of it."
    )
)
class Circle:
    row: strawberry.Private[CircleRow]
    facility: Facility | None = strawberry.field(
        description="Where it is walked from; null for a point."
    )
    walk: WalkUsed = strawberry.field(description="How it was walked.")
    connected: bool = strawberry.field(
        description="Whether the place is on a street; always true as the crow flies."
    )
    remark: str | None = strawberry.field(description="Why it is not connected; else null.")
    reached_m: float = strawberry.field(
        description="Length of the streets that are reached, in metres; 0 as the crow flies."
    )
    tally: Tally = strawberry.field(description="Who lives within the walk.")

    @strawberry.field(description="The picture; null when no street is reached.")
    async def geometry(self, datum: OfDatum = Datum.WGS84) -> GeoJSON | None:
        text = await circle_text(self.row, plain_datum(datum))
        return GeoJSON(as_json(text)) if text is not None else None

    @strawberry.field(description="Land of the picture in square metres; 0 when not connected.")
    def area_m2(self) -> float:
        return self.row.area_m2

    @strawberry.field(description="Its area over that of a plain disc.")
    def disc_share(self) -> float | None:
        return self.row.disc_share

    @classmethod
    def of(cls, row: CircleRow, facility: Facility | None, *, chosen: bool) -> Self:
        """Show a circle; ``chosen``: its place or its walk, by the asker."""
        return cls(
            row=row,
            facility=facility,
            walk=WalkUsed.of(row.walk),
            connected=row.connected,
            remark=row.remark,
            reached_m=row.reached_m,
            tally=Tally.of(row.tally, chosen=chosen),
        )


async def circle_of(
    info: Info, facility: FacilityRow, walk: WalkAsked | None, day: dt.date
) -> Circle:
    """Show the circle of a facility as it stands on a day."""
    info.context.spend(CIRCLE_COST)
    place = (facility.lon, facility.lat)
    row = await circles.circle_of_facility(
        info.context.reading, facility.row_id, place, walk, day=day, drawn=circle_drawn(info)
    )
    return Circle.of(row, Facility.of(facility, day), chosen=not in_steps(walk))


def circle_drawn(info: Info) -> bool:
    """Return whether the current field's circle is asked for its picture."""
    return bool(_DRAWN & set(asked(info)))


@strawberry.type(
    description=(
        "Who is inside the circles of a set of facilities, each counted once, and who is not."
    )
)
class CircleCoverage:
    row: strawberry.Private[CoverageRow]
    walk: WalkUsed = strawberry.field(description="How it was walked.")
    facility_count: int = strawberry.field(
        description=(
            "Facilities that count: all of the kinds, those that stand outside `within`, too."
        )
    )
    total: Tally = strawberry.field(description="All who are asked about.")
    inside: Tally = strawberry.field(description="Those within the walk of a facility.")
    outside: Tally = strawberry.field(description="The others.")
    not_connected: Tally = strawberry.field(
        description=(
            "Of those outside: on no street (offStreets), or on a piece of the network that no "
            "facility can be walked to from (cutOff). Where no facility counts for somebody, the "
            "network is not to blame, and only those on no street are told."
        )
    )
    off_streets: Tally = strawberry.field(
        description="Of those outside: farther than 500 m from every street or gate."
    )
    cut_off: Tally = strawberry.field(
        description=(
            "Of those outside: on a piece of the network that no facility can be walked to from."
        )
    )

    @strawberry.field(description="How many of the facilities stand in `within`.")
    async def facilities_within(self, info: Info) -> int:
        return await covering.facilities_within(info.context.reading, self.row)

    @strawberry.field(
        description=(
            "How many of the facilities are farther than 500 m from every street or gate, so that "
            "nobody can walk there."
        )
    )
    def facilities_off_streets(self) -> int:
        return self.row.facilities_off_streets

    @strawberry.field(
        description=(
            "Share inside, of households or of the people of one group; null where there are none. "
            "Only editors are told of a group where the walk is chosen to the metre (not the usual "
            "one, a programme's, 5, 10, … 30 minutes or a preset), or at a single address."
        )
    )
    async def share(self, info: Info, group: ByGroup = None) -> float | None:
        return await covering.share_told(info.context.reading, self.row, group)

    @strawberry.field(
        description=(
            "All circles together, `within` or not; with ownLevel each as far as it lies in its "
            "own unit. Null where no facility is connected."
        )
    )
    async def geometry(self, info: Info, datum: OfDatum = Datum.WGS84) -> GeoJSON | None:
        text = await union_text(info.context.reading, self.row, plain_datum(datum))
        return GeoJSON(as_json(text)) if text is not None else None

    @strawberry.field(
        description=(
            "Land of `within`, or of the whole outline, outside every circle; null where there is "
            "none."
        )
    )
    async def gap(self, info: Info, datum: OfDatum = Datum.WGS84) -> GeoJSON | None:
        text = await gap_text(info.context.reading, self.row, plain_datum(datum))
        return GeoJSON(as_json(text)) if text is not None else None

    @strawberry.field(
        description=(
            "Unit by unit, lowest share first, then by code; units in which nobody counts come "
            "last. `below` keeps the units under that share, `properties` those that contain it. "
            "1 to 1000 a page."
        )
    )
    async def by_unit(
        self,
        info: Info,
        *,
        level: Annotated[
            str,
            strawberry.argument(
                description="Key of a level of any kind; with `within` its own or one below it."
            ),
        ],
        group: ByGroup = None,
        below: Annotated[
            float | None, strawberry.argument(description="A share from 0 to 1.")
        ] = None,
        properties: Annotated[
            Json | None,
            strawberry.argument(description="An object that the unit's properties must contain."),
        ] = None,
        first: First = 100,
        after: After = None,
    ) -> UnitCircleConnection:
        size = page_size(first, 100)
        place = decode_cursor(after, CURSOR, float, str) if after is not None else None
        found = await unit_circles(
            info.context.reading,
            self.row,
            level,
            group=group,
            below=below,
            properties=properties,
        )
        page = found.page(size, (float(place[0]), str(place[1])) if place else None)
        return UnitCircleConnection(page=page, found=found, after=after)

    @classmethod
    def of(cls, row: CoverageRow) -> Self:
        """Show who is covered."""
        telling = row.telling_groups

        def part(count: Count) -> Tally:
            return Tally.of(count, telling, chosen=row.chosen)

        return cls(
            row=row,
            walk=WalkUsed.of(row.walk),
            facility_count=row.facility_count,
            total=Tally.of(row.counted_total),
            inside=part(row.counted_inside),
            outside=part(row.counted_outside),
            not_connected=part(row.counted_not_connected),
            off_streets=part(row.counted_off_streets),
            cut_off=part(row.counted_cut_off),
        )


async def coverage_of(
    info: Info,
    kinds: Sequence[str],
    *,
    within: UnitRef | None,
    walk: WalkAsked | None,
    own_level: str | None = None,
    day: dt.date | None = None,
    promise: Promise | None = None,
) -> CircleCoverage:
    """Show who is inside the circles of some kinds of facilities.

    Parameters
    ----------
    promise
        The programme that it is asked of: its walk is taken where ``walk`` does not say otherwise.
    """
    info.context.spend(CIRCLE_COST)
    row = await covering.circle_coverage(
        info.context.reading,
        kinds,
        within=within,
        walk=walk,
        own_level=own_level,
        day=day,
        programme=promise,
    )
    return CircleCoverage.of(row)


@strawberry.type(description="A facility and the walk to it.")
class Walked:
    row: strawberry.Private[WalkedRow]
    walk: WalkUsed = strawberry.field(
        description=(
            "How it was walked. Its metres are a bound only where the question named minutes or "
            "metres."
        )
    )
    walk_s: float = strawberry.field(description="Seconds.")
    walk_m: float = strawberry.field(description="Metres, from the point to the facility.")

    @strawberry.field(description="Where the walk ends.")
    async def facility(self, info: Info) -> Facility:
        found = await facility_of_row(info, self.row.facility, self.row.city.day)
        if found is None:
            raise LookupError(f"facility {self.row.facility} is gone")
        return found

    @strawberry.field(
        description="The way from the point to the facility; straight as the crow flies."
    )
    async def route(self, datum: OfDatum = Datum.WGS84) -> GeoJSON:
        return GeoJSON(as_json(await route_text(self.row, plain_datum(datum))))

    @classmethod
    def of(cls, row: WalkedRow) -> Self:
        """Show a walk."""
        return cls(row=row, walk=WalkUsed.of(row.walk), walk_s=row.seconds, walk_m=row.metres)
