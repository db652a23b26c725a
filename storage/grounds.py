"""The land that a boundary file should lie on: what stands, and the units that it is divided in."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import shapely
from sqlalchemy import bindparam, func, select, text
from sqlalchemy.dialects.postgresql import ARRAY, TEXT

from storage.models import Unit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry
    from sqlalchemy.ext.asyncio import AsyncConnection

    Shapes = NDArray[np.object_]

_BELOW = text("""
WITH RECURSIVE own (level, code, geom) AS (
    SELECT level, code, geom FROM unit
    WHERE level = :level AND code = :code AND last_edition IS NULL
    UNION ALL
    SELECT u.level, u.code, u.geom
    FROM own
    JOIN level l ON l.parent = own.level AND l.key = ANY (:through)
    JOIN unit u ON u.level = l.key AND u.parent_code = own.code AND u.last_edition IS NULL)
SELECT level, ST_AsBinary(geom) FROM own
WHERE level IN (:level, :parents)
""").bindparams(bindparam("through", type_=ARRAY(TEXT)))


class StandingLand(NamedTuple):
    """A unit, and those of one level in it."""

    unit: BaseGeometry
    parts: Shapes
    """Shape (n,); the unit alone where it is of that level itself."""


async def units_of(connection: AsyncConnection, level: str) -> Shapes:
    """Return the units of a level that stand now, in degrees, shape (n,).

    No limit: a file may lie on all of them. Leans on ``unit_current``.
    """
    query = select(func.ST_AsBinary(Unit.geom)).where(
        Unit.level == level, Unit.last_edition.is_(None)
    )
    return _shapes((await connection.execute(query)).scalars().all())


async def land_within(
    connection: AsyncConnection, level: str, code: str, *, parents: str, through: Sequence[str]
) -> StandingLand | None:
    """Return a unit that stands now and the units of one level in it; None if it does not stand.

    Parameters
    ----------
    level, code
        The unit.
    parents
        The level, which is that of the unit or one below it.
    through
        The levels below the unit down to that one, itself included.

    Notes
    -----
    No limit, as above. Leans on ``unit_current`` and ``unit_parent``.
    """
    asked = {"level": level, "code": code, "parents": parents, "through": list(through)}
    rows = (await connection.execute(_BELOW, asked)).all()
    unit = _shapes([wkb for of, wkb in rows if of == level])
    parts = _shapes([wkb for of, wkb in rows if of == parents])
    return StandingLand(unit[0], parts) if len(unit) else None


def _shapes(wkbs: Sequence[bytes]) -> Shapes:
    return np.array(shapely.from_wkb([bytes(wkb) for wkb in wkbs]), dtype=object).reshape(-1)
