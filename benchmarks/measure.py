"""What a call costs: wall time, processor time and the growth of memory.

Memory is read from ``/proc``, where the peak can be set back after the input was loaded. The
``ru_maxrss`` of a child begins with what its parent had, so it says nothing of a small child.
"""

from __future__ import annotations

import ctypes
import gc
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

_T = TypeVar("_T")

_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
_KIB_A_MIB = 1024


class Elsewhere(NamedTuple):
    """What other processes that work for a call have used until now."""

    cpu_s: float = 0.0
    rss_mib: float = 0.0
    """Memory that they hold."""
    peak_mib: float = 0.0
    """The most that they held."""


class Cost(NamedTuple):
    """What one call cost, all processes that worked for it together."""

    wall_s: float
    cpu_s: float
    growth_mib: float
    """Peak memory beyond what was held before the call."""
    peak_mib: float
    """Peak memory, the loaded input and the interpreter with it."""


def nothing_elsewhere() -> Elsewhere:
    """Return that no other process works for a call."""
    return Elsewhere()


def timed(
    call: Callable[[], _T], elsewhere: Callable[[], Elsewhere] = nothing_elsewhere
) -> tuple[_T, Cost]:
    """Call a function and return its result and cost.

    Parameters
    ----------
    call
        The function.
    elsewhere
        Says what other processes have used so far.
    """
    gc.collect()
    _give_back()
    reset_peak()
    before, others_before = memory_mib(), elsewhere()
    wall, cpu = time.perf_counter(), time.process_time()
    result = call()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    after, others = memory_mib(), elsewhere()
    growth = max(0.0, after.peak - before.rss)
    growth += max(0.0, others.peak_mib - others_before.rss_mib)
    return result, Cost(
        wall, cpu + others.cpu_s - others_before.cpu_s, growth, after.peak + others.peak_mib
    )


class Memory(NamedTuple):
    """Resident memory of a process, MiB."""

    rss: float
    peak: float


def memory_mib(pid: int | None = None) -> Memory:
    """Return what a process (this one, if none is named) holds, and the most that it held."""
    held = {"VmRSS": 0.0, "VmHWM": 0.0}
    for line in Path(f"/proc/{pid or 'self'}/status").read_text().splitlines():
        name, _, value = line.partition(":")
        if name in held:
            held[name] = int(value.split()[0]) / _KIB_A_MIB
    return Memory(held["VmRSS"], held["VmHWM"])


def _give_back() -> None:
    """Return freed memory to the system, else the call would use it up before it grows."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # the GNU C library has it
    if trim is not None:
        trim(0)


def reset_peak() -> None:
    """Let the peak of this process begin anew; without the right to, it goes on."""
    try:
        Path("/proc/self/clear_refs").write_text("5")  # "5": see proc(5)
    except OSError:
        return


def cpu_s(pid: int) -> float:
    """Return the processor time that another process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    user, system = int(fields[11]), int(fields[12])  # utime and stime: see proc(5)
    return (user + system) / _TICKS_A_SECOND
