"""What a vector tile tells of units: their attributes, and how much of the tile they take."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import shapely

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shapely.geometry.base import BaseGeometry

SIDE = 4096
"""Steps of a tile's side."""

SPECK = 400
"""Land of fewer square steps, 2.5 pixels to a side, is there or not by how it was rounded."""

_LAYER, _FEATURE, _KEY, _VALUE = 3, 2, 3, 4
_NUMBER, _TAGS, _GEOMETRY = 1, 2, 4
_STRING, _SIGNED = 1, 6
"""Numbers of fields in the vector tile specification 2.1: of a layer, a feature, a value."""

_MOVE, _LINE = 1, 2
"""Commands of a geometry that are followed by places."""

_VARINT, _LONG, _BYTES, _SHORT = 0, 1, 2, 5
"""Kinds of fields in protocol buffers."""


class Feature(NamedTuple):
    """One unit in a tile."""

    number: int | None
    attributes: dict[str, str | int | None]
    """None: neither a text nor a whole number."""
    land: BaseGeometry
    """In steps of the tile from its upper left corner."""

    def area(self) -> float:
        """Return how much of the tile it takes without its margin, in square steps."""
        inside = shapely.intersection(shapely.make_valid(self.land), shapely.box(0, 0, SIDE, SIDE))
        return float(shapely.area(inside))


def read_tile(tile: bytes) -> list[Feature]:
    """Return the features of a tile, layer by layer."""
    return [
        feature
        for number, layer in _fields(tile)
        if number == _LAYER and isinstance(layer, bytes)
        for feature in _layer(layer)
    ]


def _layer(layer: bytes) -> Iterator[Feature]:
    keys: list[str] = []
    values: list[str | int | None] = []
    features: list[bytes] = []
    for number, held in _fields(layer):
        if not isinstance(held, bytes):
            continue
        if number == _KEY:
            keys.append(held.decode())
        elif number == _VALUE:
            values.append(_value(held))
        elif number == _FEATURE:
            features.append(held)
    for one in features:
        found = dict(_fields(one))
        tags, commands = (list(_numbers(found.get(n, b""))) for n in (_TAGS, _GEOMETRY))
        pairs = zip(tags[::2], tags[1::2], strict=True)
        name = found.get(_NUMBER)
        yield Feature(
            name if isinstance(name, int) else None,
            {keys[key]: values[value] for key, value in pairs},
            _polygons(_rings(commands)),
        )


def _value(held: bytes) -> str | int | None:
    for number, value in _fields(held):
        if number == _STRING and isinstance(value, bytes):
            return value.decode()
        if isinstance(value, int):
            return _unfolded(value) if number == _SIGNED else value
    return None


def _rings(commands: list[int]) -> Iterator[list[tuple[int, int]]]:
    """Yield the rings of polygons, which are closed by a command of their own."""
    x = y = at = 0
    ring: list[tuple[int, int]] = []
    while at < len(commands):
        what, count = commands[at] & 7, commands[at] >> 3
        at += 1
        if what not in {_MOVE, _LINE}:
            yield ring
            ring = []
            continue
        for _ in range(count):
            x, y = x + _unfolded(commands[at]), y + _unfolded(commands[at + 1])
            ring.append((x, y))
            at += 2


def _polygons(rings: Iterator[list[tuple[int, int]]]) -> BaseGeometry:
    """Return polygons of rings: one that turns the other way is a hole in the one before."""
    shells: list[tuple[list[tuple[int, int]], list[list[tuple[int, int]]]]] = []
    for ring in rings:
        if len(set(ring)) < 3:  # noqa: PLR2004 - a triangle
            continue
        if shapely.is_ccw(shapely.linearrings([*ring, ring[0]])) or not shells:
            shells.append((ring, []))  # with y downwards, what looks clockwise turns left
        else:
            shells[-1][1].append(ring)
    return shapely.MultiPolygon([shapely.Polygon(shell, holes) for shell, holes in shells])


def _unfolded(number: int) -> int:
    """Return a number of either sign, which is sent as twice as large and positive."""
    return (number >> 1) ^ -(number & 1)


def _fields(message: bytes) -> Iterator[tuple[int, bytes | int]]:
    """Yield the fields of a message that are bytes or whole numbers."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        kind = tag & 7
        if kind == _BYTES:
            length, at = _varint(message, at)
            yield tag >> 3, message[at : at + length]
            at += length
        elif kind == _VARINT:
            number, at = _varint(message, at)
            yield tag >> 3, number
        elif kind in {_LONG, _SHORT}:
            at += 8 if kind == _LONG else 4
        else:
            raise ValueError(f"this is no vector tile: a field of kind {kind}")


def _numbers(packed: bytes | int) -> Iterator[int]:
    at = 0
    while isinstance(packed, bytes) and at < len(packed):
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
