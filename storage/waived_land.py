"""Waived land as it stands in editions: its chains belong to the proof."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import shapely
from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Float,
    bindparam,
    cast,
    func,
    insert,
    select,
    text,
    update,
)

from geo.findings import Kind
from geo.waivers import WaivedLand as Land
from storage.models import SRID, WaivedLand
from storage.units import stands, texts

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    import numpy as np
    from numpy.typing import NDArray
    from sqlalchemy.ext.asyncio import AsyncConnection

    from geo.waivers import LandChange
    from storage.units import Query

Box = tuple[float, float, float, float]
"""West, south, east, north in degrees."""

NEAR_DEG = 1e-6
"""How far beyond a box land still matters to noding, in degrees (about 0.1 m)."""


def _columns() -> Query:
    return select(
        WaivedLand.row_id,
        WaivedLand.waiver_id,
        WaivedLand.finding_id,
        WaivedLand.level,
        WaivedLand.parent_code,
        WaivedLand.kind,
        WaivedLand.message,
        WaivedLand.extra,
        WaivedLand.units,
        WaivedLand.borders_m,
        WaivedLand.pieces,
        func.ST_AsBinary(WaivedLand.__table__.c.geom),
        WaivedLand.chain,
        WaivedLand.area_m2,
        WaivedLand.width_m,
        WaivedLand.households,
    ).order_by(WaivedLand.level, WaivedLand.finding_id)


def _land(row: Sequence[Any]) -> Land:  # a row of the query above
    return Land(
        row_id=row[0],
        waiver=row[1],
        stored_id=row[2],
        level=row[3],
        parent=row[4],
        kind=Kind(row[5]),
        message=row[6],
        extra=row[7],
        units=tuple(row[8]),
        borders_m=tuple(row[9]),
        pieces=row[10],
        geometry=shapely.from_wkb(bytes(row[11])),
        chain=row[12],
        area_m2=row[13],
        width_m=row[14],
        households=row[15],
    )


async def standing(connection: AsyncConnection, box: Box | None = None) -> tuple[Land, ...]:
    """Return the waived land that stands now, all or what touches a box.

    No limit: the checker needs all of the ground. Leans on ``waived_land_geom`` with a box.
    """
    query = _columns().where(WaivedLand.last_edition.is_(None))
    if box is not None:
        west, south, east, north = box
        near = (west - NEAR_DEG, south - NEAR_DEG, east + NEAR_DEG, north + NEAR_DEG)
        query = query.where(WaivedLand.geom.op("&&")(func.ST_MakeEnvelope(*near, SRID)))
    return tuple([_land(row) for row in await connection.execute(query)])


async def of_edition(
    connection: AsyncConnection,
    edition: int,
    level: str,
    *,
    parents: Sequence[str] | None = None,
) -> list[Land]:
    """Return the waived land of a level of an edition, by finding.

    Parameters
    ----------
    parents
        Only in these parents; None for all land, that without a parent, too.

    Notes
    -----
    Leans on ``waived_land_parent``.
    """
    query = _columns().where(WaivedLand.level == level, stands(WaivedLand, edition))
    if parents is not None:
        query = query.where(WaivedLand.parent_code == func.any(texts(parents)))
    return [_land(row) for row in await connection.execute(query)]


async def lock(connection: AsyncConnection, rows: Collection[int]) -> bool:
    """Lock stored rows against other publishers; False if one of them stands no more."""
    wanted = sorted(set(rows))
    if not wanted:
        return True
    query = (
        select(WaivedLand.row_id)
        .where(WaivedLand.row_id == func.any(_numbers(wanted)), WaivedLand.last_edition.is_(None))
        .order_by(WaivedLand.row_id)
        .with_for_update()
    )
    return len((await connection.execute(query)).scalars().all()) == len(wanted)


async def write(connection: AsyncConnection, edition: int, change: LandChange) -> None:
    """Write what an edition changes: rows end with the edition before, and begin with it."""
    if change.end:
        await connection.execute(
            update(WaivedLand)
            .where(WaivedLand.row_id == func.any(_numbers(change.end)))
            .values(last_edition=edition - 1)
        )
    if change.begin:
        statement = insert(WaivedLand).values(
            geom=text("CAST(:shape AS geometry)"), first_edition=edition
        )
        await connection.execute(statement, [_values(land) for land in change.begin])
    for row, waiver in change.accepted_anew:
        await connection.execute(
            update(WaivedLand).where(WaivedLand.row_id == row).values(waiver_id=waiver)
        )


def _values(land: Land) -> dict[str, object]:
    shape = shapely.set_srid(land.geometry, SRID)
    return {
        "waiver_id": land.waiver,
        "finding_id": land.id,
        "level": land.level,
        "parent_code": land.parent,
        "kind": land.kind.value,
        "message": land.message,
        "extra": land.extra,
        "units": list(land.units),
        "borders_m": list(land.borders_m),
        "pieces": land.pieces,
        "shape": shapely.to_wkb(shape, hex=True, include_srid=True),
        "chain": land.chain,
        "area_m2": land.area_m2,
        "width_m": land.width_m,
        "households": land.households,
    }


async def blank_at(
    connection: AsyncConnection,
    edition: int,
    levels: Sequence[str],
    lonlat: NDArray[np.float64],
) -> list[bool]:
    """Return which points lie in land that was waived as blank on one of some levels.

    Parameters
    ----------
    lonlat
        Degrees, shape (n, 2).

    Notes
    -----
    One probe of ``waived_land_geom`` a point, in one statement.
    """
    axes = [bindparam(None, axis.tolist(), ARRAY(Float), unique=True) for axis in lonlat.T]
    points = func.unnest(*axes).table_valued("lon", "lat", with_ordinality="n")
    points = points.render_derived(name="points")
    place = func.ST_SetSRID(
        func.ST_MakePoint(cast(points.c.lon, Float), cast(points.c.lat, Float)), SRID
    )
    query = (
        select(points.c.n)
        .select_from(points)
        .where(
            select(WaivedLand.row_id)
            .where(
                WaivedLand.kind == Kind.BLANK.value,
                WaivedLand.level == func.any(texts(levels)),
                stands(WaivedLand, edition),
                func.ST_Intersects(WaivedLand.geom, place),
            )
            .exists()
        )
    )
    inside = set((await connection.execute(query)).scalars())
    return [n in inside for n in range(1, len(lonlat) + 1)]


def _numbers(values: Collection[int]) -> ColumnElement[Any]:
    return bindparam(None, sorted(values), ARRAY(BigInteger), unique=True)
