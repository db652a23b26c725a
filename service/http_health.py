"""Whether the process and its database are well, and what they have done."""

from __future__ import annotations

import asyncio
import datetime as dt
import ipaddress
import logging
from functools import partial
from typing import TYPE_CHECKING

import orjson
from prometheus_client import CONTENT_TYPE_LATEST
from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import Response
from starlette.routing import Route

from geo.errors import NoDatabaseError, UnauthenticatedError
from resolvers.context import Context
from service.http_answers import JSON, Refused
from service.http_view import bearer
from storage import editions
from storage.migrate import MigrationStatus, status

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

    from service.metrics import Metrics
    from service.settings import Settings

LOG = logging.getLogger("wangge.service")

READY_TIMEOUT_S = 5.0
"""How long the database may take to say that it is there."""

_PASSED_ON = ("forwarded", "x-forwarded-for", "x-real-ip", "via")


def health_routes(settings: Settings, url: str, metrics: Metrics) -> list[Route]:
    """Return ``/healthz``, ``/readyz`` and, unless it is switched off, ``/metrics``.

    Parameters
    ----------
    url
        Of the database.
    metrics
        What is counted.
    """
    routes = [
        Route("/healthz", _healthy),
        Route("/readyz", partial(_ready, url)),
    ]
    if settings.metrics != "off":
        admitted = _anybody if settings.metrics == "open" else _require_local
        routes.append(Route("/metrics", partial(_told, metrics, admitted)))
    return routes


async def _healthy(_request: Request) -> Response:
    """Say that the process is up."""
    return _json({"up": True}, 200)


async def _ready(url: str, _request: Request) -> Response:
    """Say whether queries can be answered."""
    reason = await _unready(url)
    return _json({"ready": reason is None, "reason": reason}, 200 if reason is None else 503)


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


async def _told(
    metrics: Metrics, admitted: Callable[[Request], Awaitable[None]], request: Request
) -> Response:
    """Tell Prometheus what is counted."""
    try:
        await admitted(request)
    except Refused as refused:
        return refused.response(JSON)
    state = request.state
    now: dict[str, float] = {
        "imports_running": state.desk.busy,
        "questions_running": len(state.shared.asked),
        **await _database_now(_context(request)),
    }
    return Response(metrics.text(**now), media_type=CONTENT_TYPE_LATEST)


async def _database_now(context: Context) -> dict[str, float]:
    """Return the newest edition, if the database answers."""
    try:
        async with asyncio.timeout(READY_TIMEOUT_S):
            newest = await context.ask(editions.newest)
    except (TimeoutError, NoDatabaseError, SQLAlchemyError):
        return {"database_up": 0}
    return {"database_up": 1, "edition": newest.number if newest else 0}


async def _anybody(_request: Request) -> None:
    """Admit everyone."""


async def _require_local(request: Request) -> None:
    """Admit this machine, and whoever has a key.

    Raises
    ------
    Refused
        If it is somebody else. A request that a proxy passes on comes from elsewhere, although
        the proxy may run here.
    """
    if _is_local(request):
        return
    try:
        who = await _context(request).principal()
    except UnauthenticatedError:
        who = None
    if who is None:
        raise Refused(
            "what is counted is told to this machine and to those with a key: send one as the "
            "header Authorization: Bearer wg_…",
            status=401,
            code=UnauthenticatedError.code,
            headers={"WWW-Authenticate": "Bearer"},
        )


def _is_local(request: Request) -> bool:
    if request.client is None or any(name in request.headers for name in _PASSED_ON):
        return False
    try:
        return ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False


def _context(request: Request) -> Context:
    key = bearer(request.headers.get("authorization"))
    today = dt.datetime.now(request.state.shared.timezone).date()
    return Context(request.state.shared, today=today, key=key)


def _json(content: object, status_code: int) -> Response:
    headers = {"Cache-Control": "no-store"}
    return Response(orjson.dumps(content), status_code, headers, media_type=JSON)
