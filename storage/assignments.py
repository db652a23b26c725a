"""Who carries which duty on which unit, as stored."""

from __future__ import annotations

import datetime as dt
from typing import NamedTuple

Day = dt.date


class AssignmentRow(NamedTuple):
    """A body carries a duty on a unit from ``since`` until the day before ``until``."""

    id: int
    duty: str
    body: str
    level: str
    code: str
    post: str | None
    since: Day
    until: Day | None
    """None: it still does. The same as ``since``: it never did, it was a mistake."""
    changed: int
    """The stamp at which it was last written."""
