"""A query over HTTP, as the specification GraphQL over HTTP says: how it comes in and is told."""

from __future__ import annotations

from functools import lru_cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
from strawberry.http.parse_content_type import parse_content_type

from service.http_answers import JSON, Refused
from service.http_bodies import read_body
from service.leaving import weigh
from service.negotiation import REMEMBERED, choices

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request
    from starlette.types import Receive, Scope

FORM = "multipart/form-data"
_KINDS = f"{JSON}, {FORM}"

MAX_QUERY_BYTES = 4_000_000
"""Largest body of a query with its variables; 10000 points take about a fifth of it."""


class Asked(NamedTuple):
    """What one request asks."""

    query: str | None
    operation: str | None
    variables: dict[str, Any] | None
    extensions: dict[str, Any] | None


def header_of(scope: Scope, name: bytes) -> str | None:
    """Return the first value of a header; a few of Starlette's mappings take longer than the rest.

    Parameters
    ----------
    name
        In lower case.
    """
    for said, value in scope["headers"]:
        if said == name:
            found: str = value.decode("latin-1")
            return found
    return None


def check_method(request: Request) -> None:
    """Refuse what is neither GET nor POST.

    Raises
    ------
    Refused
        With the methods that there are.
    """
    if request.method not in {"GET", "POST"}:
        raise Refused(
            f"{request.method} means nothing here: send a query by POST or GET",
            status=HTTPStatus.METHOD_NOT_ALLOWED,
            headers={"Allow": "GET, POST"},
        )


def wants_page(request: Request) -> bool:
    """Return whether a browser asks for a page: nothing is asked, and HTML is named."""
    if request.method != "GET" or {"query", "extensions"} & set(request.query_params):
        return False
    accepted = choices(request.headers.get("accept", ""))
    return any(name == "text/html" and quality > 0 for name, quality in accepted)


@lru_cache(maxsize=REMEMBERED)
def body_type(header: str) -> tuple[str, str]:
    """Return the type and the charset that a header Content-Type says, in lower case."""
    kind, parameters = parse_content_type(header)
    return kind.lower(), parameters.get("charset", "utf-8").strip('"').lower()


def kind_of(request: Request) -> str:
    """Return the type of a body, which is JSON in UTF-8 or a form.

    Raises
    ------
    Refused
        If it is anything else, or does not say what it is.
    """
    kind, charset = body_type(header_of(request.scope, b"content-type") or "")
    if kind == FORM or (kind == JSON and charset in {"utf-8", "utf8"}):
        return kind
    said = f"the body is {kind or 'of no type'}"
    raise Refused(
        f"{said if kind != JSON else 'the body is not in UTF-8'}: send JSON in UTF-8 with the "
        f"header Content-Type: {JSON}",
        status=HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        headers={"Accept": _KINDS},
    )


def read_json(text: str | bytes, what: str) -> Any:  # noqa: ANN401 - JSON
    """Read JSON.

    Raises
    ------
    Refused
        If it is none.
    """
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise Refused(f"{what} is no JSON: {error}") from error


async def asked_by_post(scope: Scope, receive: Receive) -> Asked:
    """Return what the body of a request asks, which is JSON.

    Raises
    ------
    Refused
        If it is too large, packed, no JSON, or asks nothing.
    ClientDisconnect
        If the client leaves before all of it came.
    """
    body = await read_body(scope, receive, MAX_QUERY_BYTES)
    weigh(scope, len(body))
    return asked_in(read_json(body, "the body"))


def asked_in_address(request: Request) -> Asked:
    """Return what the parameters of an address ask.

    Raises
    ------
    Refused
        If they ask nothing, or `variables` or `extensions` are no JSON objects.
    """
    said: dict[str, Any] = dict(request.query_params)
    for name in ("variables", "extensions"):
        text = said.get(name)
        said[name] = read_json(text, f"the parameter `{name}`") if text else None
    said["operationName"] = said.get("operationName") or None
    return asked_in(said)


def asked_in(said: object) -> Asked:
    """Return what a JSON object asks.

    Raises
    ------
    Refused
        If a member is missing, or of a type that it cannot have.
    """
    if isinstance(said, list):
        raise Refused("a list of queries is not taken: send each in a request of its own")
    if not isinstance(said, dict):
        raise Refused("the body must be a JSON object with the field `query`")
    asked = Asked(
        _member(said, "query", str, "a string"),
        _member(said, "operationName", str, "a string"),
        _member(said, "variables", dict, "an object"),
        _member(said, "extensions", dict, "an object"),
    )
    named = (asked.extensions or {}).get("persistedQuery")
    if asked.query is None and named is None:
        raise Refused("the field `query` is missing: it holds the text of the query")
    return asked


def _member(said: Mapping[str, Any], name: str, kind: type, called: str) -> Any:  # noqa: ANN401 - of the kind
    value = said.get(name)
    if value is None or isinstance(value, kind):
        return value
    raise Refused(f"`{name}` must be {called}, or null")


def not_by_get(reason: str) -> Refused:
    """Return how a change is refused that comes by GET."""
    return Refused(
        f"{reason}; send it by POST",
        status=HTTPStatus.METHOD_NOT_ALLOWED,
        headers={"Allow": "POST"},
    )
