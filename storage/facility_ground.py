"""In which units service points lie, by the same rule as addresses and asked points."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import ColumnElement, and_, exists, func, or_, select
from sqlalchemy.orm import aliased

from storage.circle_models import Facility
from storage.models import SRID, DraftUnit, Outline, Unit
from storage.units import stands

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

    from storage.units import Query


class Inside(NamedTuple):
    """A unit of an edition, and the levels that decide whether a point on its border is in it."""

    edition: int
    level: str
    code: str
    branch: tuple[str, ...]
    """Levels from the lowest that decides up to ``level`` itself."""
    named: bool = False
    """Whether a service point that names a unit of the level is in that one, wherever it lies."""


def lies_inside(inside: Inside) -> ColumnElement[bool]:
    """Return the condition that a service point lies in a unit; leans on ``facility_geom``."""
    unit = aliased(Unit)
    found = select(unit.row_id).where(
        unit.level == inside.level,
        unit.code == inside.code,
        stands(unit, inside.edition),
        inside_unit(inside, unit),
    )
    return exists(found.correlate(Facility))


def inside_unit(inside: Inside, unit: Any) -> ColumnElement[bool]:  # noqa: ANN401 - Unit, or an alias of it
    """Return the condition that a service point lies in the unit of a row beside it.

    One on a border belongs to the lowest unit with the smallest code there, and to those above
    that. A level whose units leave land between them is judged by itself.
    """
    spot = Facility.__table__.c.geom
    lies = and_(func.ST_Intersects(spot, unit.geom), _belongs(inside, unit, spot))
    if not inside.named:
        return lies
    other = aliased(Unit)
    names_one = (
        select(other.row_id)
        .where(
            other.level == inside.level,
            other.code == Facility.compound_code,
            stands(other, inside.edition),
        )
        .correlate(Facility)
    )
    return or_(Facility.compound_code == unit.code, and_(lies, ~exists(names_one)))


def inside_draft_unit(unit: type[DraftUnit]) -> ColumnElement[bool]:
    """Return the condition that a service point lies in a unit of a draft, or on its border."""
    touches: ColumnElement[bool] = func.ST_Intersects(Facility.__table__.c.geom, unit.geom)
    return touches


async def point_inside(connection: AsyncConnection, inside: Inside, lon: float, lat: float) -> bool:
    """Return whether a point lies in a unit, by the same rule; one probe of ``unit_geom``."""
    spot = func.ST_SetSRID(func.ST_MakePoint(lon, lat), SRID)
    query = select(Unit.row_id).where(
        Unit.level == inside.level,
        Unit.code == inside.code,
        stands(Unit, inside.edition),
        func.ST_Intersects(spot, Unit.geom),
        _belongs(inside, Unit, spot),
    )
    return (await connection.scalar(query)) is not None


def _belongs(inside: Inside, unit: Any, spot: ColumnElement[Any]) -> ColumnElement[bool]:  # noqa: ANN401 - as above
    """Return the condition that a point which touches a unit is its own."""
    owners = [
        _owner(inside.edition, inside.branch[start:], spot) for start in range(len(inside.branch))
    ]
    # Few points lie on a border: the others need no look at the neighbours.
    return or_(func.ST_Contains(unit.geom, spot), func.coalesce(*owners) == unit.code)


def _owner(
    edition: int, branch: tuple[str, ...], spot: ColumnElement[Any]
) -> ColumnElement[str | None]:
    """Return the code of the unit of the last level above the smallest one at a point."""
    units = [aliased(Unit) for _ in branch]
    query: Query = select(units[-1].code).select_from(units[0])
    for below, above, level in zip(units, units[1:], branch[1:], strict=False):
        same = and_(above.level == level, above.code == below.parent_code)
        query = query.join(above, and_(same, stands(above, edition)))
    lowest = units[0]
    query = query.where(
        lowest.level == branch[0],
        stands(lowest, edition),
        func.ST_Intersects(lowest.geom, spot),
    )
    return query.order_by(lowest.code).limit(1).correlate(Facility).scalar_subquery()


Box = tuple[float, float, float, float]
"""West, south, east, north in degrees."""


async def standing_box(connection: AsyncConnection) -> Box | None:
    """Return the box of the outline that stands now; None before anything is published."""
    geom = Outline.__table__.c.geom
    query = select(
        func.ST_XMin(geom), func.ST_YMin(geom), func.ST_XMax(geom), func.ST_YMax(geom)
    ).where(Outline.last_edition.is_(None))
    row = (await connection.execute(query)).first()
    return (row[0], row[1], row[2], row[3]) if row is not None else None
