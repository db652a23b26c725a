"""Service points as they stand on a day: by key, by id, in pages, and below units."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from sqlalchemy import (
    ColumnElement,
    Text,
    and_,
    func,
    or_,
    select,
    true,
)
from sqlalchemy import cast as sql_cast

from storage.circle_models import Facility, FacilityStamp
from storage.facility_ground import Inside, lies_inside
from storage.units import like_pattern, texts

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from numpy.typing import NDArray
    from sqlalchemy.ext.asyncio import AsyncConnection

    from storage.circle_models import Programme
    from storage.units import Query

Day = dt.date


class FacilityRow(NamedTuple):
    """A service point, as it stands from ``since`` until the day before ``until``."""

    row_id: int
    key: str
    kind: str
    name: str
    lon: float
    """Degrees (WGS 84)."""
    lat: float
    floor_area_m2: float | None
    rooms: tuple[str, ...]
    opening_hours: str | None
    """In OpenStreetMap's syntax, as it was given."""
    compound_code: str | None
    properties: str
    """JSON text."""
    since: Day
    until: Day | None
    """The first day on which it stands so no more; None: it still does."""


class FacilityArrays(NamedTuple):
    """The service points of a day, column by column, k of them by key."""

    row_id: NDArray[np.int64]
    """Shape (k,)."""
    key: list[str]
    kind: list[str]
    lonlat: NDArray[np.float64]
    """Degrees (WGS 84), shape (k, 2)."""
    compound_code: list[str | None]


class Failing(NamedTuple):
    """Which service points fail a rule: those of ``kinds`` that lack one of what is given."""

    kinds: tuple[str, ...]
    area_m2: float | None = None
    """The least floor area."""
    room: str | None = None
    """A room, in small letters with ``_`` between words."""
    rooms: int | None = None
    """The least number of rooms."""
    hours: tuple[str, ...] | None = None
    """Opening hours that keep the rule; all others do not."""


class FacilityFilter(NamedTuple):
    """Which service points of a day: those that fulfil everything that is given."""

    day: Day
    kinds: tuple[str, ...] | None = None
    inside: Inside | None = None
    areas: tuple[str, ...] | None = None
    """WKT polygons in WGS 84; the point lies in one of them or on its border."""
    search: str | None = None
    """A part of key, name or pinyin, in small letters."""
    hours: tuple[str, ...] | None = None
    """Only with these opening hours."""
    failing: Failing | None = None


def standing_on(
    rows: type[Facility] | type[Programme], day: Day | ColumnElement[Day]
) -> ColumnElement[bool]:
    """Return the condition that a row stands on a day."""
    return and_(rows.since <= day, or_(rows.until.is_(None), rows.until > day))


def columns(*, as_text: bool = True) -> Query:
    """Return the query for the columns of ``FacilityRow``, with its properties as text or not."""
    geom = Facility.__table__.c.geom
    return select(
        Facility.row_id,
        Facility.key,
        Facility.kind,
        Facility.name,
        func.ST_X(geom),
        func.ST_Y(geom),
        Facility.floor_area_m2,
        Facility.rooms,
        Facility.opening_hours,
        Facility.compound_code,
        sql_cast(Facility.properties, Text) if as_text else Facility.properties,
        Facility.since,
        Facility.until,
    )


def row_of(values: Sequence[Any]) -> FacilityRow:
    """Return the row of the columns that a query gave."""
    row = FacilityRow._make(values)
    return row._replace(rooms=tuple(row.rooms))


async def page(
    connection: AsyncConnection, which: FacilityFilter, *, first: int, after: str | None = None
) -> list[FacilityRow]:
    """Return up to ``first`` service points after the key ``after``, by key."""
    query = matching(columns(), which)
    if after is not None:
        query = query.where(Facility.key > after)
    rows = await connection.execute(query.order_by(Facility.key).limit(first))
    return [row_of(row) for row in rows]


async def count(connection: AsyncConnection, which: FacilityFilter) -> int:
    """Return how many service points a filter finds."""
    query = matching(select(func.count()).select_from(Facility), which)
    return (await connection.scalar(query)) or 0


async def hours_of(connection: AsyncConnection, day: Day, kinds: Sequence[str] | None) -> list[str]:
    """Return the opening hours that service points of a day have, each once.

    No limit: each is to be judged. There are some dozens in a city, as shops agree on them.
    """
    query = select(Facility.opening_hours).where(
        standing_on(Facility, day), Facility.opening_hours.is_not(None)
    )
    if kinds is not None:
        query = query.where(Facility.kind == func.any(texts(kinds)))
    return [str(hours) for hours in await connection.scalars(query.distinct())]


async def by_keys(
    connection: AsyncConnection, day: Day, keys: Collection[str]
) -> dict[str, FacilityRow]:
    """Return the service points of a day that have the keys; index ``facility_one_row_a_day``."""
    asked = Facility.key == func.any(texts(list(keys)))
    rows = await connection.execute(columns().where(asked, standing_on(Facility, day)))
    return {row[1]: row_of(row) for row in rows}


async def latest(connection: AsyncConnection, key: str, day: Day) -> FacilityRow | None:
    """Return how a service point stands on a day, or stood or will stand next to it.

    Later states go before those that are over; index ``facility_one_row_a_day``.
    """
    query = columns().where(Facility.key == key)
    over = Facility.until <= day
    query = query.order_by(func.coalesce(over, False), func.abs(Facility.since - day))
    row = (await connection.execute(query.limit(1))).first()
    return row_of(row) if row is not None else None


async def by_rows(connection: AsyncConnection, row_ids: Collection[int]) -> dict[int, FacilityRow]:
    """Return states of service points by their numbers, those that are over, too."""
    rows = await connection.execute(columns().where(Facility.row_id.in_(row_ids)))
    return {row[0]: row_of(row) for row in rows}


async def standing(
    connection: AsyncConnection, day: Day, *, kinds: Collection[str] | None = None
) -> FacilityArrays:
    """Return all service points of a day as arrays, by key.

    Parameters
    ----------
    kinds
        Only of these kinds; index ``facility_kind_key``. None for all.

    Notes
    -----
    No limit: whoever walks to them needs every one.
    """
    geom = Facility.__table__.c.geom
    query = select(
        Facility.row_id,
        Facility.key,
        Facility.kind,
        func.ST_X(geom),
        func.ST_Y(geom),
        Facility.compound_code,
    ).where(standing_on(Facility, day))
    if kinds is not None:
        query = query.where(Facility.kind == func.any(texts(list(kinds))))
    rows = (await connection.execute(query.order_by(Facility.key))).all()
    return FacilityArrays(
        row_id=np.fromiter((row[0] for row in rows), np.int64, len(rows)),
        key=[row[1] for row in rows],
        kind=[row[2] for row in rows],
        lonlat=np.array([row[3:5] for row in rows], np.float64).reshape(-1, 2),
        compound_code=[row[5] for row in rows],
    )


async def stamp(connection: AsyncConnection) -> int:
    """Return a number that grows with every change of a service point, a kind or a programme.

    Whoever keeps something that is made of them asks for it first, and reads them then: a change
    between the two makes the next one read again.
    """
    return (await connection.scalar(select(FacilityStamp.stamp))) or 0


def matching(query: Query, which: FacilityFilter) -> Query:
    """Keep the service points that a filter names.

    Leans on ``facility_kind_key``, ``facility_geom`` and ``facility_search`` for what is given.
    """
    query = query.where(standing_on(Facility, which.day))
    if which.kinds is not None:
        query = query.where(Facility.kind == func.any(texts(which.kinds)))
    if which.inside is not None:
        query = query.where(lies_inside(which.inside))
    if which.areas is not None:
        geom = Facility.__table__.c.geom
        areas = [func.ST_GeomFromText(wkt, 4326) for wkt in which.areas]
        query = query.where(or_(*(func.ST_Intersects(geom, area) for area in areas)))
    if which.search:
        query = query.where(Facility.search_text.ilike(like_pattern(which.search), escape="\\"))
    if which.hours is not None:
        query = query.where(Facility.opening_hours == func.any(texts(which.hours)))
    if which.failing is not None:
        query = query.where(_fails(which.failing))
    return query


def _fails(rule: Failing) -> ColumnElement[bool]:
    """Return the condition that a rule is not kept; what is not known keeps none."""
    lacking: list[ColumnElement[bool]] = []
    if rule.area_m2 is not None:
        lacking.append(func.coalesce(Facility.floor_area_m2, -1.0) < rule.area_m2)
    if rule.room is not None:
        has = func.unnest(Facility.rooms).column_valued("room")
        word = func.regexp_replace(func.lower(func.btrim(has)), r"[\s_-]+", "_", "g")
        lacking.append(~select(true()).where(word == rule.room).exists())
    if rule.rooms is not None:
        lacking.append(func.cardinality(Facility.rooms) < rule.rooms)
    if rule.hours is not None:
        keeps = Facility.opening_hours == func.any(texts(rule.hours))
        lacking.append(~func.coalesce(keeps, False))
    return and_(Facility.kind == func.any(texts(rule.kinds)), or_(*lacking))
