"""The fast way answers as graphql-core's own does: drawn queries, borders, failures, budgets."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any

import pytest

from resolvers import context as contexts
from resolvers.context import Context
from schema.build import Schema, schema
from schema.ids import IdKind, encode
from schema.request import RequestContext
from schema.units import Unit
from storage.keys import Role
from tests.graphql import world
from tests.graphql.asking import TODAY
from tests.graphql.both_ways import as_read, ask_slowly, assert_same, hold, shared_of
from tests.graphql.random_queries import Draw
from tests.graphql.world import C1, G11, G21, IDS, P1, S1, D, lonlat

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncEngine

    from resolvers.context import Shared

pytestmark = [pytest.mark.anyio, pytest.mark.one_way]

DRAWN = 2_000 if os.environ.get("CI") else 300
AT_ONCE = 6

HEAVY = {"circle", "circles", "siting", "circleCoverage"}
"""They keep a processor busy, and answer no lists of things that are read otherwise."""

_POINTS = [
    {"lon": lon, "lat": lat}
    for lon, lat in (
        lonlat(0.3, 0.3),
        lonlat(1, 1),  # where four grids meet
        lonlat(2, 0.25),  # on the border of two subdistricts
        lonlat(0.2, 0.4),  # on a compound's border
        lonlat(9, 9),
        (200.0, 0.0),
    )
]

VALUES: dict[str, Sequence[Any]] = {
    "level": ["grid", "community", "subdistrict", "district", "compound", "grid", "nowhere"],
    "code": [C1, G11, G21, S1, D, P1, "none", "0\0"],
    "codes": [[C1, G11], [], [G21, "x"]],
    "levels": [["grid"], ["community", "grid"], None],
    "bbox": [
        [*lonlat(0.1, 0.1), *lonlat(1.5, 1.5)],
        [*lonlat(2, 0), *lonlat(2, 2)],
        [*lonlat(0, 0), *lonlat(0, 0)],
        [1, 2, 3],
        [170, -10, -170, 60],
    ],
    "within": [
        {"level": "community", "code": C1},
        {"level": "subdistrict", "code": S1},
        {"level": "district", "code": "nobody"},
        {"level": "grid", "code": G11},
    ],
    "first": [1, 2, 100, 1000, 0, 1001, None],
    "after": [None, "bad"],
    "asOf": ["2026-11-22", "2025-06-01", "2020-01-01", None],
    "point": _POINTS,
    "points": [_POINTS, _POINTS * 3, [], [{**_POINTS[0], "datum": "GCJ02"}]],
    "id": [encode(IdKind.UNIT, IDS["grid", G21, 1]), encode(IdKind.EDITION, 1), "bad"],
    "ids": [
        [encode(IdKind.UNIT, IDS["grid", G21, 1]), encode(IdKind.EDITION, 2), "bad"],
        [encode(IdKind.UNIT, 999), encode(IdKind.UNIT, IDS["compound", P1, 1])],
    ],
    "number": [1, 2, 9, None],
    "from": [1],
    "to": [2, 1, 7],
    "text": ["柳", "shi", "", "西街"],
    "search": ["柳", "nothing"],
    "properties": [{"kind": "urban"}, None],
    "datum": ["WGS84", "GCJ02", None],
    "toleranceM": [None, 0.0, 20.0, -1.0],
    "address": ["a1", "a5", "gone"],
    "history": [True, False],
    "duty": [None, "nobody_has_it"],
    "kind": [None, "park"],
    "key": ["grid", "x"],
}


async def ask_both(
    engine: AsyncEngine,
    query: str,
    variables: dict[str, Any] | None,
    shared: Shared,
    *,
    key: str | None = None,
) -> dict[str, Any]:
    """Ask both ways and compare; return what the fast way said."""
    fast = await schema.execute(
        query,
        variable_values=variables,
        context_value=RequestContext(Context(shared, today=TODAY, key=key)),
    )
    plain = RequestContext(Context(shared_of(engine, holds=False), today=TODAY, key=key))
    slow = await slowly(query, variables, plain)
    # questions whose answer an error has made needless are answered all the same
    await asyncio.gather(*shared.asked, *plain.reading.shared.asked, return_exceptions=True)
    told = as_read(fast)
    assert_same(told, as_read(slow))
    return told


async def slowly(query: str, variables: dict[str, Any] | None, context: RequestContext) -> Any:  # noqa: ANN401 - Strawberry's
    """Ask a schema of the same types that knows no fast way."""
    return await ask_slowly(Schema.execute, query, {"variable_values": variables}, context)


# where an error takes its siblings with it, graphql-core drops what they were about to do
@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_drawn_queries_are_answered_the_same_both_ways(town: AsyncEngine) -> None:
    core = schema._schema
    key = await world.make_key(town, Role.EDITOR)
    shared = shared_of(town, holds=True)
    await hold(shared)
    draw = Draw(core, VALUES, without=HEAVY, seed=7)
    asked = [draw.query() for _ in range(DRAWN)]
    answered = 0
    for start in range(0, DRAWN, AT_ONCE):
        some = asked[start : start + AT_ONCE]
        keys = [key if start % 4 == 0 else None] * len(some)
        told = await asyncio.gather(
            *(ask_both(town, *one, shared, key=who) for one, who in zip(some, keys, strict=True))
        )
        answered += sum(1 for one in told if one["data"] and any(one["data"].values()))
    assert answered > DRAWN / 2, "most questions say something"


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
        _POINTS * 4,
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
