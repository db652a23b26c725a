"""Going back: older states come again as new editions, and what that asks of the levels around."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import shapely
from shapely import box

from tests.publishing.drawing import (
    GRIDS,
    halves,
    plan,
    rectangle_m2,
    write_addresses,
    write_geojson,
)
from tests.publishing.stored import STANDS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.publishing.drawing import Box, Plan
    from tests.publishing.outside import Wangge
    from tests.publishing.stored import Stored

pytestmark = pytest.mark.postgis

UNLIKE = f"""
WITH a AS (SELECT u.* FROM unit u JOIN edition e ON {STANDS.format("u")} WHERE e.number = %s),
     b AS (SELECT u.* FROM unit u JOIN edition e ON {STANDS.format("u")} WHERE e.number = %s)
SELECT coalesce(a.level, b.level), coalesce(a.code, b.code)
FROM a FULL JOIN b ON a.level = b.level AND a.code = b.code
WHERE coalesce(a.level, b.level) = ANY (%s)
  AND ((a.name, a.parent_code, a.properties) IS DISTINCT FROM (b.name, b.parent_code, b.properties)
       OR NOT coalesce(ST_Equals(a.geom, b.geom), false))
ORDER BY 1, 2
"""
"""Units of some levels that two editions do not have alike: PostGIS compares the land exactly."""

MOVED = f"""
SELECT a.code, ST_HausdorffDistance(ST_Transform(a.geom, 4547), ST_Transform(b.geom, 4547))
FROM unit a JOIN edition e ON {STANDS.format("a")} AND e.number = %s
JOIN unit b ON a.level = b.level AND a.code = b.code
JOIN edition f ON f.number = %s
WHERE a.level = %s AND b.first_edition <= f.number
  AND coalesce(b.last_edition, f.number) >= f.number
ORDER BY 1
"""
"""How far the boundaries of a level's units lie apart in two editions, in metres of EPSG:4547."""

AT_250 = plan({"0101": (0, 0, 250, 200), "0102": (250, 0, 400, 200)})
GRIDS_AT_250 = plan(halves(0, 250, 100, "0101") | halves(250, 400, 100, "0102"))
EVERY = ["district", "community", "grid"]


def unlike(stored: Stored, one: int, other: int, *levels: str) -> list[tuple[str, str]]:
    """Return the units that two editions do not have alike."""
    return stored.rows(UNLIKE, one, other, list(levels or EVERY))


def file(here: Path, name: str, drawn: Plan) -> Path:
    """Write a file beside the others of a test."""
    return write_geojson(here.parent / f"{name}.geojson", drawn)


def findings(made: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return what a draft's check found."""
    nodes: list[dict[str, Any]] = made["report"]["findings"]["nodes"]
    return nodes


def back(town: Wangge, to: int, *options: object, level: str = "grid", exit_code: int = 0) -> Any:  # noqa: ANN401 - JSON
    """Make a draft that goes back."""
    return town.ask("revert", "--level", level, "--to", to, *options, exit_code=exit_code)


NEW_GRIDS = plan(
    {"010101": (0, 0, 200, 150), "010109": (0, 150, 200, 200), **halves(200, 400, 50, "0102")},
    names={"010101": "新", "010202": "东"},
    others={"chief": {"010101": "Wu", "010201": "Li"}},
)
"""Everything is different: 010102 is gone, 010109 is new, all are redrawn, named and described."""


def test_a_level_comes_back_in_land_names_codes_parents_and_columns(
    town: Wangge, stored: Stored, here: Path
) -> None:
    homes = {"a": (10, 120, 3), "b": (10, 20, 2), "c": (300, 70, 1)}
    town.ask("load", "addresses", write_addresses(here.parent / "homes.csv", homes))  # edition 4
    assert town.publish("grid", file(here, "new", NEW_GRIDS)) == 5
    assert {code for _, code in unlike(stored, 4, 5)} == {*GRIDS.shapes, *NEW_GRIDS.shapes}

    made = back(town, 4, "--publish", "--note", "as before")

    assert (made["status"], made["publishedAs"]["number"]) == ("PUBLISHED", 6)
    assert made["removed"] == ["010109"]
    assert unlike(stored, 4, 6) == []
    assert unlike(stored, 5, 6) != []
    assert [level["key"] for level in town.ask("editions")[0]["levels"]] == ["grid"]
    assert town.ask("editions")[0]["note"] == "as before"
    rows = stored.units("grid")
    assert {row.since for row in rows.values()} == {6}
    assert {row.id for row in rows.values()}.isdisjoint(
        row.id for number in (4, 5) for row in stored.units("grid", number).values()
    )
    assert town.ask("audit")["differences"] == []


def test_a_draft_that_goes_back_says_where_it_comes_from(
    town: Wangge, stored: Stored, here: Path
) -> None:
    town.publish("grid", file(here, "new", NEW_GRIDS))

    made = back(town, 3)

    assert (made["status"], made["level"], made["within"]) == ("OPEN", {"key": "grid"}, None)
    assert made["source"]["file"] == "edition 3"
    assert made["source"]["featureCount"] == 4
    notices = {notice["code"]: notice["message"] for notice in made["source"]["notices"]}
    day = town.ask("editions")[-1]["effectiveOn"]
    assert notices["REVERT"] == (
        f"the units of level grid as they stood in edition 3, in force from {day}"
    )
    assert "010109" in notices["REMOVED"]
    assert stored.newest() == 4, "nothing is published unasked"
    assert town.ask("draft", "publish", made["id"])["number"] == 5
    assert unlike(stored, 3, 5) == []


def test_the_units_below_one_come_back_and_the_others_stay(
    town: Wangge, stored: Stored, here: Path
) -> None:
    town.publish("grid", file(here, "new", NEW_GRIDS))

    made = back(town, 3, "--within", "community:0101", "--publish")

    assert made["within"] == {"level": {"key": "community"}, "code": "0101"}
    assert unlike(stored, 3, 5) == [("grid", "010201"), ("grid", "010202")]
    assert unlike(stored, 4, 5) == [("grid", c) for c in ("010101", "010102", "010109")]


def test_nodes_that_came_since_stay(town: Wangge, stored: Stored, here: Path) -> None:
    town.publish("grid", file(here, "new", plan(halves(0, 200, 150, "0101"))), "--within", "0101")
    beats = plan({"P1": (0, 0, 200, 60), "P2": (0, 60, 200, 200), "P3": (200, 0, 400, 200)})
    town.publish("police", file(here, "beats", beats))

    back(town, 3, "--within", "0101", "--publish")

    assert unlike(stored, 3, 6) == []
    assert {code: row.nodes() for code, row in stored.units("grid").items()} == {
        "010101": 4 + 2,  # (0, 60) and (200, 60), where the beats meet
        "010102": 4 + 2,  # (0, 150) and (200, 150), where the grids met in edition 4
        "010201": 4 + 1,
        "010202": 4 + 1,
    }


def test_nodes_alone_are_nothing_to_go_back_from(town: Wangge, stored: Stored, here: Path) -> None:
    beats = plan({"P1": (0, 0, 200, 60), "P2": (0, 60, 200, 200), "P3": (200, 0, 400, 200)})
    town.publish("police", file(here, "beats", beats))

    for to in (3, 4):
        made = back(town, to, "--publish")
        assert (made["publishedAs"]["number"], made["removed"]) == (4, [])

    assert stored.newest() == 4


ORIGIN = np.array([520_000.0, 3_320_000.0])


def in_metres(here: Path, name: str, boxes: Mapping[str, Box]) -> Path:
    """Write boxes drawn in metres of EPSG:4547, from 20 km east of its central meridian."""
    drawn = plan({**boxes})
    shapes = {
        code: shapely.transform(shape, lambda xy: xy + ORIGIN)
        for code, shape in drawn.shapes.items()
    }
    crs = "urn:ogc:def:crs:EPSG::4547"
    return write_geojson(here.parent / f"{name}.geojson", drawn, shapes=shapes, crs=crs)


def test_long_borders_come_back_though_degrees_bend_them(
    wangge: Wangge, stored: Stored, here: Path
) -> None:
    # Half way along 8 km the straight line of degrees lies 0.7 m beside that of the file, and the
    # outline has no vertex there when the level comes back but those of other grids.
    whole = {"01": (0, 0, 8000, 8000)}
    wangge.publish("district", in_metres(here, "d", whole))
    wangge.publish("community", in_metres(here, "c", {"0101": whole["01"]}))
    for at in (3000, 5000):
        halved = {"010101": (0, 0, at, 8000), "010102": (at, 0, 8000, 8000)}
        wangge.publish("grid", in_metres(here, "g", halved))
    beats = {"P1": (0, 0, 1000, 8000), "P2": (1000, 0, 8000, 8000)}
    wangge.publish("police", in_metres(here, "p", beats))

    made = back(wangge, 3, "--publish")

    assert made["source"]["crs"] == "EPSG:4547"
    assert made["publishedAs"]["number"] == 6
    moved = stored.rows(MOVED, 3, 6, "grid")
    assert [code for code, _ in moved] == ["010101", "010102"]
    assert max(metres for _, metres in moved) < 0.02
    assert stored.faults() == {}


# -- the levels around ---------------------------------------------------------------------------


def move_the_border(town: Wangge, here: Path) -> None:
    """Move the border between both communities by 50 steps, with their grids: edition 4."""
    above = town.draft("community", file(here, "c", AT_250), exit_code=1)
    below = town.draft("grid", file(here, "g", GRIDS_AT_250), "--with", above["id"])
    town.ask("draft", "publish", below["id"], above["id"])


@pytest.mark.parametrize("upwards", [True, False])
def test_a_border_between_parents_goes_back_with_the_levels_below(
    town: Wangge, stored: Stored, here: Path, upwards: bool
) -> None:
    move_the_border(town, here)

    above = back(town, 3, level="community", exit_code=1)
    below = back(town, 3, "--with", above["id"])

    assert below["with"] == [{"id": above["id"]}]
    assert (below["changes"]["redrawn"], below["changes"]["added"]) == (4, 0)
    alone = town.failure("draft", "publish", above["id"], exit_code=5)
    assert alone["code"] == "NOT_CLEAN"
    assert f"import the file of grid that fits, --with {above['id']}, and" in alone["hint"]
    assert town.failure("draft", "publish", below["id"], exit_code=2)["code"] == "BAD_INPUT"
    ids = [below["id"], above["id"]] if upwards else [above["id"], below["id"]]
    assert town.ask("draft", "publish", *ids)["number"] == 5
    assert unlike(stored, 3, 5) == []
    assert town.ask("audit")["differences"] == []


def test_the_level_above_and_the_level_go_back_in_one_command(
    town: Wangge, stored: Stored, here: Path
) -> None:
    move_the_border(town, here)
    above = back(town, 3, level="community", exit_code=1)

    made = back(town, 3, "--with", above["id"], "--publish", "--correction")

    assert made["publishedAs"]["correction"] is True
    assert unlike(stored, 3, 5) == []


def test_what_stands_on_another_draft_is_to_be_published_with_it(town: Wangge, here: Path) -> None:
    move_the_border(town, here)
    above = back(town, 3, level="community", exit_code=1)["id"]

    said = town("revert", "--level", "grid", "--to", 3, "--with", above).out

    assert said.endswith(
        f"is clean: publish it by `wangge draft publish {above} {int(above) + 1}`\n"
    )
    assert "redrawn" in said, "what would change is told before it is published"


def test_a_level_whose_parents_changed_since_does_not_come_back_alone(
    town: Wangge, stored: Stored, here: Path
) -> None:
    move_the_border(town, here)

    made = back(town, 3, "--publish", exit_code=1)

    assert made["status"] == "OPEN"
    strip = rectangle_m2((200, 0, 250, 200))
    for kind, parent in (("BLANK", "0101"), ("OUTSIDE", "0102")):
        land = [f for f in findings(made) if f["kind"] == kind]
        assert {f["parent"]["code"] for f in land} == {parent}
        assert sum(f["areaM2"] for f in land) == pytest.approx(strip, rel=1e-5)
    assert {f["kind"] for f in findings(made)} == {"BLANK", "OUTSIDE"}
    assert stored.newest() == 4


def test_a_parent_that_has_another_code_since_is_said(
    town: Wangge, stored: Stored, here: Path
) -> None:
    recoded = plan({"0101": (0, 0, 200, 200), "0109": (200, 0, 400, 200)})
    above = town.draft("community", file(here, "c", recoded), exit_code=1)
    below = town.draft("grid", file(here, "g", GRIDS), "--with", above["id"])
    town.ask("draft", "publish", below["id"], above["id"])

    made = back(town, 3, exit_code=1)

    assert {(f["kind"], f["units"][0]["code"], f["severity"]) for f in findings(made)} == {
        ("WRONG_PARENT", "010201", "BLOCKING"),
        ("WRONG_PARENT", "010202", "BLOCKING"),
    }
    assert "0102, which does not exist" in findings(made)[0]["message"]
    again = back(town, 3, level="community", exit_code=1)
    both = back(town, 3, "--with", again["id"], "--publish")
    assert both["publishedAs"]["number"] == 5
    assert unlike(stored, 3, 5) == []


def test_compounds_go_back_to_none(town: Wangge, stored: Stored, here: Path) -> None:
    yard = plan({"0101P1": (20, 20, 60, 60)})
    assert town.publish("compound", file(here, "yard", yard)) == 4

    made = back(town, 3, "--publish", level="compound")

    assert (made["removed"], made["publishedAs"]["number"]) == (["0101P1"], 5)
    assert stored.units("compound") == {}


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--level", "grid", "--to", 9), "UNKNOWN", "no edition 9; the newest is 3"),
        (("--level", "gird", "--to", 3), "UNKNOWN", "no level 'gird'"),
        (("--level", "grid", "--to", 2), "BAD_INPUT", "no grid stood at all in edition 2"),
        (("--level", "grid", "--to", 3, "--within", "0109"), "UNKNOWN", "0109"),
        (("--level", "grid", "--to", 3, "--within", "010101"), "UNKNOWN", "010101"),
        (("--level", "grid", "--to", 1, "--within", "0101"), "UNKNOWN", "no community 0101 stood"),
        (("--level", "grid", "--to", 3, "--with", 9), "UNKNOWN", "no draft 9"),
        (("--level", "grid", "--to", 3, "--note", "n"), "BAD_INPUT", "--publish"),
    ],
)
def test_what_cannot_come_back_is_refused_with_the_reason(
    town: Wangge, stored: Stored, arguments: tuple[object, ...], code: str, said: str
) -> None:
    refused = town.failure("revert", *arguments, exit_code=2)

    assert refused["code"] == code
    assert said in refused["message"]
    assert stored.one("SELECT count(*) FROM draft WHERE status = 'OPEN'") == 0


def test_an_accepted_lake_comes_back_while_it_is_accepted(
    town: Wangge, stored: Stored, here: Path
) -> None:
    lake = box(50, 20, 100, 60)
    around = plan({"010101": box(0, 0, 200, 100) - lake, "010102": (0, 100, 200, 200)})
    made = town.draft("grid", file(here, "lake", around), "--within", "0101", exit_code=1)
    [blank] = findings(made)
    town.ask("waive", blank["id"], "--reason", "a lake", "--by", "Wu")
    town.ask("draft", "publish", made["id"])
    town.publish("grid", file(here, "g", GRIDS))

    assert back(town, 4, "--publish")["publishedAs"]["number"] == 6
    assert unlike(stored, 4, 6) == []

    town.publish("grid", file(here, "g", GRIDS))
    again = back(town, 4)
    assert [f["waiver"]["approvedBy"] for f in findings(again)] == ["Wu"]
    town.ask("unwaive", blank["id"])
    refused = town.failure("draft", "publish", again["id"], exit_code=5)
    assert (refused["code"], refused["findingIds"]) == ("NOT_CLEAN", [blank["id"]])
    assert stored.newest() == 7


# -- parents under which children stand ----------------------------------------------------------


def test_a_parent_cannot_be_taken_away_from_its_children(
    town: Wangge, stored: Stored, here: Path
) -> None:
    one = plan({"0101": (0, 0, 400, 200)})
    made = town.draft("community", file(here, "one", one), exit_code=1)

    refused = town.failure("draft", "publish", made["id"], exit_code=5)

    assert refused["code"] == "NOT_CLEAN"
    assert made["removed"] == ["0102"]
    named = {unit["code"] for f in findings(made) for unit in f["units"]}
    assert named >= {"010201", "010202"}
    assert set(refused["findingIds"]) == {
        f["id"] for f in findings(made) if f["severity"] == "BLOCKING"
    }
    assert stored.newest() == 3


def test_a_parents_border_cannot_leave_its_children_behind(
    town: Wangge, stored: Stored, here: Path
) -> None:
    made = town.draft("community", file(here, "moved", AT_250), exit_code=1)

    refused = town.failure("draft", "publish", made["id"], exit_code=5)

    assert refused["code"] == "NOT_CLEAN"
    assert {(f["units"][0]["level"]["key"], f["parent"]["code"]) for f in findings(made)} >= {
        ("grid", "0101"),
    }
    assert len(refused["findingIds"]) == len(findings(made))
    assert stored.newest() == 3


# -- the file is the whole truth of its ground ---------------------------------------------------


def test_a_file_of_one_ground_sent_for_the_whole_level_says_whom_it_takes_away(
    town: Wangge, stored: Stored, here: Path
) -> None:
    west = file(here, "west", plan(halves(0, 200, 120, "0101")))

    whole = town.draft("grid", west, "--publish", exit_code=1)
    part = town.draft("grid", west, "--within", "0101")

    [said] = [n for n in whole["source"]["notices"] if n["code"] == "REMOVED"]
    assert said["featureCount"] == 2
    assert said["message"].endswith("publishing it takes them away: 010201, 010202")
    assert whole["removed"] == ["010201", "010202"]
    assert {f["parent"]["code"] for f in findings(whole)} == {"0102"}
    assert "REMOVED" not in {notice["code"] for notice in part["source"]["notices"]}
    assert part["removed"] == []
    assert stored.newest() == 3
