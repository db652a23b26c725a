"""What a server's processes hold and use, from ``/proc``."""

from __future__ import annotations

import os
from pathlib import Path

_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
_KIB_A_MIB = 1024


def family(pid: int) -> list[int]:
    """Return a process and all that it and its children started."""
    found, left = [], [pid]
    while left:
        one = left.pop()
        found.append(one)
        for task in Path(f"/proc/{one}/task").glob("*/children"):
            try:
                left += [int(word) for word in task.read_text().split()]
            except OSError:  # it has ended
                continue
    return found


def cpu_s(pid: int) -> float:
    """Return the processor time of a process and its children, those that ended among them."""
    ticks = 0
    for member in family(pid):
        try:
            fields = Path(f"/proc/{member}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        # utime, stime and, of children that were waited for, cutime and cstime: proc(5), 14 to 17
        ticks += sum(map(int, fields[11 : 15 if member == pid else 13]))
    return ticks / _TICKS_A_SECOND


def pss_mib(pid: int) -> float:
    """Return the memory of a process and its children, what they share counted once, MiB."""
    return sum(_pss_kib(member) for member in family(pid)) / _KIB_A_MIB


def _pss_kib(pid: int) -> int:
    for name, word in (("smaps_rollup", "Pss:"), ("status", "VmRSS:")):
        try:
            lines = Path(f"/proc/{pid}/{name}").read_text().splitlines()
        except OSError:  # it has ended, or is not ours to look at
            continue
        held = [int(line.split()[1]) for line in lines if line.startswith(word)]
        if held:
            return held[0]
    return 0
