"""Reads and writes GeoParquet, for which the GDAL at hand has no driver."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import shapely
from pyproj.crs import CRS
from pyproj.exceptions import CRSError

from geo.errors import UnreadableError
from sources.harmless import check_count

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

VERSION = "1.1.0"

Json = dict[str, Any]  # the file's metadata: its shape is checked where it is used


def read_parquet(
    path: Path, file: str
) -> tuple[list[str], list[list[object]], str | None, NDArray[np.object_]]:
    """Read a GeoParquet file.

    Returns
    -------
    tuple
        Names, cells by column, the CRS (None where the file says that it has none), and
        geometries as WKB, shape (n,).

    Raises
    ------
    UnreadableError
        If it is no whole Parquet file, or carries no geometry as WKB.
    """
    try:
        # One file, whatever stands beside it.
        with pq.ParquetFile(path) as source:
            metadata = source.schema_arrow.metadata or {}
            column, geo = _geometry_column(metadata, file)
            check_count(source.metadata.num_rows, file)
            table = source.read()
    except (pa.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0].replace(str(path), file)
        raise UnreadableError(
            f"{file} cannot be read as Parquet: {reason}; export it again"
        ) from error
    if column not in table.column_names:
        raise UnreadableError(f"{file} names the geometry column {column!r}, which is not there")
    places = [place for place, name in enumerate(table.column_names) if name != column]
    wkb = np.empty(table.num_rows, dtype=object)
    wkb[:] = table.column(column).to_pylist()
    names = [table.column_names[place] for place in places]
    cells: list[list[object]] = [table.column(place).to_pylist() for place in places]
    # Files of overviews repeat each feature's box in a column that only readers need.
    box = (geo.get("covering") or {}).get("bbox", {}).get("xmin", [None])[0]
    own = [place for place, name in enumerate(names) if name != box]
    return [names[p] for p in own], [cells[p] for p in own], _crs_of(geo, file), wkb


def write_parquet(
    path: Path,
    geoms: NDArray[np.object_],
    columns: Mapping[str, Sequence[object]],
    *,
    crs: str,
) -> None:
    """Write a GeoParquet 1.1 file.

    Parameters
    ----------
    geoms
        shapely geometries, shape (n,); their types and bounds go into the metadata.
    columns
        n values a name.
    crs
        Of the geometries.
    """
    present = geoms[~shapely.is_missing(geoms)]
    column: Json = {
        "encoding": "WKB",
        "geometry_types": sorted({geom.geom_type for geom in present}),
        "crs": CRS.from_user_input(crs).to_json_dict(),
        "orientation": "counterclockwise",
        "edges": "planar",
    }
    if len(present):
        column["bbox"] = [float(side) for side in shapely.total_bounds(present)]
    geo = {"version": VERSION, "primary_column": "geometry", "columns": {"geometry": column}}
    arrays = {name: pa.array(list(values)) for name, values in columns.items()}
    wkb = shapely.to_wkb(geoms, flavor="iso").tolist()
    table = pa.table(arrays | {"geometry": pa.array(wkb, type=pa.binary())})
    table = table.replace_schema_metadata({"geo": json.dumps(geo)})
    pq.write_table(table, path, compression="zstd")


def _geometry_column(metadata: Mapping[bytes, bytes], file: str) -> tuple[str, Json]:
    try:
        geo = json.loads(metadata[b"geo"])
        column = geo["primary_column"]
        described = geo["columns"][column]
        encoding = described["encoding"]
    except (KeyError, ValueError, TypeError) as error:
        raise UnreadableError(
            f"{file} is Parquet without GeoParquet's metadata; export it as GeoParquet"
        ) from error
    if encoding != "WKB":
        raise UnreadableError(
            f"{file} holds geometries as {encoding}; export it as GeoParquet with WKB"
        )
    return column, described


def _crs_of(geo: Json, file: str) -> str | None:
    if "crs" not in geo:
        return "EPSG:4326"  # GeoParquet's default is OGC:CRS84: the same, longitude first
    if geo["crs"] is None:
        return None
    try:
        crs = CRS.from_user_input(geo["crs"])
    except CRSError as error:
        raise UnreadableError(f"{file} names a coordinate system that is not known") from error
    code = crs.to_authority(None, 100)
    if code == ("OGC", "CRS84"):
        return "EPSG:4326"
    return ":".join(code) if code else crs.to_wkt()
