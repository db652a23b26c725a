"""What is refused by the head of a request alone, and how an address is told that is none."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import pytest
from starlette.testclient import TestClient

from service.app import make_app
from service.http_answers import Refused
from service.http_bodies import read_body
from service.http_caching import matches
from service.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.types import Message

pytestmark = pytest.mark.anyio

QUESTION = b'{"query": "{ __typename }"}'


@pytest.fixture
def client(drawn_town: str, database_url: str) -> Iterator[TestClient]:
    del drawn_town
    with TestClient(make_app(Settings(), database_url)) as found:
        yield found


async def unread() -> Message:
    raise RuntimeError("the body was read")


def head(*headers: tuple[bytes, bytes]) -> dict[str, object]:
    return {"type": "http", "headers": list(headers)}


async def test_a_body_that_is_said_to_be_too_large_is_not_read() -> None:
    for length in (b"11", b"9" * 30):
        with pytest.raises(Refused, match="10 bytes at most") as caught:
            await read_body(head((b"content-length", length)), unread, 10)
        assert caught.value.status == 413

    with pytest.raises(RuntimeError, match="was read"):
        await read_body(head((b"content-length", b"10")), unread, 10)


async def test_a_body_that_is_longer_than_its_head_says_is_read_no_further() -> None:
    parts = iter([b"12345", b"67890", b"1"])

    async def receive() -> Message:
        return {"type": "http.request", "body": next(parts), "more_body": True}

    with pytest.raises(Refused, match="10 bytes at most"):
        await read_body(head(), receive, 10)
    assert next(parts, None) is None, "the part that was too much is the last"


def test_a_packed_body_is_refused_with_words(client: TestClient) -> None:
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    answer = client.post("/graphql", content=gzip.compress(QUESTION), headers=headers)

    assert answer.status_code == 415
    assert answer.headers["accept-encoding"] == "identity"
    assert "'gzip'" in answer.json()["errors"][0]["message"]

    headers["Content-Encoding"] = "identity"
    answer = client.post("/graphql", content=QUESTION, headers=headers)
    assert answer.json()["data"] == {"__typename": "Query"}


def test_a_star_stands_for_whatever_there_is() -> None:
    assert matches("*", 'W/"a"')
    assert matches(" * ", 'W/"a"')
    assert not matches('"*"', 'W/"a"')
    assert matches('"b", W/"a"', 'W/"a"')


def test_an_address_that_is_none_is_told_as_the_client_takes_it(client: TestClient) -> None:
    answer = client.get("/nowhere", headers={"Accept": "application/json"})
    assert answer.status_code == 404
    assert answer.json() == {
        "errors": [{"message": "there is nothing at /nowhere", "extensions": {"code": "UNKNOWN"}}]
    }

    text = client.get("/nowhere", headers={"Accept": "text/html,*/*;q=0.8"})
    assert (text.status_code, text.text) == (404, "there is nothing at /nowhere")
    assert text.headers["content-type"].startswith("text/plain")


def test_a_method_that_an_address_does_not_take_is_told(client: TestClient) -> None:
    answer = client.put("/tiles.json")

    assert answer.status_code == 405
    assert "GET" in answer.headers["allow"]
    assert answer.json()["errors"][0]["extensions"] == {"code": "BAD_INPUT"}
