"""Reads service points: stations, centres, clinics, gates of compounds."""

from __future__ import annotations

import datetime as dt
import math
import re
import unicodedata
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from geo.crs import Datum, round9
from geo.errors import BadInputError
from sources.cells import DROPPED, JsonValue, from_json_text, json_safe
from sources.columns import as_text, column_cells, named_column, parse_pairs, usual_column
from sources.harmless import MAX_LABEL
from sources.notices import Notice
from sources.opening import sha256_of
from sources.points import (
    PointRows,
    coordinates_of,
    keys_of,
    places_of,
    rows_of_layer,
    rows_of_table,
)
from sources.tables import is_table

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["FacilityColumns", "FacilityFile", "parse_facility_columns", "read_facilities"]

T = TypeVar("T")

_NAMES = {
    "kind": "kind type 类型 种类 类别 设施类型 设施类别 站点类型 lx lb amenity",
    "name": "name 名称 设施名称 站点名称 mc title",
    "floor_area_m2": "floorarea flooraream2 area aream2 面积 建筑面积 使用面积 mj jzmj",
    "rooms": "rooms room 功能室 房间 功能用房 功能区",
    "opening_hours": "openinghours hours 开放时间 营业时间 服务时间 kfsj",
    "since": "since 启用日期 开放日期 开始日期 设立日期",
    "until": "until 停用日期 关闭日期 结束日期 撤销日期",
    "compound": "compound compoundcode 小区编码 小区代码 所属小区 所属小区编码 xqbm",
}
"""The columns' usual names, best known first."""

_KEYS = (
    "key facilitykey 设施编码 设施代码 站点编码 站点编号 code 编码 代码 编号 facilityid uuid id"
    " 序号 osmid osmwayid"
)
_SEPARATORS = re.compile(r"[|,，、;；]")
_DAY = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?(?:[ T]00:00(?::00)?)?")

_AREA = re.compile(r"([\d,]{1,12}(?:\.\d{1,6})?) ?(?:m2|sqm|平方米|平米|平)?")

MAX_ROOMS = 100
"""Rooms of one service point."""

MAX_AREA_M2 = 10_000_000.0
"""More floor than any building has."""


@dataclass(frozen=True)
class FacilityColumns:
    """Which columns of a file mean what; what is left out is found by its usual name."""

    key: str | None = None
    kind: str | None = None
    name: str | None = None
    lon: str | None = None
    lat: str | None = None
    floor_area_m2: str | None = None
    rooms: str | None = None
    opening_hours: str | None = None
    since: str | None = None
    until: str | None = None
    compound: str | None = None


@dataclass(frozen=True)
class FacilityFile:
    """A file of service points, read: n of them, with keys that differ.

    Attributes
    ----------
    file, sha256
        The file's own name, and its fingerprint.
    keys, kinds
        Lasting names, and keys of the kinds.
    lonlat
        Degrees of WGS 84, rounded to 1e-9, shape (n, 2).
    floor_areas
        Square metres; None where nothing is said, as below.
    opening_hours
        As it is written, in OpenStreetMap's syntax if all is well.
    since, until
        ISO 8601 dates.
    compounds
        Codes of the compounds that they say they belong to.
    properties
        All other columns.
    """

    file: str
    sha256: str
    keys: list[str]
    kinds: list[str]
    labels: list[str]
    lonlat: NDArray[np.float64]
    floor_areas: list[float | None]
    rooms: list[list[str]]
    opening_hours: list[str | None]
    since: list[str | None]
    until: list[str | None]
    compounds: list[str | None]
    properties: list[dict[str, JsonValue]]
    notices: tuple[Notice, ...]


def parse_facility_columns(text: str) -> FacilityColumns:
    """Read ``key=编码,kind=类型,lon=经度,lat=纬度``.

    Raises
    ------
    BadInputError
        If a key is not known, is there twice, or has no column.
    """
    return FacilityColumns(**parse_pairs(text, [field.name for field in fields(FacilityColumns)]))


def read_facilities(
    path: Path,
    *,
    layer: str | None = None,
    encoding: str | None = None,
    crs: str | None = None,
    datum: Datum | None = None,
    columns: FacilityColumns = FacilityColumns(),
    kind: str | None = None,
) -> FacilityFile:
    """Read service points from a table with coordinates, or from points or buildings.

    Parameters
    ----------
    path
        CSV, TSV or .xlsx with columns of longitude and latitude, or any vector file; of a building
        a point inside it is taken.
    layer, encoding, crs, datum, columns
        What the caller knows better than the file; each overrides what is found.
    kind
        The kind of all that the file holds; without it a column says so.

    Raises
    ------
    UnreadableError
        If it cannot be read.
    BadInputError
        If a needed column is not found, or any row is bad; the message names rows and reasons.
    """
    keyed = (columns.key,) if columns.key is not None else ()
    if is_table(path):
        usual = " ".join([_KEYS, *_NAMES.values()]).split()
        usual += [name for name in vars(columns).values() if name is not None]
        rows = rows_of_table(path, layer=layer, encoding=encoding, usual=usual)
        keys = keys_of(rows, keyed, _KEYS)
        system = crs or "EPSG:4326"
        lonlat = coordinates_of(rows, columns.lon, columns.lat, system, datum or Datum.WGS84)
    else:
        rows = rows_of_layer(path, layer=layer, encoding=encoding, crs=crs, datum=datum)
        keys = keys_of(rows, keyed, _KEYS)
        lonlat = places_of(rows)
    found = _Columns(rows, columns)
    since, until = found.each("since", _day), found.each("until", _day)
    _check_days(rows, since, until)
    read = FacilityFile(
        file=path.name,
        sha256=sha256_of(path),
        keys=_short(rows, keys),
        kinds=_kinds(found, kind),
        labels=[name or "" for name in _short(rows, found.each("name", _text))],
        lonlat=round9(lonlat),
        floor_areas=found.each("floor_area_m2", _area),
        rooms=[rooms or [] for rooms in found.each("rooms", _rooms)],
        opening_hours=found.each("opening_hours", _hours),
        since=since,
        until=until,
        compounds=_short(rows, found.each("compound", _text)),
        properties=found.properties(),
        notices=tuple(rows.notices),
    )
    rows.refuse_bad_rows()
    return read


class _Columns:
    """The columns of a file by their meaning: each means one thing."""

    def __init__(self, rows: PointRows, given: FacilityColumns) -> None:
        self.rows = rows
        self.column: dict[str, str] = {}
        for meaning in _NAMES:
            wanted = named_column(rows.table, getattr(given, meaning), rows.file)
            if wanted is not None:
                self.column[meaning] = wanted
        for meaning, usual in _NAMES.items():
            found = usual_column(rows.table, usual, self.taken)
            if meaning not in self.column and found is not None:
                self.column[meaning] = found

    @property
    def taken(self) -> set[str]:
        """All columns that mean something."""
        return {*self.column.values(), *self.rows.taken}

    def each(self, meaning: str, read: Callable[[object], T]) -> list[T | None]:
        """Return what a column says in each row, None where it says nothing.

        Parameters
        ----------
        read
            Takes a cell that is not blank; its ``ValueError`` says why the row is bad.
        """
        found: list[T | None] = [None] * len(self.rows.rows)
        if meaning not in self.column:
            return found
        name = self.column[meaning]
        for place, cell in enumerate(column_cells(self.rows.table, name)):
            if as_text(cell) is None:
                continue
            try:
                found[place] = read(cell)
            except ValueError as error:
                self.rows.blame(place, f"{name} {error}")
        return found

    def properties(self) -> list[dict[str, JsonValue]]:
        """Return the columns without a meaning of their own, by row."""
        kept: list[dict[str, JsonValue]] = [{} for _ in self.rows.rows]
        taken = self.taken
        for name, cells in zip(self.rows.table.names, self.rows.table.cells, strict=True):
            if name in taken:
                continue
            for row, cell in zip(kept, cells, strict=True):
                value = json_safe(cell)
                if value is not DROPPED and name not in row:
                    row[name] = value  # type: ignore[assignment]  # only DROPPED is no JSON
        return kept


def _short(rows: PointRows, texts: list[T]) -> list[T]:
    """Blame rows with a text as long as a book."""
    for place, text in enumerate(texts):
        if isinstance(text, str) and len(text) > MAX_LABEL:
            rows.blame(place, f"a text has {len(text):,} characters, more than {MAX_LABEL:,}")
    return texts


def _kinds(found: _Columns, kind: str | None) -> list[str]:
    """Return the kind of each row; one without any is bad."""
    rows = found.rows
    if kind is not None:
        return [kind] * len(rows.rows)
    if "kind" not in found.column:
        raise BadInputError(
            f"{rows.file} has no column of kinds that is known by its name; it has "
            f"{', '.join(rows.table.names)}; name it, e.g. --columns kind=类型, or say what all "
            "of them are, e.g. --kind station",
            argument="columns",
            hint="kind=COLUMN",
            options=list(rows.table.names),
        )
    kinds = _short(rows, found.each("kind", _text))
    for place, one in enumerate(kinds):
        if one is None:
            rows.blame(place, f"{found.column['kind']} is blank: no kind")
    return [one or "" for one in kinds]


def _text(cell: object) -> str:
    return as_text(cell) or ""


def _area(cell: object) -> float:
    """Read 820, 1,200 or 60㎡."""
    text = unicodedata.normalize("NFKC", _text(cell))
    number = _AREA.fullmatch(text)
    area_m2 = float(number[1].replace(",", "")) if number is not None else math.nan
    if not 0 <= area_m2 <= MAX_AREA_M2:
        raise ValueError(f"{text[:80]!r} is no area in square metres")
    return area_m2


def _rooms(cell: object) -> list[str]:
    """Read the names of rooms, each once, from a list or from a text."""
    value = from_json_text(json_safe(cell))
    parts = value if isinstance(value, list) else _SEPARATORS.split(_text(value))
    rooms = dict.fromkeys(text for part in parts if (text := as_text(part)) is not None)
    if len(rooms) > MAX_ROOMS or any(len(room) > MAX_LABEL for room in rooms):
        raise ValueError(f"has {len(rooms)} rooms or a longer name than a room has")
    return list(rooms)


def _hours(cell: object) -> str:
    text = _text(cell)
    if len(text) > MAX_LABEL:
        raise ValueError(f"has {len(text):,} characters, more than {MAX_LABEL:,}")
    return text


def _day(cell: object) -> str:
    """Read 2024-06-01, 2024/6/1 or 2024年6月1日."""
    text = unicodedata.normalize("NFKC", _text(cell))
    parts = _DAY.fullmatch(text)
    try:
        return dt.date(*map(int, parts.groups())).isoformat() if parts is not None else _no_day()
    except ValueError:
        raise ValueError(f"{text[:80]!r} is no day; write it as 2026-01-31") from None


def _no_day() -> str:
    raise ValueError


def _check_days(rows: PointRows, since: list[str | None], until: list[str | None]) -> None:
    for place, (begin, end) in enumerate(zip(since, until, strict=True)):
        if begin is not None and end is not None and end <= begin:
            rows.blame(place, f"it ends on {end}, but begins on {begin}")
