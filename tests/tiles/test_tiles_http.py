"""Tiles over HTTP: how long they may be held, how they are packed, what is not there."""

from __future__ import annotations

import asyncio
import gzip
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
import zstandard
from sqlalchemy import text
from starlette.testclient import TestClient

from resolvers.context import Cache
from service.app import make_app
from service.settings import Settings
from storage.engine import make_engine
from storage.keys import Role
from tests.graphql import world
from tests.tiles import lattice
from tests.tiles.conftest import Served
from tests.tiles.decoded import layers, tile_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.databases import Databases

TILE = "/".join(map(str, tile_of(lattice.LON + 0.01, lattice.LAT + 0.01, 13)))
EMPTY = "/".join(map(str, tile_of(lattice.LON + 1, lattice.LAT, 13)))
FIXED = f"/tiles/2/grid/{TILE}.mvt"


def raw(served: Served, path: str, encoding: str) -> tuple[bytes, str | None]:
    """Return the bytes of an answer as they came, and how they are packed."""
    with served.client.stream("GET", path, headers={"accept-encoding": encoding}) as response:
        return b"".join(response.iter_raw()), response.headers.get("content-encoding")


# --- how long -----------------------------------------------------------------------------------


def test_a_tile_of_an_edition_is_held_for_good(town: Served) -> None:
    response = town.client.get(FIXED)

    assert response.headers["content-type"] == "application/vnd.mapbox-vector-tile"
    assert response.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert response.headers["etag"] == 'W/"2"'
    assert response.headers["vary"] == "Accept-Encoding"


def test_a_tile_of_today_is_asked_about_again(town: Served) -> None:
    path = f"/tiles/grid/{TILE}.mvt"
    first = town.client.get(path)

    again = town.client.get(path, headers={"if-none-match": first.headers["etag"]})
    older = town.client.get(path, headers={"if-none-match": 'W/"1"'})

    assert first.headers["cache-control"] == "public, no-cache"
    assert first.content == town.client.get(FIXED).content
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"] == 'W/"2"'
    assert older.status_code == 200


def test_a_tile_of_a_day_is_that_of_its_edition(town: Served) -> None:
    then = town.client.get(f"/tiles/grid/{TILE}.mvt", params={"asOf": "2025-06-01"})
    before = town.client.get(f"/tiles/grid/{TILE}.mvt", params={"asOf": "2024-06-01"})
    never = town.client.get(f"/tiles/grid/{TILE}.mvt", params={"asOf": "yesterday"})

    assert then.headers["etag"] == 'W/"1"'
    assert then.content == town.client.get(f"/tiles/1/grid/{TILE}.mvt").content
    assert (before.status_code, code_of(before)) == (404, "NO_EDITION")
    assert (never.status_code, code_of(never)) == (400, "BAD_INPUT")


def test_what_is_published_is_seen_at_once(
    databases: Databases, serving: Callable[..., Served]
) -> None:
    with databases.copy() as url:
        act(url, lattice.build)
        served = serving(url)
        path = f"/tiles/grid/{TILE}.mvt"
        before = served.client.get(path)
        act(
            url,
            lambda engine: world.run(
                engine,
                text("INSERT INTO edition (number, effective_on, published_by) "
                     "VALUES (3, '2026-02-01', 'town hall')"),
            ),
        )  # fmt: skip
        after = served.client.get(path, headers={"if-none-match": before.headers["etag"]})

    assert after.status_code == 200
    assert after.headers["etag"] == 'W/"3"'


def act(url: str, work: Callable[..., Any]) -> Any:  # noqa: ANN401 - what the work returns
    """Change a database."""

    async def run() -> Any:  # noqa: ANN401 - what the work returns
        engine = make_engine(url)
        try:
            return await work(engine)
        finally:
            await engine.dispose()

    return asyncio.run(run())


# --- what is not there --------------------------------------------------------------------------


def code_of(response: Any) -> str:  # noqa: ANN401 - of a library without types
    """Return the code of a refusal."""
    assert response.headers["cache-control"] == "no-store"
    return str(response.json()["errors"][0]["extensions"]["code"])


def test_where_nothing_lies_a_tile_has_no_content(town: Served) -> None:
    response = town.client.get(f"/tiles/2/grid/{EMPTY}.mvt")

    assert (response.status_code, response.content) == (204, b"")
    assert response.headers["etag"] == 'W/"2"'
    assert response.headers["cache-control"].endswith("immutable")


def test_a_level_without_units_has_no_content(town: Served) -> None:
    assert town.client.get(f"/tiles/2/compound/{TILE}.mvt").status_code == 204


@pytest.mark.parametrize(
    "path",
    [
        "/tiles/2/grid/23/0/0.mvt",
        "/tiles/2/grid/3/8/0.mvt",
        "/tiles/2/grid/3/0/8.mvt",
        "/tiles/2/grid/0/0/1.mvt",
        "/tiles/2/grid/-1/0/0.mvt",
        "/tiles/2/grid/3/1.5/0.mvt",
        "/tiles/2/grid/٣/0/0.mvt",
        f"/tiles/2/grid/3/{'9' * 5000}/0.mvt",
        "/tiles/grid/23/0/0.mvt",
        f"/tiles/3/grid/{TILE}.mvt",
        f"/tiles/0/grid/{TILE}.mvt",
        f"/tiles/999999999/grid/{TILE}.mvt",
        f"/tiles/{'9' * 5000}/grid/{TILE}.mvt",
        f"/tiles/2/gird/{TILE}.mvt",
        f"/tiles/2/grid,grid/{TILE}.mvt",
        f"/tiles/2/grid,/{TILE}.mvt",
        f"/tiles/2/'; DROP TABLE unit; --/{TILE}.mvt",
        f"/tiles/gird/{TILE}.mvt",
        "/tiles/gird.json",
        "/tiles/3.json",
        "/tiles/3/grid.json",
        "/tiles/findings/gird.json",
        f"/tiles/findings/gird/{TILE}.mvt",
    ],
)
def test_what_is_not_there_is_not_found(town: Served, path: str) -> None:
    response = town.client.get(path)

    assert (response.status_code, code_of(response)) == (404, "UNKNOWN")


def test_tiles_are_only_read(town: Served) -> None:
    assert town.client.post(FIXED).status_code == 405
    assert town.client.head(FIXED).status_code == 200


# --- packed once and kept -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("gzip, deflate, br, zstd", "zstd"),
        ("gzip", "gzip"),
        ("zstd;q=0, gzip", "gzip"),
        ("gzip;q=1, zstd;q=0.5", "gzip"),
        ("br", None),
        ("identity", None),
        ("", None),
    ],
)
def test_a_tile_is_packed_as_the_client_takes_it(
    town: Served, header: str, name: str | None
) -> None:
    plain, _ = raw(town, FIXED, "identity")
    packed, said = raw(town, FIXED, header)

    assert said == name
    assert unpacked(packed, name) == plain
    assert len(layers(plain)["grid"]) > 1
    assert name is None or len(packed) < len(plain)


def unpacked(packed: bytes, name: str | None) -> bytes:
    """Return what was packed."""
    if name == "gzip":
        return gzip.decompress(packed)
    return zstandard.decompress(packed) if name == "zstd" else packed


@pytest.mark.parametrize("encoding", ["gzip", "zstd", "identity"])
def test_every_process_sends_the_same_bytes(
    serving: Callable[..., Served], lattice_url: str, encoding: str
) -> None:
    path = f"/tiles/2/grid,community/{TILE}.mvt"

    one, other = (raw(serving(lattice_url), path, encoding) for _ in range(2))

    assert one == other


def test_a_tile_is_asked_of_the_database_once(town: Served) -> None:
    levels = "district,subdistrict,community,grid"
    z, x, y = tile_of(lattice.LON + 0.01, lattice.LAT + 0.01, 14)
    town.client.get(f"/tiles/2/{levels}/{z}/{x}/{y}.mvt")  # its pictures are made
    town.statements.clear()

    for north in (0, 1, 0, 1):
        assert town.client.get(f"/tiles/2/{levels}/{z}/{x}/{y - north}.mvt").status_code == 200

    assert len(town.statements) == 1


def test_many_who_ask_at_once_wait_for_one(town: Served) -> None:
    z, x, y = tile_of(lattice.LON + 0.01, lattice.LAT + 0.01, 16)
    path = f"/tiles/2/grid/{z}/{x}/{y}.mvt"
    town.client.get(f"/tiles/2/grid/{EMPTY}.mvt")  # where the edition lies
    town.statements.clear()

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: town.client.get(path).content, range(16)))

    assert len(set(answers)) == 1
    assert len(town.statements) == 1


def test_a_tile_away_from_all_land_asks_nothing(town: Served) -> None:
    town.client.get(f"/tiles/2/grid/{EMPTY}.mvt")
    z, x, y = map(int, EMPTY.split("/"))
    town.statements.clear()

    response = town.client.get(f"/tiles/2/grid/{z}/{x + 1}/{y}.mvt")

    assert response.status_code == 204
    assert town.statements == []


def test_what_is_kept_has_bounds(serving: Callable[..., Served], lattice_url: str) -> None:
    served = serving(lattice_url)
    room = 20_000
    served.shared.tiles.room = room
    z, x, y = map(int, TILE.split("/"))

    for east in range(-3, 4):
        for south in range(-3, 4):
            for zoom in (z, z + 1, z + 2):
                at = f"{zoom}/{(x + east) << (zoom - z)}/{(y + south) << (zoom - z)}"
                served.client.get(f"/tiles/2/grid/{at}.mvt")

    assert isinstance(served.shared.tiles, Cache)
    assert 0 < served.shared.tiles._weight <= room


def test_who_comes_when_too_many_wait_is_asked_to_come_again(
    serving: Callable[..., Served], lattice_url: str
) -> None:
    served = serving(lattice_url)
    served.shared.drawing.most = 0

    crowded = served.client.get(FIXED)
    served.shared.drawing.most = 1
    later = served.client.get(FIXED)

    assert (crowded.status_code, code_of(crowded)) == (503, "TOO_COSTLY")
    assert crowded.headers["retry-after"] == "1"
    assert crowded.headers["cache-control"] == "no-store"
    assert later.status_code == 200, "a refusal is not kept"


def test_a_service_without_memory_for_tiles_draws_each_anew(lattice_url: str) -> None:
    other = FIXED.replace("/grid/", "/community/")
    with TestClient(make_app(Settings(tile_memory_mb=0), lattice_url)) as client:
        first, _, second = (client.get(path) for path in (FIXED, other, FIXED))

    assert first.status_code == 200
    assert first.content == second.content
    assert 'desc="1"' in second.headers["server-timing"], "one statement; where it lies is known"


# --- who may read -------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [FIXED, f"/tiles/grid/{TILE}.mvt", "/tiles/grid.json"])
def test_where_readers_need_a_key_tiles_do_too(
    databases: Databases, serving: Callable[..., Served], path: str
) -> None:
    with databases.copy() as url:
        act(url, lattice.build)
        key = act(url, lambda engine: world.make_key(engine, Role.READER))
        closed, opened = serving(url, public=False), serving(url)

        bare = closed.client.get(path)
        wrong = opened.client.get(path, headers={"authorization": "Bearer wg_nonsense"})
        known = closed.client.get(path, headers={"authorization": f"Bearer {key}"})
        later = closed.client.get(path)

    for refused in (bare, wrong, later):
        assert (refused.status_code, code_of(refused)) == (401, "UNAUTHENTICATED")
    assert known.status_code == 200
    assert known.headers["cache-control"].startswith("private, ")
    assert "Authorization" in known.headers["vary"]


# --- TileJSON -----------------------------------------------------------------------------------


def test_tilejson_leads_to_the_tiles_of_the_edition(town: Served) -> None:
    told = town.client.get("/tiles/grid.json").json()
    [address] = told["tiles"]
    z, x, y = TILE.split("/")

    tile = town.client.get(address.format(z=z, x=x, y=y))

    assert told["tilejson"] == "3.0.0"
    assert address == "http://testserver/tiles/2/grid/{z}/{x}/{y}.mvt"
    assert tile.headers["cache-control"].endswith("immutable")
    assert (told["minzoom"], told["maxzoom"], told["edition"]) == (0, 18, 2)
    assert told["version"] == "2.0.0"
    [layer] = told["vector_layers"]
    assert (layer["id"], layer["description"]) == ("grid", "网格")
    [feature, *_] = layers(tile.content)["grid"]
    assert set(feature.attributes) == set(layer["fields"])


def test_tilejson_says_where_the_land_lies(town: Served) -> None:
    told = town.client.get("/tiles/district.json").json()

    [west, south, east, north] = lattice.units()["district", "D"][1].bounds
    assert told["bounds"] == pytest.approx([west, south, east, north], abs=1e-9)
    lon, lat, zoom = told["center"]
    assert west < lon < east
    assert south < lat < north
    # 0.024 degrees of longitude, and as many of latitude, which the map stretches by 1.17
    assert zoom == 13


@pytest.mark.parametrize(
    ("path", "edition"),
    [("/tiles.json", 2), ("/tiles/1.json", 1), ("/tiles.json?asOf=2025-06-01", 1)],
)
def test_one_tilejson_tells_of_all_levels(town: Served, path: str, edition: int) -> None:
    told = town.client.get(path).json()
    [address] = told["tiles"]
    z, x, y = TILE.split("/")

    tile = layers(town.client.get(address.format(z=z, x=x, y=y)).content)

    named = [layer["id"] for layer in told["vector_layers"]]
    assert named == ["district", "subdistrict", "community", "grid", "compound"]
    assert list(tile) == named[:-1], "the town has no compounds"
    assert told["edition"] == edition
    assert address.startswith(f"http://testserver/tiles/{edition}/district,")


def test_tilejson_is_asked_about_again(town: Served) -> None:
    first = town.client.get("/tiles/grid.json")
    again = town.client.get("/tiles/grid.json", headers={"if-none-match": first.headers["etag"]})

    assert first.headers["cache-control"] == "public, no-cache"
    assert again.status_code == 304


# --- the whole service --------------------------------------------------------------------------


def test_the_service_sends_tiles_as_they_are_kept(town: Served, lattice_url: str) -> None:
    alone = raw(town, FIXED, "zstd")

    with TestClient(make_app(Settings(), lattice_url)) as client:
        whole = Served(client, [], town.shared)
        assert raw(whole, FIXED, "zstd") == alone, "packed once"
        told = client.get("/tiles.json", headers={"accept-encoding": "gzip"})
        z, x, y = TILE.split("/")
        assert client.get(told.json()["tiles"][0].format(z=z, x=x, y=y)).status_code == 200

    assert told.headers["content-encoding"] == "gzip"
    assert told.headers["vary"] == "Accept-Encoding"
