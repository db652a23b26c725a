"""The body of a question: refused by what its head says of it, before any of it is read."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from starlette.requests import ClientDisconnect

from geo.errors import LimitExceededError
from service.http_answers import Refused

if TYPE_CHECKING:
    from starlette.types import Receive, Scope

_MOST_DIGITS = 18
"""Of a length; more would take long to be read as a number."""


def check_packing(scope: Scope) -> None:
    """Refuse a packed body: a small one can unfold to any size.

    Raises
    ------
    Refused
        As RFC 9110 says in section 15.5.16.
    """
    for name, value in scope["headers"]:
        if name == b"content-encoding" and value.strip().lower() not in {b"", b"identity"}:
            said = value.decode("latin-1")[:40]
            raise Refused(
                f"the body is packed ({said!r}): send it as it is, without Content-Encoding",
                status=HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
                headers={"Accept-Encoding": "identity"},
            )


def check_length(scope: Scope, most: int) -> None:
    """Refuse a body that is said to be too large.

    Raises
    ------
    Refused
        If it is.
    """
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            said = value.lstrip(b"0") or b"0"
            if len(said) > _MOST_DIGITS or int(said) > most:
                raise too_large(most)


async def read_body(scope: Scope, receive: Receive, most: int) -> bytes:
    """Return the body of a request.

    Parameters
    ----------
    most
        Bytes that it may have.

    Raises
    ------
    Refused
        If it is packed or too large, of which no more comes in then.
    ClientDisconnect
        If the client leaves before all of it came.
    """
    check_packing(scope)
    check_length(scope, most)
    parts: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        more = message.get("more_body", False)
        if size > most:
            raise too_large(most)
    return b"".join(parts)


def too_large(most: int) -> Refused:
    """Return how a body is refused that has more bytes than it may."""
    return Refused(
        f"a query may have {most} bytes at most",
        status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        code=LimitExceededError.code,
    )
