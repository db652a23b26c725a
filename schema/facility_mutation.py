"""The root fields that change service points."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

import strawberry

from resolvers.facility_changes import put_facility, remove_facility
from resolvers.facility_orders import Further, PutOrder
from schema.arguments import PointInput
from schema.facilities import Facility
from schema.guard import change
from schema.request import Info
from schema.scalars import Json

STAYS = "Left out: as it was; null: "


@strawberry.type
class FacilityMutations:
    """Mixed into the root type."""

    @change(
        "Write how a facility is from a day on; what was before stays. What is left out stays as "
        "it was, null empties it. The same once more changes nothing. For editors of the ground "
        "where it is to be and where it was."
    )
    async def put_facility(
        self,
        info: Info,
        *,
        key: Annotated[
            str, strawberry.argument(description="Its lasting name; a new one makes a facility.")
        ],
        kind: Annotated[str, strawberry.argument(description="Key of a known kind.")],
        name: Annotated[str, strawberry.argument(description="Its name; may be empty.")],
        location: Annotated[PointInput, strawberry.argument(description="Where it is.")],
        floor_area_m2: Annotated[
            float | None, strawberry.argument(description=f"{STAYS}not known.")
        ] = strawberry.UNSET,
        rooms: Annotated[
            list[str] | None, strawberry.argument(description=f"At most 100. {STAYS}none.")
        ] = strawberry.UNSET,
        opening_hours: Annotated[
            str | None,
            strawberry.argument(description=f"As OpenStreetMap writes them. {STAYS}not known."),
        ] = strawberry.UNSET,
        compound: Annotated[
            str | None,
            strawberry.argument(description=f"Code of the compound of a gate. {STAYS}none."),
        ] = strawberry.UNSET,
        since: Annotated[
            dt.date | None,
            strawberry.argument(description="The first day on which it is so; null: today."),
        ] = None,
        until: Annotated[
            dt.date | None,
            strawberry.argument(
                description=f"The first day on which it is there no more. {STAYS}no end."
            ),
        ] = strawberry.UNSET,
        properties: Annotated[
            Json | None, strawberry.argument(description=f"An object. {STAYS}empty.")
        ] = strawberry.UNSET,
    ) -> Facility | None:
        said = {
            "floor_area_m2": floor_area_m2,
            "rooms": rooms,
            "opening_hours": opening_hours,
            "compound": compound,
            "properties": properties,
            "until": until,
        }
        further = Further(
            **{name: value for name, value in said.items() if value is not strawberry.UNSET}  # type: ignore[typeddict-item]  # by their names
        )
        order = PutOrder(key, kind, name, location.plain(), since, further)
        row = await put_facility(info.context.reading, order)
        return Facility.of(row, since or info.context.reading.today)

    @change(
        "Let a facility end; what was before stays, and what was still to come of it does not. For "
        "editors of its ground."
    )
    async def remove_facility(
        self,
        info: Info,
        key: Annotated[str, strawberry.argument(description="Its lasting name.")],
        on: Annotated[
            dt.date | None,
            strawberry.argument(
                description="The first day on which it is there no more; null: today."
            ),
        ] = None,
    ) -> Facility | None:
        row = await remove_facility(info.context.reading, key, on)
        return Facility.of(row, on or info.context.reading.today)
