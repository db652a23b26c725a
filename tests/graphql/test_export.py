"""A level as a file over HTTP: the same land to the last digit, in pieces, for those who may."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pyogrio
import pytest
import shapely
from sqlalchemy import select, text
from starlette.testclient import TestClient

from geo.chain import chains
from geo.crs import round9
from resolvers import streaming
from service.app import make_app
from service.settings import Settings
from storage import exporting
from storage.engine import make_engine
from storage.keys import Role
from storage.models import Unit
from tests.graphql import world
from tests.graphql.live import serving
from tests.graphql.world import C1, G11, G12, G21, G22, G31, G32, S1

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from shapely.geometry.base import BaseGeometry

GRIDS = sorted([G11, G12, G21, G22, G31, G32])
TEXTS = (".geojson", ".geojsonl", ".geojsons", ".csv")
MOVE = (1.23456789e-4, 9.87654321e-5)
FILES = (".gpkg", ".fgb", ".parquet", ".kml", ".shp.zip")


@pytest.fixture
def client(drawn_town: str, database_url: str) -> Iterator[TestClient]:
    del drawn_town  # it is copied
    with TestClient(make_app(Settings(), database_url)) as open_client:
        yield open_client


def features(body: str, suffix: str) -> list[dict[str, Any]]:  # JSON
    """Return the features of a file's text."""
    if suffix == ".geojson":
        return list(json.loads(body)["features"])
    if suffix == ".csv":
        rows = csv.DictReader(io.StringIO(body.removeprefix("\ufeff")))
        return [{"properties": row, "wkt": row["geometry"]} for row in rows]
    lines = body.rstrip("\n").split("\n")
    assert suffix != ".geojsons" or all(line.startswith("\x1e") for line in lines)
    return [json.loads(line.removeprefix("\x1e")) for line in lines]


def shape(feature: dict[str, Any]) -> BaseGeometry:
    if "wkt" in feature:
        return shapely.from_wkt(str(feature["wkt"]))
    return shapely.from_geojson(json.dumps(feature["geometry"]))


async def stored(url: str) -> dict[str, int]:
    """Return the chains of the grids that stand now, as they are stored."""
    engine = make_engine(url)
    query = select(Unit.code, Unit.chain).where(Unit.level == "grid", Unit.last_edition.is_(None))
    async with engine.connect() as connection:
        found = {row.code: row.chain for row in await connection.execute(query)}
    await engine.dispose()
    return found


async def bend(url: str) -> None:
    """Move the grids so that 8 decimals would not hold their corners."""
    engine = make_engine(url)
    every = select(Unit.row_id, Unit.geom.ST_AsBinary()).where(Unit.level == "grid")
    put = text(
        "UPDATE unit SET chain = :chain, geom = ST_SetSRID(ST_GeomFromWKB(:wkb), 4326)"
        " WHERE row_id = :row_id"
    )
    async with engine.begin() as connection:
        for row_id, wkb in (await connection.execute(every)).all():
            moved = shapely.transform(
                shapely.from_wkb(bytes(wkb)), lambda xy: round9(xy + np.array(MOVE))
            )
            told = {"row_id": row_id, "wkb": shapely.to_wkb(moved)}
            told["chain"] = int(chains(np.array([moved], dtype=object))[0])
            await connection.execute(put, told)
    await engine.dispose()


@pytest.mark.parametrize("suffix", TEXTS)
def test_a_file_carries_the_proof(client: TestClient, database_url: str, suffix: str) -> None:
    asyncio.run(bend(database_url))
    response = client.get(f"/export/grid{suffix}")
    sent = features(response.text, suffix)
    geoms = np.array([shape(one) for one in sent], dtype=object)

    assert response.status_code == 200
    codes = [one["properties"]["code"] for one in sent]
    assert codes == GRIDS
    again = dict(zip(codes, map(int, chains(geoms)), strict=True))
    assert again == asyncio.run(stored(database_url))
    longest = max(
        len(repr(x).partition(".")[2]) for x in shapely.get_coordinates(geoms)[:, 0].tolist()
    )
    assert longest == 9


def test_no_digit_of_a_property_is_lost(client: TestClient) -> None:
    by_code = {
        one["properties"]["code"]: one["properties"]
        for one in features(client.get("/export/grid.geojsonl").text, ".geojsonl")
    }

    assert by_code[G21]["seq"] == 10**30
    assert by_code[G21]["tags"] == ["old", "north"]
    assert by_code[G22]["kind"] == "rural"


@pytest.mark.parametrize("suffix", FILES)
def test_gis_programs_open_the_other_formats(
    client: TestClient, suffix: str, scratch: Path
) -> None:
    path = scratch / f"grid{suffix}"
    response = client.get(f"/export/grid{suffix}")
    path.write_bytes(response.content)

    assert response.status_code == 200
    if suffix == ".parquet":
        assert response.content[:4] == b"PAR1"
        return
    assert pyogrio.read_info(path)["features"] == len(GRIDS)


def test_an_edition_of_its_own_number_is_held_for_good_and_todays_is_asked_about(
    client: TestClient,
) -> None:
    now = client.get("/export/grid.geojson")
    pinned = client.get("/export/grid.geojson", params={"edition": 2})
    before = client.get("/export/grid.geojson", params={"asOf": "2025-06-01"})

    assert now.content == pinned.content != before.content
    assert now.headers["cache-control"] == "no-cache"
    assert pinned.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert now.headers["etag"] == pinned.headers["etag"] != before.headers["etag"]
    assert now.headers["wangge-edition"] == "2"
    assert before.headers["wangge-edition"] == "1"
    assert "filename*=UTF-8''grid-2.geojson" in now.headers["content-disposition"]

    held = client.get("/export/grid.geojson", headers={"If-None-Match": now.headers["etag"]})
    assert (held.status_code, held.content) == (304, b"")
    head = client.head("/export/grid.geojson")
    assert (head.status_code, head.content) == (200, b"")
    assert "content-length" not in head.headers


def test_only_what_lies_below_a_unit_is_sent(client: TestClient) -> None:
    for within in (S1, f"subdistrict:{S1}"):
        sent = features(
            client.get("/export/grid.geojsonl", params={"within": within}).text, ".geojsonl"
        )
        assert [one["properties"]["code"] for one in sent] == [G11, G12, G21, G22]

    below = client.get("/export/grid.fgb", params={"within": C1})
    assert below.status_code == 200


def test_a_level_without_units_is_an_empty_file(client: TestClient) -> None:
    empty = client.get("/export/compound.geojson", params={"within": S1, "asOf": "2026-06-01"})
    none = client.get("/export/compound.geojson", params={"within": "999000002001"})

    assert len(empty.json()["features"]) == 2
    assert none.json()["features"] == []
    assert none.json()["type"] == "FeatureCollection"


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("gird.geojson", 404, "UNKNOWN"),
        ("grid.dwg", 404, "UNKNOWN"),
        (".geojson", 404, "UNKNOWN"),
        ("../../etc/passwd", 404, None),
        ("grid.geojson?edition=99", 404, "UNKNOWN"),
        ("grid.geojson?edition=-1", 400, "BAD_INPUT"),
        ("grid.geojson?edition=9999999999", 400, "BAD_INPUT"),
        ("grid.geojson?edition=1&edition=2", 400, "BAD_INPUT"),
        ("grid.geojson?edition=1&asOf=2026-01-01", 400, "BAD_INPUT"),
        ("grid.geojson?asOf=yesterday", 400, "BAD_INPUT"),
        ("grid.geojson?asOf=1999-01-01", 404, "NO_EDITION"),
        ("grid.geojson?within=nowhere", 404, "UNKNOWN"),
        ("grid.geojson?within=district:%00", 400, "BAD_INPUT"),
        ("grid.geojson?within=%27%3B%20DROP%20TABLE%20unit%3B--", 404, "UNKNOWN"),
        ("grid.geojson?with=1", 400, "BAD_INPUT"),
    ],
)
def test_what_is_not_there_is_told_by_status_and_code(
    client: TestClient, path: str, status: int, code: str | None
) -> None:
    response = client.get(f"/export/{path}")

    assert response.status_code == status
    if code is not None:
        assert response.json()["errors"][0]["extensions"]["code"] == code


def test_readers_need_a_key_where_nothing_is_public(drawn_town: str, database_url: str) -> None:
    del drawn_town

    async def make() -> str:
        engine = make_engine(database_url)
        key = await world.make_key(engine, Role.READER)
        await engine.dispose()
        return key

    key = asyncio.run(make())
    with TestClient(make_app(Settings(public=False), database_url)) as client:
        denied = client.get("/export/grid.geojson")
        wrong = client.get("/export/grid.geojson", headers={"Authorization": "Bearer wg_no"})
        granted = client.get(
            "/export/grid.geojson?edition=2", headers={"Authorization": f"Bearer {key}"}
        )

    assert (denied.status_code, wrong.status_code, granted.status_code) == (401, 401, 200)
    assert granted.headers["cache-control"].startswith("private")
    assert "Authorization" in granted.headers["vary"]


def test_pieces_are_small_and_make_one_file(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = client.get("/export/grid.geojson").content
    monkeypatch.setattr(streaming, "PAGE_UNITS", 2)
    monkeypatch.setattr(streaming, "PIECE_BYTES", 1)

    assert client.get("/export/grid.geojson").content == whole


def test_a_file_that_would_be_too_large_is_refused_and_says_what_to_do(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.http_export.FILE_BYTES", 100)

    refused = client.get("/export/grid.gpkg")

    assert refused.json()["errors"][0]["extensions"]["code"] == "TOO_COSTLY"
    assert "geojsonl" in refused.json()["errors"][0]["message"]
    assert client.get("/export/grid.geojson").status_code == 200


@pytest.mark.anyio
async def test_who_reads_slowly_or_leaves_holds_no_connection(
    drawn_town: str, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    del drawn_town
    engine = make_engine(database_url)
    await world.run(
        engine,
        text(
            "UPDATE unit SET properties = jsonb_build_object('long', repeat('x', 4000000))"
            " WHERE level = 'grid'"
        ),
    )
    monkeypatch.setattr(streaming, "PIECE_UNITS", 1)
    asked = 0
    texts_at = exporting.texts_at

    async def counted(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - as it is
        nonlocal asked
        asked += 1
        return await texts_at(*args, **kwargs)

    monkeypatch.setattr(exporting, "texts_at", counted)
    busy = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND state <> 'idle' AND pid <> pg_backend_pid()"
    )
    async with serving(database_url) as service:
        host, port = service.address.removeprefix("http://").rstrip("/").split(":")
        reader, writer = await asyncio.open_connection(host, int(port), limit=1024)
        writer.write(b"GET /export/grid.geojsonl HTTP/1.1\r\nHost: here\r\n\r\n")
        head = await reader.readline()
        await asyncio.sleep(0.5)  # the client reads no more
        async with engine.connect() as connection:
            waiting = await connection.scalar(busy)
        while_slow = asked
        writer.transport.abort()
        await asyncio.sleep(0.5)
        after = asked
    await engine.dispose()

    assert head.startswith(b"HTTP/1.1 200")
    assert waiting == 0
    assert while_slow < len(GRIDS), "it is read only as fast as it is sent"
    assert after <= while_slow + 1
