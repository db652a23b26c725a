"""Duties on units that a draft or an edition takes away: told, with a successor, and left alone."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest

from tests.clock import city_day
from tests.publishing.carried import LONG_AGO, Carried, carry, held
from tests.publishing.drawing import (
    GRIDS_B,
    Box,
    plan,
    rectangle_m2,
    write_addresses,
    write_geojson,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from shapely.geometry.base import BaseGeometry

    from tests.publishing.outside import Wangge
    from tests.publishing.stored import Stored

TODAY = city_day()
WEEK = dt.timedelta(days=7)

HOMES = {
    "south-west": (50.0, 50.0, 3),
    "south-east": (150.0, 50.0, 9),
    "north-west": (50.0, 150.0, 4),
}
"""In community 0101: twelve households in grid 010101, four in 010102."""

HOLDERS = (Carried("anna", "010101"), Carried("bert", "010102"), Carried("cora", "010201"))

SPLIT = {"010111": (0, 0, 100, 100), "010112": (100, 0, 200, 100), "010102": (0, 100, 200, 200)}
"""010101 becomes two grids, of three and of nine households; its code goes."""
MERGED = {"010102": (0, 0, 200, 200)}
RECODED = {"010109": (0, 0, 200, 100), "010102": (0, 100, 200, 200)}
KEPT = {"010101": (0, 0, 100, 100), "010112": (100, 0, 200, 100), "010102": (0, 100, 200, 200)}
"""010101 is split, too, but one part keeps its code."""


@pytest.fixture
def staffed(town: Wangge, stored: Stored, tmp_path: Path) -> Wangge:
    """Give the town with its households and three grid holders."""
    town.ask("load", "addresses", write_addresses(tmp_path / "homes.csv", HOMES))
    carry(stored, *HOLDERS)
    return town


def grids(here: Path, west: Mapping[str, Box]) -> Path:
    """Write the grids of both communities, those of the first anew."""
    units: dict[str, Box | BaseGeometry] = {**west, **GRIDS_B.shapes}
    return write_geojson(here, plan(units))


def left(told: dict[str, Any]) -> list[tuple[str, str, list[str]]]:
    """Return body, unit and successors of each assignment that is left behind."""
    nodes = told["orphans"]["nodes"]
    assert told["orphans"]["totalCount"] == len(nodes)
    return [
        (
            one["assignment"]["body"]["key"],
            one["unit"]["code"],
            [to["unit"]["code"] for to in one["successors"]],
        )
        for one in nodes
    ]


@pytest.mark.parametrize(
    ("west", "expected"),
    [
        (SPLIT, [("anna", "010101", ["010112", "010111"])]),  # nine households before three
        (MERGED, [("anna", "010101", ["010102"])]),
        (RECODED, [("anna", "010101", ["010109"])]),
        (KEPT, []),
    ],
    ids=["split", "merged", "recoded", "split with the code kept"],
)
def test_what_a_draft_leaves_behind_is_the_same_wherever_it_is_told(
    staffed: Wangge, stored: Stored, here: Path, west: Mapping[str, Box], expected: object
) -> None:
    before, file = held(stored), grids(here, west)

    trial = staffed.draft("grid", file, "--dry-run")["changes"]
    made = staffed.draft("grid", file)
    shown = staffed.ask("draft", "show", made["id"])["changes"]
    edition = staffed.ask("draft", "publish", made["id"])
    between = staffed.ask("diff", edition["number"] - 1, edition["number"], "--level", "grid")

    for told in (trial, made["changes"], shown, edition, between):
        assert left(told) == expected
    assert held(stored) == before, "nothing is moved"


def test_the_successor_is_told_with_its_households_and_land(staffed: Wangge, here: Path) -> None:
    [orphan] = staffed.draft("grid", grids(here, SPLIT))["changes"]["orphans"]["nodes"]

    first, second = orphan["successors"]
    assert orphan["assignment"]["duty"] == {"key": "grid_holder", "name": "网格长"}
    assert orphan["assignment"]["body"] == {"key": "anna", "name": "Anna"}
    assert (first["households"], first["householdShare"]) == (9, pytest.approx(9 / 12))
    assert (second["households"], second["householdShare"]) == (3, pytest.approx(3 / 12))
    assert first["areaM2"] == pytest.approx(rectangle_m2(SPLIT["010112"]), rel=1e-5)
    assert first["areaShare"] == pytest.approx(0.5, rel=1e-6)


def test_where_nobody_lives_the_successor_is_who_gets_most_land(
    town: Wangge, stored: Stored, here: Path
) -> None:
    carry(stored, *HOLDERS)
    file = grids(here, {**SPLIT, "010111": (0, 0, 120, 100), "010112": (120, 0, 200, 100)})

    [orphan] = town.draft("grid", file)["changes"]["orphans"]["nodes"]

    assert [to["unit"]["code"] for to in orphan["successors"]] == ["010111", "010112"]
    assert [to["householdShare"] for to in orphan["successors"]] == [None, None]
    assert orphan["successors"][0]["areaShare"] == pytest.approx(0.6, rel=1e-6)


def test_only_what_holds_then_or_later_is_left_behind(
    town: Wangge, stored: Stored, here: Path
) -> None:
    carry(
        stored,
        Carried("ended", "010101", until=TODAY),
        Carried("never", "010101", since=TODAY, until=TODAY),
        Carried("last day", "010101", "volunteer", until=TODAY + dt.timedelta(days=1)),
        Carried("to come", "010101", "volunteer", since=TODAY + WEEK),
        Carried("elsewhere", "010101", "community_liaison", level="community"),
    )

    told = town.draft("grid", grids(here, MERGED))["changes"]

    assert [body for body, *_ in left(told)] == ["last day", "to come"]


def test_the_day_is_that_of_the_edition(staffed: Wangge, stored: Stored, here: Path) -> None:
    day = TODAY + WEEK
    carry(stored, Carried("dora", "010101", "volunteer", until=day))
    carry(stored, Carried("emil", "010101", "volunteer", until=day + dt.timedelta(days=1)))

    made = staffed.draft("grid", grids(here, MERGED))
    edition = staffed.ask("draft", "publish", made["id"], "--effective-on", day)
    later = staffed.ask("draft", "show", made["id"])

    assert [body for body, *_ in left(made["changes"])] == ["anna", "dora", "emil"]
    assert [body for body, *_ in left(edition)] == ["anna", "emil"]
    assert [body for body, *_ in left(later["changes"])] == ["anna", "emil"]
    assert {one["goneOn"] for one in edition["orphans"]["nodes"]} == {str(day)}


def test_a_draft_over_an_edition_to_come_cannot_take_effect_before_it(
    staffed: Wangge, stored: Stored, here: Path
) -> None:
    day = TODAY + WEEK
    carry(stored, Carried("dora", "010101", "volunteer", until=day))
    renamed = plan(
        {"010101": (0, 0, 200, 100), "010102": (0, 100, 200, 200), **GRIDS_B.shapes},
        names={"010102": "North"},
    )
    staffed.publish("grid", write_geojson(here, renamed), "--effective-on", day)

    told = staffed.draft("grid", grids(here, MERGED))["changes"]

    assert [body for body, *_ in left(told)] == ["anna"]


def test_what_is_ended_on_the_day_is_left_behind_no_more(
    staffed: Wangge, stored: Stored, here: Path
) -> None:
    number = staffed.publish("grid", grids(here, MERGED))
    asked = ("diff", number - 1, number, "--level", "grid")
    assert [body for body, *_ in left(staffed.ask(*asked))] == ["anna"]

    stored.rows("UPDATE assignment SET until = %s WHERE body = 'anna' RETURNING id", TODAY)

    assert left(staffed.ask(*asked)) == []


def test_a_code_that_comes_back_takes_its_assignments_up_again(
    staffed: Wangge, stored: Stored, here: Path
) -> None:
    gone = staffed.publish("grid", grids(here, MERGED))
    day = TODAY + WEEK
    again = {"010101": (0, 0, 200, 100), "010102": (0, 100, 200, 200)}
    staffed.publish("grid", grids(here, again), "--effective-on", day)
    carry(stored, Carried("fred", "010101", "volunteer", since=day))
    carry(stored, Carried("gina", "010101", "volunteer", since=day - dt.timedelta(days=1)))

    told = staffed.ask("diff", gone - 1, gone, "--level", "grid")

    # fred begins with the code; the others hold on days on which it does not stand
    assert [body for body, *_ in left(told)] == ["anna", "gina"]


def test_a_correction_of_the_same_day_leaves_nothing_behind(staffed: Wangge, here: Path) -> None:
    gone = staffed.publish("grid", grids(here, MERGED))
    again = {"010101": (0, 0, 200, 100), "010102": (0, 100, 200, 200)}
    staffed.publish("grid", grids(here, again), "--correction")

    assert left(staffed.ask("diff", gone - 1, gone, "--level", "grid")) == []


def test_a_revert_tells_what_it_leaves_behind(staffed: Wangge, stored: Stored, here: Path) -> None:
    before = stored.newest()
    staffed.publish("grid", grids(here, SPLIT))
    carry(stored, Carried("hugo", "010111"))

    made = staffed.ask("revert", "--level", "grid", "--to", before)
    done = staffed.ask("revert", "--level", "grid", "--to", before, "--publish")

    assert left(made["changes"]) == [("hugo", "010111", ["010101"])]
    assert left(done["changes"]) == [("hugo", "010111", ["010101"])]


def test_levels_published_together_each_tell_their_own(
    staffed: Wangge, stored: Stored, here: Path, tmp_path: Path
) -> None:
    carry(stored, Carried("ines", "0102", "community_liaison", level="community"))
    communities = plan({"0101": (0, 0, 200, 200), "0103": (200, 0, 400, 200)})
    file = write_geojson(tmp_path / "communities.geojson", communities)
    above = staffed.draft("community", file, exit_code=1)
    below = plan(
        {
            "010101": (0, 0, 200, 100),
            "010102": (0, 100, 200, 200),
            "010301": (200, 0, 400, 100),
            "010302": (200, 100, 400, 200),
        }
    )
    made = staffed.draft("grid", write_geojson(here, below), "--with", above["id"])

    edition = staffed.ask("draft", "publish", above["id"], made["id"])

    assert left(above["changes"]) == [("ines", "0102", ["0103"])]
    assert left(made["changes"]) == [("cora", "010201", ["010301"])]
    assert left(edition) == [("ines", "0102", ["0103"]), ("cora", "010201", ["010301"])]


def test_people_read_how_many_who_and_where_to(staffed: Wangge, here: Path) -> None:
    file = grids(here, SPLIT)
    trial = staffed("import", file, "--level", "grid", "--dry-run")
    made = staffed.draft("grid", file)
    published = staffed("draft", "publish", made["id"])

    assert "1 assignment would be left without a unit" in trial.out
    assert "010112: 75.0 % of the households" in trial.out
    assert "Anna (anna)" in trial.out
    assert "1 assignment is left without a unit" in published.out
    assert "wangge orphans --csv FILE" in published.out


def test_a_terminal_lists_ten_and_json_all(town: Wangge, stored: Stored, here: Path) -> None:
    carry(stored, *(Carried(f"v{n:02}", "010101", "volunteer") for n in range(12)))
    file = grids(here, MERGED)

    shown = town("import", file, "--level", "grid", "--dry-run").out
    told = town.draft("grid", file, "--dry-run")["changes"]

    assert "12 assignments would be left without a unit, the first 10" in shown
    assert ("(v09)" in shown, "(v10)" in shown) == (True, False)
    assert len(left(told)) == 12


def test_a_reports_page_tells_duties_and_nobodys_name(
    staffed: Wangge, here: Path, tmp_path: Path
) -> None:
    page, later = tmp_path / "would.html", tmp_path / "did.html"
    file = grids(here, SPLIT)

    made = staffed.draft("grid", file, "--report", page, "--lang", "en")
    staffed.ask("draft", "publish", made["id"])
    staffed.ask("draft", "show", made["id"], "--report", later, "--lang", "zh")

    would, did = (one.read_text(encoding="utf-8") for one in (page, later))
    assert "1 assignment would be left without a unit." in would
    assert "010101: 网格长; proposed successor: 010112, which receives 75.0% of" in would
    assert "有 1 项任职失去所在单元" in did
    assert "Anna" not in would + did


def test_an_assignment_long_over_on_a_unit_long_gone_is_no_orphan(
    staffed: Wangge, stored: Stored, here: Path
) -> None:
    carry(stored, Carried("old", "019999", "volunteer", since=LONG_AGO, until=TODAY - WEEK))

    assert [body for body, *_ in left(staffed.draft("grid", grids(here, SPLIT))["changes"])] == [
        "anna"
    ]
