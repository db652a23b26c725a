"""Duties carried on the small town's units, written straight into the tables."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from tests.publishing.stored import Stored

LONG_AGO = dt.date(2020, 1, 1)


class Carried(NamedTuple):
    """A body carries a duty on a grid (or a unit of another level)."""

    body: str
    code: str
    duty: str = "grid_holder"
    since: dt.date = LONG_AGO
    until: dt.date | None = None
    level: str = "grid"
    post: str | None = None


def carry(stored: Stored, *carried: Carried) -> None:
    """Write assignments, and people of these keys who carry them."""
    for one in carried:
        stored.rows(
            "INSERT INTO body (key, kind, name, changed_by) VALUES (%s, 'PERSON', %s, 'test')"
            " ON CONFLICT (key) DO NOTHING RETURNING key",
            one.body,
            one.body.title(),
        )
        stored.rows(
            "INSERT INTO assignment (duty, body, level, code, post, since, until, created_by)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, 'test') RETURNING id",
            *(one.duty, one.body, one.level, one.code, one.post, one.since, one.until),
        )


def held(stored: Stored) -> list[Any]:
    """Return all assignments as they are stored."""
    return stored.rows("SELECT * FROM assignment ORDER BY id")
