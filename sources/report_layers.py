"""Writes several layers and tables into one GeoPackage, whole or not at all."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import shapely

from geo.crs import round9
from geo.errors import BadInputError
from sources.gdal import pyogrio, quiet
from sources.placing import put_in_place

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

WGS84 = "EPSG:4326"

MULTI = ("MultiPoint", "MultiLineString", "MultiPolygon")
"""What geometries of 0, 1 and 2 dimensions are written as."""


class GeoTable(NamedTuple):
    """A layer, or a table where there are no geometries.

    Attributes
    ----------
    geoms
        In degrees, shape (n,), all of one dimension or None; None for a table.
    columns
        n values a name: whole numbers, numbers, truth values or texts, one type a column.
    """

    name: str
    geoms: NDArray[np.object_] | None
    columns: Mapping[str, Sequence[object]]


def write_tables(path: Path, tables: Sequence[GeoTable]) -> None:
    """Write layers and tables as one GeoPackage, in the order given.

    Parameters
    ----------
    path
        An existing file is replaced.

    Raises
    ------
    BadInputError
        If the file cannot be written; an existing one is then as it was.

    Notes
    -----
    Each layer has one type of geometry, an extent and an index, as map programs want it. Degrees
    are rounded to 1e-9, and exterior rings run counter-clockwise.
    """
    try:
        with tempfile.TemporaryDirectory(prefix="wangge-") as folder:
            written = Path(folder) / "written.gpkg"
            for number, table in enumerate(tables):
                _write(written, table, append=number > 0)
            put_in_place(written, path)
    except (OSError, RuntimeError, ValueError) as error:
        raise BadInputError(
            f"{path} cannot be written: {_reason(error)}; choose another place", argument="output"
        ) from error


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def _write(path: Path, table: GeoTable, *, append: bool) -> None:
    names = list(table.columns)
    arguments: dict[str, Any] = {  # pyogrio ships no types
        "fields": np.array(names, dtype=object),
        "layer": table.name,
        "driver": "GPKG",
        "encoding": "UTF-8",
        "append": append,
    }
    data = [_array(table.columns[name]) for name in names]
    with quiet():
        if table.geoms is None:
            pyogrio().raw.write(path, None, data, geometry_type=None, crs=None, **arguments)
            return
        kind = MULTI[max(0, int(shapely.get_dimensions(table.geoms).max(initial=0)))]
        shapes = shapely.to_wkb(_multi(table.geoms, kind))
        pyogrio().raw.write(path, shapes, data, geometry_type=kind, crs=WGS84, **arguments)


def _multi(geoms: NDArray[np.object_], kind: str) -> NDArray[np.object_]:
    """Return geometries as their multi form; rings that stand alone become lines."""
    out = np.full(len(geoms), None, object)
    there = np.flatnonzero(shapely.is_geometry(geoms))
    parts, owner = shapely.get_parts(geoms[there], return_index=True)
    if len(parts):
        filled, member = np.unique(owner, return_inverse=True)
        if kind == "MultiPoint":
            out[there[filled]] = shapely.multipoints(parts, indices=member)
        elif kind == "MultiLineString":
            out[there[filled]] = shapely.multilinestrings(parts, indices=member)
        else:
            out[there[filled]] = shapely.multipolygons(parts, indices=member)
    turned = shapely.orient_polygons(out, exterior_cw=False)
    return np.asarray(shapely.transform(turned, round9))


def _array(values: Sequence[object]) -> NDArray[Any]:  # of the column's own type
    if values and all(isinstance(value, bool) for value in values):
        return np.array(values, dtype=bool)
    if values and all(isinstance(value, int) for value in values):
        return np.array(values, dtype=np.int64)
    if values and all(isinstance(value, int | float) for value in values):
        return np.array(values, dtype=np.float64)
    texts = np.empty(len(values), dtype=object)
    texts[:] = [None if value is None else str(value) for value in values]
    return texts
