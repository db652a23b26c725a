"""Units, one by one and in lists."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import shapely
from shapely.geometry import shape

from geo.crs import Datum, convert
from tests.graphql import world
from tests.graphql.asking import ask, told
from tests.graphql.world import C1, C2, C3, G11, G12, G21, G22, G31, G32, IDS, P1, P2, S1, S2, D

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

pytestmark = pytest.mark.anyio


async def codes(engine: AsyncEngine, arguments: str) -> list[str]:
    """Return the codes of the grids that ``arguments`` find."""
    data = await told(engine, f'{{ units(level: "grid", {arguments}) {{ nodes {{ code }} }} }}')
    return [unit["code"] for unit in data["units"]["nodes"]]


def global_id(level: str, code: str, first: int = 1) -> str:
    return base64.b64encode(f"Unit:{IDS[level, code, first]}".encode()).decode()


async def test_a_unit_tells_all_that_is_stored(town: AsyncEngine) -> None:
    data = await told(
        town,
        f"""{{ unit(level: "grid", code: "{G21}") {{
            id level {{ key name }} code name parent {{ code level {{ key }} }}
            ancestors {{ code }} areaM2 households people groups {{ group people }} properties
            since {{ number }} until {{ number }} bbox labelPoint geometry
        }} }}""",
    )

    unit = data["unit"]
    area_m2, label, outline = unit.pop("areaM2"), unit.pop("labelPoint"), unit.pop("geometry")
    assert unit == {
        "id": global_id("grid", G21),
        "level": {"key": "grid", "name": "网格"},
        "code": G21,
        "name": "石桥第一网格",
        "parent": {"code": C2, "level": {"key": "community"}},
        "ancestors": [{"code": C2}, {"code": S1}, {"code": D}],
        "households": 4,
        "people": 9,
        "groups": [{"group": "pupil", "people": 3}],
        "properties": {"kind": "urban", "seq": 1e30, "tags": ["old", "north"]},
        "since": {"number": 1},
        "until": None,
        "bbox": [104.0, 38.01, 104.01, 38.02],
    }
    # 0.01 degrees of longitude and latitude at 38.015 N: 878.2 m by 1110.0 m
    assert area_m2 == pytest.approx(878.2 * 1110.0, rel=1e-3)
    drawn = shape(outline)
    assert drawn.equals(world.polygon((0, 1, 1, 2)))
    assert all(shapely.is_ccw(shapely.get_exterior_ring(shapely.get_parts(drawn))))
    assert drawn.contains(shape(label))


async def test_the_topmost_unit_has_nothing_above(town: AsyncEngine) -> None:
    data = await told(
        town,
        f'{{ unit(level: "district", code: "{D}") {{ parent {{ code }} ancestors {{ code }} }} }}',
    )

    assert data["unit"] == {"parent": None, "ancestors": []}


async def test_every_level_counts_the_homes_below_it(town: AsyncEngine) -> None:
    data = await told(
        town,
        f"""{{
            d: unit(level: "district", code: "{D}") {{
                households people groups {{ group people }} }}
            s: unit(level: "subdistrict", code: "{S1}") {{ households }}
            c: unit(level: "community", code: "{C1}") {{ households }}
            p: unit(level: "compound", code: "{P2}") {{ households people }}
            none: unit(level: "grid", code: "{G32}") {{ households people groups {{ group }} }}
        }}""",
    )

    assert data == {
        "d": {
            "households": 2 + 3 + 4 + 5 + 6,
            "people": 5 + 7 + 9 + 11 + 13,
            "groups": [{"group": "elder_alone", "people": 3}, {"group": "pupil", "people": 4}],
        },
        "s": {"households": 2 + 3 + 4 + 6},
        "c": {"households": 2 + 3 + 6},
        "p": {"households": 3, "people": 7},
        "none": {"households": 0, "people": 0, "groups": []},
    }


async def test_a_unit_that_is_not_there_is_null_and_a_level_is_an_error(town: AsyncEngine) -> None:
    absent = await told(town, '{ unit(level: "grid", code: "000") { code } }')
    answer = await ask(town, '{ unit(level: "gird", code: "000") { code } levels { key } }')

    assert absent == {"unit": None}
    assert answer.codes() == ["UNKNOWN"]
    assert "grid" in answer.errors[0]["extensions"]["options"]
    assert answer.data["unit"] is None
    assert len(answer.data["levels"]) == 5, "the neighbour stays"


# --- time --------------------------------------------------------------------------------------


async def test_each_day_shows_its_edition_all_the_way_down(town: AsyncEngine) -> None:
    query = """query ($day: Date) {
        units(level: "grid", asOf: $day) { nodes { code id bbox until { number } since { number }
            parent { children(level: "grid") { nodes { id } } } } }
    }"""

    before = await told(town, query, {"day": "2025-12-31"})
    after = await told(town, query, {"day": "2026-01-01"})

    first, then = before["units"]["nodes"][0], after["units"]["nodes"][0]
    assert first["bbox"] == [104.0, 38.0, 104.01, 38.01]
    assert then["bbox"] == [104.0, 38.0, 104.02, 38.005]
    assert first["id"] == global_id("grid", G11, 1)
    assert then["id"] == global_id("grid", G11, 2)
    assert (first["since"], first["until"]) == ({"number": 1}, {"number": 1})
    assert (then["since"], then["until"]) == ({"number": 2}, None)
    assert {"id": first["id"]} in first["parent"]["children"]["nodes"]
    assert {"id": then["id"]} in then["parent"]["children"]["nodes"]
    unchanged = [unit["id"] for unit in before["units"]["nodes"][2:]]
    assert unchanged == [unit["id"] for unit in after["units"]["nodes"][2:]]


async def test_before_the_first_day_there_is_no_edition(town: AsyncEngine) -> None:
    answer = await ask(
        town,
        '{ a: units(level: "grid", asOf: "2024-12-31") { totalCount } '
        'b: units(level: "grid") { totalCount } }',
    )

    assert answer.codes() == ["NO_EDITION"]
    assert answer.errors[0]["extensions"]["argument"] == "asOf"
    assert answer.data == {"a": None, "b": {"totalCount": 6}}


# --- pages -------------------------------------------------------------------------------------

PAGE = """query ($first: Int, $after: String) {
    units(level: "grid", first: $first, after: $after) {
        nodes { code } edges { cursor node { code } } totalCount
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    }
}"""


async def test_pages_follow_one_another_by_code(town: AsyncEngine) -> None:
    seen: list[str] = []
    pages: list[Any] = []  # JSON
    after = None
    while not pages or pages[-1]["pageInfo"]["hasNextPage"]:
        data = await told(town, PAGE, {"first": 4, "after": after})
        pages.append(data["units"])
        seen += [unit["code"] for unit in pages[-1]["nodes"]]
        after = pages[-1]["pageInfo"]["endCursor"]

    assert seen == [G11, G12, G21, G22, G31, G32]
    assert [len(page["nodes"]) for page in pages] == [4, 2]
    assert [page["pageInfo"]["hasPreviousPage"] for page in pages] == [False, True]
    assert all(page["totalCount"] == 6 for page in pages)
    assert [edge["node"] for edge in pages[0]["edges"]] == pages[0]["nodes"]
    assert pages[0]["pageInfo"]["startCursor"] == pages[0]["edges"][0]["cursor"]


async def test_a_page_may_begin_after_any_edge(town: AsyncEngine) -> None:
    whole = await told(town, PAGE, {"first": 1000})
    third = whole["units"]["edges"][2]

    rest = await told(town, PAGE, {"after": third["cursor"]})

    assert third["node"]["code"] == G21
    assert [unit["code"] for unit in rest["units"]["nodes"]] == [G22, G31, G32]


async def test_a_page_behind_the_end_is_empty(town: AsyncEngine) -> None:
    whole = await told(town, PAGE, {"first": 6})

    behind = await told(town, PAGE, {"after": whole["units"]["pageInfo"]["endCursor"]})

    assert whole["units"]["pageInfo"]["hasNextPage"] is False
    assert behind["units"]["nodes"] == []
    assert behind["units"]["pageInfo"]["endCursor"] is None


@pytest.mark.parametrize(
    ("first", "code"), [(0, "BAD_INPUT"), (-1, "BAD_INPUT"), (1001, "LIMIT_EXCEEDED")]
)
async def test_a_page_has_1_to_1000_units(town: AsyncEngine, first: int, code: str) -> None:
    answer = await ask(town, PAGE, {"first": first})

    assert answer.codes() == [code]
    assert answer.errors[0]["extensions"]["argument"] == "first"
    assert answer.data == {"units": None}


def cursor_of(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "Ω",
        "!!!!",
        cursor_of("no JSON"),
        cursor_of('{"unit": "1"}'),
        cursor_of('["unit"]'),
        cursor_of('["unit", 7]'),
        cursor_of('["unit", "1", "2"]'),
        cursor_of('["edition", 1]'),
        cursor_of('["unit", "\\u0000"]'),
    ],
)
async def test_a_cursor_of_nowhere_is_bad_input(town: AsyncEngine, cursor: str) -> None:
    answer = await ask(town, PAGE, {"after": cursor})

    assert answer.codes() == ["BAD_INPUT"]
    assert answer.errors[0]["extensions"]["argument"] == "after"


# --- filters -----------------------------------------------------------------------------------


async def test_within_takes_what_lies_below_at_any_depth(town: AsyncEngine) -> None:
    assert await codes(town, f'within: {{level: "community", code: "{C2}"}}') == [G21, G22]
    assert await codes(town, f'within: {{level: "subdistrict", code: "{S2}"}}') == [G31, G32]
    assert len(await codes(town, f'within: {{level: "district", code: "{D}"}}')) == 6


@pytest.mark.parametrize(
    ("within", "code"),
    [
        (f'{{level: "grid", code: "{G11}"}}', "BAD_INPUT"),
        (f'{{level: "compound", code: "{P1}"}}', "BAD_INPUT"),
        ('{level: "community", code: "404"}', "UNKNOWN"),
        ('{level: "village", code: "1"}', "UNKNOWN"),
    ],
)
async def test_within_must_be_a_unit_above(town: AsyncEngine, within: str, code: str) -> None:
    answer = await ask(town, f'{{ units(level: "grid", within: {within}) {{ nodes {{ code }} }} }}')

    assert answer.codes() == [code]
    assert answer.errors[0]["extensions"]["argument"] == "within"


async def test_codes_are_any_of(town: AsyncEngine) -> None:
    assert await codes(town, f'codes: ["{G31}", "{G11}", "404"]') == [G11, G31]
    assert await codes(town, "codes: []") == []


async def test_filters_must_all_hold(town: AsyncEngine) -> None:
    within = f'within: {{level: "subdistrict", code: "{S1}"}}'
    assert await codes(town, f'{within}, codes: ["{G21}", "{G31}"], search: "第一"') == [G21]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("东门", [G31, G32]),
        ("dongmen", [G31, G32]),
        ("DMDYWG", [G31]),
        ("2001002", [G32]),
        ("%", []),
        ("_", []),
        ("\\\\", []),
        ("  ", [G11, G12, G21, G22, G31, G32]),
    ],
)
async def test_search_finds_a_part_of_code_name_or_pinyin(
    town: AsyncEngine, text: str, found: list[str]
) -> None:
    assert await codes(town, f'search: "{text}"') == found


async def test_properties_must_be_contained(town: AsyncEngine) -> None:
    assert await codes(town, 'properties: {kind: "urban"}') == [G21]
    assert await codes(town, 'properties: {tags: ["north"]}') == [G21]
    assert await codes(town, "properties: {}") == [G11, G12, G21, G22, G31, G32]
    assert await codes(town, f"properties: {{seq: {10**30}}}") == [G21]


@pytest.mark.parametrize("value", ["[]", '"urban"', "7", '{a: "\\u0000"}'])
async def test_properties_must_be_an_object(town: AsyncEngine, value: str) -> None:
    answer = await ask(town, f'{{ units(level: "grid", properties: {value}) {{ totalCount }} }}')

    assert answer.codes() == ["BAD_INPUT"]


@pytest.mark.parametrize(
    ("box", "found"),
    [
        ("[104.001, 38.011, 104.002, 38.012]", [G21]),
        ("[104.005, 38.012, 104.015, 38.013]", [G21, G22]),
        ("[104.02, 38.015, 104.02, 38.015]", [G22, G32]),  # a point on a border touches both
        ("[104.0, 38.015, 104.04, 38.015]", [G21, G22, G32]),  # a line
        ("[104.04, 38.02, 105, 39]", [G32]),  # a corner touches
        ("[105, 39, 106, 40]", []),
        ("[-180, -90, 180, 90]", [G11, G12, G21, G22, G31, G32]),
    ],
)
async def test_a_box_finds_what_intersects_it(
    town: AsyncEngine, box: str, found: list[str]
) -> None:
    assert await codes(town, f"bbox: {box}") == found


async def test_a_box_asks_for_the_land_and_not_for_its_frame(town: AsyncEngine) -> None:
    # an L around the corner of the box: their frames overlap, they do not
    corner = shapely.Polygon(
        [(110, 38), (110.2, 38), (110.2, 38.1), (110.1, 38.1), (110.1, 38.2), (110, 38.2)]
    )
    await world.add_unit(town, "grid", "L", shapely.MultiPolygon([corner]))

    assert await codes(town, "bbox: [110.15, 38.15, 110.18, 38.18]") == []
    assert await codes(town, "bbox: [110.05, 38.15, 110.18, 38.18]") == ["L"]


async def test_a_box_may_cross_the_antimeridian(town: AsyncEngine) -> None:
    east = shapely.MultiPolygon([shapely.box(179.8, -17, 179.9, -16.9)])
    west = shapely.MultiPolygon([shapely.box(-179.9, -17, -179.8, -16.9)])
    await world.add_unit(town, "grid", "E", east)
    await world.add_unit(town, "grid", "W", west)

    assert await codes(town, "bbox: [179.5, -18, -179.5, -16]") == ["E", "W"]
    assert await codes(town, "bbox: [179.95, -18, -179.5, -16]") == ["W"]
    # from west to east, not across
    rest = await codes(town, "bbox: [-179.5, -18, 179.5, 60]")
    assert "E" not in rest
    assert G11 in rest


async def test_a_box_in_a_datum_is_converted(town: AsyncEngine) -> None:
    # the middle of grid G21, some 5 m wide, in GCJ-02: 500 m off in WGS 84
    west, south = convert([world.lonlat(0.5, 1.5)], Datum.WGS84, Datum.GCJ02)[0]
    box = f"[{west}, {south}, {west + 5e-5}, {south + 5e-5}]"

    assert await codes(town, f"bbox: {box}, datum: GCJ02") == [G21]
    east_of_it = f"[{west + 0.006}, {south}, {west + 0.0061}, {south + 5e-5}]"
    assert await codes(town, f"bbox: {east_of_it}, datum: GCJ02") == [G22]


@pytest.mark.parametrize(
    "box", ["[1, 2, 3]", "[]", "[0, 10, 1, 9]", "[-181, 0, 1, 1]", "[0, 0, 1, 91]"]
)
async def test_a_box_that_is_none_is_bad_input(town: AsyncEngine, box: str) -> None:
    answer = await ask(town, f'{{ units(level: "grid", bbox: {box}) {{ totalCount }} }}')

    assert answer.codes() == ["BAD_INPUT"]
    assert answer.errors[0]["extensions"]["argument"] == "bbox"


async def test_a_thousand_codes_are_enough(town: AsyncEngine) -> None:
    query = 'query ($codes: [String!]) { units(level: "grid", codes: $codes) { totalCount } }'

    fine = await told(town, query, {"codes": [G11] * 1000})
    answer = await ask(town, query, {"codes": [G11] * 1001})

    assert fine == {"units": {"totalCount": 1}}
    assert answer.codes() == ["LIMIT_EXCEEDED"]


@pytest.mark.parametrize(
    "arguments",
    ['codes: ["\\u0000"]', 'search: "a\\u0000"', 'within: {level: "district", code: "\\u0000"}'],
)
async def test_text_that_no_name_can_hold_is_bad_input(town: AsyncEngine, arguments: str) -> None:
    answer = await ask(town, f'{{ units(level: "grid", {arguments}) {{ totalCount }} }}')

    assert answer.codes() == ["BAD_INPUT"]


# --- search ------------------------------------------------------------------------------------


async def found_by(engine: AsyncEngine, arguments: str) -> list[str]:
    data = await told(engine, f"{{ search({arguments}) {{ code level {{ key }} }} }}")
    return [unit["code"] for unit in data["search"]]


async def test_the_exact_code_comes_first_then_codes_that_start_so(town: AsyncEngine) -> None:
    found = await found_by(town, f'text: "{C3}"')

    assert found == [C3, G31, G32]


async def test_names_that_start_so_come_before_others(town: AsyncEngine) -> None:
    await world.add_unit(town, "grid", "Z1", world.polygon((9, 9, 10, 10)), name="大柳荫里")

    assert await found_by(town, 'text: "柳荫里"') == [P2, "Z1"]


async def test_every_word_must_be_there(town: AsyncEngine) -> None:
    assert await found_by(town, 'text: "dongmen  第二"') == [G32]
    assert await found_by(town, 'text: "dongmen liushu"') == []
    assert await found_by(town, 'text: "   "') == []


async def test_search_keeps_to_levels_and_ground(town: AsyncEngine) -> None:
    assert await found_by(town, 'text: "柳树", levels: ["community", "compound"]') == [C1, P1]
    within = f'within: {{level: "community", code: "{C1}"}}'
    # codes that start with the text first, by rank and code; the community itself is not below it
    assert await found_by(town, f'text: "{C1}", {within}') == [G11, G12, P1, P2]
    assert await found_by(town, f'text: "{C1}", {within}, levels: ["compound"]') == [P1, P2]
    assert await found_by(town, f'text: "东门", {within}') == []
    assert await found_by(town, 'text: "9", first: 2') == ["999000", S1]


# --- pictures ----------------------------------------------------------------------------------


async def test_degrees_come_out_in_the_datum_that_is_asked_for(town: AsyncEngine) -> None:
    data = await told(
        town,
        f"""{{ unit(level: "grid", code: "{G21}") {{
            geometry(datum: GCJ02) bbox(datum: GCJ02) labelPoint(datum: BD09) plain: labelPoint
        }} }}""",
    )

    unit = data["unit"]
    stored = shapely.get_coordinates(world.polygon((0, 1, 1, 2)))
    expected = convert(stored, Datum.WGS84, Datum.GCJ02)
    drawn = shapely.get_coordinates(shape(unit["geometry"]))
    # a ring may start anywhere
    assert {tuple(xy) for xy in drawn} == {tuple(xy) for xy in np.round(expected, 7)}
    west, south = expected.min(axis=0)
    east, north = expected.max(axis=0)
    assert unit["bbox"] == pytest.approx([west, south, east, north], abs=1e-9)
    label = convert([unit["plain"]["coordinates"]], Datum.WGS84, Datum.BD09)[0]
    assert unit["labelPoint"]["coordinates"] == pytest.approx(label.tolist(), abs=2e-7)


async def test_pictures_have_seven_decimals(town: AsyncEngine) -> None:
    fine = shapely.MultiPolygon([shapely.box(110.123456789, 30, 110.2, 30.1)])
    await world.add_unit(town, "grid", "F", fine)

    data = await told(town, '{ unit(level: "grid", code: "F") { geometry } }')

    assert {x for x, _ in data["unit"]["geometry"]["coordinates"][0][0]} == {110.1234568, 110.2}


async def test_simplified_neighbours_have_no_crack_between_them(town: AsyncEngine) -> None:
    # two units that share a border which zigzags by 22 m
    border = [(110.01 + 0.0002 * (k % 2), 30 + 0.001 * k) for k in range(11)]
    left = shapely.Polygon([(110, 30), *border, (110, 30.01)])
    right = shapely.Polygon([(110.02, 30), (110.02, 30.01), *reversed(border)])
    for code, ring in (("L", left), ("R", right)):
        await world.add_unit(town, "grid", code, shapely.MultiPolygon([ring]))

    data = await told(
        town,
        '{ units(level: "grid", codes: ["L", "R"]) { nodes { rough: geometry(toleranceM: 100) '
        "fine: geometry(toleranceM: 0) } featureCollection(toleranceM: 100) } }",
    )

    nodes = data["units"]["nodes"]
    rough = [shape(unit["rough"]) for unit in nodes]
    assert max(shapely.get_num_coordinates(rough)) < 8
    assert rough[0].intersection(rough[1]).area == 0
    assert rough[0].union(rough[1]).area == pytest.approx(0.02 * 0.01, rel=1e-9)
    assert [shape(unit["fine"]).equals(one) for unit, one in zip(nodes, (left, right), strict=True)]
    features = data["units"]["featureCollection"]["features"]
    assert [feature["geometry"] for feature in features] == [unit["rough"] for unit in nodes]


@pytest.mark.parametrize("tolerance", ["-1", "1e9"])
async def test_a_tolerance_has_bounds(town: AsyncEngine, tolerance: str) -> None:
    query = f'{{ unit(level: "grid", code: "{G11}") {{ geometry(toleranceM: {tolerance}) }} }}'
    answer = await ask(town, query)

    assert answer.codes() == ["BAD_INPUT"]
    assert answer.errors[0]["extensions"]["argument"] == "toleranceM"


async def test_a_page_is_a_feature_collection_too(town: AsyncEngine) -> None:
    data = await told(
        town, f'{{ units(level: "grid", codes: ["{G11}", "{G12}"]) {{ featureCollection }} }}'
    )

    collection = data["units"]["featureCollection"]
    assert collection["type"] == "FeatureCollection"
    first, second = collection["features"]
    area_m2 = first["properties"].pop("areaM2")
    assert first["type"] == "Feature"
    assert first["properties"] == {
        "id": global_id("grid", G11, 2),
        "level": "grid",
        "code": G11,
        "name": "柳树第一网格",
        "parent": C1,
        "households": 2 + 6,
        "people": 5 + 13,
    }
    assert area_m2 == pytest.approx(world.area_m2((0, 0, 2, 0.5)), rel=1e-12)
    assert shape(first["geometry"]).equals(world.polygon((0, 0, 2, 0.5)))
    assert second["properties"]["code"] == G12


async def test_a_feature_collection_may_be_in_another_datum(town: AsyncEngine) -> None:
    query = f"""{{ units(level: "grid", codes: ["{G11}"]) {{
        featureCollection(datum: GCJ02) nodes {{ geometry(datum: GCJ02) }} }} }}"""

    units = (await told(town, query))["units"]

    feature = units["featureCollection"]["features"][0]
    assert feature["geometry"] == units["nodes"][0]["geometry"]


# --- below -------------------------------------------------------------------------------------


async def test_children_are_right_below_of_all_levels_or_of_one_at_any_depth(
    town: AsyncEngine,
) -> None:
    data = await told(
        town,
        f"""{{
            all: unit(level: "community", code: "{C1}") {{
                children {{ totalCount nodes {{ code level {{ key }} }} }} }}
            deep: unit(level: "district", code: "{D}") {{
                children(level: "grid") {{ totalCount nodes {{ code }} }} }}
            none: unit(level: "grid", code: "{G11}") {{
                children {{ totalCount nodes {{ code }} }} }}
        }}""",
    )

    grids = [{"code": code, "level": {"key": "grid"}} for code in (G11, G12)]
    compounds = [{"code": code, "level": {"key": "compound"}} for code in (P1, P2)]
    assert data["all"]["children"] == {"totalCount": 4, "nodes": grids + compounds}
    every = [G11, G12, G21, G22, G31, G32]
    assert data["deep"]["children"] == {
        "totalCount": 6,
        "nodes": [{"code": code} for code in every],
    }
    assert data["none"]["children"] == {"totalCount": 0, "nodes": []}


async def test_children_come_in_pages_of_their_own(town: AsyncEngine) -> None:
    query = """query ($after: String) { units(level: "community") { nodes { code
        children(first: 3, after: $after) {
            nodes { code } pageInfo { hasNextPage endCursor } } } } }"""

    first = (await told(town, query))["units"]["nodes"]
    after = first[0]["children"]["pageInfo"]["endCursor"]
    rest = (await told(town, query, {"after": after}))["units"]["nodes"]

    assert [len(unit["children"]["nodes"]) for unit in first] == [3, 2, 2]
    assert [unit["children"]["pageInfo"]["hasNextPage"] for unit in first] == [True, False, False]
    assert rest[0]["children"]["nodes"] == [{"code": P2}]


async def test_children_of_a_level_that_is_not_below_are_bad_input(town: AsyncEngine) -> None:
    children = 'children(level: "community") { totalCount }'
    answer = await ask(town, f'{{ unit(level: "grid", code: "{G11}") {{ {children} }} }}')

    assert answer.codes() == ["BAD_INPUT"]


async def test_levels_form_a_tree_with_their_units_counted(town: AsyncEngine) -> None:
    data = await told(
        town, "{ levels { key tiling unitCount parent { key } children { key unitCount } } }"
    )

    by_key = {level["key"]: level for level in data["levels"]}
    assert list(by_key) == ["district", "subdistrict", "community", "grid", "compound"]
    assert by_key["district"]["parent"] is None
    assert by_key["grid"]["parent"] == {"key": "community"}
    assert by_key["compound"]["tiling"] == "DISJOINT"
    assert by_key["community"]["children"] == [
        {"key": "grid", "unitCount": 6},
        {"key": "compound", "unitCount": 2},
    ]


async def test_without_any_edition_levels_have_no_units(engine: AsyncEngine) -> None:
    data = await told(engine, "{ levels { unitCount } }")
    answer = await ask(engine, '{ search(text: "a") { code } }')

    assert {level["unitCount"] for level in data["levels"]} == {0}
    assert answer.codes() == ["NO_EDITION"]
