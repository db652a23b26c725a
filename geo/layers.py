"""The units of one level, what they must fill, and what a check of them says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np
import shapely

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from geo.findings import Finding

NO_PARENT = -1

HANDFUL = 5
"""How many names a message lists."""


class Metric(Protocol):
    """An equal-area projection to metres."""

    def project(self, geoms: NDArray[np.object_]) -> NDArray[np.object_]:
        """Return geometries in metres, shape (n,)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """The units of one level that are checked, and those around them.

    Attributes
    ----------
    level
        Key of the level.
    geoms
        Polygons in degrees, shape (n,), none missing or empty.
    codes
        Codes, shape (n,); None where the file has none.
    parent_of
        Index of each unit's parent, shape (n,); ``NO_PARENT`` for a unit that none is known of and
        for units of other ground, which are looked at only as claimants of land.
    rows
        1-based rows of the file, shape (n,); 0 for stored units.
    """

    level: str
    geoms: NDArray[np.object_]
    codes: Sequence[str | None]
    parent_of: NDArray[np.intp]
    rows: NDArray[np.intp]

    def names(self, units: Iterable[int]) -> tuple[str, ...]:
        """Return the codes of units, sorted, each once."""
        return tuple(sorted({code for i in units if (code := self.codes[i]) is not None}))

    def rows_of(self, units: Iterable[int]) -> tuple[int, ...]:
        """Return the file's rows of units, sorted."""
        return tuple(sorted(int(self.rows[i]) for i in units if self.rows[i] > 0))

    def name(self, unit: int) -> str:
        """Return a unit's code, or its row where the file has none."""
        return self.codes[unit] or f"row {self.rows[unit]}"

    def say(self, units: Iterable[int]) -> str:
        """Return the units' names for a message."""
        these = sorted(units)
        more = f" and {len(these) - HANDFUL} more" if len(these) > HANDFUL else ""
        return ", ".join(map(self.name, these[:HANDFUL])) + more


class Parents(NamedTuple):
    """What is to be filled."""

    codes: Sequence[str | None]
    """Codes, shape (p,); None for the outline of the topmost level."""
    geoms: NDArray[np.object_]
    """Polygons in degrees, shape (p,)."""


class Proof(NamedTuple):
    """The result of the check of one level's land."""

    proven: NDArray[np.bool_]
    """Parents that are filled exactly by valid units, shape (p,)."""
    findings: list[Finding]
    blank_m2: float
    overlap_m2: float
    outside_m2: float
    sums: NDArray[np.int64]
    """Chains of the children less the parent's, shape (p,); zeros for a DISJOINT level."""
    spoilt: NDArray[np.bool_]
    """Parents of a unit whose rings are not valid, shape (p,): no sum can prove them."""
    faults: Mapping[str, frozenset[int]] | None = None
    """For a DISJOINT level: the parents that each finding, by id, spoils; else None."""


class Ground(NamedTuple):
    """What is looked at."""

    layer: Layer
    parents: Parents
    metric: Metric
    solid: NDArray[np.object_]
    """Valid land of the units, shape (n,)."""

    def without(self, crowded: set[int]) -> Ground:
        """Return the ground without the units of some parents."""
        if not crowded:
            return self
        rest = self.solid.copy()
        rest[np.isin(self.layer.parent_of, sorted(crowded))] = shapely.Polygon()
        return self._replace(solid=rest)
