"""When an assignment holds: conditions that every query of them shares."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from sqlalchemy import and_, or_

from storage.duty_models import Assignment

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement

Day = dt.date


def holding_on(day: Day, rows: type[Assignment] = Assignment) -> ColumnElement[bool]:
    """Return the condition that an assignment holds on a day."""
    return and_(rows.since <= day, or_(rows.until.is_(None), rows.until > day))


def holding_from(day: Day, rows: type[Assignment] = Assignment) -> ColumnElement[bool]:
    """Return the condition that one holds on a day or later, and was not ended before it began."""
    return or_(rows.until.is_(None), and_(rows.until > day, rows.until > rows.since))
