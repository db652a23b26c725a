"""Drafts: what they tell."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest
import shapely
from shapely.geometry import shape
from sqlalchemy import update

from geo.crs import Datum, convert
from storage.keys import Role
from storage.models import Draft, DraftUnit
from tests.graphql import imported, world
from tests.graphql.asking import told
from tests.graphql.imported import HASHES
from tests.graphql.world import C1, G11, G12, S1, D

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

pytestmark = pytest.mark.anyio

ROWS: list[tuple[str | None, str, world.Box | None]] = [
    (G12, C1, (1, 0, 2, 1)),
    (G11, C1, (0, 0, 1, 1)),
    (None, C1, (0, 0, 0.5, 0.5)),
    ("empty", C1, None),
]


def draft_id(number: int) -> str:
    return base64.b64encode(f"Draft:{number}".encode()).decode()


async def test_a_draft_tells_all_that_is_stored(town: AsyncEngine) -> None:
    key = await world.make_key(town, Role.EDITOR)
    number = await imported.add_draft(town, units=ROWS)

    data = await told(
        town,
        """query ($id: ID!) { draft(id: $id) {
            id status level { key unitCount } within { code } base { number } with { id }
            repairOf { id } publishedAs { number } createdBy createdAt
            source { file sha256 format layer featureCount encoding crs datum columns
                notices { code message featureCount } }
            report { level { key } within { code } edition { number } draft { id } clean
                clauses { rule holds findingCount } provenParents parents areaM2 blankM2
                overlapM2 outsideM2 households { total covered uncovered doubled } }
            units { totalCount nodes { code name households people groups { people }
                properties since { number } until { number } level { key } } }
        } }""",
        {"id": draft_id(number)},
        key=key,
    )

    draft = data["draft"]
    assert draft.pop("createdAt").endswith("Z")
    report = draft.pop("report")
    clauses = report.pop("clauses")
    assert report == {
        "level": {"key": "grid"},
        "within": {"code": C1},
        "edition": None,
        "draft": {"id": draft_id(number)},
        "clean": False,
        "provenParents": 0,
        "parents": 1,
        "areaM2": 1000.0,
        "blankM2": 30.0,
        "overlapM2": 20.0,
        "outsideM2": 0.0,
        "households": {"total": 11, "covered": 9, "uncovered": 2, "doubled": 0},
    }
    assert clauses[1] == {"rule": "NO_BLANK", "holds": False, "findingCount": 1}
    assert draft == {
        "id": draft_id(number),
        "status": "OPEN",
        # two of the file in the place of two that stand in C1
        "level": {"key": "grid", "unitCount": 6},
        "within": {"code": C1},
        "base": {"number": 2},
        "with": [],
        "repairOf": None,
        "publishedAs": None,
        "createdBy": "editor",
        "source": imported.SOURCE,
        "units": {
            "totalCount": 2,
            "nodes": [
                {
                    "code": code,
                    "name": f"row {row}",
                    "households": row,
                    "people": 2 * row,
                    "groups": [{"people": row}],
                    "properties": {"row": row},
                    "since": None,
                    "until": None,
                    "level": {"key": "grid"},
                }
                for code, row in ((G11, 2), (G12, 1))
            ],
        },
    }


async def test_units_of_a_draft_come_in_pages_and_boxes(town: AsyncEngine) -> None:
    key = await world.make_key(town, Role.EDITOR)
    # a file may have a code twice
    await imported.add_draft(town, units=[*ROWS, (G12, C1, (1, 0, 2, 0.5))])
    query = """query ($bbox: [Float!], $after: String) { drafts { nodes {
        units(bbox: $bbox, first: 2, after: $after) { totalCount nodes { code name }
            pageInfo { hasNextPage endCursor } } } } }"""

    first = (await told(town, query, key=key))["drafts"]["nodes"][0]["units"]
    after = first["pageInfo"]["endCursor"]
    rest = (await told(town, query, {"after": after}, key=key))["drafts"]["nodes"][0]["units"]
    box = [104.001, 38.001, 104.002, 38.002]
    boxed = (await told(town, query, {"bbox": box}, key=key))["drafts"]["nodes"][0]["units"]

    names = [(unit["code"], unit["name"]) for unit in first["nodes"] + rest["nodes"]]
    assert names == [(G11, "row 2"), (G12, "row 1"), (G12, "row 5")]
    assert [first["pageInfo"]["hasNextPage"], rest["pageInfo"]["hasNextPage"]] == [True, False]
    assert (boxed["totalCount"], boxed["nodes"]) == (1, [{"code": G11, "name": "row 2"}])


async def test_units_of_a_draft_are_drawn_like_any_other(town: AsyncEngine) -> None:
    key = await world.make_key(town, Role.EDITOR)
    await imported.add_draft(town, units=ROWS)

    data = await told(
        town,
        """{ drafts { nodes { units { featureCollection nodes {
            geometry bbox labelPoint rough: geometry(toleranceM: 5) shifted: geometry(datum: GCJ02)
        } } } } }""",
        key=key,
    )

    units = data["drafts"]["nodes"][0]["units"]
    first = units["nodes"][0]
    assert shape(first["geometry"]).equals(world.polygon((0, 0, 1, 1)))
    assert shape(first["rough"]).equals(world.polygon((0, 0, 1, 1)))
    assert first["bbox"] == [104.0, 38.0, 104.01, 38.01]
    expected = convert(
        shapely.get_coordinates(world.polygon((0, 0, 1, 1))), Datum.WGS84, Datum.GCJ02
    )
    drawn = shape(first["shifted"]).bounds
    assert drawn[:2] == pytest.approx(expected.min(axis=0).tolist(), abs=1e-7)
    assert units["featureCollection"]["features"][0]["properties"]["households"] == 2


async def test_what_lies_around_a_draft_is_of_its_base_edition(town: AsyncEngine) -> None:
    key = await world.make_key(town, Role.EDITOR)
    await imported.add_draft(town, units=ROWS)

    data = await told(
        town,
        '{ drafts { nodes { within { children(level: "grid") { totalCount nodes { code bbox } } } '
        'units { nodes { parent { code } ancestors { code children(level: "grid") { totalCount } } '
        "} } } } }",
        key=key,
    )

    draft = data["drafts"]["nodes"][0]
    # the draft's own two grids, as it draws them
    assert draft["within"]["children"] == {
        "totalCount": 2,
        "nodes": [
            {"code": G11, "bbox": [104.0, 38.0, 104.01, 38.01]},
            {"code": G12, "bbox": [104.01, 38.0, 104.02, 38.01]},
        ],
    }
    unit = draft["units"]["nodes"][0]
    assert unit["parent"] == {"code": C1}
    assert [(one["code"], one["children"]["totalCount"]) for one in unit["ancestors"]] == [
        (C1, 2),
        (S1, 4),
        (D, 6),
    ]


async def test_a_draft_stands_on_those_that_it_goes_with(town: AsyncEngine) -> None:
    key = await world.make_key(town, Role.EDITOR)
    above = await imported.add_draft(
        town,
        level="community",
        within=("subdistrict", S1),
        units=[("new", S1, (0, 0, 2, 2))],
    )
    below = await imported.add_draft(
        town,
        within=("subdistrict", S1),
        units=[("n1", "new", (0, 0, 2, 1)), ("n2", "new", (0, 1, 2, 2))],
        with_drafts=[above],
        repair_of=above,
    )

    data = await told(
        town,
        "{ drafts { nodes { id with { id } repairOf { id } "
        "units { nodes { code parent { code name } ancestors { code } } } } } }",
        key=key,
    )

    second, first = data["drafts"]["nodes"]
    assert (second["id"], first["id"]) == (draft_id(below), draft_id(above))
    assert second["with"] == [{"id": draft_id(above)}]
    assert first["with"] == [{"id": draft_id(below)}]
    assert second["repairOf"] == {"id": draft_id(above)}
    assert second["units"]["nodes"][0] == {
        "code": "n1",
        "parent": {"code": "new", "name": "row 1"},
        "ancestors": [{"code": "new"}, {"code": S1}, {"code": D}],
    }


async def test_drafts_come_newest_first_by_status_and_level(town: AsyncEngine) -> None:
    key = await world.make_key(town, Role.EDITOR)
    numbers = [
        await imported.add_draft(town, status=status, level=level, published_as=edition)
        for status, level, edition in (
            ("OPEN", "grid", None),
            ("DISCARDED", "grid", None),
            ("PUBLISHED", "compound", 2),
            ("OPEN", "compound", None),
        )
    ]
    query = """query ($status: DraftStatus, $level: String, $first: Int, $after: String) {
        drafts(status: $status, level: $level, first: $first, after: $after) { totalCount
            nodes { id publishedAs { number } } edges { cursor node { id } }
            pageInfo { hasNextPage endCursor } } }"""

    async def found(**variables: object) -> dict[str, Any]:  # JSON
        drafts: dict[str, Any] = (await told(town, query, variables, key=key))["drafts"]
        return drafts

    def ids(page: dict[str, Any]) -> list[str]:  # JSON
        return [draft["id"] for draft in page["nodes"]]

    first = await found(first=3)
    rest = await found(after=first["pageInfo"]["endCursor"])
    assert ids(first) + ids(rest) == [draft_id(number) for number in reversed(numbers)]
    assert first["totalCount"] == 4
    assert first["nodes"][1]["publishedAs"] == {"number": 2}
    still_open = await found(status="OPEN")
    assert ids(still_open) == [draft_id(numbers[3]), draft_id(numbers[0])]
    assert still_open["totalCount"] == 2
    assert ids(await found(status="OPEN", level="grid")) == [draft_id(numbers[0])]


async def test_a_draft_that_is_read_or_failed_has_no_report(town: AsyncEngine) -> None:
    key = await world.make_key(town, Role.EDITOR)
    await imported.add_draft(town, status="READING", findings=False)

    data = await told(town, "{ drafts { nodes { status report { clean } } } }", key=key)

    assert data["drafts"]["nodes"] == [{"status": "READING", "report": None}]


# --- findings -----------------------------------------------------------------------------------


async def test_findings_of_a_draft_come_largest_first_with_all_that_is_known(
    town: AsyncEngine,
) -> None:
    key = await world.make_key(town, Role.EDITOR)
    await imported.add_draft(town, units=ROWS)

    data = await told(
        town,
        """{ drafts { nodes { report { findings { totalCount nodes { id kind rule severity message
            areaM2 widthM households units { code bbox } parent { code } addresses geometry
            features { row layer code name properties geometry } } featureCollection } } } } }""",
        key=key,
    )

    findings = data["drafts"]["nodes"][0]["report"]["findings"]
    blank, overlap, nameless = findings["nodes"]
    ids = [base64.b64encode(f"Finding:{one}".encode()).decode() for one in HASHES]
    assert [one["id"] for one in findings["nodes"]] == ids
    # as the draft draws them, longest border first
    assert blank["units"] == [
        {"code": G12, "bbox": [104.01, 38.0, 104.02, 38.01]},
        {"code": G11, "bbox": [104.0, 38.0, 104.01, 38.01]},
    ]
    assert blank["parent"] == {"code": C1}
    assert shape(blank["geometry"]).equals(world.polygon((0, 0, 0.5, 0.5)))
    assert overlap["addresses"] == ["a1", "a5"]
    assert (overlap["areaM2"], overlap["widthM"]) == (20.0, 1.5)
    assert (overlap["kind"], overlap["rule"], overlap["severity"]) == (
        "OVERLAP",
        "NO_OVERLAP",
        "BLOCKING",
    )
    assert nameless["geometry"] is None
    assert nameless["parent"] is None
    (feature,) = nameless["features"]
    outline = feature.pop("geometry")
    assert feature == {
        "row": 3,
        "layer": "grid",
        "code": None,
        "name": "row 3",
        "properties": {"row": 3},
    }
    assert shape(outline).equals(world.polygon((0, 0, 0.5, 0.5)))
    collection = findings["featureCollection"]["features"]
    assert [one["properties"]["units"] for one in collection] == [[G12, G11], [G11, G12], []]
    assert collection[2]["geometry"] is None


@pytest.mark.parametrize(
    ("arguments", "kinds"),
    [
        ("first: 1", ["BLANK"]),
        ("kinds: [OVERLAP, MISSING_CODE]", ["OVERLAP", "MISSING_CODE"]),
        ("rules: [NO_BLANK]", ["BLANK"]),
        ("minAreaM2: 20", ["BLANK", "OVERLAP"]),
        ("severity: WARNING", []),
        ("waived: true", []),
        ("waived: false", ["BLANK", "OVERLAP", "MISSING_CODE"]),
    ],
)
async def test_findings_of_a_draft_are_filtered(
    town: AsyncEngine, arguments: str, kinds: list[str]
) -> None:
    key = await world.make_key(town, Role.EDITOR)
    await imported.add_draft(town, units=ROWS)

    data = await told(
        town,
        f"{{ drafts {{ nodes {{ report {{ findings({arguments}) {{ totalCount "
        "nodes { kind } pageInfo { endCursor } } } } } }",
        key=key,
    )

    found = data["drafts"]["nodes"][0]["report"]["findings"]
    assert [one["kind"] for one in found["nodes"]] == kinds
    if not arguments.startswith("first"):
        assert found["totalCount"] == len(kinds)


async def test_findings_of_a_draft_follow_one_another(town: AsyncEngine) -> None:
    key = await world.make_key(town, Role.EDITOR)
    await imported.add_draft(town, units=ROWS)
    query = """query ($after: String) { drafts { nodes { report {
        findings(first: 2, after: $after) {
            nodes { kind } pageInfo { hasNextPage endCursor } } } } } }"""

    first = (await told(town, query, key=key))["drafts"]["nodes"][0]["report"]["findings"]
    after = first["pageInfo"]["endCursor"]
    rest = await told(town, query, {"after": after}, key=key)

    assert [one["kind"] for one in first["nodes"]] == ["BLANK", "OVERLAP"]
    assert first["pageInfo"]["hasNextPage"] is True
    found = rest["drafts"]["nodes"][0]["report"]["findings"]
    assert found["nodes"] == [{"kind": "MISSING_CODE"}]


async def test_a_finding_is_found_by_its_id_in_the_newest_open_draft(town: AsyncEngine) -> None:
    key = await world.make_key(town, Role.EDITOR)
    await imported.add_draft(town, units=ROWS)
    await imported.add_draft(town, units=ROWS[:2])
    await imported.add_draft(town, units=[], status="DISCARDED")
    query = """query ($id: ID!) { node(id: $id) {
        ... on Finding { kind units { code } features { row } geometry } } }"""
    text = base64.b64encode(f"Finding:{HASHES[2]}".encode()).decode()
    blank = base64.b64encode(f"Finding:{HASHES[0]}".encode()).decode()

    nameless = (await told(town, query, {"id": text}, key=key))["node"]
    found = (await told(town, query, {"id": blank}, key=key))["node"]
    reader = await told(town, query, {"id": blank})

    # the second draft has no third row
    assert nameless == {"kind": "MISSING_CODE", "units": [], "features": [], "geometry": None}
    assert [unit["code"] for unit in found["units"]] == [G12, G11]
    assert [row["row"] for row in found["features"]] == [2, 1]
    assert found["geometry"]["type"] == "Polygon"
    assert reader == {"node": None}, "of a draft a reader knows nothing"


@pytest.mark.parametrize(
    ("crs", "datum", "coordinates"),
    [
        # easting 35 500 000 is the meridian 105 E: the false easting of zone 35
        ("EPSG:4523", "WGS84", [(35_500_000.0, 4_206_000.0)]),
        ("EPSG:4326", "GCJ02", convert([(104.5, 38.5)], Datum.WGS84, Datum.GCJ02).tolist()),
    ],
)
async def test_a_row_is_drawn_where_its_file_meant_it(
    town: AsyncEngine, crs: str, datum: str, coordinates: list[list[float]]
) -> None:
    key = await world.make_key(town, Role.EDITOR)
    await imported.add_draft(town, units=ROWS)
    x, y = coordinates[0]
    sent = shapely.to_wkb(shapely.Point(x, y))
    await world.run(town, update(Draft).values(crs=crs, source={**imported.SOURCE, "datum": datum}))
    await world.run(town, update(DraftUnit).where(DraftUnit.row == 3).values(source_wkb=sent))

    data = await told(
        town,
        "{ drafts { nodes { report { findings(kinds: [MISSING_CODE]) { nodes { "
        "features { geometry } } } } } } }",
        key=key,
    )

    (finding,) = data["drafts"]["nodes"][0]["report"]["findings"]["nodes"]
    lon, lat = finding["features"][0]["geometry"]["coordinates"]
    if datum == "GCJ02":
        assert (lon, lat) == pytest.approx((104.5, 38.5), abs=1e-7)
    else:
        assert lon == pytest.approx(105.0, abs=1e-7)
        assert lat == pytest.approx(37.98, abs=0.02)  # 4 206 000 m from the equator


@pytest.mark.parametrize(
    "sent",
    [
        shapely.Point(float("nan"), 38.0),
        shapely.Point(float("inf"), 38.0),
        shapely.Polygon(),
        shapely.Point(1e300, 1e300),
    ],
)
async def test_a_row_that_cannot_be_drawn_is_null(
    town: AsyncEngine, sent: shapely.Geometry
) -> None:
    key = await world.make_key(town, Role.EDITOR)
    await imported.add_draft(town, units=ROWS)
    await world.run(town, update(Draft).values(crs="EPSG:4523"))
    await world.run(
        town, update(DraftUnit).where(DraftUnit.row == 3).values(source_wkb=shapely.to_wkb(sent))
    )

    data = await told(
        town,
        "{ drafts { nodes { report { findings(kinds: [MISSING_CODE]) { nodes { "
        "features { row geometry } } } } } } }",
        key=key,
    )

    (finding,) = data["drafts"]["nodes"][0]["report"]["findings"]["nodes"]
    assert finding["features"] == [{"row": 3, "geometry": None}]
