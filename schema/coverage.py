"""The four clauses of a level, and what was found against them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Self

import strawberry

from geo import findings
from resolvers import coverage_findings as reading
from resolvers.context import State
from resolvers.coverage_findings import FindingPlace
from resolvers.coverage_reading import ReportRow
from resolvers.drafts_reading import state_of
from resolvers.paging import Page, check_length, decode_cursor, encode_cursor, page_size
from schema.arguments import After, First
from schema.editions import Edition, edition_of
from schema.enums import CoverageRule, FindingKind, Severity
from schema.findings import FindingConnection
from schema.levels import Level, level_of
from schema.lookahead import asked, page_asked
from schema.request import Info
from schema.units import Unit, unit_of
from storage.drafts_reading import DraftRow
from storage.findings_reading import FindingFilter, FindingRow

if TYPE_CHECKING:
    from schema.drafts import Draft

EDITION_CURSOR = "edition finding"
DRAFT_CURSOR = "draft finding"


@strawberry.type(
    description=(
        "One clause. `required` is false where the level owes it to nobody (blank land between "
        "compounds): then it is reported, but does not make the level unclean."
    )
)
class Clause:
    rule: CoverageRule = strawberry.field(description="Which one.")
    required: bool = strawberry.field(description="Whether the level owes it.")
    holds: bool = strawberry.field(description="Whether it holds; waived findings do not break it.")
    finding_count: int = strawberry.field(description="How many findings break it, waived or not.")
    waived_count: int = strawberry.field(description="How many of those are waived.")

    @classmethod
    def of(cls, clause: findings.Clause) -> Self:
        """Show a clause."""
        return cls(
            rule=CoverageRule(clause.rule.value),
            required=clause.required,
            holds=clause.holds,
            finding_count=clause.finding_count,
            waived_count=clause.waived_count,
        )


@strawberry.type(description="How many households lie in one, no and several units.")
class HouseholdCover:
    total: int = strawberry.field(description="All households.")
    covered: int = strawberry.field(description="Households in a unit.")
    uncovered: int = strawberry.field(description="Households in no unit.")
    doubled: int = strawberry.field(description="Households in several units.")

    @classmethod
    def of(cls, cover: findings.HouseholdCover) -> Self:
        """Show the numbers."""
        return cls(**cover._asdict())


@strawberry.type(
    description=(
        "The four clauses of one level under one unit (or everywhere), proven on one edition or "
        "draft."
    )
)
class CoverageReport:
    row: strawberry.Private[ReportRow]
    state: strawberry.Private[State]
    draft_row: strawberry.Private[DraftRow | None]
    clean: bool = strawberry.field(
        description="All required clauses hold; waived findings do not count against it."
    )
    clauses: list[Clause] = strawberry.field(description="All four.")
    proven_parents: int = strawberry.field(
        description=(
            "Parents whose boundary equals the sum of their children's boundaries exactly; of a "
            "level that does not tile, those that no unit leaves and in which none overlap."
        )
    )
    parents: int = strawberry.field(description="Parents there are; the topmost has the outline.")
    area_m2: float = strawberry.field(description="Land of the parents, in square metres.")
    blank_m2: float = strawberry.field(description="Land in no unit, in square metres.")
    overlap_m2: float = strawberry.field(
        description="Land in several units, in square metres, counted once however many claim it."
    )
    outside_m2: float = strawberry.field(
        description="Land of units outside their parents, in square metres."
    )
    households: HouseholdCover = strawberry.field(description="Who is covered.")

    @strawberry.field(description="The level that was checked.")
    async def level(self, info: Info) -> Level:
        return await level_of(info, self.row.level, self.state)

    @strawberry.field(description="The unit that it was checked under; null: everywhere.")
    async def within(self, info: Info) -> Unit | None:
        within = self.row.within
        return await unit_of(info, self.state, *within) if within is not None else None

    @strawberry.field(description="The edition that it is proven on; null in a draft.")
    async def edition(self, info: Info) -> Edition | None:
        return await edition_of(info, self.row.edition)

    @strawberry.field(description="The draft that was checked; null for an edition.")
    def draft(self, info: Info) -> Annotated[Draft, strawberry.lazy("schema.drafts")] | None:
        from schema.drafts import Draft  # noqa: PLC0415 - each shows the other

        info.context.spend()
        return Draft.of(self.draft_row) if self.draft_row is not None else None

    @strawberry.field(description="What was found, largest first. 1 to 1000 a page.")
    async def findings(
        self,
        info: Info,
        *,
        kinds: Annotated[
            list[FindingKind] | None,
            strawberry.argument(description="Only of these kinds; null for all."),
        ] = None,
        rules: Annotated[
            list[CoverageRule] | None,
            strawberry.argument(description="Only against these clauses; null for all."),
        ] = None,
        min_area_m2: Annotated[
            float | None,
            strawberry.argument(description="Only with at least this land, in square metres."),
        ] = None,
        severity: Annotated[
            Severity | None, strawberry.argument(description="Only of this severity.")
        ] = None,
        waived: Annotated[
            bool | None,
            strawberry.argument(description="Only waived ones, or only others; null for all."),
        ] = None,
        first: First = 100,
        after: After = None,
    ) -> FindingConnection:
        info.context.spend()
        check_length("kinds", kinds or ())
        check_length("rules", rules or ())
        which = FindingFilter(
            kinds=tuple(kind.value for kind in kinds) if kinds is not None else None,
            rules=tuple(rule.value for rule in rules) if rules is not None else None,
            severity=severity.value if severity is not None else None,
            min_area_m2=min_area_m2,
            waived=waived,
        )
        size = page_size(first, 100)
        if self.draft_row is None:
            return await self._of_edition(info, which, size, after)
        return await self._of_draft(info, self.draft_row.id, which, first=size, after=after)

    async def _of_edition(
        self, info: Info, which: FindingFilter, first: int, after: str | None
    ) -> FindingConnection:
        place = None
        if after is not None:
            area_m2, kind, parent, chain, address = decode_cursor(
                after, EDITION_CURSOR, float, str, str, int, str
            )
            place = FindingPlace(float(area_m2), str(kind), str(parent), int(chain), str(address))
        page: Page[FindingRow] = Page([], more=False)
        if page_asked(info):
            page = await reading.findings_page(
                info.context.reading, self.row, which, first=first, after=place
            )

        async def count() -> int:
            return len(reading.findings_of(self.row, which))

        return FindingConnection(
            page=page,
            state=self.state,
            after=after,
            cursor=lambda row: encode_cursor(
                EDITION_CURSOR,
                float(row.area_m2),
                row.kind,
                row.parent_code or "",
                row.chain or 0,
                next(iter(row.addresses), ""),
            ),
            count=count,
        )

    async def _of_draft(
        self, info: Info, draft: int, which: FindingFilter, *, first: int, after: str | None
    ) -> FindingConnection:
        context = info.context
        place = None
        if after is not None:
            area_m2, key = decode_cursor(after, DRAFT_CURSOR, float, str)
            place = (float(area_m2), str(key))
        page: Page[FindingRow] = Page([], more=False)
        if page_asked(info):
            page = await context.draft_findings(
                draft, which, first=first, after=place, geometry=_geometry_asked(info)
            )
        return FindingConnection(
            page=page,
            state=self.state,
            after=after,
            cursor=lambda row: encode_cursor(DRAFT_CURSOR, float(row.area_m2), row.id),
            count=lambda: context.count_draft_findings(draft, which),
        )

    @classmethod
    def of(cls, row: ReportRow, draft: DraftRow | None = None) -> Self:
        """Show a report of an edition, or of a draft."""
        return cls(
            row=row,
            state=state_of(draft) if draft is not None else State(row.edition),
            draft_row=draft,
            clean=row.clean,
            clauses=[Clause.of(clause) for clause in row.clauses],
            proven_parents=row.proven_parents,
            parents=row.parents,
            area_m2=row.area_m2,
            blank_m2=row.blank_m2,
            overlap_m2=row.overlap_m2,
            outside_m2=row.outside_m2,
            households=HouseholdCover.of(row.households),
        )


def _geometry_asked(info: Info) -> bool:
    """Return whether the page's findings are to be drawn."""
    fields = [asked(info, "nodes"), asked(info, "edges", "node")]
    return "featureCollection" in asked(info) or any("geometry" in some for some in fields)
