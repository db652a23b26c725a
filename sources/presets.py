"""What a caller knows better than a boundary file, said in options or kept by sender in a file."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, NamedTuple, TypedDict

from geo.datums import Datum
from geo.errors import BadInputError, UnknownError, UnreadableError
from sources.columns import MEANT, Columns
from sources.encoding import given_codec
from sources.notices import Notice
from sources.toml import read_toml

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

PRESETS_FILE = "wangge.toml"
"""Looked for in the folder that a command is run in."""

KEYS = ("name", "files", "layer", "encoding", "crs", "datum", "columns")


class ReadingKeywords(TypedDict):
    """What ``read_boundaries`` takes by these names."""

    layer: str | None
    encoding: str | None
    crs: str | None
    datum: Datum | None
    columns: Columns


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a caller says of a boundary file; None is found out from the file.

    Attributes
    ----------
    notices
        How that was come by, where the caller did not say it with each file.
    presets
        The file of presets that the caller names.
    """

    layer: str | None = None
    encoding: str | None = None
    crs: str | None = None
    datum: Datum | None = None
    columns: Columns = Columns()  # noqa: RUF009 - frozen
    notices: tuple[Notice, ...] = ()
    presets: Path | None = None

    def keywords(self) -> ReadingKeywords:
        """Return what to hand to ``read_boundaries``."""
        return {
            "layer": self.layer,
            "encoding": self.encoding,
            "crs": self.crs,
            "datum": self.datum,
            "columns": self.columns,
        }

    def over(self, kept: Reading) -> Reading:
        """Return this, and what is kept where this says nothing; columns are laid one by one."""
        columns = {key: getattr(self.columns, key) or getattr(kept.columns, key) for key in MEANT}
        return Reading(
            layer=self.layer if self.layer is not None else kept.layer,
            encoding=self.encoding if self.encoding is not None else kept.encoding,
            crs=self.crs if self.crs is not None else kept.crs,
            datum=self.datum if self.datum is not None else kept.datum,
            columns=Columns(**columns),
            notices=self.notices + kept.notices,
            presets=self.presets,
        )


class Preset(NamedTuple):
    """What is known of the files of one sender."""

    name: str
    files: tuple[str, ...]
    """Patterns of file names such as ``龙潭_*.zip``; case does not count."""
    reading: Reading

    def fits(self, file: str) -> bool:
        """Return whether a file's name is like one of the patterns."""
        return any(fnmatchcase(file.casefold(), pattern.casefold()) for pattern in self.files)


def read_presets(path: Path) -> tuple[Preset, ...]:
    """Read the presets of a TOML file.

    Parameters
    ----------
    path
        A file of ``[[preset]]`` tables, each with a ``name`` and any of ``files``, ``layer``,
        ``encoding``, ``crs``, ``datum`` and ``columns``.

    Raises
    ------
    UnreadableError
        If the file cannot be read or is no TOML.
    BadInputError
        If something in it cannot be meant; every reason is named.
    """
    document = read_toml(path)
    problems = [
        f"{key!r} is not known; write [[preset]] tables only" for key in document if key != "preset"
    ]
    tables = document.get("preset", [])
    if not isinstance(tables, list):
        problems.append("preset must be written as [[preset]], with two brackets")
        tables = []
    presets = []
    for number, table in enumerate(tables, start=1):
        made, wrong = _preset(number, table)
        presets.append(made)
        problems += wrong
    names = [preset.name for preset in presets]
    problems += [f"preset {n!r} is there twice" for n in dict.fromkeys(names) if names.count(n) > 1]
    if problems:
        raise BadInputError(
            f"{path.name} holds presets that cannot be meant: {'; '.join(problems)}",
            argument="presets",
            hint=f"a [[preset]] has {', '.join(KEYS)}",
        )
    return tuple(presets)


def choose_preset(
    presets: Sequence[Preset], file: str, wanted: str | None, *, kept_in: str
) -> Reading:
    """Return what is kept for a file, and a notice that says so.

    Parameters
    ----------
    file
        The boundary file's name.
    wanted
        The preset's name; without it, the one whose pattern fits the file's name.
    kept_in
        The presets' file, for messages.

    Raises
    ------
    UnknownError
        If there is no preset of that name.
    UnreadableError
        If the patterns of several fit, and none is named.
    """
    if wanted is not None:
        chosen = [preset for preset in presets if preset.name == wanted]
        why = "as asked"
    else:
        chosen = [preset for preset in presets if preset.fits(file)]
        why = f"its files are named like {file}"
    names = [preset.name for preset in (chosen or presets)]
    if len(chosen) == 1:
        message = f"preset {names[0]!r} of {kept_in}, {why}: {_said(chosen[0].reading)}"
        return replace(chosen[0].reading, notices=(Notice("PRESET", message, 0),))
    if wanted is not None:
        raise UnknownError(
            f"there is no preset {wanted!r} in {kept_in}; there are {', '.join(names) or 'none'}",
            argument="preset",
            options=names,
        )
    if chosen:
        raise UnreadableError(
            f"the name {file} fits {len(chosen)} presets of {kept_in}: {', '.join(names)}; say "
            "which one is meant",
            argument="preset",
            options=names,
        )
    return Reading()


def _said(reading: Reading) -> str:
    """Say what a preset says: ``encoding GB18030, code from WGBM``."""
    said = [
        f"{key} {getattr(reading, key)}"
        for key in ("layer", "encoding", "crs", "datum")
        if getattr(reading, key) is not None
    ]
    said += [
        f"{key} from {column!r}"
        for key in MEANT
        if (column := getattr(reading.columns, key)) is not None
    ]
    return ", ".join(said) or "it says nothing"


def _preset(number: int, table: object) -> tuple[Preset, list[str]]:
    """Return a preset, as far as it can be understood, and what is wrong with it."""
    if not isinstance(table, dict):
        return Preset("", (), Reading()), [f"preset {number} must be a [[preset]] table"]
    name = table.get("name")
    named = isinstance(name, str) and bool(name.strip())
    where = f"preset {name!r}" if named else f"preset {number}"
    problems = [] if named else [f'preset {number} has no name; write name = "…"']
    problems += [
        f"{key!r} of {where} is not known; use {', '.join(KEYS)}"
        for key in table
        if key not in KEYS
    ]
    texts, wrong = _texts(table, ("layer", "encoding", "crs", "datum"), where)
    files, wrong_files = _files(table.get("files", []), where)
    columns, wrong_columns = _columns(table.get("columns", {}), where)
    problems += wrong + wrong_files + wrong_columns + _not_meant(texts, where)
    datum = texts.get("datum", "").upper()
    reading = Reading(
        layer=texts.get("layer"),
        encoding=texts.get("encoding"),
        crs=texts.get("crs"),
        datum=Datum(datum) if datum in Datum.__members__ else None,
        columns=columns,
    )
    return Preset(name if isinstance(name, str) else "", files, reading), problems


def _texts(
    table: dict[str, Any],  # whatever the file holds
    keys: Sequence[str],
    where: str,
) -> tuple[dict[str, str], list[str]]:
    there = {key: table[key] for key in keys if key in table}
    problems = [
        f"{key} of {where} must be text in quotes, not {value!r}"
        for key, value in there.items()
        if not isinstance(value, str) or not value.strip()
    ]
    return {key: v for key, v in there.items() if isinstance(v, str) and v.strip()}, problems


def _files(value: object, where: str) -> tuple[tuple[str, ...], list[str]]:
    patterns = [value] if isinstance(value, str) else value
    if isinstance(patterns, list) and all(isinstance(it, str) and it.strip() for it in patterns):
        return tuple(patterns), []
    return (), [f"files of {where} must be a pattern in quotes or a list of them, not {value!r}"]


def _columns(value: object, where: str) -> tuple[Columns, list[str]]:
    if not isinstance(value, dict):
        form = 'columns = { code = "WGBM", name = "WGMC" }'
        return Columns(), [f"columns of {where} must be a table, as {form}"]
    problems = [
        f"{key!r} among the columns of {where} is not known; use {', '.join(MEANT)}"
        for key in value
        if key not in MEANT
    ]
    texts, wrong = _texts(value, MEANT, f"the columns of {where}")
    return Columns(**texts), problems + wrong


def _not_meant(texts: dict[str, str], where: str) -> list[str]:
    """Say which values name no encoding, coordinate system or datum."""
    problems = []
    from geo.crs import parse_crs  # noqa: PLC0415 - most senders have no preset

    for key, check in (("encoding", given_codec), ("crs", parse_crs)):
        try:
            if key in texts:
                check(texts[key])
        except BadInputError as error:
            problems.append(f"{where}: {error}")
    datum = texts.get("datum")
    if datum is not None and datum.upper() not in Datum.__members__:
        known = ", ".join(Datum.__members__)
        problems.append(f"datum {datum!r} of {where} is not known; use {known}")
    return problems
