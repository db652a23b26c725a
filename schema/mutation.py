"""The root fields that change something."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

import strawberry

from resolvers import waiving
from resolvers.paging import check_length
from resolvers.repair_drafts import repair_one
from resolvers.repairing import MAX_MOVE_M
from resolvers.waiving import Approval
from schema.drafts import Draft
from schema.findings import Finding
from schema.guard import root
from schema.ids import IdKind, decode
from schema.request import Info

FindingId = Annotated[
    strawberry.ID,
    strawberry.argument(description="From the field `id` of a finding of a draft or an edition."),
]


@strawberry.type(description="Everything that can be changed.")
class Mutation:
    @root(
        "Accept a finding: it forbids nothing any more, and its land belongs to the proof. If the "
        "land grows later, it is a finding again. For publishers of its ground."
    )
    async def waive(
        self,
        info: Info,
        finding_id: FindingId,
        reason: Annotated[
            str, strawberry.argument(description="Why; at most 2000 characters, not blank.")
        ],
        until: Annotated[
            dt.date | None,
            strawberry.argument(
                description="The first day on which it holds no more; null: it holds for good."
            ),
        ] = None,
    ) -> Finding | None:
        context = info.context.reading
        key = decode(finding_id, argument="findingId", kind=IdKind.FINDING).key
        by, ground = await context.approver()
        place = await waiving.waive(context, key, Approval(by, reason, until), ground=ground)
        return Finding.of(*place)

    @root(
        "A new draft in which every finding up to `maxMoveM` wide (or just the named ones) is "
        "mended with the least land moved; what it moved is in `moves`. The draft itself stays as "
        "it is. For editors of its ground."
    )
    async def repair_draft(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="Of an open draft.")],
        max_move_m: Annotated[
            float,
            strawberry.argument(
                description="The width of land that is moved at most, in metres; 0 to 1000."
            ),
        ] = MAX_MOVE_M,
        findings: Annotated[
            list[strawberry.ID] | None,
            strawberry.argument(
                description="Ids of the findings to mend; null: all, at most 1000."
            ),
        ] = None,
    ) -> Draft | None:
        context = info.context.reading
        number = decode(id, kind=IdKind.DRAFT).number
        keys = None
        if findings is not None:
            check_length("findings", findings)
            keys = [decode(key, argument="findings", kind=IdKind.FINDING).key for key in findings]
        made = await repair_one(context, number, max_move_m=max_move_m, findings=keys)
        return Draft.of(made)

    @root(
        "Accept a finding no longer: whatever waiver covers it ends, for good. What was published "
        "with it stays published, but its coverage is not clean any more. For publishers of its "
        "ground."
    )
    async def unwaive(self, info: Info, finding_id: FindingId) -> Finding | None:
        context = info.context.reading
        key = decode(finding_id, argument="findingId", kind=IdKind.FINDING).key
        by, ground = await context.approver()
        return Finding.of(*await waiving.unwaive(context, key, by=by, ground=ground))
