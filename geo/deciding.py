"""Decides how a file is to be read by how well its outline fits the borders that stand."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from geo.fitting import Fit, Matrix

__all__ = ["CLOSE_M", "Decision", "decide"]

Vector = np.ndarray[tuple[int], np.dtype[np.float64]]

FLOOR_M = 0.5
"""Nearer than this all is alike: rounding, noise, and straight edges of another map."""

CLOSE, CLOSE_M = 0.12, 60.0
"""What is taken lies so near: a share of the distance between the readings (some 500 m between
WGS 84 and GCJ-02), and at most so many metres."""

OFF, OFF_M, ON = 0.15, 75.0, 0.06
"""Shares of that distance: so far at least, or so many metres, lies what is given up; so near lies
what is not doubted."""

CLEARLY, WORSE, MUCH_WORSE, BETTER = 2.5, 4.0, 8.0, 1.3
"""How many times as far other readings lie than the best one."""


class Decision(NamedTuple):
    """Which reading of a file is right."""

    chosen: int | None
    """Its number; None when somebody must choose."""
    rivals: list[int]
    """Numbers of those between which the choice is."""


def decide(fits: Sequence[Fit], apart_m: Matrix, usual: int | None) -> Decision:
    """Decide between readings of a file by how its outline fits.

    Parameters
    ----------
    fits
        Of each of h readings.
    apart_m
        How far the readings lie apart, shape (h, h).
    usual
        The reading that stands unless another one is clearly better; None if no reading is
        likelier than others.

    Returns
    -------
    Decision
        The reading; or several, between which somebody must choose.

    Notes
    -----
    Borders that were redrawn, a coarser drawing and a file that ends amid its parents are all far
    from a shift of some hundred metres: with the wrong reading, hardly anything fits; with the
    right one, most of the outline does. What fits no reading is not explained by any.
    """
    mean = np.maximum([fit.mean_m for fit in fits], FLOOR_M)
    best = int(mean.argmin())
    if usual is None:
        return _unlabelled(mean, apart_m, best)
    if _clear(mean, apart_m, usual, best):
        return Decision(best, [])
    quarter = np.maximum([fit.quarter_m for fit in fits], FLOOR_M)
    rivals = [i for i in range(len(fits)) if _doubtful(mean, quarter, apart_m[usual, i], usual, i)]
    if not rivals:
        return Decision(usual, [])
    return Decision(None, [i for i in range(len(fits)) if i == usual or i in rivals])


def _unlabelled(mean: Vector, apart_m: Matrix, best: int) -> Decision:
    """Decide between readings of which none is likelier than others."""
    others = [i for i in range(len(mean)) if i != best]
    nearest = min(apart_m[best, i] for i in others)
    beaten = all(mean[i] >= CLEARLY * mean[best] for i in others)
    if beaten and mean[best] <= min(CLOSE * nearest, CLOSE_M):
        return Decision(best, [])
    return Decision(None, [i for i in range(len(mean)) if mean[i] <= WORSE * mean[best]])


def _clear(mean: Vector, apart_m: Matrix, usual: int, best: int) -> bool:
    """Return whether another reading than the usual one fits, and no third one does."""
    shift = apart_m[usual, best]
    others = [i for i in range(len(mean)) if i not in (best, usual)]
    return bool(
        best != usual
        and mean[best] <= min(CLOSE * shift, CLOSE_M)
        and mean[usual] >= max(WORSE * mean[best], min(OFF * shift, OFF_M))
        and all(mean[i] >= CLEARLY * mean[best] for i in others)
    )


def _doubtful(mean: Vector, quarter: Vector, shift: float, usual: int, other: int) -> bool:
    """Return whether another reading fits so that the usual one cannot be taken without asking.

    Either all fits better and some of it well, or a part fits well of which nothing did.
    """
    if other == usual:
        return False
    settled = mean[usual] <= ON * shift and mean[usual] < MUCH_WORSE * mean[other]
    on_borders = quarter[other] <= min(ON * shift, quarter[usual] / 2)
    better = mean[usual] >= BETTER * mean[other] and on_borders
    partly = quarter[other] <= ON / 2 * shift and quarter[usual] >= min(OFF * shift, OFF_M)
    return bool((better or partly) and not settled)
