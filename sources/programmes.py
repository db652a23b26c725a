"""Reads kinds of service points and programmes from a TOML file."""

from __future__ import annotations

import datetime as dt
import math
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from geo.errors import BadInputError
from geo.facility_rules import read_rule
from sources.toml import read_toml
from sources.toml_tables import Table, doubles, refuse, tables_of

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["ProgrammeFile", "ProgrammeSpec", "read_programmes"]

MAX_TABLES = 1000
"""Of each sort in one file."""

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

    def tables(sort: str, keys: tuple[str, ...]) -> list[_Table]:
        given = document.get(sort, [])
        return tables_of(_Table, given, sort, keys, most=MAX_TABLES, problems=problems)

    kinds = [
        KindSpec(table.key(), table.text("name") or table.name, table.rules())
        for table in tables("kind", _KIND_KEYS)
    ]
    programmes = [_programme(table) for table in tables("programme", _PROGRAMME_KEYS)]
    problems += doubles("kind", [kind.key for kind in kinds])
    problems += doubles("programme", [programme.key for programme in programmes])
    refuse(path.name, problems, argument="programmes")
    return ProgrammeFile(tuple(kinds), tuple(programmes))


class _Table(Table):
    """A table of the file."""

    def rules(self) -> tuple[str, ...]:
        """Return the rules of a kind."""
        rules = self.texts("rules", "AREA_MIN_60")
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
    kinds = table.texts("kinds", "station")
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
