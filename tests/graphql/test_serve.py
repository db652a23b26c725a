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
from typing import TYPE_CHECKING

import pytest

from geo.errors import BadInputError
from service.cli.serve import address_of, listen
from tests.publishing.outside import Wangge

if TYPE_CHECKING:
    from collections.abc import Iterator

START_S = 60.0
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
    question = urllib.request.Request(  # noqa: S310 - the URL is our own
        f"{url}graphql",
        data=json.dumps({"query": "{ levels { key } }"}).encode(),
        headers={"Content-Type": "application/json"},
    )
    end = time.monotonic() + START_S
    while True:
        try:
            with urllib.request.urlopen(question, timeout=START_S) as response:  # noqa: S310
                return len(json.load(response)["data"]["levels"])
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
