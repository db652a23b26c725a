"""Loaders of assignments that are left without a unit."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from resolvers import orphans
from schema.loading import Loading

if TYPE_CHECKING:
    from resolvers.paging import Page
    from storage.assignments import AssignmentRow
    from storage.orphans import Lost, OrphanPlace


@dataclass
class OrphanLoading(Loading):
    """Mixed into the request's context."""

    def orphans(
        self, lost: Lost, *, first: int, after: OrphanPlace | None
    ) -> Awaitable[Page[AssignmentRow]]:
        """Load a page of the assignments on units that stand no more."""
        return self._load(
            ("orphans", first, after),
            lost,
            lambda some: orphans.orphan_pages(self.reading, some, first=first, after=after),
        )

    def count_orphans(self, lost: Lost) -> Awaitable[int]:
        """Load how many assignments there are on units that stand no more."""
        return self._load(
            "count orphans", lost, lambda some: orphans.orphan_counts(self.reading, some), 0
        )
