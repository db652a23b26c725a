"""What a report speaks of: a check, the file that was checked and what would change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from resolvers.sent_files import facts_of

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from geo.check import Checked
    from geo.crs import LocalMetric
    from geo.findings import Report
    from geo.remarks import Remark
    from resolvers.importing import Imported
    from resolvers.orphans_told import Orphan
    from sources.boundaries import BoundaryFile
    from sources.notices import Notice


class Shapes(NamedTuple):
    """n units as the map shows them."""

    codes: Sequence[str | None]
    names: Sequence[str | None]
    geoms: NDArray[np.object_]
    """MultiPolygons in degrees, shape (n,); None for a row that can be no unit."""


class Change(NamedTuple):
    """How many units an edition changes, and in what way."""

    added: int
    removed: int
    redrawn: int
    renamed: int
    reattributed: int
    noded: int
    removed_codes: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """A check with all that a report says about it.

    Attributes
    ----------
    report
        The clauses and the findings, largest first.
    ids
        The findings' ids, in the same order.
    source
        What was read and concluded about the file, as the API's DraftSource.
    day
        The day that the report carries.
    units
        The rows that were checked; ``rows`` has each one's number in the file.
    parents
        What they should fill; none where it is the outline.
    metric
        Metres around them.
    against
        The file that the parents came from; None where they did not come from a file.
    people
        The file that the addresses came from; None likewise.
    change
        What publishing would change, or changed; None where that is not known.
    left
        Assignments that it would leave without a unit, or left.
    """

    report: Report
    ids: Sequence[str]
    source: dict[str, Any]  # free JSON: the contract's DraftSource
    day: dt.date
    units: Shapes
    rows: Sequence[int]
    parents: Shapes
    metric: LocalMetric
    stored: bool = False
    within: str | None = None
    against: str | None = None
    people: str | None = None
    draft: int | None = None
    base_edition: int | None = None
    published_as: int | None = None
    change: Change | None = None
    left: Sequence[Orphan] = ()

    @property
    def outline(self) -> bool:
        """Whether the units have no parents, but an outline that they should fill."""
        return not len(self.parents.codes)


def of_check(
    file: BoundaryFile,
    checked: Checked,
    day: dt.date,
    *,
    against: str | None = None,
    people: str | None = None,
) -> Inspection:
    """Return what a report of a plain file's check speaks of."""
    notices: list[Notice | Remark] = [*file.notices, *checked.remarks]
    return Inspection(
        report=checked.report,
        ids=[finding.id for finding in checked.report.findings],
        source=facts_of(file)
        | {
            "notices": [
                {"code": n.code, "message": n.message, "featureCount": n.feature_count}
                for n in notices
            ],
        },
        day=day,
        units=Shapes(file.codes, file.names, checked.geoms),
        rows=file.rows.tolist(),
        parents=_parents(checked),
        metric=checked.metric,
        against=against,
        people=people,
    )


def of_import(
    file: BoundaryFile,
    made: Imported,
    day: dt.date,
    change: Change | None,
    published_as: int | None = None,
) -> Inspection:
    """Return what a report of an import speaks of."""
    checked = made.checked
    return Inspection(
        report=checked.report,
        ids=[finding.id for finding in checked.report.findings],
        source=made.source,
        day=day,
        units=Shapes(file.codes, file.names, checked.geoms),
        rows=file.rows.tolist(),
        parents=_parents(checked),
        metric=checked.metric,
        stored=True,
        within=None if made.within is None else f"{made.within.level} {made.within.code}",
        draft=made.draft,
        base_edition=made.base_edition,
        published_as=published_as,
        change=change,
    )


def _parents(checked: Checked) -> Shapes:
    """Return the parents that the file's units lie in, or that findings speak of."""
    level = checked.world.level(checked.level)
    if level.parent is None:
        return Shapes((), (), np.zeros(0, object))
    above = checked.world.of(level.parent)
    concerned = set(checked.parent_codes) | {f.parent for f in checked.report.findings}
    mine = above.take(np.array([code in concerned for code in above.codes], bool))
    return Shapes(mine.codes, mine.names, mine.geoms)
