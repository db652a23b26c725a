"""What a reader gives up: hosts, programs, other processes and all files but its own."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from sources.confining import landlock_version

CHECKOUT = Path(__file__).resolve().parent.parent

TRIES = {
    "read its own file": "open(own).read()",
    "read another file": "open(other).read()",
    "read a file of the system": "open('/etc/passwd').read()",
    "list its folder": "os.listdir(os.path.dirname(own))",
    "write to its own file": "open(own, 'r+')",
    "write beside it": "open(own + '.new', 'w')",
    "write to its room": "open(os.path.join(room, 'new'), 'w').write('x')",
    "reach out of its room by a link": (
        "os.symlink(other, os.path.join(room, 'link')), open(os.path.join(room, 'link')).read()"
    ),
    "remove its own file": "os.remove(own)",
    "speak to a host": "socket.create_connection(('127.0.0.1', port), 1)",
    "send without a connection": "socket.socket(socket.AF_INET, socket.SOCK_DGRAM)",
    "run a program": "os.execv('/bin/true', ['true'])",
    "end another process": "os.kill(os.getppid(), 0)",
    "load our libraries": "__import__('pyogrio') and __import__('pyproj').CRS('EPSG:4547')",
}

ALWAYS = {"read its own file", "list its folder", "write to its room", "load our libraries"}
CALLS = {"speak to a host", "send without a connection", "run a program", "end another process"}
"""Kept from it by the refusal of system calls; all others by Landlock."""

SCRIPT = """
import sys; sys.path.insert(0, sys.argv[1])
import os, socket
from pathlib import Path
from sources.confining import give_up_rights, set_limits
_, _, own, other, room, port, attempt = sys.argv; port = int(port)
set_limits(memory_mb=2048, seconds=20, disk_mb=16)
give_up_rights(readable=[Path(own)], listable=[Path(own).parent], writable=Path(room))
try: eval(attempt)
except PermissionError: sys.stdout.write("refused")
else: sys.stdout.write("done")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux confines")
@pytest.mark.parametrize("what", TRIES)
def test_a_confined_process_can_only_do_its_work(tmp_path: Path, what: str) -> None:
    own, other, room = tmp_path / "own", tmp_path / "other", tmp_path / "room"
    own.write_text("mine", "utf-8")
    other.write_text("not mine", "utf-8")
    room.mkdir()

    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        done = subprocess.run(  # noqa: S603 - our own interpreter
            [sys.executable, "-I", "-c", SCRIPT, CHECKOUT, own, other, room, port, TRIES[what]],
            capture_output=True,
            text=True,
            check=False,
        )

    confined = what in CALLS or landlock_version() > 0
    expected = "refused" if confined and what not in ALWAYS else "done"
    assert done.stdout == expected, done.stderr
    assert own.read_text("utf-8") == "mine" or expected == "done"


@pytest.mark.parametrize(
    ("attempt", "raised"),
    [
        ("bytearray(3 << 30)", "MemoryError"),
        ("open('long', 'wb').write(bytes(20 << 20)) and os.fsync(3)", "OSError"),
        ("[os.open('/dev/null', os.O_RDONLY) for _ in range(1000)]", "OSError"),
    ],
)
def test_a_limited_process_cannot_take_more(tmp_path: Path, attempt: str, raised: str) -> None:
    script = (
        f"import sys; sys.path.insert(0, {str(CHECKOUT)!r})\n"
        "import os; from sources.confining import set_limits\n"
        f"set_limits(memory_mb=2048, seconds=20, disk_mb=16)\n{attempt}"
    )

    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-I", "-c", script],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )

    assert raised in done.stderr
