"""What a reader concluded about a file and says, so that nobody is surprised."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

LISTED = 5
"""How many rows a message names."""


@dataclass(frozen=True)
class Notice:
    """One guess or change, with its evidence.

    Attributes
    ----------
    code
        Stable name for programs, e.g. ``NO_CRS``.
    message
        One sentence: what was concluded, and from what.
    feature_count
        How many features it concerns.
    """

    code: str
    message: str
    feature_count: int


def name_rows(rows: Iterable[int]) -> str:
    """Name the first rows, and say how many more there are."""
    listed = [int(row) for row in rows]
    first = ", ".join(map(str, listed[:LISTED]))
    more = f" and {len(listed) - LISTED} more" if len(listed) > LISTED else ""
    return f"row{'s' if len(listed) > 1 else ''} {first}{more}"
