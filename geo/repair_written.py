"""Mended polygons in the coordinates of the file that they came from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely

from geo.chain import boundaries
from geo.crs import Plane, round9
from geo.labels import usable
from geo.segments import first_equal
from geo.validity import as_multipolygons

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

    from geo.crs import Datum


def in_file_coordinates(
    mended: NDArray[np.object_], sent: NDArray[np.object_], crs: str, datum: Datum
) -> NDArray[np.object_]:
    """Return polygons in degrees as a file of another CRS has them.

    Parameters
    ----------
    mended
        Polygons in degrees on the grid, shape (n,); None where a row was not touched.
    sent
        What the file had, in its own coordinates, shape (n,).
    crs, datum
        Of the file.

    Returns
    -------
    NDArray[np.object_]
        Shape (n,). A polygon that is the same as before is the file's own object. Elsewhere a
        vertex that the file had keeps the file's coordinates, and a new one gets those that come
        back as the same degrees: the mended file proves when it is read again.
    """
    polygons = usable(sent)
    if not polygons.any():
        return sent
    plane = Plane.around(crs, shapely.total_bounds(sent[polygons]).tolist(), datum=datum)
    theirs, before = _raw(sent[polygons], plane)
    out = sent.copy()
    rows = np.flatnonzero(polygons)
    told = np.array([mended[row] is not None for row in rows], bool)
    now, was = boundaries(mended[rows[told]]), boundaries(before[told])
    same = np.zeros(len(rows), bool)
    same[told] = (now.chain == was.chain) & (now.valid == was.valid)
    for row in rows[told & ~same].tolist():
        out[row] = _of_kind(shapely.transform(mended[row], theirs), sent[row])
    return out


class _Back:
    """The way back from degrees to the file's coordinates."""

    def __init__(
        self, degrees: NDArray[np.float64], file_xy: NDArray[np.float64], plane: Plane
    ) -> None:
        self.degrees, self.file_xy, self.plane = degrees, file_xy, plane

    def __call__(self, lonlat: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the file's coordinates of degrees, shape (n, 2)."""
        known = len(self.degrees)
        _, first = first_equal(np.concatenate([self.degrees, lonlat]))
        at = first[known:]
        out = self.plane.to_file(self.plane.from_lonlat(lonlat))
        old = at < known
        out[old] = self.file_xy[at[old]]
        return out


def _raw(sent: NDArray[np.object_], plane: Plane) -> tuple[_Back, NDArray[np.object_]]:
    """Return the way back, and the file's polygons as they are before noding."""

    def convert(xy: NDArray[np.float64]) -> NDArray[np.float64]:
        return round9(plane.to_lonlat(plane.from_file(xy)))

    xy = shapely.get_coordinates(sent)
    before = as_multipolygons(np.asarray(shapely.transform(sent, convert)))
    return _Back(convert(xy), xy, plane), before


def _of_kind(geom: shapely.MultiPolygon, like: BaseGeometry) -> BaseGeometry:
    """Return a multipolygon of one part as a polygon where the file has one."""
    if like.geom_type == "Polygon" and len(geom.geoms) == 1:
        return geom.geoms[0]
    return geom
