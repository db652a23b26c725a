"""The private server: it starts, stops, joins, and survives what kills it."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Protocol

import psycopg
import pytest
from sqlalchemy import make_url

from geo.errors import NoDatabaseError
from service import postmaster
from service.account import SERVER_ACCOUNT
from service.cluster import DATABASE, Cluster
from service.keeper import kept
from service.postgis import find_server
from service.postmaster import answers
from tests.rooms import open_room

CHECKOUT = Path(__file__).resolve().parent.parent
ROWS = 100

SERVICE = """
import os, sys
from pathlib import Path
import psycopg.pq
from service.cluster import DATABASE, Cluster
from service.keeper import kept

user = int(sys.argv[2])
if user:  # imported first: the account may not be able to read the interpreter's folder
    os.setgroups([]); os.setgid(int(sys.argv[3])); os.setuid(user)
cluster = Cluster(Path(sys.argv[1]))
cluster.start()
print("owner" if cluster.owned else "guest", cluster.pid, cluster.url(), flush=True)
sys.stdin.read()  # until the test closes it
cluster.stop()
print("stopped", flush=True)
"""


@pytest.fixture(autouse=True)
def _needs_postgis() -> None:
    try:
        find_server()
    except NoDatabaseError as error:
        pytest.skip(str(error))


def python(*arguments: object) -> subprocess.Popen[str]:
    """Run the little service in another process."""
    return subprocess.Popen(  # noqa: S603 - our own interpreter and text
        [sys.executable, "-c", SERVICE, *map(str, arguments)],
        cwd=CHECKOUT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture(scope="module")
def made_once() -> Iterator[Path]:
    """Give a data folder with the rows in it, whose server has stopped."""
    folder = open_room()
    try:
        with Cluster(folder / "data", durable=False) as cluster:
            add(cluster.url())
        yield folder / "data"
    finally:
        shutil.rmtree(folder)


@pytest.fixture
def data_dir(made_once: Path, scratch: Path) -> Path:
    """Give a copy of that folder: a first start takes a second, and few tests are about it."""
    subprocess.run(["/bin/cp", "-a", made_once, scratch], check=True)  # noqa: S603 - our own
    return scratch / "data"


class Service:
    """Another process that runs a cluster until it is told to end, or killed."""

    def __init__(self, data_dir: Path, *, uid: int = 0, gid: int = 0) -> None:
        self.process = python(data_dir, uid, gid)
        assert self.process.stdout is not None
        role, pid, self.url = self.process.stdout.readline().split()
        self.owner = role == "owner"
        self.server_pid = int(pid) if self.owner else 0

    def finish(self) -> str:
        """Let it end by itself; return the last line it prints."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        return self.process.stdout.readline().strip()

    def kill(self) -> None:
        """End it as a crash would, if it has not ended."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            if pipe is not None:
                pipe.close()


class Serve(Protocol):
    """Starts such a process; what the test leaves running is killed after it."""

    def __call__(self, data_dir: Path, *, uid: int = 0, gid: int = 0) -> Service:
        """Return when its cluster answers."""


@pytest.fixture
def serve() -> Iterator[Serve]:
    started: list[Service] = []

    def start(data_dir: Path, *, uid: int = 0, gid: int = 0) -> Service:
        service = Service(data_dir, uid=uid, gid=gid)
        started.append(service)
        return service

    yield start
    for service in started:
        service.kill()


def connect(url: str) -> psycopg.Connection[tuple[object, ...]]:
    parts = make_url(url)
    return psycopg.connect(
        host=str(parts.query["host"]), user=parts.username, dbname=parts.database
    )


def add(url: str) -> None:
    """Commit a hundred rows."""
    with connect(url) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (n integer)")
        connection.execute("INSERT INTO kept SELECT generate_series(1, %s)", [ROWS])


def count(url: str) -> object:
    with connect(url) as connection:
        row = connection.execute("SELECT count(*) FROM kept").fetchone()
    return row and row[0]


def gone(pid: int) -> bool:
    """Return whether a process has ended; one that nobody has waited for has."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def eventually(condition: Callable[[], bool], *, within_s: float = 10.0) -> bool:
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def test_a_first_start_makes_a_database_with_every_extension(scratch: Path) -> None:
    with Cluster(scratch / "data") as cluster, connect(cluster.url()) as connection:
        names = {row[0] for row in connection.execute("SELECT extname FROM pg_extension")}
        checked = connection.execute("SHOW data_checksums").fetchone()

    assert cluster.pid is None
    assert {"postgis", "btree_gist", "pg_trgm"} <= names
    assert checked == ("on",)


def test_rows_are_there_after_a_stop_and_a_start(data_dir: Path) -> None:
    with Cluster(data_dir) as cluster:
        add(cluster.url())
    with Cluster(data_dir) as cluster:
        assert count(cluster.url()) == 2 * ROWS


def test_stopping_ends_the_server_and_forgets_the_url(data_dir: Path) -> None:
    cluster = Cluster(data_dir)
    cluster.start()
    pid = cluster.pid
    assert pid is not None
    cluster.stop()

    assert gone(pid)
    with pytest.raises(ValueError, match="not started"):
        cluster.url()
    cluster.stop()  # a second time is no harm


def test_rows_survive_a_killed_server_under_a_running_service(data_dir: Path) -> None:
    with Cluster(data_dir) as cluster:
        add(cluster.url())
        url, pid = cluster.url(), cluster.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)

        assert eventually(lambda: cluster.pid is None)
        cluster.start()

        assert cluster.url() == url, "engines that know the old address go on"
        assert count(url) == 2 * ROWS


def test_a_server_killed_under_a_service_that_keeps_it_comes_back_by_itself(
    data_dir: Path,
) -> None:
    with Cluster(data_dir) as cluster, kept(cluster):
        add(cluster.url())
        url, pid = cluster.url(), cluster.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)

        assert eventually(lambda: cluster.pid not in {None, pid})
        assert eventually(lambda: answers(Path(str(make_url(url).query["host"])), DATABASE))
        assert count(url) == 2 * ROWS
        again = cluster.pid
    assert again is not None
    assert gone(again)


def test_a_killed_service_leaves_no_server_and_loses_no_row(serve: Serve, data_dir: Path) -> None:
    service = serve(data_dir)
    add(service.url)
    service.kill()

    begun = time.monotonic()
    with Cluster(data_dir) as cluster:
        assert cluster.owned
        assert cluster.pid != service.server_pid
        assert count(cluster.url()) == 2 * ROWS
    assert gone(service.server_pid)
    assert time.monotonic() - begun < 10.0


def test_a_server_ends_by_itself_when_its_service_is_killed(serve: Serve, data_dir: Path) -> None:
    service = serve(data_dir)
    service.kill()

    assert eventually(lambda: gone(service.server_pid))


def test_an_orphan_that_did_not_notice_is_ended_by_the_next_start(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postmaster, "_ends_with_parent", lambda: ())  # as where setpriv is missing
    service = Cluster(data_dir)
    service.start()
    add(service.url())
    orphan = service.pid
    assert orphan is not None
    assert service._lock is not None
    os.close(service._lock)  # what remains of a killed owner: a server and a free lock

    with Cluster(data_dir) as cluster:
        assert cluster.owned
        assert gone(orphan)
        assert service.pid is None
        assert count(cluster.url()) == 2 * ROWS


def test_both_service_and_server_killed_at_once_start_again(serve: Serve, data_dir: Path) -> None:
    service = serve(data_dir)
    add(service.url)
    os.kill(service.server_pid, signal.SIGKILL)
    service.kill()

    with Cluster(data_dir) as cluster:
        assert count(cluster.url()) == 2 * ROWS


def test_a_dead_server_that_nobody_has_reaped_does_not_stop_the_next(data_dir: Path) -> None:
    """As in a container whose first process is a shell, or a service."""
    service = Cluster(data_dir)
    service.start()
    add(service.url())
    dead = service.pid
    assert dead is not None
    assert service._lock is not None
    os.kill(dead, signal.SIGKILL)
    os.close(service._lock)

    with Cluster(data_dir) as cluster:
        assert Path(f"/proc/{dead}").exists(), "still a zombie"
        assert count(cluster.url()) == 2 * ROWS
    assert service.pid is None


def test_another_program_with_the_dead_servers_number_does_not_stop_the_next(
    data_dir: Path,
) -> None:
    """As after a restart of the machine, when numbers are given out anew."""
    tables = data_dir / "pgdata"
    service = Cluster(data_dir)
    service.start()
    add(service.url())
    dead = service.pid
    assert dead is not None
    os.kill(dead, signal.SIGKILL)
    assert eventually(lambda: service.pid is None)
    assert service._lock is not None
    os.close(service._lock)
    root = os.geteuid() == 0
    with subprocess.Popen(
        ["/bin/sleep", "60"], user=tables.stat().st_uid if root else None
    ) as stranger:
        lock_file = tables / "postmaster.pid"
        _, _, rest = lock_file.read_text().partition("\n")
        lock_file.write_text(f"{stranger.pid}\n{rest}")

        with Cluster(data_dir) as cluster:
            assert count(cluster.url()) == 2 * ROWS
        assert stranger.poll() is None, "and it is left alone"
        stranger.kill()


def test_a_second_starter_joins_and_leaves_the_server_running(serve: Serve, data_dir: Path) -> None:
    with Cluster(data_dir) as owner:
        guest = serve(data_dir)

        assert not guest.owner
        assert guest.url == owner.url()
        assert count(guest.url) == ROWS
        assert guest.finish() == "stopped"
        assert count(owner.url()) == ROWS


def test_of_two_first_starters_one_owns_and_one_joins(serve: Serve, scratch: Path) -> None:
    made: list[Service] = []
    threads = [
        threading.Thread(target=lambda: made.append(serve(scratch / "data"))) for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(service.owner for service in made) == [False, True]
    assert made[0].url == made[1].url
    for service in sorted(made, key=lambda service: service.owner):  # the guest first
        assert service.finish() == "stopped"


def test_a_guest_takes_over_when_the_owner_has_gone(data_dir: Path) -> None:
    with Cluster(data_dir):
        guest = Cluster(data_dir)
        guest.start()
        roles = [guest.owned]
    guest.start()
    roles.append(guest.owned)

    assert roles == [False, True]
    assert count(guest.url()) == ROWS
    guest.stop()


def test_a_holder_without_a_server_is_named(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.cluster._ANSWER_S", 0.2)
    with Cluster(data_dir) as holder:
        assert holder.pid is not None
        os.kill(holder.pid, signal.SIGKILL)
        assert eventually(lambda: holder.pid is None)

        with pytest.raises(NoDatabaseError, match=rf"{data_dir} is held by process {os.getpid()}"):
            Cluster(data_dir).start()


def test_an_interrupted_initdb_is_done_again(scratch: Path) -> None:
    half_made = scratch / "data" / "pgdata.new-a1b2"
    half_made.mkdir(parents=True)
    (half_made / "PG_VERSION").write_text("15\n")
    (half_made / "base").mkdir()

    with Cluster(scratch / "data") as cluster:
        add(cluster.url())
        assert count(cluster.url()) == ROWS
    assert not half_made.exists()


def test_a_start_killed_at_any_moment_is_made_good_by_the_next(scratch: Path) -> None:
    for delay_s in (0.3, 0.6, 0.9, 1.2, 1.5):
        process = python(scratch / "data", 0, 0)
        time.sleep(delay_s)
        process.kill()
        process.communicate()

    with Cluster(scratch / "data") as cluster:
        add(cluster.url())
        assert count(cluster.url()) == ROWS


def test_a_folder_with_a_long_chinese_name_works(scratch: Path) -> None:
    folder = scratch / ("网格数据" * 6) / "with, comma" / ("x" * 60)
    with Cluster(folder) as cluster:
        socket_dir = Path(str(make_url(cluster.url()).query["host"]))
        add(cluster.url())
        guest = Cluster(folder)
        guest.start()
        assert guest.url() == cluster.url()

    assert not socket_dir.exists()


def test_nobody_else_may_enter_the_tables_or_the_socket(data_dir: Path) -> None:
    with Cluster(data_dir) as cluster:
        socket_dir = Path(str(make_url(cluster.url()).query["host"]))
        assert (data_dir / "pgdata").stat().st_mode & 0o777 == 0o700
        assert socket_dir.stat().st_mode & 0o777 == 0o700
        with connect(cluster.url()) as connection:
            assert connection.execute("SHOW listen_addresses").fetchone() == ("",)


def test_a_start_outside_the_main_thread_is_a_mistake(scratch: Path) -> None:
    caught: list[str] = []

    def start() -> None:
        try:
            Cluster(scratch / "data").start()
        except ValueError as error:
            caught.append(str(error))

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()

    assert len(caught) == 1
    assert "main thread" in caught[0]


@pytest.mark.as_root
def test_an_ordinary_user_runs_a_server_of_his_own(serve: Serve, scratch: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    os.chown(scratch, nobody.pw_uid, nobody.pw_gid)
    service = serve(scratch / "data", uid=nobody.pw_uid, gid=nobody.pw_gid)
    add(service.url)

    assert service.owner
    assert (scratch / "data" / "pgdata").stat().st_uid == nobody.pw_uid
    assert service.finish() == "stopped"
    with Cluster(scratch / "data") as cluster:  # root serves it as its owner
        assert count(cluster.url()) == ROWS


@pytest.mark.as_root
def test_another_users_tables_are_refused_by_name(data_dir: Path) -> None:
    with Cluster(data_dir):
        pass
    nobody = pwd.getpwnam("nobody")
    _, said = python(data_dir, nobody.pw_uid, nobody.pw_gid).communicate(timeout=60)

    assert "NoDatabaseError" in said
    assert f"belong to {SERVER_ACCOUNT!r}, and this is 'nobody'" in said


@pytest.mark.as_root
def test_a_closed_folder_on_the_way_is_named(scratch: Path) -> None:
    closed = scratch / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(
        NoDatabaseError, match=rf"'{SERVER_ACCOUNT}', which may not enter {closed}:"
    ):
        Cluster(closed / "deep" / "data").start()


def test_a_data_folder_that_is_a_file_is_told_in_a_sentence(scratch: Path) -> None:
    (scratch / "data").write_text("not a folder")
    with pytest.raises(NoDatabaseError, match="cannot be used: File exists"):
        Cluster(scratch / "data").start()


def test_tables_that_do_not_start_say_why_and_where_to_read_more(data_dir: Path) -> None:
    with Cluster(data_dir):
        pass
    (data_dir / "pgdata" / "global" / "pg_control").unlink()

    with pytest.raises(NoDatabaseError, match=r"does not start: .*postgres\.log\)"):
        Cluster(data_dir).start()
    with suppress(NoDatabaseError):  # the folder is free again: the same message, no holder
        Cluster(data_dir).start()


def fake_postgresql(root: Path, major: int, *, postgis: bool) -> None:
    """Lay out a server as Debian's packages do; none of it runs but pg_config."""
    bin_dir, share = root / str(major) / "bin", root / str(major) / "share"
    bin_dir.mkdir(parents=True)
    (share / "extension").mkdir(parents=True)
    for program in ("initdb", "postgres"):
        (bin_dir / program).touch()
    if postgis:
        (share / "extension" / "postgis.control").touch()
    config = bin_dir / "pg_config"
    config.write_text(f"#!/bin/sh\nprintf 'PostgreSQL {major}.1\\n{bin_dir}\\n{share}\\n'\n")
    config.chmod(0o755)


def test_the_newest_server_with_postgis_is_taken(tmp_path: Path) -> None:
    fake_postgresql(tmp_path, 9, postgis=True)
    fake_postgresql(tmp_path, 15, postgis=True)
    fake_postgresql(tmp_path, 16, postgis=True)
    fake_postgresql(tmp_path, 17, postgis=False)

    assert find_server(debian_root=tmp_path, path="/nowhere").major == 16
    assert find_server(debian_root=tmp_path, path="/nowhere", major=15).major == 15


def test_a_server_elsewhere_is_found_by_pg_config_on_the_path(tmp_path: Path) -> None:
    fake_postgresql(tmp_path, 18, postgis=True)

    found = find_server(debian_root=tmp_path / "none", path=str(tmp_path / "18" / "bin"))

    assert found.bin_dir == tmp_path / "18" / "bin"


@pytest.mark.parametrize(
    ("installed", "major", "package"),
    [
        ((16,), None, "postgresql-16-postgis-3"),  # a server is there: its own PostGIS
        ((16,), 15, "postgresql-15-postgis-3"),  # the data's own version
        ((9,), 15, "postgresql-15-postgis-3"),
    ],
)
def test_missing_postgis_names_the_command_that_installs_it(
    tmp_path: Path, installed: tuple[int, ...], major: int | None, package: str
) -> None:
    for version in installed:
        fake_postgresql(tmp_path, version, postgis=False)
    apt = tmp_path / "apt-get"
    apt.touch(mode=0o755)

    with pytest.raises(NoDatabaseError) as caught:
        find_server(debian_root=tmp_path, path=str(tmp_path), major=major)

    sudo = "" if os.geteuid() == 0 else "sudo "
    assert (
        f"`{sudo}apt-get update && {sudo}apt-get install -y --no-install-recommends {package}`"
        in str(caught.value)
    )
    assert "DATABASE_URL" in str(caught.value)


def test_without_apt_get_missing_postgis_says_what_is_needed(tmp_path: Path) -> None:
    with pytest.raises(NoDatabaseError, match="PostgreSQL 15 or newer with PostGIS"):
        find_server(debian_root=tmp_path, path=str(tmp_path))
