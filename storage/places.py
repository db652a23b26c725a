"""Points and the units that touch them, as they stand in one edition."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import ARRAY, Float, bindparam, cast, func, select, true
from sqlalchemy.orm import aliased

from storage.models import SRID, Address, Unit
from storage.units import UnitRow, Wanted, stands, texts, unit_columns

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray
    from sqlalchemy import ColumnElement
    from sqlalchemy.ext.asyncio import AsyncConnection

# One degree of latitude is never shorter, of longitude never shorter than this times the cosine.
_SHORTEST_DEGREE_M = 110_000.0


class Hit(NamedTuple):
    """A unit that touches a point."""

    level: str
    code: str
    parent_code: str | None
    border: bool
    """Whether the point lies on its boundary."""


class AddressPoint(NamedTuple):
    """Where an address is, in degrees, and the compound that it names."""

    lon: float
    lat: float
    compound_code: str | None


async def touching(
    connection: AsyncConnection,
    edition: int,
    lon: float,
    lat: float,
    *,
    wanted: Wanted = Wanted.NOTHING,
) -> list[tuple[UnitRow, bool]]:
    """Return the units of every level that touch a point, each with whether it is on the border.

    By code; one probe of ``unit_geom``.
    """
    point = _point(lon, lat)
    border = ~func.ST_Contains(Unit.geom, point)
    query = (
        unit_columns(wanted, edition)
        .add_columns(border)
        .where(func.ST_Intersects(Unit.geom, point), stands(Unit, edition))
        .order_by(Unit.code)
    )
    rows = await connection.execute(query)
    return [(UnitRow._make((*row[:-1], wanted)), row[-1]) for row in rows]


async def touching_many(
    connection: AsyncConnection, edition: int, lonlat: NDArray[np.float64], levels: Sequence[str]
) -> list[list[Hit]]:
    """Return the units of some levels that touch each of many points.

    Parameters
    ----------
    lonlat
        Shape (n, 2), degrees.

    Returns
    -------
    list
        n lists, each by code. One probe of ``unit_geom`` a point, in one statement.
    """
    axes = [bindparam(None, axis.tolist(), ARRAY(Float), unique=True) for axis in lonlat.T]
    points = func.unnest(*axes).table_valued("lon", "lat", with_ordinality="n")
    points = points.render_derived(name="points")
    place = _point(points.c.lon, points.c.lat)
    hit = (
        select(
            Unit.level,
            Unit.code,
            Unit.parent_code,
            (~func.ST_Contains(Unit.geom, place)).label("border"),
        )
        .where(
            func.ST_Intersects(Unit.geom, place),
            stands(Unit, edition),
            Unit.level == func.any(texts(levels)),
        )
        .lateral("hit")
    )
    query = select(points.c.n, *hit.c).select_from(points).join(hit, true())
    found: list[list[Hit]] = [[] for _ in lonlat]
    for n, *hit_row in await connection.execute(query):
        found[n - 1].append(Hit(*hit_row))
    for hits in found:
        hits.sort(key=lambda one: one.code.encode())
    return found


async def nearest(
    connection: AsyncConnection,
    edition: int,
    level: str,
    lon: float,
    lat: float,
    *,
    wanted: Wanted = Wanted.NOTHING,
) -> tuple[UnitRow, float] | None:
    """Return the unit of a level that is nearest to a point on the ground, and how far in metres.

    Notes
    -----
    Nearest in degrees is not nearest in metres. So the index (``unit_geom``) finds a near unit
    first; whatever is nearer must touch the box that reaches as far as that one.
    """
    point = _point(lon, lat)
    on_ground = func.geography(point)
    near = aliased(Unit)
    reach_m = (
        select(func.ST_Distance(func.geography(near.geom), on_ground))
        .where(near.level == level, stands(near, edition))
        .order_by(near.geom.op("<->")(point))
        .limit(1)
        .scalar_subquery()
    )
    reach_lat = reach_m / _SHORTEST_DEGREE_M + 1e-7
    # near a pole the box goes all around
    reach_lon = func.least(360.0, reach_lat / func.greatest(func.cosd(func.abs(lat)), 1e-3))
    box = func.ST_Expand(point, reach_lon, reach_lat)
    distance_m = func.ST_Distance(func.geography(Unit.geom), on_ground)
    query = (
        unit_columns(wanted, edition)
        .add_columns(distance_m.label("distance_m"))
        .where(Unit.level == level, stands(Unit, edition), Unit.geom.op("&&")(box))
        .order_by(distance_m, Unit.code)
        .limit(1)
    )
    row = (await connection.execute(query)).first()
    return (UnitRow._make((*row[:-1], wanted)), row[-1]) if row else None


async def address_point(connection: AsyncConnection, edition: int, key: str) -> AddressPoint | None:
    """Return where an address is in an edition, by its key."""
    geom = Address.__table__.c.geom
    query = select(func.ST_X(geom), func.ST_Y(geom), Address.compound_code).where(
        Address.key == key, stands(Address, edition)
    )
    row = (await connection.execute(query)).first()
    return AddressPoint(*row) if row else None


def _point(lon: float | ColumnElement[float], lat: float | ColumnElement[float]) -> Any:  # noqa: ANN401 - a PostGIS function, which has no type
    return func.ST_SetSRID(func.ST_MakePoint(cast(lon, Float), cast(lat, Float)), SRID)
