"""From a file to an edition: what changes, what does not, and what is refused."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import numpy as np
import pytest
import shapely
from shapely import MultiPolygon, Polygon, box

from tests.clock import city_day
from tests.publishing.drawing import (
    COMMUNITIES,
    DISTRICT,
    GRIDS,
    GRIDS_A,
    Plan,
    clockwise,
    degrees,
    halves,
    other_start,
    plan,
    rectangle_m2,
    write_geojson,
    write_ogr,
)

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

    from tests.publishing.outside import Wangge
    from tests.publishing.stored import Stored

pytestmark = pytest.mark.postgis


# --- the first editions -------------------------------------------------------------------------


def test_each_level_is_published_as_the_next_edition(town: Wangge, stored: Stored) -> None:
    editions = town.ask("editions")

    assert [(e["number"], [level["key"] for level in e["levels"]]) for e in editions] == [
        (3, ["grid"]),
        (2, ["community"]),
        (1, ["district"]),
    ]
    assert {code: row.parent for code, row in stored.units("grid").items()} == {
        "010101": "0101",
        "010102": "0101",
        "010201": "0102",
        "010202": "0102",
    }
    for level, drawn in (("district", DISTRICT), ("community", COMMUNITIES), ("grid", GRIDS)):
        for code, row in stored.units(level).items():
            expected = rectangle_m2(drawn.shapes[code].bounds)
            assert row.area_m2 == pytest.approx(expected, rel=1e-5), code
            assert row.geom.symmetric_difference(degrees(drawn.shapes[code])).area == 0


def test_nodes_of_a_lower_level_go_into_all_levels_whose_border_runs_there(
    town: Wangge, stored: Stored
) -> None:
    # corners, and where grids and communities meet their borders: see the drawing
    nodes = {
        level: {code: row.nodes() for code, row in stored.units(level).items()}
        for level in ("district", "community", "grid")
    }

    assert nodes["district"] == {"01": 4 + 2 + 2}
    assert nodes["community"] == {"0101": 4 + 2, "0102": 4 + 2}
    assert nodes["grid"] == dict.fromkeys(GRIDS.shapes, 4)
    assert stored.faults() == {}


def test_a_row_that_only_receives_nodes_is_the_same_version(town: Wangge, stored: Stored) -> None:
    for level, code in (("district", "01"), ("community", "0101")):
        born = {"district": 1, "community": 2}[level]
        rows = [stored.units(level, edition)[code] for edition in range(born, 4)]
        assert len({row.row_id for row in rows}) == len(rows), "an older edition keeps its own row"
        assert {(row.id, row.since, row.drawn) for row in rows} == {(rows[0].id, born, born)}
        assert [(row.first, row.last) for row in rows[:-1]] == [(n, n) for n in range(born, 3)]
        assert (rows[-1].first, rows[-1].last) == (3, None)


def test_nodes_put_in_by_a_side_branch_go_into_the_other_branch_too(
    town: Wangge, stored: Stored, here: Path
) -> None:
    before = stored.units("grid")
    beats = plan({"P1": (0, 0, 200, 60), "P2": (0, 60, 200, 200), "P3": (200, 0, 400, 200)})

    assert town.publish("police", write_geojson(here, beats)) == 4

    after = stored.units("grid")
    assert {code: after[code].nodes() - before[code].nodes() for code in after} == {
        "010101": 2,  # (0, 60) and (200, 60)
        "010102": 0,
        "010201": 1,  # (200, 60)
        "010202": 0,
    }
    assert {code: row.id for code, row in after.items()} == {c: r.id for c, r in before.items()}
    # (200, 100) and the other ends of the grids' border have to be nodes of the beats, too
    assert {code: row.nodes() for code, row in stored.units("police").items()} == {
        "P1": 4,
        "P2": 4 + 2,
        "P3": 4 + 1 + 1 + 1,  # (200, 60), (200, 100), (400, 100)
    }
    assert [level["key"] for level in town.ask("editions")[0]["levels"]] == ["police"]


def test_an_older_edition_stays_what_it_was(town: Wangge, stored: Stored, here: Path) -> None:
    before = [stored.digest(number) for number in (1, 2, 3)]

    town.publish(
        "police",
        write_geojson(
            here, plan({"P": (0, 0, 200, 30), "Q": (0, 30, 200, 200), "R": (200, 0, 400, 200)})
        ),
    )
    town.publish(
        "grid",
        write_geojson(here, plan(halves(0, 200, 150, "0101") | halves(200, 400, 30, "0102"))),
    )

    assert [stored.digest(number) for number in (1, 2, 3)] == before


# --- the same file again ------------------------------------------------------------------------


def noisy(drawn: Plan, seed: int) -> Plan:
    """Return a plan whose vertices lie up to 3 mm off, each ring for itself."""
    chance = np.random.default_rng(seed)

    def push(xy: NDArray[np.float64]) -> NDArray[np.float64]:
        angle, far = chance.uniform(0, 2 * np.pi, len(xy)), chance.uniform(0, 0.003, len(xy))
        angle[-1], far[-1] = angle[0], far[0]  # the ring stays closed
        return xy + np.column_stack([np.cos(angle), np.sin(angle)]) * far[:, None]

    return plan({code: shapely.transform(shape, push) for code, shape in drawn.shapes.items()})


def as_multi(shape: BaseGeometry) -> BaseGeometry:
    """Return a polygon as a multipolygon of one part."""
    return shapely.union_all([shape]) if not isinstance(shape, Polygon) else MultiPolygon([shape])


SAME = {
    "byte for byte": lambda path: write_geojson(path, GRIDS),
    "from another start vertex": lambda path: write_geojson(
        path, plan({c: other_start(s, i + 1) for i, (c, s) in enumerate(GRIDS.shapes.items())})
    ),
    "with rings reversed": lambda path: write_geojson(
        path, plan({c: clockwise(s) for c, s in GRIDS.shapes.items()})
    ),
    "in another order": lambda path: write_geojson(
        path, plan(dict(reversed(list(GRIDS.shapes.items()))))
    ),
    "with 7 decimals": lambda path: write_geojson(path, GRIDS, decimals=7),
    "with 3 mm of noise": lambda path: write_geojson(path, noisy(GRIDS, 7)),
    "with 3 mm of other noise": lambda path: write_geojson(path, noisy(GRIDS, 8)),
    "as multipolygons": lambda path: write_geojson(
        path, plan({c: as_multi(s) for c, s in GRIDS.shapes.items()})
    ),
    "as GeoPackage": lambda path: write_ogr(path.with_suffix(".gpkg"), GRIDS, "GPKG"),
    "as FlatGeobuf": lambda path: write_ogr(path.with_suffix(".fgb"), GRIDS, "FlatGeobuf"),
    "as Shapefile in EPSG:4547": lambda path: write_ogr(
        path.with_suffix(".shp"), GRIDS, "ESRI Shapefile", crs="EPSG:4547"
    ),
    "in EPSG:4526, zone number in front": lambda path: write_ogr(
        path.with_suffix(".gpkg"), GRIDS, "GPKG", crs="EPSG:4526"
    ),
    "in EPSG:3857": lambda path: write_ogr(
        path.with_suffix(".gpkg"), GRIDS, "GPKG", crs="EPSG:3857"
    ),
}


@pytest.mark.parametrize("how", SAME)
def test_the_same_file_again_is_no_new_edition(
    town: Wangge, stored: Stored, here: Path, how: str
) -> None:
    file = SAME[how](here)
    before = stored.digest(3)

    assert town.publish("grid", file) == 3

    assert stored.newest() == 3
    assert stored.digest(3) == before
    assert stored.one("SELECT published_as FROM draft ORDER BY id DESC LIMIT 1") == 3


def test_the_topmost_level_again_is_no_new_edition(
    town: Wangge, stored: Stored, here: Path
) -> None:
    # the file has four corners, what stands has eight nodes
    assert town.publish("district", write_geojson(here, DISTRICT)) == 3
    assert town.publish("district", write_geojson(here, noisy(DISTRICT, 1))) == 3
    assert town.publish("community", write_geojson(here, COMMUNITIES)) == 3
    assert stored.rows("SELECT first_edition, last_edition FROM outline ORDER BY 1") == [
        (1, 1),
        (2, 2),
        (3, None),
    ]


def test_a_file_with_more_columns_changes_attributes_and_nothing_else(
    town: Wangge, stored: Stored, here: Path
) -> None:
    before = stored.units("grid")
    more = Plan(GRIDS.shapes, others={"lamp": {"010101": 7}})

    assert town.publish("grid", write_geojson(here, more)) == 4
    after = stored.units("grid")

    assert stored.one(
        "SELECT properties FROM unit WHERE code = '010101' AND last_edition IS NULL"
    ) == {"lamp": 7}
    assert {code: row.drawn for code, row in after.items()} == dict.fromkeys(GRIDS.shapes, 3)
    assert after["010101"].id != before["010101"].id
    assert town.publish("grid", here) == 4


# --- changes ------------------------------------------------------------------------------------


def test_a_rename_is_a_new_version_of_that_unit_alone(
    town: Wangge, stored: Stored, here: Path
) -> None:
    before = stored.units("grid")

    assert (
        town.publish("grid", write_geojson(here, Plan(GRIDS.shapes, names={"010101": "水边"}))) == 4
    )

    after = stored.units("grid")
    assert after["010101"].name == "水边"
    assert after["010101"].id != before["010101"].id
    assert (after["010101"].since, after["010101"].drawn) == (4, 3)
    others = set(after) - {"010101"}
    assert {code: after[code].row_id for code in others} == {c: before[c].row_id for c in others}


def test_a_border_that_moves_redraws_both_neighbours(
    town: Wangge, stored: Stored, here: Path
) -> None:
    before = stored.units("grid")
    moved = plan(dict(GRIDS.shapes) | halves(0, 200, 120, "0101"))

    assert town.publish("grid", write_geojson(here, moved)) == 4

    after = stored.units("grid")
    assert {code for code in after if after[code].drawn == 4} == {"010101", "010102"}
    assert {code for code in after if after[code].id != before[code].id} == {"010101", "010102"}
    assert after["010101"].area_m2 == pytest.approx(rectangle_m2((0, 0, 200, 120)), rel=1e-5)
    # the ends of the new border are nodes of 010201, which is the same version
    assert after["010202"].nodes() - before["010202"].nodes() == 1
    assert stored.units("district")["01"].since == 1


@pytest.mark.parametrize(("metres", "edition"), [(0.015, 3), (0.03, 4)])
def test_a_border_is_redrawn_from_twenty_millimetres_on(
    town: Wangge, stored: Stored, here: Path, metres: float, edition: int
) -> None:
    up = 100 + metres / 1.1085  # a step north at 30 degrees: 110.85 km a degree
    moved = plan(halves(0, 200, up, "0101") | halves(200, 400, up, "0102"))

    assert town.publish("grid", write_geojson(here, moved)) == edition

    drawn = {row.drawn for row in stored.units("grid").values()}
    assert drawn == {edition}


def test_a_unit_that_goes_leaves_its_land_to_a_neighbour(
    town: Wangge, stored: Stored, here: Path
) -> None:
    merged = plan(
        {"010101": (0, 0, 200, 200), "010201": (200, 0, 400, 100), "010202": (200, 100, 400, 200)}
    )

    made = town.draft("grid", write_geojson(here, merged), "--publish")

    assert made["removed"] == ["010102"]
    assert "010102" not in stored.units("grid")
    assert stored.units("grid", 3)["010102"].last == 3
    assert any(n["code"] == "REMOVED" for n in made["source"]["notices"])


def test_a_unit_that_comes_back_is_a_new_version(town: Wangge, stored: Stored, here: Path) -> None:
    merged = plan({**dict(GRIDS.shapes), "010101": box(0, 0, 200, 200)})
    del merged.shapes["010102"]  # type: ignore[attr-defined]  # a dict
    town.publish("grid", write_geojson(here, merged))

    assert town.publish("grid", write_geojson(here, GRIDS)) == 5

    rows = stored.rows(
        "SELECT first_edition, last_edition, since_edition FROM unit"
        " WHERE code = '010102' ORDER BY 1"
    )
    assert rows == [(3, 3, 3), (5, None, 5)]


def test_a_unit_with_another_code_is_another_unit(town: Wangge, stored: Stored, here: Path) -> None:
    shapes = dict(GRIDS.shapes)
    shapes["010109"] = shapes.pop("010101")

    town.publish("grid", write_geojson(here, plan(shapes)))

    assert stored.units("grid")["010109"].since == 4
    assert stored.units("grid", 3).keys() == GRIDS.shapes.keys()


def test_codes_that_change_places_are_both_redrawn(
    town: Wangge, stored: Stored, here: Path
) -> None:
    shapes = dict(GRIDS.shapes)
    shapes["010101"], shapes["010102"] = shapes["010102"], shapes["010101"]

    assert town.publish("grid", write_geojson(here, plan(shapes))) == 4

    assert {c for c, row in stored.units("grid").items() if row.drawn == 4} == {"010101", "010102"}


def test_leading_zeros_and_awkward_codes_are_kept(
    wangge: Wangge, stored: Stored, here: Path
) -> None:
    codes = ["007", "7", " 7a ", "a,b", "\u00e9", "网格'一\"", "x" * 200]
    strips = plan({code: (10 * i, 0, 10 * i + 10, 50) for i, code in enumerate(codes)})

    assert wangge.publish("district", write_geojson(here, strips)) == 1

    assert len(stored.units("district")) == len(codes)
    assert {"007", "7"} <= stored.units("district").keys()
    assert wangge.publish("district", here) == 1


# --- within -------------------------------------------------------------------------------------


@pytest.mark.parametrize("ground", ["0101", "community:0101"])
def test_a_file_within_a_unit_is_the_truth_of_that_unit_alone(
    town: Wangge, stored: Stored, here: Path, ground: str
) -> None:
    before = stored.units("grid")
    parts = plan(
        {"010101": (0, 0, 200, 40), "010102": (0, 40, 90, 200), "010103": (90, 40, 200, 200)}
    )

    assert town.publish("grid", write_geojson(here, parts), "--within", ground) == 4

    after = stored.units("grid")
    assert set(after) == {"010101", "010102", "010103", "010201", "010202"}
    assert {c: after[c].id for c in ("010201", "010202")} == {
        c: before[c].id for c in ("010201", "010202")
    }


def test_a_file_within_a_unit_that_reaches_beyond_it_is_not_clean(
    town: Wangge, stored: Stored, here: Path
) -> None:
    beyond = plan(halves(0, 230, 100, "0101"))

    made = town.draft("grid", write_geojson(here, beyond), "--within", "0101", exit_code=1)

    kinds = {f["kind"] for f in made["report"]["findings"]["nodes"]}
    assert kinds <= {"OUTSIDE", "OVERLAP"}
    assert "OUTSIDE" in kinds
    assert made["report"]["outsideM2"] == pytest.approx(rectangle_m2((200, 0, 230, 200)), rel=1e-5)
    assert stored.newest() == 3


def test_a_code_of_another_ground_is_refused_within_a_unit(
    town: Wangge, stored: Stored, here: Path
) -> None:
    parts = plan({"010101": (0, 0, 200, 100), "010202": (0, 100, 200, 200)})  # 010202 is B's

    made = town.draft(
        "grid", write_geojson(here, parts), "--within", "0101", "--publish", exit_code=1
    )

    assert made["status"] == "OPEN"
    kinds = [(f["kind"], f["severity"]) for f in made["report"]["findings"]["nodes"]]
    assert ("DUPLICATE_CODE", "BLOCKING") in kinds
    assert stored.newest() == 3


def test_a_unit_two_levels_up_is_a_ground(town: Wangge, stored: Stored, here: Path) -> None:
    moved = plan(halves(0, 200, 50, "0101") | halves(200, 400, 50, "0102"))

    assert town.publish("grid", write_geojson(here, moved), "--within", "01") == 4

    assert {row.drawn for row in stored.units("grid").values()} == {4}


# --- a parent level -----------------------------------------------------------------------------

AT_250 = plan({"0101": (0, 0, 250, 200), "0102": (250, 0, 400, 200)})
GRIDS_AT_250 = plan(halves(0, 250, 100, "0101") | halves(250, 400, 100, "0102"))


def test_a_parent_level_that_breaks_its_children_is_refused_and_names_them(
    town: Wangge, stored: Stored, here: Path
) -> None:
    made = town.draft("community", write_geojson(here, AT_250), "--publish", exit_code=1)
    nodes = made["report"]["findings"]["nodes"]

    # the strip from 200 to 250: land of 0101 in none of its grids, and grids of 0102 outside it
    strip = rectangle_m2((200, 0, 250, 200))
    blank = [f for f in nodes if f["kind"] == "BLANK"]
    outside = [f for f in nodes if f["kind"] == "OUTSIDE"]
    assert sum(f["areaM2"] for f in blank) == pytest.approx(strip, rel=1e-5)
    assert sum(f["areaM2"] for f in outside) == pytest.approx(strip, rel=1e-5)
    named = {unit["code"] for f in outside for unit in f["units"]}
    assert named == {"010201", "010202"}
    assert {unit["level"]["key"] for f in nodes for unit in f["units"]} == {"grid"}
    assert stored.newest() == 3
    refused = town.failure("draft", "publish", made["id"], exit_code=5)
    assert refused["code"] == "NOT_CLEAN"
    assert set(refused["findingIds"]) == {f["id"] for f in nodes}


def test_a_parent_that_goes_leaves_no_child_behind(
    town: Wangge, stored: Stored, here: Path
) -> None:
    one = plan({"0101": (0, 0, 400, 200)})

    made = town.draft("community", write_geojson(here, one), "--publish", exit_code=1)

    orphans = [f for f in made["report"]["findings"]["nodes"] if f["kind"] == "ORPHAN"]
    assert {unit["code"] for f in orphans for unit in f["units"]} == {"010201", "010202"}
    assert stored.newest() == 3


def test_parents_and_children_move_a_border_in_one_edition(
    town: Wangge, stored: Stored, here: Path, tmp_path: Path
) -> None:
    above = town.draft("community", write_geojson(here, AT_250), exit_code=1)
    below = town.draft(
        "grid", write_geojson(tmp_path / "grids.geojson", GRIDS_AT_250), "--with", above["id"]
    )

    published = town.ask("draft", "publish", below["id"], above["id"])

    assert published["number"] == 4
    assert {row.drawn for row in stored.units("grid").values()} == {4}
    assert {row.drawn for row in stored.units("community").values()} == {4}
    assert stored.units("community")["0101"].area_m2 == pytest.approx(
        rectangle_m2((0, 0, 250, 200)), rel=1e-5
    )
    assert [level["key"] for level in town.ask("editions")[0]["levels"]] == ["community", "grid"]


def test_three_levels_grow_together_in_one_edition(
    town: Wangge, stored: Stored, here: Path, tmp_path: Path
) -> None:
    county = town.draft(
        "district", write_geojson(here, plan({"01": (0, 0, 500, 200)})), exit_code=1
    )
    communities = plan({"0101": (0, 0, 200, 200), "0102": (200, 0, 500, 200)})
    middle = town.draft(
        "community", write_geojson(here, communities), "--with", county["id"], exit_code=1
    )
    grids = plan({**GRIDS_A.shapes, **plan(halves(200, 500, 100, "0102")).shapes})
    low = town.draft(
        "grid", write_geojson(here, grids), "--with", county["id"], "--with", middle["id"]
    )

    assert (
        town.failure("draft", "publish", low["id"], middle["id"], exit_code=2)["code"]
        == "BAD_INPUT"
    )
    assert town.ask("draft", "publish", low["id"], county["id"], middle["id"])["number"] == 4

    assert {r.drawn for r in stored.units("community").values()} == {2, 4}
    assert stored.units("grid")["010101"].drawn == 3
    assert stored.outline(4).bounds == pytest.approx((114, 30, 114.005, 30.002), abs=1e-9)
    assert stored.outline(3).bounds == pytest.approx((114, 30, 114.004, 30.002), abs=1e-9)


def test_a_grid_goes_to_another_community_without_being_redrawn(
    town: Wangge, stored: Stored, here: Path, tmp_path: Path
) -> None:
    # 010201 comes to 0101, which then has the form of an L
    ell = Polygon([(0, 0), (400, 0), (400, 100), (200, 100), (200, 200), (0, 200)])
    communities = plan({"0101": ell, "0102": (200, 100, 400, 200)})
    above = town.draft("community", write_geojson(here, communities), exit_code=1)
    refused = town.failure("draft", "publish", above["id"], exit_code=5)
    below = town.draft("grid", write_geojson(here, GRIDS), "--with", above["id"])

    assert refused["code"] == "NOT_CLEAN"
    assert town.ask("draft", "publish", above["id"], below["id"])["number"] == 4

    rows = stored.units("grid")
    assert {c: r.parent for c, r in rows.items()} == {
        "010101": "0101",
        "010102": "0101",
        "010201": "0101",
        "010202": "0102",
    }
    assert {r.drawn for r in rows.values()} == {3}
    # its code begins like its former community's: that is said, and forbids nothing
    warned = [f for f in below["report"]["findings"]["nodes"] if f["severity"] == "WARNING"]
    assert [(f["kind"], f["units"][0]["code"]) for f in warned] == [("WRONG_PARENT", "010201")]


def test_a_draft_within_a_unit_that_is_gone_changes_nothing(
    town: Wangge, stored: Stored, here: Path
) -> None:
    late = town.draft(
        "grid", write_geojson(here, plan(halves(200, 400, 50, "0102"))), "--within", "0102"
    )
    above = town.draft(
        "community", write_geojson(here, plan({"0101": (0, 0, 400, 200)})), exit_code=1
    )
    below = town.draft("grid", write_geojson(here, GRIDS), "--with", above["id"])
    town.ask("draft", "publish", above["id"], below["id"])

    for command in ("publish", "recheck"):
        answer = town("draft", command, late["id"], "--json")
        assert answer.exit_code in {2, 5}, answer
        assert answer.json()["error"]["code"] in {"UNKNOWN", "CONFLICT"}
    assert stored.newest() == 4
    assert {row.parent for row in stored.units("grid").values()} == {"0101"}


def test_a_draft_does_not_stand_beside_another_of_its_level(
    town: Wangge, stored: Stored, here: Path
) -> None:
    first = town.draft("grid", write_geojson(here, GRIDS))

    refused = town.failure(
        "import", here, "--level", "grid", "--within", "0101", "--with", first["id"], exit_code=2
    )

    assert refused["code"] == "BAD_INPUT"
    assert stored.one("SELECT count(*) FROM draft WHERE status = 'OPEN'") == 1


def test_a_draft_is_not_published_without_the_one_that_it_was_checked_on(
    town: Wangge, here: Path, tmp_path: Path
) -> None:
    above = town.draft("community", write_geojson(here, AT_250), exit_code=1)
    below = town.draft(
        "grid", write_geojson(tmp_path / "grids.geojson", GRIDS_AT_250), "--with", above["id"]
    )

    refused = town.failure("draft", "publish", below["id"], exit_code=2)

    assert refused["code"] == "BAD_INPUT"
    assert above["id"] in refused["message"]


def test_a_draft_can_be_checked_again_when_its_company_is_published(
    town: Wangge, stored: Stored, here: Path, tmp_path: Path
) -> None:
    # 0102 gets another name: no ground changes, so that the draft can go alone
    renamed = Plan(COMMUNITIES.shapes, names={"0102": "东"})
    above = town.draft("community", write_geojson(here, renamed))
    moved = plan(dict(GRIDS.shapes) | halves(0, 200, 120, "0101"))
    below = town.draft("grid", write_geojson(tmp_path / "g.geojson", moved), "--with", above["id"])
    town.ask("draft", "publish", above["id"])

    assert town.ask("draft", "recheck", below["id"])["clean"]
    assert town.ask("draft", "publish", below["id"])["number"] == 5
    assert stored.newest() == 5


@pytest.mark.parametrize("grounds", [("0101", "0101"), ("0101", "01"), ("0102", "0101", "0101")])
def test_two_drafts_of_one_level_on_the_same_ground_are_not_published_together(
    town: Wangge, stored: Stored, here: Path, grounds: tuple[str, ...]
) -> None:
    files = {
        "0101": plan(halves(0, 200, 120, "0101")),
        "0102": plan(halves(200, 400, 130, "0102")),
        "01": plan(halves(0, 200, 140, "0101") | halves(200, 400, 150, "0102")),
    }
    drafts = [
        town.draft("grid", write_geojson(here, files[ground]), "--within", ground)["id"]
        for ground in grounds
    ]

    refused = town.failure("draft", "publish", *drafts, exit_code=2)

    assert refused["code"] == "BAD_INPUT"
    assert stored.newest() == 3


def test_drafts_of_one_level_on_different_grounds_are_published_together(
    town: Wangge, stored: Stored, here: Path
) -> None:
    left = town.draft(
        "grid", write_geojson(here, plan(halves(0, 200, 120, "0101"))), "--within", "0101"
    )
    right = town.draft(
        "grid", write_geojson(here, plan(halves(200, 400, 150, "0102"))), "--within", "0102"
    )

    assert town.ask("draft", "publish", left["id"], right["id"])["number"] == 4

    assert {row.drawn for row in stored.units("grid").values()} == {4}
    # four corners, both old ends of the own border, both new ones, and the neighbour's new one
    assert {c: r.nodes() for c, r in stored.units("community").items()} == {"0101": 9, "0102": 9}


# --- conflict -----------------------------------------------------------------------------------


def test_a_draft_whose_ground_changed_is_refused_until_it_is_checked_again(
    town: Wangge, stored: Stored, here: Path
) -> None:
    late = town.draft(
        "grid", write_geojson(here, plan(halves(0, 200, 120, "0101"))), "--within", "0101"
    )
    town.publish("grid", write_geojson(here, plan(halves(0, 200, 60, "0101"))), "--within", "0101")

    refused = town.failure("draft", "publish", late["id"], exit_code=5)
    assert refused["code"] == "CONFLICT"
    assert f"draft recheck {late['id']}" in refused["message"]
    assert stored.newest() == 4

    town.ask("draft", "recheck", late["id"])
    assert town.ask("draft", "publish", late["id"])["number"] == 5
    assert stored.units("grid")["010101"].area_m2 == pytest.approx(
        rectangle_m2((0, 0, 200, 120)), rel=1e-5
    )


def test_a_draft_beside_changed_ground_is_no_conflict(
    town: Wangge, stored: Stored, here: Path
) -> None:
    late = town.draft(
        "grid", write_geojson(here, plan(halves(0, 200, 120, "0101"))), "--within", "0101"
    )
    town.publish(
        "grid", write_geojson(here, plan(halves(200, 400, 60, "0102"))), "--within", "0102"
    )
    town.publish(
        "police",
        write_geojson(
            here, plan({"P": (0, 0, 200, 30), "Q": (0, 30, 200, 200), "R": (200, 0, 400, 200)})
        ),
    )

    assert town.ask("draft", "publish", late["id"])["number"] == 6
    assert stored.units("grid")["010102"].drawn == 6


def test_a_parent_whose_border_moved_is_a_conflict_for_drafts_below_it(
    town: Wangge, here: Path, tmp_path: Path
) -> None:
    late = town.draft(
        "grid", write_geojson(here, plan(halves(0, 200, 120, "0101"))), "--within", "0101"
    )
    above = town.draft("community", write_geojson(here, AT_250), exit_code=1)
    below = town.draft(
        "grid", write_geojson(tmp_path / "g.geojson", GRIDS_AT_250), "--with", above["id"]
    )
    town.ask("draft", "publish", below["id"], above["id"])

    assert town.failure("draft", "publish", late["id"], exit_code=5)["code"] == "CONFLICT"
    report = town.ask("draft", "recheck", late["id"], exit_code=1)
    assert report["blankM2"] == pytest.approx(rectangle_m2((200, 0, 250, 200)), rel=1e-5)


@pytest.mark.parametrize("end", ["publish", "discard"])
def test_a_draft_is_published_or_discarded_once(
    town: Wangge, stored: Stored, here: Path, end: str
) -> None:
    made = town.draft(
        "grid", write_geojson(here, plan(halves(0, 200, 120, "0101"))), "--within", "0101"
    )
    town.ask("draft", end, made["id"])

    for command in ("publish", "discard", "recheck"):
        assert town.failure("draft", command, made["id"], exit_code=5)["code"] == "NOT_OPEN"
    assert town.failure("draft", "publish", 999, exit_code=2)["code"] == "UNKNOWN"
    assert stored.newest() == (4 if end == "publish" else 3)


# --- days ---------------------------------------------------------------------------------------


def redraw(town: Wangge, here: Path, at: float) -> str:
    """Return a clean draft that divides 0101 at ``at``."""
    made = town.draft(
        "grid", write_geojson(here, plan(halves(0, 200, at, "0101"))), "--within", "0101"
    )
    return str(made["id"])


def test_days_never_go_back(town: Wangge, stored: Stored, here: Path) -> None:
    far = city_day() + dt.timedelta(days=300)
    published = town.ask("draft", "publish", redraw(town, here, 50), "--effective-on", far)
    assert published["effectiveOn"] == str(far)

    late = redraw(town, here, 60)
    before = far - dt.timedelta(days=1)
    refused = town.failure("draft", "publish", late, "--effective-on", before, exit_code=2)
    assert refused["code"] == "BAD_INPUT"
    assert stored.newest() == 4

    assert town.ask("draft", "publish", late)["effectiveOn"] == str(far)
    assert (
        town.publish(
            "grid", write_geojson(here, plan(halves(0, 200, 70, "0101"))), "--within", "0101"
        )
        == 6
    )
    days = [e["effectiveOn"] for e in town.ask("editions")]
    assert days[:3] == [str(far)] * 3
    assert days == sorted(days, reverse=True)


def test_a_slip_of_the_year_does_not_hold_back_the_city(
    town: Wangge, stored: Stored, here: Path
) -> None:
    day = city_day() + dt.timedelta(days=400)
    draft = redraw(town, here, 50)

    refused = town.failure("draft", "publish", draft, "--effective-on", day, exit_code=2)

    assert (refused["code"], refused["argument"]) == ("BAD_INPUT", "effectiveOn")
    assert stored.newest() == 3


def test_a_correction_carries_the_day_that_it_mends(town: Wangge, here: Path) -> None:
    far = city_day() + dt.timedelta(days=300)
    town.ask("draft", "publish", redraw(town, here, 50), "--effective-on", far)
    late = redraw(town, here, 60)

    after = far + dt.timedelta(days=1)
    refused = town.failure(
        "draft", "publish", late, "--correction", "--effective-on", after, exit_code=2
    )
    assert refused["code"] == "BAD_INPUT"

    mended = town.ask("draft", "publish", late, "--correction")
    assert (mended["effectiveOn"], mended["correction"]) == (str(far), True)


def test_what_is_said_about_an_edition_is_kept(town: Wangge, here: Path) -> None:
    town.ask("draft", "publish", redraw(town, here, 50), "--note", "南岸重划 [b]'\"")

    assert town.ask("editions", "--first", "1")[0]["note"] == "南岸重划 [b]'\""


# --- shapes -------------------------------------------------------------------------------------


def test_an_island_and_a_hole_are_published_as_drawn(
    wangge: Wangge, stored: Stored, here: Path
) -> None:
    # 0101 is the frame around 0102 and has an island of its own to the east
    frame = Polygon(
        [(0, 0), (90, 0), (90, 90), (0, 90)], [[(30, 30), (30, 60), (60, 60), (60, 30)]]
    )
    land = MultiPolygon([box(0, 0, 90, 90), box(120, 0, 150, 30)])
    parts = {"0101": MultiPolygon([frame, box(120, 0, 150, 30)]), "0102": box(30, 30, 60, 60)}

    assert wangge.publish("district", write_geojson(here, plan({"01": land}))) == 1
    assert wangge.publish("community", write_geojson(here, plan(parts))) == 2
    assert wangge.publish("community", here) == 2

    assert stored.faults() == {}
    assert {c: row.nodes() for c, row in stored.units("community").items()} == {
        "0101": 12,
        "0102": 4,
    }


def test_a_lake_in_the_topmost_level_is_blank(wangge: Wangge, stored: Stored, here: Path) -> None:
    lake = (30, 30, 60, 60)
    ring = box(0, 0, 90, 90).difference(box(*lake))

    made = wangge.draft(
        "district", write_geojson(here, plan({"01": ring})), "--publish", exit_code=1
    )

    [blank] = made["report"]["findings"]["nodes"]
    assert blank["kind"] == "BLANK"
    assert blank["areaM2"] == pytest.approx(rectangle_m2(lake), rel=1e-5)
    assert stored.newest() == 0


def test_units_that_touch_in_a_corner_only_are_clean(
    wangge: Wangge, stored: Stored, here: Path
) -> None:
    checkers = {
        "0101": MultiPolygon([box(0, 0, 50, 50), box(50, 50, 100, 100)]),
        "0102": MultiPolygon([box(50, 0, 100, 50), box(0, 50, 50, 100)]),
    }

    wangge.publish("district", write_geojson(here, plan({"01": (0, 0, 100, 100)})))
    assert wangge.publish("community", write_geojson(here, plan(checkers))) == 2
    assert wangge.publish("community", here) == 2
    assert stored.faults() == {}


def test_grids_of_one_community_alone_are_not_the_whole_level(
    wangge: Wangge, stored: Stored, here: Path
) -> None:
    wangge.publish("district", write_geojson(here, DISTRICT))
    wangge.publish("community", write_geojson(here, COMMUNITIES))

    made = wangge.draft("grid", write_geojson(here, GRIDS_A), exit_code=1)

    [blank] = made["report"]["findings"]["nodes"]
    assert (blank["kind"], blank["parent"]["code"]) == ("BLANK", "0102")
    assert blank["areaM2"] == pytest.approx(rectangle_m2((200, 0, 400, 200)), rel=1e-5)
    assert wangge.publish("grid", here, "--within", "0101") == 3
