"""Households and people of every unit, kept in step with the units and the addresses.

Where an address lies
    A *leaf* is a standing unit of a tiling level on which no unit of a lower tiling level stands.
    An address lies in the leaf that touches it; on a border the one of the lowest level, and
    among those of one level the one with the bytewise smallest code. Partitions side by side
    (``grid``, ``police_grid``) each place the address. That an address lies in no unit of a
    lowest level is written down, too, as a row without a code.

What a unit counts
    A leaf counts the addresses that lie in it. Every other tiling unit sums the units that stand
    on it, of the first level by rank where several stand: so no two levels contradict each
    other. A unit of a DISJOINT level counts the addresses that name it, and of those that name
    none of its level the ones that touch it. Units without an address have no row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import text

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection

Box = tuple[float, float, float, float]
"""West, south, east, north in degrees."""


class _Plan(NamedTuple):
    """What one refresh has to look at."""

    tiling: bool
    """Whether places and tallies of the tiling levels are concerned."""
    disjoint: list[str]
    """The DISJOINT levels concerned."""
    everywhere: bool
    """Whether the lowest levels are others than before, so that no box is enough."""


async def refresh(
    connection: AsyncConnection,
    edition: int,
    *,
    levels: Collection[str] | None,
    boxes: Sequence[Box] | None,
) -> None:
    """Bring places and tallies in step with what stands in ``edition``.

    Call it in the transaction that publishes, after units and addresses are written.

    Parameters
    ----------
    edition
        The edition that is being published: the newest.
    levels
        Levels whose units changed; None when addresses changed, too.
    boxes
        Where anything changed, before or after: every unit that was added, taken away, redrawn
        or given another code, and every address, lies within one of them. None: anywhere.

    Notes
    -----
    Rows that stay equal are kept; others end with the edition before and begin anew. The number
    of statements does not depend on the data. Leans on ``unit_geom`` or ``address_geom``
    for the places and on ``unit_parent`` for the sums; DISJOINT levels are always counted whole,
    since an address may name a compound far away.
    """
    plan = await _plan(connection, edition, levels)
    if not plan.tiling and not plan.disjoint:
        return
    await _run(connection, _SCRATCH)
    if plan.tiling:
        within = None if plan.everywhere else boxes
        await _place(connection, edition, within)
        await _run(connection, [_COUNT_LEAVES, _SUM_UP], edition=edition)
    if plan.disjoint:
        await _run(connection, [_COUNT_DISJOINT], levels=plan.disjoint)
    scope = {"tiling": plan.tiling, "disjoint": plan.disjoint}
    await _run(connection, [_FORGET_TALLIES, _END_TALLIES], edition=edition, **scope)
    await _run(connection, [_BEGIN_TALLIES, *_CLEAR], edition=edition)


async def _run(
    connection: AsyncConnection, statements: Sequence[str], **values: object
) -> None:
    """Execute statements one after the other, each with those of ``values`` that it names."""
    for statement in statements:
        query = text(statement)
        names = query.compile().params
        await connection.execute(query, {name: values[name] for name in names})


async def _plan(
    connection: AsyncConnection, edition: int, levels: Collection[str] | None
) -> _Plan:
    result = await connection.execute(text(_LEVELS), {"edition": edition})
    rows = result.all()
    concerned = [row for row in rows if levels is None or row.key in levels]
    return _Plan(
        tiling=any(row.tiling == "TILES" for row in concerned),
        disjoint=[row.key for row in concerned if row.tiling == "DISJOINT"],
        everywhere=any(row.stands != row.stood for row in rows if row.tiling == "TILES"),
    )


async def _place(
    connection: AsyncConnection, edition: int, boxes: Sequence[Box] | None
) -> None:
    """Write down anew where the addresses lie, and which leaves thereby count others."""
    if boxes is None:
        await _run(connection, [_SCOPE_ALL])
    else:
        columns = [list(side) for side in zip(*boxes, strict=True)] or [[], [], [], []]
        sides = dict(zip(("west", "south", "east", "north"), columns, strict=True))
        await _run(connection, [_SCOPE_BOXES], **sides)
    await _run(connection, ["ANALYZE scope_address", _FIND_LEAVES, _FIND_PLACES, _FIND_NONE])
    await _run(connection, ["ANALYZE place_now"])
    changes = [_FORGET_PLACES, _END_PLACES, _BEGIN_PLACES]
    await _run(connection, changes, edition=edition)


_LEVELS = """
SELECT l.key, l.tiling,
       EXISTS (SELECT FROM unit u WHERE u.level = l.key AND u.last_edition IS NULL) AS stands,
       EXISTS (SELECT FROM unit u
               WHERE u.level = l.key AND u.first_edition < :edition
                 AND (u.last_edition IS NULL OR u.last_edition >= :edition - 1)) AS stood
FROM level l ORDER BY l.rank
"""

# Scratch tables of one refresh. They end with the transaction, but one transaction may refresh
# twice: so they are emptied at the end, too.
_SCRATCH = (
    """CREATE TEMP TABLE IF NOT EXISTS scope_address
       (row_id bigint PRIMARY KEY, current boolean NOT NULL) ON COMMIT DROP""",
    """CREATE TEMP TABLE IF NOT EXISTS leaf
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
_CLEAR = ("TRUNCATE scope_address, leaf, place_now, touched, tally_now",)

_SCOPE_ALL = """
INSERT INTO scope_address
SELECT a.row_id, a.last_edition IS NULL FROM address a
WHERE a.last_edition IS NULL
   OR EXISTS (SELECT FROM address_place p
              WHERE p.address_row = a.row_id AND p.last_edition IS NULL)
"""
_SCOPE_BOXES = """
INSERT INTO scope_address
SELECT DISTINCT a.row_id, a.last_edition IS NULL
FROM unnest(CAST(:west AS float8[]), CAST(:south AS float8[]),
            CAST(:east AS float8[]), CAST(:north AS float8[])) AS box (w, s, e, n)
JOIN address a ON a.geom && ST_MakeEnvelope(w, s, e, n, 4326)
"""

_FIND_LEAVES = """
WITH parent AS MATERIALIZED (
    SELECT DISTINCT l.parent AS level, child.parent_code AS code
    FROM unit child JOIN level l ON l.key = child.level
    WHERE child.last_edition IS NULL AND l.tiling = 'TILES')
INSERT INTO leaf
SELECT u.level, u.code
FROM unit u JOIN level l ON l.key = u.level
WHERE u.last_edition IS NULL AND l.tiling = 'TILES'
  AND NOT EXISTS (SELECT FROM parent WHERE parent.level = u.level AND parent.code = u.code)
"""

# Each level paired with every tiling level under it, at any depth.
_BELOW = """
below (above, level) AS (
    SELECT parent, key FROM level WHERE tiling = 'TILES' AND parent IS NOT NULL
    UNION
    SELECT b.above, l.key FROM below b JOIN level l ON l.parent = b.level
    WHERE l.tiling = 'TILES')
"""

_FIND_PLACES = f"""
WITH RECURSIVE {_BELOW},
touching AS MATERIALIZED (
    SELECT DISTINCT ON (a.row_id, u.level) a.row_id, u.level, u.code
    FROM leaf
    JOIN unit u ON u.level = leaf.level AND u.code = leaf.code AND u.last_edition IS NULL
    JOIN address a ON ST_Intersects(u.geom, a.geom)
    JOIN scope_address s ON s.row_id = a.row_id AND s.current
    ORDER BY a.row_id, u.level, u.code COLLATE "C")
INSERT INTO place_now
SELECT t.row_id, t.level, t.code FROM touching t
WHERE NOT EXISTS (
    SELECT FROM below b JOIN touching lower ON lower.level = b.level
    WHERE b.above = t.level AND lower.row_id = t.row_id)
"""

# A lowest level: units of it stand, and none of any level under it.
_FIND_NONE = f"""
WITH RECURSIVE {_BELOW},
standing AS (
    SELECT l.key FROM level l
    WHERE l.tiling = 'TILES'
      AND EXISTS (SELECT FROM unit u WHERE u.level = l.key AND u.last_edition IS NULL)),
lowest AS (
    SELECT key FROM standing
    WHERE NOT EXISTS (
        SELECT FROM below b JOIN standing s ON s.key = b.level WHERE b.above = standing.key))
INSERT INTO place_now
SELECT s.row_id, lowest.key, NULL
FROM scope_address s CROSS JOIN lowest
WHERE s.current
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
_FORGET_PLACES = f"""
WITH gone AS (
    DELETE FROM address_place p WHERE p.first_edition = :edition AND {_STALE_PLACES}
    RETURNING p.level, p.code)
INSERT INTO touched SELECT DISTINCT level, code FROM gone WHERE code IS NOT NULL
"""
_END_PLACES = f"""
WITH gone AS (
    UPDATE address_place p SET last_edition = :edition - 1
    WHERE p.first_edition < :edition AND {_STALE_PLACES}
    RETURNING p.level, p.code)
INSERT INTO touched SELECT DISTINCT level, code FROM gone WHERE code IS NOT NULL
"""
_BEGIN_PLACES = """
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
"""  # noqa: S608 - ``members`` is a name written in this module


_INSERT_SUMS = """
INSERT INTO tally_now
SELECT level, code, households, people, coalesce(groups, '{}')
FROM plain LEFT JOIN grouped USING (level, code)
"""

# Leaves that count the same addresses as before keep their tally. One without any place counts
# nothing: what it may have counted came from units that stood on it before.
_COUNT_LEAVES = f"""
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

# A unit takes its sum from one level only, the first by rank that stands on it.
_SUM_UP = f"""
WITH RECURSIVE edge AS MATERIALIZED (
    SELECT u.level, u.code, l.parent AS above, u.parent_code AS above_code,
           l.rank = min(l.rank) OVER (PARTITION BY l.parent, u.parent_code) AS counts
    FROM unit u JOIN level l ON l.key = u.level
    WHERE u.last_edition IS NULL AND l.tiling = 'TILES' AND u.parent_code IS NOT NULL),
climb (leaf_level, leaf_code, level, code) AS (
    SELECT e.level, e.code, e.above, e.above_code
    FROM leaf JOIN edge e USING (level, code) WHERE e.counts
    UNION ALL
    SELECT c.leaf_level, c.leaf_code, e.above, e.above_code
    FROM climb c JOIN edge e ON e.level = c.level AND e.code = c.code WHERE e.counts),
members AS MATERIALIZED (
    SELECT c.level, c.code, t.households, t.people, t.groups
    FROM climb c JOIN tally_now t ON t.level = c.leaf_level AND t.code = c.leaf_code
    WHERE EXISTS (SELECT FROM unit u
                  WHERE u.level = c.level AND u.code = c.code AND u.last_edition IS NULL)),
{_summed("members")}
{_INSERT_SUMS}
"""

_COUNT_DISJOINT = f"""
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

_STALE_TALLIES = """
t.last_edition IS NULL
  AND EXISTS (
      SELECT FROM level l
      WHERE l.key = t.level
        AND (l.key = ANY (:disjoint) OR l.tiling = 'TILES' AND CAST(:tiling AS boolean)))
  AND NOT EXISTS (
      SELECT FROM tally_now now
      WHERE now.level = t.level AND now.code = t.code AND now.households = t.households
        AND now.people = t.people AND now.groups = t.groups)
"""
_FORGET_TALLIES = f"DELETE FROM unit_tally t WHERE t.first_edition = :edition AND {_STALE_TALLIES}"
_END_TALLIES = f"""
UPDATE unit_tally t SET last_edition = :edition - 1
WHERE t.first_edition < :edition AND {_STALE_TALLIES}
"""
_BEGIN_TALLIES = """
INSERT INTO unit_tally (level, code, households, people, groups, first_edition)
SELECT now.level, now.code, now.households, now.people, now.groups, :edition
FROM tally_now now
WHERE NOT EXISTS (
    SELECT FROM unit_tally t
    WHERE t.level = now.level AND t.code = now.code AND t.last_edition IS NULL)
"""
