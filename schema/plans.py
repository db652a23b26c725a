"""Plans: who should carry a duty where."""

from __future__ import annotations

from typing import Self

import strawberry

from resolvers.context import State
from resolvers.plan_accepting import ItemOrder
from resolvers.planning import ItemRow, LoadRow, PlanRow
from resolvers.units import UnitRef
from schema.arguments import UnitRefInput
from schema.duties import Body, Duty, body_of
from schema.request import Info
from schema.units import Unit, unit_of

PLAN_COST = 40_000
"""Things that a plan counts for: it takes seconds."""


@strawberry.input(description="A body that is to carry a duty on a unit.")
class PlanItem:
    body: str = strawberry.field(description="Key of a person or organisation.")
    unit: UnitRefInput = strawberry.field(description="The unit, of one of the duty's levels.")
    post: str | None = strawberry.field(
        default=None, description="One of the duty's posts; null for none."
    )

    def plain(self) -> ItemOrder:
        """Return the item."""
        return ItemOrder(self.body, self.unit.plain(), self.post)


@strawberry.type(description="Where a body should go.")
class PlannedAssignment:
    row: strawberry.Private[ItemRow]
    plan: strawberry.Private[PlanRow]
    post: str | None = strawberry.field(
        description="Key of the post; null where the duty has no posts."
    )
    distance_m: float | None = strawberry.field(
        description=(
            "Metres, straight, from its home (its address, else the label point of its home's "
            "unit) to the label point of the unit; null where the home is not known."
        )
    )

    @strawberry.field(description="Who is placed.")
    async def body(self, info: Info) -> Body:
        return await _body(info, self.row.body, self.plan)

    @strawberry.field(description="Where to.")
    async def unit(self, info: Info) -> Unit:
        return await _unit(info, self.row.unit, self.plan)

    @classmethod
    def of(cls, row: ItemRow, plan: PlanRow) -> Self:
        """Show an item of a plan."""
        return cls(row=row, plan=plan, post=row.post, distance_m=row.distance_m)


@strawberry.type(description="How many holders a unit has in a plan, and should have.")
class UnitLoad:
    row: strawberry.Private[LoadRow]
    plan: strawberry.Private[PlanRow]
    body_count: int = strawberry.field(
        description="Its holders in the plan, with those who stay there or will come."
    )
    body_count_before: int = strawberry.field(description="Its holders today, without the plan.")
    households: int = strawberry.field(description="Households that live in it.")
    target: float = strawberry.field(
        description="Its part, by households, of all holders of all units in the plan."
    )

    @strawberry.field(description="The unit.")
    async def unit(self, info: Info) -> Unit:
        return await _unit(info, self.row.unit, self.plan)

    @classmethod
    def of(cls, row: LoadRow, plan: PlanRow) -> Self:
        """Show the load of a unit."""
        return cls(
            row=row,
            plan=plan,
            body_count=row.bodies,
            body_count_before=row.before,
            households=row.households,
            target=row.target,
        )


async def _unit(info: Info, ref: UnitRef, plan: PlanRow) -> Unit:
    found = await unit_of(info, State(plan.edition), ref.level, ref.code)
    if found is None:
        raise LookupError(f"{ref.level} {ref.code} is planned, and not there")
    return found


async def _body(info: Info, key: str, plan: PlanRow) -> Body:
    found = await body_of(info, key, plan.day)
    if found is None:
        raise LookupError(f"body {key} is planned, and not there")
    return found


@strawberry.type(
    description=(
        "A proposal: bodies on units, at posts that fit them, balanced by households and near "
        "their homes. acceptPlan makes it hold."
    )
)
class AssignmentPlan:
    row: strawberry.Private[PlanRow]
    cost: float = strawberry.field(
        description=(
            "In metres: all ways, 2000 for each body at a post that none of its skills fits, 3000 "
            "for each post of a unit without a holder who fits it, and 10000 x (holders - "
            "target)^2 / target for each unit (a target below 1 divides as 1)."
        )
    )
    bound: float = strawberry.field(
        description="No plan that places as many bodies costs less; the cost, where it is optimal."
    )
    optimal: bool = strawberry.field(description="Whether this plan is proven the best.")

    @strawberry.field(description="The kind of duty.")
    def duty(self, info: Info) -> Duty:
        info.context.spend()
        return Duty.of(self.row.duty)

    @strawberry.field(description="At most 20000, by unit, post in the duty's order, and body.")
    def items(self, info: Info) -> list[PlannedAssignment]:
        info.context.spend(len(self.row.items))
        return [PlannedAssignment.of(item, self.row) for item in self.row.items]

    @strawberry.field(
        description=(
            "Bodies for whom no unit has room. Who of them carries the duty today goes on with it, "
            "beside what `loads` tells, until that is ended."
        )
    )
    async def unassigned(self, info: Info) -> list[Body]:
        return [await _body(info, key, self.row) for key in self.row.unassigned]

    @strawberry.field(description="Every unit below `within`, by code.")
    def loads(self, info: Info) -> list[UnitLoad]:
        info.context.spend(len(self.row.loads))
        return [UnitLoad.of(load, self.row) for load in self.row.loads]

    @classmethod
    def of(cls, row: PlanRow) -> Self:
        """Show a plan."""
        return cls(row=row, cost=row.cost_m, bound=row.bound_m, optimal=row.optimal)
