"""Chooses which columns of a boundary file mean what, by their names and their values."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from geo.errors import UnreadableError
from sources.columns import (
    MEANT,
    Columns,
    as_text,
    column_cells,
    matching_columns,
    named_column,
)
from sources.notices import Notice
from sources.usual_names import (
    CODES,
    COUNTERS,
    DISTRICT,
    GENERIC,
    GRID,
    HOUSEHOLDS,
    NAMES,
    PARENTS,
    PARENTS_OF_RANK,
    PEOPLE,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sources.columns import Table

LISTED = 4
"""How many columns a message names as not chosen."""
MOSTLY = 0.9
"""The share of rows from which on a rule counts as kept."""


class Chosen(NamedTuple):
    """The columns as they are spelt in the file, and what is to be said of the choice."""

    columns: Columns
    notices: tuple[Notice, ...]


class _Seen:
    """The values of one column, looked at when they are asked for."""

    def __init__(self, table: Table, name: str) -> None:
        self.name = name
        self._cells = column_cells(table, name)

    @cached_property
    def texts(self) -> list[str | None]:
        """As text, length n; None where it is blank."""
        return [as_text(cell) for cell in self._cells]

    @cached_property
    def filled(self) -> int:
        """How many say anything."""
        return len(self.texts) - self.texts.count(None)

    @cached_property
    def different(self) -> int:
        """How many different values there are."""
        return len(set(self.texts) - {None})

    @property
    def blank(self) -> bool:
        """Whether none says anything."""
        return all(as_text(cell) is None for cell in self._cells)

    @property
    def repeats(self) -> bool:
        """Whether most values are there more than once: no code of the rows."""
        return self.different * 2 < self.filled

    @property
    def fractions(self) -> bool:
        """Whether any is a number that is not whole: a measure, no code."""
        return any(isinstance(cell, float) and cell % 1 for cell in self._cells)

    def begins(self, other: _Seen) -> bool:
        """Whether the other's values are these and some more digits: a unit above the other's."""
        pairs = [(a, b) for a, b in zip(self.texts, other.texts, strict=True) if a and b]
        kept = sum(len(a) < len(b) and b.startswith(a) for a, b in pairs)
        return bool(pairs) and kept >= MOSTLY * len(pairs)

    def evidence(self) -> str:
        """Say what the values are like: ``46 of 46 values differ, 15 digits``."""
        lengths = Counter(len(text) for text in self.texts if text and text.isdecimal())
        length, count = max(lengths.items(), key=lambda item: item[1], default=(0, 0))
        digits = (
            f", {length} digit{'s' if length > 1 else ''}"
            if count >= MOSTLY * max(self.filled, 1)
            else ""
        )
        return f"{self.different:,} of {self.filled:,} values differ{digits}"


def find_columns(table: Table, given: Columns, *, file: str, need_code: bool = True) -> Chosen:
    """Find out which columns mean what.

    Parameters
    ----------
    table
        The file's columns and cells.
    given
        What the caller says; it overrides every guess.
    file
        The file's name, for messages.
    need_code
        Whether a file without a column of codes is refused.

    Returns
    -------
    Chosen
        Where more than one column could be meant, a notice COLUMNS says which was taken and why.

    Raises
    ------
    BadInputError
        If a given column is not there.
    UnreadableError
        If codes are needed, and no column holds them, or several could that differ; its options
        are what the caller may answer.

    Notes
    -----
    A column of codes is looked for by name, among those whose values mostly differ. Of columns
    that name a rank the lowest one is the file's own; a name without a rank (编码) beside one of a
    rank (网格编码) is a question, unless they hold the same or one begins with the other.
    """
    named = Columns(**{key: named_column(table, getattr(given, key), file) for key in MEANT})
    seen: dict[str, _Seen] = {}
    code = named.code or _find_code(table, seen, file, ask=need_code)
    if code is None and need_code:
        raise _no_code(table, file)
    rank = _rank_of(table, code)
    found, notices = replace(named, code=code), []
    for key, groups in (
        ("parent", _parents_of(rank)),
        ("name", _names_of(rank)),
        ("households", [HOUSEHOLDS]),
        ("people", [PEOPLE]),
    ):
        if getattr(found, key) is None:
            found, said = _take(table, found, key, groups)
            notices += said
    others = [it for name, it in seen.items() if name not in {code, found.parent}]
    if code is not None and (others := _unlike(seen[code], others) if seen else []):
        notices.insert(0, _notice("code", seen[code], others))
    return Chosen(found, tuple(notices))


def _find_code(table: Table, seen: dict[str, _Seen], file: str, *, ask: bool) -> str | None:
    """Return the likeliest column of codes; ``seen`` then has all that were thought of.

    Where nobody asks for codes, they only name units in messages: no reason to stop.
    """
    groups: dict[str, int] = {}
    for group, words in enumerate(CODES):
        for name in matching_columns(table, words):
            if name not in groups and not (values := _Seen(table, name)).blank:
                groups[name], seen[name] = group, values
    if len(groups) <= 1:
        return next(iter(groups), None)
    able = [name for name in groups if not seen[name].repeats] or list(groups)
    able = [a for a in able if not any(seen[a].begins(seen[b]) for b in able)] or able
    first = able[0]  # groups, and names within them, are in the order of their likelihood
    alike = [seen[name] for name in able if _as_likely(table, first, name, groups)]
    if groups[first] == COUNTERS > min(groups.values()):
        # The names speak for one that repeats its values, the values for a mere number.
        alike = [it for name, it in seen.items() if groups[name] < COUNTERS]
    alike = _unlike(seen[first], alike)
    if alike and ask:
        # The fuller column first: it is shown as the example.
        raise _which_code(sorted([seen[first], *alike], key=lambda it: -it.filled), file)
    return first


def _unlike(one: _Seen, others: Iterable[_Seen]) -> list[_Seen]:
    """Return the columns that hold anything else than one of them."""
    return [other for other in others if not other.blank and other.texts != one.texts]


def _take(
    table: Table, found: Columns, key: str, groups: Sequence[tuple[str, ...]]
) -> tuple[Columns, list[Notice]]:
    """Take the best-known column of a meaning, and name the others of the same group."""
    taken = [getattr(found, other) for other in MEANT]
    named = [matching_columns(table, words, taken) for words in groups]
    columns = [[_Seen(table, name) for name in names] for names in named if names]
    if not columns:
        return found, []
    # A column that is blank throughout is what it says, but only where no other says anything.
    filled = [some for group in columns if (some := [it for it in group if not it.blank])]
    first, *others = (filled or columns)[0]
    others = _unlike(first, others)
    said = [_notice(key, first, others)] if others else []
    return replace(found, **{key: first.name}), said


def _as_likely(table: Table, first: str, other: str, groups: dict[str, int]) -> bool:
    """Return whether a column's name says as much as that of the likeliest one."""
    if other == first or first in matching_columns(table, CODES[GENERIC][:1]):
        # Nothing is plainer than ``code``; if it is there twice (code, CODE), the two are alike.
        return other != first and other in matching_columns(table, CODES[GENERIC][:1])
    if groups[first] == GENERIC:
        return groups[other] <= DISTRICT
    return groups[other] == groups[first]


def _parents_of(rank: int | None) -> list[tuple[str, ...]]:
    """Return the names of parents: those that say so, then the ranks above the codes'."""
    if rank is None or rank > DISTRICT:
        return [PARENTS, *PARENTS_OF_RANK]
    above = PARENTS_OF_RANK[max(rank - GRID, 0) :]
    return [PARENTS, *above, *([CODES[rank + 1]] if GRID <= rank < DISTRICT else [])]


def _names_of(rank: int | None) -> list[tuple[str, ...]]:
    """Return the names of names: those that say just that, then those of the codes' rank.

    A name of a rank above the codes' is not the name of the units.
    """
    if rank is None or not GRID <= rank <= DISTRICT:
        return list(NAMES)
    return [NAMES[GENERIC], NAMES[rank], *NAMES[GRID:rank], *NAMES[DISTRICT + 1 :]]


def _rank_of(table: Table, code: str | None) -> int | None:
    if code is None:
        return None
    groups = (g for g, words in enumerate(CODES) if code in matching_columns(table, words))
    return next(groups, None)


def _notice(key: str, taken: _Seen, others: Iterable[_Seen]) -> Notice:
    listed = [f"{other.name!r} ({other.evidence()})" for other in others]
    more = f" and {len(listed) - LISTED} more" if len(listed) > LISTED else ""
    return Notice(
        "COLUMNS",
        f"{key} from {taken.name!r}: {taken.evidence()}; not from "
        f"{', '.join(listed[:LISTED])}{more}; --columns {key}=COLUMN overrules it",
        taken.filled,
    )


def _which_code(alike: Sequence[_Seen], file: str) -> UnreadableError:
    listed = [f"{seen.name!r} ({seen.evidence()})" for seen in alike]
    return UnreadableError(
        f"{file} has {len(alike)} columns that could be the code and differ: "
        f"{' and '.join(listed)}; say which, e.g. --columns code={alike[0].name}",
        argument="columns",
        hint="code=COLUMN",
        options=[f"code={seen.name}" for seen in alike],
    )


def _no_code(table: Table, file: str) -> UnreadableError:
    seen = {name: _Seen(table, name) for name in table.names}
    unique = [
        name
        for name, it in seen.items()
        if it.filled == it.different == len(it.texts) and not it.fractions
    ]
    advice = f"name it, e.g. --columns code={unique[0]}" if unique else "add one, e.g. 编码"
    return UnreadableError(
        f"{file} has no column of codes that is known by its name; {advice}",
        argument="columns",
        hint="code=COLUMN,name=COLUMN,parent=COLUMN",
        options=[f"code={name}" for name in unique or seen],
    )
