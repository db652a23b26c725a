"""Answers of GraphQL over HTTP: media types, status codes, and refusals in the form of errors."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import orjson
from starlette.responses import Response

from geo.errors import BadInputError, WanggeError
from service.errors import OUTCOMES
from service.negotiation import best_type

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

GRAPHQL_JSON = "application/graphql-response+json"
"""Whose status code says whether there is an answer, by the specification GraphQL over HTTP."""
JSON = "application/json"
"""For clients older than that: the status is 200 whenever the request itself was well formed."""

NOT_FOUND_QUERY = "PERSISTED_QUERY_NOT_FOUND"


class Refused(Exception):  # noqa: N818 - it is an answer
    """A request that is answered by its status code, and by an error that says why.

    Parameters
    ----------
    message
        What is wrong, and what to do about it.
    status
        Of the answer.
    code
        For programs, as in the answers to queries.
    headers
        Further headers of the answer.
    legacy
        Status for clients that ask for ``application/json``, where it differs.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int = HTTPStatus.BAD_REQUEST,
        code: str = BadInputError.code,
        headers: Mapping[str, str] | None = None,
        legacy: int | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.legacy = status if legacy is None else legacy
        self.headers = dict(headers or {})
        self.told: dict[str, object] = {"message": message, "extensions": {"code": code}}

    @classmethod
    def by(
        cls, error: WanggeError, status: int, *, headers: Mapping[str, str] | None = None
    ) -> Refused:
        """Return an expected error as the answer to a whole request."""
        made = cls(str(error), status=status, headers=headers)
        made.told["extensions"] = error.extensions
        return made

    def response(self, media: str) -> Response:
        """Return the answer, in a media type."""
        status = self.legacy if media == JSON else self.status
        content = orjson.dumps({"errors": [self.told]})
        headers = {"Cache-Control": "no-store", **self.headers}
        return Response(content, status, headers, media_type=media)


class Told(Response):
    """An answer in JSON whose head is ready; Starlette's own puts each together anew.

    Parameters
    ----------
    body
        The JSON.
    status
        Of the answer.
    headers
        As they are sent, but for those that tell of the body.
    media
        Its type.
    """

    def __init__(
        self, body: bytes, status: int, headers: Iterable[tuple[bytes, bytes]], media: str
    ) -> None:
        self.status_code = status
        self.body = body
        self.background = None
        self.raw_headers = [
            *headers,
            (b"content-length", b"%d" % len(body)),
            (b"content-type", media.encode("latin-1")),
        ]


def raw(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    """Return headers as they are sent."""
    return [
        (name.lower().encode("latin-1"), said.encode("latin-1")) for name, said in headers.items()
    ]


def media_for(accept: str) -> str:
    """Return the media type of a JSON answer.

    Raises
    ------
    Refused
        If the client takes neither.
    """
    found = best_type(accept, (GRAPHQL_JSON, JSON), default=JSON)
    if found is None:
        raise Refused(
            f"the header Accept allows none of what there is: {GRAPHQL_JSON}, {JSON}",
            status=HTTPStatus.NOT_ACCEPTABLE,
        )
    return found


def is_request_error(data: object, errors: Sequence[Any] | None) -> bool:
    """Return whether nothing was executed: an error that belongs to no field, and no data."""
    return data is None and bool(errors) and all(error.path is None for error in errors or ())


def status_for(media: str, errors: Sequence[Any] | None, *, refused: bool) -> int:
    """Return the status of an answer.

    Parameters
    ----------
    media
        Its type.
    errors
        GraphQL errors of the answer.
    refused
        Whether nothing was executed.
    """
    if media == JSON or not refused:
        return HTTPStatus.OK
    extensions = next(iter(errors or ())).extensions or {}
    if extensions.get("timedOut"):
        return HTTPStatus.GATEWAY_TIMEOUT
    code = extensions.get("code")
    if code is None:  # it is masked: a fault of ours
        return HTTPStatus.INTERNAL_SERVER_ERROR
    outcome = OUTCOMES.get(str(code))
    return outcome.http_status if outcome else HTTPStatus.BAD_REQUEST
