"""The service on a real port: forms sent to it, and conversations over a WebSocket."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import httpx2
import orjson
import uvicorn
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from service.app import make_app
from service.cli.serve import address_of, listen
from service.settings import Settings
from tests.graphql.world import C1, G11, G12, Box, ring

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping

    from websockets.asyncio.client import ClientConnection

PATIENCE_S = 20.0
PROTOCOL = Subprotocol("graphql-transport-ws")

IMPORT = """
mutation Import($file: Upload!, $within: UnitRef, $ticket: ID, $with: [ID!], $level: String!) {
  importBoundaries(file: $file, level: $level, within: $within, ticket: $ticket, with: $with) {
    id status createdBy
    source { file sha256 featureCount }
    report { clean }
  }
}
"""
PROGRESS = "subscription($t: ID!) { importProgress(ticket: $t) { stage done total draft { id } } }"


class Quiet(uvicorn.Server):
    """A server that leaves the signals to the tests."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture nothing."""
        yield


class Service(NamedTuple):
    """A service that runs."""

    address: str
    http: httpx2.AsyncClient

    async def ask(
        self, query: str, variables: Mapping[str, object] | None = None, *, key: str | None = None
    ) -> Any:  # noqa: ANN401 - JSON
        """Put a question; return the whole answer."""
        body = {"query": query, "variables": dict(variables or {})}
        return (await self.http.post("graphql", json=body, headers=bearer(key))).json()

    async def send(
        self,
        content: bytes,
        *,
        key: str | None,
        name: str = "grids.geojson",
        level: str = "grid",
        within: tuple[str, str] | None = ("community", C1),
        **more: object,
    ) -> httpx2.Response:
        """Import a file."""
        variables: dict[str, object] = {"file": None, "level": level, **more}
        if within is not None:
            variables["within"] = {"level": within[0], "code": within[1]}
        operations = {"query": IMPORT, "variables": variables}
        return await self.send_form(
            {"operations": orjson.dumps(operations).decode(), "map": '{"0": ["variables.file"]}'},
            {"0": (name, content)},
            key=key,
        )

    async def send_form(
        self, fields: dict[str, str], files: dict[str, tuple[str, bytes]], *, key: str | None
    ) -> httpx2.Response:
        """Send a form as it is."""
        return await self.http.post("graphql", data=fields, files=files, headers=bearer(key))

    @asynccontextmanager
    async def talk(
        self,
        payload: Mapping[str, object] | None = None,
        *,
        key: str | None = None,
        greet: bool = True,
        compression: str | None = "deflate",
    ) -> AsyncIterator[Talk]:
        """Open a connection, and greet."""
        address = self.address.replace("http:", "ws:") + "graphql"
        headers = bearer(key)
        async with connect(
            address,
            subprotocols=[PROTOCOL],
            additional_headers=headers,
            max_size=None,
            compression=compression,
        ) as socket:
            talk = Talk(socket)
            if greet:
                await talk.say({"type": "connection_init", "payload": dict(payload or {})})
                assert await talk.hear() == {"type": "connection_ack"}
            yield talk


class Talk(NamedTuple):
    """A conversation over graphql-transport-ws."""

    socket: ClientConnection

    async def say(self, message: object) -> None:
        """Send a message."""
        await self.socket.send(orjson.dumps(message).decode())

    async def hear(self) -> Any:  # noqa: ANN401 - JSON
        """Return the next message, which is text."""
        async with asyncio.timeout(PATIENCE_S):
            text = await self.socket.recv()
        assert isinstance(text, str)
        return orjson.loads(text)

    async def subscribe(
        self, query: str, variables: Mapping[str, object] | None = None, *, name: str = "1"
    ) -> None:
        """Begin an operation."""
        payload = {"query": query, "variables": dict(variables or {})}
        await self.say({"type": "subscribe", "id": name, "payload": payload})

    async def next(self) -> Any:  # noqa: ANN401 - JSON
        """Return the data of the next result, which has no error."""
        message = await self.hear()
        assert message["type"] == "next", message
        assert "errors" not in message["payload"], message
        return message["payload"]["data"]

    async def error(self) -> Any:  # noqa: ANN401 - JSON
        """Return the error that ends an operation."""
        message = await self.hear()
        while message["type"] == "next" and "errors" not in message["payload"]:
            message = await self.hear()
        if message["type"] == "error":
            return message["payload"][0]
        assert message["type"] == "next", message
        assert (await self.hear())["type"] == "complete"
        return message["payload"]["errors"][0]


def bearer(key: str | None) -> dict[str, str]:
    """Return the header of a key."""
    return {} if key is None else {"Authorization": f"Bearer {key}"}


@asynccontextmanager
async def serving(url: str, **settings: Any) -> AsyncIterator[Service]:  # noqa: ANN401 - of any type
    """Run the service on a free port of this machine."""
    listener = listen("127.0.0.1", 0)
    made = make_app(Settings(**settings), url)
    server = Quiet(uvicorn.Config(made, log_level="error", timeout_graceful_shutdown=3))
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not server.started:  # noqa: ASYNC110 - it has no event
                await asyncio.sleep(0.01)
        address = address_of(listener)
        async with httpx2.AsyncClient(base_url=address, timeout=PATIENCE_S) as http:
            yield Service(address, http)
    finally:
        server.should_exit = True
        await task
        listener.close()


def collection(*units: tuple[str, Box]) -> bytes:
    """Return a GeoJSON file of boxes of the small town, with their codes."""
    features = [
        {
            "type": "Feature",
            "properties": {"code": code, "name": f"grid {code}"},
            "geometry": {"type": "Polygon", "coordinates": [ring(box)]},
        }
        for code, box in units
    ]
    return orjson.dumps({"type": "FeatureCollection", "features": features})


HALVES = collection((G11, (0, 0, 1, 1)), (G12, (1, 0, 2, 1)))
"""Community C1 in two grids, side by side."""
HOLE = collection((G11, (0, 0, 1, 1)))
"""The same with a half missing."""
