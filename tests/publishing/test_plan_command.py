"""``wangge plan``: planners see who should go where, and make it so."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

import pytest

from tests.publishing.carried import Carried, carry

if TYPE_CHECKING:
    from pathlib import Path

    from tests.publishing.outside import Wangge
    from tests.publishing.stored import Stored

ASKED = ("plan", "volunteer", "--within", "0101", "--per-unit-max", "2")


@pytest.fixture
def staffed(town: Wangge, stored: Stored) -> Wangge:
    """Give the town, in which all four volunteers of 0101 are on one of its two grids."""
    keys = ("vera", "vito", "ann", "ben")
    carry(stored, *(Carried(key, "010101", "volunteer") for key in keys))
    return town


def test_a_plan_is_shown_and_nothing_is_written(staffed: Wangge, stored: Stored) -> None:
    before = stored.rows("SELECT * FROM assignment ORDER BY id")

    found = staffed.ask(*ASKED)
    said = staffed(*ASKED).out

    assert [load["bodyCountBefore"] for load in found["loads"]] == [4, 0]
    assert [load["bodyCount"] for load in found["loads"]] == [2, 2]
    assert found["cost"] == found["bound"]
    assert found["optimal"]
    assert found["accepted"] is None
    assert "proven, no plan costs less" in said
    assert "4 placed; nothing is written: --accept makes it hold" in said
    assert stored.rows("SELECT * FROM assignment ORDER BY id") == before


def test_an_accepted_plan_holds(staffed: Wangge, stored: Stored) -> None:
    found = staffed.ask(*ASKED, "--accept")

    assert found["accepted"] == 4
    held = "SELECT body, code FROM assignment WHERE until IS NULL ORDER BY body"
    wanted = sorted((item["body"]["key"], item["unit"]["code"]) for item in found["items"])
    assert [tuple(row) for row in stored.rows(held)] == wanted
    assert [load["bodyCountBefore"] for load in staffed.ask(*ASKED)["loads"]] == [2, 2]


def test_the_items_are_written_to_a_file(staffed: Wangge, tmp_path: Path) -> None:
    found = staffed.ask(*ASKED, "--csv", tmp_path / "plan.csv")

    rows = list(csv.DictReader(io.StringIO((tmp_path / "plan.csv").read_text("utf-8-sig"))))
    assert [(row["body"], row["unit"]) for row in rows] == [
        (item["body"]["key"], item["unit"]["code"]) for item in found["items"]
    ]


@pytest.mark.parametrize(
    ("asked", "code", "says"),
    [
        (("--per-unit-min", "9"), "BAD_INPUT", "bodies must be placed"),
        (("--per-unit-min", "2", "--per-unit-max", "1"), "BAD_INPUT", "more than perUnitMax"),
        (("--since", "2030-01-01"), "BAD_INPUT", "--since is for --accept"),
        (("--csv", "/nowhere/plan.csv"), "UNREADABLE", "cannot be written"),
    ],
)
def test_what_cannot_be_is_refused(
    staffed: Wangge, asked: tuple[str, ...], code: str, says: str
) -> None:
    error = staffed("plan", "volunteer", "--within", "0101", *asked, "--json").json()["error"]

    assert error["code"] == code
    assert says in error["message"]
