"""The rounds: each engine in turn, each time into a fresh database of one durable server."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import psycopg
from psycopg import sql
from sqlalchemy import make_url

from benchmarks.importing.files import UPPER, stored_files
from benchmarks.importing.watch import CommandFailedError, Spent, watch
from service.cluster import DATABASE, Cluster
from storage.migrate import upgrade

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from benchmarks.importing.files import Files

BASE = "above"
"""Database with the levels above the grids published."""

ROUND = "round_"
OGR2OGR = "ogr2ogr"


class Way(NamedTuple):
    """One thing that is measured."""

    key: str
    says: str
    does: Callable[[Server, Files], Spent]


@dataclass(frozen=True, kw_only=True)
class Record:
    """One call."""

    key: str
    grids: int
    wall_s: float
    cpu_s: float
    server_cpu_s: float
    peak_mib: float
    server_mib: float


class Server(NamedTuple):
    """The server that all write to."""

    host: str
    """Folder of its socket."""
    pid: int

    def url(self, database: str) -> str:
        """Return what DATABASE_URL is to be."""
        return f"postgresql://postgres@/{database}?host={self.host}"

    def connect(self, database: str) -> psycopg.Connection[tuple[object, ...]]:
        """Connect, without transactions."""
        return psycopg.connect(host=self.host, dbname=database, user="postgres", autocommit=True)

    def make(self, database: str, template: str) -> None:
        """Make a database anew, with nothing left to be written from before."""
        self.drop(database)
        with self.connect("postgres") as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
                    sql.Identifier(database), sql.Identifier(template)
                )
            )
            connection.execute("CHECKPOINT")

    def drop(self, database: str) -> None:
        """Remove a database, if it is there."""
        with self.connect("postgres") as connection:
            connection.execute(
                sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(database))
            )

    def wangge(self, database: str, *words: str) -> Spent:
        """Run one of our commands on a database."""
        program = str(Path(sys.executable).with_name("wangge"))
        return watch([program, *words], server=self.pid, env={"DATABASE_URL": self.url(database)})

    def number(self, database: str, query: str) -> int:
        """Return the number that a query gives."""
        with self.connect(database) as connection:
            row = connection.execute(query.encode()).fetchone()
        return int(str(row[0])) if row else 0


def measure(
    folder: Path,
    sizes: tuple[int, ...],
    rounds: int,
    say: Callable[[str], None],
    *,
    ways: Sequence[Way],
) -> list[Record]:
    """Run ways in turn, several times, on cities of several sizes."""
    records = []
    for size in sizes:
        files = stored_files(folder, size)
        say(f"{files.grids_count:,} grids, {files.grids.stat().st_size / 1e6:.0f} MB")
        with _server() as server:
            _publish_above(server, files)
            for number in range(rounds):
                for way in ways if number % 2 == 0 else ways[::-1]:
                    if way.key == OGR2OGR and shutil.which(OGR2OGR) is None:
                        continue
                    spent = way.does(server, files)
                    say(f"  {way.key}: {spent.wall_s:.1f} s, {spent.peak_mib:.0f} MiB")
                    records.append(Record(key=way.key, grids=files.grids_count, **spent._asdict()))
    return records


@contextmanager
def _server() -> Iterator[Server]:
    place = Path(tempfile.mkdtemp(prefix="wangge-bench-"))
    place.chmod(0o755)  # root's server runs as another account
    try:
        with Cluster(place / "data") as cluster:
            upgrade(cluster.url())
            host = str(make_url(cluster.url()).query["host"])
            yield Server(host, cluster.pid or 0)
    finally:
        shutil.rmtree(place)


def _publish_above(server: Server, files: Files) -> None:
    server.make(BASE, DATABASE)
    for level in UPPER:
        words = ("import", str(files.above), "--layer", level, "--level", level, "--publish")
        server.wangge(BASE, *words)
    with server.connect(BASE) as connection:
        connection.execute("VACUUM ANALYZE")


# -- what is measured -------------------------------------------------------------------------


_GRIDS = "SELECT count(*) FROM unit WHERE level = 'grid' AND last_edition IS NULL"
_EDITIONS = "SELECT max(number) FROM edition"


def _import(server: Server, database: str, file: Path, *words: str) -> Spent:
    return server.wangge(database, "import", str(file), "--level", "grid", *words)


def _whole(server: Server, files: Files) -> Spent:
    """Import the grids, prove them and publish them."""
    server.make(ROUND, BASE)
    spent = _import(server, ROUND, files.grids, "--publish")
    _expect(server.number(ROUND, _GRIDS), files.grids_count, "grids are published")
    return spent


def _again(server: Server, files: Files) -> Spent:
    """Import the same file again, which changes nothing."""
    _stand(server, files)
    before = server.number(ROUND, _EDITIONS)
    spent = _import(server, ROUND, files.grids, "--publish")
    _expect(server.number(ROUND, _EDITIONS), before, "editions stand")
    return spent


def _changed(server: Server, files: Files) -> Spent:
    """Import a file in which one grid in a hundred is drawn otherwise."""
    _stand(server, files)
    before = server.number(ROUND, _EDITIONS)
    spent = _import(server, ROUND, files.changed, "--publish")
    _expect(server.number(ROUND, _EDITIONS), before + 1, "editions stand")
    return spent


def _recheck(server: Server, files: Files) -> Spent:
    """Check an open draft of the grids again."""
    server.make(ROUND, BASE)
    _import(server, ROUND, files.grids)
    draft = server.number(ROUND, "SELECT max(id) FROM draft")
    return server.wangge(ROUND, "draft", "recheck", str(draft))


def _stand(server: Server, files: Files) -> None:
    server.make(ROUND, BASE)
    _import(server, ROUND, files.grids, "--publish")


def _load(server: Server, files: Files) -> Spent:
    """Load the grids with ogr2ogr as it comes: by COPY, with a spatial index."""
    server.drop(ROUND)
    server.make(ROUND, "template0")
    with server.connect(ROUND) as connection:
        connection.execute("CREATE EXTENSION postgis")
        connection.execute("CHECKPOINT")
    target = f"PG:host={server.host} dbname={ROUND} user=postgres"
    command = [OGR2OGR, "-f", "PostgreSQL", target, str(files.grids), "-nln", "grids"]
    spent = watch(command, server=server.pid)
    _expect(
        server.number(ROUND, "SELECT count(*) FROM grids"), files.grids_count, "rows are loaded"
    )
    return spent


def _expect(found: int, wanted: int, what: str) -> None:
    if found != wanted:
        raise CommandFailedError(f"{found:,} {what}, not {wanted:,}")


def ogr2ogr_version() -> str | None:
    """Return what ogr2ogr says of itself; None where it is not installed."""
    if shutil.which(OGR2OGR) is None:
        return None
    said = subprocess.run([OGR2OGR, "--version"], capture_output=True, text=True, check=False)
    return said.stdout.partition(",")[0].strip() or None


WAYS = (
    Way("import", "import, proven and published", _whole),
    Way(OGR2OGR, "ogr2ogr, loaded only", _load),
    Way("again", "the same file again: no change", _again),
    Way("changed", "1 % of the grids drawn otherwise", _changed),
    Way("recheck", "an open draft checked again", _recheck),
)
