"""A level of an edition, for a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import shapely

from geo.errors import NoEditionError, UnknownError
from resolvers.paging import check_text
from resolvers.worlds import find_level
from sources.writing import UnitRow
from storage import editions, exporting, levels

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

    from geo.levels import LevelSpec


async def read_level(
    engine: AsyncEngine, level: str, *, edition: int | None, within: str | None
) -> list[UnitRow]:
    """Return the units of a level, by code, with coordinates as they are stored.

    Parameters
    ----------
    edition
        Number of the edition; None for the newest.
    within
        Code of a unit above, of which only the units below are wanted; ``LEVEL:CODE`` where
        several have that code.

    Raises
    ------
    UnknownError, NoEditionError
        If level, edition or unit do not exist.
    """
    async with engine.connect() as connection:
        specs = await levels.all_levels(connection)
        spec = find_level(specs, level)
        number = await edition_number(connection, edition)
        top, path = None, list[str]()
        if within is not None:
            top, path = await find_top(connection, number, specs, spec, within)
        rows = await exporting.units_at(connection, number, level, top=top, path=path)
    return [
        UnitRow(
            code=row.code,
            name=row.name,
            parent=row.parent_code,
            geom=shapely.from_wkb(bytes(row.wkb)),
            area_m2=row.area_m2,
            households=row.households,
            people=row.people,
            properties=row.properties,
        )
        for row in rows
    ]


async def edition_number(connection: AsyncConnection, wanted: int | None) -> int:
    """Return an edition's number, the newest by default, or say that there is none."""
    if wanted is None:
        newest = await editions.newest(connection)
        if newest is None:
            raise NoEditionError("nothing is published yet")
        return newest.number
    if await editions.by_number(connection, wanted) is None:
        raise UnknownError(f"there is no edition {wanted}", argument="edition")
    return wanted


async def find_top(
    connection: AsyncConnection,
    edition: int,
    specs: tuple[LevelSpec, ...],
    spec: LevelSpec,
    text: str,
) -> tuple[str, list[str]]:
    """Return the code of a unit above a level, and the levels from it down."""
    check_text("within", text)
    named, colon, code = text.partition(":")
    path: list[str] = []
    above = spec.parent
    while above is not None:
        path.insert(0, above)
        wanted = (code if colon and named == above else None) if colon else text
        if wanted is not None and await exporting.has_unit(connection, edition, above, wanted):
            return wanted, path
        above = find_level(specs, above).parent
    raise UnknownError(
        f"no unit {text} stood above the level {spec.key} in edition {edition}", argument="within"
    )
