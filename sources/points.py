"""Reads points with columns: from tables with coordinates, from points and buildings.

What is wrong with a row is kept with it, so that one message names all bad rows.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import shapely

from geo.crs import Plane, parse_crs
from geo.errors import BadInputError
from sources.columns import (
    Table,
    as_text,
    column_cells,
    named_column,
    plain,
    usual_column,
)
from sources.coordinates import settle_coordinates
from sources.formats import staged
from sources.geometries import plain_geometries
from sources.harmless import check_size, harmless_table
from sources.layers import POINTS, POLYGONS, read_layer
from sources.notices import Notice
from sources.tables import read_table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from geo.crs import Datum

LISTED = 5
"""How many bad rows a message names."""

FIRST_BELOW = 2
"""The row below a header that is the first one."""

_LON = "lon lng long longitude 经度 jd x 坐标x x坐标 coordx"
_LAT = "lat latitude 纬度 wd y 坐标y y坐标 coordy"


@dataclass
class PointRows:
    """A file of points before its columns are understood, and what is wrong with which row."""

    file: str
    table: Table
    rows: Sequence[int]
    """Row in the file of each line, n of them."""
    counted: str
    """How rows are counted, for messages."""
    notices: list[Notice]
    lonlat: NDArray[np.float64] | None = None
    """Degrees of WGS 84, shape (n, 2), NaN where there is no place; None in a plain table."""
    problems: dict[int, str] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)
    """Columns of keys and coordinates."""

    def blame(self, place: int, reason: str) -> None:
        """Keep the first reason why a row is bad."""
        self.problems.setdefault(place, reason)

    def column(self, wanted: str | None, usual: str) -> str | None:
        """Return the column that the caller names, or one with a usual name."""
        return named_column(self.table, wanted, self.file) or usual_column(self.table, usual)

    def notice(self, code: str, message: str, count: int | None = None) -> None:
        """Say something, by default of every row."""
        self.notices.append(Notice(code, message, len(self.rows) if count is None else count))

    def refuse_bad_rows(self) -> None:
        """Raise one error that names the first bad rows and how many there are."""
        if not self.problems:
            return
        first = sorted(self.problems)[:LISTED]
        told = "; ".join(f"row {self.rows[place]}: {self.problems[place]}" for place in first)
        count = len(self.problems)
        more = f"; and {count - LISTED} more" if count > LISTED else ""
        raise BadInputError(
            f"{self.file} has {count} bad row{'s' if count > 1 else ''} ({self.counted}): "
            f"{told}{more}; nothing was taken from it, mend them first",
            argument="file",
            rows=[int(self.rows[place]) for place in first],
        )


def split_names(text: str, separator: str) -> tuple[str, ...]:
    """Return the parts of a text that are not blank."""
    return tuple(part.strip() for part in text.split(separator) if part.strip())


def rows_of_table(
    path: Path, *, layer: str | None, encoding: str | None, usual: Sequence[str] = ()
) -> PointRows:
    """Read a CSV, TSV or .xlsx file; where its points are, its columns say.

    Parameters
    ----------
    usual
        Names by which its columns go, beside those of coordinates.
    """
    words = [*_LON.split(), *_LAT.split(), *usual]
    read = read_table(path, layer=layer, encoding=encoding, usual=words)
    clean = harmless_table(read.names, read.cells, np.asarray(read.rows, dtype=np.intp))
    table = Table(clean.names, clean.cells)
    first = read.rows[0] == FIRST_BELOW
    counted = "the header is row 1" if first else "as a spreadsheet counts them"
    rows = PointRows(path.name, table, read.rows, counted, [])
    rows.notices += [*read.notices, *clean.notices]
    if read.encoding.evidence:
        rows.notice("ENCODING", read.encoding.evidence)
    return rows


def rows_of_layer(
    path: Path,
    *,
    layer: str | None,
    encoding: str | None,
    crs: str | None,
    datum: Datum | None,
) -> PointRows:
    """Read points, or buildings by a point inside each."""
    file = path.name
    with staged(path, layer=layer, encoding=encoding) as laid:
        raw = read_layer(laid, file, layer=layer, encoding=encoding, wanted=POINTS + POLYGONS)
    check_size(raw.geoms, raw.rows, file)
    geoms, notices = plain_geometries(raw, file)
    settled = settle_coordinates(raw, geoms, file, crs=crs, datum=datum)
    geoms = settled.geoms
    points = shapely.point_on_surface(geoms)
    xy = np.column_stack([shapely.get_x(points), shapely.get_y(points)])
    bounds = shapely.total_bounds(geoms).tolist()
    plane = Plane.around(settled.crs, bounds, datum=settled.datum)
    lonlat = plane.to_lonlat(plane.from_file(xy))
    lonlat[~np.isfinite(xy).all(axis=1)] = np.nan
    clean = harmless_table(raw.names, raw.cells, raw.rows)
    table = Table(clean.names, clean.cells, raw.max_name_bytes)
    said = [*raw.notices, *notices, *settled.notices, *clean.notices]
    return PointRows(file, table, raw.rows.tolist(), "the first feature is row 1", said, lonlat)


def places_of(rows: PointRows) -> NDArray[np.float64]:
    """Return degrees of WGS 84 of a layer, shape (n, 2); a row without a place is bad."""
    lonlat = np.zeros((0, 2)) if rows.lonlat is None else rows.lonlat
    for place in np.flatnonzero(~np.isfinite(lonlat).all(axis=1)).tolist():
        rows.blame(place, "it has no place")
    return lonlat


def keys_of(rows: PointRows, wanted: tuple[str, ...], usual: str) -> list[str]:
    """Return the keys; one that is missing or was there before makes its row bad.

    Parameters
    ----------
    wanted
        Columns that the caller names: the first that is not empty in a row makes the key.
    usual
        Names by which such a column goes, separated by blanks, where none is named.
    """
    named = [named_column(rows.table, name, rows.file) for name in wanted]
    columns = [name for name in named if name is not None] or _usual_keys(rows, usual)
    rows.taken.update(columns)
    cells = [column_cells(rows.table, name) for name in columns]
    first_row: dict[str, int] = {}
    keys = []
    for place, row in enumerate(zip(*cells, strict=True)):
        key = next((text for cell in row if (text := as_text(cell)) is not None), "")
        if not key:
            rows.blame(place, "no key")
        elif key in first_row:
            rows.blame(place, f"key {key!r} was there before, in row {first_row[key]}")
        first_row.setdefault(key, rows.rows[place])
        keys.append(key)
    return keys


def _usual_keys(rows: PointRows, usual: str) -> list[str]:
    table = rows.table
    first = usual_column(table, usual)
    if first is None:
        raise BadInputError(
            f"{rows.file} has no column of keys that is known by its name; it has "
            f"{', '.join(table.names) or 'none at all'}; name it, e.g. --columns key=地址编码",
            argument="columns",
            hint="key=COLUMN,lon=COLUMN,lat=COLUMN",
            options=list(table.names),
        )
    # A building of OpenStreetMap has the one or the other: way or relation.
    ways = usual_column(table, "osmwayid", [first])
    return [first, ways] if plain(first) == "osmid" and ways else [first]


def coordinates_of(
    rows: PointRows, lon: str | None, lat: str | None, crs: str, datum: Datum
) -> NDArray[np.float64]:
    """Return degrees of WGS 84 from two columns, shape (n, 2); NaN in bad rows.

    Parameters
    ----------
    lon, lat
        Columns that the caller names; found by their usual names where it names none.
    crs, datum
        What the numbers are in.
    """
    xy = np.column_stack(
        [
            numbers_of(rows, _coordinate_column(rows, lon, _LON, "longitude")),
            numbers_of(rows, _coordinate_column(rows, lat, _LAT, "latitude")),
        ]
    )
    system = parse_crs(crs)
    lonlat = np.full_like(xy, np.nan)
    good = np.isfinite(xy).all(axis=1)
    if system.is_geographic:
        with np.errstate(invalid="ignore"):
            off = np.abs(xy) > (180, 90)
        for place in np.flatnonzero(off.any(axis=1)).tolist():
            axis = int(np.argmax(off[place]))
            what = ("longitude", "latitude")[axis]
            rows.blame(place, f"{what} {xy[place, axis]:.10g} is no degree; if all are, name --crs")
        good &= ~off.any(axis=1)
    if good.any():
        bounds = [*xy[good].min(axis=0), *xy[good].max(axis=0)]
        plane = Plane.around(system, bounds, datum=datum)
        lonlat[good] = plane.to_lonlat(plane.from_file(xy[good]))
    for place in np.flatnonzero(good & ~np.isfinite(lonlat).all(axis=1)).tolist():
        rows.blame(place, f"({xy[place, 0]:.10g}, {xy[place, 1]:.10g}) is off the Earth")
    return lonlat


def _coordinate_column(rows: PointRows, wanted: str | None, usual: str, what: str) -> str:
    column = rows.column(wanted, usual)
    if column is None:
        raise BadInputError(
            f"{rows.file} has no column of {what} that is known by its name; it has "
            f"{', '.join(rows.table.names)}; name it, e.g. --columns lon=经度,lat=纬度",
            argument="columns",
            hint="lon=COLUMN,lat=COLUMN",
            options=list(rows.table.names),
        )
    rows.taken.add(column)
    return column


def numbers_of(rows: PointRows, column: str) -> NDArray[np.float64]:
    """Return a column of numbers, shape (n,); what is blank or no number makes its row bad."""
    numbers = np.full(len(rows.rows), np.nan)
    for place, cell in enumerate(column_cells(rows.table, column)):
        text = as_text(cell)
        try:
            numbers[place] = float(text or "nan")
        except ValueError:
            rows.blame(place, f"{column} {text!r} is no number")
        if not np.isfinite(numbers[place]):
            rows.blame(place, f"{column} is {text or 'blank'}")
    return numbers
