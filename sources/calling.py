"""Calls GDAL on a file that was laid out, and turns its complaints into one sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from geo.errors import UnreadableError
from sources.gdal import quiet

if TYPE_CHECKING:
    from collections.abc import Callable

    from sources.formats import Staged

REASON_CHARS = 200
"""How much of GDAL's own words is quoted: it repeats what it read, however long."""


def gdal_call(
    laid: Staged,
    file: str,
    function: Callable[..., Any],  # pyogrio ships no types
    **arguments: object,
) -> Any:  # noqa: ANN401 - the same
    """Call GDAL quietly; its complaints become one sentence."""
    try:
        with quiet():
            return function(laid.connection, **arguments)
    # UnboundLocalError: pyogrio's own slip on a broken coordinate system.
    except (RuntimeError, ValueError, UnboundLocalError) as error:
        said = str(error).partition("; It might help")[0].splitlines()
        reason = (said[0] if said else type(error).__name__).replace(laid.connection, file)
        reason = reason.replace(str(laid.path), file).rstrip(". ")
        reason = reason if len(reason) <= REASON_CHARS else reason[:REASON_CHARS] + "…"
        raise UnreadableError(
            f"{file} cannot be read as {laid.format}: {reason}; export it again"
        ) from error
