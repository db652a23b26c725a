"""Finds what geometries have beyond straight and flat polygons: curves, faces, heights."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely

from geo.errors import UnreadableError
from sources.calling import gdal_call
from sources.formats import FLATGEOBUF, GEOPACKAGE, GML, SHAPEFILE
from sources.gdal import pyogrio
from sources.geopackages import geometry_column
from sources.notices import name_rows
from sources.shapefiles import has_measures
from sources.wkb import HEAD_BYTES, count_curved, count_measured, faces_as_polygons, may_have_faces

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sources.formats import Staged

_STRAIGHT = frozenset(
    {"POLYGON", "MULTIPOLYGON", "POINT", "MULTIPOINT", "LINESTRING", "MULTILINESTRING"}
)


def lost_in_reading(laid: Staged, file: str, layer: str) -> tuple[int, int]:
    """Return how many geometries of a layer have arcs, and how many have only measures.

    The usual way of reading makes plain ones of both, and of the layer's type, too.
    """
    if not _may_lose(laid, layer):
        return 0, 0
    described, table = gdal_call(
        laid, file, pyogrio().read_arrow, layer=layer, columns=[], **laid.options
    )
    wkb = table.column(described["geometry_name"] or "wkb_geometry").to_pylist()
    return count_curved(wkb), count_measured(wkb)


def _may_lose(laid: Staged, layer: str) -> bool:
    """Return whether a layer can have geometries that are more than the usual way of reading gives.

    A GeoPackage and a Shapefile say of what type their geometries are, and need no second look.
    """
    if laid.format == GEOPACKAGE:
        kind, measured = geometry_column(laid.path, layer)
        return measured or kind not in _STRAIGHT
    if laid.format == SHAPEFILE:
        return has_measures(laid.path)
    return laid.format in (FLATGEOBUF, GML)


def refuse_curves(wkb: NDArray[np.object_], file: str) -> None:
    """Refuse a GeoParquet file with curves, of which nobody here can make straight lines.

    Raises
    ------
    UnreadableError
        If it has any; the rows are named.
    """
    rows = [n for n, piece in enumerate(wkb, start=1) if count_curved([piece])]
    if rows:
        raise UnreadableError(
            f"{file} has curves in {name_rows(rows)}, which GeoParquet does not know; export it as "
            "GeoPackage, or with straight lines"
        )


def without_faces(
    wkb: NDArray[np.object_], file: str
) -> tuple[NDArray[np.object_], NDArray[np.bool_]]:
    """Return geometries with polygons for faces and triangles, and which ones had any."""
    plain, faced = wkb.copy(), np.zeros(len(wkb), dtype=bool)
    heads = {piece[:HEAD_BYTES] for piece in wkb if piece is not None}
    if not any(may_have_faces(head) for head in heads):
        return plain, faced
    for place, piece in enumerate(wkb):
        try:
            changed = faces_as_polygons(piece) if piece is not None else None
        except ValueError as error:
            raise UnreadableError(
                f"{file} has a broken geometry in row {place + 1}: {error}; export it again"
            ) from error
        if changed is not None:
            plain[place], faced[place] = changed, True
    return plain, faced


def closed(
    geoms: NDArray[np.object_], wkb: NDArray[np.object_], spoilt: NDArray[np.intp]
) -> NDArray[np.object_]:
    """Return the geometries with open rings closed: good enough to look at their coordinates."""
    closed = geoms.copy()
    with np.errstate(invalid="ignore"):
        closed[spoilt] = shapely.from_wkb(wkb[spoilt], on_invalid="fix")
    return closed


def on_the_ground(geoms: NDArray[np.object_]) -> NDArray[np.object_]:
    """Return geometries without heights that are all 0: KML writes one even where there is none."""
    with np.errstate(invalid="ignore"):
        heights = shapely.get_coordinates(geoms, include_z=True)[:, 2]
    nowhere = np.isnan(heights) | (heights == 0)
    return np.asarray(shapely.force_2d(geoms)) if nowhere.all() else geoms
