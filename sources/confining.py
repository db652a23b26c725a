"""Takes from this process what a reader of files does not need: hosts, programs, other files.

A reader works on bytes that strangers made, in libraries with a long history of being misled by
such bytes. What it cannot do, no file can make it do. Everything here is for Linux and done as far
as its kernel allows; elsewhere the limits alone hold.
"""

from __future__ import annotations

import ctypes
import os
import platform
import resource
import signal
import struct
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MIB = 1 << 20

_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP = 1, 38, 22
"""Options of prctl (linux/prctl.h)."""

_FILTER = 2
"""SECCOMP_MODE_FILTER (linux/seccomp.h)."""

_ALLOW, _REFUSE = 0x7FFF0000, 0x00050001
"""SECCOMP_RET_ALLOW, and SECCOMP_RET_ERRNO with EPERM."""

_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
"""BPF: load a word, jump if equal, jump if greater or equal, return (linux/bpf_common.h)."""

_FOREIGN_CALLS = 0x40000000
"""Calls of x86-64's second, 32-bit interface have numbers from here on."""

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
"""Landlock's system calls: the same numbers on every machine."""

_RIGHTS_BY_VERSION = (0, 1 << 13, 1 << 14, 1 << 14, 1 << 15)
"""Landlock's rights on files by its version: 13 at first, then one bit more each (or none)."""

_EXECUTE, _READ_FILE, _READ_FOLDER = 1 << 0, 1 << 2, 1 << 3
_BIND_OR_CONNECT = 0b11
_NET_VERSION = 4


class _Machine(NamedTuple):
    """How a machine's system calls are numbered."""

    audit: int
    """AUDIT_ARCH (linux/audit.h)."""
    calls: tuple[int, ...]
    """socket, connect, execve, execveat, ptrace, process_vm_readv and -writev, kill,
    io_uring_setup (which could do the others' work)."""


_MACHINES = {
    "x86_64": _Machine(0xC000003E, (41, 42, 59, 322, 101, 310, 311, 62, 425)),
    "aarch64": _Machine(0xC00000B7, (198, 203, 221, 281, 117, 270, 271, 129, 425)),
}


def set_limits(*, memory_mb: int, seconds: int, disk_mb: int, files: int = 256) -> None:
    """Bound what this process may take; what goes beyond fails or ends it.

    Parameters
    ----------
    memory_mb
        Of addresses, in MiB: what it may ask for, used or not.
    seconds
        Of computing.
    disk_mb
        Length of any file that it writes, in MiB.
    files
        How many it may have open.
    """
    for what, most in (
        (resource.RLIMIT_AS, memory_mb * MIB),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, disk_mb * MIB),
        (resource.RLIMIT_NOFILE, files),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(what)[1]
        bound = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (bound, bound))


def end_with(parent: int) -> None:
    """Let this process be killed when the one that started it ends, which may be just now.

    Parameters
    ----------
    parent
        That process's id.
    """
    if sys.platform == "linux":
        _libc().prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit(1)


def give_up_rights(*, readable: Iterable[Path], listable: Iterable[Path], writable: Path) -> None:
    """Take hosts, programs and files from this process, for good.

    Parameters
    ----------
    readable
        Files that it may read, beside Python and its libraries.
    listable
        Folders that it may list, without reading the files in them.
    writable
        The folder that it may do anything in.
    """
    if sys.platform != "linux":
        return
    _libc().prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    _keep_files(
        [(place, _READ_FILE | _READ_FOLDER | _EXECUTE) for place in _libraries()]
        + [(place, _READ_FILE) for place in readable]
        + [(place, _READ_FOLDER) for place in listable],
        writable,
    )
    _refuse_calls()


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _libraries() -> list[Path]:
    """Return where Python, its packages and the system's libraries lie."""
    ours = Path(__file__).resolve().parent.parent
    places = [Path(place) for place in sys.path if place and Path(place) != ours]
    places += [ours / "geo", ours / "sources", Path(sys.prefix), Path(sys.base_prefix)]
    places += map(Path, ("/usr/lib", "/usr/lib64", "/lib", "/lib64", "/usr/local/lib"))
    places += map(Path, ("/usr/share/zoneinfo", "/etc/ld.so.cache"))
    return [*places, Path("/proc/self/status"), Path("/dev/null"), Path("/dev/urandom")]


def landlock_version() -> int:
    """Return which version of Landlock the kernel has; 0 or less where it has none."""
    if sys.platform != "linux":
        return 0
    return int(_libc().syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), 1))


def _keep_files(kept: Sequence[tuple[Path, int]], writable: Path) -> None:
    """Refuse every file but those that are kept, by Landlock where there is one."""
    call = _libc().syscall
    version = landlock_version()
    if version < 1:
        return
    every = (1 << 13) - 1
    for right in _RIGHTS_BY_VERSION[:version]:
        every |= right
    handled = struct.pack("<QQ", every, _BIND_OR_CONNECT if version >= _NET_VERSION else 0)
    length = len(handled) if version >= _NET_VERSION else 8
    rules = call(_CREATE_RULESET, handled, ctypes.c_size_t(length), 0)
    if rules < 0:
        return
    for place, rights in [*kept, (writable, every)]:
        _allow(rules, place, rights)
    call(_RESTRICT_SELF, rules, 0)
    os.close(rules)


def _allow(rules: int, place: Path, rights: int) -> None:
    """Add one file or folder to Landlock's rules; what is not there needs no rule."""
    try:
        held = os.open(place, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if not place.is_dir():
            rights &= _READ_FILE | _EXECUTE
        rule = struct.pack("<Qi", rights, held)
        _libc().syscall(_ADD_RULE, rules, 1, rule, 0)
    finally:
        os.close(held)


def _refuse_calls() -> None:
    """Let system calls for networking and for other processes fail, by seccomp."""
    machine = _MACHINES.get(platform.machine())
    if machine is None:
        return
    tests = [(_EQUAL, call) for call in machine.calls] + [(_AT_LEAST, _FOREIGN_CALLS)]
    program = [
        (_LOAD, 0, 0, 4),  # struct seccomp_data: the architecture
        (_EQUAL, 0, len(tests) + 2, machine.audit),  # any other is refused
        (_LOAD, 0, 0, 0),  # the call's number
        *((test, len(tests) - place, 0, value) for place, (test, value) in enumerate(tests)),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _REFUSE),
    ]
    code = ctypes.create_string_buffer(b"".join(struct.pack("<HBBI", *line) for line in program))
    told = struct.pack("@HP", len(program), ctypes.addressof(code))
    _libc().prctl(_PR_SET_SECCOMP, _FILTER, told, 0, 0)
