"""The town's duties are those that a new database knows."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

import pytest

from fixtures.__main__ import DATA
from storage.duties import DutyRow, PostRow, all_duties
from tests.town import table

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

TOLD = tomllib.loads((DATA / "duties.toml").read_text(encoding="utf-8"))["duty"]
RANK = ("district", "subdistrict", "community", "grid", "compound")


def row(told: dict[str, Any]) -> DutyRow:  # of a TOML file
    """Return a duty of the file as it should be stored."""
    return DutyRow(
        key=told["key"],
        name=told["name"],
        level=told["level"],
        levels=tuple(sorted(told.get("levels", [told["level"]]), key=RANK.index)),
        min=told.get("min", 0),
        max=told.get("max"),
        several=told.get("several", True),
        public=told.get("public", True),
        posts=tuple(PostRow(**post) for post in told.get("post", ())),
    )


@pytest.mark.anyio
async def test_a_new_database_knows_the_towns_duties(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        known = await all_duties(connection)

    assert known == sorted(map(row, TOLD), key=lambda duty: duty.key)


def test_the_posts_are_those_of_the_list() -> None:
    [posts] = [duty["post"] for duty in TOLD if "post" in duty]

    assert posts == table("posts.csv")
    assert len(posts) == 8


def test_the_roster_carries_every_duty_and_no_other_one() -> None:
    carried = {row["duty"] for row in table("assignments.csv")}

    assert carried == {duty["key"] for duty in TOLD}
    for one in table("assignments.csv"):
        [duty] = [duty for duty in TOLD if duty["key"] == one["duty"]]
        assert one["level"] in row(duty).levels
