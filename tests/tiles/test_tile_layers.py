"""Tiles of findings and of circles: what lies where, and who may see it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
import shapely

from schema.ids import IdKind, encode
from storage.keys import Role
from tests.circles import drawn, street
from tests.graphql import imported, world
from tests.graphql.world import C1, P1, P2
from tests.tiles.decoded import GRID, HALF_WORLD_M, Feature, layers, tile_of
from tests.tiles.test_tiles_http import act, code_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy.ext.asyncio import AsyncEngine

    from storage.tiles import TileAt
    from tests.databases import Databases
    from tests.tiles.conftest import Served

ZOOM = 12
PLACE = tile_of(104.005, 38.005, ZOOM)
AT = "/".join(map(str, PLACE))


def lonlat(land: shapely.Geometry, tile: TileAt) -> shapely.Geometry:
    """Return what GDAL read of a tile in degrees."""
    step = 2 * HALF_WORLD_M / 2**tile.z / GRID

    def there(x: float, y: float) -> tuple[float, float]:
        east = (tile.x * GRID + x) * step - HALF_WORLD_M
        north = HALF_WORLD_M - ((tile.y + 1) * GRID - y) * step
        lat = math.degrees(math.atan(math.sinh(math.pi * north / HALF_WORLD_M)))
        return 180 * east / HALF_WORLD_M, lat

    return shapely.transform(land, lambda xy: np.array([there(*point) for point in xy.tolist()]))


def seen(served: Served, path: str, **headers: str) -> dict[str, list[Feature]]:
    """Return the layers of a tile."""
    response = served.client.get(path, headers=headers)
    assert response.status_code == 200
    return layers(response.content)


@pytest.fixture
def url(databases: Databases) -> Iterator[str]:
    with databases.copy() as made:
        yield made


# --- findings -----------------------------------------------------------------------------------


async def _town(engine: AsyncEngine) -> None:
    await world.build(engine, homes=(*world.HOMES, world.LOST))


def test_land_in_no_unit_is_drawn(url: str, serving: Callable[..., Served]) -> None:
    act(url, _town)

    found = seen(serving(url), f"/tiles/findings/compound/{AT}.mvt")["findings"]

    of_c1 = next(f for f in found if f.attributes["parent"] == C1)
    boxes = {unit.code: world.polygon(unit.box) for unit in world.UNITS}
    blank = boxes[C1].difference(shapely.union(boxes[P1], boxes[P2]))
    drawn_land = lonlat(of_c1.land, PLACE)
    # a step of the grid is 9.8 m of the map, and 9e-5 degrees
    assert shapely.hausdorff_distance(drawn_land, blank) < 1.5e-4
    assert of_c1.attributes["kind"] == "BLANK"
    assert of_c1.attributes["severity"] == "WARNING"
    assert not of_c1.attributes["waived"]
    assert set(of_c1.attributes["units"].split(",")) >= {P1, P2}


def test_a_finding_has_the_id_that_graphql_gives(url: str, serving: Callable[..., Served]) -> None:
    act(url, _drafted)
    key = act(url, lambda engine: world.make_key(engine, Role.EDITOR))
    served = serving(url)

    found = seen(served, f"/tiles/drafts/1/findings/{AT}.mvt", authorization=f"Bearer {key}")

    ids = {f.attributes["id"] for f in found["findings"]}
    assert ids <= {encode(IdKind.FINDING, text) for text in imported.HASHES}
    assert len(ids) == 2, "the third has no place"


async def _drafted(engine: AsyncEngine) -> None:
    await world.build(engine)
    await imported.add_draft(engine)


def test_only_editors_see_a_draft(url: str, serving: Callable[..., Served]) -> None:
    act(url, _drafted)
    reader = act(url, lambda engine: world.make_key(engine, Role.READER))
    editor = act(url, lambda engine: world.make_key(engine, Role.EDITOR))
    elsewhere = act(
        url,
        lambda engine: world.make_key(engine, Role.EDITOR, within=("community", world.C3)),
    )
    client = serving(url).client

    for path in (f"/tiles/drafts/1/findings/{AT}.mvt", "/tiles/drafts/1/findings.json"):

        def ask(key: str | None = None, path: str = path) -> tuple[int, str]:
            headers = {"authorization": f"Bearer {key}"} if key else {}
            response = client.get(path, headers=headers)
            if response.status_code != 200:
                return response.status_code, code_of(response)
            return 200, response.headers["cache-control"]

        assert ask() == (401, "UNAUTHENTICATED")
        assert ask(reader) == (403, "FORBIDDEN")
        assert ask(elsewhere) == (403, "FORBIDDEN")
        assert ask(editor) == (200, "private, no-cache")
        assert ask(editor, path.replace("/1/", "/2/", 1)) == (404, "UNKNOWN")


def test_tilejson_of_findings_leads_to_their_tiles(
    url: str, serving: Callable[..., Served]
) -> None:
    act(url, _town)
    served = serving(url)

    told = served.client.get("/tiles/findings/grid.json?asOf=2026-06-01").json()
    [address] = told["tiles"]
    lost = tile_of(*world.lonlat(*world.LOST.place), 14)
    found = seen(served, address.format(**lost._asdict()))

    assert address.endswith("/tiles/findings/grid/{z}/{x}/{y}.mvt?asOf=2026-06-01")
    assert [layer["id"] for layer in told["vector_layers"]] == ["findings"]
    [home] = found["findings"]
    assert home.attributes["kind"] == "HOUSEHOLD_UNCOVERED"
    assert home.attributes["households"] == world.LOST.households
    assert set(home.attributes) <= set(told["vector_layers"][0]["fields"])
    # a step at zoom 14 is 2e-5 degrees
    place = shapely.Point(world.lonlat(*world.LOST.place))
    assert shapely.distance(lonlat(home.land, lost), place) < 3e-5


def test_a_clean_level_has_no_content(url: str, serving: Callable[..., Served]) -> None:
    act(url, world.build)
    client = serving(url).client

    assert client.get(f"/tiles/findings/community/{AT}.mvt").status_code == 204
    assert client.get("/tiles/findings/community.json").json()["tiles"]


# --- circles ------------------------------------------------------------------------------------


@pytest.fixture
def stations(url: str, serving: Callable[..., Served]) -> Served:
    """Serve the straight street with its two stations."""

    async def draw(engine: AsyncEngine) -> None:
        await drawn.build(
            engine,
            lands=street.LANDS,
            houses=street.HOUSES,
            points=street.STATIONS,
            ways=street.WAYS,
        )

    act(url, draw)
    return serving(url)


CIRCLES = f"/tiles/circles/{AT}.mvt?kinds=station&metres=400&basis=RADIUS"


def test_circles_and_what_they_leave_out_are_drawn(stations: Served) -> None:
    tile = tile_of(*drawn.lonlat([(1500.0, 0.0)])[0], 13)
    at = "/".join(map(str, tile))

    found = seen(stations, CIRCLES.replace(AT, at))

    [circles], [gap] = found["circles"], found["gap"]
    west, south, east, north = street.LANDS[0].box
    ways = shapely.box(west, south, east, north)
    spots = shapely.points([stand.place for stand in street.STATIONS])
    discs = shapely.union_all(shapely.buffer(spots, 400, quad_segs=64))
    side = shapely.box(-64, -64, GRID + 64, GRID + 64)
    cut = in_metres(lonlat(side, tile))
    for shown, expected in ((circles, discs), (gap, ways.difference(discs))):
        land = in_metres(lonlat(shown.land, tile))
        # a step at zoom 13 is less than 1 m on the ground
        wrong = shapely.symmetric_difference(land, shapely.intersection(expected, cut))
        assert wrong.area < 2 * shapely.length(expected)
        assert shapely.buffer(wrong, -3).is_empty
    assert circles.attributes == {
        "kinds": "station",
        "minutes": 6,
        "metres": 400.0,
        "basis": "RADIUS",
    }


def in_metres(land: shapely.Geometry) -> shapely.Geometry:
    """Return land in degrees in the metres of the street."""
    found: shapely.Geometry = drawn.PLANE.project(np.array([land], dtype=object))[0]
    return found


def test_circles_along_streets_are_smaller(stations: Served) -> None:
    by_air = seen(stations, CIRCLES)["circles"][0].land.area
    walked = seen(stations, CIRCLES.replace("RADIUS", "NETWORK"))["circles"][0].land.area

    assert 0 < walked < by_air


def test_circles_are_told_apart_by_their_bytes(stations: Served) -> None:
    first = stations.client.get(CIRCLES)
    again = stations.client.get(CIRCLES, headers={"if-none-match": first.headers["etag"]})
    wider = stations.client.get(
        CIRCLES.replace("400", "500"), headers={"if-none-match": first.headers["etag"]}
    )

    assert first.headers["cache-control"] == "public, no-cache"
    assert (again.status_code, again.content) == (304, b"")
    assert wider.status_code == 200


def test_tilejson_of_circles_keeps_the_question(stations: Served) -> None:
    told = stations.client.get("/tiles/circles.json?kinds=station&minutes=5&basis=RADIUS").json()
    [address] = told["tiles"]

    found = seen(stations, address.format(**PLACE._asdict()))

    assert [layer["id"] for layer in told["vector_layers"]] == ["circles", "gap"]
    assert found["circles"][0].attributes["minutes"] == 5


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("", 400, "BAD_INPUT"),
        ("kinds=castle", 404, "UNKNOWN"),
        ("kinds=station&minutes=abc", 400, "BAD_INPUT"),
        ("kinds=station&minutes=nan", 400, "BAD_INPUT"),
        ("kinds=station&minutes=1e400", 400, "BAD_INPUT"),
        ("kinds=station&minutes=2.5", 400, "BAD_INPUT"),
        ("kinds=station&minutes=100000", 400, "BAD_INPUT"),
        ("kinds=station&metres=nan", 400, "BAD_INPUT"),
        ("kinds=station&metres=-1", 400, "BAD_INPUT"),
        ("kinds=station&speedKmh=1e9", 400, "BAD_INPUT"),
        ("kinds=station&basis=FLIGHT", 400, "BAD_INPUT"),
        ("kinds=" + ",".join(["station"] * 5000), 400, "LIMIT_EXCEEDED"),
        ("kinds=%00", 400, "BAD_INPUT"),
    ],
)
def test_circles_that_cannot_be_meant_are_refused(
    stations: Served, query: str, status: int, code: str
) -> None:
    response = stations.client.get(f"/tiles/circles/{AT}.mvt?{query}")

    assert (response.status_code, code_of(response)) == (status, code)
