"""A map that goes out and comes in again, and levels drawn in metres on long edges."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import shapely
from pyproj import Transformer

from tests.publishing.drawing import (
    COMMUNITIES,
    DISTRICT,
    GRIDS,
    Plan,
    halves,
    plan,
    write_geojson,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tests.publishing.outside import Wangge
    from tests.publishing.stored import Stored

pytestmark = pytest.mark.postgis

LEVELS = {"district": DISTRICT, "community": COMMUNITIES, "grid": GRIDS}


@pytest.mark.parametrize("name", ["out.geojson", "out.gpkg", "out.shp.zip"])
def test_what_is_exported_comes_in_again_as_no_change(
    town: Wangge, stored: Stored, tmp_path: Path, name: str
) -> None:
    before = stored.digest(3)
    for level in LEVELS:
        out = tmp_path / f"{level}_{name}"
        town.ask("export", "--level", level, "-o", out)

        made = town.draft(level, out, "--publish")

        assert made["publishedAs"]["number"] == 3, made["source"]
        assert made["removed"] == []
    assert stored.digest(3) == before


def test_an_older_edition_that_comes_in_again_is_what_it_was(
    town: Wangge, stored: Stored, here: Path, tmp_path: Path
) -> None:
    moved = plan(dict(GRIDS.shapes) | halves(0, 200, 60, "0101"))
    town.publish("grid", write_geojson(here, moved))
    old = tmp_path / "old.geojson"
    town.ask("export", "--level", "grid", "--edition", 3, "-o", old)

    assert town.publish("grid", old) == 5

    then, now = stored.units("grid", 3), stored.units("grid", 5)
    for code in then:
        assert now[code].geom.symmetric_difference(then[code].geom).area < 1e-15
    assert {code for code in now if now[code].drawn == 5} == {"010101", "010102"}


# --- metres -------------------------------------------------------------------------------------

SIDE_M = 4000.0
ORIGIN = (560_000.0, 3_320_000.0)
"""60 km east of the zone's meridian, where straight lines in metres and in degrees part."""


def in_metres(drawn: Plan, path: Path) -> Path:
    """Write a plan, drawn in two-hundredths of a side, in EPSG:4547."""
    scale = SIDE_M / 200
    shapes = {
        code: plan(
            {
                code: tuple(  # type: ignore[dict-item]  # four numbers
                    ORIGIN[i % 2] + scale * bound for i, bound in enumerate(shape.bounds)
                )
            }
        ).shapes[code]
        for code, shape in drawn.shapes.items()
    }
    return write_geojson(path, drawn, crs="urn:ogc:def:crs:EPSG::4547", shapes=shapes)


def test_levels_drawn_in_metres_on_edges_of_four_kilometres_add_up(
    wangge: Wangge, stored: Stored, here: Path
) -> None:
    for edition, (level, drawn) in enumerate(LEVELS.items(), start=1):
        assert wangge.publish(level, in_metres(drawn, here)) == edition

    assert stored.faults() == {}
    # the node in the middle of an edge lies on the straight line in metres, not in degrees
    to = Transformer.from_crs("EPSG:4547", "EPSG:4326", always_xy=True)
    x, y = to.transform(ORIGIN[0] + SIDE_M, ORIGIN[1])
    nodes = [
        node for node in shapely.get_coordinates(stored.units("district")["01"].geom)[:-1].tolist()
        if abs(node[0] - x) < 1e-8 and abs(node[1] - y) < 1e-8
    ]  # fmt: skip
    assert len(nodes) == 1
    for level, drawn in LEVELS.items():
        assert wangge.publish(level, in_metres(drawn, here)) == 3
    # other divisions of the same long edges
    other = plan(halves(0, 200, 37, "0101") | halves(200, 400, 163, "0102"))
    assert wangge.publish("grid", in_metres(other, here)) == 4
    assert stored.faults() == {}
    assert stored.units("district")["01"].drawn == 1


# --- several at once ----------------------------------------------------------------------------


def test_two_partitions_are_published_together_and_share_their_nodes(
    town: Wangge, stored: Stored, here: Path
) -> None:
    grids = town.draft(
        "grid", write_geojson(here, plan(halves(0, 200, 60, "0101"))), "--within", "0101"
    )
    beats = plan({"P1": (0, 0, 200, 140), "P2": (0, 140, 200, 200), "P3": (200, 0, 400, 200)})
    police = town.draft("police", write_geojson(here, beats))

    assert town.ask("draft", "publish", police["id"], grids["id"])["number"] == 4

    # corners, and on each side of the middle border (200, 60), (200, 100) and (200, 140)
    nodes = {c: row.nodes() for c, row in stored.units("grid").items()}
    assert nodes == {"010101": 4, "010102": 4 + 2 + 2, "010201": 4 + 1, "010202": 4 + 1}
    assert stored.units("police")["P3"].nodes() == 4 + 3 + 1


def test_a_code_of_two_levels_must_say_which(wangge: Wangge, stored: Stored, here: Path) -> None:
    communities = plan({"01": (0, 0, 200, 200), "02": (200, 0, 400, 200)})
    wangge.publish("district", write_geojson(here, DISTRICT))
    wangge.publish("community", write_geojson(here, communities))
    file = write_geojson(here, plan(halves(0, 200, 100, "01")))
    asked = ("import", file, "--level", "grid", "--publish", "--within")

    refused = wangge.failure(*asked, "01", exit_code=2)

    assert refused["code"] == "BAD_INPUT"
    assert sorted(refused["options"]) == ["community:01", "district:01"]
    wangge.ask(*asked, "district:01", exit_code=1)
    wangge.ask(*asked, "community:01")
    assert stored.newest() == 3
    assert stored.faults() == {}


# --- drafts -------------------------------------------------------------------------------------


def test_a_strip_too_narrow_to_be_a_unit_is_named(town: Wangge, stored: Stored, here: Path) -> None:
    top = 100 + 0.015 / 1.1085  # 15 mm further north
    units = {
        **GRIDS.shapes,
        **plan({"010109": (0, 100, 200, top), "010102": (0, top, 200, 200)}).shapes,
    }

    made = town.draft("grid", write_geojson(here, Plan(units)), "--publish", exit_code=1)

    assert made["status"] == "OPEN"
    found = made["report"]["findings"]["nodes"]
    assert {unit["code"] for f in found for unit in f["units"]} == {"010109"}
    assert {f["kind"] for f in found} == {"INVALID_RING"}
    assert stored.newest() == 3


def test_a_draft_is_shown_as_it_was_imported(town: Wangge, here: Path) -> None:
    made = town.draft(
        "grid", write_geojson(here, plan({**GRIDS.shapes, "010101": (0, 0, 200, 90)})), exit_code=1
    )

    shown = town.ask("draft", "show", made["id"])
    [listed] = town.ask("draft", "list", "--status", "open")

    assert shown["report"]["findings"]["nodes"] == made["report"]["findings"]["nodes"]
    assert shown["source"] == made["source"]
    for key in ("clean", "clauses", "blankM2", "overlapM2", "outsideM2", "areaM2", "households"):
        assert shown["report"][key] == made["report"][key]
    assert (listed["id"], listed["status"], listed["base"]) == (made["id"], "OPEN", {"number": 3})


def test_a_recheck_says_anew_which_units_go(town: Wangge, here: Path) -> None:
    three = plan(
        {"010101": (0, 0, 200, 50), "010102": (0, 50, 200, 99), "010103": (0, 99, 200, 200)}
    )
    town.publish("grid", write_geojson(here, three), "--within", "0101")
    two = plan(halves(0, 200, 120, "0101"))
    late = town.draft("grid", write_geojson(here, two), "--within", "0101")
    assert late["removed"] == ["010103"]
    town.publish("grid", write_geojson(here, plan(halves(0, 200, 80, "0101"))), "--within", "0101")

    town.ask("draft", "recheck", late["id"])

    notices = town.ask("draft", "show", late["id"])["source"]["notices"]
    assert "REMOVED" not in {n["code"] for n in notices}
