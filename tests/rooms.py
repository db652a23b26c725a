"""Where the tests' files and tables lie: in memory where there is plenty, which saves minutes."""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path

DISK = Path("/tmp")  # noqa: S108 - any account may enter it
MEMORY = Path("/dev/shm")  # noqa: S108 - as on every Linux; in containers often of a few MiB only
ROOM = 6 << 30
"""What must be free there, in bytes; a run of two workers takes less than 1 GiB at any time."""


def room() -> Path:
    """Return the folder that any account of the machine may enter."""
    named = os.environ.get("WANGGE_TEST_ROOM")
    return Path(named) if named else MEMORY if _is_plenty() else DISK


def _is_plenty() -> bool:
    """Return whether files, programs among them, may lie in memory."""
    try:
        mounted = os.statvfs(MEMORY)
        free = min(mounted.f_bavail * mounted.f_frsize, free_memory())
    except OSError:  # another system
        return False
    may_run = not mounted.f_flag & os.ST_NOEXEC
    return free >= ROOM and may_run and os.access(MEMORY, os.W_OK | os.X_OK)


def free_memory() -> int:
    """Return how many bytes programs can still have."""
    told = re.search(r"^MemAvailable: +(\d+) kB", Path("/proc/meminfo").read_text(), re.MULTILINE)
    return int(told[1]) << 10 if told else 0


def open_room(*, prefix: str = "wangge-test-") -> Path:
    """Make a folder that the server's account may enter, unlike ``tmp_path`` as root."""
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=room()))
    folder.chmod(0o755)
    return folder


def use_room() -> None:
    """Let all temporary files of this process and its children lie there.

    Whoever set ``TMPDIR`` has chosen for himself.
    """
    if "TMPDIR" not in os.environ:
        os.environ["TMPDIR"] = str(room())
        tempfile.tempdir = None  # it is found anew
