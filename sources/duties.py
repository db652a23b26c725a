"""Reads kinds of duties from a TOML file, and writes them as one."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import orjson

from sources.toml import read_toml
from sources.toml_tables import Table, doubles, refuse, tables_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = ["DutyFile", "DutySpec", "PostSpec", "duties_toml", "read_duties"]

MAX_NAME = 200
"""Characters of a name."""

MAX_DUTIES = 1_000
MAX_POSTS = 200
"""Of one duty."""

MAX_HOLDERS = 1_000_000
"""More than a unit ever has."""


_DUTY_KEYS = ("key", "name", "level", "levels", "min", "max", "several", "public", "post")
_POST_KEYS = ("key", "name", "skill")


class PostSpec(NamedTuple):
    """A post of a duty, and the skill that fits it."""

    key: str
    name: str
    skill: str | None


class DutySpec(NamedTuple):
    """A kind of duty."""

    key: str
    name: str
    level: str
    """Its own level, on whose units there must be so many holders."""
    levels: tuple[str, ...]
    """All levels on whose units it may be carried."""
    min: int
    max: int | None
    several: bool
    public: bool
    posts: tuple[PostSpec, ...]


class DutyFile(NamedTuple):
    """Kinds of duties, read."""

    file: str
    duties: tuple[DutySpec, ...]


def read_duties(path: Path) -> DutyFile:
    """Read kinds of duties from a TOML file.

    Parameters
    ----------
    path
        A file of ``[[duty]]`` tables (``key``, ``name``, ``level``, ``levels``, ``min``, ``max``,
        ``several``, ``public``), each with ``[[duty.post]]`` tables (``key``, ``name``, ``skill``).

    Raises
    ------
    UnreadableError
        If the file cannot be read or is no TOML.
    BadInputError
        If anything in it cannot be meant; every reason is named.
    """
    document = read_toml(path)
    problems = [
        f"{key!r} is not known; write [[duty]] tables only" for key in document if key != "duty"
    ]
    given = document.get("duty", [])
    tables = tables_of(_Table, given, "duty", _DUTY_KEYS, most=MAX_DUTIES, problems=problems)
    duties = [_duty(table) for table in tables]
    problems += doubles("duty", [duty.key for duty in duties])
    if not document:
        problems.append("it has no [[duty]] table")
    refuse(path.name, problems, argument="duties")
    return DutyFile(path.name, tuple(duties))


def duties_toml(duties: Iterable[DutySpec]) -> str:
    """Return a TOML file that says these duties."""
    return "\n".join("\n".join(_duty_lines(duty)) + "\n" for duty in duties)


class _Table(Table):
    """A table of the file."""

    longest = MAX_NAME

    def whole(self, name: str, least: int) -> int | None:
        """Return a whole number."""
        value = self.values.get(name)
        if value is None:
            return None
        plain = isinstance(value, int) and not isinstance(value, bool)
        if not plain or not least <= value <= MAX_HOLDERS:
            self.blame(
                f"{name} must be a whole number of {least} to {MAX_HOLDERS:,}, not "
                f"{str(value)[:40]!r}"
            )
            return None
        return int(value)

    def truth(self, name: str) -> bool:
        """Return whether something is so; it is unless the table says otherwise."""
        value = self.values.get(name, True)
        if not isinstance(value, bool):
            self.blame(f"{name} must be true or false, not {str(value)[:40]!r}")
            return True
        return value


def _duty(table: _Table) -> DutySpec:
    level, levels = table.text("level"), table.texts("levels", "grid")
    if level is None and "level" not in table.values:
        table.blame('it has no level; write e.g. level = "grid"')
    if levels and level is not None and level not in levels:
        table.blame(f"its own level {level!r} is none of its levels {', '.join(levels)}")
    least, most = table.whole("min", 0) or 0, table.whole("max", 1)
    if most is not None and most < least:
        table.blame(f"max {most} is less than min {least}")
    tables = tables_of(
        _Table,
        table.values.get("post", []),
        f"{table.called} post",
        _POST_KEYS,
        most=MAX_POSTS,
        problems=table.problems,
        written="duty.post",
    )
    posts = [_post(post) for post in tables]
    table.problems += doubles(f"{table.called} post", [post.key for post in posts])
    key = table.key()
    return DutySpec(
        key=key,
        name=table.text("name") or key,
        level=level or "",
        levels=levels or (level or "",),
        min=least,
        max=most,
        several=table.truth("several"),
        public=table.truth("public"),
        posts=tuple(posts),
    )


def _post(table: _Table) -> PostSpec:
    key = table.key()
    return PostSpec(key, table.text("name") or key, table.text("skill"))


def _duty_lines(duty: DutySpec) -> list[str]:
    lines = ["[[duty]]", f"key = {_quoted(duty.key)}", f"name = {_quoted(duty.name)}"]
    lines.append(f"level = {_quoted(duty.level)}")
    if set(duty.levels) != {duty.level}:
        lines.append(f"levels = [{', '.join(map(_quoted, duty.levels))}]")
    lines += [f"min = {duty.min}"] if duty.min else []
    lines += [f"max = {duty.max}"] if duty.max is not None else []
    lines += ["several = false"] if not duty.several else []
    lines += ["public = false"] if not duty.public else []
    for post in duty.posts:
        lines += ["", "[[duty.post]]", f"key = {_quoted(post.key)}", f"name = {_quoted(post.name)}"]
        lines += [f"skill = {_quoted(post.skill)}"] if post.skill is not None else []
    return lines


def _quoted(text: str) -> str:
    """Return a text as TOML's basic string: JSON's escapes are among its own."""
    return orjson.dumps(text).decode().replace("\x7f", "\\u007f")
