"""The page of a check's report: what it says, and what its map and table show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from geo.findings import Kind, Severity
from resolvers.orphans_told import label
from resolvers.report_map import map_data
from resolvers.report_text import clause_state, detail_of, say_clause, say_finding, summary_line
from sources.report_page import ClauseText, Notice, Page
from sources.report_words import whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from geo.findings import Finding
    from resolvers.inspection import Change, Inspection
    from resolvers.orphans_told import Orphan
    from sources.report_words import Words

MOST_LISTED = 20_000
"""The most findings that a page lists."""

MOST_NAMED = 50
"""The most units that a page names of one finding."""

MOST_LEFT = 10
"""The most assignments without a unit that a page tells."""

COUNTED = ("added", "removed", "redrawn", "renamed", "reattributed", "noded")
"""The counts of a change, in the order in which they are told."""


def page_of(found: Inspection, words: Words) -> Page:
    """Return everything that a report's page says."""
    report = found.report
    change = found.change
    return Page(
        file=str(found.source["file"]),
        clean=report.clean,
        summary=summary_line(report, words, outline=found.outline),
        day=words("page.day", day=found.day.isoformat()),
        figures=_figures(found, words),
        clauses=[
            ClauseText(
                words(f"rules.{clause.rule.value}.name"),
                clause_state(clause, report),
                say_clause(clause, report, words),
            )
            for clause in report.clauses
        ],
        notices=[_notice(notice, words) for notice in found.source["notices"]],
        changes_title=words("page.changes" if found.published_as is None else "page.changed"),
        changes=_changes(change, words),
        changes_note=_removed(change, words),
        left=_left(found, words),
        left_listed=_left_listed(found.left, words),
        facts=_facts(found, words),
        data=_data(found, words),
    )


def _figures(found: Inspection, words: Words) -> list[tuple[str, str]]:
    report, cover = found.report, found.report.households
    figures = [
        (words("figures.land"), words.area(report.area_m2)),
        (words("figures.blank"), words.area(report.blank_m2)),
        (words("figures.overlap"), words.area(report.overlap_m2)),
        (words("figures.outside"), words.area(report.outside_m2)),
    ]
    if cover.total:
        figures += [
            (words("figures.households"), whole(cover.total)),
            (words("figures.uncovered"), whole(cover.uncovered)),
            (words("figures.doubled"), whole(cover.doubled)),
        ]
    return figures


def _notice(notice: dict[str, Any], words: Words) -> Notice:  # free JSON: the contract's Notice
    code = str(notice["code"])
    key = f"notices.{code}"
    return Notice(words(key) if words.has(key) else code, str(notice["message"]))


def _changes(change: Change | None, words: Words) -> list[tuple[str, str]]:
    if change is None:
        return []
    counts = change._asdict()
    return [(whole(counts[name]), words(f"changes.{name}")) for name in COUNTED]


def _removed(change: Change | None, words: Words) -> str:
    if change is None or not change.removed_codes:
        return ""
    return words("changes.removed_codes", codes=words.listed(change.removed_codes, MOST_NAMED))


def _left(found: Inspection, words: Words) -> str:
    if not found.left:
        return ""
    return words("left.would" if found.published_as is None else "left.did", len(found.left))


def _left_listed(left: Sequence[Orphan], words: Words) -> list[str]:
    """Tell the first assignments that lose their unit: the duties, and nobody's name.

    A report is sent on, also to those who may not know who carries what.
    """
    listed = [_say_left(one, words) for one in left[:MOST_LEFT]]
    more = len(left) - len(listed)
    return [*listed, words("left.more", more)] if more else listed


def _say_left(one: Orphan, words: Words) -> str:
    what = words("left.one", unit=label(one.row.code, one.unit), duty=one.duty)
    if not one.successors:
        return what
    best = one.successors[0]
    to = label(best.gets.code, best.name)
    share = best.gets.household_share
    if share is None:
        return words("left.successor", what=what, unit=to)
    return words("left.of_households", what=what, unit=to, share=f"{share:.1%}")


def _facts(found: Inspection, words: Words) -> list[tuple[str, str]]:
    source = found.source
    against = found.against
    if against is None and not found.stored:
        against = words("facts.own_outline")
    values = {
        "file": source["file"],
        "sha256": source["sha256"],
        "layer": source.get("layer"),
        "format": source["format"],
        "features": whole(source["featureCount"]),
        "crs": source["crs"],
        "encoding": source["encoding"],
        "datum": source.get("datum"),
        "level": found.report.level if found.stored else None,
        "within": found.within,
        "against": against,
        "addresses": found.people,
        "draft": found.draft,
        "base": found.base_edition,
        "day": found.day.isoformat(),
    }
    return [(words(f"facts.{key}"), str(v)) for key, v in values.items() if v is not None]


def _data(found: Inspection, words: Words) -> dict[str, Any]:  # free JSON: see report/page.js
    findings = found.report.findings[:MOST_LISTED]
    drawn = map_data(found, len(findings))
    notes = []
    if drawn["units"]["toleranceM"]:
        metres = f"{drawn['units']['toleranceM']:.3g}"
        notes.append(words("shown.simplified", metres=metres))
    if drawn["units"]["drawn"] < drawn["units"]["total"]:
        shown, total = whole(drawn["units"]["drawn"]), whole(drawn["units"]["total"])
        notes.append(words("shown.left_out", shown=shown, total=total))
    if drawn["findings"]["coarseM"]:
        notes.append(words("shown.coarse", metres=f"{drawn['findings']['coarseM']:.3g}"))
    if len(findings) < len(found.report.findings):
        shown, total = whole(len(findings)), whole(len(found.report.findings))
        notes.append(words("shown.cut", shown=shown, total=total))
    return {
        "words": words.under("shown") | {"lang": words("page.lang")},
        "kinds": {kind.value: words(f"kinds.{kind.value}.label") for kind in Kind},
        "map": drawn,
        "rows": [_row(finding, words, outline=found.outline) for finding in findings],
        "notes": notes,
    }


def _row(finding: Finding, words: Words, *, outline: bool) -> list[object]:
    """Return a finding as the page's table takes it; ``COLUMNS`` in report/table.js names them."""
    return [
        finding.kind.value,
        int(finding.severity is Severity.WARNING),
        int(finding.waiver is not None),
        list(finding.units[:MOST_NAMED]),
        len(finding.units),
        round(finding.area_m2, 6),
        round(finding.width_m, 6),
        finding.households,
        say_finding(finding, words, outline=outline),
        detail_of(finding),
        list(finding.rows[:MOST_NAMED]),
    ]
