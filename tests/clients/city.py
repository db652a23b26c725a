"""The made-up town, published level by level as a city would, behind a service in a thread."""

from __future__ import annotations

import asyncio
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import uvicorn

from resolvers import addresses, importing, levels, publishing
from resolvers.demo_circles import load_services
from resolvers.demo_duties import load_roster
from service.app import make_app
from service.cli.demo import FILES, read_town
from service.cli.serve import address_of, listen
from service.settings import Settings
from storage.engine import make_engine
from storage.keys import Role
from tests.clock import city_day
from tests.graphql.live import Quiet
from tests.graphql.world import make_key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.ext.asyncio import AsyncEngine

BY = "town hall"
PATIENCE_S = 20.0


class City(NamedTuple):
    """A database of the town, and who may publish in it."""

    name: str
    publisher: str
    """A key for everywhere."""


class Served(NamedTuple):
    """A service that runs."""

    address: str
    """Without a slash at its end."""
    publisher: str


def build(url: str) -> str:
    """Put the town into a database; return the key of a publisher."""

    async def run() -> str:
        engine = make_engine(url)
        await _publish(engine)
        key = await make_key(engine, Role.PUBLISHER)
        await engine.dispose()
        return key

    return asyncio.run(run())


async def _publish(engine: AsyncEngine) -> None:
    town, today = read_town(FILES), city_day()
    await levels.load_levels(engine, town.levels)
    await addresses.load_addresses(engine, *town.addresses, published_by=BY, today=today)
    await load_services(engine, town.services, today=today, by=BY)
    for spec in town.levels:
        made = await importing.import_boundaries(
            engine, town.units[spec.key], level=spec.key, within=None, created_by=BY, today=today
        )
        assert made.draft is not None
        await publishing.publish(engine, [made.draft], publishing.Order(BY, today, note=spec.key))
    await load_roster(engine, town.roster, today=today, by=BY)


@contextmanager
def serving(
    url: str,
    publisher: str,
    *,
    port: int = 0,
    **settings: Any,  # noqa: ANN401 - of any type
) -> Iterator[Served]:
    """Run the service on a port of this machine, or a free one, in a thread of its own.

    Browsers and programs of Node are waited for without an event loop.
    """
    listener = listen("127.0.0.1", port)
    app = make_app(Settings(**settings), url)
    server = Quiet(uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=3))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        deadline = time.monotonic() + PATIENCE_S
        while not server.started:
            assert thread.is_alive(), "the service ended at once"
            assert time.monotonic() < deadline, "the service does not come up"
            time.sleep(0.01)
        yield Served(address_of(listener).rstrip("/"), publisher)
    finally:
        server.should_exit = True
        thread.join()
        listener.close()
