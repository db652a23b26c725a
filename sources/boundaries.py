"""Reads a boundary file as a data team sends it, and says every guess that it made."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import shapely

from geo.crs import Datum, Plane, crs_label, parse_crs
from geo.errors import BadInputError, UnreadableError
from sources.cells import DROPPED, JsonValue, json_safe
from sources.columns import (
    Columns,
    Table,
    as_count,
    as_text,
    column_cells,
    find_columns,
    parse_columns,
)
from sources.formats import staged
from sources.layers import RawLayer, read_layer
from sources.notices import Notice
from sources.opening import sha256_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray
    from pyproj.crs import CRS
    from shapely.geometry.base import BaseGeometry

__all__ = ["BoundaryFile", "Columns", "JsonValue", "Notice", "parse_columns", "read_boundaries"]

LISTED = 5
"""How many rows a message names."""

SAMPLE = 10_000
"""How many vertices are tried, to see whether a file's coordinates belong to its CRS."""

SLACK_DEG = 1e-9
"""What a writer's rounding may add to 180 or 90 degrees."""

ROUNDED_DEG = 1e-5
"""What a projection's rounding may add to them: about a metre."""

TURNED_M = 1000.0
"""No conversion there and back misses by as much, but for whole turns around the Earth."""

TURN_M = 40_075_017.0
"""Such a turn, in metres."""


@dataclass(frozen=True)
class BoundaryFile:
    """A boundary file, read.

    Attributes
    ----------
    file, sha256
        The file's own name, and its fingerprint.
    format
        GDAL's short name of the driver, e.g. ``GPKG``; ``Parquet`` for GeoParquet.
    encoding
        Of its texts, as found.
    crs
        ``EPSG:4523`` where there is such a code, else WKT.
    datum
        What its degrees refer to.
    columns
        Which columns were taken for what, as they are spelt in the file.
    rows
        1-based row in the file, shape (n,).
    codes, names, parents
        Text, None where blank; n each.
    properties
        The other columns of each row, as JSON holds them.
    geoms
        shapely geometries in the file's CRS, shape (n,): two-dimensional, None where absent, of
        any type as sent.
    households, people
        As counted by the file, n each, None in a row that says nothing; empty without the column.
    """

    file: str
    sha256: str
    format: str
    layer: str | None
    encoding: str
    crs: str
    datum: Datum
    columns: Columns
    rows: NDArray[np.intp]
    codes: list[str | None]
    names: list[str | None]
    parents: list[str | None]
    properties: list[dict[str, JsonValue]]
    geoms: NDArray[np.object_]
    notices: tuple[Notice, ...]
    households: list[int | None]
    people: list[int | None]


def read_boundaries(
    path: Path,
    *,
    layer: str | None = None,
    encoding: str | None = None,
    crs: str | None = None,
    datum: Datum | None = None,
    columns: Columns = Columns(),  # noqa: B008 - frozen
    need_code: bool = True,
) -> BoundaryFile:
    """Read a boundary file of any known format.

    Parameters
    ----------
    path
        The file, or a zip archive that holds it.
    layer, encoding, crs, datum, columns
        What the caller knows better than the file; each overrides what is found.
    need_code
        Whether a file without a column of codes is refused; an outline needs none.

    Raises
    ------
    UnreadableError
        If it cannot be read as a boundary file; the message says why and what to do.
    BadInputError
        If an argument does not fit the file, or one is needed.

    Notes
    -----
    What is wrong with single units (no geometry, a line among polygons, a code twice) is the
    check's business and comes back as it is; only what makes the whole file doubtful is refused.
    """
    file = path.name
    with staged(path, layer=layer, encoding=encoding) as laid:
        raw = read_layer(laid, file, layer=layer, encoding=encoding)
    geoms, geometry_notices = plain_geometries(raw, file)
    system, crs_notices = settle_crs(raw, geoms, file, crs, datum or Datum.WGS84)
    table = Table(raw.names, raw.cells, raw.max_name_bytes)
    found = find_columns(table, columns, file=file, need_code=need_code)
    counts, count_notices = _counts(table, found, columns, file)
    count = len(raw.rows)
    properties, property_notices = _properties(table, found, count)
    return BoundaryFile(
        file=file,
        sha256=sha256_of(path),
        format=laid.format,
        layer=raw.layer,
        encoding=raw.encoding,
        crs=crs_label(system),
        datum=datum or Datum.WGS84,
        columns=found,
        rows=raw.rows,
        codes=_codes(table, found.code, raw.rows, file),
        names=_texts(table, found.name, count),
        parents=_texts(table, found.parent, count),
        properties=properties,
        geoms=geoms,
        notices=raw.notices + geometry_notices + crs_notices + count_notices + property_notices,
        households=counts["households"],
        people=counts["people"],
    )


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
            f"{file} has coordinates that are no numbers in {_rows(raw.rows[wild])}; "
            "mend or leave out those features"
        )
    if raw.spoilt:
        raise UnreadableError(
            f"{file} has rings that are not closed or have fewer than four points in "
            f"{_rows(raw.spoilt)}; close them and export the file again"
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


def settle_crs(
    raw: RawLayer, geoms: NDArray[np.object_], file: str, given: str | None, datum: Datum
) -> tuple[CRS, tuple[Notice, ...]]:
    """Return the CRS of a file's coordinates, which must fit it.

    Raises
    ------
    UnreadableError
        If degrees lie outside the Earth; the rows are named.
    BadInputError
        If the file names no CRS and its coordinates are no degrees, or they do not fit the CRS.
    """
    bounds = shapely.bounds(geoms)
    west, south, east, north = shapely.total_bounds(geoms)
    notices = []
    label = given or raw.crs
    if label is None:
        span = f"x {west:.10g} to {east:.10g}, y {south:.10g} to {north:.10g}"
        if not (west >= -180 and east <= 180 and south >= -90 and north <= 90):  # noqa: PLR2004
            raise BadInputError(
                f"{file} names no coordinate system and its coordinates are no degrees ({span}); "
                "name it, e.g. --crs EPSG:4523",
                argument="crs",
                hint="EPSG:4523",
            )
        message = f"the file names no coordinate system; taken for EPSG:4326, as it has {span}"
        notices.append(Notice("NO_CRS", message, len(geoms)))
        label = "EPSG:4326"
    system = parse_crs(label)
    if system.is_geographic:
        _check_degrees(raw, bounds, file)
    plane = Plane.around(system, (west, south, east, north), datum=datum)
    _check_reach(raw, geoms, plane, file)
    if plane.accuracy_m is None:
        message = (
            f"no exact change from the datum of {crs_label(system)} to WGS 84 is known here; its "
            "degrees are taken as they are and may be off by some hundred metres"
        )
        notices.append(Notice("ROUGH_DATUM", message, len(geoms)))
    return system, tuple(notices)


def _check_degrees(raw: RawLayer, bounds: NDArray[np.float64], file: str) -> None:
    limits = np.array([-180.0, -90.0, -180.0, -90.0]) - SLACK_DEG, np.array([180.0, 90.0] * 2)
    with np.errstate(invalid="ignore"):
        outside = (bounds < limits[0]) | (bounds > limits[1] + SLACK_DEG)
    rows = np.flatnonzero(outside.any(axis=1))
    if len(rows):
        first = bounds[rows[0]]
        what = "longitude" if outside[rows[0], [0, 2]].any() else "latitude"
        limit = 180 if what == "longitude" else 90
        values = first[[0, 2]] if what == "longitude" else first[[1, 3]]
        worst = values[np.argmax(np.abs(values))]
        raise UnreadableError(
            f"{file} has {what} {worst:.10g}, beyond {limit} degrees, in {_rows(raw.rows[rows])}; "
            "mend those features, or name the coordinate system if they are no degrees"
        )


def _check_reach(raw: RawLayer, geoms: NDArray[np.object_], plane: Plane, file: str) -> None:
    """Refuse coordinates that are no place on Earth: some are tried, and those furthest out."""
    xy, owner = shapely.get_coordinates(geoms, return_index=True)
    furthest = np.concatenate([xy.argmin(axis=0), xy.argmax(axis=0)])
    tried = np.concatenate([furthest, np.arange(0, len(xy), 1 + len(xy) // SAMPLE)])
    with np.errstate(all="ignore"):
        metres = plane.from_file(xy[tried])
        lonlat = plane.to_lonlat(metres)
        there = (np.abs(lonlat) <= np.array([180.0, 90.0]) + ROUNDED_DEG).all(axis=1)
        # PROJ turns x around the Earth until it fits, which would tear a polygon apart.
        missed_m = np.abs(plane.from_lonlat(lonlat) - metres).max(axis=1)
        at_the_end = np.abs(lonlat[:, 0]) > 180 - ROUNDED_DEG  # 180 and -180 are one place
    there &= missed_m < np.where(at_the_end, 1.1 * TURN_M, TURNED_M)
    if not there.all():
        where = int(tried[~there][0])
        x, y = xy[where].tolist()
        raise BadInputError(
            f"the coordinates of {file} do not belong to {plane.crs}: ({x:.10g}, {y:.10g}) in "
            f"{_rows(raw.rows[owner[[where]]])} is no place on Earth; name its coordinate system, "
            "or mend those features",
            argument="crs",
        )


def _codes(table: Table, column: str | None, rows: NDArray[np.intp], file: str) -> list[str | None]:
    """Return the codes as text.

    Raises
    ------
    BadInputError
        If they are floating-point numbers too long to have kept their last digits.
    """
    codes = _texts(table, column, len(rows))
    if column is None:
        return codes
    cells = column_cells(table, column)
    long = [n for n, cell in enumerate(cells) if isinstance(cell, float) and abs(cell) > 2**53]
    if long:
        raise BadInputError(
            f"column {column!r} of {file} holds numbers of more than 15 digits as floating point, "
            f"which lost their last digits in {_rows(rows[long])}; save the column as text",
            argument="columns",
        )
    return codes


def _texts(table: Table, column: str | None, count: int) -> list[str | None]:
    if column is None:
        return [None] * count
    return [as_text(cell) for cell in column_cells(table, column)]


def _counts(
    table: Table, found: Columns, given: Columns, file: str
) -> tuple[dict[str, list[int | None]], tuple[Notice, ...]]:
    """Return households and people as counted by the file, where it counts."""
    counts: dict[str, list[int | None]] = {}
    notices: list[Notice] = []
    for meaning in ("households", "people"):
        counts[meaning] = []
        column = getattr(found, meaning)
        if column is None:
            continue
        cells = column_cells(table, column)
        counts[meaning] = [as_count(cell) for cell in cells]
        bad = [
            place
            for place, (cell, number) in enumerate(zip(cells, counts[meaning], strict=True))
            if number is None and as_text(cell) is not None
        ]
        if not bad:
            continue
        message = (
            f"column {column!r} of {file} holds no whole number of {meaning} in "
            f"{_rows([place + 1 for place in bad])}"
        )
        if getattr(given, meaning) is not None:
            raise BadInputError(f"{message}; mend them or name another", argument="columns")
        notices.append(Notice("BAD_COUNT", message, len(bad)))
    return counts, tuple(notices)


def _properties(
    table: Table, found: Columns, count: int
) -> tuple[list[dict[str, JsonValue]], tuple[Notice, ...]]:
    """Return the columns without a meaning of their own, by row; a file may have no column."""
    meant = {found.code, found.name, found.parent, found.households, found.people}
    properties: list[dict[str, JsonValue]] = [{} for _ in range(count)]
    notices = []
    for name, cells in zip(_distinct(table.names), table.cells, strict=True):
        if name in meant:
            continue
        safe = [json_safe(cell) for cell in cells]
        dropped = sum(value is DROPPED for value in safe)
        if dropped:
            message = f"column {name!r} holds bytes, which were left out"
            notices.append(Notice("BYTES_DROPPED", message, dropped))
            continue
        for row, value in zip(properties, safe, strict=True):
            row[name] = value  # type: ignore[assignment]  # only DROPPED is no JSON
    return properties, tuple(notices)


def _distinct(names: Sequence[str]) -> list[str]:
    """Return names with a number added to those that were there before."""
    seen: set[str] = set()
    distinct = []
    for name in names:
        fresh, number = name, 1
        while fresh in seen:
            number += 1
            fresh = f"{name}_{number}"
        seen.add(fresh)
        distinct.append(fresh)
    return distinct


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


def _rows(rows: Iterable[int]) -> str:
    """Name the first rows, and say how many more there are."""
    listed = [int(row) for row in rows]
    first = ", ".join(map(str, listed[:LISTED]))
    more = f" and {len(listed) - LISTED} more" if len(listed) > LISTED else ""
    return f"row{'s' if len(listed) > 1 else ''} {first}{more}"
