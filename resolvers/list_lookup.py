"""What the words of a list stand for: levels, and units by code or name."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from sources.names import matching_form

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from geo.levels import LevelSpec
    from sources.notices import Notice
    from storage.list_lookup import UnitName

MAX_SHOWN = 80
"""Characters of a word that a reason repeats."""


class Reject(NamedTuple):
    """A row that was not taken."""

    file: str
    row: int
    """As a spreadsheet counts them."""
    reason: str
    source: int = 0
    """Which of the lists it stood in, from 0."""


class ListedRow(NamedTuple):
    """Where a row stands: the list, from 0, and its place in that, from 0."""

    source: int
    place: int


class Rejects:
    """The rows that are not taken, each with the first reason."""

    def __init__(self) -> None:
        self.reasons: dict[ListedRow, str] = {}

    def __contains__(self, row: ListedRow) -> bool:
        return row in self.reasons

    def add(self, row: ListedRow, reason: str) -> None:
        """Keep the first reason why a row is bad."""
        self.reasons.setdefault(row, reason)

    def told(self, files: Sequence[str], lines: Sequence[Sequence[int]]) -> tuple[Reject, ...]:
        """Return them in the order of the lists.

        Parameters
        ----------
        files
            Names of the lists.
        lines
            For each list, the row of each place in the file.
        """
        return tuple(
            Reject(files[row.source], lines[row.source][row.place], self.reasons[row], row.source)
            for row in sorted(self.reasons)
        )


class WordNotFoundError(LookupError):
    """A word of a list that stands for nothing, or for several things; the text says so."""


class LevelWords:
    """Levels by key and by name; ``社区/村`` goes by both of its names."""

    def __init__(self, levels: Iterable[LevelSpec]) -> None:
        self.keys = [level.key for level in levels]
        self._known: dict[str, str] = {}
        for level in levels:
            for name in (level.name, *level.name.replace("／", "/").split("/")):
                self._known.setdefault(name.strip().casefold(), level.key)
        self._known |= {key.casefold(): key for key in self.keys}

    def find(self, word: str) -> str:
        """Return the key of a level.

        Raises
        ------
        WordNotFoundError
            If there is none.
        """
        key = self._known.get(word.strip().casefold())
        if key is None:
            raise WordNotFoundError(
                f"there is no level {word[:MAX_SHOWN]!r}; there are {', '.join(self.keys)}"
            )
        return key


class UnitWords:
    """Units that stand, by code and by name."""

    def __init__(self, units: Iterable[UnitName]) -> None:
        self.codes: dict[str, dict[str, str]] = defaultdict(dict)
        self._names: dict[str, list[UnitName]] | None = None
        self._units = list(units)
        for unit in self._units:
            self.codes[unit.code][unit.level] = unit.name

    def find(self, word: str, levels: Sequence[str]) -> tuple[str, str] | None:
        """Return level and code of a unit of one of some levels; None where there is none.

        A unit is known by its code; else by its name, if it is the only one of these levels that
        is called so.

        Raises
        ------
        WordNotFoundError
            If several units could be meant.
        """
        there = [level for level in levels if level in self.codes.get(word, {})]
        if len(there) == 1:
            return there[0], word
        if there:
            raise WordNotFoundError(
                f"unit {word[:MAX_SHOWN]!r} is of the levels {', '.join(there)}; name one"
            )
        named = [unit for unit in self._named(word) if unit.level in levels]
        if len(named) > 1:
            codes = ", ".join(unit.code for unit in named[:3])
            raise WordNotFoundError(
                f"{len(named)} units are called {word[:MAX_SHOWN]!r} ({codes}, …); name its code"
            )
        return (named[0].level, named[0].code) if named else None

    def meant(self, word: str) -> set[str]:
        """Return the codes of the units that a word may mean."""
        return {word} if word in self.codes else {unit.code for unit in self._named(word)}

    def _named(self, word: str) -> list[UnitName]:
        if self._names is None:  # only lists that name units by their names need it
            self._names = defaultdict(list)
            for unit in self._units:
                if unit.name:
                    self._names[matching_form(unit.name)].append(unit)
        exact = [u for u in self._names.get(matching_form(word), []) if u.name == word]
        return exact or self._names.get(matching_form(word), [])


def shortened(word: str) -> str:
    """Return a word of a list as a reason repeats it."""
    return repr(word if len(word) <= MAX_SHOWN else word[: MAX_SHOWN - 1] + "…")


def all_notices(parts: Iterable[Sequence[Notice]]) -> tuple[Notice, ...]:
    """Return the notices of all lists."""
    return tuple(notice for part in parts for notice in part)
