"""Units as an older edition has them, to be brought back."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import shapely
from sqlalchemy import and_, func, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import aliased

from storage.models import Draft, Unit
from storage.units import below, stands

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from sqlalchemy.ext.asyncio import AsyncConnection


class FormerUnits(NamedTuple):
    """n units of one level as they stood, by code."""

    codes: list[str]
    names: list[str]
    parent_codes: list[str | None]
    properties: list[dict[str, object]]
    geoms: NDArray[np.object_]
    """MultiPolygons in degrees, shape (n,), with all nodes that their boundaries ever received."""


async def units_of(
    connection: AsyncConnection,
    edition: int,
    level: str,
    *,
    within: str | None = None,
    through: Sequence[str] = (),
) -> FormerUnits:
    """Return the units of a level in an edition, all of them or those below one.

    Parameters
    ----------
    within
        Code of a unit above; None for the whole level.
    through
        The levels between, from above.

    Notes
    -----
    No limit: a draft is the whole truth of its ground. A boundary that was rewritten later only
    to add nodes is taken from its last row, so that nodes that belong to the ground are not lost.
    Leans on ``unit_code`` and ``unit_parent``.
    """
    then = aliased(Unit, name="stood")
    last = aliased(Unit, name="noded")
    same_land = and_(
        last.level == then.level,
        last.code == then.code,
        last.drawn_edition == then.drawn_edition,
        last.first_edition >= then.first_edition,
    )
    query = (
        select(
            then.code,
            then.name,
            then.parent_code,
            then.properties,
            func.ST_AsBinary(last.geom),
        )
        .join(last, same_land)
        .where(then.level == level, stands(then, edition))
        .ext(distinct_on(then.code))
        .order_by(then.code, last.first_edition.desc())
    )
    if within is not None:
        parents = below(edition, [within], through)
        query = query.where(then.parent_code.in_(select(parents.c.code)))
    found = (await connection.execute(query)).all()
    geoms = np.empty(len(found), object)
    geoms[:] = [shapely.from_wkb(bytes(row[4])) for row in found]
    return FormerUnits(
        codes=[row[0] for row in found],
        names=[row[1] for row in found],
        parent_codes=[row[2] for row in found],
        properties=[row[3] for row in found],
        geoms=geoms,
    )


class Frame(NamedTuple):
    """The coordinate system of a file, and what its degrees refer to."""

    crs: str
    datum: str


async def newest_frame(connection: AsyncConnection, level: str) -> Frame | None:
    """Return that of the draft of a level that was published last; None without any."""
    query = (
        select(Draft.crs, Draft.source["datum"].astext)
        .where(Draft.level == level, Draft.status == "PUBLISHED")
        .order_by(Draft.published_as.desc(), Draft.id.desc())
        .limit(1)
    )
    row = (await connection.execute(query)).first()
    return Frame(row[0], row[1] or "WGS84") if row is not None else None


async def stood(connection: AsyncConnection, edition: int, level: str, code: str) -> bool:
    """Return whether a unit stood in an edition; index ``unit_code``."""
    query = select(Unit.row_id).where(Unit.level == level, Unit.code == code, stands(Unit, edition))
    return (await connection.execute(query)).first() is not None
