"""Who asks is who a trusted proxy says, and nobody else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from service.server import configured
from service.settings import Settings

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import Message

CLIENT = "203.0.113.9"


@pytest.fixture(autouse=True)
def unsettled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the collector of the tests' own process as it is."""
    monkeypatch.setattr("service.server.settle", lambda: None)


async def who(request: Request) -> PlainTextResponse:
    """Say who asks."""
    return PlainTextResponse(f"{request.client and request.client.host} by {request.url.scheme}")


async def told(settings: Settings, sender: str) -> str:
    """Return who the service believes to be asked by, when a sender names another."""
    config = configured(settings, Starlette(routes=[Route("/", who)]))
    config.load()
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/",
        "query_string": b"",
        "scheme": "http",
        "server": ("127.0.0.1", 8000),
        "client": (sender, 1234),
        "headers": [(b"x-forwarded-for", CLIENT.encode()), (b"x-forwarded-proto", b"https")],
    }
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request"}

    async def send(message: Message) -> None:
        sent.append(message)

    await config.loaded_app(scope, receive, send)
    return b"".join(message.get("body", b"") for message in sent).decode()


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("trusted", "sender", "believed"),
    [
        (None, "127.0.0.1", True),
        (None, "::1", True),
        (None, "10.1.2.3", False),
        ("10.0.0.0/8", "10.1.2.3", True),
        ("10.0.0.0/8", "127.0.0.1", False),
        ("127.0.0.1,10.1.2.3", "10.1.2.3", True),
        ("*", "198.51.100.1", True),
    ],
)
async def test_only_a_trusted_proxy_says_who_asks(
    trusted: str | None, sender: str, believed: bool
) -> None:
    settings = Settings() if trusted is None else Settings(trusted_proxies=trusted)

    said = await told(settings, sender)

    assert said == (f"{CLIENT} by https" if believed else f"{sender} by http")
