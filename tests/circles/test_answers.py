"""Circles over GraphQL, on a straight street that can be worked out by hand."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pytest
import shapely
from shapely import MultiPolygon
from shapely.geometry import shape
from sqlalchemy import event, insert, text

from geo.cells import WALK_CAP_M
from resolvers.context import Context, Shared
from resolvers.walks import walk_used
from storage.circle_models import Programme
from storage.keys import Role
from tests.circles import drawn, street
from tests.circles.drawn import PLANE, House, Stand, asked
from tests.circles.street import G1, G2, G3, G4, HOUSES, STATIONS, A, B, walk_m
from tests.graphql import world
from tests.graphql.asking import TODAY, ask, told

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy.ext.asyncio import AsyncEngine

pytestmark = pytest.mark.anyio

SECONDS_A_METRE = 3600 / 4000
"""At 4 km/h."""

TALLY = "{ addresses households people groups { group people } }"


class Promised(NamedTuple):
    """A programme, as far as its walk goes."""

    basis: str | None
    minutes: int | None = None
    speed_kmh: float | None = None
    metres: float | None = None


def tally(houses: Iterable[House]) -> dict[str, Any]:
    """Return what a tally of some houses must say."""
    some = list(houses)
    return {
        "addresses": len(some),
        "households": sum(house.households for house in some),
        "people": sum(house.people for house in some),
        "groups": [
            {
                "group": "elder_alone",
                "people": sum(house.groups.get("elder_alone", 0) for house in some),
            }
        ],
    }


def within_m(metres: float, houses: Iterable[House] = HOUSES) -> list[House]:
    """Return the houses that are so near to a station."""
    return [house for house in houses if walk_m(house) <= metres]


def in_grid(houses: Iterable[House], code: str) -> list[House]:
    """Return the houses that stand in a grid."""
    box = next(land.box for land in street.LANDS if land.code == code)
    return [house for house in houses if box[0] < house.place[0] < box[2]]


def land_of(geojson: Any) -> MultiPolygon:  # noqa: ANN401 - JSON
    """Return GeoJSON as valid polygons in metres."""
    polygon = shape(geojson)
    assert polygon.is_valid, shapely.is_valid_reason(polygon)
    land = shapely.transform(polygon, PLANE.forward)
    assert isinstance(land, MultiPolygon)
    return land


def painted_m2(metres: float) -> float:
    """Return the land of a circle around a place on a straight street.

    Each quarter is as wide as what is left of the walk, at most ``WALK_CAP_M``.
    """
    wide = min(WALK_CAP_M, metres)
    return 4 * (wide * (metres - wide) + wide**2 / 2)


async def told_all(engine: AsyncEngine, query: str, variables: dict[str, Any] | None = None) -> Any:  # noqa: ANN401 - JSON
    """Return the data of an answer to an editor, who is told of groups, too."""
    key = await world.make_key(engine, Role.EDITOR)
    return await told(engine, query, variables, key=key)


# --- circleCoverage -----------------------------------------------------------------------------


async def test_who_is_inside_is_counted_by_hand(town: AsyncEngine) -> None:
    query = f"""{{ circleCoverage(kinds: ["station"], walk: {{metres: 350}}) {{
        facilityCount facilitiesWithin
        walk {{ minutes speedKmh metres basis networkVersion }}
        total {TALLY} inside {TALLY} outside {TALLY} notConnected {TALLY}
        offStreets {TALLY} cutOff {TALLY}
        share old: share(group: "elder_alone") }} }}"""

    found = (await told_all(town, query))["circleCoverage"]

    inside = within_m(350.0)  # 2 to 8, and 22 to 28: 300 + 10 m at most
    assert [house.key for house in inside] == [f"h{n:02}" for n in (*range(2, 9), *range(22, 29))]
    walk = found["walk"]
    assert walk.pop("networkVersion")
    assert walk == {"minutes": 5, "speedKmh": 4.0, "metres": 350.0, "basis": "NETWORK"}
    assert found["facilityCount"] == found["facilitiesWithin"] == 2
    assert found["total"] == tally(HOUSES)
    assert found["inside"] == tally(inside)
    assert found["outside"] == tally(house for house in HOUSES if house not in inside)
    nobody = tally([])
    assert found["notConnected"] == found["offStreets"] == found["cutOff"] == nobody
    assert found["share"] == pytest.approx(210 / 820)
    assert found["old"] == pytest.approx(2 / 8)  # 5 and 25, of 5, 10 … 40


async def test_units_come_with_the_lowest_share_first(town: AsyncEngine) -> None:
    query = f"""{{ circleCoverage(kinds: ["station"], walk: {{metres: 350}}) {{
        byUnit(level: "grid") {{ totalCount pageInfo {{ hasNextPage }} nodes {{
            unit {{ code name parent {{ code }} }} total {TALLY} inside {TALLY}
            notConnected {TALLY} share nearest {{ key }} medianWalkS worstWalkS }} }} }} }}"""

    found = (await told_all(town, query))["circleCoverage"]["byUnit"]

    nodes = found["nodes"]
    assert (found["totalCount"], found["pageInfo"]["hasNextPage"]) == (4, False)
    # nobody in G2 and G4; 2 … 8 of 1 … 10 and 22 … 28 of 21 … 30
    assert [node["unit"]["code"] for node in nodes] == [G2, G4, G1, G3]
    assert [node["share"] for node in nodes] == pytest.approx([0, 0, 35 / 55, 175 / 255])
    assert [node["nearest"]["key"] for node in nodes] == ["s2", "s2", "s1", "s2"]
    assert nodes[0]["unit"]["parent"]["code"] == A
    for node in nodes:
        here = in_grid(HOUSES, node["unit"]["code"])
        assert node["total"] == tally(here)
        assert node["inside"] == tally(within_m(350.0, here))
        assert node["notConnected"] == tally([])
        walks = sorted(walk_m(house) for house in here for _ in range(house.households))
        middle = walks[(len(walks) + 1) // 2 - 1]
        assert node["medianWalkS"] == pytest.approx(middle * SECONDS_A_METRE, abs=0.01)
        assert node["worstWalkS"] == pytest.approx(walks[-1] * SECONDS_A_METRE, abs=0.01)


async def test_units_of_a_tiling_level_add_up_to_the_whole(town: AsyncEngine) -> None:
    levels = " ".join(
        f'{level}: byUnit(level: "{level}") {{ nodes {{ '
        "total { households } inside { households } notConnected { households } } }"
        for level in ("district", "subdistrict", "community", "grid")
    )
    query = f"""{{ circleCoverage(kinds: ["station"], walk: {{metres: 550}}) {{
        total {{ households }} inside {{ households }} outside {{ households }}
        notConnected {{ households }} {levels} }} }}"""

    found = (await told(town, query))["circleCoverage"]

    assert found["total"]["households"] == 820
    assert found["inside"]["households"] + found["outside"]["households"] == 820
    for level in ("district", "subdistrict", "community", "grid"):
        for what in ("total", "inside", "notConnected"):
            nodes = found[level]["nodes"]
            assert sum(node[what]["households"] for node in nodes) == found[what]["households"]


async def test_a_list_of_units_is_cut_into_pages_and_filtered(town: AsyncEngine) -> None:
    query = """query ($after: String) {
        circleCoverage(kinds: ["station"], walk: {metres: 350}) {
            byUnit(level: "grid", first: 1, after: $after) {
                nodes { unit { code } } pageInfo { hasNextPage hasPreviousPage endCursor } }
            low: byUnit(level: "grid", below: 0.64) { totalCount nodes { unit { code } } }
            urban: byUnit(level: "community", properties: {kind: "urban"}) {
                edges { cursor node { unit { code } } } }
            old: byUnit(level: "community", group: "elder_alone") {
                nodes { unit { code } share } } } }"""
    seen, after, more = list[str](), None, True
    found: dict[str, Any] = {}

    while more:
        found = (await told_all(town, query, {"after": after}))["circleCoverage"]
        seen += [node["unit"]["code"] for node in found["byUnit"]["nodes"]]
        page = found["byUnit"]["pageInfo"]
        assert page["hasPreviousPage"] == (after is not None)
        after, more = page["endCursor"], page["hasNextPage"]

    assert seen == [G2, G4, G1, G3]
    assert found["low"]["totalCount"] == 3
    assert [node["unit"]["code"] for node in found["low"]["nodes"]] == [G2, G4, G1]
    assert [edge["node"]["unit"]["code"] for edge in found["urban"]["edges"]] == [A]
    # 5 of 5, 10, 15, 20 and 25 of 25, 30, 35, 40: the code decides
    assert found["old"]["nodes"] == [
        {"unit": {"code": A}, "share": 0.25},
        {"unit": {"code": B}, "share": 0.25},
    ]


async def test_within_keeps_the_homes_of_a_unit_and_every_station(town: AsyncEngine) -> None:
    query = f"""query ($level: String!, $code: String!) {{
        circleCoverage(kinds: ["station"], within: {{level: $level, code: $code}},
                       walk: {{metres: 550}}) {{
            facilityCount facilitiesWithin total {TALLY} inside {TALLY}
            byUnit(level: "grid") {{ nodes {{ unit {{ code }} total {{ addresses }} }} }} }} }}"""

    in_a = (await told_all(town, query, {"level": "community", "code": A}))["circleCoverage"]
    in_g2 = (await told_all(town, query, {"level": "grid", "code": G2}))["circleCoverage"]

    assert (in_a["facilityCount"], in_a["facilitiesWithin"]) == (2, 1)
    assert in_a["total"] == tally(HOUSES[:20])
    # h20 walks 510 m to s2, which stands over the border
    assert in_a["inside"] == tally([*HOUSES[:10], HOUSES[19]])
    assert {node["unit"]["code"] for node in in_a["byUnit"]["nodes"]} == {G1, G2}
    assert (in_g2["facilityCount"], in_g2["facilitiesWithin"]) == (2, 0)
    h20 = in_g2["inside"]
    assert (h20["addresses"], h20["households"], h20["people"]) == (1, 20, 40)
    assert [node["unit"]["code"] for node in in_g2["byUnit"]["nodes"]] == [G2]


async def test_with_an_own_level_only_the_own_stations_count(town: AsyncEngine) -> None:
    query = f"""query ($level: String) {{
        circleCoverage(kinds: ["station"], ownLevel: $level, walk: {{metres: 550}}) {{
            inside {TALLY} notConnected {TALLY} geometry gap
            byUnit(level: "grid") {{ nodes {{
                unit {{ code }} share nearest {{ key }} medianWalkS }} }} }} }}"""

    community = (await told_all(town, query, {"level": "community"}))["circleCoverage"]
    grid = (await told_all(town, query, {"level": "grid"}))["circleCoverage"]

    # h20 lives in A: s2 is 510 m away, but in B
    assert community["inside"] == tally(h for h in within_m(550.0) if h.key != "h20")
    assert grid["inside"] == tally([*in_grid(within_m(550.0), G1), *in_grid(within_m(550.0), G3)])
    # no station for them is no fault of the streets
    assert grid["notConnected"] == tally([])
    by_code = {node["unit"]["code"]: node for node in grid["byUnit"]["nodes"]}
    assert by_code[G2] == {
        "unit": {"code": G2},
        "share": 0.0,
        "nearest": None,
        "medianWalkS": None,
    }
    assert by_code[G3]["nearest"] == {"key": "s2"}
    picture = land_of(grid["geometry"])
    boxes = [land.box for land in street.LANDS if land.code in {G1, G3}]
    assert shapely.union_all([shapely.box(*box) for box in boxes]).buffer(0.05).covers(picture)
    assert picture.area + land_of(grid["gap"]).area == pytest.approx(4150 * 2000, rel=1e-5)


async def test_the_picture_and_the_gap_make_up_the_land(town: AsyncEngine) -> None:
    query = """{ circleCoverage(kinds: ["station"], within: {level: "community", code: "D01A"},
        walk: {metres: 350}) { geometry gap moved: geometry(datum: GCJ02) } }"""

    found = (await told(town, query))["circleCoverage"]

    circles, gap = land_of(found["geometry"]), land_of(found["gap"])
    box = shapely.box(-50, street.SOUTH, 2050, street.NORTH)
    assert circles.intersection(gap).area == pytest.approx(0.0, abs=2.0)
    covered = circles.intersection(box).area
    assert covered + gap.area == pytest.approx(box.area, rel=1e-5)
    assert covered == pytest.approx(painted_m2(350.0), rel=0.03)
    moved = shapely.get_coordinates(shape(found["moved"])).mean(axis=0)
    there = shapely.get_coordinates(shape(found["geometry"])).mean(axis=0)
    assert 1e-4 < np.abs(moved - there).max() < 1e-2


async def test_a_station_counts_while_it_stands(changing: AsyncEngine) -> None:
    opened, closed = dt.date(2026, 6, 1), dt.date(2026, 9, 1)
    async with changing.begin() as connection:
        new = Stand("s3", (3500.0, 0.0), since=opened, until=closed)
        await drawn.add_point(connection, new)
    query = """query ($day: Date) {
        circleCoverage(kinds: ["station"], walk: {metres: 350}, asOf: $day) {
            facilityCount inside { addresses } } }"""
    counts = {}

    shared = Shared(changing)
    for day in ("2026-05-31", "2026-06-01", "2026-08-31", "2026-09-01", None):
        found = await told(changing, query, {"day": day}, shared=shared)
        row = found["circleCoverage"]
        counts[day] = (row["facilityCount"], row["inside"]["addresses"])
    early = await ask(changing, query, {"day": "2025-12-31"}, shared=shared)

    before, during = (2, 14), (3, 21)
    assert counts == {
        "2026-05-31": before,
        "2026-06-01": during,
        "2026-08-31": during,
        "2026-09-01": before,
        None: before,
    }
    assert early.codes() == ["NO_EDITION"]


async def test_what_is_changed_is_seen_by_the_next_question(changing: AsyncEngine) -> None:
    query = '{ circleCoverage(kinds: ["station"], walk: {metres: 350}) { inside { addresses } } }'
    shared = Shared(changing)
    counts = []

    async def look() -> None:
        found = await told(changing, query, shared=shared)
        counts.append(found["circleCoverage"]["inside"]["addresses"])

    await look()
    async with changing.begin() as connection:
        await drawn.add_point(connection, Stand("s4", (3500.0, 0.0)))
    await look()
    async with changing.begin() as connection:  # the street breaks off between x = 600 and 3600
        halves = (((0.0, 0.0), (600.0, 0.0)), ((3600.0, 0.0), (4000.0, 0.0)))
        await drawn.add_streets(connection, halves)
    await look()

    # s1 reaches 2 … 6 as before, and 7 and 8 from the street's new end: 100 + 100.5, 100 + 200.2.
    # s2 is farther than 500 m from both halves. s4 enters the second one at its end, 100 m off,
    # and reaches 36 … 38 (100 + 10 … 210) and, from there, 35 and 34 (100 + 100.5, 100 + 200.2).
    assert counts == [14, 21, 7 + 5]


async def test_a_programme_is_judged_by_its_own_promise(changing: AsyncEngine) -> None:
    promised = {"minutes": 7, "metres": 350.0, "basis": "NETWORK", "kinds": ["station"]}
    rows = [
        {"key": "near", "name": "near", "own_level": None, **promised},
        {"key": "own", "name": "own", "own_level": "grid", **promised, "metres": 550.0},
    ]
    async with changing.begin() as connection:
        since = dt.date(2026, 1, 1)
        await connection.execute(insert(Programme), [row | {"since": since} for row in rows])
    query = f"""query ($key: String!, $walk: Walk) {{ programme(key: $key) {{
        walk {{ minutes speedKmh metres basis }}
        coverage(walk: $walk) {{ walk {{ minutes metres }} facilityCount inside {TALLY} }}
        inA: coverage(within: {{level: "community", code: "{A}"}}, walk: $walk) {{
            total {{ addresses }} inside {{ addresses }} }} }} }}"""

    near = (await told_all(changing, query, {"key": "near"}))["programme"]
    longer = (await told_all(changing, query, {"key": "near", "walk": {"minutes": 11}}))[
        "programme"
    ]
    own = (await told_all(changing, query, {"key": "own"}))["programme"]

    # 350 m in 7 minutes are 3 km/h, and 550 m in 11
    assert near["walk"] == {"minutes": 7, "speedKmh": 3.0, "metres": 350.0, "basis": "NETWORK"}
    assert near["coverage"]["walk"] == {"minutes": 7, "metres": 350.0}
    assert near["coverage"]["inside"] == tally(within_m(350.0))
    assert near["inA"] == {"total": {"addresses": 20}, "inside": {"addresses": 7}}
    assert longer["walk"] == near["walk"]
    assert longer["coverage"]["walk"] == {"minutes": 11, "metres": 550.0}
    assert longer["coverage"]["inside"] == tally(within_m(550.0))
    mine = [*in_grid(within_m(550.0), G1), *in_grid(within_m(550.0), G3)]
    assert own["coverage"]["inside"] == tally(mine)


async def test_a_promise_along_streets_is_kept_as_the_crow_flies_without_any(
    roadless: AsyncEngine,
) -> None:
    promise = Promised("NETWORK")

    walk = await walk_used(Context(Shared(roadless), today=TODAY), None, promise)

    assert (walk.basis, walk.network_version) == ("RADIUS", None)
    assert walk.metres == 1000.0


# --- without streets ----------------------------------------------------------------------------


async def test_without_streets_circles_are_discs_and_say_so(roadless: AsyncEngine) -> None:
    query = f"""{{ circleCoverage(kinds: ["station"], walk: {{metres: 305}}) {{
        walk {{ basis networkVersion }} inside {TALLY} notConnected {{ addresses }} geometry }}
        circleAt(point: {json_point((500.0, 0.0))}, walk: {{metres: 305}}) {{
            walk {{ basis }} connected remark areaM2 discShare reachedM tally {TALLY} geometry }}
        nearest(point: {json_point((900.0, 300.0))}, kind: "station") {{
            facility {{ key }} walkM walkS walk {{ basis }} route }} }}"""

    found = await told_all(roadless, query)

    row, circle = found["circleCoverage"], found["circleAt"]
    assert row["walk"] == {"basis": "RADIUS", "networkVersion": None}
    # 300 m along and 10 m off: 300.17 m
    assert row["inside"] == tally(within_m(310.0))
    assert row["notConnected"] == {"addresses": 0}
    assert land_of(row["geometry"]).area == pytest.approx(2 * np.pi * 305**2, rel=0.01)
    assert circle["walk"] == {"basis": "RADIUS"}
    assert (circle["connected"], circle["remark"], circle["reachedM"]) == (True, None, 0.0)
    assert circle["tally"] == tally(in_grid(within_m(310.0), G1))
    assert circle["discShare"] == pytest.approx(1.0, rel=0.01)
    walked = found["nearest"]
    assert [one["facility"]["key"] for one in walked] == ["s1", "s2"]
    assert walked[0]["walkM"] == pytest.approx(500.0, abs=0.01)  # 400 and 300
    assert walked[0]["walkS"] == pytest.approx(450.0, abs=0.01)
    assert walked[0]["walk"] == {"basis": "RADIUS"}
    line = shapely.transform(shape(walked[0]["route"]), PLANE.forward)
    np.testing.assert_allclose(line.coords, [(900.0, 300.0), (500.0, 0.0)], atol=0.02)


def json_point(place: tuple[float, float]) -> str:
    """Return a place as it stands in a query's text."""
    named = asked(place)
    return f"{{lon: {named['lon']}, lat: {named['lat']}}}"


async def test_discs_of_nothing_are_nothing(roadless: AsyncEngine) -> None:
    query = f"""query ($own: String) {{ circleCoverage(kinds: ["clinic"], ownLevel: $own) {{
        inside {TALLY} outside {TALLY} notConnected {TALLY} geometry share }}
        nearest(point: {json_point((0.0, 0.0))}, kind: "clinic") {{ walkM }} }}"""

    for own in (None, "grid"):
        found = await told_all(roadless, query, {"own": own})
        assert found == {
            "circleCoverage": {
                "inside": tally([]),
                "outside": tally(HOUSES),
                "notConnected": tally([]),
                "geometry": None,
                "share": 0.0,
            },
            "nearest": [],
        }


async def test_streets_asked_for_and_not_there_are_an_error(roadless: AsyncEngine) -> None:
    answer = await ask(
        roadless,
        '{ circleCoverage(kinds: ["station"], walk: {basis: NETWORK}) { share } '
        "walkPresets { key minutes metres } }",
    )

    assert answer.codes() == ["NO_NETWORK"]
    assert "wangge load streets" in answer.errors[0]["message"]
    assert answer.data["circleCoverage"] is None
    assert [(one["minutes"], one["metres"]) for one in answer.data["walkPresets"]] == [
        (5, 300.0),
        (10, 500.0),
        (15, 1000.0),
    ]


async def test_discs_may_be_asked_for_although_there_are_streets(town: AsyncEngine) -> None:
    found = await told_all(
        town,
        '{ circleCoverage(kinds: ["station"], walk: {basis: RADIUS, metres: 305}) '
        f"{{ walk {{ basis networkVersion }} inside {TALLY} }} }}",
    )

    assert found["circleCoverage"] == {
        "walk": {"basis": "RADIUS", "networkVersion": None},
        "inside": tally(within_m(310.0)),
    }


# --- circleAt, nearest --------------------------------------------------------------------------


async def test_the_circle_of_a_point_is_worked_out_by_hand(town: AsyncEngine) -> None:
    query = f"""{{ circleAt(point: {json_point((1000.0, 50.0))}, walk: {{metres: 350}}) {{
        facility {{ key }} connected remark reachedM areaM2 discShare geometry
        tally {TALLY} }} }}"""

    circle = (await told_all(town, query))["circleAt"]

    # 50 m to the street, 300 m each way; a house needs 10 m more: 8 … 12 are within 260
    assert (circle["facility"], circle["connected"], circle["remark"]) == (None, True, None)
    assert circle["reachedM"] == pytest.approx(600.0, abs=0.01)
    assert circle["tally"] == tally(HOUSES[7:12])
    picture = land_of(circle["geometry"])
    assert picture.area == pytest.approx(circle["areaM2"], rel=1e-3)
    assert circle["areaM2"] == pytest.approx(painted_m2(300.0), rel=0.04)
    assert circle["discShare"] == pytest.approx(circle["areaM2"] / (np.pi * 350**2))


async def test_growing_circles_of_a_station_hold_one_another(town: AsyncEngine) -> None:
    query = """query ($metres: Float) { facility(key: "s1") { circle(walk: {metres: $metres}) {
        facility { key } tally { addresses households } geometry reachedM } } }"""
    rings, counts = [], []

    for metres in (120.0, 350.0, 1000.0):
        found = await told(town, query, {"metres": metres})
        circle = found["facility"]["circle"]
        assert circle["facility"] == {"key": "s1"}
        rings.append(shape(circle["geometry"]))
        counts.append(circle["tally"]["addresses"])
        # the street begins 500 m before the station
        assert circle["reachedM"] == pytest.approx(min(metres, 500.0) + metres, abs=0.01)

    assert counts == [3, 7, 14]  # 4 … 6, 2 … 8, 1 … 14
    assert rings[1].covers(rings[0])
    assert rings[2].covers(rings[1])


async def test_a_point_far_from_every_street_is_not_connected(town: AsyncEngine) -> None:
    query = f"""{{ circleAt(point: {json_point((1000.0, 700.0))}) {{
        connected remark geometry areaM2 discShare reachedM tally {TALLY} }}
        nearest(point: {json_point((1000.0, 700.0))}) {{ walkM }} }}"""

    found = await told_all(town, query)

    circle = found["circleAt"]
    assert circle["connected"] is False
    assert "no street lies within 500 m" in circle["remark"]
    assert circle["geometry"] is None
    assert (circle["areaM2"], circle["discShare"], circle["reachedM"]) == (0.0, 0.0, 0.0)
    assert circle["tally"] == tally([])
    assert found["nearest"] == []


async def test_the_nearest_come_with_their_way(town: AsyncEngine) -> None:
    query = """query ($point: PointInput!, $walk: Walk, $first: Int) {
        nearest(point: $point, kind: "station", walk: $walk, first: $first) {
            facility { key kind } walkM walkS walk { basis speedKmh } route } }"""
    here = asked((1200.0, 30.0))

    both = (await told(town, query, {"point": here}))["nearest"]
    one = (await told(town, query, {"point": here, "first": 1}))["nearest"]
    near = (await told(town, query, {"point": here, "walk": {"minutes": 12}}))["nearest"]
    fast = (await told(town, query, {"point": here, "walk": {"speedKmh": 6}}))["nearest"]

    assert [walked["facility"]["key"] for walked in both] == ["s1", "s2"]
    assert [walked["walkM"] for walked in both] == pytest.approx([730.0, 1330.0], abs=0.01)
    assert [walked["walkS"] for walked in both] == pytest.approx([657.0, 1197.0], abs=0.01)
    line = shapely.transform(shape(both[0]["route"]), PLANE.forward)
    assert line.length == pytest.approx(730.0, abs=0.05)
    np.testing.assert_allclose(line.coords[0], (1200.0, 30.0), atol=0.02)
    np.testing.assert_allclose(line.coords[-1], (500.0, 0.0), atol=0.02)
    assert one == both[:1]
    assert [walked["facility"]["key"] for walked in near] == ["s1"]  # 12 minutes are 800 m
    assert fast[1]["walkS"] == pytest.approx(1330.0 * 3.6 / 6, abs=0.01)


async def test_points_come_in_any_datum(town: AsyncEngine) -> None:
    query = """query ($point: PointInput!) { circleAt(point: $point, walk: {metres: 350}) {
        tally { addresses } } }"""
    from geo.crs import Datum, convert  # noqa: PLC0415 - only here

    here = np.array([list(asked((1000.0, 50.0)).values())])
    [[lon, lat]] = convert(here, Datum.WGS84, Datum.GCJ02).tolist()

    shifted = await told(town, query, {"point": {"lon": lon, "lat": lat, "datum": "GCJ02"}})
    taken_as_it_is = await told(town, query, {"point": {"lon": lon, "lat": lat}})

    assert shifted["circleAt"]["tally"] == {"addresses": 5}
    assert taken_as_it_is["circleAt"]["tally"] != {"addresses": 5}


# --- wrong questions ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "code", "argument"),
    [
        ('kinds: ["station"], walk: {minutes: 0}', "BAD_INPUT", "walk.minutes"),
        ('kinds: ["station"], walk: {minutes: 10000}', "BAD_INPUT", "walk.minutes"),
        ('kinds: ["station"], walk: {speedKmh: 0}', "BAD_INPUT", "walk.speedKmh"),
        ('kinds: ["station"], walk: {metres: 1e308}', "BAD_INPUT", "walk.metres"),
        ("kinds: []", "BAD_INPUT", "kinds"),
        ('kinds: ["castle"]', "UNKNOWN", "kinds"),
        ('kinds: ["stat\\u0000ion"]', "BAD_INPUT", "kinds"),
        ('kinds: ["station"], ownLevel: "galaxy"', "UNKNOWN", "ownLevel"),
        ('kinds: ["station"], within: {level: "grid", code: "9"}', "UNKNOWN", "within"),
        ('kinds: ["station"], within: {level: "x", code: "9"}', "UNKNOWN", "within"),
    ],
)
async def test_a_question_that_cannot_be_meant_names_its_argument(
    town: AsyncEngine, arguments: str, code: str, argument: str
) -> None:
    answer = await ask(town, f"{{ circleCoverage({arguments}) {{ share }} levels {{ key }} }}")

    assert answer.codes() == [code]
    assert answer.errors[0]["extensions"]["argument"] == argument
    assert answer.data["circleCoverage"] is None
    assert answer.data["levels"]


@pytest.mark.parametrize(
    ("field", "code", "argument"),
    [
        ('share(group: "rich")', "UNKNOWN", "group"),
        ('byUnit(level: "galaxy") { totalCount }', "UNKNOWN", "level"),
        ('byUnit(level: "grid", group: "rich") { totalCount }', "UNKNOWN", "group"),
        ('byUnit(level: "grid", below: 2) { totalCount }', "BAD_INPUT", "below"),
        ('byUnit(level: "grid", properties: 3) { totalCount }', "BAD_INPUT", "properties"),
        ('byUnit(level: "grid", first: 0) { totalCount }', "BAD_INPUT", "first"),
        ('byUnit(level: "grid", first: 1001) { totalCount }', "LIMIT_EXCEEDED", "first"),
        ('byUnit(level: "grid", after: "x") { totalCount }', "BAD_INPUT", "after"),
        ('byUnit(level: "district") { totalCount }', "BAD_INPUT", "level"),
    ],
)
async def test_a_field_that_cannot_be_meant_names_its_argument(
    town: AsyncEngine, field: str, code: str, argument: str
) -> None:
    answer = await ask(
        town,
        '{ circleCoverage(kinds: ["station"], within: {level: "community", code: "D01A"}) '
        f"{{ {field} }} }}",
    )

    assert answer.codes() == [code]
    assert answer.errors[0]["extensions"]["argument"] == argument


@pytest.mark.parametrize(
    ("field", "argument"),
    [
        ("circleAt(point: {lon: 200, lat: 0}) { connected }", "point"),
        ("nearest(point: {lon: 0, lat: 91}) { walkM }", "point"),
        ('nearest(point: {lon: 0, lat: 0}, kind: "castle") { walkM }', "kind"),
        ("nearest(point: {lon: 0, lat: 0}, first: 0) { walkM }", "first"),
    ],
)
async def test_a_point_that_cannot_be_meant_is_refused(
    town: AsyncEngine, field: str, argument: str
) -> None:
    answer = await ask(town, f"{{ {field} }}")

    assert answer.codes() in (["BAD_INPUT"], ["UNKNOWN"])
    assert answer.errors[0]["extensions"]["argument"] == argument


async def test_a_speed_that_is_no_number_is_refused(town: AsyncEngine) -> None:
    query = """query ($walk: Walk) { circleCoverage(kinds: ["station"], walk: $walk) { share } }"""

    for value in (float("nan"), float("inf"), "fast"):
        answer = await ask(town, query, {"walk": {"speedKmh": value}})
        assert answer.errors, value
        assert "speedKmh" in answer.errors[0]["message"], value
        assert not answer.data or answer.data["circleCoverage"] is None


async def test_a_kind_without_facilities_leaves_all_outside(town: AsyncEngine) -> None:
    query = f"""{{ circleCoverage(kinds: ["clinic"]) {{ facilityCount inside {TALLY}
        outside {TALLY} notConnected {TALLY} share geometry gap
        byUnit(level: "community") {{ nodes {{ share nearest {{ key }} medianWalkS }} }} }} }}"""

    found = (await told_all(town, query))["circleCoverage"]

    assert found["facilityCount"] == 0
    assert found["inside"] == found["notConnected"] == tally([])
    assert found["outside"] == tally(HOUSES)
    assert (found["share"], found["geometry"]) == (0.0, None)
    assert land_of(found["gap"]).area == pytest.approx(4150 * 2000, rel=1e-5)
    nothing = {"share": 0.0, "nearest": None, "medianWalkS": None}
    assert found["byUnit"]["nodes"] == [nothing, nothing]


async def test_without_addresses_shares_are_null(engine: AsyncEngine) -> None:
    await drawn.build(engine, lands=street.LANDS, points=STATIONS, ways=street.WAYS)
    query = f"""{{ circleCoverage(kinds: ["station"]) {{ total {TALLY} inside {TALLY} share geometry
        byUnit(level: "grid") {{ nodes {{ unit {{ code }} share worstWalkS }} }} }} }}"""

    found = (await told(engine, query))["circleCoverage"]

    assert found["total"]["addresses"] == found["inside"]["addresses"] == 0
    assert found["share"] is None
    assert land_of(found["geometry"]).area > 0
    assert found["byUnit"]["nodes"] == [
        {"unit": {"code": code}, "share": None, "worstWalkS": None} for code in (G1, G2, G3, G4)
    ]


async def test_nothing_published_is_an_error(engine: AsyncEngine) -> None:
    answer = await ask(
        engine,
        '{ circleCoverage(kinds: ["station"]) { share } '
        "circleAt(point: {lon: 104, lat: 38}) { connected } "
        "nearest(point: {lon: 104, lat: 38}) { walkM } }",
    )

    assert answer.codes() == ["NO_EDITION"] * 3


# --- who may know -------------------------------------------------------------------------------


async def test_groups_on_ground_of_ones_own_choosing_are_for_editors(
    changing: AsyncEngine,
) -> None:
    """Of two circles the wider has one home more: without groups nothing tells who lives there."""
    key = await world.make_key(changing, Role.EDITOR)
    reader = await world.make_key(changing, Role.READER)
    at_h05 = json_point((500.0, 10.0))
    circles = " ".join(
        f"c{metres}: circleAt(point: {at_h05}, walk: {{metres: {metres}}}) {{ tally {TALLY} }}"
        for metres in (119, 121)
    )
    query = f"""{{ {circles}
        facility(key: "s1") {{ circle(walk: {{metres: 121}}) {{ tally {TALLY} }} }}
        circleCoverage(kinds: ["station"], walk: {{metres: 121}}) {{
            total {TALLY} inside {TALLY} outside {TALLY} notConnected {TALLY} offStreets {TALLY}
            cutOff {TALLY} share(group: "elder_alone")
            byUnit(level: "grid", group: "elder_alone") {{ nodes {{
                share total {TALLY} inside {TALLY} notConnected {TALLY} }} }}
            low: byUnit(level: "grid", group: "elder_alone", below: 1) {{ totalCount }} }} }}"""

    public = await told(changing, query)
    read = await told(changing, query, key=reader)
    edited = await told(changing, query, key=key)

    assert read == public
    assert edited["c119"]["tally"] == tally([HOUSES[4]])
    assert edited["c121"]["tally"] == tally(HOUSES[3:6])
    covered, whole = public["circleCoverage"], edited["circleCoverage"]
    parts = [
        public["c119"]["tally"],
        public["c121"]["tally"],
        public["facility"]["circle"]["tally"],
    ]
    parts += [covered[name] for name in PARTS]
    parts += [
        one[name] for one in covered["byUnit"]["nodes"] for name in ("inside", "notConnected")
    ]
    assert all(part["groups"] == [] for part in parts)
    assert [part["people"] for part in parts[:2]] == [
        edited[name]["tally"]["people"] for name in ("c119", "c121")
    ]
    # what there is in units is told as it is
    assert covered["total"] == whole["total"]
    assert {one["share"] for one in covered["byUnit"]["nodes"]} == {None}
    assert None not in {one["share"] for one in whole["byUnit"]["nodes"]}
    assert (covered["share"], covered["low"]["totalCount"]) == (None, 0)
    assert whole["share"] is not None


async def test_circles_that_everybody_compares_tell_groups_to_readers(
    changing: AsyncEngine,
) -> None:
    key = await world.make_key(changing, Role.EDITOR)
    query = f"""query($walk: Walk) {{
        circleCoverage(kinds: ["station"], walk: $walk) {{
            inside {TALLY} share(group: "elder_alone") }}
        facility(key: "s1") {{ circle(walk: $walk) {{ tally {TALLY} }} }} }}"""

    for walk, told_to_all in (
        (None, True),
        ({"minutes": 5}, True),
        ({"minutes": 10, "metres": 500}, True),  # the preset
        ({"minutes": 6}, False),
        ({"minutes": 10, "metres": 501}, False),
        ({"minutes": 5, "speedKmh": 4.1}, False),
        ({"minutes": 5, "basis": "RADIUS"}, False),
    ):
        read = await told(changing, query, {"walk": walk})
        edited = await told(changing, query, {"walk": walk}, key=key)

        groups = read["circleCoverage"]["inside"]["groups"]
        assert edited["circleCoverage"]["inside"]["groups"] != []
        assert edited["facility"]["circle"]["tally"]["groups"] != []
        assert (read == edited) == told_to_all, walk
        assert bool(groups) == told_to_all, walk


async def put_programme(engine: AsyncEngine, key: str) -> None:
    """Promise a station within 350 m, as of this year."""
    row = {"key": key, "name": key, "kinds": ["station"], "since": dt.date(2026, 1, 1)}
    promised = {"own_level": None, "minutes": 7, "metres": 350.0, "basis": "NETWORK"}
    await world.run(engine, insert(Programme).values(row | promised))


PARTS = ("inside", "outside", "notConnected", "offStreets", "cutOff")


async def test_of_what_a_programme_promises_groups_are_told_but_of_a_single_home(
    changing: AsyncEngine,
) -> None:
    key = await world.make_key(changing, Role.EDITOR)
    await put_programme(changing, "p")
    old = 'share(group: "elder_alone")'
    query = f"""{{ programme(key: "p") {{
        coverage {{ inside {TALLY} {old} }}
        walked: coverage(walk: {{metres: 121}}) {{ inside {TALLY} {old} }} }} }}"""

    read = (await told(changing, query))["programme"]
    edited = (await told(changing, query, key=key))["programme"]

    assert read["coverage"] == edited["coverage"]
    assert read["coverage"]["inside"]["groups"] != []
    assert (read["walked"]["inside"]["groups"], read["walked"]["share"]) == ([], None)
    assert edited["walked"]["share"] is not None


async def test_the_share_of_a_group_at_a_single_home_is_for_editors(
    changing: AsyncEngine,
) -> None:
    key = await world.make_key(changing, Role.EDITOR)
    await put_programme(changing, "p")
    async with changing.begin() as connection:  # of A only h05 is left, where one lives alone
        await connection.execute(
            text("DELETE FROM address_place WHERE address_row <> 5 AND code LIKE 'D01A%'")
        )
    query = """{ programme(key: "p") { coverage(within: {level: "community", code: "D01A"}) {
        total { addresses } share old: share(group: "elder_alone")
        byUnit(level: "community", group: "elder_alone") { nodes { share } }
        low: byUnit(level: "community", group: "elder_alone", below: 1) { totalCount } } } }"""

    read = (await told(changing, query))["programme"]["coverage"]
    edited = (await told(changing, query, key=key))["programme"]["coverage"]

    assert read["total"] == edited["total"] == {"addresses": 1}
    assert (read["share"], read["old"]) == (1.0, None)
    assert (edited["share"], edited["old"]) == (1.0, 1.0)
    assert read["byUnit"]["nodes"] == [{"share": None}]
    assert edited["byUnit"]["nodes"] == [{"share": 1.0}]
    assert read["low"]["totalCount"] == 0


async def test_a_closed_service_asks_for_a_key(town: AsyncEngine) -> None:
    query = '{ circleCoverage(kinds: ["station"]) { share } walkPresets { key } }'

    answer = await ask(town, query, public=False)

    assert set(answer.codes()) == {"UNAUTHENTICATED"}


# --- statements ---------------------------------------------------------------------------------


async def test_units_and_their_facilities_are_one_statement_each(town: AsyncEngine) -> None:
    query = """query ($first: Int) { circleCoverage(kinds: ["station"], walk: {metres: 350}) {
        share geometry gap
        byUnit(level: "grid", first: $first) { totalCount nodes {
            unit { code name households parent { code } } nearest { key name } share } } } }"""
    shared, counts, statements = Shared(town), list[int](), list[str]()
    event.listen(
        town.sync_engine, "before_cursor_execute", lambda *happened: statements.append(happened[2])
    )

    await told(town, query, {"first": 1}, shared=shared)
    for first in (1, 4):
        statements.clear()
        await told(town, query, {"first": first}, shared=shared)
        counts.append(len(statements))

    assert counts[0] == counts[1]
    # edition, levels, network, stamp, kinds; then units, their parents, their nearest
    assert counts[1] <= 8, "\n\n".join(statements)
