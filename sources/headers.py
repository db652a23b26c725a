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


class _Words(NamedTuple):
    """What a header says of one column, from above."""

    texts: tuple[str, ...]

    @property
    def last(self) -> str:
        return self.texts[-1] if self.texts else ""


def find_header(grid: Grid, usual: Sequence[str]) -> Header:
    """Find the header of a sheet.

    Parameters
    ----------
    usual
        Names by which the columns that are looked for go.

    Returns
    -------
    Header
        The rows that say most of these names; of several, the fewest and topmost. Where none says
        two of them, the first row with anything in it.

    Notes
    -----
    A row below belongs to the header when it fills only columns that the rows above left open:
    those that are blank, or over which one cell stretches, as 联系方式 does over 电话 and 微信.
    """
    known = {plain(word) for word in usual} - {""}
    best, most = _first(grid), 0
    for header in _candidates(grid):
        said = len({plain(name) for name in header.names} & known)
        if said > most or (said == most and said and header.depth < best.depth):
            best, most = header, said
    if most < ENOUGH:
        first = _first(grid)
        return best if most and best.top == first.top else first
    return best


def _first(grid: Grid) -> Header:
    top = next((n for n, row in enumerate(grid.cells) if any(c is not None for c in row)), 0)
    return Header(top, 1, _names([_texts(row) for row in grid.cells[top : top + 1]], grid, top))


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
            yield Header(top, depth, _names(rows, grid, top))


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


def _names(rows: list[list[str]], grid: Grid, top: int) -> list[str]:
    """Return the name of each column: the lowest word, with those above where it is there twice."""
    filled = [_stretched(row, rows[n + 1 :]) for n, row in enumerate(rows)]
    for it in _within(grid, top, len(rows)):
        row = filled[it.top - top]
        row[it.left : it.right + 1] = [row[it.left]] * (it.right - it.left + 1)
    words = [
        _Words(tuple(dict.fromkeys(filter(None, column)))) for column in zip(*filled, strict=True)
    ]
    lasts = [word.last for word in words]
    return [word.last if lasts.count(word.last) == 1 else " ".join(word.texts) for word in words]


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
