"""Reads kinds of service points and programmes from a TOML file."""

from __future__ import annotations

import datetime as dt
import math
import re
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from geo.errors import BadInputError
from geo.facility_rules import read_rule
from sources.harmless import MAX_LABEL, harmless_text
from sources.toml import read_toml

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["ProgrammeFile", "ProgrammeSpec", "read_programmes"]

KEY_PATTERN = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
"""What the key of a kind or of a programme looks like: it is typed in questions and commands."""

MAX_TABLES = 1000
"""Of each sort in one file."""

MAX_LISTED = 100
"""Rules of one kind, kinds of one programme."""

_BOUNDS = {
    "minutes": (1, 120),
    "speed_kmh": (0.5, 10.0),
    "metres": (1.0, 20_000.0),
    "target": (1, 1_000_000),
}
"""What may be walked, as for every question; and how many points a programme may want."""

_BASES = ("NETWORK", "RADIUS")
_KIND_KEYS = ("key", "name", "rules")
_PROGRAMME_KEYS = (
    "key",
    "name",
    "kinds",
    "minutes",
    "speed_kmh",
    "metres",
    "basis",
    "own_level",
    "target",
    "due",
    "since",
    "until",
)


class KindSpec(NamedTuple):
    """A kind of service points."""

    key: str
    name: str
    rules: tuple[str, ...]


@dataclass(frozen=True)
class ProgrammeSpec:
    """A programme; None where the file says nothing."""

    key: str
    name: str
    kinds: tuple[str, ...]
    minutes: int | None = None
    speed_kmh: float | None = None
    metres: float | None = None
    basis: str | None = None
    own_level: str | None = None
    target: int | None = None
    due: dt.date | None = None
    since: dt.date | None = None
    until: dt.date | None = None


@dataclass(frozen=True)
class ProgrammeFile:
    """Kinds and programmes, read."""

    kinds: tuple[KindSpec, ...]
    programmes: tuple[ProgrammeSpec, ...]


def read_programmes(path: Path) -> ProgrammeFile:
    """Read kinds and programmes from a TOML file.

    Parameters
    ----------
    path
        A file of ``[[kind]]`` tables (``key``, ``name``, ``rules``) and ``[[programme]]`` tables
        (``key``, ``name``, ``kinds``, and what is promised).

    Raises
    ------
    UnreadableError
        If the file cannot be read or is no TOML.
    BadInputError
        If anything in it cannot be meant; every reason is named.
    """
    document = read_toml(path)
    problems = [
        f"{key!r} is not known; write [[kind]] and [[programme]] tables only"
        for key in document
        if key not in {"kind", "programme"}
    ]
    kinds = [
        KindSpec(table.key(), table.text("name") or table.name, table.rules())
        for table in _tables(document, "kind", _KIND_KEYS, problems)
    ]
    programmes = [
        _programme(table) for table in _tables(document, "programme", _PROGRAMME_KEYS, problems)
    ]
    for sort, keys in (
        ("kind", [k.key for k in kinds]),
        ("programme", [p.key for p in programmes]),
    ):
        twice = sorted({key for key in keys if keys.count(key) > 1 and key})
        problems += [f"{sort} {key!r} is there twice" for key in twice]
    if problems:
        more = f"; and {len(problems) - _TOLD} more" if len(problems) > _TOLD else ""
        raise BadInputError(
            f"{path.name} cannot be taken as it is: {'; '.join(problems[:_TOLD])}{more}",
            argument="programmes",
        )
    return ProgrammeFile(tuple(kinds), tuple(programmes))


_TOLD = 10
"""How many reasons a message tells."""


class _Table:
    """A table of the file; what is wrong in it is noted, and read as if it were not there."""

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
            else f"its key is {key!r}; a key is small letters, digits, - and _, at most 64"
        )
        return ""

    def text(self, name: str) -> str | None:
        """Return a text that is not blank."""
        value = self.values.get(name)
        if value is None:
            return None
        if not isinstance(value, str) or not value.strip() or len(value) > MAX_LABEL:
            self.blame(f"{name} must be text in quotes, not {str(value)[:80]!r}")
            return None
        return harmless_text(value).strip()

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a list of texts, each once."""
        value = self.values.get(name, [])
        good = isinstance(value, list) and all(isinstance(one, str) for one in value)
        if not good or len(value) > MAX_LISTED:
            self.blame(f'{name} must be a list of texts, e.g. {name} = ["station"]')
            return ()
        return tuple(dict.fromkeys(value))

    def rules(self) -> tuple[str, ...]:
        """Return the rules of a kind."""
        rules = self.texts("rules")
        for rule in rules:
            try:
                read_rule(rule)
            except BadInputError as error:
                self.blame(str(error))
        return rules

    def number(self, name: str) -> float | None:
        """Return a number within its bounds."""
        value = self.values.get(name)
        if value is None:
            return None
        least, most = _BOUNDS[name]
        kinds = int if isinstance(least, int) else (int, float)
        plain = isinstance(value, kinds) and not isinstance(value, bool)
        if not plain or not math.isfinite(value) or not least <= value <= most:
            whole = "a whole number" if isinstance(least, int) else "a number"
            self.blame(
                f"{name} must be {whole} of {least:,.10g} to {most:,.10g}, not {str(value)[:40]}"
            )
            return None
        return float(value)

    def whole(self, name: str) -> int | None:
        """Return a whole number within its bounds."""
        number = self.number(name)
        return None if number is None else int(number)

    def day(self, name: str) -> dt.date | None:
        """Return a day, written with quotes or without."""
        value = self.values.get(name)
        if isinstance(value, str):
            with suppress(ValueError):  # then it is no day
                value = dt.date.fromisoformat(value)
        if value is None or (isinstance(value, dt.date) and not isinstance(value, dt.datetime)):
            return value
        self.blame(f"{name} must be a day such as 2026-12-31, not {str(value)[:40]!r}")
        return None


def _programme(table: _Table) -> ProgrammeSpec:
    key, basis, since, until = (
        table.key(),
        table.text("basis"),
        table.day("since"),
        table.day("until"),
    )
    kinds = table.texts("kinds")
    if basis is not None and basis not in _BASES:
        table.blame(f"basis must be {' or '.join(_BASES)}, not {basis!r}")
    if since is not None and until is not None and until <= since:
        table.blame(f"it would end on {until}, but it begins on {since}")
    if not kinds:
        table.blame('it has no kinds; write e.g. kinds = ["station"]')
    return ProgrammeSpec(
        key=key,
        name=table.text("name") or table.name,
        kinds=kinds,
        minutes=table.whole("minutes"),
        speed_kmh=table.number("speed_kmh"),
        metres=table.number("metres"),
        basis=basis,
        own_level=table.text("own_level"),
        target=table.whole("target"),
        due=table.day("due"),
        since=since,
        until=until,
    )


def _tables(
    document: Mapping[str, Any], sort: str, keys: tuple[str, ...], problems: list[str]
) -> list[_Table]:
    """Return the tables of a sort, and note what is none or has keys that are not known."""
    tables = document.get(sort, [])
    if not isinstance(tables, list) or len(tables) > MAX_TABLES:
        problems.append(f"{sort} must be written as [[{sort}]], at most {MAX_TABLES} times")
        return []
    found = []
    for number, values in enumerate(tables, start=1):
        if not isinstance(values, dict):
            problems.append(f"{sort} number {number} must be a [[{sort}]] table")
            continue
        table = _Table(sort, number, values, problems)
        for key in values:
            if key not in keys:
                table.blame(f"{key!r} is not known; use {', '.join(keys)}")
        found.append(table)
    return found
