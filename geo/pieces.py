"""Which things hang together, by the pairs of them that are joined."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["pieces_of"]


def pieces_of(
    count: int, a: NDArray[np.integer], b: NDArray[np.integer]
) -> tuple[int, NDArray[np.intp]]:
    """Return how many pieces there are, and the piece of each thing, shape (count,).

    Parameters
    ----------
    count
        Things, numbered from 0.
    a, b
        The pairs that are joined, shape (k,).

    Notes
    -----
    SciPy is loaded here, and not with this module: few programs of the many that could ask do.
    """
    from scipy.sparse import coo_array  # noqa: PLC0415
    from scipy.sparse.csgraph import connected_components  # noqa: PLC0415

    graph = coo_array((np.ones(len(a)), (a, b)), (count, count))
    pieces, piece = connected_components(graph, directed=False)
    return int(pieces), piece.astype(np.intp)
