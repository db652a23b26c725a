"""Drafts for the command line: listed, and shown with their findings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import shapely

from geo.errors import UnknownError
from resolvers.reports import (
    UNPROVEN,
    borders_json,
    clauses_json,
    standing_report,
    waiver_json,
)
from resolvers.worlds import find_level
from storage import drafts, drafts_reading, levels, waivers

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncEngine

    from storage.drafts import StoredFinding
    from storage.drafts_reading import DraftRow
    from storage.waivers import WaivedCount

MAX_FINDINGS = 100_000
"""The most findings that one draft is shown with."""


async def list_drafts(
    engine: AsyncEngine, *, status: str | None, level: str | None, first: int, today: dt.date
) -> list[dict[str, Any]]:  # free JSON: the contract's Draft
    """Return up to ``first`` drafts, newest first, as the API's Draft less findings.

    Their reports are as the waivers that hold ``today`` have it.
    """
    async with engine.connect() as connection:
        if level is not None:
            find_level(await levels.all_levels(connection), level)
        rows = await drafts_reading.drafts_page(
            connection, status=status, level=level, ground=None, first=first, after=None
        )
        counts = await waivers.counts_of_drafts(connection, [row.id for row in rows], today)
    return [_draft_json(row, counts[row.id]) for row in rows]


async def show_draft(
    engine: AsyncEngine, number: int, *, today: dt.date
) -> dict[str, Any]:  # free JSON: the contract's Draft
    """Return one draft with its findings, as the API's Draft.

    Raises
    ------
    UnknownError
        If there is no draft of that number.
    """
    async with engine.connect() as connection:
        found = await drafts_reading.drafts_by_ids(connection, [number], ground=None)
        if number not in found:
            raise UnknownError(f"there is no draft {number}", argument="id")
        findings = await drafts.findings_of(connection, number, MAX_FINDINGS, day=today)
        counts = await waivers.counts_of_drafts(connection, [number], today)
    answer = _draft_json(found[number], counts[number])
    if answer["report"] is not None:
        nodes = [_finding_json(finding) for finding in findings]
        answer["report"] |= {"findings": {"nodes": nodes, "totalCount": len(nodes)}}
    return answer


def _draft_json(
    row: DraftRow, counts: Sequence[WaivedCount]
) -> dict[str, Any]:  # free JSON: the contract's Draft
    within = None
    if row.within_level is not None:
        within = {"level": {"key": row.within_level}, "code": row.within_code}
    return {
        "id": str(row.id),
        "status": row.status,
        "error": row.error,
        "level": {"key": row.level},
        "within": within,
        "base": {"number": row.base_edition} if row.base_edition is not None else None,
        "with": [{"id": str(other)} for other in row.with_drafts],
        "repairOf": {"id": str(row.repair_of)} if row.repair_of is not None else None,
        "publishedAs": {"number": row.published_as} if row.published_as is not None else None,
        "source": row.source,
        "report": _report_json(row, counts),
        "createdAt": row.created_at.isoformat(),
        "createdBy": row.created_by,
    }


def _report_json(
    row: DraftRow, counts: Sequence[WaivedCount]
) -> dict[str, Any] | None:  # free JSON: the contract's CoverageReport
    if row.report is None:
        return None
    now = standing_report(row.report, counts)
    kept = {key: value for key, value in row.report.items() if key != UNPROVEN}
    return kept | {
        "level": {"key": row.level},
        "clean": now.clean,
        "clauses": clauses_json(now.clauses),
        "provenParents": now.proven_parents,
    }


def _finding_json(finding: StoredFinding) -> dict[str, Any]:  # free JSON: the contract's Finding
    geometry = None
    if finding.wkb is not None:
        geometry = orjson.loads(shapely.to_geojson(shapely.from_wkb(bytes(finding.wkb))))
    return {
        "id": finding.id,
        "kind": finding.kind,
        "level": {"key": finding.level},
        "rule": finding.rule,
        "severity": finding.severity,
        "message": finding.message,
        "geometry": geometry,
        "areaM2": finding.area_m2,
        "widthM": finding.width_m,
        "households": finding.households,
        "units": [{"level": {"key": finding.level}, "code": code} for code in finding.units],
        "features": [{"row": row} for row in finding.rows],
        "addresses": finding.addresses,
        "parent": {"code": finding.parent_code} if finding.parent_code is not None else None,
        "pieces": finding.pieces,
        "borders": borders_json(finding.level, finding.units, finding.borders_m),
        "chain": str(finding.chain) if finding.chain is not None else None,
        "waiver": waiver_json(finding.waiver),
    }
