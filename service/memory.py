"""Memory that is free, handed back to the system: the C library keeps it for itself otherwise."""

from __future__ import annotations

import asyncio
import ctypes
import sys
from typing import Any

EACH_S = 20.0
"""How often memory is handed back; that takes some milliseconds, beside the event loop."""

LARGE_BYTES = 1 << 20
"""Pieces of memory of this size are large."""

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # of malloc.h


async def keep_trimmed() -> None:
    """Hand free memory back now and then, until cancelled.

    Notes
    -----
    What is read of an edition, drawn or answered is made of many small pieces, and goes again. The
    holes that it leaves between pieces that stay are not seen by the system: after 20,000 mixed
    requests about a city of 6,000 grids they were 70 of 300 MiB.
    """
    keep_large_apart()
    while True:
        await asyncio.sleep(EACH_S)
        await asyncio.to_thread(trim)


def keep_large_apart() -> None:
    """Let large pieces of memory go back to the system as soon as they are free.

    Notes
    -----
    The C library takes large pieces from the system one by one, but once one of them is free it
    counts all up to its size as small, which leave holes. Of what it takes to place points in a
    city of 6,000 grids 70 MiB of such holes stayed.
    """
    options = _of_c("mallopt")
    if options is not None:
        options(_M_MMAP_THRESHOLD, LARGE_BYTES)
        options(_M_TRIM_THRESHOLD, 2 * LARGE_BYTES)  # as it would keep them itself: see mallopt(3)


def trim() -> None:
    """Hand free memory back, where the C library can (glibc)."""
    hand_back = _of_c("malloc_trim")
    if hand_back is not None:
        hand_back(0)


def _of_c(name: str) -> Any:  # noqa: ANN401 - a function of C
    """Return a function of the C library; None where it has none of that name, as musl's."""
    if sys.platform != "linux":
        return None
    return getattr(ctypes.CDLL(None), name, None)
