"""Everything proven once more, from the stored geometry alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import shapely

from geo.chain import chains_of_wkb, parent_sums
from geo.crs import LocalMetric
from geo.disjoint import check_disjoint
from geo.findings import Severity
from geo.layers import NO_PARENT, Layer, Parents
from geo.levels import Tiling
from resolvers.exporting import edition_number
from storage import exporting, levels

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray
    from sqlalchemy.ext.asyncio import AsyncEngine

    from geo.levels import LevelSpec
    from storage.exporting import ExportRow, OutlineAt


class LevelAudit(NamedTuple):
    """What the audit of one level found."""

    level: str
    units: int
    parents: int
    """Parents that have units of this level below them."""
    proven: int


class Difference(NamedTuple):
    """Something that is stored otherwise than the geometry says."""

    code: str
    """CHAIN, RING, AREA, PARENT or PROOF."""
    level: str
    unit: str | None
    """Code of the unit, or of the parent for PROOF; None for the outline."""
    message: str


class Audit(NamedTuple):
    """The audit of one edition."""

    edition: int
    levels: list[LevelAudit]
    differences: list[Difference]

    @property
    def clean(self) -> bool:
        """True when nothing differs."""
        return not self.differences


class _Standing(NamedTuple):
    """One level of the edition, read from its geometry."""

    codes: list[str]
    parent_codes: list[str | None]
    geoms: NDArray[np.object_]
    chain: NDArray[np.int64]


AREA_TOLERANCE = 1e-6
"""How far a stored area may be off, as a share of it: another centre of the projection."""


async def audit(engine: AsyncEngine, edition: int | None) -> Audit:
    """Recompute every chain and every proof of an edition from its stored geometry.

    Parameters
    ----------
    edition
        Number of the edition; None for the newest.
    """
    async with engine.connect() as connection:
        number = await edition_number(connection, edition)
        specs = await levels.all_levels(connection)
        outline = await exporting.outline_at(connection, number)
        rows = {spec.key: await exporting.units_at(connection, number, spec.key) for spec in specs}
    return _audit(number, specs, outline, rows)


def _audit(
    number: int,
    specs: Sequence[LevelSpec],
    outline: OutlineAt | None,
    rows: Mapping[str, list[ExportRow]],
) -> Audit:
    result = Audit(number, [], [])
    standing: dict[str, _Standing] = {}
    if outline is None:
        return result
    top = np.array([shapely.from_wkb(bytes(outline.wkb))], object)
    metric = LocalMetric.around(top[0].bounds)
    top_chain = chains_of_wkb([bytes(outline.wkb)])
    if int(top_chain[0]) != outline.chain:
        said = "the stored chain of the outline is not that of its geometry"
        result.differences.append(Difference("CHAIN", specs[0].key, None, said))
    for spec in specs:
        units = _read(spec.key, rows[spec.key], metric, result.differences)
        standing[spec.key] = units
        if spec.parent is None:
            codes: list[str | None] = [None]
            parents, chain = Parents(codes, top), top_chain
            parent_of = np.zeros(len(units.codes), np.intp)
        else:
            above = standing[spec.parent]
            parents, chain = Parents(above.codes, above.geoms), above.chain
            parent_of = _parents_of(spec.key, units, above, result.differences)
        _prove(spec, units, parents, parent_of, chain, metric=metric, result=result)
    return result


def _read(
    level: str, rows: list[ExportRow], metric: LocalMetric, differences: list[Difference]
) -> _Standing:
    """Read a level, and say where its rows disagree with their geometry."""
    wkbs = [bytes(row.wkb) for row in rows]
    chain = chains_of_wkb(wkbs)
    geoms = np.empty(len(rows), object)
    geoms[:] = shapely.from_wkb(wkbs)
    stored = np.array([row.chain for row in rows], np.int64)
    area_m2 = metric.area_m2(geoms)
    wrong_area = np.abs(area_m2 - [row.area_m2 for row in rows]) > AREA_TOLERANCE * area_m2
    for code, bad, said in (
        ("CHAIN", chain != stored, "the stored chain is not that of the geometry"),
        ("RING", ~shapely.is_valid(geoms), "its rings are not valid"),
        ("AREA", wrong_area, "the stored area is not that of the geometry"),
    ):
        differences.extend(
            Difference(code, level, rows[i].code, f"{level} {rows[i].code}: {said}")
            for i in np.flatnonzero(bad).tolist()
        )
    return _Standing([r.code for r in rows], [r.parent_code for r in rows], geoms, chain)


def _parents_of(
    level: str, units: _Standing, above: _Standing, differences: list[Difference]
) -> NDArray[np.intp]:
    index = {code: i for i, code in enumerate(above.codes)}
    parent_of = np.array([index.get(c or "", NO_PARENT) for c in units.parent_codes], np.intp)
    differences.extend(
        Difference(
            "PARENT",
            level,
            units.codes[i],
            f"{level} {units.codes[i]}: its parent {units.parent_codes[i]} does not stand",
        )
        for i in np.flatnonzero(parent_of == NO_PARENT).tolist()
    )
    return parent_of


def _prove(
    spec: LevelSpec,
    units: _Standing,
    parents: Parents,
    parent_of: NDArray[np.intp],
    chain: NDArray[np.int64],
    *,
    metric: LocalMetric,
    result: Audit,
) -> None:
    """Prove the parents that have units of the level below them."""
    filled = np.unique(parent_of[parent_of != NO_PARENT])
    if spec.tiling is Tiling.TILES:
        proven = parent_sums(units.chain, parent_of, chain) == 0
        said = "the boundaries of the units below do not add up to its own"
        result.differences.extend(
            Difference(
                "PROOF", spec.key, parents.codes[p], f"{parents.codes[p] or 'outline'}: {said}"
            )
            for p in filled.tolist()
            if not proven[p]
        )
    else:
        layer = Layer(
            level=spec.key,
            geoms=units.geoms,
            codes=units.codes,
            parent_of=parent_of,
            rows=np.zeros(len(units.codes), np.intp),
        )
        proof = check_disjoint(layer, parents, metric)
        proven = proof.proven
        result.differences.extend(
            Difference("PROOF", spec.key, finding.parent, finding.message)
            for finding in proof.findings
            if finding.severity is Severity.BLOCKING
        )
    result.levels.append(
        LevelAudit(spec.key, len(units.codes), len(filled), int(proven[filled].sum()))
    )
