"""Log lines: for people and for machines, with the request that they belong to."""

from __future__ import annotations

import json
import logging
import logging.config
import re
from typing import TYPE_CHECKING

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from service.http_trace import Traced
from service.logs import log_config
from service.metrics import Metrics
from service.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.requests import Request

LOG = logging.getLogger("wangge.some_part")


async def answer(request: Request) -> Response:
    LOG.warning("something happened to %s", "东门")
    if "boom" in request.query_params:
        raise ValueError("broken")
    return PlainTextResponse("fine")


@pytest.fixture
def client() -> TestClient:
    app = Starlette(
        routes=[Route("/", answer), Route("/other", answer)],
        middleware=[Middleware(Traced, metrics=Metrics())],
    )
    return TestClient(app, raise_server_exceptions=False)


@pytest.fixture
def _as_before() -> Iterator[None]:
    """Put the process's logging back as it was."""
    root, loggers = logging.getLogger(), [logging.getLogger(n) for n in ("wangge", "service")]
    handlers, level, levels = root.handlers[:], root.level, [one.level for one in loggers]
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for one, before in zip(loggers, levels, strict=True):
        one.setLevel(before)


@pytest.mark.usefixtures("_as_before")
def test_each_line_is_json_and_names_its_request(
    client: TestClient, capsys: pytest.CaptureFixture[str]
) -> None:
    logging.config.dictConfig(log_config(Settings(log_format="json", log_level="info")))
    client.get("/?secret=wg_key", headers={"X-Request-ID": "abc-1", "Authorization": "Bearer wg_k"})
    logging.getLogger("wangge.apart").warning("no request")
    told = capsys.readouterr().err
    happened, request, apart = (json.loads(line) for line in told.splitlines())

    assert happened["message"] == "something happened to 东门"
    assert happened["level"] == "warning"
    assert happened["logger"] == "wangge.some_part"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", happened["time"])
    assert happened["request_id"] == request["request_id"] == "abc-1"
    assert (request["method"], request["path"], request["status"]) == ("GET", "/", 200)
    assert request["bytes"] == len("fine")
    assert request["ms"] >= 0
    assert "request_id" not in apart
    assert "wg_k" not in told


@pytest.mark.usefixtures("_as_before")
def test_a_failure_is_one_line_with_its_traceback_inside(
    client: TestClient, capsys: pytest.CaptureFixture[str]
) -> None:
    logging.config.dictConfig(log_config(Settings(log_format="json", log_level="info")))
    client.get("/?boom")
    LOG.error("outer", exc_info=KeyError("inner"))
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]

    assert "KeyError: 'inner'" in lines[-1]["exception"]
    assert lines[1]["status"] == 500


@pytest.mark.usefixtures("_as_before")
def test_plain_lines_are_for_people_and_only_what_matters_by_default(
    client: TestClient, capsys: pytest.CaptureFixture[str]
) -> None:
    logging.config.dictConfig(log_config(Settings()))
    client.get("/", headers={"X-Request-ID": "abc-1"})

    assert capsys.readouterr().err == "something happened to 东门 [abc-1]\n"


@pytest.mark.usefixtures("_as_before")
def test_a_path_cannot_pass_for_another_line(
    client: TestClient, capsys: pytest.CaptureFixture[str]
) -> None:
    logging.config.dictConfig(log_config(Settings(log_level="info")))
    client.get("/%0Awangge: all is well")
    told = capsys.readouterr().err

    assert len(told.splitlines()) == 1
    assert "\\n" in told


@pytest.mark.parametrize("given", ["a" * 129, "a b", "a\tb", "é", "{}", "<script>"])
def test_an_id_that_is_none_is_replaced(client: TestClient, given: str) -> None:
    answered = client.get("/", headers={b"X-Request-ID": given.encode()})
    assert re.fullmatch(r"[0-9a-f]{16}", answered.headers["x-request-id"])


def test_an_id_is_kept_and_without_one_each_request_gets_its_own(client: TestClient) -> None:
    kept = client.get("/", headers={"X-Request-ID": "4bf92f35-77b3/4da6:a=1"})
    others = {client.get("/").headers["x-request-id"] for _ in range(10)}

    assert kept.headers["x-request-id"] == "4bf92f35-77b3/4da6:a=1"
    assert len(others) == 10


def test_an_answer_after_a_bug_names_the_request_and_nothing_else(client: TestClient) -> None:
    answered = client.get("/?boom", headers={"X-Request-ID": "abc-2"})

    assert answered.status_code == 500
    assert answered.headers["x-request-id"] == "abc-2"
    assert answered.headers["cache-control"] == "no-store"
    told = {"message": "Unexpected error.", "extensions": {"reference": "abc-2"}}
    assert answered.json() == {"errors": [told]}
