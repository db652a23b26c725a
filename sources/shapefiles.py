"""The parts of a Shapefile: which there must be, and whether each is whole."""

from __future__ import annotations

import codecs
import struct
from typing import TYPE_CHECKING

from geo.errors import UnreadableError

if TYPE_CHECKING:
    from pathlib import Path

KEPT = (".shp", ".shx", ".dbf", ".prj", ".cpg")
"""What is read; spatial indexes are left behind, since a stale one hides features."""

NEEDED = (".shx", ".dbf")

POLYGON_TYPES = frozenset({5, 15, 25, 31})
"""Polygon, PolygonZ, PolygonM, MultiPatch (ESRI Shapefile Technical Description, page 4)."""

MEASURED_TYPES = frozenset({21, 23, 25, 28})
"""PointM, PolyLineM, PolygonM, MultiPointM: measures and no heights."""

HEADER_BYTES = 100

NAME_BYTES = 10
"""How long a column's name can be in a .dbf part."""


def companions(path: Path) -> dict[str, Path]:
    """Return the parts that lie beside a .shp file, by small-letter suffix, itself included."""
    found = {".shp": path}
    try:
        beside = list(path.parent.iterdir())
    except OSError:  # the folder may be entered but not listed
        beside = [path.with_suffix(form) for suffix in KEPT for form in (suffix, suffix.upper())]
    for part in sorted(beside):
        suffix = part.suffix.lower()
        if part.stem == path.stem and suffix in KEPT and part.is_file():
            found.setdefault(suffix, part)
    return found


def check_parts(path: Path, file: str) -> None:
    """Make sure that a Shapefile has all its parts and none is cut off.

    Parameters
    ----------
    path
        The .shp file, with its parts beside it under small-letter suffixes.
    file
        What to call it.

    Raises
    ------
    UnreadableError
        If a part is missing or cut off; the message names it. GDAL could make a new .shx and do
        without the .dbf, but then nobody would hear that something was lost on the way.
    """
    missing = [suffix for suffix in NEEDED if not path.with_suffix(suffix).exists()]
    if missing:
        raise UnreadableError(
            f"{file} is a Shapefile without its {' and '.join(missing)} part; "
            "send .shp, .shx and .dbf together"
        )
    _whole_length(path, file)
    shapes = (_whole_length(path.with_suffix(".shx"), file) - HEADER_BYTES) // 8
    records = _records(path, file)
    if records != shapes:
        raise UnreadableError(
            f"{file} has {shapes} shapes but {records} rows in its .dbf part; "
            "the parts do not belong together, export it again"
        )


def holds_polygons(head: bytes) -> bool:
    """Return whether the head of a .shp file says that it holds polygons."""
    return len(head) >= HEADER_BYTES and struct.unpack("<i", head[32:36])[0] in POLYGON_TYPES


def has_measures(path: Path) -> bool:
    """Return whether the shapes of a .shp file have measures and no heights."""
    return struct.unpack("<i", _read(path, HEADER_BYTES)[32:36])[0] in MEASURED_TYPES


def language_byte(path: Path) -> int:
    """Return the language byte of the .dbf part, 0 where it says nothing."""
    head = _read(path.with_suffix(".dbf"), 32)
    return head[29] if len(head) > 29 else 0  # noqa: PLR2004 - its place in the header


def declared_label(path: Path) -> str | None:
    """Return what the .cpg part says, if there is one and it says something."""
    part = path.with_suffix(".cpg")
    if not part.exists():
        return None
    data = _read(part, 64)
    # Some editors save any text as UTF-16, with a mark in front.
    wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    text = data.decode("utf-16" if wide else "ascii", errors="ignore")
    return text.strip("\0 \r\n\t") or None


def _whole_length(part: Path, file: str) -> int:
    """Return the length in bytes that the header of a .shp or .shx part says, if it is so long."""
    head = _read(part, HEADER_BYTES)
    said = 2 * struct.unpack(">i", head[24:28])[0] if len(head) == HEADER_BYTES else -1
    if not HEADER_BYTES <= said <= part.stat().st_size:  # counted in 16-bit words
        raise UnreadableError(f"the {part.suffix} part of {file} is cut off; send it again")
    return int(said)


def _records(path: Path, file: str) -> int:
    """Return the number of rows of the .dbf part, which must be whole."""
    part = path.with_suffix(".dbf")
    head = _read(part, 32)
    if len(head) < 32:  # noqa: PLR2004 - the fixed part of its header
        raise UnreadableError(f"the .dbf part of {file} is cut off; send it again")
    count, header, width = struct.unpack("<IHH", head[4:12])
    # The end mark may be missing, and a table without columns still has its deletion flags.
    if part.stat().st_size < header + count * width:
        raise UnreadableError(f"the .dbf part of {file} is cut off; send it again")
    return int(count)


def _read(path: Path, count: int) -> bytes:
    with path.open("rb") as stream:
        return stream.read(count)
