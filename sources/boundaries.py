"""Reads a boundary file as a data team sends it, and says every guess that it made."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from geo.crs import Datum, crs_label
from sources.attributes import read_codes, read_counts, read_properties, read_texts
from sources.cells import JsonValue
from sources.columns import Columns, Table, find_columns, parse_columns
from sources.coordinates import settle_crs
from sources.formats import staged
from sources.geometries import plain_geometries
from sources.layers import read_layer
from sources.notices import Notice
from sources.opening import sha256_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

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
        Text, None where blank; n each.
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
    ground: Ground | None = None,
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
        Where the file should lie, if that is known: evidence on its coordinates.

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
    geoms, geometry_notices = plain_geometries(raw, file)
    system, crs_notices = settle_crs(raw, geoms, file, crs, datum or Datum.WGS84)
    table = Table(raw.names, raw.cells, raw.max_name_bytes)
    found = find_columns(table, columns, file=file, need_code=need_code)
    counts, count_notices = read_counts(table, found, columns, file)
    count = len(raw.rows)
    properties, property_notices = read_properties(table, found, count)
    return BoundaryFile(
        file=file,
        sha256=sha256_of(path),
        format=laid.format,
        layer=raw.layer,
        encoding=raw.encoding,
        crs=crs_label(system),
        datum=datum or Datum.WGS84,
        columns=found,
        rows=raw.rows,
        codes=read_codes(table, found.code, raw.rows, file),
        names=read_texts(table, found.name, count),
        parents=read_texts(table, found.parent, count),
        properties=properties,
        geoms=geoms,
        notices=raw.notices + geometry_notices + crs_notices + count_notices + property_notices,
        households=counts["households"],
        people=counts["people"],
    )
