"""The ground that a file should lie on: what stands already, to judge its coordinates by."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry


class Ground(NamedTuple):
    """Land that is known to be right, in degrees of WGS 84."""

    outline: BaseGeometry
    """All of it."""
    parents: NDArray[np.object_]
    """The units that the file's units should lie in, shape (n,); may be empty."""
