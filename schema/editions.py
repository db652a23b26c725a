"""Editions: numbered, published states."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Self

import strawberry

from resolvers import reading
from resolvers.changes import Between, level_of_edition
from resolvers.context import State
from resolvers.paging import Page, encode_cursor
from schema.common import TOTAL, Node, PageInfo
from schema.ids import IdKind, encode
from schema.levels import Level
from schema.request import Info
from storage.editions import EditionRow

if TYPE_CHECKING:
    from schema.changes import ChangeSummary

CURSOR = "edition"


@strawberry.type(description="A numbered, immutable published state of all levels.")
class Edition(Node):
    number: int = strawberry.field(description="1, 2, 3 …, in the order of publishing.")
    effective_on: dt.date = strawberry.field(description="The first day on which it is in force.")
    published_at: dt.datetime = strawberry.field(description="When it was published.")
    published_by: str = strawberry.field(description="Name of the key, or of the account.")
    note: str = strawberry.field(description="What the publisher wrote about it; may be empty.")
    correction: bool = strawberry.field(
        description=(
            "True when it mends an earlier edition of the same effective day rather than recording "
            "a change of the ground."
        )
    )

    @strawberry.field(description="The levels that it changed, by rank.")
    async def levels(self, info: Info) -> list[Level]:
        keys = await info.context.levels_of_edition(self.number)
        specs = (await info.context.reading.tree()).specs
        info.context.spend(len(keys))
        return [Level.of(spec, State(self.number)) for spec in specs if spec.key in keys]

    @strawberry.field(
        description=(
            "What it changed, against the edition before; without a level, on the lowest tiling "
            "level that it changed. The first edition changed nothing into everything."
        )
    )
    async def changes(
        self,
        info: Info,
        level: Annotated[
            str | None, strawberry.argument(description="Key of a level, e.g. grid.")
        ] = None,
    ) -> Annotated[ChangeSummary, strawberry.lazy("schema.changes")]:
        # the types of changes hold units, and those hold editions
        from schema.changes import ChangeSummary  # noqa: PLC0415

        info.context.spend()
        tree = await info.context.reading.tree()
        if level is None:
            changed = await info.context.levels_of_edition(self.number)
            level = level_of_edition(tree, changed)
        key = tree.get(level).key
        found = await info.context.changes(Between(key, self.number - 1, self.number))
        before = State(self.number - 1) if self.number > 1 else None
        return ChangeSummary.of(found, before, State(self.number))

    @classmethod
    def of(cls, row: EditionRow) -> Self:
        """Show an edition."""
        return cls(
            id=encode(IdKind.EDITION, row.number),
            number=row.number,
            effective_on=row.effective_on,
            published_at=row.published_at,
            published_by=row.published_by,
            note=row.note,
            correction=row.correction,
        )


@strawberry.type(description="An edition in a list.")
class EditionEdge:
    node: Edition = strawberry.field(description="The edition.")
    cursor: str = strawberry.field(description="Its place in the list, for `after`.")


@strawberry.type(description="A page of editions, newest first.")
class EditionConnection:
    page: strawberry.Private[Page[EditionRow]]
    after: strawberry.Private[str | None]

    @strawberry.field(description="The editions with their cursors.")
    def edges(self, info: Info) -> list[EditionEdge]:
        info.context.spend(len(self.page.rows))
        return [
            EditionEdge(node=Edition.of(row), cursor=cursor)
            for row, cursor in zip(self.page.rows, self._cursors(), strict=True)
        ]

    @strawberry.field(description="The editions.")
    def nodes(self, info: Info) -> list[Edition]:
        info.context.spend(len(self.page.rows))
        return [Edition.of(row) for row in self.page.rows]

    @strawberry.field(description="Where the page lies in the list.")
    def page_info(self) -> PageInfo:
        return PageInfo.of(self._cursors(), more=self.page.more, after=self.after)

    @strawberry.field(description=TOTAL)
    async def total_count(self, info: Info) -> int:
        return await reading.count_editions(info.context.reading)

    def _cursors(self) -> Sequence[str]:
        return [encode_cursor(CURSOR, row.number) for row in self.page.rows]


async def edition_of(info: Info, number: int | None) -> Edition | None:
    """Show the edition of a number."""
    if number is None:
        return None
    info.context.spend()
    row = await info.context.edition(number)
    return Edition.of(row) if row else None
