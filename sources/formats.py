"""Recognises a boundary file by its bytes and lays it out so that only its own driver reads it.

GDAL opens whatever it recognises, and some of its formats name other files and hosts. So the
format is decided here, from the content; text formats are checked before GDAL sees them, and every
file gets a plain name in a folder of its own, where no neighbour is picked up by chance.
"""

from __future__ import annotations

import re
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from xml.parsers import expat

from geo.errors import UnreadableError
from sources.archives import Member, copy_or_link, list_members, open_archive, unpack
from sources.encoding import UTF8, Guess, decode_text
from sources.opening import check_file, read_bytes
from sources.shapefiles import KEPT, check_parts, companions, holds_polygons

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

GEOJSON, GEOJSONSEQ, ESRIJSON, TOPOJSON = "GeoJSON", "GeoJSONSeq", "ESRIJSON", "TopoJSON"
SHAPEFILE, GEOPACKAGE, FLATGEOBUF = "ESRI Shapefile", "GPKG", "FlatGeobuf"
KML, GML, PARQUET = "KML", "GML", "Parquet"

KNOWN = "GeoJSON, GeoPackage, Shapefile (also zipped), FlatGeobuf, KML, TopoJSON, GML, GeoParquet"

HEAD_BYTES = 1 << 16

_SUFFIXES = {
    ".shp": SHAPEFILE,
    ".geojson": GEOJSON,
    ".json": GEOJSON,
    ".geojsonl": GEOJSON,
    ".geojsons": GEOJSON,
    ".topojson": GEOJSON,
    ".gpkg": GEOPACKAGE,
    ".fgb": FLATGEOBUF,
    ".kml": KML,
    ".gml": GML,
    ".parquet": PARQUET,
    ".geoparquet": PARQUET,
}
"""What is looked for in an archive; the content then decides."""

_PREFIXED = frozenset({GEOJSON, GEOJSONSEQ, ESRIJSON, TOPOJSON})
"""Drivers that take ``Driver:path``, which no other driver then claims."""

_TYPE = re.compile(rb'"type"\s*:\s*"(\w+)"')
_GEOMETRIES = (
    rb"(Multi)?(Point|LineString|Polygon)|GeometryCollection|Feature|FeatureCollection"
)
_GPKG_IDS = (b"GPKG", b"GP10", b"GP11")
_PART_SUFFIXES = frozenset({".shx", ".dbf", ".prj", ".cpg", ".sbn", ".sbx", ".qix", ".qpj"})


@dataclass(frozen=True)
class Staged:
    """A boundary file laid out for its driver.

    Attributes
    ----------
    format
        GDAL's short name of the driver.
    path
        The plain file.
    stem
        What the file's own name says, without its suffix: a layer's name where it has none.
    encoding
        How the text was decoded; None where the format says it or the reader must find out.
    """

    format: str
    path: Path
    stem: str
    encoding: Guess | None = None
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def connection(self) -> str:
        """What GDAL is given to open."""
        return f"{self.format}:{self.path}" if self.format in _PREFIXED else str(self.path)


@contextmanager
def staged(path: Path, *, layer: str | None, encoding: str | None) -> Iterator[Staged]:
    """Lay out a boundary file for reading, for as long as the context lasts.

    Parameters
    ----------
    path
        The file, or a zip archive that holds it.
    layer
        Which file of an archive, by its stem; other formats choose their layer later.
    encoding
        The text encoding that the caller names.

    Raises
    ------
    UnreadableError
        If it is no whole file of a known format.
    """
    check_file(path)
    with tempfile.TemporaryDirectory(prefix="wangge-") as folder:
        room = Path(folder)
        head = _head(path)
        if head.startswith(b"PK"):
            yield _from_archive(path, room, layer=layer, encoding=encoding)
        elif head.startswith(b"\x00\x00\x27\x0a"):
            parts = companions(path)
            for suffix, part in parts.items():
                copy_or_link(part, room / f"file{suffix}")
            yield _shapefile(room / "file.shp", path.name, path.stem)
        else:
            yield _single(path, room, path.name, encoding=encoding)


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(HEAD_BYTES)
    except OSError as error:
        raise UnreadableError(f"{path} cannot be read: {error.strerror or error}") from error


def _shapefile(path: Path, file: str, stem: str) -> Staged:
    check_parts(path, file)
    return Staged(SHAPEFILE, path, stem)


def _single(path: Path, room: Path, file: str, *, encoding: str | None) -> Staged:
    """Lay out a file that stands alone."""
    head, stem = _head(path), PurePosixPath(file).stem
    binary = _binary_format(head, file)
    if binary is not None:
        target = room / f"plain.{'gpkg' if binary == GEOPACKAGE else binary.lower()}"
        copy_or_link(path, target)
        return Staged(binary, target, stem)
    text, guess = decode_text(read_bytes(path), given=encoding)
    start = text.lstrip("\ufeff \t\r\n\x1e")[:1]
    if start in ("{", "["):
        return _json(path, room, file, text, guess)
    if start == "<":
        return _xml(path, room, file, text, guess)
    raise UnreadableError(_unknown(file))


def _binary_format(head: bytes, file: str) -> str | None:
    if head.startswith(b"SQLite format 3\0"):
        if head[68:72] in _GPKG_IDS or file.lower().endswith(".gpkg"):
            return GEOPACKAGE
        raise UnreadableError(f"{file} is an SQLite database but no GeoPackage; export it as one")
    if head.startswith(b"fgb\x03"):
        return FLATGEOBUF
    if head.startswith(b"PAR1"):
        return PARQUET
    if b"\0" in head and not head.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise UnreadableError(_unknown(file))
    return None


def _unknown(file: str) -> str:
    suffix = PurePosixPath(file).suffix.lower()
    if suffix in _PART_SUFFIXES:
        stem = PurePosixPath(file).stem
        return f"{file} is one part of a Shapefile; name {stem}.shp, with the others beside it"
    return f"{file} is in no known format; save it as one of {KNOWN}"


def _json(path: Path, room: Path, file: str, text: str, guess: Guess) -> Staged:
    lines = text.strip("\ufeff \t\r\n").splitlines()
    format_ = _json_format(text, lines)
    if format_ is None:
        raise UnreadableError(f"{file} is JSON but no GeoJSON or TopoJSON; export it as one")
    target = room / "plain.json"
    _lay_text(path, target, text, guess)
    return Staged(format_, target, PurePosixPath(file).stem, guess)


def _json_format(text: str, lines: Sequence[str]) -> str | None:
    """Return the kind of JSON by the types that it names near its start and its end."""
    edges = (text[:HEAD_BYTES] + "\n" + text[-HEAD_BYTES:]).encode()
    types = {match[1] for match in _TYPE.finditer(edges)}
    if b"Topology" in types:
        return TOPOJSON
    if b'"esriGeometry' in edges:
        return ESRIJSON
    if not any(re.fullmatch(_GEOMETRIES, name) for name in types):
        return None
    first = lines[0].lstrip("\x1e")
    one_a_line = len(lines) > 1 and first.rstrip().endswith("}") and '"Feature"' in first
    return GEOJSONSEQ if text.lstrip("\ufeff").startswith("\x1e") or one_a_line else GEOJSON


def _xml(path: Path, room: Path, file: str, text: str, guess: Guess) -> Staged:
    text, declared = _without_declared_encoding(path, text, guess)
    root = _xml_root(text, file)
    stem = PurePosixPath(file).stem
    if root == "kml":
        target, format_, options = room / "plain.kml", KML, {}
    elif root.endswith("FeatureCollection"):
        # The driver would fetch schemas and write a .gfs file beside the source.
        target, format_ = room / "plain.gml", GML
        options = {"WRITE_GFS": "NO", "DOWNLOAD_SCHEMA": "NO", "XSD": ""}
        options.pop("XSD")
    else:
        raise UnreadableError(f"{file} is XML but no KML or GML (its root is <{root}>)")
    _lay_text(path, target, text, declared)
    return Staged(format_, target, stem, declared, options)


def _without_declared_encoding(path: Path, text: str, guess: Guess) -> tuple[str, Guess]:
    """Return an XML text in Unicode: its own declaration decides when the bytes are not UTF-8."""
    declaration = re.match(r"\s*<\?xml[^>]*?encoding\s*=\s*[\"']([\w.-]+)[\"'][^>]*\?>", text)
    if declaration is None:
        return text, guess
    name = declaration[1]
    if guess.encoding != UTF8 and guess.evidence is not None:
        text, guess = decode_text(path.read_bytes(), given=name)
    return text.replace(name, UTF8, 1), guess


def _xml_root(text: str, file: str) -> str:
    """Return the name of the root element of a well-formed XML text.

    Raises
    ------
    UnreadableError
        If it is broken, or declares entities: they can name other files, or blow up.
    """
    names: list[str] = []
    parser = expat.ParserCreate(encoding=UTF8, namespace_separator=None)

    def see(name: str, _: dict[str, str]) -> None:
        if not names:
            names.append(name)

    def refuse(*_: object) -> None:
        raise UnreadableError(f"{file} declares XML entities; export it without them")

    parser.StartElementHandler = see
    parser.EntityDeclHandler = refuse
    try:
        parser.Parse(text.encode(), True)  # noqa: FBT003 - its only signature
    except expat.ExpatError as error:
        raise UnreadableError(
            f"{file} is broken XML ({expat.ErrorString(error.code)} at line {error.lineno}); "
            "it may be cut off, export it again"
        ) from error
    return names[0].rpartition(":")[2]


def _lay_text(path: Path, target: Path, text: str, guess: Guess) -> None:
    """Lay out a text file in UTF-8."""
    if guess.encoding == UTF8 and target.suffix == ".json":
        copy_or_link(path, target)
    else:
        target.write_text(text, encoding="utf-8", newline="")


def _from_archive(path: Path, room: Path, *, layer: str | None, encoding: str | None) -> Staged:
    file = path.name
    with open_archive(path, file) as archive:
        members = list_members(archive, file)
        found = [member for member in members if member.path.suffix.lower() in _SUFFIXES]
        if not found:
            raise UnreadableError(
                f"{file} holds no boundary file; pack one of {KNOWN} into it, with all its parts"
            )
        chosen = _choose(archive, found, file, layer)
        parts = _parts(members, chosen)
        for suffix, part in parts.items():
            unpack(archive, part, room / f"file{suffix}", file)
    stem = chosen.path.stem
    target = room / f"file{chosen.path.suffix.lower()}"
    if target.suffix == ".shp":
        return _shapefile(target, f"{chosen.path.name} in {file}", stem)
    return _single(target, room, f"{chosen.path.name} in {file}", encoding=encoding)


def _parts(members: Sequence[Member], chosen: Member) -> dict[str, Member]:
    """Return the member and, for a Shapefile, those that belong to it, by suffix."""
    if chosen.path.suffix.lower() != ".shp":
        return {chosen.path.suffix.lower(): chosen}
    return {
        member.path.suffix.lower(): member
        for member in members
        if member.path.parent == chosen.path.parent
        and member.path.stem.lower() == chosen.path.stem.lower()
        and member.path.suffix.lower() in KEPT
    }


def _choose(archive: object, found: Sequence[Member], file: str, layer: str | None) -> Member:
    raise NotImplementedError
