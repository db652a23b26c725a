"""The private PostGIS server: started on a data folder, and stopped with its owner.

A data folder holds ``pgdata`` (the tables), ``postgres.log``, ``socket`` and ``lock``. Whoever has
locked ``lock`` owns the server; its text is the owner's process id and, once the server answers,
the folder of its socket, by which other processes join.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg
from psycopg import sql
from sqlalchemy import URL

from geo.errors import NoDatabaseError
from service.account import Account, account_for, give, require_reach
from service.postgis import find_server
from service.postmaster import answers, end_orphan, halt, launch, make_tables, written_by
from storage.migrate import EXTENSIONS

DATABASE = "wangge"

_COMMON = {
    "listen_addresses": "",  # the socket is the only way in
    "unix_socket_permissions": "0700",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "jit": "off",  # compiling costs more than these short queries take
    "random_page_cost": "1.1",
}
_DURABLE = {"shared_buffers": "256MB", "max_wal_size": "2GB"}
_FLEETING = {  # for tests: what a crash would lose is not worth keeping
    "shared_buffers": "128MB",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "autovacuum": "off",
}
_FIRST_START_S = 30.0  # how long a guest waits for an owner that starts; it takes 2 s
_ANSWER_S = 10.0  # and for one that did start: its server may be starting anew
_SOCKET_BYTES = 107  # sun_path in sys/un.h, less the closing zero
_PLAIN = re.compile(r"[A-Za-z0-9/._-]+")  # what needs no quoting in lists of folders
_SHORT = Path("/tmp")  # noqa: S108 - where mkdtemp makes a folder with a short path, mode 0700
_SHORT_PREFIX = "wangge-socket-"


class Cluster:
    """A PostGIS server on a data folder, owned by this process or joined.

    The first process that starts it owns the server and stops it again. A process that comes
    while another owns it joins: it gets the same database, and its :meth:`stop` leaves the server
    alone. When the owner stops, the connections of those who joined are cut, and what they have
    not committed is rolled back.

    Parameters
    ----------
    data_dir
        Folder of the tables, the log and the lock; made when it is not there. As root it must
        lie where the account ``postgres`` may enter, since the server refuses to run as root.
    durable
        Keep what was committed through a crash of the machine. Tests say ``False``.

    Notes
    -----
    The server is interrupted when the *thread* that started it ends, which is how it ends with
    a service that was killed: hence :meth:`start` asks for the main thread.
    """

    def __init__(self, data_dir: Path, *, durable: bool = True) -> None:
        self._dir = data_dir.expanduser().absolute()
        self._tables = self._dir / "pgdata"
        self._durable = durable
        self._lock: int | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._socket_dir: Path | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def owned(self) -> bool:
        """Whether this process holds the folder, and stops the server in the end."""
        return self._lock is not None

    @property
    def pid(self) -> int | None:
        """Process id of the server; none when it was joined or does not run."""
        if self._process is None or self._process.poll() is not None:
            return None
        return self._process.pid

    def start(self) -> None:
        """Start the server or join the one that runs; does nothing when it runs already.

        Raises
        ------
        NoDatabaseError
            If PostGIS is not installed, the folder cannot be used, another process holds it
            without a server that answers, or the server does not start.
        ValueError
            If it is not called from the main thread.
        """
        if threading.current_thread() is not threading.main_thread():
            raise ValueError("start a cluster from the main thread: it ends with its thread")
        if self.pid is not None:
            return
        try:
            account = self._open_folder()
            if not self.owned:
                self._socket_dir = None  # a guest's knowledge of an owner that may have gone
            if self.owned or self._own_or_join():
                self._bring_up(account)
        except OSError as error:
            self.stop()
            raise NoDatabaseError(
                f"the data folder {self._dir} cannot be used: {error.strerror} "
                f"({error.filename}); let WANGGE_DATA_DIR name a folder that you may write"
            ) from error
        except BaseException:
            self.stop()
            raise

    def revive(self) -> bool:
        """Start the server anew if this process owns it and it was killed; say whether it was.

        For a thread that lives as long as the owner: see the class. The URL stays.

        Raises
        ------
        NoDatabaseError
            If it does not start; the folder stays this process's, and one may try again.
        OSError
            If the folder cannot be used any more.
        """
        if not self.owned or self.pid is not None:
            return False
        self._bring_up(account_for(self._dir, self._tables))
        return True

    def stop(self) -> None:
        """Stop the server if this process owns it; leave it alone if it was joined."""
        lock, self._lock = self._lock, None
        socket_dir, self._socket_dir = self._socket_dir, None
        if lock is None:
            return
        try:
            if self._process is not None:
                halt(self._process)
                self._process = None
            self._remove_short(socket_dir)
        finally:
            os.close(lock)

    def url(self, database: str = DATABASE) -> str:
        """Return the SQLAlchemy URL of one of the server's databases.

        Raises
        ------
        ValueError
            If the cluster was not started.
        """
        if self._socket_dir is None:
            raise ValueError("the cluster was not started")
        url = URL.create(
            "postgresql+psycopg",
            username="postgres",
            database=database,
            query={"host": str(self._socket_dir)},
        )
        return url.render_as_string(hide_password=False)

    def _open_folder(self) -> Account | None:
        """Make the data folder; return the account that the server must run as, if any."""
        self._dir.mkdir(mode=0o755 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)
        account = account_for(self._dir, self._tables)
        if account is not None:
            require_reach(account, self._dir)
        return account

    def _own_or_join(self) -> bool:
        """Lock the folder (true), or join the server of the process that has locked it."""
        begun = time.monotonic()
        while not self._take_lock():
            holder, socket_dir = self._read_record()
            if socket_dir is not None and answers(socket_dir, DATABASE):
                self._socket_dir = socket_dir
                return False
            patience_s = _FIRST_START_S if socket_dir is None else _ANSWER_S
            if time.monotonic() - begun > patience_s:
                raise NoDatabaseError(
                    f"the data folder {self._dir} is held by process {holder}, whose database "
                    "does not answer; end that process, or let WANGGE_DATA_DIR name another folder"
                )
            time.sleep(0.05)
        return True

    def _take_lock(self) -> bool:
        """Return whether this process now holds the folder."""
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        lock = os.open(self._dir / "lock", flags, 0o644)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            return False
        self._lock = lock
        return True

    def _bring_up(self, account: Account | None) -> None:
        """Run the server on the folder that this process holds, making what is missing."""
        server = find_server(major=written_by(self._tables))
        if self._socket_dir is None:  # else it is a restart, and the URL stays
            self._remove_short(self._read_record()[1])
            self._socket_dir = self._make_socket_dir(account)
        self._record(None)
        make_tables(self._tables, server, account, durable=self._durable)
        end_orphan(self._tables)
        settings = _COMMON | (_DURABLE if self._durable else _FLEETING)
        self._process = launch(
            self._tables,
            server,
            account,
            settings=settings | {"unix_socket_directories": str(self._socket_dir)},
            socket_dir=self._socket_dir,
            log_path=self._dir / "postgres.log",
        )
        _furnish(self._socket_dir)
        self._record(self._socket_dir)

    def _make_socket_dir(self, account: Account | None) -> Path:
        """Return a private folder whose path is short and plain enough for a socket."""
        own = self._dir / "socket"
        longest = os.fsencode(own / ".s.PGSQL.5432")
        if len(longest) <= _SOCKET_BYTES and _PLAIN.fullmatch(str(own)):
            own.mkdir(mode=0o700, exist_ok=True)
            give(own, account)
            return own
        short = Path(tempfile.mkdtemp(prefix=_SHORT_PREFIX, dir=_SHORT))
        give(short, account)
        return short

    def _remove_short(self, socket_dir: Path | None) -> None:
        """Remove a socket folder that stands apart from the data folder and is its server's."""
        if socket_dir is None or socket_dir.parent != _SHORT:
            return
        with contextlib.suppress(OSError):
            ours = socket_dir.lstat().st_uid == self._tables.stat().st_uid
            if ours and socket_dir.name.startswith(_SHORT_PREFIX):
                shutil.rmtree(socket_dir)

    def _record(self, socket_dir: Path | None) -> None:
        """Write into the lock file who holds it and, once it answers, where the server is."""
        if self._lock is None:
            raise ValueError("the folder is not locked")
        os.ftruncate(self._lock, 0)
        os.pwrite(self._lock, os.fsencode(f"{os.getpid()}\n{socket_dir or ''}\n"), 0)

    def _read_record(self) -> tuple[str, Path | None]:
        """Return the holder's process id and where its server answers, if it does yet."""
        holder, _, rest = os.fsdecode((self._dir / "lock").read_bytes()).partition("\n")
        return holder or "unknown", Path(rest.rstrip("\n")) if rest.strip("\n") else None


def _furnish(socket_dir: Path) -> None:
    """Create the database and its extensions where they are missing."""
    try:
        with psycopg.connect(
            host=str(socket_dir), user="postgres", dbname="postgres", autocommit=True
        ) as connection:
            there = connection.execute(
                "SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]
            ).fetchone()
            if there is None:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))
        with psycopg.connect(
            host=str(socket_dir), user="postgres", dbname=DATABASE, autocommit=True
        ) as connection:
            for extension in EXTENSIONS:
                connection.execute(
                    sql.SQL("CREATE EXTENSION IF NOT EXISTS {}").format(sql.Identifier(extension))
                )
    except psycopg.Error as error:
        raise NoDatabaseError(
            f"the database {DATABASE!r} cannot be made: {str(error).strip().splitlines()[0]}"
        ) from error
