"""The root fields of duties, bodies and assignments."""

from __future__ import annotations

from typing import Annotated

import strawberry

from resolvers import bodies, cross_appointment, duties, duty_coverage
from resolvers.bodies import CURSOR, BodyQuestion
from resolvers.paging import Page, decode_cursor, page_size
from schema.arguments import After, AsOf, First, UnitRefInput, Within, plain_ref
from schema.duties import Body, BodyConnection, Duty
from schema.duty_shares import CrossAppointment, DutyCoverage
from schema.enums import BodyKind
from schema.guard import root
from schema.lookahead import page_asked
from schema.request import Info
from storage.bodies import BodyRow


@strawberry.type
class DutyQueries:
    """Mixed into the root type."""

    @root("All kinds of duties, by key.")
    async def duties(self, info: Info) -> list[Duty]:
        rows = await duties.by_key(info.context.reading)
        info.context.spend(len(rows))
        return [Duty.of(row) for row in rows.values()]

    @root("A person or an organisation, as it is today; null where there is none of that key.")
    async def body(
        self,
        info: Info,
        key: Annotated[str, strawberry.argument(description="Key of a body.")],
    ) -> Body | None:
        context = info.context.reading
        row = await bodies.one(context, key)
        return Body.of(row, context.today) if row is not None else None

    @root(
        "The people and organisations that fulfil everything that is given, by key; 1 to 1000 a "
        "page. Nothing that the asker may not know decides: no hidden name, no home, and no "
        "assignment that is not shown."
    )
    async def bodies(
        self,
        info: Info,
        *,
        kind: Annotated[
            BodyKind | None, strawberry.argument(description="Only people, or organisations.")
        ] = None,
        profession: Annotated[
            str | None,
            strawberry.argument(
                description="Only of this profession; of organisations: of this kind."
            ),
        ] = None,
        search: Annotated[
            str | None,
            strawberry.argument(
                description=(
                    "A part of the key, or of the name or its pinyin where the asker may know it."
                )
            ),
        ] = None,
        duty: Annotated[
            str | None,
            strawberry.argument(description="Only those that carry this duty on the day."),
        ] = None,
        post: Annotated[
            str | None,
            strawberry.argument(
                description="Only those at this post on the day; with `duty`, of that one."
            ),
        ] = None,
        within: Annotated[
            UnitRefInput | None,
            strawberry.argument(
                description=(
                    "With `duty` or `post`: only those that carry it on this unit or one below "
                    "it. Else: only those that carry something there, or live there, which is "
                    "told of homes on the asker's own ground."
                )
            ),
        ] = None,
        member_of: Annotated[
            str | None,
            strawberry.argument(description="Only those that belong to the body of this key."),
        ] = None,
        as_of: AsOf = None,
        first: First = 100,
        after: After = None,
    ) -> BodyConnection | None:
        context = info.context.reading
        size = page_size(first, 100)
        place = str(decode_cursor(after, CURSOR, str)[0]) if after is not None else None
        day = as_of or context.today
        question = BodyQuestion(
            kind=kind.value if kind is not None else None,
            profession=profession,
            search=search,
            duty=duty,
            post=post,
            within=plain_ref(within),
            member_of=member_of,
        )
        which = await bodies.filter_of(context, question, day)
        page: Page[BodyRow] = Page([], more=False)
        if page_asked(info):
            page = await bodies.page(context, which, first=size, after=place)
        return BodyConnection(
            page=page, day=day, after=after, count=lambda: bodies.count(context, which)
        )

    @root(
        "Which units of a level have the holders that a duty asks for. `within` keeps those below "
        "that unit, or that unit itself."
    )
    async def duty_coverage(
        self,
        info: Info,
        *,
        duty: Annotated[str, strawberry.argument(description="Key of the duty.")],
        level: Annotated[
            str | None,
            strawberry.argument(
                description="Key of a level that it may be carried on; by default its own."
            ),
        ] = None,
        post: Annotated[
            str | None,
            strawberry.argument(
                description="Key of a post: a unit is covered that has a holder of it."
            ),
        ] = None,
        within: Within = None,
        as_of: AsOf = None,
    ) -> DutyCoverage | None:
        row = await duty_coverage.coverage(
            info.context.reading,
            duty,
            level=level,
            post=post,
            within=plain_ref(within),
            as_of=as_of,
        )
        return DutyCoverage.of(row)

    @root(
        "On how many units one body holds all of some duties, of those where somebody holds the "
        "first. `within` keeps the units below that one, or that one itself. With a duty that is "
        "not public, for editors of that ground."
    )
    async def cross_appointment(
        self,
        info: Info,
        duties: Annotated[
            list[str],
            strawberry.argument(description="Keys of 2 to 10 different duties; the first counts."),
        ],
        level: Annotated[
            str | None,
            strawberry.argument(
                description=(
                    "Key of a level that all of them may be carried on; by default the first "
                    "one's own, or else the topmost that they have in common."
                )
            ),
        ] = None,
        within: Within = None,
        as_of: AsOf = None,
    ) -> CrossAppointment | None:
        row = await cross_appointment.cross_appointment(
            info.context.reading, duties, level=level, within=plain_ref(within), as_of=as_of
        )
        return CrossAppointment(row=row)
