"""Reads the cells of a workbook's sheet where they stand, and which of them are merged."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, NamedTuple

from python_calamine import CalamineError, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

from geo.errors import BadInputError, UnreadableError
from sources.archives import list_members, open_archive
from sources.harmless import MAX_FEATURES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from python_calamine import CalamineSheet

MAX_COLUMNS = 1_000
"""No list that people keep is wider; a sheet made to fill the memory is."""

_ZIP = b"PK\x03\x04"
_OLD = b"\xd0\xcf\x11\xe0"

_MIDNIGHT = dt.time()


class Merged(NamedTuple):
    """A rectangle of cells that are one, from 0; the last row and column belong to it."""

    top: int
    left: int
    bottom: int
    right: int


class Grid(NamedTuple):
    """The cells of a sheet, from its first row and column on; all rows of one length."""

    cells: list[list[object]]
    """None where there is nothing; days and times are ISO 8601 texts."""
    merged: tuple[Merged, ...]
    """What a merged rectangle holds stands in its first cell."""


def is_workbook(path: Path) -> bool:
    """Return whether a file that can be read begins like a workbook, whatever its name."""
    with path.open("rb") as stream:
        return stream.read(4) in (_ZIP, _OLD)


def read_sheet(path: Path, sheet: str | None = None) -> Grid:
    """Read a sheet of a workbook: .xlsx, .xlsm, .xlsb, .xls or .ods.

    Parameters
    ----------
    sheet
        Its name; by default the only visible one with anything in it.

    Raises
    ------
    UnreadableError
        If it is no whole workbook, is locked by a password, holds more than can be taken, or has
        several sheets and none is named.
    BadInputError
        If there is no sheet of that name.
    """
    file = path.name
    _refuse_bomb(path)
    try:
        with path.open("rb") as stream, CalamineWorkbook.from_filelike(stream) as book:
            chosen = _choose(book, sheet, file)
            grid = _grid(chosen, file)
    except CalamineError as error:
        reason = (str(error).splitlines() or ["no reason given"])[0][:200]
        raise UnreadableError(
            f"{file} is no whole workbook, or one with a password ({reason}); save it again "
            "without a password, or as CSV"
        ) from error
    return grid


def _refuse_bomb(path: Path) -> None:
    """Refuse what would unpack to more than any list has."""
    with path.open("rb") as stream:
        packed = stream.read(4) == _ZIP
    if packed:
        with open_archive(path, path.name) as archive:
            list_members(archive, path.name)


def _choose(book: CalamineWorkbook, wanted: str | None, file: str) -> CalamineSheet:
    names = [it.name for it in book.sheets_metadata if it.typ is SheetTypeEnum.WorkSheet]
    if wanted is not None:
        if wanted not in names:
            raise BadInputError(
                f"{file} has no sheet {wanted!r}; it has {', '.join(names) or 'none'}",
                argument="layer",
                options=names,
            )
        return book.get_sheet_by_name(wanted)
    shown = [it.name for it in book.sheets_metadata if it.visible is SheetVisibleEnum.Visible]
    filled = []
    for name in names:
        if name in shown:
            sheet = book.get_sheet_by_name(name)
            if sheet.end is not None:
                filled.append(sheet)
    if len(filled) == 1:
        return filled[0]
    if not filled:
        raise UnreadableError(f"{file} has no sheet with anything in it; send it with its content")
    options = [sheet.name for sheet in filled]
    raise UnreadableError(
        f"{file} has {len(options)} sheets ({', '.join(options)}); name one, e.g. --layer "
        f"{options[0]}",
        argument="layer",
        options=options,
    )


def _grid(sheet: CalamineSheet, file: str) -> Grid:
    """Return the cells of a sheet, without rows and columns behind the last one with content."""
    if sheet.end is None:
        raise UnreadableError(f"{file}: sheet {sheet.name!r} is empty; name another by --layer")
    rows, columns = sheet.end[0] + 1, sheet.end[1] + 1
    if rows > MAX_FEATURES:
        raise UnreadableError(f"{file} has {rows:,} rows, more than can be taken; send it in parts")
    cells = [[_plain(cell) for cell in row] for row in sheet.to_python(skip_empty_area=False)]
    if columns > MAX_COLUMNS:
        used = {place for row in cells for place, cell in enumerate(row) if cell is not None}
        if len(used) > MAX_COLUMNS:
            raise UnreadableError(
                f"{file} has {len(used):,} columns, more than the {MAX_COLUMNS:,} that can be "
                "taken; leave out what is not needed"
            )
        cells = [row[: max(used, default=0) + 1] for row in cells]
    merged = [Merged(*start, *end) for start, end in sheet.merged_cell_ranges or ()]
    return trimmed(cells, merged)


def trimmed(cells: list[list[object]], merged: Sequence[Merged] = ()) -> Grid:
    """Return a grid without blank rows and columns at its end, all rows of one length."""
    while cells and all(cell is None for cell in cells[-1]):
        cells.pop()
    used = [place for row in cells for place, cell in enumerate(row) if cell is not None]
    width = max(used, default=-1) + 1
    rows = [row[:width] + [None] * (width - len(row)) for row in cells]
    inside = [
        Merged(it.top, it.left, min(it.bottom, len(rows) - 1), min(it.right, width - 1))
        for it in merged
        if it.top < len(rows) and it.left < width
    ]
    return Grid(rows, tuple(inside))


def _plain(cell: object) -> object:
    """Return a cell as text, number, truth or None."""
    match cell:
        case None | "":
            return None
        case str():
            return cell if cell.strip() else None
        case float():
            return _number(cell)
        case dt.datetime() if cell.time() == _MIDNIGHT:
            return cell.date().isoformat()
        case dt.date() | dt.time():
            return cell.isoformat()
    return cell if isinstance(cell, int) else str(cell)


def _number(cell: float) -> object:
    """Return a whole number as such; NaN and infinity, which no sheet shows, as nothing."""
    if cell.is_integer():
        return int(cell) if abs(cell) < EXACT else cell
    return cell if cell - cell == 0 else None


EXACT = 10**15
"""Spreadsheets keep fifteen digits of a number: from here on the last ones may be lost."""
