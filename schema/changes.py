"""What an edition, a draft or a pair of editions changes, in units and in consequences."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, Annotated, Self, TypeVar

import strawberry

from geo import changes_told as changes
from resolvers.context import State
from resolvers.paging import Page, decode_cursor, encode_cursor, page_size
from schema.arguments import After, First
from schema.common import PageInfo
from schema.duties import AssignmentConnection
from schema.enums import ChangeKind
from schema.levels import Level, level_of
from schema.lookahead import unit_wanted
from schema.movements import MOVEMENT, MovementConnection, States
from schema.orphans import Behind, OrphanConnection, orphaned, orphans_left
from schema.request import Info
from schema.units import Unit

if TYPE_CHECKING:
    from collections.abc import Sequence

T = TypeVar("T")

CHANGE = "change"


@strawberry.type(description="One unit that changes. A recoded one is told under its new code.")
class Change:
    row: strawberry.Private[changes.Change]
    states: strawberry.Private[States]
    kinds: list[ChangeKind] = strawberry.field(description="In what ways; at least one.")
    code: str = strawberry.field(description="The code that it has, or had where it is removed.")
    moved_m2: float = strawberry.field(
        description="Land that only one of `before` and `after` has, in square metres."
    )

    @strawberry.field(
        description="REATTRIBUTED: the columns that changed, `parent` where the parent did."
    )
    def columns(self) -> list[str]:
        return list(self.row.columns)

    @strawberry.field(description="Its level.")
    async def level(self, info: Info) -> Level:
        state = self.states.after or self.states.before or State(None)
        return await level_of(info, self.states.level, state)

    @strawberry.field(description="The unit before, under the code of then; null: added.")
    async def before(self, info: Info) -> Unit | None:
        label = self.row.before
        return await self.states.unit(info, label.code if label else None, earlier=True)

    @strawberry.field(description="The unit after; null: removed.")
    async def after(self, info: Info) -> Unit | None:
        label = self.row.after
        return await self.states.unit(info, label.code if label else None, earlier=False)

    @strawberry.field(
        description=(
            "SPLIT: the units after that it became; MERGED: the units before that it is made of. "
            "By code; else none."
        )
    )
    async def parts(self, info: Info) -> list[Unit]:
        wanted = unit_wanted(info)
        found: list[Unit] = []
        for labels, state in (
            (self.row.split_into, self.states.after),
            (self.row.merged_from, self.states.before),
        ):
            if state is None:
                continue
            rows = [
                info.context.unit(state, self.states.level, label.code, wanted) for label in labels
            ]
            info.context.spend(len(rows))
            found += [Unit.of(row, state) for one in rows if (row := await one) is not None]
        return found

    @classmethod
    def of(cls, row: changes.Change, states: States) -> Self:
        """Show a change."""
        return cls(
            row=row,
            states=states,
            kinds=[ChangeKind(kind.value) for kind in row.kinds],
            code=row.code,
            moved_m2=row.moved_m2,
        )


@strawberry.type(description="A change in a list.")
class ChangeEdge:
    node: Change = strawberry.field(description="The change.")
    cursor: str = strawberry.field(description="Its place in the list, for `after`.")


@strawberry.type(description="A page of changes, by code.")
class ChangeConnection:
    page: strawberry.Private[Page[changes.Change]]
    states: strawberry.Private[States]
    after: strawberry.Private[str | None]
    total_count: int = strawberry.field(description="How many there are in all pages together.")

    @strawberry.field(description="The changes with their cursors.")
    def edges(self, info: Info) -> list[ChangeEdge]:
        info.context.spend(len(self.page.rows))
        return [
            ChangeEdge(node=Change.of(row, self.states), cursor=_change_cursor(row))
            for row in self.page.rows
        ]

    @strawberry.field(description="The changes.")
    def nodes(self, info: Info) -> list[Change]:
        info.context.spend(len(self.page.rows))
        return [Change.of(row, self.states) for row in self.page.rows]

    @strawberry.field(description="Where the page lies in the list.")
    def page_info(self) -> PageInfo:
        cursors = [_change_cursor(row) for row in self.page.rows]
        return PageInfo.of(cursors, more=self.page.more, after=self.after)


Kinds = Annotated[
    list[ChangeKind] | None,
    strawberry.argument(description="Only units that change in one of these ways."),
]


@strawberry.type(
    description=(
        "What an edition, a draft or a pair of editions changes, in units and in consequences. A "
        "unit that changes in two ways counts in both. Units are told apart by their land: one "
        "whose boundary moved by no more than 20 mm has the same land, and one with four fifths of "
        "another's land, and the other of its, goes on as that one under another code."
    )
)
class ChangeSummary:
    found: strawberry.Private[changes.ChangeSet]
    published: strawberry.Private[int | None]
    states: strawberry.Private[States]
    added: int = strawberry.field(description="Units that continue none of before.")
    removed: int = strawberry.field(description="Units that none continues.")
    redrawn: int = strawberry.field(
        description="Units whose boundary moved by more than 20 mm; nodes do not count."
    )
    renamed: int = strawberry.field(description="Units with another name.")
    recoded: int = strawberry.field(
        description="Units with another code on the same or nearly the same land."
    )
    reattributed: int = strawberry.field(
        description="Units with another parent, or another value in one of their other columns."
    )
    split: int = strawberry.field(
        description="Units that became several, one of which may keep the code."
    )
    merged: int = strawberry.field(
        description="Units made of several, one of which may have had the code."
    )
    unchanged: int = strawberry.field(description="Units that stand in both as they are.")
    households_moved: int = strawberry.field(
        description=(
            "Households whose unit of the level changes, literally: also where just its code "
            "does. None where no unit stood before."
        )
    )

    @strawberry.field(
        description="Households and land that change their unit, most households first; 1 to 1000."
    )
    def movements(self, info: Info, first: First = 100, after: After = None) -> MovementConnection:
        info.context.spend()
        rows = self.found.movements
        begin = 0
        if after is not None:
            households, area_m2, giver, taker = decode_cursor(after, MOVEMENT, int, float, str, str)
            here = -int(households), -float(area_m2), str(giver).encode(), str(taker).encode()
            begin = bisect_right(rows, here, key=lambda row: row.place)
        page = _cut(rows, begin, page_size(first, 100))
        return MovementConnection(page=page, states=self.states, after=after, total_count=len(rows))

    @strawberry.field(
        description=(
            "Assignments that would be left on a unit that no longer stands, and those to come on "
            "it, by the unit's code and the duty's key; 1 to 1000 a page. Of an edition: those "
            "that hold on any day from its first on, until the code stands again. They stay as "
            "they are until somebody ends them; units are told as they stood before."
        )
    )
    async def orphaned_assignments(
        self, info: Info, first: First = 100, after: After = None
    ) -> AssignmentConnection:
        return await orphaned(info, self._behind, first=first, after=after)

    @strawberry.field(
        description="The same assignments, each with the units that may take it over."
    )
    async def orphans(
        self, info: Info, first: First = 100, after: After = None
    ) -> OrphanConnection:
        return await orphans_left(info, self._behind, first=first, after=after)

    @property
    def _behind(self) -> Behind:
        return Behind(self.found, self.states.before, self.states.after, self.published)

    @strawberry.field(description="The units that change, by code; 1 to 1000 a page.")
    def items(
        self, info: Info, kinds: Kinds = None, first: First = 100, after: After = None
    ) -> ChangeConnection:
        info.context.spend()
        rows: Sequence[changes.Change] = self.found.changes
        if kinds is not None:
            wanted = {kind.value for kind in kinds}
            rows = [row for row in rows if not wanted.isdisjoint(row.kinds)]
        begin = 0
        if after is not None:
            code, former = decode_cursor(after, CHANGE, str, str)
            here = str(code).encode(), str(former).encode()
            begin = bisect_right(rows, here, key=lambda row: row.place)
        page = _cut(rows, begin, page_size(first, 100))
        return ChangeConnection(page=page, states=self.states, after=after, total_count=len(rows))

    @classmethod
    def of(
        cls,
        found: changes.ChangeSet,
        before: State | None,
        after: State | None,
        published: int | None = None,
    ) -> Self:
        """Show what changes.

        Parameters
        ----------
        before, after
            What the units are seen in; None where nothing stood.
        published
            The edition that a draft became.
        """
        counts = {kind.value.lower(): found.count(kind) for kind in changes.ChangeKind}
        return cls(
            found=found,
            published=published,
            states=States(found.level, before, after),
            unchanged=found.unchanged,
            households_moved=found.households_moved,
            **counts,
        )


def _cut(rows: Sequence[T], begin: int, first: int) -> Page[T]:
    return Page(rows[begin : begin + first], more=len(rows) > begin + first)


def _change_cursor(row: changes.Change) -> str:
    return encode_cursor(CHANGE, row.code, row.before.code if row.before else "")
