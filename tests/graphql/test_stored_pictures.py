"""Simplified units: made once for an edition and a step, whoever asks."""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from typing import TYPE_CHECKING, Any

import pytest
import shapely
from shapely.geometry import shape
from sqlalchemy import func, insert, select, text

import resolvers.pictures as serving
from geo.simplify import simplify_together
from storage import pictures
from storage.engine import make_engine
from storage.keys import Role
from storage.models import Edition, Picture, PictureStep
from tests.graphql import imported, world
from tests.graphql.asking import ask, told
from tests.graphql.world import C1, C3, G11, G12, G31, D, lonlat

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

    from geo.crs import LocalMetric

pytestmark = pytest.mark.anyio

FRAME = 2
"""The levels and the edition, once a request."""


def asking(level: str, code: str, tolerance_m: float, day: str = "2026-11-22") -> str:
    return (
        f'{{ unit(level: "{level}", code: "{code}", asOf: "{day}") '
        f"{{ geometry(toleranceM: {tolerance_m}) }} }}"
    )


async def corners(
    engine: AsyncEngine, level: str, code: str, tolerance_m: float, day: str = "2026-11-22"
) -> set[tuple[float, float]]:
    """Return the vertices of a unit as it is drawn."""
    data = await told(engine, asking(level, code, tolerance_m, day))
    return {(x, y) for x, y in shapely.get_coordinates(shape(data["unit"]["geometry"])).tolist()}


async def kept(engine: AsyncEngine) -> list[tuple[int, int]]:
    """Return the editions and steps whose pictures are stored."""
    query = select(PictureStep.edition, PictureStep.step_mm).order_by(*PictureStep.__table__.c)
    async with engine.connect() as connection:
        return [(edition, step) for edition, step in await connection.execute(query)]


async def stored_rows(engine: AsyncEngine) -> int:
    async with engine.connect() as connection:
        return int(await connection.scalar(select(func.count()).select_from(Picture)) or 0)


@pytest.fixture
async def elsewhere(town: AsyncEngine, database_url: str) -> AsyncIterator[AsyncEngine]:
    """Give the engine of a second process on the same database."""
    del town
    made = make_engine(database_url)
    try:
        yield made
    finally:
        await made.dispose()


@pytest.fixture
def makings(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """Give the list of the editions and steps that are made from now on."""
    seen: list[tuple[int, int]] = []
    write = pictures.write

    async def noted(connection: AsyncConnection, edition: int, step_mm: int, *rest: Any) -> None:  # noqa: ANN401 - passed on
        seen.append((edition, step_mm))
        await write(connection, edition, step_mm, *rest)

    monkeypatch.setattr(pictures, "write", noted)
    return seen


@pytest.fixture
def crowd(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Let drawing take a while; give the list of how many draw at the moment one begins."""
    seen: list[int] = []
    busy = [0]
    simplify = simplify_together

    def slowly(
        geoms: NDArray[Any], metric: LocalMetric, tolerance_m: float
    ) -> NDArray[Any]:  # objects
        busy[0] += 1
        seen.append(busy[0])
        time.sleep(0.1)
        busy[0] -= 1
        return simplify(geoms, metric, tolerance_m)

    monkeypatch.setattr(serving, "simplify_together", slowly)
    return seen


# --- one picture for all --------------------------------------------------------------------------


async def test_what_one_process_made_the_next_one_reads(
    town: AsyncEngine, elsewhere: AsyncEngine, makings: list[tuple[int, int]]
) -> None:
    first = await corners(town, "grid", G31, 50)
    second = await corners(elsewhere, "grid", G31, 50)
    above = await corners(elsewhere, "community", C3, 50)

    assert makings == [(2, 50_000)], "all levels at once"
    # the half steps of its sides are gone, but for the corner of the grids of C1
    assert first == second == {lonlat(*xy) for xy in ((2, 0), (4, 0), (4, 1), (2, 1), (2, 0.5))}
    assert above == first | {lonlat(4, 2), lonlat(2, 2)}


async def test_a_step_serves_all_tolerances_up_to_the_next(
    town: AsyncEngine, makings: list[tuple[int, int]]
) -> None:
    query = (
        f'{{ unit(level: "grid", code: "{G31}") {{ a: geometry(toleranceM: 50) '
        "b: geometry(toleranceM: 60) c: geometry(toleranceM: 99.9) d: geometry(toleranceM: 20) } }"
    )

    unit = (await told(town, query))["unit"]

    assert unit["a"] == unit["b"] == unit["c"]
    assert sorted(makings) == [(2, 20_000), (2, 50_000)]


async def test_editions_have_their_own_pictures(
    town: AsyncEngine, makings: list[tuple[int, int]]
) -> None:
    rim = {lonlat(*xy) for xy in ((0, 0), (2, 0), (4, 0), (4, 1), (4, 2), (2, 2), (1, 2), (0, 2))}

    before = await corners(town, "district", D, 50, "2025-06-01")
    after = await corners(town, "district", D, 50, "2026-06-01")

    # the grids of C1 meet the rim at x = 1 before, at y = 0.5 after
    assert before == rim | {lonlat(1, 0), lonlat(0, 1)}
    assert after == rim | {lonlat(0, 0.5), lonlat(0, 1)}
    assert makings == [(1, 50_000), (2, 50_000)]


async def test_many_who_ask_at_once_wait_for_one(
    town: AsyncEngine, elsewhere: AsyncEngine, makings: list[tuple[int, int]], crowd: list[int]
) -> None:
    engines = [town, elsewhere] * 4

    answers = await asyncio.gather(*(corners(engine, "grid", G31, 50) for engine in engines))

    assert makings == [(2, 50_000)]
    assert crowd == [1, 1], "the levels that tile, and the compounds"
    assert all(answer == answers[0] for answer in answers)


async def test_steps_are_made_one_after_another(
    town: AsyncEngine, elsewhere: AsyncEngine, makings: list[tuple[int, int]], crowd: list[int]
) -> None:
    await asyncio.gather(
        *(corners(engine, "grid", G31, step) for engine in (town, elsewhere) for step in (20, 50))
    )

    assert sorted(makings) == [(2, 20_000), (2, 50_000)]
    assert max(crowd) == 1


async def test_neighbours_and_parents_share_a_border(town: AsyncEngine) -> None:
    # a border that zigzags by 22 m, of two grids and of their communities
    border = [(110.01 + 0.0002 * (k % 2), 30 + 0.001 * k) for k in range(11)]
    left = shapely.Polygon([(110, 30), *border, (110, 30.01)])
    right = shapely.Polygon([(110.02, 30), (110.02, 30.01), *reversed(border)])
    for level in ("grid", "community"):
        for code, ring in (("L", left), ("R", right)):
            await world.add_unit(town, level, code, shapely.MultiPolygon([ring]))

    drawn: dict[str, BaseGeometry] = {}
    for level in ("grid", "community"):
        query = f'{{ units(level: "{level}", codes: ["L", "R"]) {{ nodes {{ '
        data = await told(town, f"{query} code geometry(toleranceM: 200) }} }} }}")
        nodes = data["units"]["nodes"]
        drawn |= {f"{level} {node['code']}": shape(node["geometry"]) for node in nodes}

    assert drawn["grid L"] == drawn["community L"]
    assert drawn["grid R"] == drawn["community R"]
    assert drawn["grid L"].equals(shapely.box(110, 30, 110.01, 30.01))
    assert drawn["grid R"].equals(shapely.box(110.01, 30, 110.02, 30.01))


# --- a cache and no more --------------------------------------------------------------------------


async def test_pictures_that_are_gone_are_made_again(
    town: AsyncEngine, makings: list[tuple[int, int]]
) -> None:
    first = await corners(town, "grid", G31, 50)
    await world.run(town, text("TRUNCATE picture_step CASCADE"))  # as a crash does

    assert await corners(town, "grid", G31, 50) == first
    assert makings == [(2, 50_000)] * 2


async def test_pictures_that_vanish_at_once_are_not_waited_for(
    town: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nothing(*_: object) -> dict[int, bytes]:
        return {}

    monkeypatch.setattr(pictures, "read", nothing)

    # as it is stored, with a vertex at each half step
    assert len(await corners(town, "grid", G31, 50)) == 12


async def _fail(connection: AsyncConnection) -> None:
    del connection
    raise RuntimeError("the process ends here")


async def _lose(connection: AsyncConnection) -> None:
    await connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))


@pytest.mark.parametrize("end", [_fail, _lose])
async def test_a_making_that_is_cut_short_leaves_nothing(
    town: AsyncEngine,
    elsewhere: AsyncEngine,
    monkeypatch: pytest.MonkeyPatch,
    end: Callable[[AsyncConnection], Any],
) -> None:
    write = pictures.write

    async def then_end(connection: AsyncConnection, *rest: Any) -> None:  # noqa: ANN401 - passed on
        await write(connection, *rest)
        await end(connection)

    monkeypatch.setattr(pictures, "write", then_end)
    answer = await ask(town, asking("grid", G31, 50))
    assert answer.errors
    assert await kept(town) == []
    assert await stored_rows(town) == 0

    monkeypatch.setattr(pictures, "write", write)
    assert len(await corners(elsewhere, "grid", G31, 50)) == 5


async def test_who_waits_takes_over_from_who_fails(
    town: AsyncEngine, elsewhere: AsyncEngine, monkeypatch: pytest.MonkeyPatch, crowd: list[int]
) -> None:
    write, failures = pictures.write, [RuntimeError("the first one fails")]

    async def fail_once(connection: AsyncConnection, *rest: Any) -> None:  # noqa: ANN401 - passed on
        await write(connection, *rest)
        if failures:
            raise failures.pop()

    monkeypatch.setattr(pictures, "write", fail_once)
    query = asking("grid", G31, 50)

    # the fast way asks once more where something fails
    answers = await asyncio.gather(*(ask(one, query, fast=False) for one in (town, elsewhere)))

    assert sorted(bool(answer.errors) for answer in answers) == [False, True]
    assert len(crowd) == 4
    assert await kept(town) == [(2, 50_000)]


async def test_pictures_of_three_editions_are_kept(town: AsyncEngine) -> None:
    for number in (3, 4, 5):
        day = dt.date(2026, number, 1)
        values = {"number": number, "effective_on": day, "published_by": "town hall"}
        await world.run(town, insert(Edition).values(values))
    days = {1: "2025-06-01", 2: "2026-02-01"} | {n: f"2026-0{n}-15" for n in (3, 4, 5)}

    async def see(edition: int, tolerance_m: float = 50) -> list[int]:
        await corners(town, "grid", G31, tolerance_m, days[edition])
        return sorted({number for number, _ in await kept(town)})

    assert await see(1) == [1]
    assert await see(2) == [1, 2]
    assert await see(3) == [1, 2, 3]
    assert await see(4) == [2, 3, 4]
    # an old edition takes the place of the oldest of the others, and is seen all the same
    assert await see(1) == [1, 3, 4]
    assert await see(5) == [3, 4, 5]
    assert await see(4, 20) == [3, 4, 5], "its own steps are no other edition's"
    assert await see(4) == [3, 4, 5]
    assert await kept(town) == [(3, 50_000), (4, 20_000), (4, 50_000), (5, 50_000)]
    standing = await stored_rows(town) / 4
    assert standing == len([unit for unit in world.UNITS if unit.last is None])


async def test_an_edition_may_be_too_large(
    town: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "MAX_VERTICES", 100)

    answer = await ask(town, asking("grid", G31, 50))

    assert answer.codes() == ["TOO_COSTLY"]
    assert "edition 2 has more than 100 vertices" in answer.errors[0]["message"]
    assert await kept(town) == []


# --- what needs no stored picture -----------------------------------------------------------------


async def test_below_the_lowest_step_a_unit_is_drawn_as_stored(
    town: AsyncEngine, makings: list[tuple[int, int]]
) -> None:
    stored = await corners(town, "grid", G31, 0)

    assert stored == await corners(town, "grid", G31, 0.099)
    # two steps by one, with a vertex at each half step
    assert stored == {
        lonlat(2 + x / 2, y / 2) for x in range(5) for y in range(3) if x in {0, 4} or y in {0, 2}
    }
    assert makings == []


async def test_units_of_a_draft_are_drawn_without_being_kept(
    town: AsyncEngine, makings: list[tuple[int, int]]
) -> None:
    key = await world.make_key(town, Role.EDITOR)
    rows = [(G11, C1, (0, 0, 1, 1)), (G12, C1, (1, 0, 2, 1))]
    await imported.add_draft(town, units=rows)
    query = "{ drafts { nodes { units { nodes { code geometry(toleranceM: 50) } } } } }"

    data = await told(town, query, key=key)

    nodes = data["drafts"]["nodes"][0]["units"]["nodes"]
    found = {node["code"]: shape(node["geometry"]) for node in nodes}
    for code, west in ((G11, 0), (G12, 1)):
        box = [lonlat(west + x, y) for x, y in ((0, 0), (1, 0), (1, 1), (0, 1))]
        assert found[code].normalize() == shapely.MultiPolygon([shapely.Polygon(box)]).normalize()
    assert makings == []


# --- statements -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "query",
    [
        'units(level: "grid") { nodes { code geometry(toleranceM: 50) } }',
        'units(level: "grid") { nodes { a: geometry(toleranceM: 50) '
        "b: geometry(toleranceM: 70) } }",
        'units(level: "grid") { featureCollection(toleranceM: 50) }',
        'units(level: "grid") { nodes { code geometry(toleranceM: 0) } }',
        'units(level: "grid", first: 1) { nodes { geometry(toleranceM: 50, datum: GCJ02) } }',
    ],
)
async def test_the_pictures_of_a_page_are_one_statement(
    town: AsyncEngine, statements: list[str], query: str
) -> None:
    await corners(town, "district", D, 50)
    statements.clear()

    await told(town, f"{{ {query} }}")

    assert len(statements) == FRAME + 2, "the page, and its pictures"


async def test_pictures_below_many_units_are_one_statement(
    town: AsyncEngine, statements: list[str]
) -> None:
    query = """{ units(level: "community") { nodes { geometry(toleranceM: 50)
        children { nodes { geometry(toleranceM: 50) } } } } }"""
    await told(town, query)
    statements.clear()

    await told(town, query)

    assert len(statements) == FRAME + 4, "a page and its pictures, twice"
