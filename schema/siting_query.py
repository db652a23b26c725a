"""The root field of siting."""

from __future__ import annotations

from typing import Annotated

import strawberry

from resolvers.siting import SitingAsked, siting_for
from schema.arguments import AsOf, PointInput, UnitRefInput
from schema.guard import root
from schema.request import Info
from schema.siting import SITING_COST, SitingPlan
from schema.walks import AskedWalk, plain_walk


@strawberry.type
class SitingQueries:
    @root(
        "The `count` sites (5 unless told otherwise) that bring most uncovered households (or "
        "people of a group) inside, or as few as `share` needs. Facilities of the kinds that "
        "stand already count, those outside `within`, too. Sites never lie on land outside "
        "`within`. Sought for a few seconds: `bound` says how good the plan is at least."
    )
    async def siting(
        self,
        info: Info,
        *,
        kinds: Annotated[
            list[str], strawberry.argument(description="Keys of kinds of facilities.")
        ],
        within: Annotated[
            UnitRefInput,
            strawberry.argument(
                description="Whose households count, and on whose land the sites are; any level."
            ),
        ],
        walk: AskedWalk = None,
        count: Annotated[
            int | None, strawberry.argument(description="How many sites: 1 to 200. Not with share.")
        ] = None,
        share: Annotated[
            float | None,
            strawberry.argument(
                description="Share that is to be inside: above 0, to 1. Not with count."
            ),
        ] = None,
        group: Annotated[
            str | None,
            strawberry.argument(
                description=(
                    "Key of a group of people, e.g. elder_alone, for editors; null for households."
                )
            ),
        ] = None,
        candidates: Annotated[
            list[PointInput] | None,
            strawberry.argument(
                description=(
                    "Where sites may be: 1 to 2000 places in `within`. Null for the gates of "
                    "compounds, all facilities, the street crossings there and a place each 250 m "
                    "on longer streets; without streets for homes in place of crossings."
                )
            ),
        ] = None,
        as_of: AsOf = None,
    ) -> SitingPlan | None:
        info.context.spend(SITING_COST)
        asked = SitingAsked(
            kinds=kinds,
            within=within.plain(),
            walk=plain_walk(walk),
            count=count,
            share=share,
            group=group,
            candidates=[point.plain() for point in candidates] if candidates is not None else None,
            day=as_of,
        )
        return SitingPlan.of(await siting_for(info.context.reading, asked))
