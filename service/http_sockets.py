"""GraphQL over WebSocket: hostile messages, slow readers and crowds end their own connection."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from strawberry.asgi import ASGIWebSocketAdapter
from strawberry.http.exceptions import WebSocketDisconnected
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import (
    BaseGraphQLTransportWSHandler,
)

from schema.request import RequestContext
from service.leaving import refuse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from strawberry.subscriptions.protocols.graphql_transport_ws.types import Message

MAX_SOCKETS = 1000
"""Connections of one process; more are turned away until some have gone."""
MAX_SUBSCRIPTIONS = 20
"""Operations that run side by side on one connection."""
GREETING_S = 10
"""How long a client may take to say ``connection_init``."""
SEND_S = 30.0
"""How long a client may take to receive a message before it is left alone."""

_INVALID = "Invalid message"


class TextSocket(ASGIWebSocketAdapter):
    """Sends JSON as text, as the protocol wants it, and only to those who receive it."""

    def __init__(self, view: Any, request: Any, response: Any) -> None:  # noqa: ANN401 - Strawberry's own
        super().__init__(view, request, response)
        self._connection = asyncio.current_task()
        self.dropped = False
        """Whether the client was too slow."""

    async def send_json(self, message: Mapping[str, object]) -> None:
        """Send a message; whoever does not receive it loses the connection."""
        data = self.view.encode_json(message)
        text = data.decode() if isinstance(data, bytes) else data
        try:
            async with asyncio.timeout(SEND_S):
                await self.ws.send_text(text)
        except TimeoutError:
            self.drop()
            raise WebSocketDisconnected from None
        except (OSError, RuntimeError) as error:  # it has gone, or was closed a moment ago
            raise WebSocketDisconnected from error

    def drop(self) -> None:
        """End the connection without another word."""
        if not self.dropped and self._connection is not None:
            self.dropped = True
            self._connection.cancel()


class Handler(BaseGraphQLTransportWSHandler[RequestContext, None]):
    """Strawberry's handler for graphql-transport-ws, which believes nothing of a message."""

    async def handle(self) -> None:
        """Answer messages until the client or its patience ends."""
        try:
            await super().handle()
        except asyncio.CancelledError:
            if not (isinstance(self.websocket, TextSocket) and self.websocket.dropped):
                raise
            task = asyncio.current_task()
            if task is not None:
                task.uncancel()

    async def handle_message(self, message: Message) -> None:
        """Answer a message; one that is none of the protocol ends the connection."""
        if _is_message(message):
            await super().handle_message(message)
        else:
            await self.handle_invalid_message(_INVALID)

    async def send_message(self, message: Message) -> None:
        """Send a message; an error is told of a question of which nothing was executed."""
        if message["type"] == "error" and isinstance(self.websocket, TextSocket):
            refuse(self.websocket.ws.scope)
        await super().send_message(message)

    async def handle_task_exception(self, error: Exception) -> None:
        """Log what goes wrong in an operation, but for clients that have gone."""
        if not isinstance(error, WebSocketDisconnected):
            await super().handle_task_exception(error)


def _is_message(message: object) -> bool:
    """Return whether something has the form that its type demands."""
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        return False
    kind, payload = message["type"], message.get("payload")
    if kind in {"subscribe", "complete"} and not isinstance(message.get("id"), str):
        return False
    if kind != "subscribe":
        return True
    return (
        isinstance(payload, dict)
        and isinstance(payload.get("query"), str)
        and isinstance(payload.get("variables"), dict | None)
        and isinstance(payload.get("operationName"), str | None)
    )
