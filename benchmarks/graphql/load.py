"""Load by wrk: how many answers a second, and how long each took."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.graphql.servers import NotHereError, headers
from benchmarks.processes import cpu_s, pss_mib

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from benchmarks.graphql.servers import Running
    from benchmarks.graphql.speakers import Asking, Request

TIMEOUT_S = 60
_DRAIN_S, _PAUSE_S, _QUIET_S = 60.0, 0.2, 0.03

# Requests in turn; at the end one line of JSON. wrk tells latencies in microseconds.
_LUA = """
local requests = {%s}
local at = 0
init = function()
  for i, r in ipairs(requests) do requests[i] = wrk.format(r[1], r[2], r[3], r[4]) end
end
request = function()
  at = at %% #requests + 1
  return requests[at]
end
done = function(summary, latency)
  local e = summary.errors
  io.write(string.format(
    '\\nJSON{"requests":%%d,"us":%%d,"bytes":%%d,"p50":%%f,"p99":%%f,"errors":%%d}\\n',
    summary.requests, summary.duration, summary.bytes, latency:percentile(50),
    latency:percentile(99), e.status + e.timeout + e.read + e.write + e.connect))
end
"""


class Run(NamedTuple):
    """What one run of wrk found."""

    answers_s: float
    """Answers to the question a second: of several requests together, if it takes several."""
    p50_ms: float
    """Of a request."""
    p99_ms: float
    kib: float
    """An answer's size."""
    cpu_ms: float
    """Processor time of the server, an answer."""
    database_ms: float
    """Processor time of the database server, an answer."""
    errors: int
    pss_mib: float
    """Memory of the server after it."""


def wrk() -> str:
    """Return the program.

    Raises
    ------
    NotHereError
        If it is not installed.
    """
    program = shutil.which("wrk")
    if program is None:
        raise NotHereError("wrk is not installed here: scripts/bench-setup.sh graphql fetches it")
    return program


def script(asking: Asking) -> str:
    """Return what tells wrk the requests of all variants, one after another."""
    return _LUA % ",".join(_told(request) for requests in asking for request in requests)


def _told(request: Request) -> str:
    named = ",".join(f"[ {quoted(k)} ]={quoted(v)}" for k, v in headers(request).items())
    method = "POST" if request.body else "GET"
    body = quoted(request.body) if request.body else "nil"
    return f"{{{quoted(method)},{quoted(request.path)},{{{named}}},{body}}}"


def quoted(text: str) -> str:
    """Return a text in Lua's long brackets, with as many signs as it takes."""
    signs = ""
    while f"]{signs}]" in text or text.endswith(f"]{signs}"):
        signs += "="
    return f"[{signs}[{text}]{signs}]"


def load(
    running: Running, path: Path, requests: int, *, clients: int, seconds: float, database: int
) -> Run:
    """Ask as fast as answers come.

    Parameters
    ----------
    path
        A script of :func:`script`.
    requests
        How many requests answer the question once.
    database
        Process id of the database server.
    """
    before = cpu_s(running.pid), cpu_s(database)
    words = [wrk(), "-t1", f"-c{clients}", f"-d{seconds:g}s", "--timeout", f"{TIMEOUT_S}s"]
    done = subprocess.run(
        [*words, "-s", str(path), f"http://127.0.0.1:{running.port}"],
        capture_output=True,
        text=True,
        check=True,
    )
    used = cpu_s(running.pid) - before[0], cpu_s(database) - before[1]
    held = pss_mib(running.pid)
    drain([running.pid, database])
    _, there, told = done.stdout.rpartition("JSON")
    if not there:
        raise NotHereError(f"wrk does not run: {done.stdout} {done.stderr}")
    found = json.loads(told)
    answers = max(found["requests"], 1) / requests
    return Run(
        answers_s=found["requests"] / requests / (found["us"] / 1e6),
        p50_ms=found["p50"] / 1e3,
        p99_ms=found["p99"] / 1e3,
        kib=found["bytes"] / answers / 1024,
        cpu_ms=used[0] / answers * 1e3,
        database_ms=used[1] / answers * 1e3,
        errors=found["errors"],
        pss_mib=held,
    )


def drain(pids: Sequence[int]) -> None:
    """Wait until requests that nobody waits for any more load the machine no more."""
    until = time.monotonic() + _DRAIN_S
    while time.monotonic() < until:
        before = sum(map(cpu_s, pids))
        time.sleep(_PAUSE_S)
        if sum(map(cpu_s, pids)) - before < _QUIET_S:
            return
