"""How many live somewhere."""

from __future__ import annotations

from typing import Self

import strawberry

from geo.headcount import Count
from resolvers.small_groups import shown_groups
from schema.request import Info
from schema.units import GroupCount


@strawberry.type(description="How many live at a set of addresses, each counted once.")
class Tally:
    count: strawberry.Private[Count]
    addresses: int = strawberry.field(description="Addresses.")
    households: int = strawberry.field(description="Households.")
    people: int = strawberry.field(description="People.")

    @strawberry.field(
        description=(
            "People by group, by the group's key. Of a single address only editors are told of "
            "groups of fewer than three."
        )
    )
    async def groups(self, info: Info) -> list[GroupCount]:
        groups = await shown_groups(info.context.reading, self.count)
        return [GroupCount(group=key, people=groups[key]) for key in sorted(groups)]

    @classmethod
    def of(cls, count: Count) -> Self:
        """Show a count."""
        return cls(
            count=count,
            addresses=count.addresses,
            households=count.households,
            people=count.people,
        )
