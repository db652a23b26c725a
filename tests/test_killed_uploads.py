"""A service that is killed at any moment of an upload loses nothing and leaves nothing behind.

``WANGGE_KILLS=30 pytest tests/test_killed_uploads.py`` kills thirty times.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import httpx2
import orjson
import pytest

from resolvers.auditing import audit
from storage.engine import make_engine
from storage.keys import Role
from tests.graphql import world
from tests.graphql.live import IMPORT, bearer
from tests.graphql.world import C1, G11, G12, ring
from tests.publishing.outside import CHECKOUT, environment, program
from tests.publishing.stored import HALF_DRAFTS, Stored

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.postgis

KILLS = int(os.environ.get("WANGGE_KILLS", "3"))
SEED = 20261122
PATIENCE_S = 60.0
PUBLISH = "mutation($ids: [ID!]!) { publishDrafts(ids: $ids) { number } }"


class Service:
    """``wangge serve`` in a process of its own, with its own folder for temporary files."""

    def __init__(self, url: str, temporary: Path) -> None:
        self.process = subprocess.Popen(  # noqa: S603 - our own program
            [*program(), "serve", "--port", "0"],
            env=environment(url, TMPDIR=str(temporary)),
            cwd=CHECKOUT,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stderr is not None
        self.http = httpx2.Client(
            base_url=self.process.stderr.readline().split()[3], timeout=PATIENCE_S
        )
        self._until_ready()

    def _until_ready(self) -> None:
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end and self.process.poll() is None:
            with suppress(httpx2.TransportError):
                if self.http.get("readyz").status_code == 200:
                    return
            time.sleep(0.05)
        self.process.kill()
        pytest.fail(f"the service did not come up: {self.process.communicate()[1]}")

    def import_and_publish(self, key: str, year: int) -> int:
        """Send the grids of a year and publish them; return the edition's number."""
        draft = self._answer(self._send(key, year))["importBoundaries"]
        assert draft["status"] == "OPEN"
        body = {"query": PUBLISH, "variables": {"ids": [draft["id"]]}}
        done = self._answer(self.http.post("graphql", json=body, headers=bearer(key)))
        return int(done["publishDrafts"]["number"])

    def _send(self, key: str, year: int) -> httpx2.Response:
        variables = {
            "file": None,
            "level": "grid",
            "within": {"level": "community", "code": C1},
            "ticket": "the same each time",
        }
        operations = orjson.dumps({"query": IMPORT, "variables": variables}).decode()
        return self.http.post(
            "graphql",
            data={"operations": operations, "map": '{"0": ["variables.file"]}'},
            files={"0": (f"{year}.geojson", grids(year))},
            headers=bearer(key),
        )

    @staticmethod
    def _answer(response: httpx2.Response) -> Any:  # noqa: ANN401 - JSON
        answer = response.json()
        assert "errors" not in answer, answer
        return answer["data"]

    def end(self, sign: signal.Signals) -> None:
        """End the process."""
        self.process.send_signal(sign)
        self.process.communicate(timeout=PATIENCE_S)
        self.http.close()


def grids(year: int) -> bytes:
    """Return the two grids of a community, named after a year and padded to many pieces."""
    features = [
        {
            "type": "Feature",
            "properties": {"code": code, "name": f"{code} {year}", "note": "x" * 400_000},
            "geometry": {"type": "Polygon", "coordinates": [ring(box)]},
        }
        for code, box in ((G11, (0.0, 0.0, 1.0, 1.0)), (G12, (1.0, 0.0, 2.0, 1.0)))
    ]
    return orjson.dumps({"type": "FeatureCollection", "features": features})


def built(url: str) -> str:
    """Draw the town and return the key of a publisher."""

    async def build() -> str:
        engine = make_engine(url)
        await world.build(engine)
        key = await world.make_key(engine, Role.PUBLISHER)
        await engine.dispose()
        return key

    return asyncio.run(build())


def differences(url: str) -> list[str]:
    """Return what an audit of the newest edition finds."""

    async def work() -> list[str]:
        engine = make_engine(url)
        found = await audit(engine, None)
        await engine.dispose()
        return [difference.message for difference in found.differences]

    return asyncio.run(work())


def nothing_left(stored: Stored, temporary: Path) -> None:
    """Make sure that nothing is half: no draft, no file."""
    end = time.monotonic() + PATIENCE_S
    while stored.one("SELECT count(*) FROM draft WHERE status = 'READING'"):
        assert time.monotonic() < end, "a draft is still READING, though nobody reads it"
        time.sleep(0.1)
    assert stored.rows(HALF_DRAFTS) == []
    failed = "SELECT count(*) FROM draft WHERE status = 'FAILED' AND error IS NULL"
    assert stored.one(failed) == 0
    [folder] = temporary.iterdir()
    assert list(folder.iterdir()) == [], "only the new process's own folder, and nothing in it"


def test_an_upload_that_is_killed_at_random_moments_is_whole_or_nothing(
    database_url: str, scratch: Path
) -> None:
    key = built(database_url)
    with Stored(database_url) as stored:
        kill_at_random_moments(stored, database_url, key, scratch)
    assert list(scratch.iterdir()) == []


def kill_at_random_moments(stored: Stored, database_url: str, key: str, scratch: Path) -> None:
    """Kill the service in the middle of uploads, and see each time what is there."""
    drawn = differences(database_url)
    chance = random.Random(SEED)  # noqa: S311 - a test's dice
    service = Service(database_url, scratch)
    halfway = 0
    try:
        service.import_and_publish(key, 0)
        for year in range(1, KILLS + 1):
            service.import_and_publish(key, -KILLS - year)  # the first one loads what is needed
            before = stored.newest()
            begun = time.monotonic()
            service.import_and_publish(key, -year)
            takes_s = time.monotonic() - begun
            victim = threading.Thread(target=unheard, args=(service, key, year))
            victim.start()
            time.sleep(chance.uniform(0.0, takes_s))
            service.end(signal.SIGKILL)
            victim.join()

            service = Service(database_url, scratch)
            nothing_left(stored, scratch)
            assert stored.newest() in {before + 1, before + 2}
            assert differences(database_url) == drawn
            halfway += stored.newest() == before + 1
            if stored.newest() == before + 1:  # the same again goes through
                assert service.import_and_publish(key, year) == before + 2
        assert differences(database_url) == drawn
    finally:
        service.end(signal.SIGTERM)
    assert halfway >= KILLS // 3, f"only {halfway} were killed before they had ended"


def unheard(service: Service, key: str, year: int) -> None:
    """Import and publish, whatever comes of it."""
    with suppress(httpx2.TransportError, AssertionError, ValueError):
        service.import_and_publish(key, year)
