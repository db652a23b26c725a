"""Writes a boundary file again with other polygons: its rows, columns and CRS stay as they are."""

from __future__ import annotations

import csv
import secrets
from typing import TYPE_CHECKING

from geo.errors import BadInputError
from sources.formats import staged
from sources.layers import read_layer
from sources.writing import write_features

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from sources.boundaries import BoundaryFile

__all__ = ["refuse_inputs", "write_copy", "write_table"]


def refuse_inputs(targets: Sequence[Path], inputs: Sequence[Path]) -> None:
    """Refuse to write over a file that is read, or two results to one place.

    Raises
    ------
    BadInputError
        If two of the paths are one file.
    """
    for place, target in enumerate(targets):
        for other in inputs:
            if _is_same(target, other):
                raise BadInputError(
                    f"{target} is read: what it holds must not be lost; write to another file",
                    argument="output",
                )
        if any(_is_same(target, other) for other in targets[:place]):
            raise BadInputError(f"{target} is named for two results", argument="output")


def _is_same(one: Path, other: Path) -> bool:
    if one.exists() and other.exists() and one.samefile(other):
        return True
    return one.resolve() == other.resolve()


def write_copy(
    out: Path,
    original: Path,
    read: BoundaryFile,
    geoms: NDArray[np.object_],
    *,
    layer: str | None = None,
    encoding: str | None = None,
) -> None:
    """Write a boundary file again, with other polygons.

    Parameters
    ----------
    out
        Its suffix names the format.
    original
        The file that was read.
    read
        What was read of it.
    geoms
        Polygons in the file's own coordinates, shape (n,), None where a row has none.
    layer, encoding
        What the caller said about the file.

    Raises
    ------
    BadInputError
        If the format cannot hold this, or the file cannot be written; nothing is written then.
    """
    with staged(original, layer=layer, encoding=encoding) as laid:
        raw = read_layer(laid, original.name, layer=layer, encoding=encoding)
    names = _distinct(raw.names)
    columns = dict(zip(names, raw.cells, strict=True))
    write_features(out, read.layer or out.stem, geoms, columns, crs=read.crs)


def write_table(path: Path, columns: Mapping[str, Sequence[object]]) -> None:
    """Write columns of equal length as CSV that spreadsheets open as UTF-8, whole or not at all.

    Raises
    ------
    BadInputError
        If the file cannot be written.
    """
    beside = path.with_name(f".{secrets.token_hex(8)}.part")
    try:
        with beside.open("w", encoding="utf-8-sig", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(columns)
            writer.writerows(zip(*columns.values(), strict=True))
        beside.replace(path)
    except OSError as error:
        raise BadInputError(
            f"{path} cannot be written: {error.strerror or error}; choose another place",
            argument="output",
        ) from error
    finally:
        beside.unlink(missing_ok=True)


def _distinct(names: Sequence[str]) -> list[str]:
    """Return names with a number added to those that were there before."""
    seen: dict[str, None] = {}  # in order
    for name in names:
        fresh, number = name, 1
        while fresh in seen:
            number += 1
            fresh = f"{name}_{number}"
        seen[fresh] = None
    return list(seen)
