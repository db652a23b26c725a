"""What surrounds every answer: other origins, compression, ids, times, and what is counted."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Literal

import orjson
import pytest
import zstandard
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from service.app import make_app
from service.http_answers import GRAPHQL_JSON
from service.settings import Settings
from storage.engine import make_engine
from storage.keys import Role
from tests.graphql import world
from tests.graphql.live import PROTOCOL

if TYPE_CHECKING:
    from collections.abc import Iterator

LEVELS = "{ levels { key } }"
MAP = "https://map.example.org"
LOCAL = ("127.0.0.1", 50000)
"""Where the test's client seems to be."""
ELSEWHERE = ("203.0.113.7", 50000)


@pytest.fixture
def client(drawn_town: str, database_url: str) -> Iterator[TestClient]:
    del drawn_town  # it is copied
    settings = Settings(cors_origins=(MAP, "http://localhost:5173"))
    with TestClient(make_app(settings, database_url), client=LOCAL) as open_client:
        yield open_client


def reader(url: str) -> str:
    async def make() -> str:
        engine = make_engine(url)
        key = await world.make_key(engine, Role.READER)
        await engine.dispose()
        return key

    return asyncio.run(make())


# --- other origins ------------------------------------------------------------------------------


def preflight(client: TestClient, origin: str) -> tuple[int, dict[str, str]]:
    asked = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization, content-type",
    }
    response = client.options("/graphql", headers=asked)
    return response.status_code, dict(response.headers)


@pytest.mark.parametrize("origin", [MAP, "http://localhost:5173"])
def test_a_page_of_an_origin_that_was_named_may_ask(client: TestClient, origin: str) -> None:
    status, head = preflight(client, origin)
    asked = client.post("/graphql", json={"query": LEVELS}, headers={"Origin": origin})

    assert status == 200
    assert head["access-control-allow-origin"] == origin
    assert "POST" in head["access-control-allow-methods"]
    assert "authorization" in head["access-control-allow-headers"].lower()
    assert asked.headers["access-control-allow-origin"] == origin
    assert "origin" in asked.headers["vary"].lower()
    assert "ETag" in asked.headers["access-control-expose-headers"]
    assert "access-control-allow-credentials" not in asked.headers


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", f"{MAP}.evil.example", "http://map.example.org"]
)
def test_a_page_of_any_other_origin_may_not(client: TestClient, origin: str) -> None:
    status, head = preflight(client, origin)
    asked = client.post("/graphql", json={"query": LEVELS}, headers={"Origin": origin})

    assert status == 400
    assert "access-control-allow-origin" not in head
    assert "access-control-allow-origin" not in asked.headers


def test_without_origins_no_page_of_another_one_may_ask(database_url: str) -> None:
    with TestClient(make_app(Settings(), database_url)) as client:
        status, head = preflight(client, MAP)

    assert status == 405
    assert "access-control-allow-origin" not in head


def test_all_origins_may_be_let_in_without_credentials(database_url: str) -> None:
    with TestClient(make_app(Settings(cors_origins=("*",)), database_url)) as client:
        asked = client.post("/graphql", json={"query": LEVELS}, headers={"Origin": MAP})

    assert asked.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in asked.headers


def test_a_websocket_is_open_to_the_same_origins(client: TestClient) -> None:
    with client.websocket_connect("/graphql", [PROTOCOL], headers={"Origin": MAP}) as socket:
        socket.send_json({"type": "connection_init"})
        assert socket.receive_json() == {"type": "connection_ack"}
    evil = {"Origin": "https://evil.example"}
    with (
        pytest.raises(WebSocketDisconnect) as denied,
        client.websocket_connect("/graphql", [PROTOCOL], headers=evil),
    ):
        pass
    assert denied.value.code == 1008


# --- compression, ids and times -----------------------------------------------------------------


def test_an_answer_in_the_new_type_is_compressed_as_the_client_takes_it(client: TestClient) -> None:
    body = {"query": '{ units(level: "grid") { featureCollection } }'}
    plain = client.post("/graphql", json=body, headers={"accept-encoding": "identity"})
    head = {"accept": GRAPHQL_JSON, "accept-encoding": "gzip, deflate, br, zstd"}
    with client.stream("POST", "/graphql", json=body, headers=head) as response:
        raw = b"".join(response.iter_raw())

    assert response.headers["content-encoding"] == "zstd"
    assert orjson.loads(zstandard.ZstdDecompressor().decompress(raw)) == plain.json()


def test_an_answer_says_its_id_and_what_it_took(client: TestClient) -> None:
    given = {"X-Request-ID": "trace-7"}
    asked = client.post("/graphql", json={"query": LEVELS}, headers=given)
    refused = client.post("/graphql", content=b"{", headers=given)

    assert asked.headers["x-request-id"] == refused.headers["x-request-id"] == "trace-7"
    told = re.fullmatch(
        r'total;dur=([\d.]+), db;dur=([\d.]+);desc="(\d+)"', asked.headers["server-timing"]
    )
    assert told is not None
    assert float(told[1]) > 0
    assert int(told[3]) >= 1
    assert 'desc="0"' in refused.headers["server-timing"]


# --- what is counted ----------------------------------------------------------------------------


def counted(client: TestClient) -> dict[tuple[str, ...], float]:
    """Return every sample of /metrics by its name and the values of its labels."""
    response = client.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain")
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(response.text)
        for sample in family.samples
    }


def test_requests_errors_statements_and_the_edition_are_counted(client: TestClient) -> None:
    before = counted(client)
    client.post("/graphql", json={"query": LEVELS})
    client.post("/graphql", json={"query": "{ drafts { totalCount } }"})
    client.post("/graphql", content=b"{", headers={"content-type": "application/json"})
    client.get("/a/path/that/is/not/there")
    after = counted(client)

    def more(*name: str) -> float:
        return after.get(name, 0) - before.get(name, 0)

    assert more("wangge_requests_total", "POST", "/graphql", "200") == 2
    assert more("wangge_requests_total", "POST", "/graphql", "400") == 1
    assert more("wangge_requests_total", "GET", "none", "404") == 1
    assert more("wangge_errors_total", "UNAUTHENTICATED") == 1
    assert more("wangge_errors_total", "BAD_INPUT") == 1
    assert more("wangge_statements_total") >= 1
    assert more("wangge_request_seconds_count", "/graphql") == 3
    assert after["wangge_edition",] == 2
    assert after["wangge_database_up",] == 1
    assert after["wangge_running", "http"] == 1, "the one that asks"
    assert after["wangge_imports_running",] == 0


def test_the_connections_of_the_pool_are_counted(client: TestClient) -> None:
    client.post("/graphql", json={"query": LEVELS})
    found = counted(client)

    # the hub listens on a connection of its own, which is none of the pool
    assert 1 <= found["wangge_pool_open",] <= 3
    assert found["wangge_pool_in_use",] == 0


def test_what_is_counted_is_told_to_this_machine_and_to_keys(
    drawn_town: str, database_url: str
) -> None:
    del drawn_town
    key = {"Authorization": f"Bearer {reader(database_url)}"}
    app = make_app(Settings(), database_url)
    with TestClient(app, client=LOCAL) as here, TestClient(app, client=ELSEWHERE) as there:
        told = here.get("/metrics")
        passed_on = here.get("/metrics", headers={"X-Forwarded-For": "203.0.113.7"})
        denied = there.get("/metrics")
        made_up = there.get("/metrics", headers={"Authorization": "Bearer wg_nonsense"})
        admitted = there.get("/metrics", headers=key)

    assert (told.status_code, admitted.status_code) == (200, 200)
    for refused in (passed_on, denied, made_up):
        assert refused.status_code == 401
        assert refused.headers["www-authenticate"] == "Bearer"
        assert "wangge_" not in refused.text


@pytest.mark.parametrize(("setting", "status"), [("open", 200), ("off", 404)])
def test_a_setting_opens_or_ends_it(
    database_url: str, setting: Literal["open", "off"], status: int
) -> None:
    with TestClient(make_app(Settings(metrics=setting), database_url), client=ELSEWHERE) as there:
        assert there.get("/metrics").status_code == status


def test_what_is_counted_names_no_secret(client: TestClient, database_url: str) -> None:
    key = reader(database_url)
    client.post(
        "/graphql",
        json={"query": "query Secret7 { levels { key } }", "operationName": "Secret7"},
        headers={"Authorization": f"Bearer {key}"},
    )
    told = client.get("/metrics").text

    assert key not in told
    assert "Secret7" not in told
    assert database_url not in told
