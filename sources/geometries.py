"""Makes plain polygons of the geometries of a file, and says what was left out."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import shapely

from geo.errors import UnreadableError
from sources.gdal import ARC_STEP_DEG
from sources.notices import Notice, name_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

    from sources.layers import RawLayer


def plain_geometries(raw: RawLayer, file: str) -> tuple[NDArray[np.object_], tuple[Notice, ...]]:
    """Return a layer's geometries without z and m, collections of polygons as one each.

    A collection that holds a line or point, too, stays as it is: what is meant is not plain.

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
    if raw.curved:
        message = (
            f"curves were drawn as straight lines in steps of {ARC_STEP_DEG} degrees; no point of "
            "an arc is further from them than a hundred-thousandth of its radius"
        )
        notices.append(Notice("CURVES", message, raw.curved))
    deep = shapely.has_z(geoms) | shapely.has_m(geoms)
    if deep.any() or raw.measured:
        geoms = shapely.force_2d(geoms)
        count = int(deep.sum()) + raw.measured
        notices.append(Notice("HEIGHTS_DROPPED", "heights or measures were left out", count))
    if raw.faced.any():
        geoms = geoms.copy()
        geoms[raw.faced] = [_joined(geom) for geom in geoms[raw.faced]]
        message = "surfaces of faces or triangles were taken for the land that these cover together"
        notices.append(Notice("FACES", message, int(raw.faced.sum())))
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
    return geoms, (*notices, *_no_polygons(geoms, raw))


def _joined(geom: BaseGeometry) -> BaseGeometry:
    """Return what faces cover, seen from above; as they are when one of them is twisted."""
    faces = [face for face in shapely.get_parts(geom) if shapely.area(face) > 0]
    if not faces or not all(face.geom_type == "Polygon" and face.is_valid for face in faces):
        return geom
    land: BaseGeometry = shapely.union_all(faces)
    return land


def _no_polygons(geoms: NDArray[np.object_], raw: RawLayer) -> tuple[Notice, ...]:
    """Say which rows hold no polygon: they stay as they are, for the check to find."""
    notices = []
    none = shapely.is_missing(geoms) | shapely.is_empty(geoms)
    if none.any():
        message = f"no geometry, or an empty one, in {name_rows(raw.rows[none])}"
        notices.append(Notice("NO_GEOMETRY", message, int(none.sum())))
    wrong = ~none & ~np.isin(
        shapely.get_type_id(geoms),
        (shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON),
    )
    if wrong.any():
        kinds = Counter(geom.geom_type for geom in geoms[wrong])
        listed = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
        message = f"no polygon in {name_rows(raw.rows[wrong])} but {listed}"
        notices.append(Notice("WRONG_TYPE", message, int(wrong.sum())))
    return tuple(notices)


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
