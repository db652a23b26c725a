"""Lays out a GeoPackage with what its last writer has not put into the file itself yet."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from geo.errors import UnreadableError
from sources.archives import copy_or_link

if TYPE_CHECKING:
    from pathlib import Path

LOG, JOURNAL = "-wal", "-journal"
"""What SQLite adds to a database's name for what is still to be put into it, and taken back."""

_JOURNAL_MARK = b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7"
"""How a journal begins that is in force (SQLite, Database File Format, 3)."""

_WRITE_VERSION, _WITH_LOG = 18, 2
"""Place in a database's head, and what stands there when it is written through a log."""


def beside_database(path: Path) -> list[Path]:
    """Return the files that belong to a database, if they are there."""
    named = (path.with_name(path.name + suffix) for suffix in (LOG, JOURNAL))
    return [part for part in named if part.is_file()]


def lay_database(path: Path, target: Path, file: str) -> None:
    """Give a database a plain name in a folder of its own.

    One that is written through a log is copied, with the log: SQLite makes files beside it even
    to read it, and QGIS leaves the last changes in the log for as long as it has the file open.

    Raises
    ------
    UnreadableError
        If changes stand in it that are to be taken back: a half state.
    """
    for part in beside_database(path):
        if part.name.endswith(JOURNAL) and _head(part, 8) == _JOURNAL_MARK:
            raise UnreadableError(
                f"{file} was being written to when it was left, as {part.name} beside it shows; "
                "close the program that has it open, or open and close it there once more"
            )
    head = _head(path, _WRITE_VERSION + 1)
    if head[_WRITE_VERSION:] != bytes([_WITH_LOG]):
        copy_or_link(path, target)
        return
    shutil.copyfile(path, target)
    log = path.with_name(path.name + LOG)
    if log.is_file():
        shutil.copyfile(log, target.with_name(target.name + LOG))


def _head(path: Path, count: int) -> bytes:
    with path.open("rb") as stream:
        return stream.read(count)
