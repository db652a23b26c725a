"""Reads tables without geometry: CSV, TSV and Excel, in the encodings that are about."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, NamedTuple

from geo.errors import UnreadableError
from sources.encoding import UTF8, Guess, decode_text
from sources.opening import check_file, read_bytes
from sources.rosters import read_roster
from sources.sheets import is_workbook

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sources.notices import Notice

TABLE_SUFFIXES = frozenset({".csv", ".tsv", ".txt", ".xlsx", ".xlsm", ".xlsb", ".xls", ".ods"})

_DELIMITERS = ",\t;|"


class PlainTable(NamedTuple):
    """A table as it is in the file."""

    names: list[str]
    cells: list[list[object]]
    """One list a column, n cells each."""
    rows: list[int]
    """Row of each line as a spreadsheet counts them."""
    encoding: Guess
    notices: tuple[Notice, ...] = ()
    """What was concluded of a workbook."""


def is_table(path: Path) -> bool:
    """Return whether a file's name is that of a table without geometry."""
    return path.suffix.lower() in TABLE_SUFFIXES


def read_table(
    path: Path,
    *,
    layer: str | None = None,
    encoding: str | None = None,
    usual: Sequence[str] = (),
) -> PlainTable:
    """Read a table: a text whose first row names the columns, or a workbook's sheet.

    Parameters
    ----------
    path
        A .csv, .tsv, .txt or .xlsx file, or another workbook.
    layer
        The sheet of a workbook; by default the only one with anything in it.
    encoding
        The text encoding that the caller names.
    usual
        Names by which columns go: the header of a sheet, which may be merged and stand below a
        title, is found by them.

    Raises
    ------
    UnreadableError
        If it is no whole table, or one without rows.
    BadInputError
        If there is no sheet of that name, or the text is not in the given encoding.
    """
    check_file(path)
    if is_workbook(path):
        found = read_roster(path, usual=usual, layer=layer)
        utf8 = Guess(UTF8, None)
        return PlainTable(found.titles, found.cells, found.lines, utf8, found.notices)
    text, guess = decode_text(read_bytes(path), given=encoding, file=path.name)
    table = _read_text(text, path.name, guess)
    if not table.rows:
        raise UnreadableError(f"{path.name} has no rows below its header; send it with its content")
    return table


def _read_text(text: str, file: str, guess: Guess) -> PlainTable:
    if "\0" in text:
        raise UnreadableError(f"{file} is no text table; save it as CSV in UTF-8")
    lines = io.StringIO(text.removeprefix("\ufeff"), newline="")
    header = text.removeprefix("\ufeff").partition("\n")[0]
    delimiter = max(_DELIMITERS, key=header.count)
    try:
        records = list(csv.reader(lines, delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise UnreadableError(f"{file} is no valid CSV: {error}; save it again") from error
    names = [name.strip() for name in records[0]]
    rows = [row for row, record in enumerate(records[1:], start=2) if any(map(str.strip, record))]
    kept = [records[row - 1] for row in rows]
    uneven = [row for row, record in zip(rows, kept, strict=True) if len(record) > len(names)]
    if uneven:
        raise UnreadableError(
            f"{file} has more cells than columns in row {uneven[0]}"
            f"{f' and {len(uneven) - 1} more' if len(uneven) > 1 else ''}; "
            "put texts that hold the separator in quotes"
        )
    cells: list[list[object]] = [
        [record[place] if place < len(record) else None for record in kept]
        for place in range(len(names))
    ]
    return PlainTable(names, cells, rows, guess)
