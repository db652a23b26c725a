"""Exceptions, mending, the short way, other levels and other publishers, all on one ground.

After every step of a story all that is stored holds together: by SQL, segment by segment, by the
audit, and by the coverage, which is clean exactly when every finding is accepted that day.
"""

from __future__ import annotations

import signal
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
import shapely
from shapely import box

from tests.publishing.drawing import (
    COMMUNITIES,
    DISTRICT,
    GRIDS,
    GRIDS_A,
    Plan,
    halves,
    plan,
    rectangle_m2,
    write_addresses,
    write_geojson,
)
from tests.publishing.test_killed import Command, settled
from tests.publishing.test_races import gate, lock, outcome, publish_alone
from tests.publishing.test_waivers import (
    LAKE,
    coverage,
    draft_of,
    findings,
    publish_lake,
    report_of,
    waive,
    with_lake,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tests.publishing.drawing import Box
    from tests.publishing.outside import Wangge
    from tests.publishing.stored import Stored

pytestmark = pytest.mark.postgis

RIM: Box = (0, 60, 50, 130)
"""A lake in community 0101 that reaches the outline of the whole city."""

JOINT: Box = (150, 50, 250, 150)
"""A lake on the border of both communities."""

STANDS = "SELECT kind, parent_code FROM waived_land WHERE last_edition IS NULL ORDER BY 1, 2"


def well(
    town: Wangge,
    stored: Stored,
    *levels: str,
    unclean: str | None = None,
) -> None:
    """See that all that is stored holds together.

    Parameters
    ----------
    levels
        Those that are published; district, community and grid unless said otherwise.
    unclean
        The one level of which a finding is not accepted.
    """
    assert stored.faults() == {}
    assert town.ask("audit")["differences"] == []
    for level in levels or ("district", "community", "grid"):
        report = coverage(town, level)
        open_ones = [finding for finding in findings(report) if finding["waiver"] is None]
        assert bool(open_ones) == (level == unclean)
        assert report["clean"] == (not open_ones)
        assert (report["provenParents"] == report["parents"]) == (not open_ones)


def file(here: Path, name: str, drawn: Plan) -> Path:
    """Write a file beside the others of a test."""
    return write_geojson(here.parent / f"{name}.geojson", drawn)


def accept(town: Wangge, draft: dict[str, Any]) -> None:
    """Accept whatever is found in a draft and not accepted yet."""
    for finding in findings(draft["report"]):
        if finding["waiver"] is None:
            waive(town, finding["id"])


def publish_accepted(town: Wangge, drawn: Path, *options: object, level: str = "grid") -> int:
    """Import a file, accept whatever is found in it, and publish it."""
    made = town.draft(level, drawn, *options, exit_code=1)
    accept(town, made)
    return int(town.ask("draft", "publish", made["id"])["number"])


def publish_joint_lake(town: Wangge, here: Path) -> None:
    """Publish a lake on the border of both communities, with the grids around it."""
    file_of = file(here, "joint", with_lake(JOINT, COMMUNITIES))
    above = town.draft("community", file_of, exit_code=1)
    for finding in findings(above["report"], "BLANK"):
        waive(town, finding["id"])
    grids = file(here, "around", with_lake(JOINT, GRIDS))
    below = town.draft("grid", grids, "--with", above["id"])
    town.ask("draft", "publish", above["id"], below["id"])


# -- far from the ground ---------------------------------------------------------------------


def test_land_far_outside_its_ground_can_be_accepted_changed_and_given_up(
    town: Wangge, stored: Stored, here: Path
) -> None:
    island = box(600, 120, 620, 150)  # 400 steps from its community, outside the city
    for at, edition in ((100, 4), (100, 4), (90, 5)):
        grids = halves(0, 200, at, "0101")
        drawn = plan({**grids, "010102": box(0, at, 200, 200).union(island)})
        sent = write_geojson(here, drawn)
        if stored.newest() == 3:
            assert publish_accepted(town, sent, "--within", "0101") == edition
        else:
            assert town.publish("grid", sent, "--within", "0101") == edition
        well(town, stored)
        assert stored.rows(STANDS) == [("OUTSIDE", "0101")]

    assert town.publish("grid", write_geojson(here, GRIDS_A), "--within", "0101") == 6

    assert stored.rows(STANDS) == []
    well(town, stored)


def test_units_on_other_ground_are_met_however_far_they_are(
    town: Wangge, stored: Stored, here: Path
) -> None:
    east = {"010201": (200, 0, 300, 200), "010202": (300, 0, 400, 200)}
    town.publish("grid", file(here, "east", plan({**east})), "--within", "0102")
    island = (350, 120, 370, 150)  # in 010202, which does not touch community 0101
    far = plan({"010101": (0, 0, 200, 100), "010102": box(0, 100, 200, 200).union(box(*island))})

    made = draft_of(town, here, far)

    found = {f["kind"]: f for f in findings(made["report"])}
    assert set(found) == {"OUTSIDE", "OVERLAP"}
    assert {unit["code"] for unit in found["OVERLAP"]["units"]} == {"010102", "010202"}
    assert found["OVERLAP"]["areaM2"] == pytest.approx(rectangle_m2(island), rel=1e-6)
    accept(town, made)
    town.ask("draft", "publish", made["id"])
    well(town, stored)

    town.publish("grid", write_geojson(here, GRIDS_A), "--within", "0101")

    assert stored.rows(STANDS) == []
    well(town, stored)


# -- mending beside what is accepted ---------------------------------------------------------


def test_what_is_accepted_is_not_mended_and_stays_accepted_in_the_mended_draft(
    town: Wangge, stored: Stored, here: Path
) -> None:
    hole = box(50, 150, 100, 150.6)
    strip = plan({"010101": (0, 0, 200, 99.5), "010102": box(0, 100, 200, 200) - hole})
    made = draft_of(town, here, strip)
    accepted, wrong = (found["id"] for found in findings(made["report"]))
    waive(town, accepted)

    mended = town.ask("draft", "repair", made["id"])

    assert [move["finding"] for move in mended["moves"]] == [wrong]
    assert [(left["finding"], left["reason"]) for left in mended["left"]] == [(accepted, "WAIVED")]
    [still] = findings(mended["report"])
    assert (still["id"], still["waiver"]["approvedBy"]) == (accepted, "Wu")
    again = town.ask("draft", "recheck", mended["id"])
    assert (again["clean"], again["newFindings"], again["gone"]) == (True, [], [])
    town.ask("draft", "publish", mended["id"])
    well(town, stored)


def test_a_strip_is_accepted_given_up_mended_and_sent_again(
    town: Wangge, stored: Stored, here: Path
) -> None:
    key = publish_lake(town, here, (50, 99.5, 150, 100))
    well(town, stored)
    town.ask("unwaive", key)
    well(town, stored, unclean="grid")

    again = town.draft("grid", here, "--within", "0101", exit_code=1)
    mended = town.ask("draft", "repair", again["id"])
    town.ask("draft", "publish", mended["id"])
    assert stored.rows(STANDS) == []
    well(town, stored)

    assert publish_accepted(town, here, "--within", "0101") == 6
    assert stored.rows(STANDS) == [("BLANK", "0101")]
    well(town, stored)


def test_a_draft_that_stands_on_another_is_mended_round_a_lake(
    town: Wangge, stored: Stored, here: Path
) -> None:
    above = town.draft("community", file(here, "c", with_lake(JOINT, COMMUNITIES)), exit_code=1)
    for finding in findings(above["report"], "BLANK"):
        waive(town, finding["id"])
    lake = box(*JOINT)
    dirty = {
        **with_lake(JOINT, GRIDS).shapes,
        "010101": box(0, 0, 200, 99.5) - lake,  # a strip in no grid
        "010201": box(200, 0, 400, 100.4) - lake,  # a strip in two
    }
    below = town.draft("grid", write_geojson(here, plan(dirty)), "--with", above["id"], exit_code=1)

    mended = town.ask("draft", "repair", below["id"])

    assert (mended["report"]["clean"], len(mended["moves"]), mended["left"]) == (True, 2, [])
    error = town.failure("draft", "publish", mended["id"], exit_code=2)
    assert "publish them together" in error["message"]
    assert town.ask("draft", "recheck", mended["id"])["clean"]
    town.ask("draft", "publish", above["id"], mended["id"])
    well(town, stored)


# -- ending an exception ---------------------------------------------------------------------


def test_what_is_no_more_accepted_stops_its_own_ground_and_no_other(
    town: Wangge, stored: Stored, here: Path
) -> None:
    key = publish_lake(town, here)
    east = file(here, "east", plan(halves(200, 400, 71, "0102")))
    beside = town.draft("grid", east, "--within", "0102")
    assert stored.one("SELECT planned FROM draft WHERE id = %s", int(beside["id"]))
    town.ask("unwaive", key)

    town.ask("draft", "publish", beside["id"])

    well(town, stored, unclean="grid")
    named = Plan(with_lake().shapes, names={"010101": "桥头"})
    late = draft_of(town, here, named)
    error = town.failure("draft", "publish", late["id"], exit_code=5)
    assert error["code"] == "NOT_CLEAN"
    town.publish("grid", file(here, "filled", GRIDS_A), "--within", "0101")
    well(town, stored)


def test_a_lake_is_no_more_accepted_though_it_has_grown_in_a_draft(
    town: Wangge, stored: Stored, here: Path
) -> None:
    key = publish_lake(town, here)
    grown = draft_of(town, here, with_lake((50, 60, 155, 130)))
    [found] = findings(grown["report"])
    assert (found["id"], found["waiver"]) == (key, None), "the same place, but more land"

    ended = town.ask("unwaive", key, "--by", "Zhao")

    assert ended["waiver"] is None
    assert ended["areaM2"] == pytest.approx(rectangle_m2(LAKE), rel=1e-6)
    assert stored.rows("SELECT ended_by FROM waiver") == [("Zhao",)]
    well(town, stored, unclean="grid")
    error = town.failure("unwaive", key, exit_code=2)
    assert "not waived" in error["message"]


def test_an_exception_that_ends_while_a_publisher_waits_counts_no_more(
    town: Wangge, stored: Stored, here: Path
) -> None:
    key = publish_lake(town, here)
    smaller = file(here, "smaller", with_lake((60, 70, 140, 120)))
    made = town.draft("grid", smaller, "--within", "0101")
    with ThreadPoolExecutor(1) as pool:
        with gate(stored, lock("community", "0101")) as until:
            done = pool.submit(publish_alone, town.url, [made["id"]])
            until(1)
            town.ask("unwaive", key)
        assert outcome(done) == "NOT_CLEAN"
    assert stored.newest() == 4
    well(town, stored, unclean="grid")


# -- a lake and the levels around it ---------------------------------------------------------


def test_a_lake_on_the_outline_takes_the_nodes_of_every_level(
    town: Wangge, stored: Stored, here: Path
) -> None:
    publish_lake(town, here, RIM)
    beats = plan({"P1": (0, 0, 200, 70), "P2": (0, 70, 200, 200), "P3": (200, 0, 400, 200)})
    ring = [(0, 0), (400, 0), (400, 200), (0, 200), (0, 95), (0, 62)]
    for level, drawn, options in (
        ("grid", plan(halves(200, 400, 61, "0102")), ("--within", "0102")),
        ("community", Plan(COMMUNITIES.shapes, names={"0101": "桥头"}), ()),
        ("district", plan({"01": shapely.Polygon(ring)}), ()),
        ("police", beats, ()),
        ("grid", with_lake(RIM, plan(halves(0, 200, 110, "0101"))), ("--within", "0101")),
    ):
        town.publish(level, write_geojson(here, drawn), *options)
        well(town, stored)
    # four corners, the grids' border; and on the outline the district's two vertices and the
    # border of the police beats
    nodes = "SELECT ST_NPoints(geom) - 1 FROM waived_land WHERE last_edition IS NULL"
    assert stored.one(nodes) >= 4 + 1 + 2 + 1


def test_lakes_that_touch_in_one_point_are_filled_one_by_one(
    town: Wangge, stored: Stored, here: Path
) -> None:
    one = with_lake((20, 20, 60, 60))
    both = file(here, "both", with_lake((60, 60, 100, 90), one))
    publish_accepted(town, both, "--within", "0101")
    well(town, stored)
    for sent, lakes in ((both, 2), (file(here, "one", one), 1), (both, 2)):
        town.publish("grid", sent, "--within", "0101")
        assert len(stored.rows(STANDS)) == lakes
        well(town, stored)
    assert stored.newest() == 6, "the first of these changed nothing"


def test_an_accepted_overlap_goes_with_the_unit_that_claimed_it(
    town: Wangge, stored: Stored, here: Path
) -> None:
    pair = {"010101": (0, 0, 200, 110), "010102": (0, 100, 200, 200)}
    three = plan({**pair, "010103": (150, 50, 200, 100)})
    publish_accepted(town, write_geojson(here, three), "--within", "0101")
    assert len(stored.rows(STANDS)) == 2
    well(town, stored)

    town.publish("grid", file(here, "pair", plan({**pair})), "--within", "0101")

    assert stored.rows(STANDS) == [("OVERLAP", "0101")]
    well(town, stored)


def test_a_lake_is_accepted_anew_where_it_comes_under_another_parent(
    town: Wangge, stored: Stored, here: Path
) -> None:
    publish_lake(town, here)
    west, east = box(0, 0, 100, 200), box(100, 0, 400, 200)  # the border runs through the lake
    moved = file(here, "moved", plan({"0101": west, "0102": east}))
    above = town.draft("community", moved, exit_code=1)
    lake = box(*LAKE)
    grids = {
        f"{code}0{n}": shape.intersection(box(0, south, 400, south + 100)) - lake
        for code, shape in (("0101", west), ("0102", east))
        for n, south in ((1, 0), (2, 100))
    }
    sent = file(here, "grids", plan({**grids}))
    below = town.draft("grid", sent, "--with", above["id"], exit_code=1)

    waived = {f["parent"]["code"]: f["waiver"] is not None for f in findings(below["report"])}
    assert waived == {"0101": True, "0102": False}, "0101 keeps a part of what was accepted"
    accept(town, below)
    town.ask("draft", "publish", above["id"], below["id"])

    assert stored.rows(STANDS) == [("BLANK", "0101"), ("BLANK", "0102")]
    well(town, stored)


def test_a_lake_in_two_partitions_of_a_community_stays_proven_in_both(
    town: Wangge, stored: Stored, here: Path
) -> None:
    publish_lake(town, here)
    # the codes of the grids, so that nothing but the level tells the two findings apart
    beats = {**with_lake().shapes, "P3": box(200, 0, 400, 200)}
    parents = {"010101": "0101", "010102": "0101", "P3": "0102"}
    publish_accepted(town, file(here, "p", Plan(beats, parents=parents)), level="police")
    split = plan(
        {"010101": (0, 0, 200, 88), "010103": (0, 88, 200, 100), "010102": (0, 100, 200, 200)}
    )

    town.publish("grid", file(here, "split", with_lake(LAKE, split)), "--within", "0101")

    well(town, stored, "district", "community", "grid", "police")
    nodes = "SELECT ST_NPoints(geom) - 1 FROM waived_land WHERE level = %s AND last_edition IS NULL"
    # four corners, the first border and the new one, each with two ends
    assert stored.one(nodes, "grid") == 8


def test_a_compound_beside_a_lake_stays_accepted_when_the_grids_there_are_split(
    town: Wangge, stored: Stored, here: Path
) -> None:
    publish_joint_lake(town, here)
    pier = file(here, "pier", plan({"K": (140, 90, 180, 120), "L": (10, 10, 30, 30)}))
    made = town.draft("compound", pier, exit_code=1)
    [leaves] = [f for f in findings(made["report"]) if f["severity"] == "BLOCKING"]
    waive(town, leaves["id"])
    town.ask("draft", "publish", made["id"])
    assert coverage(town, "compound")["clean"]
    split = plan(
        {"010101": (0, 0, 200, 70), "010103": (0, 70, 200, 100), "010102": (0, 100, 200, 200)}
    )

    town.publish("grid", file(here, "split", with_lake(JOINT, split)), "--within", "0101")

    well(town, stored)
    assert coverage(town, "compound")["clean"]
    newest = stored.newest()
    assert town.publish("compound", pier) == newest, "nothing changes"


def test_a_house_on_the_lake_is_accepted_and_a_second_one_is_not(
    wangge: Wangge, stored: Stored, here: Path
) -> None:
    homes = {"a boat": (100, 95, 4), "a house": (10, 10, 3)}
    for level, drawn in (("district", DISTRICT), ("community", COMMUNITIES), ("grid", GRIDS)):
        wangge.publish(level, write_geojson(here, drawn))
    wangge.ask("load", "addresses", write_addresses(here.parent / "one.csv", homes))
    made = draft_of(wangge, here, with_lake())
    assert {f["kind"] for f in findings(made["report"])} == {"BLANK", "HOUSEHOLD_UNCOVERED"}
    mended = wangge.ask("draft", "repair", made["id"], exit_code=1)
    accept(wangge, mended)
    assert report_of(wangge, made["id"])["clean"], "the draft that was mended has the same findings"
    wangge.ask("draft", "publish", mended["id"])
    assert coverage(wangge)["clean"]
    assert wangge.ask("audit")["differences"] == []

    more = {**homes, "another boat": (110, 95, 2)}
    wangge.ask("load", "addresses", write_addresses(here.parent / "two.csv", more))

    report = coverage(wangge)
    assert [f["kind"] for f in findings(report) if f["waiver"] is None] == ["HOUSEHOLD_UNCOVERED"]
    assert (report["clean"], wangge.ask("audit")["differences"]) == (False, [])
    wangge.publish("grid", file(here, "filled", GRIDS_A), "--within", "0101")
    assert coverage(wangge)["clean"]
    assert wangge.ask("audit")["differences"] == []
    assert stored.rows(STANDS) == []


# -- publishers around a lake ----------------------------------------------------------------


def test_two_publishers_put_their_nodes_into_one_lake(
    town: Wangge, stored: Stored, here: Path
) -> None:
    publish_joint_lake(town, here)
    drafts = []
    for within, west, at in (("0101", 0, 77), ("0102", 200, 66)):
        sent = file(here, within, with_lake(JOINT, plan(halves(west, west + 200, at, within))))
        drafts.append(town.draft("grid", sent, "--within", within)["id"])

    with ThreadPoolExecutor(2) as pool:
        done = [pool.submit(publish_alone, town.url, [draft]) for draft in drafts]
        ended = sorted(outcome(one) for one in done)

    assert ended == ["edition 5", "edition 6"]
    well(town, stored)
    lake = shapely.from_wkb(
        bytes(stored.one("SELECT ST_AsBinary(geom) FROM waived_land WHERE last_edition IS NULL"))
    )
    grids = shapely.union_all([unit.geom for unit in stored.units("grid").values()])
    assert lake.intersection(grids).area == 0
    assert shapely.get_num_coordinates(lake) - 1 >= 4 + 2 + 2, "its corners, and each new border"


def test_a_publisher_that_is_killed_at_the_lake_leaves_it_as_it_was(
    town: Wangge, stored: Stored, here: Path
) -> None:
    publish_lake(town, here)
    smaller = file(here, "smaller", with_lake((60, 70, 140, 120)))
    made = town.draft("grid", smaller, "--within", "0101")
    before = stored.rows("SELECT * FROM waived_land")
    with gate(stored, "SELECT FROM waived_land FOR UPDATE") as until:
        command = Command(town.url, "draft", "publish", made["id"])
        until(1)
        command.end(signal.SIGKILL)
    settled(stored)
    assert (stored.rows("SELECT * FROM waived_land"), stored.newest()) == (before, 4)
    well(town, stored)

    assert town.ask("draft", "publish", made["id"])["number"] == 5
    assert town.publish("grid", here, "--within", "0101") == 6, "the older file again"
    well(town, stored)
