"""Levels: the ranks of the hierarchy."""

from __future__ import annotations

from typing import Self

import strawberry

from geo.levels import LevelSpec
from resolvers.children import unit_counts
from resolvers.context import State
from schema.enums import Tiling
from schema.request import Info


@strawberry.type(
    description=(
        "One rank of the hierarchy, e.g. district > subdistrict > community > grid; compound hangs "
        "under community. Levels form a tree, so several partitions of the same ground (grid, "
        "police_grid) stand side by side."
    )
)
class Level:
    spec: strawberry.Private[LevelSpec]
    state: strawberry.Private[State]
    key: str = strawberry.field(description="Its name in arguments, e.g. grid.")
    name: str = strawberry.field(description="Its name for people, e.g. 网格.")

    @strawberry.field(description="What its units owe their parents.")
    def tiling(self) -> Tiling:
        return Tiling(self.spec.tiling.value)

    @strawberry.field(description="The level above; null for the topmost.")
    async def parent(self, info: Info) -> Level | None:
        info.context.spend()
        above = (await info.context.reading.tree()).parent(self.key)
        return Level.of(above, self.state) if above else None

    @strawberry.field(description="The levels right below, by rank.")
    async def children(self, info: Info) -> list[Level]:
        below = (await info.context.reading.tree()).children(self.key)
        info.context.spend(len(below))
        return [Level.of(spec, self.state) for spec in below]

    @strawberry.field(description="How many units of it stand in the edition, or in the draft.")
    async def unit_count(self, info: Info) -> int:
        reading = info.context.reading
        counts = await reading.once(
            ("counts", self.state), lambda: unit_counts(reading, self.state)
        )
        return counts.get(self.key, 0)

    @classmethod
    def of(cls, spec: LevelSpec, state: State) -> Self:
        """Show a level as it is in an edition or draft."""
        return cls(spec=spec, state=state, key=spec.key, name=spec.name)


async def level_of(info: Info, key: str, state: State) -> Level:
    """Show the level of a key."""
    info.context.spend()
    return Level.of((await info.context.reading.tree()).get(key), state)
