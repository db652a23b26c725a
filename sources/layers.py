"""Reads one layer of a boundary file through GDAL: its columns, cells and geometries as sent."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from geo.errors import BadInputError, UnreadableError
from sources.calling import gdal_call
from sources.cells import from_json_text
from sources.encoding import LATIN1, UTF8, Guess
from sources.formats import GEOPACKAGE, KML, PARQUET, SHAPEFILE, Staged
from sources.gdal import pyogrio
from sources.notices import Notice
from sources.odd_geometries import (
    closed,
    lost_in_reading,
    on_the_ground,
    refuse_curves,
    without_faces,
)
from sources.shapefiles import NAME_BYTES
from sources.table_texts import Texts, decoded_texts, encoding_notice

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

POLYGONS = ("Polygon", "Surface", "Triangle", "TIN")
POINTS = ("Point",)
LINES = ("LineString", "CircularString", "CompoundCurve", "MultiCurve")
ANY = ("Unknown", "GeometryCollection")
"""Parts of GDAL's names of geometry types; a layer of unknown type is looked into."""

_WANTED: dict[tuple[str, ...], str] = {POLYGONS: "polygon", LINES: "line"}
"""What is looked for, in a word."""

EXACT_FLOAT = 2**53

_KML_EXTRAS = frozenset(
    {"timestamp", "begin", "end", "altitudeMode", "tessellate"}
    | {"extrude", "visibility", "drawOrder", "icon"}
)
"""Columns that GDAL's KML driver adds to every layer; they are not the sender's."""


@dataclass(frozen=True)
class RawLayer:
    """A layer as it is in the file.

    Attributes
    ----------
    names, cells
        Columns, and one list of n cells for each.
    geoms
        shapely geometries, shape (n,); None where there is none.
    rows
        1-based row in the file, shape (n,).
    spoilt
        Rows whose geometry cannot even be built: an open ring, or one of fewer than four points.
    max_name_bytes
        Longer names were cut by the format.
    faced
        Which geometries were made of faces or triangles, shape (n,).
    curved, measured
        How many geometries had arcs, which are drawn in straight steps, or measures and no
        heights, which are left out.
    """

    layer: str | None
    crs: str | None
    encoding: str
    names: list[str]
    cells: list[list[object]]
    geoms: NDArray[np.object_]
    rows: NDArray[np.intp]
    spoilt: tuple[int, ...]
    max_name_bytes: int | None
    faced: NDArray[np.bool_]
    curved: int
    measured: int
    notices: tuple[Notice, ...]


def read_layer(
    laid: Staged,
    file: str,
    *,
    layer: str | None = None,
    encoding: str | None = None,
    wanted: tuple[str, ...] = POLYGONS,
) -> RawLayer:
    """Read the layer that is named, or the only one with the wanted geometries.

    Parameters
    ----------
    laid
        The file, laid out.
    file
        What to call it.
    layer
        The layer's name.
    encoding
        The text encoding that the caller names.
    wanted
        Parts of the names of the geometry types that are looked for.

    Raises
    ------
    UnreadableError
        If the file is broken, has no feature or no such geometry, or several such layers.
    BadInputError
        If there is no layer of that name, or the text is not in the given encoding.
    """
    if laid.format == PARQUET:
        # Loaded here, as few files are of this kind, and Arrow is large.
        from sources.parquet import read_parquet  # noqa: PLC0415

        names, cells, crs, wkb = read_parquet(laid.path, file)
        texts, chosen, rows = Texts(names, cells, UTF8, ()), None, np.arange(1, len(wkb) + 1)
        curved, measured = 0, 0
        refuse_curves(wkb, file)
    else:
        chosen = _choose_layer(laid, file, layer, wanted)
        meta, fids, wkb, texts = _read(laid, file, chosen, encoding)
        crs = meta["crs"]
        rows = fids + 1 if laid.format == SHAPEFILE else np.arange(1, len(wkb) + 1)
        curved, measured = lost_in_reading(laid, file, chosen)
    if not len(wkb):
        raise UnreadableError(f"{file} has no features; export the layer with its content")
    wkb, faced = without_faces(wkb, file)
    with np.errstate(invalid="ignore"):  # NaN is told of by whoever looks at the coordinates
        geoms = shapely.from_wkb(wkb, on_invalid="ignore")
    sent = np.array([piece is not None for piece in wkb])
    spoilt = np.flatnonzero(sent & shapely.is_missing(geoms))
    filled = geoms[~(shapely.is_missing(geoms) | shapely.is_empty(geoms))]
    one_each = np.unique(shapely.get_type_id(filled), return_index=True)[1]
    found = {geom.geom_type for geom in filled[one_each]}
    if not len(spoilt) and not any(part in name for name in found for part in (*wanted, *ANY)):
        kinds = ", ".join(sorted(found)) or "no geometry at all"
        what = _WANTED.get(wanted, "point or polygon")
        raise UnreadableError(f"{file} holds no {what} but {kinds}; send the layer that does")
    if len(spoilt):
        geoms = closed(geoms, wkb, spoilt)
    if laid.format == KML:
        geoms = on_the_ground(geoms)
    return RawLayer(
        layer=_shown(laid, chosen) if chosen is not None else None,
        crs=crs,
        encoding=texts.encoding,
        names=texts.names,
        cells=texts.cells,
        geoms=geoms,
        rows=np.asarray(rows, dtype=np.intp),
        spoilt=tuple(int(row) for row in np.asarray(rows)[spoilt]),
        max_name_bytes=NAME_BYTES if laid.format == SHAPEFILE else None,
        faced=faced,
        curved=curved,
        measured=measured,
        notices=texts.notices,
    )


def _choose_layer(laid: Staged, file: str, layer: str | None, wanted: tuple[str, ...]) -> str:
    found = gdal_call(laid, file, pyogrio().list_layers)
    if not len(found):
        raise UnreadableError(f"{file} has no layer at all; it may be cut off, send it again")
    kinds = {str(name): str(kind) for name, kind in found if kind is not None}
    shown = {_shown(laid, name): name for name in kinds}
    # Of an archive, the layer named the file in it already.
    if layer is not None and not (len(kinds) == 1 and layer == laid.stem):
        if layer not in shown:
            raise BadInputError(
                f"{file} has no layer {layer!r}; it has {', '.join(shown) or 'none'}",
                argument="layer",
                options=list(shown),
            )
        return shown[layer]
    fitting = [name for name, kind in kinds.items() if any(part in kind for part in wanted)]
    unknown = [name for name, kind in kinds.items() if any(part in kind for part in ANY)]
    if len(kinds) > 1:
        fitting += [name for name in unknown if _holds(laid, file, name, wanted)]
    candidates = fitting or (list(kinds) if len(kinds) == 1 else [])
    if len(candidates) == 1:
        return candidates[0]
    options = [_shown(laid, name) for name in kinds if name in candidates]
    if not options:
        listed = ", ".join(f"{_shown(laid, name)} ({kind})" for name, kind in kinds.items())
        raise UnreadableError(
            f"{file} has no layer of {_WANTED.get(wanted, 'polygon')}s; it has "
            f"{listed or 'no layer with geometries'}"
        )
    raise UnreadableError(
        f"{file} has {len(options)} layers that could be meant ({', '.join(options)}); "
        f"name one, e.g. --layer {options[0]}",
        argument="layer",
        options=options,
    )


def _holds(laid: Staged, file: str, layer: str, wanted: tuple[str, ...]) -> bool:
    _, _, wkb, _ = gdal_call(laid, file, pyogrio().raw.read, layer=layer, columns=[])
    geoms = shapely.from_wkb(wkb, on_invalid="fix")
    return any(part in geom.geom_type for geom in geoms if geom is not None for part in wanted)


def _shown(laid: Staged, layer: str) -> str:
    """Return a layer's name; one that comes from the plain name is the file's own."""
    return laid.stem if layer == laid.path.stem else layer.strip()


def _read(
    laid: Staged, file: str, layer: str, encoding: str | None
) -> tuple[dict[str, Any], NDArray[np.int64], NDArray[np.object_], Texts]:
    """Read everything of a layer; a Shapefile's text is taken byte by byte and decoded here."""
    bytewise = {"encoding": LATIN1} if laid.format == SHAPEFILE else {}
    # A GeoPackage may say of itself how many features it has, and nothing more would be read; a
    # condition, even one that is always met, has them counted.
    counted = {"where": "1 = 1"} if laid.format == GEOPACKAGE else {}
    meta, fids, wkb, data = gdal_call(
        laid,
        file,
        pyogrio().raw.read,
        layer=layer,
        return_fids=True,
        datetime_as_string=True,
        **counted,
        **bytewise,
        **laid.options,
    )
    names = [laid.names.get(str(name), str(name)) for name in meta["fields"]]
    cells = [
        _cells(values, kind, subtype)
        for values, kind, subtype in zip(data, meta["ogr_types"], meta["ogr_subtypes"], strict=True)
    ]
    for place, values in enumerate(data):
        if meta["ogr_types"][place] == "OFTInteger64" and _too_long(values):
            cells[place] = _exact(laid, file, layer, place)
    if laid.format == SHAPEFILE:
        return meta, fids, wkb, decoded_texts(laid, file, names, cells, encoding)
    if laid.format == KML:
        own = [n for n, name in enumerate(names) if not _is_of_kml(name, cells[n], layer)]
        names, cells = [names[place] for place in own], [cells[place] for place in own]
    guess = laid.encoding or Guess(UTF8, None)
    notices = encoding_notice(guess, [name.encode() for name in names], cells)
    return meta, fids, wkb, Texts(names, cells, guess.encoding, notices)


def _is_of_kml(name: str, cells: Sequence[object], layer: str) -> bool:
    """Return whether a column is none of the sender's: every placemark has these elements.

    GDAL gives placemarks that have no id the name of their layer and a number.
    """
    if name == "id":
        return all(re.fullmatch(rf"{re.escape(layer)}\.\d+", str(cell)) for cell in cells)
    blank = name == "description" and all(cell is None for cell in cells)
    return blank or name in _KML_EXTRAS


def _cells(values: NDArray[Any], kind: str, subtype: str) -> list[object]:
    """Return a column's cells as plain values; pyogrio turns numbers with gaps into floats."""
    cells: list[object] = values.tolist()
    if values.dtype.kind == "f":
        cells = [None if cell != cell else cell for cell in cells]  # noqa: PLR0124 - NaN
        if subtype == "OFSTBoolean":
            return [None if cell is None else bool(cell) for cell in cells]
        if kind in ("OFTInteger", "OFTInteger64"):
            return [int(cell) if isinstance(cell, float) else cell for cell in cells]
    if subtype == "OFSTJSON":
        return [from_json_text(cell) for cell in cells]
    return cells


def _too_long(values: NDArray[Any]) -> bool:
    if values.dtype.kind != "f":
        return False
    return bool(np.any(np.abs(values[~np.isnan(values)]) > EXACT_FLOAT))


def _exact(laid: Staged, file: str, layer: str, place: int) -> list[object]:
    """Read a column of whole numbers with gaps through Arrow, which keeps all their digits."""
    _, table = gdal_call(laid, file, pyogrio().read_arrow, layer=layer, read_geometry=False)
    cells: list[object] = table.column(place).to_pylist()
    return cells
