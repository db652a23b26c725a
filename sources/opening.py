"""Opens files that people name, and says in one sentence why one cannot be opened."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from geo.errors import UnreadableError

if TYPE_CHECKING:
    from pathlib import Path

CHUNK_BYTES = 1 << 20


def check_file(path: Path) -> None:
    """Make sure that a path is a file with something in it that may be read.

    Raises
    ------
    UnreadableError
        If it is not there, a directory, empty, out of reach or no plain file.
    """
    try:
        with_content = _check_plain(path)
        if with_content:
            with path.open("rb") as stream:
                stream.read(1)
    except OSError as error:
        raise UnreadableError(_why_not(path, error)) from error
    if not with_content:
        raise UnreadableError(f"{path.name} is empty (0 bytes); send it again")


def read_bytes(path: Path, *, max_bytes: int | None = None) -> bytes:
    """Return a file's whole content.

    Raises
    ------
    UnreadableError
        As ``check_file``, or if the file is longer than ``max_bytes``.
    """
    check_file(path)
    try:
        size = path.stat().st_size
        if max_bytes is not None and size > max_bytes:
            raise UnreadableError(
                f"{path.name} has {size} bytes, more than the {max_bytes} that such a file may "
                "have; is it the right file?"
            )
        return path.read_bytes()
    except OSError as error:
        raise UnreadableError(_why_not(path, error)) from error


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's content, as 64 hexadecimal digits."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as stream:
            while chunk := stream.read(CHUNK_BYTES):
                digest.update(chunk)
    except OSError as error:
        raise UnreadableError(_why_not(path, error)) from error
    return digest.hexdigest()


def _check_plain(path: Path) -> bool:
    """Return whether a path is a plain file that is not empty.

    A pipe or a device would be waited for without end, so it is refused before it is opened.
    """
    if path.is_dir():
        advice = "export it as GeoPackage" if path.suffix == ".gdb" else "name the file in it"
        raise UnreadableError(f"{path.name or path} is a directory; {advice}")
    status = path.stat()
    if not path.is_file():
        raise UnreadableError(f"{path.name} is no plain file; save its content to one")
    return status.st_size > 0


def _why_not(path: Path, error: OSError) -> str:
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return f"{path} is not there; check the name and the folder"
    if isinstance(error, PermissionError):
        return f"{path} may not be read; give this account the right to read it"
    return f"{path} cannot be read: {error.strerror or error}"
