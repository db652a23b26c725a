"""Eleven kinds of faults that a level can have, put into single cells, each with its truth.

A fault stays within the cells around the middle of its community, but for a leak, which moves the
wall to the community in the east. So no two faults touch one another.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import shapely
from shapely import affinity

from benchmarks.coverage.lattice import COMMUNITY_COLS, COMMUNITY_ROWS, EAST_BENDS, WEST_BENDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray
    from shapely import Polygon
    from shapely.geometry.base import BaseGeometry

    from benchmarks.coverage.lattice import Lattice


class FaultKind(StrEnum):
    """What is wrong with a level."""

    SLIVER_GAP = "sliver gap"
    SLIVER_OVERLAP = "sliver overlap"
    MISSING_CELL = "missing cell"
    SHIFTED_EDGE = "shifted edge"
    DUPLICATE = "duplicate"
    DOUBLE_AREA = "double area"
    EXTRA_VERTEX = "extra vertex"
    SELF_CROSSING = "self-crossing"
    LEAK = "leak"
    HOLE = "hole"
    CONTAINED = "contained"


PAIRED = frozenset(FaultKind) - {FaultKind.MISSING_CELL, FaultKind.SELF_CROSSING, FaultKind.HOLE}
"""Kinds that concern two units or more, which a report should name together."""

_BLOW_UP = 2**0.5  # of a side, so that the area doubles
_HOLE_SIDE, _CONTAINED_SIDE = 0.3, 0.4
_LOOP_M = 40.0  # how far the crossing wall is pulled into its cell
_SLIVER_M = (0.01, 1.0)
_SHIFT_M = (2.0, 20.0)
_LEAK_M = (1.0, 10.0)
_OFF_LINE_M = (2e-4, 1e-3)  # less could be rounded onto the line, where no land is wrong


class Fault(NamedTuple):
    """One fault, and the truth about it."""

    kind: FaultKind
    cells: tuple[int, ...]
    """Cells of the lattice that it concerns, its own first, without a unit that it adds."""
    added: bool
    """Whether it is a unit more, which the fault concerns, too."""
    place: BaseGeometry
    """The land or line where boundaries are wrong, in plane metres."""
    size: float
    """Width in metres of slivers, shifts, leaks and vertices; else area in square metres."""


class Change(NamedTuple):
    """What a fault does to the level."""

    fault: Fault
    redrawn: dict[int, Polygon]
    """New polygons of cells, in plane metres."""
    dropped: int | None = None
    extra: Polygon | None = None


class _Site(NamedTuple):
    """A cell of the lattice that a fault is put into."""

    lattice: Lattice
    row: int
    col: int
    rng: np.random.Generator

    @property
    def cell(self) -> int:
        return self.number(self.row, self.col)

    @property
    def east(self) -> int:
        return self.number(self.row, self.col + 1)

    @property
    def ring(self) -> NDArray[np.float64]:
        return np.array(self.lattice.rings[self.row, self.col])

    @property
    def land(self) -> Polygon:
        return shapely.Polygon(self.ring)

    def number(self, row: int, col: int) -> int:
        return row * self.lattice.shape[1] + col

    def draw(self, low_high: tuple[float, float]) -> float:
        """Return a size, each order of magnitude as likely as another."""
        low, high = np.log10(low_high)
        return float(10 ** self.rng.uniform(low, high))

    def around(self) -> Iterator[tuple[int, Polygon]]:
        for row in range(self.row - 1, self.row + 2):
            for col in range(self.col - 1, self.col + 2):
                if (row, col) != (self.row, self.col):
                    yield self.number(row, col), shapely.Polygon(self.lattice.rings[row, col])

    def change(
        self,
        kind: FaultKind,
        place: BaseGeometry,
        size: float,
        *,
        others: tuple[int, ...] = (),
        redrawn: dict[int, Polygon] | None = None,
        dropped: int | None = None,
        extra: Polygon | None = None,
    ) -> Change:
        fault = Fault(kind, (self.cell, *others), extra is not None, place, size)
        return Change(fault, redrawn or {}, dropped, extra)


def make_changes(lattice: Lattice, share: float, seed: int) -> list[Change]:
    """Put faults of all kinds in equal shares into a lattice.

    Parameters
    ----------
    lattice
        A clean city of at least eleven communities.
    share
        Faults for each cell; at most one in a community fits, so 1/30 is the most.
    seed
        The same seed gives the same faults.

    Raises
    ------
    ValueError
        If there are too few communities.
    """
    rows, cols = lattice.shape
    down, across = rows // COMMUNITY_ROWS, cols // COMMUNITY_COLS
    kinds = list(FaultKind)
    wanted = max(len(kinds), round(share * rows * cols))
    rng = np.random.default_rng([seed, wanted])
    order = rng.permutation(down * across).tolist()
    has_east = [c for c in order if c % across < across - 1]
    leaks = len(range(kinds.index(FaultKind.LEAK), wanted, len(kinds)))
    if wanted > len(order) or leaks > len(has_east):
        raise ValueError(f"{wanted} faults do not fit into {len(order)} communities, one in each")
    leaking = has_east[:leaks]
    taken = set(leaking)
    rest = iter([c for c in order if c not in taken])
    changes = []
    for number in range(wanted):
        kind = kinds[number % len(kinds)]
        community = leaking.pop() if kind is FaultKind.LEAK else next(rest)
        top, left = (community // across * COMMUNITY_ROWS, community % across * COMMUNITY_COLS)
        col = COMMUNITY_COLS - 1 if kind is FaultKind.LEAK else COMMUNITY_COLS // 2 - 1
        site = _Site(lattice, top + COMMUNITY_ROWS // 2, left + col, rng)
        changes.append(_MAKERS[kind](site))
    return changes


def _push_east_wall(site: _Site, kind: FaultKind, shift_m: float) -> Change:
    """Move the bends of the east wall; the cell's eastern neighbour stays as it is."""
    ring = site.ring
    ring[EAST_BENDS, 0] += shift_m
    new = shapely.Polygon(ring)
    place = shapely.symmetric_difference(site.land, new)
    return site.change(kind, place, abs(shift_m), others=(site.east,), redrawn={site.cell: new})


def _sliver_gap(site: _Site) -> Change:
    return _push_east_wall(site, FaultKind.SLIVER_GAP, -site.draw(_SLIVER_M))


def _sliver_overlap(site: _Site) -> Change:
    return _push_east_wall(site, FaultKind.SLIVER_OVERLAP, site.draw(_SLIVER_M))


def _shifted_edge(site: _Site) -> Change:
    return _push_east_wall(site, FaultKind.SHIFTED_EDGE, site.draw(_SHIFT_M))


def _missing_cell(site: _Site) -> Change:
    land = site.land
    return site.change(FaultKind.MISSING_CELL, land, land.area, dropped=site.cell)


def _duplicate(site: _Site) -> Change:
    land = site.land
    return site.change(FaultKind.DUPLICATE, land, land.area, extra=land)


def _contained(site: _Site) -> Change:
    inner = affinity.scale(site.land, _CONTAINED_SIDE, _CONTAINED_SIDE)
    return site.change(FaultKind.CONTAINED, inner, inner.area, extra=inner)


def _double_area(site: _Site) -> Change:
    land = site.land
    new = affinity.scale(land, _BLOW_UP, _BLOW_UP)
    place = new.difference(land)
    hit = tuple(cell for cell, other in site.around() if other.intersection(new).area > 0)
    return site.change(
        FaultKind.DOUBLE_AREA, place, place.area, others=hit, redrawn={site.cell: new}
    )


def _extra_vertex(site: _Site) -> Change:
    ring = site.ring
    middle = EAST_BENDS.start + 1
    start, end = ring[middle], ring[middle + 1]
    off_m = site.draw(_OFF_LINE_M) * float(site.rng.choice((-1, 1)))
    normal = np.array([start[1] - end[1], end[0] - start[0]]) / np.hypot(*(end - start))
    vertex = (start + end) / 2 + off_m * normal
    new = shapely.Polygon(np.insert(ring, middle + 1, vertex, axis=0))
    return site.change(
        FaultKind.EXTRA_VERTEX,
        shapely.LineString([start, vertex, end]),
        abs(off_m),
        others=(site.east,),
        redrawn={site.cell: new},
    )


def _self_crossing(site: _Site) -> Change:
    """Draw the east wall as a loop: into the cell, southwards, and out again across itself."""
    ring = site.ring
    a, b, c, d = range(EAST_BENDS.start, EAST_BENDS.start + 4)
    inside = (ring[a, 0] + ring[d, 0]) / 2 - _LOOP_M
    before = shapely.LineString(ring[a : d + 1])
    ring[b], ring[c] = (inside, ring[c, 1]), (inside, ring[b, 1])
    place = shapely.union(before, shapely.LineString(ring[a : d + 1])).convex_hull
    new = shapely.Polygon(ring)
    return site.change(FaultKind.SELF_CROSSING, place, place.area, redrawn={site.cell: new})


def _leak(site: _Site) -> Change:
    """Move a community's border in both cells: neighbours still match, their parents do not fit."""
    ring, other = site.ring, np.array(site.lattice.rings[site.row, site.col + 1])
    shift_m = site.draw(_LEAK_M)
    ring[EAST_BENDS, 0] += shift_m
    other[WEST_BENDS] = ring[EAST_BENDS][::-1]
    new = shapely.Polygon(ring)
    return site.change(
        FaultKind.LEAK,
        shapely.symmetric_difference(site.land, new),
        shift_m,
        others=(site.east,),
        redrawn={site.cell: new, site.east: shapely.Polygon(other)},
    )


def _hole(site: _Site) -> Change:
    land = site.land
    inner = affinity.scale(land, _HOLE_SIDE, _HOLE_SIDE)
    new = shapely.Polygon(site.ring, [inner.exterior.coords[::-1]])
    return site.change(FaultKind.HOLE, inner, inner.area, redrawn={site.cell: new})


_MAKERS: dict[FaultKind, Callable[[_Site], Change]] = {
    FaultKind.SLIVER_GAP: _sliver_gap,
    FaultKind.SLIVER_OVERLAP: _sliver_overlap,
    FaultKind.MISSING_CELL: _missing_cell,
    FaultKind.SHIFTED_EDGE: _shifted_edge,
    FaultKind.DUPLICATE: _duplicate,
    FaultKind.DOUBLE_AREA: _double_area,
    FaultKind.EXTRA_VERTEX: _extra_vertex,
    FaultKind.SELF_CROSSING: _self_crossing,
    FaultKind.LEAK: _leak,
    FaultKind.HOLE: _hole,
    FaultKind.CONTAINED: _contained,
}
