"""A check's report as plain JSON, with the API's names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
import shapely

from geo.findings import Clause, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from geo.check import Checked
    from geo.findings import Finding, Report
    from geo.waivers import Waiver
    from storage.waivers import Acceptance, WaivedCount

    Accepted = Acceptance | Waiver

CYCLE = 2**64
"""Chains are sums modulo this."""


def report_json(report: Report) -> dict[str, Any]:  # free JSON: the contract's CoverageReport
    """Return a report without its findings, as the API's CoverageReport."""
    return {
        "clean": report.clean,
        "clauses": clauses_json(report.clauses),
        "provenParents": report.proven_parents,
        "parents": report.parents,
        "areaM2": report.area_m2,
        "blankM2": report.blank_m2,
        "overlapM2": report.overlap_m2,
        "outsideM2": report.outside_m2,
        "households": report.households._asdict(),
    }


def clauses_json(clauses: Iterable[Clause]) -> list[dict[str, Any]]:  # the contract's Clause
    """Return clauses as the API's."""
    return [
        {
            "rule": clause.rule.value,
            "required": clause.required,
            "holds": clause.holds,
            "findingCount": clause.finding_count,
            "waivedCount": clause.waived_count,
        }
        for clause in clauses
    ]


def finding_json(
    finding: Finding, waivers: Mapping[int, Accepted] | None = None
) -> dict[str, Any]:  # free JSON: the contract's Finding
    """Return a finding as the API's Finding; units by level and code.

    Parameters
    ----------
    waivers
        Those that cover findings, by number.
    """
    geometry = None
    if finding.geometry is not None:
        geometry = orjson.loads(shapely.to_geojson(finding.geometry))
    return {
        "id": finding.id,
        "kind": finding.kind.value,
        "level": {"key": finding.level},
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
        "pieces": finding.pieces,
        "borders": borders_json(finding.level, finding.units, finding.borders_m),
        "chain": str(finding.chain) if finding.chain is not None else None,
        "waiver": waiver_json((waivers or {}).get(finding.waiver or 0)),
    }


def borders_json(
    level: str, units: Sequence[str], borders_m: Sequence[float]
) -> list[dict[str, Any]]:  # free JSON: the API's borders of a finding
    """Return the length of border to each neighbour of blank land."""
    beside = zip(units, borders_m, strict=False)  # other kinds of land have none
    return [{"unit": {"level": {"key": level}, "code": c}, "metres": m} for c, m in beside]


def waiver_json(accepted: Accepted | None) -> dict[str, Any] | None:  # the contract's Waiver
    """Return how a finding was accepted, as the API's Waiver."""
    if accepted is None:
        return None
    return {
        "reason": accepted.reason,
        "approvedBy": accepted.approved_by,
        "approvedAt": accepted.approved_at.isoformat() if accepted.approved_at else None,
        "until": accepted.until.isoformat() if accepted.until is not None else None,
    }


# -- reports of drafts, which change with the waivers ------------------------------------------

UNPROVEN = "unproven"
"""Where a stored report keeps what waivers would have to account for; no part of the API."""


class Standing(NamedTuple):
    """What a draft's report says while certain waivers hold."""

    clauses: tuple[Clause, ...]
    proven_parents: int

    @property
    def clean(self) -> bool:
        """True when every required clause holds."""
        return all(clause.holds for clause in self.clauses if clause.required)


def stored_report(checked: Checked) -> dict[str, Any]:  # free JSON
    """Return a check's report as a draft keeps it: :func:`standing_report` reads it again."""
    unproven = [
        {
            "parent": parent.parent,
            "rest": str(parent.rest),
            "spoilt": parent.spoilt,
            "findings": list(parent.findings),
        }
        for parent in checked.unproven
    ]
    return report_json(checked.report) | {UNPROVEN: unproven}


def standing_report(
    stored: dict[str, Any], counts: Iterable[WaivedCount]
) -> Standing:  # free JSON, as a check wrote it
    """Return what a draft's report says while certain waivers hold.

    Parameters
    ----------
    stored
        The report as the check wrote it.
    counts
        The draft's findings, open and waived.
    """
    alike = list(counts)
    clauses = []
    for clause in stored["clauses"]:
        mine = [some for some in alike if some.rule == clause["rule"]]
        left = [some for some in mine if not some.waived]
        broken = any(some.severity == Severity.BLOCKING for some in left)
        waived = sum(some.findings for some in mine if some.waived)
        holds = not broken if clause["required"] else not left
        rule, required = Rule(clause["rule"]), bool(clause["required"])
        clauses.append(Clause(rule, required, holds, clause["findingCount"], waived))
    if UNPROVEN not in stored:  # checked before anything could be waived
        return Standing(tuple(clauses), stored["provenParents"])
    unproven = [parent for parent in stored[UNPROVEN] if not _proven(parent, alike)]
    return Standing(tuple(clauses), stored["parents"] - len(unproven))


def _proven(parent: dict[str, Any], counts: Sequence[WaivedCount]) -> bool:
    """Return whether waivers account for all that is wrong in a parent."""
    if parent["spoilt"]:
        return False
    if parent["findings"]:
        return set(parent["findings"]) <= {key for some in counts for key in some.ids}
    waived = sum(some.rest for some in counts if some.waived and some.parent == parent["parent"])
    return (int(parent["rest"]) + waived) % CYCLE == 0
