"""``wangge serve`` as a process."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect as ws_connect

from geo.errors import BadInputError
from service.cli.serve import address_of, listen
from tests.graphql.live import PROTOCOL
from tests.publishing.outside import Wangge

if TYPE_CHECKING:
    from collections.abc import Iterator

START_S = 60.0
EDITIONS = "{ editions(first: 5) { nodes { number } } }"
"""What the service asks its database about each time."""
PROGRAM = "from service.cli import main; main()"


@pytest.fixture
def environment(database_url: str) -> dict[str, str]:
    return {**os.environ, "DATABASE_URL": database_url}


def start(environment: dict[str, str], *options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-c", PROGRAM, "serve", *options],
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def processes() -> Iterator[list[subprocess.Popen[str]]]:
    started: list[subprocess.Popen[str]] = []
    yield started
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def address(process: subprocess.Popen[str]) -> str:
    """Return the URL that the start message names."""
    assert process.stderr is not None
    line = process.stderr.readline()
    assert line.startswith("Wangge answers on http://127.0.0.1:"), line
    return line.split()[3]


def levels(url: str) -> int:
    """Ask until the service answers; return how many levels it has."""
    return len(asked(url, "{ levels { key } }")["levels"])


def asked(url: str, query: str) -> Any:  # noqa: ANN401 - JSON
    """Ask until the service answers."""
    question = urllib.request.Request(  # noqa: S310 - the URL is our own
        f"{url}graphql",
        data=json.dumps({"query": query}).encode(),
        headers={"Content-Type": "application/json"},
    )
    end = time.monotonic() + START_S
    while True:
        try:
            with urllib.request.urlopen(question, timeout=START_S) as response:  # noqa: S310
                return json.load(response)["data"]
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.2)


@pytest.mark.parametrize("options", [[], ["--workers", "2"]])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_service_answers_and_stops_gracefully(
    environment: dict[str, str],
    processes: list[subprocess.Popen[str]],
    options: list[str],
    number: signal.Signals,
) -> None:
    process = start(environment, "--port", "0", *options)
    processes.append(process)

    assert levels(address(process)) == 5
    process.send_signal(number)
    _, told = process.communicate(timeout=START_S)

    assert process.returncode == 0
    assert told.strip().splitlines()[-1] == "stopped"
    assert "Traceback" not in told


@contextmanager
def held_up(url: str) -> Iterator[None]:
    """Let no question about editions be answered for the block."""
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=False) as connection:
        connection.execute("LOCK TABLE edition IN ACCESS EXCLUSIVE MODE")
        yield
        connection.rollback()


def wait_until_asked(url: str) -> None:
    """Wait until somebody waits for the editions."""
    query = (
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    end = time.monotonic() + START_S
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        while connection.execute(query).fetchall() == [(0,)]:
            assert time.monotonic() < end, "nobody asks"
            time.sleep(0.02)


def test_what_runs_is_answered_before_the_end_and_listeners_are_told(
    environment: dict[str, str], database_url: str, processes: list[subprocess.Popen[str]]
) -> None:
    process = start(environment, "--port", "0")
    processes.append(process)
    url = address(process)
    assert levels(url) == 5
    socket_url = url.replace("http", "ws") + "graphql"

    with (
        ThreadPoolExecutor(1) as aside,
        ws_connect(socket_url, subprotocols=[PROTOCOL]) as listener,
    ):
        listener.send(json.dumps({"type": "connection_init"}))
        listener.recv(timeout=START_S)
        with held_up(database_url):
            answer = aside.submit(asked, url, EDITIONS)
            wait_until_asked(database_url)
            process.send_signal(signal.SIGTERM)
            with pytest.raises(ConnectionClosed) as closed:
                listener.recv(timeout=START_S)
            with pytest.raises(OSError, match="refused"):
                socket.create_connection(("127.0.0.1", int(url.rsplit(":", 1)[1].strip("/"))))
            assert process.poll() is None, "it waits for the one that runs"
        assert answer.result(timeout=START_S) == {"editions": {"nodes": []}}
    _, told = process.communicate(timeout=START_S)

    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1001, "the service stops")
    assert process.returncode == 0
    assert "Traceback" not in told


def test_what_runs_too_long_does_not_hold_up_the_end(
    environment: dict[str, str], database_url: str, processes: list[subprocess.Popen[str]]
) -> None:
    process = start({**environment, "WANGGE_GRACE_SECONDS": "1"}, "--port", "0")
    processes.append(process)
    url = address(process)
    assert levels(url) == 5
    host, port = "127.0.0.1", int(url.rsplit(":", 1)[1].strip("/"))

    with held_up(database_url), socket.create_connection((host, port)) as asker:
        body = json.dumps({"query": EDITIONS})
        head = f"POST /graphql HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
        asker.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode())
        wait_until_asked(database_url)
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=START_S)

    assert process.returncode == 0


def test_workers_count_together_and_log_as_they_are_told(
    environment: dict[str, str], processes: list[subprocess.Popen[str]]
) -> None:
    logged = {"WANGGE_LOG_FORMAT": "json", "WANGGE_LOG_LEVEL": "info"}
    process = start({**environment, **logged}, "--port", "0", "--workers", "2")
    processes.append(process)
    url = address(process)
    for _ in range(12):
        assert levels(url) == 5
    with urllib.request.urlopen(f"{url}metrics") as response:  # noqa: S310 - the URL is our own
        told = response.read().decode()
    process.send_signal(signal.SIGTERM)
    _, log = process.communicate(timeout=START_S)

    assert 'wangge_requests_total{method="POST",route="/graphql",status="200"} 12.0' in told
    assert "\nwangge_edition 0.0" in told
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    assert [line["path"] for line in lines if line["logger"] == "wangge.access"].count(
        "/graphql"
    ) == 12


def test_a_port_in_use_is_one_sentence(database_url: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        answer = Wangge(database_url)("serve", "--port", port)

    assert answer.exit_code == 2
    assert answer.out == ""
    assert len(answer.err.strip().splitlines()) == 1
    assert f"port {port} of 127.0.0.1 is in use" in answer.err


def test_an_address_of_another_machine_is_refused() -> None:
    for host in ("203.0.113.7", "no-such-host.invalid"):
        with pytest.raises(BadInputError) as raised:
            listen(host, 0)
        assert raised.value.extensions["argument"] == "host"


def test_the_start_message_names_an_address_that_a_browser_takes() -> None:
    with listen("127.0.0.1", 0) as plain, listen("0.0.0.0", 0) as everywhere:  # noqa: S104 - it is what is tested
        port, open_port = plain.getsockname()[1], everywhere.getsockname()[1]
        assert address_of(plain) == f"http://127.0.0.1:{port}/"
        assert address_of(everywhere) == f"http://localhost:{open_port}/"
