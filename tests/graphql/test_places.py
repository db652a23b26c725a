"""Points to units, with the border rule."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import shapely
from pyproj import Geod
from sqlalchemy import update

from geo.crs import Datum, convert
from geo.levels import DEFAULT_LEVELS, LevelSpec, Tiling, by_rank
from resolvers.levels import load_levels
from storage.models import Unit
from tests.graphql import world
from tests.graphql.asking import ask, told
from tests.graphql.world import C1, C2, C3, G11, G12, G21, G22, G31, G32, P1, P2, S1, S2, D

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

pytestmark = [pytest.mark.anyio, pytest.mark.reads]

PLACE = """query ($point: PointInput!, $level: String, $asOf: Date) {
    placeAt(point: $point, level: $level, asOf: $asOf) {
        units { level { key } code } onBorder reason nearest { code } nearestDistanceM
        compound: unit(level: "compound") { code } grid: unit(level: "grid") { code }
    }
}"""


async def place(
    engine: AsyncEngine, x: float, y: float, **variables: object
) -> dict[str, Any]:  # JSON
    lon, lat = world.lonlat(x, y)
    data = await told(engine, PLACE, {"point": {"lon": lon, "lat": lat}, **variables})
    found: dict[str, Any] = data["placeAt"]
    found["units"] = [unit["code"] for unit in found["units"]]
    return found


async def test_a_point_is_in_one_unit_of_each_tiling_level(town: AsyncEngine) -> None:
    found = await place(town, 1.5, 0.6)

    assert found == {
        "units": [D, S1, C1, G12],
        "onBorder": False,
        "reason": None,
        "nearest": None,
        "nearestDistanceM": None,
        "compound": {"code": P2},
        "grid": {"code": G12},
    }


@pytest.mark.parametrize(
    ("x", "y", "units"),
    [
        (1.0, 0.5, [D, S1, C1, G11]),  # two grids of one community
        (0.5, 1.0, [D, S1, C1, G12]),  # of two communities: the smaller grid's own community
        (1.0, 1.0, [D, S1, C1, G12]),  # a corner of three
        (2.0, 1.0, [D, S1, C1, G12]),  # of two subdistricts
        (2.0, 1.5, [D, S1, C2, G22]),
        (4.0, 2.0, [D, S2, C3, G32]),  # the outer corner
    ],
)
async def test_on_a_border_the_smallest_code_and_its_ancestors_answer(
    town: AsyncEngine, x: float, y: float, units: list[str]
) -> None:
    by_grid = await place(town, x, y)
    by_community = await place(town, x, y, level="community")

    assert by_grid["units"] == units
    assert by_grid["onBorder"] is True
    assert by_community["units"] == units, "no other level tells another story"


@pytest.mark.writes
async def test_the_smallest_code_is_meant_byte_by_byte(town: AsyncEngine) -> None:
    square = world.polygon((20, 20, 21, 21))
    for code in ("b", "B", "a10", "a9"):
        await world.add_unit(town, "grid", code, square)

    found = await place(town, 20.5, 20.5)

    assert found["units"] == ["B"]
    assert found["onBorder"] is True


async def test_a_point_is_rounded_to_the_grid_of_stored_coordinates(town: AsyncEngine) -> None:
    lon, lat = world.lonlat(1.5, 1.5)
    query = (
        f"{{ placeAt(point: {{lon: 104.0100000004, lat: {lat}}}) {{ onBorder units {{ code }} }} }}"
    )

    found = (await told(town, query))["placeAt"]

    assert lon == 104.015
    assert found["onBorder"] is True
    assert found["units"][-1] == {"code": G21}


async def test_outside_the_nearest_unit_is_told_with_its_distance(town: AsyncEngine) -> None:
    found = await place(town, 5.0, 0.25)

    lon, lat = world.lonlat(5.0, 0.25)
    # at the same latitude the shortest way leads nearly along the parallel
    _, _, along_m = Geod(ellps="WGS84").inv(lon, lat, 104.04, lat)
    assert found["units"] == []
    assert found["reason"] == "OUTSIDE"
    assert found["nearest"] == {"code": G31}
    assert found["nearestDistanceM"] == pytest.approx(along_m, rel=1e-4)
    assert found["onBorder"] is False


@pytest.mark.writes
async def test_nearest_is_meant_on_the_ground_and_not_in_degrees(town: AsyncEngine) -> None:
    # at 80 N a degree of longitude is 19 km, of latitude 112 km
    east = shapely.MultiPolygon([shapely.box(10.5, 79.9, 10.6, 80.1)])
    north = shapely.MultiPolygon([shapely.box(9.9, 80.2, 10.1, 80.3)])
    await world.add_unit(town, "grid", "EAST", east)
    await world.add_unit(town, "grid", "NORTH", north)

    data = await told(
        town, "{ placeAt(point: {lon: 10, lat: 80}) { nearest { code } nearestDistanceM } }"
    )

    _, _, to_east_m = Geod(ellps="WGS84").inv(10, 80, 10.5, 80)
    assert data["placeAt"]["nearest"] == {"code": "EAST"}
    assert data["placeAt"]["nearestDistanceM"] == pytest.approx(to_east_m, rel=1e-3)


async def test_a_disjoint_level_answers_for_itself(town: AsyncEngine) -> None:
    inside = await place(town, 0.4, 0.4, level="compound")
    wall = await place(town, 0.2, 0.4, level="compound")
    street = await place(town, 0.4, 0.7, level="compound")

    assert (inside["compound"], inside["reason"], inside["onBorder"]) == ({"code": P1}, None, False)
    assert (wall["compound"], wall["onBorder"]) == ({"code": P1}, True)
    assert street["compound"] is None
    assert street["reason"] == "OUTSIDE"
    assert street["units"] == [D, S1, C1, G12], "the tiling levels answer all the same"
    assert street["nearest"] == {"code": P1}
    # 0.001 degrees of latitude
    assert street["nearestDistanceM"] == pytest.approx(111.0, rel=1e-3)


@pytest.mark.writes
async def test_where_a_level_is_not_published_the_levels_above_answer(town: AsyncEngine) -> None:
    gone = update(Unit).where(Unit.code.in_([G31, G32])).values(last_edition=1)
    await world.run(town, gone)

    found = await place(town, 3.0, 0.5)
    community = await place(town, 3.0, 0.5, level="community")

    assert found["units"] == [D, S2, C3]
    assert found["reason"] == "OUTSIDE"
    assert found["grid"] is None
    assert community["units"] == [D, S2, C3]
    assert community["reason"] is None


async def test_a_day_has_its_own_units(town: AsyncEngine) -> None:
    before = await place(town, 1.5, 0.25, asOf="2025-06-01")
    after = await place(town, 1.5, 0.25)

    assert before["units"][-1] == G12
    assert after["units"][-1] == G11


async def test_without_an_edition_the_reason_says_so(town: AsyncEngine) -> None:
    found = await place(town, 1.5, 0.25, asOf="2024-06-01")
    batch = await told(
        town,
        '{ placesAt(asOf: "2024-06-01", points: [{lon: 104, lat: 38}, {lon: 400, lat: 0}]) '
        "{ code reason } }",
    )

    assert found["units"] == []
    assert found["reason"] == "NO_EDITION"
    assert batch["placesAt"] == [
        {"code": None, "reason": "NO_EDITION"},
        {"code": None, "reason": "BAD_POINT"},
    ]


@pytest.mark.parametrize(("lon", "lat"), [(180.1, 0), (-181, 0), (0, 90.1), (104, -91), (1e308, 0)])
async def test_a_point_off_the_earth_is_a_bad_one(
    town: AsyncEngine, lon: float, lat: float
) -> None:
    data = await told(town, PLACE, {"point": {"lon": lon, "lat": lat}})

    assert data["placeAt"]["reason"] == "BAD_POINT"
    assert data["placeAt"]["units"] == []
    assert data["placeAt"]["nearest"] is None


async def test_a_point_may_be_given_in_another_datum(town: AsyncEngine) -> None:
    for datum in (Datum.GCJ02, Datum.BD09):
        lon, lat = convert([world.lonlat(0.02, 1.98)], Datum.WGS84, datum)[0]
        point = {"lon": lon, "lat": lat, "datum": datum.value}
        data = await told(town, PLACE, {"point": point})
        assert data["placeAt"]["units"][-1]["code"] == G21


async def test_an_unknown_level_is_an_error(town: AsyncEngine) -> None:
    answer = await ask(town, PLACE, {"point": {"lon": 104, "lat": 38}, "level": "village"})

    assert answer.codes() == ["UNKNOWN"]
    assert answer.data == {"placeAt": None}


async def test_an_address_is_where_its_point_is_and_in_the_compound_it_names(
    town: AsyncEngine,
) -> None:
    data = await told(
        town,
        """{
            a1: placeOf(address: "a1") { units { code } unit(level: "compound") { code } }
            a2: placeOf(address: "a2", level: "compound") {
                reason unit(level: "compound") { code } }
            a5: placeOf(address: "a5") { units { code } onBorder }
            then: placeOf(address: "a5", asOf: "2025-06-01") { onBorder }
            none: placeOf(address: "a404") { reason }
        }""",
    )

    assert data == {
        "a1": {
            "units": [{"code": code} for code in (D, S1, C1, G11)],
            "unit": {"code": P1},
        },
        "a2": {"reason": None, "unit": {"code": P2}},
        "a5": {"units": [{"code": code} for code in (D, S1, C1, G11)], "onBorder": False},
        "then": {"onBorder": True},
        "none": None,
    }


@pytest.mark.writes
async def test_an_address_lies_in_the_compound_that_it_names_wherever_its_point_is(
    engine: AsyncEngine,
) -> None:
    stray = world.Home("a9", (3.0, 1.5), 1, 1, {}, (G32, G32), P1, P1)
    await world.build(engine, homes=[stray])

    data = await told(
        engine,
        '{ placeOf(address: "a9", level: "compound") { reason unit(level: "compound") { code } '
        "units { code } } }",
    )

    assert data["placeOf"]["unit"] == {"code": P1}
    assert data["placeOf"]["reason"] is None
    assert data["placeOf"]["units"][-1] == {"code": G32}


# --- batches ------------------------------------------------------------------------------------

BATCH = """query ($points: [PointInput!]!, $level: String) {
    placesAt(points: $points, level: $level) { code onBorder reason }
}"""


async def test_a_batch_answers_in_the_order_of_the_question(town: AsyncEngine) -> None:
    spots = [(1.5, 0.6), (99, 0), (5, 1), (1.0, 1.0), (0.4, 0.4)]
    points = [dict(zip(("lon", "lat"), world.lonlat(x, y), strict=True)) for x, y in spots]
    points[1] = {"lon": 200, "lat": 0}

    grids = (await told(town, BATCH, {"points": points}))["placesAt"]
    communities = (await told(town, BATCH, {"points": points, "level": "community"}))["placesAt"]
    compounds = (await told(town, BATCH, {"points": points, "level": "compound"}))["placesAt"]

    assert grids == [
        {"code": G12, "onBorder": False, "reason": None},
        {"code": None, "onBorder": False, "reason": "BAD_POINT"},
        {"code": None, "onBorder": False, "reason": "OUTSIDE"},
        {"code": G12, "onBorder": True, "reason": None},
        {"code": G11, "onBorder": False, "reason": None},
    ]
    assert [row["code"] for row in communities] == [C1, None, None, C1, C1]
    assert [row["code"] for row in compounds] == [P2, None, None, None, P1]


async def test_a_batch_agrees_with_the_single_answers_everywhere(town: AsyncEngine) -> None:
    spots = [(x / 4, y / 4) for x in range(-1, 18) for y in range(-1, 9)]
    points = [dict(zip(("lon", "lat"), world.lonlat(x, y), strict=True)) for x, y in spots]
    for level in ("grid", "community", "subdistrict", "compound"):
        batch = (await told(town, BATCH, {"points": points, "level": level}))["placesAt"]
        fields = f'unit(level: "{level}") {{ code }} onBorder reason'
        ones = "\n".join(
            f'p{n}: placeAt(point: {{lon: {p["lon"]}, lat: {p["lat"]}}}, level: "{level}") '
            f"{{ {fields} }}"
            for n, p in enumerate(points)
        )
        single = await told(town, f"{{ {ones} }}")
        for n, row in enumerate(batch):
            one = single[f"p{n}"]
            assert row["code"] == (one["unit"] or {}).get("code")
            assert row["onBorder"] == one["onBorder"]
            assert row["reason"] == one["reason"]


async def test_an_empty_batch_has_an_empty_answer(town: AsyncEngine) -> None:
    assert await told(town, BATCH, {"points": []}) == {"placesAt": []}


async def test_a_batch_has_at_most_10000_points(town: AsyncEngine) -> None:
    point = {"lon": 104.0, "lat": 38.0}

    fine = await told(town, BATCH, {"points": [point] * 10_000})
    answer = await ask(town, BATCH, {"points": [point] * 10_001})

    assert len(fine["placesAt"]) == 10_000
    assert answer.codes() == ["LIMIT_EXCEEDED"]
    assert answer.data == {"placesAt": None}


# --- partitions side by side --------------------------------------------------------------------


@pytest.mark.writes
async def test_partitions_side_by_side_never_contradict_one_another(town: AsyncEngine) -> None:
    police = LevelSpec("police_grid", "警务网格", "community", Tiling.TILES, 0)
    await load_levels(town, by_rank([*DEFAULT_LEVELS, police]))
    # two police grids in each of C1 and C2; those of C2 have the smaller codes
    boxes = {
        "P8": (C1, (0, 0, 1, 1)),
        "P9": (C1, (1, 0, 2, 1)),
        "P1": (C2, (0, 1, 1, 2)),
        "P2": (C2, (1, 1, 2, 2)),
    }
    for code, (parent, box) in boxes.items():
        await world.add_unit(town, "police_grid", code, world.polygon(box), parent=parent)

    inside = await place(town, 0.5, 0.25)
    border = await place(town, 0.5, 1.0)  # of C1 and C2
    police_first = await place(town, 0.5, 1.0, level="police_grid")

    assert inside["units"] == [D, S1, C1, G11, "P8"]
    # the first branch decides for C1, and the police grid follows into it
    assert border["units"] == [D, S1, C1, G12, "P8"]
    # asked for the police, its smallest code decides, and the grid follows into C2
    assert police_first["units"] == [D, S1, C2, G21, "P1"]
