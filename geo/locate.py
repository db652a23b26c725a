"""Points to units, with the border rule: the bytewise smallest code wins on a shared border."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import shapely

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

NOWHERE = -1


class Located(NamedTuple):
    """Where n points lie among the units of one level."""

    unit: NDArray[np.intp]
    """Index of the unit, shape (n,); ``NOWHERE`` for a point in none."""
    inside: NDArray[np.intp]
    """How many units have the point in their interior, shape (n,): 2 or more is an overlap."""
    on_border: NDArray[np.bool_]
    """True where the point lies on the boundary of a unit, shape (n,)."""
    pairs: tuple[NDArray[np.intp], NDArray[np.intp]]
    """Every point and unit that has it in its interior."""


def locate(
    lonlat: NDArray[np.float64], geoms: NDArray[np.object_], codes: Sequence[str | None]
) -> Located:
    """Find the unit of each point.

    Parameters
    ----------
    lonlat
        Degrees, rounded to 1e-9, shape (n, 2).
    geoms
        Valid polygons in degrees, shape (m,).
    codes
        Codes of the units; a unit without one comes last.

    Notes
    -----
    Predicates of GEOS are exact on the given doubles, as they are in PostGIS: both give the same
    unit.
    """
    points = np.asarray(shapely.points(lonlat))
    tree = shapely.STRtree(geoms)
    point, unit = tree.query(points, predicate="intersects")
    within, inner = tree.query(points, predicate="within")

    order = sorted(range(len(codes)), key=lambda i: (codes[i] is None, (codes[i] or "").encode()))
    rank = np.empty(len(codes), np.intp)
    rank[order] = np.arange(len(codes))
    out = np.full(len(points), NOWHERE, np.intp)
    last_wins = np.argsort(-rank[unit], kind="stable")
    out[point[last_wins]] = unit[last_wins]
    touches = np.bincount(point, minlength=len(points))
    inside = np.bincount(within, minlength=len(points))
    return Located(out, inside, touches > inside, (within, inner))
