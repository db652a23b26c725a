"""What a reader concluded about a file and says, so that nobody is surprised."""

from __future__ import annotations

from dataclasses import dataclass


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
