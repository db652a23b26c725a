"""The root fields that change who carries which duty."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

import strawberry

from resolvers.assigning import AssignOrder, assign, end_assignment
from schema.arguments import UnitRefInput
from schema.duties import Assignment
from schema.guard import change
from schema.ids import IdKind, decode
from schema.request import Info


@strawberry.type
class DutyMutations:
    """Mixed into the root type."""

    @change(
        "Let a body carry a duty on a unit. The same once more changes nothing and gives what is "
        "there. CONFLICT where a unit would have two holders of a duty that has one at a time, or "
        "a body would carry it on two units, or twice on one: end the other one first. For editors "
        "of the ground where the unit is; a person whose home is on other ground, and who carries "
        "nothing on this one, takes a key for both."
    )
    async def assign(
        self,
        info: Info,
        *,
        duty: Annotated[str, strawberry.argument(description="Key of a duty.")],
        body: Annotated[str, strawberry.argument(description="Key of a person or organisation.")],
        unit: Annotated[
            UnitRefInput,
            strawberry.argument(
                description=(
                    "A unit of one of the duty's levels that stands on the first day from today on "
                    "on which the duty is carried; of one that is over: that stands today, or "
                    "stood on its first or last day."
                )
            ),
        ],
        since: Annotated[
            dt.date | None,
            strawberry.argument(
                description=(
                    "The first day on which it holds, 1900-01-01 to 100 years ahead; null: today, "
                    "unless it holds already."
                )
            ),
        ] = None,
        until: Annotated[
            dt.date | None,
            strawberry.argument(
                description="The first day on which it holds no more, after `since`; null: no end."
            ),
        ] = None,
        post: Annotated[
            str | None,
            strawberry.argument(
                description="One of the duty's posts; any text where it has none; null: no post."
            ),
        ] = None,
    ) -> Assignment | None:
        context = info.context.reading
        row = await assign(context, AssignOrder(duty, body, unit.plain(), since, until, post))
        return Assignment.of(row, max(row.since, context.today))

    @change(
        "End an assignment; what was held until then stays on record. One that has an end can be "
        "given an earlier one, not a later one: what goes on is a new assignment. For editors of "
        "the ground where the unit is, or was."
    )
    async def end_assignment(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="Id of an assignment.")],
        on: Annotated[
            dt.date | None,
            strawberry.argument(
                description=(
                    "The first day on which it holds no more; null: today. Its own first day: it "
                    "was a mistake and never held."
                )
            ),
        ] = None,
    ) -> Assignment | None:
        context = info.context.reading
        number = decode(id, kind=IdKind.ASSIGNMENT).number
        return Assignment.of(await end_assignment(context, number, on), context.today)
