"""Keeps GDAL quiet: it speaks through Python's warnings, whose filters belong to the process."""

from __future__ import annotations

import threading
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_turn = threading.Lock()


@contextmanager
def quiet() -> Iterator[None]:
    """Let one thread at a time call GDAL, without a word of its own on any stream."""
    with _turn, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
