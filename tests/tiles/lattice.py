"""A town of winding borders, of which every vertex is shared by all that meet there.

Six by six grids, three by three of them a community; the two western communities are one
subdistrict, the two eastern ones the other. Each border between two lattice points winds along 24
points. All levels are made of the same lines, so that they match vertex by vertex::

    +-----+-----+
    | C2  | C4  |     S1: C1, C2
    +-----+-----+     S2: C3, C4
    | C1  | C3  |     grid "14" is in column 1, row 4
    +-----+-----+
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import numpy as np
import shapely
from sqlalchemy import insert

from geo.chain import chains
from storage.models import Edition, EditionLevel, Outline, Unit, UnitTally
from tests.graphql.world import array_of, stored

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry
    from sqlalchemy.ext.asyncio import AsyncEngine

SIDE = 6
LON, LAT, STEP = 104.0, 31.0, 0.004
PIECES = 24
EDITIONS = {1: dt.date(2025, 1, 1), 2: dt.date(2026, 1, 1)}
LEVELS = ("district", "subdistrict", "community", "grid")


def _line(
    rng: np.random.Generator, start: NDArray[np.float64], end: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return a border that winds from one point to the other."""
    along = np.linspace(0, 1, PIECES + 1)[:, None]
    wind = np.cumsum(rng.normal(0, STEP / 300, (PIECES + 1, 2)), axis=0)
    wind -= wind[0] + (wind[-1] - wind[0]) * along
    return np.round(start + (end - start) * along + wind, 9)


def grids() -> dict[tuple[int, int], shapely.Polygon]:
    """Return the grids by column and row."""
    rng = np.random.default_rng(7)
    lattice = np.stack(np.meshgrid(np.arange(SIDE + 1), np.arange(SIDE + 1), indexing="ij"), -1)
    moved = lattice + rng.normal(0, 0.1, lattice.shape)
    nodes = np.round(np.array([LON, LAT]) + STEP * moved, 9)
    east = {
        (i, j): _line(rng, nodes[i, j], nodes[i + 1, j])
        for i in range(SIDE)
        for j in range(SIDE + 1)
    }
    north = {
        (i, j): _line(rng, nodes[i, j], nodes[i, j + 1])
        for i in range(SIDE + 1)
        for j in range(SIDE)
    }
    rings = {
        (i, j): [east[i, j], north[i + 1, j], east[i, j + 1][::-1], north[i, j][::-1]]
        for i in range(SIDE)
        for j in range(SIDE)
    }
    return {
        at: shapely.Polygon(np.concatenate([side[:-1] for side in ring]))
        for at, ring in rings.items()
    }


def _community(at: tuple[int, int]) -> str:
    return f"C{1 + 2 * (at[0] // 3) + at[1] // 3}"


def units() -> dict[tuple[str, str], tuple[str | None, BaseGeometry]]:
    """Return parent and land of every unit, by level and code."""
    found: dict[tuple[str, str], tuple[str | None, BaseGeometry]] = {}
    cells = grids()
    above = {"C1": "S1", "C2": "S1", "C3": "S2", "C4": "S2"}
    for at, land in cells.items():
        found["grid", f"{at[0]}{at[1]}"] = _community(at), land
    for code, parent in above.items():
        own = [land for at, land in cells.items() if _community(at) == code]
        found["community", code] = parent, shapely.coverage_union_all(own)
    for code in ("S1", "S2"):
        own = [land for at, land in cells.items() if above[_community(at)] == code]
        found["subdistrict", code] = "D", shapely.coverage_union_all(own)
    found["district", "D"] = None, shapely.coverage_union_all(list(cells.values()))
    return found


def _many(land: BaseGeometry) -> shapely.MultiPolygon:
    """Return land as it is stored."""
    return shapely.MultiPolygon(shapely.get_parts(land).tolist())


async def build(engine: AsyncEngine) -> None:
    """Put the town into a database: edition 2 changes the name of grid 00, and nothing else."""
    drawn = units()
    async with engine.begin() as connection:
        for number, day in EDITIONS.items():
            values = {"number": number, "effective_on": day, "published_by": "town hall"}
            await connection.execute(insert(Edition).values(values))
        for level in LEVELS:
            await connection.execute(insert(EditionLevel).values(number=1, level=level))
        whole = _many(drawn["district", "D"][1])
        row = {
            "geom": stored(whole),
            "chain": int(chains(array_of([whole]))[0]),
            "lon0": LON,
            "lat0": LAT,
            "first_edition": 1,
        }
        await connection.execute(insert(Outline).values(row))
        for (level, code), (parent, land) in drawn.items():
            shape = _many(land)
            values = {
                "level": level,
                "code": code,
                "name": f"{level} {code}",
                "parent_code": parent,
                "geom": stored(shape),
                "chain": int(chains(array_of([shape]))[0]),
                "area_m2": 1.0,
                "since_edition": 1,
                "drawn_edition": 1,
                "first_edition": 1,
            }
            if (level, code) == ("grid", "00"):
                await connection.execute(insert(Unit).values(values | {"last_edition": 1}))
                values |= {"name": "北京路网格", "since_edition": 2, "first_edition": 2}
            await connection.execute(insert(Unit).values(values))
        tally = {"level": "grid", "code": "00", "people": 9, "first_edition": 1}
        await connection.execute(insert(UnitTally).values(tally | {"households": 4}))
