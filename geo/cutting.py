"""Which borders run through which faces: a quick sieve before faces are cut along them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely

from geo.compiling import njit
from geo.rings import edges_of
from geo.rings_kernel import name_segments
from geo.widest import depth

if TYPE_CHECKING:
    from numpy.typing import NDArray

SHALLOW_DEG = 1e-12
"""A border this near to a face's rim runs along it, in degrees: crossings are not exact."""

BEYOND = 1e-9
"""What an edge of a rim is lengthened by, relatively: a crossing too many does no harm."""

MANY = 20_000
"""A face and a border of more pairs of edges are left to GEOS and its indices."""

UNKNOWN = 2
"""The answer for them."""


def may_cut(
    faces: NDArray[np.object_],
    covers: NDArray[np.object_],
    face: NDArray[np.intp],
    cover: NDArray[np.intp],
) -> NDArray[np.bool_]:
    """Tell which borders may run through a face; those that do not are told for certain.

    Parameters
    ----------
    faces, covers
        Polygons in degrees, shapes (f,) and (c,).
    face, cover
        Numbers of a face and of a polygon whose border is asked for, both of shape (k,).

    Returns
    -------
    NDArray[np.bool_]
        Shape (k,).
    """
    used, place = np.unique(cover, return_inverse=True)
    mine, theirs = edges_of(faces), edges_of(covers[used])
    enters = _look(
        mine,
        _sorted_names(*mine),
        theirs,
        name_segments(theirs[0]),
        np.column_stack([face, place]),
    )
    unknown = enters == UNKNOWN
    shapely.prepare(faces[face[unknown]])
    one, other = faces[face[unknown]], covers[cover[unknown]]
    enters[unknown] = ~(shapely.touches(one, other) | shapely.covered_by(one, other))
    return np.asarray(enters != 0)


@njit(nogil=True, cache=True)
def _sorted_names(edges: NDArray[np.float64], first: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Return the names of edges, those of each polygon in order."""
    names = name_segments(edges)
    for g in range(len(first) - 1):
        names[first[g] : first[g + 1]].sort()
    return names


@njit(nogil=True, cache=True)
def _look(
    mine: tuple[NDArray[np.float64], NDArray[np.int64]],
    rim_names: NDArray[np.uint64],
    theirs: tuple[NDArray[np.float64], NDArray[np.int64]],
    border_names: NDArray[np.uint64],
    pairs: NDArray[np.int64],
) -> NDArray[np.int8]:
    """Answer for each pair of a face and a border; both are edges and the first of each polygon."""
    out = np.zeros(len(pairs), np.int8)
    for k in range(len(pairs)):
        f, c = pairs[k]
        rim = slice(mine[1][f], mine[1][f + 1])
        border = slice(theirs[1][c], theirs[1][c + 1])
        other = _others(mine[0][rim], rim_names[rim], theirs[0][border], border_names[border])
        if len(other) * (rim.stop - rim.start) > MANY:
            out[k] = UNKNOWN
        elif len(other):
            out[k] = _enters(mine[0][rim], other)
    return out


@njit(nogil=True, cache=True)
def _others(
    rim: NDArray[np.float64],
    rim_names: NDArray[np.uint64],
    border: NDArray[np.float64],
    names: NDArray[np.uint64],
) -> NDArray[np.float64]:
    """Return the edges of a border within a rim's box that are not edges of the rim themselves."""
    west, east = np.min(rim[:, 0]), np.max(rim[:, 0])
    south, north = np.min(rim[:, 1]), np.max(rim[:, 1])
    kept = np.zeros(len(border), np.bool_)
    for k in range(len(border)):
        ax, ay, bx, by = border[k, 0], border[k, 1], border[k, 2], border[k, 3]
        if max(ax, bx) < west or min(ax, bx) > east or max(ay, by) < south or min(ay, by) > north:
            continue
        at = np.searchsorted(rim_names, names[k])
        kept[k] = at == len(rim_names) or rim_names[at] != names[k]
    return border[kept]


@njit(nogil=True, cache=True)
def _enters(rim: NDArray[np.float64], border: NDArray[np.float64]) -> bool:
    """Tell whether some edge of a border runs inside a rim."""
    cuts = np.empty(len(rim) + 2)
    for k in range(len(border)):
        ax, ay, bx, by = border[k, 0], border[k, 1], border[k, 2], border[k, 3]
        count = _crossings(rim, border[k], cuts)
        cuts[:count].sort()
        for i in range(count - 1):  # between two crossings all is inside or all is outside
            t = (cuts[i] + cuts[i + 1]) / 2
            if depth(rim, ax + t * (bx - ax), ay + t * (by - ay)) > SHALLOW_DEG:
                return True
    return False


@njit(nogil=True, cache=True)
def _crossings(
    rim: NDArray[np.float64], edge: NDArray[np.float64], cuts: NDArray[np.float64]
) -> int:
    """Put down where, from 0 to 1 along an edge, it meets a rim, and its ends; return how many."""
    x, y, dx, dy = edge[0], edge[1], edge[2] - edge[0], edge[3] - edge[1]
    cuts[0], cuts[1] = 0.0, 1.0
    count = 2
    for k in range(len(rim)):
        ex, ey = rim[k, 2] - rim[k, 0], rim[k, 3] - rim[k, 1]
        cross = dx * ey - dy * ex
        if cross == 0.0:
            continue  # they run side by side
        ox, oy = rim[k, 0] - x, rim[k, 1] - y
        t, u = (ox * ey - oy * ex) / cross, (ox * dy - oy * dx) / cross
        if 0.0 < t < 1.0 and -BEYOND <= u <= 1.0 + BEYOND:
            cuts[count] = t
            count += 1
    return count
