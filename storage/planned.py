"""What a draft would write if it were published on its base edition, and writing just that."""

# ruff: noqa: S608 - what is put together are constants of this module; values are bound

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import orjson
from psycopg.sql import SQL
from sqlalchemy import text

from geo.chain import chains
from storage.copying import copy_rows
from storage.drafts import ewkb_hex
from storage.publishing import begin_rows, end_rows

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from shapely.geometry.base import BaseGeometry
    from sqlalchemy.ext.asyncio import AsyncConnection

    from storage.publishing import NewRows
    from storage.tallies import Box


class PlannedRows(NamedTuple):
    """Units that an edition would write, alike in all that is said here."""

    level: str
    parent_code: str | None
    former_parent: str | None
    """The parent of the stored rows that they follow."""
    redrawn: bool
    renamed: bool
    reattributed: bool
    number: int
    """How many there are."""
    base_rows: list[int]
    """The stored rows that they follow; none for new units."""
    codes: list[str]
    """Theirs, on a level that has levels below it."""


class Removal(NamedTuple):
    """A stored row that would end."""

    row_id: int
    level: str
    parent_code: str | None


_COPY = SQL(
    "COPY draft_change (draft_id, base_row, level, code, name, parent_code, geom, chain, area_m2,"
    " properties, search_text, redrawn, renamed, reattributed) FROM STDIN"
)

_FORGET = (
    "DELETE FROM draft_change WHERE draft_id = :draft",
    "DELETE FROM draft_removal WHERE draft_id = :draft",
    "UPDATE draft SET planned = false, plan_outline = NULL, plan_outline_chain = NULL"
    " WHERE id = :draft",
)

_MARK = """
UPDATE draft SET planned = true, plan_outline = CAST(:geom AS geometry), plan_outline_chain = :chain
WHERE id = :draft
"""

_EXCHANGE_OUTLINE = """
WITH new AS (SELECT plan_outline, plan_outline_chain FROM draft
             WHERE id = :draft AND plan_outline IS NOT NULL),
gone AS (
    UPDATE outline SET last_edition = :edition - 1 FROM new WHERE last_edition IS NULL
    RETURNING plan_outline, plan_outline_chain, lon0, lat0)
INSERT INTO outline (geom, chain, lon0, lat0, first_edition)
SELECT plan_outline, plan_outline_chain, lon0, lat0, :edition FROM gone
"""

_OUTLINE_HOLDS = """
SELECT coalesce(mod(
    (SELECT sum(CAST(u.chain AS numeric)) FROM unit u
     WHERE u.level = :level AND u.last_edition IS NULL)
    + (SELECT coalesce(sum(CAST(w.chain AS numeric) * CASE w.kind WHEN 'BLANK' THEN 1
                           WHEN 'OVERLAP' THEN -w.extra ELSE -1 END), 0)
       FROM waived_land w WHERE w.level = :level AND w.last_edition IS NULL)
    - o.chain, 18446744073709551616) = 0, false)
FROM outline o WHERE o.last_edition IS NULL
"""

_REMOVE = """
INSERT INTO draft_removal (draft_id, base_row) SELECT :draft, unnest(CAST(:rows AS bigint[]))
"""

_REMOVE_PLANNED = """
UPDATE unit SET last_edition = :edition - 1
FROM draft_removal r WHERE r.draft_id = :draft AND unit.row_id = r.base_row
"""

# A finding that blocks may be waived; land that is waived enters the sum. Both want the check.
_IS_READY = """
SELECT d.planned AND d.base_edition = (SELECT max(number) FROM edition)
       AND NOT EXISTS (SELECT FROM finding f
                       WHERE f.draft_id = d.id
                         AND (f.severity = 'BLOCKING' OR f.waiver_id IS NOT NULL))
FROM draft d WHERE d.id = :draft
"""

# The draft's own units stand in its rows; what else receives nodes stands in draft_change.
_CHANGES = """
(SELECT level, code, parent_code, base_row, redrawn, renamed, reattributed, geom
 FROM draft_change WHERE draft_id = :draft
 UNION ALL
 SELECT d.level, u.code, u.parent_code, u.base_row, u.redrawn, u.renamed, u.reattributed, u.geom
 FROM draft_unit u JOIN draft d ON d.id = u.draft_id
 WHERE u.draft_id = :draft AND u.base_row IS NOT NULL)
"""

_ROWS = f"""
SELECT c.level, c.parent_code, old.parent_code, c.redrawn, c.renamed, c.reattributed, count(*),
       coalesce(array_agg(c.base_row) FILTER (WHERE c.base_row <> 0), '{{}}'),
       coalesce(array_agg(c.code) FILTER (
           WHERE c.level IN (SELECT parent FROM level WHERE parent IS NOT NULL)), '{{}}')
FROM {_CHANGES} c LEFT JOIN unit old ON old.row_id = c.base_row
GROUP BY c.level, c.parent_code, old.parent_code, c.base_row = 0,
         c.redrawn, c.renamed, c.reattributed
"""

_REMOVALS = """
SELECT u.row_id, u.level, u.parent_code
FROM draft_removal r JOIN unit u ON u.row_id = r.base_row
WHERE r.draft_id = :draft ORDER BY u.row_id
"""

_BOXES = f"""
SELECT ST_XMin(e.box), ST_YMin(e.box), ST_XMax(e.box), ST_YMax(e.box)
FROM {_CHANGES} c
LEFT JOIN unit old ON old.row_id = c.base_row
CROSS JOIN LATERAL (
    SELECT ST_Extent(land) AS box FROM (VALUES (c.geom), (old.geom)) AS lands (land)) e
UNION ALL
SELECT ST_XMin(u.geom), ST_YMin(u.geom), ST_XMax(u.geom), ST_YMax(u.geom)
FROM draft_removal r JOIN unit u ON u.row_id = r.base_row WHERE r.draft_id = :draft
"""

_SOURCE = """
(SELECT base_row, level, code, name, parent_code, geom, chain, area_m2, properties, search_text,
        redrawn, base_row <> 0 AND NOT (redrawn OR renamed OR reattributed) AS same_version
 FROM draft_change WHERE draft_id = :draft)
"""

# A unit without a name is called by its code.
_OWN_SOURCE = """
(SELECT base_row, CAST(:level AS text) AS level, code, coalesce(nullif(name, ''), code) AS name,
        parent_code, geom, chain, area_m2, properties, search_text, redrawn,
        base_row <> 0 AND NOT (redrawn OR renamed OR reattributed) AS same_version
 FROM draft_unit WHERE draft_id = :draft AND base_row IS NOT NULL)
"""

_PARENT_ROWS = """
SELECT row_id FROM unit
WHERE level = :level AND code = ANY(CAST(:codes AS text[])) AND last_edition IS NULL
"""

# A sum of bigints is a numeric, which does not wrap by itself: 2^64 is taken out of it.
_UNPROVEN = """
SELECT p.code
FROM unit p
CROSS JOIN LATERAL (
    SELECT sum(CAST(c.chain AS numeric)) AS total
    FROM unit c
    WHERE c.level = :level AND c.parent_code = p.code AND c.last_edition IS NULL) sums
CROSS JOIN LATERAL (
    SELECT coalesce(sum(CAST(w.chain AS numeric) * CASE w.kind WHEN 'BLANK' THEN 1
                        WHEN 'OVERLAP' THEN -w.extra ELSE -1 END), 0) AS total
    FROM waived_land w
    WHERE w.level = :level AND w.parent_code = p.code AND w.last_edition IS NULL) waived
WHERE p.level = :parent_level AND p.code = ANY(CAST(:codes AS text[])) AND p.last_edition IS NULL
  AND mod(sums.total + waived.total - p.chain, 18446744073709551616) <> 0
ORDER BY p.code
"""


async def store_plan(
    connection: AsyncConnection,
    draft: int,
    rows: NewRows,
    *,
    renamed: Sequence[bool],
    reattributed: Sequence[bool],
    removed: Sequence[int],
    outline: BaseGeometry | None,
) -> None:
    """Keep what a draft would write beside its own units; see :class:`storage.draft_rows.OwnPlan`.

    An earlier plan must be forgotten before.

    Parameters
    ----------
    outline
        What the topmost level fills, where that receives nodes.
    """
    await copy_rows(connection, _COPY, _lines(draft, rows, renamed, reattributed))
    if removed:
        await connection.execute(text(_REMOVE), {"draft": draft, "rows": list(removed)})
    land = np.array([outline], object) if outline is not None else np.zeros(0, object)
    geom, chain = next(zip(ewkb_hex(land), chains(land).tolist(), strict=True), (None, None))
    await connection.execute(text(_MARK), {"draft": draft, "geom": geom, "chain": chain})


async def forget_plan(connection: AsyncConnection, draft: int) -> None:
    """Drop what was planned for a draft."""
    for statement in _FORGET:
        await connection.execute(text(statement), {"draft": draft})


def _lines(
    draft: int, rows: NewRows, renamed: Sequence[bool], reattributed: Sequence[bool]
) -> Iterator[tuple[object, ...]]:
    geoms = ewkb_hex(rows.geoms)
    for i, code in enumerate(rows.codes):
        yield (
            draft,
            rows.base_rows[i],
            rows.levels[i],
            code,
            rows.names[i],
            rows.parent_codes[i],
            geoms[i],
            int(rows.chain[i]),
            float(rows.area_m2[i]),
            orjson.dumps(rows.properties[i]).decode(),
            rows.search_texts[i],
            bool(rows.redrawn[i]),
            bool(renamed[i]),
            bool(reattributed[i]),
        )


async def is_ready(connection: AsyncConnection, draft: int) -> bool:
    """Return whether a draft's plan can be written as it is: on its base, and without findings."""
    return bool(await connection.scalar(text(_IS_READY), {"draft": draft}))


async def planned_rows(connection: AsyncConnection, draft: int) -> list[PlannedRows]:
    """Return what a draft would write: no more than is asked of a hundred thousand rows."""
    found = await connection.execute(text(_ROWS), {"draft": draft})
    return [PlannedRows._make(row) for row in found]


async def planned_removals(connection: AsyncConnection, draft: int) -> list[Removal]:
    """Return the rows that a draft would end, by number."""
    found = await connection.execute(text(_REMOVALS), {"draft": draft})
    return [Removal._make(row) for row in found]


async def planned_boxes(connection: AsyncConnection, draft: int) -> list[Box]:
    """Return where a draft changes anything: boxes of the new and the former land together."""
    found = await connection.execute(text(_BOXES), {"draft": draft})
    return [(row[0], row[1], row[2], row[3]) for row in found]


async def rows_of_units(
    connection: AsyncConnection, level: str, codes: Collection[str]
) -> list[int]:
    """Return the stored rows of units that stand now; leans on ``unit_current``."""
    values = {"level": level, "codes": sorted(codes)}
    return list((await connection.execute(text(_PARENT_ROWS), values)).scalars())


async def write_plan(connection: AsyncConnection, draft: int, level: str, edition: int) -> None:
    """Write the planned rows as those of an edition; no other row is touched.

    Parameters
    ----------
    level
        The draft's.
    """
    own = {"draft": draft, "level": level}
    await end_rows(connection, edition, _OWN_SOURCE, **own)
    await connection.execute(text(_REMOVE_PLANNED), {"edition": edition, "draft": draft})
    # Their level is one: by code alone they come in the order of an index, and are not sorted.
    await begin_rows(connection, edition, _OWN_SOURCE, order="new.code", **own)
    await write_others(connection, draft, edition)


async def write_others(connection: AsyncConnection, draft: int, edition: int) -> None:
    """Write what is planned beside a draft's own rows: units and outline that receive nodes."""
    await end_rows(connection, edition, _SOURCE, draft=draft)
    await begin_rows(connection, edition, _SOURCE, draft=draft)
    await connection.execute(text(_EXCHANGE_OUTLINE), {"edition": edition, "draft": draft})


async def fills_outline(connection: AsyncConnection, level: str) -> bool:
    """Return whether the topmost level's units that stand now add up to the outline."""
    return bool(await connection.scalar(text(_OUTLINE_HOLDS), {"level": level}))


async def unproven(
    connection: AsyncConnection, level: str, parent_level: str, codes: Collection[str]
) -> list[str]:
    """Return which of some parents the units of a level that stand now do not fill.

    Parents without units of the level owe nothing. Leans on ``unit_parent``.
    """
    values = {"level": level, "parent_level": parent_level, "codes": sorted(codes)}
    return list((await connection.execute(text(_UNPROVEN), values)).scalars())
