"""Places of numbers in tables, by hash where there are far more numbers than are in use."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from geo.compiling import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray

_GOLDEN = np.uint64(2654435769)
"""2^32 / phi: Knuth's multiplier scatters consecutive numbers (TAOCP 3, 6.4)."""

_WORD = np.uint64(0xFFFFFFFF)

_LEAST_BITS = 2


@njit(nogil=True, cache=True)
def hash_table(count: int) -> tuple[NDArray[np.int32], int]:
    """Return an empty table for so many numbers, half of it to spare, and its shift."""
    bits = _LEAST_BITS
    while 1 << bits < 2 * count:
        bits += 1
    return np.full(1 << bits, -1, np.int32), 32 - bits


@njit(nogil=True, cache=True)
def find(
    table: NDArray[np.int32],
    numbers: NDArray[np.int32] | NDArray[np.int64],
    number: int,
    shift: int,
) -> int:
    """Return where in a table the place of a number is, or belongs.

    Parameters
    ----------
    table
        Places, -1 where none is taken.
    numbers
        The number at each place.
    number
        The one to look for.
    shift
        0 if the table has an entry for every number; else the table is a hash table with linear
        probing and has ``2 ** (32 - shift)`` entries.
    """
    if shift == 0:
        return number
    at = int(np.int64(((np.uint64(number) * _GOLDEN) & _WORD) >> np.uint64(shift)))
    while table[at] >= 0 and numbers[table[at]] != number:
        at = (at + 1) & (len(table) - 1)
    return at
