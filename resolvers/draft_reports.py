"""The report of a draft that is stored, and what it would change."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely

from geo.crs import LocalMetric
from geo.errors import BadInputError, UnknownError
from geo.findings import Finding, HouseholdCover, Kind, Report, Severity
from resolvers.inspection import Change, Inspection, Shapes
from resolvers.planned import Counts
from resolvers.reports import standing_report
from storage import draft_reports, drafts_reading, planned, waivers

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncEngine

    from resolvers.publishing import Published
    from resolvers.reports import Standing
    from storage.draft_reports import ReportedFinding, ReportedUnits
    from storage.drafts_reading import DraftRow


async def inspect_draft(engine: AsyncEngine, number: int, day: dt.date) -> Inspection:
    """Return what the report of a draft speaks of, with the waivers that hold on a day.

    Raises
    ------
    UnknownError
        If there is no draft of that number.
    BadInputError
        If it was never checked.
    """
    async with engine.connect() as connection:
        found = await drafts_reading.drafts_by_ids(connection, [number], ground=None)
        if number not in found:
            raise UnknownError(f"there is no draft {number}", argument="id")
        draft = found[number]
        if draft.report is None:
            raise BadInputError(
                f"draft {number} was never checked: there is nothing to report", argument="id"
            )
        rows = await draft_reports.draft_findings(connection, number, day)
        units = await draft_reports.draft_units(connection, number)
        codes = await draft_reports.draft_parents(connection, number)
        codes |= {row.parent_code for row in rows if row.parent_code is not None}
        parents = await draft_reports.standing_parents(
            connection, draft.level, draft.base_edition, codes
        )
        counts = await waivers.counts_of_drafts(connection, [number], day)
    return Inspection(
        report=_report(draft, standing_report(draft.report, counts[number]), rows),
        ids=[row.id for row in rows],
        source=draft.source,
        day=day,
        units=_shapes(units),
        rows=units.rows,
        parents=_shapes(parents),
        metric=_metric(units, parents),
        stored=True,
        within=f"{draft.within_level} {draft.within_code}" if draft.within_code else None,
        draft=number,
        base_edition=draft.base_edition,
        published_as=draft.published_as,
        change=await changes_of(engine, number, ()) if draft.status == "OPEN" else None,
    )


async def changes_of(engine: AsyncEngine, draft: int, removed: Sequence[str]) -> Change | None:
    """Return how many units an open draft would change; None where that was not kept."""
    async with engine.connect() as connection:
        if not await draft_reports.is_planned(connection, draft):
            return None
        rows = await planned.planned_rows(connection, draft)
        removals = await planned.planned_removals(connection, draft)
    return Change(removed=len(removals), removed_codes=tuple(removed), **Counts.of(rows)._asdict())


def of_published(done: Published, removed: Sequence[str]) -> Change | None:
    """Return what an edition has changed; None where nothing did."""
    if not done.new:
        return None
    return Change(
        added=done.added,
        removed=done.removed,
        redrawn=done.redrawn,
        renamed=done.renamed,
        reattributed=done.reattributed,
        noded=done.noded,
        removed_codes=tuple(removed),
    )


def _finding(row: ReportedFinding) -> Finding:
    return Finding(
        level=row.level,
        kind=Kind(row.kind),
        message=row.message,
        geometry=None if row.wkb is None else shapely.from_wkb(bytes(row.wkb)),
        area_m2=row.area_m2,
        width_m=row.width_m,
        households=row.households,
        units=tuple(row.units),
        rows=tuple(row.rows),
        addresses=tuple(row.addresses),
        parent=row.parent_code,
        extra=row.extra,
        severity=Severity(row.severity),
        chain=row.chain,
        borders_m=tuple(row.borders_m),
        pieces=row.pieces,
        waiver=row.waiver,
    )


def _report(draft: DraftRow, now: Standing, rows: Sequence[ReportedFinding]) -> Report:
    """Return a draft's report, its clauses as the waivers of the day have it."""
    stored = draft.report or {}
    return Report(
        level=draft.level,
        clauses=now.clauses,
        proven_parents=now.proven_parents,
        parents=stored["parents"],
        area_m2=stored["areaM2"],
        blank_m2=stored["blankM2"],
        overlap_m2=stored["overlapM2"],
        outside_m2=stored["outsideM2"],
        households=HouseholdCover(**stored["households"]),
        findings=tuple(_finding(row) for row in rows),
    )


def _shapes(units: ReportedUnits) -> Shapes:
    return Shapes(units.codes, units.names, units.geoms)


def _metric(units: ReportedUnits, parents: ReportedUnits) -> LocalMetric:
    """Return metres around what is drawn."""
    drawn = np.concatenate([units.geoms, parents.geoms])
    drawn = drawn[shapely.is_geometry(drawn)]
    if not len(drawn):
        return LocalMetric(0.0, 0.0)
    return LocalMetric.around(shapely.total_bounds(drawn).tolist())
