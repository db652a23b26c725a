"""Any assignments in the town of :mod:`tests.graphql.world`, and what holds of them on a day."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, NamedTuple

from hypothesis import strategies as st
from sqlalchemy import delete, insert

from storage.duty_models import Assignment, Duty, DutyLevel
from tests.graphql import duty_world, world
from tests.graphql.duty_world import EARLY, MOVED, Carried, Someone
from tests.graphql.world import C1, C3, DAYS, G11, G12, G21, G32, P1, UNITS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncEngine

A_DAY = dt.timedelta(days=1)


class Kind(NamedTuple):
    """A duty that is tried with any assignments."""

    key: str
    levels: tuple[str, ...]
    """Its own first."""
    least: int
    most: int | None


KINDS = (
    Kind("guard", ("grid", "compound"), 2, 3),
    Kind("keeper", ("grid", "compound", "community"), 0, None),
    Kind("warden", ("grid",), 1, 2),
)
SOME = [f"b{n}" for n in range(5)]
MOMENTS = [EARLY, MOVED - A_DAY, MOVED, dt.date(2026, 6, 1)]
PLACES = [
    *(("grid", code) for code in (G11, G12, G21, G32, "gone")),
    ("compound", P1),
    *(("community", code) for code in (C1, C3)),
]
ABOVE = {unit.code: unit.parent for unit in UNITS}


async def prepare(engine: AsyncEngine) -> None:
    """Store the duties and the bodies that are drawn from."""
    for kind in KINDS:
        await add_duty(engine, kind.key, kind.levels, kind.least, kind.most)
    await duty_world.put_bodies(engine, *(Someone(key, key.upper()) for key in SOME))


async def add_duty(
    engine: AsyncEngine, key: str, levels: Sequence[str], least: int, most: int | None
) -> None:
    """Store a duty that is public and that a body may carry on several units."""
    async with engine.begin() as connection:
        duty = {"key": key, "name": key, "level": levels[0], "min": least, "max": most}
        await connection.execute(insert(Duty).values(duty))
        rows = [{"duty": key, "level": level} for level in levels]
        await connection.execute(insert(DutyLevel), rows)


async def replace(engine: AsyncEngine, roster: Sequence[Carried]) -> None:
    """Let there be these assignments and no others."""
    await world.run(engine, delete(Assignment))
    if roster:
        await duty_world.put(engine, *roster)


@st.composite
def rosters(draw: st.DrawFn) -> list[Carried]:
    """Draw assignments, no two of which are alike but in their days."""
    levels = {kind.key: kind.levels for kind in KINDS}
    names = st.tuples(
        st.sampled_from(sorted(levels)),
        st.sampled_from(SOME),
        st.sampled_from(PLACES),
        st.sampled_from([None, "a", "b"]),
    ).filter(lambda one: one[2][0] in levels[one[0]])
    rows = []
    for duty, body, unit, post in draw(st.lists(names, unique=True, max_size=30)):
        since = draw(st.sampled_from(MOMENTS))
        until = draw(st.sampled_from([None, None, *(day for day in MOMENTS if day >= since)]))
        rows.append(Carried(duty, body, unit, since, until, post))
    return rows


def standing(level: str, day: dt.date, within: str | None) -> list[str]:
    """Return the codes of the units of a level on a day, by code; below a unit if one is named."""
    number = max(n for n, first in DAYS.items() if first <= day)
    codes = []
    for unit in UNITS:
        if unit.level == level and unit.first <= number <= (unit.last or number):
            above = [unit.parent]
            while above[-1] is not None:
                above.append(ABOVE[above[-1]])
            if within is None or within in above:
                codes.append(unit.code)
    return sorted(codes)


def holds(one: Carried, day: dt.date) -> bool:
    """Return whether an assignment holds on a day."""
    return one.since <= day and (one.until is None or day < one.until)


def holding(roster: Sequence[Carried], duty: str, level: str, day: dt.date) -> list[Carried]:
    """Return the assignments of a duty on a level that hold on a day."""
    return [one for one in roster if one.duty == duty and one.unit[0] == level and holds(one, day)]
