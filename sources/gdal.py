"""GDAL: loaded when a file is first read or written, and kept quiet.

It speaks through Python's warnings, whose filters belong to the process.
"""

from __future__ import annotations

import threading
import warnings
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

ARC_STEP_DEG = 0.5
"""In which steps arcs are drawn straight: none is further off than 1 - cos of half a step, which is
a hundred-thousandth of its radius."""

_turn = threading.Lock()


@cache
def pyogrio() -> Any:  # noqa: ANN401 - it ships no types
    """Return the module that calls GDAL.

    With all the libraries that come with it, it is as large as the rest of the program: a service
    whose files are read in processes of their own does without.
    """
    import pyogrio as loaded  # noqa: PLC0415

    loaded.set_gdal_config_options({"OGR_ARC_STEPSIZE": str(ARC_STEP_DEG)})
    return loaded


@contextmanager
def quiet() -> Iterator[None]:
    """Let one thread at a time call GDAL, without a word of its own on any stream."""
    with _turn, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
