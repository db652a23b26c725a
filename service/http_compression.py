"""Compresses text on its way out: zstd, Brotli or gzip, whichever the client takes."""

from __future__ import annotations

import asyncio
from functools import lru_cache
from typing import TYPE_CHECKING

from starlette.datastructures import MutableHeaders

from service.encodings import OFFERED, Piecewise, compress, piecewise
from service.negotiation import REMEMBERED, best_encoding

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    Headers = list[tuple[bytes, bytes]]

FROM_BYTES = 1000
"""What is shorter fits into one packet anyhow."""
ASIDE_BYTES = 1 << 18
"""What is longer is compressed in a thread, so that others are answered meanwhile."""

ACCEPT = b"accept-encoding"
_NO_BODY = frozenset({204, 304})
_AS_IT_IS = frozenset({b"content-encoding", b"content-range"})
_EVENTS = "text/event-stream"


class Compressed:
    """Middleware: compresses bodies of text and JSON that are not compressed already.

    Notes
    -----
    No answer holds a secret beside what a stranger has said, so that its length tells nothing
    (BREACH): keys come in a header and are never told back.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] == "http":
            said = b", ".join(value for name, value in scope["headers"] if name == ACCEPT)
            send = _Out(send, encoding_of(said.decode("latin-1"))).send
        await self._app(scope, receive, send)


def encoding_of(said: str) -> str | None:
    """Return what to compress with, by the value of the header Accept-Encoding."""
    return best_encoding(said, OFFERED)


async def pack(response: Response, encoding: str | None) -> None:
    """Compress a whole answer if that is worth it; its head follows its body."""
    raw = response.raw_headers
    if response.status_code in _NO_BODY or not _is_text(raw):
        return
    _vary(raw)
    if encoding is not None and len(response.body) >= FROM_BYTES:
        response.body = await _squeezed(bytes(response.body), encoding)
        _label(raw, encoding, len(response.body))


class _Out:
    """One answer on its way."""

    def __init__(self, send: Send, encoding: str | None) -> None:
        self._send = send
        self._encoding = encoding
        self._start: Message = {}
        self._worker: Piecewise | None = None
        self._plain = False

    async def send(self, message: Message) -> None:
        """Send a message on, compressed if that is worth it."""
        if message["type"] == "http.response.start":
            self._begin(message)
        if message["type"] == "http.response.body" and not self._plain:
            await self._body(message)
        elif message["type"] != "http.response.start" or self._plain:
            await self._send(message)

    def _begin(self, message: Message) -> None:
        """Decide by the head; it is held back until the first of the body is there."""
        raw = message.setdefault("headers", [])
        self._start = message
        fits = message["status"] not in _NO_BODY and _is_text(raw)
        if fits:
            _vary(raw)
        self._plain = not fits or self._encoding is None

    async def _body(self, message: Message) -> None:
        body, more = message.get("body", b""), message.get("more_body", False)
        if self._worker is None and not more:
            await self._whole(body)
            return
        if self._worker is None:
            self._worker = piecewise(self._encoding or "")
            await self._head(None)
        made = self._worker.add(body) + (b"" if more else self._worker.end())
        if made or not more:
            await self._send({"type": "http.response.body", "body": made, "more_body": more})

    async def _whole(self, body: bytes) -> None:
        """Send a body that is there at once."""
        encoding = self._encoding or ""
        if len(body) < FROM_BYTES:
            await self._send(self._start)
        else:
            body = await _squeezed(body, encoding)
            await self._head(len(body))
        await self._send({"type": "http.response.body", "body": body, "more_body": False})

    async def _head(self, length: int | None) -> None:
        """Send the head of a compressed body."""
        _label(self._start["headers"], self._encoding or "", length)
        await self._send(self._start)


async def _squeezed(body: bytes, encoding: str) -> bytes:
    if len(body) > ASIDE_BYTES:
        return await asyncio.to_thread(compress, body, encoding)
    return compress(body, encoding)


def _label(raw: Headers, encoding: str, length: int | None) -> None:
    """Say how a body is compressed, and how long it is then if that is known."""
    headers = MutableHeaders(raw=raw)
    headers["Content-Encoding"] = encoding
    if length is None:
        del headers["Content-Length"]
    else:
        headers["Content-Length"] = str(length)
    tag = headers.get("etag", "")
    if tag and not tag.startswith("W/"):  # the same only by its meaning: RFC 9110, 8.8.3
        headers["ETag"] = f"W/{tag}"


def _vary(raw: Headers) -> None:
    """Say that an answer depends on the header Accept-Encoding."""
    for at, (name, value) in enumerate(raw):
        if name == b"vary":
            raw[at] = name, value + b", Accept-Encoding"
            return
    raw.append((b"vary", b"Accept-Encoding"))


def _is_text(raw: Headers) -> bool:
    """Return whether a body is one that becomes smaller, and may be changed."""
    kind = b""
    for name, value in raw:
        if name in _AS_IT_IS or (name == b"cache-control" and b"no-transform" in value):
            return False
        if name == b"content-type":
            kind = value
    return _is_text_type(kind)


@lru_cache(maxsize=REMEMBERED)
def _is_text_type(said: bytes) -> bool:
    kind = said.decode("latin-1").partition(";")[0].strip().lower()
    if kind == _EVENTS:
        return False
    return kind.startswith("text/") or kind.endswith(("json", "json-seq", "xml", "javascript"))
