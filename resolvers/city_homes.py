"""The homes of one edition as arrays: who lives there, and in which unit of each level."""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import shapely

from geo.headcount import Heads
from geo.levels import Tiling
from resolvers.branches import branches
from storage import circle_homes
from storage.engine import as_geoms

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from geo.levels import LevelSpec
    from resolvers.context import Context
    from storage.circle_homes import HomeRows, StandingUnit


@dataclass(frozen=True, eq=False)
class LevelHomes:
    """The u units of a level, and which of them each of n homes is in.

    Attributes
    ----------
    codes
        In order.
    parent
        Number of the unit above each one, among those of the level above; shape (u,), -1 for none.
    unit
        Number of each home's unit, shape (n,); -1 for none.
    """

    codes: tuple[str, ...]
    parent: NDArray[np.int32]
    unit: NDArray[np.int32]

    def number(self, code: str) -> int | None:
        """Return the number of the unit of a code."""
        at = bisect_left(self.codes, code)
        return at if at < len(self.codes) and self.codes[at] == code else None


@dataclass(frozen=True, eq=False)
class Homes:
    """The n addresses of an edition.

    Attributes
    ----------
    lonlat
        Degrees (WGS 84), shape (n, 2).
    heads
        Who lives there.
    levels
        By key, every level on which units stand.
    compounds
        Codes that addresses name, or of units that they lie in, of levels that do not tile.
    compound
        Index into them, shape (n,); -1 for none.
    walls, wall_codes
        The land of the units of these levels, in degrees, and their codes.
    """

    edition: int
    lonlat: NDArray[np.float64]
    heads: Heads
    levels: Mapping[str, LevelHomes]
    compounds: tuple[str, ...]
    compound: NDArray[np.int32]
    walls: NDArray[np.object_]
    wall_codes: tuple[str, ...]

    def __len__(self) -> int:
        """Return the number of addresses."""
        return len(self.lonlat)

    @property
    def nbytes(self) -> int:
        """About the memory that it takes."""
        by_level = sum(level.unit.nbytes + 100 * len(level.codes) for level in self.levels.values())
        land = 16 * int(shapely.get_num_coordinates(self.walls).sum())
        return self.lonlat.nbytes + self.heads.nbytes + by_level + self.compound.nbytes + land


async def read_homes(context: Context, edition: int) -> Homes:
    """Read the homes of an edition; the arrays are made beside the event loop."""
    specs = (await context.tree()).specs
    disjoint = [spec.key for spec in specs if spec.tiling is Tiling.DISJOINT]
    rows, places, units, lands = await asyncio.gather(
        context.ask(circle_homes.homes, edition),
        context.ask(circle_homes.places, edition),
        context.ask(circle_homes.standing_units, edition),
        context.ask(circle_homes.lands, edition, disjoint),
    )
    return await asyncio.to_thread(
        _arranged, edition, specs, rows, places=places, units=units, lands=lands
    )


def _arranged(
    edition: int,
    specs: Sequence[LevelSpec],
    rows: HomeRows,
    *,
    places: NDArray[np.int64],
    units: Sequence[StandingUnit],
    lands: Sequence[tuple[int, bytes]],
) -> Homes:
    by_level: dict[str, list[StandingUnit]] = {}
    for one in units:
        by_level.setdefault(one.level, []).append(one)
    levels = _by_parents(specs, by_level, len(rows.row_id))
    _settle(specs, by_level, levels, rows, places)
    geoms = as_geoms([wkb for _, wkb in lands])
    land_of = dict(zip((row_id for row_id, _ in lands), geoms, strict=True))
    spots = np.asarray(shapely.points(rows.lonlat), dtype=object)
    compounds, compound = list(rows.compounds), rows.compound.copy()
    walls, wall_codes = list[shapely.Geometry](), list[str]()
    for spec in specs:
        if spec.tiling is not Tiling.DISJOINT or spec.key not in by_level:
            continue
        drawn = [land_of[one.row_id] for one in by_level[spec.key]]
        level = levels[spec.key]
        named = np.array([level.number(code) or 0 for code in rows.compounds] or [0], np.int32)
        stands = np.array([level.number(code) is not None for code in rows.compounds] or [False])
        by_name = (rows.compound >= 0) & stands[rows.compound]
        level.unit[:] = np.where(by_name, named[rows.compound], _touched(spots, drawn))
        compound = _with_walls(level, compounds, compound)
        walls += drawn
        wall_codes += level.codes
    land = np.empty(len(walls), object)
    land[:] = walls
    heads = Heads(rows.households, rows.people, rows.groups, rows.group_people)
    return Homes(
        edition, rows.lonlat, heads, levels, tuple(compounds), compound, land, tuple(wall_codes)
    )


def _by_parents(
    specs: Sequence[LevelSpec], by_level: Mapping[str, Sequence[StandingUnit]], homes: int
) -> dict[str, LevelHomes]:
    """Return the levels with their units and parents, and no home in any of them yet."""
    levels: dict[str, LevelHomes] = {}
    numbers: dict[str, dict[str, int]] = {}
    for spec in specs:  # parents come first
        some = by_level.get(spec.key)
        if not some:
            continue
        numbers[spec.key] = {one.code: n for n, one in enumerate(some)}
        above = numbers.get(spec.parent or "", {})
        parents = [above.get(one.parent_code or "", -1) for one in some]
        nowhere = np.full(homes, -1, np.int32)
        codes = tuple(one.code for one in some)
        levels[spec.key] = LevelHomes(codes, np.array(parents, np.int32), nowhere)
    return levels


def _settle(
    specs: Sequence[LevelSpec],
    by_level: Mapping[str, Sequence[StandingUnit]],
    levels: Mapping[str, LevelHomes],
    rows: HomeRows,
    places: NDArray[np.int64],
) -> None:
    """Write down which units of tiling levels the homes are in: their own, and those above it."""
    places = places[np.isin(places[:, 0], rows.row_id)]
    home = np.searchsorted(rows.row_id, places[:, 0])
    for branch in branches(specs, levels):
        below: LevelHomes | None = None
        for key in reversed(branch):
            level = levels[key]
            row_ids = np.array([one.row_id for one in by_level[key]])
            order = np.argsort(row_ids)
            at = np.searchsorted(row_ids, places[:, 1], sorter=order).clip(max=len(order) - 1)
            number = order[at]
            here = row_ids[number] == places[:, 1]
            level.unit[home[here]] = number[here]
            if below is not None:
                inside = np.flatnonzero(below.unit >= 0)
                level.unit[inside] = below.parent[below.unit[inside]]
            below = level


def _touched(spots: NDArray[np.object_], drawn: Sequence[shapely.Geometry]) -> NDArray[np.int32]:
    """Return the first of some polygons that touches each point, shape (n,); -1 for none."""
    found = np.full(len(spots), -1, np.int32)
    point, polygon = shapely.STRtree(drawn).query(spots, predicate="intersects")
    order = np.lexsort((-polygon, point))  # the first polygon is written last
    found[point[order]] = polygon[order]
    return found


def _with_walls(
    level: LevelHomes, compounds: list[str], compound: NDArray[np.int32]
) -> NDArray[np.int32]:
    """Return the compounds of homes, those that name none being in the one that they lie in."""
    known = {code: n for n, code in enumerate(compounds)}
    for code in level.codes:
        known.setdefault(code, len(known))
    compounds[:] = list(known)
    number = np.array([known[code] for code in level.codes], np.int32)
    unnamed = (compound < 0) & (level.unit >= 0)
    return np.where(unnamed, number[level.unit], compound).astype(np.int32)
