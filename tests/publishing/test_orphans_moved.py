"""``wangge orphans``: all assignments without a unit, and the list that moves them."""

from __future__ import annotations

import csv
import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest

from tests.clock import city_day
from tests.publishing.carried import LONG_AGO, Carried, carry, held
from tests.publishing.drawing import GRIDS_B, Box, plan, write_addresses, write_geojson

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from shapely.geometry.base import BaseGeometry

    from tests.publishing.outside import Wangge
    from tests.publishing.stored import Stored

TODAY = city_day()
WEEK = dt.timedelta(days=7)

HOMES = {"south-west": (50.0, 50.0, 3), "south-east": (150.0, 50.0, 9)}
"""Twelve households in grid 010101."""

HALVED = {"010111": (0, 0, 100, 100), "010112": (100, 0, 200, 100), "010102": (0, 100, 200, 200)}
ONE = {"010113": (0, 0, 200, 100), "010102": (0, 100, 200, 200)}
WHOLE = {"010102": (0, 0, 200, 200)}


@pytest.fixture
def staffed(town: Wangge, stored: Stored, tmp_path: Path) -> Wangge:
    """Give the town with its households, two grid holders and a volunteer."""
    town.ask("load", "addresses", write_addresses(tmp_path / "homes.csv", HOMES))
    carry(
        stored,
        Carried("anna", "010101"),
        Carried("bert", "010102"),
        Carried("vera", "010101", "volunteer", post="mediator", until=TODAY + WEEK),
    )
    return town


def publish(town: Wangge, here: Path, west: Mapping[str, Box], *options: object) -> int:
    """Publish the grids of both communities, those of the first anew."""
    units: dict[str, Box | BaseGeometry] = {**west, **GRIDS_B.shapes}
    return town.publish("grid", write_geojson(here, plan(units)), *options)


def listed(path: Path) -> list[tuple[str, ...]]:
    """Return the rows of a list, without the notes."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["duty", "body", "level", "unit", "post", "since", "until", "note"]
    return [tuple(row[:-1]) for row in rows[1:]]


def left(told: dict[str, Any]) -> list[tuple[str, str, list[str]]]:
    """Return body, unit and successors of each."""
    return [
        (
            one["assignment"]["body"]["key"],
            one["unit"]["code"],
            [to["unit"]["code"] for to in one["successors"]],
        )
        for one in told["nodes"]
    ]


def test_while_all_units_stand_there_is_nothing_to_tell(staffed: Wangge) -> None:
    assert staffed.ask("orphans")["nodes"] == []
    assert "every assignment has its unit" in staffed("orphans").out


def test_the_list_ends_what_is_left_and_begins_it_on_the_successor(
    staffed: Wangge, here: Path, tmp_path: Path
) -> None:
    publish(staffed, here, HALVED)
    out = tmp_path / "moved.csv"

    told = staffed.ask("orphans", "--csv", out)

    halves = ["010112", "010111"]
    assert left(told) == [("anna", "010101", halves), ("vera", "010101", halves)]
    day, end = str(TODAY), str(TODAY + WEEK)
    assert listed(out) == [
        ("grid_holder", "anna", "grid", "010101", "", str(LONG_AGO), day),
        ("grid_holder", "anna", "grid", "010112", "", day, ""),
        ("volunteer", "vera", "grid", "010101", "mediator", str(LONG_AGO), day),
        ("volunteer", "vera", "grid", "010112", "mediator", day, end),
    ]


def test_loading_the_list_moves_everyone_and_leaves_no_orphan(
    staffed: Wangge, stored: Stored, here: Path, tmp_path: Path
) -> None:
    publish(staffed, here, HALVED)
    out = tmp_path / "moved.csv"
    staffed.ask("orphans", "--csv", out)

    loaded = staffed.ask("load", "assignments", out)
    again = staffed.ask("load", "assignments", out)

    assert (loaded["added"], loaded["changed"]) == (2, 2)
    assert (again["added"], again["changed"], again["unchanged"]) == (0, 0, 4)
    assert staffed.ask("orphans")["nodes"] == []
    assert stored.rows("SELECT body, code, since, until FROM assignment ORDER BY id") == [
        ("anna", "010101", LONG_AGO, TODAY),
        ("bert", "010102", LONG_AGO, None),
        ("vera", "010101", LONG_AGO, TODAY),
        ("anna", "010112", TODAY, None),
        ("vera", "010112", TODAY, TODAY + WEEK),
    ]


def test_where_the_successor_has_its_holder_the_row_comes_back_and_the_rest_is_taken(
    staffed: Wangge, stored: Stored, here: Path, tmp_path: Path
) -> None:
    publish(staffed, here, WHOLE)
    out = tmp_path / "moved.csv"
    staffed.ask("orphans", "--csv", out)

    loaded = staffed.ask("load", "assignments", out, exit_code=1)

    [rejected] = loaded["rejected"]
    assert "bert" in rejected["reason"]
    assert stored.rows("SELECT body, code FROM assignment WHERE until IS NULL") == [
        ("bert", "010102")
    ]


def test_looking_moves_nobody(staffed: Wangge, stored: Stored, here: Path, tmp_path: Path) -> None:
    before = held(stored)
    publish(staffed, here, HALVED)
    staffed.ask("orphans", "--csv", tmp_path / "moved.csv")

    assert held(stored) == before


def test_successors_are_units_of_the_day_however_long_ago_the_unit_went(
    staffed: Wangge, here: Path
) -> None:
    publish(staffed, here, HALVED)
    publish(staffed, here, ONE)  # the halves are gone, too

    told = staffed.ask("orphans")

    assert left(told) == [("anna", "010101", ["010113"]), ("vera", "010101", ["010113"])]
    assert {one["goneOn"] for one in told["nodes"]} == {str(TODAY)}


def test_a_day_to_come_is_told_beforehand(staffed: Wangge, here: Path, tmp_path: Path) -> None:
    day = TODAY + WEEK
    publish(staffed, here, HALVED, "--effective-on", day)
    out = tmp_path / "moved.csv"

    now, then = staffed.ask("orphans"), staffed.ask("orphans", "--as-of", day, "--csv", out)

    assert left(now) == []
    # vera ends on that day anyway
    assert left(then) == [("anna", "010101", ["010112", "010111"])]
    assert [row[-1] for row in listed(out)] == [str(day), ""]


def test_who_has_the_duty_on_the_successor_already_does_not_get_it_twice(
    town: Wangge, stored: Stored, here: Path, tmp_path: Path
) -> None:
    stored.rows("UPDATE duty SET several = true WHERE key = 'volunteer' RETURNING key")
    carry(
        stored,
        Carried("vera", "010101", "volunteer"),
        Carried("vera", "010102", "volunteer"),
    )
    publish(town, here, WHOLE)
    out = tmp_path / "moved.csv"

    town.ask("orphans", "--csv", out)

    day = str(TODAY)
    assert listed(out) == [("volunteer", "vera", "grid", "010101", "", str(LONG_AGO), day)]
    assert town.ask("load", "assignments", out)["changed"] == 1


def test_two_units_that_become_one_give_one_row(
    town: Wangge, stored: Stored, here: Path, tmp_path: Path
) -> None:
    stored.rows("UPDATE duty SET several = true WHERE key = 'volunteer' RETURNING key")
    carry(
        stored,
        Carried("vera", "010101", "volunteer"),
        Carried("vera", "010102", "volunteer"),
    )
    publish(town, here, {"010103": (0, 0, 200, 200)})
    out = tmp_path / "moved.csv"

    town.ask("orphans", "--csv", out)

    assert [row[3] for row in listed(out)] == ["010101", "010103", "010102"]
    assert town.ask("load", "assignments", out)["added"] == 1


def test_what_no_list_can_say_is_counted(
    staffed: Wangge, stored: Stored, here: Path, tmp_path: Path
) -> None:
    publish(staffed, here, HALVED)
    carry(
        stored,
        Carried("late", "010101", "volunteer", since=TODAY + WEEK),
        Carried("lost", "999999", "volunteer", since=TODAY),
    )
    out = tmp_path / "moved.csv"

    told = staffed.ask("orphans", "--csv", out)
    shown = staffed("orphans").out

    assert [one[0] for one in left(told)] == ["anna", "vera", "late", "lost"]
    assert told["leftOut"] == 2
    assert {row[1] for row in listed(out)} == {"anna", "vera"}
    assert "2 of them begin after their unit went, or never had one" in shown


def test_nothing_is_written_to_a_place_that_is_none(staffed: Wangge, tmp_path: Path) -> None:
    error = staffed.failure("orphans", "--csv", tmp_path / "no" / "moved.csv", exit_code=2)

    assert error["code"] == "BAD_INPUT"
