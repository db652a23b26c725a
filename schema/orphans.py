"""Assignments whose units stand no more, and who may take them over."""

from __future__ import annotations

import datetime as dt
from typing import NamedTuple

import strawberry

from geo.changes_told import ChangeSet
from geo.successors import Successor, successors_of
from resolvers.context import State
from resolvers.orphans import day_of_draft, lost_by
from resolvers.paging import Page, decode_cursor, encode_cursor, page_size
from schema.common import PageInfo
from schema.duties import Assignment, AssignmentConnection
from schema.lookahead import page_asked
from schema.request import Info
from schema.shares import Share
from storage.assignments import AssignmentRow
from storage.orphans import Lost, OrphanPlace

CURSOR = "orphan"

Rows = Page[AssignmentRow]


class Behind(NamedTuple):
    """What a change leaves behind."""

    found: ChangeSet
    before: State | None
    after: State | None
    published: int | None
    """The edition that a draft became."""

    async def lost(self, info: Info) -> Lost:
        """Return the codes that stand no more, and from which day on."""
        after = self.after or State(None)
        number = self.published or (None if after.drafts else after.edition)
        row = await info.context.edition(number) if number is not None else None
        if row is not None:
            return lost_by(self.found, row.effective_on, row.number)
        day = await day_of_draft(info.context.reading, after.edition)
        return lost_by(self.found, day, None)

    async def page(self, info: Info, lost: Lost, first: int | None, after: str | None) -> Rows:
        """Return a page of what is left behind, as far as the asker may see it."""
        info.context.spend()
        size = page_size(first, 100)
        place = None
        if after is not None:
            code, duty, number = decode_cursor(after, CURSOR, str, str, int)
            place = OrphanPlace(str(code), str(duty), int(number))
        if not lost.codes or not page_asked(info):
            return Page([], more=False)
        return await info.context.orphans(lost, first=size, after=place)

    async def total(self, info: Info, lost: Lost) -> int:
        """Return how many are left behind, whoever may see them."""
        return await info.context.count_orphans(lost) if lost.codes else 0


@strawberry.type(
    description=(
        "An assignment whose unit stands no more, and the units that may take it over. It stays "
        "as it is until somebody ends it: nothing is moved by itself."
    )
)
class Orphan:
    row: strawberry.Private[AssignmentRow]
    behind: strawberry.Private[Behind]
    day: strawberry.Private[dt.date]
    proposed: strawberry.Private[tuple[Successor, ...]]

    @strawberry.field(description="The assignment; its unit is told as it stood before.")
    def assignment(self, info: Info) -> Assignment:
        info.context.spend()
        return Assignment.of(self.row, self.day, self.behind.before)

    @strawberry.field(
        description=(
            "The units that receive its unit's households and land, as shares of all that this "
            "had: most households first, then most land. None where its land is nobody's now."
        )
    )
    def successors(self, info: Info) -> list[Share]:
        state = self.behind.after
        if state is None:
            return []
        info.context.spend(len(self.proposed))
        return [
            Share(
                level=self.row.level,
                code=one.code,
                state=state,
                area_m2=one.area_m2,
                area_share=one.area_share,
                households=one.households,
                household_share=one.household_share,
            )
            for one in self.proposed
        ]


@strawberry.type(
    description="A page of assignments whose units stand no more, by the unit's code and the duty."
)
class OrphanConnection:
    rows: strawberry.Private[Rows]
    behind: strawberry.Private[Behind]
    lost: strawberry.Private[Lost]
    after: strawberry.Private[str | None]

    @strawberry.field(description="The assignments, each with its successors.")
    def nodes(self, info: Info) -> list[Orphan]:
        rows = self.rows.rows
        info.context.spend(len(rows))
        proposed = successors_of(self.behind.found.movements, {row.code for row in rows})
        return [
            Orphan(row=row, behind=self.behind, day=self.lost.day, proposed=proposed[row.code])
            for row in rows
        ]

    @strawberry.field(description="Where the page lies in the list.")
    def page_info(self) -> PageInfo:
        cursors = [_cursor(row) for row in self.rows.rows]
        return PageInfo.of(cursors, more=self.rows.more, after=self.after)

    @strawberry.field(
        description="How many there are in all pages together, those that are not shown, too."
    )
    async def total_count(self, info: Info) -> int:
        return await self.behind.total(info, self.lost)


def _cursor(row: AssignmentRow) -> str:
    return encode_cursor(CURSOR, row.code, row.duty, row.id)


async def orphaned(
    info: Info, behind: Behind, *, first: int | None, after: str | None
) -> AssignmentConnection:
    """Show a page of the assignments that are left behind."""
    lost = await behind.lost(info)
    return AssignmentConnection(
        page=await behind.page(info, lost, first, after),
        day=lost.day,
        after=after,
        count=lambda: behind.total(info, lost),
        state=behind.before,
        cursor=_cursor,
    )


async def orphans_left(
    info: Info, behind: Behind, *, first: int | None, after: str | None
) -> OrphanConnection:
    """Show a page of the assignments that are left behind, with who may take them over."""
    lost = await behind.lost(info)
    rows = await behind.page(info, lost, first, after)
    return OrphanConnection(rows=rows, behind=behind, lost=lost, after=after)
