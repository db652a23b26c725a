"""All units of a level as they stood in an edition, with everything that is known of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import Text, and_, func, select
from sqlalchemy import cast as sql_cast
from sqlalchemy.orm import aliased

from storage.models import Outline, Unit, UnitTally
from storage.units import stands

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement, Select
    from sqlalchemy.ext.asyncio import AsyncConnection


DECIMALS = 9
"""Of degrees: those that are stored, so that the text means the same points."""


class ExportRow(NamedTuple):
    """One unit."""

    row_id: int
    code: str
    name: str
    parent_code: str | None
    wkb: bytes
    chain: int
    area_m2: float
    properties: dict[str, Any]  # free JSON: the columns of the imported file
    households: int
    people: int


async def units_at(
    connection: AsyncConnection,
    edition: int,
    level: str,
    *,
    top: str | None = None,
    path: Sequence[str] = (),
) -> list[ExportRow]:
    """Return the units of a level in an edition, by code.

    Parameters
    ----------
    top
        Only units below the unit of this code, which is of the level that ``path`` begins with.
    path
        Levels from that of ``top`` down to the one right above ``level``.

    Notes
    -----
    No limit: an export is the whole level. Leans on ``unit_code`` and ``unit_parent``.
    """
    tally = and_(
        UnitTally.level == Unit.level, UnitTally.code == Unit.code, stands(UnitTally, edition)
    )
    query = (
        select(
            Unit.row_id,
            Unit.code,
            Unit.name,
            Unit.parent_code,
            func.ST_AsBinary(Unit.geom),
            Unit.chain,
            Unit.area_m2,
            Unit.properties,
            func.coalesce(UnitTally.households, 0),
            func.coalesce(UnitTally.people, 0),
        )
        .join(UnitTally, tally, isouter=True)
        .where(Unit.level == level, stands(Unit, edition))
        .order_by(Unit.code)
    )
    if top is not None:
        query = query.where(_below(edition, top, path))
    return [ExportRow(*row) for row in await connection.execute(query)]


class Place(NamedTuple):
    """Where a unit is stored, and how much that is."""

    row_id: int
    code: str
    stored_bytes: int


class TextRow(NamedTuple):
    """One unit, its geometry as text of 9 decimals, which carries the proof."""

    code: str
    name: str
    parent_code: str | None
    geometry: str
    area_m2: float
    properties: str
    """JSON text of an object: no digit of its numbers is lost."""
    households: int
    people: int


async def places_at(
    connection: AsyncConnection,
    edition: int,
    level: str,
    *,
    after: str | None,
    limit: int,
    top: str | None = None,
    path: Sequence[str] = (),
) -> list[Place]:
    """Return a page of the units of a level in an edition, by code; geometries are not read.

    Parameters
    ----------
    after
        Only units behind this code.
    top, path
        As in :func:`units_at`.

    Notes
    -----
    ``pg_column_size`` looks at the row alone, not at the geometry beside it.
    """
    query = (
        select(Unit.row_id, Unit.code, func.pg_column_size(Unit.geom))
        .where(Unit.level == level, stands(Unit, edition))
        .order_by(Unit.code)
        .limit(limit)
    )
    if after is not None:
        query = query.where(Unit.code > after)
    if top is not None:
        query = query.where(_below(edition, top, path))
    return [Place(*row) for row in await connection.execute(query)]


async def texts_at(
    connection: AsyncConnection, edition: int, row_ids: Sequence[int], *, wkt: bool
) -> list[TextRow]:
    """Return units with their geometry as GeoJSON or WKT, by code."""
    tally = and_(
        UnitTally.level == Unit.level, UnitTally.code == Unit.code, stands(UnitTally, edition)
    )
    shape = func.ST_AsText(Unit.geom, DECIMALS) if wkt else func.ST_AsGeoJSON(Unit.geom, DECIMALS)
    query = (
        select(
            Unit.code,
            Unit.name,
            Unit.parent_code,
            shape,
            Unit.area_m2,
            sql_cast(Unit.properties, Text),
            func.coalesce(UnitTally.households, 0),
            func.coalesce(UnitTally.people, 0),
        )
        .join(UnitTally, tally, isouter=True)
        .where(Unit.row_id.in_(row_ids))
        .order_by(Unit.code)
    )
    return [TextRow(*row) for row in await connection.execute(query)]


async def has_unit(connection: AsyncConnection, edition: int, level: str, code: str) -> bool:
    """Return whether a unit stood in an edition."""
    query = select(Unit.row_id).where(Unit.level == level, Unit.code == code, stands(Unit, edition))
    return (await connection.execute(query)).first() is not None


def _below(edition: int, top: str, path: Sequence[str]) -> ColumnElement[bool]:
    """Return the condition that a unit lies below ``top``, level by level."""
    codes: Select[str] | None = None
    for level in path[1:]:
        unit = aliased(Unit)
        parent = unit.parent_code == top if codes is None else unit.parent_code.in_(codes)
        codes = select(unit.code).where(unit.level == level, stands(unit, edition), parent)
    return Unit.parent_code == top if codes is None else Unit.parent_code.in_(codes)


class OutlineAt(NamedTuple):
    """What the topmost level filled in an edition."""

    wkb: bytes
    chain: int


async def outline_at(connection: AsyncConnection, edition: int) -> OutlineAt | None:
    """Return the outline of an edition; None where there is none."""
    query = select(func.ST_AsBinary(Outline.geom), Outline.chain).where(stands(Outline, edition))
    row = (await connection.execute(query)).first()
    return OutlineAt(*row) if row else None
