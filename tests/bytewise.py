"""Shapefiles written byte by byte: cells side by side, and a table that holds just these bytes."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import shapely

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

Field = tuple[bytes, int]
"""A column's name and its width in bytes."""


def dbf(fields: Sequence[Field], records: Sequence[Sequence[bytes]], language: int = 0) -> bytes:
    """Return a dBASE III table of text columns."""
    width = 1 + sum(size for _, size in fields)
    ends = 33 + 32 * len(fields)
    head = struct.pack("<BBBBIHH17xB2x", 3, 126, 1, 1, len(records), ends, width, language)
    described = b"".join(struct.pack("<11sc4xB15x", name[:10], b"C", size) for name, size in fields)
    rows = b"".join(
        b" "
        + b"".join(cell[:size].ljust(size) for cell, (_, size) in zip(row, fields, strict=True))
        for row in records
    )
    return head + described + b"\r" + rows + b"\x1a"


def cells(count: int) -> list[shapely.Polygon]:
    """Return rectangles side by side, in degrees."""
    return [shapely.box(104 + n / 100, 38, 104 + (n + 1) / 100, 38.01) for n in range(count)]


def shapefile(
    path: Path,
    fields: Sequence[Field],
    records: Sequence[Sequence[bytes]],
    *,
    cpg: str | bytes | None = None,
    language: int = 0,
) -> Path:
    """Write a Shapefile without .prj: one rectangle a record.

    Parameters
    ----------
    cpg
        What its .cpg part says; None for none.
    language
        The language byte of its .dbf part.
    """
    shapes, index, offset = b"", b"", 50  # lengths and offsets count words of two bytes
    for number, cell in enumerate(cells(len(records)), start=1):
        ring = list(reversed(cell.exterior.coords))
        content = struct.pack("<i4diii", 5, *cell.bounds, 1, len(ring), 0)
        content += b"".join(struct.pack("<2d", *point) for point in ring)
        shapes += struct.pack(">ii", number, len(content) // 2) + content
        index += struct.pack(">ii", offset, len(content) // 2)
        offset += 4 + len(content) // 2
    box = shapely.total_bounds(cells(len(records)))
    for suffix, body in ((".shp", shapes), (".shx", index)):
        words = 50 + len(body) // 2
        head = struct.pack(">i20xi", 9994, words) + struct.pack("<ii4d32x", 1000, 5, *box)
        path.with_suffix(suffix).write_bytes(head + body)
    path.with_suffix(".dbf").write_bytes(dbf(fields, records, language))
    if cpg is not None:
        data = cpg.encode("ascii") if isinstance(cpg, str) else cpg
        path.with_suffix(".cpg").write_bytes(data)
    return path
