"""The same city in tables as anybody would draw them, for those who know nothing of editions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import psycopg

SCHEMA = "peers"
"""Where they are."""

# Coordinates have the 7 decimals that our pictures have, so that all answers are equally long.
_TABLES = (
    "CREATE SCHEMA peers",
    """
    CREATE TABLE peers.subdistrict (
        id int PRIMARY KEY, code text NOT NULL UNIQUE, name text NOT NULL)
    """,
    """
    CREATE TABLE peers.community (
        id int PRIMARY KEY, code text NOT NULL UNIQUE, name text NOT NULL,
        subdistrict_id int NOT NULL REFERENCES peers.subdistrict)
    """,
    "CREATE TABLE peers.holder (id int PRIMARY KEY, name text NOT NULL)",
    """
    CREATE TABLE peers.grid (
        id int PRIMARY KEY, code text NOT NULL UNIQUE, name text NOT NULL,
        households int NOT NULL, community_id int NOT NULL REFERENCES peers.community,
        holder_id int REFERENCES peers.holder, geom geometry(MultiPolygon, 4326) NOT NULL)
    """,
    """
    CREATE VIEW peers.standing AS
    SELECT (row_number() OVER (PARTITION BY level ORDER BY code))::int AS number, u.*
    FROM unit u WHERE last_edition IS NULL
    """,
    """
    INSERT INTO peers.subdistrict
    SELECT number, code, name FROM peers.standing WHERE level = 'subdistrict'
    """,
    """
    INSERT INTO peers.community
    SELECT c.number, c.code, c.name, s.id FROM peers.standing c
    JOIN peers.subdistrict s ON s.code = c.parent_code WHERE c.level = 'community'
    """,
    """
    INSERT INTO peers.holder
    SELECT g.number, b.name FROM peers.standing g
    JOIN assignment a ON (a.level, a.code) = (g.level, g.code)
    JOIN body b ON b.key = a.body WHERE g.level = 'grid'
    """,
    """
    INSERT INTO peers.grid
    SELECT g.number, g.code, g.name, coalesce(t.households, 0), c.id, h.id,
        ST_ForcePolygonCCW(ST_SnapToGrid(g.geom, 1e-7))
    FROM peers.standing g JOIN peers.community c ON c.code = g.parent_code
    LEFT JOIN unit_tally t
        ON (t.level, t.code) = (g.level, g.code) AND t.last_edition IS NULL
    LEFT JOIN peers.holder h ON h.id = g.number
    WHERE g.level = 'grid' ORDER BY g.code
    """,
    "DROP VIEW peers.standing",
    "CREATE INDEX ON peers.grid USING gist (geom)",
    "CREATE INDEX ON peers.grid (community_id)",
    "CREATE INDEX ON peers.grid (holder_id)",
    "CREATE INDEX ON peers.community (subdistrict_id)",
    """
    CREATE FUNCTION peers.grids_in_bbox(w float8, s float8, e float8, n float8)
    RETURNS SETOF peers.grid LANGUAGE sql STABLE AS $$
        SELECT * FROM peers.grid
        WHERE ST_Intersects(geom, ST_MakeEnvelope(w, s, e, n, 4326)) ORDER BY code
    $$
    """,
    """
    CREATE FUNCTION peers.grid_at(lon float8, lat float8)
    RETURNS peers.grid LANGUAGE sql STABLE AS $$
        SELECT * FROM peers.grid
        WHERE ST_Intersects(geom, ST_SetSRID(ST_MakePoint(lon, lat), 4326))
        ORDER BY code LIMIT 1
    $$
    """,
    """
    CREATE FUNCTION peers.locate_points(lons float8[], lats float8[])
    RETURNS SETOF text LANGUAGE sql STABLE ROWS 1000 AS $$
        SELECT (SELECT g.code FROM peers.grid g
                WHERE ST_Intersects(g.geom, ST_SetSRID(ST_MakePoint(p.x, p.y), 4326))
                ORDER BY g.code LIMIT 1)
        FROM unnest(lons, lats) WITH ORDINALITY p(x, y, number) ORDER BY p.number
    $$
    """,
    """
    CREATE FUNCTION peers.grid_geojson(grid peers.grid)
    RETURNS json LANGUAGE sql STABLE AS $$ SELECT ST_AsGeoJSON(grid.geom)::json $$
    """,
)


def copy_plainly(connection: psycopg.Connection[Any]) -> None:
    """Make and fill the tables from what is published."""
    for statement in _TABLES:
        connection.execute(statement)
