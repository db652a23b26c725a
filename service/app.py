"""The ASGI application: GraphQL, and whether the process and its database are well."""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TypedDict
from zoneinfo import ZoneInfo

import orjson
from cross_web import HTTPException
from sqlalchemy.exc import SQLAlchemyError
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from strawberry.asgi import GraphQL

from geo.errors import NoDatabaseError
from resolvers.context import Context, Shared
from schema.build import schema
from schema.request import RequestContext
from service import graphiql
from service.settings import Settings, read_settings
from storage.engine import make_engine
from storage.migrate import MigrationStatus, status

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.types import Message, Receive, Scope, Send
    from starlette.websockets import WebSocket

LOG = logging.getLogger("wangge.service")

MAX_QUERY_BYTES = 8_000_000
"""Largest body of a query with its variables; 10000 points take about a tenth of it."""

READY_TIMEOUT_S = 5.0
"""How long the database may take to say that it is there."""

_GZIP_LEVEL = 1  # 2 ms for a large answer; level 9 takes twenty times as long
_GZIP_FROM_BYTES = 1000


class AppState(TypedDict):
    """What the application's lifespan gives to requests."""

    shared: Shared


class View(GraphQL[RequestContext, None]):
    """Strawberry's view, with JSON by orjson and our context.

    Parameters
    ----------
    settings
        Whose timezone says which day it is.
    """

    def __init__(self, settings: Settings) -> None:
        super().__init__(schema)
        self._timezone = ZoneInfo(settings.timezone)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, of a body that is not too large."""
        await super().__call__(scope, _bounded(receive), send)

    async def get_context(
        self, request: Request | WebSocket, response: Response | WebSocket
    ) -> RequestContext:
        """Return the request's own context."""
        shared: Shared = request.state.shared
        today = dt.datetime.now(self._timezone).date()
        return RequestContext(Context(shared, today=today, key=bearer(request)))

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


def bearer(request: Request | WebSocket) -> str | None:
    """Return the key of the header ``Authorization: Bearer …``; None without one."""
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else None


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


def make_app(settings: Settings, url: str) -> Starlette:
    """Make the application.

    Parameters
    ----------
    settings
        Of the process.
    url
        SQLAlchemy URL of a migrated database. The application opens its own pool when it
        starts, and closes it when it ends.
    """

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[AppState]:
        engine = make_engine(url)
        try:
            yield {"shared": Shared(engine, public=settings.public)}
        finally:
            await engine.dispose()

    async def ready(_request: Request) -> Response:
        reason = await _unready(url)
        return _json({"ready": reason is None, "reason": reason}, 200 if reason is None else 503)

    routes = [
        Route("/graphql", View(settings)),
        Route("/healthz", _healthy),
        Route("/readyz", ready),
        Route("/", _home),
    ]
    gzip = Middleware(GZipMiddleware, minimum_size=_GZIP_FROM_BYTES, compresslevel=_GZIP_LEVEL)
    return Starlette(routes=routes, middleware=[gzip], lifespan=lifespan)


def from_environment() -> Starlette:
    """Make the application of a worker, whose database was opened by its parent."""
    settings = read_settings()
    if settings.database_url is None:
        raise NoDatabaseError("a worker finds its database by DATABASE_URL, which is not set")
    return make_app(settings, settings.database_url)


async def _healthy(_request: Request) -> Response:
    """Say that the process is up."""
    return _json({"up": True}, 200)


async def _home(_request: Request) -> Response:
    """Lead a browser to the one page there is."""
    return RedirectResponse("graphql")


async def _unready(url: str) -> str | None:
    """Return why the service cannot answer; None when it can."""
    try:
        found = await asyncio.wait_for(asyncio.to_thread(status, url), READY_TIMEOUT_S)
    except TimeoutError:
        return f"the database did not answer within {READY_TIMEOUT_S:g} s"
    except (NoDatabaseError, SQLAlchemyError) as error:
        LOG.warning("the database is not ready: %s", error)
        return "the database does not answer"  # the details may name hosts
    return _behind(found)


def _behind(found: MigrationStatus) -> str | None:
    if not found.pending:
        return None
    return (
        f"the tables are at revision {found.current or 'none'} and must be at {found.head}: run "
        "`wangge db upgrade`"
    )


def _json(content: object, status_code: int) -> Response:
    return Response(orjson.dumps(content), status_code, media_type="application/json")
