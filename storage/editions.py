"""Numbered, published states: finding one, listing them, opening the next."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import func, insert, select, text

from geo.errors import BadInputError
from storage.models import Edition, EditionLevel

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection

NUMBER_LOCK = 0x77616E6767650002
"""Advisory lock under which the next number is taken ("wangge" and a number)."""

MAX_AHEAD_DAYS = 366
"""A new division is decided some months before its day; a wrong year is much further off."""


class EditionRow(NamedTuple):
    """One published state."""

    number: int
    effective_on: dt.date
    correction: bool
    published_at: dt.datetime
    published_by: str
    note: str


_COLUMNS = (
    Edition.number,
    Edition.effective_on,
    Edition.correction,
    Edition.published_at,
    Edition.published_by,
    Edition.note,
)


async def newest(connection: AsyncConnection) -> EditionRow | None:
    """Return the edition of the highest number, whatever its day; None before the first."""
    query = select(*_COLUMNS).order_by(Edition.number.desc()).limit(1)
    row = (await connection.execute(query)).first()
    return EditionRow(*row) if row else None


async def by_number(connection: AsyncConnection, number: int) -> EditionRow | None:
    """Return the edition of that number."""
    query = select(*_COLUMNS).where(Edition.number == number)
    row = (await connection.execute(query)).first()
    return EditionRow(*row) if row else None


async def as_of(connection: AsyncConnection, day: dt.date) -> EditionRow | None:
    """Return the edition that stands on ``day``: the highest in force by then.

    Days never decrease from edition to edition, so the newest of the latest day is the highest
    number; the index ``edition_effective_on`` ends with it.
    """
    query = (
        select(*_COLUMNS)
        .where(Edition.effective_on <= day)
        .order_by(Edition.effective_on.desc(), Edition.number.desc())
        .limit(1)
    )
    row = (await connection.execute(query)).first()
    return EditionRow(*row) if row else None


async def page(
    connection: AsyncConnection, first: int, after: int | None = None
) -> list[EditionRow]:
    """Return up to ``first`` editions, newest first, older than the number ``after``."""
    query = select(*_COLUMNS).order_by(Edition.number.desc()).limit(first)
    if after is not None:
        query = query.where(Edition.number < after)
    return [EditionRow(*row) for row in await connection.execute(query)]


async def count(connection: AsyncConnection) -> int:
    """Return how many editions there are."""
    return (await connection.scalar(select(func.count()).select_from(Edition))) or 0


async def levels_of(
    connection: AsyncConnection, numbers: Collection[int]
) -> dict[int, tuple[str, ...]]:
    """Return the keys of the levels that each edition changed, sorted; one statement."""
    found: dict[int, list[str]] = {number: [] for number in numbers}
    query = (
        select(EditionLevel.number, EditionLevel.level)
        .where(EditionLevel.number.in_(found))
        .order_by(EditionLevel.number, EditionLevel.level)
    )
    for number, level in await connection.execute(query):
        found[number].append(level)
    return {number: tuple(levels) for number, levels in found.items()}


async def open_edition(
    connection: AsyncConnection,
    *,
    effective_on: dt.date | None,
    published_by: str,
    today: dt.date | None = None,
    note: str = "",
    correction: bool = False,
    levels: Sequence[str] = (),
) -> int:
    """Take the next number for the state that this transaction publishes.

    Parameters
    ----------
    effective_on, today
        First day on which it stands: not before that of the newest edition. None stands for
        ``today``, or for the newest edition's day where that is later or is to be corrected. At
        most ``MAX_AHEAD_DAYS`` after today.
    correction
        True when it mends the newest edition; it must then carry the same day.
    levels
        Keys of the levels that it changes.

    Returns
    -------
    int
        The number, one more than the newest.

    Raises
    ------
    BadInputError
        If the day cannot follow the newest edition.

    Notes
    -----
    The lock is held to the end of the transaction, so that numbers become visible in order:
    call this last, after the slow work.
    """
    await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": NUMBER_LOCK})
    last = await newest(connection)
    day = effective_on or _default_day(last, today, correction=correction)
    _check_ahead(effective_on, today)
    _check_day(last, day, correction=correction)
    number = last.number + 1 if last else 1
    await connection.execute(
        insert(Edition).values(
            number=number,
            effective_on=day,
            correction=correction,
            published_by=published_by,
            note=note,
        )
    )
    if levels:
        rows = [{"number": number, "level": level} for level in sorted(set(levels))]
        await connection.execute(insert(EditionLevel), rows)
    return number


def _default_day(last: EditionRow | None, today: dt.date | None, *, correction: bool) -> dt.date:
    if today is None:
        raise ValueError("without a day to stand from, open_edition must know today")
    if last is None:
        return today
    return last.effective_on if correction else max(today, last.effective_on)


def _check_ahead(day: dt.date | None, today: dt.date | None) -> None:
    """Refuse a day so far ahead that it must be a slip, as no later edition could stand before."""
    if day is None or today is None:
        return
    if day > today + dt.timedelta(days=MAX_AHEAD_DAYS):
        raise BadInputError(
            f"{day} is more than {MAX_AHEAD_DAYS} days ahead: every later edition would have to "
            "wait for it; choose an earlier day",
            argument="effectiveOn",
        )


def _check_day(last: EditionRow | None, day: dt.date, *, correction: bool) -> None:
    """Refuse a day that would let history run backwards."""
    if last is None:
        if correction:
            raise BadInputError(
                "there is no edition yet that could be corrected; publish without correction",
                argument="correction",
            )
        return
    if correction and day != last.effective_on:
        raise BadInputError(
            f"a correction carries the day of the edition that it mends: edition {last.number} "
            f"stands from {last.effective_on}, not {day}",
            argument="effectiveOn",
        )
    if day < last.effective_on:
        raise BadInputError(
            f"edition {last.number} stands from {last.effective_on}; the next one cannot stand "
            f"from {day} already: choose {last.effective_on} or later",
            argument="effectiveOn",
        )
