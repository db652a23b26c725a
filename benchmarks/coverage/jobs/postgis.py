"""PostGIS: an overlay in SQL, in a private server of its own."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import shapely
from sqlalchemy import make_url

from benchmarks.coverage.job import Answer, Job, NotHereError, Question, Ready
from benchmarks.coverage.judge import GAP, OUTSIDE, OVERLAP, Row
from benchmarks.measure import Elsewhere, cpu_s, memory_mib
from geo.errors import NoDatabaseError
from geo.validity import solid_land
from service.cluster import DATABASE, Cluster

if TYPE_CHECKING:
    from contextlib import ExitStack

    import numpy as np
    from numpy.typing import NDArray
    from psycopg import Connection

    from benchmarks.coverage.job import Inputs

_TABLES = """
SET jit = off;
SET max_parallel_workers_per_gather = 0;
DROP TABLE IF EXISTS bench_unit, bench_parent;
CREATE UNLOGGED TABLE bench_unit (code text, parent text, geom geometry);
CREATE UNLOGGED TABLE bench_parent (code text, geom geometry);
"""

_INDEXES = """
CREATE INDEX ON bench_unit USING gist (geom);
CREATE INDEX ON bench_unit (parent);
CREATE INDEX ON bench_parent (code);
ANALYZE bench_unit;
ANALYZE bench_parent;
"""

_OVERLAPS = """
SELECT 'overlap', ST_AsBinary(land), ARRAY[one, other]
FROM (
    SELECT a.code AS one, b.code AS other, ST_Intersection(a.geom, b.geom) AS land
    FROM bench_unit a JOIN bench_unit b
    ON a.geom && b.geom AND a.code < b.code AND ST_Relate(a.geom, b.geom, '2********')
) AS pair
WHERE ST_Area(land) > 0
"""
"""Not ``ST_Overlaps``: it is false for equal and for contained units."""

_MISFITS = """
SELECT what, ST_AsBinary((ST_Dump(land)).geom), ARRAY[]::text[]
FROM bench_parent p
JOIN (
    SELECT parent, ST_Union(geom) AS geom FROM bench_unit GROUP BY parent
) AS u ON u.parent = p.code,
LATERAL (
    VALUES ('gap', ST_Difference(p.geom, u.geom)), ('outside', ST_Difference(u.geom, p.geom))
) AS side (what, land)
WHERE NOT ST_Equals(p.geom, u.geom)
"""

_WORDS = {"gap": GAP, "outside": OUTSIDE, "overlap": OVERLAP}


def _prepare(inputs: Inputs, stack: ExitStack) -> Ready:
    connection = _connect(stack)
    _fill(connection, inputs)
    [backend] = connection.execute("SELECT pg_backend_pid()").fetchone() or [0]

    def run() -> list[tuple[Any, ...]]:
        found = connection.execute(_OVERLAPS).fetchall()
        return found + connection.execute(_MISFITS).fetchall()

    def read(found: list[tuple[Any, ...]]) -> Answer:
        places = shapely.from_wkb([land for _, land, _ in found])
        rows = [
            Row(_WORDS[what], place, tuple(codes))
            for (what, _, codes), place in zip(found, places, strict=True)
            if place.area > 0
        ]
        return Answer(not rows, rows)

    def elsewhere() -> Elsewhere:
        memory = memory_mib(backend)
        return Elsewhere(cpu_s(backend), memory.rss, memory.peak)

    return Ready(run=run, read=read, elsewhere=elsewhere)


def _connect(stack: ExitStack) -> Connection[tuple[Any, ...]]:
    """Start a server of our own and open one session on it."""
    folder = Path(tempfile.mkdtemp(prefix="wangge-bench-"))
    stack.callback(shutil.rmtree, folder, ignore_errors=True)
    folder.chmod(0o755)  # root's server runs as another account
    try:
        cluster = stack.enter_context(Cluster(folder / "data", durable=False))
    except NoDatabaseError as error:
        raise NotHereError(str(error)) from error
    host = str(make_url(cluster.url()).query["host"])
    return stack.enter_context(
        psycopg.connect(host=host, user="postgres", dbname=DATABASE, autocommit=True)
    )


def _fill(connection: Connection[tuple[Any, ...]], inputs: Inputs) -> None:
    """Write units and parents into tables of their own, self-crossing rings made valid."""
    city, units = inputs.city, inputs.units_m
    connection.execute(_TABLES)
    solid = solid_land(units, shapely.is_valid(units))
    names = [city.parent_codes[parent] for parent in city.parent_of.tolist()]
    with connection.cursor() as cursor:
        with cursor.copy("COPY bench_unit FROM STDIN") as copy:
            for unit in zip(city.codes, names, _hex(solid), strict=True):
                copy.write_row(unit)
        with cursor.copy("COPY bench_parent FROM STDIN") as copy:
            for parent in zip(city.parent_codes, _hex(inputs.parents_m), strict=True):
                copy.write_row(parent)
    connection.execute(_INDEXES)


def _hex(geoms: NDArray[np.object_]) -> list[str]:
    return [str(text) for text in shapely.to_wkb(geoms, hex=True)]


JOBS = (
    Job(
        key="postgis",
        title="PostGIS overlay",
        question=Question.REPORT,
        prepare=_prepare,
        largest=10_000,
    ),
)
