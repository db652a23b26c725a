"""The units that stand now, as the checker wants them, and their locks while they change."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import shapely
from sqlalchemy import BigInteger, Text, bindparam, func, or_, select, text
from sqlalchemy.dialects.postgresql import ARRAY

from geo.world import Units
from storage.models import Level, Outline, Unit

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from shapely.geometry.base import BaseGeometry
    from sqlalchemy import ColumnElement
    from sqlalchemy.ext.asyncio import AsyncConnection

Box = tuple[float, float, float, float]
"""West, south, east, north in degrees."""

NEAR_DEG = 1e-6
"""How far beyond a box units still matter to noding, in degrees (about 0.1 m)."""


class StoredOutline(NamedTuple):
    """What the topmost level fills."""

    row_id: int
    geom: BaseGeometry
    chain: int


async def standing_units(connection: AsyncConnection, box: Box | None = None) -> dict[str, Units]:
    """Return the units that stand now, by level, each by code.

    Parameters
    ----------
    box
        Only units that touch it; None for all.

    Notes
    -----
    No limit: the checker needs all of the ground. Leans on ``unit_geom`` with a box, and on
    ``unit_current`` without.
    """
    query = (
        select(
            Unit.level,
            Unit.row_id,
            Unit.code,
            Unit.name,
            Unit.parent_code,
            Unit.properties,
            func.ST_AsBinary(Unit.geom),
        )
        .where(Unit.last_edition.is_(None))
        .order_by(Unit.level, Unit.code)
    )
    if box is not None:
        query = query.where(_touches(box))
    by_level: dict[str, list[Sequence[object]]] = {}
    for level, *row in await connection.execute(query):
        by_level.setdefault(level, []).append(row)
    return {level: _units(rows) for level, rows in by_level.items()}


def _touches(box: Box) -> ColumnElement[bool]:
    west, south, east, north = box
    near = (west - NEAR_DEG, south - NEAR_DEG, east + NEAR_DEG, north + NEAR_DEG)
    return Unit.geom.op("&&")(func.ST_MakeEnvelope(*near, 4326))


def _units(rows: Sequence[Sequence[object]]) -> Units:
    row_ids, codes, names, parents, properties, wkbs = zip(*rows, strict=True)
    return Units(
        row_ids=np.array(row_ids, np.int64),
        geoms=np.asarray(shapely.from_wkb(wkbs)),
        codes=codes,
        names=names,
        parent_codes=parents,
        properties=properties,
    )


async def standing_outline(connection: AsyncConnection) -> StoredOutline | None:
    """Return the outline that stands now; None before the topmost level is published."""
    query = select(Outline.row_id, func.ST_AsBinary(Outline.geom), Outline.chain).where(
        Outline.last_edition.is_(None)
    )
    row = (await connection.execute(query)).first()
    return StoredOutline(row[0], shapely.from_wkb(bytes(row[1])), row[2]) if row else None


_REACH = """
WITH RECURSIVE own (level, code, geom) AS (
    SELECT level, code, geom FROM unit
    WHERE level = :level AND code = :code AND last_edition IS NULL
    UNION ALL
    SELECT u.level, u.code, u.geom
    FROM own
    JOIN level l ON l.parent = own.level
    JOIN unit u ON u.level = l.key AND u.parent_code = own.code AND u.last_edition IS NULL)
SELECT ST_XMin(e.box), ST_YMin(e.box), ST_XMax(e.box), ST_YMax(e.box)
FROM (SELECT ST_Extent(geom) AS box FROM own) AS e
"""


async def box_of(connection: AsyncConnection, level: str, code: str) -> Box | None:
    """Return the bounds of a unit that stands now and of all units below it; None if none does.

    What lies below may leave it, where that is waived.
    """
    row = (await connection.execute(text(_REACH), {"level": level, "code": code})).one()
    return (row[0], row[1], row[2], row[3]) if row[0] is not None else None


async def levels_of_code(connection: AsyncConnection, code: str) -> list[str]:
    """Return the levels on which a unit of that code stands now, from the top down."""
    query = (
        select(Unit.level)
        .join(Level, Level.key == Unit.level)
        .where(Unit.code == code, Unit.last_edition.is_(None))
        .order_by(Level.rank)
    )
    return list((await connection.execute(query)).scalars())


async def standing_elsewhere(
    connection: AsyncConnection, level: str, codes: Collection[str], parents: Collection[str]
) -> dict[str, str]:
    """Return which codes of a level stand under other parents than these, and under which."""
    query = select(Unit.code, Unit.parent_code).where(
        Unit.level == level,
        Unit.last_edition.is_(None),
        Unit.code == func.any(bindparam("codes", type_=ARRAY(Text))),
        Unit.parent_code != func.all(bindparam("parents", type_=ARRAY(Text))),
    )
    values = {"codes": list(codes), "parents": list(parents)}
    return {row[0]: row[1] or "" for row in await connection.execute(query, values)}


async def lock_units(connection: AsyncConnection, row_ids: Collection[int]) -> bool:
    """Lock stored rows against other publishers; False if one of them stands no more.

    Rows are locked from the top level down and by id, in one order for everybody, so that two
    publishers never wait for one another.
    """
    wanted = sorted(set(row_ids))
    if not wanted:
        return True
    query = (
        select(Unit.row_id)
        .join(Level, Level.key == Unit.level)
        .where(
            Unit.row_id == func.any(bindparam("rows", type_=ARRAY(BigInteger))),
            Unit.last_edition.is_(None),
        )
        .order_by(Level.rank, Unit.row_id)
        .with_for_update(of=Unit)
    )
    locked = (await connection.execute(query, {"rows": wanted})).scalars().all()
    return len(locked) == len(wanted)


TOP_LOCK = 0x77616E6767650004
"""Advisory lock of the topmost level, which has no parent to lock ("wangge" and a number)."""


async def lock_top(connection: AsyncConnection) -> None:
    """Lock the topmost level against other publishers until the transaction ends."""
    await connection.execute(select(func.pg_advisory_xact_lock(TOP_LOCK)))


async def redrawn_since(
    connection: AsyncConnection,
    edition: int,
    level: str,
    *,
    codes: Collection[str] | None = None,
    parents: Collection[str] | None = None,
    any_change: bool = False,
) -> list[str]:
    """Return codes of units of a level that came, went or changed after an edition.

    Parameters
    ----------
    codes, parents
        Only these units, and only units under these parents; None for all.
    any_change
        Count a new name or parent, too; else only land that moved. A row that was rewritten only
        to add a node never counts.
    """
    mark = Unit.since_edition if any_change else Unit.drawn_edition
    came = mark > edition
    # A unit that went has a last row that ended since, and none that stands.
    stands = select(Unit.code).where(Unit.level == level, Unit.last_edition.is_(None))
    went = (Unit.last_edition >= edition) & Unit.code.not_in(stands)
    query = (
        select(Unit.code)
        .where(Unit.level == level, or_(came & Unit.last_edition.is_(None), went))
        .distinct()
        .order_by(Unit.code)
        .limit(20)
    )
    if codes is not None:
        query = query.where(Unit.code.in_(list(codes)))
    if parents is not None:
        query = query.where(Unit.parent_code.in_(list(parents)))
    return list((await connection.execute(query)).scalars())
