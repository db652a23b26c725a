"""An independent engine, PostGIS, finds the same blank land, overlaps and leaks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING

import psycopg
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from sqlalchemy import make_url

from geo.coverage import prove
from tests.geo.builders import M_PER_DEG, PLANE, NodedLevel, node_level
from tests.geo.strategies import Dirty, dirty_coverages

if TYPE_CHECKING:
    from geo.layers import Proof

M2_PER_DEG2 = M_PER_DEG**2  # the drawing's plane is affine

BETWEEN_M2 = 0.01
"""What faces narrower than 1 mm may add up to along the borders of one pair."""

PUT = """
INSERT INTO {table} SELECT code, owner, ST_GeomFromWKB(wkb, 4326)
FROM unnest(%s::text[], %s::text[], %s::bytea[]) AS r(code, owner, wkb)
"""

BLANK = """
SELECT p.code, ST_Area(ST_Difference(p.geom,
    coalesce((SELECT ST_Union(u.geom) FROM unit u WHERE u.owner = p.code),
        'SRID=4326;POLYGON EMPTY'::geometry)))
FROM parent p
"""

BLANK_OF_ALL = """
SELECT ST_Area(ST_Difference(
    (SELECT ST_Union(geom) FROM parent), (SELECT ST_Union(geom) FROM unit)))
"""

PAIRS = """
SELECT a.code, b.code, ST_Area(ST_Intersection(a.geom, b.geom))
FROM unit a JOIN unit b ON a.code < b.code AND ST_Intersects(a.geom, b.geom)
"""

LEAKS = """
SELECT u.code, ST_Area(ST_Difference(u.geom, p.geom)) FROM unit u JOIN parent p ON p.code = u.owner
"""

Areas = dict[tuple[str, ...], float]


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    address = make_url(database_url).set(drivername="postgresql").render_as_string()
    with psycopg.connect(address, autocommit=True) as opened:
        opened.execute("CREATE TEMP TABLE parent(code text, owner text, geom geometry)")
        opened.execute("CREATE TEMP TABLE unit(code text, owner text, geom geometry)")
        yield opened


def put(connection: psycopg.Connection[tuple[object, ...]], level: NodedLevel) -> None:
    """Store the noded geometry of a level and its parents."""
    connection.execute("TRUNCATE parent, unit")
    codes = level.parents.codes
    owners = [codes[p] for p in level.layer.parent_of.tolist()]
    wkbs = shapely.to_wkb(level.parents.geoms).tolist()
    connection.execute(PUT.format(table="parent"), [list(codes), [None] * len(codes), wkbs])
    wkbs = shapely.to_wkb(level.layer.geoms).tolist()
    connection.execute(PUT.format(table="unit"), [list(level.layer.codes), owners, wkbs])


def ask(connection: psycopg.Connection[tuple[object, ...]], question: str) -> Areas:
    """Return areas in square metres by the names before them."""
    rows = connection.execute(question).fetchall()
    return {tuple(map(str, row[:-1])): float(str(row[-1])) * M2_PER_DEG2 for row in rows}


def told(proof: Proof, kind: str) -> Areas:
    """Return the areas that findings of one kind add up to, by parent, pair or unit."""
    areas: Areas = defaultdict(float)
    for found in proof.findings:
        if found.kind != kind:
            continue
        names = [(str(found.parent),) if kind == "BLANK" else found.units]
        if kind == "OVERLAP":
            names = [(one, other) for one in found.units for other in found.units if one < other]
        for name in names:
            areas[name] += found.area_m2
    return areas


def assert_agree(ours: Areas, theirs: Areas) -> None:
    """Compare areas name by name; a name that is not there has none."""
    for name in ours.keys() | theirs.keys():
        expected = pytest.approx(theirs.get(name, 0.0), rel=1e-6, abs=BETWEEN_M2)
        assert ours.get(name, 0.0) == expected, name


@settings(
    deadline=None,
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(dirty=dirty_coverages())
def test_findings_agree_with_postgis_on_dirty_coverages(
    connection: psycopg.Connection[tuple[object, ...]], dirty: Dirty
) -> None:
    level = node_level(dirty.layer, dirty.parents)
    put(connection, level)

    proof = prove(level.layer, level.parents, PLANE)

    assert_agree(told(proof, "BLANK"), ask(connection, BLANK))
    assert_agree(told(proof, "OVERLAP"), ask(connection, PAIRS))
    assert_agree(told(proof, "OUTSIDE"), ask(connection, LEAKS))
    assert_agree({(): proof.blank_m2}, ask(connection, BLANK_OF_ALL))
