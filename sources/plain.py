"""Values as JSON holds them; it loads nothing, so that a reader can be asked at once."""

from __future__ import annotations

from dataclasses import asdict, is_dataclass
from enum import Enum
from typing import Any

Json = Any  # a JSON value


def plain(value: object) -> Json:
    """Return a value as JSON holds it: an enum by its value, a dataclass by its fields."""
    if isinstance(value, Enum):
        return value.value
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    return value
