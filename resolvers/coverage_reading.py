"""What is proven about a level of an edition, and what was found about a draft."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import shapely

from geo.disjoint import check_disjoint
from geo.findings import (
    MAX_ADDRESSES,
    Clause,
    Finding,
    HouseholdCover,
    Kind,
    Severity,
    make_clauses,
)
from geo.layers import Layer, Parents
from geo.levels import Tiling
from geo.waivers import proven_with
from resolvers.coverage_waived import accepted, proven_parents, waived_land_of
from resolvers.pictures import metric_of
from resolvers.reports import standing_report
from resolvers.units import UnitRef, require_unit
from storage import cover, proofs, waivers
from storage.engine import as_geoms
from storage.proofs import Inside, ParentProof

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from geo.layers import Proof
    from geo.levels import LevelSpec
    from resolvers.context import Context
    from resolvers.tree import Tree
    from storage.drafts_reading import DraftRow
    from storage.waivers import WaivedCount


class ReportRow(NamedTuple):
    """The four clauses of one level under one unit or everywhere.

    Areas are square metres of land. The findings of an edition are listed here, largest first,
    without their geometry; those of a draft are rows of their own.
    """

    level: str
    within: UnitRef | None
    edition: int | None
    draft_id: int | None
    clean: bool
    clauses: tuple[Clause, ...]
    proven_parents: int
    parents: int
    area_m2: float
    blank_m2: float
    overlap_m2: float
    outside_m2: float
    households: HouseholdCover
    findings: tuple[Finding, ...] = ()


SLIVER_M2 = 0.01
"""Blank land of a DISJOINT level below this is the rounding of areas."""


async def coverage(
    context: Context, level: str, *, within: UnitRef | None, as_of: dt.date | None
) -> ReportRow:
    """Return what is proven about a level of the edition that stands on a day.

    Raises
    ------
    UnknownError
        If there is no such level or unit.
    BadInputError
        If ``within`` is not above the level.
    NoEditionError
        If nothing was published by that day.
    """
    tree = await context.tree()
    spec = tree.get(level)
    if within is not None:
        tree.require_above(within.level, level, argument="within")
    edition = (await context.edition(as_of)).number
    if within is not None:
        await require_unit(context, edition, within, argument="within")
    return await report_of(context, spec, edition, within, day=as_of or context.today)


async def report_of(
    context: Context, spec: LevelSpec, edition: int, within: UnitRef | None, *, day: dt.date
) -> ReportRow:
    """Return the report of a level of an edition.

    Parameters
    ----------
    day
        On which a waiver must hold.

    Notes
    -----
    It is computed once for each set of waivers that hold: editions never change, waivers do.
    """
    held = await context.ask(waivers.holding, spec.key, day)
    return await context.shared.reports.get(
        (edition, spec, within, held),
        lambda: _report(context, spec, edition, within, held=held, day=day),
        lambda report: 1 + len(report.findings) + len(held) // 100,
    )


async def _report(
    context: Context,
    spec: LevelSpec,
    edition: int,
    within: UnitRef | None,
    *,
    held: tuple[int, ...],
    day: dt.date,
) -> ReportRow:
    tree = await context.tree()
    inside = _inside(tree, within)
    parents = await _proofs(context, spec, edition, inside)
    standing = [parent for parent in parents if parent.stands]
    codes = [parent.code for parent in standing]
    disjoint = spec.tiling is Tiling.DISJOINT
    households = await _households(context, tree, spec, edition, inside)
    findings = _land_findings(spec, parents)
    overlap_m2 = outside_m2 = 0.0
    proof = None
    if disjoint and standing:
        proof = await _disjoint_proof(context, spec, edition, standing)
        # Land in no unit is known from the areas already, without an overlay.
        findings += [found for found in proof.findings if found.kind is not Kind.BLANK]
        overlap_m2, outside_m2 = proof.overlap_m2, proof.outside_m2
    elif not disjoint:
        land = await waived_land_of(context, spec, edition, codes if inside else None)
        findings += land
        overlap_m2 = sum(found.area_m2 for found in land if found.kind is Kind.OVERLAP)
        outside_m2 = sum(found.area_m2 for found in land if found.kind is Kind.OUTSIDE)
    if households.uncovered and disjoint:
        findings += await _astray_addresses(context, spec, edition, inside)
    elif households.uncovered:
        findings += await _lost_addresses(context, tree, spec, edition, inside)
    findings = await accepted(context, spec, edition, findings, held=held, day=day)
    findings.sort(key=order)
    if proof is not None:
        proven = int(proven_with(proof, codes, findings).sum())
    else:
        proven = proven_parents(standing, findings)
    clauses = make_clauses(findings, disjoint=disjoint)
    return ReportRow(
        level=spec.key,
        within=within,
        edition=edition,
        draft_id=None,
        clean=all(clause.holds for clause in clauses if clause.required),
        clauses=clauses,
        proven_parents=proven,
        parents=len(standing),
        area_m2=sum(parent.area_m2 for parent in standing),
        blank_m2=sum(finding.area_m2 for finding in findings if finding.kind is Kind.BLANK),
        overlap_m2=overlap_m2,
        outside_m2=outside_m2,
        households=households,
        findings=tuple(findings),
    )


def _inside(tree: Tree, within: UnitRef | None) -> Inside | None:
    """Return a unit with the ways to the tiling levels below it."""
    if within is None:
        return None
    below = tree.tiling_from(within.level)
    paths = {key: tree.between(within.level, key) for key in below}
    return Inside(
        within.level, within.code, {key: path for key, path in paths.items() if path is not None}
    )


async def _proofs(
    context: Context, spec: LevelSpec, edition: int, inside: Inside | None
) -> list[ParentProof]:
    """Return the parents of a level; the topmost level's is the outline."""
    if spec.parent is not None:
        return await context.ask(
            proofs.parent_proofs, edition, spec.key, spec.parent, within=inside
        )
    found = await context.ask(proofs.outline_proof, edition, spec.key)
    if not found:
        return []
    geoms = await outline_land(context, edition)
    area_m2 = (await metric_of(context, edition, geoms)).area_m2(geoms)
    return [parent._replace(area_m2=float(area_m2[0])) for parent in found]


async def _disjoint_proof(
    context: Context, spec: LevelSpec, edition: int, parents: Sequence[ParentProof]
) -> Proof:
    """Check the units of a DISJOINT level for overlaps and leaks: no sum of chains tells those."""
    codes = [parent.code or "" for parent in parents]
    above = await context.ask(proofs.parent_land, edition, spec.parent or "", codes)
    rows = await context.ask(proofs.unit_land, edition, spec.key, codes)
    place = {code: i for i, code in enumerate(codes)}
    layer = Layer(
        level=spec.key,
        geoms=as_geoms([wkb for _, _, wkb in rows]),
        codes=[code for code, _, _ in rows],
        parent_of=np.array([place[parent] for _, parent, _ in rows], np.intp),
        rows=np.zeros(len(rows), np.intp),
    )
    ground = Parents(codes, as_geoms([above[code] for code in codes]))
    metric = await metric_of(context, edition, ground.geoms)
    return await asyncio.to_thread(check_disjoint, layer, ground, metric)


async def outline_land(context: Context, edition: int) -> NDArray[np.object_]:
    """Return what the topmost level fills: one geometry, or none."""
    outline = await context.ask(proofs.outline, edition, geometry=True)
    return as_geoms([outline.wkb] if outline else [])


async def _households(
    context: Context, tree: Tree, spec: LevelSpec, edition: int, inside: Inside | None
) -> HouseholdCover:
    if spec.tiling is Tiling.TILES:
        total, covered = await context.ask(
            cover.households_of_tiling, edition, tree.tiling_from(spec.key), within=inside
        )
    else:
        total, covered = await context.ask(
            cover.households_of_disjoint,
            edition,
            spec.key,
            within=inside,
        )
    return HouseholdCover(total=total, covered=covered, uncovered=max(0, total - covered))


# --- findings ----------------------------------------------------------------------------------


def order(finding: Finding) -> tuple[float, str, str, int, str]:
    """Return the place of a finding in the list: largest first.

    What follows tells apart what is as large, and does not change when the land is looked up.
    """
    first = next(iter(finding.addresses), "")
    return -finding.area_m2, finding.kind, finding.parent or "", finding.chain or 0, first


def _land_findings(spec: LevelSpec, parents: Sequence[ParentProof]) -> list[Finding]:
    judge = _judge_disjoint if spec.tiling is Tiling.DISJOINT else _judge_tiling
    return [found for parent in parents if (found := judge(spec, parent)) is not None]


def _judge_tiling(spec: LevelSpec, parent: ParentProof) -> Finding | None:
    """Say what is wrong with a parent that must be filled; None when nothing is."""
    if not parent.stands:
        return _orphans(spec, parent)
    if parent.proven:
        return None
    where = f"{spec.parent} {parent.code}" if parent.code is not None else "the outline"
    if parent.units == 0:
        return Finding(
            level=spec.key,
            kind=Kind.BLANK,
            message=f"{where} has no unit of level {spec.key}",
            area_m2=parent.area_m2,
            parent=parent.code,
            extra=1,
        )
    return Finding(
        level=spec.key,
        kind=Kind.MISMATCH,
        message=(
            f"the boundaries of the {parent.units} units in {where} do not add up to its own: "
            "nothing is proven about it; run `wangge audit`"
        ),
        parent=parent.code,
    )


def _judge_disjoint(spec: LevelSpec, parent: ParentProof) -> Finding | None:
    """Say how much land of a parent no unit holds; None when there is none."""
    if not parent.stands:
        return _orphans(spec, parent)
    blank_m2 = parent.area_m2 - parent.units_m2
    if parent.proven or blank_m2 < SLIVER_M2:
        return None
    return Finding(
        level=spec.key,
        kind=Kind.BLANK,
        severity=Severity.WARNING,
        message=f"{blank_m2:.0f} m2 of {spec.parent} {parent.code} are in no {spec.key}",
        area_m2=blank_m2,
        parent=parent.code,
    )


def _orphans(spec: LevelSpec, parent: ParentProof) -> Finding:
    return Finding(
        level=spec.key,
        kind=Kind.ORPHAN,
        message=(
            f"{parent.units} units name {spec.parent} {parent.code}, which does not stand"
            if parent.code is not None
            else f"{parent.units} units name no {spec.parent}"
        ),
        parent=parent.code,
    )


async def _lost_addresses(
    context: Context, tree: Tree, spec: LevelSpec, edition: int, inside: Inside | None
) -> list[Finding]:
    groups = await context.ask(
        cover.uncovered,
        edition,
        tree.tiling_from(spec.key),
        parent_level=spec.parent,
        within=inside,
        limit=MAX_ADDRESSES,
    )
    return [
        Finding(
            level=spec.key,
            kind=Kind.HOUSEHOLD_UNCOVERED,
            message=f"{group.households} households are in no {spec.key}",
            geometry=shapely.from_wkb(group.wkb),
            households=group.households,
            addresses=tuple(group.keys),
            parent=group.code,
        )
        for group in groups
    ]


async def _astray_addresses(
    context: Context, spec: LevelSpec, edition: int, inside: Inside | None
) -> list[Finding]:
    """Name the addresses that name a unit of a DISJOINT level in which they do not lie."""
    groups = await context.ask(cover.astray, edition, spec.key, within=inside, limit=MAX_ADDRESSES)
    return [
        Finding(
            level=spec.key,
            kind=Kind.HOUSEHOLD_UNCOVERED,
            message=f"{group.households} households name {group.code}, but do not lie in it",
            geometry=shapely.from_wkb(group.wkb),
            households=group.households,
            units=(group.code or "",),
            addresses=tuple(group.keys),
        )
        for group in groups
    ]


# --- drafts ------------------------------------------------------------------------------------


def report_of_draft(draft: DraftRow, counts: Sequence[WaivedCount]) -> ReportRow | None:
    """Return the report that a draft's check wrote; None before and after it failed.

    Parameters
    ----------
    counts
        Its findings, open and waived.
    """
    stored = draft.report
    if stored is None:
        return None
    now = standing_report(stored, counts)
    within = None
    if draft.within_level is not None and draft.within_code is not None:
        within = UnitRef(draft.within_level, draft.within_code)
    return ReportRow(
        level=draft.level,
        within=within,
        edition=None,
        draft_id=draft.id,
        clean=now.clean,
        clauses=now.clauses,
        proven_parents=now.proven_parents,
        parents=stored["parents"],
        area_m2=stored["areaM2"],
        blank_m2=stored["blankM2"],
        overlap_m2=stored["overlapM2"],
        outside_m2=stored["outsideM2"],
        households=HouseholdCover(**stored["households"]),
    )
