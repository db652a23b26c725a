"""Gives back to a returning file what its format could not hold: full names of columns, and types.

An export goes out, is looked at in another program and comes back. A Shapefile cuts the names of
columns to ten bytes and texts to 254; KML and Shapefiles hold texts and numbers only; no table
tells a column that a row lacks from an empty cell. What comes back so is no change.
"""

from __future__ import annotations

import datetime as dt
import json
import math
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from geo.world import other_columns
from sources.formats import (
    FLATGEOBUF,
    GEOJSON,
    GEOJSONSEQ,
    GEOPACKAGE,
    GML,
    KML,
    PARQUET,
    SHAPEFILE,
)
from sources.shapefiles import NAME_BYTES
from sources.writing import TEXT_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from geo.check import Sent
    from geo.world import Units

Row = dict[str, object]

_TYPED = frozenset({GEOJSON, GEOJSONSEQ})
"""Formats that hold any JSON."""

_PLAIN = frozenset({SHAPEFILE, KML, GML})
"""Formats whose columns are texts, or numbers."""

_TABLES = frozenset({GEOPACKAGE, FLATGEOBUF, PARQUET})
"""Formats with one type a column."""

RELATIVE = 1e-12
"""How exactly a Shapefile's decimals hold a number, of its size."""

_LISTED = 5

_MISSING = object()


class Returned(NamedTuple):
    """Rows as they were before they were exported."""

    sent: Sent
    notices: list[dict[str, Any]]  # free JSON: the contract's DraftSource


def give_back(sent: Sent, standing: Units, *, format_: str) -> Returned:
    """Give rows the full names of columns and the types that the units of their codes have.

    Parameters
    ----------
    sent
        Rows as read.
    standing
        The units that stand on the same ground.
    format_
        What the rows were read from, as GDAL calls it.

    Notes
    -----
    A value is given back only where it is the same in the format's own terms: anything that was
    changed on the way stays changed.
    """
    same = _SAME.get(format_)
    if same is None:  # no file, or in a format that nothing of ours goes out in
        return Returned(sent, [])
    places = {code: place for place, code in enumerate(standing.codes)}
    known = [places.get(code) if code is not None else None for code in sent.codes]
    pairs = [
        (row, standing.properties[place]) if place is not None else (row, None)
        for row, place in zip(sent.properties, known, strict=True)
    ]
    if all(old is None for _, old in pairs):
        return Returned(sent, [])
    full = _full_names(pairs, standing.properties, same, format_)
    restored = 0
    rows: list[Row] = []
    for row, old in pairs:
        named = {full.get(name, name): value for name, value in row.items()}
        fresh = named if old is None else _typed(named, old, same)
        restored += not _is_as_sent(fresh, row)
        rows.append(fresh)
    names = list(sent.names)
    for n, place in enumerate(known):
        if place is not None and _is_cut(names[n], standing.names[place], format_):
            names[n] = standing.names[place]
            restored += 1
    told = [_notice(full, restored)] if restored else []
    return Returned(sent._replace(properties=rows, names=names), told)


def _notice(full: Mapping[str, str], count: int) -> dict[str, Any]:  # the contract's DraftSource
    message = "values that are the same in this format's terms were given their stored types"
    if full:
        listed = [f"{short} = {name}" for short, name in full.items()]
        more = f" and {len(listed) - _LISTED} more" if len(listed) > _LISTED else ""
        message += f"; columns got their full names back: {', '.join(listed[:_LISTED])}{more}"
    return {"code": "RESTORED", "message": message, "featureCount": count}


def _typed(row: Row, old: Row, same: Callable[[object, object], bool]) -> Row:
    """Return a row with its stored values where they are the same, and without what it lacked."""
    fresh: Row = {}
    for name, value in row.items():
        before = old.get(name, _MISSING)
        if before is _MISSING:
            if not same(value, None):
                fresh[name] = value
        else:
            fresh[name] = before if same(value, before) else value
    return fresh


def _is_as_sent(fresh: Row, row: Row) -> bool:
    """Return whether nothing was given back; an empty cell that was left out says nothing."""
    return not other_columns(fresh, row) and all(
        type(fresh[name]) is type(value) for name, value in row.items() if name in fresh
    )


# -- names ------------------------------------------------------------------------------------


def _full_names(
    pairs: Sequence[tuple[Row, Row | None]],
    standing: Iterable[Row],
    same: Callable[[object, object], bool],
    format_: str,
) -> dict[str, str]:
    """Return which columns are a stored one whose name the format, or the export, has changed."""
    sent = list(dict.fromkeys(name for row, _ in pairs for name in row))
    stored = dict.fromkeys(name for row in standing for name in row)
    left = [name for name in stored if name not in sent]
    full: dict[str, str] = {}
    for name in sent:
        if name in stored:
            continue
        likely = [other for other in left if _may_be(name, other, format_)]
        if likely:
            alike = {other: _alike(pairs, name, other, same) for other in likely}
            full[name] = max(likely, key=lambda other: alike[other])
            left.remove(full[name])
    return full


def _may_be(name: str, full: str, format_: str) -> bool:
    """Return whether a column of an export can be a stored one that is called otherwise.

    Beside columns of the same name in other letters, an export adds ``_2``; a Shapefile cuts names,
    and numbers those that are then the same.
    """
    exported = (full, f"{full}_2")
    if format_ != SHAPEFILE:
        return name == exported[1]
    number = re.search(r"\d*$", name)
    digits = number[0] if number is not None else ""
    return any(
        name in (_cut(each, NAME_BYTES), _cut(each, NAME_BYTES - len(digits)) + digits)
        for each in exported
    )


def _alike(
    pairs: Iterable[tuple[Row, Row | None]],
    name: str,
    other: str,
    same: Callable[[object, object], bool],
) -> int:
    return sum(
        old is not None and same(row.get(name), old.get(other)) for row, old in pairs if name in row
    )


def _is_cut(name: str | None, stored: str, format_: str) -> bool:
    if format_ != SHAPEFILE or name is None or name == stored:
        return False
    return len(stored.encode()) > TEXT_BYTES and name == _cut(stored, TEXT_BYTES)


def _cut(text: str, limit: int) -> str:
    return text.encode()[:limit].decode(errors="ignore")


# -- values -----------------------------------------------------------------------------------


def _same_json(value: object, stored: object) -> bool:
    if type(value) is type(stored) and value == stored:
        return True
    if value is None or stored is None:
        return value is stored
    if isinstance(value, bool) != isinstance(stored, bool):
        return False
    return value == stored or _same_time(value, stored)


def _same_cell(value: object, stored: object) -> bool:
    """Compare cells of a table: one type a column; lists and objects are JSON texts."""
    if _same_json(value, stored):
        return True
    if value is None or stored is None:
        return False
    if isinstance(stored, list | dict):
        return _parsed(value) == stored
    # A column of several types is written as text.
    return isinstance(value, str) and not isinstance(stored, str) and _parsed(value) == stored


def _same_plain(value: object, stored: object) -> bool:
    """Compare texts and numbers: nothing is told from an empty text, nor 1 from true."""
    if value in (None, "") or stored in (None, ""):
        return value in (None, "") and stored in (None, "")
    if _same_cell(value, stored):
        return True
    if isinstance(stored, bool):
        return _as_bool(value) is stored
    if isinstance(stored, int | float):
        return _same_number(value, stored)
    text = stored if isinstance(stored, str) else json.dumps(stored, ensure_ascii=False)
    return isinstance(value, str) and value in (text.rstrip(" "), _cut(text, TEXT_BYTES))


def _as_bool(value: object) -> bool | None:
    return {"1": True, "true": True, "t": True, "0": False, "false": False, "f": False}.get(
        str(value).lower()
    )


def _same_number(value: object, stored: float) -> bool:
    if isinstance(value, str):
        value = _parsed(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    if isinstance(value, int) and isinstance(stored, int):
        return value == stored
    return math.isclose(value, stored, rel_tol=RELATIVE)


def _same_time(value: object, stored: object) -> bool:
    """Compare texts that GDAL takes for dates and writes its own way."""
    if not isinstance(value, str) or not isinstance(stored, str):
        return False
    first = _as_time(value)
    return first is not None and first == _as_time(stored)


def _as_time(text: str) -> dt.datetime | None:
    if not text[:4].isdecimal():
        return None
    try:
        return dt.datetime.fromisoformat(text.replace("/", "-"))
    except ValueError:
        return None


def _parsed(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return _MISSING


_SAME: dict[str, Callable[[object, object], bool]] = {
    **dict.fromkeys(_TYPED, _same_json),
    **dict.fromkeys(_TABLES, _same_cell),
    **dict.fromkeys(_PLAIN, _same_plain),
}
"""How two values, as read and as stored, are compared in a format's own terms."""
