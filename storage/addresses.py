"""Addresses as stored: comparing a list with them, writing what changed, reading them back."""

# ruff: noqa: S608 - what is put together are constants of this module; values are bound

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import orjson
from sqlalchemy import text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray
    from psycopg import AsyncConnection as Driver
    from sqlalchemy.ext.asyncio import AsyncConnection

    from storage.tallies import Box

LOAD_LOCK = 0x77616E6767650003
"""Advisory lock that lets one list be loaded at a time ("wangge" and a number)."""
MAX_BOXES = 500
"""Up to so many changed addresses are looked up one by one; beyond, all of them at once."""


class AddressRows(NamedTuple):
    """Addresses, column by column."""

    keys: list[str]
    lonlat: NDArray[np.float64]
    """Degrees (WGS 84), shape (n, 2)."""
    households: NDArray[np.int64]
    """Shape (n,)."""
    people: NDArray[np.int64]
    """Shape (n,)."""
    groups: list[dict[str, int]]
    compound_codes: list[str | None]


class AddressChanges(NamedTuple):
    """How many addresses of a list are new, differ, are the same, and are not in it any more."""

    added: int
    changed: int
    unchanged: int
    removed: int


async def compare(
    connection: AsyncConnection, rows: AddressRows, *, replace: bool
) -> AddressChanges:
    """Bring a list into the database and say how it differs from what stands.

    The list stays beside the stored addresses until the transaction ends; ``write`` takes it
    from there. Other loads wait until then.

    Parameters
    ----------
    rows
        Addresses with keys that differ.
    replace
        Whether the list is the whole truth: what is not in it is to be taken away.
    """
    await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOAD_LOCK})
    for statement in _SCRATCH:
        await connection.execute(text(statement))
    raw = await connection.get_raw_connection()
    driver: Driver[object] = raw.driver_connection  # type: ignore[assignment] # psycopg's own
    async with driver.cursor() as cursor, cursor.copy(_COPY) as copy:
        for row in _lines(rows):
            await copy.write_row(row)
    await connection.execute(text("ANALYZE loaded_address"))
    await connection.execute(text(_FIND_CHANGES), {"replace": replace})
    counts = (await connection.execute(text(_COUNT_CHANGES))).one()
    return AddressChanges(*counts)


async def write(connection: AsyncConnection, edition: int) -> list[Box] | None:
    """Store the list that ``compare`` brought, as of ``edition``.

    Returns
    -------
    list of Box or None
        Where an address changed, before and after; None when that is in many places.
    """
    boxes = await _changed_places(connection)
    await connection.execute(text(_END), {"edition": edition})
    await connection.execute(text(_BEGIN), {"edition": edition})
    if boxes is None:
        # The planner must know how many there are now, or the tallies take minutes.
        await connection.execute(text("ANALYZE address"))
    return boxes


async def addresses_in(
    connection: AsyncConnection, edition: int, bounds: Box | None = None
) -> AddressRows:
    """Return the addresses of an edition, by key; with ``bounds`` only those within the box.

    Notes
    -----
    No limit: the checker needs every address of the ground that it checks. Leans on
    ``address_geom``.
    """
    west, south, east, north = bounds or (None, None, None, None)
    values = {"edition": edition, "west": west, "south": south, "east": east, "north": north}
    query = text(_READ if bounds is None else _READ_BOX)
    found = (await connection.execute(query, values if bounds else {"edition": edition})).all()
    count = len(found)
    return AddressRows(
        keys=[row[0] for row in found],
        lonlat=np.array([row[1:3] for row in found], dtype=np.float64).reshape(count, 2),
        households=np.fromiter((row[3] for row in found), dtype=np.int64, count=count),
        people=np.fromiter((row[4] for row in found), dtype=np.int64, count=count),
        groups=[row[5] for row in found],
        compound_codes=[row[6] for row in found],
    )


async def count_addresses(connection: AsyncConnection, edition: int) -> int:
    """Return how many addresses stand in an edition."""
    return (await connection.scalar(text(_COUNT), {"edition": edition})) or 0


def _lines(rows: AddressRows) -> Iterator[tuple[object, ...]]:
    """Yield rows as the COPY statement names their columns."""
    columns: tuple[Sequence[object], ...] = (
        rows.keys,
        rows.lonlat[:, 0].tolist(),
        rows.lonlat[:, 1].tolist(),
        np.asarray(rows.households).tolist(),
        np.asarray(rows.people).tolist(),
        [orjson.dumps(groups).decode() for groups in rows.groups],
        rows.compound_codes,
    )
    return zip(*columns, strict=True)


async def _changed_places(connection: AsyncConnection) -> list[Box] | None:
    limited = (await connection.execute(text(_PLACES), {"limit": 2 * MAX_BOXES + 1})).all()
    if len(limited) > 2 * MAX_BOXES:
        return None
    return [(lon, lat, lon, lat) for lon, lat in limited]


_SCRATCH = (
    "DROP TABLE IF EXISTS loaded_address, address_change",
    """CREATE TEMP TABLE loaded_address
       (key text COLLATE "C" PRIMARY KEY, lon float8 NOT NULL, lat float8 NOT NULL,
        households integer NOT NULL, people integer NOT NULL, groups jsonb NOT NULL,
        compound_code text COLLATE "C") ON COMMIT DROP""",
    """CREATE TEMP TABLE address_change
       (key text COLLATE "C" PRIMARY KEY, kind text NOT NULL) ON COMMIT DROP""",
)
_COPY = """
COPY loaded_address (key, lon, lat, households, people, groups, compound_code) FROM STDIN
"""
_FIND_CHANGES = """
INSERT INTO address_change
SELECT coalesce(n.key, a.key),
       CASE WHEN a.key IS NULL THEN 'added' WHEN n.key IS NULL THEN 'removed' ELSE 'changed' END
FROM loaded_address n
FULL JOIN (SELECT * FROM address WHERE last_edition IS NULL) a ON a.key = n.key
WHERE a.key IS NULL
   OR n.key IS NULL AND CAST(:replace AS boolean)
   OR (n.lon, n.lat, n.households, n.people, n.groups, n.compound_code)
      IS DISTINCT FROM
      (ST_X(a.geom), ST_Y(a.geom), a.households, a.people, a.groups, a.compound_code)
      AND n.key IS NOT NULL
"""
_COUNT_CHANGES = """
SELECT count(*) FILTER (WHERE kind = 'added'),
       count(*) FILTER (WHERE kind = 'changed'),
       (SELECT count(*) FROM loaded_address) - count(*) FILTER (WHERE kind <> 'removed'),
       count(*) FILTER (WHERE kind = 'removed')
FROM address_change
"""
_PLACES = """
SELECT ST_X(a.geom), ST_Y(a.geom)
FROM address_change c JOIN address a ON a.key = c.key AND a.last_edition IS NULL
UNION
SELECT n.lon, n.lat FROM address_change c JOIN loaded_address n USING (key)
LIMIT :limit
"""
_END = """
UPDATE address a SET last_edition = :edition - 1
FROM address_change c
WHERE c.key = a.key AND a.last_edition IS NULL AND c.kind <> 'added'
"""
_BEGIN = """
INSERT INTO address
    (key, geom, households, people, groups, compound_code, first_edition)
SELECT n.key, ST_SetSRID(ST_MakePoint(n.lon, n.lat), 4326), n.households, n.people, n.groups,
       n.compound_code, :edition
FROM loaded_address n JOIN address_change c USING (key)
ORDER BY n.key
"""
_STANDS = "first_edition <= :edition AND (last_edition IS NULL OR last_edition >= :edition)"
_READ_COLUMNS = """
SELECT key, ST_X(geom), ST_Y(geom), households, people, groups, compound_code FROM address
"""
_READ = f"{_READ_COLUMNS} WHERE {_STANDS} ORDER BY key"
# The index keeps 32-bit boxes, somewhat larger than what they hold: look again.
_READ_BOX = f"""{_READ_COLUMNS}
WHERE {_STANDS} AND geom && ST_MakeEnvelope(:west, :south, :east, :north, 4326)
  AND ST_X(geom) BETWEEN :west AND :east AND ST_Y(geom) BETWEEN :south AND :north
ORDER BY key
"""
_COUNT = f"SELECT count(*) FROM address WHERE {_STANDS}"
