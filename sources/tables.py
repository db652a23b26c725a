"""Reads tables without geometry: CSV, TSV and Excel, in the encodings that are about."""

from __future__ import annotations

import csv
import io
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pyogrio

from geo.errors import BadInputError, UnreadableError
from sources.archives import copy_or_link, list_members, open_archive
from sources.encoding import UTF8, Guess, decode_text
from sources.gdal import quiet
from sources.opening import check_file, read_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence

TABLE_SUFFIXES = frozenset({".csv", ".tsv", ".txt", ".xlsx", ".xls"})

_DELIMITERS = ",\t;|"
_OLD_EXCEL = b"\xd0\xcf\x11\xe0"


class PlainTable(NamedTuple):
    """A table as it is in the file."""

    names: list[str]
    cells: list[list[object]]
    """One list a column, n cells each."""
    rows: list[int]
    """Row of each line as a spreadsheet counts: the header is row 1."""
    encoding: Guess


def is_table(path: Path) -> bool:
    """Return whether a file's name is that of a table without geometry."""
    return path.suffix.lower() in TABLE_SUFFIXES


def read_table(path: Path, *, layer: str | None = None, encoding: str | None = None) -> PlainTable:
    """Read a table whose first row names the columns.

    Parameters
    ----------
    path
        A .csv, .tsv, .txt or .xlsx file.
    layer
        The sheet of a workbook; by default the only one with anything in it.
    encoding
        The text encoding that the caller names.

    Raises
    ------
    UnreadableError
        If it is no whole table, or one without rows.
    BadInputError
        If there is no sheet of that name, or the text is not in the given encoding.
    """
    check_file(path)
    if path.suffix.lower() in (".xlsx", ".xls"):
        table = _read_excel(path, layer)
    else:
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


def _read_excel(path: Path, sheet: str | None) -> PlainTable:
    with path.open("rb") as stream:
        head = stream.read(4)
    if head == _OLD_EXCEL:
        raise UnreadableError(f"{path.name} is an old .xls workbook; save it as .xlsx or CSV")
    with open_archive(path, path.name) as archive:
        list_members(archive, path.name)  # refuses what would fill the memory
    with tempfile.TemporaryDirectory(prefix="wangge-") as folder:
        plain = Path(folder) / "plain.xlsx"
        copy_or_link(path, plain)
        try:
            with quiet():
                sheets = [str(name) for name, _ in pyogrio.list_layers(plain)]
                chosen = _choose_sheet(sheets, sheet, path.name)
                meta, _, _, data = pyogrio.raw.read(
                    plain, layer=chosen, datetime_as_string=True, HEADERS="FORCE"
                )
        except RuntimeError as error:
            raise UnreadableError(
                f"{path.name} is no whole Excel workbook; save it again, or as CSV"
            ) from error
    cells = [[None if cell != cell else cell for cell in column.tolist()] for column in data]  # noqa: PLR0124 - NaN
    count = len(cells[0]) if cells else 0
    names = [str(name).strip() for name in meta["fields"]]
    return PlainTable(names, cells, list(range(2, count + 2)), Guess(UTF8, None))


def _choose_sheet(sheets: Sequence[str], wanted: str | None, file: str) -> str:
    if wanted is None and len(sheets) == 1:
        return sheets[0]
    if wanted is not None and wanted in sheets:
        return wanted
    listed = ", ".join(sheets) or "none"
    if wanted is None:
        message = f"{file} has {len(sheets)} sheets ({listed}); name one, e.g. --layer {sheets[0]}"
        raise UnreadableError(message, argument="layer", options=list(sheets))
    raise BadInputError(
        f"{file} has no sheet {wanted!r}; it has {listed}", argument="layer", options=list(sheets)
    )
