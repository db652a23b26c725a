"""Takes codes, names, counts and properties out of a file's table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from geo.errors import BadInputError
from sources.cells import DROPPED, JsonValue, json_safe
from sources.columns import Columns, Table, as_count, as_text, column_cells
from sources.notices import Notice, name_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray


def read_codes(
    table: Table, column: str | None, rows: NDArray[np.intp], file: str
) -> list[str | None]:
    """Return the codes as text.

    Raises
    ------
    BadInputError
        If they are floating-point numbers too long to have kept their last digits.
    """
    codes = read_texts(table, column, len(rows))
    if column is None:
        return codes
    cells = column_cells(table, column)
    long = [n for n, cell in enumerate(cells) if isinstance(cell, float) and abs(cell) > 2**53]
    if long:
        raise BadInputError(
            f"column {column!r} of {file} holds numbers of more than 15 digits as floating point, "
            f"which lost their last digits in {name_rows(rows[long])}; save the column as text",
            argument="columns",
        )
    return codes


def read_texts(table: Table, column: str | None, count: int) -> list[str | None]:
    """Return a column as text; as many None without one."""
    if column is None:
        return [None] * count
    return [as_text(cell) for cell in column_cells(table, column)]


def read_counts(
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
            f"{name_rows([place + 1 for place in bad])}"
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
