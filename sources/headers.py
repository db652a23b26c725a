"""Finds the rows of a sheet that name its columns: below titles, merged, of one or more rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sources.columns import plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sources.sheets import Grid, Merged

LOOKED_AT = 30
"""Titles and remarks above a header are fewer rows."""

DEEPEST = 3
"""Rows of the deepest header."""

ENOUGH = 2
"""So many usual names make a row a header, wherever it stands."""


class Header(NamedTuple):
    """The rows that name the columns."""

    top: int
    """The first one, from 0."""
    depth: int
    names: list[str]
    """One a column; that of a column without any is blank."""
    words: list[str]
    """The lowest word of each: several columns may have the same."""


def find_header(grid: Grid, usual: Sequence[str]) -> Header:
    """Find the header of a sheet.

    Parameters
    ----------
    usual
        Names by which the columns that are looked for go.

    Returns
    -------
    Header
        The rows that say most of these names; of several, those that say most names, then the
        fewest and topmost. Where none says two of them, the first row with anything in it.

    Notes
    -----
    A row below belongs to the header when it fills only columns that the rows above left open:
    those that are blank, or over which one cell stretches, as 联系方式 does over 电话 and 微信.
    """
    known = {plain(word) for word in usual} - {""}

    def said(header: Header) -> tuple[int, int, int]:
        """Return how many usual names it says, how many names, and how flat it is."""
        words = {plain(word) for word in header.words} - {""}
        return len(words & known), len(words), -header.depth

    first = _first(grid)
    best = max(_candidates(grid), key=said, default=first)
    return best if said(best)[0] >= ENOUGH or best.top == first.top else first


def _first(grid: Grid) -> Header:
    top = next((n for n, row in enumerate(grid.cells) if any(c is not None for c in row)), 0)
    return _header([_texts(row) for row in grid.cells[top : top + 1]], grid, top)


def _candidates(grid: Grid) -> Iterator[Header]:
    """Yield what may be a header, from above; of each row the least deep one first."""
    for top in range(min(LOOKED_AT, len(grid.cells))):
        rows: list[list[str]] = []
        for depth in range(1, DEEPEST + 1):
            if top + depth > len(grid.cells):
                break
            below = _texts(grid.cells[top + depth - 1])
            if not any(below) or (rows and not _continues(rows, below, grid, top)):
                break
            rows.append(below)
            yield _header(rows, grid, top)


def _texts(row: Sequence[object]) -> list[str]:
    return ["" if cell is None else " ".join(str(cell).split()) for cell in row]


def _continues(rows: list[list[str]], below: list[str], grid: Grid, top: int) -> bool:
    """Return whether a row fills only what the rows above it, at least one, left open."""
    closed = {
        place for place, text in enumerate(rows[-1]) if text and not _stretches(rows[-1], place)
    }
    for merged in _within(grid, top, len(rows)):
        columns = range(merged.left, merged.right + 1)
        if merged.right > merged.left and merged.bottom == top + len(rows) - 1:
            closed.difference_update(columns)
        elif merged.bottom > merged.top:
            closed.update(columns)
    closed.update(
        place
        for row in rows[:-1]
        for place, text in enumerate(row)
        if text and not rows[-1][place] and not _stretches(row, place)
    )
    return not any(below[place] for place in closed)


def _stretches(row: Sequence[str], place: int) -> bool:
    """Return whether the cell after a filled one is blank: the filled one may stand for both."""
    return place + 1 < len(row) and not row[place + 1]


def _within(grid: Grid, top: int, depth: int) -> list[Merged]:
    return [it for it in grid.merged if top <= it.top < top + depth]


def _header(rows: list[list[str]], grid: Grid, top: int) -> Header:
    """Name each column by its lowest word, with those above where that is there twice."""
    filled = [_stretched(row, rows[n + 1 :]) for n, row in enumerate(rows)]
    for it in _within(grid, top, len(rows)):
        row = filled[it.top - top]
        row[it.left : it.right + 1] = [row[it.left]] * (it.right - it.left + 1)
    columns = [list(dict.fromkeys(filter(None, column))) for column in zip(*filled, strict=True)]
    words = [column[-1] if column else "" for column in columns]
    names = [
        word if words.count(word) == 1 else " ".join(column)
        for word, column in zip(words, columns, strict=True)
    ]
    return Header(top, len(rows), names, words)


def _stretched(row: list[str], below: list[list[str]]) -> list[str]:
    """Return a row of a header with its words over the blanks behind them that rows below fill."""
    stretched, word = list(row), ""
    for place, text in enumerate(row):
        if text:
            word = text
        elif any(lower[place] for lower in below):
            stretched[place] = word
        else:
            word = ""
    return stretched
