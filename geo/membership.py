"""Addresses to units that come piece by piece, so that a level need never be held as a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely

from geo.locate import NOWHERE

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Membership:
    """Which unit of one level each of n points belongs to: the rule of :func:`geo.locate.locate`.

    A point on a border belongs to the unit with the bytewise smallest code, which is the first one
    that touches it when units come in that order.

    Parameters
    ----------
    points
        The index of the points; several levels may share it.

    Attributes
    ----------
    unit
        Number of the unit of each point, shape (n,); ``NOWHERE`` for a point in none.
    """

    def __init__(self, points: shapely.STRtree) -> None:
        self._points = points
        self.unit = np.full(len(points), NOWHERE, np.intp)

    def take(self, geoms: NDArray[np.object_], numbers: NDArray[np.intp]) -> None:
        """Give points that belong to none yet to the next units.

        Parameters
        ----------
        geoms
            Polygons in degrees, shape (k,), by code.
        numbers
            Their numbers, shape (k,), greater than all that came before.

        Notes
        -----
        Each polygon is prepared once and asks the index for its points.
        """
        owner, point = self._points.query(geoms, predicate="intersects")
        free = self.unit[point] == NOWHERE
        owner, point = owner[free], point[free]
        backwards = np.argsort(-owner, kind="stable")  # what is written last stays
        self.unit[point[backwards]] = numbers[owner[backwards]]
