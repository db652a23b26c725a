"""A check's report, shown to people, printed for programs or written to a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from resolvers.reports import finding_json, report_json
from service.cli.output import table, together
from sources.writing import write_features

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rich.console import RenderableType

    from geo.findings import Finding, Report

SHOWN = 20
"""How many findings a terminal shows."""

RULES = {
    "CLEAR_BOUNDARIES": "clear boundaries",
    "NO_BLANK": "no blank land",
    "NO_OVERLAP": "no overlap",
    "EVERY_HOUSEHOLD": "every household in one unit",
}


def whole_report_json(report: Report) -> dict[str, Any]:  # free JSON: the contract's CoverageReport
    """Return a report with its findings, as the API's CoverageReport."""
    answer = report_json(report)
    answer["level"] = {"key": report.level}
    answer["findings"] = {
        "nodes": [finding_json(finding) for finding in report.findings],
        "totalCount": len(report.findings),
    }
    return answer


def show_report(report: Report) -> RenderableType:
    """Return the four clauses, the areas and the largest findings as tables."""
    clauses = table(
        ["clause", "required", "holds", "findings"],
        [[RULES[c.rule.value], c.required, c.holds, c.finding_count] for c in report.clauses],
        title=f"{report.level}: {'clean' if report.clean else 'not clean'}, "
        f"{report.proven_parents} of {report.parents} parents proven",
    )
    cover = report.households
    land = table(
        [
            "land, km2",
            "blank, m2",
            "overlap, m2",
            "outside, m2",
            "households",
            "in none",
            "doubled",
        ],
        [
            [
                report.area_m2 / 1e6,
                report.blank_m2,
                report.overlap_m2,
                report.outside_m2,
                cover.total,
                cover.uncovered,
                cover.doubled,
            ]
        ],
    )
    return together(clauses, land, _findings(report.findings) if report.findings else None)


def _findings(findings: Sequence[Finding]) -> RenderableType:
    left = len(findings) - SHOWN
    return table(
        ["finding", "level", "", "what"],
        [
            [f.kind.value, f.level, "blocks" if f.severity.value == "BLOCKING" else "", f.message]
            for f in findings[:SHOWN]
        ],
        title=f"{len(findings)} finding(s)" + (f", the {SHOWN} largest" if left > 0 else ""),
    )


def show_notices(notices: Sequence[tuple[str, str, int]]) -> RenderableType | None:
    """Return what was concluded about a file; None for nothing."""
    if not notices:
        return None
    return table(["notice", "what"], [[code, message] for code, message, _ in notices])


def write_report(path: Path, findings: Sequence[Finding]) -> None:
    """Write findings as a layer of any format that GDAL writes, by the file's name."""
    geoms = np.empty(len(findings), object)
    geoms[:] = [finding.geometry for finding in findings]
    write_features(
        path,
        "findings",
        geoms,
        {
            "id": [f.id for f in findings],
            "kind": [f.kind.value for f in findings],
            "rule": [f.rule.value for f in findings],
            "severity": [f.severity.value for f in findings],
            "message": [f.message for f in findings],
            "area_m2": [f.area_m2 for f in findings],
            "width_m": [f.width_m for f in findings],
            "households": [f.households for f in findings],
            "units": [" ".join(f.units) for f in findings],
            "parent": [f.parent or "" for f in findings],
            "rows": [" ".join(map(str, f.rows)) for f in findings],
        },
    )
