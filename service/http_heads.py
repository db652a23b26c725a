"""The head of a request, bounded before the application hears of it.

uvicorn keeps the lines of a head until they are complete, however many and long they are and
however slowly they come: one connection could take all memory, and a few thousand all sockets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

if TYPE_CHECKING:
    import asyncio

MAX_HEAD_BYTES = 262_144
"""Of the first line and the headers; an address with a query and its variables fits into it."""
HEAD_S = 20.0
"""How long a head may take to come, and a body to go on; and a new connection to send anything."""
BODY_S, LEAST_A_SECOND = 60.0, 1_000
"""Seconds after which a body must have come with so many bytes a second, or it would hold its place
for as long as its sender likes."""

_TOO_LARGE = b"\r\n".join(
    (
        b"HTTP/1.1 431 Request Header Fields Too Large",
        b"content-length: 0",
        b"connection: close",
        b"",
        b"",
    )
)


class BoundedHeads(HttpToolsProtocol):
    """A connection over HTTP/1.1 that is closed when a head is too long, or a request too slow."""

    _in_head = False
    _in_body = False
    _bytes = 0
    _heard = _begun = 0.0
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn itself
        """Take a new connection."""
        super().connection_made(transport)
        self._in_head = True  # which is to come
        self._timer = self.loop.call_later(HEAD_S, self._too_slow)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget a connection that has ended."""
        self._stop()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes; those of what is not complete are counted."""
        super().data_received(data)
        if not (self._in_head or self._in_body):
            return
        self._bytes += len(data)
        if self._in_head and self._bytes > MAX_HEAD_BYTES and not self.transport.is_closing():
            self.transport.write(_TOO_LARGE)
            self.transport.close()
        self._heard = self.loop.time()
        if self._timer is None and not self.transport.is_closing():
            self._timer = self.loop.call_later(HEAD_S, self._too_slow)

    def on_message_begin(self) -> None:
        """Begin a request."""
        self._in_head = True
        self._bytes = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Hand a request on whose head is complete."""
        self._in_head, self._in_body = False, True
        self._bytes, self._begun = 0, self.loop.time()
        self._stop()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """End a request's body."""
        self._in_body = False
        self._stop()
        super().on_message_complete()

    def handle_websocket_upgrade(self) -> None:
        """Leave the connection to a WebSocket, which may be silent as long as it likes."""
        self._in_head = self._in_body = False
        self._stop()
        super().handle_websocket_upgrade()

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _too_slow(self) -> None:
        """Hang up, unless it is we who let the client wait, or bytes of a body came meanwhile."""
        now = self.loop.time()
        left = self._heard + HEAD_S - now if self._in_body else 0.0
        if self._in_body and (self.flow.read_paused or self.cycle.waiting_for_100_continue):
            left, self._bytes, self._begun = HEAD_S, 0, now
        took_s = now - self._begun
        trickles = took_s > BODY_S and self._bytes < LEAST_A_SECOND * took_s
        if left > 0 and not trickles:
            self._timer = self.loop.call_later(left, self._too_slow)
        else:
            self._timer = None
            self.transport.close()
