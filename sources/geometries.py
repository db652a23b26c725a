"""Makes plain polygons of the geometries of a file, and says what was left out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely

from geo.errors import UnreadableError
from sources.notices import Notice, name_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

    from sources.layers import RawLayer


def plain_geometries(raw: RawLayer, file: str) -> tuple[NDArray[np.object_], tuple[Notice, ...]]:
    """Return a layer's geometries without z and m, collections of polygons as one each.

    Raises
    ------
    UnreadableError
        If a coordinate is not finite or a ring is open; the rows are named.
    """
    geoms = raw.geoms
    xy, owner = shapely.get_coordinates(geoms, return_index=True)
    wild = np.unique(owner[~np.isfinite(xy).all(axis=1)])
    if len(wild):
        raise UnreadableError(
            f"{file} has coordinates that are no numbers in {name_rows(raw.rows[wild])}; "
            "mend or leave out those features"
        )
    if raw.spoilt:
        raise UnreadableError(
            f"{file} has rings that are not closed or have fewer than four points in "
            f"{name_rows(raw.spoilt)}; close them and export the file again"
        )
    notices = []
    deep = shapely.has_z(geoms) | shapely.has_m(geoms)
    if deep.any():
        geoms = shapely.force_2d(geoms)
        notices.append(
            Notice("HEIGHTS_DROPPED", "heights or measures were left out", int(deep.sum()))
        )
    gathered = [
        place
        for place in np.flatnonzero(
            shapely.get_type_id(geoms) == shapely.GeometryType.GEOMETRYCOLLECTION
        )
        if _only_polygons(geoms[place])
    ]
    if gathered:
        geoms = geoms.copy()
        for place in gathered:
            geoms[place] = shapely.multipolygons(_polygons(geoms[place]))
        message = "collections of polygons were taken for one multipolygon each"
        notices.append(Notice("COLLECTION", message, len(gathered)))
    return geoms, tuple(notices)


def _only_polygons(geom: BaseGeometry) -> bool:
    parts = shapely.get_parts(geom)
    return len(parts) > 0 and all(
        part.geom_type in ("Polygon", "MultiPolygon")
        or (part.geom_type == "GeometryCollection" and _only_polygons(part))
        for part in parts
    )


def _polygons(geom: BaseGeometry) -> list[BaseGeometry]:
    if geom.geom_type == "Polygon":
        return [geom]
    return [polygon for part in shapely.get_parts(geom) for polygon in _polygons(part)]
