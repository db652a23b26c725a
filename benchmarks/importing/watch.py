"""A command while it runs: how long it takes, and how much memory it and its children hold."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.measure import memory_mib
from benchmarks.processes import cpu_s as cpu_s_of
from benchmarks.processes import family as family_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

PAUSE_S = 0.02


class Spent(NamedTuple):
    """What a command took."""

    wall_s: float
    cpu_s: float
    """Processor time of the command and its children, not of the server."""
    server_cpu_s: float
    """Processor time of the server's processes meanwhile."""
    peak_mib: float
    """The most that the command and its children held at once."""
    server_mib: float
    """The most that the server's processes held at once beside the memory that they share."""


class CommandFailedError(Exception):
    """A command of the benchmark did not do what it was asked."""


def watch(command: Sequence[str], *, server: int, env: Mapping[str, str] | None = None) -> Spent:
    """Run a command to its end and watch it.

    Parameters
    ----------
    command
        The program and its arguments.
    server
        Process id of the database server.
    env
        What is added to the environment.

    Raises
    ------
    CommandFailedError
        If it does not end with 0.
    """
    begun = time.perf_counter()
    used, served = os.times(), cpu_s_of(server)
    with subprocess.Popen(
        command,
        env={**os.environ, **(env or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        eye = _Eye(process.pid, server)
        eye.start()
        said, _ = process.communicate()
        wall_s = time.perf_counter() - begun
        eye.stop()
    after = os.times()
    if process.returncode:
        raise CommandFailedError(f"{' '.join(command)} ended with {process.returncode}:\n{said}")
    cpu_s = sum(after[2:4]) - sum(used[2:4])  # of children that were waited for
    return Spent(wall_s, cpu_s, cpu_s_of(server) - served, eye.peak_mib, eye.server_mib)


class _Eye(threading.Thread):
    """Looks at processes again and again."""

    def __init__(self, pid: int, server: int) -> None:
        super().__init__(daemon=True)
        self.pid, self.server = pid, server
        self.peak_mib = self.server_mib = 0.0
        self._over = threading.Event()

    def run(self) -> None:
        while not self._over.wait(PAUSE_S):
            self.peak_mib = max(self.peak_mib, _held_mib(self.pid))
            self.server_mib = max(self.server_mib, _own_mib(family_of(self.server)))

    def stop(self) -> None:
        """Look no more."""
        self._over.set()
        self.join()


def _held_mib(pid: int) -> float:
    """Return what a process and its children hold, MiB; of a single one the most it ever held."""
    family = family_of(pid)
    held = []
    for member in family:
        try:
            held.append(memory_mib(member))
        except OSError:  # it has ended
            continue
    if len(held) == 1:
        return held[0].peak
    return sum(one.rss for one in held)


def _own_mib(pids: Iterable[int]) -> float:
    """Return what processes hold for themselves, MiB, without files and shared memory."""
    total = 0
    for pid in pids:
        try:
            status = Path(f"/proc/{pid}/status").read_text()
        except OSError:
            continue
        for line in status.splitlines():
            if line.startswith("RssAnon:"):
                total += int(line.split()[1])
    return total / 1024
