"""What lists and identified things have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import strawberry

if TYPE_CHECKING:
    from collections.abc import Sequence

TOTAL = "How many there are in all pages together; counted by a statement of its own."


@strawberry.interface(description="A thing with a global id.")
class Node:
    id: strawberry.ID = strawberry.field(description="Opaque; `node` finds the thing again.")


@strawberry.type(description="Where a page lies in its list.")
class PageInfo:
    has_next_page: bool = strawberry.field(description="Whether the list goes on after the page.")
    has_previous_page: bool = strawberry.field(description="Whether it begins before the page.")
    start_cursor: str | None = strawberry.field(description="Cursor of the first; null if none.")
    end_cursor: str | None = strawberry.field(
        description="Cursor of the last, for `after` of the next page; null if none."
    )

    @classmethod
    def of(cls, cursors: Sequence[str], *, more: bool, after: str | None) -> Self:
        """Describe a page by the cursors of its first and last."""
        return cls(
            has_next_page=more,
            has_previous_page=after is not None,
            start_cursor=cursors[0] if cursors else None,
            end_cursor=cursors[-1] if cursors else None,
        )
