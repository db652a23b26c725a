"""A tree of levels under duties: what anybody carries keeps its level."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, LiteralString

import pytest

from geo.errors import ConflictError
from resolvers.levels import load_levels
from service.errors import ExitCode
from sources.levels import read_levels
from tests.publishing.carried import Carried, carry
from tests.publishing.drawing import LEVELS

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy.ext.asyncio import AsyncEngine

    from tests.publishing.outside import Wangge
    from tests.publishing.stored import Stored

COMPOUND = """
[[level]]
key = "compound"
parent = "community"
tiling = "DISJOINT"
"""


GRID = """
[[level]]
key = "grid"
parent = "community"
"""


@pytest.fixture
def without_compounds(tmp_path: Path) -> Path:
    """Give the drawing's levels without the last one."""
    assert COMPOUND in LEVELS
    path = tmp_path / "fewer.toml"
    path.write_text(LEVELS.replace(COMPOUND, ""), encoding="utf-8")
    return path


def duties(stored: Stored) -> dict[str, list[str]]:
    """Return the levels of each duty."""
    rows = stored.rows(
        "SELECT d.key, array_agg(l.level ORDER BY l.level) FROM duty d"
        " JOIN duty_level l ON l.duty = d.key GROUP BY d.key"
    )
    return dict(rows)


def test_a_level_takes_the_duties_with_it_that_nobody_ever_had(
    wangge: Wangge, stored: Stored, without_compounds: Path
) -> None:
    before = duties(stored)
    compounds = {key for key, levels in before.items() if levels == ["compound"]}
    assert "party_branch" in compounds
    assert before["paired_department"] == ["community", "compound"]

    changes = wangge.ask("load", "levels", without_compounds)

    after = duties(stored)
    assert changes["removed"] == ["compound"]
    assert changes["duties"] == sorted(compounds)
    assert after.keys() == before.keys() - compounds
    # its own level stays: only the other one is none of its levels any more
    assert after["paired_department"] == ["community"]
    assert stored.one("SELECT level FROM duty WHERE key = 'paired_department'") == "community"


def test_people_are_told_which_duties_went(wangge: Wangge, without_compounds: Path) -> None:
    told = wangge("load", "levels", without_compounds)

    assert told.exit_code == 0
    assert "duties that went with their level: " in told.out
    assert "party_branch" in told.out


@pytest.mark.parametrize(
    "carried",
    [
        Carried("ada", "C1", "party_branch", level="compound"),
        Carried("ada", "C1", "paired_department", level="compound"),
    ],
    ids=["of its own duty", "of a duty of another level"],
)
def test_a_level_on_which_somebody_has_a_duty_stays(
    wangge: Wangge, stored: Stored, without_compounds: Path, carried: Carried
) -> None:
    carry(stored, carried)
    before = duties(stored)

    error = wangge.failure("load", "levels", without_compounds, exit_code=ExitCode.REFUSED)

    assert error["code"] == "CONFLICT"
    assert "'compound' has 1 assignment and must stay" in error["message"]
    assert duties(stored) == before


def test_a_level_stays_whose_duty_somebody_has_on_another_one(
    wangge: Wangge, stored: Stored, without_compounds: Path
) -> None:
    stored.rows("INSERT INTO duty_level VALUES ('party_branch', 'grid') RETURNING duty")
    carry(stored, Carried("ada", "010101", "party_branch", level="grid"))

    error = wangge.failure("load", "levels", without_compounds, exit_code=ExitCode.REFUSED)

    assert "'compound' has 1 assignment and must stay" in error["message"]


def test_a_duty_that_ended_keeps_its_level_too(
    wangge: Wangge, stored: Stored, without_compounds: Path
) -> None:
    carry(stored, Carried("ada", "C1", "party_branch", level="compound"))
    stored.rows("UPDATE assignment SET until = since RETURNING id")

    assert wangge("load", "levels", without_compounds).exit_code == ExitCode.REFUSED


def test_a_level_that_only_gets_another_name_keeps_its_duties(
    wangge: Wangge, stored: Stored, tmp_path: Path
) -> None:
    carry(stored, Carried("ada", "010101"))
    before = duties(stored)
    renamed = tmp_path / "renamed.toml"
    named = GRID.replace("parent", 'name = "网格"\nparent')
    renamed.write_text(LEVELS.replace(GRID, named), encoding="utf-8")

    changes = wangge.ask("load", "levels", renamed)

    assert (changes["changed"], changes["duties"]) == (["grid"], [])
    assert duties(stored) == before


@pytest.mark.anyio
@pytest.mark.parametrize("first", ["nothing", "the lock of who assigns"])
async def test_a_level_waits_for_who_is_just_getting_a_duty_on_it(
    levels_database: str, engine: AsyncEngine, stored: Stored, without_compounds: Path, first: str
) -> None:
    """Neither waits for the other in a circle, however far the other one has come."""
    del levels_database  # it is copied
    carry(stored, Carried("ada", "010101"))
    waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
    assigning: LiteralString = (
        "INSERT INTO assignment (duty, body, level, code, since, created_by)"
        " VALUES ('party_branch', 'ada', 'compound', 'C1', '2026-01-01', 'test')"
    )
    with stored.connect() as other:
        if first == "nothing":
            other.execute(assigning)
        else:
            other.execute("SELECT stamp FROM duty_stamp FOR UPDATE")
        loading = asyncio.ensure_future(load_levels(engine, read_levels(without_compounds)))
        while not stored.one(waiting) and not loading.done():  # noqa: ASYNC110 - the database has no event
            await asyncio.sleep(0.01)
        assert not loading.done()
        if first != "nothing":
            other.execute(assigning)
        other.commit()

    with pytest.raises(ConflictError, match="'compound' has 1 assignment and must stay"):
        await loading
