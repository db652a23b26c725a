"""What a report says in words: its clauses, its findings and its figures, in either language."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from geo.findings import Kind, Rule, Severity
from sources.report_words import measure, whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from geo.findings import Clause, Finding, Report
    from sources.report_words import Words

MOST_UNITS = 6
"""The most units that a sentence names."""

MOST_ROWS = 10
"""The most rows that a sentence names."""

IN_DETAIL = frozenset({Kind.INVALID_RING, Kind.WRONG_PARENT, Kind.MISMATCH})
"""Kinds of which the check's own message, which is English, says more than a sentence here."""

LAND = {Rule.NO_BLANK: Kind.BLANK, Rule.NO_OVERLAP: Kind.OVERLAP}
"""Clauses that are broken by land."""


def clause_state(clause: Clause, report: Report) -> str:
    """Return what to say of a clause in a word: the key below ``state`` in the words."""
    uncounted = clause.rule is Rule.EVERY_HOUSEHOLD and not report.households.total
    if uncounted and not clause.finding_count:
        return "unknown"
    if not clause.required:
        return "not_required"
    return "holds" if clause.holds else "broken"


def say_clause(clause: Clause, report: Report, words: Words) -> str:
    """Say whether a clause holds, and why not, as a planner would."""
    state = clause_state(clause, report)
    mine = [f for f in report.findings if f.rule is clause.rule]
    open_ones = [f for f in mine if f.waiver is None]
    parts = []
    if state == "unknown":
        parts.append(words("clause.no_addresses"))
    elif state == "not_required":
        parts.append(words("clause.not_required"))
    if state == "broken" or (state == "not_required" and open_ones):
        parts.append(_broken(clause.rule, open_ones, report, words))
    elif state == "holds":
        households = whole(report.households.total)
        parts.append(words(f"rules.{clause.rule.value}.holds", households=households))
        if open_ones:
            parts.append(words("clause.warned", len(open_ones), kinds=_kinds(open_ones, words)))
    elsewhere_m2 = sum(f.area_m2 for f in open_ones if f.kind is Kind.BLANK and f.rows)
    if elsewhere_m2:
        parts.append(words("clause.elsewhere", area=words.area(elsewhere_m2)))
    if clause.waived_count:
        parts.append(words("clause.waived", clause.waived_count))
    return words("page.sentence_end").join(parts)


def _broken(rule: Rule, findings: Sequence[Finding], report: Report, words: Words) -> str:
    key = f"rules.{rule.value}.broken"
    if rule in LAND:
        # Slivers are one finding along a border: a planner counts places.
        places = sum(finding.pieces for finding in findings)
        area_m2 = sum(finding.area_m2 for finding in findings)
        return words(key, places, area=words.area(area_m2))
    if rule is Rule.EVERY_HOUSEHOLD:
        cover = report.households
        uncovered, doubled = whole(cover.uncovered), whole(cover.doubled)
        return words(key, len(findings), uncovered=uncovered, doubled=doubled)
    blocking = [f for f in findings if f.severity is Severity.BLOCKING]
    return words(key, len(blocking), kinds=_kinds(blocking, words))


def _kinds(findings: Iterable[Finding], words: Words) -> str:
    """Count findings by kind, most frequent first."""
    counted = Counter(finding.kind for finding in findings).most_common()
    return words("page.separator").join(
        words("say.count_of_kind", n, kind=words(f"kinds.{kind.value}.label"))
        for kind, n in counted
    )


def say_finding(finding: Finding, words: Words, *, outline: bool) -> str:
    """Say a finding in a sentence without its measures, which stand beside it.

    Parameters
    ----------
    outline
        Whether the units have no parents, but an outline that they should fill.
    """
    named = finding.parent or (words("say.outline") if outline else "")
    units = words.listed(finding.units, MOST_UNITS)
    rows = words.listed([str(row) for row in finding.rows], MOST_ROWS)
    in_rows = words("say.rows", len(finding.rows), rows=rows)
    form = "say" if finding.pieces == 1 else "say_pieces"
    return words(
        f"kinds.{finding.kind.value}.{form}",
        who=units or words("say.row", rows=rows),
        units=units or (in_rows if rows else words("say.no_unit")),
        parent=words("say.parent", parent=named) if named else words("say.its_parent"),
        place=words("say.place", parent=named) if named else "",
        beside=_beside(finding, words),
        pieces=whole(finding.pieces),
        rows=in_rows,
        addresses=words("say.addresses", max(len(finding.addresses), 1)),
        households=words("say.households", finding.households),
    )


def _beside(finding: Finding, words: Words) -> str:
    """Name the neighbours of blank land with the length of border to each."""
    if not finding.units:
        return ""
    named = list(finding.units[:MOST_UNITS])
    if len(finding.borders_m) == len(finding.units):
        named = [
            words("say.border", unit=unit, metres=measure(metres))
            for unit, metres in zip(named, finding.borders_m, strict=False)
        ]
    neighbours = words.listed(named, MOST_UNITS, len(finding.units))
    return words("say.beside", neighbours=neighbours)


def detail_of(finding: Finding) -> str:
    """Return what the check itself said, where that is more than the sentence; else nothing."""
    claimed = finding.kind is Kind.BLANK and finding.rows  # by units of another parent
    return finding.message if claimed or finding.kind in IN_DETAIL else ""


def borders_of(finding: Finding) -> str:
    """Return the length of border to each neighbour, for a table's cell."""
    if len(finding.borders_m) != len(finding.units):
        return ""
    pairs = zip(finding.units, finding.borders_m, strict=True)
    return "; ".join(f"{unit} {metres:.2f} m" for unit, metres in pairs)


def summary_line(report: Report, words: Words, *, outline: bool) -> str:
    """Say how many parents are filled exactly."""
    if outline:
        proven = report.proven_parents == report.parents
        return words("page.outline_proven" if proven else "page.outline_open")
    return words("page.proven", proven=whole(report.proven_parents), parents=whole(report.parents))
