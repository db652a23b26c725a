"""The root fields of circles."""

from __future__ import annotations

from typing import Annotated

import strawberry

from resolvers.circles import circle_at
from resolvers.nearest_facilities import nearest_facilities
from resolvers.paging import page_size
from resolvers.walks import PRESETS
from schema.arguments import AsOf, First, PointInput, UnitRefInput, plain_ref
from schema.circles import (
    CIRCLE_COST,
    Circle,
    CircleCoverage,
    Walked,
    circle_drawn,
    coverage_of,
)
from schema.guard import root
from schema.request import Info
from schema.walks import AskedWalk, WalkInput, WalkPreset, plain_walk

HERE = Annotated[
    PointInput, strawberry.argument(description="Longitude, latitude and their datum.")
]


@strawberry.type
class CircleQueries:
    """Mixed into the root type."""

    @root(
        "What can be walked to from a point, and who lives there. A point in a compound with gates "
        "goes by its gates."
    )
    async def circle_at(self, info: Info, point: HERE, walk: AskedWalk = None) -> Circle | None:
        info.context.spend(CIRCLE_COST)
        row = await circle_at(
            info.context.reading, point.plain(), plain_walk(walk), drawn=circle_drawn(info)
        )
        return Circle.of(row, None, chosen=True)

    @root(
        "Who is inside the circles of the facilities of some kinds, each counted once however many "
        "circles overlap. With ownLevel an address is judged only by facilities in its own unit of "
        "that level: its own community's centre."
    )
    async def circle_coverage(
        self,
        info: Info,
        *,
        kinds: Annotated[
            list[str],
            strawberry.argument(
                description="Keys of kinds; all their facilities of the day count."
            ),
        ],
        within: Annotated[
            UnitRefInput | None,
            strawberry.argument(description="Only who lives in this unit, of a level of any kind."),
        ] = None,
        walk: AskedWalk = None,
        own_level: Annotated[
            str | None,
            strawberry.argument(
                description="Key of a level on which home and facility must be in the same unit."
            ),
        ] = None,
        as_of: AsOf = None,
    ) -> CircleCoverage | None:
        return await coverage_of(
            info,
            kinds,
            within=plain_ref(within),
            walk=plain_walk(walk),
            own_level=own_level,
            day=as_of,
        )

    @root(
        "The facilities that are the nearest on foot, nearest first; empty where no street is "
        "within 500 m. 1 to 1000."
    )
    async def nearest(
        self,
        info: Info,
        point: HERE,
        kind: Annotated[
            str | None, strawberry.argument(description="Key of a kind; null for all.")
        ] = None,
        first: First = 5,
        walk: Annotated[
            WalkInput | None,
            strawberry.argument(
                description=(
                    "How fast, and along what; with minutes or metres none is farther than that."
                )
            ),
        ] = None,
    ) -> list[Walked] | None:
        rows = await nearest_facilities(
            info.context.reading,
            point.plain(),
            kind=kind,
            first=page_size(first, 5),
            walk=plain_walk(walk),
        )
        info.context.spend(CIRCLE_COST + len(rows))
        return [Walked.of(row) for row in rows]

    @root(
        "Walks that have a name: the 5, 10 and 15 minutes of GB 50180. What is inside a shorter "
        "one is not counted into a longer one."
    )
    async def walk_presets(self) -> list[WalkPreset]:
        return [WalkPreset.of(preset) for preset in PRESETS]
