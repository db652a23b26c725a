"""How well duties are covered, and who holds several of them on the same unit."""

from __future__ import annotations

import datetime as dt
from collections.abc import Awaitable, Callable
from typing import Self

import strawberry

from resolvers import cross_appointment, duty_coverage
from resolvers.bodies import CURSOR as BODY_CURSOR
from resolvers.context import State
from resolvers.cross_appointment import CrossRow
from resolvers.duty_coverage import CoverageRow
from resolvers.paging import Page, decode_cursor, encode_cursor, page_size
from schema.arguments import After, First
from schema.common import TOTAL, PageInfo
from schema.duties import BodyConnection, Duty
from schema.levels import Level
from schema.lookahead import page_asked, page_wanted, unit_wanted
from schema.request import Info
from schema.unit_lists import UnitConnection
from schema.units import Unit
from storage.bodies import BodyRow
from storage.duty_counts import ParentRow
from storage.units import UnitRow

UNIT_CURSOR = "duty unit"
SHARE_CURSOR = "duty share"


@strawberry.type(description="How many of the units below one have what the duty asks for.")
class DutyShare:
    row: strawberry.Private[ParentRow]
    level: strawberry.Private[str]
    edition: strawberry.Private[int]
    total: int = strawberry.field(description="Units of the asked level in it.")
    covered: int = strawberry.field(description="Those of them that are covered.")
    share: float | None = strawberry.field(
        description="Covered of total; null where there are none."
    )

    @strawberry.field(description="The unit.")
    async def unit(self, info: Info) -> Unit:
        info.context.spend()
        state = State(self.edition)
        found = await info.context.unit(state, self.level, self.row.code, unit_wanted(info))
        if found is None:
            raise LookupError(f"{self.level} {self.row.code} left edition {self.edition}")
        return Unit.of(found, state)

    @classmethod
    def of(cls, row: ParentRow, level: str, edition: int) -> Self:
        """Show a row."""
        return cls(
            row=row,
            level=level,
            edition=edition,
            total=row.total,
            covered=row.covered,
            share=_share(row.covered, row.total),
        )


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


@strawberry.type(description="A unit's share in a list.")
class DutyShareEdge:
    node: DutyShare = strawberry.field(description="The unit's share.")
    cursor: str = strawberry.field(description="Its place in the list, for `after`.")


@strawberry.type(description="A page of units' shares, by code.")
class DutyShareConnection:
    page: strawberry.Private[Page[ParentRow]]
    level: strawberry.Private[str]
    edition: strawberry.Private[int]
    after: strawberry.Private[str | None]
    count: strawberry.Private[Callable[[], Awaitable[int]]]

    @strawberry.field(description="The shares with their cursors.")
    def edges(self, info: Info) -> list[DutyShareEdge]:
        info.context.spend(len(self.page.rows))
        return [
            DutyShareEdge(node=DutyShare.of(row, self.level, self.edition), cursor=_cursor(row))
            for row in self.page.rows
        ]

    @strawberry.field(description="The shares.")
    def nodes(self, info: Info) -> list[DutyShare]:
        info.context.spend(len(self.page.rows))
        return [DutyShare.of(row, self.level, self.edition) for row in self.page.rows]

    @strawberry.field(description="Where the page lies in the list.")
    def page_info(self) -> PageInfo:
        rows = self.page.rows
        ends = [rows[0], rows[-1]] if rows else []
        return PageInfo.of([_cursor(row) for row in ends], more=self.page.more, after=self.after)

    @strawberry.field(description=TOTAL)
    async def total_count(self) -> int:
        return await self.count()


def _cursor(row: ParentRow) -> str:
    return encode_cursor(SHARE_CURSOR, row.code)


def _after(after: str | None, kind: str) -> str | None:
    return str(decode_cursor(after, kind, str)[0]) if after is not None else None


@strawberry.type(
    description=(
        "Which units have the holders that the duty asks for: 179 of 179, with the list of those "
        "that have not. Figures count all assignments of the day, whoever asks. A unit of the "
        "duty's own level is covered by as many holders as it asks for, and by one at least; of "
        "another level, or where a post is asked for, by one holder (of that post). A body with "
        "two posts on a unit is one holder."
    )
)
class DutyCoverage:
    row: strawberry.Private[CoverageRow]
    as_of: dt.date = strawberry.field(description="The day that was asked about.")

    @strawberry.field(description="The kind of duty.")
    def duty(self) -> Duty:
        return Duty.of(self.row.duty)

    @strawberry.field(description="The level whose units are looked at.")
    def level(self) -> Level:
        return Level.of(self.row.level, self._state)

    @strawberry.field(description="Units of the level.")
    async def total(self, info: Info) -> int:
        return (await duty_coverage.counts(info.context.reading, self.row)).total

    @strawberry.field(description="Those of them that are covered.")
    async def covered(self, info: Info) -> int:
        return (await duty_coverage.counts(info.context.reading, self.row)).covered

    @strawberry.field(description="Covered of total; null where there are no units.")
    async def share(self, info: Info) -> float | None:
        found = await duty_coverage.counts(info.context.reading, self.row)
        return _share(found.covered, found.total)

    @strawberry.field(
        description=(
            "Bodies that carry the duty (or its post) on these units, each once, on however many."
        )
    )
    async def body_count(self, info: Info) -> int:
        return await duty_coverage.count_bodies(info.context.reading, self.row)

    @strawberry.field(description="The units that are not covered, by code; 1 to 1000 a page.")
    async def missing(self, info: Info, first: First = 100, after: After = None) -> UnitConnection:
        context, row = info.context.reading, self.row

        async def count() -> int:
            found = await duty_coverage.counts(context, row)
            return found.total - found.covered

        page: Page[UnitRow] = Page([], more=False)
        size, place = page_size(first, 100), _after(after, UNIT_CURSOR)
        if page_asked(info):
            page = await duty_coverage.missing(
                context, row, first=size, after=place, wanted=page_wanted(info)
            )
        return self._units(page, after, count)

    @strawberry.field(
        description=(
            "The units with more holders than the duty allows (whatever their posts), by code; on "
            "the duty's own level only. Where one is the most, such can be only from before that "
            "was so. 1 to 1000 a page."
        )
    )
    async def excess(self, info: Info, first: First = 100, after: After = None) -> UnitConnection:
        context, row = info.context.reading, self.row

        async def count() -> int:
            return (await duty_coverage.counts(context, row)).excess

        page: Page[UnitRow] = Page([], more=False)
        size, place = page_size(first, 100), _after(after, UNIT_CURSOR)
        if page_asked(info):
            page = await duty_coverage.excess(
                context, row, first=size, after=place, wanted=page_wanted(info)
            )
        return self._units(page, after, count)

    @strawberry.field(
        description=(
            "One row for each unit of the level right above, by code, also for those without any "
            "unit of this level; none for the topmost level. 1 to 1000 a page."
        )
    )
    async def by_parent(
        self, info: Info, first: First = 100, after: After = None
    ) -> DutyShareConnection:
        context, row = info.context.reading, self.row
        page: Page[ParentRow] = Page([], more=False)
        size, place = page_size(first, 100), _after(after, SHARE_CURSOR)
        if page_asked(info):
            page = await duty_coverage.by_parent(context, row, first=size, after=place)
        return DutyShareConnection(
            page=page,
            level=row.level.parent or row.level.key,
            edition=row.scope.edition,
            after=after,
            count=lambda: duty_coverage.count_parents(context, row),
        )

    def _units(
        self, page: Page[UnitRow], after: str | None, count: Callable[[], Awaitable[int]]
    ) -> UnitConnection:
        return UnitConnection(
            page=page,
            state=self._state,
            after=after,
            cursor=lambda row: encode_cursor(UNIT_CURSOR, row.code),
            count=count,
        )

    @property
    def _state(self) -> State:
        return State(self.row.scope.edition)

    @classmethod
    def of(cls, row: CoverageRow) -> Self:
        """Show the coverage of a duty."""
        return cls(row=row, as_of=row.scope.day)


@strawberry.type(
    description=(
        "On how many units one body holds all of the named duties, among those where somebody "
        "holds the first: the branch secretary chairs the committee in 52 of 86 compounds. Counted "
        "are units: a body that holds them all on two units counts twice. Figures count all "
        "assignments of the day, whoever asks."
    )
)
class CrossAppointment:
    row: strawberry.Private[CrossRow]

    @strawberry.field(description="Units with a holder of the first duty.")
    async def total(self, info: Info) -> int:
        return (await cross_appointment.counts(info.context.reading, self.row)).total

    @strawberry.field(description="Those of them where one body holds all of the duties.")
    async def dual(self, info: Info) -> int:
        return (await cross_appointment.counts(info.context.reading, self.row)).dual

    @strawberry.field(description="Dual of total; null where nobody holds the first duty.")
    async def share(self, info: Info) -> float | None:
        found = await cross_appointment.counts(info.context.reading, self.row)
        return _share(found.dual, found.total)

    @strawberry.field(
        description=(
            "Those who hold all of the duties on one unit, each once, by key; those of them whose "
            "assignments the asker may see. totalCount counts all. 1 to 1000 a page."
        )
    )
    async def bodies(self, info: Info, first: First = 100, after: After = None) -> BodyConnection:
        context, row = info.context.reading, self.row

        async def count() -> int:
            return (await cross_appointment.counts(context, row)).bodies

        page: Page[BodyRow] = Page([], more=False)
        size, place = page_size(first, 100), _after(after, BODY_CURSOR)
        if page_asked(info):
            page = await cross_appointment.bodies(context, row, first=size, after=place)
        return BodyConnection(page=page, day=row.scope.day, after=after, count=count)
