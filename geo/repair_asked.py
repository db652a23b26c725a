"""Which findings a repair is asked to mend, and which land they speak of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely

from geo.findings import Kind
from geo.layers import NO_PARENT

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

    from geo.findings import Finding
    from geo.layers import Layer
    from geo.repair_patches import Patch

MAX_CLAIMANTS = 50
"""Where more units than this claim the same land, the parent is left to people: told apart, it
would take forever."""

FOUND_DEG = 5e-9
"""Land this near to a finding's is the same land, in degrees: both are made of rounded borders."""

LAND_KINDS = frozenset({Kind.BLANK, Kind.OVERLAP, Kind.OUTSIDE})


class Asked:
    """Which findings are to be mended, and where they are."""

    def __init__(self, findings: Sequence[Finding], only: Collection[str] | None) -> None:
        self.findings = findings
        self.only = None if only is None else set(only)
        parts: list[BaseGeometry] = []
        self.of_part: list[Finding] = []
        for finding in findings:
            if finding.kind in LAND_KINDS and finding.geometry is not None:
                pieces = shapely.get_parts(finding.geometry)
                parts += list(pieces)
                self.of_part += [finding] * len(pieces)
        self.tree = shapely.STRtree(parts)
        chosen = [f for f in findings if self.only is not None and f.id in self.only]
        self.parents = {f.parent for f in chosen}
        self.everywhere = self.only is None or any(
            f.kind is Kind.MISMATCH and f.parent is None for f in chosen
        )

    def wants(self, findings: Sequence[Finding], parents: set[str | None]) -> bool:
        """Return whether land is to be mended: what is no finding goes with its parent's."""
        if self.only is None or (not findings and self.everywhere):
            return True
        if findings:
            return any(finding.id in self.only for finding in findings)
        return not self.parents.isdisjoint(parents)

    def find(self, patch: Patch, layer: Layer) -> list[Finding]:
        """Return the findings that speak of a piece of land."""
        inside = shapely.point_on_surface(patch.land)
        near = self.tree.query(inside, predicate="dwithin", distance=FOUND_DEG)
        wrongs = {(w.kind, layer.names(w.units)) for w in patch.wrongs(layer.parent_of)}
        blank = (Kind.BLANK, ())
        found = {}
        for i in np.sort(near).tolist():
            finding = self.of_part[int(i)]
            said = blank if finding.kind is Kind.BLANK else (finding.kind, finding.units)
            if said in wrongs:
                found[finding.id] = finding
        return list(found.values())

    def lines(self, lines: NDArray[np.object_]) -> NDArray[np.object_]:
        """Return the open segments that belong to what is to be mended."""
        keep = np.ones(len(lines), bool)
        if self.only is not None and not self.everywhere:
            wanted = [f for f in self.findings if f.id in self.only]
            keep[:] = False
            keep[_near(lines, wanted)] = True
        return np.asarray(lines[keep])

    def crowded(self, layer: Layer) -> NDArray[np.intp]:
        """Return the parents of units that crowd on one spot, ascending."""
        doubled = [f.rows for f in self.findings if f.kind is Kind.OVERLAP]
        rows = {row for many in doubled if len(many) > MAX_CLAIMANTS for row in many}
        above = layer.parent_of[np.isin(layer.rows, sorted(rows))]
        return np.unique(above[above != NO_PARENT]).astype(np.intp)


def _near(lines: NDArray[np.object_], findings: Sequence[Finding]) -> NDArray[np.intp]:
    places = np.empty(len(findings), object)
    places[:] = [finding.geometry for finding in findings]
    tree = shapely.STRtree(lines)
    return np.unique(tree.query(places, predicate="dwithin", distance=FOUND_DEG)[1]).astype(np.intp)
