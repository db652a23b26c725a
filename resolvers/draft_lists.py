"""Drafts for the command line: listed, and shown with their findings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import shapely

from geo.errors import UnknownError
from resolvers.worlds import find_level
from storage import drafts, drafts_reading, levels

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from storage.drafts import StoredFinding
    from storage.drafts_reading import DraftRow

MAX_FINDINGS = 100_000
"""The most findings that one draft is shown with."""


async def list_drafts(
    engine: AsyncEngine, *, status: str | None, level: str | None, first: int
) -> list[dict[str, Any]]:  # free JSON: the contract's Draft
    """Return up to ``first`` drafts, newest first, as the API's Draft less findings."""
    async with engine.connect() as connection:
        if level is not None:
            find_level(await levels.all_levels(connection), level)
        rows = await drafts_reading.drafts_page(
            connection, status=status, level=level, ground=None, first=first, after=None
        )
    return [_draft_json(row) for row in rows]


async def show_draft(
    engine: AsyncEngine, number: int
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
        findings = await drafts.findings_of(connection, number, MAX_FINDINGS)
    answer = _draft_json(found[number])
    if answer["report"] is not None:
        nodes = [_finding_json(finding) for finding in findings]
        answer["report"] |= {"findings": {"nodes": nodes, "totalCount": len(nodes)}}
    return answer


def _draft_json(row: DraftRow) -> dict[str, Any]:  # free JSON: the contract's Draft
    within = None
    if row.within_level is not None:
        within = {"level": {"key": row.within_level}, "code": row.within_code}
    return {
        "id": str(row.id),
        "status": row.status,
        "level": {"key": row.level},
        "within": within,
        "base": {"number": row.base_edition} if row.base_edition is not None else None,
        "with": [{"id": str(other)} for other in row.with_drafts],
        "repairOf": {"id": str(row.repair_of)} if row.repair_of is not None else None,
        "publishedAs": {"number": row.published_as} if row.published_as is not None else None,
        "source": row.source,
        "report": {**row.report, "level": {"key": row.level}} if row.report is not None else None,
        "createdAt": row.created_at.isoformat(),
        "createdBy": row.created_by,
    }


def _finding_json(finding: StoredFinding) -> dict[str, Any]:  # free JSON: the contract's Finding
    geometry = None
    if finding.wkb is not None:
        geometry = orjson.loads(shapely.to_geojson(shapely.from_wkb(bytes(finding.wkb))))
    return {
        "id": finding.id,
        "kind": finding.kind,
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
        "waiver": None,
    }
