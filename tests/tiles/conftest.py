"""The town of winding borders behind the routes of tiles, as the service has them."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, NamedTuple

import pytest
from sqlalchemy import event
from starlette.applications import Starlette
from starlette.testclient import TestClient

from resolvers.context import Shared
from service.http_tiles import routes
from service.settings import Settings
from storage.engine import make_engine
from tests.tiles import lattice

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from tests.databases import Databases


class Served(NamedTuple):
    """A service, and the statements that it asked."""

    client: TestClient
    statements: list[str]
    shared: Shared


def serve(url: str, *, public: bool = True) -> tuple[Starlette, list[str], Shared]:
    """Return the routes of tiles as an application of its own."""
    statements: list[str] = []
    engine = make_engine(url)
    shared = Shared(engine, public=public)

    def note(*happened: object) -> None:
        statements.append(str(happened[2]))  # after the connection and the cursor

    event.listen(engine.sync_engine, "before_cursor_execute", note)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[dict[str, object]]:
        yield {"shared": shared}
        await engine.dispose()

    return Starlette(routes=routes(Settings()), lifespan=lifespan), statements, shared


@pytest.fixture
def serving() -> Iterator[Callable[..., Served]]:
    """Give what serves a database until the test ends."""
    opened: list[TestClient] = []

    def begin(url: str, *, public: bool = True) -> Served:
        app, statements, shared = serve(url, public=public)
        client = TestClient(app, raise_server_exceptions=True)
        client.__enter__()
        opened.append(client)
        return Served(client, statements, shared)

    yield begin
    for client in reversed(opened):
        client.__exit__(None, None, None)


@pytest.fixture(scope="session")
def lattice_url(databases: Databases) -> str:
    """Draw the town of winding borders once; tests read it, and their pictures add up."""
    url = databases.make("tiles_lattice")

    async def draw() -> None:
        engine = make_engine(url)
        await lattice.build(engine)
        await engine.dispose()

    asyncio.run(draw())
    return url


@pytest.fixture
def town(serving: Callable[..., Served], lattice_url: str) -> Served:
    """Serve the town of winding borders."""
    return serving(lattice_url)
