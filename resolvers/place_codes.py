"""In which unit a point is, as one word; or why in none."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, NamedTuple


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


class Codes(NamedTuple):
    """The answers for a batch, as some of those that there are for all."""

    answers: list[PlaceCodeRow]
    """One for each unit of a level; the last is ``OUTSIDE``."""
    which: list[int]
    """Of each point; -1 is the last one."""
    shown: dict[Any, list[Any]]
    """What was made of all answers to show them, to be kept as long as they are."""


OUTSIDE = PlaceCodeRow(None, on_border=False, reason=NoUnit.OUTSIDE)
"""Of a point in no unit."""
