"""Takes in forms with files: from those who may import, and not too many at a time."""

from __future__ import annotations

import shutil
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anyio import to_thread
from starlette.requests import ClientDisconnect, Request

from geo.errors import LimitExceededError, TooCostlyError, WanggeError
from resolvers.rights import Right, require
from service.errors import outcome_of
from service.http_answers import JSON, Refused, media_for
from service.http_bodies import check_packing
from service.http_forms import FormLimits, SilentError, receive_form, too_large
from service.http_graphql import FORM, body_type, header_of
from service.http_trace import trace_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Receive, Scope, Send

    from resolvers.context import Context
    from service.settings import Settings

MAX_WAITING = 8
"""Forms that may be received, or wait for their turn, beside those that are imported."""

RETRY_S = 10
"""When to come again if too many are there."""
LATER = {"Retry-After": str(RETRY_S)}

_ROOM = "wangge.room"
"""Where in a request's scope the folder of its files is told."""


class FormDesk:
    """Where forms come in.

    Parameters
    ----------
    settings
        Which say how large a file may be, and how many are imported at a time.
    context_of
        Makes the context of a request, which says what its asker may do.
    """

    def __init__(self, settings: Settings, context_of: Callable[[Request], Context]) -> None:
        self._limits = FormLimits(settings.max_upload_mb << 20)
        self._most = settings.imports_at_once + MAX_WAITING
        self._here = 0
        self._context_of = context_of

    async def receive(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a form be answered by those who may import; others are refused unread."""
        request = Request(scope, receive)
        room = None
        try:
            await self._admit(request)
            self._here += 1
            room = Path(tempfile.mkdtemp(dir=request.state.folder))
            scope[_ROOM] = room
            await app(scope, receive, send)
        except (WanggeError, SilentError) as error:
            await _answer(error, request)(scope, receive, send)
        except ClientDisconnect:
            pass  # nobody is there to be answered
        finally:
            if room is not None:
                self._here -= 1
                await to_thread.run_sync(partial(shutil.rmtree, room, ignore_errors=True))

    async def read(self, request: Request) -> Any:  # noqa: ANN401 - JSON with files in it
        """Return a form's operations with its files, which go to the disk as they come in."""
        check_packing(request.scope)
        return await receive_form(request, request.scope[_ROOM], self._limits)

    async def _admit(self, request: Request) -> None:
        """Refuse a form by what is known of it before it is read."""
        await require(self._context_of(request), Right.MAKE_DRAFTS)
        length = request.headers.get("content-length", "")
        if length.isdigit() and int(length) > self._limits.body_bytes:
            raise LimitExceededError(too_large(self._limits))
        if self._here >= self._most:
            raise TooCostlyError(f"{self._here} files are being imported here; come again later")


def is_form(scope: Scope) -> bool:
    """Return whether a request brings a multipart form."""
    if scope["type"] != "http" or scope["method"] != "POST":
        return False
    kind, _ = body_type(header_of(scope, b"content-type") or "")
    return kind == FORM


def _answer(error: WanggeError | SilentError, request: Request) -> ASGIApp:
    """Return how a form is refused."""
    refused = _refused(error)
    trace_of(request.scope).refused(refused)
    try:
        return refused.response(media_for(request.headers.get("accept", "")))
    except Refused:
        return refused.response(JSON)


def _refused(error: WanggeError | SilentError) -> Refused:
    if isinstance(error, SilentError):
        silent = LimitExceededError("the rest of the form did not come in time")
        return Refused.by(silent, 408)
    if isinstance(error, LimitExceededError):
        return Refused.by(error, 413)
    if isinstance(error, TooCostlyError):
        return Refused.by(error, 503, headers=LATER)
    return Refused.by(error, outcome_of(error).http_status)
