"""Which units hold a single address, so that what is counted of them is told of one home."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import ARRAY, BigInteger, bindparam, func, select

from storage.models import Address, Unit
from storage.units import stands

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy.ext.asyncio import AsyncConnection


async def lone(connection: AsyncConnection, edition: int, row_ids: Collection[int]) -> set[int]:
    """Return the units of many in which no second address of an edition lies.

    Parameters
    ----------
    row_ids
        Rows of ``unit``.

    Notes
    -----
    Addresses on a border are left out: to which side they count does not matter then, a unit is
    rather taken for one with a single address than not. Leans on ``address_geom``, which is asked
    for two addresses of each unit.
    """
    area, home = Unit.__table__.c.geom, Address.__table__.c.geom
    second = (
        select(Address.row_id)
        .where(stands(Address, edition), func.ST_ContainsProperly(area, home))
        .correlate(Unit)
        .offset(1)
        .limit(1)
        .scalar_subquery()
    )
    given = bindparam(None, sorted(row_ids), ARRAY(BigInteger), unique=True)
    query = select(Unit.row_id).where(Unit.row_id == func.any(given), second.is_(None))
    return set(await connection.scalars(query))
