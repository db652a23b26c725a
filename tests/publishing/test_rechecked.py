"""A second check tells what is new, what is still open and what is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.publishing.drawing import halves, plan, write_geojson

if TYPE_CHECKING:
    from pathlib import Path

    from tests.publishing.outside import Wangge
    from tests.publishing.stored import Stored

pytestmark = pytest.mark.postgis

# The communities' common border at x = 200 is drawn at x = 220 by the second file. Of grids that
# are drawn to 200, with a hole between y = 90 and y = 100:
#   before: one strip is blank
#   after:  the strip is still blank, to x = 220 now; so is all land between 200 and 220
STRIP = plan({"010101": (0, 0, 200, 90), "010102": (0, 100, 200, 200)})
MOVED = plan({"0101": (0, 0, 220, 200), "0102": (220, 0, 400, 200)})


def test_nothing_is_new_when_nothing_changed(town: Wangge, stored: Stored, here: Path) -> None:
    made = town.draft("grid", write_geojson(here, STRIP), "--within", "0101", exit_code=1)
    found = [finding["id"] for finding in made["report"]["findings"]["nodes"]]

    again = town.ask("draft", "recheck", made["id"], exit_code=1)

    assert [finding["id"] for finding in again["findings"]["nodes"]] == found
    assert (again["newFindings"], again["gone"]) == ([], [])
    assert stored.rows("SELECT DISTINCT fresh FROM finding") == [(False,)]


def test_a_check_on_other_ground_tells_new_and_gone_apart(
    town: Wangge, stored: Stored, here: Path, tmp_path: Path
) -> None:
    drawn = halves(0, 220, 100, "0101")  # leaves its community by 20 steps
    made = town.draft("grid", write_geojson(here, plan(drawn)), "--within", "0101", exit_code=1)
    before = {f["id"]: f["kind"] for f in made["report"]["findings"]["nodes"]}
    assert set(before.values()) >= {"OUTSIDE"}
    community = town.draft("community", write_geojson(tmp_path / "c.geojson", MOVED), exit_code=1)
    east = write_geojson(tmp_path / "e.geojson", plan(halves(220, 400, 100, "0102")))
    beside = town.draft("grid", east, "--within", "0102", "--with", community["id"], exit_code=0)
    town.ask("draft", "discard", made["id"])
    west = town.draft("grid", here, "--within", "0101", "--with", community["id"], exit_code=0)
    town.ask("draft", "publish", community["id"], beside["id"], west["id"])

    wrong = halves(0, 200, 100, "0101")  # as before the border moved: blank to the east
    late = town.draft("grid", write_geojson(here, plan(wrong)), "--within", "0101", exit_code=1)
    [blank] = late["report"]["findings"]["nodes"]
    assert blank["kind"] == "BLANK"
    back = town.draft(
        "community",
        write_geojson(
            tmp_path / "c2.geojson", plan({"0101": (0, 0, 200, 200), "0102": (200, 0, 400, 200)})
        ),
        exit_code=1,
    )
    west2 = write_geojson(tmp_path / "w2.geojson", plan(halves(0, 200, 100, "0101")))
    east2 = write_geojson(tmp_path / "e2.geojson", plan(halves(200, 400, 100, "0102")))
    a = town.draft("grid", west2, "--within", "0101", "--with", back["id"])
    b = town.draft("grid", east2, "--within", "0102", "--with", back["id"])
    town.ask("draft", "publish", back["id"], a["id"], b["id"])

    again = town.ask("draft", "recheck", late["id"])

    assert again["clean"]
    assert again["newFindings"] == []
    assert [(gone["id"], gone["kind"]) for gone in again["gone"]] == [(blank["id"], "BLANK")]
    [remembered] = stored.one("SELECT gone_findings FROM draft WHERE id = %s", int(late["id"]))
    assert remembered["id"] == blank["id"]
