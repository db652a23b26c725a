"""A check's report as plain JSON, with the API's names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import shapely

if TYPE_CHECKING:
    from geo.findings import Finding, Report


def report_json(report: Report) -> dict[str, Any]:  # free JSON: the contract's CoverageReport
    """Return a report without its findings, as the API's CoverageReport."""
    return {
        "clean": report.clean,
        "clauses": [
            {
                "rule": clause.rule.value,
                "required": clause.required,
                "holds": clause.holds,
                "findingCount": clause.finding_count,
                "waivedCount": clause.waived_count,
            }
            for clause in report.clauses
        ],
        "provenParents": report.proven_parents,
        "parents": report.parents,
        "areaM2": report.area_m2,
        "blankM2": report.blank_m2,
        "overlapM2": report.overlap_m2,
        "outsideM2": report.outside_m2,
        "households": report.households._asdict(),
    }


def finding_json(finding: Finding) -> dict[str, Any]:  # free JSON: the contract's Finding
    """Return a finding as the API's Finding; units by level and code."""
    geometry = None
    if finding.geometry is not None:
        geometry = orjson.loads(shapely.to_geojson(finding.geometry))
    return {
        "id": finding.id,
        "kind": finding.kind.value,
        "rule": finding.rule.value,
        "severity": finding.severity.value,
        "message": finding.message,
        "geometry": geometry,
        "areaM2": finding.area_m2,
        "widthM": finding.width_m,
        "households": finding.households,
        "units": [{"level": {"key": finding.level}, "code": code} for code in finding.units],
        "features": [{"row": row} for row in finding.rows],
        "addresses": list(finding.addresses),
        "parent": {"code": finding.parent} if finding.parent is not None else None,
        "waiver": None,
    }
