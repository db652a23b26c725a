"""Squares and addresses drawn into the tables, for tests of what is stored."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, NamedTuple

from geoalchemy2.shape import from_shape
from shapely import MultiPolygon, Point, box
from sqlalchemy import and_, insert, or_, select, update

from geo.levels import LevelSpec, Tiling
from storage import editions
from storage.levels import replace_levels
from storage.models import SRID, Address, AddressPlace, Unit, UnitTally

if TYPE_CHECKING:
    from collections.abc import Mapping

    from geoalchemy2 import WKBElement
    from sqlalchemy import ColumnElement
    from sqlalchemy.ext.asyncio import AsyncConnection

DAY = dt.date(2026, 1, 1)
Box = tuple[float, float, float, float]
LEVELS = (
    LevelSpec("district", "区县", None, Tiling.TILES, 0),
    LevelSpec("community", "社区", "district", Tiling.TILES, 1),
    LevelSpec("grid", "网格", "community", Tiling.TILES, 2),
    LevelSpec("police", "警务", "community", Tiling.TILES, 3),
    LevelSpec("compound", "小区", "community", Tiling.DISJOINT, 4),
)


class Tally(NamedTuple):
    """What a unit counts."""

    households: int
    people: int
    groups: dict[str, int]


async def lay_levels(connection: AsyncConnection) -> None:
    """Let the levels be those above: two partitions side by side, and compounds."""
    await replace_levels(connection, LEVELS)


async def open_next(connection: AsyncConnection, *levels: str) -> int:
    """Open the next edition, on the same day as all others."""
    return await editions.open_edition(
        connection, effective_on=DAY, published_by="test", levels=levels
    )


def square(west: float, south: float, east: float, north: float) -> WKBElement:
    """Return a rectangle as the column of a unit takes it."""
    return from_shape(MultiPolygon([box(west, south, east, north)]), srid=SRID)


async def draw(
    connection: AsyncConnection,
    edition: int,
    level: str,
    units: Mapping[str, Box],
    *,
    parent: str | None = None,
) -> None:
    """Put rectangles on a level, from ``edition`` on; chains and areas are not looked at."""
    rows = [
        {
            "level": level,
            "code": code,
            "name": code,
            "parent_code": parent,
            "geom": square(*sides),
            "chain": 0,
            "area_m2": 1.0,
            "since_edition": edition,
            "drawn_edition": edition,
            "first_edition": edition,
        }
        for code, sides in units.items()
    ]
    await connection.execute(insert(Unit), rows)


async def take_away(connection: AsyncConnection, edition: int, level: str, *codes: str) -> None:
    """Let units stand until the edition before ``edition``."""
    await connection.execute(
        update(Unit)
        .where(Unit.level == level, Unit.code.in_(codes), Unit.last_edition.is_(None))
        .values(last_edition=edition - 1)
    )


async def settle(
    connection: AsyncConnection,
    edition: int,
    places: Mapping[str, tuple[float, float]],
    *,
    people: int = 3,
    groups: Mapping[str, int] | None = None,
    compound: str | None = None,
) -> None:
    """Put addresses of one household each, from ``edition`` on."""
    rows = [
        {
            "key": key,
            "geom": from_shape(Point(place), srid=SRID),
            "households": 1,
            "people": people,
            "groups": dict(groups or {}),
            "compound_code": compound,
            "first_edition": edition,
        }
        for key, place in places.items()
    ]
    await connection.execute(insert(Address), rows)


async def tallies_of(connection: AsyncConnection, edition: int, *levels: str) -> dict[str, Tally]:
    """Return by code what the units of ``levels`` count in an edition."""
    query = (
        select(UnitTally.code, UnitTally.households, UnitTally.people, UnitTally.groups)
        .where(UnitTally.level.in_(levels), _stands(UnitTally, edition))
        .order_by(UnitTally.code)
    )
    return {row.code: Tally(*row[1:]) for row in await connection.execute(query)}


async def places_of(connection: AsyncConnection, edition: int) -> set[tuple[str, str, str | None]]:
    """Return (address, level, code) for every place that is written down in an edition."""
    query = (
        select(Address.key, AddressPlace.level, AddressPlace.code)
        .join(Address, Address.row_id == AddressPlace.address_row)
        .where(_stands(AddressPlace, edition))
    )
    return {(key, level, code) for key, level, code in await connection.execute(query)}


def _stands(table: type[UnitTally | AddressPlace], edition: int) -> ColumnElement[bool]:
    last = table.last_edition
    return and_(table.first_edition <= edition, or_(last.is_(None), last >= edition))
