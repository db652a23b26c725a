"""Where the next service points should go."""

from __future__ import annotations

from typing import Self

import strawberry

from resolvers.context import State
from resolvers.shapes import point_geojson
from resolvers.siting import SiteRow, SitingRow
from resolvers.siting_units import unit_codes
from schema.arguments import LevelKey, OfDatum, plain_datum
from schema.enums import Datum
from schema.lookahead import unit_wanted
from schema.request import Info
from schema.scalars import GeoJSON, as_json
from schema.tallies import Tally
from schema.units import Unit
from schema.walks import WalkUsed

SITING_COST = 40_000
"""Things that a plan counts for: it takes seconds."""


@strawberry.type(description="A place where a service point should go.")
class Site:
    row: strawberry.Private[SiteRow]
    plan: strawberry.Private[SitingRow]
    number: strawberry.Private[int]
    new_households: int = strawberry.field(
        description=(
            "Households that it brings inside beyond those before it; with `group` people of it."
        )
    )
    cumulative_share: float | None = strawberry.field(
        description="Share inside with it and those before it; null where there is nobody."
    )
    newcomers: Tally = strawberry.field(
        description="All whom it brings inside beyond those before it."
    )

    @strawberry.field(description="Where it is.")
    def location(self, datum: OfDatum = Datum.WGS84) -> GeoJSON:
        text = point_geojson((self.row.lon, self.row.lat), plain_datum(datum))
        return GeoJSON(as_json(text))

    @strawberry.field(
        description="The unit of a level of any kind that it is in; null where it is in none."
    )
    async def unit(self, info: Info, level: LevelKey) -> Unit | None:
        info.context.spend()
        codes = await unit_codes(info.context.reading, self.plan, level)
        code = codes[self.number]
        if code is None:
            return None
        state = State(self.plan.edition)
        found = await info.context.unit(state, level, code, unit_wanted(info))
        return Unit.of(found, state) if found else None


@strawberry.type(
    description=(
        "Where the next points should go. Nobody who is inside already is counted, and nobody is "
        "counted twice."
    )
)
class SitingPlan:
    row: strawberry.Private[SitingRow]
    walk: WalkUsed = strawberry.field(description="How it was walked.")
    share_before: float | None = strawberry.field(
        description=(
            "Share of the households of `within` (of the people of the group) that is inside "
            "without the sites; null where there is nobody."
        )
    )
    share_after: float | None = strawberry.field(
        description="That share with all sites: below the asked one where it cannot be reached."
    )
    households: int = strawberry.field(
        description=(
            "Households that all sites bring inside, each counted once; with `group` people of it."
        )
    )
    bound: int = strawberry.field(
        description=(
            "No plan of as many sites among the candidates brings more inside than this: the "
            "plan is at least as good as households / bound."
        )
    )
    optimal: bool = strawberry.field(
        description=(
            "Whether this plan is proven the best: for a count, that no other brings more inside; "
            "for a share, that fewer sites do not reach it (where it is out of reach, not as far)."
        )
    )
    least_sites: int | None = strawberry.field(
        description=(
            "For a share: it takes at least so many sites, whichever they are; null for a count."
        )
    )
    candidate_count: int = strawberry.field(description="Places that were looked at.")
    candidate_spacing_m: float | None = strawberry.field(
        description=(
            "They were thinned to one street crossing and one other place on a street (without "
            "streets: one home) in each square of this side, in metres; null where `candidates` "
            "were given."
        )
    )

    @strawberry.field(
        description="The sites; first those that bring most inside. None brings nobody."
    )
    def sites(self, info: Info) -> list[Site]:
        info.context.spend(len(self.row.sites))
        return [
            Site(
                row=row,
                plan=self.row,
                number=number,
                new_households=row.gain,
                cumulative_share=row.cumulative_share,
                newcomers=Tally.of(row.newcomers),
            )
            for number, row in enumerate(self.row.sites)
        ]

    @classmethod
    def of(cls, row: SitingRow) -> Self:
        """Show a plan."""
        return cls(
            row=row,
            walk=WalkUsed.of(row.walk),
            share_before=row.share_before,
            share_after=row.share_after,
            households=row.covered,
            bound=row.bound,
            optimal=row.optimal,
            least_sites=row.least,
            candidate_count=row.candidates,
            candidate_spacing_m=row.spacing_m,
        )
