"""What is stored of one edition, for an audit: read level by level and piece by piece."""

# ruff: noqa: S608 - what is put together are constants of this module; values are bound

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection

PIECE = 5000
"""So many units are in memory at a time."""


class UnitAt(NamedTuple):
    """One unit as it is stored."""

    code: str
    parent_code: str | None
    wkb: bytes
    chain: int
    area_m2: float
    named: bool
    """Whether the text by which it is found begins with its code and name."""


class OutlineAt(NamedTuple):
    """What the topmost level fills, and the centre of the metric projection."""

    wkb: bytes
    chain: int
    lon0: float
    lat0: float


class WaivedAt(NamedTuple):
    """Land that was blank, doubled or outside when the edition was published, and waived."""

    finding_id: str
    level: str
    parent_code: str | None
    kind: str
    extra: int
    wkb: bytes
    chain: int


class AddressAt(NamedTuple):
    """One address."""

    row_id: int
    key: str
    lon: float
    lat: float
    households: int
    people: int
    groups: dict[str, int]
    compound_code: str | None


class PlaceAt(NamedTuple):
    """Where an address is said to lie."""

    address_row: int
    key: str
    """Of the address."""
    level: str
    code: str | None


class TallyAt(NamedTuple):
    """What a unit is said to count."""

    level: str
    code: str
    households: int
    people: int
    groups: dict[str, int]


class HistoryFault(NamedTuple):
    """A row that does not fit into the editions around it."""

    level: str
    code: str
    what: str
    """ORDER, VERSION, START, GAP or LEVEL: see the statements."""


async def read_units(
    connection: AsyncConnection, edition: int, level: str, use: Callable[[list[UnitAt]], None]
) -> None:
    """Give the units of a level, by code, to ``use`` in pieces; ``unit_code``."""
    values = {"edition": edition, "level": level}
    await _read(
        connection,
        _UNITS,
        values,
        lambda rows: use([UnitAt(row[0], row[1], bytes(row[2]), *row[3:]) for row in rows]),
    )


async def outline(connection: AsyncConnection, edition: int) -> OutlineAt | None:
    """Return the outline; None where there is none."""
    row = (await connection.execute(text(_OUTLINE), {"edition": edition})).first()
    return OutlineAt(bytes(row[0]), *row[1:]) if row else None


async def waived_lands(connection: AsyncConnection, edition: int) -> list[WaivedAt]:
    """Return the waived land of all levels, by level and finding."""
    rows = await connection.execute(text(_WAIVED), {"edition": edition})
    return [WaivedAt(*row) for row in rows]


async def lands_under(
    connection: AsyncConnection, edition: int, level: str, parent: str | None
) -> list[tuple[str, bytes]]:
    """Return (code, WKB) of the units under a parent, by code; None: of the whole level."""
    values = {"edition": edition, "level": level, "parent": parent}
    rows = await connection.execute(text(_LANDS), values)
    return [(code, bytes(wkb)) for code, wkb in rows]


async def lands_of(
    connection: AsyncConnection, edition: int, level: str, codes: Sequence[str]
) -> dict[str, bytes]:
    """Return the WKB of units by code."""
    values = {"edition": edition, "level": level, "codes": list(codes)}
    rows = await connection.execute(text(_LANDS_OF), values)
    return {code: bytes(wkb) for code, wkb in rows}


async def read_addresses(
    connection: AsyncConnection, edition: int, use: Callable[[AddressAt], None]
) -> None:
    """Give the addresses to ``use``, by key."""
    await _read_each(connection, _ADDRESSES, edition, lambda row: use(AddressAt(*row)))


async def read_places(
    connection: AsyncConnection, edition: int, use: Callable[[PlaceAt], None]
) -> None:
    """Give to ``use`` where addresses are said to lie, by address and level."""
    await _read_each(connection, _PLACES, edition, lambda row: use(PlaceAt(*row)))


async def read_tallies(
    connection: AsyncConnection, edition: int, use: Callable[[TallyAt], None]
) -> None:
    """Give to ``use`` what units are said to count, by level and code."""
    await _read_each(connection, _TALLIES, edition, lambda row: use(TallyAt(*row)))


async def history_faults(
    connection: AsyncConnection, edition: int, *, limit: int
) -> list[HistoryFault]:
    """Return up to ``limit`` units whose rows contradict one another; ``unit_id``.

    ORDER: drawn after it began to stand so, or that after the row. VERSION: rows of one version
    that differ in more than nodes. START: no row of the version begins with it. GAP: the version
    did not stand in between. LEVEL: the edition of the version does not name the level.
    """
    values = {"edition": edition, "limit": limit}
    rows = await connection.execute(text(_HISTORY), values)
    return [HistoryFault(*row) for row in rows]


async def edition_faults(connection: AsyncConnection, edition: int) -> list[int]:
    """Return the editions up to one that are missing, or whose day is before the last one's."""
    rows = await connection.execute(text(_EDITIONS), {"edition": edition})
    return list(rows.scalars())


async def _read_each(
    connection: AsyncConnection, statement: str, edition: int, use: Callable[[Any], None]
) -> None:
    def use_all(rows: Sequence[Any]) -> None:  # rows of any columns
        for row in rows:
            use(row)

    await _read(connection, statement, {"edition": edition}, use_all)


async def _read(
    connection: AsyncConnection,
    statement: str,
    values: Mapping[str, object],
    use: Callable[[Sequence[Any]], None],  # rows of any columns
) -> None:
    """Read what never fits into memory at once; the cursor is closed whatever ``use`` does."""
    query = text(statement).execution_options(yield_per=PIECE)
    async with connection.stream(query, values) as result:
        async for rows in result.partitions(PIECE):
            use(rows)


def _stands(alias: str) -> str:
    return (
        f"{alias}.first_edition <= :edition"
        f" AND ({alias}.last_edition IS NULL OR {alias}.last_edition >= :edition)"
    )


# The names are compared as a search compares them: in small letters, a name like the code once.
_UNITS = f"""
SELECT u.code, u.parent_code, ST_AsBinary(u.geom), u.chain, u.area_m2,
       u.search_text = n.words OR starts_with(u.search_text, n.words || ' ')
FROM unit u
CROSS JOIN LATERAL (
    SELECT CASE WHEN lower(u.code) = lower(u.name) THEN lower(u.code)
                ELSE lower(u.code) || ' ' || lower(u.name) END) n (words)
WHERE u.level = :level AND {_stands("u")}
ORDER BY u.code
"""
_OUTLINE = f"SELECT ST_AsBinary(geom), chain, lon0, lat0 FROM outline o WHERE {_stands('o')}"
_WAIVED = f"""
SELECT finding_id, level, parent_code, kind, extra, ST_AsBinary(geom), chain
FROM waived_land w WHERE {_stands("w")} ORDER BY level, finding_id
"""
_LANDS = f"""
SELECT u.code, ST_AsBinary(u.geom) FROM unit u
WHERE u.level = :level AND {_stands("u")}
  AND (CAST(:parent AS text) IS NULL OR u.parent_code = CAST(:parent AS text))
ORDER BY u.code
"""
_LANDS_OF = f"""
SELECT u.code, ST_AsBinary(u.geom) FROM unit u
WHERE u.level = :level AND {_stands("u")} AND u.code = ANY (CAST(:codes AS text[]))
ORDER BY u.code
"""
_ADDRESSES = f"""
SELECT a.row_id, a.key, ST_X(a.geom), ST_Y(a.geom), a.households, a.people, a.groups,
       a.compound_code
FROM address a WHERE {_stands("a")} ORDER BY a.key
"""
_PLACES = f"""
SELECT p.address_row, a.key, p.level, p.code
FROM address_place p JOIN address a ON a.row_id = p.address_row
WHERE {_stands("p")} ORDER BY p.address_row, p.level
"""
_TALLIES = f"""
SELECT t.level, t.code, t.households, t.people, t.groups
FROM unit_tally t WHERE {_stands("t")} ORDER BY t.level, t.code
"""
_HISTORY = f"""
WITH standing AS MATERIALIZED (
    SELECT u.id, u.level, u.code, u.name, u.parent_code, u.properties, u.since_edition,
           u.drawn_edition, u.first_edition
    FROM unit u WHERE {_stands("u")}),
version AS MATERIALIZED (
    SELECT o.id, o.level, o.code, o.name, o.parent_code, o.properties, o.since_edition,
           o.drawn_edition, o.first_edition,
           lag(o.last_edition) OVER (PARTITION BY o.id ORDER BY o.first_edition) AS before,
           row_number() OVER (PARTITION BY o.id ORDER BY o.first_edition) AS place
    FROM unit o WHERE o.id IN (SELECT id FROM standing) AND o.first_edition <= :edition),
found AS (
    SELECT level, code, 'ORDER' AS what FROM standing
    WHERE drawn_edition > since_edition OR since_edition > first_edition
    UNION
    SELECT s.level, s.code, 'VERSION' FROM standing s JOIN version v ON v.id = s.id
    WHERE (v.level, v.code, v.name, v.parent_code, v.properties, v.since_edition, v.drawn_edition)
          IS DISTINCT FROM
          (s.level, s.code, s.name, s.parent_code, s.properties, s.since_edition, s.drawn_edition)
    UNION
    SELECT level, code, 'START' FROM version WHERE place = 1 AND first_edition <> since_edition
    UNION
    SELECT level, code, 'GAP' FROM version WHERE place > 1 AND first_edition <> before + 1
    UNION
    SELECT s.level, s.code, 'LEVEL' FROM standing s
    WHERE NOT EXISTS (SELECT FROM edition_level e
                      WHERE e.number = s.since_edition AND e.level = s.level))
SELECT level, code, what FROM found ORDER BY level, code, what LIMIT :limit
"""
_EDITIONS = """
SELECT number FROM (
    SELECT number, row_number() OVER w AS place, effective_on < lag(effective_on) OVER w AS back,
           correction AND effective_on IS DISTINCT FROM lag(effective_on) OVER w AS stray
    FROM edition WHERE number <= :edition WINDOW w AS (ORDER BY number)) AS listed
WHERE number <> place OR back OR stray
ORDER BY number LIMIT 100
"""
