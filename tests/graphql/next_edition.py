"""A third edition of the town of :mod:`tests.graphql.world`, in which units come and go.

C1 is one grid again, G11, and C3's grid 1 is divided at x = 2.5 into two with codes of their own::

    y=1 +-----------------------+---+-------------------+
        | G11                   |N1 | N2                |
        |                       |a8 |     a4            |
    y=0 +-----------------------+---+-------------------+
       x=0                      2  2.5                  4
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from sqlalchemy import insert, update

from geo.chain import chains
from storage.models import AddressPlace, Edition, EditionLevel, Unit
from tests.graphql.world import (
    C1,
    C3,
    G11,
    G12,
    G31,
    METRIC,
    Box,
    Home,
    array_of,
    polygon,
    stored,
)

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

DAY = dt.date(2026, 6, 1)
N1, N2 = f"{C3}011", f"{C3}012"
BESIDE = Home("a8", (2.25, 0.25), 7, 9, {}, (G31, G31))
"""In the smaller half of C3 grid 1, which holds more households (a4 has five)."""

COME: tuple[tuple[str, str, str, Box], ...] = (
    (G11, "柳树第一网格", C1, (0, 0, 2, 1)),
    (N1, "东门第三网格", C3, (2, 0, 2.5, 1)),
    (N2, "东门第四网格", C3, (2.5, 0, 4, 1)),
)
GONE = (G11, G12, G31)
"""Whose rows end with edition 2; G11 has another."""


async def publish(engine: AsyncEngine, number: int = 3, day: dt.date = DAY) -> None:
    """Publish it, after edition 2."""
    async with engine.begin() as connection:
        values = {"number": number, "effective_on": day, "published_by": "town hall", "note": ""}
        await connection.execute(insert(Edition).values(values))
        await connection.execute(insert(EditionLevel).values(number=number, level="grid"))
        ended = update(Unit).where(Unit.level == "grid", Unit.code.in_(GONE))
        await connection.execute(
            ended.where(Unit.last_edition.is_(None)).values(last_edition=number - 1)
        )
        await _draw(connection, number)
        moved = update(AddressPlace).where(AddressPlace.code == G31)
        await connection.execute(moved.values(code=N2))


async def _draw(connection: AsyncConnection, number: int) -> None:
    shapes = array_of([polygon(box) for *_, box in COME])
    for place, (code, name, parent, _) in enumerate(COME):
        await connection.execute(
            insert(Unit).values(
                level="grid",
                code=code,
                name=name,
                parent_code=parent,
                geom=stored(shapes[place]),
                chain=int(chains(shapes[place : place + 1])[0]),
                area_m2=float(METRIC.area_m2(shapes[place : place + 1])[0]),
                search_text=f"{code} {name}".lower(),
                since_edition=number,
                drawn_edition=number,
                first_edition=number,
            )
        )
