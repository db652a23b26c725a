"""Answers that a client holds already are not made again, and never held for longer than true."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import orjson
import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

from resolvers.known import Known
from service.app import make_app
from service.http_answers import GRAPHQL_JSON
from service.settings import Settings
from storage.engine import make_engine
from storage.keys import Role
from tests.graphql import world
from tests.graphql.world import G21

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx2

QUERY = f'{{ unit(level: "grid", code: "{G21}", asOf: "2025-06-01") {{ code name }} }}'


def change(url: str, statement: str) -> None:
    """Write something into the database, as another process does."""

    async def write() -> None:
        engine = make_engine(url)
        await world.run(engine, text(statement))
        await engine.dispose()

    asyncio.run(write())


def new_key(url: str) -> str:
    async def make() -> str:
        engine = make_engine(url)
        key = await world.make_key(engine, Role.EDITOR)
        await engine.dispose()
        return key

    return asyncio.run(make())


@pytest.fixture
def client(drawn_town: str, database_url: str) -> Iterator[TestClient]:
    del drawn_town  # it is copied
    with TestClient(make_app(Settings(), database_url)) as open_client:
        yield open_client


def get(client: TestClient, query: str = QUERY, /, **headers: str) -> httpx2.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.get("/graphql", params={"query": query}, headers=named)


def held(client: TestClient, form: str = "{}") -> tuple[httpx2.Response, httpx2.Response]:
    """Ask twice, the second time with the tag of the first, in some form.

    PostgreSQL's own housekeeping may write in between; not five times.
    """
    for _ in range(5):
        first = get(client)
        again = get(client, if_none_match=form.format(first.headers.get("etag", "none")))
        if again.status_code == 304:
            return first, again
    raise AssertionError("the answer is made anew each time")


def statements(response: httpx2.Response) -> int:
    """Return how many statements the answer took, as it says itself."""
    return int(response.headers["server-timing"].partition('desc="')[2].strip('"'))


def test_an_answer_that_is_held_is_not_made_again(client: TestClient) -> None:
    first, again = held(client)

    assert first.status_code == 200
    assert first.headers["cache-control"] == "public, no-cache"
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    assert again.headers["cache-control"] == "public, no-cache"
    assert statements(again) == 1, "the question whether anything was written"
    assert statements(first) > 2


@pytest.mark.parametrize("header", ['"other", {}', "{}, *", " {} ,", '"a" ,{},"b"'])
def test_tags_are_compared_as_clients_and_proxies_write_them(
    client: TestClient, header: str
) -> None:
    _, again = held(client, header)

    assert again.status_code == 304
    assert get(client, if_none_match='"other"').status_code == 200


def test_whatever_is_written_makes_another_answer(client: TestClient, database_url: str) -> None:
    before = get(client)
    change(database_url, f"UPDATE unit SET name = 'renamed' WHERE code = '{G21}'")
    after = get(client, if_none_match=before.headers["etag"])

    assert after.status_code == 200
    assert after.json()["data"]["unit"]["name"] == "renamed"
    assert after.headers["etag"] != before.headers["etag"]


@pytest.mark.parametrize(
    ("query", "written"),
    [
        ("{ levels { name } }", "UPDATE level SET name = 'renamed' WHERE key = 'grid'"),
        ("{ edition { note } }", "UPDATE edition SET note = 'renamed'"),
    ],
)
def test_a_change_that_the_process_has_not_heard_of_is_not_hidden_by_a_new_tag(
    client: TestClient,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
    query: str,
    written: str,
) -> None:
    posted = {"query": query}
    while statements(client.post("/graphql", json=posted)):  # until the process knows by itself
        pass
    before = get(client, query)
    monkeypatch.setattr(Known, "forget", lambda _: None)  # the notice is on its way
    change(database_url, written)
    after = get(client, query, if_none_match=before.headers["etag"])

    assert after.status_code == 200
    assert "renamed" in after.text


def test_what_is_rolled_back_or_still_open_changes_no_answer(
    client: TestClient, database_url: str
) -> None:
    async def tried() -> None:
        engine = make_engine(database_url)
        async with engine.connect() as connection:
            await connection.execute(text("UPDATE unit SET name = 'never'"))
            first, again = await asyncio.to_thread(held, client)
            assert first.json()["data"]["unit"]["name"] != "never"
            assert again.status_code == 304
            await connection.rollback()
        await engine.dispose()

    asyncio.run(tried())


def test_a_tag_belongs_to_one_question_one_type_and_one_key(
    client: TestClient, database_url: str
) -> None:
    key = f"Bearer {new_key(database_url)}"
    stranger = get(client)
    editor = get(client, authorization=key)
    other = get(client, "{ levels { key } }")
    new = get(client, accept=GRAPHQL_JSON)

    assert len({one.headers["etag"] for one in (stranger, editor, other, new)}) == 4
    assert editor.headers["cache-control"] == "private, no-cache"
    for response in (stranger, editor):
        vary = response.headers["vary"].lower()
        assert all(name in vary for name in ("accept", "authorization", "accept-encoding"))


def test_a_key_that_was_revoked_gets_nothing_by_an_old_tag(
    client: TestClient, database_url: str
) -> None:
    key = f"Bearer {new_key(database_url)}"
    query = "{ drafts { totalCount } }"
    tag = get(client, query, authorization=key).headers["etag"]
    change(database_url, "UPDATE api_key SET revoked_at = now()")
    after = get(client, query, authorization=key, if_none_match=tag)

    assert after.status_code == 200
    assert after.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


def test_errors_and_answers_by_post_are_held_by_nobody(client: TestClient) -> None:
    failed = get(client, '{ units(level: "gird") { totalCount } }')
    refused = get(client, "{")
    posted = client.post("/graphql", json={"query": QUERY})

    for response in (failed, refused, posted):
        assert "etag" not in response.headers
        assert response.headers["cache-control"] == "no-store"


def test_variables_that_are_nested_too_deeply_are_refused_by_get_as_by_post(
    client: TestClient,
) -> None:
    nested = '{"a":' * 300 + "1" + "}" * 300
    got = client.get("/graphql", params={"query": QUERY, "variables": nested})
    posted = client.post("/graphql", json={"query": QUERY, "variables": orjson.loads(nested)})

    for response in (got, posted):
        assert response.status_code == 200
        assert response.json()["errors"][0]["extensions"]["code"] == "BAD_INPUT"
        assert "etag" not in response.headers


def test_two_processes_give_the_same_tag(client: TestClient, database_url: str) -> None:
    with TestClient(make_app(Settings(), database_url)) as other:
        assert get(other).headers["etag"] == get(client).headers["etag"]
    with TestClient(make_app(Settings(walk_minutes=10), database_url)) as another:
        assert get(another).headers["etag"] != get(client).headers["etag"]
