"""The statements by which ``storage.tallies`` keeps places and tallies in step."""

# ruff: noqa: S608 - what is put together are constants of this module; values are bound

from __future__ import annotations

# One unit of each level is enough: asked for by code, the index gives it at once.
LEVELS = """
SELECT l.key, l.tiling,
       (SELECT true FROM unit u WHERE u.level = l.key AND u.last_edition IS NULL
        ORDER BY u.code LIMIT 1) IS NOT NULL AS stands,
       (SELECT true FROM unit u
        WHERE u.level = l.key AND u.first_edition < :edition
          AND (u.last_edition IS NULL OR u.last_edition >= :edition - 1)
        ORDER BY u.code LIMIT 1) IS NOT NULL AS stood
FROM level l ORDER BY l.rank
"""

# Scratch tables of one refresh. They end with the transaction, but one transaction may refresh
# twice: so they are emptied at the end, too.
SCRATCH = (
    """CREATE TEMP TABLE IF NOT EXISTS scope_address
       (row_id bigint PRIMARY KEY, current boolean NOT NULL) ON COMMIT DROP""",
    """CREATE TEMP TABLE IF NOT EXISTS branch
       (level text PRIMARY KEY, head text, depth integer, heir text) ON COMMIT DROP""",
    """CREATE TEMP TABLE IF NOT EXISTS leaf
       (level text, code text COLLATE "C", PRIMARY KEY (level, code)) ON COMMIT DROP""",
    """CREATE TEMP TABLE IF NOT EXISTS near
       (level text, code text COLLATE "C", PRIMARY KEY (level, code)) ON COMMIT DROP""",
    """CREATE TEMP TABLE IF NOT EXISTS place_now
       (address_row bigint, level text, code text COLLATE "C",
        PRIMARY KEY (address_row, level)) ON COMMIT DROP""",
    """CREATE TEMP TABLE IF NOT EXISTS touched
       (level text, code text COLLATE "C") ON COMMIT DROP""",
    """CREATE TEMP TABLE IF NOT EXISTS tally_now
       (level text, code text COLLATE "C", households bigint, people bigint, groups jsonb,
        PRIMARY KEY (level, code)) ON COMMIT DROP""",
)
CLEAR = ("TRUNCATE scope_address, branch, leaf, near, place_now, touched, tally_now",)

SCOPE_ALL = """
INSERT INTO scope_address
SELECT a.row_id, a.last_edition IS NULL FROM address a
WHERE a.last_edition IS NULL
   OR EXISTS (SELECT FROM address_place p
              WHERE p.address_row = a.row_id AND p.last_edition IS NULL)
"""
SCOPE_BOXES = """
INSERT INTO scope_address
SELECT DISTINCT a.row_id, a.last_edition IS NULL
FROM unnest(CAST(:west AS float8[]), CAST(:south AS float8[]),
            CAST(:east AS float8[]), CAST(:north AS float8[])) AS box (w, s, e, n)
JOIN address a ON a.geom && ST_MakeEnvelope(w, s, e, n, 4326)
"""

# The heir of a level is the first level under it, by rank, on which units stand. A branch goes
# from heir to heir: the first one from the topmost level, others from levels that are no heirs.
FIND_BRANCHES = """
WITH RECURSIVE standing AS (
    SELECT l.key, l.parent,
           row_number() OVER (PARTITION BY l.parent ORDER BY l.rank) = 1 AS first
    FROM level l
    WHERE l.tiling = 'TILES'
      AND EXISTS (SELECT FROM unit u WHERE u.level = l.key AND u.last_edition IS NULL)),
walk (level, head, depth) AS (
    SELECT s.key, s.key, 0 FROM standing s
    WHERE NOT s.first OR s.parent IS NULL
       OR NOT EXISTS (SELECT FROM standing above WHERE above.key = s.parent)
    UNION ALL
    SELECT s.key, w.head, w.depth + 1 FROM walk w JOIN standing s ON s.parent = w.level
    WHERE s.first)
INSERT INTO branch
SELECT w.level, w.head, w.depth,
       (SELECT s.key FROM standing s WHERE s.parent = w.level AND s.first)
FROM walk w
"""

FIND_LEAVES = """
INSERT INTO leaf
SELECT u.level, u.code
FROM branch b JOIN unit u ON u.level = b.level AND u.last_edition IS NULL
WHERE NOT EXISTS (
    SELECT FROM unit child
    WHERE child.level = b.heir AND child.parent_code = u.code AND child.last_edition IS NULL)
"""

# Units, also those that ended a moment ago, whose addresses or children may be others than before:
# wherever an address or a border changed, the unit touches one of the boxes. OFFSET makes each box
# look for its units.
FIND_NEAR = """
INSERT INTO near
SELECT DISTINCT u.level, u.code
FROM unnest(CAST(:west AS float8[]), CAST(:south AS float8[]),
            CAST(:east AS float8[]), CAST(:north AS float8[])) AS box (w, s, e, n)
CROSS JOIN LATERAL (
    SELECT unit.level, unit.code FROM unit
    WHERE unit.geom && ST_MakeEnvelope(w, s, e, n, 4326)
      AND (unit.last_edition IS NULL OR unit.last_edition = :edition - 1)
    OFFSET 0) u
JOIN branch USING (level)
"""

FIND_NEAR_LEAVES = """
INSERT INTO leaf
SELECT u.level, u.code
FROM near n JOIN branch b USING (level)
JOIN unit u ON u.level = n.level AND u.code = n.code AND u.last_edition IS NULL
WHERE NOT EXISTS (
    SELECT FROM unit child
    WHERE child.level = b.heir AND child.parent_code = u.code AND child.last_edition IS NULL)
"""

FIND_PLACES = """
INSERT INTO place_now
SELECT DISTINCT ON (a.row_id, b.head) a.row_id, u.level, u.code
FROM leaf
JOIN branch b USING (level)
JOIN unit u ON u.level = leaf.level AND u.code = leaf.code AND u.last_edition IS NULL
JOIN address a ON ST_Intersects(u.geom, a.geom)
JOIN scope_address s ON s.row_id = a.row_id AND s.current
ORDER BY a.row_id, b.head, b.depth DESC, u.code COLLATE "C"
"""

# The same from the other end, for few addresses: each looks for the units that touch it. OFFSET
# keeps the planner from joining all units with all addresses first.
FIND_FEW_PLACES = """
INSERT INTO place_now
SELECT DISTINCT ON (a.row_id, b.head) a.row_id, u.level, u.code
FROM scope_address s
JOIN address a USING (row_id)
CROSS JOIN LATERAL (
    SELECT unit.level, unit.code FROM unit
    WHERE ST_Intersects(unit.geom, a.geom) AND unit.last_edition IS NULL
    OFFSET 0) u
JOIN leaf USING (level, code)
JOIN branch b USING (level)
WHERE s.current
ORDER BY a.row_id, b.head, b.depth DESC, u.code COLLATE "C"
"""

FIND_NONE = """
INSERT INTO place_now
SELECT s.row_id, b.level, NULL
FROM scope_address s CROSS JOIN branch b
WHERE s.current AND b.heir IS NULL
ON CONFLICT DO NOTHING
"""

_STALE_PLACES = """
p.last_edition IS NULL
  AND EXISTS (SELECT FROM scope_address s WHERE s.row_id = p.address_row)
  AND NOT EXISTS (
      SELECT FROM place_now now
      WHERE now.address_row = p.address_row AND now.level = p.level
        AND now.code IS NOT DISTINCT FROM p.code)
"""
FORGET_PLACES = f"""
WITH gone AS (
    DELETE FROM address_place p WHERE p.first_edition = :edition AND {_STALE_PLACES}
    RETURNING p.level, p.code)
INSERT INTO touched SELECT DISTINCT level, code FROM gone WHERE code IS NOT NULL
"""
END_PLACES = f"""
WITH gone AS (
    UPDATE address_place p SET last_edition = :edition - 1
    WHERE p.first_edition < :edition AND {_STALE_PLACES}
    RETURNING p.level, p.code)
INSERT INTO touched SELECT DISTINCT level, code FROM gone WHERE code IS NOT NULL
"""
BEGIN_PLACES = """
WITH begun AS (
    INSERT INTO address_place (address_row, level, code, first_edition)
    SELECT now.address_row, now.level, now.code, :edition
    FROM place_now now
    WHERE NOT EXISTS (
        SELECT FROM address_place p
        WHERE p.address_row = now.address_row AND p.level = now.level AND p.last_edition IS NULL)
    RETURNING level, code)
INSERT INTO touched SELECT DISTINCT level, code FROM begun WHERE code IS NOT NULL
"""


def _summed(members: str) -> str:
    """Return SQL that sums ``members (level, code, households, people, groups)`` by unit."""
    return f"""
plain AS (
    SELECT level, code, sum(households) AS households, sum(people) AS people
    FROM {members} GROUP BY level, code),
grouped AS (
    SELECT level, code, jsonb_object_agg(key, total) AS groups
    FROM (
        SELECT m.level, m.code, g.key, sum(CAST(g.value AS bigint)) AS total
        FROM {members} m CROSS JOIN jsonb_each_text(m.groups) g
        GROUP BY m.level, m.code, g.key) one
    GROUP BY level, code)
"""


_INSERT_SUMS = """
INSERT INTO tally_now
SELECT level, code, households, people, coalesce(groups, '{}')
FROM plain LEFT JOIN grouped USING (level, code)
"""

# Leaves that count the same addresses as before keep their tally. One without any place counts
# nothing: what it may have counted came from units that stood on it before.
COUNT_LEAVES = f"""
WITH recounted AS (
    SELECT level, code FROM leaf INTERSECT SELECT level, code FROM touched),
members AS MATERIALIZED (
    SELECT p.level, p.code, a.households, a.people, a.groups
    FROM recounted
    JOIN address_place p USING (level, code)
    JOIN address a ON a.row_id = p.address_row
    WHERE p.last_edition IS NULL
    UNION ALL
    SELECT t.level, t.code, t.households, t.people, t.groups
    FROM unit_tally t JOIN leaf USING (level, code)
    WHERE t.last_edition IS NULL
      AND NOT EXISTS (
          SELECT FROM touched WHERE touched.level = t.level AND touched.code = t.code)
      AND EXISTS (
          SELECT FROM address_place p
          WHERE p.level = t.level AND p.code = t.code AND p.last_edition IS NULL)),
{_summed("members")}
{_INSERT_SUMS}
"""

SUM_UP = f"""
WITH RECURSIVE edge AS MATERIALIZED (
    SELECT u.level, u.code, b.level AS above, u.parent_code AS above_code
    FROM branch b JOIN unit u ON u.level = b.heir
    WHERE u.last_edition IS NULL AND u.parent_code IS NOT NULL),
climb (leaf_level, leaf_code, level, code) AS (
    SELECT e.level, e.code, e.above, e.above_code
    FROM leaf JOIN edge e USING (level, code)
    UNION ALL
    SELECT c.leaf_level, c.leaf_code, e.above, e.above_code
    FROM climb c JOIN edge e ON e.level = c.level AND e.code = c.code),
members AS MATERIALIZED (
    SELECT c.level, c.code, t.households, t.people, t.groups
    FROM climb c JOIN tally_now t ON t.level = c.leaf_level AND t.code = c.leaf_code
    WHERE EXISTS (SELECT FROM unit u
                  WHERE u.level = c.level AND u.code = c.code AND u.last_edition IS NULL)),
{_summed("members")}
{_INSERT_SUMS}
"""

# Near the boxes: leaves count their addresses, and every other unit sums up its heir's units, which
# stand in tally_now when they are near and keep their tally when they are not.
COUNT_NEAR_LEAVES = f"""
WITH members AS MATERIALIZED (
    SELECT p.level, p.code, a.households, a.people, a.groups
    FROM leaf
    JOIN address_place p USING (level, code)
    JOIN address a ON a.row_id = p.address_row
    WHERE p.last_edition IS NULL),
{_summed("members")}
{_INSERT_SUMS}
"""

DEPTHS = "SELECT DISTINCT depth FROM branch WHERE heir IS NOT NULL ORDER BY depth DESC"

SUM_UP_NEAR = f"""
WITH child AS MATERIALIZED (
    SELECT u.level AS above, u.code AS above_code, c.level, c.code,
           EXISTS (SELECT FROM near n WHERE n.level = c.level AND n.code = c.code) AS near
    FROM near JOIN branch b USING (level)
    JOIN unit u ON u.level = near.level AND u.code = near.code AND u.last_edition IS NULL
    JOIN unit c ON c.level = b.heir AND c.parent_code = u.code AND c.last_edition IS NULL
    WHERE b.depth = :depth),
members AS MATERIALIZED (
    SELECT child.above AS level, child.above_code AS code, t.households, t.people, t.groups
    FROM child JOIN tally_now t ON t.level = child.level AND t.code = child.code
    WHERE child.near
    UNION ALL
    SELECT child.above, child.above_code, t.households, t.people, t.groups
    FROM child JOIN unit_tally t ON t.level = child.level AND t.code = child.code
    WHERE NOT child.near AND t.last_edition IS NULL),
{_summed("members")}
{_INSERT_SUMS}
"""

COUNT_DISJOINT = f"""
WITH named AS MATERIALIZED (
    SELECT u.level, u.code, a.row_id
    FROM unit u JOIN address a ON a.compound_code = u.code AND a.last_edition IS NULL
    WHERE u.level = ANY (:levels) AND u.last_edition IS NULL),
touching AS (
    SELECT DISTINCT ON (a.row_id, u.level) u.level, u.code, a.row_id
    FROM unit u JOIN address a ON ST_Intersects(u.geom, a.geom) AND a.last_edition IS NULL
    WHERE u.level = ANY (:levels) AND u.last_edition IS NULL
      AND NOT EXISTS (
          SELECT FROM named WHERE named.level = u.level AND named.row_id = a.row_id)
    ORDER BY a.row_id, u.level, u.code COLLATE "C"),
members AS MATERIALIZED (
    SELECT m.level, m.code, a.households, a.people, a.groups
    FROM (SELECT * FROM named UNION ALL SELECT * FROM touching) m
    JOIN address a USING (row_id)),
{_summed("members")}
{_INSERT_SUMS}
"""

# NEAR: only the units near the boxes were counted; ALL: every unit of the tiling levels was.
_STALE_TALLIES = """
t.last_edition IS NULL
  AND CASE
      WHEN t.level = ANY (:disjoint) THEN true
      WHEN :tiling = 'NEAR' THEN EXISTS (
          SELECT FROM near WHERE near.level = t.level AND near.code = t.code)
      ELSE :tiling = 'ALL' AND EXISTS (
          SELECT FROM level l WHERE l.key = t.level AND l.tiling = 'TILES') END
  AND NOT EXISTS (
      SELECT FROM tally_now now
      WHERE now.level = t.level AND now.code = t.code AND now.households = t.households
        AND now.people = t.people AND now.groups = t.groups)
"""
FORGET_TALLIES = f"DELETE FROM unit_tally t WHERE t.first_edition = :edition AND {_STALE_TALLIES}"
END_TALLIES = f"""
UPDATE unit_tally t SET last_edition = :edition - 1
WHERE t.first_edition < :edition AND {_STALE_TALLIES}
"""
BEGIN_TALLIES = """
INSERT INTO unit_tally (level, code, households, people, groups, first_edition)
SELECT now.level, now.code, now.households, now.people, now.groups, :edition
FROM tally_now now
WHERE NOT EXISTS (
    SELECT FROM unit_tally t
    WHERE t.level = now.level AND t.code = now.code AND t.last_edition IS NULL)
"""
