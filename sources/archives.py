"""Unpacks the boundary files of a zip archive, without trusting what it says of itself."""

from __future__ import annotations

import lzma
import shutil
import stat
import zipfile
import zlib
from itertools import pairwise
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

from geo.errors import UnreadableError
from sources.harmless import harmless_text

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_UNPACKED_BYTES = 4 << 30
"""A boundary file of a whole province is smaller; an archive made to fill the disk is not."""

MAX_RATIO = 200
"""Coordinates and names pack to a tenth, seldom to a fiftieth of their length; a bomb to a
thousandth."""

ANY_RATIO_BYTES = 64 << 20
"""So little may be unpacked however small it was packed."""

MAX_MEMBERS = 10_000
CHUNK_BYTES = 1 << 20

DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,  # from bzip2
    RuntimeError,  # a password that the flags do not speak of
    NotImplementedError,  # a way of packing that is not known here
    ValueError,
    MemoryError,  # LZMA says itself how much it needs
)
"""What unpacking raises when the bytes are not what they should be."""

_UTF8_NAME = 0x800
"""General purpose flag of a member whose name is UTF-8 (APPNOTE 4.4.4, bit 11)."""

_ENCRYPTED = 0x1


class Member(NamedTuple):
    """One file of an archive."""

    info: zipfile.ZipInfo
    path: PurePosixPath
    """Its folder and name, decoded as the writer meant them."""


def list_members(archive: zipfile.ZipFile, file: str) -> list[Member]:
    """Return the plain files of an archive, without what operating systems add.

    Raises
    ------
    UnreadableError
        If a path leaves the archive or is there twice, a member is a link or a device, members
        share their bytes, or there are too many files or bytes in it.
    """
    infos = [info for info in archive.infolist() if not info.is_dir()]
    size = sum(info.file_size for info in infos)
    if len(infos) > MAX_MEMBERS or size > MAX_UNPACKED_BYTES:
        raise UnreadableError(
            f"{file} holds {len(infos)} files of {size >> 20} MiB in all, more than is unpacked; "
            "send the boundary file alone"
        )
    packed = sum(info.compress_size for info in infos)
    if size > ANY_RATIO_BYTES and size > MAX_RATIO * packed:
        raise UnreadableError(
            f"{file} would unpack to {size // max(packed, 1)} times its size, which no boundary "
            "file does; send it unpacked"
        )
    _check_apart(infos, file)
    members = [Member(info, PurePosixPath(_name_of(info))) for info in infos]
    _check_paths(members, file)
    return [
        member
        for member in members
        if not any(part == "__MACOSX" or part.startswith(".") for part in member.path.parts)
    ]


def _check_apart(infos: Sequence[zipfile.ZipInfo], file: str) -> None:
    """Make sure that no two members share bytes, by which one of them would be many.

    Raises
    ------
    UnreadableError
        If two do.
    """
    placed = sorted(infos, key=lambda info: info.header_offset)
    for first, second in pairwise(placed):
        if first.header_offset + first.compress_size > second.header_offset:
            raise UnreadableError(f"{file} holds files that overlap one another; pack it again")


def _check_paths(members: Sequence[Member], file: str) -> None:
    """Make sure that every member is a plain file with a path of its own within the archive.

    Raises
    ------
    UnreadableError
        If one is not; the message names it.
    """
    seen: set[PurePosixPath] = set()
    for member in members:
        kind = stat.S_IFMT(member.info.external_attr >> 16)
        if _leaves(member.path):
            problem, advice = ", which leaves the archive", "pack it again with plain folders"
        elif kind not in (0, stat.S_IFREG):
            problem, advice = ", which is a link or a device", "pack the file itself"
        elif member.path in seen:
            problem, advice = " twice", "leave one of them out"
        else:
            seen.add(member.path)
            continue
        raise UnreadableError(f"{file} holds the path {str(member.path)!r}{problem}; {advice}")


def unpack(archive: zipfile.ZipFile, member: Member, target: Path, file: str) -> None:
    """Write one member's bytes to a new file.

    Raises
    ------
    UnreadableError
        If the member is encrypted, damaged, or longer than the archive says.
    """
    name = member.path.name
    if member.info.flag_bits & _ENCRYPTED:
        raise UnreadableError(f"{name} in {file} is encrypted; send it without a password")
    left = member.info.file_size
    try:
        with archive.open(member.info) as source, target.open("xb") as sink:
            while chunk := source.read(min(CHUNK_BYTES, left + 1)):
                left -= len(chunk)
                if left < 0:
                    raise UnreadableError(f"{name} in {file} is longer than the archive says")
                sink.write(chunk)
    except DAMAGED as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise UnreadableError(
                f"{name} in {file} cannot be unpacked: {error.strerror}; make room for temporary "
                "files, or send it in parts"
            ) from error
        reason = str(error) or type(error).__name__
        raise UnreadableError(
            f"{name} in {file} is damaged ({reason}); send the archive again"
        ) from error


def open_archive(path: Path, file: str) -> zipfile.ZipFile:
    """Open a zip archive.

    Raises
    ------
    UnreadableError
        If it is cut off or damaged.
    """
    try:
        return zipfile.ZipFile(path)
    except DAMAGED as error:
        raise UnreadableError(
            f"{file} is no whole zip archive ({error}); it may be cut off, send it again"
        ) from error


def copy_or_link(source: Path, target: Path) -> None:
    """Give a file a second, plain name; GDAL reads some characters of names as commands."""
    try:
        target.symlink_to(source.resolve())
    except OSError:  # a file system without links
        shutil.copyfile(source, target)


def _name_of(info: zipfile.ZipInfo) -> str:
    """Return a member's name; those without the UTF-8 mark are mostly GBK in China."""
    name = info.filename
    if not info.flag_bits & _UTF8_NAME:
        name = _as_meant(name)
    return harmless_text(name)


def _as_meant(name: str) -> str:
    try:
        raw = name.encode("cp437")
    except UnicodeEncodeError:
        return name
    for codec in ("utf-8", "gb18030"):
        try:
            return raw.decode(codec)
        except UnicodeDecodeError:
            continue
    return name


def _leaves(path: PurePosixPath) -> bool:
    text = str(path)
    return path.is_absolute() or ".." in path.parts or "\\" in text or text[1:2] == ":"
