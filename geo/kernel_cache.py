"""Where compiled kernels are kept: beside the sources that all of them were made from.

Numba compiles a kernel anew when the kernel's own file has changed, not when a kernel that it calls
has: two versions in one program write over each other's memory. So the folder's name is a digest
of all kernels together, and a change of one leaves the others behind, too.
"""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

VARIABLE = "NUMBA_CACHE_DIR"
"""Numba's own setting; a folder that it names holds ours."""

SOURCES = Path(__file__).parent

_OURS = re.compile(r"kernels-[0-9a-f]{16}")


def choose_folder() -> None:
    """Name the folder of compiled kernels, for this process and those that it starts.

    Must be called before Numba is imported, which reads its settings once.
    """
    os.environ[VARIABLE] = str(_room() / f"kernels-{sources_digest(SOURCES)}")


def sources_digest(folder: Path) -> str:
    """Return 16 hexadecimal digits that differ when any module with kernels does."""
    found = hashlib.sha256()
    for path in sorted(folder.glob("*.py")):
        text = path.read_bytes()
        if b"njit" in text:
            found.update(b"%s %d " % (path.name.encode(), len(text)))
            found.update(text)
    return found.hexdigest()[:16]


def _room() -> Path:
    """Return the folder that was asked for, else one that can be written to."""
    asked = os.environ.get(VARIABLE)
    if asked:
        room = Path(asked)  # by the user, or by the process that started this one
        return room.parent if _OURS.fullmatch(room.name) else room
    beside = SOURCES / "__pycache__"
    if os.access(beside if beside.exists() else SOURCES, os.W_OK):
        return beside
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "wangge"
