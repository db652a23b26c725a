"""Cities of squares, as many as a real one has, and who answers for them.

A community is a square of 1,000 m, its grids are strips of it, and its compounds stand in rows of
sixteen, 40 m wide and 20 m apart::

    +-------------------------+-------------------------+
    |  grid 002   [] [] []    |                         |
    |- - - - - - - - - - - - -|    community 999001001002
    |  grid 001   [] [] []    |                         |
    +-------------------------+-------------------------+
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import insert

from storage.duty_models import Assignment, Body
from tests.circles import drawn
from tests.circles.drawn import Land

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

DISTRICT, STREET = "999001", "999001001"
SIDE_M, COMPOUND_M, PITCH_M, IN_A_ROW = 1_000.0, 40.0, 60.0, 16
LONG_AGO = dt.date(2020, 1, 1)
SPRING, SUMMER = dt.date(2026, 3, 1), dt.date(2026, 7, 1)
"""Two days after the one from which the city stands."""


class Held(NamedTuple):
    """A body carries a duty on a unit."""

    duty: str
    body: str
    level: str
    code: str
    post: str | None = None
    since: dt.date = LONG_AGO
    until: dt.date | None = None


@dataclass(frozen=True)
class City:
    """The squares of a city, and the codes of its units."""

    lands: tuple[Land, ...]

    def codes(self, level: str) -> list[str]:
        """Return the codes of the units of a level, sorted."""
        return sorted(land.code for land in self.lands if land.level == level)

    def parent(self, code: str) -> str:
        """Return the code of the unit above."""
        [above] = {land.parent for land in self.lands if land.code == code}
        assert above is not None
        return above

    def middle(self, code: str) -> drawn.Spot:
        """Return the middle of a unit, in metres."""
        [(west, south, east, north)] = {land.box for land in self.lands if land.code == code}
        return (west + east) / 2, (south + north) / 2


def city(*, compounds: Sequence[int], grids: Sequence[int] = ()) -> City:
    """Draw a city.

    Parameters
    ----------
    compounds, grids
        How many of them each community has, up to 256 compounds; with no grids, one each.
    """
    whole = (0.0, 0.0, SIDE_M * len(compounds), SIDE_M)
    lands = [Land("district", DISTRICT, None, whole), Land("subdistrict", STREET, DISTRICT, whole)]
    strips = grids or [1] * len(compounds)
    for number, (some, parts) in enumerate(zip(compounds, strips, strict=True)):
        lands += _community(number, some, parts)
    return City(tuple(lands))


def _community(number: int, compounds: int, grids: int) -> Iterable[Land]:
    code, west = f"{STREET}{number + 1:03d}", SIDE_M * number
    yield Land("community", code, STREET, (west, 0.0, west + SIDE_M, SIDE_M))
    for n in range(grids):
        south, north = SIDE_M * n / grids, SIDE_M * (n + 1) / grids
        yield Land("grid", f"{code}{n + 1:03d}", code, (west, south, west + SIDE_M, north))
    for n in range(compounds):
        row, column = divmod(n, IN_A_ROW)
        x, y = west + 5 + PITCH_M * column, 5 + PITCH_M * row
        box = (x, y, x + COMPOUND_M, y + COMPOUND_M)
        yield Land("compound", f"{code}C{n + 1:03d}", code, box)


async def build(
    engine: AsyncEngine,
    made: City,
    held: Sequence[Held],
    *,
    organisations: Iterable[str] = (),
    houses: Sequence[drawn.House] = (),
) -> None:
    """Put a city into the tables as edition 1, and those who answer for it.

    ``organisations`` are the keys of those bodies that are no persons.
    """
    await drawn.build(engine, lands=made.lands, houses=houses)
    async with engine.begin() as connection:
        await carry(connection, held, organisations=organisations)


async def carry(
    connection: AsyncConnection, held: Sequence[Held], *, organisations: Iterable[str] = ()
) -> None:
    """Let bodies that nobody knows yet carry duties; a body's name is its key, after a star."""
    offices = set(organisations)
    bodies = [
        {
            "key": key,
            "kind": "ORGANISATION" if key in offices else "PERSON",
            "name": f"*{key}",
            "changed_by": "tester",
        }
        for key in dict.fromkeys(one.body for one in held)
    ]
    await connection.execute(insert(Body), bodies)
    await connection.execute(
        insert(Assignment), [{**one._asdict(), "created_by": "tester"} for one in held]
    )
