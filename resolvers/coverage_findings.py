"""What was found about a level of an edition: page by page, with its land."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import shapely

from geo.findings import Finding, Kind
from geo.width import inscribed_width
from resolvers.coverage_reading import ReportRow, order, outline_land
from resolvers.paging import Page
from resolvers.pictures import metric_of
from storage import proofs, waivers
from storage.findings_reading import FindingFilter, FindingRow

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from resolvers.context import Context
    from storage.waivers import WaiverRow


class FindingPlace(NamedTuple):
    """A place in an edition's list of findings."""

    area_m2: float
    kind: str
    parent: str
    chain: int
    """Of the land; 0 where it has none."""
    address: str
    """The first one; empty where there is none."""


def findings_of(report: ReportRow, which: FindingFilter) -> list[Finding]:
    """Return an edition's findings of some kinds, largest first."""
    return [
        finding
        for finding in report.findings
        if (which.kinds is None or finding.kind in which.kinds)
        and (which.rules is None or finding.rule in which.rules)
        and (which.severity is None or finding.severity == which.severity)
        and (which.min_area_m2 is None or finding.area_m2 >= which.min_area_m2)
        and (which.waived is None or (finding.waiver is not None) == which.waived)
    ]


async def findings_page(
    context: Context,
    report: ReportRow,
    which: FindingFilter,
    *,
    first: int,
    after: FindingPlace | None,
) -> Page[FindingRow]:
    """Return a page of an edition's findings, with their land."""
    found = findings_of(report, which)
    if after is not None:
        last = (-after.area_m2, *after[1:])
        found = [finding for finding in found if order(finding) > last]
    chosen = await _locate(context, report, found[:first])
    named = {finding.waiver for finding in chosen if finding.waiver is not None}
    known = await context.ask(waivers.by_ids, named) if named else {}
    return Page([_row(finding, known) for finding in chosen], len(found) > first)


async def _locate(
    context: Context, report: ReportRow, findings: Sequence[Finding]
) -> list[Finding]:
    """Read or compute the land of findings: one statement for all of a kind."""
    level, edition = report.level, report.edition
    above = (await context.tree()).parent(level)
    if edition is None:
        return list(findings)
    bare = [finding for finding in findings if finding.geometry is None]
    blank = [f.parent for f in bare if f.kind is Kind.BLANK and f.parent is not None]
    other = [f.parent for f in bare if f.kind is Kind.MISMATCH and f.parent is not None]
    land: dict[tuple[Kind, str | None], tuple[Any, tuple[str, ...]]] = {}  # geometry and units
    if above is not None and blank:
        rests = await context.ask(proofs.blank_land, edition, level, above.key, blank)
        land |= {
            (Kind.BLANK, code): (shapely.from_wkb(rest.wkb), tuple(rest.units))
            for code, rest in rests.items()
        }
    if above is not None and other:
        wholes = await context.ask(proofs.parent_land, edition, above.key, other)
        land |= {
            (Kind.MISMATCH, code): (shapely.boundary(shapely.from_wkb(wkb)), ())
            for code, wkb in wholes.items()
        }
    if any(f.parent is None and f.kind in {Kind.BLANK, Kind.MISMATCH} for f in bare):
        outline = (await outline_land(context, edition))[0]
        land[Kind.BLANK, None] = outline, ()
        land[Kind.MISMATCH, None] = shapely.boundary(outline), ()
    placed = []
    for finding in findings:
        known = finding.geometry, finding.units
        there = finding.geometry is not None
        geometry, units = known if there else land.get((finding.kind, finding.parent), known)
        placed.append(dataclasses.replace(finding, geometry=geometry, units=units))
    return await _measure(context, edition, placed)


async def _measure(context: Context, edition: int, findings: Sequence[Finding]) -> list[Finding]:
    """Add the widths of blank land, where they are not known."""
    blank = [
        i
        for i, f in enumerate(findings)
        if f.kind is Kind.BLANK and f.geometry is not None and f.width_m == 0
    ]
    if not blank:
        return list(findings)
    land = np.array([findings[i].geometry for i in blank], dtype=object)
    metric = await metric_of(context, edition, land)
    width_m = await asyncio.to_thread(lambda: inscribed_width(metric.project(land)))
    measured = list(findings)
    for i, width in zip(blank, width_m.tolist(), strict=True):
        measured[i] = dataclasses.replace(findings[i], width_m=width)
    return measured


def _row(finding: Finding, known: Mapping[int, WaiverRow]) -> FindingRow:
    waiver = known.get(finding.waiver or 0)
    return FindingRow(
        id=finding.id,
        draft_id=None,
        level=finding.level,
        kind=finding.kind,
        rule=finding.rule,
        severity=finding.severity,
        message=finding.message,
        wkb=shapely.to_wkb(finding.geometry) if finding.geometry is not None else None,
        area_m2=finding.area_m2,
        width_m=finding.width_m,
        households=finding.households,
        units=list(finding.units),
        rows=[],
        addresses=list(finding.addresses),
        parent_code=finding.parent,
        chain=finding.chain,
        borders_m=finding.borders_m,
        pieces=finding.pieces,
        extra=finding.extra,
        waiver=waiver.acceptance if waiver is not None else None,
    )
