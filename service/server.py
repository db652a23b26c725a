"""How uvicorn runs the application: its limits, its log, and how it says goodbye."""

from __future__ import annotations

import gc
import os
import sys
import tempfile
from contextlib import contextmanager
from typing import TYPE_CHECKING

import uvicorn
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import CloseCode

from service.http_graphql import MAX_QUERY_BYTES
from service.http_heads import BoundedHeads
from service.logs import log_config
from service.metrics import SHARED_FOLDER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.applications import Starlette

    from service.settings import Settings

START_S = 60
"""How long a worker may be silent, as it is while it starts, before it is replaced."""

COLLECTED_EACH = 5_000
"""New objects after which circles among them are looked for, which takes some 3 ms then; a page of
units has some thousand."""

TURN_S = 0.0002
"""After how long a thread that reads a long text lets those be answered who wait."""

GOODBYE = "the service stops"


class Socket(WebSocketsSansIOProtocol):
    """A WebSocket whose client is told that the service goes away, and may come again."""

    def shutdown(self) -> None:
        """Close the connection, as the server ends."""
        if self.handshake_complete and not self.close_sent:
            self.queue.put_nowait(
                {"type": "websocket.disconnect", "code": CloseCode.GOING_AWAY, "reason": GOODBYE}
            )
            self.conn.send_close(CloseCode.GOING_AWAY, GOODBYE)
            self.transport.write(b"".join(self.conn.data_to_send()))
            self.close_sent = True
        super().shutdown()


class Config(uvicorn.Config):
    """Configuration of a process that loads the application once, and keeps it."""

    def load(self) -> None:
        """Load the application."""
        super().load()
        settle()


def settle() -> None:
    """Keep the garbage collector away from what stays for good.

    Notes
    -----
    A full collection looks at every object: with the modules and the schema that takes 0.2 s, in
    which nobody is answered. They are left out of it from now on. What requests leave behind goes
    as soon as nothing refers to it; only circles wait for the collector, and there are few.

    See Also
    --------
    resolvers.held.set_aside : The same for an edition that is read later.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECTED_EACH, *gc.get_threshold()[1:])
    sys.setswitchinterval(TURN_S)


def configured(
    settings: Settings,
    application: Starlette | str,
    *,
    factory: bool = False,
    workers: int | None = None,
) -> uvicorn.Config:
    """Return how the application is served.

    Parameters
    ----------
    application
        Or, for workers, where each finds the function that makes its own.
    factory
        Whether it is such a function.
    """
    return Config(
        application,
        factory=factory,
        workers=workers,
        log_config=log_config(settings),
        access_log=False,  # ours knows more
        server_header=False,
        forwarded_allow_ips=settings.trusted_proxies,
        timeout_graceful_shutdown=settings.grace_seconds,
        timeout_worker_healthcheck=START_S,
        http=BoundedHeads,
        ws=Socket,
        ws_max_size=MAX_QUERY_BYTES,  # as for a query over HTTP
    )


@contextmanager
def counting_together() -> Iterator[None]:
    """Let the workers that are started in the block count together: any of them tells of all."""
    with tempfile.TemporaryDirectory(prefix="wangge-metrics-") as folder:
        os.environ[SHARED_FOLDER] = folder
        try:
            yield
        finally:
            del os.environ[SHARED_FOLDER]
