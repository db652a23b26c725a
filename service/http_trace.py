"""Every request has an id, a time and a line in the log, and is counted."""

from __future__ import annotations

import logging
import re
import time
from contextvars import ContextVar
from dataclasses import dataclass, field
from random import getrandbits
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import event
from starlette.responses import Response

from schema.masking import MASK

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import Connection
    from sqlalchemy.ext.asyncio import AsyncEngine
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from service.http_answers import Refused
    from service.metrics import Metrics

LOG = logging.getLogger("wangge.access")

HEADER = "X-Request-ID"
_HEADER = HEADER.lower().encode()
_SANE = re.compile(rb"[A-Za-z0-9._:+/=@-]{1,128}\Z")
MAX_NAME = 80
"""Letters of an operation's name that are logged."""

_TRACE = "wangge.trace"
_BEGAN = "wangge_began"
REQUEST_ID: ContextVar[str] = ContextVar("wangge_request_id", default="")
"""Of the request that runs; log lines carry it."""
_SPENT: ContextVar[Trace | None] = ContextVar("wangge_spent", default=None)


@dataclass(slots=True)
class Trace:
    """What is known of one request by its end."""

    request_id: str
    began: float = field(default_factory=time.perf_counter)
    status: int = 0
    sent: int = 0
    """Bytes of the body."""
    statements: int = 0
    database_s: float = 0.0
    """What all statements took together; siblings run side by side."""
    operation: str | None = None
    codes: list[str] = field(default_factory=list)
    """Of the errors that were told."""

    def failed(self, errors: Sequence[Any] | None) -> None:
        """Note the errors of an answer."""
        for error in errors or ():
            self.codes.append(str((error.extensions or {}).get("code", "UNEXPECTED")))

    def refused(self, refused: Refused) -> None:
        """Note why a request was refused."""
        extensions = refused.told["extensions"]
        self.codes.append(str(extensions["code"] if isinstance(extensions, dict) else "UNEXPECTED"))

    def timing(self) -> str:
        """Return the header Server-Timing, in milliseconds."""
        total_ms = 1000 * (time.perf_counter() - self.began)
        database_ms = 1000 * self.database_s
        return f'total;dur={total_ms:.1f}, db;dur={database_ms:.1f};desc="{self.statements}"'


def trace_of(scope: Scope) -> Trace:
    """Return what is known of a request; a trace of its own where nothing follows it."""
    found = scope.setdefault(_TRACE, None) or Trace("")
    scope[_TRACE] = found
    return found


class Traced:
    """Middleware: names, times, counts and logs each request.

    Parameters
    ----------
    app
        What answers.
    metrics
        Where it is counted.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        with Tracing(scope, self._metrics) as trace:
            try:
                await self._app(scope, receive, _noting(trace, send))
            except Exception:
                if not trace.status and scope["type"] == "http":  # nobody further out knows the id
                    await failed(trace)(scope, receive, _noting(trace, send))
                raise


class Tracing:
    """The time of one request, from its first byte to its line in the log.

    Parameters
    ----------
    scope
        Of the request, where its trace is found from now on.
    metrics
        Where it is counted.
    """

    def __init__(self, scope: Scope, metrics: Metrics) -> None:
        self._scope = scope
        self._metrics = metrics

    def __enter__(self) -> Trace:
        """Begin; what is logged and asked meanwhile belongs to the request."""
        self._trace = trace = Trace(_request_id(self._scope["headers"]))
        self._scope[_TRACE] = trace
        self._named = REQUEST_ID.set(trace.request_id)
        self._spent = _SPENT.set(trace)
        self._running = self._metrics.began(self._scope["type"])
        return trace

    def __exit__(self, *_: object) -> None:
        """Count and log the request, which is over."""
        self._running.dec()
        _SPENT.reset(self._spent)
        self._end(self._scope, self._trace)
        REQUEST_ID.reset(self._named)

    def _end(self, scope: Scope, trace: Trace) -> None:
        seconds = time.perf_counter() - trace.began
        self._metrics.ended(scope, trace, seconds)
        if not LOG.isEnabledFor(logging.INFO):
            return
        method = scope.get("method", "WEBSOCKET")
        facts = {
            "method": method,
            "path": scope["path"],  # without the query, which may hold what is nobody's business
            "status": trace.status,
            "ms": round(1000 * seconds, 1),
            "bytes": trace.sent,
            "statements": trace.statements,
            "operation": trace.operation and trace.operation[:MAX_NAME],
            "codes": sorted(set(trace.codes)),
        }
        LOG.info(
            "%s %s %d in %.1f ms",
            method,
            _printable(scope["path"]),
            trace.status,
            1000 * seconds,
            extra={"facts": {name: fact for name, fact in facts.items() if fact}},
        )


def failed(trace: Trace) -> Response:
    """Return the answer to a request in which a bug was met; the log tells which."""
    told = {"message": MASK, "extensions": {"reference": trace.request_id}}
    return Response(
        orjson.dumps({"errors": [told]}),
        500,
        {"Cache-Control": "no-store"},
        media_type="application/json",
    )


def watch_statements(engine: AsyncEngine) -> None:
    """Let the statements of an engine be counted and timed, each for the request it is run for."""

    def before(connection: Connection, *_: object) -> None:
        connection.info[_BEGAN] = time.perf_counter()

    def after(connection: Connection, *_: object) -> None:
        trace = _SPENT.get()
        if trace is not None:
            trace.statements += 1
            trace.database_s += time.perf_counter() - connection.info[_BEGAN]

    event.listen(engine.sync_engine, "before_cursor_execute", before)
    event.listen(engine.sync_engine, "after_cursor_execute", after)


def _noting(trace: Trace, send: Send) -> Send:
    """Note what is sent, and give the answer its headers."""

    async def noting(message: Message) -> None:
        if message["type"] in {"http.response.start", "websocket.http.response.start"}:
            sign(trace, message["status"], message.setdefault("headers", []))
        elif message["type"] == "http.response.body":
            trace.sent += len(message.get("body", b""))
        elif message["type"] == "websocket.accept":
            trace.status = 101
        await send(message)

    return noting


def sign(trace: Trace, status: int, headers: list[tuple[bytes, bytes]]) -> None:
    """Note an answer that goes out, and give it the headers that tell its id and its time."""
    trace.status = status
    headers.append((_HEADER, trace.request_id.encode()))
    headers.append((b"server-timing", trace.timing().encode()))


def _request_id(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """Return the id that a client or a proxy gave, if it is one, else a new one."""
    for name, value in headers:
        if name == _HEADER:
            return value.decode() if _SANE.match(value) else _new_id()
    return _new_id()


def _new_id() -> str:
    """Return an id that no other request has; it is no secret."""
    return f"{getrandbits(64):016x}"


def _printable(path: str) -> str:
    """Return a path that cannot pass for another line of the log."""
    return path if path.isprintable() else ascii(path)
