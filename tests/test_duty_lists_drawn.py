"""Lists drawn at random, against a count of days: who is taken, twice over and in any order."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import TYPE_CHECKING, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from storage.engine import make_engine
from tests import listed_town
from tests.listed_town import write

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from random import Random

    from sqlalchemy.ext.asyncio import AsyncEngine

    from resolvers.assignment_lists import LoadedAssignments

LAST = 8
FIRST_DAY = dt.date(2026, 11, 1)
ALONE = frozenset({"grid_holder", "branch_secretary"})
"""Duties with one holder of a unit."""
ONE_UNIT = frozenset({"grid_holder", "volunteer"})
"""Duties that a body carries on one unit."""
UNITS = {
    "grid_holder": ("G1", "G2", "G3"),
    "volunteer": ("G1", "G2", "G3"),
    "branch_secretary": ("P1", "P2"),
}


class Row(NamedTuple):
    """A row of a list; days are counted from the first one."""

    duty: str
    body: str
    unit: str
    since: int
    until: int
    """``LAST``: for good."""

    def cells(self) -> tuple[str, ...]:
        """Return the row as it is written."""
        until = "" if self.until == LAST else str(FIRST_DAY + dt.timedelta(self.until))
        return self.duty, self.body, self.unit, str(FIRST_DAY + dt.timedelta(self.since)), until


@st.composite
def row(draw: st.DrawFn) -> Row:
    duty = draw(st.sampled_from(sorted(UNITS)))
    since = draw(st.integers(0, LAST - 1))
    return Row(
        duty,
        draw(st.sampled_from("abc")),
        draw(st.sampled_from(UNITS[duty])),
        since,
        draw(st.integers(since + 1, LAST)),
    )


def taken_day_by_day(rows: Sequence[Row]) -> list[Row]:
    """Return the rows that stand in nobody's way who came before, by marking every day."""
    marked: set[tuple[object, ...]] = set()
    taken = []
    for one in rows:
        rules: list[tuple[object, ...]] = [("same", one.duty, one.body, one.unit)]
        rules += [("unit", one.duty, one.unit)] if one.duty in ALONE else []
        rules += [("body", one.duty, one.body)] if one.duty in ONE_UNIT else []
        days = {(*rule, day) for rule in rules for day in range(one.since, one.until)}
        if not days & marked:
            marked |= days
            taken.append(one)
    return taken


HEAD = ("duty", "body", "unit", "since", "until")


async def load(engine: AsyncEngine, folder: Path, rows: Sequence[Row]) -> LoadedAssignments:
    path = write(folder / "rows.csv", HEAD, *[one.cells() for one in rows])
    return await listed_town.assignments(engine, path)


async def prepare(url: str, folder: Path) -> None:
    engine = make_engine(url)
    try:
        await listed_town.publish(engine)
        people = write(folder / "people.csv", ("key", "name"), *[(key, key) for key in "abc"])
        await listed_town.bodies(engine, people, kind="PERSON")
    finally:
        await engine.dispose()


@pytest.fixture
def prepared(database_url: str, tmp_path: Path) -> str:
    """Give a database with units and three people."""
    asyncio.run(prepare(database_url, tmp_path))
    return database_url


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(row(), min_size=1, max_size=12), random=st.randoms(use_true_random=False))
def test_the_rows_that_are_taken_are_those_of_a_count_of_days(
    prepared: str, tmp_path: Path, rows: list[Row], random: Random
) -> None:
    expected = taken_day_by_day(rows)
    shuffled = list(expected)
    random.shuffle(shuffled)

    async def run() -> None:
        engine = make_engine(prepared)
        try:
            async with engine.begin() as connection:
                await connection.execute(text("TRUNCATE assignment"))
            first = await load(engine, tmp_path, rows)
            stored = await listed_town.carried(engine)
            again = await load(engine, tmp_path, rows)
            in_order = await load(engine, tmp_path, shuffled)
            async with engine.begin() as connection:
                await connection.execute(text("TRUNCATE assignment"))
            anew = await load(engine, tmp_path, shuffled)
            stored_anew = await listed_town.carried(engine)
        finally:
            await engine.dispose()

        count = len(expected)
        assert (first.added, len(first.rejected)) == (count, len(rows) - count)
        assert (again.added, again.changed, again.unchanged) == (0, 0, count)
        assert (in_order.unchanged, in_order.rejected) == (count, ())
        assert (anew.added, anew.rejected) == (count, ())
        assert stored_anew == stored
        cells = {(r[0], r[1], r[2], r[4], r[5] or "") for r in stored}
        assert cells == {one.cells() for one in expected}

    asyncio.run(run())
