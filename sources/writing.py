"""Writes features to any format that its users open, whole or not at all."""

from __future__ import annotations

import json
import secrets
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import orjson
import shapely

from geo.crs import crs_label, parse_crs, round9
from geo.errors import BadInputError
from sources.cells import DROPPED, JsonValue, json_safe
from sources.gdal import pyogrio, quiet
from sources.shapefiles import KEPT, NAME_BYTES

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

__all__ = ["KNOWN_SUFFIXES", "UnitRow", "known_suffix", "write_features", "write_units"]

WGS84 = "EPSG:4326"

TEXT_BYTES = 254
"""The longest text that a .dbf part holds."""

STALE = (".qix", ".sbn", ".sbx", ".qpj", ".shp.xml")
"""Files beside an older Shapefile that would hide or mislabel the new features."""

PLAIN = "written"
"""Stem of what is written, before it gets its own name."""

EPOCH = (1980, 1, 1, 0, 0, 0)
"""The date of every file in a zip, so that equal content makes equal bytes."""


class UnitRow(NamedTuple):
    """One unit as it is exported; geometry in degrees of WGS 84."""

    code: str
    name: str
    parent: str | None
    geom: BaseGeometry
    area_m2: float
    households: int
    people: int
    properties: Mapping[str, JsonValue]


class _Layer(NamedTuple):
    """What is written: n geometries and n values a column."""

    name: str
    geoms: NDArray[np.object_]
    columns: dict[str, list[JsonValue]]
    crs: str


def write_units(path: Path, *, level: str, rows: Iterable[UnitRow]) -> None:
    """Write the units of a level, in the order given.

    Parameters
    ----------
    path
        Its suffix names the format, see ``KNOWN_SUFFIXES``; an existing file is replaced.
    level
        The level's key: the layer's name.
    rows
        The units. Their properties become columns beside the fixed ones.

    Raises
    ------
    BadInputError
        If the suffix is not known or the file cannot be written.
    """
    units = list(rows)
    columns: dict[str, list[object]] = {
        "code": [unit.code for unit in units],
        "name": [unit.name for unit in units],
        "parent": [unit.parent for unit in units],
        "area_m2": [unit.area_m2 for unit in units],
        "households": [unit.households for unit in units],
        "people": [unit.people for unit in units],
    }
    extra = dict.fromkeys(key for unit in units for key in unit.properties)
    for key in extra:
        # Formats do not tell capitals apart in names of columns.
        taken = key.casefold() in {name.casefold() for name in columns}
        columns[f"{key}_2" if taken else key] = [unit.properties.get(key) for unit in units]
    geoms = np.empty(len(units), dtype=object)
    geoms[:] = [unit.geom for unit in units]
    write_features(path, level, geoms, columns)


def write_features(
    path: Path,
    layer: str,
    geoms: Sequence[BaseGeometry | None] | NDArray[np.object_],
    columns: Mapping[str, Sequence[object]],
    *,
    crs: str = WGS84,
) -> None:
    """Write features of any kind.

    Parameters
    ----------
    path
        Its suffix names the format, see ``KNOWN_SUFFIXES``; an existing file is replaced.
    layer
        The layer's name, in formats that have one.
    geoms
        n geometries or None. Degrees are rounded to 1e-9; exterior rings run counter-clockwise.
    columns
        n values a name; what no table holds (lists, objects) is written as JSON text.
    crs
        Of the geometries.

    Raises
    ------
    BadInputError
        If the suffix is not known, the format cannot hold this, or the file cannot be written.
    ValueError
        If the columns are not as long as the geometries.

    Notes
    -----
    Everything is written elsewhere, copied beside the target and renamed at the end: a reader finds
    the old file or the new one, and a failure leaves the old one.
    """
    suffix = known_suffix(path)
    array = np.empty(len(geoms), dtype=object)
    array[:] = list(geoms)
    safe = {name: [_safe(value) for value in values] for name, values in columns.items()}
    if any(len(values) != len(array) for values in safe.values()):
        raise ValueError("each column needs one value a geometry")
    plain = _Layer(layer, _oriented(array, crs), safe, crs)
    try:
        check_target(path)
        with tempfile.TemporaryDirectory(prefix="wangge-") as folder:
            # A plain name: GDAL's layer below reads some characters as commands.
            written = Path(folder) / f"{PLAIN}{suffix}"
            _WRITERS[suffix](written, plain)
            _place(written, path, suffix)
    except OSError as error:
        raise BadInputError(
            f"{path} cannot be written: {error.strerror or error}; choose another place",
            argument="output",
        ) from error


def known_suffix(path: Path) -> str:
    """Return the suffix that names a file's format.

    Raises
    ------
    BadInputError
        If it is not known; the message lists those that are.
    """
    name = path.name.lower()
    found = [suffix for suffix in KNOWN_SUFFIXES if name.endswith(suffix)]
    if not found or name in found:
        raise BadInputError(
            f"the format of {path.name!r} is not known; end the name in one of "
            f"{', '.join(KNOWN_SUFFIXES)}",
            argument="output",
            options=list(KNOWN_SUFFIXES),
        )
    return max(found, key=len)


def _safe(value: object) -> JsonValue:
    safe = json_safe(value)
    return None if safe is DROPPED else safe  # type: ignore[return-value]  # all else is JSON


def _oriented(geoms: NDArray[np.object_], crs: str) -> NDArray[np.object_]:
    turned = shapely.orient_polygons(geoms, exterior_cw=False)
    if crs == WGS84:
        turned = shapely.transform(turned, round9)
    return np.asarray(turned)


def _write_geojson(path: Path, layer: _Layer) -> None:
    """Write one feature a line, as RFC 7946 wants it; another CRS is named as GeoJSON 2008 did."""
    head: dict[str, object] = {"type": "FeatureCollection", "name": layer.name}
    if layer.crs != WGS84:
        name = "urn:ogc:def:crs:" + crs_label(parse_crs(layer.crs)).replace(":", "::")
        head["crs"] = {"type": "name", "properties": {"name": name}}
    opening = orjson.dumps(head)[:-1] + b',"features":[\n'
    path.write_bytes(opening + b",\n".join(_features(layer)) + b"\n]}\n")


def _write_geojson_lines(path: Path, layer: _Layer) -> None:
    _only_wgs84(path, layer)
    path.write_bytes(b"".join(line + b"\n" for line in _features(layer)))


def _features(layer: _Layer) -> list[bytes]:
    shapes = shapely.to_geojson(layer.geoms)
    return [
        orjson.dumps(
            {
                "type": "Feature",
                "properties": {name: values[n] for name, values in layer.columns.items()},
                "geometry": None if shape is None else orjson.Fragment(shape),
            }
        )
        for n, shape in enumerate(shapes)
    ]


def _write_parquet(path: Path, layer: _Layer) -> None:
    columns = {name: _flat(values) for name, values in layer.columns.items()}
    # Loaded here, as few files are of this kind, and Arrow is large.
    from sources.parquet import write_parquet  # noqa: PLC0415

    write_parquet(path, layer.geoms, columns, crs=layer.crs)


def _write_gpkg(path: Path, layer: _Layer) -> None:
    _write_gdal(path, layer, "GPKG")


def _write_fgb(path: Path, layer: _Layer) -> None:
    _write_gdal(path, layer, "FlatGeobuf")


def _write_kml(path: Path, layer: _Layer) -> None:
    _only_wgs84(path, layer)
    columns = layer.columns
    if "name" in columns and "Name" not in columns:  # what map programs show
        columns = {("Name" if key == "name" else key): cells for key, cells in columns.items()}
    _write_gdal(path, layer._replace(columns=columns), "LIBKML")


def _write_shp(path: Path, layer: _Layer) -> None:
    kinds = {_family(geom) for geom in layer.geoms if geom is not None}
    if len(kinds) > 1:
        raise BadInputError(
            f"a Shapefile holds one kind of geometry, not {' and '.join(sorted(kinds))}; "
            "write .gpkg or .geojson instead",
            argument="output",
        )
    short = _short_names(layer.columns)
    columns = {short[name]: _short_texts(_flat(values)) for name, values in layer.columns.items()}
    _write_gdal(path, layer._replace(columns=columns), "ESRI Shapefile")


def _write_zipped_shp(path: Path, layer: _Layer) -> None:
    _write_shp(path.with_name(f"{PLAIN}.shp"), layer)


_WRITERS: dict[str, Callable[[Path, _Layer], None]] = {
    ".geojson": _write_geojson,
    ".json": _write_geojson,
    ".geojsonl": _write_geojson_lines,
    ".gpkg": _write_gpkg,
    ".fgb": _write_fgb,
    ".parquet": _write_parquet,
    ".geoparquet": _write_parquet,
    ".kml": _write_kml,
    ".shp": _write_shp,
    ".shp.zip": _write_zipped_shp,
}

KNOWN_SUFFIXES = tuple(_WRITERS)
"""The formats that can be written, by the suffix that names each."""


def _write_gdal(path: Path, layer: _Layer, driver: str) -> None:
    names = list(layer.columns)
    data, masks = [], []
    for name in names:
        values, mask = _array(_flat(layer.columns[name]))
        data.append(values)
        masks.append(mask)
    kind = _geometry_type(layer.geoms)
    arguments: dict[str, Any] = {  # pyogrio ships no types
        "fields": np.array(names, dtype=object),
        "field_mask": masks,
        "layer": path.stem if driver == "ESRI Shapefile" else layer.name,
        "driver": driver,
        "geometry_type": kind,
        "crs": layer.crs,
        "encoding": "UTF-8",
        "promote_to_multi": kind.startswith("Multi"),
    }
    try:
        with quiet():
            pyogrio().raw.write(path, shapely.to_wkb(layer.geoms), data, **arguments)
    except (RuntimeError, ValueError) as error:
        raise BadInputError(
            f"the features cannot be written as {driver}: {error}", argument="output"
        ) from error


def _array(values: list[JsonValue]) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Return a column as the narrowest array that holds it, and where it is null."""
    mask = np.array([value is None for value in values], dtype=bool)
    present = [value for value in values if value is not None]
    if present and all(isinstance(value, bool) for value in present):
        return np.array([bool(value) for value in values], dtype=bool), mask
    if present and all(_is_int64(value) for value in present):
        return np.array([value or 0 for value in values], dtype=np.int64), mask
    if present and all(_is_number(value) for value in present):
        return np.array([0.0 if value is None else value for value in values], np.float64), mask
    texts = np.empty(len(values), dtype=object)
    texts[:] = [
        value if value is None or isinstance(value, str) else str(value) for value in values
    ]
    return texts, mask


def _is_int64(value: JsonValue) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and -(2**63) <= value < 2**63


def _is_number(value: JsonValue) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _flat(values: Sequence[JsonValue]) -> list[JsonValue]:
    """Return a column for a table: one type throughout, lists and objects as JSON text."""
    flat: list[JsonValue] = [
        json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else value
        for value in values
    ]
    kinds = {type(value) for value in flat if value is not None}
    if kinds <= {int, float} or len(kinds) <= 1:
        whole = all(_is_int64(value) for value in flat if value is not None)
        if kinds <= {bool} or kinds <= {str} or whole:
            return flat
        if kinds <= {int, float}:
            return [None if value is None else float(value) for value in flat]  # type: ignore[arg-type]  # numbers only
    return [
        value if value is None or isinstance(value, str) else json.dumps(value) for value in flat
    ]


def _geometry_type(geoms: NDArray[np.object_]) -> str:
    """Return the one type that holds all geometries; polygons and lines as their multi form."""
    kinds = {geom.geom_type for geom in geoms if geom is not None}
    families = {kind.removeprefix("Multi") for kind in kinds}
    if len(families) != 1 or "GeometryCollection" in kinds:
        return "Unknown"
    family = "LineString" if families == {"LinearRing"} else families.pop()
    return family if kinds == {"Point"} else f"Multi{family}"


def _family(geom: BaseGeometry) -> str:
    return str(geom.geom_type).removeprefix("Multi")


def _short_names(names: Iterable[str]) -> dict[str, str]:
    """Return names of at most 10 bytes of UTF-8, whole characters, all different."""
    short: dict[str, str] = {}
    taken: set[str] = set()
    for name in names:
        candidate, number = _cut(name, NAME_BYTES), 1
        while candidate.casefold() in taken:
            number += 1
            candidate = _cut(name, NAME_BYTES - len(str(number))) + str(number)
        taken.add(candidate.casefold())
        short[name] = candidate
    return short


def _short_texts(values: list[JsonValue]) -> list[JsonValue]:
    return [_cut(value, TEXT_BYTES) if isinstance(value, str) else value for value in values]


def _cut(text: str, limit: int) -> str:
    return text.encode()[:limit].decode(errors="ignore")


def _only_wgs84(path: Path, layer: _Layer) -> None:
    if layer.crs != WGS84:
        raise BadInputError(
            f"a {path.suffix} file can only hold degrees of WGS 84, not {layer.crs}; "
            "write .gpkg instead",
            argument="output",
        )


def check_target(path: Path) -> None:
    """Refuse a place that nothing can be written to, before any work is done for it.

    Raises
    ------
    BadInputError
        If the name says no known format, or its folder is not there.
    """
    known_suffix(path)
    if path.is_dir():
        raise BadInputError(f"{path} is a directory; name a file in it", argument="output")
    if not path.parent.is_dir():
        raise BadInputError(f"{path.parent} is no folder; make it first", argument="output")


def _place(written: Path, path: Path, suffix: str) -> None:
    """Put what was written in its place; of a Shapefile the .shp part comes last."""
    if suffix == ".shp":
        for stale in STALE:
            path.with_suffix(stale).unlink(missing_ok=True)
        for part in reversed(KEPT):
            if part != ".shp" and written.with_suffix(part).exists():
                _replace(written.with_suffix(part), path.with_suffix(part))
    if suffix == ".shp.zip":
        _zip_parts(written, path.name[: -len(suffix)])
    _replace(written, path)


def _replace(written: Path, path: Path) -> None:
    beside = path.with_name(f".{secrets.token_hex(8)}.part")
    try:
        shutil.copyfile(written, beside)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def _zip_parts(path: Path, stem: str) -> None:
    """Pack the parts of a Shapefile that lie beside ``path`` into it, under another stem."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for part in sorted(path.parent.glob(f"{PLAIN}.???")):
            info = zipfile.ZipInfo(f"{stem}{part.suffix}", EPOCH)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o644 << 16
            archive.writestr(info, part.read_bytes())
