"""Takes codes, names, counts and properties out of a file's table."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from geo.errors import BadInputError
from sources.cells import DROPPED, JsonValue, json_safe
from sources.choosing import find_columns
from sources.codes import Codes, read_codes
from sources.columns import Columns, Table, as_count, as_text, column_cells, plain
from sources.notices import Notice, name_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

_OWN = frozenset({"parent"})
"""An export calls the parent's code so: no property can have that name beside it."""


class Attributes(NamedTuple):
    """What a file's table says of its n rows."""

    columns: Columns
    """Which columns were taken for what, as they are spelt in the file."""
    codes: list[str | None]
    names: list[str | None]
    parents: list[str | None]
    """Of each row, None where it is blank; a parent is a code or a name."""
    households: list[int | None]
    people: list[int | None]
    """As counted by the file, None in a row that says nothing; empty without the column."""
    properties: list[dict[str, JsonValue]]
    """The other columns of each row."""
    notices: tuple[Notice, ...]


def read_attributes(
    table: Table, given: Columns, rows: NDArray[np.intp], *, file: str, need_code: bool
) -> Attributes:
    """Find out which columns mean what, and read them.

    Parameters
    ----------
    given
        What the caller says of the columns; it overrides what is found.
    rows
        1-based rows of the file, shape (n,).
    file
        The file's name, for messages.
    need_code
        Whether a file without a column of codes is refused.

    Raises
    ------
    UnreadableError
        If the columns cannot be told apart, there is no code, or codes lost digits.
    BadInputError
        If a given column is not there, or holds no counts where counts are asked for.
    """
    chosen = find_columns(table, given, file=file, need_code=need_code)
    found, count = chosen.columns, len(rows)
    codes = Codes([None] * count, ())
    if found.code is not None:
        cells = column_cells(table, found.code)
        codes = read_codes(cells, rows, column=found.code, file=file)
    counts, of_counts = read_counts(table, found, given, rows, file)
    parents = read_texts(table, found.parent, count)
    properties, of_properties = read_properties(table, _without_names(found, parents), count)
    return Attributes(
        columns=found,
        codes=codes.texts,
        names=read_texts(table, found.name, count),
        parents=parents,
        households=counts["households"],
        people=counts["people"],
        properties=properties,
        notices=chosen.notices + codes.notices + of_counts + of_properties,
    )


def _without_names(found: Columns, parents: list[str | None]) -> Columns:
    """Return the columns with meanings, less one that names parents in words (所属社区).

    A unit keeps its parent's code; the words would be lost if they did not stay a property.
    """
    if found.parent is None or plain(found.parent) in _OWN:
        return found
    spoken = any(not text.isascii() for text in parents if text is not None)
    return replace(found, parent=None) if spoken else found


def read_texts(table: Table, column: str | None, count: int) -> list[str | None]:
    """Return a column as text; as many None without one."""
    if column is None:
        return [None] * count
    return [as_text(cell) for cell in column_cells(table, column)]


def read_counts(
    table: Table, found: Columns, given: Columns, rows: NDArray[np.intp], file: str
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
            f"{name_rows(rows[bad])}"
        )
        if getattr(given, meaning) is not None:
            raise BadInputError(f"{message}; mend them or name another", argument="columns")
        notices.append(Notice("BAD_COUNT", message, len(bad)))
    return counts, tuple(notices)


def read_properties(
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
