"""The land of two states of a level, laid over one another."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np
import shapely

from geo.chain import chains
from geo.noding import MERGE_M
from geo.validity import areas_only, solid_land
from geo.width import inscribed_width

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from geo.layers import Metric

REDRAWN_M = MERGE_M
"""A boundary that moved by no more than this, in metres, was not redrawn.

Noding moves vertices by as much; a strip of land that is no wider is nobody's loss.
"""

NOTHING_M2 = 1e-3
"""Less land than this, in square metres, is not looked at further: areas are not that exact."""


def same_boundaries(old: NDArray[np.object_], new: NDArray[np.object_]) -> NDArray[np.bool_]:
    """Return which boundaries are the same segment by segment, shape (n,).

    Parameters
    ----------
    old, new
        Polygons in degrees, shape (n,) each.

    Notes
    -----
    Most are the same vertex by vertex, which is told without a hash.
    """
    same = np.asarray(shapely.equals_exact(old, new, tolerance=0.0))
    other = np.flatnonzero(~same)
    same[other] = chains(old[other]) == chains(new[other])
    return same


def moved(old: NDArray[np.object_], new: NDArray[np.object_], metric: Metric) -> NDArray[np.bool_]:
    """Return which boundaries lie somewhere else by more than ``REDRAWN_M``, shape (n,).

    Parameters
    ----------
    old, new
        Polygons in degrees, shape (n,) each.
    metric
        Equal-area metres.
    """
    there, here = metric.project(old), metric.project(new)
    # Vertex for vertex near one another: so are the edges between. Most that is left is noise.
    other = ~np.asarray(shapely.equals_exact(there, here, tolerance=REDRAWN_M))
    there, here = shapely.boundary(there[other]), shapely.boundary(here[other])
    # Edges may run elsewhere between the same vertices: their middles count, too.
    other[other] = shapely.hausdorff_distance(there, here, densify=0.5) > REDRAWN_M
    return other


class Land(NamedTuple):
    """n polygons of one state."""

    geoms: NDArray[np.object_]
    """In degrees, shape (n,)."""
    flat: NDArray[np.object_]
    """In metres and valid, shape (n,)."""
    area_m2: NDArray[np.float64]
    """Shape (n,)."""


class Common(NamedTuple):
    """Pairs of polygons of both states that have land in common."""

    before: NDArray[np.intp]
    """Shape (k,)."""
    after: NDArray[np.intp]
    """Shape (k,)."""
    flat: NDArray[np.object_]
    """The land, in metres, shape (k,)."""
    area_m2: NDArray[np.float64]
    """Shape (k,)."""


class Lands(NamedTuple):
    """Units of two states."""

    before: Land
    after: Land
    metric: Metric
    """Equal-area metres."""

    @classmethod
    def of(cls, old: NDArray[np.object_], new: NDArray[np.object_], metric: Metric) -> Self:
        """Measure polygons in degrees, shapes (n,) and (m,)."""
        return cls(_land(old, metric), _land(new, metric), metric)

    def unmoved(self, pairs: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
        """Return those of some pairs whose boundary did not move."""
        if not pairs:
            return []
        i, j = np.array(pairs, np.intp).T
        still = ~moved(self.before.geoms[i], self.after.geoms[j], self.metric)
        return [pair for pair, stays in zip(pairs, still.tolist(), strict=True) if stays]


class Overlay:
    """Units of two states, laid over one another.

    Parameters
    ----------
    lands
        The units.
    settled
        By unit of before, the unit of after that lies where it lay: they are left out.
    """

    def __init__(self, lands: Lands, settled: Mapping[int, int]) -> None:
        self.lands, self.settled = lands, settled
        self.common = _common(lands, settled)
        common = self.common
        pairs = zip(common.before.tolist(), common.after.tolist(), strict=True)
        self._area_of = dict(zip(pairs, common.area_m2.tolist(), strict=True))

    def area_m2(self, i: int, j: int) -> float:
        """Return the land that two units have in common."""
        return float(self._area_of.get((i, j), 0.0))

    def shares(self, i: int, j: int) -> tuple[float, float]:
        """Return what share of either unit their common land is, where they have some."""
        area = self.area_m2(i, j)
        before, after = self.lands.before.area_m2[i], self.lands.after.area_m2[j]
        return area / float(before), area / float(after)

    def moved_m2(self, i: int, j: int) -> float:
        """Return the land that only one of two units has."""
        both = float(self.lands.before.area_m2[i] + self.lands.after.area_m2[j])
        return max(both - 2 * self.area_m2(i, j), 0.0)

    def wide(self) -> Iterator[tuple[int, int, float]]:
        """Yield the pairs whose common land is wider than ``REDRAWN_M``, and how much it is."""
        common = self.common
        for k in np.flatnonzero(_wide(common.flat)).tolist():
            yield int(common.before[k]), int(common.after[k]), float(common.area_m2[k])

    def unclaimed(self, still: NDArray[np.object_]) -> tuple[dict[int, float], dict[int, float]]:
        """Return land without a unit after, by unit of before, and the same with time reversed.

        Parameters
        ----------
        still
            Polygons in degrees of the units around that stand in both states.

        Notes
        -----
        Strips up to ``REDRAWN_M`` wide are left over by noding.
        """
        before, after = self.lands.before, self.lands.after
        stay = np.concatenate([still, before.geoms[list(self.settled)]])
        common = self.common
        pairs = [common, Common(common.after, common.before, common.flat, common.area_m2)]
        left = _Rest(before, after, pairs[0], stay, self.lands.metric)
        come = _Rest(after, before, pairs[1], stay, self.lands.metric)
        return left.without(self.settled.keys()), come.without(self.settled.values())


def _common(lands: Lands, settled: Mapping[int, int]) -> Common:
    i = _others(len(lands.before.flat), settled.keys())
    j = _others(len(lands.after.flat), settled.values())
    old, new = lands.before.flat[i], lands.after.flat[j]
    there, here = shapely.STRtree(new).query(old, predicate="intersects")
    land = areas_only(shapely.intersection(old[there], new[here]))
    area_m2 = np.asarray(shapely.area(land))
    some = area_m2 > 0
    return Common(i[there[some]], j[here[some]], land[some], area_m2[some])


class _Rest(NamedTuple):
    """Land of the units of one state that no unit of the other one has."""

    mine: Land
    other: Land
    common: Common
    """``before`` are mine."""
    still: NDArray[np.object_]
    """Polygons in degrees that have their land in both states."""
    metric: Metric

    def without(self, settled: Collection[int]) -> dict[int, float]:
        """Return the land of each unit that has some, in square metres, but for some units."""
        count = len(self.mine.flat)
        covered = np.bincount(self.common.before, self.common.area_m2, minlength=count)
        missing = np.abs(self.mine.area_m2 - covered) > NOTHING_M2
        missing[list(settled)] = False
        which = np.flatnonzero(missing)
        if not len(which):
            return {}
        rests = self._less_still(which, self._less_claimed(which))
        wide = _wide(rests).tolist()
        found = zip(which.tolist(), shapely.area(rests).tolist(), wide, strict=True)
        return {i: area_m2 for i, area_m2, kept in found if kept}

    def _less_claimed(self, which: NDArray[np.intp]) -> NDArray[np.object_]:
        claims: dict[int, list[int]] = {}
        pairs = zip(self.common.before.tolist(), self.common.after.tolist(), strict=True)
        for i, j in pairs:
            claims.setdefault(i, []).append(j)
        taken = [shapely.union_all(self.other.flat[claims.get(i, [])]) for i in which.tolist()]
        return areas_only(shapely.difference(self.mine.flat[which], taken))

    def _less_still(
        self, which: NDArray[np.intp], rests: NDArray[np.object_]
    ) -> NDArray[np.object_]:
        if not len(self.still):
            return rests
        near = np.unique(shapely.STRtree(self.still).query(self.mine.geoms[which])[1])
        flat = _land(self.still[near], self.metric).flat
        rest, beside = shapely.STRtree(flat).query(rests, predicate="intersects")
        lost = np.empty(len(rests), object)
        for k in range(len(rests)):
            lost[k] = shapely.union_all(flat[beside[rest == k]])
        return areas_only(shapely.difference(rests, lost))


def _land(geoms: NDArray[np.object_], metric: Metric) -> Land:
    flat = metric.project(geoms)
    solid = solid_land(flat, shapely.is_valid(flat))
    return Land(geoms, solid, np.asarray(shapely.area(solid)))


def _others(count: int, left_out: Collection[int]) -> NDArray[np.intp]:
    mask = np.ones(count, bool)
    mask[list(left_out)] = False
    return np.flatnonzero(mask)


def _wide(flat: NDArray[np.object_]) -> NDArray[np.bool_]:
    """Return which polygons in metres are wider than ``REDRAWN_M``, shape (n,)."""
    area, length = shapely.area(flat), shapely.length(flat)
    # A circle of the radius A/P fits into any land without holes; most land is told by that.
    wide = 2 * area > REDRAWN_M * length
    doubtful = np.flatnonzero(~wide & (area > 0))
    wide[doubtful] = inscribed_width(flat[doubtful]) > REDRAWN_M
    return np.asarray(wide)
