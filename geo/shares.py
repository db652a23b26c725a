"""How the land of units is divided among others."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import shapely

from geo.validity import solid_land

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geo.layers import Metric

SLIVER_SHARE = 1e-6
"""Land that is less than this share of both units is left over by nodes, and belongs to none."""
SLIVER_M2 = 0.01
"""Less land than this is left over by nodes, too: in square metres."""


class Common(NamedTuple):
    """What units share with others."""

    unit_m2: NDArray[np.float64]
    """Land of the units less the slivers, shape (n,)."""
    common_m2: NDArray[np.float64]
    """Land of each pair, shape (k,); 0 where it is a sliver."""


def common_land(
    units: NDArray[np.object_],
    others: NDArray[np.object_],
    unit_of: NDArray[np.intp],
    metric: Metric,
) -> Common:
    """Measure the land that units have in common with others.

    Parameters
    ----------
    units
        Polygons in degrees, shape (n,).
    others
        Polygons in degrees, shape (k,).
    unit_of
        Which unit each of ``others`` is laid over, shape (k,).
    metric
        Equal-area metres.

    Notes
    -----
    The overlay is made in the metric plane and not in degrees: there the others tile a unit as
    exactly as they match it vertex by vertex, wherever their borders cross its own. One
    intersection a pair; pairs of which one covers the other need none.
    """
    flat_units = _flat(units, metric)
    flat_others = _flat(others, metric)
    unit_m2, other_m2 = shapely.area(flat_units), shapely.area(flat_others)
    shapely.prepare(flat_units)
    mine = flat_units[unit_of]
    common_m2 = np.where(shapely.covers(mine, flat_others), other_m2, 0.0)
    apart = np.flatnonzero(common_m2 == 0.0)
    common_m2[apart] = shapely.area(shapely.intersection(mine[apart], flat_others[apart]))
    smaller = np.minimum(unit_m2[unit_of], other_m2)
    # even of a tiny unit half is no sliver
    sliver = common_m2 < np.maximum(SLIVER_SHARE * smaller, np.minimum(SLIVER_M2, smaller / 2))
    lost_m2 = np.bincount(unit_of, np.where(sliver, common_m2, 0.0), minlength=len(unit_m2))
    return Common(unit_m2 - lost_m2, np.where(sliver, 0.0, common_m2))


def _flat(geoms: NDArray[np.object_], metric: Metric) -> NDArray[np.object_]:
    """Return valid polygons in metres."""
    flat = metric.project(geoms)
    return solid_land(flat, shapely.is_valid(flat))


def whole(unit_m2: float, parts_m2: float) -> float:
    """Return the land of which parts are shares: the unit's, or the parts' own where they fill it.

    Nodes and another centre of the projection move areas by less than a millionth; so the shares
    of a unit that is divided without a rest add up to one.
    """
    filled = abs(parts_m2 - unit_m2) <= SLIVER_SHARE * unit_m2
    return parts_m2 if filled else unit_m2
