"""How units are divided among others, and which were there before them.

One step is 0.01 degrees; (0, 0) is 104 E, 38 N. Every ring has a vertex at each sixth of a step,
so that all levels match vertex by vertex. Communities A and B, five grids; police beats are three
equal strips of A, and B::

    y=2 +-----+-----+-----+     +---+---+---+-----+
        | a3  | a4  |     |     |   |   |   |     |
    y=1 +-----+-----+ b1  |     | p1| p2| p3| o1  |
        | a1  | a2  |     |     |   |   |   |     |
    y=0 +-----+-----+-----+     +---+---+---+-----+
       x=0    1     2     3     0  2/3 4/3  2     3

Compound k1 lies in a1, half in p1 and half in p2. Edition 2 merges a1 and a2 to a9, splits a3 along
x = 1/2 into a3 and a5, calls a4 a8 and gives b1 another name.
"""

from __future__ import annotations

import datetime as dt
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from shapely import MultiPolygon, Point, Polygon
from sqlalchemy import insert, select, text, update

from geo.chain import chains
from geo.crs import LocalMetric
from geo.levels import LevelSpec, Tiling
from storage import editions
from storage.keys import Role
from storage.levels import replace_levels
from storage.models import Address, Outline, Unit
from storage.tallies import refresh
from tests.graphql import imported, world
from tests.graphql.asking import ask, told
from tests.graphql.world import array_of, stored
from tests.publishing.drawing import rectangle_m2

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

    from tests.databases import Databases

pytestmark = [pytest.mark.anyio, pytest.mark.postgis, pytest.mark.reads]

LEVELS = (
    LevelSpec("district", "区县", None, Tiling.TILES, 0),
    LevelSpec("community", "社区", "district", Tiling.TILES, 1),
    LevelSpec("grid", "网格", "community", Tiling.TILES, 2),
    LevelSpec("police", "警务", "community", Tiling.TILES, 3),
    LevelSpec("compound", "小区", "community", Tiling.DISJOINT, 4),
)
METRIC = LocalMetric(104.015, 38.01)
DAYS = (dt.date(2025, 1, 1), dt.date(2026, 1, 1))
THIRD = Fraction(1, 3)
HALF = Fraction(1, 2)

Box = tuple[Fraction | int, Fraction | int, Fraction | int, Fraction | int]

GRIDS: dict[str, Box] = {
    "a1": (0, 0, 1, 1),
    "a2": (1, 0, 2, 1),
    "a3": (0, 1, 1, 2),
    "a4": (1, 1, 2, 2),
}
BEATS: dict[str, Box] = {
    "p1": (0, 0, 2 * THIRD, 2),
    "p2": (2 * THIRD, 0, 4 * THIRD, 2),
    "p3": (4 * THIRD, 0, 2, 2),
}
K1: Box = (HALF, THIRD, HALF + THIRD, 2 * THIRD)

HOMES: dict[str, tuple[Fraction | int | float, Fraction | int | float, int]] = {
    "inside": (0.1, 0.1, 1),  # a1, p1
    "grid border": (1, HALF, 2),  # of a1 and a2: a1; p2
    "corner": (1, 1, 4),  # of four grids: a1; p2
    "beat border": (2 * THIRD, 1.5, 8),  # a3; of p1 and p2: p1
    "community border": (2, HALF, 16),  # of a2 and b1: a2, so in A; of o1 and p3: o1, of B
    "in b": (2.5, 1.5, 32),  # b1, o1
    "in k1": (0.75, 0.5, 64),  # a1, p2; in k1
    "names k1": (0.55, 0.4, 128),  # a1, p1; names k1 and lies in it
}


def ring(box: Box) -> list[tuple[float, float]]:
    """Return the ring of a box, counter-clockwise, with a vertex at each sixth of a step."""
    west, south, east, north = (round(side * 6) for side in box)
    corners = [(west, south), (east, south), (east, north), (west, north), (west, south)]
    points = [
        (x0 + (x1 > x0) * k - (x1 < x0) * k, y0 + (y1 > y0) * k - (y1 < y0) * k)
        for (x0, y0), (x1, y1) in pairwise(corners)
        for k in range(abs(x1 - x0) + abs(y1 - y0))
    ]
    return [lonlat(Fraction(x, 6), Fraction(y, 6)) for x, y in [*points, points[0]]]


def lonlat(x: Fraction | float, y: Fraction | float) -> tuple[float, float]:
    """Return the degrees of a place in the drawing."""
    return round(104 + float(x) / 100, 9), round(38 + float(y) / 100, 9)


def on_ground_m2(box: Box) -> float:
    """Return the land of a box on the ellipsoid, closed form."""
    # that drawing begins at 114 E, 30 N and has steps of 1e-5 degrees; longitude is no matter
    west, south, east, north = (float(side) * 1000 for side in box)
    return rectangle_m2((west, south + 8e5, east, north + 8e5))


async def draw(
    connection: AsyncConnection,
    edition: int,
    level: str,
    units: Mapping[str, Box],
    *,
    parent: str | None = None,
    name: str = "",
    **more: object,
) -> None:
    """Let boxes stand on a level from an edition on."""
    for code, box in units.items():
        shape = MultiPolygon([Polygon(ring(box))])
        await connection.execute(
            insert(Unit).values(
                level=level,
                code=code,
                name=name,
                parent_code=parent,
                geom=stored(shape),
                chain=int(chains(array_of([shape]))[0]),
                area_m2=float(METRIC.area_m2(array_of([shape]))[0]),
                first_edition=edition,
                **{"since_edition": edition, "drawn_edition": edition} | more,
            )
        )


async def end(connection: AsyncConnection, edition: int, *codes: str) -> None:
    """Let grids stand until the edition before."""
    await connection.execute(
        update(Unit)
        .where(Unit.code.in_(codes), Unit.last_edition.is_(None))
        .values(last_edition=edition - 1)
    )


async def next_edition(connection: AsyncConnection, *levels: str) -> int:
    last = await editions.newest(connection)
    return await editions.open_edition(
        connection,
        effective_on=DAYS[last.number if last else 0],
        published_by="test",
        levels=levels,
    )


async def build(engine: AsyncEngine) -> None:
    """Draw the city, in two editions."""
    async with engine.begin() as connection:
        await replace_levels(connection, LEVELS)
        first = await next_edition(connection, "district", "community", "grid", "police")
        await draw(connection, first, "district", {"d": (0, 0, 3, 2)})
        outline = MultiPolygon([Polygon(ring((0, 0, 3, 2)))])
        await connection.execute(
            insert(Outline).values(
                geom=stored(outline),
                chain=int(chains(array_of([outline]))[0]),
                lon0=METRIC.lon0,
                lat0=METRIC.lat0,
                first_edition=first,
            )
        )
        await draw(connection, first, "community", {"A": (0, 0, 2, 2)}, parent="d")
        await draw(connection, first, "community", {"B": (2, 0, 3, 2)}, parent="d")
        await draw(connection, first, "grid", GRIDS, parent="A")
        await draw(connection, first, "grid", {"b1": (2, 0, 3, 2)}, parent="B")
        await draw(connection, first, "police", BEATS, parent="A")
        await draw(connection, first, "police", {"o1": (2, 0, 3, 2)}, parent="B")
        await draw(connection, first, "compound", {"k1": K1}, parent="A")
        for key, (x, y, households) in HOMES.items():
            await connection.execute(
                insert(Address).values(
                    key=key,
                    geom=stored(Point(*lonlat(x, y))),
                    households=households,
                    people=households,
                    groups={},
                    compound_code="k1" if key == "names k1" else None,
                    first_edition=first,
                )
            )
        await refresh(connection, first, levels=None, boxes=None)

        second = await next_edition(connection, "grid")
        await end(connection, second, "a1", "a2", "a3", "a4", "b1")
        await draw(connection, second, "grid", {"a9": (0, 0, 2, 1)}, parent="A")
        await draw(connection, second, "grid", {"a3": (0, 1, HALF, 2)}, parent="A")
        await draw(connection, second, "grid", {"a5": (HALF, 1, 1, 2)}, parent="A")
        await draw(connection, second, "grid", {"a8": (1, 1, 2, 2)}, parent="A", drawn_edition=1)
        await draw(
            connection, second, "grid", {"b1": (2, 0, 3, 2)}, parent="B", name="b", drawn_edition=1
        )
        await refresh(connection, second, levels=["grid"], boxes=None)


@pytest.fixture(scope="session")
def city_template(databases: Databases) -> str:
    """Draw the city once."""
    return databases.built("drawn_city", build)


@pytest.fixture
def city(city_template: str, engine: AsyncEngine) -> AsyncEngine:
    """Give the drawing, in two editions."""
    del city_template  # it is copied
    return engine


async def shares(
    city: AsyncEngine, level: str, code: str, to: str, day: dt.date = DAYS[0]
) -> dict[str, tuple[float, float | None, int, float | None]]:
    """Return (m2, share of land, households, share of households) by code, in their order."""
    field = f'crosswalk(to: "{to}")' if to else "predecessors"
    data = await told(
        city,
        f"""{{ unit(level: "{level}", code: "{code}", asOf: "{day}") {{ shares: {field} {{
            unit {{ code }} areaM2 areaShare households householdShare }} }} }}""",
    )
    return {
        one["unit"]["code"]: (
            one["areaM2"],
            one["areaShare"],
            one["households"],
            one["householdShare"],
        )
        for one in data["unit"]["shares"]
    }


def near(value: float) -> Any:  # noqa: ANN401 - pytest's own type is private
    """Return a share or an area as the projection's straight edges keep it."""
    return pytest.approx(value, rel=1e-5)


async def test_a_square_is_two_thirds_in_one_strip_and_one_third_in_the_next(
    city: AsyncEngine,
) -> None:
    square_m2 = on_ground_m2(GRIDS["a1"])

    found = await shares(city, "grid", "a1", "police")

    # inside 1 and names k1 128 in p1; grid border 2, corner 4, in k1 64 in p2
    assert found == {
        "p1": (near(square_m2 * 2 / 3), near(2 / 3), 129, near(129 / 199)),
        "p2": (near(square_m2 / 3), near(1 / 3), 70, near(70 / 199)),
    }
    assert list(found) == ["p1", "p2"], "largest first"


async def test_a_strip_is_divided_among_four_squares_by_their_land_on_the_ground(
    city: AsyncEngine,
) -> None:
    whole = on_ground_m2(BEATS["p2"])
    south, north = on_ground_m2((1, 0, 4 * THIRD, 1)), on_ground_m2((1, 1, 4 * THIRD, 2))

    found = await shares(city, "police", "p2", "grid")

    assert {code: share[:2] for code, share in found.items()} == {
        "a1": (near(south), near(south / whole)),
        "a2": (near(south), near(south / whole)),
        "a3": (near(north), near(north / whole)),
        "a4": (near(north), near(north / whole)),
    }
    # the home in the corner of all four, the one on the border and the one in k1: all of a1
    assert {code: share[2:] for code, share in found.items()} == {
        "a1": (70, 1.0),
        "a2": (0, 0.0),
        "a3": (0, 0.0),
        "a4": (0, 0.0),
    }


async def test_a_unit_is_divided_among_those_below_at_any_depth(city: AsyncEngine) -> None:
    among = await shares(city, "district", "d", "grid")

    land = {code: on_ground_m2(box) for code, box in {**GRIDS, "b1": (2, 0, 3, 2)}.items()}
    assert {code: share[1] for code, share in among.items()} == {
        code: near(m2 / sum(land.values())) for code, m2 in land.items()
    }
    assert next(iter(among)) == "b1", "largest first"
    assert {code: share[2] for code, share in among.items()} == {
        "a1": 199,
        "a2": 16,
        "a3": 8,
        "a4": 0,
        "b1": 32,
    }


async def test_a_unit_lies_wholly_in_those_above_it(city: AsyncEngine) -> None:
    for above, code in (("community", "A"), ("district", "d"), ("grid", "a1")):
        [(name, share)] = (await shares(city, "grid", "a1", above)).items()
        assert (name, share) == (code, (near(on_ground_m2(GRIDS["a1"])), 1.0, 199, 1.0))


async def test_a_home_on_a_border_of_communities_counts_once_on_each_side_of_the_tree(
    city: AsyncEngine,
) -> None:
    # By its grid the home on the communities' border is one of A, by its beat one of B.
    land = {code: on_ground_m2(box) for code, box in BEATS.items()}

    found = await shares(city, "community", "A", "police")

    assert {code: (share[1], share[2]) for code, share in found.items()} == {
        "p1": (near(land["p1"] / sum(land.values())), 1 + 8 + 128),
        "p2": (near(land["p2"] / sum(land.values())), 2 + 4 + 64),
        "p3": (near(land["p3"] / sum(land.values())), 0),
        "o1": (0.0, 16),
    }
    assert sum(share[3] or 0 for share in found.values()) == pytest.approx(1, rel=1e-12)
    [only] = (await shares(city, "community", "B", "police")).items()
    assert only[1][2:] == (32, 1.0)


async def test_compounds_count_the_homes_that_name_them_or_lie_in_them(city: AsyncEngine) -> None:
    compound_m2 = on_ground_m2(K1)

    of_grid = await shares(city, "grid", "a1", "compound")
    of_compound = await shares(city, "compound", "k1", "police")

    share = compound_m2 / on_ground_m2(GRIDS["a1"])
    assert of_grid == {
        "k1": (near(compound_m2), near(share), 192, near(192 / 199)),
    }
    assert of_compound == {
        "p1": (near(compound_m2 / 2), near(0.5), 128, near(128 / 192)),
        "p2": (near(compound_m2 / 2), near(0.5), 64, near(64 / 192)),
    }
    assert (await shares(city, "compound", "k1", "community"))["A"][1:] == (1.0, 192, 1.0)
    assert await shares(city, "grid", "a2", "compound") == {}


EVERY = """{ units(level: "%s", first: 1000, asOf: "2025-06-01") { nodes { code households
    crosswalk(to: "%s") { unit { code } areaM2 areaShare households householdShare } } } }"""

OVERLAY = """
SELECT u.code, t.code, ST_Area(geography(ST_Intersection(u.geom, t.geom))),
       ST_Area(geography(u.geom))
FROM unit u JOIN unit t ON t.level = :to AND ST_Relate(u.geom, t.geom, 'T********')
WHERE u.level = :level AND u.first_edition = 1 AND t.first_edition = 1
"""


@pytest.mark.parametrize("to", ["district", "community", "grid", "police"])
@pytest.mark.parametrize("level", ["district", "community", "grid", "police", "compound"])
@pytest.mark.writes
async def test_shares_add_up_to_one_and_are_those_of_an_overlay_in_postgis(
    city: AsyncEngine, level: str, to: str
) -> None:
    async with city.connect() as connection:
        rows = await connection.execute(text(OVERLAY), {"level": level, "to": to})
        expected = {(code, other): (m2, of_m2) for code, other, m2, of_m2 in rows}

    data = await told(city, EVERY % (level, to))

    found: dict[tuple[str, str], float] = {}
    for unit in data["units"]["nodes"]:
        parts = unit["crosswalk"]
        assert sum(part["areaShare"] for part in parts) == pytest.approx(1, rel=1e-9)
        assert sum(part["households"] for part in parts) == unit["households"]
        if unit["households"]:
            shared = sum(part["householdShare"] for part in parts)
            assert shared == pytest.approx(1, rel=1e-12)
        else:
            assert {part["householdShare"] for part in parts} == {None}
        found |= {
            (unit["code"], part["unit"]["code"]): part["areaM2"]
            for part in parts
            if part["areaM2"] > 0
        }
    assert set(found) == set(expected)
    for pair, (m2, _) in expected.items():
        assert found[pair] == pytest.approx(m2, rel=1e-5), pair


@pytest.mark.writes
async def test_a_level_without_units_has_no_shares_and_one_without_a_name_is_unknown(
    city: AsyncEngine,
) -> None:
    async with city.begin() as connection:
        await replace_levels(connection, [*LEVELS, LevelSpec("party", "", "grid", Tiling.TILES, 5)])

    assert await shares(city, "grid", "a1", "party") == {}
    wrong = await ask(
        city,
        '{ unit(level: "grid", code: "a9") { code crosswalk(to: "ward") { areaM2 } } }',
    )
    assert wrong.codes() == ["UNKNOWN"]
    assert "district, community, grid, police, compound" in wrong.errors[0]["message"]


async def test_shares_are_those_of_the_day(city: AsyncEngine) -> None:
    before = await shares(city, "police", "p1", "grid", DAYS[0])
    after = await shares(city, "police", "p1", "grid", DAYS[1])

    assert set(before) == {"a1", "a3"}
    assert set(after) == {"a9", "a3", "a5"}
    assert after["a3"][1] == near(on_ground_m2((0, 1, HALF, 2)) / on_ground_m2(BEATS["p1"])), (
        "half a step of two thirds, the northern half"
    )


@pytest.mark.writes
async def test_slivers_of_a_border_that_runs_beside_another_are_left_out(
    city: AsyncEngine,
) -> None:
    # p3 by a nanodegree (0.1 mm) to the east, into b1: 0.2 m2 of more than a square kilometre
    async with city.begin() as connection:
        await connection.execute(
            text("UPDATE unit SET geom = ST_Multi(ST_Translate(geom, 1e-9, 0)) WHERE code = 'p3'")
        )

    found = await shares(city, "police", "p3", "grid")

    assert set(found) == {"a2", "a4"}
    assert sum(share[1] or 0 for share in found.values()) == pytest.approx(1, rel=1e-9)


# --- what was there before ------------------------------------------------------------------------


async def test_merged_split_recoded_and_renamed_units_name_what_they_come_from(
    city: AsyncEngine,
) -> None:
    land = {code: on_ground_m2(box) for code, box in GRIDS.items()}

    merged = await shares(city, "grid", "a9", "", DAYS[1])
    split = {code: await shares(city, "grid", code, "", DAYS[1]) for code in ("a3", "a5")}
    recoded = await shares(city, "grid", "a8", "", DAYS[1])
    renamed = await shares(city, "grid", "b1", "", DAYS[1])

    # the home in the corner is one of a5 now, of which a3 is all that was before
    assert merged == {
        "a1": (near(land["a1"]), near(0.5), 195, near(195 / 211)),
        "a2": (near(land["a2"]), near(0.5), 16, near(16 / 211)),
    }
    assert split["a3"] == {"a3": (near(land["a3"] / 2), 1.0, 0, None)}
    assert split["a5"] == {"a3": (near(land["a3"] / 2), 1.0, 8 + 4, 1.0)}
    assert recoded == {"a4": (near(land["a4"]), 1.0, 0, None)}
    assert renamed == {"b1": (near(on_ground_m2((2, 0, 3, 2))), 1.0, 32, 1.0)}


async def test_predecessors_stand_in_the_edition_before(city: AsyncEngine) -> None:
    data = await told(
        city,
        """{ unit(level: "grid", code: "b1") { name predecessors { unit {
            name until { number } predecessors { areaM2 } parent { code } } } } }""",
    )

    [before] = data["unit"]["predecessors"]
    assert data["unit"]["name"] == "b"
    assert before["unit"] == {
        "name": "",
        "until": {"number": 1},
        "predecessors": [],
        "parent": {"code": "B"},
    }


@pytest.mark.writes
async def test_nodes_and_other_levels_make_no_predecessors(city: AsyncEngine) -> None:
    async with city.begin() as connection:  # p1 received nodes in edition 2: the same version
        known = await connection.scalar(select(Unit.id).where(Unit.code == "p1"))
        await end(connection, 2, "p1")
        await draw(
            connection,
            2,
            "police",
            {"p1": BEATS["p1"]},
            parent="A",
            id=known,
            since_edition=1,
            drawn_edition=1,
        )

    assert await shares(city, "police", "p1", "", DAYS[1]) == {}
    assert await shares(city, "community", "A", "", DAYS[1]) == {}


@pytest.mark.writes
async def test_ground_that_had_no_unit_has_no_predecessors(city: AsyncEngine) -> None:
    async with city.begin() as connection:
        await draw(connection, 2, "compound", {"k2": (2 + THIRD, 0, 3, 1)}, parent="B")
        await draw(
            connection, 2, "compound", {"k3": (HALF + THIRD, THIRD, 1, 2 * THIRD)}, parent="A"
        )

    assert await shares(city, "compound", "k2", "", DAYS[1]) == {}
    assert await shares(city, "compound", "k3", "", DAYS[1]) == {}, "it touches k1, no more"


@pytest.mark.writes
async def test_homes_are_those_of_today_by_the_ground_of_before(city: AsyncEngine) -> None:
    async with city.begin() as connection:  # a home that came with edition 2, on what was a2
        await connection.execute(
            insert(Address).values(
                key="new",
                geom=stored(Point(*lonlat(1.5, 0.5))),
                households=100,
                people=100,
                groups={},
                first_edition=2,
            )
        )
        await refresh(connection, 2, levels=None, boxes=None)

    found = await shares(city, "grid", "a9", "", DAYS[1])

    assert {code: share[2] for code, share in found.items()} == {"a1": 195, "a2": 116}


# --- drafts ---------------------------------------------------------------------------------------


async def drafted(city: AsyncEngine, units: Sequence[tuple[str, Box]]) -> Any:  # noqa: ANN401 - JSON
    """Return the units of a draft of A's grids, with their shares."""
    key = await world.make_key(city, Role.EDITOR)
    rows = [(code, "A", tuple(float(side) for side in box)) for code, box in units]
    draft = await imported.add_draft(
        city,
        within=("community", "A"),
        units=rows,  # type: ignore[arg-type] # boxes of four sides
        findings=False,
    )
    answer = await told(
        city,
        """{ drafts { nodes { units { nodes { code
            predecessors { unit { code } areaShare households householdShare }
            crosswalk(to: "police") { unit { code } areaShare households } } } } } }""",
        key=key,
    )
    assert draft > 0
    return answer["drafts"]["nodes"][0]["units"]["nodes"]


@pytest.mark.writes
async def test_units_of_a_draft_come_after_those_of_the_base_edition(city: AsyncEngine) -> None:
    [south, north] = await drafted(city, [("n1", (0, 0, 2, HALF)), ("n2", (0, HALF, 2, 2))])

    assert [(one["unit"]["code"], one["areaShare"]) for one in south["predecessors"]] == [
        ("a9", pytest.approx(1, rel=1e-9))
    ]
    # inside 1 and names k1 128; those at y = 1/2 on the border of both: n1
    assert [one["households"] for one in south["predecessors"]] == [1 + 128 + 2 + 16 + 64]
    rest = on_ground_m2((0, HALF, 2, 2))
    assert {one["unit"]["code"]: one["areaShare"] for one in north["predecessors"]} == {
        "a9": near(on_ground_m2((0, HALF, 2, 1)) / rest),
        "a8": near(on_ground_m2((1, 1, 2, 2)) / rest),
        "a3": near(on_ground_m2((0, 1, HALF, 2)) / rest),
        "a5": near(on_ground_m2((HALF, 1, 1, 2)) / rest),
    }
    assert {one["unit"]["code"]: one["households"] for one in north["crosswalk"]} == {
        "p1": 8,
        "p2": 4,
        "p3": 0,
    }


@pytest.mark.writes
async def test_a_twisted_unit_of_a_draft_has_the_shares_of_its_land(city: AsyncEngine) -> None:
    await drafted(city, [("n1", (0, 0, 1, 1))])
    async with city.begin() as connection:
        await connection.execute(
            text(
                "UPDATE draft_unit SET geom = ST_GeomFromText('MULTIPOLYGON(((104 38, 104.01 38.01,"
                " 104.01 38, 104 38.01, 104 38)))', 4326)"
            )
        )

    [twisted] = await drafted(city, [("n9", (0, 0, 1, 1))])

    assert twisted["predecessors"][0]["unit"]["code"] == "a9"


# --- cost -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("level", "field", "count"),
    [
        # the levels with units; the land; the households; the other units
        ("grid", 'crosswalk(to: "police")', 4),
        ("police", 'crosswalk(to: "grid")', 4),
        ("community", 'crosswalk(to: "police")', 4),
        # land and households come with the units below, or with those above
        ("community", 'crosswalk(to: "grid")', 3),
        ("grid", 'crosswalk(to: "district")', 3),
        ("grid", "predecessors", 4),
    ],
)
async def test_a_list_of_units_asks_as_often_as_one_unit(
    city: AsyncEngine, statements: list[str], level: str, field: str, count: int
) -> None:
    more = "{ unit { code households } areaShare households }"
    counts = []
    for first in (1, 100):
        statements.clear()
        await told(city, f'{{ units(level: "{level}", first: {first}) {{ nodes {{ code }} }} }}')
        without = len(statements)
        statements.clear()
        query = f'{{ units(level: "{level}", first: {first}) {{ nodes {{ {field} {more} }} }} }}'
        await told(city, query)
        # the outline's centre is asked for where land is measured
        asked = [one for one in statements if "FROM outline" not in one]
        counts.append(len(asked) - without)

    assert counts == [count, count]


async def test_a_unit_divided_among_too_many_is_refused(
    city: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resolvers.shares.MAX_SHARES", 2)

    for level, code, to in (("community", "A", "grid"), ("community", "A", "police")):
        query = f"""{{ unit(level: "{level}", code: "{code}") {{
            crosswalk(to: "{to}") {{ areaM2 }} }} }}"""
        assert (await ask(city, query)).codes() == ["LIMIT_EXCEEDED"]
