"""What the database itself refuses, whoever writes."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any

import pytest
from geoalchemy2.shape import from_shape
from shapely import Point
from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError

from storage.models import (
    SRID,
    Address,
    AddressPlace,
    ApiKey,
    Draft,
    Edition,
    Level,
    Outline,
    Unit,
    UnitTally,
)
from tests.ground import square

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

    from storage.models import Base

pytestmark = [pytest.mark.anyio, pytest.mark.postgis]

Row = dict[str, Any]  # of any table
Editions = tuple[int, int | None]
MakeRow = Callable[[int, int | None], Row]


def unit(first: int, last: int | None, **other: object) -> Row:
    return {
        "level": "grid",
        "code": "g1",
        "name": "一",
        "geom": square(0, 0, 1, 1),
        "chain": 0,
        "area_m2": 1.0,
        "since_edition": first,
        "drawn_edition": first,
        "first_edition": first,
        "last_edition": last,
    } | other


def address(first: int, last: int | None, **other: object) -> Row:
    return {
        "key": "k1",
        "geom": from_shape(Point(0, 0), srid=SRID),
        "households": 1,
        "people": 1,
        "first_edition": first,
        "last_edition": last,
    } | other


def tally(first: int, last: int | None) -> Row:
    counts = {"level": "grid", "code": "g1", "households": 1, "people": 1}
    return counts | {"first_edition": first, "last_edition": last}


def outline(first: int, last: int | None) -> Row:
    ground = {"geom": square(0, 0, 1, 1), "chain": 0, "lon0": 0.5, "lat0": 0.5}
    return ground | {"first_edition": first, "last_edition": last}


def place(first: int, last: int | None) -> Row:
    return {
        "address_row": 1,
        "level": "grid",
        "code": "g1",
        "first_edition": first,
        "last_edition": last,
    }


VERSIONED = [
    pytest.param(Unit, unit, id="unit"),
    pytest.param(Address, address, id="address"),
    pytest.param(UnitTally, tally, id="tally"),
    pytest.param(Outline, outline, id="outline"),
    pytest.param(AddressPlace, place, id="place"),
]


@pytest.fixture
async def connection(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """Give a connection on a database with editions 1 to 5 and address row 1."""
    async with engine.begin() as opened:
        days = [dt.date(2026, 1, day) for day in range(1, 6)]
        editions = [
            {"number": number, "effective_on": day, "published_by": "test"}
            for number, day in enumerate(days, start=1)
        ]
        await opened.execute(insert(Edition), editions)
        await opened.execute(insert(Address).values(address(1, None, key="k0")))
        yield opened


@pytest.mark.parametrize(("table", "row"), VERSIONED)
@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param((1, None), (2, None), id="both stand"),
        pytest.param((1, 3), (3, 5), id="they share edition 3"),
        pytest.param((1, 5), (2, 3), id="one within the other"),
        pytest.param((1, 3), (2, None), id="one stands, the other ended after it began"),
        pytest.param((2, 2), (2, 2), id="the same edition"),
    ],
)
async def test_two_rows_of_one_thing_in_one_edition_are_refused(
    connection: AsyncConnection, table: type[Base], row: MakeRow, one: Editions, other: Editions
) -> None:
    await connection.execute(insert(table).values(row(*one)))

    with pytest.raises(IntegrityError):
        await connection.execute(insert(table).values(row(*other)))


@pytest.mark.parametrize(("table", "row"), VERSIONED)
async def test_versions_one_after_the_other_are_welcome(
    connection: AsyncConnection, table: type[Base], row: MakeRow
) -> None:
    rows = [row(1, 1), row(2, 3), row(4, None)]
    await connection.execute(insert(table), rows)

    stored = await connection.execute(select(table))
    spans = {(found.first_edition, found.last_edition) for found in stored}
    assert spans >= {(1, 1), (2, 3), (4, None)}


@pytest.mark.parametrize(
    ("table", "row"),
    [
        pytest.param(Unit, unit(3, 2), id="a unit that ends before it begins"),
        pytest.param(Unit, unit(1, None, code=""), id="a unit without a code"),
        pytest.param(Unit, unit(1, None, level="nowhere"), id="a unit of no level"),
        pytest.param(Unit, unit(9, None), id="a unit of no edition"),
        pytest.param(Unit, unit(1, None, since_edition=2), id="a version that begins later"),
        pytest.param(Unit, unit(1, None, since_edition=0), id="a version of before all editions"),
        pytest.param(Unit, unit(1, None, drawn_edition=2), id="a unit that is drawn later"),
        pytest.param(Unit, unit(1, None, drawn_edition=0), id="a unit drawn before all editions"),
        pytest.param(Address, address(1, None, households=-1), id="fewer than no households"),
        pytest.param(Address, address(1, None, people=-1), id="fewer than no people"),
        pytest.param(
            Edition,
            {"number": 0, "effective_on": dt.date(2026, 1, 1), "published_by": "test"},
            id="edition 0",
        ),
        pytest.param(
            Level,
            {"key": "world", "name": "w", "parent": None, "tiling": "TILES", "rank": 9},
            id="a second topmost level",
        ),
        pytest.param(
            Level,
            {"key": "plot", "name": "p", "parent": "grid", "tiling": "LOOSE", "rank": 9},
            id="an unknown tiling",
        ),
        pytest.param(
            Draft,
            {"status": "PUBLISHED", "level": "grid", "source": {}, "created_by": "test"},
            id="a draft published as nothing",
        ),
        pytest.param(
            Draft,
            {"status": "LOST", "level": "grid", "source": {}, "created_by": "test"},
            id="a draft of no status",
        ),
        pytest.param(
            Draft,
            {
                "status": "OPEN",
                "level": "grid",
                "within_level": "community",
                "source": {},
                "created_by": "test",
            },
            id="a draft within half a unit",
        ),
        pytest.param(ApiKey, {"name": "n", "hash": b"h", "role": "king"}, id="a key of no role"),
    ],
)
async def test_a_row_that_cannot_be_is_refused(
    connection: AsyncConnection, table: type[Base], row: Row
) -> None:
    with pytest.raises(IntegrityError):
        await connection.execute(insert(table).values(row))


async def test_codes_sort_by_their_bytes(connection: AsyncConnection) -> None:
    codes = ["b", "B", "a", "网", "01", "1"]
    await connection.execute(insert(Unit), [unit(1, None, code=code) for code in codes])

    found = list(await connection.scalars(select(Unit.code).order_by(Unit.code)))

    assert found == sorted(codes, key=str.encode)
