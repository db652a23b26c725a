"""The fast way answers as graphql-core's own does: borders, failures, budgets."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from resolvers import context as contexts
from schema.units import Unit
from tests.graphql.both_ways import Ways, hold, shared_of
from tests.graphql.drawn_values import POINTS
from tests.graphql.world import G21, lonlat

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from resolvers.context import Shared

pytestmark = [pytest.mark.anyio, pytest.mark.one_way]


async def ask_both(
    engine: AsyncEngine, query: str, variables: dict[str, Any] | None, shared: Shared
) -> dict[str, Any]:
    """Ask both ways and compare; return what the fast way said."""
    ways = Ways(shared, shared_of(engine, holds=False), asyncio.all_tasks())
    told = await ways.ask(query, variables)
    await ways.settle()
    return told.answer


@pytest.mark.parametrize(
    "query",
    [
        'units(level: "grid") { nodes { code c: code ...F } nodes { name code } } }'
        " fragment F on Unit { households geometry(datum: GCJ02) __typename",
        'units(level: "community") { edges { cursor node { parent { parent { code } code } } } }',
        'units(level: "grid", first: 2) { nodes { children { totalCount nodes { code } } } }',
        'units(level: "compound") { nodes { parent { children(first: 1) { nodes { code } } } } }',
        'units(level: "grid") { nodes { children(level: "district") { nodes { code } } } }',
        'units(level: "grid") { nodes { code geometry(toleranceM: -1) } }',
        'a: units(level: "grid") { nodes { code } } b: units(level: "nope") { nodes { code } }',
        'nodes(ids: ["bad", "VW5pdDox"]) { id ... on Unit { code level { key } } }',
        'search(text: "\u67f3") { code ancestors { code level { children { key } } } }',
    ],
)
async def test_what_is_merged_fails_or_is_left_out_is_so_both_ways(
    town: AsyncEngine, query: str
) -> None:
    shared = shared_of(town, holds=True)
    await hold(shared)

    await ask_both(town, f"{{ {query} }}", None, shared)


async def test_an_unexpected_error_in_a_list_is_told_of_that_entry_alone(
    town: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = Unit._with

    async def broken(self: Unit, info: Any, wanted: Any) -> Any:  # noqa: ANN401 - as the original
        if self.code == G21:
            raise RuntimeError("a bug")
        return await usual(self, info, wanted)

    monkeypatch.setattr(Unit, "_with", broken)
    shared = shared_of(town, holds=False)
    told = await ask_both(
        town, '{ units(level: "grid") { nodes { code since { number } } } }', None, shared
    )

    [error] = told["errors"]
    rows = told["data"]["units"]["nodes"]
    at = error["path"][2]
    assert error["message"] == "Unexpected error."
    assert rows[at] == {"code": G21, "since": None}
    assert all(row["since"] for row in rows if row["code"] != G21)


@pytest.mark.parametrize("most", [5, 6, 7, 11, 12, 13, 14, 40])
async def test_what_an_answer_may_hold_is_counted_once(
    town: AsyncEngine, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(contexts, "MAX_THINGS", most)
    shared = shared_of(town, holds=True)
    await hold(shared)

    query = '{ units(level: "grid") { nodes { code parent { code } level { key } } } }'
    told = await ask_both(town, query, None, shared)

    # six grids, and a parent and a level of each
    assert bool(told["errors"]) is (most < 18)


async def test_a_batch_of_points_is_read_as_its_points_are(town: AsyncEngine) -> None:
    shared = shared_of(town, holds=True)
    await hold(shared)
    query = "query ($at: [PointInput!]!) { placesAt(points: $at) { code onBorder reason } }"
    whole = [{"lon": 104, "lat": 38}] * 9
    for at in (
        POINTS * 4,
        whole,
        [*whole, {"lon": 104.001}],
        [*whole, {"lon": "104", "lat": 38.0}],
        [*whole, {"lon": True, "lat": 38.0}],
        [*whole, {"lon": 10**400, "lat": 38.0}],
        [*whole, {"lon": 104.001, "lat": 38.001, "datum": "BD09"}],
        [*whole, {"lon": 104.001, "lat": 38.001, "datum": None}],
        [*whole, {"lon": 104.001, "lat": 38.001, "alt": 3}],
        [*whole, None],
        [*whole, [1, 2]],
        whole * 1200,
    ):
        await ask_both(town, query, {"at": at}, shared)


async def test_batches_of_all_sizes_are_shown_alike(town: AsyncEngine) -> None:
    shared = shared_of(town, holds=True)
    await hold(shared)
    inside = [{"lon": lon, "lat": lat} for lon, lat in (lonlat(0.4, 0.3), lonlat(1.7, 0.6))]
    outside = {"lon": 100.0, "lat": 30.0}
    query = """query ($at: [PointInput!]!, $more: Boolean!, $level: String) {
      a: placesAt(points: $at, level: $level) {
        __typename on: onBorder why: reason @include(if: $more) }
      b: placesAt(points: $at) { code reason } }"""
    for at in (inside * 2, inside * 40, [*inside, outside] * 40, [outside] * 9, inside * 5001):
        for more in (False, True, False):
            for level in (None, "community", "compound"):
                await ask_both(town, query, {"at": at, "more": more, "level": level}, shared)
    alone = "query ($at: [PointInput!]!) { placesAt(points: $at) { code } }"
    told = await ask_both(town, alone, {"at": [*inside, outside] * 30}, shared)
    codes = [place["code"] for place in told["data"]["placesAt"]]
    assert codes == [*codes[:2], None] * 30
    assert None not in codes[:2]


def _lattice() -> list[dict[str, float]]:
    """Return vertices, places on edges and beside them, and all between."""
    steps = [0, 1e-9, -1e-9, 2e-9, -2e-9, 3e-9, 5e-9, 1e-7]
    places = []
    for i in range(-1, 18):
        for j in range(-1, 10):
            lon, lat = lonlat(i / 4, j / 4)
            off = steps[(i * 7 + j * 3) % len(steps)], steps[(i * 5 + j) % len(steps)]
            places += [(lon, lat), (lon + off[0], lat + off[1]), (lon + off[1], lat)]
    return [{"lon": lon, "lat": lat} for lon, lat in places]


@pytest.mark.parametrize("level", ["grid", "community", "district", "compound"])
@pytest.mark.parametrize("day", ["2025-06-01", "2026-11-22"])
async def test_points_on_and_beside_borders_lie_where_the_database_puts_them(
    town: AsyncEngine, level: str, day: str
) -> None:
    shared = shared_of(town, holds=True)
    await hold(shared)
    query = (
        "query ($at: [PointInput!]!, $level: String!, $day: Date) {"
        " placesAt(points: $at, level: $level, asOf: $day) { code onBorder reason } }"
    )
    await ask_both(town, query, {"at": _lattice(), "level": level, "day": day}, shared)


async def test_a_point_lies_in_the_same_units_both_ways(town: AsyncEngine) -> None:
    shared = shared_of(town, holds=True)
    await hold(shared)
    query = (
        "query ($at: PointInput!) { placeAt(point: $at) { onBorder reason units { code geometry }"
        ' unit(level: "compound") { code households } nearest { code } } }'
    )
    for at in _lattice()[::9]:
        await ask_both(town, query, {"at": at}, shared)
