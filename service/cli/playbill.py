"""What the demo prints: what was published, proven and asked, and which faults were found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from geo.levels import Tiling
from service.cli.circle_words import minutes_text, share_text, walk_json, walk_text
from service.cli.duty_playbill import (
    duties_json,
    gaps_table,
    ladders_table,
    plan_json,
    plan_table,
    say_plan,
    say_roster,
)
from service.cli.output import printable, table, together
from service.cli.publishing import say_published
from service.cli.siting import show_siting, siting_json

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

    from geo.levels import LevelSpec
    from resolvers.coverage_reading import ReportRow
    from resolvers.demo import Played, Town
    from resolvers.demo_circles import Circles
    from resolvers.truth import Comparison, Verdict


def show_played(played: Played, town: Town) -> RenderableType:
    """Return what the demo did, the proof, and the second year's faults as tables."""
    return together(
        _say_services(played),
        say_roster(played.roster),
        *(f"{level}: {say_published(done)}" for level, done in played.published),
        f"{town.again.file}: {say_published(played.again)}",
        f"{town.foreign.file} ({town.foreign.encoding}, {town.foreign.crs}): the same boundary, "
        f"vertex by vertex, for {played.foreign.same} of {played.foreign.units} grids",
        "",
        _proof_table(played),
        _circles_table(played.circles),
        show_siting(played.circles.sites),
        ladders_table(played.duties),
        gaps_table(played.duties),
        plan_table(played.planned),
        say_plan(played.planned),
        "",
        _faults_table(played.next_year, town.next_year.file),
        *_sentences(played),
    )


def _proof_table(played: Played) -> Table:
    units = {audited.level: audited.units for audited in played.audit.levels}
    return table(
        [
            "level",
            "",
            "units",
            "parents proven",
            "blank, m2",
            "overlap, m2",
            "households in exactly one unit",
        ],
        [
            [
                level.key,
                level.name,
                units.get(level.key),
                f"{report.proven_parents} of {report.parents}",
                f"{report.blank_m2:,.0f}{_allowed(level, report)}",
                f"{report.overlap_m2:,.0f}",
                _households(level, report),
            ]
            for level, report in played.proof
        ],
        title=f"The proof: edition {played.audit.edition}",
    )


def _say_services(played: Played) -> str:
    loaded = played.services
    return (
        f"streets: {loaded.nodes:,} crossings and ends, {loaded.edges:,} pieces; "
        f"{loaded.facilities.added} facilities"
    )


def _circles_table(circles: Circles) -> Table:
    """Return who can walk to a station: the whole town, and the grids with the lowest shares."""
    report, coverage = circles.report, circles.report.coverage
    total, inside = coverage.counted_total, coverage.counted_inside
    rows: list[list[object]] = [
        [
            None,
            "the whole town",
            total.households,
            inside.households,
            share_text(report.share),
            None,
        ]
    ]
    rows += [
        [
            unit.row.code,
            unit.name,
            unit.row.total.households,
            unit.row.inside.households,
            share_text(unit.row.share),
            minutes_text(unit.row.median_s),
        ]
        for unit in report.units
    ]
    return table(
        ["code", "name", "households", "inside", "share", "median walk, min"],
        rows,
        title=(
            f"Who can walk to one of {coverage.facility_count} stations: "
            f"{walk_text(coverage.walk)}; the {len(report.units)} grids with the lowest shares"
        ),
    )


def _allowed(level: LevelSpec, report: ReportRow) -> str:
    """Return a word about blank land that nobody has to fill."""
    return " (allowed)" if report.blank_m2 and level.tiling is Tiling.DISJOINT else ""


def _households(level: LevelSpec, report: ReportRow) -> str:
    cover = report.households
    whose = " that name one" if level.tiling is Tiling.DISJOINT else ""
    return f"{cover.covered:,} of {cover.total:,}{whose}"


def _faults_table(comparison: Comparison, file: str) -> Table:
    return table(
        ["fault", "expected", "m2", "found, m2", "m wide", "found, m wide", "as expected"],
        [_fault_row(verdict) for verdict in comparison.verdicts],
        title=f"The second year: what is wrong in {file}, and what the check found",
    )


def _fault_row(verdict: Verdict) -> list[object]:
    fault, expected, finding, complaint = verdict
    told = f"no: {complaint}" if complaint else "yes"
    if expected is None:
        return [fault.key, f"mended: {fault.notice}", None, None, None, None, told]
    found_m2 = finding.area_m2 if finding and expected.area_m2 else None
    found_m = finding.width_m if finding and expected.width_m else None
    return [
        fault.key,
        expected.kind.value,
        expected.area_m2,
        found_m2,
        expected.width_m,
        found_m,
        told,
    ]


def _sentences(played: Played) -> list[str]:
    comparison = played.next_year
    found = sum(not verdict.complaint for verdict in comparison.verdicts)
    said = [
        f"{found} of {len(comparison.verdicts)} expectations met, "
        f"{len(comparison.unexpected)} findings that nobody expected",
        *(
            f"unexpected: {finding.kind.value} {finding.message}"
            for finding in comparison.unexpected
        ),
        *comparison.complaints,
        *(f"audit: {difference.message}" for difference in played.audit.differences),
    ]
    end = "All is as it should be." if played.right else "Not all is as it should be."
    return [printable(sentence) for sentence in (*said, end)]


def played_json(played: Played) -> dict[str, Any]:  # free JSON, for machines
    """Return the same as JSON."""
    return {
        "right": played.right,
        "edition": played.audit.edition,
        "proof": [
            {
                "level": level.key,
                "clean": report.clean,
                "provenParents": report.proven_parents,
                "parents": report.parents,
                "blankM2": report.blank_m2,
                "overlapM2": report.overlap_m2,
                "households": report.households._asdict(),
            }
            for level, report in played.proof
        ],
        "audit": [level._asdict() for level in played.audit.levels],
        "circles": _circles_json(played.circles),
        "duties": {**duties_json(played.duties), "plan": plan_json(played.planned)},
        "faults": [
            {
                "key": verdict.fault.key,
                "expected": verdict.expected.kind if verdict.expected else None,
                "areaM2": verdict.finding.area_m2 if verdict.finding else None,
                "complaint": verdict.complaint,
            }
            for verdict in played.next_year.verdicts
        ],
        "unexpected": [finding.message for finding in played.next_year.unexpected],
        "complaints": played.next_year.complaints,
    }


def _circles_json(circles: Circles) -> dict[str, Any]:  # free JSON
    coverage = circles.report.coverage
    return {
        "walk": walk_json(coverage.walk),
        "facilityCount": coverage.facility_count,
        "share": circles.report.share,
        "households": coverage.counted_total.households,
        "inside": coverage.counted_inside.households,
        "notConnected": coverage.counted_not_connected.households,
        "worst": [
            {"code": unit.row.code, "name": unit.name, "share": unit.row.share}
            for unit in circles.report.units
        ],
        "siting": siting_json(circles.sites),
    }
