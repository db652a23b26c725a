"""The short way of most questions: those that come by POST in JSON.

They pass what every request passes (a name and a time, a bucket, the view, compression), by the
same functions, but without a callable and a wrapped ``send`` around each: that took longer than the
answers. Everything else, and what is odd about a head, takes the usual way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect

from service.http_answers import JSON, Refused, media_for
from service.http_compression import ACCEPT, encoding_of, packed
from service.http_graphql import asked_by_post, body_type, header_of
from service.http_limits import Asker, too_often
from service.http_trace import Tracing, failed, sign, trace_of
from service.http_view import CLIENT_LEFT
from service.leaving import WATCHED, Watched, heard

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.routing import Route
    from starlette.types import Receive, Scope, Send

    from service.http_limits import Gate
    from service.http_trace import Trace
    from service.http_view import View
    from service.metrics import Metrics

_UTF8 = frozenset({"utf-8", "utf8"})


class Lane:
    """Answers questions that come by POST in JSON.

    Parameters
    ----------
    route
        The view's, by which requests are counted.
    view
        Answers.
    gate
        Says how often one may ask.
    metrics
        Where requests are counted.
    origins
        Whether pages of other origins may ask: their requests take the usual way.
    """

    def __init__(
        self, route: Route, view: View, gate: Gate, metrics: Metrics, *, origins: bool
    ) -> None:
        self._route = route
        self._view = view
        self._gate = gate
        self._metrics = metrics
        self._origins = origins

    def takes(self, scope: Scope) -> bool:
        """Return whether a request takes this way."""
        if scope["type"] != "http" or scope["method"] != "POST":
            return False
        if scope["path"] != self._route.path or scope.get("root_path"):
            return False
        head = dict(scope["headers"])
        if len(head) != len(scope["headers"]) or (self._origins and b"origin" in head):
            return False
        kind, charset = body_type(head.get(b"content-type", b"").decode("latin-1"))
        return kind == JSON and charset in _UTF8

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request of which :meth:`takes` said so."""
        scope["route"] = self._route
        with Tracing(scope, self._metrics) as trace:
            try:
                response = await self._response(scope, receive)
            except ClientDisconnect:
                trace.status = CLIENT_LEFT
            except Exception:
                await _send(failed(trace), trace, send)
                raise
            else:
                await _pack(scope, response)
                await _send(response, trace, send)

    async def _response(self, scope: Scope, receive: Receive) -> Response:
        """Return the answer to a request, or why there is none."""
        asker = Asker.of(scope)
        if wait := await self._gate.wait(asker):
            return too_often(wait)
        watched = scope[WATCHED] = Watched()
        media = JSON
        try:
            media = media_for(header_of(scope, b"accept") or "")
            asked = await asked_by_post(scope, receive)
            response = await heard(self._view.post(scope, asked, media), receive, watched)
        except Refused as refused:
            trace_of(scope).refused(refused)
            response = refused.response(media)
        if watched.refused:
            self._gate.charge(asker)
        return response


async def _pack(scope: Scope, response: Response) -> None:
    """Compress an answer as its client takes it."""
    encoding = encoding_of(header_of(scope, ACCEPT) or "")
    body, headers = bytes(response.body), response.raw_headers
    response.body = await packed(response.status_code, headers, body, encoding)


class Application(Starlette):
    """Starlette's, with a short way for most questions; all else takes the usual one."""

    lane: Lane | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, a connection, or the server that starts and stops."""
        if self.lane is not None and self.lane.takes(scope):
            await self.lane.answer(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


async def _send(response: Response, trace: Trace, send: Send) -> None:
    """Send a whole answer, signed."""
    headers, body = response.raw_headers, response.body
    sign(trace, response.status_code, headers)
    trace.sent = len(body)
    await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
    await send({"type": "http.response.body", "body": body})
