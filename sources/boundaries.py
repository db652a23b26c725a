"""Reads a boundary file as a data team sends it, and says every guess that it made."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from geo.crs import crs_label
from sources.attributes import read_attributes
from sources.cells import JsonValue
from sources.columns import Columns, Table, parse_columns
from sources.coordinates import settle_coordinates
from sources.formats import staged
from sources.geometries import plain_geometries
from sources.harmless import check_labels, check_size, harmless_table, harmless_text
from sources.layers import read_layer
from sources.notices import Notice
from sources.opening import sha256_of

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from geo.crs import Datum
    from geo.ground import Ground

__all__ = ["BoundaryFile", "Columns", "JsonValue", "Notice", "parse_columns", "read_boundaries"]


@dataclass(frozen=True)
class BoundaryFile:
    """A boundary file, read.

    Attributes
    ----------
    file, sha256
        The file's own name, and its fingerprint.
    format
        GDAL's short name of the driver, e.g. ``GPKG``; ``Parquet`` for GeoParquet.
    encoding
        Of its texts, as found.
    crs
        ``EPSG:4523`` where there is such a code, else WKT.
    datum
        What its degrees refer to.
    columns
        Which columns were taken for what, as they are spelt in the file.
    rows
        1-based row in the file, shape (n,).
    codes, names, parents
        Text, None where blank; n each. A parent is its code, or its name where a column says that.
    properties
        The other columns of each row, as JSON holds them.
    geoms
        shapely geometries in the file's CRS, shape (n,): two-dimensional, None where absent, of
        any type as sent.
    households, people
        As counted by the file, n each, None in a row that says nothing; empty without the column.
    """

    file: str
    sha256: str
    format: str
    layer: str | None
    encoding: str
    crs: str
    datum: Datum
    columns: Columns
    rows: NDArray[np.intp]
    codes: list[str | None]
    names: list[str | None]
    parents: list[str | None]
    properties: list[dict[str, JsonValue]]
    geoms: NDArray[np.object_]
    notices: tuple[Notice, ...]
    households: list[int | None]
    people: list[int | None]


def read_boundaries(
    path: Path,
    *,
    layer: str | None = None,
    encoding: str | None = None,
    crs: str | None = None,
    datum: Datum | None = None,
    columns: Columns = Columns(),  # noqa: B008 - frozen
    need_code: bool = True,
    ground: Ground | Callable[[], Ground | None] | None = None,
) -> BoundaryFile:
    """Read a boundary file of any known format.

    Parameters
    ----------
    path
        The file, or a zip archive that holds it.
    layer, encoding, crs, datum, columns
        What the caller knows better than the file; each overrides what is found.
    need_code
        Whether a file without a column of codes is refused; an outline needs none.
    ground
        Where the file should lie, if that is known: evidence on its coordinates. A function is
        called when that is needed.

    Raises
    ------
    UnreadableError
        If it cannot be read as a boundary file; the message says why and what to do.
    BadInputError
        If an argument does not fit the file, or one is needed.

    Notes
    -----
    What is wrong with single units (no geometry, a line among polygons, a code twice) is the
    check's business and comes back as it is; only what makes the whole file doubtful is refused.
    """
    file = path.name
    with staged(path, layer=layer, encoding=encoding) as laid:
        raw = read_layer(laid, file, layer=layer, encoding=encoding)
    check_size(raw.geoms, raw.rows, file)
    geoms, geometry_notices = plain_geometries(raw, file)
    ground = ground() if callable(ground) else ground
    settled = settle_coordinates(raw, geoms, file, crs=crs, datum=datum, ground=ground)
    clean = harmless_table(raw.names, raw.cells, raw.rows)
    table = Table(clean.names, clean.cells, raw.max_name_bytes)
    said = read_attributes(table, columns, raw.rows, file=file, need_code=need_code)
    for meaning, labels in (("code", said.codes), ("name", said.names), ("parent", said.parents)):
        check_labels(labels, meaning, raw.rows, file)
    return BoundaryFile(
        file=file,
        sha256=sha256_of(path),
        format=laid.format,
        layer=raw.layer and harmless_text(raw.layer),
        encoding=raw.encoding,
        crs=crs_label(settled.crs),
        datum=settled.datum,
        columns=said.columns,
        rows=raw.rows,
        codes=said.codes,
        names=said.names,
        parents=said.parents,
        properties=said.properties,
        geoms=settled.geoms,
        notices=raw.notices + geometry_notices + settled.notices + clean.notices + said.notices,
        households=said.households,
        people=said.people,
    )
