"""The ASGI application: GraphQL, and whether the process and its database are well."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import orjson
from sqlalchemy.exc import SQLAlchemyError
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route, WebSocketRoute

from geo.errors import NoDatabaseError
from geo.pace import WalkDefaults
from resolvers.context import Shared
from resolvers.events import Hub
from resolvers.known import Known
from resolvers.uploads import Desk, keep_swept
from service.http_view import MAX_QUERY_BYTES, AppState, View
from service.settings import Settings, read_settings
from service.upload_folder import upload_folder
from sources.apart import Limits
from storage.engine import make_engine
from storage.migrate import MigrationStatus, status

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine

    from starlette.requests import Request

__all__ = ["MAX_QUERY_BYTES", "from_environment", "make_app"]

LOG = logging.getLogger("wangge.service")

READY_TIMEOUT_S = 5.0
"""How long the database may take to say that it is there."""

LAST_ANSWERS_S = 5.0
"""How long the last questions may take to be answered, though nobody waits, before the end."""

_GZIP_LEVEL = 1  # 2 ms for a large answer; level 9 takes twenty times as long
_GZIP_FROM_BYTES = 1000


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
        limits = Limits(memory_mb=settings.read_memory_mb, seconds=settings.read_seconds)
        desk = Desk(settings.imports_at_once, limits)
        shared = Shared(
            engine,
            public=settings.public,
            timezone=ZoneInfo(settings.timezone),
            walk=WalkDefaults(settings.walk_minutes, settings.walk_speed_kmh),
            known=Known(kept=settings.fast),
            holds=settings.fast,
        )
        hub = Hub(engine, shared.known)
        try:
            with upload_folder() as folder:
                async with _beside(hub.run(), keep_swept(engine)):
                    yield {"shared": shared, "hub": hub, "desk": desk, "folder": folder}
                    await desk.closed()
        finally:
            if shared.asked:
                await asyncio.wait(shared.asked, timeout=LAST_ANSWERS_S)
            await engine.dispose()

    async def ready(_request: Request) -> Response:
        reason = await _unready(url)
        return _json({"ready": reason is None, "reason": reason}, 200 if reason is None else 503)

    view = View(settings)
    routes = [
        Route("/graphql", view),
        WebSocketRoute("/graphql", view),
        Route("/healthz", _healthy),
        Route("/readyz", ready),
        Route("/", _home),
    ]
    gzip = Middleware(GZipMiddleware, minimum_size=_GZIP_FROM_BYTES, compresslevel=_GZIP_LEVEL)
    return Starlette(routes=routes, middleware=[gzip], lifespan=lifespan)


@asynccontextmanager
async def _beside(*works: Coroutine[object, object, None]) -> AsyncIterator[None]:
    """Let work go on beside the block, and end it with the block."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


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
