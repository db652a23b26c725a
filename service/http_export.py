"""``/export/{level}.{format}``: a level of an edition as a file, with the coordinates that count.

Text formats are sent as they are read, in pieces, so that any level takes the same little memory;
the others are files that must be finished before their first byte is known, and are made in a
folder, one at a time, up to a size. Whoever reads slowly holds no connection to the database, and
whoever does not read at all is left.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import tempfile
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote
from zoneinfo import ZoneInfo

from anyio import open_file, to_thread
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from geo.errors import BadInputError, TooCostlyError, UnknownError, WanggeError
from resolvers.context import Context, Turns
from resolvers.exporting import read_level
from resolvers.streaming import open_level, require_small
from service import export_texts
from service.errors import outcome_of
from service.http_answers import Refused
from service.http_caching import matches
from service.http_view import bearer
from sources.writing import write_units

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from datetime import date

    from starlette.types import Message, Receive, Scope, Send

    from resolvers.streaming import Opened
    from service.settings import Settings

SEND_S = 60.0
"""How long a client may take to receive a piece before it is left alone."""
FILE_BYTES = 256 << 20
"""Stored geometries of a file that is made as a whole."""
FILES_WAITING = 8
CHUNK_BYTES = 1 << 18
MAX_AT_ONCE = 32
"""Files that are being sent by one process."""
RETRY_S = 10
_JSON = "application/json"
_PARAMETERS = frozenset({"edition", "asOf", "within"})


class Format(NamedTuple):
    """How a level is written."""

    media: str
    write: Callable[[Context, Opened], AsyncIterator[bytes]] | None
    """None: the file is made as a whole."""


def routes(settings: Settings) -> list[Route]:
    """Return the routes of exports."""
    return [Route("/export/{name:path}", Export(settings), methods=["GET"])]


class Export:
    """Answers requests for files.

    Parameters
    ----------
    settings
        Whose timezone says which day it is, and whether readers need a key.
    """

    def __init__(self, settings: Settings) -> None:
        self._timezone = ZoneInfo(settings.timezone)
        self._public = settings.public
        self._turns = Turns(FILES_WAITING)
        self._statement_s = settings.statement_seconds
        self._open = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if self._open >= MAX_AT_ONCE:
            crowd = Refused(
                f"{MAX_AT_ONCE} files are being sent already; come again later",
                status=503,
                code=TooCostlyError.code,
                headers={"Retry-After": str(RETRY_S)},
            )
            await crowd.response(_JSON)(scope, receive, send)
            return
        self._open += 1
        try:
            app = await self._answer_or_refuse(Request(scope, receive))
            await app(scope, receive, _patient(send))
        finally:
            self._open -= 1

    async def _answer_or_refuse(self, request: Request) -> Response:
        try:
            return await self._answer(request)
        except WanggeError as error:
            return Refused.by(error, outcome_of(error).http_status).response(_JSON)

    async def _answer(self, request: Request) -> Response:
        level, suffix = _split(request.path_params["name"])
        _check_parameters(request)
        today = dt.datetime.now(self._timezone).date()
        key = bearer(request.headers.get("authorization"))
        context = Context(request.state.shared, today=today, key=key)
        context.bound(self._statement_s)
        edition, as_of = _number(request), _day(request)
        within = request.query_params.get("within")
        opened = await open_level(context, level, edition=edition, as_of=as_of, within=within)
        headers = self._headers(opened, suffix, pinned=edition is not None)
        if matches(request.headers.get("if-none-match"), headers["ETag"]):
            return Response(None, 304, headers)
        kind = FORMATS[suffix]
        if request.method == "HEAD":
            told = Response(None, 200, headers, kind.media)
            del told.headers["content-length"]  # that of the file is not known
            return told
        if kind.write is not None:
            return _Streamed(kind.write(context, opened), 200, headers, kind.media)
        await require_small(context, opened, FILE_BYTES)
        body = self._file(context, opened, suffix)
        first = await anext(body)  # what goes wrong is told by the status
        return _Streamed(_and(first, body), 200, headers, kind.media)

    def _headers(self, opened: Opened, suffix: str, *, pinned: bool) -> dict[str, str]:
        """Return the headers of a file; one of an edition's own number never changes."""
        scope = "public" if self._public else "private"
        name = f"{opened.level}-{opened.edition}{suffix}"
        return {
            "ETag": f'"{opened.edition}{suffix}"',
            "Cache-Control": f"{scope}, max-age=31536000, immutable" if pinned else "no-cache",
            "Vary": "Accept-Encoding" if self._public else "Accept-Encoding, Authorization",
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name)}",
            "X-Content-Type-Options": "nosniff",
            "Wangge-Edition": str(opened.edition),
        }

    async def _file(
        self, context: Context, opened: Opened, suffix: str
    ) -> AsyncGenerator[bytes, None]:
        """Make a file, one at a time, and send it from the disk."""
        async with _room() as folder:
            path = folder / f"{quote(opened.level, safe='')}{suffix}"
            async with self._turns.one("files"):
                within = f"{opened.path[0]}:{opened.top}" if opened.top is not None else None
                rows = await read_level(
                    context.shared.engine, opened.level, edition=opened.edition, within=within
                )
                await to_thread.run_sync(partial(write_units, path, level=opened.level, rows=rows))
                del rows
            async with await open_file(path, "rb") as file:
                while chunk := await file.read(CHUNK_BYTES):
                    yield chunk


class _Streamed(StreamingResponse):
    """An answer whose pieces end with it, also where the client leaves in the middle."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the pieces."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            if isinstance(self.body_iterator, AsyncGenerator):
                await self.body_iterator.aclose()


@asynccontextmanager
async def _room() -> AsyncIterator[Path]:
    with tempfile.TemporaryDirectory(prefix="wangge-export-") as folder:
        yield Path(folder)


async def _and(first: bytes, rest: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    async with aclosing(rest):
        yield first
        async for chunk in rest:
            yield chunk


def _patient(send: Send) -> Send:
    """Send to those who receive: others lose the connection, and what is read for them ends."""

    async def patient(message: Message) -> None:
        async with asyncio.timeout(SEND_S):
            await send(message)

    return patient


def _split(name: str) -> tuple[str, str]:
    """Return the level and the suffix of a file's name."""
    found = [suffix for suffix in FORMATS if name.lower().endswith(suffix)]
    suffix = max(found, key=len, default="")
    level = name[: len(name) - len(suffix)]
    if not suffix or not level:
        raise UnknownError(
            f"there is no file {name!r} here; ask for a level and one of {', '.join(FORMATS)}",
            options=list(FORMATS),
        )
    return level, suffix


def _check_parameters(request: Request) -> None:
    """Refuse what is not known, or is said twice: silence would give another file."""
    names = [name for name, _ in request.query_params.multi_items()]
    for name in names:
        if name not in _PARAMETERS or names.count(name) > 1:
            raise BadInputError(
                f"the parameter {name!r} is not known here, or given twice; there are "
                f"{', '.join(sorted(_PARAMETERS))}",
                argument=name,
            )


def _number(request: Request) -> int | None:
    text = request.query_params.get("edition")
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 9):  # noqa: PLR2004 - below 2^31
        raise BadInputError(f"{text!r} is no edition's number", argument="edition")
    return int(text)


def _day(request: Request) -> date | None:
    text = request.query_params.get("asOf")
    if text is None:
        return None
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise BadInputError(f"{text!r} is no day like 2026-01-31", argument="asOf") from None


FORMATS: Mapping[str, Format] = {
    ".geojson": Format("application/geo+json", export_texts.geojson),
    ".geojsonl": Format("application/x-ndjson", export_texts.lines),
    ".geojsons": Format("application/geo+json-seq", export_texts.sequence),
    ".csv": Format("text/csv; charset=utf-8; header=present", export_texts.table),
    ".gpkg": Format("application/geopackage+sqlite3", None),
    ".fgb": Format("application/octet-stream", None),
    ".parquet": Format("application/vnd.apache.parquet", None),
    ".kml": Format("application/vnd.google-earth.kml+xml", None),
    ".shp.zip": Format("application/zip", None),
}
"""By the suffix that names each."""
