"""``wangge serve``: runs the service until it is told to stop."""

from __future__ import annotations

import errno
import os
import signal
import socket
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
import uvicorn
from uvicorn.supervisors import Multiprocess

from geo.errors import BadInputError
from service.app import make_app
from service.cli.frame import app
from service.cli.output import note
from service.database import open_database
from service.server import configured, counting_together
from service.settings import Settings, read_settings

if TYPE_CHECKING:
    from types import FrameType


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")
    ] = None,
    workers: Annotated[
        int, typer.Option(min=1, max=64, help="Processes that answer side by side.")
    ] = 1,
) -> None:
    """Run the service: GraphQL on /graphql, health on /healthz and /readyz."""
    settings = read_settings(host=host, port=port)
    with listen(settings.host, settings.port) as listener, open_database(settings) as url:
        run_service(settings, url, listener, workers=workers)


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens, before anything slow is started.

    Raises
    ------
    BadInputError
        If the port is in use, or the address is none of this machine's.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        raise _no_address(host, port, error) from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise _no_address(host, port, error) from error
    listener.set_inheritable(True)
    return listener


_BACKLOG = 2048


def _no_address(host: str, port: int, error: OSError) -> BadInputError:
    if error.errno == errno.EADDRINUSE:
        return BadInputError(
            f"port {port} of {host} is in use; stop what listens there, or choose another with "
            "--port (0 takes a free one)",
            argument="port",
        )
    if error.errno == errno.EACCES:
        return BadInputError(
            f"port {port} may not be used by this account; choose one above 1023 with --port",
            argument="port",
        )
    return BadInputError(
        f"{host} is no address of this machine ({error.strerror}); choose one with --host",
        argument="host",
    )


def address_of(listener: socket.socket) -> str:
    """Return the URL of the page that a listening socket serves."""
    host, port = listener.getsockname()[:2]
    if host in {"0.0.0.0", "::"}:  # noqa: S104 - it is read, not bound
        host = "localhost"
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def run_service(settings: Settings, url: str, listener: socket.socket, *, workers: int = 1) -> None:
    """Answer on a listening socket until Ctrl-C or SIGTERM, then end gracefully.

    Parameters
    ----------
    url
        Of the database, which stays open as long as this runs.
    workers
        Processes; more than one share the socket and the database.
    """
    note(f"Wangge answers on {address_of(listener)} (GraphQL: /graphql); Ctrl-C stops it")
    before = signal.signal(signal.SIGTERM, _stop)  # uvicorn passes the signal on when it is done
    try:
        if workers == 1:
            config = configured(settings, make_app(settings, url))
            uvicorn.Server(config).run(sockets=[listener])
        else:
            _run_workers(settings, url, listener, workers)
    except (KeyboardInterrupt, _StoppedError):
        pass
    finally:
        signal.signal(signal.SIGTERM, before)
    note("stopped")


def _run_workers(settings: Settings, url: str, listener: socket.socket, workers: int) -> None:
    os.environ["DATABASE_URL"] = url  # which the workers inherit
    config = configured(settings, "service.app:from_environment", factory=True, workers=workers)
    with counting_together():
        Multiprocess(config, sockets=[listener]).run()


class _StoppedError(Exception):
    """The process was asked to end: let what is open be closed on the way out."""


def _stop(_number: int, _frame: FrameType | None) -> NoReturn:
    raise _StoppedError
