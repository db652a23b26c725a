"""Tables of a TOML file that people write by hand: what is wrong in one is noted, not raised."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypeVar

from geo.errors import BadInputError
from sources.harmless import MAX_LABEL, harmless_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

KEY_PATTERN = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
"""What a key looks like: it is typed in questions and commands."""

MAX_LISTED = 100
"""Texts of one list."""

_TOLD = 10
"""How many reasons a message tells."""


class Table:
    """A table of the file; what is wrong in it is noted, and read as if it were not there.

    Parameters
    ----------
    sort, number
        What it is, and which one, from 1.
    values
        What it holds.
    problems
        Where what is wrong is noted.
    """

    longest = MAX_LABEL
    """Characters of a text."""

    def __init__(
        self, sort: str, number: int, values: Mapping[str, Any], problems: list[str]
    ) -> None:
        self.values = values
        self.problems = problems
        key = values.get("key")
        self.name = key if isinstance(key, str) and key else f"number {number}"
        self.called = f"{sort} {self.name!r}" if self.name == key else f"{sort} {self.name}"

    def blame(self, what: str) -> None:
        """Note what is wrong."""
        self.problems.append(f"{self.called}: {what}")

    def key(self) -> str:
        """Return the key."""
        key = self.values.get("key")
        if isinstance(key, str) and KEY_PATTERN.fullmatch(key):
            return key
        self.blame(
            "it has no key"
            if key is None
            else f"its key is {str(key)[:80]!r}; a key is small letters, digits, - and _, at most "
            "64, beginning with a letter or digit"
        )
        return ""

    def text(self, name: str) -> str | None:
        """Return a text that is not blank."""
        value = self.values.get(name)
        if value is None:
            return None
        if not isinstance(value, str) or not value.strip() or len(value) > self.longest:
            self.blame(f"{name} must be text in quotes, not {str(value)[:80]!r}")
            return None
        return harmless_text(value).strip()

    def texts(self, name: str, example: str) -> tuple[str, ...]:
        """Return a list of texts, each once."""
        value = self.values.get(name, [])
        good = isinstance(value, list) and all(isinstance(one, str) for one in value)
        if not good or len(value) > MAX_LISTED:
            self.blame(f'{name} must be a list of texts, e.g. {name} = ["{example}"]')
            return ()
        return tuple(dict.fromkeys(value))


T = TypeVar("T", bound=Table)


def tables_of(
    made: type[T],
    given: object,
    sort: str,
    keys: Sequence[str],
    *,
    most: int,
    problems: list[str],
    written: str | None = None,
) -> list[T]:
    """Return the tables of a sort, and note what is none or has keys that are not known.

    Parameters
    ----------
    given
        What the file has in their place.
    sort
        What they are called in reasons.
    keys
        All that a table may hold.
    written
        The word between their brackets, where it is not ``sort``.
    """
    brackets = f"[[{written or sort}]]"
    if not isinstance(given, list) or len(given) > most:
        problems.append(f"{sort} must be written as {brackets}, at most {most} times")
        return []
    found = []
    for number, values in enumerate(given, start=1):
        if not isinstance(values, dict):
            problems.append(f"{sort} number {number} must be a {brackets} table")
            continue
        table = made(sort, number, values, problems)
        for key in values:
            if key not in keys:
                table.blame(f"{key!r} is not known; use {', '.join(keys)}")
        found.append(table)
    return found


def doubles(sort: str, keys: Sequence[str]) -> list[str]:
    """Return what is wrong with keys that are there twice."""
    twice = sorted({key for key in keys if key and keys.count(key) > 1})
    return [f"{sort} {key!r} is there twice" for key in twice]


def refuse(file: str, problems: Sequence[str], *, argument: str) -> None:
    """Refuse a file in which anything is wrong.

    Raises
    ------
    BadInputError
        With the first reasons, and how many more there are.
    """
    if problems:
        more = f"; and {len(problems) - _TOLD} more" if len(problems) > _TOLD else ""
        raise BadInputError(
            f"{file} cannot be taken as it is: {'; '.join(problems[:_TOLD])}{more}",
            argument=argument,
        )
