"""What one may know of who carries which duty: conditions that every query of them keeps to."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import ColumnElement, false, func, or_, select, true
from sqlalchemy.orm import aliased

from storage.duty_days import holding_from, holding_on
from storage.duty_models import Assignment, Body, Duty

if TYPE_CHECKING:
    from sqlalchemy import SQLColumnExpression

    Column = SQLColumnExpression[Any]

Day = dt.date


class DutyGround(NamedTuple):
    """A unit and all that lies below it."""

    level: str
    code: str


class Sight(NamedTuple):
    """How far an asker sees: everything, a ground, or (with neither) what is public."""

    everything: bool
    """Whether the asker edits everywhere."""
    ground: DutyGround | None
    """Where the asker edits."""
    today: Day = dt.date.max
    """The day on which it is asked, with ``ground``: what has ended by then gives no right to know.
    A home and a contact are those of today, whatever day is asked about."""


PUBLIC = Sight(everything=False, ground=None)
"""What readers see."""

EVERYTHING = Sight(everything=True, ground=None)
"""What editors of everywhere see, and the service itself."""


def may_see(sight: Sight) -> ColumnElement[bool]:
    """Return the condition that an asker may see an assignment.

    Those of public duties are for everybody; those of others for editors of the unit's ground.
    Leans on ``unit_code``, for the assignments of duties that are not public only.
    """
    if sight.everything:
        return true()
    public = _is_public(Assignment)
    if sight.ground is None:
        return public
    return or_(public, lies_in(sight.ground, Assignment.level, Assignment.code))


def may_name(sight: Sight, day: Day) -> ColumnElement[bool]:
    """Return the condition that an asker may know a body's name.

    Everybody may where a public duty of it holds on the day; editors of its ground always. Leans
    on ``assignment_body``.
    """
    if sight.everything:
        return true()
    held = aliased(Assignment)
    in_public = _any(held, held.body == Body.key, _is_public(held), holding_on(day, held))
    return or_(in_public, may_know(sight))


def may_know(sight: Sight) -> ColumnElement[bool]:
    """Return the condition that an asker may know a body's home, contact and properties.

    Editors may whose ground it lives on, or carries something on: today or later, and not by a
    mistake that was ended before it began. Leans on ``unit_code`` and ``assignment_body``.
    """
    if sight.everything:
        return true()
    if sight.ground is None:
        return false()
    held = aliased(Assignment)
    carries = _any(
        held,
        held.body == Body.key,
        holding_from(sight.today, held),
        lies_in(sight.ground, held.level, held.code),
    )
    return or_(lies_in(sight.ground, Body.home_level, Body.home_code), carries)


def lies_in(ground: DutyGround, level: Column, code: Column) -> ColumnElement[bool]:
    """Return the condition that a unit lies on a ground, or is that unit itself.

    Parameters
    ----------
    level, code
        Columns that name the unit.

    Notes
    -----
    It lies where it stands in the newest edition, or where it stood last: what is left of a unit
    that is gone is for those who had it. The way goes upwards from each unit, some probes of
    ``unit_code``, which for a page of them costs less than to gather all units below the ground.
    """
    above = func.unit_above(level, code, ground.level)
    return func.coalesce(above == ground.code, false())


def _any(held: Any, *conditions: ColumnElement[bool]) -> ColumnElement[bool]:  # noqa: ANN401 - an alias of Assignment
    """Return the condition that there is an assignment for which others hold.

    As EXISTS, it might be worked out for all assignments at once, where a page asks for few.
    """
    found = select(true()).where(*conditions).limit(1).correlate_except(held)
    return func.coalesce(found.scalar_subquery(), false())


def _is_public(held: Any) -> ColumnElement[bool]:  # noqa: ANN401 - Assignment, or an alias of it
    duty = aliased(Duty)
    public: ColumnElement[bool] = held.duty.in_(select(duty.key).where(duty.public))
    return public
