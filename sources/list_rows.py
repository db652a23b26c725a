"""A list whose columns are understood, and what is wrong with which of its rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeVar

from geo.errors import BadInputError
from sources.columns import Table, as_text, named_column, usual_column
from sources.notices import Notice, name_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from sources.rosters import Roster

T = TypeVar("T")


class BadRow(NamedTuple):
    """A row that cannot be taken."""

    place: int
    """Its place in the list, from 0."""
    reason: str


class ListRows:
    """The rows of a list by the meaning of its columns: each column means one thing.

    Parameters
    ----------
    usual
        The columns' usual names by their meaning, best known first.
    given
        What the caller says of the columns; it overrides what is usual.

    Raises
    ------
    BadInputError
        If there is no column of a name that the caller gives.
    """

    def __init__(
        self, roster: Roster, usual: Mapping[str, str], given: Mapping[str, str | None]
    ) -> None:
        self.roster = roster
        self.count = len(roster.lines)
        self.notices: list[Notice] = []
        self.problems: dict[int, str] = {}
        self.columns: dict[str, str] = {}
        table = Table(roster.titles, roster.cells)
        for meaning in usual:
            named = named_column(table, given.get(meaning), roster.file)
            if named is not None:
                self.columns[meaning] = named
        for meaning, words in usual.items():
            if meaning not in self.columns:
                found = usual_column(table, words, self.columns.values())
                if found is not None:
                    self.columns[meaning] = found
        self._cells = dict(zip(roster.titles, roster.cells, strict=True))
        for place in roster.surplus:
            self.blame(place, "it has more cells than the header; put texts with commas in quotes")

    def blame(self, place: int, reason: str) -> None:
        """Keep the first reason why a row is bad."""
        self.problems.setdefault(place, reason)

    def require(self, meaning: str, *, hint: str) -> str:
        """Return the column of a meaning.

        Raises
        ------
        BadInputError
            If there is none; the message lists those that are there.
        """
        if meaning in self.columns:
            return self.columns[meaning]
        titles = self.roster.titles
        raise BadInputError(
            f"{self.roster.file} has no column of {meaning} that is known by its name; it has "
            f"{', '.join(titles) or 'none at all'}; name it, e.g. --columns {meaning}={hint}",
            argument="columns",
            hint=f"{meaning}=COLUMN",
            options=list(titles),
        )

    def each(self, meaning: str, read: Callable[[object], T | None]) -> list[T | None]:
        """Read every cell of a meaning; what cannot be read makes its row bad."""
        column = self.columns.get(meaning)
        if column is None:
            return [None] * self.count
        found: list[T | None] = []
        for place, cell in enumerate(self._cells[column]):
            try:
                found.append(read(cell))
            except ValueError as error:
                found.append(None)
                self.blame(place, f"{column} {error}")
        return found

    def texts(self, meaning: str) -> list[str | None]:
        """Return the cells of a meaning as they are, as text."""
        column = self.columns.get(meaning)
        return [None] * self.count if column is None else list(map(as_text, self._cells[column]))

    def others(self, left_out: Iterable[str] = ()) -> dict[str, list[object]]:
        """Return the columns that mean nothing here, by their names."""
        skipped = {*self.columns.values(), *left_out}
        return {name: cells for name, cells in self._cells.items() if name not in skipped}

    def refuse_repeated(self, keys: Iterable[object], what: str) -> None:
        """Let of several rows with the same key the first stand, and blame the others."""
        first: dict[object, int] = {}
        for place, key in enumerate(keys):
            if key is None or place in self.problems:
                continue
            row = first.setdefault(key, self.roster.lines[place])
            if row != self.roster.lines[place]:
                self.blame(place, f"{what} {key!r} was there before, in row {row}")

    def notice(self, code: str, message: str, places: Iterable[int]) -> None:
        """Say something of some rows, if there are any."""
        lines = [self.roster.lines[place] for place in places]
        if lines:
            self.notices.append(Notice(code, f"{message}: {name_rows(lines)}", len(lines)))

    @property
    def bad(self) -> tuple[BadRow, ...]:
        """The rows that cannot be taken, in the order of the list."""
        return tuple(BadRow(place, self.problems[place]) for place in sorted(self.problems))


def sent_row(roster: Roster, place: int) -> list[str]:
    """Return the cells of a row as text."""
    return ["" if column[place] is None else _sent(column[place]) for column in roster.cells]


def _sent(cell: object) -> str:
    return cell if isinstance(cell, str) else as_text(cell) or ""
