"""Levels as text, written piece by piece: GeoJSON whole, by lines and as a sequence, and tables."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING

import orjson

from resolvers.streaming import pieces

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from resolvers.context import Context
    from resolvers.streaming import Opened
    from storage.exporting import TextRow

HEAD = ("code", "name", "parent", "area_m2", "households", "people")
"""Columns of every unit, as ``wangge export`` names them."""


def _feature(row: TextRow) -> bytes:
    """Return a unit as GeoJSON, its columns named as ``wangge export`` names them."""
    fixed = (row.code, row.name, row.parent_code, row.area_m2, row.households, row.people)
    columns = dict(zip(HEAD, fixed, strict=True))
    columns |= {_free(key): value for key, value in json.loads(row.properties).items()}
    parts = (b'{"type":"Feature","properties":', _text(columns), b',"geometry":')
    return b"".join(parts) + row.geometry.encode() + b"}"


def _free(key: str) -> str:
    """Return the name of a property, which is none of the columns that every unit has."""
    return f"{key}_2" if key.casefold() in HEAD else key


def _text(value: object) -> bytes:
    """Return JSON text, also of numbers that are longer than 64 bits."""
    try:
        return orjson.dumps(value)
    except TypeError:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


async def geojson(context: Context, opened: Opened) -> AsyncIterator[bytes]:
    """Write a FeatureCollection, one feature a line."""
    head: Mapping[str, object] = {
        "type": "FeatureCollection",
        "name": opened.level,
        "edition": opened.edition,
    }
    before = orjson.dumps(head)[:-1] + b',"features":[\n'
    async for piece in pieces(context, opened):
        yield before + b",\n".join(map(_feature, piece))
        before = b",\n"
    yield (before if before != b",\n" else b"") + b"\n]}\n"


async def lines(context: Context, opened: Opened) -> AsyncIterator[bytes]:
    """Write a feature a line."""
    async for piece in pieces(context, opened):
        yield b"".join(_feature(row) + b"\n" for row in piece)


async def sequence(context: Context, opened: Opened) -> AsyncIterator[bytes]:
    """Write a GeoJSON text sequence: RFC 8142, each feature after a record separator."""
    async for piece in pieces(context, opened):
        yield b"".join(b"\x1e" + _feature(row) + b"\n" for row in piece)


async def table(context: Context, opened: Opened) -> AsyncIterator[bytes]:
    """Write a table: RFC 4180, properties as JSON and geometry as WKT, in UTF-8 with its mark."""
    yield b"\xef\xbb\xbf" + _cells([*HEAD, "properties", "geometry"])
    async for piece in pieces(context, opened, wkt=True):
        yield b"".join(
            _cells(
                [
                    row.code,
                    row.name,
                    row.parent_code or "",
                    repr(row.area_m2),
                    str(row.households),
                    str(row.people),
                    row.properties,
                    row.geometry,
                ]
            )
            for row in piece
        )


def _cells(cells: list[str]) -> bytes:
    line = io.StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue().encode()
