"""When service points are open: OpenStreetMap's opening hours, in the city's own time.

Public holidays are not known, nor is where the sun stands: ``PH`` never comes, and sunrise and
sunset are at 7:00 and 19:00. What cannot be understood is never open.
"""

from __future__ import annotations

import datetime as dt
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from geo.facility_rules import OpenWeek
from storage import facilities

if TYPE_CHECKING:
    from collections.abc import Sequence
    from zoneinfo import ZoneInfo

    from opening_hours import OpeningHours

    from resolvers.context import Context

MAX_HOURS = 1_000
"""The longest text that is looked at, in characters."""

WEEK = dt.timedelta(days=7)
SATURDAY, SUNDAY = 5, 6
SECONDS_AN_HOUR = 3600

KEPT = 4096
"""How many texts are kept as they were understood: a city has some dozens."""


def understood(hours: str) -> bool:
    """Return whether opening hours can be understood."""
    return _parsed(hours) is not None


def is_open(hours: str, moment: dt.datetime) -> bool:
    """Return whether opening hours include a moment.

    Parameters
    ----------
    moment
        In the city's own time, without a timezone.
    """
    parsed = _parsed(hours)
    return parsed is not None and _in_calendar(moment) and parsed.is_open(moment)


@lru_cache(KEPT)
def open_week(hours: str, day: dt.date) -> OpenWeek | None:
    """Return what opening hours come to in the seven days from a day; None if not understood."""
    parsed = _parsed(hours)
    begin = dt.datetime.combine(day, dt.time())
    if parsed is None or not _in_calendar(begin):
        return None
    from opening_hours import State  # noqa: PLC0415 - as below

    spans = [
        _Span(max(start, begin), min(end, begin + WEEK))
        for start, end, state, _ in parsed.intervals(begin, begin + WEEK)
        if state is State.OPEN
    ]
    open_days = {day for span in spans for day in span.weekdays()}
    seconds = sum((span.end - span.start).total_seconds() for span in spans)
    return OpenWeek(seconds / SECONDS_AN_HOUR, {SATURDAY, SUNDAY} <= open_days)


class _Span(NamedTuple):
    """A time without a break."""

    start: dt.datetime
    end: dt.datetime

    def weekdays(self) -> set[int]:
        """Return the days of the week with any of it."""
        if self.end <= self.start:
            return set()
        last = self.end - dt.timedelta(microseconds=1)
        days = (last.date() - self.start.date()).days
        return {(self.start.weekday() + day) % 7 for day in range(days + 1)}


async def open_at(
    context: Context, moment: dt.datetime, day: dt.date, kinds: Sequence[str] | None
) -> tuple[str, ...]:
    """Return those opening hours that service points of a day have and that include a moment.

    Parameters
    ----------
    moment
        With a timezone.
    day
        The day of which the service points are looked at.
    """
    local = local_time(moment, context.shared.timezone)
    known = await context.ask(facilities.hours_of, day, kinds)
    return tuple(hours for hours in known if is_open(hours, local))


def local_time(moment: dt.datetime, timezone: ZoneInfo) -> dt.datetime:
    """Return what the clocks of the city show at a moment, without a timezone."""
    try:
        return moment.astimezone(timezone).replace(tzinfo=None)
    except OverflowError:  # at either end of the calendar
        return moment.replace(tzinfo=None)


def _in_calendar(moment: dt.datetime) -> bool:
    """Return whether a moment lies in the years that opening hours can speak of."""
    return _FIRST_YEAR <= moment.year < _LAST_YEAR


_FIRST_YEAR, _LAST_YEAR = 1900, 9999


@lru_cache(KEPT)
def _parsed(hours: str) -> OpeningHours | None:
    """Understand opening hours; None where that is not possible."""
    # Most commands do without it.
    from opening_hours import OpeningHours, validate  # noqa: PLC0415

    if not hours.strip() or len(hours) > MAX_HOURS or not validate(hours):
        return None
    return OpeningHours(hours, auto_country=False, auto_timezone=False)
