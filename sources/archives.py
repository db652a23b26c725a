"""Unpacks the boundary files of a zip archive, without trusting what it says of itself."""

from __future__ import annotations

import shutil
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from geo.errors import UnreadableError

MAX_UNPACKED_BYTES = 4 << 30
"""A boundary file of a whole province is smaller; an archive made to fill the disk is not."""

MAX_MEMBERS = 10_000
CHUNK_BYTES = 1 << 20

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
        If a path leaves the archive, or there are too many files or bytes in it.
    """
    infos = [info for info in archive.infolist() if not info.is_dir()]
    size = sum(info.file_size for info in infos)
    if len(infos) > MAX_MEMBERS or size > MAX_UNPACKED_BYTES:
        raise UnreadableError(
            f"{file} holds {len(infos)} files of {size >> 20} MiB in all, more than is unpacked; "
            "send the boundary file alone"
        )
    members = [Member(info, PurePosixPath(_name_of(info))) for info in infos]
    leaving = [member for member in members if _leaves(member.path)]
    if leaving:
        raise UnreadableError(
            f"{file} holds the path {str(leaving[0].path)!r}, which leaves the archive; "
            "pack it again with plain folders"
        )
    return [
        member
        for member in members
        if not any(part == "__MACOSX" or part.startswith(".") for part in member.path.parts)
    ]


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
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise UnreadableError(
            f"{name} in {file} is damaged ({error}); send the archive again"
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
    except (zipfile.BadZipFile, OSError, EOFError, ValueError) as error:
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
    if info.flag_bits & _UTF8_NAME:
        return info.filename
    try:
        raw = info.filename.encode("cp437")
    except UnicodeEncodeError:
        return info.filename
    for codec in ("utf-8", "gb18030"):
        try:
            return raw.decode(codec)
        except UnicodeDecodeError:
            continue
    return info.filename


def _leaves(path: PurePosixPath) -> bool:
    text = str(path)
    return path.is_absolute() or ".." in path.parts or "\\" in text or text[1:2] == ":"
