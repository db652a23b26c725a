"""The root field that proposes who goes where."""

from __future__ import annotations

from typing import Annotated

import strawberry

from resolvers.planning import PlanAsked, assignment_plan
from schema.arguments import UnitRefInput
from schema.guard import root
from schema.plans import PLAN_COST, AssignmentPlan
from schema.request import Info


@strawberry.type
class PlanQueries:
    """Mixed into the root type."""

    @root(
        "Bodies of the profession or kind onto the units below `within`, balanced by households "
        "and near their homes. Those are placed who live in `within` or carry the duty there today "
        "(and with `profession` those whose home is not known), unless they carry it elsewhere and "
        "may carry it on one unit only. Where they may on several, those who carry it there stay. "
        "BAD_INPUT says what cannot be met. For editors of the ground: ways tell where people live."
    )
    async def assignment_plan(
        self,
        info: Info,
        *,
        duty: Annotated[str, strawberry.argument(description="Key of a duty.")],
        within: Annotated[
            UnitRefInput,
            strawberry.argument(
                description="Units of the duty's own level below this one are planned; 1 to 5000."
            ),
        ],
        profession: Annotated[
            str | None,
            strawberry.argument(
                description=(
                    "Only people of this profession, or organisations of this kind; null: all "
                    "people. At most 20000."
                )
            ),
        ] = None,
        per_unit_min: Annotated[
            int | None,
            strawberry.argument(
                description=(
                    "The fewest holders of each unit, with those who stay; not less than the "
                    "duty's own. Null: 0."
                )
            ),
        ] = 1,
        per_unit_max: Annotated[
            int | None,
            strawberry.argument(
                description="The most holders of each unit; not more than the duty's own."
            ),
        ] = None,
        per_post_min: Annotated[
            int,
            strawberry.argument(
                description="The fewest holders of each post of each unit who have its skill."
            ),
        ] = 0,
    ) -> AssignmentPlan | None:
        info.context.spend(PLAN_COST)
        asked = PlanAsked(
            duty=duty,
            within=within.plain(),
            profession=profession,
            per_unit_min=per_unit_min if per_unit_min is not None else 0,
            per_unit_max=per_unit_max,
            per_post_min=per_post_min,
        )
        return AssignmentPlan.of(await assignment_plan(info.context.reading, asked))
