"""Polygons as bytes, joined in pieces for kernels that read them without building geometries."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import shapely

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Work = Callable[[int, NDArray[np.uint8], NDArray[np.int64]], int]

CHUNK = 2**24
"""Bytes that are joined at once: the bytes of a large level need not stand in memory twice."""

THREADS = 2
"""How many chunks are worked on at once; kernels let other threads run."""


def to_wkb(geoms: NDArray[np.object_]) -> list[bytes | None]:
    """Return geometries as kernels read them: little-endian and two-dimensional."""
    return list(shapely.to_wkb(geoms, output_dimension=2, byte_order=1))


def joined(wkbs: Sequence[bytes | None], work: Work) -> None:
    """Let a kernel work on polygons, chunk by chunk.

    Parameters
    ----------
    wkbs
        Little-endian WKB or EWKB of two-dimensional Polygons and MultiPolygons, length n.
    work
        Takes the index of a chunk's first polygon, its bytes, and where each polygon begins and
        the last one ends; returns which one of the chunk is no such polygon, or -1. Chunks come to
        it side by side.

    Raises
    ------
    ValueError
        If an element is missing, or is no such polygon.
    """
    missing = [i for i, wkb in enumerate(wkbs) if wkb is None]
    if missing:
        raise ValueError(f"geometries {missing[:10]} are missing: they have no boundary")
    size = np.fromiter(map(len, wkbs), np.int64, len(wkbs))  # type: ignore[arg-type]  # none missing
    start = np.concatenate([np.zeros(1, np.int64), np.cumsum(size)])
    chunk = start[:-1] // CHUNK  # a chunk ends with the geometry that crosses its end
    cuts = [0, *(np.flatnonzero(np.diff(chunk)) + 1).tolist(), len(wkbs)]

    def work_on(first: int, last: int) -> None:
        pieces = wkbs[first:last]
        together = np.frombuffer(b"".join(pieces), np.uint8)  # type: ignore[arg-type]  # as above
        bad = work(first, together, start[first : last + 1] - start[first])
        if bad >= 0:
            raise ValueError(f"geometry {first + bad} is no little-endian two-dimensional polygon")

    if len(cuts) == 2:  # noqa: PLR2004 - one chunk
        work_on(*cuts)
        return
    with ThreadPoolExecutor(THREADS) as pool:
        for _ in pool.map(work_on, cuts[:-1], cuts[1:]):
            pass  # errors come up here
