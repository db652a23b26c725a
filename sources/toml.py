"""Reads TOML files that people write by hand."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

from geo.errors import UnreadableError
from sources.opening import read_bytes

if TYPE_CHECKING:
    from pathlib import Path

MAX_BYTES = 1_000_000
"""No honest file of this kind is longer."""


def read_toml(path: Path) -> dict[str, Any]:  # whatever the file holds
    """Read a TOML file.

    Raises
    ------
    UnreadableError
        If it cannot be read, is no UTF-8 text or no TOML; the message names the line.
    """
    data = read_bytes(path, max_bytes=MAX_BYTES)
    try:
        return tomllib.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise UnreadableError(
            f"{path.name} is not UTF-8 text (line {line}); save it as UTF-8"
        ) from error
    except tomllib.TOMLDecodeError as error:
        raise UnreadableError(f"{path.name} is no valid TOML: {error}; mend that line") from error
