"""GraphQL over HTTP as the specification says: media types, methods, status codes."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from starlette.testclient import TestClient

from service.app import make_app
from service.http_answers import GRAPHQL_JSON, JSON
from service.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx2

LEVELS = "{ levels { key } }"


@pytest.fixture
def client(drawn_town: str, database_url: str) -> Iterator[TestClient]:
    del drawn_town  # it is copied
    with TestClient(make_app(Settings(), database_url)) as open_client:
        yield open_client


def post(client: TestClient, accept: str | None = GRAPHQL_JSON, **body: object) -> httpx2.Response:
    headers = {} if accept is None else {"accept": accept}
    return client.post("/graphql", json=body, headers=headers)


def get(client: TestClient, accept: str = GRAPHQL_JSON, **params: str) -> httpx2.Response:
    return client.get("/graphql", params=params, headers={"accept": accept})


def kind(response: httpx2.Response) -> str:
    return str(response.headers["content-type"].partition(";")[0])


def codes(response: httpx2.Response) -> list[str]:
    return [error["extensions"]["code"] for error in response.json()["errors"]]


# --- media types --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("accept", "media"),
    [
        (GRAPHQL_JSON, GRAPHQL_JSON),
        (JSON, JSON),
        ("*/*", JSON),
        (f"{JSON};q=0.9, {GRAPHQL_JSON}", GRAPHQL_JSON),
    ],
)
def test_the_answer_has_the_type_that_is_wanted(
    client: TestClient, accept: str, media: str
) -> None:
    posted, got = post(client, accept, query=LEVELS), get(client, accept, query=LEVELS)

    assert kind(posted) == kind(got) == media
    assert posted.json() == got.json()
    assert len(got.json()["data"]["levels"]) == 5


def test_a_type_that_there_is_not_is_not_acceptable(client: TestClient) -> None:
    refused = post(client, "image/png", query=LEVELS)

    assert refused.status_code == 406
    assert kind(refused) == JSON
    assert GRAPHQL_JSON in refused.json()["errors"][0]["message"]


@pytest.mark.parametrize(
    "given",
    ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=gbk", ""],
)
def test_a_body_of_another_type_is_not_supported(client: TestClient, given: str) -> None:
    body = orjson.dumps({"query": LEVELS})
    refused = client.post("/graphql", content=body, headers={"content-type": given})

    assert refused.status_code == 415
    assert JSON in refused.headers["accept"]
    assert codes(refused) == ["BAD_INPUT"]


@pytest.mark.parametrize(
    "given", ["application/json; charset=UTF-8", 'Application/JSON; charset="utf-8"']
)
def test_json_in_utf_8_is_supported_however_it_is_said(client: TestClient, given: str) -> None:
    body = orjson.dumps({"query": LEVELS})
    assert client.post("/graphql", content=body, headers={"content-type": given}).json()["data"]


# --- methods ------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "HEAD"])
def test_another_method_is_told_those_that_there_are(client: TestClient, method: str) -> None:
    refused = client.request(method, "/graphql")

    assert refused.status_code == 405
    assert refused.headers["allow"] == "GET, POST"


@pytest.mark.parametrize("accept", [JSON, GRAPHQL_JSON])
def test_nothing_is_changed_by_get(client: TestClient, accept: str) -> None:
    refused = get(client, accept, query='mutation { discardDraft(id: "x") { id } }')

    assert refused.status_code == 405
    assert refused.headers["allow"] == "POST"


def test_a_chosen_query_beside_a_mutation_may_be_asked_by_get(client: TestClient) -> None:
    text = "query Q { levels { key } } mutation M { __typename }"

    assert get(client, query=text, operationName="Q").status_code == 200
    assert get(client, query=text, operationName="M").status_code == 405


# --- status codes -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        {"query": "{"},
        {"query": "{ nothing }"},
        {"query": "query Q($n: Int!) { edition(number: $n) { number } }"},
        {"query": "query Q($n: Int!) { edition(number: $n) { number } }", "variables": {"n": "x"}},
        {"query": "query A { __typename } query B { __typename }"},
        {"query": LEVELS, "operationName": "Other"},
        {"query": "subscription { editionPublished { number } }"},
    ],
)
def test_what_is_not_executed_has_no_data_and_a_status_that_says_so(
    client: TestClient, body: dict[str, Any]
) -> None:
    new, old = post(client, GRAPHQL_JSON, **body), post(client, JSON, **body)

    assert (new.status_code, old.status_code) == (400, 200)
    assert "data" not in new.json()
    assert "data" not in old.json()
    assert codes(new) == codes(old) == ["BAD_INPUT"]


def test_a_field_that_fails_leaves_the_status_as_it_is(client: TestClient) -> None:
    told = post(client, query='{ units(level: "gird") { totalCount } levels { key } }')

    assert told.status_code == 200
    assert told.json()["data"]["units"] is None
    assert codes(told) == ["UNKNOWN"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"query": None},
        {"query": ""},
        {"query": 5},
        {"query": [LEVELS]},
        {"query": LEVELS, "variables": "{}"},
        {"query": LEVELS, "variables": []},
        {"query": LEVELS, "operationName": 1},
        {"query": LEVELS, "extensions": []},
    ],
)
@pytest.mark.parametrize("accept", [JSON, GRAPHQL_JSON])
def test_a_request_that_is_not_well_formed_is_bad_in_either_type(
    client: TestClient, accept: str, body: dict[str, Any]
) -> None:
    refused = post(client, accept, **body)

    assert refused.status_code == 400
    assert "data" not in refused.json()
    assert kind(refused) == accept


def test_a_list_of_queries_is_refused_in_words(client: TestClient) -> None:
    refused = client.post("/graphql", json=[{"query": LEVELS}, {"query": LEVELS}])

    assert refused.status_code == 400
    assert "a request of its own" in refused.json()["errors"][0]["message"]


@pytest.mark.parametrize("name", ["variables", "extensions"])
def test_parameters_of_an_address_are_json(client: TestClient, name: str) -> None:
    bad = get(client, query=LEVELS, **{name: "{"})
    other = get(client, query=LEVELS, **{name: "[1]"})
    empty = get(client, query=LEVELS, **{name: ""})

    assert (bad.status_code, other.status_code, empty.status_code) == (400, 400, 200)
    assert f"`{name}`" in bad.json()["errors"][0]["message"]


def test_a_browser_gets_a_page_and_everybody_else_an_error_where_nothing_is_asked(
    client: TestClient,
) -> None:
    page = client.get("/graphql", headers={"accept": "text/html,*/*;q=0.8"})
    other = client.get("/graphql")

    assert kind(page) == "text/html"
    assert other.status_code == 400
    assert kind(other) == JSON


def test_the_page_can_be_switched_off(database_url: str) -> None:
    with TestClient(make_app(Settings(graphiql=False), database_url)) as client:
        assert client.get("/graphql", headers={"accept": "text/html"}).status_code == 404
        assert get(client, query=LEVELS).status_code == 200


# --- queries by their hash ----------------------------------------------------------------------


def named(query: str) -> dict[str, object]:
    name = hashlib.sha256(query.encode()).hexdigest()
    return {"persistedQuery": {"version": 1, "sha256Hash": name}}


def test_a_query_is_asked_by_its_hash_by_post_and_by_get(client: TestClient) -> None:
    by_hash = orjson.dumps(named(LEVELS)).decode()

    first = post(client, JSON, extensions=named(LEVELS))
    strict = get(client, extensions=by_hash)
    sent = post(client, query=LEVELS, extensions=named(LEVELS))
    posted = post(client, extensions=named(LEVELS))
    got = get(client, extensions=by_hash)

    assert first.status_code == 200
    assert first.json()["errors"][0]["message"] == "PersistedQueryNotFound"
    assert codes(first) == codes(strict) == ["PERSISTED_QUERY_NOT_FOUND"]
    assert strict.status_code == 404
    assert "no-store" in strict.headers["cache-control"]
    assert sent.json() == posted.json() == got.json()
    assert len(got.json()["data"]["levels"]) == 5


def test_a_query_that_is_not_its_hash_is_refused_and_not_kept(client: TestClient) -> None:
    refused = post(client, query="{ __typename }", extensions=named(LEVELS))
    after = post(client, extensions=named(LEVELS))

    assert refused.status_code == 400
    assert codes(after) == ["PERSISTED_QUERY_NOT_FOUND"]


def test_a_query_that_cannot_be_executed_is_not_kept(client: TestClient) -> None:
    post(client, query="{ nothing }", extensions=named("{ nothing }"))

    assert codes(post(client, extensions=named("{ nothing }"))) == ["PERSISTED_QUERY_NOT_FOUND"]


def test_a_change_named_by_its_hash_comes_by_post_only(client: TestClient) -> None:
    text = "mutation { __typename }"
    post(client, query=text, extensions=named(text))

    assert get(client, extensions=orjson.dumps(named(text)).decode()).status_code == 405


def test_a_service_that_keeps_no_queries_says_so(database_url: str) -> None:
    with TestClient(make_app(Settings(persisted_queries=False), database_url)) as client:
        refused = post(client, JSON, query=LEVELS, extensions=named(LEVELS))
        plain = post(client, JSON, query=LEVELS, extensions={"other": 1})

    assert refused.json()["errors"][0]["message"] == "PersistedQueryNotSupported"
    assert plain.json()["data"]
