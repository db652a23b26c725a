"""Carries what was read from one process to another, in a form that cannot run anything.

An answer is a sequence of frames: eight bytes of length, one letter for its kind, then the
content. Texts and numbers are JSON, arrays are raw, geometries are WKB: whatever a reader that has
been taken over may send, the receiver only ever gets values of these kinds.
"""

from __future__ import annotations

import json
import struct
from dataclasses import fields
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

import numpy as np
import orjson
import shapely

from geo.crs import Datum
from sources.columns import Columns
from sources.notices import Notice
from sources.plain import plain
from sources.walkable import made_again

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

T = TypeVar("T")

Json = Any  # a JSON value; whoever takes it apart checks it

FACTS, EXACT_FACTS, ARRAY, GEOMETRIES, FAILURE = b"F", b"X", b"A", b"G", b"E"
"""Kinds of frames: JSON, JSON with numbers or texts that only Python's own keeps, an array,
geometries, why there is no answer."""

_LENGTH = struct.Struct("<Q")

PIECES = 4096
"""How many small pieces are written at once."""

_MADE: Mapping[str, Callable[[Json], object]] = {
    "datum": lambda told: None if told is None else Datum(told),
    "notices": lambda told: tuple(Notice(**notice) for notice in told),
    "walkable": made_again,
}
"""How values that JSON does not know are made again, by the name that carries them."""

_WRONG = (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError)
"""What taking apart a value of another shape raises."""

_NONE = type(None)

_CELLS: Mapping[str, frozenset[type]] = {
    "codes": frozenset({str, _NONE}),
    "names": frozenset({str, _NONE}),
    "parents": frozenset({str, _NONE}),
    "compound_codes": frozenset({str, _NONE}),
    "keys": frozenset({str}),
    "labels": frozenset({str}),
    "floor_areas": frozenset({float, int, _NONE}),
    "rooms": frozenset({list}),
    "opening_hours": frozenset({str, _NONE}),
    "since": frozenset({str, _NONE}),
    "until": frozenset({str, _NONE}),
    "compounds": frozenset({str, _NONE}),
    "kinds": frozenset({str, _NONE}),
    "reasons": frozenset({str}),
    "households": frozenset({int, _NONE}),
    "people": frozenset({int, _NONE}),
    "properties": frozenset({dict}),
    "groups": frozenset({dict}),
    "titles": frozenset({str}),
    "cells": frozenset({list}),
    "lines": frozenset({int}),
    "surplus": frozenset({int}),
}
"""What the lists of an answer hold, by name; others hold any JSON."""


class BrokenAnswerError(ValueError):
    """An answer is cut off, or no answer at all."""


def send(answer: object, sink: BinaryIO) -> None:
    """Write a dataclass of plain values, lists, arrays and geometries as frames."""
    facts: dict[str, Json] = {}
    arrays: list[tuple[str, NDArray[Any]]] = []
    for field in fields(answer):  # type: ignore[arg-type]  # says itself what it cannot take
        value = getattr(answer, field.name)
        if isinstance(value, np.ndarray):
            arrays.append((field.name, value))
        else:
            facts[field.name] = plain(value)
    _send_facts(facts, sink)
    for name, array in arrays:
        if array.dtype == object:
            send_frame(GEOMETRIES, [_title({"name": name}), *pack_geometries(array)], sink)
        else:
            title = _title({"name": name, "type": array.dtype.str, "shape": array.shape})
            send_frame(ARRAY, [title, np.ascontiguousarray(array).tobytes()], sink)
    sink.flush()


def receive(frames: Iterator[tuple[bytes, memoryview]], into: type[T]) -> T:
    """Make the dataclass again from its frames.

    Raises
    ------
    BrokenAnswerError
        If something is missing, or is not what it should be.
    """
    try:
        found: dict[str, object] = {}
        for kind, content in frames:
            found |= _received(kind, content)
        if "columns" in found:
            found["columns"] = Columns(**found["columns"])  # type: ignore[arg-type]  # checked there
        return into(**found)
    except (*_WRONG, struct.error, shapely.GEOSException) as error:
        raise BrokenAnswerError(f"{type(error).__name__}: {error}") from error


def _received(kind: bytes, content: memoryview) -> dict[str, object]:
    if kind == FACTS:
        return _made(orjson.loads(content))
    if kind == EXACT_FACTS:
        return _made(json.loads(bytes(content)))
    title, rest = _untitled(content)
    if kind == GEOMETRIES:
        return {title["name"]: unpack_geometries(rest)}
    if kind != ARRAY or title["type"] not in ("<i8", "<f8"):
        raise BrokenAnswerError(f"a frame of the unknown kind {kind!r}")
    array = np.frombuffer(rest, dtype=title["type"]).reshape(title["shape"])
    return {title["name"]: array.copy()}  # the frame's memory is let go


def send_frame(kind: bytes, content: Sequence[bytes], sink: BinaryIO) -> None:
    """Write one frame, whose content is given in pieces: joined, it would be there twice."""
    sink.write(_LENGTH.pack(sum(map(len, content))) + kind)
    for start in range(0, len(content), PIECES):
        sink.write(b"".join(content[start : start + PIECES]))


def read_frames(whole: bytes | bytearray) -> Iterator[tuple[bytes, memoryview]]:
    """Give the kind and the content of each frame.

    Raises
    ------
    BrokenAnswerError
        If the last one is cut off.
    """
    view, start = memoryview(whole), 0
    while start < len(view):
        head = view[start : start + _LENGTH.size + 1]
        if len(head) <= _LENGTH.size:
            raise BrokenAnswerError("the last frame is cut off")
        end = start + len(head) + _LENGTH.unpack(head[:-1])[0]
        if end > len(view):
            raise BrokenAnswerError("the last frame is cut off")
        yield bytes(head[-1:]), view[start + len(head) : end]
        start = end


def pack_geometries(geoms: NDArray[np.object_]) -> list[bytes]:
    """Return geometries in pieces: their number, the length of each in bytes, the WKB of each.

    One that is absent has the length -1.
    """
    wkb = shapely.to_wkb(geoms, include_srid=False)
    lengths = np.array([-1 if piece is None else len(piece) for piece in wkb], dtype="<i8")
    present = [piece for piece in wkb if piece is not None]
    return [_LENGTH.pack(len(lengths)), lengths.tobytes(), *present]


def unpack_geometries(packed: memoryview) -> NDArray[np.object_]:
    """Return the geometries again, shape (n,).

    Raises
    ------
    BrokenAnswerError
        If the lengths do not add up.
    """
    count = _LENGTH.unpack(packed[: _LENGTH.size])[0]
    body = _LENGTH.size + 8 * count
    if body > len(packed):
        raise BrokenAnswerError("geometries are cut off")
    lengths = np.frombuffer(packed[_LENGTH.size : body], dtype="<i8")
    ends = body + np.cumsum(np.maximum(lengths, 0))
    if len(ends) and (ends[-1] != len(packed) or (lengths < -1).any()):
        raise BrokenAnswerError("geometries are cut off")
    wkb = np.empty(count, dtype=object)
    wkb[:] = [
        None if length < 0 else bytes(packed[end - length : end])
        for end, length in zip(ends.tolist(), lengths.tolist(), strict=True)
    ]
    return np.asarray(shapely.from_wkb(wkb), dtype=object)


def made(facts: Mapping[str, Json]) -> dict[str, object]:
    """Return values as they were before ``plain``, by the names that carry them."""
    return {name: _MADE[name](told) if name in _MADE else told for name, told in facts.items()}


def _made(facts: dict[str, Json]) -> dict[str, object]:
    for name, kinds in _CELLS.items():
        cells = facts.get(name, [])
        if not isinstance(cells, list) or not kinds.issuperset(map(type, cells)):
            raise BrokenAnswerError(f"{name} hold what they cannot hold")
    return made(facts)


def _send_facts(facts: dict[str, Json], sink: BinaryIO) -> None:
    try:
        send_frame(FACTS, [orjson.dumps(facts)], sink)
    except TypeError:  # a number of more than 64 bits, half a character
        send_frame(EXACT_FACTS, [json.dumps(facts).encode()], sink)


def _title(title: dict[str, Json]) -> bytes:
    head = orjson.dumps(title)
    return _LENGTH.pack(len(head)) + head


def _untitled(content: memoryview) -> tuple[Json, memoryview]:
    end = _LENGTH.size + _LENGTH.unpack(content[: _LENGTH.size])[0]
    return orjson.loads(content[_LENGTH.size : end]), content[end:]
