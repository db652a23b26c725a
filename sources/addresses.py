"""Reads addresses: points with the households and people that live there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from geo.crs import Datum, round9
from sources.columns import as_count, as_text, column_cells, named_column, parse_pairs, plain
from sources.notices import Notice
from sources.opening import sha256_of
from sources.points import (
    PointRows,
    coordinates_of,
    keys_of,
    places_of,
    rows_of_layer,
    rows_of_table,
    split_names,
)
from sources.tables import is_table

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["AddressColumns", "AddressFile", "parse_address_columns", "read_addresses"]

_KEYS = (
    "key addresskey 地址编码 地址代码 标准地址编码 门牌编码 dzbm dzdm addressid houseid uuid id"
    " 编号 code osmid osmwayid"
)
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
        key=split_names(pairs.get("key", ""), "+"),
        groups=split_names(pairs.get("groups", ""), "|"),
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
        rows = rows_of_table(path, layer=layer, encoding=encoding, usual=_words(columns))
        keys = keys_of(rows, columns.key, _KEYS)
        lonlat = coordinates_of(
            rows, columns.lon, columns.lat, crs or "EPSG:4326", datum or Datum.WGS84
        )
    else:
        rows = rows_of_layer(path, layer=layer, encoding=encoding, crs=crs, datum=datum)
        keys = keys_of(rows, columns.key, _KEYS)
        lonlat = places_of(rows)
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


def _words(columns: AddressColumns) -> list[str]:
    """Return the names by which a header is found: the usual ones, and those that are given."""
    usual = " ".join((_KEYS, _HOUSEHOLDS, _PEOPLE, _COMPOUNDS, *GROUPS.values())).split()
    given = (columns.lon, columns.lat, columns.households, columns.people, columns.compound)
    named = [*columns.key, *columns.groups, *(name for name in given if name is not None)]
    return usual + named


def _counts(rows: PointRows, column: str | None, what: str) -> list[int] | None:
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


def _groups(rows: PointRows, wanted: tuple[str, ...]) -> list[dict[str, int]]:
    """Return the people of each group by row; groups without anybody are left out."""
    groups: list[dict[str, int]] = [{} for _ in rows.rows]
    for key, column in _group_columns(rows, wanted).items():
        for place, number in enumerate(_counts(rows, column, column) or []):
            if number:
                groups[place][key] = number
    return groups


def _group_columns(rows: PointRows, wanted: tuple[str, ...]) -> dict[str, str]:
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


def _compounds(rows: PointRows, wanted: str | None) -> list[str | None]:
    column = rows.column(wanted, _COMPOUNDS)
    if column is None:
        return [None] * len(rows.rows)
    return [as_text(cell) for cell in column_cells(rows.table, column)]
