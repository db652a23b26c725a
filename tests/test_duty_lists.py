"""Lists of duties, bodies and assignments: what is stored of them, and which rows come back."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest

from resolvers.duty_lists import duties_as_toml, load_duties
from sources.duties import read_duties
from tests import listed_town
from tests.listed_town import ASSIGNMENTS, DUTIES, ORGANISATIONS, PEOPLE, TODAY, write

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy.ext.asyncio import AsyncEngine

pytestmark = pytest.mark.anyio


async def test_the_lists_of_the_town_load_once_and_give_its_known_figures(
    engine: AsyncEngine,
) -> None:
    await listed_town.publish_town(engine)

    duties = await load_duties(engine, read_duties(DUTIES), day=TODAY)
    bodies = await listed_town.bodies(engine, ORGANISATIONS, PEOPLE)
    carried = await listed_town.assignments(engine, ASSIGNMENTS)
    again = await listed_town.assignments(engine, ASSIGNMENTS)
    bodies_again = await listed_town.bodies(engine, PEOPLE, ORGANISATIONS)

    assert (duties.added, duties.changed, duties.removed) == (0, 0, 0), "a new database knows them"
    assert bodies[:3] == (1334 + 101, 0, 0)
    assert (bodies.rejected, bodies.notices) == ((), ())
    rows = len(ASSIGNMENTS.read_text(encoding="utf-8").splitlines()) - 1
    assert carried == (rows, 0, 0, 0, (), (), True)
    assert again == (0, 0, rows, 0, (), (), True)
    assert bodies_again[:3] == (0, 0, 1435)
    stored = await listed_town.carried(engine)
    assert len({row[2] for row in stored if row[0] == "grid_holder" and row[5] is None}) == 46
    assert len({row[2] for row in stored if row[0] == "party_branch"}) == 25
    assert len({row[1] for row in stored if row[0] == "party_branch"}) == 21
    assert sum(row[0] == "volunteer" for row in stored) == 1112
