"""Units, one by one, on their day and with what is below."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest
import shapely
from shapely.geometry import shape

from tests.graphql import world
from tests.graphql.asking import ask, told
from tests.graphql.world import C1, C2, G11, G12, G21, G22, G31, G32, IDS, P1, P2, S1, D

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

pytestmark = [pytest.mark.anyio, pytest.mark.reads]


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
