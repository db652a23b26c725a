"""Receives multipart forms: files go to the disk as they come in, and no further than allowed."""

from __future__ import annotations

import asyncio
import hashlib
import unicodedata
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple

import orjson
from anyio import to_thread
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from geo.errors import BadInputError, LimitExceededError
from resolvers.uploads import Received
from service.http_graphql import MAX_QUERY_BYTES

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks
    from starlette.requests import Request

MAX_FILES = 4
"""Files in one form; an operation that imports needs one."""
MAX_MAP_BYTES = 10_000
MAX_MAPPED = 16
"""Places that one file may be put into."""
WRITE_BYTES = 1 << 20
"""How much is gathered before it is written."""
SILENCE_S = 60.0
"""How long a sender may say nothing in the middle of a form."""

MAX_NAME_BYTES = 120
MAX_SUFFIX = 12
_NAMELESS = "upload"
_UNWANTED = dict.fromkeys(map(ord, "<>:\"|?*&'`$;"), "_")
"""Characters of names that mean something to browsers, shells or GDAL."""


class FormLimits(NamedTuple):
    """What one form may bring."""

    file_bytes: int
    """All files together."""

    @property
    def body_bytes(self) -> int:
        """The whole form."""
        return self.file_bytes + MAX_QUERY_BYTES + MAX_MAP_BYTES + (1 << 16)


class SilentError(Exception):
    """The sender says nothing any more."""


async def receive_form(request: Request, folder: Path, limits: FormLimits) -> Any:  # noqa: ANN401 - JSON with files in it
    """Return a form's operations with the files that its map puts into them.

    Parameters
    ----------
    request
        Its body is read here, piece by piece.
    folder
        Where files are written; whoever made it removes it.
    limits
        What may be sent.

    Raises
    ------
    BadInputError
        If it is no form of the graphql-multipart-request-spec, or cut off.
    LimitExceededError
        If it is larger than allowed; the rest is not read then.
    SilentError
        If the sender stops in the middle.
    """
    parts = _Parts(folder, limits)
    try:
        parser = MultipartParser(_boundary(request), parts.callbacks())
        async with aclosing(request.stream()) as stream:
            pieces = aiter(stream)
            while piece := await _next(pieces):
                parser.write(piece)
                if parts.gathered >= WRITE_BYTES:
                    await to_thread.run_sync(parts.write)
        await to_thread.run_sync(parts.write)
    except FormParserError as error:
        raise BadInputError(f"the body is no multipart form: {error}") from error
    finally:
        parts.close()
    return parts.operations_with_files()


async def _next(pieces: Any) -> bytes:  # noqa: ANN401 - an iterator of bytes, whose type has no name
    try:
        async with asyncio.timeout(SILENCE_S):
            return bytes(await anext(pieces, b""))
    except TimeoutError:
        raise SilentError from None


def _boundary(request: Request) -> bytes:
    _, options = parse_options_header(request.headers.get("content-type"))
    boundary = options.get(b"boundary", b"")
    if not boundary:
        raise BadInputError("the header Content-Type of a form must name its boundary")
    return boundary


@dataclass
class _File:
    """A file that comes in."""

    path: Path
    stream: IO[bytes]
    size: int = 0
    digest: hashlib._Hash = field(default_factory=hashlib.sha256)

    def write(self, data: bytes) -> None:
        self.stream.write(data)
        self.digest.update(data)


class _Parts:
    """What the parser of a form has said so far."""

    def __init__(self, folder: Path, limits: FormLimits) -> None:
        self._folder = folder
        self._limits = limits
        self._fields: dict[str, bytearray] = {}
        self._files: dict[str, _File] = {}
        self._paths: dict[str, list[str]] = {}
        self._header = bytearray(), bytearray()
        self._disposition = b""
        self._into: bytearray | _File | None = None
        self._pending: list[tuple[_File, bytes]] = []
        self._received = 0
        self._ended = False
        self.gathered = 0
        """Bytes of files that wait to be written."""

    def callbacks(self) -> MultipartCallbacks:
        """Return what the parser calls."""
        return {
            "on_part_begin": self._begin,
            "on_header_field": lambda data, start, end: self._header[0].extend(data[start:end]),
            "on_header_value": lambda data, start, end: self._header[1].extend(data[start:end]),
            "on_header_end": self._end_header,
            "on_headers_finished": self._open,
            "on_part_data": self._take,
            "on_end": self._end,
        }

    def write(self) -> None:
        """Write to the disk what has been gathered; in a thread."""
        try:
            for file, data in self._pending:
                file.write(data)
        except OSError as error:
            raise LimitExceededError(
                f"the file could not be kept ({error.strerror}); the service's disk may be full"
            ) from error
        self._pending.clear()
        self.gathered = 0

    def close(self) -> None:
        """Close the files."""
        for file in self._files.values():
            file.stream.close()

    def operations_with_files(self) -> Any:  # noqa: ANN401 - JSON with files in it
        """Return the operations, each file in its places."""
        if not self._ended:
            raise BadInputError("the form is cut off; send it again")
        if "operations" not in self._fields:
            raise BadInputError("the form has no field `operations`")
        missing = sorted(set(self._mapped()) - set(self._files))
        if missing:
            raise BadInputError(f"`map` names the file {missing[0]!r}, which the form has not")
        operations = _json("operations", self._fields["operations"])
        if not isinstance(operations, dict | list):  # a list is a batch
            raise BadInputError("the field `operations` must be a JSON object with a `query`")
        for name, file in self._files.items():
            made = Received(file.path, file.size, file.digest.hexdigest())
            for path in self._paths[name]:
                _put(operations, path, made)
        return operations

    def _begin(self) -> None:
        self._disposition = b""
        self._into = None

    def _end_header(self) -> None:
        name, value = self._header
        if bytes(name).strip().lower() == b"content-disposition":
            self._disposition = bytes(value)
        name.clear()
        value.clear()

    def _open(self) -> None:
        """Decide where the part goes that begins now."""
        _, options = parse_options_header(self._disposition)
        name = options.get(b"name", b"").decode("utf-8", errors="replace")
        if b"filename" in options:
            self._into = self._open_file(name, options[b"filename"])
        elif name not in {"operations", "map"} or name in self._fields:
            raise BadInputError(
                f"the form has the field {name[:80]!r}; it must have `operations` and `map`, once "
                "each, and then files"
            )
        else:
            self._into = self._fields[name] = bytearray()

    def _open_file(self, name: str, called: bytes) -> _File:
        if not {"operations", "map"} <= set(self._fields):
            raise BadInputError("the fields `operations` and `map` must come before the files")
        paths = self._mapped()
        if name not in paths or name in self._files:
            raise BadInputError(
                f"the form has the file {name[:80]!r}, which `map` does not name, or twice"
            )
        place = self._folder / str(len(self._files))
        place.mkdir(mode=0o700)
        path = place / safe_name(called)
        made = self._files[name] = _File(path, path.open("xb"))
        return made

    def _mapped(self) -> dict[str, list[str]]:
        """Return the places of each file."""
        if not self._paths:
            self._paths = _read_map(self._fields.get("map", b"{}"))
        return self._paths

    def _take(self, data: bytes, start: int, end: int) -> None:
        into, piece = self._into, data[start:end]
        if isinstance(into, _File):
            into.size += len(piece)
            self._received += len(piece)
            if self._received > self._limits.file_bytes:
                raise LimitExceededError(too_large(self._limits))
            self._pending.append((into, piece))
            self.gathered += len(piece)
        elif into is not None:
            into.extend(piece)
            limit = MAX_QUERY_BYTES if into is self._fields.get("operations") else MAX_MAP_BYTES
            if len(into) > limit:
                raise LimitExceededError(f"a field of the form has more than {limit} bytes")

    def _end(self) -> None:
        self._ended = True


def too_large(limits: FormLimits) -> str:
    """Say that a file is larger than allowed."""
    return (
        f"files of more than {limits.file_bytes >> 20} MiB are not taken; send the layer in parts, "
        "or as GeoPackage in a zip (WANGGE_MAX_UPLOAD_MB allows more)"
    )


def _json(name: str, text: bytes | bytearray) -> Any:  # noqa: ANN401 - JSON
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise BadInputError(f"the field `{name}` is no JSON: {error}") from error


def _read_map(text: bytes | bytearray) -> dict[str, list[str]]:
    """Return the places of each file.

    Raises
    ------
    BadInputError, LimitExceededError
        If it is no map, or a longer one than anybody needs.
    """
    found = _json("map", text)
    if not isinstance(found, dict) or not all(_is_places(places) for places in found.values()):
        raise BadInputError('`map` names the place of each file, as {"0": ["variables.file"]}')
    if len(found) > MAX_FILES or any(len(places) > MAX_MAPPED for places in found.values()):
        raise LimitExceededError(f"a form may have {MAX_FILES} files at most")
    return found


def _is_places(found: object) -> bool:
    return isinstance(found, list) and all(isinstance(place, str) for place in found)


def _put(operations: Any, path: str, file: Received) -> None:  # noqa: ANN401 - JSON
    """Put a file where the map says; there must be null.

    Raises
    ------
    BadInputError
        If there is no such place, or something else in it.
    """
    *way, last = path.split(".")
    try:
        here = operations
        for step in way:
            here = here[_step(here, step)]
        if here[_step(here, last)] is not None:
            raise BadInputError(f"`map` puts a file into {path[:80]!r}, where null must be")
        here[_step(here, last)] = file
    except (KeyError, IndexError, TypeError, ValueError):
        raise BadInputError(
            f"`map` puts a file into {path[:80]!r}, which `operations` has not"
        ) from None


def _step(here: Any, name: str) -> str | int:  # noqa: ANN401 - JSON
    return int(name) if isinstance(here, list) else name


def safe_name(called: bytes) -> str:
    """Return a name for a file that was sent, as close to its own as does no harm.

    Parameters
    ----------
    called
        As the sender calls it, usually in UTF-8. Folders, control characters and characters that
        mean something to other programs are left out; the suffix stays.
    """
    try:
        text = called.decode("utf-8")
    except UnicodeDecodeError:
        text = called.decode("gb18030", errors="replace")
    text = text.replace("\\", "/").rpartition("/")[2]
    text = unicodedata.normalize("NFC", text).translate(_UNWANTED)
    text = "".join(char for char in text if unicodedata.category(char)[0] != "C")
    text = " ".join(text.split()).lstrip(".- ").rstrip(". ")
    stem, dot, suffix = text.rpartition(".")
    if not dot or len(suffix) > MAX_SUFFIX or not suffix.isascii():
        stem, dot, suffix = text, "", ""
    room = MAX_NAME_BYTES - len(dot + suffix)
    stem = stem.encode()[:room].decode(errors="ignore").strip()
    return (stem or _NAMELESS) + dot + suffix
