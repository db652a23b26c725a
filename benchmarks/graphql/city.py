"""The city that is asked about: published by our own program, and copied into plain tables."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import psycopg
import shapely
from sqlalchemy import make_url

from benchmarks.coverage.generate import load, stored_city
from benchmarks.coverage.worker import CHECKOUT
from benchmarks.graphql.holders import give_holders
from benchmarks.graphql.plain import copy_plainly
from benchmarks.importing.files import UPPER, stored_files
from service.cluster import Cluster
from storage.migrate import upgrade

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

GRIDS, ADDRESSES = 6_000, 300_000
"""Twenty sub-districts of ten communities of thirty grids."""

PROGRAM = (sys.executable, "-c", "from service.cli import main; main()")
"""Our program, of this checkout, wherever the environment was made for."""

_MOST_PEOPLE = 3


class CommandError(Exception):
    """A command failed."""


class Ground(NamedTuple):
    """What questions are drawn from: the grids as they were generated."""

    codes: list[str]
    cells: NDArray[np.object_]
    """Polygons in degrees, shape (n,)."""
    communities: int


class Server(NamedTuple):
    """The database that all contenders read."""

    host: str
    """Folder of its socket."""
    database: str
    account: str
    pid: int

    def url(self) -> str:
        """Return what DATABASE_URL is to be."""
        return f"postgresql://{self.account}@/{self.database}?host={self.host}"

    def connect(self) -> psycopg.Connection[tuple[object, ...]]:
        """Connect, without transactions."""
        return psycopg.connect(
            host=self.host, dbname=self.database, user=self.account, autocommit=True
        )


def server_of(url: str, pid: int) -> Server:
    """Return the server of a SQLAlchemy URL.

    Parameters
    ----------
    pid
        Process id of the server.
    """
    parts = make_url(url)
    account = parts.username or "postgres"
    return Server(str(parts.query["host"]), parts.database or "", account, pid)


def ground_of(folder: Path, grids: int) -> Ground:
    """Return the generated grids of a city."""
    city = load(stored_city(folder, grids, dirty=False))
    cells = np.asarray(shapely.from_wkb(city.units), object)
    return Ground(city.codes, cells, len(city.parents))


def scatter(ground: Ground, count: int, *, seed: int = 3) -> NDArray[np.float64]:
    """Return places in the grids, as many in each, shape (count, 2), degrees of 7 decimals.

    Each lies on the way from the middle of its grid to a corner, so that none is on a border.
    """
    rng = np.random.default_rng(seed)
    which = np.arange(count) % len(ground.cells)
    middle = shapely.get_coordinates(shapely.point_on_surface(ground.cells))[which]
    corners, owner = shapely.get_coordinates(
        shapely.get_exterior_ring(ground.cells), return_index=True
    )
    start = np.searchsorted(owner, which)
    corner = corners[start + rng.integers(0, np.bincount(owner)[which])]
    part = np.sqrt(rng.uniform(0.0, 0.8, count))[:, None]
    return np.asarray(np.round(middle + part * (corner - middle), 7), np.float64)


@contextmanager
def serve_database(place: Path) -> Iterator[Server]:
    """Run a database server on a folder; what was loaded there before is still there."""
    place.mkdir(parents=True, exist_ok=True)
    place.chmod(0o755)  # root's server runs as another account
    with Cluster(place / "data") as cluster:
        if cluster.pid is None:
            raise CommandError(f"another process serves the database in {place}")
        upgrade(cluster.url())
        yield server_of(cluster.url(), cluster.pid)


def publish(
    server: Server, folder: Path, say: Callable[[str], None], *, grids: int, addresses: int
) -> None:
    """Publish a city by our own commands and copy it for the others; once for a database.

    Raises
    ------
    CommandError
        If a command fails, or the database holds another city.
    """
    if _is_there(server, grids):
        say("the city is there already")
        return
    files = stored_files(folder, grids)
    for level in UPPER:
        _run(server, say, "import", files.above, "--layer", level, "--level", level, "--publish")
    _run(server, say, "import", files.grids, "--level", "grid", "--publish")
    table = folder / f"addresses-{grids}-{addresses}.csv"
    _write_addresses(table, scatter(ground_of(folder, grids), addresses))
    _run(server, say, "load", "addresses", table)
    with server.connect() as connection:
        with connection.transaction():
            give_holders(connection)
            copy_plainly(connection)
        connection.execute("VACUUM ANALYZE")


def _is_there(server: Server, grids: int) -> bool:
    with server.connect() as connection:
        if connection.execute("SELECT to_regclass('peers.grid')").fetchone() == (None,):
            return False
        row = connection.execute("SELECT count(*) FROM peers.grid").fetchone()
    if row != (grids,):
        raise CommandError(f"the database holds {row and row[0]} grids; name another --database")
    return True


def _write_addresses(path: Path, lonlat: NDArray[np.float64]) -> None:
    """Write homes of one to three households."""
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("key", "lon", "lat", "households", "people"))
        for number, (lon, lat) in enumerate(lonlat.tolist()):
            households = 1 + number % _MOST_PEOPLE
            rows.writerow((number, f"{lon:.7f}", f"{lat:.7f}", households, 3 * households))


def _run(server: Server, say: Callable[[str], None], *words: str | Path) -> None:
    say(f"wangge {' '.join(map(str, words[:2]))}")
    done = subprocess.run(
        [*PROGRAM, *map(str, words)],
        cwd=CHECKOUT,
        env=os.environ | {"DATABASE_URL": server.url()},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise CommandError(f"wangge {words[0]}: {done.stderr.strip() or done.stdout}")
