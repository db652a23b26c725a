"""What is kept in memory: how much it takes, and a name for what it was made from."""

from __future__ import annotations

import gc
import hashlib
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def bytes_of(held: Any) -> int:  # noqa: ANN401 - arrays in dataclasses and named tuples
    """Return about how much memory a dataclass or named tuple of arrays, or of such, takes."""
    if isinstance(held, np.ndarray):
        return held.nbytes
    if hasattr(held, "__dataclass_fields__"):
        return 100 + sum(bytes_of(getattr(held, one.name)) for one in fields(held))
    if hasattr(held, "_fields"):
        return 100 + sum(map(bytes_of, held))
    return 100


def digest(*parts: str | NDArray[Any]) -> str:
    """Return a name for contents: the same for the same, and for no others."""
    hashed = hashlib.blake2b(digest_size=16)
    for part in parts:
        raw = part.encode() if isinstance(part, str) else np.ascontiguousarray(part).tobytes()
        hashed.update(len(raw).to_bytes(8, "big") + raw)
    return hashed.hexdigest()


def set_aside() -> None:
    """Keep the garbage collector away from what was read to stay, where the process does so.

    Notes
    -----
    A full collection looks at every object: of an edition of 6,000 grids there are 100,000, which
    takes 0.15 s. What was left out before is looked at now, so that no circle stays for good.
    """
    if gc.get_freeze_count():
        gc.unfreeze()
        gc.collect()
        gc.freeze()
