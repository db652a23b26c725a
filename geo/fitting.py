"""How well the outline of a file lies on the borders that stand, in metres."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import shapely

from geo.crs import LocalMetric
from geo.labels import usable
from geo.rings import following, take_apart

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from geo.ground import Ground

__all__ = ["Borders", "Fit", "Outline", "distances_apart", "outline_of"]

Matrix = np.ndarray[tuple[int, int], np.dtype[np.float64]]

POINTS = 2000
"""How many points of an outline are measured."""

EDGES = 200_000
"""About how many edges are looked at, to find those that only one polygon has."""

NOISE = 20.0
NOISE_DEG = NOISE / 111_320.0
BESIDE = 0.05
"""A point with another polygon so near is on no outline: borders that are drawn twice lie that far
apart at most. Metres (or feet), degrees, and a share of the units' size."""

LINE = 32
"""Edges of borders that are measured to in one piece."""

FEW = 100
"""With fewer points than these, more of the edges are looked at."""

NEAREST = 0.75
"""Share of the points whose distances count. The others may lie where the file ends amid its
parents, or where a border was moved."""

NEAR_M, ENOUGH = 200.0, 0.1
"""A point that no reading brings so near to a border, in metres, does not count, as long as that
share of all points is left."""

MIN_UNITS = 3
SCATTERED = 0.1
"""At least so many units of which fewer than this share have a neighbour are no tiling: what lies
scattered need not follow its parents' borders."""


class Fit(NamedTuple):
    """How far the points of an outline lie from the borders that stand."""

    mean_m: float
    """Mean distance of the nearest three quarters of them."""
    quarter_m: float
    """The nearest quarter of them lie within this."""


class Outline(NamedTuple):
    """What bounds the land of a file."""

    xy: NDArray[np.float64]
    """Points evenly along it, in the file's coordinates, shape (k, 2)."""
    scattered: bool
    """Whether hardly any two units touch."""


class Borders:
    """The borders of a ground, ready to be measured to.

    Parameters
    ----------
    ground
        What stands.
    """

    def __init__(self, ground: Ground) -> None:
        land = np.array([ground.outline, *ground.parents], dtype=object)
        self.metric = LocalMetric.around(shapely.total_bounds(land).tolist())
        rings = take_apart(land[usable(land)])
        self._tree = shapely.STRtree(_lines(self.metric.forward(rings.xy), rings.start))

    def fits(self, places: Sequence[NDArray[np.float64]]) -> list[Fit]:
        """Measure how far an outline lies from the borders, by each reading of its file.

        Parameters
        ----------
        places
            The points of the outline in degrees of WGS 84, shape (k, 2), by reading; k at least 1.
            A point that is not finite counts as far.

        Notes
        -----
        A point that no reading brings near a border says nothing: there the file ends amid a
        parent, or goes beyond the ground.
        """
        metres = np.array([self._distances(lonlat) for lonlat in places])
        telling = metres.min(axis=0) <= NEAR_M
        if telling.mean() >= ENOUGH:
            metres = metres[:, telling]
        metres.sort(axis=1)
        count = metres.shape[1]
        mean = metres[:, : max(1, int(NEAREST * count))].mean(axis=1)
        return [
            Fit(*pair) for pair in zip(mean.tolist(), metres[:, count // 4].tolist(), strict=True)
        ]

    def _distances(self, lonlat: NDArray[np.float64]) -> NDArray[np.float64]:
        good = np.isfinite(lonlat).all(axis=1)
        metres = np.full(len(lonlat), np.inf)
        points = shapely.points(self.metric.forward(lonlat[good]))
        found, there = self._tree.query_nearest(points, return_distance=True, all_matches=False)
        metres[np.flatnonzero(good)[found[0]]] = there
        return metres


def _lines(xy: NDArray[np.float64], start: NDArray[np.intp]) -> NDArray[np.object_]:
    """Return rings as lines of up to ``LINE`` edges: one line for each edge takes much longer.

    Parameters
    ----------
    xy
        Vertices, shape (v, 2); a ring's closing vertex is not repeated.
    start
        First vertex of each ring, and v; shape (r + 1,).
    """
    if not len(xy):
        return np.zeros(0, object)
    ring = np.repeat(np.arange(len(start) - 1), np.diff(start))
    within = np.arange(len(xy)) - start[ring]
    begins = within % LINE == 0
    line = np.cumsum(begins) - 1
    lasts = np.flatnonzero(np.append(begins[1:], True))  # each line ends where the next one begins
    onward = following(start)[lasts]
    where = np.insert(np.arange(len(xy)), lasts + 1, onward)
    lines = shapely.linestrings(xy[where], indices=np.insert(line, lasts + 1, line[lasts]))
    return np.asarray(lines)


def outline_of(geoms: NDArray[np.object_]) -> Outline:
    """Find what bounds the land of a file: the borders that two units do not have in common.

    Parameters
    ----------
    geoms
        A file's geometries, shape (n,); what is no polygon does not count.

    Notes
    -----
    Of neighbours that match, both have the same edge; an edge that occurs once is on the outline.
    Of many edges those are looked at that a hash of their ends picks: it picks both copies or
    neither. Edges of borders that are drawn twice with some noise occur once each; they are left
    out since another unit lies beside them.
    """
    polygons = geoms[usable(geoms)]
    if not len(polygons):
        return Outline(np.zeros((0, 2)), scattered=True)
    rings = take_apart(polygons)
    ahead = following(rings.start)
    picked, shared = _edges_of_one(rings.xy, ahead)
    edges = np.hstack([rings.xy[picked], rings.xy[ahead[picked]]])
    unit = np.repeat(rings.unit[rings.part], np.diff(rings.start))[picked]
    tree, near = shapely.STRtree(polygons), _beside(polygons)
    kept, alone = np.zeros((0, 2)), 1.0
    for count in (POINTS, 20 * POINTS):
        xy, edge = _along(edges, count)
        mine = _nobody_beside(xy, unit[edge], tree, near)
        kept, alone = xy[mine], float(mine.mean()) if len(mine) else 1.0
        if len(kept) >= FEW or alone == 1.0:
            break
    touching = shared + (1.0 - shared) * (1.0 - alone)
    scattered = len(polygons) >= MIN_UNITS and touching < SCATTERED
    return Outline(kept[:: max(1, len(kept) // POINTS)], scattered)


def _edges_of_one(
    xy: NDArray[np.float64], ahead: NDArray[np.intp]
) -> tuple[NDArray[np.intp], float]:
    """Return edges that occur once, and which share of the edges looked at occurs twice.

    An edge has the number of the vertex that it starts from.
    """
    looked = _some(xy, ahead)
    key, real = _edge_keys(xy[looked], xy[ahead[looked]])
    looked, key = looked[real], key[real]
    _, place, count = np.unique(key, return_inverse=True, return_counts=True)
    once = count[place] == 1
    return looked[once], 1.0 - float(once.mean()) if len(once) else 0.0


def _some(xy: NDArray[np.float64], ahead: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return about ``EDGES`` edges, chosen by their ends alone: both copies of one, or neither."""
    every = max(1, len(xy) // EDGES)
    if every == 1:
        return np.arange(len(xy))
    x, y = (xy + 0.0).view(np.uint64).T
    point = x * np.uint64(0x9E3779B97F4A7C15) + y * np.uint64(0xBF58476D1CE4E5B9)
    chosen = (point + point[ahead]) >> np.uint64(40)  # the upper bits depend on all
    return np.flatnonzero(chosen < np.uint64((1 << 24) // every))


def _edge_keys(
    xy: NDArray[np.float64], other: NDArray[np.float64]
) -> tuple[NDArray[np.uint64], NDArray[np.bool_]]:
    """Return a number for each edge, the same whichever way it runs, and whether it is one.

    A vertex that is repeated starts no edge.
    """
    one, end = _hashed(xy), _hashed(other)
    return one + end, one != end


def _hashed(xy: NDArray[np.float64]) -> NDArray[np.uint64]:
    """Return a number for each point, the same for equal ones (the mixing of splitmix64)."""
    x, y = np.ascontiguousarray((xy + 0.0).T).view(np.uint64)
    mixed = x * np.uint64(0x9E3779B97F4A7C15) ^ (y + np.uint64(0x632BE59BD9B4E019))
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    return np.asarray(mixed ^ (mixed >> np.uint64(31)))


def _along(edges: NDArray[np.float64], count: int) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Return points evenly along edges, end to end, shape (count, 2), and the edge of each."""
    step = edges[:, 2:] - edges[:, :2]
    length = np.hypot(step[:, 0], step[:, 1])
    until = np.cumsum(length)
    if not len(edges) or not until[-1] > 0:
        return np.zeros((0, 2)), np.zeros(0, np.intp)
    place = (np.arange(count) + 0.5) / count * until[-1]
    edge = np.minimum(np.searchsorted(until, place, side="right"), len(edges) - 1)
    part = (place - until[edge] + length[edge]) / length[edge]
    return edges[edge, :2] + step[edge] * part[:, None], edge


def _beside(polygons: NDArray[np.object_]) -> float:
    """Return how near another unit lies along a border that is drawn twice, in the file's units."""
    west, south, east, north = shapely.bounds(polygons).T
    size = float(np.median(np.maximum(east - west, north - south)))
    degrees = west.min() >= -180 and east.max() <= 180  # noqa: PLR2004
    return min(BESIDE * size, NOISE_DEG if degrees else NOISE)


def _nobody_beside(
    xy: NDArray[np.float64], owner: NDArray[np.intp], tree: shapely.STRtree, near: float
) -> NDArray[np.bool_]:
    """Return which points have no other unit within a distance."""
    found, unit = tree.query(shapely.points(xy), predicate="dwithin", distance=near)
    others = np.bincount(found[unit != owner[found]], minlength=len(xy))
    return np.asarray(others == 0)


def distances_apart(places: Sequence[NDArray[np.float64]], metric: LocalMetric) -> Matrix:
    """Return how far the same points lie apart in each two of h readings, metres, shape (h, h).

    Parameters
    ----------
    places
        Degrees of the same k points, shape (k, 2), by reading.
    metric
        Of the ground.
    """
    metres = np.array([metric.forward(lonlat) for lonlat in places])
    with np.errstate(invalid="ignore"):
        apart = np.hypot(*np.moveaxis(metres[:, None] - metres[None, :], -1, 0))
    return np.asarray(np.median(np.where(np.isfinite(apart), apart, np.inf), axis=-1))
