"""A file whose coordinates are in question: what is claimed of them, and what was concluded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray
    from pyproj.crs import CRS

    from geo.crs import Datum
    from geo.ground import Ground
    from geo.placing import Numbers, Reading

__all__ = ["Case", "Claims", "Found", "Trial"]


class Claims(NamedTuple):
    """What is said of a file's coordinates."""

    label: str | None
    """The system that the file names."""
    crs: str | None
    """The system that the caller names."""
    datum: Datum | None
    """The datum that the caller names."""


@dataclass(frozen=True, slots=True)
class Case:
    """A file whose coordinates are in question.

    Attributes
    ----------
    file
        What to call it.
    geoms
        Its geometries, shape (n,).
    numbers
        Their coordinates, as they are.
    claims
        What the caller and the file say.
    known
        The system that the caller names, else the file; None where there is no such system.
    ground
        Where the file should lie, if that is known.
    """

    file: str
    geoms: NDArray[np.object_]
    numbers: Numbers
    claims: Claims
    known: CRS | None
    ground: Ground | None


class Trial(NamedTuple):
    """A way to read a file, and how its outline fits then."""

    reading: Reading
    datum: Datum
    mean_m: float | None = None
    """Mean distance of its outline from the borders that stand; None if it was not measured."""


class Found(NamedTuple):
    """How a file is to be read, and by what evidence."""

    reading: Reading
    datum: Datum
    on_ground: bool
    """Whether it lies on the ground so."""
    compared: Sequence[Trial] = ()
    """Readings whose fit decided, the chosen one last."""
    unproven: Sequence[Trial] = ()
    """Readings of which none fits, so that the usual one is kept."""
