"""Unpacks single files that gzip or bzip2 packed, without trusting that they end."""

from __future__ import annotations

import bz2
import gzip
import zlib
from typing import TYPE_CHECKING

from geo.errors import UnreadableError
from sources.archives import ANY_RATIO_BYTES, CHUNK_BYTES, MAX_RATIO, MAX_UNPACKED_BYTES

if TYPE_CHECKING:
    from pathlib import Path

_GZIP, _BZIP2 = b"\x1f\x8b", b"BZ"
"""How packed files begin."""

_NO_BYTES = (gzip.BadGzipFile, zlib.error, EOFError, ValueError)
"""What unpacking raises when the bytes are not what they should be."""


def unpacked(path: Path, room: Path) -> Path:
    """Return a file with what a packed one holds, or the file itself if it is not packed.

    Parameters
    ----------
    room
        Folder for the unpacked file.

    Raises
    ------
    UnreadableError
        If it is damaged or cut off, or unpacks to more than such a file does.
    """
    with path.open("rb") as stream:
        head = stream.read(2)
    if head not in (_GZIP, _BZIP2):
        return path
    target, size, packed = room / "unpacked", 0, path.stat().st_size
    try:
        with _opened(path, head) as source, target.open("xb") as sink:
            while chunk := source.read(CHUNK_BYTES):
                size += len(chunk)
                _check_size(size, packed, path.name)
                sink.write(chunk)
    except _NO_BYTES as error:
        raise _damaged(path.name, error) from error
    except OSError as error:
        if error.errno is not None:  # of the disk; bzip2's own have no number
            raise
        raise _damaged(path.name, error) from error
    if not size:
        raise UnreadableError(f"{path.name} holds nothing; send it again")
    return target


def _opened(path: Path, head: bytes) -> gzip.GzipFile | bz2.BZ2File:
    return gzip.GzipFile(path) if head == _GZIP else bz2.BZ2File(path)


def _check_size(size: int, packed: int, file: str) -> None:
    if size > MAX_UNPACKED_BYTES:
        raise UnreadableError(
            f"{file} unpacks to more than {MAX_UNPACKED_BYTES >> 20} MiB; send it as .osm.pbf, or "
            "a smaller extract"
        )
    if size > ANY_RATIO_BYTES and size > MAX_RATIO * packed:
        raise UnreadableError(
            f"{file} unpacks to more than {MAX_RATIO} times its size, which no extract does; send "
            "it unpacked"
        )


def _damaged(file: str, error: Exception) -> UnreadableError:
    return UnreadableError(
        f"{file} is damaged or cut off ({str(error) or type(error).__name__}); send it again"
    )
