"""What the resolvers of one request share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Self

import strawberry

from resolvers import (
    children,
    drafts_reading,
    facilities,
    reading,
    shares,
    small_groups,
    units,
)
from resolvers.changes import changes_of_drafts, changes_of_editions, draft_questions
from resolvers.context import Context, State
from resolvers.uploads import Desk
from schema.duty_loading import DutyLoading
from schema.limits import Clock, Limits
from schema.orphan_loading import OrphanLoading

if TYPE_CHECKING:
    from datetime import date

    from geo.changes_told import ChangeSet
    from resolvers.changes import Between
    from resolvers.children import Descent
    from resolvers.events import Hub
    from resolvers.facilities import Spot, UnitSpot
    from resolvers.paging import Page
    from resolvers.shares import ShareRow, Source, Subject
    from storage.drafts_reading import DraftRow
    from storage.editions import EditionRow
    from storage.facilities import FacilityFilter, FacilityRow
    from storage.findings_reading import FeatureRow, FindingFilter, FindingRow
    from storage.units import UnitRow, Wanted
    from storage.waivers import WaivedCount


@dataclass
class RequestContext(DutyLoading, OrphanLoading):
    """One request: its use cases, its loaders, and what its fields want."""

    fresh: Callable[[], Context] | None = None
    """Makes a context of the same asker that knows nothing yet, for the day that it is then."""
    hub: Hub | None = None
    """What the process hears; needed for subscriptions."""
    desk: Desk = field(default_factory=Desk)
    """What the imports of the process share."""
    limits: Limits = field(default_factory=Limits)
    """What its question may cost, and how long it may take."""
    clock: Clock = field(init=False)
    """The end of its question's time."""
    connection_params: dict[str, object] = field(default_factory=dict)
    """What a WebSocket's client said when it came."""
    fast: bool = True
    """Whether a query may be answered the fast way, see :mod:`schema.quick`."""
    wanted: dict[Hashable, Wanted] = field(default_factory=dict)
    days: dict[Hashable, date | None] = field(default_factory=dict)
    """The day that each field is about, see :mod:`schema.asked_day`."""
    _drafts: dict[int, DraftRow] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.clock = Clock(self)

    def spend(self, things: int = 1) -> None:
        """Count what the answer holds; see :meth:`resolvers.context.Context.spend`."""
        self.reading.spend(things)

    def renew(self) -> None:
        """Forget what was looked up: something is about to change."""
        self.reading.renew()
        self._loaders.clear()

    def again(self) -> None:
        """Begin the same question once more: nothing was looked up, and nothing spent."""
        self.apart = True
        self.reading.again()
        self.wanted = {}
        self.days.clear()
        self._loaders.clear()

    def begin(self) -> Context:
        """Begin anew, as for another request: an operation of many, or an event of one."""
        if self.fresh is not None:
            self.reading = self.fresh()
        self.wanted = {}
        self.days.clear()
        self._loaders.clear()
        return self.reading

    def another(self) -> Self:
        """Return the context of another operation on the same connection."""
        made = replace(self, wanted={}, days={}, _loaders={})
        made.begin()
        return made

    def listening(self) -> Hub:
        """Return what the process hears."""
        if self.hub is None:
            raise ValueError("nothing is heard here: subscriptions need the service")
        return self.hub

    def unit(
        self, state: State, level: str, code: str, wanted: Wanted
    ) -> Awaitable[UnitRow | None]:
        """Load a unit by its name."""
        return self._load(
            ("unit", wanted),
            (state, level, code),
            lambda keys: units.by_keys(self.reading, keys, wanted),
        )

    def upwards(
        self, state: State, level: str, code: str, wanted: Wanted
    ) -> Awaitable[list[UnitRow]]:
        """Load a unit and those above it."""
        return self._load(
            ("upwards", wanted),
            (state, level, code),
            lambda keys: units.upwards(self.reading, keys, wanted),
        )

    def complete(self, state: State, row: UnitRow, wanted: Wanted) -> Awaitable[UnitRow]:
        """Load more columns of a unit."""
        return self._load(
            ("complete", wanted),
            (state, row.draft_id is not None, row.row_id),
            lambda keys: units.complete(self.reading, keys, wanted),
        )

    def groups(self, state: State, row: UnitRow) -> Awaitable[dict[str, int]]:
        """Load the people of a unit by group, as far as the asker may know."""
        return self._load(
            "groups",
            (state, row.row_id, tuple(sorted((row.groups or {}).items()))),
            lambda keys: small_groups.groups_of_units(self.reading, keys),
        )

    def children(
        self,
        state: State,
        way: Descent,
        code: str,
        *,
        first: int,
        after: tuple[str, str] | None,
        wanted: Wanted,
    ) -> Awaitable[Page[UnitRow]]:
        """Load a page of the units below one."""
        return self._load(
            ("children", state, way, first, after, wanted),
            code,
            lambda codes: children.children(
                self.reading, state, way, codes, first=first, after=after, wanted=wanted
            ),
        )

    def count_children(self, state: State, way: Descent, code: str) -> Awaitable[int]:
        """Load how many units are below one."""
        return self._load(
            ("count children", state, way),
            code,
            lambda codes: children.count(self.reading, state, way, codes),
        )

    def shares(self, source: Source, subject: Subject, to: str | None) -> Awaitable[list[ShareRow]]:
        """Load how a unit is divided among those of a level; with None, those before it."""
        return self._load(
            ("shares", source, to),
            subject,
            lambda subjects: (
                shares.crosswalk(self.reading, source, subjects, to)
                if to is not None
                else shares.predecessors(self.reading, source, subjects)
            ),
        )

    def facility_by_row(self, row_id: int) -> Awaitable[FacilityRow | None]:
        """Load a state of a service point."""
        return self._load(
            "facility", row_id, lambda row_ids: facilities.by_rows(self.reading, row_ids)
        )

    def facility_unit(
        self, edition: int, level: str, spot: Spot, wanted: Wanted
    ) -> Awaitable[UnitRow | None]:
        """Load the unit of a level in which a service point lies."""
        return self._load(
            ("facility unit", edition, level, wanted),
            spot,
            lambda spots: facilities.units_at(self.reading, edition, level, spots, wanted),
        )

    def facilities_in(
        self,
        state: State,
        level: str,
        subject: UnitSpot,
        which: FacilityFilter,
        *,
        first: int,
        after: str | None,
    ) -> Awaitable[Page[FacilityRow]]:
        """Load a page of the service points in a unit."""
        return self._load(
            ("facilities in", state, level, which, first, after),
            subject,
            lambda subjects: facilities.pages_in_units(
                self.reading, state, level, subjects, which, first=first, after=after
            ),
        )

    def count_facilities_in(
        self, state: State, level: str, subject: UnitSpot, which: FacilityFilter
    ) -> Awaitable[int]:
        """Load how many service points lie in a unit."""
        return self._load(
            ("count facilities in", state, level, which),
            subject,
            lambda subjects: facilities.counts_in_units(
                self.reading, state, level, subjects, which
            ),
            0,
        )

    def facilities_of(
        self, kinds: tuple[str, ...], which: FacilityFilter, *, first: int, after: str | None
    ) -> Awaitable[Page[FacilityRow]]:
        """Load a page of the service points of some kinds."""
        return self._load(
            ("facilities of", which, first, after),
            kinds,
            lambda sets: facilities.pages_of_kinds(
                self.reading, sets, which, first=first, after=after
            ),
        )

    def count_facilities_of(self, kinds: tuple[str, ...], which: FacilityFilter) -> Awaitable[int]:
        """Load how many service points of some kinds there are."""
        return self._load(
            ("count facilities of", which),
            kinds,
            lambda sets: facilities.counts_of_kinds(self.reading, sets, which),
        )

    def edition(self, number: int) -> Awaitable[EditionRow | None]:
        """Load an edition."""
        return self._load(
            "edition", number, lambda numbers: reading.editions_by_numbers(self.reading, numbers)
        )

    def changes(self, asked: Between) -> Awaitable[ChangeSet]:
        """Load what changes between two editions."""

        # an error among the values is raised to the one who asked for it
        async def fetch(keys: Sequence[Between]) -> dict[Between, Any]:
            return dict(await changes_of_editions(self.reading, keys))

        return self._load("changes", asked, fetch)

    def draft_changes(self, draft: DraftRow, against: DraftRow | None) -> Awaitable[ChangeSet]:
        """Load what a draft changes, against its base or another draft."""

        async def fetch(keys: Sequence[tuple[int, int | None]]) -> dict[Any, Any]:
            pairs = [
                (self._drafts[one], self._drafts[other] if other else None) for one, other in keys
            ]
            asked = await draft_questions(self.reading, pairs)
            found = await changes_of_drafts(self.reading, asked)
            return {key: found[one] for key, one in zip(keys, asked, strict=True)}

        for row in (draft, against):
            if row is not None:
                self._drafts[row.id] = row
        return self._load("draft changes", (draft.id, against.id if against else None), fetch)

    def levels_of_edition(self, number: int) -> Awaitable[tuple[str, ...]]:
        """Load the levels that an edition changed."""
        return self._load(
            "levels of edition",
            number,
            lambda numbers: reading.levels_of_editions(self.reading, numbers),
            (),
        )

    def draft(self, number: int) -> Awaitable[DraftRow | None]:
        """Load a draft; None when the asker may not see it."""
        return self._load(
            "draft", number, lambda numbers: drafts_reading.by_ids(self.reading, numbers)
        )

    def drafts_with(self, number: int) -> Awaitable[list[DraftRow]]:
        """Load the drafts that go together with one."""
        return self._load(
            "drafts with", number, lambda numbers: drafts_reading.together(self.reading, numbers)
        )

    def draft_units(
        self,
        draft: int,
        *,
        bbox: tuple[float, ...] | None,
        first: int,
        after: tuple[str, int] | None,
        wanted: Wanted,
    ) -> Awaitable[Page[UnitRow]]:
        """Load a page of a draft's units."""
        return self._load(
            ("draft units", bbox, first, after, wanted),
            draft,
            lambda drafts: drafts_reading.units_page(
                self.reading, drafts, bbox=bbox, first=first, after=after, wanted=wanted
            ),
        )

    def count_draft_units(self, draft: int, *, bbox: tuple[float, ...] | None) -> Awaitable[int]:
        """Load how many units a draft has."""
        return self._load(
            ("count draft units", bbox),
            draft,
            lambda drafts: drafts_reading.count_units(self.reading, drafts, bbox=bbox),
        )

    def draft_findings(
        self,
        draft: int,
        which: FindingFilter,
        *,
        first: int,
        after: tuple[float, str] | None,
        geometry: bool,
    ) -> Awaitable[Page[FindingRow]]:
        """Load a page of a draft's findings."""
        return self._load(
            ("draft findings", which, first, after, geometry),
            draft,
            lambda drafts: drafts_reading.findings_page(
                self.reading, drafts, which, first=first, after=after, geometry=geometry
            ),
        )

    def draft_counts(self, draft: int) -> Awaitable[list[WaivedCount]]:
        """Load how many findings of a draft are open and how many are waived."""
        return self._load(
            "draft counts", draft, lambda drafts: drafts_reading.counts(self.reading, drafts)
        )

    def count_draft_findings(self, draft: int, which: FindingFilter) -> Awaitable[int]:
        """Load how many findings of a kind a draft has."""
        return self._load(
            ("count draft findings", which),
            draft,
            lambda drafts: drafts_reading.count_findings(self.reading, drafts, which),
        )

    def feature(self, draft: int, row: int, *, geometry: bool) -> Awaitable[FeatureRow | None]:
        """Load a row of a draft's file."""
        return self._load(
            ("feature", geometry),
            (draft, row),
            lambda keys: drafts_reading.features(self.reading, keys, geometry=geometry),
        )


Info = strawberry.Info[RequestContext, None]
