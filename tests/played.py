"""The demo, played once in a worker for all tests that look at what came of it."""

from __future__ import annotations

import asyncio
import datetime as dt
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from resolvers.demo import Played, Town, play
from service.cli.demo import FILES, read_town
from service.cli.playbill import played_json
from storage.engine import make_engine

if TYPE_CHECKING:
    from tests.databases import Databases

TODAY = dt.date(2026, 11, 22)


class Demo(NamedTuple):
    """The demo, and what it tells machines."""

    url: str
    """Of its database, which is only read."""
    town: Town
    played: Played
    told: dict[str, Any]  # JSON


@cache
def play_once(databases: Databases) -> Demo:
    """Play the demo in a database of its own, the first time that it is asked for."""
    url = databases.make("demo_played")
    town = read_town(FILES)

    async def run() -> Played:
        engine = make_engine(url)
        try:
            return await play(engine, town, today=TODAY, by="demo")
        finally:
            await engine.dispose()

    played = asyncio.run(run())
    return Demo(url, town, played, played_json(played))
