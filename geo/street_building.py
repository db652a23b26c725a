"""Builds a street network of ways: what meets is joined, what only passes is left whole.

Ways meet where they share a vertex: the same node of OpenStreetMap, or, in a file without nodes,
the same place to 1e-9 degrees. A bridge shares none with the street below, and is not joined to it.
Everything follows from the set of steps between two vertices, so that the order of the ways, their
direction, and how often they are cut make no difference: not to the numbers, not to the version.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import shapely

from geo.compiling import njit
from geo.crs import GRID_DEG, LocalMetric
from geo.errors import BadInputError
from geo.pieces import pieces_of
from geo.streets import Streets

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["Built", "Ways", "build_streets", "loose_ends"]

PER_DEGREE = round(1 / GRID_DEG)

CURVE_BITS = 20
"""Cells of the curve along one side of the network, as a power of two: 0.1 m for 100 km."""

MAX_FROM_CENTRE_M = 1_000_000.0
"""How far a network may reach: there the plane's lengths are off by 0.3 %. A city is far smaller,
and a vertex by mistake at zero degrees is further away."""

LOOSE_M = 0.5
"""An end as near to another street is likely meant to meet it."""

THROUGH = 2
"""Steps at a vertex that a street only passes."""


class Ways(NamedTuple):
    """Lines that may be walked, as they were drawn: n of them, of k vertices in all."""

    start: NDArray[np.int64]
    """Vertices of way ``i``: ``start[i]:start[i + 1]``, shape (n + 1,); fewer than two are no
    line."""
    lonlat: NDArray[np.float64]
    """Degrees of WGS 84, shape (k, 2)."""
    node: NDArray[np.int64] | None
    """What each vertex is called: vertices of one name are one, shape (k,). None: vertices at one
    place are one."""
    kinds: Sequence[str | None]
    names: Sequence[str | None]


class Built(NamedTuple):
    """A network, and what is told and kept of it beside what is walked."""

    streets: Streets
    node_lonlat: NDArray[np.float64]
    """Degrees of each node, multiples of 1e-9, shape (n, 2)."""
    line_lonlat: NDArray[np.float64]
    """Degrees of each vertex of an edge's line, shape (k, 2)."""
    kinds: list[str | None]
    """Of each edge; of one that runs over several ways, those of the longest part."""
    names: list[str | None]
    repeated: int
    """Steps between two vertices that were there before, and count once."""


class _Labels(NamedTuple):
    """The kinds and names of ways, each pair once, in order."""

    pairs: list[tuple[str, str]]
    of_way: NDArray[np.int64]


class _Vertices(NamedTuple):
    """All vertices, each once, numbered along the curve."""

    grid: NDArray[np.int64]
    """Places in steps of 1e-9 degrees, shape (v, 2)."""
    of: NDArray[np.int64]
    """The vertex of each corner of a way, shape (k,)."""


class _Steps(NamedTuple):
    """All steps between neighbouring vertices of ways, each once."""

    low: NDArray[np.int64]
    high: NDArray[np.int64]
    label: NDArray[np.int64]


class _Chains(NamedTuple):
    """Steps strung together from node to node."""

    start: NDArray[np.int64]
    """Vertices of chain ``e``: ``vertex[start[e]:start[e + 1]]``, shape (m + 1,)."""
    vertex: NDArray[np.int64]
    step: NDArray[np.int64]
    """The step that leads to each vertex; -1 for the first of a chain."""
    is_node: NDArray[np.bool_]


def build_streets(ways: Ways) -> Built:
    """Join ways into a network of crossings, dead ends and the streets between them.

    Raises
    ------
    BadInputError
        If there is no line at all, or the lines lie too far apart for one network.

    Notes
    -----
    A vertex that a street only passes is no node, whether or not a way ends there. Vertices at one
    place that are joined by a step of no length are one. A ring that meets nothing has one node.
    About 1 s for a million vertices.
    """
    vertices = _number_vertices(ways)
    labels = _number_labels(ways)
    steps, repeated = _number_steps(ways, vertices.of, labels, len(vertices.grid))
    if not len(steps.low):
        raise BadInputError("no street may be walked there: not one line has two ends apart")
    used = np.zeros(len(vertices.grid), bool)
    used[steps.low] = used[steps.high] = True
    if not used.all():  # what is no part of any street must not bend the curve or the plane
        return build_streets(_only(ways, used[vertices.of]))
    lonlat = vertices.grid / PER_DEGREE
    plane = _plane_of(lonlat)
    xy = plane.forward(lonlat)
    steps = _close_gaps(steps, xy)
    chains = _string_together(steps, len(xy))
    number = np.cumsum(chains.is_node) - 1
    first, last = chains.vertex[chains.start[:-1]], chains.vertex[chains.start[1:] - 1]
    edge_label = _longest_labels(chains, steps, xy)
    kinds = [labels.pairs[place][0] or None for place in edge_label]
    names = [labels.pairs[place][1] or None for place in edge_label]
    node_grid, line_grid = vertices.grid[chains.is_node], vertices.grid[chains.vertex]
    a, b = number[first].astype(np.int32), number[last].astype(np.int32)
    streets = Streets.of_edges(
        version=_digest((node_grid, a, b, chains.start, line_grid), kinds, names),
        plane=plane,
        node_xy=xy[chains.is_node],
        a=a,
        b=b,
        line_start=chains.start,
        line_xy=xy[chains.vertex],
    )
    node_lonlat, line_lonlat = lonlat[chains.is_node], lonlat[chains.vertex]
    return Built(streets, node_lonlat, line_lonlat, kinds, names, repeated)


def loose_ends(streets: Streets, *, within_m: float = LOOSE_M) -> NDArray[np.int64]:
    """Return the dead ends that lie as near to a street that they do not meet: their nodes.

    Many of them mean that lines were drawn without meeting one another.
    """
    degree = np.bincount(np.concatenate([streets.a, streets.b]), minlength=len(streets.node_xy))
    ends = np.flatnonzero(degree == 1)
    of_vertex = np.repeat(np.arange(len(streets.a)), np.diff(streets.line_start))
    lines = np.asarray(shapely.linestrings(streets.line_xy, indices=of_vertex))
    points = shapely.points(streets.node_xy[ends])
    end, edge = shapely.STRtree(lines).query(points, predicate="dwithin", distance=within_m)
    meets = (streets.a[edge] == ends[end]) | (streets.b[edge] == ends[end])
    return np.asarray(np.unique(ends[end[~meets]]), dtype=np.int64)


def _only(ways: Ways, kept: NDArray[np.bool_]) -> Ways:
    """Return ways without some of their vertices."""
    start = np.concatenate([[0], np.cumsum(kept)])[ways.start].astype(np.int64)
    node = None if ways.node is None else ways.node[kept]
    return Ways(start, ways.lonlat[kept], node, ways.kinds, ways.names)


def _number_vertices(ways: Ways) -> _Vertices:
    """Give vertices that are one the same number, along the curve, then by place and name."""
    grid = np.rint(ways.lonlat * PER_DEGREE).astype(np.int64)
    by_place = ways.node is None
    name = np.zeros(len(grid), np.int64) if ways.node is None else ways.node
    order = np.lexsort((grid[:, 1], grid[:, 0], name))
    sorted_name, sorted_grid = name[order], grid[order]
    fresh = np.ones(len(order), bool)
    fresh[1:] = sorted_name[1:] != sorted_name[:-1]
    if by_place:
        fresh[1:] |= (sorted_grid[1:] != sorted_grid[:-1]).any(axis=1)
    # Of a node that lies elsewhere in another extract, one place is taken, whichever came first.
    once, once_name = sorted_grid[fresh], sorted_name[fresh]
    along = np.lexsort((once_name, once[:, 1], once[:, 0], _hilbert(once)))
    number = np.empty(len(once), np.int64)
    number[along] = np.arange(len(once))
    of = np.empty(len(grid), np.int64)
    of[order] = number[np.cumsum(fresh) - 1]
    return _Vertices(once[along], of)


def _hilbert(grid: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return where places lie along a Hilbert curve over the square that holds them.

    Whole numbers all the way: another machine gives the same.
    """
    if not len(grid):
        return np.zeros(0, np.int64)
    corner = grid.min(axis=0)
    span = int((grid.max(axis=0) - corner).max()) + 1
    x, y = ((grid - corner << CURVE_BITS) // span).T
    along = np.zeros(len(grid), np.int64)
    for bit in reversed(range(CURVE_BITS)):
        right, up = x >> bit & 1, y >> bit & 1
        along = along << 2 | 3 * right ^ up
        # The curve in a lower quarter is turned: there x and y change places.
        turned = np.where((up == 0) & (right == 1), -1, 0)
        x, y = x ^ turned, y ^ turned
        x, y = np.where(up == 0, y, x), np.where(up == 0, x, y)
    return along


def _number_labels(ways: Ways) -> _Labels:
    given = [(k or "", n or "") for k, n in zip(ways.kinds, ways.names, strict=True)]
    pairs = sorted(set(given))
    place = {pair: number for number, pair in enumerate(pairs)}
    return _Labels(pairs, np.array([place[pair] for pair in given], dtype=np.int64))


def _number_steps(
    ways: Ways, of: NDArray[np.int64], labels: _Labels, count: int
) -> tuple[_Steps, int]:
    """Return the steps of all ways, each once, and how many were there again."""
    way = np.repeat(np.arange(len(ways.start) - 1), np.diff(ways.start))
    here = np.flatnonzero((way[1:] == way[:-1]) & (of[1:] != of[:-1]))
    low, high = np.minimum(of[here], of[here + 1]), np.maximum(of[here], of[here + 1])
    label = labels.of_way[way[here]]
    return _once(low, high, label, count)


def _once(
    low: NDArray[np.int64], high: NDArray[np.int64], label: NDArray[np.int64], count: int
) -> tuple[_Steps, int]:
    """Keep each pair of vertices once, with the first of its labels."""
    key = low * count + high
    order = np.lexsort((label, key))
    fresh = np.ones(len(order), bool)
    fresh[1:] = key[order][1:] != key[order][:-1]
    kept = order[fresh]
    return _Steps(low[kept], high[kept], label[kept]), len(order) - len(kept)


def _plane_of(lonlat: NDArray[np.float64]) -> LocalMetric:
    """Return the plane around vertices.

    Raises
    ------
    BadInputError
        If they lie too far apart; the furthest is named.
    """
    plane = LocalMetric.around([*lonlat.min(axis=0).tolist(), *lonlat.max(axis=0).tolist()])
    with np.errstate(invalid="ignore"):  # infinite where the plane does not reach
        away_m = np.hypot(*plane.forward(lonlat).T)
    if not (away_m <= MAX_FROM_CENTRE_M).all():
        lon, lat = lonlat[int(np.argmax(np.abs(lonlat - np.median(lonlat, axis=0)).sum(axis=1)))]
        raise BadInputError(
            f"the streets lie more than {MAX_FROM_CENTRE_M / 500:,.0f} km apart, and one network "
            f"is for one city; look for a vertex by mistake, such as the one at {lon:.7f}, "
            f"{lat:.7f}, or load a part"
        )
    return plane


def _close_gaps(steps: _Steps, xy: NDArray[np.float64]) -> _Steps:
    """Make the vertices one that are joined by a step of no length."""
    no_length = (xy[steps.low] == xy[steps.high]).all(axis=1)
    if not no_length.any():
        return steps
    count = len(xy)
    _, group = pieces_of(count, steps.low[no_length], steps.high[no_length])
    smallest = np.full(count, count, np.int64)
    np.minimum.at(smallest, group, np.arange(count))
    one = smallest[group]
    low, high = one[steps.low], one[steps.high]
    there = low != high
    low, high = np.minimum(low, high)[there], np.maximum(low, high)[there]
    return _once(low, high, steps.label[there], count)[0]


def _string_together(steps: _Steps, count: int) -> _Chains:
    """Make chains of steps between the vertices that are nodes."""
    ends = np.concatenate([steps.low, steps.high])
    others = np.concatenate([steps.high, steps.low])
    order = np.lexsort((others, ends))
    degree = np.bincount(ends, minlength=count)
    first = np.zeros(count + 1, np.int64)
    np.cumsum(degree, out=first[1:])
    is_node = (degree != 0) & (degree != THROUGH)
    at_vertex = order % len(steps.low)
    start, vertex, step = _walk(first, at_vertex, steps.low, steps.high, is_node)
    return _Chains(start, vertex, step, is_node)


@njit(nogil=True, cache=True)
def _walk(
    first: NDArray[np.int64],
    at_vertex: NDArray[np.int64],
    low: NDArray[np.int64],
    high: NDArray[np.int64],
    is_node: NDArray[np.bool_],
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Walk from every node along every step that leaves it, to the next node.

    Vertices are taken in their order, and the steps of each by where they lead: so every chain
    begins at the smaller of its nodes, and a loop at the smaller of its neighbours. Rings without
    a node come last in their turn: their smallest vertex becomes one.
    """
    count = len(low)
    done = np.zeros(count, np.bool_)
    vertex, step = np.empty(2 * count, np.int64), np.empty(2 * count, np.int64)
    start = np.empty(count + 1, np.int64)
    size = chains = 0
    for rings in (False, True):
        for origin in range(len(first) - 1):
            if not rings and not is_node[origin]:
                continue
            for k in range(first[origin], first[origin + 1]):
                along = at_vertex[k]
                if done[along]:
                    continue
                is_node[origin] = True
                start[chains] = size
                chains += 1
                vertex[size], step[size] = origin, -1
                size += 1
                here = origin
                while True:
                    done[along] = True
                    here = low[along] + high[along] - here
                    vertex[size], step[size] = here, along
                    size += 1
                    if is_node[here]:
                        break
                    onward = at_vertex[first[here]]
                    along = at_vertex[first[here] + 1] if onward == along else onward
    start[chains] = size
    return start[: chains + 1], vertex[:size], step[:size]


def _longest_labels(chains: _Chains, steps: _Steps, xy: NDArray[np.float64]) -> list[int]:
    """Return, of each chain, the label that most of its length has."""
    edge = np.repeat(np.arange(len(chains.start) - 1), np.diff(chains.start))
    there = chains.step >= 0
    edge, step = edge[there], chains.step[there]
    label = steps.label[step]
    length_m = np.hypot(*(xy[steps.high[step]] - xy[steps.low[step]]).T)
    order = np.lexsort((label, edge))
    edge, label, length_m = edge[order], label[order], length_m[order]
    fresh = np.ones(len(edge), bool)
    fresh[1:] = (edge[1:] != edge[:-1]) | (label[1:] != label[:-1])
    total_m = np.add.reduceat(length_m, np.flatnonzero(fresh))
    edge, label = edge[fresh], label[fresh]
    order = np.lexsort((label, -total_m, edge))
    best = np.ones(len(edge), bool)
    best[1:] = edge[1:] != edge[:-1]  # sorted by edge before and after
    chosen: list[int] = label[order][best].tolist()
    return chosen


def _digest(
    arrays: Sequence[NDArray[np.int64] | NDArray[np.int32]],
    kinds: Sequence[str | None],
    names: Sequence[str | None],
) -> str:
    """Return a name for a network that another one does not have."""
    digest = hashlib.sha256(b"streets 1")
    for array in arrays:
        digest.update(array.astype("<i8").tobytes())
    for texts in (kinds, names):
        digest.update("\n".join(text or "" for text in texts).encode(errors="surrogatepass"))
        digest.update(b"\0")
    return digest.hexdigest()[:16]
