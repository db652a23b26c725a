"""Hand-drawn coverages in metres, and the plane that takes them to degrees and back.

A metre of the drawing is 1e-5 degree, so that 0.1 mm is one step of the grid on which degrees are
stored: what is drawn in whole tenths of a millimetre arrives as it was drawn, and every expected
area is the drawing's own closed form.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import shapely

from geo.chain import chains
from geo.layers import NO_PARENT, Layer, Parents
from geo.noding import node
from geo.segments import Sums

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

    from geo.findings import Finding, Kind
    from geo.layers import Proof
    from geo.noding import Noded

LON0, LAT0 = 100.0, 30.0
M_PER_DEG = 1e5
STEP_M = 1e-4
"""One step of the grid of stored degrees, in metres of the drawing."""


class Drawing:
    """The plane of the drawings: an affine ``Ground`` and ``Metric`` in one."""

    def from_file(self, xy: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return plane metres of a file that is in metres already, shape (n, 2)."""
        return np.asarray(xy, dtype=np.float64)

    def from_lonlat(self, lonlat: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return metres of degrees, shape (n, 2)."""
        return np.asarray((np.asarray(lonlat) - (LON0, LAT0)) * M_PER_DEG)

    def to_lonlat(self, xy: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return degrees of metres, shape (n, 2)."""
        return np.asarray((LON0, LAT0) + np.asarray(xy) / M_PER_DEG)

    def project(self, geoms: NDArray[np.object_]) -> NDArray[np.object_]:
        """Return geometries in metres, shape (n,)."""
        return np.asarray(shapely.transform(np.asarray(geoms, object), self.from_lonlat))

    def degrees(self, geoms: NDArray[np.object_]) -> NDArray[np.object_]:
        """Return geometries in degrees as they are stored, shape (n,)."""

        def stored(xy: NDArray[np.float64]) -> NDArray[np.float64]:
            return np.asarray(np.round(self.to_lonlat(xy), 9))

        return np.asarray(shapely.transform(np.asarray(geoms, object), stored))


PLANE = Drawing()


def array(geoms: Iterable[BaseGeometry]) -> NDArray[np.object_]:
    """Return geometries as an array of objects, shape (n,)."""
    given = list(geoms)
    out = np.empty(len(given), object)
    out[:] = given
    return out


def box(west: float, south: float, east: float, north: float) -> shapely.Polygon:
    """Return a rectangle, counter-clockwise."""
    return shapely.box(west, south, east, north)


def polygon(*corners: tuple[float, float]) -> shapely.Polygon:
    """Return a polygon of corners in metres."""
    return shapely.Polygon(corners)


def on_grid(xy: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return metres rounded to whole tenths of a millimetre."""
    return np.asarray(np.round(xy, 4))


def draw_layer(
    units: Mapping[str, BaseGeometry] | Sequence[tuple[str | None, BaseGeometry]],
    parent_of: Sequence[int] | int = 0,
    *,
    level: str = "grid",
) -> Layer:
    """Return a level drawn in metres; rows count from 1."""
    pairs = list(units.items()) if hasattr(units, "items") else list(units)
    owners = [parent_of] * len(pairs) if isinstance(parent_of, int) else parent_of
    return Layer(
        level=level,
        geoms=PLANE.degrees(array(geom for _, geom in pairs)),
        codes=[code for code, _ in pairs],
        parent_of=np.array(owners, np.intp),
        rows=np.arange(1, len(pairs) + 1),
    )


def draw_parents(units: Mapping[str, BaseGeometry]) -> Parents:
    """Return parents drawn in metres."""
    return Parents(list(units), PLANE.degrees(array(units.values())))


def sums_of(parent_of: Sequence[int] | NDArray[np.intp], parents: int) -> Sums:
    """Return the sums of n sent children and of the stored parents right after them."""
    owner = np.asarray(parent_of, np.intp)
    child = np.flatnonzero(owner != NO_PARENT)
    return Sums(
        np.concatenate([child, len(owner) + np.arange(parents)]),
        np.concatenate([owner[child], np.arange(parents)]),
        np.concatenate([np.ones(len(child), np.int64), -np.ones(parents, np.int64)]),
    )


class NodedLevel(NamedTuple):
    """A level after noding, as it would be stored, and what noding said of it."""

    layer: Layer
    parents: Parents
    noded: Noded


def node_level(layer: Layer, parents: Parents) -> NodedLevel:
    """Node the units of a level, taken as sent in metres, on their stored parents."""
    noded = node(
        PLANE.project(layer.geoms),
        parents.geoms,
        sums_of(layer.parent_of, len(parents.geoms)),
        PLANE,
    )
    ground = parents.geoms.copy()
    ground[noded.stored_index] = noded.stored
    stored = Layer(
        level=layer.level,
        geoms=noded.sent,
        codes=layer.codes,
        parent_of=layer.parent_of,
        rows=layer.rows,
    )
    return NodedLevel(stored, Parents(parents.codes, ground), noded)


def of_kind(proof: Proof, kind: Kind) -> list[Finding]:
    """Return the findings of one kind, largest first."""
    return sorted((f for f in proof.findings if f.kind is kind), key=lambda f: -f.area_m2)


def kinds(proof: Proof) -> list[str]:
    """Return the kinds of the findings, sorted, each as often as it is there."""
    return sorted(f.kind.value for f in proof.findings)


def left_over(layer: Layer, parents: Parents, findings: Iterable[Finding]) -> NDArray[np.int64]:
    """Return what is left of each parent's sum when its findings are waived, shape (p,).

    sum of children + blanks - extra x overlaps - outsides - parent, modulo 2^64.
    """
    total = -chains(parents.geoms)
    owned = layer.parent_of != NO_PARENT
    np.add.at(total, layer.parent_of[owned], chains(layer.geoms[owned]))
    index = {code: i for i, code in enumerate(parents.codes)}
    for found in findings:
        if found.parent is None or found.geometry is None or found.area_m2 == 0:
            continue
        sign = {"BLANK": 1, "OVERLAP": -found.extra, "OUTSIDE": -1}[found.kind.value]
        # Arrays wrap silently, as is wanted here; NumPy's scalars would warn.
        total[[index[found.parent]]] += sign * chains(array([found.geometry]))
    return total


@dataclass
class Nest:
    """A city of ``blocks`` x ``blocks`` communities of ``cells`` x ``cells`` grids, in metres.

    Parents are drawn with their corners alone: the grids' vertices lie on the parents' straight
    edges, like nodes that a higher level's file has no reason to carry::

        o-----------o-----------o      o   corner of a community (and of its grids)
        |   '   '   |   '   '   |      '   vertex of grids only, on a straight edge
        |-- + - + --|-- + - + --|      +   vertex of grids inside a community
        |   '   '   |   '   '   |
        o-----------o-----------o
    """

    city: shapely.Polygon
    communities: list[shapely.Polygon]
    grids: list[shapely.Polygon]
    community_of: NDArray[np.intp] = field(repr=False)
    """Community of each grid, shape (g,)."""


def draw_nest(
    rng: np.random.Generator,
    *,
    blocks: int = 2,
    cells: int = 3,
    block_m: float = 200.0,
    off_m: tuple[float, float] = (0.0, 0.0),
) -> Nest:
    """Draw a nest with bent streets.

    Parameters
    ----------
    rng
        Decides on all corners.
    blocks, cells
        Communities along a side of the city, and grids along a side of a community.
    block_m
        Mean side of a community.
    off_m
        The least and the largest distance of a grid's vertex from the parent's straight edge.
    """
    corners = _bent(rng, blocks, block_m, 0.15)
    edges: dict[tuple[int, int, int, int], NDArray[np.float64]] = {}

    def edge(a: tuple[int, int], b: tuple[int, int]) -> NDArray[np.float64]:
        key = (*min(a, b), *max(a, b))
        if key not in edges:
            edges[key] = _nodes(rng, corners[key[:2]], corners[key[2:]], cells, off_m)
        return edges[key] if a < b else edges[key][::-1]

    communities, grids = [], []
    for i in range(blocks):
        for j in range(blocks):
            ring = [(i, j), (i + 1, j), (i + 1, j + 1), (i, j + 1)]
            communities.append(shapely.Polygon([corners[c] for c in ring]))
            south, east = edge(ring[0], ring[1]), edge(ring[1], ring[2])
            north, west = edge(ring[3], ring[2]), edge(ring[0], ring[3])
            grids += _cells(rng, south, east, north, west)
    rim = [corners[0, 0], corners[blocks, 0], corners[blocks, blocks], corners[0, blocks]]
    return Nest(
        shapely.Polygon(rim),
        communities,
        grids,
        np.repeat(np.arange(blocks * blocks), cells * cells),
    )


def _bent(
    rng: np.random.Generator, blocks: int, block_m: float, share: float
) -> NDArray[np.float64]:
    """Return the corners of a bent lattice with a straight rim, shape (b + 1, b + 1, 2)."""
    at = np.arange(blocks + 1) * block_m
    corners = np.stack(np.meshgrid(at, at, indexing="ij"), axis=-1)
    bend = rng.uniform(-share, share, corners.shape) * block_m
    bend[[0, -1], :, 0] = 0.0
    bend[:, [0, -1], 1] = 0.0
    bend[[0, 0, -1, -1], [0, -1, 0, -1]] = 0.0
    return on_grid(corners + bend)


def _nodes(
    rng: np.random.Generator,
    a: NDArray[np.float64],
    b: NDArray[np.float64],
    count: int,
    off_m: tuple[float, float],
) -> NDArray[np.float64]:
    """Return ``count + 1`` points from a to b, the inner ones beside the straight line."""
    along = (np.arange(count + 1) + rng.uniform(-0.2, 0.2, count + 1)) / count
    along[[0, -1]] = 0.0, 1.0
    across = np.array([a[1] - b[1], b[0] - a[0]]) / np.hypot(*(b - a))
    off = rng.uniform(*off_m, count + 1) * rng.choice([-1.0, 1.0], count + 1)
    off[[0, -1]] = 0.0
    return on_grid(a + along[:, None] * (b - a) + off[:, None] * across)


def _cells(
    rng: np.random.Generator,
    south: NDArray[np.float64],
    east: NDArray[np.float64],
    north: NDArray[np.float64],
    west: NDArray[np.float64],
) -> list[shapely.Polygon]:
    """Return the grids of one community, given the nodes along its four sides."""
    n = len(south) - 1
    u = (np.arange(n + 1) / n)[:, None, None]
    v = (np.arange(n + 1) / n)[None, :, None]
    # Coons' patch: a lattice that runs along all four sides.
    xy = (1 - v) * south[:, None] + v * north[:, None] + (1 - u) * west[None] + u * east[None]
    xy -= (1 - u) * (1 - v) * south[0] + u * (1 - v) * south[-1]
    xy -= (1 - u) * v * north[0] + u * v * north[-1]
    side = np.hypot(*(south[-1] - south[0])) / n
    xy[1:-1, 1:-1] += rng.uniform(-0.15, 0.15, (n - 1, n - 1, 2)) * side
    xy = on_grid(xy)
    xy[:, 0], xy[-1], xy[:, -1], xy[0] = south, east, north, west
    return [
        shapely.Polygon([xy[i, j], xy[i + 1, j], xy[i + 1, j + 1], xy[i, j + 1]])
        for i in range(n)
        for j in range(n)
    ]
