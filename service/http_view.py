"""GraphQL over HTTP and WebSocket: who asks, how much may come in, and how refusals are told."""

from __future__ import annotations

import datetime as dt
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypedDict
from zoneinfo import ZoneInfo

import orjson
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, Response
from starlette.websockets import WebSocket
from strawberry import UNSET
from strawberry.asgi import GraphQL
from strawberry.exceptions import ConnectionRejectionError, MissingQueryError
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.types.graphql import OperationType

from geo.errors import TooCostlyError, WanggeError
from resolvers.context import Context, Shared
from resolvers.events import Hub
from resolvers.uploads import Desk
from schema.build import schema
from schema.limits import Limits
from schema.request import RequestContext
from service import graphiql
from service.http_answers import (
    JSON,
    Refused,
    Told,
    is_request_error,
    media_for,
    raw,
    status_for,
)
from service.http_caching import UNCACHED, Tagger, matches
from service.http_form_desk import LATER, FormDesk, is_form
from service.http_graphql import (
    FORM,
    Asked,
    asked_by_post,
    asked_in,
    asked_in_address,
    check_method,
    header_of,
    kind_of,
    not_by_get,
    wants_page,
)
from service.http_sockets import GREETING_S, MAX_SOCKETS, MAX_SUBSCRIPTIONS, Handler, TextSocket
from service.http_trace import trace_of
from service.leaving import watch
from service.persisted import PersistedQueries, refuse_persisted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.types import Receive, Scope, Send
    from strawberry.types import ExecutionResult
    from strawberry.types.unset import UnsetType

    from service.settings import Settings

    Pair = tuple[bytes, bytes]

CLIENT_LEFT = 499
"""What the log says of a request whose client left before it was read; as nginx does."""


class AppState(TypedDict):
    """What the application's lifespan gives to requests."""

    shared: Shared
    hub: Hub
    desk: Desk
    folder: Path
    """Where files that are sent lie until they are read."""


class View(GraphQL[RequestContext, None]):
    """Strawberry's view, with JSON by orjson, our context and our own limits.

    Parameters
    ----------
    settings
        Whose timezone says which day it is, and how large a file may be.
    """

    websocket_adapter_class = TextSocket
    graphql_transport_ws_handler_class = Handler

    def __init__(self, settings: Settings) -> None:
        super().__init__(
            schema,
            subscription_protocols=(GRAPHQL_TRANSPORT_WS_PROTOCOL,),
            connection_init_wait_timeout=dt.timedelta(seconds=GREETING_S),
            multipart_uploads_enabled=True,
            max_subscriptions_per_connection=MAX_SUBSCRIPTIONS,
            allowed_origins=settings.cors_origins,
        )
        self._persisted = PersistedQueries() if settings.persisted_queries else None
        self._tagger = Tagger(settings)
        self._has_page = settings.graphiql
        self._fast = settings.fast
        self._timezone = ZoneInfo(settings.timezone)
        self._question_limits = Limits(
            cost=settings.cost_limit,
            seconds=settings.request_seconds,
            statement_s=settings.statement_seconds,
            introspection=settings.introspection,
        )
        self._forms = FormDesk(settings, self._of)
        self._sockets = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, of a body that is not too large, or a connection."""
        if scope["type"] == "websocket":
            await self._connect(scope, receive, send)
        elif is_form(scope):
            await self._forms.receive(self._respond, scope, receive, send)
        else:
            await self._respond(scope, receive, send)

    async def _respond(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, unless its client leaves before all of it came."""
        try:
            response = await self.run(Request(scope, receive))
        except ClientDisconnect:
            trace_of(scope).status = CLIENT_LEFT
            return
        await response(scope, receive, send)

    async def get_context(
        self, request: Request | WebSocket, response: Response | WebSocket
    ) -> RequestContext:
        """Return the request's own context."""
        return self.context_of(request.scope)

    def context_of(self, scope: Scope) -> RequestContext:
        """Return the context of a request or a connection."""
        state = scope["state"]
        fresh = partial(self._fresh, state["shared"], bearer(header_of(scope, b"authorization")))
        context = RequestContext(
            fresh(),
            fresh=fresh,
            hub=state["hub"],
            desk=state["desk"],
            limits=self._question_limits,
            fast=self._fast,
        )
        watch(scope, context.clock)
        return context

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

    def encode_json(self, data: object) -> bytes:
        """Write JSON; ready text passes through."""
        return orjson.dumps(data)

    def decode_json(self, data: str | bytes) -> object:
        """Read JSON."""
        return orjson.loads(data)

    async def run(self, request: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - Strawberry's
        """Answer a request, or hold a conversation over a WebSocket."""
        if request.scope["type"] == "websocket":
            return await super().run(request, *args, **kwargs)
        media = JSON
        try:
            check_method(request)
            if wants_page(request):
                return self._page()
            media = media_for(header_of(request.scope, b"accept") or "")
            return await self._answer(request, media)
        except Refused as refused:
            trace_of(request.scope).refused(refused)
            return refused.response(media)

    def _page(self) -> Response:
        """Return the page for a browser."""
        if not self._has_page:
            raise Refused("there is no page here; send a query by POST", status=404)
        return HTMLResponse(graphiql.page(), headers={"Vary": "Accept"})

    async def _answer(self, request: Request, media: str) -> Response:
        """Answer a query in a media type."""
        scope = request.scope
        if request.method == "GET":
            return await self._get(request, asked_in_address(request), media)
        if kind_of(request) == FORM:
            return await self.post(scope, asked_in(await self._forms.read(request)), media)
        return await self.post(scope, await asked_by_post(scope, request.receive), media)

    async def post(self, scope: Scope, asked: Asked, media: str) -> Response:
        """Answer what is asked by POST in a media type: nobody holds the answer."""
        asked = self._meant(scope, asked)
        result = await self._execute("POST", asked, self.context_of(scope))
        return self._tell(scope, result, media, _UNCACHED)

    async def _get(self, request: Request, asked: Asked, media: str) -> Response:
        """Answer what is asked by GET in a media type; the answer may be held under its tag."""
        asked = self._meant(request.scope, asked)
        context = self.context_of(request.scope)
        seen = await self._tagger.see(context.reading, asked, media=media)
        if seen and matches(request.headers.get("if-none-match"), seen.tag):
            return Response(status_code=304, headers=seen.headers())
        result = await self._execute("GET", asked, context)
        same = seen and not result.errors and await self._tagger.still(context.reading, seen)
        headers = raw(seen.headers()) if seen and same else _UNCACHED
        return self._tell(request.scope, result, media, headers)

    def _meant(self, scope: Scope, asked: Asked) -> Asked:
        """Return what is asked, with the text of a query that is named by its hash."""
        if self._persisted is None:
            refuse_persisted(asked.extensions)
        elif asked.extensions:
            query = self._persisted.resolve(asked.query, asked.extensions)
            asked = asked._replace(query=query)
        trace_of(scope).operation = asked.operation
        return asked

    async def _execute(
        self, method: Literal["GET", "POST"], asked: Asked, context: RequestContext
    ) -> ExecutionResult:
        """Execute what is asked.

        Raises
        ------
        Refused
            If it cannot be executed by the request's method, or does not say which of its
            operations is meant.
        """
        try:
            result = await self.schema.execute(
                asked.query,
                variable_values=asked.variables,
                context_value=context,
                operation_name=asked.operation,
                allowed_operation_types=_ALLOWED[method],
                operation_extensions=asked.extensions,
            )
        except InvalidOperationTypeError as error:
            raise not_by_get(error.as_http_error_reason("GET")) from error
        except CannotGetOperationTypeError as error:
            raise Refused(error.as_http_error_reason(), legacy=200) from error
        except MissingQueryError as error:
            raise Refused("the field `query` is empty: it holds the text of the query") from error
        if self._persisted is not None and not is_request_error(result.data, result.errors):
            self._persisted.keep(asked.query or "", asked.extensions)
        return result

    def _tell(
        self, scope: Scope, result: ExecutionResult, media: str, headers: Iterable[Pair]
    ) -> Response:
        """Return a result as an answer in a media type."""
        refused = is_request_error(result.data, result.errors)
        # where nothing was executed there is no data, not even null
        told: dict[str, Any] = {} if refused else {"data": result.data}  # JSON
        if result.errors:
            told["errors"] = [error.formatted for error in result.errors]
        if result.extensions:
            told["extensions"] = result.extensions
        trace_of(scope).failed(result.errors)
        status = status_for(media, result.errors, refused=refused)
        return Told(self.encode_json(told), status, headers, media)

    def _of(self, request: Request) -> Context:
        """Return what a request knows at its beginning."""
        key = bearer(request.headers.get("authorization"))
        return self._fresh(request.state.shared, key)

    def _fresh(self, shared: Shared, key: str | None) -> Context:
        """Return a context that knows nothing yet, on the day that it is now."""
        return Context(shared, today=dt.datetime.now(self._timezone).date(), key=key)

    async def _connect(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a connection, unless there are too many."""
        if self._sockets >= MAX_SOCKETS:
            crowd = TooCostlyError(f"{MAX_SOCKETS} connections are open here; come again later")
            denied = Refused.by(crowd, 503, headers=LATER).response(JSON)
            await WebSocket(scope, receive, send).send_denial_response(denied)
            return
        self._sockets += 1
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._sockets -= 1


_ALLOWED = {method: OperationType.from_http(method) for method in ("GET", "POST")}
"""What may be asked by each method."""

_UNCACHED = raw(UNCACHED)


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
