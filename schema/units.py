"""Units: named polygons of the levels."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Annotated, Self

import strawberry

from resolvers.context import State
from resolvers.shapes import bounds_of_wkb, point_geojson
from resolvers.small_groups import FEWEST
from schema.arguments import After, First, OfDatum, ToleranceM, plain_datum
from schema.common import Node
from schema.editions import Edition, edition_of
from schema.enums import Datum
from schema.ids import IdKind, encode
from schema.levels import Level, level_of
from schema.lookahead import unit_wanted
from schema.pictures import geometry_of
from schema.request import Info
from schema.scalars import GeoJSON, Json, as_json
from schema.shares import Share, shares_of
from storage.units import UnitRow, Wanted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from schema.duties import AssignmentConnection
    from schema.facilities import FacilityConnection
    from schema.unit_lists import UnitConnection

PLAIN = "unit"
IN_DRAFT = "draft unit"


@strawberry.type(description="How many people of one group.")
class GroupCount:
    group: str = strawberry.field(description="Key of the group, e.g. elder_alone.")
    people: int = strawberry.field(description="How many people of it.")


@strawberry.type(
    description="One named polygon of one level, as it stands in one edition or draft."
)
class Unit(Node):
    row: strawberry.Private[UnitRow]
    state: strawberry.Private[State]
    code: str = strawberry.field(
        description="Its code, unique in its level; leading zeros count. With the level its name."
    )
    name: str = strawberry.field(description="Its name for people; empty where it has none.")
    area_m2: float = strawberry.field(description="Land in square metres, in an equal-area plane.")

    @strawberry.field(description="Its level.")
    async def level(self, info: Info) -> Level:
        return await level_of(info, self.row.level, self.state)

    @strawberry.field(description="The unit above; null for the topmost level.")
    async def parent(self, info: Info) -> Unit | None:
        above = await self._above(info)
        if above is None:
            return None
        info.context.spend()
        row = await info.context.unit(self.state, *above, unit_wanted(info))
        return Unit.of(row, self.state) if row else None

    @strawberry.field(description="All units above, nearest first.")
    async def ancestors(self, info: Info) -> list[Unit]:
        above = await self._above(info)
        if above is None:
            return []
        rows = await info.context.upwards(self.state, *above, unit_wanted(info))
        info.context.spend(len(rows))
        return [Unit.of(row, self.state) for row in rows]

    @strawberry.field(
        description=(
            "The units below, by code: those right below of every level, or those of one level at "
            "any depth. 1 to 1000 a page."
        )
    )
    async def children(
        self,
        info: Info,
        level: Annotated[
            str | None,
            strawberry.argument(
                description="Key of a level below; null for all levels right below."
            ),
        ] = None,
        first: First = 100,
        after: After = None,
    ) -> Annotated[UnitConnection, strawberry.lazy("schema.unit_lists")]:
        from schema.unit_lists import children_of  # noqa: PLC0415 - they show units

        return await children_of(info, self.row, self.state, level=level, first=first, after=after)

    @strawberry.field(
        description=(
            "The polygon. toleranceM simplifies it without opening cracks between neighbours of "
            "the level, or to the levels above and below."
        )
    )
    async def geometry(
        self, info: Info, datum: OfDatum = Datum.WGS84, tolerance_m: ToleranceM = None
    ) -> GeoJSON:
        text = await geometry_of(info, self.row, self.state, plain_datum(datum), tolerance_m)
        return GeoJSON(as_json(text))

    @strawberry.field(description="A point inside the polygon, for a label.")
    async def label_point(self, info: Info, datum: OfDatum = Datum.WGS84) -> GeoJSON:
        row = await self._with(info, Wanted.LABEL)
        return GeoJSON(as_json(point_geojson(row.label or (), plain_datum(datum))))

    @strawberry.field(description="west, south, east, north in degrees.")
    async def bbox(self, info: Info, datum: OfDatum = Datum.WGS84) -> list[float]:
        if datum in {None, Datum.WGS84}:
            return (await self._with(info, Wanted.BBOX)).bbox or []
        row = await self._with(info, Wanted.SHAPE)
        return bounds_of_wkb(row.wkb or b"", plain_datum(datum))

    @strawberry.field(
        description="Households of the addresses in it; 0 where no address is loaded."
    )
    async def households(self, info: Info) -> int:
        return (await self._with(info, Wanted.TALLY)).households or 0

    @strawberry.field(description="People of the addresses in it; 0 where no address is loaded.")
    async def people(self, info: Info) -> int:
        return (await self._with(info, Wanted.TALLY)).people or 0

    @strawberry.field(
        description=(
            "People by group, e.g. elder_alone, disabled, pupil; by the group's key. Of a single "
            "address in a unit readers are not told of groups of one or two."
        )
    )
    async def groups(self, info: Info) -> list[GroupCount]:
        row = await self._with(info, Wanted.TALLY)
        groups = row.groups or {}
        if min(groups.values(), default=FEWEST) < FEWEST:
            groups = await info.context.groups(self.state, row)
        return [GroupCount(group=key, people=groups[key]) for key in sorted(groups)]

    @strawberry.field(description="The columns of its file that have no field of their own.")
    async def properties(self, info: Info) -> Json:
        return Json(as_json((await self._with(info, Wanted.PROPERTIES)).properties or "{}"))

    @strawberry.field(
        description="The first edition in which it stood exactly like this; null in a draft."
    )
    async def since(self, info: Info) -> Edition | None:
        return await edition_of(info, (await self._with(info, Wanted.SPAN)).since)

    @strawberry.field(
        description=(
            "The last edition in which it stood exactly like this; null while it stands, and in a "
            "draft."
        )
    )
    async def until(self, info: Info) -> Edition | None:
        return await edition_of(info, (await self._with(info, Wanted.SPAN)).until)

    @strawberry.field(
        description=(
            "The units of its level that stood on its ground in the edition before `since`, with "
            "the land they have in common and the households that now live there; a draft's unit: "
            "those of the base edition. Largest first, at most 1000. A renamed unit comes after "
            "itself; a unit of the first edition after none."
        )
    )
    async def predecessors(self, info: Info) -> list[Share]:
        return await shares_of(info, self.row, self.state, None)

    @strawberry.field(
        description=(
            "How its land and households are divided among the units of another level or "
            "partition, largest first, at most 1000; a draft's unit: among those of the base "
            "edition."
        )
    )
    async def crosswalk(
        self,
        info: Info,
        to: Annotated[
            str,
            strawberry.argument(
                description="Key of the other level: above, below or beside the unit's own."
            ),
        ],
    ) -> list[Share]:
        return await shares_of(info, self.row, self.state, to)

    @strawberry.field(
        description=(
            "The facilities in it, by key, on the day that the question is about (in an edition "
            "that does not stand today and is named by its number: on its first day); by the "
            "border rule. 1 to 1000 a page."
        )
    )
    async def facilities(
        self,
        info: Info,
        kind: Annotated[
            str | None, strawberry.argument(description="Key of a kind; null for all.")
        ] = None,
        first: First = 100,
        after: After = None,
    ) -> Annotated[FacilityConnection, strawberry.lazy("schema.facilities")]:
        from schema.facilities import facilities_in  # noqa: PLC0415 - they show units

        return await facilities_in(info, self.row, self.state, kind=kind, first=first, after=after)

    @strawberry.field(
        description=(
            "Who carries which duty on it, by the duty's key and the first day. Readers are given "
            "those of public duties, editors also all others on units of their ground; totalCount "
            "counts those not shown, too. 1 to 1000 a page."
        )
    )
    async def assignments(
        self,
        info: Info,
        *,
        duty: Annotated[
            str | None, strawberry.argument(description="Key of a duty; null for all.")
        ] = None,
        post: Annotated[
            str | None, strawberry.argument(description="Key of a post; null for all.")
        ] = None,
        as_of: Annotated[
            dt.date | None,
            strawberry.argument(
                description=(
                    "The day to see. Null means the day of the nearest field above that names one, "
                    "else today (in an edition that does not stand today: its first day)."
                )
            ),
        ] = None,
        history: Annotated[
            bool,
            strawberry.argument(
                description=(
                    "Those that had ended by that day, too; not those that were ended on their "
                    "first day, which were mistakes."
                )
            ),
        ] = False,
        first: First = 100,
        after: After = None,
    ) -> Annotated[AssignmentConnection, strawberry.lazy("schema.duties")]:
        from schema.duties import assignments_on  # noqa: PLC0415 - they show units

        return await assignments_on(
            info,
            self.row,
            self.state,
            duty=duty,
            post=post,
            as_of=as_of,
            history=history,
            first=first,
            after=after,
        )

    async def _with(self, info: Info, wanted: Wanted) -> UnitRow:
        """Return the row with some columns, which the look-ahead has read as a rule."""
        if wanted in self.row.wanted:
            return self.row
        return await info.context.complete(self.state, self.row, wanted)

    async def _above(self, info: Info) -> tuple[str, str] | None:
        above = (await info.context.reading.tree()).parent(self.row.level)
        code = self.row.parent_code
        return (above.key, code) if above is not None and code is not None else None

    @classmethod
    def of(cls, row: UnitRow, state: State) -> Self:
        """Show a unit."""
        kind = IdKind.UNIT if row.draft_id is None else IdKind.DRAFT_UNIT
        return cls(
            id=encode(kind, row.id),
            row=row,
            state=state,
            code=row.code,
            name=row.name,
            area_m2=row.area_m2,
        )


async def unit_of(info: Info, state: State, level: str, code: str | None) -> Unit | None:
    """Show the unit of a level and code as the current field asks for it."""
    if code is None:
        return None
    info.context.spend()
    row = await info.context.unit(state, level, code, unit_wanted(info))
    return Unit.of(row, state) if row else None


def units_of(info: Info, rows: Iterable[UnitRow], state: State) -> list[Unit]:
    """Show units; those that are held in memory are shown once for all answers."""
    held = info.context.reading.held_units(state)

    def show(row: UnitRow) -> Unit:
        return Unit.of(row, state)

    return held.shown(rows, show) if held is not None else list(map(show, rows))
