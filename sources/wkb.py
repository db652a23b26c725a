"""Looks into geometries as bytes for what the geometry library does not know: curves and faces."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

POINT, LINE, POLYGON, MULTIPOLYGON, COLLECTION = 1, 2, 3, 6, 7
NESTED = range(4, 17)
"""Kinds whose members are geometries with heads of their own (ISO 19125-1 and SQL/MM, part 3)."""

CURVES = frozenset({8, 9, 10, 11, 12, 13, 14})
"""Arcs, and what may hold them."""

FACES = {15: MULTIPOLYGON, 16: MULTIPOLYGON, 17: POLYGON}
"""Polyhedral surface, TIN and triangle, and what has the same bytes but for its kind."""

HEAD_BYTES = 5
"""Byte order and kind."""

MAX_DEPTH = 32
"""As deep as GDAL nests collections, too."""


def kind_of(wkb: bytes) -> int:
    """Return a geometry's kind by its head, without its z and m; 0 where there is none."""
    return _kind(_code_of(wkb))[0]


def _code_of(wkb: bytes) -> int:
    if len(wkb) < HEAD_BYTES:
        return 0
    return int.from_bytes(wkb[1:5], "little" if wkb[0] else "big")


def count_curved(geometries: Iterable[bytes | None]) -> int:
    """Return how many geometries are curved, or may be in a part of theirs."""
    return sum(wkb is not None and kind_of(wkb) in CURVES for wkb in geometries)


def count_measured(geometries: Iterable[bytes | None]) -> int:
    """Return how many geometries have measures and no heights."""
    return sum(wkb is not None and _code_of(wkb) // 1000 == 2 for wkb in geometries)  # noqa: PLR2004 - ISO's


def may_have_faces(head: bytes) -> bool:
    """Return whether a geometry has or may hold faces or triangles, by its first bytes."""
    return kind_of(head) in (COLLECTION, *FACES)


def faces_as_polygons(wkb: bytes) -> bytes | None:
    """Return a geometry with polygons for its faces and triangles; None if it has none.

    Raises
    ------
    ValueError
        If the bytes are no whole geometry, or one that is nested without end.
    """
    if not may_have_faces(wkb):
        return None
    changed = bytearray(wkb)
    try:
        whole = _walk(changed, 0, 0) <= len(changed)
    except struct.error as error:
        raise ValueError("the geometry is cut off") from error
    if not whole:
        raise ValueError("the geometry is cut off")
    return bytes(changed) if changed != wkb else None


def _walk(data: bytearray, at: int, depth: int) -> int:
    """Rename the faces of the geometry at an offset; return where it ends."""
    if depth > MAX_DEPTH:
        raise ValueError("the geometry is nested too deeply")
    order = "<" if data[at] else ">"
    (code,) = struct.unpack_from(f"{order}I", data, at + 1)
    kind, point_bytes = _kind(code)
    if kind in FACES:
        struct.pack_into(f"{order}I", data, at + 1, code - kind + FACES[kind])
    at += 5
    if kind == POINT:
        return at + point_bytes
    (count,) = struct.unpack_from(f"{order}I", data, at)
    at += 4
    if kind == LINE:
        return at + int(count) * point_bytes
    for _ in range(count):
        if kind in (POLYGON, 17):
            (points,) = struct.unpack_from(f"{order}I", data, at)
            at += 4 + int(points) * point_bytes
        elif kind in NESTED:
            at = _walk(data, at, depth + 1)
        else:
            raise ValueError(f"no geometry is of kind {code}")
    return at


def _kind(code: int) -> tuple[int, int]:
    """Return a kind without z and m, and the bytes of its points: in ISO's way, or PostGIS' one."""
    flags = (code >> 31 & 1) + (code >> 30 & 1)
    plain = code & 0x1FFFFFFF
    more = plain // 1000
    return plain % 1000, 8 * (2 + flags + (2 if more == 3 else 1 if more in (1, 2) else 0))  # noqa: PLR2004 - 1000 z, 2000 m, 3000 both
