"""Who lives where in an edition, read as columns: a city's addresses in one go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from sqlalchemy import ARRAY, Text, bindparam, text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from sqlalchemy.ext.asyncio import AsyncConnection


class HomeRows(NamedTuple):
    """The n addresses of an edition, column by column, in the order of their rows."""

    row_id: NDArray[np.int64]
    lonlat: NDArray[np.float64]
    """Degrees (WGS 84), shape (n, 2)."""
    households: NDArray[np.int64]
    people: NDArray[np.int64]
    groups: tuple[str, ...]
    """Names of g groups, in order."""
    group_people: NDArray[np.int64]
    """Shape (g, n)."""
    compounds: tuple[str, ...]
    """Codes that addresses name as their compound, in order."""
    compound: NDArray[np.int32]
    """Index into them, shape (n,); -1 for none."""


class StandingUnit(NamedTuple):
    """A unit, without its land."""

    row_id: int
    level: str
    code: str
    parent_code: str | None


async def homes(connection: AsyncConnection, edition: int) -> HomeRows:
    """Return all addresses of an edition.

    Notes
    -----
    No limit: circles are counted over a whole city. Every address becomes one record of numbers,
    and all of them one value: the driver makes no object of an address. 300,000 take a second.
    """
    found = await connection.execute(text(_NAMES), {"edition": edition})
    groups, compounds = found.one()
    columns = "".join(
        f" || int8send(coalesce(CAST(a.groups ->> :g{n} AS bigint), 0))" for n in range(len(groups))
    )
    statement = text(_HOMES.format(groups=columns)).bindparams(
        bindparam("names", type_=ARRAY(Text))
    )
    values = {f"g{n}": name for n, name in enumerate(groups)}
    values |= {"edition": edition, "names": list(compounds)}
    packed = await connection.scalar(statement, values) or b""
    numbers = ["row_id", "households", "people", "compound"]
    fields: list[Any] = [("xy", ">f8", (2,)), *((name, ">i8") for name in numbers)]
    fields.append(("groups", ">i8", (len(groups),)))
    rows = np.frombuffer(packed, np.dtype(fields))
    return HomeRows(
        rows["row_id"].astype(np.int64),
        rows["xy"].astype(np.float64),
        rows["households"].astype(np.int64),
        rows["people"].astype(np.int64),
        tuple(groups),
        np.ascontiguousarray(rows["groups"].T.astype(np.int64)),
        tuple(compounds),
        rows["compound"].astype(np.int32),
    )


async def places(connection: AsyncConnection, edition: int) -> NDArray[np.int64]:
    """Return where the addresses of an edition lie: rows of address and unit, shape (k, 2).

    One for each branch of levels on which an address lies in a unit; see ``storage.tallies``.
    """
    packed = await connection.scalar(text(_PLACES), {"edition": edition}) or b""
    return np.frombuffer(packed, ">i8").astype(np.int64).reshape(-1, 2)


async def standing_units(connection: AsyncConnection, edition: int) -> list[StandingUnit]:
    """Return all units of an edition, by level and code."""
    rows = await connection.execute(text(_UNITS), {"edition": edition})
    return [StandingUnit(*row) for row in rows]


async def lands(
    connection: AsyncConnection, edition: int, levels: Sequence[str]
) -> list[tuple[int, bytes]]:
    """Return row and WKB of every unit of some levels of an edition, by level and code."""
    if not levels:
        return []
    statement = text(_LANDS).bindparams(bindparam("levels", type_=ARRAY(Text)))
    rows = await connection.execute(statement, {"edition": edition, "levels": list(levels)})
    return [(row_id, bytes(wkb)) for row_id, wkb in rows]


async def codes_with(
    connection: AsyncConnection, edition: int, level: str, properties: str
) -> list[str]:
    """Return the codes of a level's units whose properties contain an object, given as its text.

    Leans on ``unit_properties``.
    """
    values = {"edition": edition, "level": level, "properties": properties}
    return list((await connection.scalars(text(_WITH), values)).all())


_STANDS = (
    "{0}.first_edition <= :edition AND ({0}.last_edition IS NULL OR {0}.last_edition >= :edition)"
)

_NAMES = f"""
WITH home AS MATERIALIZED (
    SELECT groups, compound_code FROM address a WHERE {_STANDS.format("a")})
SELECT ARRAY(SELECT DISTINCT jsonb_object_keys(groups) COLLATE "C" AS key FROM home ORDER BY key),
       ARRAY(SELECT DISTINCT compound_code FROM home WHERE compound_code IS NOT NULL
             ORDER BY compound_code)
"""  # noqa: S608 - constants of this module

_HOMES = f"""
WITH named AS (
    SELECT code COLLATE "C" AS code, n - 1 AS n
    FROM unnest(:names) WITH ORDINALITY AS t (code, n))
SELECT string_agg(
    float8send(ST_X(a.geom)) || float8send(ST_Y(a.geom)) || int8send(a.row_id)
    || int8send(a.households) || int8send(a.people) || int8send(coalesce(named.n, -1))
    {{groups}}, '' ORDER BY a.row_id)
FROM address a LEFT JOIN named ON named.code = a.compound_code
WHERE {_STANDS.format("a")}
"""  # noqa: S608 - constants of this module

_PLACES = f"""
SELECT string_agg(int8send(p.address_row) || int8send(u.row_id), '' ORDER BY p.row_id)
FROM address_place p
JOIN unit u ON u.level = p.level AND u.code = p.code AND {_STANDS.format("u")}
WHERE {_STANDS.format("p")}
"""  # noqa: S608 - constants of this module

_UNITS = f"""
SELECT u.row_id, u.level, u.code, u.parent_code FROM unit u WHERE {_STANDS.format("u")}
ORDER BY u.level, u.code
"""  # noqa: S608 - constants of this module

_LANDS = f"""
SELECT u.row_id, ST_AsBinary(u.geom) FROM unit u
WHERE u.level = ANY (:levels) AND {_STANDS.format("u")}
ORDER BY u.level, u.code
"""  # noqa: S608 - constants of this module

_WITH = f"""
SELECT u.code FROM unit u
WHERE u.level = :level AND {_STANDS.format("u")} AND u.properties @> CAST(:properties AS jsonb)
ORDER BY u.code
"""  # noqa: S608 - constants of this module
