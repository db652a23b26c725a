"""Reads addresses: points with the households and people that live there."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import shapely

from geo.crs import Datum, Plane, parse_crs, round9
from geo.errors import BadInputError
from sources.columns import (
    Table,
    as_count,
    as_text,
    column_cells,
    named_column,
    parse_pairs,
    plain,
    usual_column,
)
from sources.coordinates import settle_coordinates
from sources.formats import staged
from sources.geometries import plain_geometries
from sources.harmless import check_size, harmless_table
from sources.layers import POINTS, POLYGONS, read_layer
from sources.notices import Notice
from sources.opening import sha256_of
from sources.tables import is_table, read_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["AddressColumns", "AddressFile", "parse_address_columns", "read_addresses"]

LISTED = 5
"""How many bad rows a message names."""

_KEYS = (
    "key addresskey 地址编码 地址代码 标准地址编码 门牌编码 dzbm dzdm addressid houseid uuid id"
    " 编号 code osmid osmwayid"
)
_LON = "lon lng long longitude 经度 jd x 坐标x x坐标 coordx"
_LAT = "lat latitude 纬度 wd y 坐标y y坐标 coordy"
_HOUSEHOLDS = "households 户数 总户数 household hhs hs"
_PEOPLE = "people 人口 人口数 总人口 人数 population pop rks"
_COMPOUNDS = "compound compoundcode 小区编码 小区代码 所属小区 所属小区编码 xqbm"

GROUPS = {
    "elder_alone": "elderalone 独居老人 独居",
    "elder": "elder elderly 老人 老年人 老年人口",
    "disabled": "disabled 残疾人 残疾 残疾人数",
    "pupil": "pupil pupils 学生 中小学生 小学生",
    "child": "child children 儿童 未成年人",
    "infant": "infant 婴幼儿",
    "low_income": "lowincome 低保 低保户 低保人口",
    "pregnant": "pregnant 孕妇 孕产妇",
    "veteran": "veteran 退役军人",
    "left_behind": "leftbehind 留守儿童",
    "migrant": "migrant 流动人口",
    "party_member": "partymember 党员",
}
"""Groups of people by the key that the service knows, with the columns' usual names."""

_PREFIX = "group_"


@dataclass(frozen=True)
class AddressColumns:
    """Which columns of an address file mean what; what is left out is found by its usual name.

    Attributes
    ----------
    key
        The first of these that is not empty in a row makes the key.
    groups
        Columns that count people of one group each.
    """

    key: tuple[str, ...] = ()
    lon: str | None = None
    lat: str | None = None
    households: str | None = None
    people: str | None = None
    compound: str | None = None
    groups: tuple[str, ...] = ()


@dataclass(frozen=True)
class AddressFile:
    """An address file, read.

    Attributes
    ----------
    file, sha256
        The file's own name, and its fingerprint.
    keys
        Lasting names of the addresses, all different, n of them.
    lonlat
        Degrees of WGS 84, rounded to 1e-9, shape (n, 2).
    households, people
        Shape (n,), none negative.
    groups
        People of each group with anybody in it, n of them.
    compound_codes
        The compound that each address says it lies in, None where it says none.
    """

    file: str
    sha256: str
    keys: list[str]
    lonlat: NDArray[np.float64]
    households: NDArray[np.int64]
    people: NDArray[np.int64]
    groups: list[dict[str, int]]
    compound_codes: list[str | None]
    notices: tuple[Notice, ...]


@dataclass
class _Rows:
    """An address file before its columns are understood, and what is wrong with which row."""

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


def parse_address_columns(text: str) -> AddressColumns:
    """Read ``key=地址编码,lon=经度,lat=纬度,groups=独居老人|残疾人``.

    Several columns of ``key`` are joined by ``+``, those of ``groups`` by ``|``.

    Raises
    ------
    BadInputError
        If a key is not known, is there twice, or has no column.
    """
    keys = ("key", "lon", "lat", "households", "people", "compound", "groups")
    pairs = parse_pairs(text, keys)
    return AddressColumns(
        key=_split(pairs.get("key", ""), "+"),
        groups=_split(pairs.get("groups", ""), "|"),
        **{name: pairs.get(name) for name in keys[1:-1]},
    )


def read_addresses(
    path: Path,
    *,
    layer: str | None = None,
    encoding: str | None = None,
    crs: str | None = None,
    datum: Datum | None = None,
    columns: AddressColumns = AddressColumns(),
) -> AddressFile:
    """Read addresses from a table with coordinates, or from points or buildings.

    Parameters
    ----------
    path
        CSV, TSV or .xlsx with columns of longitude and latitude, or any vector file; of a building
        a point inside it is taken.
    layer, encoding, crs, datum, columns
        What the caller knows better than the file; each overrides what is found.

    Raises
    ------
    UnreadableError
        If it cannot be read.
    BadInputError
        If a needed column is not found, or any row is bad: without a key, with a key that was
        there before, or with what is no number, negative or off the Earth.
    """
    if is_table(path):
        rows = _from_table(path, layer=layer, encoding=encoding)
        keys = _keys(rows, columns.key)
        lonlat = _coordinates(rows, columns, crs or "EPSG:4326", datum or Datum.WGS84)
    else:
        rows = _from_layer(path, layer=layer, encoding=encoding, crs=crs, datum=datum)
        keys = _keys(rows, columns.key)
        lonlat = _places(rows)
    households = _counts(rows, rows.column(columns.households, _HOUSEHOLDS), "households")
    if households is None:
        rows.notice("NO_HOUSEHOLDS", "no column of households; each address counts as one")
    people = _counts(rows, rows.column(columns.people, _PEOPLE), "people")
    if people is None:
        rows.notice("NO_PEOPLE", "no column of people; none are counted")
    groups = _groups(rows, columns.groups)
    rows.refuse_bad_rows()
    count = len(keys)
    return AddressFile(
        file=path.name,
        sha256=sha256_of(path),
        keys=keys,
        lonlat=round9(lonlat),
        households=np.array([1] * count if households is None else households, dtype=np.int64),
        people=np.array([0] * count if people is None else people, dtype=np.int64),
        groups=groups,
        compound_codes=_compounds(rows, columns.compound),
        notices=tuple(rows.notices),
    )


def _split(text: str, separator: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(separator) if part.strip())


def _from_table(path: Path, *, layer: str | None, encoding: str | None) -> _Rows:
    read = read_table(path, layer=layer, encoding=encoding)
    clean = harmless_table(read.names, read.cells, np.asarray(read.rows, dtype=np.intp))
    table = Table(clean.names, clean.cells)
    rows = _Rows(path.name, table, read.rows, "the header is row 1", list(clean.notices))
    if read.encoding.evidence:
        rows.notice("ENCODING", read.encoding.evidence)
    return rows


def _from_layer(
    path: Path,
    *,
    layer: str | None,
    encoding: str | None,
    crs: str | None,
    datum: Datum | None,
) -> _Rows:
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
    return _Rows(file, table, raw.rows.tolist(), "the first feature is row 1", said, lonlat)


def _places(rows: _Rows) -> NDArray[np.float64]:
    lonlat = np.zeros((0, 2)) if rows.lonlat is None else rows.lonlat
    for place in np.flatnonzero(~np.isfinite(lonlat).all(axis=1)).tolist():
        rows.blame(place, "it has no place")
    return lonlat


def _keys(rows: _Rows, wanted: tuple[str, ...]) -> list[str]:
    """Return the keys; one that is missing or was there before makes its row bad."""
    named = [named_column(rows.table, name, rows.file) for name in wanted]
    columns = [name for name in named if name is not None] or _usual_keys(rows)
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


def _usual_keys(rows: _Rows) -> list[str]:
    table = rows.table
    first = usual_column(table, _KEYS)
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


def _coordinates(
    rows: _Rows, columns: AddressColumns, crs: str, datum: Datum
) -> NDArray[np.float64]:
    """Return degrees of WGS 84 from two columns, shape (n, 2); NaN in bad rows."""
    xy = np.column_stack(
        [
            _numbers(rows, _coordinate_column(rows, columns.lon, _LON, "longitude")),
            _numbers(rows, _coordinate_column(rows, columns.lat, _LAT, "latitude")),
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


def _coordinate_column(rows: _Rows, wanted: str | None, usual: str, what: str) -> str:
    column = rows.column(wanted, usual)
    if column is None:
        raise BadInputError(
            f"{rows.file} has no column of {what} that is known by its name; it has "
            f"{', '.join(rows.table.names)}; name it, e.g. --columns lon=经度,lat=纬度",
            argument="columns",
            hint="lon=COLUMN,lat=COLUMN",
            options=list(rows.table.names),
        )
    return column


def _numbers(rows: _Rows, column: str) -> NDArray[np.float64]:
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


def _counts(rows: _Rows, column: str | None, what: str) -> list[int] | None:
    """Return whole numbers of at least 0 from a column, 0 where it is blank; None without one."""
    if column is None:
        return None
    numbers, blank = [], 0
    for place, cell in enumerate(column_cells(rows.table, column)):
        number, text = as_count(cell), as_text(cell)
        blank += text is None
        if number is None and text is not None:
            rows.blame(place, f"{what} {text!r} is no whole number of at least 0")
        numbers.append(number or 0)
    if blank and what in ("households", "people"):  # a blank group is nobody, as usual
        rows.notice("BLANK_COUNT", f"blank {what} were taken for 0", blank)
    return numbers


def _groups(rows: _Rows, wanted: tuple[str, ...]) -> list[dict[str, int]]:
    """Return the people of each group by row; groups without anybody are left out."""
    groups: list[dict[str, int]] = [{} for _ in rows.rows]
    for key, column in _group_columns(rows, wanted).items():
        for place, number in enumerate(_counts(rows, column, column) or []):
            if number:
                groups[place][key] = number
    return groups


def _group_columns(rows: _Rows, wanted: tuple[str, ...]) -> dict[str, str]:
    """Return the columns that count people of a group, by the group's key."""
    if wanted:
        named = [named_column(rows.table, name, rows.file) for name in wanted]
        return {_group_key(column) or column: column for column in named if column is not None}
    columns: dict[str, str] = {}
    for column in rows.table.names:
        key = _group_key(column)
        if key is not None:
            columns.setdefault(key, column)
    return columns


def _group_key(column: str) -> str | None:
    """Return the key of the group that a column counts, None where it counts none."""
    if column.casefold().startswith(_PREFIX):
        return column[len(_PREFIX) :].strip().casefold() or None
    name = plain(column)
    return next((key for key, names in GROUPS.items() if name in names.split()), None)


def _compounds(rows: _Rows, wanted: str | None) -> list[str | None]:
    column = rows.column(wanted, _COMPOUNDS)
    if column is None:
        return [None] * len(rows.rows)
    return [as_text(cell) for cell in column_cells(rows.table, column)]
