"""The root field that makes a proposal hold."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

import strawberry

from resolvers.plan_accepting import accept_plan
from schema.duties import Assignment
from schema.guard import change
from schema.plans import PlanItem
from schema.request import Info


@strawberry.type
class PlanMutations:
    """Mixed into the root type."""

    @change(
        "All or nothing: bodies carry a duty from a day on as a plan says. What one carries "
        "already, at that place, stays; where it may carry the duty on one unit only, what it "
        "carries elsewhere ends on that day. CONFLICT names the item that something stands in the "
        "way of. For editors of the ground where the units are."
    )
    async def accept_plan(
        self,
        info: Info,
        *,
        duty: Annotated[str, strawberry.argument(description="Key of a duty.")],
        items: Annotated[
            list[PlanItem], strawberry.argument(description="Those of a plan; at most 20000.")
        ],
        since: Annotated[
            dt.date | None,
            strawberry.argument(description="The first day on which it holds; null: today."),
        ] = None,
    ) -> list[Assignment] | None:
        context = info.context.reading
        rows = await accept_plan(context, duty, [item.plain() for item in items], since)
        info.context.spend(len(rows))
        return [Assignment.of(row, max(row.since, context.today)) for row in rows]
