"""The ASGI application: its routes, what each request passes on its way, and what it starts."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route, WebSocketRoute

from geo.errors import NoDatabaseError
from geo.pace import WalkDefaults
from resolvers.context import Cache, Shared
from resolvers.events import Hub
from resolvers.known import Known
from resolvers.uploads import Desk, keep_swept
from service import http_export, http_limits, http_tiles
from service.http_compression import Compressed
from service.http_graphql import MAX_QUERY_BYTES
from service.http_health import health_routes
from service.http_lane import Application, Lane
from service.http_limits import Gate
from service.http_trace import HEADER, Traced, watch_statements
from service.http_unknown import HANDLERS
from service.http_view import AppState, View
from service.memory import keep_trimmed
from service.metrics import Metrics
from service.settings import Settings, read_settings
from service.upload_folder import upload_folder
from sources.apart import Limits
from storage.engine import make_engine

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine

    from starlette.requests import Request

__all__ = ["MAX_QUERY_BYTES", "from_environment", "make_app"]

LAST_ANSWERS_S = 5.0
"""How long the last questions may take to be answered, though nobody waits, before the end."""

READ_TIMES = 2
"""PostgreSQL itself ends what reads after so many times the time of a request: where the process
that would have ended it is gone, or cut off."""

PREFLIGHT_S = 7200
"""How long a browser may remember what a page of another origin may do; Chromium forgets then."""
_EXPOSED = ("ETag", "Retry-After", "Server-Timing", "Wangge-Edition", HEADER)


def make_app(settings: Settings, url: str) -> Application:
    """Make the application.

    Parameters
    ----------
    settings
        Of the process.
    url
        SQLAlchemy URL of a migrated database. The application opens its own pool when it
        starts, and closes it when it ends.
    """
    metrics = Metrics()

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[AppState]:
        engine = make_engine(url, read_s=READ_TIMES * settings.request_seconds)
        watch_statements(engine)
        metrics.watch_pool(engine)
        limits = Limits(memory_mb=settings.read_memory_mb, seconds=settings.read_seconds)
        desk = Desk(settings.imports_at_once, limits)
        shared = Shared(
            engine,
            public=settings.public,
            timezone=ZoneInfo(settings.timezone),
            walk=WalkDefaults(settings.walk_minutes, settings.walk_speed_kmh),
            tiles=Cache(settings.tile_memory_mb << 20),
            known=Known(kept=settings.fast),
            holds=settings.fast,
        )
        hub = Hub(engine, shared.known)
        try:
            with upload_folder() as folder:
                async with _beside(hub.run(), keep_swept(engine), keep_trimmed()):
                    yield {"shared": shared, "hub": hub, "desk": desk, "folder": folder}
                    await desk.closed()
        finally:
            if shared.asked:
                await asyncio.wait(shared.asked, timeout=LAST_ANSWERS_S)
            await engine.dispose()
            metrics.close()

    view = View(settings)
    questions = Route("/graphql", view)
    routes = [
        questions,
        WebSocketRoute("/graphql", view),
        *health_routes(settings, url, metrics),
        *http_export.routes(settings),
        *http_tiles.routes(settings),
        Route("/", _home),
    ]
    gate = Gate(settings)
    passed = _passed(settings, metrics, gate)
    application = Application(
        routes=routes, middleware=passed, exception_handlers=HANDLERS, lifespan=lifespan
    )
    origins = bool(settings.cors_origins)
    application.lane = Lane(questions, view, gate, metrics, origins=origins)
    return application


def _passed(settings: Settings, metrics: Metrics, gate: Gate) -> list[Middleware]:
    """Return what each request passes, the outermost first."""
    passed = [Middleware(Traced, metrics=metrics)]
    if settings.cors_origins:
        # Keys come in a header that a page must know: no browser sends one by itself, so that no
        # page of another origin can ask in the name of a visitor, and credentials are not needed.
        passed.append(
            Middleware(
                CORSMiddleware,
                allow_origins=settings.cors_origins,
                allow_methods=("GET", "POST"),
                allow_headers=("*",),
                expose_headers=_EXPOSED,
                max_age=PREFLIGHT_S,
            )
        )
    passed.append(Middleware(Compressed))
    passed.append(Middleware(http_limits.Limits, gate=gate))
    return passed


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


def from_environment() -> Application:
    """Make the application of a worker, whose database was opened by its parent."""
    settings = read_settings()
    if settings.database_url is None:
        raise NoDatabaseError("a worker finds its database by DATABASE_URL, which is not set")
    return make_app(settings, settings.database_url)


async def _home(_request: Request) -> Response:
    """Lead a browser to the one page there is."""
    return RedirectResponse("graphql")
