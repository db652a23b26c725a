"""Lists of units: pages, filters and search."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest
import shapely

from geo.crs import Datum, convert
from tests.graphql import world
from tests.graphql.asking import ask, told
from tests.graphql.world import C1, C2, C3, G11, G12, G21, G22, G31, G32, P1, P2, S1, S2, D

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

pytestmark = [pytest.mark.anyio, pytest.mark.reads]


async def codes(engine: AsyncEngine, arguments: str) -> list[str]:
    """Return the codes of the grids that ``arguments`` find."""
    data = await told(engine, f'{{ units(level: "grid", {arguments}) {{ nodes {{ code }} }} }}')
    return [unit["code"] for unit in data["units"]["nodes"]]


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


@pytest.mark.writes
async def test_a_box_asks_for_the_land_and_not_for_its_frame(town: AsyncEngine) -> None:
    # an L around the corner of the box: their frames overlap, they do not
    corner = shapely.Polygon(
        [(110, 38), (110.2, 38), (110.2, 38.1), (110.1, 38.1), (110.1, 38.2), (110, 38.2)]
    )
    await world.add_unit(town, "grid", "L", shapely.MultiPolygon([corner]))

    assert await codes(town, "bbox: [110.15, 38.15, 110.18, 38.18]") == []
    assert await codes(town, "bbox: [110.05, 38.15, 110.18, 38.18]") == ["L"]


@pytest.mark.writes
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


@pytest.mark.parametrize(
    "question",
    [
        'unit(level: "\\u0000", code: "1") { code }',
        'unit(level: "grid", code: "\\u0000") { code }',
        'search(text: "x", within: {level: "district", code: "\\u0000"}) { code }',
        'changes(from: 1, to: 1, level: "grid", within: {level: "district", code: "\\u0000"}) '
        "{ added }",
    ],
)
async def test_neither_is_it_looked_for_elsewhere(town: AsyncEngine, question: str) -> None:
    answer = await ask(town, f"{{ {question} }}")

    assert answer.codes() == ["BAD_INPUT"]


async def found_by(engine: AsyncEngine, arguments: str) -> list[str]:
    data = await told(engine, f"{{ search({arguments}) {{ code level {{ key }} }} }}")
    return [unit["code"] for unit in data["search"]]


async def test_the_exact_code_comes_first_then_codes_that_start_so(town: AsyncEngine) -> None:
    found = await found_by(town, f'text: "{C3}"')

    assert found == [C3, G31, G32]


@pytest.mark.writes
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
