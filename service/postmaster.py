"""The server process on a folder of tables: making the folder, starting, ending an orphan."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from functools import cache
from pathlib import Path

import psycopg

from geo.errors import NoDatabaseError
from service.account import Account, give, run_as
from service.postgis import Server

_RELEASE_S = 10.0  # after a kill the old server's pid and memory stay taken for about 1 s
_RECOVERY_S = 300.0  # replaying max_wal_size on a slow disk
_STOP_S = 60.0  # the last checkpoint
_GRACE_S = 1.0  # an orphan was told to end when its owner died
_POLL_S = 0.02
_LOG_BYTES = 10_000_000
_STILL_HELD = re.compile(r"lock file .* already exists|pre-existing shared memory block")
_SEVERE = re.compile(r"^.*\b(?:FATAL|PANIC|ERROR): +(.+)$", re.MULTILINE)


def written_by(tables: Path) -> int | None:
    """Return the major version that wrote the tables; none when there are none."""
    try:
        return int((tables / "PG_VERSION").read_text())
    except FileNotFoundError:
        return None


def make_tables(tables: Path, server: Server, account: Account | None, *, durable: bool) -> None:
    """Run initdb, unless it was done; an interrupted one is done again.

    It works beside the final place and moves there when complete: a half-made folder is never
    taken for data, and data never for a half-made folder.
    """
    if tables.exists():
        return
    for left in tables.parent.glob(f"{tables.name}.new-*"):
        shutil.rmtree(left, ignore_errors=True)  # a killed initdb may still be clearing up itself
    unfinished = Path(tempfile.mkdtemp(prefix=f"{tables.name}.new-", dir=tables.parent))
    give(unfinished, account)
    program = [str(server.bin_dir / "initdb"), "-D", str(unfinished), "-U", "postgres"]
    options = ["-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--data-checksums"]
    if not durable:
        options.append("--no-sync")
    done = subprocess.run(  # noqa: S603 - our own arguments, no shell
        [*_ends_with_parent(), *program, *options],
        **run_as(account),
        check=False,
        capture_output=True,
    )
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip() or "it gave no reason"
        raise NoDatabaseError(f"initdb cannot make {tables}: {said.splitlines()[-1]}")
    unfinished.rename(tables)


def end_orphan(tables: Path) -> None:
    """End a server that outlived its killed owner, and wait until it has gone.

    Call it with the folder's lock held, so that a server on it can be nobody's.
    """
    begun = time.monotonic()
    told = False
    while (pid := _recorded(tables)) is not None and _serves(pid, tables):
        waited_s = time.monotonic() - begun
        if waited_s > _STOP_S:
            raise NoDatabaseError(
                f"an earlier database server (process {pid}) on {tables} does not end; "
                f"end it by `kill -INT {pid}` and try again"
            )
        if waited_s > _GRACE_S and not told:
            os.kill(pid, signal.SIGINT)
            told = True
        time.sleep(_POLL_S)


def launch(
    tables: Path,
    server: Server,
    account: Account | None,
    *,
    settings: dict[str, str],
    socket_dir: Path,
    log_path: Path,
) -> subprocess.Popen[bytes]:
    """Start the server and return when it answers.

    Parameters
    ----------
    settings
        Parameters of postgresql.conf, which they override.
    log_path
        Where the server's output is appended; from 10 MB on a new file is begun.

    Raises
    ------
    NoDatabaseError
        If it ends, or does not answer in time; the message says what it wrote.
    OSError
        If the log cannot be written.

    Notes
    -----
    After ``kill -9`` of an earlier server a new one is refused until the last process of the old
    one has let go of its memory: tried again for 10 s. ``postmaster.pid`` is never deleted, since
    it is what keeps two servers off the same files.
    """
    options = [f"--{name}={value}" for name, value in settings.items()]
    command = [str(server.bin_dir / "postgres"), "-D", str(tables), *options]
    deadline = time.monotonic() + _RELEASE_S
    while True:
        log = _open_log(log_path)
        try:
            begun = os.fstat(log).st_size
            process = subprocess.Popen(  # noqa: S603 - our own arguments, no shell
                [*_ends_with_parent(), *command],
                **run_as(account, **_environment(tables)),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for the service, which then stops this
            )
            if _wait_until_ready(process, socket_dir, log_path):
                return process
            said = os.pread(log, 100_000, begun).decode(errors="replace")
        finally:
            os.close(log)
        if not _STILL_HELD.search(said) or time.monotonic() > deadline:
            reasons = _SEVERE.findall(said) or said.strip().splitlines() or ["it gave no reason"]
            raise NoDatabaseError(
                f"the database server does not start: {reasons[0]} (more in {log_path})"
            )
        time.sleep(10 * _POLL_S)


def halt(process: subprocess.Popen[bytes]) -> None:
    """End the server: open transactions are rolled back, then all is written down."""
    process.send_signal(signal.SIGINT)
    try:
        process.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGQUIT)  # the next start replays the log
        process.wait(_STOP_S)


def answers(socket_dir: Path, database: str) -> bool:
    """Return whether the server behind a socket lets one into a database."""
    try:
        psycopg.connect(
            host=str(socket_dir), user="postgres", dbname=database, connect_timeout=5
        ).close()
    except psycopg.OperationalError:
        return False
    return True


def _wait_until_ready(process: subprocess.Popen[bytes], socket_dir: Path, log_path: Path) -> bool:
    """Return true when the server answers, false when it has ended."""
    deadline = time.monotonic() + _RECOVERY_S
    try:
        while process.poll() is None and time.monotonic() < deadline:
            if answers(socket_dir, "postgres"):
                return True
            time.sleep(_POLL_S)
    except BaseException:
        halt(process)  # nobody else knows of it yet
        raise
    if process.poll() is None:
        halt(process)
        raise NoDatabaseError(
            f"the database server does not answer within {_RECOVERY_S:.0f} s; "
            f"what it did stands in {log_path}"
        )
    return False


def _recorded(tables: Path) -> int | None:
    """Return the process id that the last server left in its lock file."""
    try:
        return int((tables / "postmaster.pid").read_text().split(maxsplit=1)[0])
    except (OSError, ValueError, IndexError):
        return None


def _serves(pid: int, tables: Path) -> bool | None:
    """Return whether a process is a server on the tables; none when that cannot be seen.

    The number alone is no proof: after a crash it may be another program's by now, or that of a
    dead server whom nobody has reaped. A server's working folder is its tables.
    """
    if not Path("/proc/self").exists():
        return None
    try:
        return Path(f"/proc/{pid}/cwd").readlink() == tables.resolve()
    except FileNotFoundError:  # ended, or dead and not reaped
        return False
    except OSError:
        return None


def _environment(tables: Path) -> dict[str, str]:
    """Return what lets a server pass by the lock file of one that is proven to be dead.

    PostgreSQL takes any living process of that number for a server, even a dead one that waits
    to be reaped, unless it is the new server's own grandparent: said here of a number that is no
    server's. What it checks besides, that nobody uses the old shared memory, stays.
    """
    pid = _recorded(tables)
    return (
        {} if pid is None or _serves(pid, tables) is not False else {"PG_GRANDPARENT_PID": str(pid)}
    )


def _open_log(path: Path) -> int:
    """Open the log for appending, putting a long one aside."""
    if path.exists() and path.stat().st_size > _LOG_BYTES:
        path.replace(path.with_suffix(".log.1"))
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    return os.open(path, flags, 0o600)


@cache
def _ends_with_parent() -> tuple[str, ...]:
    """Return the command that lets the server get an interrupt when its owner dies.

    Without it (where setpriv is none of util-linux) an orphan runs on until the next start.
    """
    setpriv = shutil.which("setpriv", path="/usr/local/bin:/usr/bin:/bin")
    if setpriv is None:
        return ()
    offers = subprocess.run(  # noqa: S603 - fixed arguments, no shell
        [setpriv, "--help"], check=False, capture_output=True, text=True
    )
    return (setpriv, "--pdeathsig", "INT", "--") if "--pdeathsig" in offers.stdout else ()
