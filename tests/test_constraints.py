"""What the database itself refuses, whoever writes."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any

import pytest
from geoalchemy2.shape import from_shape
from shapely import Point
from sqlalchemy import insert, select, text
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


@pytest.mark.parametrize(
    "change",
    [
        pytest.param("DELETE FROM level WHERE key = 'grid'", id="level goes"),
        pytest.param("UPDATE level SET key = 'cell' WHERE key = 'grid'", id="level renamed"),
        pytest.param("DELETE FROM edition WHERE number = 2", id="edition goes"),
        pytest.param("UPDATE edition SET number = 9 WHERE number = 2", id="edition renumbered"),
    ],
)
async def test_what_a_unit_names_stays(connection: AsyncConnection, change: str) -> None:
    await connection.execute(insert(Unit).values(unit(2, None)))

    with pytest.raises(IntegrityError):
        await connection.execute(text(change))


async def test_what_no_unit_names_may_go(connection: AsyncConnection) -> None:
    await connection.execute(insert(Unit).values(unit(2, None)))
    await connection.execute(text("UPDATE level SET key = 'grid', name = '格' WHERE key = 'grid'"))

    gone = await connection.execute(text("DELETE FROM edition WHERE number = 3"))

    assert gone.rowcount == 1


@pytest.mark.parametrize(
    "change",
    [
        pytest.param("last_edition = NULL", id="it stands again"),
        pytest.param("last_edition = 4", id="it ends later"),
        pytest.param("level = 'nowhere'", id="it moves to no level"),
        pytest.param("first_edition = 9, last_edition = 9", id="it moves to no edition"),
    ],
)
async def test_a_row_may_not_become_one_that_is_refused(
    connection: AsyncConnection, change: str
) -> None:
    await connection.execute(insert(Unit), [unit(1, 2), unit(4, None)])

    with pytest.raises(IntegrityError):
        await connection.execute(text(f"UPDATE unit SET {change} WHERE first_edition = 1"))


@pytest.mark.parametrize(
    ("standing", "ended"),
    [
        pytest.param(unit(2, None), unit(1, 3), id="they overlap"),
        pytest.param(unit(2, None), unit(2, 2), id="one within the other"),
    ],
)
@pytest.mark.parametrize("first", ["standing", "ended"])
async def test_rows_written_side_by_side_are_kept_apart_too(
    engine: AsyncEngine, connection: AsyncConnection, standing: Row, ended: Row, first: str
) -> None:
    """Neither transaction sees the other's row before that commits; one of them has to fail."""
    await connection.commit()
    rows = [standing, ended] if first == "standing" else [ended, standing]

    async def write(row: Row, written: asyncio.Event, go_on: asyncio.Event) -> None:
        async with engine.begin() as mine:
            await mine.execute(insert(Unit).values(row))
            written.set()
            await go_on.wait()

    done, both = asyncio.Event(), asyncio.Event()
    one = asyncio.create_task(write(rows[0], done, both))
    await done.wait()
    other = asyncio.create_task(write(rows[1], asyncio.Event(), both))
    await asyncio.sleep(0.2)  # it waits for the first one, or has written beside it
    both.set()
    failed = await asyncio.gather(one, other, return_exceptions=True)

    assert [type(error) for error in failed if error] == [IntegrityError]
    async with engine.connect() as later:
        stored = await later.execute(select(Unit.first_edition))
    assert len(stored.all()) == 1
