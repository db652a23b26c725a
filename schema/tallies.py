"""How many live somewhere."""

from __future__ import annotations

from collections.abc import Collection
from typing import Self

import strawberry

from geo.headcount import Count
from resolvers.small_groups import shown_groups
from schema.request import Info
from schema.units import GroupCount


@strawberry.type(description="How many live at a set of addresses, each counted once.")
class Tally:
    count: strawberry.Private[Count]
    telling: strawberry.Private[Collection[str]]
    chosen: strawberry.Private[bool]
    addresses: int = strawberry.field(description="Addresses.")
    households: int = strawberry.field(description="Households.")
    people: int = strawberry.field(description="People.")

    @strawberry.field(
        description=(
            "People by group, by the group's key. Only editors are told of groups of fewer than "
            "three at a single address, also where that would follow from the others, and of any "
            "groups in circles around a point, or of a walk that is chosen to the metre."
        )
    )
    def groups(self, info: Info) -> list[GroupCount]:
        if self.addresses == 1 or self.telling or self.chosen:
            # graphql-core waits for what must be waited for; a list has hundreds that need not
            return self._of_one(info)  # type: ignore[return-value]
        return _listed(self.count.groups)

    async def _of_one(self, info: Info) -> list[GroupCount]:
        context = info.context.reading
        told = await shown_groups(context, self.count, self.telling, chosen=self.chosen)
        return _listed(told)

    @classmethod
    def of(cls, count: Count, telling: Collection[str] = (), *, chosen: bool = False) -> Self:
        """Show a count, but for groups that would tell of a home; see ``small_groups``."""
        return cls(
            count=count,
            telling=telling,
            chosen=chosen,
            addresses=count.addresses,
            households=count.households,
            people=count.people,
        )


def _listed(groups: dict[str, int]) -> list[GroupCount]:
    return [GroupCount(group=key, people=groups[key]) for key in sorted(groups)]
