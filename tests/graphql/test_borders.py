"""Points on and beside borders of drawn partitions lie where the database puts them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import numpy as np
import pytest
import shapely
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from shapely import MultiPolygon, Polygon
from sqlalchemy import delete

from storage.engine import make_engine
from storage.models import Unit
from tests.graphql import world
from tests.graphql.both_ways import Ways
from tests.graphql.world import C1, LAT0, LON0

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hypothesis.strategies import DrawFn
    from shapely.geometry.base import BaseGeometry
    from sqlalchemy.ext.asyncio import AsyncEngine

    from tests.databases import Databases

pytestmark = pytest.mark.one_way

QUERY = """query ($at: [PointInput!]!, $one: PointInput!) {
  placesAt(points: $at, level: "grid") { code onBorder reason }
  placeAt(point: $one, level: "grid") { onBorder reason units { code } } }"""


@st.composite
def partitions(draw: DrawFn) -> list[BaseGeometry]:
    """Draw a partition of a square.

    Triangles of points on a coarse or a fine lattice, some of them joined: so borders slant, run
    on straight through many vertices, come to a point, and surround one another.
    """
    step = draw(st.sampled_from([1e-2, 1e-3, 7e-6, 3e-8]))
    at = st.integers(0, 8).map(lambda n: n * step)
    inner = draw(st.lists(st.tuples(at, at), max_size=10, unique=True))
    corners = [(0.0, 0.0), (8 * step, 0.0), (8 * step, 8 * step), (0.0, 8 * step)]
    places = shapely.MultiPoint(
        [(round(LON0 + x, 9), round(LAT0 + y, 9)) for x, y in {*inner, *corners}]
    )
    triangles = list(shapely.delaunay_triangles(places).geoms)
    owners = draw(st.lists(st.integers(0, 4), min_size=len(triangles), max_size=len(triangles)))
    joined = [
        shapely.unary_union([t for t, mine in zip(triangles, owners, strict=True) if mine == one])
        for one in range(5)
    ]
    return [land for land in joined if not land.is_empty]


def beside(lands: list[BaseGeometry], rng: np.random.Generator) -> list[dict[str, float]]:
    """Return vertices, places along edges, and places within nanodegrees of both."""
    ends = np.concatenate([shapely.get_coordinates(land) for land in lands])
    start, stop = ends[:-1], ends[1:]
    share = rng.choice([0.5, 0.25, 1 / 3, 0.1, 0.9], len(start))[:, None]
    along = start + share * (stop - start)
    places = np.concatenate([ends, along, along + rng.normal(0, 1, along.shape) * 1e-3])
    near = np.concatenate([ends, along])
    for off in (1e-9, 2e-9, 3e-9, 5e-9, 1e-7):
        places = np.concatenate([places, near + rng.choice([-off, 0, off], near.shape)])
    return [{"lon": float(lon), "lat": float(lat)} for lon, lat in places]


@pytest.fixture(scope="module")
def ground(databases: Databases, drawn_town: str) -> Iterator[str]:
    """Give a database with the town, whose grids each example replaces."""
    with databases.copy(drawn_town) as url:
        yield url


async def replaced(engine: AsyncEngine, lands: list[BaseGeometry]) -> None:
    """Let these be the grids."""
    await world.run(engine, delete(Unit).where(Unit.level == "grid"))
    for number, land in enumerate(lands):
        parts = MultiPolygon([land]) if isinstance(land, Polygon) else land
        await world.add_unit(engine, "grid", f"{C1}{number:03}", parts, parent=C1)


@given(lands=partitions(), seed=st.integers(0, 2**16))
@settings(max_examples=12, phases=[Phase.reuse, Phase.generate])  # each writes to the database
def test_points_at_drawn_borders_lie_where_the_database_puts_them(
    ground: str, lands: list[BaseGeometry], seed: int
) -> None:
    async def ask() -> None:
        engine = make_engine(ground)
        try:
            await replaced(engine, lands)
            ways = await Ways.of(engine)
            at = beside(lands, np.random.default_rng(seed))
            told = await ways.ask(QUERY, {"at": at, "one": at[seed % len(at)]})
            await ways.settle()
        finally:
            await engine.dispose()
        assert told.answer["errors"] == []
        codes = {one["code"] for one in told.answer["data"]["placesAt"]}
        assert codes - {None}, "some lie in a grid"
        assert any(one["onBorder"] for one in told.answer["data"]["placesAt"])

    asyncio.run(ask())
