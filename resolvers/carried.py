"""Who carries what today, in memory as long as the process would hear of a change.

What is asked of it is answered as the database would; where it does not know, nothing is said, and
the database is asked. Who may see what is decided by the database alone, when this is read: there
is one for readers and one for editors of everywhere. Editors of a ground ask the database.
"""

from __future__ import annotations

import datetime as dt
import logging
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import SQLAlchemyError

from geo.errors import WanggeError
from resolvers.known import DUTIES, UNKNOWN
from storage.carried import carried, carriers, size

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterable, Mapping, Sequence

    from resolvers.context import Context, Shared
    from storage.assignments import AssignmentFilter, AssignmentRow, Place, UnitKey
    from storage.bodies import BodyRow
    from storage.carried import Size
    from storage.duty_sight import Sight

LOG = logging.getLogger("wangge.carried")

CARRIED_BYTES = 32 << 20
"""The most that each of the two may take: some twenty thousand assignments."""

_ROW_BYTES, _BODY_BYTES = 900, 900
"""What an assignment or a body takes, with what answers show of it."""


class Carried:
    """What is carried on a day, as far as one may see it.

    Parameters
    ----------
    day
        On which all of it holds.
    rows
        By duty, unit and first day.
    bodies
        Who carries it, as far as one may know them on the day.
    """

    def __init__(
        self, day: dt.date, rows: Iterable[AssignmentRow], bodies: Iterable[BodyRow]
    ) -> None:
        self.day = day
        self.bodies = {body.key: body for body in bodies}
        self._of_unit: dict[UnitKey, list[AssignmentRow]] = {}
        for row in rows:
            self._of_unit.setdefault((row.level, row.code), []).append(row)
        self._of_level: dict[tuple[str, str | None], dict[str, list[AssignmentRow]]] = {}
        self._shown: dict[object, dict[int, Any]] = {}

    def of_unit(
        self, unit: UnitKey, which: AssignmentFilter, after: Place | None = None
    ) -> Sequence[AssignmentRow]:
        """Return what a filter of the day finds on a unit, in order, after a place."""
        rows: Sequence[AssignmentRow] = self._of_unit.get(unit, ())
        if which.duty is not None:
            rows = [row for row in rows if row.duty == which.duty]
        if which.post is not None:
            rows = [row for row in rows if row.post == which.post]
        if after is not None:
            rows = [row for row in rows if _place(row) > tuple(after)]
        return rows

    def of_level(self, level: str, duty: str | None) -> Mapping[str, Sequence[AssignmentRow]]:
        """Return what is carried on the units of a level, of one duty or all, by the code."""
        if (level, duty) not in self._of_level:
            self._of_level[level, duty] = {
                code: rows if duty is None else [row for row in rows if row.duty == duty]
                for (key, code), rows in self._of_unit.items()
                if key == level
            }
        return self._of_level[level, duty]

    def names(self, unit: UnitKey, which: AssignmentFilter) -> list[str]:
        """Return the names of who carries what a filter of the day finds on a unit, each once."""
        keys = sorted({row.body for row in self.of_unit(unit, which)})
        names = [self.bodies[key].name for key in keys if key in self.bodies]
        return [name for name in names if name is not None]

    def shown(self, how: object) -> dict[Any, Any]:
        """Return what answers show of what is held here, for whoever shows it to fill.

        What is made for one answer serves all: it is kept as long as this.

        Parameters
        ----------
        how
            What is shown, and what that depends on beside the key, which has few values.
        """
        return self._shown.setdefault(how, {})


class TooMuch:
    """Stands where more is carried than may be held.

    Parameters
    ----------
    day
        On which it is.
    """

    def __init__(self, day: dt.date) -> None:
        self.day = day


def _place(row: AssignmentRow) -> tuple[str, str, str, dt.date, int]:
    return row.duty, row.level, row.code, row.since, row.id


def held_duties(context: Context, day: dt.date, seen: Sight) -> Carried | None:
    """Return what is carried on a day as far as one sees it, where that is held.

    What is carried today is fetched for those who come later; who asks now does not wait.
    """
    shared = context.shared
    if not shared.holds or day != context.today or seen.ground is not None:
        return None
    known, key = shared.known.of(DUTIES), ("carried", seen.everything)
    found = known.look(key)
    if found is not UNKNOWN and found.day == day:
        return found if isinstance(found, Carried) and context.trusts else None
    coming = known.begin(key, lambda: _fetch(shared, day, seen))
    if coming is not None:
        shared.asked.add(coming)
        coming.add_done_callback(shared.asked.discard)
        coming.add_done_callback(_hear)
    return None


def _hear(done: asyncio.Future[Any]) -> None:
    """Hear how the fetching ended: who asks can do without."""
    error = done.exception() if not done.cancelled() else None
    if isinstance(error, SQLAlchemyError | WanggeError | OSError):
        LOG.warning("what is carried today is not held: %s", error)
    elif error is not None:
        LOG.error("what is carried today is not held", exc_info=error)


async def _fetch(shared: Shared, day: dt.date, seen: Sight) -> Carried | TooMuch:
    """Read what is carried on a day; nothing where it would take too much."""
    rows: list[AssignmentRow] = []
    bodies: list[BodyRow] = []
    same: dict[str, str] = {}
    # all three questions see the same moment
    engine = shared.engine.execution_options(isolation_level="REPEATABLE READ")
    async with engine.connect() as connection:
        if _weight(await size(connection, day)) > CARRIED_BYTES:
            return TooMuch(day)
        async with aclosing(carried(connection, day, seen)) as some:
            async for part in some:
                rows += [_sharing(row, same) for row in part]
        async with aclosing(carriers(connection, day, seen)) as who:
            async for people in who:
                bodies += people
    return Carried(day, rows, bodies)


def _weight(there: Size) -> int:
    return there.assignments * _ROW_BYTES + there.bodies * _BODY_BYTES + there.said


def _sharing(row: AssignmentRow, same: dict[str, str]) -> AssignmentRow:
    """Return a row whose words are those of the rows before it: most of them come again."""
    return row._replace(
        duty=same.setdefault(row.duty, row.duty), level=same.setdefault(row.level, row.level)
    )
