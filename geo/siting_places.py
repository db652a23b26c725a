"""Which of very many places are looked at: about one in each square of a lattice."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Thinned(NamedTuple):
    """Some of k places."""

    chosen: NDArray[np.intp]
    """Their numbers, ascending."""
    cell_m: float
    """Side of the squares, each of which has at most one of them."""


def thin(xy: NDArray[np.float64], *, most: int, cell_m: float) -> Thinned:
    """Choose places so that they are spread out: in each square of a lattice the most central one.

    Parameters
    ----------
    xy
        Places, metres, shape (k, 2).
    most
        How many there may be, 1 or more.
    cell_m
        Side of the squares; they grow until so few places are left.

    Raises
    ------
    ValueError
        If no place may be left, or squares have no side.
    """
    if most < 1 or not cell_m > 0:
        raise ValueError(f"at most {most} places, in squares of {cell_m} m: both must be above 0")
    chosen = _central(xy, cell_m)
    while len(chosen) > most:
        cell_m *= math.sqrt(2)  # half as many squares
        chosen = _central(xy, cell_m)
    return Thinned(chosen, cell_m)


def _central(xy: NDArray[np.float64], cell_m: float) -> NDArray[np.intp]:
    """Return the place of each square that is nearest to its middle; of equals the first."""
    cell = np.floor(xy / cell_m)
    off_m = np.hypot(*(xy - (cell + 0.5) * cell_m).T)
    order = np.lexsort((off_m, cell[:, 1], cell[:, 0]))
    sorted_cell = cell[order]
    first = np.ones(len(order), bool)
    first[1:] = (sorted_cell[1:] != sorted_cell[:-1]).any(axis=1)
    return np.sort(order[first])
