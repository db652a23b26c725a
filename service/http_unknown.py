"""What is told of a path that is none, or a method that it does not take."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from starlette.responses import PlainTextResponse

from geo.errors import BadInputError, UnknownError
from service.http_answers import GRAPHQL_JSON, JSON, Refused
from service.negotiation import best_type

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request
    from starlette.responses import Response

_TEXT = "text/plain"
_LONGEST = 200
"""Characters of a path that are told."""


async def no_such_path(request: Request, _: Exception) -> Response:
    """Answer that there is nothing at a path."""
    refused = Refused(
        f"there is nothing at {request.url.path[:_LONGEST]}",
        status=HTTPStatus.NOT_FOUND,
        code=UnknownError.code,
    )
    return _told(request, refused)


async def no_such_method(request: Request, error: Exception) -> Response:
    """Answer that a path takes other methods."""
    headers: dict[str, str] = dict(getattr(error, "headers", None) or {})
    allowed = headers.get("Allow", "another")
    refused = Refused(
        f"{request.method[:_LONGEST]} means nothing here: use {allowed}",
        status=HTTPStatus.METHOD_NOT_ALLOWED,
        code=BadInputError.code,
        headers=headers,
    )
    return _told(request, refused)


def _told(request: Request, refused: Refused) -> Response:
    """Tell it in the form that the client takes: JSON, unless it wants a text for people."""
    accepted = request.headers.get("accept", "")
    best = best_type(accepted, (JSON, GRAPHQL_JSON, _TEXT, "text/html"), default=JSON)
    if best in {JSON, GRAPHQL_JSON}:
        return refused.response(best)
    return PlainTextResponse(
        str(refused), refused.status, {"Cache-Control": "no-store", **refused.headers}
    )


HANDLERS: dict[int, Callable[[Request, Exception], Awaitable[Response]]] = {
    HTTPStatus.NOT_FOUND: no_such_path,
    HTTPStatus.METHOD_NOT_ALLOWED: no_such_method,
}
"""For Starlette, by status."""
