"""The root fields that change something."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

import strawberry

from resolvers import draft_requests, waiving
from resolvers.draft_requests import Announcement
from resolvers.paging import check_length
from resolvers.repair_drafts import repair_one
from resolvers.repairing import MAX_MOVE_M
from resolvers.rights import Right, require
from resolvers.waiving import Approval
from schema.arguments import LevelKey, UnitRefInput, plain_ref
from schema.drafts import Draft
from schema.editions import Edition
from schema.findings import Finding
from schema.guard import change
from schema.ids import IdKind, decode
from schema.request import Info

FindingId = Annotated[
    strawberry.ID,
    strawberry.argument(description="From the field `id` of a finding of a draft or an edition."),
]


OpenDraftId = Annotated[strawberry.ID, strawberry.argument(description="Of an open draft.")]


@strawberry.type(description="Everything that can be changed.")
class Mutation:
    @change(
        "One edition for all of them, proven together. Refused with NOT_CLEAN while a blocking "
        "finding is not waived, and with CONFLICT when the ground below changed since a draft was "
        "checked. When nothing changes, the newest edition stands. For publishers of their ground."
    )
    async def publish_drafts(
        self,
        info: Info,
        ids: Annotated[
            list[strawberry.ID],
            strawberry.argument(
                description="Open drafts, with all that they were checked on; at most 1000."
            ),
        ],
        effective_on: Annotated[
            dt.date | None,
            strawberry.argument(
                description=(
                    "The first day on which it is in force; null: today. Never before the newest "
                    "edition's; a later day than today needs a key for everywhere."
                )
            ),
        ] = None,
        note: Annotated[
            str | None, strawberry.argument(description="What it is about; at most 2000 letters.")
        ] = None,
        correction: Annotated[
            bool,
            strawberry.argument(
                description="True when it mends the newest edition, whose day it then carries."
            ),
        ] = False,
    ) -> Edition | None:
        numbers = [decode(id_, argument="ids", kind=IdKind.DRAFT).number for id_ in ids]
        said = Announcement(effective_on, note or "", correction)
        return Edition.of(await draft_requests.publish_drafts(info.context.reading, numbers, said))

    @change(
        "Check the draft again on the newest edition, without the file: the cure for CONFLICT. For "
        "editors of its ground."
    )
    async def recheck_draft(self, info: Info, id: OpenDraftId) -> Draft | None:
        number = decode(id, kind=IdKind.DRAFT).number
        return Draft.of(await draft_requests.recheck_draft(info.context.reading, number))

    @change("Give a draft up; what it held can still be looked at. For editors of its ground.")
    async def discard_draft(self, info: Info, id: OpenDraftId) -> Draft | None:
        number = decode(id, kind=IdKind.DRAFT).number
        return Draft.of(await draft_requests.discard_draft(info.context.reading, number))

    @change(
        "A draft that would bring one level back to what it was in edition `to`: units, names, "
        "parents, columns and drawn land. Where the ground has changed since, its findings say "
        "so. For editors of its ground."
    )
    async def draft_revert(
        self,
        info: Info,
        level: LevelKey,
        to: Annotated[int, strawberry.argument(description="Number of the edition.")],
        within: Annotated[
            UnitRefInput | None,
            strawberry.argument(
                description="Only the units below this one; null: the whole level."
            ),
        ] = None,
        with_: Annotated[
            list[strawberry.ID] | None,
            strawberry.argument(
                name="with",
                description="Open drafts of other levels that it is checked on; at most 1000.",
            ),
        ] = None,
    ) -> Draft | None:
        others = [decode(id_, argument="with", kind=IdKind.DRAFT).number for id_ in with_ or ()]
        made = await draft_requests.revert_level(
            info.context.reading, level, to, within=plain_ref(within), together_with=others
        )
        return Draft.of(made)

    @change(
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
        by, ground = await require(context, Right.ACCEPT)
        place = await waiving.waive(context, key, Approval(by, reason, until), ground=ground)
        return Finding.of(*place)

    @change(
        "A new draft in which every finding up to `maxMoveM` wide (or just the named ones) is "
        "mended with the least land moved; what it moved is in `moves`. The draft itself stays as "
        "it is. For editors of its ground."
    )
    async def repair_draft(
        self,
        info: Info,
        id: OpenDraftId,
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

    @change(
        "Accept a finding no longer: whatever waiver covers it ends, for good. What was published "
        "with it stays published, but its coverage is not clean any more. For publishers of its "
        "ground."
    )
    async def unwaive(self, info: Info, finding_id: FindingId) -> Finding | None:
        context = info.context.reading
        key = decode(finding_id, argument="findingId", kind=IdKind.FINDING).key
        by, ground = await require(context, Right.ACCEPT)
        return Finding.of(*await waiving.unwaive(context, key, by=by, ground=ground))
