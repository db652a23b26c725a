"""In which unit a point is, as one word; or why in none."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class NoUnit(StrEnum):
    """Why a point is in no unit."""

    OUTSIDE = "OUTSIDE"
    WAIVED_BLANK = "WAIVED_BLANK"
    NO_EDITION = "NO_EDITION"
    BAD_POINT = "BAD_POINT"


class PlaceCodeRow(NamedTuple):
    """The answer for one point of a batch."""

    code: str | None
    on_border: bool
    reason: NoUnit | None


OUTSIDE = PlaceCodeRow(None, on_border=False, reason=NoUnit.OUTSIDE)
"""Of a point in no unit."""
