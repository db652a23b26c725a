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
    def groups(self, info: Info) -> list[GroupCount]:
        if self.addresses == 1:
            # graphql-core waits for what must be waited for; a list has hundreds that need not
            return self._of_one(info)  # type: ignore[return-value]
        return _listed(self.count.groups)

    async def _of_one(self, info: Info) -> list[GroupCount]:
        return _listed(await shown_groups(info.context.reading, self.count))

    @classmethod
    def of(cls, count: Count) -> Self:
        """Show a count."""
        return cls(
            count=count,
            addresses=count.addresses,
            households=count.households,
            people=count.people,
        )


def _listed(groups: dict[str, int]) -> list[GroupCount]:
    return [GroupCount(group=key, people=groups[key]) for key in sorted(groups)]
