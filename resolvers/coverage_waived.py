"""What is waived in an edition: land that belongs to its proof, and which findings are accepted."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from geo.findings import Finding, Kind, Severity
from geo.waivers import SUMMED, WaivedLand, match
from resolvers.pictures import metric_of
from storage import proofs, waived_land, waivers
from storage.engine import as_geoms

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from geo.levels import LevelSpec
    from geo.waivers import Waiver
    from resolvers.context import Context
    from storage.proofs import ParentProof


async def waived_land_of(
    context: Context, spec: LevelSpec, edition: int, parents: Sequence[str | None] | None
) -> list[WaivedLand]:
    """Return the land of a level that was waived when an edition was published, in some parents."""
    codes = None if parents is None else [code for code in parents if code is not None]
    return await context.ask(waived_land.of_edition, edition, spec.key, parents=codes)


async def accepted(
    context: Context,
    spec: LevelSpec,
    edition: int,
    findings: Sequence[Finding],
    *,
    held: Sequence[int],
    day: dt.date,
) -> list[Finding]:
    """Return an edition's findings with the waivers that cover them on a day.

    Parameters
    ----------
    held
        Numbers of the level's waivers that hold then.
    """
    if not held or not findings:
        return [dataclasses.replace(finding, waiver=None) for finding in findings]
    covers = await context.ask(waivers.covers, day, level=spec.key, only=held)
    placed = await _with_bare_land(context, spec, edition, findings, covers)
    land = np.array([f.geometry for f in placed if f.geometry is not None], object)
    metric = await metric_of(context, edition, land)
    return await asyncio.to_thread(match, placed, covers, metric)


async def _with_bare_land(
    context: Context,
    spec: LevelSpec,
    edition: int,
    findings: Sequence[Finding],
    covers: Sequence[Waiver],
) -> list[Finding]:
    """Give parents without any unit their land, where a waiver may speak of it."""
    named = {cover.parent for cover in covers if cover.kind is Kind.BLANK}
    bare = {f.parent for f in findings if _is_bare(f)} & named - {None}
    if not bare or spec.parent is None:
        return list(findings)
    codes = sorted(code for code in bare if code is not None)
    wkbs = await context.ask(proofs.parent_land, edition, spec.parent, codes)
    lands = dict(zip(wkbs, as_geoms(list(wkbs.values())), strict=True))
    return [
        dataclasses.replace(finding, geometry=lands.get(finding.parent or ""))
        if _is_bare(finding)
        else finding
        for finding in findings
    ]


def _is_bare(finding: Finding) -> bool:
    """Return whether a finding says that a parent has no unit."""
    blocks = finding.severity is Severity.BLOCKING
    return finding.kind is Kind.BLANK and finding.geometry is None and blocks


def proven_parents(parents: Sequence[ParentProof], findings: Sequence[Finding]) -> int:
    """Return how many parents of a TILES level are filled exactly, but for what is waived now.

    The stored chains prove a parent with the land that was waived at publishing: while a waiver of
    that land does not hold, the parent is not proven. One without units is, where that is waived.
    """
    land = [finding for finding in findings if finding.kind in SUMMED]
    left = {finding.parent for finding in land if finding.waiver is None}
    bare = [finding for finding in land if not isinstance(finding, WaivedLand)]
    accounted = {finding.parent for finding in bare if finding.waiver is not None}
    proven = [parent.code for parent in parents if parent.proven or parent.code in accounted]
    return sum(code not in left for code in proven)
