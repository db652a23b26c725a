"""What many units carry, and who carries it, from what is held in memory."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from resolvers.assignments import cursor_of, noted_filter
from resolvers.carried import held_duties
from resolvers.duty_sight import noted_sight
from resolvers.facilities import noted_day
from resolvers.paging import Page, page_size, take
from schema.asked_day import asked_day
from schema.columns import shortcut
from schema.duties import Assignment, AssignmentConnection, Body
from schema.lookahead import page_asked
from schema.unit_columns import state_of

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Awaitable, Callable, Sequence

    from resolvers.carried import Carried
    from resolvers.context import State
    from schema.request import Info, RequestContext
    from schema.units import Unit
    from storage.assignments import AssignmentFilter, AssignmentRow


class _Asked(NamedTuple):
    """What is asked of units of one level."""

    held: Carried
    level: str
    which: AssignmentFilter
    size: int
    state: State | None
    context: RequestContext


class _OnUnit:
    """Stands for the connection of a unit: it has what the fields of connections look at."""

    __slots__ = ("asked", "code", "rows")

    after = None
    cursor = staticmethod(cursor_of)

    def __init__(self, asked: _Asked, code: str, rows: Sequence[AssignmentRow]) -> None:
        self.asked = asked
        self.code = code
        self.rows = rows

    @property
    def page(self) -> Page[AssignmentRow]:
        """The page."""
        return take(self.rows, self.asked.size)

    @property
    def day(self) -> dt.date:
        """The day on which all of it holds."""
        return self.asked.held.day

    @property
    def state(self) -> State | None:
        """What units are seen in."""
        return self.asked.state

    @property
    def count(self) -> Callable[[], Awaitable[int]]:
        """What counts them, those not shown, too."""
        asked, key = self.asked, (self.asked.level, self.code)
        return partial(asked.context.count_assignments_of_unit, key, asked.which)

    def shown(self) -> list[Assignment]:
        """Show all that is carried on the unit, of the duty asked for."""
        day, state = self.asked.held.day, self.asked.state
        kept = _kept(self.asked)  # by number
        return [
            kept.get(row.id) or kept.setdefault(row.id, Assignment.of(row, day, state))
            for row in self.rows
        ]


def _kept(asked: _Asked, *how: object) -> dict[Any, Any]:
    """Return where it is kept what answers show; of drafts, of which there are many, nothing is."""
    if asked.state is not None and asked.state.drafts:
        return {}
    return asked.held.shown((Assignment, *how, asked.state))


@shortcut("Unit", "assignments")
def _assignments(units: Sequence[Unit], info: Info, asked: dict[str, Any]) -> list[_OnUnit] | None:
    state, levels = state_of(units), {unit.row.level for unit in units}
    if state is None or len(levels) != 1 or asked.get("history") or asked.get("after") is not None:
        return None
    as_of: dt.date | None = asked.get("as_of")
    context = info.context
    there = _held(info, as_of or asked_day(info) or noted_day(context.reading, state))
    if there is None:
        return None
    which = noted_filter(context.reading, there.day, asked.get("duty"), asked.get("post"))
    if which is None or which.post is not None:
        return None
    context.spend(len(units))
    level, size = levels.pop(), page_size(asked["first"], 100)
    about = _Asked(there, level, which, size, state if as_of is None else None, context)
    rows = there.of_level(level, which.duty) if page_asked(info) else {}
    return [_OnUnit(about, unit.code, rows.get(unit.code, ())) for unit in units]


def _held(info: Info, day: dt.date | None) -> Carried | None:
    """Return what is carried on a day, where that needs no asking."""
    reading = info.context.reading
    seen = noted_sight(reading)
    return held_duties(reading, day, seen) if day is not None and seen is not None else None


@shortcut("AssignmentConnection", "nodes")
def _nodes(
    lists: Sequence[AssignmentConnection | _OnUnit], info: Info, _asked: dict[str, Any]
) -> list[list[Assignment]] | None:
    held = [one for one in lists if isinstance(one, _OnUnit)]
    asked = held[0].asked if held else None
    if asked is None or len(held) != len(lists) or any(one.asked is not asked for one in held):
        return None
    size = asked.size
    kept = _kept(asked, asked.level, asked.which.duty)  # by code
    made = []
    for one in held:
        shown = kept.get(one.code)
        if shown is None:
            shown = kept[one.code] = one.shown()
        made.append(shown if len(shown) <= size else shown[:size])
    info.context.spend(sum(map(len, made)))
    return made


@shortcut("Assignment", "body")
def _bodies(
    assignments: Sequence[Assignment], info: Info, _asked: dict[str, Any]
) -> list[Body] | None:
    days = {id(one.day): one.day for one in assignments}
    if len(set(days.values())) != 1:
        return None
    there = _held(info, assignments[0].day)
    if there is None:
        return None
    kept, bodies, made = there.shown(Body), there.bodies, []
    for assignment in assignments:
        key = assignment.row.body
        body = kept.get(key)
        if body is None:
            if key not in bodies:
                return None
            body = kept[key] = Body.of(bodies[key], there.day)
        made.append(body)
    info.context.spend(len(made))
    return made
