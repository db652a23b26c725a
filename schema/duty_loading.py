"""Loaders of duties, bodies and assignments."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from resolvers import assignments, bodies, duties
from schema.loading import Loading

if TYPE_CHECKING:
    import datetime as dt

    from resolvers.paging import Page
    from storage.assignments import AssignmentFilter, AssignmentRow, Place, UnitKey
    from storage.bodies import BodyRow
    from storage.duties import DutyRow


@dataclass
class DutyLoading(Loading):
    """Mixed into the request's context."""

    async def duty(self, key: str) -> DutyRow:
        """Return a kind of duty."""
        return await duties.require_duty(self.reading, key)

    def body(self, key: str, day: dt.date) -> Awaitable[BodyRow | None]:
        """Load a body as the asker may know it on a day."""
        return self._load("body", (key, day), lambda keys: bodies.by_keys(self.reading, keys))

    def assignments_of_unit(
        self, unit: UnitKey, which: AssignmentFilter, *, first: int, after: Place | None
    ) -> Awaitable[Page[AssignmentRow]]:
        """Load a page of the assignments of a unit."""
        return self._load(
            ("assignments of units", which, first, after),
            unit,
            lambda units: assignments.pages_of_units(
                self.reading, units, which, first=first, after=after
            ),
        )

    def count_assignments_of_unit(self, unit: UnitKey, which: AssignmentFilter) -> Awaitable[int]:
        """Load how many assignments a unit has."""
        return self._load(
            ("count assignments of units", which),
            unit,
            lambda units: assignments.counts_of_units(self.reading, units, which),
            0,
        )

    def assignments_of_body(
        self, body: str, which: AssignmentFilter, *, first: int, after: Place | None
    ) -> Awaitable[Page[AssignmentRow]]:
        """Load a page of the assignments of a body."""
        return self._load(
            ("assignments of bodies", which, first, after),
            body,
            lambda some: assignments.pages_of_bodies(
                self.reading, some, which, first=first, after=after
            ),
        )

    def count_assignments_of_body(self, body: str, which: AssignmentFilter) -> Awaitable[int]:
        """Load how many assignments a body has."""
        return self._load(
            ("count assignments of bodies", which),
            body,
            lambda some: assignments.counts_of_bodies(self.reading, some, which),
            0,
        )
