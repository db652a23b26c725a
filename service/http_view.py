"""GraphQL over HTTP and WebSocket: who asks, how much may come in, and how refusals are told."""

from __future__ import annotations

import datetime as dt
import shutil
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict
from zoneinfo import ZoneInfo

import orjson
from anyio import to_thread
from cross_web import AsyncHTTPRequestAdapter, HTTPException, StarletteRequestAdapter
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.websockets import WebSocket
from strawberry import UNSET
from strawberry.asgi import GraphQL
from strawberry.exceptions import ConnectionRejectionError
from strawberry.http.parse_content_type import parse_content_type
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL

from geo.errors import LimitExceededError, TooCostlyError, WanggeError
from resolvers.context import Context, Shared
from resolvers.events import Hub
from resolvers.rights import Right, require
from resolvers.uploads import Desk
from schema.build import schema
from schema.request import RequestContext
from service import graphiql
from service.errors import outcome_of
from service.http_forms import FormLimits, SilentError, receive_form, too_large
from service.http_sockets import GREETING_S, MAX_SOCKETS, MAX_SUBSCRIPTIONS, Handler, TextSocket

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope, Send
    from strawberry.types.unset import UnsetType

    from service.settings import Settings

MAX_QUERY_BYTES = 8_000_000
"""Largest body of a query with its variables; 10000 points take about a tenth of it."""

MAX_FORMS_WAITING = 8
"""Forms that may be received, or wait for their turn, beside those that are imported."""

RETRY_S = 10
"""When to come again if too many are there."""


class AppState(TypedDict):
    """What the application's lifespan gives to requests."""

    shared: Shared
    hub: Hub
    desk: Desk
    folder: Path
    """Where files that are sent lie until they are read."""


class FormRequest(StarletteRequestAdapter):
    """A request whose form we receive ourselves."""

    def __init__(self, request: Request) -> None:
        super().__init__(request)
        self.request = request


class View(GraphQL[RequestContext, None]):
    """Strawberry's view, with JSON by orjson, our context and our own limits.

    Parameters
    ----------
    settings
        Whose timezone says which day it is, and how large a file may be.
    """

    request_adapter_class = FormRequest
    websocket_adapter_class = TextSocket
    graphql_transport_ws_handler_class = Handler

    def __init__(self, settings: Settings) -> None:
        super().__init__(
            schema,
            subscription_protocols=(GRAPHQL_TRANSPORT_WS_PROTOCOL,),
            connection_init_wait_timeout=dt.timedelta(seconds=GREETING_S),
            multipart_uploads_enabled=True,
            max_subscriptions_per_connection=MAX_SUBSCRIPTIONS,
        )
        self._timezone = ZoneInfo(settings.timezone)
        self._limits = FormLimits(settings.max_upload_mb << 20)
        self._max_forms = settings.imports_at_once + MAX_FORMS_WAITING
        self._forms = 0
        self._sockets = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, of a body that is not too large, or a connection."""
        if scope["type"] == "websocket":
            await self._connect(scope, receive, send)
        elif _is_form(scope):
            await self._receive(scope, receive, send)
        else:
            await super().__call__(scope, _bounded(receive), send)

    async def get_context(
        self, request: Request | WebSocket, response: Response | WebSocket
    ) -> RequestContext:
        """Return the request's own context."""
        state = request.state
        fresh = partial(self._fresh, state.shared, bearer(request.headers.get("authorization")))
        return RequestContext(fresh(), fresh=fresh, hub=state.hub, desk=state.desk)

    async def on_ws_connect(self, context: RequestContext) -> UnsetType:
        """Let in who may read; a key may come in the first message."""
        named = _key_in(context.connection_params)
        if named is not None:
            context.fresh = partial(self._fresh, context.reading.shared, bearer(named) or "")
        try:
            await context.begin().require_reader()
        except WanggeError as error:
            raise ConnectionRejectionError from error
        nothing_to_say: UnsetType = UNSET
        return nothing_to_say

    def parse_json(self, data: str | bytes) -> Any:  # noqa: ANN401 - JSON
        """Read a body, which is no bare value, or a parameter of the address."""
        read = super().parse_json(data)
        if isinstance(data, bytes) and not isinstance(read, dict | list):  # a list is a batch
            raise HTTPException(400, "the body must be a JSON object with the field `query`")
        return read

    async def parse_multipart(self, request: AsyncHTTPRequestAdapter) -> Any:  # noqa: ANN401 - JSON with files in it
        """Return a form's operations with its files, which go to the disk as they come in."""
        if not isinstance(request, FormRequest):
            raise TypeError("the request is not one of this view")
        return await receive_form(request.request, request.request.scope[_ROOM], self._limits)

    def encode_json(self, data: object) -> bytes:
        """Write JSON; ready text passes through."""
        return orjson.dumps(data)

    def decode_json(self, data: str | bytes) -> object:
        """Read JSON."""
        return orjson.loads(data)

    @property
    def graphql_ide_html(self) -> str:
        """The page for a browser."""
        return graphiql.page()

    def _fresh(self, shared: Shared, key: str | None) -> Context:
        """Return a context that knows nothing yet, on the day that it is now."""
        return Context(shared, today=dt.datetime.now(self._timezone).date(), key=key)

    async def _connect(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a connection, unless there are too many."""
        if self._sockets >= MAX_SOCKETS:
            crowd = TooCostlyError(f"{MAX_SOCKETS} connections are open here; come again later")
            await WebSocket(scope, receive, send).send_denial_response(refusal(crowd, 503))
            return
        self._sockets += 1
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._sockets -= 1

    async def _receive(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a form, which is for those who may import; others are refused unread."""
        request = Request(scope, receive)
        room = None
        try:
            await self._admit(request)
            self._forms += 1
            room = Path(tempfile.mkdtemp(dir=request.state.folder))
            scope[_ROOM] = room
            await super().__call__(scope, receive, send)
        except (WanggeError, SilentError) as error:
            await _refused(error)(scope, receive, send)
        except ClientDisconnect:
            pass  # nobody is there to be answered
        finally:
            if room is not None:
                self._forms -= 1
                await to_thread.run_sync(partial(shutil.rmtree, room, ignore_errors=True))

    async def _admit(self, request: Request) -> None:
        """Refuse a form by what is known of it before it is read."""
        key = bearer(request.headers.get("authorization"))
        await require(self._fresh(request.state.shared, key), Right.MAKE_DRAFTS)
        length = request.headers.get("content-length", "")
        if length.isdigit() and int(length) > self._limits.body_bytes:
            raise LimitExceededError(too_large(self._limits))
        if self._forms >= self._max_forms:
            raise TooCostlyError(f"{self._forms} files are being imported here; come again later")


_ROOM = "wangge.room"
"""Where in a request's scope the folder of its files is told."""


def bearer(header: str | None) -> str | None:
    """Return the key of ``Bearer …``, the value of the header Authorization; None without one."""
    scheme, _, key = (header or "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else None


def _key_in(said: dict[str, object]) -> str | None:
    """Return what a client's first message says in the place of the header Authorization."""
    for name, value in said.items():
        if name.lower() == "authorization" and isinstance(value, str):
            return value
    return None


def refusal(error: WanggeError, status: int) -> Response:
    """Return an error as the answer to a whole request."""
    told = {"message": str(error), "extensions": error.extensions}
    headers = {"Retry-After": str(RETRY_S)} if status == 503 else None  # noqa: PLR2004 - its number
    content = orjson.dumps({"data": None, "errors": [told]})
    return Response(content, status, headers, media_type="application/json")


def _refused(error: WanggeError | SilentError) -> Response:
    if isinstance(error, SilentError):
        return refusal(LimitExceededError("the rest of the form did not come in time"), 408)
    if isinstance(error, LimitExceededError):
        return refusal(error, 413)
    if isinstance(error, TooCostlyError):
        return refusal(error, 503)
    return refusal(error, outcome_of(error).http_status)


def _is_form(scope: Scope) -> bool:
    """Return whether a request brings a multipart form."""
    if scope["type"] != "http" or scope["method"] != "POST":
        return False
    kind, _ = parse_content_type(Request(scope).headers.get("content-type", ""))
    return kind == "multipart/form-data"


def _bounded(receive: Receive) -> Receive:
    """Refuse a body that is too large while it comes in."""
    seen = 0

    async def bounded() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > MAX_QUERY_BYTES:
            raise HTTPException(413, f"a query may have {MAX_QUERY_BYTES} bytes at most")
        return message

    return bounded
