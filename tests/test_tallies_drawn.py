"""Random towns, published bit by bit: the database counts as a plain loop in Python does."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import TYPE_CHECKING, NamedTuple

import pytest

from storage.tallies import refresh
from tests.ground import (
    Box,
    Tally,
    draw,
    lay_levels,
    open_next,
    places_of,
    settle,
    take_away,
    tallies_of,
)

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

pytestmark = [pytest.mark.anyio, pytest.mark.postgis]

SIDE = 4
"""Two by two communities of two by two grids each, with sides of 1: borders at whole numbers."""
TILES = ("district", "community", "grid", "police")


Places = set[tuple[str, str, str | None]]


class Standing(NamedTuple):
    """A unit as it is drawn."""

    level: str
    code: str
    parent: str | None
    box: Box


class Town(NamedTuple):
    """What stands: units by (level, code), addresses by key."""

    units: dict[tuple[str, str], Standing]
    addresses: dict[str, tuple[float, float]]


def touches(box: Box, place: tuple[float, float]) -> bool:
    west, south, east, north = box
    return west <= place[0] <= east and south <= place[1] <= north


def expected(town: Town) -> tuple[Places, dict[str, Tally]]:
    """Say where the addresses lie and what the units count, one by one."""
    standing = {unit.level for unit in town.units.values()}
    # The police has a branch of its own beside grids, and stands in for them where there are none.
    branches = [["district", "community", "grid" if "grid" in standing else "police"]]
    if {"grid", "police"} <= standing:
        branches.append(["police"])
    places: Places = set()
    counts: Counter[tuple[str, str]] = Counter()
    for branch in branches:
        levels = [level for level in branch if level in standing]
        for key, place in town.addresses.items():
            unit = lowest_leaf(town, levels, place)
            if unit is not None:
                places.add((key, unit.level, unit.code))
            if unit is None or unit.level != levels[-1]:
                places.add((key, levels[-1], None))
            while unit is not None and unit.level in levels:
                counts[unit.level, unit.code] += 1
                above = levels[levels.index(unit.level) - 1]
                unit = town.units.get((above, unit.parent or ""))
    tallies = {
        f"{level} {code}": Tally(count, 3 * count, {"pupil": count})
        for (level, code), count in counts.items()
    }
    return places, tallies


def lowest_leaf(town: Town, levels: list[str], place: tuple[float, float]) -> Standing | None:
    """Return the unit that an address lies in, on a branch from its highest to its lowest level."""
    lower = [None, *reversed(levels)]
    for heir, level in zip(lower, reversed(levels), strict=False):
        built_on = {unit.parent for unit in town.units.values() if unit.level == heir}
        touched = [
            unit
            for unit in town.units.values()
            if unit.level == level and unit.code not in built_on and touches(unit.box, place)
        ]
        if touched:
            return min(touched, key=lambda unit: unit.code.encode())
    return None


async def found(connection: AsyncConnection, edition: int) -> tuple[Places, dict[str, Tally]]:
    tallies = {}
    for level in TILES:
        for code, tally in (await tallies_of(connection, edition, level)).items():
            tallies[f"{level} {code}"] = tally
    return await places_of(connection, edition), tallies


def spots(random: Random, count: int, prefix: str) -> dict[str, tuple[float, float]]:
    """Return places on a lattice of halves: a quarter inside, the others on borders or outside."""
    steps = range(-1, 2 * SIDE + 2)
    return {
        f"{prefix}{n}": (random.choice(steps) / 2, random.choice(steps) / 2) for n in range(count)
    }


def cells(level: str, parent: Standing, random: Random) -> list[Standing]:
    """Return units that fill ``parent``: four squares, or two halves; codes in no order."""
    west, south, east, north = parent.box
    middle, height = (west + east) / 2, (south + north) / 2
    boxes = random.choice(
        [
            [(west, south, middle, north), (middle, south, east, north)],
            [
                (west, south, middle, height),
                (middle, south, east, height),
                (west, height, middle, north),
                (middle, height, east, north),
            ],
        ]
    )
    codes = random.sample([f"{char}{random.randrange(1000)}" for char in "aBz0网_"], len(boxes))
    return [
        Standing(level, f"{code}{parent.code}", parent.code, box)
        for code, box in zip(codes, boxes, strict=True)
    ]


async def redraw(
    connection: AsyncConnection, edition: int, town: Town, random: Random
) -> tuple[str, Box]:
    """Draw one level on one community anew, or take it away; return the level and where."""
    communities = [unit for unit in town.units.values() if unit.level == "community"]
    on = random.choice(communities)
    level = random.choice(["grid", "grid", "police"])
    old = [unit for unit in town.units.values() if (unit.level, unit.parent) == (level, on.code)]
    for unit in old:
        del town.units[unit.level, unit.code]
    if old:
        await take_away(connection, edition, level, *(unit.code for unit in old))
    if not old or random.random() < 0.6:
        new = cells(level, on, random)
        await draw(connection, edition, level, {u.code: u.box for u in new}, parent=on.code)
        town.units.update({(unit.level, unit.code): unit for unit in new})
    return level, on.box


@pytest.mark.parametrize("few", [0, 2000])
@pytest.mark.parametrize("seed", range(8))
async def test_a_town_published_bit_by_bit_is_counted_as_one_by_one(
    engine: AsyncEngine, seed: int, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.tallies.FEW", few)  # both ways of finding the places
    random = Random(seed)  # noqa: S311 - a drawn town
    town = Town({}, {})
    async with engine.begin() as connection:
        await lay_levels(connection)
        first = await open_next(connection)
        district = Standing("district", "D", None, (0, 0, SIDE, SIDE))
        communities = cells("community", district, random)
        await draw(connection, first, "district", {"D": district.box})
        sides = {unit.code: unit.box for unit in communities}
        await draw(connection, first, "community", sides, parent="D")
        town.units.update({(u.level, u.code): u for u in [district, *communities]})
        town.addresses.update(spots(random, 40, "k"))
        await settle(connection, first, town.addresses, groups={"pupil": 1})
        await refresh(connection, first, levels=None, boxes=None)
        history = {first: expected(town)}

        for _ in range(6):
            edition = await open_next(connection)
            level, box = await redraw(connection, edition, town, random)
            if random.random() < 0.3:
                settled = spots(random, 5, f"e{edition}-")
                await settle(connection, edition, settled, groups={"pupil": 1})
                town.addresses.update(settled)
                around = [(x, y, x, y) for x, y in settled.values()]
                await refresh(connection, edition, levels=None, boxes=[box, *around])
            else:
                await refresh(connection, edition, levels=[level], boxes=[box])
            history[edition] = expected(town)

        for edition, wanted in history.items():
            places, tallies = await found(connection, edition)
            assert places == wanted[0], f"edition {edition}"
            assert tallies == wanted[1], f"edition {edition}"
