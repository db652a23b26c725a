"""Programmes as they hold on a day, and their states from day to day."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from geo.errors import ConflictError
from storage.circle_models import Programme
from storage.facilities import standing_on
from storage.units import texts

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection

Day = dt.date

MAX_PROGRAMMES = 1000
"""A city has a handful of programmes."""


class ProgrammeContent(NamedTuple):
    """All that is said of a programme, but for its days; None where nothing is."""

    name: str
    kinds: tuple[str, ...]
    minutes: int | None
    speed_kmh: float | None
    metres: float | None
    basis: str | None
    own_level: str | None
    target: int | None
    due: Day | None


class ProgrammeState(NamedTuple):
    """A state of a programme; without a number it is not stored yet."""

    row_id: int | None
    key: str
    content: ProgrammeContent
    since: Day
    until: Day | None


class ProgrammeRow(NamedTuple):
    """A programme as it holds from ``since`` until the day before ``until``."""

    row_id: int
    key: str
    name: str
    kinds: tuple[str, ...]
    minutes: int | None
    """With what follows: how it is walked; None is the service's default."""
    speed_kmh: float | None
    metres: float | None
    basis: str | None
    own_level: str | None
    """Only service points in an address's own unit of this level count."""
    target: int | None
    """How many points there are to be."""
    due: Day | None
    """By when."""
    since: Day
    until: Day | None


_COLUMNS = (
    Programme.row_id,
    Programme.key,
    Programme.name,
    Programme.kinds,
    Programme.minutes,
    Programme.speed_kmh,
    Programme.metres,
    Programme.basis,
    Programme.own_level,
    Programme.target,
    Programme.due,
    Programme.since,
    Programme.until,
)


async def standing(
    connection: AsyncConnection, day: Day, *, keys: Collection[str] | None = None
) -> list[ProgrammeRow]:
    """Return the programmes that hold on a day, by key; with ``keys`` only these."""
    query = select(*_COLUMNS).where(standing_on(Programme, day))
    if keys is not None:
        query = query.where(Programme.key == func.any(texts(list(keys))))
    rows = await connection.execute(query.order_by(Programme.key).limit(MAX_PROGRAMMES))
    return [_row_of(row) for row in rows]


async def states(connection: AsyncConnection) -> dict[str, list[ProgrammeState]]:
    """Return all states of all programmes by their days; others wait who would change them."""
    query = select(*_COLUMNS).order_by(Programme.key, Programme.since).with_for_update()
    found: dict[str, list[ProgrammeState]] = {}
    for row in map(_row_of, await connection.execute(query)):
        content = ProgrammeContent(*row[2:-2])
        state = ProgrammeState(row.row_id, row.key, content, row.since, row.until)
        found.setdefault(row.key, []).append(state)
    return found


async def write(
    connection: AsyncConnection,
    *,
    begun: Sequence[ProgrammeState],
    mended: Sequence[ProgrammeState],
    dropped: Sequence[int],
) -> None:
    """Write states: new ones, stored ones that are otherwise now, and those that never came.

    Raises
    ------
    ConflictError
        If somebody else wrote the same programme, or took a level away, meanwhile.
    """
    try:
        if dropped:
            await connection.execute(delete(Programme).where(Programme.row_id.in_(dropped)))
        for state in mended:
            same = Programme.row_id == state.row_id
            await connection.execute(update(Programme).where(same).values(**_values(state)))
        if begun:
            await connection.execute(insert(Programme), [_values(state) for state in begun])
    except IntegrityError as error:
        raise ConflictError(
            "somebody else changed the same programmes at the same time; load them again"
        ) from error


def _values(state: ProgrammeState) -> dict[str, Any]:
    """Return a state's values by their columns."""
    content = {**state.content._asdict(), "kinds": list(state.content.kinds)}
    return {"key": state.key, **content, "since": state.since, "until": state.until}


def _row_of(values: Sequence[Any]) -> ProgrammeRow:
    row = ProgrammeRow._make(values)
    return row._replace(kinds=tuple(row.kinds))
