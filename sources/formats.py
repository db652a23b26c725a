"""Recognises a boundary file by its bytes and lays it out so that only its own driver reads it.

GDAL opens whatever it recognises, and some of its formats name other files and hosts. So the
format is decided here, from the content; text formats are checked before GDAL sees them, and every
file gets a plain name in a folder of its own, where no neighbour is picked up by chance.
"""

from __future__ import annotations

import html
import json
import re
import tempfile
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from xml.parsers import expat

from geo.errors import UnreadableError
from sources.archives import DAMAGED, Member, copy_or_link, list_members, open_archive, unpack
from sources.databases import lay_database
from sources.encoding import UTF8, Guess, decode_text, python_codec
from sources.opening import check_file, read_bytes
from sources.shapefiles import HEADER_BYTES, KEPT, check_parts, companions, holds_polygons

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

GEOJSON, GEOJSONSEQ, ESRIJSON, TOPOJSON = "GeoJSON", "GeoJSONSeq", "ESRIJSON", "TopoJSON"
SHAPEFILE, GEOPACKAGE, FLATGEOBUF = "ESRI Shapefile", "GPKG", "FlatGeobuf"
KML, GML, PARQUET = "KML", "GML", "Parquet"

KNOWN = "GeoJSON, GeoPackage, Shapefile (also zipped), FlatGeobuf, KML, TopoJSON, GML, GeoParquet"

HEAD_BYTES = 1 << 16

DECLARED = 1_000
"""Characters in which an XML text declares its encoding."""

SUFFIXES = {
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

_KML_DATA = re.compile(
    r"""(?P<before><(?:\w+:)?Data\b[^<>]*?\bname\s*=\s*)(?P<quote>["'])(?P<name>.*?)(?P=quote)"""
)

_XML_ENCODING = re.compile(rb"\s*<\?xml[^>]*?encoding\s*=\s*[\"']([\w.-]+)[\"']")

_TYPE = re.compile(rb'"type"\s*:\s*"(\w+)"')
_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
_GEOMETRIES = rb"(Multi)?(Point|LineString|Polygon)|GeometryCollection|Feature|FeatureCollection"
_GML_OPTIONS = {"WRITE_GFS": "NO", "DOWNLOAD_SCHEMA": "NO"}
"""The driver would else fetch schemas from hosts, and write a file beside the source."""

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
    options
        Of the driver, for opening.
    names
        What columns are called in the file, by the name that the driver is given instead.
    """

    format: str
    path: Path
    stem: str
    encoding: Guess | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)

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
            yield _single(path, room, path.name, path.stem, encoding=encoding)


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(HEAD_BYTES)
    except OSError as error:
        raise UnreadableError(f"{path} cannot be read: {error.strerror or error}") from error


def _shapefile(path: Path, file: str, stem: str) -> Staged:
    check_parts(path, file)
    return Staged(SHAPEFILE, path, stem)


def _single(path: Path, room: Path, file: str, stem: str, *, encoding: str | None) -> Staged:
    """Lay out a file that stands alone."""
    head = _head(path)
    binary = _binary_format(head, file)
    if binary is not None:
        target = room / f"plain.{'gpkg' if binary == GEOPACKAGE else binary.lower()}"
        if binary == GEOPACKAGE:
            lay_database(path, target, file)
        else:
            copy_or_link(path, target)
        return Staged(binary, target, stem)
    data = read_bytes(path)
    said = _XML_ENCODING.match(head[:DECLARED])
    declared = python_codec(said[1].decode()) if said else None
    text, guess = decode_text(data, given=encoding, declared=declared, file=file)
    start = text.lstrip("\ufeff \t\r\n\x1e")[:1]
    if start in ("{", "["):
        laid = _json(path, room, file, text, guess)
    elif start == "<":
        laid = _xml(path, room, file, text, guess)
    else:
        raise UnreadableError(_unknown(file))
    return replace(laid, stem=stem)


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
    if format_ == GEOJSONSEQ:
        _check_lines(lines, file)
    if _NUL.search(text):
        raise UnreadableError(
            f"{file} has texts with the character U+0000, at which they would be cut off without a "
            "word; export it without"
        )
    target = room / "plain.json"
    _lay_text(path, target, text, guess)
    return Staged(format_, target, "", guess)


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
    one_a_line = text.lstrip("\ufeff").startswith("\x1e") or (
        len(lines) > 1 and _is_feature(lines[0])
    )
    return GEOJSONSEQ if one_a_line else GEOJSON


def _check_lines(lines: Sequence[str], file: str) -> None:
    """Make sure that every line is JSON: the driver leaves out those that are not, and is quiet."""
    for number, line in enumerate(lines, start=1):
        try:
            json.loads(line.strip("\x1e \t") or "null")
        except (ValueError, RecursionError) as error:
            raise UnreadableError(
                f"{file} has no valid JSON in line {number}; it may be cut off, export it again"
            ) from error


def _is_feature(line: str) -> bool:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) and value.get("type") == "Feature"


def _xml(path: Path, room: Path, file: str, text: str, guess: Guess) -> Staged:
    text = _said_to_be_utf8(text)
    root = _xml_root(text, file)
    if root == "kml":
        text, names = _plain_data_names(text)
        laid = Staged(KML, room / "plain.kml", "", guess, names=names)
    elif root.endswith("FeatureCollection"):
        laid = Staged(GML, room / "plain.gml", "", guess, _GML_OPTIONS)
    else:
        raise UnreadableError(
            f"{file} is XML but no KML or GML (its root is <{root}>); export it as one of {KNOWN}"
        )
    _lay_text(path, laid.path, text, guess)
    return laid


def _said_to_be_utf8(text: str) -> str:
    """Return an XML text that was decoded, and now says that it is in UTF-8."""
    declaration = _XML_ENCODING.match(text[:DECLARED].encode())
    return text if declaration is None else text.replace(declaration[1].decode(), UTF8, 1)


def _xml_root(text: str, file: str) -> str:
    """Return the name of the root element of a well-formed XML text.

    Raises
    ------
    UnreadableError
        If it is broken, or declares a document type: its entities can name other files, or blow
        up.
    """
    names: list[str] = []
    parser = expat.ParserCreate(encoding=UTF8, namespace_separator=None)

    def see(name: str, _: dict[str, str]) -> None:
        if not names:
            names.append(name)

    def refuse(*_: object) -> None:
        raise UnreadableError(
            f"{file} declares a document type, in which XML entities can name other files or grow "
            "without end; export it without"
        )

    parser.StartElementHandler = see
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(text.encode(), True)
    except expat.ExpatError as error:
        raise UnreadableError(
            f"{file} is broken XML ({expat.ErrorString(error.code)} at line {error.lineno}); "
            "it may be cut off, export it again"
        ) from error
    return names[0].rpartition(":")[2]


def _plain_data_names(text: str) -> tuple[str, dict[str, str]]:
    """Give KML's untyped data plain names, as the driver turns all that is not ASCII into _."""
    names: dict[str, str] = {}

    def rename(match: re.Match[str]) -> str:
        name = html.unescape(match["name"])
        if re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII):
            return match[0]
        plain = names.setdefault(name, f"wangge_field_{len(names) + 1}")
        return f"{match['before']}{match['quote']}{plain}{match['quote']}"

    text = _KML_DATA.sub(rename, text)
    return text, {plain: name for name, plain in names.items()}


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
        chosen = _choose(archive, members, file, layer)
        for suffix, part in _parts(members, chosen).items():
            unpack(archive, part, room / f"file{suffix}", file)
    inside = f"{chosen.path.name} in {file}"
    target = room / f"file{chosen.path.suffix.lower()}"
    if target.suffix == ".shp":
        return _shapefile(target, inside, chosen.path.stem)
    return _single(target, room, inside, chosen.path.stem, encoding=encoding)


def _choose(
    archive: zipfile.ZipFile, members: Sequence[Member], file: str, layer: str | None
) -> Member:
    """Return the one boundary file of an archive, or the one that the caller names.

    Raises
    ------
    UnreadableError
        If there is none, or several and none is named.
    """
    found = [member for member in members if member.path.suffix.lower() in SUFFIXES]
    if not found:
        raise UnreadableError(
            f"{file} holds no boundary file; pack one of {KNOWN} into it, with all its parts"
        )
    named = [member for member in found if layer in (member.path.stem, member.path.name)]
    if len(named) == 1 or len(found) == 1:
        return (named or found)[0]
    # Point and line files come along with the boundaries, and descriptions as plain JSON.
    likely = [member for member in found if _may_hold_polygons(archive, member)]
    if layer is None and len(likely) == 1:
        return likely[0]
    names = [member.path.stem for member in likely or found]
    raise UnreadableError(
        f"{file} holds {len(names)} boundary files ({', '.join(names)}); name one as the layer",
        argument="layer",
        options=names,
    )


def _may_hold_polygons(archive: zipfile.ZipFile, member: Member) -> bool:
    suffix = member.path.suffix.lower()
    if suffix != ".shp":
        return suffix != ".json"
    try:
        with archive.open(member.info) as stream:
            return holds_polygons(stream.read(HEADER_BYTES))
    except DAMAGED:
        return True  # unpacking it says what is wrong


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
