"""The little of a vector tile that is compared: which units are in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_LAYER, _FEATURE, _KEY, _VALUE, _TAGS, _STRING = 3, 2, 3, 4, 2, 1
"""Numbers of fields in the vector tile specification 2.1."""

_VARINT, _LONG, _BYTES, _SHORT = 0, 1, 2, 5
"""Kinds of fields in protocol buffers."""


def read_tile(tile: bytes, column: str = "code") -> list[str]:
    """Return a text column of all features of a tile, in order."""
    found = []
    for number, layer in _fields(tile):
        if number == _LAYER:
            found += _layer(bytes(layer), column)
    return sorted(found)


def _layer(layer: bytes, column: str) -> list[str]:
    keys: list[str] = []
    values: list[str] = []
    features: list[bytes] = []
    for number, held in _fields(layer):
        if number == _KEY:
            keys.append(held.decode())
        elif number == _VALUE:
            values.append(next((b.decode() for n, b in _fields(held) if n == _STRING), ""))
        elif number == _FEATURE:
            features.append(held)
    if column not in keys:
        return []
    key = keys.index(column)
    pairs = [list(_numbers(tags)) for one in features for n, tags in _fields(one) if n == _TAGS]
    return [
        values[tags[at + 1]] for tags in pairs for at in range(0, len(tags), 2) if tags[at] == key
    ]


def _fields(message: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the fields of a message that are bytes: their numbers and what they hold."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        kind = tag & 7
        if kind == _BYTES:
            length, at = _varint(message, at)
            yield tag >> 3, message[at : at + length]
            at += length
        elif kind == _VARINT:
            _, at = _varint(message, at)
        elif kind in {_LONG, _SHORT}:
            at += 8 if kind == _LONG else 4
        else:
            raise ValueError(f"this is no vector tile: a field of kind {kind}")


def _numbers(packed: bytes) -> Iterator[int]:
    at = 0
    while at < len(packed):
        number, at = _varint(packed, at)
        yield number


def _varint(message: bytes, at: int) -> tuple[int, int]:
    """Return a number of seven bits a byte, the lowest first, and where it ends."""
    value = shift = 0
    while True:
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:  # noqa: PLR2004 - the highest bit says that there is more
            return value, at
