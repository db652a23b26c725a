"""Duties, the bodies that carry them, and who carries which on which unit."""

from __future__ import annotations

import datetime as dt
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Self

import strawberry

from resolvers.assignments import cursor_of, filter_of, place_of
from resolvers.bodies import CURSOR
from resolvers.context import State
from resolvers.facilities import day_of
from resolvers.paging import Page, encode_cursor, page_size
from schema.arguments import After, First
from schema.asked_day import asked_day
from schema.common import TOTAL, Node, PageInfo
from schema.enums import BodyKind
from schema.ids import IdKind, encode
from schema.levels import Level, level_of
from schema.lookahead import page_asked
from schema.request import Info
from schema.scalars import Json, as_json
from schema.units import Unit, unit_of
from storage.assignments import AssignmentRow
from storage.bodies import BodyRow
from storage.duties import DutyRow, PostRow

if TYPE_CHECKING:
    from storage.units import UnitRow

AssignmentsAsOf = Annotated[
    dt.date | None,
    strawberry.argument(
        description=(
            "The day to see; null means the day of the nearest field above that names one, else "
            "today. Everything below is seen on that day."
        )
    ),
]
History = Annotated[
    bool,
    strawberry.argument(
        description=(
            "Those that had ended by that day, too; not those that were ended on their first day, "
            "which were mistakes."
        )
    ),
]

HIDDEN = (
    "Readers are given those of public duties, editors also all others on units of their ground; "
    "totalCount counts those not shown, too."
)


@strawberry.type(description="A post of a duty, and the skill that fits it.")
class DutyPost:
    key: str = strawberry.field(description="What assignments name as their post.")
    name: str = strawberry.field(description="Its name for people.")
    skill: str | None = strawberry.field(
        description="The skill of a body that fits it; null where any does."
    )

    @classmethod
    def of(cls, row: PostRow) -> Self:
        """Show a post."""
        return cls(key=row.key, name=row.name, skill=row.skill)


@strawberry.type(
    description=(
        "A kind of duty, the levels it may be carried on, and how many holders a unit of its own "
        "level must have."
    )
)
class Duty:
    row: strawberry.Private[DutyRow]
    key: str = strawberry.field(description="What assignments name as their duty.")
    name: str = strawberry.field(description="Its name for people.")
    min: int = strawberry.field(
        description="The fewest holders that a unit of its own level must have."
    )
    max: int | None = strawberry.field(
        description=(
            "The most holders that a unit may have at a time; null: any number. With 1, a second "
            "one is refused."
        )
    )
    several: bool = strawberry.field(
        description="Whether one body may carry it on several units at a time."
    )
    public: bool = strawberry.field(description="Whether readers are told who carries it.")
    posts: list[str] = strawberry.field(
        description="Keys of its posts, in their order; without any, a post may be any text."
    )

    @strawberry.field(description="Its own level, on whose units there must be so many holders.")
    async def level(self, info: Info) -> Level:
        return await level_of(info, self.row.level, await _state(info))

    @strawberry.field(
        description="All levels on whose units it may be carried, its own one too; topmost first."
    )
    async def levels(self, info: Info) -> list[Level]:
        state = await _state(info)
        return [await level_of(info, key, state) for key in self.row.levels]

    @strawberry.field(description="Its posts with their names and the skills that fit them.")
    def post_details(self, info: Info) -> list[DutyPost]:
        info.context.spend(len(self.row.posts))
        return [DutyPost.of(post) for post in self.row.posts]

    @classmethod
    def of(cls, row: DutyRow) -> Self:
        """Show a kind of duty."""
        return cls(
            row=row,
            key=row.key,
            name=row.name,
            min=row.min,
            max=row.max,
            several=row.several,
            public=row.public,
            posts=[post.key for post in row.posts],
        )


async def _state(info: Info) -> State:
    """Return the edition that the question is about, if there is one."""
    edition = await info.context.reading.edition_or_none(asked_day(info))
    return State(edition.number if edition is not None else None)


@strawberry.type(
    description=(
        "A person or an organisation that carries duties. Readers are given its name only where a "
        "public duty of it holds on the day asked about, and never its home, its contact or its "
        "properties: those are for editors on whose ground it lives or carries something."
    )
)
class Body(Node):
    row: strawberry.Private[BodyRow]
    day: strawberry.Private[dt.date]
    kind: BodyKind = strawberry.field(description="A person or an organisation.")
    key: str = strawberry.field(description="Its lasting name in files and arguments.")
    name: str | None = strawberry.field(description="Null where the asker may not know it.")
    profession: str | None = strawberry.field(
        description="Of an organisation: what kind of organisation it is."
    )
    skills: list[str] = strawberry.field(description="What it can do, e.g. mediation.")

    @strawberry.field(description="The organisation that it belongs to.")
    async def member_of(self, info: Info) -> Body | None:
        if self.row.member_of is None:
            return None
        return await body_of(info, self.row.member_of, self.day)

    @strawberry.field(
        description=(
            "The unit where it lives, or has its seat; null where the asker may not know it, where "
            "it is not known, and where that unit stands no more."
        )
    )
    async def home(self, info: Info) -> Unit | None:
        if self.row.home_level is None:
            return None
        return await _unit_on(info, self.day, self.row.home_level, self.row.home_code)

    @strawberry.field(
        description="What else its file says of it; empty where the asker may not know it."
    )
    def properties(self) -> Json:
        return Json(as_json(self.row.properties))

    @strawberry.field(
        description="How to reach it; an empty object where the asker may not know it."
    )
    def contact(self) -> Json:
        return Json(as_json(self.row.contact))

    @strawberry.field(
        description=(
            "What it carries, by the duty's key, the unit's level and code, and the first day. "
            f"{HIDDEN} 1 to 1000 a page."
        )
    )
    async def assignments(
        self,
        info: Info,
        as_of: AssignmentsAsOf = None,
        history: History = False,
        first: First = 100,
        after: After = None,
    ) -> AssignmentConnection:
        context, key = info.context, self.key
        context.spend()
        size, place = page_size(first, 100), place_of(after)
        day = as_of or self.day
        which = await filter_of(context.reading, day, history=history)
        page: Page[AssignmentRow] = Page([], more=False)
        if page_asked(info):
            page = await context.assignments_of_body(key, which, first=size, after=place)
        return AssignmentConnection(
            page=page,
            day=day,
            after=after,
            count=lambda: context.count_assignments_of_body(key, which),
        )

    @classmethod
    def of(cls, row: BodyRow, day: dt.date) -> Self:
        """Show a body as it is on a day."""
        return cls(
            id=encode(IdKind.BODY, row.row_id),
            row=row,
            day=day,
            kind=BodyKind(row.kind),
            key=row.key,
            name=row.name,
            profession=row.profession,
            skills=list(row.skills),
        )


@strawberry.type(description="A body carries a duty on a unit, from one day to another.")
class Assignment(Node):
    row: strawberry.Private[AssignmentRow]
    day: strawberry.Private[dt.date]
    state: strawberry.Private[State | None]
    since: dt.date = strawberry.field(description="The first day on which it holds.")
    until: dt.date | None = strawberry.field(
        description=(
            "The first day on which it holds no more; null where none is known. The same as "
            "`since`: it was a mistake and never held."
        )
    )
    post: str | None = strawberry.field(description="Key of the post; null for none.")
    change: int = strawberry.field(
        description="Grows with every change of any assignment: the number of this one's last."
    )

    @strawberry.field(description="The kind of duty.")
    async def duty(self, info: Info) -> Duty:
        info.context.spend()
        return Duty.of(await info.context.duty(self.row.duty))

    @strawberry.field(description="Who carries it.")
    async def body(self, info: Info) -> Body:
        body = await body_of(info, self.row.body, self.day)
        if body is None:
            raise LookupError(f"assignment {self.row.id} lost its body")
        return body

    @strawberry.field(
        description="The unit that it is carried on; null where that stands no more on the day."
    )
    async def unit(self, info: Info) -> Unit | None:
        if self.state is not None:
            return await unit_of(info, self.state, self.row.level, self.row.code)
        return await _unit_on(info, self.day, self.row.level, self.row.code)

    @classmethod
    def of(cls, row: AssignmentRow, day: dt.date, state: State | None = None) -> Self:
        """Show an assignment on a day; its unit in the edition of the day, or in ``state``."""
        return cls(
            id=encode(IdKind.ASSIGNMENT, row.id),
            row=row,
            day=day,
            state=state,
            since=row.since,
            until=row.until,
            post=row.post,
            change=row.changed,
        )


async def body_of(info: Info, key: str, day: dt.date) -> Body | None:
    """Show the body of a key as it is on a day."""
    info.context.spend()
    row = await info.context.body(key, day)
    return Body.of(row, day) if row is not None else None


async def _unit_on(info: Info, day: dt.date, level: str, code: str | None) -> Unit | None:
    edition = await info.context.reading.edition_or_none(day)
    if edition is None:
        return None
    return await unit_of(info, State(edition.number), level, code)


@strawberry.type(description="A body in a list.")
class BodyEdge:
    node: Body = strawberry.field(description="The body.")
    cursor: str = strawberry.field(description="Its place in the list, for `after`.")


@strawberry.type(description="A page of bodies, by key.")
class BodyConnection:
    page: strawberry.Private[Page[BodyRow]]
    day: strawberry.Private[dt.date]
    after: strawberry.Private[str | None]
    count: strawberry.Private[Callable[[], Awaitable[int]]]

    @strawberry.field(description="The bodies with their cursors.")
    def edges(self, info: Info) -> list[BodyEdge]:
        info.context.spend(len(self.page.rows))
        return [
            BodyEdge(node=Body.of(row, self.day), cursor=_cursor(row)) for row in self.page.rows
        ]

    @strawberry.field(description="The bodies.")
    def nodes(self, info: Info) -> list[Body]:
        info.context.spend(len(self.page.rows))
        return [Body.of(row, self.day) for row in self.page.rows]

    @strawberry.field(description="Where the page lies in the list.")
    def page_info(self) -> PageInfo:
        rows = self.page.rows
        ends = [rows[0], rows[-1]] if rows else []
        return PageInfo.of([_cursor(row) for row in ends], more=self.page.more, after=self.after)

    @strawberry.field(description=TOTAL)
    async def total_count(self) -> int:
        return await self.count()


def _cursor(row: BodyRow) -> str:
    return encode_cursor(CURSOR, row.key)


@strawberry.type(description="An assignment in a list.")
class AssignmentEdge:
    node: Assignment = strawberry.field(description="The assignment.")
    cursor: str = strawberry.field(description="Its place in the list, for `after`.")


@strawberry.type(
    description=(
        "A page of assignments, by the duty's key, the unit's level and code, and the first day, "
        f"where nothing else is said. {HIDDEN}"
    )
)
class AssignmentConnection:
    page: strawberry.Private[Page[AssignmentRow]]
    day: strawberry.Private[dt.date]
    after: strawberry.Private[str | None]
    count: strawberry.Private[Callable[[], Awaitable[int]]]
    state: strawberry.Private[State | None] = None
    """What units are seen in, where that is not the edition of the day."""
    cursor: strawberry.Private[Callable[[AssignmentRow], str]] = cursor_of

    @strawberry.field(description="The assignments with their cursors.")
    def edges(self, info: Info) -> list[AssignmentEdge]:
        info.context.spend(len(self.page.rows))
        return [
            AssignmentEdge(node=Assignment.of(row, self.day, self.state), cursor=self.cursor(row))
            for row in self.page.rows
        ]

    @strawberry.field(description="The assignments.")
    def nodes(self, info: Info) -> list[Assignment]:
        info.context.spend(len(self.page.rows))
        return [Assignment.of(row, self.day, self.state) for row in self.page.rows]

    @strawberry.field(description="Where the page lies in the list.")
    def page_info(self) -> PageInfo:
        rows = self.page.rows
        ends = [rows[0], rows[-1]] if rows else []
        return PageInfo.of(
            [self.cursor(row) for row in ends], more=self.page.more, after=self.after
        )

    @strawberry.field(
        description=(
            "How many there are in all pages together, those that the asker may not see, too; "
            "counted by a statement of its own."
        )
    )
    async def total_count(self) -> int:
        return await self.count()


async def assignments_on(
    info: Info,
    unit: UnitRow,
    state: State,
    *,
    duty: str | None,
    post: str | None,
    as_of: dt.date | None,
    history: bool,
    first: int | None,
    after: str | None,
) -> AssignmentConnection:
    """Show a page of what is carried on a unit, on the day that the question is about."""
    context = info.context
    context.spend()
    size, place = page_size(first, 100), place_of(after)
    day = as_of or asked_day(info) or await day_of(context.reading, state)
    which = await filter_of(context.reading, day, duty=duty, post=post, history=history)
    name = (unit.level, unit.code)
    page: Page[AssignmentRow] = Page([], more=False)
    if page_asked(info):
        page = await context.assignments_of_unit(name, which, first=size, after=place)
    return AssignmentConnection(
        page=page,
        day=day,
        after=after,
        count=lambda: context.count_assignments_of_unit(name, which),
        state=state if as_of is None else None,
    )
