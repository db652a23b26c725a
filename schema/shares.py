"""What one unit has in common with another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Self

import strawberry

from resolvers.context import State
from resolvers.shares import Source, Subject
from schema.lookahead import unit_wanted
from schema.request import Info

if TYPE_CHECKING:
    from resolvers.shares import ShareRow
    from schema.units import Unit
    from storage.units import UnitRow


@strawberry.type(
    description=(
        "What a unit (the one that was asked) has in common with another one. No household is in "
        "two shares of a unit."
    )
)
class Share:
    level: strawberry.Private[str]
    code: strawberry.Private[str]
    state: strawberry.Private[State]
    area_m2: float = strawberry.field(
        description=(
            "Land that both have, in square metres; 0 where they share households on a border only."
        )
    )
    area_share: float | None = strawberry.field(
        description="That land as a share of the asked unit's; null where that has none."
    )
    households: int = strawberry.field(description="Households that both count.")
    household_share: float | None = strawberry.field(
        description="Those households as a share of the asked unit's; null where that has none."
    )

    @strawberry.field(description="The other unit, as it stands in its own edition.")
    async def unit(self, info: Info) -> Annotated[Unit, strawberry.lazy("schema.units")]:
        from schema.units import Unit as Shown  # noqa: PLC0415 - units hold shares

        info.context.spend()
        row = await info.context.unit(self.state, self.level, self.code, unit_wanted(info))
        if row is None:
            raise LookupError(f"{self.level} {self.code} left edition {self.state.edition}")
        return Shown.of(row, self.state)

    @classmethod
    def of(cls, row: ShareRow, level: str) -> Self:
        """Show a share."""
        return cls(
            level=level,
            code=row.code,
            state=State(row.edition),
            area_m2=row.area_m2,
            area_share=row.area_share,
            households=row.households,
            household_share=row.household_share,
        )


async def shares_of(info: Info, unit: UnitRow, state: State, to: str | None) -> list[Share]:
    """Show how a unit is divided among those of a level, or (None) which were there before it."""
    if state.edition is None:
        return []
    in_draft = unit.draft_id is not None
    source = Source(state.edition, unit.level, in_draft)
    subject = Subject(str(unit.row_id) if in_draft else unit.code, unit.area_m2)
    rows = await info.context.shares(source, subject, to)
    info.context.spend(len(rows))
    return [Share.of(row, to or unit.level) for row in rows]
