"""The service over HTTP."""

from __future__ import annotations

import asyncio
import gzip
import re
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from graphql import parse, validate
from sqlalchemy import make_url, text
from starlette.testclient import TestClient

from schema.build import schema
from service import graphiql
from service.app import MAX_QUERY_BYTES, make_app
from service.settings import Settings
from storage.engine import make_engine
from storage.keys import Role
from tests.graphql import imported, world
from tests.graphql.world import C1, G11, G21

if TYPE_CHECKING:
    from collections.abc import Iterator

QUERY = f'{{ unit(level: "grid", code: "{G21}") {{ code geometry properties }} }}'


def built(url: str) -> str:
    """Put a draft into the town and return the key of an editor."""

    async def build() -> str:
        engine = make_engine(url)
        await imported.add_draft(engine, units=[(G11, C1, (0, 0, 1, 1))])
        key = await world.make_key(engine, Role.EDITOR)
        await engine.dispose()
        return key

    return asyncio.run(build())


@pytest.fixture
def editor(drawn_town: str, database_url: str) -> str:
    del drawn_town  # it is copied
    return built(database_url)


@pytest.fixture
def client(database_url: str, editor: str) -> Iterator[TestClient]:
    del editor  # its draft is there
    with TestClient(make_app(Settings(), database_url)) as open_client:
        yield open_client


def answer(client: TestClient, query: str, **headers: str) -> Any:  # noqa: ANN401 - JSON
    response = client.post("/graphql", json={"query": query}, headers=headers)
    assert response.status_code == 200
    return response.json()


def test_a_question_is_answered_by_post_and_by_get(client: TestClient) -> None:
    posted = client.post("/graphql", json={"query": QUERY})
    got = client.get("/graphql", params={"query": QUERY})

    assert posted.headers["content-type"] == "application/json"
    assert posted.json()["data"]["unit"]["code"] == G21
    assert got.json() == posted.json()


def test_stored_json_comes_out_as_it_went_in(client: TestClient) -> None:
    body = client.post("/graphql", json={"query": QUERY}).text

    assert f'"seq": {10**30}' in body, "no digit is lost on the way"


def test_variables_and_operations_are_chosen(client: TestClient) -> None:
    body: dict[str, Any] = {  # JSON
        "query": "query A { levels { key } } query B($n: Int!) { edition(number: $n) { number } }",
        "operationName": "B",
        "variables": {"n": 1},
    }

    posted = client.post("/graphql", json=body)
    params = {"query": body["query"], "operationName": "B", "variables": '{"n": 1}'}
    got = client.get("/graphql", params=params)

    assert posted.json() == got.json()
    assert posted.json()["data"] == {"edition": {"number": 1}}


def test_an_error_has_a_code_and_leaves_its_neighbours(client: TestClient) -> None:
    found = answer(client, '{ units(level: "gird") { totalCount } levels { key } }')

    assert found["data"]["units"] is None
    assert len(found["data"]["levels"]) == 5
    assert found["errors"][0]["extensions"]["code"] == "UNKNOWN"


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", "application/json"),
        (b"{", "application/json"),
        (b"\xff\xfe", "application/json"),
        (b'{"query": NaN}', "application/json"),
        (b"[]", "application/json"),
        (b"null", "application/json"),
        (b"5", "application/json"),
        (b'"{ levels { key } }"', "application/json"),
        (b"query", "text/plain"),
    ],
)
def test_a_body_that_is_no_question_is_a_bad_request(
    client: TestClient, body: bytes, kind: str
) -> None:
    response = client.post("/graphql", content=body, headers={"content-type": kind})

    assert response.status_code in {400, 415}
    assert "Traceback" not in response.text


def test_a_body_that_is_too_large_is_refused(client: TestClient) -> None:
    body = orjson.dumps({"query": QUERY, "variables": {"x": "x" * MAX_QUERY_BYTES}})

    response = client.post("/graphql", content=body, headers={"content-type": "application/json"})

    assert response.status_code == 413


def test_large_answers_are_compressed(client: TestClient) -> None:
    query = '{ units(level: "grid") { featureCollection } }'
    with client.stream(
        "POST", "/graphql", json={"query": query}, headers={"accept-encoding": "gzip"}
    ) as response:
        raw = b"".join(response.iter_raw())

    assert response.headers["content-encoding"] == "gzip"
    assert orjson.loads(gzip.decompress(raw))["data"]["units"]


def test_the_key_comes_in_the_header(client: TestClient, editor: str) -> None:
    query = "{ drafts { totalCount } }"

    without = answer(client, query)
    with_key = answer(client, query, authorization=f"Bearer {editor}")
    lower = answer(client, query, authorization=f"bearer {editor}")
    bad = answer(client, query, authorization="Bearer wg_nonsense")

    assert without["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    assert with_key == lower
    assert with_key["data"] == {"drafts": {"totalCount": 1}}
    assert bad["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


def test_a_service_that_is_not_public_asks_for_a_key(database_url: str, editor: str) -> None:
    with TestClient(make_app(Settings(public=False), database_url)) as client:
        denied = answer(client, "{ edition { number } }")
        granted = answer(client, "{ edition { number } }", authorization=f"Bearer {editor}")

    assert denied["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    assert granted["data"] == {"edition": {"number": 2}}


# --- a browser ----------------------------------------------------------------------------------


def test_a_browser_gets_graphiql_with_three_questions(client: TestClient) -> None:
    page = client.get("/graphql", headers={"accept": "text/html"})
    home = client.get("/", headers={"accept": "text/html"}, follow_redirects=False)

    assert page.headers["content-type"].startswith("text/html")
    assert graphiql.operations() == ["Grids", "Where", "Proof"]
    for name in graphiql.operations():
        assert f"query {name} {{" in page.text
    assert "GraphiQL.createFetcher" in page.text
    assert 'id="plain"' in page.text, "a form for where there is no way out"
    assert home.is_redirect
    assert home.headers["location"].endswith("graphql")


def test_the_questions_of_the_page_are_answered(client: TestClient) -> None:
    assert validate(schema._schema, parse(graphiql.EXAMPLES)) == []
    for name in graphiql.operations():
        body = {"query": graphiql.EXAMPLES, "operationName": name}
        found = client.post("/graphql", json=body).json()
        assert "errors" not in found
        assert found["data"]


def test_the_page_holds_the_questions_as_javascript(client: TestClient) -> None:
    page = client.get("/graphql", headers={"accept": "text/html"}).text

    literal = re.search(r"const EXAMPLE_QUERY = (\".*?[^\\]\");", page)
    assert literal is not None
    assert orjson.loads(literal.group(1)) == graphiql.EXAMPLES


# --- health -------------------------------------------------------------------------------------


def test_a_service_with_its_database_is_up_and_ready(client: TestClient) -> None:
    assert client.get("/healthz").json() == {"up": True}
    ready = client.get("/readyz")
    assert (ready.status_code, ready.json()) == (200, {"ready": True, "reason": None})


def test_a_service_without_its_database_is_up_but_not_ready(database_url: str) -> None:
    gone = make_url(database_url).set(database="gone", password="secret")  # noqa: S106 - made up
    url = gone.render_as_string(hide_password=False)
    with TestClient(make_app(Settings(), url)) as client:
        assert client.get("/healthz").status_code == 200
        ready = client.get("/readyz")
        asked = client.post("/graphql", json={"query": "{ levels { key } }"})

    assert ready.status_code == 503
    assert ready.json() == {"ready": False, "reason": "the database does not answer"}
    assert asked.json()["errors"][0]["extensions"]["code"] == "NO_DATABASE"
    assert "secret" not in ready.text + asked.text


def test_a_database_of_older_tables_is_not_ready(database_url: str) -> None:
    async def forget() -> None:
        engine = make_engine(database_url)
        await world.run(engine, text("DELETE FROM alembic_version"))
        await engine.dispose()

    asyncio.run(forget())
    with TestClient(make_app(Settings(), database_url)) as client:
        ready = client.get("/readyz")

    assert ready.status_code == 503
    assert "wangge db upgrade" in ready.json()["reason"]


def test_what_is_not_there_is_not_found(client: TestClient) -> None:
    assert client.get("/nothing").status_code == 404
    assert client.delete("/graphql").status_code == 405
