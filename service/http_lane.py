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
from service.http_compression import ACCEPT, encoding_of, pack
from service.http_graphql import asked_by_post, body_type
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

Head = dict[bytes, bytes]
"""Headers, none of which comes twice."""

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

    def head_of(self, scope: Scope) -> Head | None:
        """Return the headers of a request that takes this way; None where it takes the usual."""
        if scope["type"] != "http" or scope["method"] != "POST":
            return None
        if scope["path"] != self._route.path or scope.get("root_path"):
            return None
        head: Head = dict(scope["headers"])
        if len(head) != len(scope["headers"]) or (self._origins and b"origin" in head):
            return None
        kind, charset = body_type(head.get(b"content-type", b"").decode("latin-1"))
        return head if kind == JSON and charset in _UTF8 else None

    async def answer(self, head: Head, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request.

        Parameters
        ----------
        head
            What :meth:`head_of` returned.
        """
        with Tracing(scope, self._metrics) as trace:
            try:
                response = await self._response(head, scope, receive)
            except ClientDisconnect:
                trace.status = CLIENT_LEFT
            except Exception:
                await _send(failed(trace), trace, send)
                raise
            else:
                await pack(response, encoding_of(head.get(ACCEPT, b"").decode("latin-1")))
                await _send(response, trace, send)

    async def _response(self, head: Head, scope: Scope, receive: Receive) -> Response:
        """Return the answer to a request, or why there is none."""
        asker = Asker.of(scope)
        if wait := await self._gate.wait(asker):
            return too_often(wait)
        scope["route"] = self._route  # as the router says it, of those who are let in
        watched = scope[WATCHED] = Watched()
        media = JSON
        try:
            media = media_for(head.get(b"accept", b"").decode("latin-1"))
            asked = await asked_by_post(scope, receive)
            response = await heard(self._view.post(scope, asked, media), receive, watched)
        except Refused as refused:
            trace_of(scope).refused(refused)
            response = refused.response(media)
        self._gate.charge(asker, watched)
        return response


class Application(Starlette):
    """Starlette's, with a short way for most questions; all else takes the usual one."""

    lane: Lane | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, a connection, or the server that starts and stops."""
        head = self.lane.head_of(scope) if self.lane is not None else None
        if self.lane is None or head is None:
            await super().__call__(scope, receive, send)
        else:
            await self.lane.answer(head, scope, receive, send)


async def _send(response: Response, trace: Trace, send: Send) -> None:
    """Send a whole answer, signed."""
    headers, body = response.raw_headers, response.body
    sign(trace, response.status_code, headers)
    trace.sent = len(body)
    await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
    await send({"type": "http.response.body", "body": body})
