"""Crossings of segments, counted before they are made: hostile files have them without end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

FEW = 50_000
"""So many crossings are made in any file."""

PER_SEGMENT = 4
"""And so many more for each segment: a whole level that lies 100 m off has two or three."""

FIRST_SLICE = 16
"""Segments that are asked for at once, to begin with."""

SAMPLE = 512
"""Segments that are tried, to see whether there is any use in looking at all."""

LARGEST_SLICE = 2**20
"""Segments that are asked for at once where hardly any cross."""

FULL_SLICE = 200_000
"""Answers after which a slice is made smaller."""


def most_crossings(segments: int) -> int:
    """Return how many crossings of that many segments are told apart."""
    return FEW + PER_SEGMENT * segments


def entangled(ends: NDArray[np.float64]) -> bool:
    """Tell from a sample whether segments cross in far too many places to be told apart.

    Parameters
    ----------
    ends
        Both ends of each segment, shape (n, 2, 2).
    """
    if len(ends) ** 2 <= most_crossings(len(ends)):
        return False
    lines = np.asarray(shapely.linestrings(ends))
    tree = shapely.STRtree(lines)
    tried = lines[:: max(1, len(lines) // SAMPLE)]
    # Each crossing is met from both of its segments.
    most = 2 * most_crossings(len(lines)) * len(tried) / len(lines)
    hits = 0
    for part in _slices(tree, tried):
        hits += part.shape[1]
        if hits > most:
            return True
    return False


def crossing_pairs(
    lines: NDArray[np.object_], others: NDArray[np.object_], *, most: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]] | None:
    """Return which lines cross which others, None if more than ``most`` pairs do.

    Parameters
    ----------
    lines, others
        Segments, shapes (n,) and (m,).
    most
        Where to stop.

    Notes
    -----
    One index query for a slice of the lines, so that neither time nor memory grows with the
    crossings beyond ``most``.
    """
    tree = shapely.STRtree(others)
    found = [np.zeros((2, 0), np.intp)]
    count = 0
    for part in _slices(tree, lines):
        found.append(part)
        count += part.shape[1]
        if count > most:
            return None
    i, j = np.concatenate(found, axis=1)
    return i, j


def _slices(tree: shapely.STRtree, lines: NDArray[np.object_]) -> Iterator[NDArray[np.intp]]:
    """Answer slice by slice; a slice is halved where much crosses and doubled where little does."""
    first, size = 0, FIRST_SLICE
    while first < len(lines):
        part = np.asarray(tree.query(lines[first : first + size], predicate="crosses"), np.intp)
        part[0] += first
        yield part
        first += size
        size = max(1, size // 2) if part.shape[1] > FULL_SLICE else min(2 * size, LARGEST_SLICE)


def touched(boxes: NDArray[np.object_], others: NDArray[np.object_]) -> NDArray[np.bool_]:
    """Return which of the others some box meets, shape (m,), without listing all pairs."""
    out = np.zeros(len(others), bool)
    if not len(others):
        return out
    tree = shapely.STRtree(boxes)
    first, size = 0, FIRST_SLICE
    while first < len(others):
        met = tree.query(others[first : first + size])[0]
        out[first + met] = True
        first += size
        size = max(1, size // 2) if len(met) > FULL_SLICE else min(2 * size, LARGEST_SLICE)
    return out
