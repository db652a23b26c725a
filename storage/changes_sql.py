"""The statements of :mod:`storage.changes`."""

# ruff: noqa: S608 - what is put together are constants of this module; values are bound

from __future__ import annotations

_STANDS = "({0}.first_edition <= {1} AND ({0}.last_edition IS NULL OR {0}.last_edition >= {1}))"

EDITIONS = f"""
SELECT p.place, {_STANDS.format("u", "p.after")}, u.row_id, u.code, u.name, u.parent_code,
       u.properties, ST_AsBinary(u.geom)
FROM unnest(CAST(:levels AS text[]), CAST(:befores AS int[]), CAST(:afters AS int[]),
            CAST(:west AS float8[]), CAST(:south AS float8[]), CAST(:east AS float8[]),
            CAST(:north AS float8[])) WITH ORDINALITY
     AS p (level, before, after, west, south, east, north, place)
JOIN unit u ON u.level = p.level
     AND {_STANDS.format("u", "p.before")} <> {_STANDS.format("u", "p.after")}
     AND (p.west IS NULL
          OR u.geom && ST_MakeEnvelope(p.west, p.south, p.east, p.north, 4326))
LIMIT :most
"""

# A name that a row leaves out is its code, as in an edition.
_NAME = "coalesce(nullif({0}.name, ''), {0}.code)"

_SAME = f"""
{_NAME.format("a")} = {{1}} AND a.code = {{0}}.code AND a.chain = {{0}}.chain
AND a.parent_code IS NOT DISTINCT FROM {{0}}.parent_code AND a.properties = {{0}}.properties
"""

_IS_UNIT = "{0}.code <> '' AND {0}.geom IS NOT NULL"

DRAFTS = f"""
WITH RECURSIVE p AS (
    SELECT * FROM unnest(CAST(:drafts AS bigint[]), CAST(:levels AS text[]),
                         CAST(:within_levels AS text[]), CAST(:within_codes AS text[]),
                         CAST(:bases AS int[]), CAST(:againsts AS bigint[]))
    WITH ORDINALITY AS p (draft, level, within_level, within_code, base, against, place)),
ground (place, base, level, code) AS (
    SELECT place, base, within_level, within_code COLLATE "C" FROM p
    WHERE within_level IS NOT NULL AND against = 0
    UNION ALL
    SELECT g.place, g.base, l.key, u.code FROM ground g
    JOIN level l ON l.parent = g.level
    JOIN unit u ON u.level = l.key AND u.parent_code = g.code AND {_STANDS.format("u", "g.base")}),
stood AS (
    SELECT p.place, p.draft, u.row_id, CAST(NULL AS bigint) AS own, u.code, u.name,
           u.parent_code, u.properties, u.chain
    FROM p JOIN unit u ON u.level = p.level AND {_STANDS.format("u", "p.base")}
    WHERE p.against = 0 AND p.base > 0 AND (p.within_level IS NULL OR EXISTS (
        SELECT FROM ground g WHERE g.place = p.place AND g.level = u.level AND g.code = u.code))
    UNION ALL
    SELECT p.place, p.draft, 0, o.id, o.code, {_NAME.format("o")}, o.parent_code, o.properties,
           o.chain
    FROM p JOIN draft_unit o ON o.draft_id = p.against AND {_IS_UNIT.format("o")}
    WHERE p.against <> 0)
(SELECT s.place, false, s.row_id, s.code, s.name, s.parent_code, s.properties,
        ST_AsBinary(coalesce(u.geom, o.geom))
 FROM stood s
 LEFT JOIN unit u ON u.row_id = s.row_id
 LEFT JOIN draft_unit o ON o.id = s.own
 WHERE NOT EXISTS (
    SELECT FROM draft_unit a WHERE a.draft_id = s.draft AND {_SAME.format("s", "s.name")}))
UNION ALL
(SELECT p.place, true, 0, a.code, {_NAME.format("a")}, a.parent_code, a.properties,
        ST_AsBinary(a.geom)
 FROM p JOIN draft_unit a ON a.draft_id = p.draft AND {_IS_UNIT.format("a")}
 WHERE NOT EXISTS (
    SELECT FROM stood s WHERE s.place = p.place AND {_SAME.format("s", "s.name")}))
LIMIT :most
"""

EXTENT = f"""
SELECT ST_XMin(e.box), ST_YMin(e.box), ST_XMax(e.box), ST_YMax(e.box)
FROM (SELECT ST_Extent(u.geom) AS box FROM unit u WHERE u.level = :level AND u.code = :code
      AND ({_STANDS.format("u", ":before")} OR {_STANDS.format("u", ":after")})) AS e
"""

BELOW = f"""
WITH RECURSIVE ground (level, code) AS (
    SELECT CAST(:level AS text), CAST(:code AS text) COLLATE "C"
    UNION ALL
    SELECT l.key, u.code FROM ground g
    JOIN level l ON l.parent = g.level
    JOIN unit u ON u.level = l.key AND u.parent_code = g.code AND {_STANDS.format("u", ":edition")})
SELECT code FROM ground WHERE level = :wanted
"""

COUNTS = f"""
SELECT p.place, (SELECT count(*) FROM unit u
                 WHERE u.level = p.level AND {_STANDS.format("u", "p.after")})
FROM unnest(CAST(:levels AS text[]), CAST(:afters AS int[])) WITH ORDINALITY
     AS p (level, after, place)
"""

_BOXES = """
boxes (place, land) AS (
    SELECT place, ST_MakeEnvelope(west, south, east, north, 4326)
    FROM unnest(CAST(:places AS int[]), CAST(:west AS float8[]), CAST(:south AS float8[]),
                CAST(:east AS float8[]), CAST(:north AS float8[]))
         AS b (place, west, south, east, north)),
codes (place, code) AS (
    SELECT * FROM unnest(CAST(:code_places AS int[]), CAST(:codes AS text[]))),
p AS (
    SELECT * FROM unnest(CAST(:levels AS text[]), CAST(:befores AS int[]),
                         CAST(:afters AS int[]))
    WITH ORDINALITY AS p (level, before, after, place))
"""

SPOTS = f"""
WITH {_BOXES}
SELECT found.place, ST_X(a.geom), ST_Y(a.geom), a.households, a.compound_code
FROM (
    SELECT p.place, a.row_id FROM boxes b JOIN p ON p.place = b.place
    JOIN address a ON a.geom && b.land AND {_STANDS.format("a", "p.after")}
    UNION
    SELECT p.place, a.row_id FROM codes c JOIN p ON p.place = c.place
    JOIN address a ON a.compound_code = c.code AND {_STANDS.format("a", "p.after")}
) AS found
JOIN address a ON a.row_id = found.row_id
WHERE a.households > 0
ORDER BY found.place, a.row_id
"""

_STAYS = f"{_STANDS.format('u', 'p.before')} AND {_STANDS.format('u', 'p.after')}"

NEAR = f"""
WITH {_BOXES}
SELECT found.place, u.code, ST_AsBinary(u.geom)
FROM (
    SELECT p.place, u.row_id FROM boxes b JOIN p ON p.place = b.place
    JOIN unit u ON u.geom && b.land AND u.level = p.level AND {_STAYS}
    UNION
    SELECT p.place, u.row_id FROM codes c JOIN p ON p.place = c.place
    JOIN unit u ON u.level = p.level AND u.code = c.code AND {_STAYS}
) AS found
JOIN unit u ON u.row_id = found.row_id
ORDER BY found.place, u.code
"""

STAMPS = """
SELECT id, CAST(CAST(xmin AS text) AS bigint) FROM draft WHERE id = ANY (CAST(:drafts AS bigint[]))
"""
