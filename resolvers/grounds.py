"""The ground that a boundary file should lie on: evidence on its coordinates before it is read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely

from geo.crs import Plane
from geo.ground import Ground
from geo.labels import usable
from resolvers.worlds import find_ground, find_level, one_moment
from storage import grounds, levels, world

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

    from geo.levels import LevelSpec
    from sources.boundaries import BoundaryFile

__all__ = ["ground_for", "ground_of_file"]


async def ground_for(engine: AsyncEngine, level: str, within: str | None) -> Ground | None:
    """Return what stands where a file of a level should lie; None when nothing does.

    Parameters
    ----------
    level
        The level that the file holds.
    within
        Code of the unit below which it lies (``LEVEL:CODE`` where several have that code); None
        for the whole city.

    Raises
    ------
    UnknownError, BadInputError
        If there is no such level or unit; an import of the file would say the same.
    """
    async with one_moment(engine).connect() as connection:
        specs = await levels.all_levels(connection)
        parent = find_level(specs, level).parent
        if within is not None and parent is not None:
            return await _within(connection, specs, level, within)
        outline = await world.standing_outline(connection)
        if outline is None:
            return None
        above = await grounds.units_of(connection, parent) if parent is not None else _none()
        return Ground(outline.geom, above)


async def _within(
    connection: AsyncConnection, specs: Sequence[LevelSpec], level: str, within: str
) -> Ground | None:
    unit = await find_ground(connection, level, within)
    parent = find_level(specs, level).parent or level
    through: list[str] = []
    above: str | None = parent
    while above is not None and above != unit.level:
        through.append(above)
        above = find_level(specs, above).parent
    land = await grounds.land_within(
        connection, unit.level, unit.code, parents=parent, through=through
    )
    return Ground(land.unit, land.parts) if land is not None else None


def ground_of_file(parents: BoundaryFile) -> Ground:
    """Return the ground that a file of parents draws.

    Parameters
    ----------
    parents
        The file, read; what is no polygon in it is left out.
    """
    drawn = parents.geoms[usable(parents.geoms)]
    if not len(drawn):
        return Ground(shapely.GeometryCollection(), drawn)
    bounds = shapely.total_bounds(drawn).tolist()
    plane = Plane.around(parents.crs, bounds, datum=parents.datum)
    land = shapely.transform(drawn, lambda xy: plane.to_lonlat(plane.from_file(xy)))
    # Taken together, not joined: they may be broken, and their own borders are what counts.
    return Ground(shapely.GeometryCollection(land.tolist()), land)


def _none() -> np.ndarray[tuple[int], np.dtype[np.object_]]:
    return np.zeros(0, dtype=object)
