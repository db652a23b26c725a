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
from geo.faces import FACE_M
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

SAMPLE = 500
"""How many open segments are tried."""

USUAL = 30
"""How many others a segment meets, and how many units it runs through, where nobody crowds."""

TOO_MANY = 10_000
"""What all segments may have beyond that: some seconds of work."""

MAX_VERTICES = 30_000
"""Land that needs as many more vertices than its units have is drawn by its hull."""


class Doubled(NamedTuple):
    """The land of units that crowd."""

    once: BaseGeometry
    """Held by any."""
    twice: BaseGeometry
    """Held by two or more."""
    exact: bool
    """False where the land is too ragged: both are hulls then."""


def find_crowded(residual: Residual, solid: NDArray[np.object_]) -> set[int]:
    """Return the parents whose open segments should not be noded.

    Either they meet one another too often, or they run through the land of too many units.

    Parameters
    ----------
    residual
        The segments that do not cancel.
    solid
        Valid land of the units, shape (n,).
    """
    middles = shapely.line_interpolate_point(residual.lines, 0.5, normalized=True)
    units = shapely.STRtree(solid)
    crowded: set[int] = set()
    at = np.arange(len(residual.lines))
    while len(at):
        lines = residual.lines[at]
        tried = np.arange(0, len(lines), max(1, len(lines) // SAMPLE))
        worst = _surplus(shapely.STRtree(lines), lines[tried], None)
        if worst.mean() * len(lines) <= TOO_MANY:
            worst = _surplus(units, middles[at[tried]], "within")
        if worst.mean() * len(lines) <= TOO_MANY:
            break
        named = at[tried[worst >= worst.mean()]].tolist()
        crowded |= {p for i in named for p in residual.parents[i]}
        at = np.array([i for i in at.tolist() if residual.parents[i] - crowded], np.intp)
    return crowded


def find_crowded_units(solid: NDArray[np.object_], parent_of: NDArray[np.intp]) -> set[int]:
    """Return the parents whose units, n valid polygons, overlap too often to be taken in pairs."""
    crowded: set[int] = set()
    at = np.arange(len(solid))
    while len(at):
        tried = np.arange(0, len(at), max(1, len(at) // SAMPLE))
        hits = _surplus(shapely.STRtree(solid[at]), solid[at[tried]], None)
        if hits.mean() * len(at) <= TOO_MANY:
            break
        crowded |= set(parent_of[at[tried[hits >= hits.mean()]]].tolist())
        at = at[~np.isin(parent_of[at], sorted(crowded))]
    return crowded


def _surplus(
    tree: shapely.STRtree, geoms: NDArray[np.object_], predicate: Literal["within"] | None
) -> NDArray[np.float64]:
    """Return how often each geometry meets those of a tree, beyond what is usual."""
    hits = [
        np.bincount(tree.query(some, predicate=predicate)[0], minlength=len(some))
        for some in np.array_split(geoms, len(geoms) // 100 + 1)  # a hit takes 16 bytes
    ]
    return np.maximum(np.concatenate(hits) - USUAL, 0).astype(np.float64)


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
        both = areas_only(shapely.intersection(a, b))
        held = areas_only(shapely.union(twice[: 2 * pairs : 2], twice[1 : 2 * pairs : 2]))
        double = areas_only(shapely.union(held, both))
        once = np.concatenate([areas_only(shapely.union(a, b)), once[rest]])
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
    leaks = shapely.difference(land.once, whole)
    shapely.prepare(leaks)
    leaky = np.flatnonzero(shapely.intersects(leaks, solid))
    beyond = shapely.intersection(solid[leaky], leaks)
    wrongs = [Wrong(Kind.OUTSIDE, (unit,), parent) for unit in mine[leaky].tolist()]
    wrongs.append(Wrong(Kind.BLANK, (), parent))
    blank = shapely.difference(whole, land.once) if land.exact else shapely.Polygon()
    lands = areas_only(np.array([*beyond, blank], object))
    pieces = connected_pieces(wrongs, lands, ground.solid, metric)
    pieces = [piece for piece in pieces if piece.width_m > FACE_M]
    findings = land_findings(merge_slivers(pieces, layer), layer, ground.parents)
    return [crowd_finding(ground, parent, mine, land), *findings]


def crowd_finding(ground: Ground, parent: int, units: NDArray[np.intp], land: Doubled) -> Finding:
    """Say that units of one parent crowd: those of the given ones whose land is held twice."""
    layer, solid = ground.layer, ground.solid[units]
    shapely.prepare(land.twice)
    crowding = shapely.intersects(land.twice, solid) & ~shapely.touches(land.twice, solid)
    these = units[crowding].tolist()
    code = ground.parents.codes[parent] if parent != NO_PARENT else None
    flat = ground.metric.project(np.array([land.twice], object))
    area_m2, width_m = float(shapely.area(flat)[0]), float(inscribed_width(flat)[0])
    return Finding(
        level=layer.level,
        kind=Kind.OVERLAP,
        message=(
            f"{layer.say(these)} crowd on the same land{f' in {code}' if code else ''}, too many "
            f"to tell apart piece by piece: {'' if land.exact else 'within '}"
            f"{size_text(area_m2, width_m)}; take out those that should not be there"
        ),
        geometry=land.twice,
        area_m2=area_m2,
        width_m=width_m,
        units=layer.names(these),
        rows=layer.rows_of(these),
        parent=code,
        chain=int(chains(np.array([land.twice], object))[0]),
        pieces=int(shapely.get_num_geometries(land.twice)),
        pair=(),
    )
