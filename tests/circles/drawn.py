"""Small worlds drawn in metres into the tables: streets, homes, units and service points."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from geoalchemy2.shape import from_shape
from shapely import MultiPolygon, Point, Polygon
from sqlalchemy import insert

from geo.crs import LocalMetric, round9
from geo.street_building import Ways, build_streets
from resolvers.streets import street_rows
from storage import streets, tallies
from storage.circle_models import Facility
from storage.models import SRID, Address, Edition, Outline, Unit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from geoalchemy2 import WKBElement
    from shapely.geometry.base import BaseGeometry
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

PLANE = LocalMetric(104.0, 38.0)
DAY = dt.date(2026, 1, 1)
LONG_AGO = dt.date(2020, 1, 1)

Box = tuple[float, float, float, float]
Spot = tuple[float, float]
Line = tuple[Spot, ...]


@dataclass(frozen=True)
class House:
    """An address."""

    key: str
    place: Spot
    households: int = 1
    people: int = 2
    groups: dict[str, int] = field(default_factory=dict)
    compound: str | None = None


@dataclass(frozen=True)
class Stand:
    """A service point."""

    key: str
    place: Spot
    kind: str = "station"
    compound: str | None = None
    since: dt.date = LONG_AGO
    until: dt.date | None = None


@dataclass(frozen=True)
class Land:
    """A unit, as a box of metres."""

    level: str
    code: str
    parent: str | None
    box: Box
    properties: dict[str, Any] = field(default_factory=dict)


def lonlat(places: Sequence[Spot]) -> list[Spot]:
    """Return the degrees of places in metres, as they are stored."""
    degrees = round9(PLANE.inverse(np.array(places, np.float64).reshape(-1, 2)))
    return [(lon, lat) for lon, lat in degrees.tolist()]


def asked(place: Spot) -> dict[str, float]:
    """Return a place as a question names it."""
    lon, lat = lonlat([place])[0]
    return {"lon": lon, "lat": lat}


async def build(
    engine: AsyncEngine,
    *,
    lands: Sequence[Land],
    houses: Sequence[House] = (),
    points: Sequence[Stand] = (),
    ways: Sequence[Line] = (),
) -> None:
    """Draw a world as edition 1 of ``DAY``."""
    async with engine.begin() as connection:
        await connection.execute(
            insert(Edition).values(number=1, effective_on=DAY, published_by="town hall")
        )
        top = _polygon(lands[0].box)
        await connection.execute(
            insert(Outline).values(
                geom=_stored(top), chain=0, lon0=PLANE.lon0, lat0=PLANE.lat0, first_edition=1
            )
        )
        for land in lands:
            await _add_land(connection, land)
        for house in houses:
            await _add_house(connection, house)
        await tallies.refresh(connection, 1, levels=None, boxes=None)
        for point in points:
            await add_point(connection, point)
        if ways:
            await add_streets(connection, ways)


async def add_streets(connection: AsyncConnection, ways: Sequence[Line]) -> None:
    """Load a network of lines in metres, which meet where they share a vertex."""
    degrees = np.array([spot for way in ways for spot in lonlat(way)])
    start = np.cumsum([0, *(len(way) for way in ways)])
    none = [None] * len(ways)
    built = build_streets(Ways(start.astype(np.int64), degrees, None, none, none))
    await streets.store(connection, street_rows(built), source={}, loaded_by="tester")


async def add_point(connection: AsyncConnection, point: Stand) -> None:
    """Let a service point stand."""
    await connection.execute(
        insert(Facility).values(
            key=point.key,
            kind=point.kind,
            name=point.key,
            geom=_stored(Point(*lonlat([point.place])[0])),
            compound_code=point.compound,
            since=point.since,
            until=point.until,
            changed_by="tester",
        )
    )


async def _add_land(connection: AsyncConnection, land: Land) -> None:
    west, south, east, north = land.box
    await connection.execute(
        insert(Unit).values(
            level=land.level,
            code=land.code,
            name=land.code,
            parent_code=land.parent,
            geom=_stored(_polygon(land.box)),
            chain=0,
            area_m2=(east - west) * (north - south),
            properties=land.properties,
            since_edition=1,
            drawn_edition=1,
            first_edition=1,
        )
    )


async def _add_house(connection: AsyncConnection, house: House) -> None:
    await connection.execute(
        insert(Address).values(
            key=house.key,
            geom=_stored(Point(*lonlat([house.place])[0])),
            households=house.households,
            people=house.people,
            groups=house.groups,
            compound_code=house.compound,
            first_edition=1,
        )
    )


def _polygon(box: Box) -> MultiPolygon:
    west, south, east, north = box
    corners = [(west, south), (east, south), (east, north), (west, north)]
    return MultiPolygon([Polygon(lonlat(corners))])


def _stored(geometry: BaseGeometry) -> WKBElement:
    return from_shape(geometry, srid=SRID)
