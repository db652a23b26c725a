"""Units as GeoJSON."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import numpy as np
import pytest
import shapely
from shapely.geometry import shape

from geo.crs import Datum, convert
from tests.graphql import world
from tests.graphql.asking import ask, told
from tests.graphql.world import C1, G11, G12, G21, IDS

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

pytestmark = [pytest.mark.anyio, pytest.mark.reads]


def global_id(level: str, code: str, first: int = 1) -> str:
    return base64.b64encode(f"Unit:{IDS[level, code, first]}".encode()).decode()


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


@pytest.mark.writes
async def test_pictures_have_seven_decimals(town: AsyncEngine) -> None:
    fine = shapely.MultiPolygon([shapely.box(110.123456789, 30, 110.2, 30.1)])
    await world.add_unit(town, "grid", "F", fine)

    data = await told(town, '{ unit(level: "grid", code: "F") { geometry } }')

    assert {x for x, _ in data["unit"]["geometry"]["coordinates"][0][0]} == {110.1234568, 110.2}


@pytest.mark.writes
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
@pytest.mark.writes
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
