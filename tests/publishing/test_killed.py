"""A process that ends at any moment leaves whole editions, and the same command then succeeds."""

from __future__ import annotations

import random
import signal
import subprocess
import time
from typing import TYPE_CHECKING

import numpy as np
import psycopg
import pytest
import shapely
from pyogrio.raw import write

from fixtures.__main__ import DATA
from tests.publishing.drawing import halves, plan, write_geojson
from tests.publishing.outside import CHECKOUT, Answer, Wangge, environment, program
from tests.publishing.test_races import PATIENCE_S, gate, lock
from tests.town import layer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.publishing.stored import Stored

pytestmark = pytest.mark.postgis

KILLS = 10
TOWN = DATA / "town.gpkg"


class Command:
    """A command in a process of its own, which can be sent a signal."""

    def __init__(self, url: str, *arguments: object) -> None:
        self.process = subprocess.Popen(  # noqa: S603 - our own program
            [*program(), *map(str, arguments)],
            env=environment(url, PYTHONUNBUFFERED="1"),
            cwd=CHECKOUT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )
        self.said: list[str] = []

    def until_said(self, beginning: str) -> None:
        """Wait for a line on the standard error."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.said.append(line)
            if line.startswith(beginning):
                return

    def end(self, sign: signal.Signals | None = None) -> Answer:
        """Send a signal, if any, and wait for the end."""
        if sign is not None:
            self.process.send_signal(sign)
        _, err = self.process.communicate(timeout=PATIENCE_S)
        return Answer(self.process.returncode, "", "".join(self.said) + err)


def settled(stored: Stored) -> None:
    """Wait until the server has noticed that its clients are gone."""
    stored.close()  # or the test itself would be a client
    with psycopg.connect(stored.address, autocommit=True) as watcher:
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            others = watcher.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                " AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
            ).fetchone()
            if others == (0,):
                return
            time.sleep(0.02)
    pytest.fail("the server still works for a client that is gone")


def write_grids(path: Path, year: int) -> Path:
    """Write the town's grids with names of a year, so that each year is a new edition."""
    grids = layer("grid", TOWN)
    columns = {name: np.array(values, object) for name, values in grids.columns.items()}
    columns["name"] = np.array([f"{name} {year}" for name in grids.columns["name"]], object)
    write(
        path,
        geometry=shapely.to_wkb(grids.geoms),
        field_data=list(columns.values()),
        fields=list(columns),
        layer="grid",
        driver="GPKG",
        geometry_type="MultiPolygon",
        promote_to_multi=True,
        crs="EPSG:4490",
    )
    return path


@pytest.fixture
def whole_town(wangge: Wangge) -> Wangge:
    """Give the made-up town with its addresses, but without grids."""
    wangge.ask("load", "levels", DATA / "levels.toml")
    for level in ("district", "subdistrict", "community"):
        wangge.publish(level, TOWN, "--layer", level)
    lists = [DATA / f"addresses_{n}.csv" for n in (1, 2)]
    wangge.ask("load", "addresses", *lists)
    return wangge


def test_an_import_that_is_killed_at_ten_random_moments_leaves_whole_editions(
    whole_town: Wangge, stored: Stored, tmp_path: Path
) -> None:
    chance = random.Random()  # noqa: S311 - a test's dice; the moments differ from run to run
    import_s = 1.0  # a guess, until one ends by itself
    halfway = 0
    for year in range(KILLS):
        file = write_grids(tmp_path / f"year{year}.gpkg", year)
        asked = ("import", file, "--level", "grid", "--publish")
        before, digest = stored.newest(), stored.digest(stored.newest())
        command = Command(whole_town.url, *asked)
        command.until_said("checking" if year else "reading")
        begun = time.monotonic()
        time.sleep(chance.uniform(0.0, import_s))
        ended = command.end(signal.SIGKILL)
        if ended.exit_code == 0:
            import_s = 0.8 * (time.monotonic() - begun)
        settled(stored)

        # the newest edition is whole: either the one before, or the new one
        newest = stored.newest()
        assert newest in {before, before + 1}, ended
        assert stored.digest(before) == digest
        assert stored.faults() == {}, ended
        assert (
            stored.one("SELECT count(*) FROM draft WHERE status NOT IN ('OPEN', 'PUBLISHED')") == 0
        )
        halfway += newest == before

        assert whole_town.publish("grid", *asked[1:2]) == before + 1
        names = {row.name for row in stored.units("grid").values()}
        assert len(names) == 46
        assert all(name.endswith(f" {year}") for name in names)
    assert stored.faults() == {}
    assert halfway >= 3, f"only {halfway} were killed before they had ended"


def waiting(town: Wangge, stored: Stored, here: Path, end: Callable[[Command], Answer]) -> Answer:
    """Return how a publish ended that was stopped while it waited for a lock."""
    file = write_geojson(here, plan(halves(0, 200, 60, "0101")))
    with gate(stored, lock("district", "01")) as until:
        command = Command(
            town.url, "import", file, "--level", "grid", "--within", "0101", "--publish"
        )
        until(1)
        answer = end(command)
    settled(stored)
    assert stored.newest() == 3
    assert town.publish("grid", file, "--within", "0101") == 4
    return answer


@pytest.mark.parametrize(("sign", "exit_code"), [(signal.SIGINT, 130), (signal.SIGTERM, -15)])
def test_a_publish_that_is_stopped_rolls_back(
    town: Wangge, stored: Stored, here: Path, sign: signal.Signals, exit_code: int
) -> None:
    answer = waiting(town, stored, here, lambda command: command.end(sign))

    assert answer.exit_code in {exit_code, 128 - exit_code if exit_code < 0 else exit_code}
    assert "Traceback" not in answer.err


def test_a_publish_whose_server_goes_away_says_so(town: Wangge, stored: Stored, here: Path) -> None:
    def cut(command: Command) -> Answer:
        with psycopg.connect(stored.address, autocommit=True) as other:
            other.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
        return command.end()

    answer = waiting(town, stored, here, cut)

    assert answer.exit_code == 4
    [complaint] = [line for line in answer.err.splitlines() if line.startswith("error: ")]
    assert "database" in complaint
    assert "Traceback" not in answer.err
