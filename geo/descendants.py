"""The units that stand on redrawn ones: they must still fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely

from geo.coverage import prove
from geo.disjoint import check_disjoint
from geo.findings import Finding, Kind, Severity
from geo.layers import NO_PARENT, Layer, Parents
from geo.levels import Tiling

if TYPE_CHECKING:
    from collections.abc import Collection

    from geo.layers import Metric
    from geo.world import Units, World


def check_children(
    key: str, world: World, ground: Collection[str | None], metric: Metric
) -> list[Finding]:
    """Check the units right below those of a level that is exchanged.

    Parameters
    ----------
    key
        The level.
    world
        With the new units in it.
    ground
        Codes of the units that stood, or stand now, on the ground concerned.
    metric
        Equal-area metres.

    Returns
    -------
    list of Finding
        What forbids publishing; of levels on which nothing stands there is none.
    """
    findings: list[Finding] = []
    above = world.of(key)
    index = {code: i for i, code in enumerate(above.codes)}
    for child in world.children(key):
        units = world.of(child.key)
        units = units.take(np.array([code in ground for code in units.parent_codes], bool))
        if not len(units):
            continue
        parent_of = np.array([index.get(c or "", NO_PARENT) for c in units.parent_codes], np.intp)
        findings += [
            _left_behind(child.key, units, i)
            for i in np.flatnonzero(parent_of == NO_PARENT).tolist()
        ]
        used = np.unique(parent_of[parent_of != NO_PARENT])
        position = np.full(len(above) + 1, NO_PARENT, np.intp)
        position[used] = np.arange(len(used))
        layer = Layer(
            level=child.key,
            geoms=units.geoms,
            codes=units.codes,
            parent_of=position[parent_of],
            rows=np.zeros(len(units), np.intp),
        )
        parents = Parents([above.codes[i] for i in used.tolist()], above.geoms[used])
        judge = prove if child.tiling is Tiling.TILES else check_disjoint
        found = judge(layer, parents, metric).findings
        findings += [finding for finding in found if finding.severity is Severity.BLOCKING]
    return findings


def _left_behind(level: str, units: Units, i: int) -> Finding:
    return Finding(
        level=level,
        kind=Kind.ORPHAN,
        message=f"{units.codes[i]} stands under {units.parent_codes[i]}, which the file removes",
        geometry=shapely.point_on_surface(units.geoms[i]),
        units=(units.codes[i],),
        parent=units.parent_codes[i],
    )
