"""Rings that cross or overlap themselves, and what land they enclose all the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely

from geo.findings import Finding, Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

    from geo.layers import Layer


def invalid_rings(layer: Layer, units: NDArray[np.intp]) -> Iterator[Finding]:
    """Say of each of the given units why its rings are not valid, and where."""
    reasons = shapely.is_valid_reason(layer.geoms[units])
    for i, reason in zip(units.tolist(), reasons, strict=True):
        what, _, place = str(reason).partition("[")
        yield Finding(
            level=layer.level,
            kind=Kind.INVALID_RING,
            message=f"{layer.say([i])}: {what.strip().lower()}; draw the ring anew",
            geometry=_point(place),
            units=layer.names([i]),
            rows=layer.rows_of([i]),
            parent=None,
        )


def _point(text: str) -> BaseGeometry | None:
    """Return the place that GEOS names as ``x y]``, if it does."""
    try:
        x, y = (float(word) for word in text.rstrip("]").split())
    except ValueError:
        return None
    return shapely.Point(x, y)


def polygons_only(geoms: NDArray[np.object_]) -> NDArray[np.object_]:
    """Drop points and lines that making valid has left over."""
    out = np.empty(len(geoms), object)
    for i, geom in enumerate(geoms):
        parts = [p for p in shapely.get_parts(geom) if p.geom_type in {"Polygon", "MultiPolygon"}]
        out[i] = shapely.union_all(parts) if parts else shapely.MultiPolygon()
    return out


def solid_land(geoms: NDArray[np.object_], valid: NDArray[np.bool_]) -> NDArray[np.object_]:
    """Return polygons that enclose the same land as the given ones, each valid, shape (n,)."""
    if valid.all():
        return geoms
    solid = geoms.copy()
    solid[~valid] = polygons_only(shapely.make_valid(solid[~valid], method="structure"))
    return solid


def areas_only(geoms: NDArray[np.object_]) -> NDArray[np.object_]:
    """Keep the polygons of overlay results, shape (n,)."""
    geoms = np.atleast_1d(np.asarray(geoms, object))
    mixed = shapely.get_dimensions(geoms) != 2  # noqa: PLR2004  # 2 is a polygon's dimension
    out = geoms.copy()
    out[mixed] = shapely.MultiPolygon()
    collections = np.flatnonzero(
        shapely.get_type_id(geoms) == shapely.GeometryType.GEOMETRYCOLLECTION
    )
    out[collections] = polygons_only(geoms[collections])
    return out


def as_multipolygons(geoms: NDArray[np.object_]) -> NDArray[np.object_]:
    """Return polygons as MultiPolygons whose exteriors run counter-clockwise, shape (n,)."""
    out = geoms.copy()
    single = np.flatnonzero(shapely.get_type_id(geoms) == shapely.GeometryType.POLYGON)
    out[single] = shapely.multipolygons(geoms[single], indices=np.arange(len(single)))
    return np.asarray(shapely.orient_polygons(out))
