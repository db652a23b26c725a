"""Where points are."""

from __future__ import annotations

from typing import Annotated, Self, cast

import strawberry

from resolvers import places
from resolvers.context import State
from resolvers.place_codes import PlaceCodeRow
from resolvers.places import PlaceRow
from schema.arguments import LevelKey
from schema.enums import NoUnit
from schema.ladder import Rung, ladder_of
from schema.lookahead import unit_wanted
from schema.request import Info
from schema.units import Unit, units_of
from storage.units import UnitRow, Wanted


@strawberry.type(
    description="Where a point is: exactly one unit of each tiling level, or a reason."
)
class Place:
    row: strawberry.Private[PlaceRow]
    nearest_wanted: strawberry.Private[Wanted]
    on_border: bool = strawberry.field(
        description=(
            "Whether the point lies on a border of the unit that decides: the lowest tiling one "
            "there, or that of the asked level where it does not tile."
        )
    )

    @strawberry.field(
        description=(
            "From the top level down. A point on a shared border belongs to the lowest tiling "
            "unit with the smallest code, and to what lies above that."
        )
    )
    def units(self, info: Info) -> list[Unit]:
        info.context.spend(len(self.row.units))
        return units_of(info, self.row.units, self._state)

    @strawberry.field(
        description=(
            "The unit of a level of any kind, compounds too; null where there is none. An address "
            "that names a compound is in that one."
        )
    )
    async def unit(self, info: Info, level: LevelKey) -> Unit | None:
        info.context.spend()
        wanted = unit_wanted(info)
        row = await places.unit_at(info.context.reading, self.row, level, wanted)
        return Unit.of(row, self._state) if row else None

    @strawberry.field(
        description=(
            "Null when the asked level (by default the lowest tiling one) has a unit here."
        )
    )
    def reason(self) -> NoUnit | None:
        return NoUnit(self.row.reason.value) if self.row.reason is not None else None

    @strawberry.field(description="The nearest unit of that level, when the point is in none.")
    async def nearest(self, info: Info) -> Unit | None:
        info.context.spend()
        found = await self._nearest(info)
        return Unit.of(found[0], self._state) if found else None

    @strawberry.field(
        description="How far the nearest unit is on the ground, in metres; null like `nearest`."
    )
    async def nearest_distance_m(self, info: Info) -> float | None:
        found = await self._nearest(info)
        return found[1] if found else None

    @strawberry.field(
        description=(
            "Who answers here, from the lowest level upwards: small matters stay in the grid, hard "
            "ones go to the community, big ones to the street. With `duty`, a compound comes first "
            "where the place is in one and compounds may have that duty. Empty where the place is "
            "in no unit."
        )
    )
    async def ladder(
        self,
        info: Info,
        duty: Annotated[
            str | None, strawberry.argument(description="Key of a duty; null for all.")
        ] = None,
        history: Annotated[
            bool,
            strawberry.argument(
                description=(
                    "Holders whose time has ended, too; which unit is named depends on today's, "
                    "or the asked day's, alone."
                )
            ),
        ] = False,
    ) -> list[Rung]:
        return await ladder_of(info, self.row, duty=duty, history=history)

    async def _nearest(self, info: Info) -> tuple[UnitRow, float] | None:
        reading = info.context.reading
        return await reading.once(
            ("nearest", id(self)), lambda: places.nearest(reading, self.row, self.nearest_wanted)
        )

    @property
    def _state(self) -> State:
        return State(self.row.edition)

    @classmethod
    def of(cls, info: Info, row: PlaceRow) -> Self:
        """Show a place as the current field asks for it."""
        wanted = unit_wanted(info, "nearest")
        return cls(row=row, nearest_wanted=wanted, on_border=row.on_border)


@strawberry.type(description="One answer of a batch: same order and length as the question.")
class PlaceCode:
    code: str | None = strawberry.field(description="Code of the unit of the level; null if none.")
    on_border: bool = strawberry.field(description="Whether the point lies on a border.")
    reason: NoUnit | None = strawberry.field(description="Why there is no code.")


def place_codes_of(rows: list[PlaceCodeRow]) -> list[PlaceCode]:
    """Show the answers of a batch.

    A row has all that the fields of one read, by the same names, and its reason is the text that
    stands for the enumerator: thousands are shown as they are.
    """
    return cast("list[PlaceCode]", rows)
