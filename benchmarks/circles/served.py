"""What a request costs: the running service, asked over HTTP as a front end asks it."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import orjson

from benchmarks.circles.files import LEVELS, write_files
from service.cluster import Cluster
from storage.migrate import upgrade

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.circles.files import Files
    from benchmarks.circles.town import Town

START_S = 120.0
"""How long the service may take to answer for the first time."""

COVERAGE = """
query ($walk: Walk) {
  circleCoverage(kinds: ["station"], walk: $walk) {
    walk { minutes metres basis }
    facilityCount
    total { addresses households people groups { group people } }
    inside { addresses households people groups { group people } }
    outside { addresses households people }
    notConnected { addresses households people }
    share
    geometry
    byUnit(level: "community", first: 100) {
      nodes {
        unit { code name } share medianWalkS worstWalkS
        total { households } inside { households } notConnected { households }
        nearest { key name }
      }
    }
  }
}
"""
"""A page for planners: all figures, the picture, and the hundred worst communities."""

SLIDER = """
query ($walk: Walk) {
  circleCoverage(kinds: ["station"], walk: $walk) { share inside { households } geometry }
}
"""
"""What a slider draws again while it moves."""


class CommandError(Exception):
    """A command failed."""


class Served(NamedTuple):
    """What requests cost, seconds."""

    town: str
    edges: int
    addresses: int
    facilities: int
    load_streets_s: float
    first_s: float
    """The first request of all: streets and homes are read and placed."""
    coverage_s: float
    """The page, warm: the median."""
    slider_s: float
    """A redraw, every time with other minutes: the median."""
    share: float
    """Of the households, within 15 minutes of a station."""


def served(town: Town, folder: Path, *, requests: int, say: Callable[[str], None]) -> Served:
    """Load a town into a service of its own, and ask it."""
    files = write_files(folder, town)
    with tempfile.TemporaryDirectory(prefix="wangge-bench-") as place:
        Path(place).chmod(0o755)  # root's server runs as another account
        with Cluster(Path(place) / "data") as cluster:
            upgrade(cluster.url())
            environment = os.environ | {"DATABASE_URL": cluster.url()}
            load_streets_s = _load(files, environment, say)
            with _service(environment) as ask:
                return _asked(town, ask, load_streets_s, requests)


def _asked(
    town: Town,
    ask: Callable[[str, dict[str, Any]], dict[str, Any]],
    load_streets_s: float,
    requests: int,
) -> Served:
    began = time.perf_counter()
    page = ask(COVERAGE, {"walk": None})["circleCoverage"]
    first_s = time.perf_counter() - began
    ask(COVERAGE, {"walk": None})
    ask(SLIDER, {"walk": {"minutes": 15}})
    coverage_s: list[float] = []
    slider_s: list[float] = []
    for number in range(requests):
        for query, walk, times in (
            (COVERAGE, {"minutes": 15}, coverage_s),
            (SLIDER, {"minutes": 5 + number % 20, "speedKmh": 4.0 + 0.001 * number}, slider_s),
        ):
            began = time.perf_counter()
            ask(query, {"walk": walk})
            times.append(time.perf_counter() - began)
    return Served(
        town=town.name,
        edges=len(town.streets),
        addresses=int(page["total"]["addresses"]),
        facilities=int(page["facilityCount"]),
        load_streets_s=load_streets_s,
        first_s=first_s,
        coverage_s=float(np.median(coverage_s)),
        slider_s=float(np.median(slider_s)),
        share=float(page["share"]),
    )


def _load(files: Files, environment: dict[str, str], say: Callable[[str], None]) -> float:
    """Load everything by our own commands; return the seconds of the streets."""

    def run(*words: str) -> float:
        began = time.perf_counter()
        done = subprocess.run(
            [str(Path(sys.executable).with_name("wangge")), *words],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise CommandError(f"wangge {' '.join(words)}: {done.stderr.strip() or done.stdout}")
        took_s = time.perf_counter() - began
        say(f"  wangge {' '.join(words[:2])}: {took_s:.1f} s")
        return took_s

    run("load", "levels", str(files.levels))
    for level, _ in LEVELS:
        run("import", str(files.units), "--layer", level, "--level", level, "--publish")
    run("load", "addresses", str(files.addresses))
    run("load", "facilities", str(files.facilities))
    return run("load", "streets", str(files.streets))


@contextmanager
def _service(
    environment: dict[str, str],
) -> Iterator[Callable[[str, dict[str, Any]], dict[str, Any]]]:
    """Run the service on a free port, and give what asks it over one connection."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = str(Path(sys.executable).with_name("wangge"))
    with tempfile.TemporaryFile() as log:
        child = subprocess.Popen(
            [program, "serve", "--port", str(port)], env=environment, stdout=log, stderr=log
        )
        try:
            _wait(child, port)
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
            yield lambda query, values: _post(connection, query, values)
            connection.close()
        finally:
            child.terminate()
            child.wait(timeout=60)


def _wait(child: subprocess.Popen[bytes], port: int) -> None:
    until = time.monotonic() + START_S
    while time.monotonic() < until and child.poll() is None:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1):
                return
        except OSError:
            time.sleep(0.2)
    raise CommandError("the service did not start")


def _post(
    connection: http.client.HTTPConnection, query: str, values: dict[str, Any]
) -> dict[str, Any]:
    body = json.dumps({"query": query, "variables": values})
    connection.request("POST", "/graphql", body, {"Content-Type": "application/json"})
    answer: dict[str, Any] = orjson.loads(connection.getresponse().read())  # as quick as a browser
    if answer.get("errors"):
        raise CommandError(str(answer["errors"][0]["message"]))
    data: dict[str, Any] = answer["data"]
    return data
