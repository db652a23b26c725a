"""Publishing one changed wall of a large level: what our process does beside the database.

    python -m benchmarks.coverage.publish --grids 100000 --changes 15

The city is imported and published into a private PostGIS server, level by level. Then, again and
again, a community is sent in which the wall between two grids has moved by a metre, checked as a
draft, and published: only the publishing is timed.
"""

from __future__ import annotations

import argparse
import asyncio
import datetime as dt
import json
import shutil
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import shapely
from sqlalchemy import event, text

from benchmarks.coverage.generate import load, stored_city
from benchmarks.coverage.lattice import EAST_BENDS, WEST_BENDS
from benchmarks.coverage.plane import to_degrees, to_metres
from geo.datums import Datum
from resolvers.importing import import_boundaries
from resolvers.publishing import Order, publish
from service.cluster import Cluster
from sources.boundaries import BoundaryFile
from sources.columns import Columns
from storage.engine import make_engine
from storage.migrate import upgrade

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray
    from sqlalchemy.ext.asyncio import AsyncEngine

    from benchmarks.coverage.generate import City
    from resolvers.publishing import Published

WARM_UP = 2
"""Publications before those that are counted: kernels and prepared statements are made then."""

SHIFT_M = 1.0

_ROWS = text("""
SELECT count(*) FILTER (WHERE first_edition = :edition),
       count(*) FILTER (WHERE last_edition = :edition - 1),
       count(*)
FROM unit
""")
"""Rows that an edition wrote, rows that it closed, and all."""


@dataclass(frozen=True, kw_only=True)
class Publishing:
    """Medians over the changes; times in milliseconds.

    Attributes
    ----------
    grids
        Units of the lowest level.
    wall_ms
        From the call of ``publish`` to its return.
    sql_ms
        Of these, spent waiting for the database: statements, the check of the connection, commit.
    ours_ms
        The rest: our own work.
    ours_cpu_ms
        Processor time of our process, its share of talking to the database with it.
    check_ms
        What the draft's import and check took before.
    rows_written, rows_closed
        Rows of the table of units that an edition wrote and closed.
    rows
        Rows of the table in the end.
    """

    grids: int
    changes: int
    wall_ms: float
    sql_ms: float
    ours_ms: float
    ours_cpu_ms: float
    check_ms: float
    rows_written: float
    rows_closed: float
    rows: int


class _One(NamedTuple):
    """One publication, in seconds and rows."""

    wall_s: float
    sql_s: float
    cpu_s: float
    check_s: float
    written: int
    closed: int
    rows: int


def measure_publishing(folder: Path, grids: int, changes: int) -> Publishing:
    """Publish a clean city, then single changes of it.

    Parameters
    ----------
    folder
        Where generated cities are kept.
    grids
        The fewest grids of the city.
    changes
        How many publications are counted.
    """
    city = load(stored_city(folder, grids, dirty=False))
    place = Path(tempfile.mkdtemp(prefix="wangge-bench-"))
    place.chmod(0o755)  # root's server runs as another account
    try:
        with Cluster(place / "data") as cluster:
            upgrade(cluster.url())
            done = asyncio.run(_measure(cluster.url(), city, changes))
    finally:
        shutil.rmtree(place)
    return _medians(len(city.units), done)


def _medians(grids: int, done: Sequence[_One]) -> Publishing:
    def of(value: Callable[[_One], float]) -> float:
        return median(value(one) for one in done)

    return Publishing(
        grids=grids,
        changes=len(done),
        wall_ms=1000 * of(lambda one: one.wall_s),
        sql_ms=1000 * of(lambda one: one.sql_s),
        ours_ms=1000 * of(lambda one: one.wall_s - one.sql_s),
        ours_cpu_ms=1000 * of(lambda one: one.cpu_s),
        check_ms=1000 * of(lambda one: one.check_s),
        rows_written=of(lambda one: one.written),
        rows_closed=of(lambda one: one.closed),
        rows=done[-1].rows,
    )


async def _measure(url: str, city: City, changes: int) -> list[_One]:
    engine = make_engine(url)
    try:
        await _publish_city(engine, city)
        clock = _SqlClock(engine)
        walls = _inner_walls(city)
        return [await _change(engine, city, cell, clock) for cell in walls[: changes + WARM_UP]][
            WARM_UP:
        ]
    finally:
        await engine.dispose()


async def _publish_city(engine: AsyncEngine, city: City) -> None:
    """Import and publish all levels, the highest first."""
    whole = [shapely.coverage_union_all(shapely.from_wkb(city.districts))]
    above = [city.district_codes[i] for i in city.district_of.tolist()]
    parents = [city.parent_codes[i] for i in city.parent_of.tolist()]
    top = city.district_codes[0][:4]
    for level, geoms, codes, named in (
        ("district", whole, [top], [None]),
        ("subdistrict", shapely.from_wkb(city.districts), city.district_codes, [top]),
        ("community", shapely.from_wkb(city.parents), city.parent_codes, above),
        ("grid", shapely.from_wkb(city.units), city.codes, parents),
    ):
        names = list(named) * (len(codes) // len(named))
        file = _file(np.asarray(geoms, object), codes, names)
        await _publish(engine, await _import(engine, file, level, None))


def _file(
    geoms: NDArray[np.object_], codes: Sequence[str], parents: Sequence[str | None]
) -> BoundaryFile:
    """Return what reading a file of these units gives."""
    return BoundaryFile(
        file="city.geojson",
        sha256="0" * 64,
        format="GeoJSON",
        layer=None,
        encoding="UTF-8",
        crs="EPSG:4326",
        datum=Datum.WGS84,
        columns=Columns(code="code", parent="parent"),
        rows=np.arange(1, len(codes) + 1),
        codes=list(codes),
        names=list(codes),
        parents=list(parents),
        properties=[{} for _ in codes],
        geoms=geoms,
        notices=(),
        households=[],
        people=[],
    )


async def _import(engine: AsyncEngine, file: BoundaryFile, level: str, within: str | None) -> int:
    imported = await import_boundaries(
        engine, file, level=level, within=within, created_by="benchmark", today=_today()
    )
    if imported.draft is None:
        raise ValueError(f"the import of level {level} made no draft")
    return imported.draft


async def _publish(engine: AsyncEngine, draft: int) -> Published:
    order = Order(published_by="benchmark", today=_today())
    return await publish(engine, [draft], order)


def _today() -> dt.date:
    return dt.datetime.now(dt.UTC).date()


# -- one change -------------------------------------------------------------------------------


def _inner_walls(city: City) -> list[int]:
    """Return a grid of each community whose eastern neighbour is of the same one, in any order."""
    parent_of = city.parent_of
    inner = np.flatnonzero(parent_of[:-1] == parent_of[1:])
    _, first = np.unique(parent_of[inner], return_index=True)
    mixed: list[int] = np.random.default_rng(1).permutation(inner[first]).tolist()
    return mixed


async def _change(engine: AsyncEngine, city: City, cell: int, clock: _SqlClock) -> _One:
    """Move the wall between a grid and its eastern neighbour, and publish that."""
    parent = int(city.parent_of[cell])
    members = np.flatnonzero(city.parent_of == parent)
    geoms = shapely.from_wkb([city.units[i] for i in members.tolist()])
    at = int(np.searchsorted(members, cell))
    geoms[at], geoms[at + 1] = move_wall(geoms[at], geoms[at + 1])
    code = city.parent_codes[parent]
    file = _file(geoms, [city.codes[i] for i in members.tolist()], [code] * len(members))

    check = time.perf_counter()
    draft = await _import(engine, file, "grid", f"community:{code}")
    check = time.perf_counter() - check

    clock.reset()
    wall, cpu = time.perf_counter(), time.process_time()
    published = await _publish(engine, draft)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    sql = clock.spent_s
    async with engine.connect() as connection:
        row = await connection.execute(_ROWS, {"edition": published.edition.number})
        written, closed, rows = row.one()
    return _One(wall, sql, cpu, check, written, closed, rows)


def move_wall(
    west: shapely.Polygon, east: shapely.Polygon
) -> tuple[shapely.Polygon, shapely.Polygon]:
    """Return two neighbours of the lattice with their common wall moved eastwards."""
    ring, other = shapely.get_coordinates(west), shapely.get_coordinates(east)
    bends = to_degrees(to_metres(ring[EAST_BENDS]) + np.array([SHIFT_M, 0.0]))
    ring[EAST_BENDS], other[WEST_BENDS] = bends, bends[::-1]
    return shapely.Polygon(ring), shapely.Polygon(other)


class _SqlClock:
    """The time that an engine waits for the database."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.spent_s = 0.0
        self._begun_s = 0.0
        sync = engine.sync_engine
        event.listen(sync, "before_cursor_execute", self._begin)
        event.listen(sync, "after_cursor_execute", self._end)
        for name in ("do_ping", "do_commit", "do_rollback"):  # these are no statements
            setattr(sync.dialect, name, self._around(getattr(sync.dialect, name)))

    def reset(self) -> None:
        """Begin anew."""
        self.spent_s = 0.0

    def _begin(self, *_: object) -> None:
        self._begun_s = time.perf_counter()

    def _end(self, *_: object) -> None:
        self.spent_s += time.perf_counter() - self._begun_s

    def _around(self, call: Callable[..., Any]) -> Callable[..., Any]:  # any call of the driver
        def timed(*arguments: object) -> object:
            with self._running():
                return call(*arguments)

        return timed

    @contextmanager
    def _running(self) -> Iterator[None]:
        begun = time.perf_counter()
        try:
            yield
        finally:
            self.spent_s += time.perf_counter() - begun


def main(arguments: Sequence[str]) -> None:
    """Measure and write the result as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--grids", type=int, default=100_000)
    parser.add_argument("--changes", type=int, default=15)
    parser.add_argument("--folder", type=Path, default=Path("build/benchmarks"))
    options = parser.parse_args(arguments)
    result = measure_publishing(options.folder, options.grids, options.changes)
    sys.stdout.write(json.dumps(asdict(result)) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
