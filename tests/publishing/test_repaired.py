"""A draft is mended into a new one that can be published, and what moved is told."""

from __future__ import annotations

import asyncio
import csv
import json
from typing import TYPE_CHECKING

import pytest
import shapely
from pyogrio.raw import read

from schema.ids import IdKind, encode
from storage.engine import make_engine
from storage.keys import Role
from tests.graphql.asking import Answer, ask
from tests.graphql.world import make_key
from tests.publishing.drawing import (
    GRIDS_A,
    Plan,
    degrees,
    halves,
    plan,
    rectangle_m2,
    write_addresses,
    write_geojson,
    write_ogr,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tests.publishing.outside import Wangge
    from tests.publishing.stored import Stored

pytestmark = pytest.mark.postgis

# In community 0101 (x 0..200, y 0..200), one step being about a metre:
#   a strip one half of a step high between the two grids is in neither
STRIP = plan({"010101": (0, 0, 200, 99.5), "010102": (0, 100, 200, 200)})
STRIP_M2 = rectangle_m2((0, 99.5, 200, 100))
#   and here ten steps of land are in both, far too wide
WIDE = plan({"010101": (0, 0, 200, 110), "010102": (0, 100, 200, 200)})
#   a strip in neither and a strip in both, apart from one another
TWO = plan(
    {
        "010101": shapely.Polygon(
            [(0, 0), (200, 0), (200, 100.4), (100, 100.4), (100, 100), (0, 100)]
        ),
        "010102": shapely.Polygon(
            [(0, 100.6), (90, 100.6), (90, 100), (200, 100), (200, 200), (0, 200)]
        ),
    }
)


def draft(town: Wangge, here: Path, drawn: Plan) -> str:
    made = town.draft("grid", write_geojson(here, drawn), "--within", "0101", exit_code=1)
    return str(made["id"])


def test_a_mended_draft_is_clean_and_can_be_published(
    town: Wangge, stored: Stored, here: Path
) -> None:
    number = draft(town, here, STRIP)

    mended = town.ask("draft", "repair", number)

    assert mended["repairOf"] == {"id": number}
    assert mended["report"]["clean"]
    [move] = mended["moves"]
    assert move["from"] == []
    assert move["to"] in GRIDS_A.shapes
    assert move["areaM2"] == pytest.approx(STRIP_M2, rel=1e-4)
    assert mended["movedM2"] == move["areaM2"]
    assert mended["left"] == []
    town.ask("draft", "publish", mended["id"])
    assert stored.faults() == {}
    land = shapely.union_all([row.geom for row in stored.units("grid").values()])
    assert land.symmetric_difference(degrees(shapely.box(0, 0, 400, 200))).area == 0


def test_the_draft_itself_stays_as_it_is(town: Wangge, stored: Stored, here: Path) -> None:
    number = draft(town, here, STRIP)
    rows = "SELECT * FROM draft_unit WHERE draft_id = %s ORDER BY row"
    before = stored.rows(rows, int(number)), town.ask("draft", "show", number)

    town.ask("draft", "repair", number)

    assert (stored.rows(rows, int(number)), town.ask("draft", "show", number)) == before


def test_wider_land_stays_and_is_named(town: Wangge, here: Path) -> None:
    number = draft(town, here, WIDE)

    mended = town.ask("draft", "repair", number, exit_code=1)

    assert mended["moves"] == []
    [left] = mended["left"]
    [finding] = mended["report"]["findings"]["nodes"]
    assert (left["finding"], finding["kind"]) == (finding["id"], "OVERLAP")
    error = town.failure("draft", "publish", mended["id"], exit_code=5)
    assert error["code"] == "NOT_CLEAN"

    wider = town.ask("draft", "repair", number, "--max-move", "12")
    [move] = wider["moves"]
    assert move["areaM2"] == pytest.approx(rectangle_m2((0, 100, 200, 110)), rel=1e-4)
    assert {*move["from"], move["to"]} == set(GRIDS_A.shapes)


def test_only_the_named_finding_is_mended(town: Wangge, here: Path) -> None:
    made = town.draft("grid", write_geojson(here, TWO), "--within", "0101", exit_code=1)
    found = {f["kind"]: f["id"] for f in made["report"]["findings"]["nodes"]}
    assert set(found) == {"BLANK", "OVERLAP"}

    # the first digits, as tables show them, name a finding as well
    mended = town.ask("draft", "repair", made["id"], "--only", found["BLANK"][:12], exit_code=1)

    assert [move["finding"] for move in mended["moves"]] == [found["BLANK"]]
    assert [f["kind"] for f in mended["report"]["findings"]["nodes"]] == ["OVERLAP"]
    both = town.ask("draft", "repair", mended["id"])
    assert both["report"]["clean"]


def test_what_moved_comes_with_its_households_as_table_and_as_layer(
    town: Wangge, here: Path, tmp_path: Path
) -> None:
    homes = {"in the strip": (50, 99.75, 4), "beside it": (50, 50, 9)}
    town.ask("load", "addresses", write_addresses(tmp_path / "homes.csv", homes))
    number = draft(town, here, STRIP)
    table, layer = tmp_path / "moves.csv", tmp_path / "moves.geojson"

    mended = town.ask("draft", "repair", number, "--moves", table)
    town.ask("draft", "repair", number, "--moves", layer)

    [move] = mended["moves"]
    assert move["households"] == 4
    with table.open(encoding="utf-8-sig", newline="") as opened:
        [row] = csv.DictReader(opened)
    assert (row["from"], row["to"], row["households"]) == ("", move["to"], "4")
    assert float(row["area_m2"]) == pytest.approx(move["areaM2"], rel=1e-6)
    meta, _, wkb, columns = read(layer)
    said = dict(zip(meta["fields"], (column[0] for column in columns), strict=True))
    assert (said["to"], said["households"]) == (move["to"], 4)
    [land] = shapely.from_wkb(wkb)
    assert land.symmetric_difference(degrees(shapely.box(0, 99.5, 200, 100))).area < 1e-12


def test_a_draft_in_metres_is_mended_as_well(town: Wangge, stored: Stored, tmp_path: Path) -> None:
    file = write_ogr(tmp_path / "sent.gpkg", STRIP, "GPKG", crs="EPSG:4547")
    made = town.draft("grid", file, "--within", "0101", exit_code=1)

    mended = town.ask("draft", "repair", made["id"])

    assert mended["report"]["clean"]
    again = town.ask("draft", "recheck", mended["id"])
    assert again["clean"]
    town.ask("draft", "publish", mended["id"])
    assert stored.faults() == {}


def test_a_finding_that_the_draft_does_not_have_is_refused(town: Wangge, here: Path) -> None:
    number = draft(town, here, STRIP)

    error = town.failure("draft", "repair", number, "--only", "0" * 32, exit_code=2)

    assert error["code"] == "UNKNOWN"
    assert "0" * 32 in error["message"]


def test_a_draft_that_is_no_more_open_is_refused(town: Wangge, stored: Stored, here: Path) -> None:
    number = draft(town, here, STRIP)
    town.ask("draft", "discard", number)
    before = stored.one("SELECT count(*) FROM draft")

    error = town.failure("draft", "repair", number, exit_code=5)

    assert error["code"] == "NOT_OPEN"
    assert stored.one("SELECT count(*) FROM draft") == before


def test_a_clean_draft_is_mended_into_itself(town: Wangge, stored: Stored, here: Path) -> None:
    drawn = plan(halves(0, 200, 120, "0101"))
    made = town.draft("grid", write_geojson(here, drawn), "--within", "0101")

    mended = town.ask("draft", "repair", made["id"])

    assert (mended["moves"], mended["left"], mended["movedM2"]) == ([], [], 0)
    land = "SELECT code, chain FROM draft_unit WHERE draft_id = %s ORDER BY code"
    assert stored.rows(land, int(mended["id"])) == stored.rows(land, int(made["id"]))


# --- over GraphQL -------------------------------------------------------------------------------

REPAIR = """
mutation ($id: ID!, $metres: Float! = 1.0, $findings: [ID!]) {
  repairDraft(id: $id, maxMoveM: $metres, findings: $findings) {
    id status createdBy
    repairOf { id }
    report { clean findings { nodes { id kind } } }
    moves { totalCount nodes { from { code } to { code } areaM2 households finding geometry }
            featureCollection }
  }
}
"""
SHOW = "query ($id: ID!) { draft(id: $id) { report { findings { nodes { id kind } } } } }"


def asked(
    url: str, role: Role, query: str, within: tuple[str, str] | None = None, **variables: object
) -> Answer:
    """Put a query with a new key."""

    async def question() -> Answer:
        engine = make_engine(url)
        try:
            key = await make_key(engine, role, within=within)
            return await ask(engine, query, variables, key=key)
        finally:
            await engine.dispose()

    return asyncio.run(question())


def test_an_editor_mends_a_draft_by_mutation(
    town: Wangge, stored: Stored, here: Path, database_url: str
) -> None:
    number = draft(town, here, TWO)
    id_ = encode(IdKind.DRAFT, number)
    before = asked(database_url, Role.EDITOR, SHOW, id=id_)
    found = {f["kind"]: f["id"] for f in before.data["draft"]["report"]["findings"]["nodes"]}

    answer = asked(database_url, Role.EDITOR, REPAIR, id=id_, findings=[found["BLANK"]])

    assert answer.errors == []
    mended = answer.data["repairDraft"]
    assert (mended["status"], mended["createdBy"]) == ("OPEN", "tester")
    assert mended["repairOf"] == {"id": id_}
    assert mended["report"]["findings"]["nodes"] == [{"id": found["OVERLAP"], "kind": "OVERLAP"}]
    [move] = mended["moves"]["nodes"]
    assert mended["moves"]["totalCount"] == 1
    assert (move["from"], move["finding"]) == ([], found["BLANK"])
    [feature] = mended["moves"]["featureCollection"]["features"]
    assert feature["properties"]["to"] == move["to"]["code"]
    assert feature["geometry"] == move["geometry"]
    drawn = shapely.from_geojson(json.dumps(move["geometry"]))
    # beside the slanted ends where the strip closes the drawing is: 90 by 0.6 steps
    strip = degrees(shapely.Polygon([(0, 100), (90, 100), (90, 100.6), (0, 100.6)]))
    assert drawn.area == pytest.approx(strip.area, rel=1e-3)
    assert stored.newest() == 3


def test_readers_and_editors_of_other_ground_mend_nothing(
    town: Wangge, stored: Stored, here: Path, database_url: str
) -> None:
    id_ = encode(IdKind.DRAFT, draft(town, here, STRIP))
    count = stored.one("SELECT count(*) FROM draft")

    reader = asked(database_url, Role.READER, REPAIR, id=id_)
    other = asked(database_url, Role.EDITOR, REPAIR, within=("community", "0102"), id=id_)
    own = asked(database_url, Role.EDITOR, REPAIR, within=("community", "0101"), id=id_)

    assert (reader.codes(), other.codes()) == (["FORBIDDEN"], ["FORBIDDEN"])
    assert own.errors == []
    assert stored.one("SELECT count(*) FROM draft") == count + 1


@pytest.mark.parametrize("metres", [-1.0, 1001.0])
def test_a_width_that_cannot_be_meant_is_refused(
    town: Wangge, here: Path, database_url: str, metres: float
) -> None:
    id_ = encode(IdKind.DRAFT, draft(town, here, STRIP))

    answer = asked(database_url, Role.EDITOR, REPAIR, id=id_, metres=metres)

    assert answer.codes() == ["BAD_INPUT"]
    assert answer.data == {"repairDraft": None}
