"""Compounds and addresses: levels that leave land free, and who lives where."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.publishing.drawing import (
    GRIDS,
    Plan,
    halves,
    plan,
    rectangle_m2,
    write_addresses,
    write_geojson,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tests.publishing.outside import Wangge
    from tests.publishing.stored import Stored

pytestmark = pytest.mark.postgis

YARDS = plan({"K1": (20, 20, 80, 60), "K2": (120, 20, 180, 60), "K3": (220, 20, 280, 60)})
HOMES = {  # x, y, households: none lies on a border
    "h1": (30, 30, 5),
    "h2": (150, 40, 7),
    "h3": (50, 150, 11),
    "h4": (250, 40, 13),
    "h5": (350, 190, 17),
}


# --- compounds ----------------------------------------------------------------------------------


def test_compounds_leave_land_free_and_that_is_said_but_forbids_nothing(
    town: Wangge, stored: Stored, here: Path
) -> None:
    made = town.draft("compound", write_geojson(here, YARDS), "--publish")

    clauses = {c["rule"]: (c["required"], c["holds"]) for c in made["report"]["clauses"]}
    assert clauses["NO_BLANK"] == (False, False)
    free = rectangle_m2((0, 0, 400, 200)) - sum(
        rectangle_m2(shape.bounds) for shape in YARDS.shapes.values()
    )
    assert made["report"]["blankM2"] == pytest.approx(free, rel=1e-5)
    assert {c: row.parent for c, row in stored.units("compound").items()} == {
        "K1": "0101",
        "K2": "0101",
        "K3": "0102",
    }
    assert town.publish("compound", here) == 4


def test_compounds_give_no_nodes_to_the_levels_that_fill_the_ground(
    town: Wangge, stored: Stored, here: Path
) -> None:
    before = {level: stored.digest(3) for level in ("grid",)}
    nodes = {c: row.nodes() for c, row in stored.units("grid").items()}
    along = plan({"K1": (20, 100, 80, 130), "K2": (170, 20, 200, 60)})

    assert town.publish("compound", write_geojson(here, along)) == 4

    assert {c: row.nodes() for c, row in stored.units("grid").items()} == nodes
    assert stored.digest(3) == before["grid"]


@pytest.mark.parametrize(
    ("yards", "kind", "land"),
    [
        ({"K1": (20, 20, 80, 60), "K2": (70, 20, 120, 60)}, "OVERLAP", (70, 20, 80, 60)),
        ({"K1": (20, 20, 80, 60), "K2": (20, 20, 80, 60)}, "OVERLAP", (20, 20, 80, 60)),
        ({"K1": (20, 20, 80, 60), "K2": (30, 30, 40, 40)}, "OVERLAP", (30, 30, 40, 40)),
        ({"K1": (150, 20, 220, 60)}, "STRADDLES", (200, 20, 220, 60)),
        ({"K1": (-10, 20, 80, 60)}, "OUTSIDE", (-10, 20, 0, 60)),
    ],
)
def test_compounds_that_clash_are_refused_with_the_land(
    town: Wangge,
    stored: Stored,
    here: Path,
    yards: dict[str, tuple[float, float, float, float]],
    kind: str,
    land: tuple[float, float, float, float],
) -> None:
    made = town.draft("compound", write_geojson(here, plan(yards)), "--publish", exit_code=1)

    blocking = [f for f in made["report"]["findings"]["nodes"] if f["severity"] == "BLOCKING"]
    assert [f["kind"] for f in blocking] == [kind]
    assert blocking[0]["areaM2"] == pytest.approx(rectangle_m2(land), rel=1e-5)
    assert {unit["code"] for unit in blocking[0]["units"]} <= set(yards)
    refused = town.failure("draft", "publish", made["id"], exit_code=5)
    assert refused["code"] == "NOT_CLEAN"
    assert refused["findingIds"] == [blocking[0]["id"]]
    assert stored.newest() == 3


def test_a_parent_whose_border_cuts_a_compound_is_refused_and_names_it(
    town: Wangge, stored: Stored, here: Path, tmp_path: Path
) -> None:
    town.publish("compound", write_geojson(here, YARDS))
    above = town.draft(
        "community",
        write_geojson(here, plan({"0101": (0, 0, 250, 200), "0102": (250, 0, 400, 200)})),
        exit_code=1,
    )
    grids = plan(halves(0, 250, 100, "0101") | halves(250, 400, 100, "0102"))
    below = town.draft("grid", write_geojson(tmp_path / "g", grids), "--with", above["id"])

    refused = town.failure("draft", "publish", above["id"], below["id"], exit_code=5)

    assert refused["code"] == "NOT_CLEAN"
    cut = [
        f
        for f in above["report"]["findings"]["nodes"]
        if f["units"][:1] and f["units"][0]["code"] == "K3"
    ]
    assert cut
    assert set(refused["findingIds"]) & {f["id"] for f in cut}
    assert stored.newest() == 4


def test_compounds_of_other_ground_are_looked_at_when_parents_and_some_compounds_change_together(
    wangge: Wangge, stored: Stored, here: Path, tmp_path: Path
) -> None:
    # no grids: only the communities and their compounds; K3 of 0102 comes to lie in 0101
    wangge.publish("district", write_geojson(here, plan({"01": (0, 0, 400, 200)})))
    wangge.publish(
        "community",
        write_geojson(here, plan({"0101": (0, 0, 200, 200), "0102": (200, 0, 400, 200)})),
    )
    wangge.publish("compound", write_geojson(here, YARDS))
    above = wangge.draft(
        "community",
        write_geojson(here, plan({"0101": (0, 0, 300, 200), "0102": (300, 0, 400, 200)})),
        exit_code=1,
    )
    mine = plan({"K1": (20, 20, 80, 60), "K2": (120, 20, 180, 70)})
    below = wangge.draft(
        "compound", write_geojson(tmp_path / "k", mine), "--within", "0101", "--with", above["id"]
    )

    refused = wangge.failure("draft", "publish", above["id"], below["id"], exit_code=5)

    assert refused["code"] == "NOT_CLEAN"
    assert stored.newest() == 3


def test_compounds_move_with_their_parents_in_one_edition(
    wangge: Wangge, stored: Stored, here: Path, tmp_path: Path
) -> None:
    wangge.publish("district", write_geojson(here, plan({"01": (0, 0, 400, 200)})))
    wangge.publish(
        "community",
        write_geojson(here, plan({"0101": (0, 0, 200, 200), "0102": (200, 0, 400, 200)})),
    )
    wangge.publish("compound", write_geojson(here, YARDS))
    above = wangge.draft(
        "community",
        write_geojson(here, plan({"0101": (0, 0, 300, 200), "0102": (300, 0, 400, 200)})),
        exit_code=1,
    )
    below = wangge.draft("compound", write_geojson(tmp_path / "k", YARDS), "--with", above["id"])

    assert wangge.ask("draft", "publish", above["id"], below["id"])["number"] == 4

    rows = stored.units("compound")
    assert {c: row.parent for c, row in rows.items()} == dict.fromkeys(YARDS.shapes, "0101")
    assert {c: row.drawn for c, row in rows.items()} == dict.fromkeys(YARDS.shapes, 3)
    assert stored.faults() == {}


# --- addresses ----------------------------------------------------------------------------------


def test_every_household_is_counted_in_its_grid(
    town: Wangge, stored: Stored, here: Path, tmp_path: Path
) -> None:
    town.ask("load", "addresses", write_addresses(tmp_path / "homes.csv", HOMES))

    made = town.draft(
        "grid",
        write_geojson(here, plan(dict(GRIDS.shapes) | halves(0, 200, 35, "0101"))),
        "--publish",
    )

    assert made["report"]["households"] == {
        "total": 53,
        "covered": 53,
        "uncovered": 0,
        "doubled": 0,
    }
    tallies = stored.rows(
        "SELECT code, households, people FROM unit_tally"
        " WHERE last_edition IS NULL AND level = 'grid' ORDER BY code"
    )
    assert tallies == [
        ("010101", 5, 15),
        ("010102", 18, 54),  # h2 at y = 40 is above the border now
        ("010201", 13, 39),
        ("010202", 17, 51),
    ]


def test_a_household_on_blank_land_forbids_publishing(
    town: Wangge, here: Path, tmp_path: Path
) -> None:
    town.ask("load", "addresses", write_addresses(tmp_path / "homes.csv", HOMES))
    hole = plan({**dict(GRIDS.shapes), "010102": (0, 160, 200, 200)})

    made = town.draft("grid", write_geojson(here, hole), exit_code=1)

    nodes = {f["kind"]: f for f in made["report"]["findings"]["nodes"]}
    assert set(nodes) == {"BLANK", "HOUSEHOLD_UNCOVERED"}
    assert nodes["BLANK"]["households"] == 11
    assert nodes["HOUSEHOLD_UNCOVERED"]["households"] == 11
    assert nodes["HOUSEHOLD_UNCOVERED"]["addresses"] == ["h3"]
    assert made["report"]["households"] == {
        "total": 53,
        "covered": 42,
        "uncovered": 11,
        "doubled": 0,
    }
    refused = town.failure("draft", "publish", made["id"], exit_code=5)
    assert set(refused["findingIds"]) == {f["id"] for f in nodes.values()}


def test_a_household_in_two_grids_forbids_publishing(
    town: Wangge, here: Path, tmp_path: Path
) -> None:
    town.ask("load", "addresses", write_addresses(tmp_path / "homes.csv", HOMES))
    twice = plan({**dict(GRIDS.shapes), "010101": (0, 0, 200, 160)})

    made = town.draft("grid", write_geojson(here, twice), exit_code=1)

    nodes = {f["kind"]: f for f in made["report"]["findings"]["nodes"]}
    assert set(nodes) == {"OVERLAP", "HOUSEHOLD_DOUBLED"}
    assert nodes["HOUSEHOLD_DOUBLED"]["addresses"] == ["h3"]
    assert {u["code"] for u in nodes["HOUSEHOLD_DOUBLED"]["units"]} == {"010101", "010102"}
    assert nodes["OVERLAP"]["areaM2"] == pytest.approx(rectangle_m2((0, 100, 200, 160)), rel=1e-5)
    assert made["report"]["households"]["doubled"] == 11


def test_addresses_that_come_later_are_seen_by_the_check_in_the_publish(
    town: Wangge, stored: Stored, here: Path, tmp_path: Path
) -> None:
    # the compound K1 is drawn while nobody names it; then somebody outside of it does
    made = town.draft("compound", write_geojson(here, YARDS))
    homes = tmp_path / "homes.csv"
    homes.write_text("key,lon,lat,households,people,compound\nq,114.0005,30.0015,2,6,K1\n")
    town.ask("load", "addresses", homes)

    refused = town.failure("draft", "publish", made["id"], exit_code=5)

    assert refused["code"] == "NOT_CLEAN"
    assert len(refused["findingIds"]) == 1
    report = town.ask("draft", "recheck", made["id"], exit_code=1)
    [finding] = [f for f in report["findings"]["nodes"] if f["severity"] == "BLOCKING"]
    assert (finding["kind"], finding["addresses"]) == ("HOUSEHOLD_UNCOVERED", ["q"])
    assert finding["id"] == refused["findingIds"][0]
    assert stored.newest() == 4


def test_a_new_grid_border_moves_households_and_leaves_the_past_as_it_was(
    town: Wangge, stored: Stored, here: Path, tmp_path: Path
) -> None:
    town.ask("load", "addresses", write_addresses(tmp_path / "homes.csv", HOMES))
    moved = plan(halves(0, 200, 35, "0101"))
    town.publish("grid", write_geojson(here, moved), "--within", "0101")

    past = stored.rows(
        "SELECT code, households FROM unit_tally WHERE level = 'grid'"
        " AND first_edition <= 4 AND coalesce(last_edition, 4) >= 4 ORDER BY code"
    )
    assert past == [("010101", 12), ("010102", 11), ("010201", 13), ("010202", 17)]


def test_names_and_columns_of_parents_decide_nothing_that_the_place_denies(
    town: Wangge, here: Path
) -> None:
    claims = Plan(GRIDS.shapes, parents={c: c[:4] for c in GRIDS.shapes} | {"010101": "0102"})

    made = town.draft("grid", write_geojson(here, claims), exit_code=1)

    [finding] = made["report"]["findings"]["nodes"]
    assert (finding["kind"], finding["severity"]) == ("WRONG_PARENT", "BLOCKING")
    assert "0102" in finding["message"]
