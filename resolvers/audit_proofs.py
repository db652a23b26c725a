"""The proof of an edition, made once more from the geometry that is stored."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import shapely

from geo.chain import parent_sums
from geo.coverage import prove
from geo.disjoint import check_disjoint
from geo.findings import Severity
from geo.layers import NO_PARENT, Layer, Parents
from geo.levels import Tiling
from geo.waivers import proven_with
from resolvers.audit_land import read_geoms
from resolvers.audit_report import Difference, LevelAudit
from storage import auditing

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

    from geo.crs import LocalMetric
    from geo.findings import Finding
    from geo.layers import Proof
    from geo.levels import LevelSpec
    from resolvers.audit_land import Standing
    from resolvers.audit_report import Edition, Findings
    from storage.auditing import WaivedAt

MAX_EXPLAINED = 20
"""So many unproven parents of a level are looked into; the others are only named."""
TIMES = {"BLANK": 1, "OUTSIDE": -1}
"""How often waived land enters the sum of its parent; an overlap does as often as it says."""


class Above(NamedTuple):
    """What the units of a level must fill."""

    codes: Sequence[str | None]
    """None for the outline."""
    chain: NDArray[np.int64]
    parent_of: NDArray[np.intp]


class Ground(NamedTuple):
    """What is looked at beside the units: metres, and what the topmost level fills."""

    metric: LocalMetric
    outline: BaseGeometry


class Waived(NamedTuple):
    """Waived land of a level, and its chain."""

    land: WaivedAt
    chain: int


def find_above(
    level: str, units: Standing, above: Standing | None, outline: int, findings: Findings
) -> Above:
    """Return the parents of units, and say which units have none; by default the outline's."""
    if above is None:
        chain = np.array([outline], np.int64)
        return Above([None], chain, np.zeros(len(units.codes), np.intp))
    index = {code: i for i, code in enumerate(above.codes)}
    parent_of = np.array([index.get(c or "", NO_PARENT) for c in units.parent_codes], np.intp)
    for i in np.flatnonzero(parent_of == NO_PARENT).tolist():
        unit, parent = units.codes[i], units.parent_codes[i]
        said = f"{level} {unit}: its parent {parent} does not stand"
        findings.add(Difference("PARENT", level, unit, said))
    return Above(above.codes, above.chain, parent_of)


async def check_level(
    edition: Edition,
    spec: LevelSpec,
    units: Standing,
    above: Above,
    *,
    waived: Sequence[Waived],
    ground: Ground,
) -> LevelAudit:
    """Prove the parents that have units of a level below them, and say which are not proven."""
    filled = np.unique(above.parent_of[above.parent_of != NO_PARENT])
    if spec.tiling is Tiling.TILES:
        proven = _add_up(units, above, waived)
        wrong = filled[~proven[filled]].tolist()
        for p in wrong[MAX_EXPLAINED:]:
            said = "the units below it do not fill it"
            edition.findings.add(_unproven(spec.key, above.codes[p], said))
        for p in wrong[:MAX_EXPLAINED]:
            await _explain(edition, spec, above.codes[p], waived, ground)
    else:
        proven = await _check_disjoint(edition, spec, above, waived, ground)
    return LevelAudit(spec.key, len(units.codes), len(filled), int(proven[filled].sum()))


def _add_up(units: Standing, above: Above, waived: Sequence[Waived]) -> NDArray[np.bool_]:
    """Return which parents the units fill, but for what is waived; their rings must be valid."""
    rest = parent_sums(units.chain, above.parent_of, above.chain)
    index = {code: i for i, code in enumerate(above.codes)}
    for land, chain in waived:
        times = TIMES.get(land.kind, -land.extra if land.kind == "OVERLAP" else 0)
        if land.parent_code in index:
            parent = [index[land.parent_code]]
            # arrays of integers wrap silently
            np.add.at(rest, parent, np.array([chain], np.int64) * times)
    proven = rest == 0
    proven[above.parent_of[~units.valid & (above.parent_of != NO_PARENT)]] = False
    return np.asarray(proven)


def _unproven(level: str, parent: str | None, said: str, units: tuple[str, ...] = ()) -> Difference:
    name = parent or "the outline"
    return Difference("PROOF", level, parent, f"{level} in {name}: {said}", units=units)


async def _explain(
    edition: Edition,
    spec: LevelSpec,
    parent: str | None,
    waived: Sequence[Waived],
    ground: Ground,
) -> None:
    """Say what is wrong in a parent that its units do not fill."""
    rows = await auditing.lands_under(edition.connection, edition.number, spec.key, parent)
    land = ground.outline
    if parent is not None and spec.parent is not None:
        [wkb] = (await _lands(edition, spec.parent, [parent])).values()
        land = read_geoms([wkb])[0]
    geoms = read_geoms([wkb for _, wkb in rows])
    there = np.flatnonzero(~shapely.is_empty(geoms))  # the others were named by their rings
    layer = Layer(
        level=spec.key,
        geoms=geoms[there],
        codes=[rows[i][0] for i in there.tolist()],
        parent_of=np.zeros(len(there), np.intp),
        rows=np.zeros(len(there), np.intp),
    )
    parents = np.empty(1, object)
    parents[0] = land
    proof = prove(layer, Parents([parent], parents), ground.metric)
    left = list(_open(proof, waived))
    for finding in left:
        edition.findings.add(_unproven(spec.key, parent, finding.message, finding.units))
    if not left:
        said = "the land that is waived there is not the land that is left over"
        edition.findings.add(_unproven(spec.key, parent, said))


async def _lands(edition: Edition, level: str, codes: Sequence[str]) -> dict[str, bytes]:
    return await auditing.lands_of(edition.connection, edition.number, level, codes)


def _open(proof: Proof, waived: Sequence[Waived]) -> Iterator[Finding]:
    """Yield what forbids publishing and was not waived."""
    accepted = {one.land.finding_id for one in waived}
    for finding in proof.findings:
        if finding.severity is Severity.BLOCKING and finding.id not in accepted:
            yield finding


async def _check_disjoint(
    edition: Edition,
    spec: LevelSpec,
    above: Above,
    waived: Sequence[Waived],
    ground: Ground,
) -> NDArray[np.bool_]:
    """Check a level whose units need not fill their parents; return which of these are right."""
    rows = await auditing.lands_under(edition.connection, edition.number, spec.key, None)
    own = np.flatnonzero(above.parent_of != NO_PARENT)
    used = np.unique(above.parent_of[own])
    names = [above.codes[p] or "" for p in used.tolist()]
    lands = await _lands(edition, spec.parent or "", names)
    layer = Layer(
        level=spec.key,
        geoms=read_geoms([rows[i][1] for i in own.tolist()]),
        codes=[rows[i][0] for i in own.tolist()],
        parent_of=np.searchsorted(used, above.parent_of[own]).astype(np.intp),
        rows=np.zeros(len(own), np.intp),
    )
    parents = Parents(names, read_geoms([lands[name] for name in names]))
    proof = check_disjoint(layer, parents, ground.metric)
    for finding in _open(proof, waived):
        edition.findings.add(_unproven(spec.key, finding.parent, finding.message, finding.units))
    accepted = {one.land.finding_id for one in waived}
    judged = [
        replace(finding, waiver=0) if finding.id in accepted else finding
        for finding in proof.findings
    ]
    proven = np.ones(len(above.codes), bool)
    proven[used] = proven_with(proof, names, judged)
    return proven
