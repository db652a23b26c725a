"""Parents in which so many units lie over one another that their pieces are not told apart.

Ten thousand nearly equal units cross in hundreds of millions of points, and as many nested ones
claim their land fifty million times. Nobody could read that, and no machine should compute it:
such a parent gets one finding, which names all who crowd there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
import shapely

from geo.chain import chains
from geo.findings import Finding, Kind
from geo.land import Wrong, connected_pieces, land_findings, merge_slivers, size_text
from geo.layers import NO_PARENT
from geo.validity import areas_only
from geo.width import inscribed_width

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

    from geo.layers import Ground
    from geo.residual import Residual

SAMPLE = 2000
"""How many lines or faces are tried."""

USUAL = 30
"""How many other lines a line meets, and how many units claim a face, where nobody crowds."""

TOO_MANY = 10_000
"""What all lines, or faces, may have beyond that: some seconds of work."""

MAX_VERTICES = 100_000
"""Land that needs as many more vertices than its units have is drawn by its hull."""


class Doubled(NamedTuple):
    """The land of units that crowd."""

    once: BaseGeometry
    """Held by any."""
    twice: BaseGeometry
    """Held by two or more."""
    exact: bool
    """False where the land is too ragged: both are hulls then."""


def crowded_lines(residual: Residual) -> set[int]:
    """Return the parents whose lines meet so often that they should not be noded."""
    crowded: set[int] = set()
    at = np.arange(len(residual.lines))
    while len(at):
        lines = residual.lines[at]
        tried, hits = _try_some(shapely.STRtree(lines), lines, None)
        if hits.mean() * len(lines) <= TOO_MANY:
            break
        worst = at[tried[hits >= hits.mean()]].tolist()
        crowded |= {p for i in worst for p in residual.parents[i]}
        at = np.array([i for i in at.tolist() if residual.parents[i] - crowded], np.intp)
    return crowded


def crowded_faces(
    faces: NDArray[np.object_], solid: NDArray[np.object_], parents: NDArray[np.object_]
) -> set[int]:
    """Return the parents with faces that too many units claim.

    Parameters
    ----------
    faces
        Polygons, shape (f,).
    solid, parents
        Valid land of the units and of the parents.
    """
    crowded: set[int] = set()
    points = shapely.point_on_surface(faces)
    face, place = shapely.STRtree(parents).query(points, predicate="within")
    home = np.full(len(points), NO_PARENT)
    home[face] = place
    tree = shapely.STRtree(solid)
    at = np.flatnonzero(home != NO_PARENT)
    while len(at):
        tried, claims = _try_some(tree, points[at], "within")
        if claims.mean() * len(at) <= TOO_MANY:
            break
        crowded |= set(home[at[tried[claims >= claims.mean()]]].tolist())
        at = at[~np.isin(home[at], sorted(crowded))]
    return crowded


def _try_some(
    tree: shapely.STRtree, geoms: NDArray[np.object_], predicate: Literal["within"] | None
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Return some geometries, evenly chosen, and how often each meets a tree's beyond the usual."""
    tried = np.arange(0, len(geoms), max(1, len(geoms) // SAMPLE))
    hits = [
        np.bincount(tree.query(geoms[some], predicate=predicate)[0], minlength=len(some))
        for some in np.array_split(tried, len(tried) // 100 + 1)  # a hit takes 16 bytes
    ]
    return tried, np.maximum(np.concatenate(hits) - USUAL, 0).astype(np.float64)


def doubled_land(solid: NDArray[np.object_]) -> Doubled:
    """Return the land that polygons hold once and twice, without comparing all pairs.

    Parameters
    ----------
    solid
        Valid polygons, shape (n,).

    Notes
    -----
    Halves are joined pair by pair: what two halves hold twice is what either does, and what both
    hold. Neighbours, column by column, are joined first.
    """
    x, y = shapely.get_coordinates(shapely.centroid(solid)).T
    column = np.searchsorted(np.quantile(x, np.linspace(0, 1, 9)), x)
    once = solid[np.lexsort((y, column))]
    twice = np.full(len(once), shapely.Polygon(), object)
    most = MAX_VERTICES + 2 * shapely.get_num_coordinates(once).sum()
    while len(once) > 1:
        pairs = len(once) // 2
        a, b, rest = once[: 2 * pairs : 2], once[1 : 2 * pairs : 2], slice(2 * pairs, None)
        both = shapely.intersection(a, b)
        double = shapely.union(
            shapely.union(twice[: 2 * pairs : 2], twice[1 : 2 * pairs : 2]), both
        )
        once = np.concatenate([shapely.union(a, b), once[rest]])
        twice = np.concatenate([double, twice[rest]])
        if shapely.get_num_coordinates(np.concatenate([once, twice])).sum() > most:
            hull = shapely.convex_hull(shapely.geometrycollections(once.tolist()))
            return Doubled(hull, hull, exact=False)
    return Doubled(once[0], twice[0], exact=True)


def crowd_findings(ground: Ground, parent: int) -> list[Finding]:
    """Say of a crowded parent who crowds there, what is left blank, and who leaves it."""
    layer, metric = ground.layer, ground.metric
    mine = np.flatnonzero(layer.parent_of == parent)
    solid, whole = ground.solid[mine], ground.parents.geoms[parent]
    land = doubled_land(solid)
    beyond = shapely.difference(solid, whole)
    wrongs = [Wrong(Kind.OUTSIDE, (unit,), parent) for unit in mine.tolist()]
    wrongs.append(Wrong(Kind.BLANK, (), parent))
    blank = shapely.difference(whole, land.once) if land.exact else shapely.Polygon()
    lands = areas_only(np.array([*beyond, blank], object))
    pieces = connected_pieces(wrongs, lands, ground.solid, metric)
    findings = land_findings(merge_slivers(pieces, layer), layer, ground.parents)
    crowding = shapely.intersects(solid, land.twice) & ~shapely.touches(solid, land.twice)
    units = mine[crowding].tolist()
    return [_crowd(ground, parent, units, land), *findings]


def _crowd(ground: Ground, parent: int, units: list[int], land: Doubled) -> Finding:
    layer, code = ground.layer, ground.parents.codes[parent]
    flat = ground.metric.project(np.array([land.twice], object))
    area_m2, width_m = float(shapely.area(flat)[0]), float(inscribed_width(flat)[0])
    return Finding(
        level=layer.level,
        kind=Kind.OVERLAP,
        message=(
            f"{layer.say(units)} crowd on the same land{f' in {code}' if code else ''}, too many "
            f"to tell apart piece by piece: {'' if land.exact else 'within '}"
            f"{size_text(area_m2, width_m)}; take out those that should not be there"
        ),
        geometry=land.twice,
        area_m2=area_m2,
        width_m=width_m,
        units=layer.names(units),
        rows=layer.rows_of(units),
        parent=code,
        chain=int(chains(np.array([land.twice], object))[0]),
        pieces=int(shapely.get_num_geometries(land.twice)),
        pair=(),
    )
