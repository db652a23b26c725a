"""Turns whatever a format holds in a cell into plain values that JSON can hold."""

from __future__ import annotations

import datetime as dt
import json
import math
from decimal import Decimal
from typing import TypeAlias

import numpy as np

JsonValue: TypeAlias = "bool | int | float | str | list[JsonValue] | dict[str, JsonValue] | None"

MAX_DEPTH = 64
"""Levels of lists and objects in one cell; JSON's readers and writers give up at some hundred."""

DROPPED = object()
"""Stands for a value that no JSON holds: a picture, a fingerprint."""


def json_safe(value: object) -> JsonValue | object:
    """Return a value as JSON can hold it, or ``DROPPED``.

    Dates and times become ISO 8601 text; NaN and infinity become null.
    """
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, bytes | bytearray | memoryview):
        return DROPPED
    if isinstance(value, np.generic | np.ndarray):
        return json_safe(value.tolist())
    return _of_decimal(value) if isinstance(value, Decimal) else _of_others(value)


def from_json_text(text: object) -> object:
    """Return what a cell of JSON text means; a bare word is just that word, as is deep nesting."""
    if not isinstance(text, str) or not text.lstrip().startswith(("{", "[")):
        return text
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    may_be_deep = text.count("[") + text.count("{") > MAX_DEPTH
    return text if may_be_deep and _is_deep(value) else value


def _is_deep(value: list[object] | dict[str, object]) -> bool:
    """Return whether lists and objects stand in one another beyond ``MAX_DEPTH``."""
    level = [value]
    for _ in range(MAX_DEPTH):
        inner = [items.values() if isinstance(items, dict) else items for items in level]
        level = [item for items in inner for item in items if isinstance(item, list | dict)]
    return bool(level)


def _of_decimal(value: Decimal) -> JsonValue:
    if not value.is_finite():
        return None
    return int(value) if value == value.to_integral_value() else float(value)


def _of_others(value: object) -> JsonValue | object:
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, dict):
        safe = {str(key): json_safe(item) for key, item in value.items()}
        return {key: item for key, item in safe.items() if item is not DROPPED}
    if isinstance(value, list | tuple | set | frozenset):
        return [item for item in map(json_safe, value) if item is not DROPPED]
    return str(value)
