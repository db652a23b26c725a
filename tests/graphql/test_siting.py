"""The root field ``siting``: where the next stations should go, on streets worked out by hand."""

from __future__ import annotations

import datetime as dt
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import shapely

from resolvers.context import Shared
from resolvers.siting import needed
from storage.keys import Role
from tests.circles import street
from tests.circles.drawn import PLANE, House, Land, Stand, add_point, asked, build
from tests.circles.street import HOUSES, LANDS, STATIONS, WAYS, B
from tests.graphql.asking import ask, told
from tests.graphql.world import make_key

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncEngine

pytestmark = [pytest.mark.anyio, pytest.mark.postgis]

SITING = """
query($within: UnitRef!, $walk: Walk, $count: Int, $share: Float, $group: String,
      $candidates: [PointInput!]) {
  siting(kinds: ["station"], within: $within, walk: $walk, count: $count, share: $share,
         group: $group, candidates: $candidates) {
    walk { metres basis }
    sites { location newHouseholds cumulativeShare newcomers { addresses households people } }
    shareBefore shareAfter households bound optimal leastSites
    candidateCount candidateSpacingM
  }
}
"""

# The street has places each 250 m. With 255 m to walk, a station at x = 500 k reaches the houses
# 5 k - 2 to 5 k + 2: of 820 households 25 k, at the street's ends 3 and 117; one between two of
# them reaches four houses. Stations stand at k = 1 and 5.
ALL = {"level": "district", "code": "D"}
WALK = {"metres": 255.0}
BEFORE, TOTAL = 25 + 125, 820


async def draw(engine: AsyncEngine, *, ways: Sequence[Any] = WAYS) -> None:
    """Draw the street of :mod:`tests.circles.street`."""
    await build(engine, lands=LANDS, houses=HOUSES, points=STATIONS, ways=ways)


async def sited(engine: AsyncEngine, **variables: Any) -> Any:  # noqa: ANN401 - JSON
    """Return the plan, for a group as an editor is told it."""
    values = {"within": ALL, "walk": WALK} | variables
    key = await make_key(engine, Role.EDITOR) if "group" in variables else None
    return (await told(engine, SITING, values, key=key))["siting"]


def spots(plan: Any) -> list[tuple[float, float]]:  # noqa: ANN401 - JSON
    """Return where the sites of a plan are, in metres."""
    degrees = [site["location"]["coordinates"] for site in plan["sites"]]
    metres = PLANE.forward(np.array(degrees, np.float64).reshape(-1, 2))
    return [(x, y) for x, y in metres.tolist()]


def near(places: Sequence[tuple[float, float]], expected: Sequence[tuple[float, float]]) -> bool:
    """Return whether places are where they should be: what is shown has seven decimals, 1 cm."""
    return len(places) == len(expected) and np.allclose(places, expected, rtol=0, atol=0.02)


async def test_the_next_crossings_are_those_with_most_households(engine: AsyncEngine) -> None:
    await draw(engine)

    plan = await sited(engine, count=3)

    assert near(spots(plan), [(3500.0, 0.0), (3000.0, 0.0), (4000.0, 0.0)])
    assert [site["newHouseholds"] for site in plan["sites"]] == [175, 150, 117]
    assert [site["cumulativeShare"] for site in plan["sites"]] == pytest.approx(
        [(150 + 175) / 820, (150 + 325) / 820, (150 + 442) / 820]
    )
    assert plan["sites"][0]["newcomers"] == {"addresses": 5, "households": 175, "people": 350}
    assert plan["walk"] == {"metres": 255.0, "basis": "NETWORK"}
    assert plan["shareBefore"] == pytest.approx(150 / 820)
    assert plan["shareAfter"] == pytest.approx(592 / 820)
    assert (plan["households"], plan["bound"], plan["optimal"]) == (442, 442, True)
    assert plan["leastSites"] is None
    assert plan["candidateSpacingM"] == 100.0
    assert plan["candidateCount"] == 17 + 2, "places on the street, and stations that stand"


async def test_five_sites_are_named_unless_told_otherwise(engine: AsyncEngine) -> None:
    await draw(engine)

    plan = await sited(engine)

    assert [site["newHouseholds"] for site in plan["sites"]] == [175, 150, 117, 100, 75]


async def test_a_share_takes_as_few_sites_as_it_needs(engine: AsyncEngine) -> None:
    await draw(engine)

    plan = await sited(engine, share=0.9)  # 738 of 820; 150 + 542 are too few, 150 + 617 do

    assert [site["newHouseholds"] for site in plan["sites"]] == [175, 150, 117, 100, 75]
    assert plan["shareAfter"] == pytest.approx(767 / 820)
    assert (plan["leastSites"], plan["optimal"]) == (5, True)


async def test_a_share_that_stands_already_needs_no_site(engine: AsyncEngine) -> None:
    await draw(engine)

    plan = await sited(engine, share=150 / 820)

    assert plan["sites"] == []
    assert plan["shareBefore"] == plan["shareAfter"] == pytest.approx(150 / 820)
    assert (plan["leastSites"], plan["optimal"]) == (0, True)


async def test_more_sites_than_help_are_not_named(engine: AsyncEngine) -> None:
    await draw(engine)

    plan = await sited(engine, count=200)

    assert len(plan["sites"]) < 17
    assert min(site["newHouseholds"] for site in plan["sites"]) > 0
    assert plan["households"] == TOTAL - BEFORE
    assert plan["shareAfter"] == 1.0
    assert plan["optimal"]


async def test_sites_lie_within_and_only_its_homes_count(engine: AsyncEngine) -> None:
    far = House("far", (3500.0, 900.0), households=90)  # on no street
    await build(engine, lands=LANDS, houses=[*HOUSES, far], points=STATIONS, ways=WAYS)

    # In B are the houses 21 to 40, 610 households, 125 of them at the station s2, and the far one.
    # The houses 21 and 22 are reached from x = 2250; the crossing at x = 2000 is in A.
    plan = await sited(engine, within={"level": "community", "code": B}, share=1.0)

    assert near(spots(plan), [(3500.0, 0.0), (3000.0, 0.0), (4000.0, 0.0), (2250.0, 0.0)])
    assert [site["newHouseholds"] for site in plan["sites"]] == [175, 150, 117, 21 + 22]
    assert plan["shareBefore"] == pytest.approx(125 / 700)
    assert plan["shareAfter"] == pytest.approx(610 / 700), "said as it is"
    assert plan["bound"] == plan["households"] == 485
    assert (plan["leastSites"], plan["optimal"]) == (4, True)


async def test_a_station_beyond_the_border_counts(engine: AsyncEngine) -> None:
    await build(engine, lands=LANDS, houses=HOUSES, points=[Stand("s", (2000.0, 0.0))], ways=WAYS)

    plan = await sited(engine, within={"level": "community", "code": B}, count=1)

    assert plan["shareBefore"] == pytest.approx((21 + 22) / 610)


async def test_a_station_that_opens_later_counts_from_its_first_day(engine: AsyncEngine) -> None:
    opens = dt.date(2026, 7, 1)
    later = Stand("s3", (3500.0, 0.0), since=opens)
    await build(engine, lands=LANDS, houses=HOUSES, points=[*STATIONS, later], ways=WAYS)
    query = """query ($within: UnitRef!, $walk: Walk, $day: Date) {
        siting(kinds: ["station"], within: $within, walk: $walk, count: 1, asOf: $day) {
            shareBefore sites { newHouseholds } } }"""

    async def on(day: dt.date) -> Any:  # noqa: ANN401 - JSON
        return (await told(engine, query, {"within": ALL, "walk": WALK, "day": str(day)}))["siting"]

    before, after = await on(opens - dt.timedelta(days=1)), await on(opens)

    assert before == {"shareBefore": 150 / 820, "sites": [{"newHouseholds": 175}]}
    # the houses 33 to 37 are inside then, and the next best are 28 to 32
    assert after == {"shareBefore": 325 / 820, "sites": [{"newHouseholds": 150}]}


async def test_sites_are_chosen_among_given_places(engine: AsyncEngine) -> None:
    await draw(engine)
    places = [(900.0, 0.0), (3260.0, 0.0), (3500.0, 600.0)]

    # from 3260 to the houses 31 to 35; from 900, beyond s1, to 8 to 11; the last is on no street
    plan = await sited(engine, count=2, candidates=[asked(place) for place in places])

    assert near(spots(plan), [(3260.0, 0.0), (900.0, 0.0)])
    assert [site["newHouseholds"] for site in plan["sites"]] == [165, 8 + 9 + 10 + 11]
    assert plan["bound"] == plan["households"]
    assert (plan["candidateCount"], plan["candidateSpacingM"]) == (3, None)


async def test_people_of_a_group_are_brought_inside(engine: AsyncEngine) -> None:
    # in the houses 10 and 20 live many, in 35 few
    groups = {10: 40, 20: 30, 35: 5}
    houses = [
        House(house.key, house.place, house.households, 50, {"elder_alone": groups.get(n, 0)})
        for n, house in enumerate(HOUSES, start=1)
    ]
    await build(engine, lands=LANDS, houses=houses, points=STATIONS, ways=WAYS)

    plan = await sited(engine, count=2, group="elder_alone")

    assert near(spots(plan), [(1000.0, 0.0), (2000.0, 0.0)])
    assert [site["newHouseholds"] for site in plan["sites"]] == [40, 30]
    assert [site["newcomers"]["households"] for site in plan["sites"]] == [50, 100]
    assert plan["shareBefore"] == 0.0
    assert plan["shareAfter"] == pytest.approx(70 / 75)


async def test_sites_for_a_group_are_for_editors(engine: AsyncEngine) -> None:
    """One site at one door would say whether somebody old lives behind it."""
    await draw(engine)  # one lives alone in every fifth house
    question = {
        "within": ALL,
        "walk": {"metres": 20.0},
        "count": 1,
        "group": "elder_alone",
        "candidates": [asked((1000.0, 0.0))],
    }
    reader = await make_key(engine, Role.READER)
    editor = await make_key(engine, Role.EDITOR)

    public = await ask(engine, SITING, question)
    read = await ask(engine, SITING, question, key=reader)
    plan = (await told(engine, SITING, question, key=editor))["siting"]

    assert (public.codes(), read.codes()) == (["UNAUTHENTICATED"], ["FORBIDDEN"])
    assert public.data == read.data == {"siting": None}
    assert "told to editors" in read.errors[0]["message"]
    assert [site["newHouseholds"] for site in plan["sites"]] == [1]


async def test_readers_are_told_of_sites_for_a_group_but_of_those_for_one_home(
    engine: AsyncEngine,
) -> None:
    crowd = [House(f"c{n}", (100.0 + n, 10.0), groups={"elder_alone": 1}) for n in range(5)]
    alone = House("z", (1900.0, 10.0), groups={"elder_alone": 2})
    await build(engine, lands=LANDS, houses=[*crowd, alone], points=STATIONS[:0], ways=WAYS)
    question = {"within": ALL, "walk": {"minutes": 5}, "count": 2, "group": "elder_alone"}
    editor = await make_key(engine, Role.EDITOR)

    read = (await told(engine, SITING, question))["siting"]
    edited = (await told(engine, SITING, question, key=editor))["siting"]

    assert [site["newHouseholds"] for site in edited["sites"]] == [5, 2]
    assert [site["newHouseholds"] for site in read["sites"]] == [5]
    assert read["sites"][0] == edited["sites"][0]


async def test_without_streets_sites_are_as_the_crow_flies_and_at_homes(
    engine: AsyncEngine,
) -> None:
    await draw(engine, ways=())

    plan = await sited(engine, count=1, candidates=[asked(house.place) for house in HOUSES])

    assert plan["walk"]["basis"] == "RADIUS"
    assert near(spots(plan), [(3800.0, 10.0)])
    assert plan["households"] == 36 + 37 + 38 + 39 + 40

    plan = await sited(engine, count=40)

    homes = [house.place for house in HOUSES]
    assert all(any(near([spot], [home]) for home in homes) for spot in spots(plan))
    assert plan["shareAfter"] == 1.0


# -- against all plans: a town of square blocks --------------------------------------------------
#
# Streets run each 200 m from west to east and from south to north. A house stands 15 m north of a
# street that runs east, not near a crossing: from a crossing to it is |dx| + |dy| + 15 m, dy being
# to its street.

BLOCK_M, COLUMNS, ROWS = 200.0, 7, 6
CROSSINGS = [(BLOCK_M * i, BLOCK_M * j) for i in range(COLUMNS) for j in range(ROWS)]
BLOCKS = tuple(
    [tuple((BLOCK_M * i, BLOCK_M * j) for i in range(COLUMNS)) for j in range(ROWS)]
    + [tuple((BLOCK_M * i, BLOCK_M * j) for j in range(ROWS)) for i in range(COLUMNS)]
)
TOWN = tuple(
    Land(level, code, parent, (-50.0, -50.0, 1250.0, 1050.0))
    for level, code, parent in (
        ("district", "D", None),
        ("subdistrict", "D01", "D"),
        ("community", "D0101", "D01"),
        ("grid", "D010101", "D0101"),
    )
)
REACH_M = 350.0


def scattered_houses() -> list[House]:
    """Return houses along the streets that run east."""
    rng = np.random.default_rng(20_261_122)
    along = rng.integers(0, COLUMNS - 1, 80) * BLOCK_M + rng.uniform(30.0, 170.0, 80)
    row = rng.integers(0, ROWS, 80)
    households = rng.integers(1, 30, 80)
    return [
        House(f"h{n:02}", (float(along[n]), float(row[n] * BLOCK_M + 15.0)), int(households[n]))
        for n in range(80)
    ]


def reached(houses: Sequence[House], crossing: tuple[float, float]) -> set[str]:
    """Return the houses within ``REACH_M`` of a crossing."""
    return {
        house.key
        for house in houses
        if abs(house.place[0] - crossing[0]) + abs(house.place[1] - 15.0 - crossing[1]) + 15.0
        <= REACH_M
    }


@pytest.mark.parametrize("count", [1, 2, 3])
async def test_no_other_crossings_reach_more_households(engine: AsyncEngine, count: int) -> None:
    houses = scattered_houses()
    station = (600.0, 400.0)
    await build(engine, lands=TOWN, houses=houses, points=[Stand("s", station)], ways=BLOCKS)
    here = reached(houses, station)
    rows = {crossing: reached(houses, crossing) - here for crossing in CROSSINGS}
    weight = {house.key: house.households for house in houses}

    def new(crossings: Sequence[tuple[float, float]]) -> int:
        return sum(weight[key] for key in set().union(*(rows[one] for one in crossings)))

    plan = await sited(engine, walk={"metres": REACH_M}, count=count)

    best = max(new(some) for some in combinations(CROSSINGS, count))
    assert plan["households"] == plan["bound"] == best
    assert plan["optimal"]
    chosen = [(round(x, -2), round(y, -2)) for x, y in spots(plan)]
    assert new(chosen) == best, "the sites are where that is so"
    total = sum(weight.values())
    before = sum(weight[key] for key in here)
    assert plan["shareAfter"] == pytest.approx((before + best) / total)


async def test_sites_are_on_the_land_that_is_asked_about(engine: AsyncEngine) -> None:
    # the western and the eastern half meet on the street at x = 600
    west = Land("community", "D0101", "D01", (-50.0, -50.0, 600.0, 1050.0))
    east = Land("community", "D0102", "D01", (600.0, -50.0, 1250.0, 1050.0))
    await build(engine, lands=[*TOWN[:2], west, east], houses=scattered_houses(), ways=BLOCKS)

    plan = await sited(
        engine, within={"level": "community", "code": "D0102"}, walk={"metres": 300.0}, count=50
    )

    assert len(plan["sites"]) > 5
    assert all(x > 600.0 for x, _ in spots(plan)), "not even on its border"
    ring = PLANE.inverse([(600.0, -50.0), (1250.0, -50.0), (1250.0, 1050.0), (600.0, 1050.0)])
    shown = shapely.points([site["location"]["coordinates"] for site in plan["sites"]])
    assert shapely.contains(shapely.Polygon(ring), shown).all()


async def test_a_gate_is_where_a_station_helps_those_behind_the_walls(engine: AsyncEngine) -> None:
    #            1000 ---- P ---- 1400      y = 450
    #              |   40 live here |       y = 400: 345 m from the gate
    #              |       gate     |       y = 55
    #      ========================== street, y = 0
    # From the street one would walk 55 m more to the gate: 360 m do for the gate alone.
    walls = Land("compound", "P", B, (1000.0, 50.0, 1400.0, 450.0))
    town = [*TOWN[:2], Land("community", B, "D01", TOWN[0].box), walls]
    await build(
        engine,
        lands=town,
        houses=[House("behind", (1200.0, 400.0), 40, compound="P"), House("by", (100.0, 5.0), 9)],
        points=[Stand("gate", (1200.0, 55.0), kind="gate", compound="P")],
        ways=(((0.0, 0.0), (1240.0, 0.0)),),
    )

    plan = await sited(engine, walk={"metres": 360.0}, count=2)

    assert near(spots(plan)[:1], [(1200.0, 55.0)])
    assert [site["newHouseholds"] for site in plan["sites"]] == [40, 9]


async def test_too_many_places_for_so_long_a_walk_are_thinned_or_refused(
    engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    houses = scattered_houses()
    await build(engine, lands=TOWN, houses=houses, ways=BLOCKS)
    # each crossing reaches less than half of the 80 houses: 400 pairs are more than 10 crossings
    monkeypatch.setattr("resolvers.siting_ground.MAX_PAIRS", 400)
    question = {"within": ALL, "walk": {"metres": REACH_M}, "count": 2}

    plan = await sited(engine, **question)

    assert 10 < plan["candidateCount"] < len(CROSSINGS)
    assert plan["candidateSpacingM"] > 100.0
    assert plan["households"] > 0

    given = [asked(crossing) for crossing in CROSSINGS]
    answer = await ask(engine, SITING, question | {"candidates": given})

    assert answer.codes() == ["TOO_COSTLY"]
    assert answer.errors[0]["extensions"]["argument"] == "candidates"


async def test_a_station_that_is_added_counts_in_the_next_plan(
    engine: AsyncEngine,
) -> None:
    await draw(engine)
    shared = Shared(engine)
    question = {"within": ALL, "walk": WALK, "count": 1}

    async def gains() -> list[int]:
        plan = (await told(engine, SITING, question, shared=shared))["siting"]
        return [site["newHouseholds"] for site in plan["sites"]]

    assert await gains() == [175]
    assert await gains() == [175]

    async with engine.begin() as connection:
        await add_point(connection, Stand("s3", (3500.0, 0.0)))

    assert await gains() == [150]


@pytest.mark.parametrize(
    ("share", "total", "number"),
    [(0.5, 10, 5), (0.51, 10, 6), (1.0, 7, 7), (0.1, 30, 3), (0.07, 100, 7), (1e-9, 5, 1)],
)
def test_a_share_is_reached_by_the_least_number_that_is_one(
    share: float, total: int, number: int
) -> None:
    assert needed(share, total) == number  # 0.07 * 100 is 7.000000000000001


async def test_the_units_of_all_sites_take_two_statements(
    engine: AsyncEngine, statements: list[str]
) -> None:
    await draw(engine)
    query = """query($within: UnitRef!, $count: Int) {
      siting(kinds: ["station"], within: $within, walk: {metres: 255}, count: $count) {
        sites { grid: unit(level: "grid") { code } compound: unit(level: "compound") { code } }
      }
    }"""
    statements.clear()
    await told(engine, query, {"within": ALL, "count": 1})
    for_one = len(statements)

    statements.clear()
    data = await told(engine, query, {"within": ALL, "count": 5})

    sites = data["siting"]["sites"]
    grids = [street.G4, street.G3, street.G4, street.G2, street.G2]
    assert [site["grid"]["code"] for site in sites] == grids
    assert all(site["compound"] is None for site in sites)
    assert len(statements) == for_one


# -- what cannot be meant ------------------------------------------------------------------------


REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"count": 0}, "BAD_INPUT", "count"),
    ({"count": 201}, "BAD_INPUT", "count"),
    ({"share": 0.0}, "BAD_INPUT", "share"),
    ({"share": 1.01}, "BAD_INPUT", "share"),
    ({"share": -0.5}, "BAD_INPUT", "share"),
    ({"count": 3, "share": 0.5}, "BAD_INPUT", "share"),
    ({"candidates": []}, "BAD_INPUT", "candidates"),
    ({"candidates": [{"lon": 200.0, "lat": 0.0}]}, "BAD_INPUT", "candidates[0]"),
    (
        {"candidates": [asked((100.0, 0.0)), asked((9000.0, 0.0))]},
        "BAD_INPUT",
        "candidates[1]",
    ),
    ({"candidates": [asked((100.0, 0.0))] * 2001}, "LIMIT_EXCEEDED", "candidates"),
    ({"walk": {"minutes": 0}}, "BAD_INPUT", "walk.minutes"),
    ({"within": {"level": "grid", "code": "nowhere"}}, "UNKNOWN", "within"),
    ({"within": {"level": "realm", "code": "D"}}, "UNKNOWN", "within"),
    ({"group": "giants"}, "UNKNOWN", "group"),
]


async def test_what_cannot_be_meant_is_refused_by_name(engine: AsyncEngine) -> None:
    await draw(engine)
    key = await make_key(engine, Role.EDITOR)

    for variables, code, argument in REFUSED:
        answer = await ask(engine, SITING, {"within": ALL, "walk": WALK} | variables, key=key)

        assert answer.data == {"siting": None}
        assert answer.codes() == [code], variables
        assert answer.errors[0]["extensions"]["argument"] == argument


async def test_where_nobody_lives_there_is_no_share_and_no_site(engine: AsyncEngine) -> None:
    await build(engine, lands=LANDS, houses=HOUSES[:10], points=STATIONS, ways=WAYS)

    plan = await sited(engine, within={"level": "community", "code": B})

    assert plan["sites"] == []
    assert plan["shareBefore"] is None
    assert plan["shareAfter"] is None
    assert (plan["households"], plan["bound"], plan["optimal"]) == (0, 0, True)
