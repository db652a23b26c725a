"""What is told as it happens."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated

import strawberry

from resolvers import assigned, events, import_progress
from resolvers.assigned import Interest
from schema.arguments import AnyLevelKey, UnitRefInput, plain_ref
from schema.drafts import Draft
from schema.duties import Assignment
from schema.editions import Edition
from schema.request import Info


@strawberry.type(description="How far an import has come.")
class Progress:
    number: strawberry.Private[int | None]
    stage: str = strawberry.field(
        description=(
            "waiting (for its turn), reading, checking or storing; storing is the last, and is "
            "over when there is a draft."
        )
    )
    done: int = strawberry.field(description="How many features this stage is done with.")
    total: int = strawberry.field(description="Of how many; 0 while that is not known.")

    @strawberry.field(description="The draft, at the end; null until then.")
    async def draft(self, info: Info) -> Draft | None:
        if self.number is None:
            return None
        info.context.spend()
        row = await info.context.draft(self.number)
        return Draft.of(row) if row is not None else None


@strawberry.type(description="Everything that is told as it happens, over a WebSocket.")
class Subscription:
    @strawberry.subscription(
        description=(
            "How far an import has come: the present state first, then each step, and the draft at "
            "the end. An import that fails ends it with its error. It may be asked for before the "
            "import begins (within an hour) and up to a day after it has ended. For the key that "
            "sent the file, and for admins of its ground."
        )
    )
    async def import_progress(
        self,
        info: Info,
        ticket: Annotated[
            strawberry.ID,
            strawberry.argument(description="The name that importBoundaries was given."),
        ],
    ) -> AsyncGenerator[Progress, None]:
        context = info.context
        steps = import_progress.follow(context.begin, context.listening(), ticket)
        async with aclosing(steps):
            async for step in steps:
                yield Progress(
                    number=step.draft, stage=step.stage, done=step.done, total=step.total
                )

    @strawberry.subscription(
        description=(
            "Every edition from now on, in order and each once. To lose none over a reconnect, "
            "give the number of the last one that arrived as `since`."
        )
    )
    async def published(
        self,
        info: Info,
        level: AnyLevelKey = None,
        since: Annotated[
            int | None,
            strawberry.argument(
                description="First those after this number, 0 for all; null: only new ones."
            ),
        ] = None,
    ) -> AsyncGenerator[Edition, None]:
        context = info.context
        rows = events.published(context.begin, context.listening(), level=level, since=since)
        async with aclosing(rows):
            async for row in rows:
                yield Edition.of(row)

    @strawberry.subscription(
        description=(
            "Every assignment that is begun, changed or ended from now on, as it is then, in the "
            "order in which that was done; one that changes twice in a moment may come once. "
            "Readers are told of public duties, editors also of others on their ground. To lose "
            "none over a reconnect, give the `change` of the last one that arrived as `since`."
        )
    )
    async def assigned(
        self,
        info: Info,
        within: Annotated[
            UnitRefInput | None,
            strawberry.argument(
                description="Only those on this unit, which stands today, and all below it."
            ),
        ] = None,
        duty: Annotated[
            str | None, strawberry.argument(description="Only those of this duty.")
        ] = None,
        since: Annotated[
            int | None,
            strawberry.argument(
                description="First those changed after this number, 0 for all; null: only new ones."
            ),
        ] = None,
    ) -> AsyncGenerator[Assignment, None]:
        context = info.context
        which = Interest(plain_ref(within), duty)
        rows = assigned.assigned(context.begin, context.listening(), which, since=since)
        async with aclosing(rows):
            async for row in rows:
                yield Assignment.of(row, max(row.since, context.reading.today))
