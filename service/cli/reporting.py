"""A check's report, shown to people, printed for programs or written to a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from resolvers.report_text import borders_of
from resolvers.reports import finding_json, report_json
from service.cli.output import table, together

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import RenderableType

    from geo.findings import Finding, Report
    from resolvers.reports import Accepted

SHOWN = 20
"""How many findings a terminal shows."""

ID_SHOWN = 12
"""How many digits of a finding's id a terminal shows: enough to name one to ``waive``."""

WHOLE_M2 = 1000.0
"""From this area on, in square metres, a terminal shows whole ones."""

RULES = {
    "CLEAR_BOUNDARIES": "clear boundaries",
    "NO_BLANK": "no blank land",
    "NO_OVERLAP": "no overlap",
    "EVERY_HOUSEHOLD": "every household in one unit",
}


def whole_report_json(
    report: Report, waivers: Mapping[int, Accepted] | None = None
) -> dict[str, Any]:  # free JSON: the contract's CoverageReport
    """Return a report with its findings, as the API's CoverageReport; ``waivers`` by number."""
    answer = report_json(report)
    answer["level"] = {"key": report.level}
    answer["findings"] = {
        "nodes": [finding_json(finding, waivers) for finding in report.findings],
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
            "land,\nkm2",
            "blank,\nm2",
            "overlap,\nm2",
            "outside,\nm2",
            "households",
            "in none",
            "doubled",
        ],
        [
            [
                report.area_m2 / 1e6,
                short_area(report.blank_m2),
                short_area(report.overlap_m2),
                short_area(report.outside_m2),
                cover.total,
                cover.uncovered,
                cover.doubled,
            ]
        ],
    )
    return together(clauses, land, _findings(report.findings) if report.findings else None)


def short_area(area_m2: float) -> float:
    """Return an area without decimals where nobody reads them: a terminal has 80 columns."""
    return round(area_m2) if area_m2 >= WHOLE_M2 else area_m2


def _findings(findings: Sequence[Finding]) -> RenderableType:
    return table(
        ["id", "finding", "level", "", "what"],
        [
            [f.id[:ID_SHOWN], f.kind.value, f.level, _standing(f), _what(f)]
            for f in findings[:SHOWN]
        ],
        title=findings_title(len(findings)),
    )


def findings_title(count: int) -> str:
    """Return what stands above a table of the largest findings."""
    return f"{count:,} finding(s)" + (f", the {SHOWN} largest" if count > SHOWN else "")


def _standing(finding: Finding) -> str:
    if finding.waiver is not None:
        return "waived"
    return "blocks" if finding.severity.value == "BLOCKING" else ""


def _what(finding: Finding) -> str:
    borders = borders_of(finding)
    return f"{finding.message}; borders: {borders}" if borders else finding.message


def show_notices(notices: Sequence[tuple[str, str, int]]) -> RenderableType | None:
    """Return what was concluded about a file; None for nothing."""
    if not notices:
        return None
    return table(
        ["notice", "features", "what"],
        [[code, count, message] for code, message, count in notices],
    )
