"""Reads lists of people, organisations and duties as offices keep them.

Such a list has a title above its header, a header of two rows with merged cells, cells merged over
several rows, numbers before the rows and remarks below them.
"""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from geo.errors import UnreadableError
from sources.columns import plain
from sources.encoding import decode_text
from sources.harmless import MAX_FEATURES, harmless_table
from sources.headers import find_header
from sources.notices import Notice, name_rows
from sources.opening import check_file, read_bytes, sha256_of
from sources.sheets import MAX_COLUMNS, Grid, is_workbook, read_sheet, trimmed

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from sources.headers import Header

DELIMITERS = ",\t;|"
LOOKED_AT = 50
"""So many lines say by what the cells of a text are separated."""

SENT_BACK = ("row", "reason")
"""The columns that a file of rejected rows has behind those that were sent."""

_REMARK = re.compile(
    r"(?:备?注|说明|填[表报]\w{0,4}|制表\w{0,4}|审核\w{0,4}|合计|总计|共计|notes?|total)"
    r"(?:[:：\s\d]|$)"
)
"""How the rows below a table begin that belong to it no more."""

_WIDE = 3
"""A cell over so many columns below a table is a remark."""


@dataclass(frozen=True)
class Roster:
    """A list, read: its columns by their names, n rows.

    Attributes
    ----------
    file, sha256
        The file's own name, and its fingerprint.
    titles
        Names of the columns, all different and none blank.
    cells
        One list a column, n cells each: text, number, truth or None; days are ISO 8601 texts.
    lines
        Row of each in the file, as a spreadsheet counts them.
    surplus
        Rows of a text, by their place, with more cells than the header has: what stands in which
        column is not certain there.
    """

    file: str
    sha256: str
    titles: list[str]
    cells: list[list[object]]
    lines: list[int]
    surplus: list[int]
    notices: tuple[Notice, ...]


class _Body(NamedTuple):
    """The rows below a header."""

    lines: list[int]
    """From 0."""
    notices: list[Notice]


def read_roster(
    path: Path,
    *,
    usual: Sequence[str] = (),
    layer: str | None = None,
    encoding: str | None = None,
) -> Roster:
    """Read a list from a workbook or a text of separated cells.

    Parameters
    ----------
    path
        .xlsx, .xls, .ods, CSV or TSV, told by its bytes.
    usual
        Names by which the columns that are looked for go: the header is the row that has most.
    layer
        The sheet of a workbook; by default the only one with anything in it.
    encoding
        The encoding of a text that the caller names.

    Raises
    ------
    UnreadableError
        If it is no whole list, or one without rows.
    BadInputError
        If there is no sheet of that name, or the text is not in the given encoding.
    """
    check_file(path)
    notices: list[Notice] = []
    as_text = not is_workbook(path)
    if as_text:
        text, guess = decode_text(read_bytes(path), given=encoding, file=path.name)
        grid = _grid_of_text(text, path.name)
        if guess.evidence:
            notices.append(Notice("ENCODING", guess.evidence, max(len(grid.cells) - 1, 0)))
    else:
        grid = read_sheet(path, layer)
    header = find_header(grid, usual)
    body = _body(grid, header)
    if not body.lines:
        raise UnreadableError(f"{path.name} has no rows below its header; send it with its content")
    filled = _fill(grid, header, body)
    titles, kept = _titles(header, grid, body)
    columns = [[grid.cells[line][place] for line in body.lines] for place in kept]
    lines = [line + 1 for line in body.lines]
    clean = harmless_table(titles, columns, np.asarray(lines, dtype=np.intp))
    said = (*notices, *_of_header(header, len(lines)), *filled, *body.notices, *clean.notices)
    surplus = _surplus(grid, header, body) if as_text else []
    return Roster(path.name, sha256_of(path), clean.names, clean.cells, lines, surplus, said)


def _grid_of_text(text: str, file: str) -> Grid:
    if "\0" in text:
        raise UnreadableError(f"{file} is no table; save it as CSV in UTF-8, or as a workbook")
    plain_text = text.removeprefix("\ufeff")
    delimiter = _delimiter(plain_text.splitlines()[:LOOKED_AT])
    try:
        records = list(
            csv.reader(io.StringIO(plain_text, newline=""), delimiter=delimiter, strict=True)
        )
    except csv.Error as error:
        raise UnreadableError(f"{file} is no valid CSV: {error}; save it again") from error
    wide = max(map(len, records), default=0)
    if len(records) > MAX_FEATURES or wide > MAX_COLUMNS:
        raise UnreadableError(
            f"{file} has {len(records):,} rows of up to {wide:,} cells, more than can be taken; "
            "send it in parts"
        )
    return trimmed([[cell if cell.strip() else None for cell in record] for record in records])


def _delimiter(lines: Sequence[str]) -> str:
    """Return what separates cells: it is in most lines, however often others are within cells."""
    return max(
        DELIMITERS,
        key=lambda mark: (sum(mark in line for line in lines), "".join(lines).count(mark)),
    )


# -- what is below the header ---------------------------------------------------------------


def _body(grid: Grid, header: Header) -> _Body:
    """Return the rows below a header that say something of their own."""
    first = header.top + header.depth
    names = [" ".join(str(c).split()) for c in header.names]
    lines, again = [], []
    for line in range(first, len(grid.cells)):
        texts = ["" if c is None else " ".join(str(c).split()) for c in grid.cells[line]]
        if not any(texts):
            continue
        if sum(text == name != "" for text, name in zip(texts, names, strict=True)) > 1:
            again.append(line + 1)
        else:
            lines.append(line)
    below = _remarks(grid, lines)
    del lines[len(lines) - len(below) :]
    notices = []
    if again:
        message = f"the header is there again in {name_rows(again)}, which were left out"
        notices.append(Notice("HEADER", message, len(again)))
    if below:
        shown = next(str(c).strip() for c in grid.cells[below[0]] if c is not None)
        where = name_rows(line + 1 for line in below)
        message = f"remarks below the table were left out: {where} ({shown[:40]!r})"
        notices.append(Notice("REMARKS", message, len(below)))
    return _Body(lines, notices)


def _remarks(grid: Grid, lines: Sequence[int]) -> list[int]:
    """Return the last rows that are no part of the table."""
    wide = {it.top for it in grid.merged if it.right - it.left + 1 >= _WIDE}
    found: list[int] = []
    for line in reversed(lines):
        filled = [str(cell).strip() for cell in grid.cells[line] if cell is not None]
        alone = len(filled) == 1 and line in wide
        if not alone and _REMARK.match(filled[0].casefold()) is None:
            break
        found.append(line)
    return found[::-1]


def _fill(grid: Grid, header: Header, body: _Body) -> list[Notice]:
    """Write what merged cells hold into each of them, and say so."""
    rows = set(body.lines)
    filled: dict[int, list[int]] = {}
    for it in grid.merged:
        if it.top < header.top + header.depth:
            continue
        value = grid.cells[it.top][it.left]
        for line in range(it.top, it.bottom + 1):
            if line in rows and value is not None:
                width = it.right - it.left + 1
                grid.cells[line][it.left : it.right + 1] = [value] * width
                if line > it.top:
                    filled.setdefault(it.left, []).append(line + 1)
    return [
        Notice(
            "FILLED",
            f"column {header.names[place] or _letters(place)!r} has cells merged over several "
            f"rows; what they hold was taken for each, also for {name_rows(sorted(lines))}",
            len(lines),
        )
        for place, lines in sorted(filled.items())
    ]


def _surplus(grid: Grid, header: Header, body: _Body) -> list[int]:
    """Return the places of rows with anything behind the last column that has a name."""
    last = max((place for place, name in enumerate(header.names) if name), default=-1)
    return [
        place
        for place, line in enumerate(body.lines)
        if any(cell is not None for cell in grid.cells[line][last + 1 :])
    ]


def _titles(header: Header, grid: Grid, body: _Body) -> tuple[list[str], list[int]]:
    """Return the columns' names, and the places of the columns that say anything."""
    names = list(header.names)
    own = [plain(name) for name in names]
    places = list(range(len(names)))
    if tuple(name for name in own if name)[-2:] == SENT_BACK:
        places = [n for n in places if own[n] not in SENT_BACK]  # ours, from a file sent back
    kept = [
        place
        for place in places
        if names[place] or any(grid.cells[line][place] is not None for line in body.lines)
    ]
    taken: set[str] = set()
    titles = []
    for place in kept:
        name = names[place] or f"column {_letters(place)}"
        while name in taken:
            name = f"{name} ({_letters(place)})"
        taken.add(name)
        titles.append(name)
    return titles, kept


def _letters(place: int) -> str:
    """Return how a spreadsheet calls a column, from 0: A to Z, then AA."""
    letters, rest = "", place + 1
    while rest:
        rest, digit = divmod(rest - 1, 26)
        letters = chr(ord("A") + digit) + letters
    return letters


def _of_header(header: Header, count: int) -> Iterable[Notice]:
    """Say where the header stands, unless it is the first row alone."""
    if (header.top, header.depth) == (0, 1):
        return
    last = header.top + header.depth
    rows = f"row {last}" if header.depth == 1 else f"rows {header.top + 1} to {last}"
    yield Notice(
        "HEADER", f"the columns are named by {rows}; what is above is no part of it", count
    )
