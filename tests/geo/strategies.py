"""Random polygons and random dirty coverages for Hypothesis, in the metres of the drawings."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import shapely
from hypothesis import strategies as st
from shapely import affinity

from tests.geo.builders import box, draw_layer, draw_nest, draw_parents, on_grid

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from geo.layers import Layer, Parents

seeds = st.integers(0, 2**32 - 1)


@st.composite
def stars(draw: st.DrawFn, *, west: float = 0.0) -> shapely.Polygon:
    """Draw a star-shaped polygon of 3 to 12 corners, often with a hole of the same shape."""
    count = draw(st.integers(3, 12))
    radii = draw(st.lists(st.floats(5.0, 50.0), min_size=count, max_size=count))
    angles = 2 * np.pi * np.arange(count) / count
    spokes = np.column_stack([np.cos(angles), np.sin(angles)])
    ring = on_grid(spokes * np.array(radii)[:, None] + (west + 50.0, 50.0))
    hole = on_grid(spokes * np.array(radii)[:, None] * 0.4 + (west + 50.0, 50.0))
    return shapely.Polygon(ring, [hole] if draw(st.booleans()) else [])


class Fault(NamedTuple):
    """One thing done to one unit of a coverage."""

    how: str
    which: int
    dx: float
    dy: float


class Dirty(NamedTuple):
    """A level with faults, as it was sent, and what it should fill."""

    layer: Layer
    parents: Parents


@st.composite
def lengths(draw: st.DrawFn) -> float:
    """Draw a length from 10 mm to 16 m either way, all sizes alike."""
    return float(draw(st.sampled_from([-1.0, 1.0])) * 10 ** draw(st.floats(-2.0, 1.2)))


faults = st.builds(
    Fault,
    st.sampled_from(["drop", "repeat", "corner", "shift", "cover", "node", "shrink"]),
    st.integers(0, 1000),
    lengths(),
    lengths(),
)


@st.composite
def dirty_coverages(draw: st.DrawFn) -> Dirty:
    """Draw four communities of 1 to 9 grids each, with one to four faults."""
    nest = draw_nest(
        np.random.default_rng(draw(seeds)), cells=draw(st.integers(1, 3)), block_m=100.0
    )
    units = list(nest.grids)
    owners = nest.community_of.tolist()
    for fault in draw(st.lists(faults, min_size=1, max_size=4)):
        _DOING[fault.how](units, owners, fault)
    layer = draw_layer([(f"g{i:02d}", unit) for i, unit in enumerate(units)], owners)
    parents = draw_parents({f"c{i}": land for i, land in enumerate(nest.communities)})
    return Dirty(layer, parents)


def draw_rough(rng: np.random.Generator, *, cells: int, block_m: float) -> Dirty:
    """Draw four communities whose grids were each drawn by an unsteady hand.

    Every unit has its own idea of the common borders, 5 to 60 mm off, and its own nodes along
    them: just about what noding merges and what it leaves alone.
    """
    nest = draw_nest(rng, cells=cells, block_m=block_m)
    units = []
    for grid in nest.grids:
        unsteady = shapely.Polygon(on_grid(_unsteady(rng, shapely.get_coordinates(grid)[:-1])))
        units.append(unsteady if unsteady.is_valid else grid)
    layer = draw_layer(
        [(f"g{i:02d}", unit) for i, unit in enumerate(units)], nest.community_of.tolist()
    )
    return Dirty(layer, draw_parents({f"c{i}": land for i, land in enumerate(nest.communities)}))


rough_coverages = st.builds(
    lambda seed, cells, block_m: draw_rough(
        np.random.default_rng(seed), cells=cells, block_m=block_m
    ),
    seeds,
    st.integers(1, 3),
    st.sampled_from([5.0, 20.0, 100.0]),
)


def _unsteady(rng: np.random.Generator, ring: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a ring with its corners moved, and up to three more vertices along each side."""
    ring = ring + rng.normal(0.0, 10 ** rng.uniform(-2.3, -1.2), ring.shape)
    out = []
    for a, b in zip(ring, np.roll(ring, -1, axis=0), strict=True):
        along = np.sort(rng.uniform(0.02, 0.98, rng.integers(0, 4)))[:, None]
        off = rng.normal(0.0, 10 ** rng.uniform(-2.3, -1.2), (len(along), 2))
        out += [a[None], a + along * (b - a) + off]
    return np.concatenate(out)


def _drop(units: list[shapely.Polygon], owners: list[int], fault: Fault) -> None:
    if len(units) > 1:
        del units[fault.which % len(units)]
        del owners[fault.which % len(owners)]


def _repeat(units: list[shapely.Polygon], owners: list[int], fault: Fault) -> None:
    units.append(units[fault.which % len(units)])
    owners.append(owners[fault.which % len(owners)])


def _shift(units: list[shapely.Polygon], owners: list[int], fault: Fault) -> None:
    at = fault.which % len(units)
    units[at] = _rounded(affinity.translate(units[at], fault.dx, fault.dy))


def _cover(units: list[shapely.Polygon], owners: list[int], fault: Fault) -> None:
    at = fault.which % len(units)
    x, y = units[at].centroid.coords[0]
    wide, high = 4 * abs(fault.dx) + 1, 4 * abs(fault.dy) + 1
    units.append(_rounded(box(x, y, x + wide, y + high)))
    owners.append(owners[at])


def _corner(units: list[shapely.Polygon], owners: list[int], fault: Fault) -> None:
    def move(ring: NDArray[np.float64]) -> NDArray[np.float64]:
        ring[fault.which % len(ring)] += fault.dx, fault.dy
        return ring

    _redraw(units, fault, move)


def _node(units: list[shapely.Polygon], owners: list[int], fault: Fault) -> None:
    def put_in(ring: NDArray[np.float64]) -> NDArray[np.float64]:
        at = fault.which % len(ring)
        middle = (ring[at] + ring[(at + 1) % len(ring)]) / 2 + (fault.dx, fault.dy)
        return np.insert(ring, at + 1, middle, axis=0)

    _redraw(units, fault, put_in)


def _shrink(units: list[shapely.Polygon], owners: list[int], fault: Fault) -> None:
    at = fault.which % len(units)
    smaller = units[at].buffer(-abs(fault.dx), join_style="mitre")
    parts = shapely.get_parts(smaller)
    if len(parts) == 1 and parts[0].area > 0:
        units[at] = _rounded(parts[0])


_DOING: dict[str, Callable[[list[shapely.Polygon], list[int], Fault], None]] = {
    "drop": _drop,
    "repeat": _repeat,
    "corner": _corner,
    "shift": _shift,
    "cover": _cover,
    "node": _node,
    "shrink": _shrink,
}


def _redraw(
    units: list[shapely.Polygon],
    fault: Fault,
    change: Callable[[NDArray[np.float64]], NDArray[np.float64]],
) -> None:
    """Change a unit's ring where it stays valid: twisted rings have tests of their own."""
    at = fault.which % len(units)
    ring = shapely.Polygon(on_grid(change(shapely.get_coordinates(units[at])[:-1].copy())))
    if ring.is_valid:
        units[at] = ring


def _rounded(polygon: shapely.Polygon) -> shapely.Polygon:
    return shapely.Polygon(on_grid(shapely.get_coordinates(polygon)[:-1]))
