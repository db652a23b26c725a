"""Puts a file that was written elsewhere in its place, whole or not at all."""

from __future__ import annotations

import secrets
import shutil
from typing import TYPE_CHECKING

from geo.errors import BadInputError

if TYPE_CHECKING:
    from pathlib import Path


def check_place(path: Path) -> None:
    """Refuse a place where no file can be, before any work is done for it.

    Raises
    ------
    BadInputError
        If it is a directory, or its folder is not there.
    """
    if path.is_dir():
        raise BadInputError(f"{path} is a directory; name a file in it", argument="output")
    if not path.parent.is_dir():
        raise BadInputError(f"{path.parent} is no folder; make it first", argument="output")


def put_in_place(written: Path, path: Path) -> None:
    """Copy a file beside its place and rename it: a reader finds the old one or the new one."""
    beside = path.with_name(f".{secrets.token_hex(8)}.part")
    try:
        shutil.copyfile(written, beside)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def put_text(text: str, path: Path) -> None:
    """Write a text in UTF-8 beside its place and rename it.

    Raises
    ------
    BadInputError
        If it cannot be written; an existing file is then as it was.
    """
    beside = path.with_name(f".{secrets.token_hex(8)}.part")
    try:
        try:
            beside.write_text(text, encoding="utf-8", errors="replace", newline="\n")
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as error:
        raise BadInputError(
            f"{path} cannot be written: {error.strerror or error}; choose another place",
            argument="output",
        ) from error
