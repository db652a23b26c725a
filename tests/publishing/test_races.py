"""Publishers at the same time: who wins, who is told, and that nobody ever sees a half state."""

from __future__ import annotations

import asyncio
import datetime as dt
import random
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from shapely import affinity

from geo.errors import ConflictError, WanggeError
from resolvers.addresses import load_addresses
from resolvers.importing import import_boundaries, recheck
from resolvers.publishing import Order, Published, publish
from sources.addresses import read_addresses
from sources.boundaries import read_boundaries
from storage.engine import make_engine
from tests.publishing.drawing import (
    COMMUNITIES,
    DISTRICT,
    GRIDS,
    GRIDS_A,
    Plan,
    halves,
    plan,
    write_addresses,
    write_geojson,
)
from tests.publishing.outside import CHECKOUT, environment, program
from tests.publishing.stored import SPOILT_SUMS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Future
    from pathlib import Path

    from sqlalchemy.ext.asyncio import AsyncEngine

    from tests.publishing.outside import Wangge
    from tests.publishing.stored import Stored

pytestmark = pytest.mark.postgis

TODAY = dt.date(2026, 6, 1)
PATIENCE_S = 60.0


def order(by: str = "test", **said: Any) -> Order:  # noqa: ANN401 - the order's own fields
    """Return what a publisher says."""
    return Order(by, TODAY, **said)


def publish_alone(url: str, ids: Sequence[object], **said: Any) -> Published:  # noqa: ANN401
    """Publish on connections of one's own, in an event loop of one's own."""

    async def work() -> Published:
        engine = make_engine(url)
        try:
            return await publish(engine, [int(str(number)) for number in ids], order(**said))
        finally:
            await engine.dispose()

    return asyncio.run(work())


def outcome(future: Future[Published]) -> str:
    """Return how a publish ended: its edition, or the code of its error."""
    try:
        return f"edition {future.result(PATIENCE_S).edition.number}"
    except WanggeError as error:
        return error.code


@contextmanager
def gate(stored: Stored, statement: str) -> Iterator[Callable[[int], None]]:
    """Hold the rows that a statement locks until the block ends.

    Yields
    ------
    Callable
        Waits until so many others wait for a lock.
    """
    with stored.connect() as holder, psycopg.connect(stored.address, autocommit=True) as watcher:
        holder.execute(statement)

        def until(waiting: int) -> None:
            end = time.monotonic() + PATIENCE_S
            while time.monotonic() < end:
                found = watcher.execute(
                    "SELECT count(*) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND wait_event_type = 'Lock'"
                ).fetchone()
                if found is not None and found[0] >= waiting:
                    return
                time.sleep(0.01)
            pytest.fail(f"fewer than {waiting} publishers came to the gate")

        yield until


def lock(level: str, *codes: str) -> str:
    """Return the statement that locks units which stand."""
    listed = ", ".join(f"'{code}'" for code in codes)
    return (
        f"SELECT FROM unit WHERE level = '{level}' AND code IN ({listed})"
        " AND last_edition IS NULL FOR UPDATE"
    )


def drafted(town: Wangge, file: Path, drawn: Plan, *options: object, level: str = "grid") -> str:
    """Import a clean file; return the draft's number."""
    return str(town.draft(level, write_geojson(file, drawn), *options)["id"])


# --- the same ground ----------------------------------------------------------------------------


def test_of_two_publishes_of_the_same_ground_one_wins_and_one_is_told(
    town: Wangge, stored: Stored, here: Path
) -> None:
    drafts = [
        drafted(town, here, plan(halves(0, 200, at, "0101")), "--within", "0101")
        for at in (60, 140)
    ]

    with ThreadPoolExecutor() as pool:
        with gate(stored, lock("community", "0101")) as until:
            futures = [pool.submit(publish_alone, town.url, [draft]) for draft in drafts]
            until(2)
        ends = [outcome(future) for future in futures]

    assert sorted(ends) == ["CONFLICT", "edition 4"]
    loser = drafts[ends.index("CONFLICT")]
    assert stored.newest() == 4
    town.ask("draft", "recheck", loser)
    assert town.ask("draft", "publish", loser)["number"] == 5


def test_of_two_topmost_levels_at_once_one_wins(wangge: Wangge, stored: Stored, here: Path) -> None:
    drafts = [
        drafted(wangge, here, plan({"01": (0, 0, east, 200)}), level="district")
        for east in (300, 400)
    ]

    with ThreadPoolExecutor() as pool:
        futures = [pool.submit(publish_alone, wangge.url, [draft]) for draft in drafts]
        ends = [outcome(future) for future in futures]

    assert sorted(ends) == ["CONFLICT", "edition 1"]
    assert stored.faults() == {}


def test_a_draft_that_two_publish_at_once_becomes_one_edition(
    town: Wangge, stored: Stored, here: Path
) -> None:
    draft = drafted(town, here, plan(halves(0, 200, 60, "0101")), "--within", "0101")

    with ThreadPoolExecutor() as pool:
        with gate(stored, f"SELECT FROM draft WHERE id = {draft} FOR UPDATE") as until:
            futures = [pool.submit(publish_alone, town.url, [draft]) for _ in range(3)]
            until(3)
        ends = [outcome(future) for future in futures]

    assert sorted(ends) == ["NOT_OPEN", "NOT_OPEN", "edition 4"]
    assert stored.newest() == 4


def test_a_parent_level_and_a_child_level_at_once_leave_no_torn_ground(
    town: Wangge, stored: Stored, here: Path
) -> None:
    below = drafted(town, here, plan(halves(0, 200, 60, "0101")), "--within", "0101")
    moved = plan({"0101": (0, 0, 250, 200), "0102": (250, 0, 400, 200)})
    above = town.draft("community", write_geojson(here, moved), exit_code=1)["id"]
    grids = plan(halves(0, 250, 100, "0101") | halves(250, 400, 100, "0102"))
    both = [above, drafted(town, here, grids, "--with", above)]

    with ThreadPoolExecutor() as pool:
        with gate(stored, lock("community", "0101")) as until:
            futures = [pool.submit(publish_alone, town.url, ids) for ids in ([below], both)]
            until(2)
        ends = [outcome(future) for future in futures]

    assert sorted(ends) == ["CONFLICT", "edition 4"]


def test_two_programs_on_the_same_ground_end_with_zero_and_five(
    town: Wangge, stored: Stored, here: Path
) -> None:
    drafts = [
        drafted(town, here, plan(halves(0, 200, at, "0101")), "--within", "0101")
        for at in (60, 140)
    ]

    with gate(stored, lock("community", "0101")) as until:
        running = [
            subprocess.Popen(  # noqa: S603 - our own program
                [*program(), "draft", "publish", draft],
                env=environment(town.url),
                cwd=CHECKOUT,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                encoding="utf-8",
            )
            for draft in drafts
        ]
        until(2)
    said = [process.communicate(timeout=PATIENCE_S) for process in running]

    assert sorted(process.returncode for process in running) == [0, 5], said
    [(out, err)] = [
        text for process, text in zip(running, said, strict=True) if process.returncode == 5
    ]
    assert out == ""
    [complaint] = [line for line in err.splitlines() if line.startswith("error: ")]
    assert "recheck" in complaint
    assert stored.newest() == 4


# --- different ground ---------------------------------------------------------------------------


def test_neighbours_who_put_nodes_into_each_other_both_win(
    town: Wangge, stored: Stored, here: Path
) -> None:
    drafts = [
        drafted(town, here, plan(halves(0, 200, 60, "0101")), "--within", "0101"),
        drafted(town, here, plan(halves(200, 400, 140, "0102")), "--within", "0102"),
    ]

    with ThreadPoolExecutor() as pool:
        # both have checked everything and want to write nodes into the district
        with gate(stored, lock("district", "01")) as until:
            futures = [pool.submit(publish_alone, town.url, [draft]) for draft in drafts]
            until(2)
        ends = [outcome(future) for future in futures]

    assert sorted(ends) == ["edition 4", "edition 5"]
    # four corners, three old nodes of the middle border and of each side's outer border, the new:
    # two on the middle border, and one on an outer border
    assert {c: r.nodes() for c, r in stored.units("community").items()} == {"0101": 9, "0102": 9}


def test_a_neighbour_who_draws_units_for_the_first_time_meanwhile_is_no_conflict(
    wangge: Wangge, stored: Stored, here: Path
) -> None:
    for level, drawn, ground in (
        ("district", DISTRICT, ()),
        ("community", COMMUNITIES, ()),
        ("grid", GRIDS_A, ("--within", "0101")),
    ):
        wangge.publish(level, write_geojson(here, drawn), *ground)
    mine = drafted(wangge, here, plan(halves(0, 200, 60, "0101")), "--within", "0101")
    # one grid that is the whole of 0102: it puts no node anywhere, and rewrites no row
    theirs = drafted(wangge, here, plan({"010201": (200, 0, 400, 200)}), "--within", "0102")

    with ThreadPoolExecutor() as pool:
        with gate(stored, lock("district", "01")) as until:
            first = pool.submit(publish_alone, wangge.url, [mine])
            until(1)
            assert outcome(pool.submit(publish_alone, wangge.url, [theirs])) == "edition 4"
        end = outcome(first)

    assert end == "edition 5"
    assert stored.faults() == {}


def test_eight_neighbours_at_once_all_win(wangge: Wangge, stored: Stored, here: Path) -> None:
    strip(wangge, here, 8)
    drafts = [
        drafted(
            wangge,
            here,
            slanted(plan(halves(200 * k, 200 * k + 200, 20 * k + 20, f"c{k}"))),
            "--within",
            f"c{k}",
        )
        for k in range(8)
    ]

    with ThreadPoolExecutor(8) as pool:
        futures = [pool.submit(publish_alone, wangge.url, [draft]) for draft in drafts]
        ends = [outcome(future) for future in futures]

    assert sorted(ends) == sorted(f"edition {n}" for n in range(3, 11))
    assert stored.faults() == {}


def test_neighbours_who_put_nodes_a_hands_breadth_apart_share_one(
    town: Wangge, stored: Stored, here: Path
) -> None:
    apart = 0.008 / 1.1085  # 8 mm north
    drafts = [
        drafted(town, here, plan(halves(0, 200, 60, "0101")), "--within", "0101"),
        drafted(town, here, plan(halves(200, 400, 60 + apart, "0102")), "--within", "0102"),
    ]

    with ThreadPoolExecutor() as pool:
        with gate(stored, lock("district", "01")) as until:
            futures = [pool.submit(publish_alone, town.url, [draft]) for draft in drafts]
            until(2)
        ends = [outcome(future) for future in futures]

    assert sorted(ends) == ["edition 4", "edition 5"]
    # corners, old nodes on both sides, the new one of the outer side, and one for both
    assert {c: r.nodes() for c, r in stored.units("community").items()} == {"0101": 8, "0102": 8}


def test_a_code_that_two_grounds_take_at_once_goes_to_the_first(
    town: Wangge, stored: Stored, here: Path
) -> None:
    taken = plan({"Z": (200, 0, 400, 100), "010202": (200, 100, 400, 200)})
    mine = drafted(
        town, here, plan({"Z": (0, 0, 200, 50), "010102": (0, 50, 200, 200)}), "--within", "0101"
    )
    theirs = drafted(town, here, taken, "--within", "0102")

    with ThreadPoolExecutor() as pool:
        with gate(stored, lock("district", "01")) as until:
            first = pool.submit(publish_alone, town.url, [mine])
            until(1)
            assert outcome(pool.submit(publish_alone, town.url, [theirs])) == "edition 4"
        end = outcome(first)

    assert end in {"NOT_CLEAN", "CONFLICT"}
    assert stored.units("grid")["Z"].parent == "0102"


def test_a_publisher_who_names_no_day_takes_the_day_that_stands_when_it_is_written(
    town: Wangge, stored: Stored, here: Path
) -> None:
    mine = drafted(town, here, plan(halves(0, 200, 50, "0101")), "--within", "0101")
    renamed = Plan(
        {code: GRIDS.shapes[code] for code in ("010201", "010202")}, names={"010202": "东"}
    )
    theirs = drafted(town, here, renamed, "--within", "0102")
    far = TODAY + dt.timedelta(days=300)

    with ThreadPoolExecutor() as pool:
        with gate(stored, lock("district", "01")) as until:
            first = pool.submit(publish_alone, town.url, [mine])
            until(1)
            publish_alone(town.url, [theirs], effective_on=far)
        published = first.result(PATIENCE_S)

    assert (published.edition.number, published.edition.effective_on) == (5, far)


def test_addresses_that_are_loaded_meanwhile_are_counted(
    town: Wangge, stored: Stored, here: Path, tmp_path: Path
) -> None:
    mine = drafted(town, here, plan(halves(0, 200, 50, "0101")), "--within", "0101")
    homes = write_addresses(tmp_path / "homes.csv", {"a": (30, 70, 4), "b": (30, 30, 8)})

    async def load() -> int | None:
        engine = make_engine(town.url)
        try:
            loaded = await load_addresses(
                engine, read_addresses(homes), published_by="test", today=TODAY
            )
        finally:
            await engine.dispose()
        return loaded.edition

    with ThreadPoolExecutor() as pool:
        with gate(stored, lock("district", "01")) as until:
            first = pool.submit(publish_alone, town.url, [mine])
            until(1)
            assert asyncio.run(load()) == 4
        assert outcome(first) == "edition 5"

    counted = (
        "SELECT code, households FROM unit_tally WHERE level = 'grid' AND last_edition IS NULL"
    )
    assert sorted(stored.rows(counted)) == [("010101", 8), ("010102", 4)]


# --- a draft that somebody else works on --------------------------------------------------------


@pytest.mark.parametrize("command", ["recheck", "import"])
def test_a_draft_that_is_discarded_meanwhile_is_told_so(
    town: Wangge, stored: Stored, here: Path, tmp_path: Path, command: str
) -> None:
    draft = drafted(town, here, plan(halves(0, 200, 50, "0101")), "--within", "0101")
    other = write_geojson(tmp_path / "p", plan({"P": (0, 0, 200, 200)}))
    asked: dict[str, tuple[object, ...]] = {
        "recheck": ("draft", "recheck", draft),
        "import": ("import", other, "--level", "police", "--within", "0101", "--with", draft),
    }

    with ThreadPoolExecutor(1) as pool:
        taken = f"UPDATE draft SET status = 'DISCARDED' WHERE id = {draft}"
        with gate(stored, taken) as until:
            asking = pool.submit(town, *asked[command], "--json")
            until(1)
        answer = asking.result(PATIENCE_S)

    assert answer.exit_code == 5, answer
    assert answer.json()["error"]["code"] in {"NOT_OPEN", "CONFLICT"}


# --- many at random -----------------------------------------------------------------------------


def slanted(drawn: Plan) -> Plan:
    """Return a plan turned by 17 degrees, so that nodes are rounded and bend borders a little."""
    return plan({c: affinity.rotate(s, 17, origin=(0, 0)) for c, s in drawn.shapes.items()})


def strip(wangge: Wangge, here: Path, count: int) -> None:
    """Publish a slanted district of communities side by side, c0, c1, …, 200 steps wide each."""
    communities = {f"c{k}": (200 * k, 0, 200 * k + 200, 200) for k in range(count)}
    for level, drawn in (
        ("district", plan({"D": (0, 0, 200 * count, 200)})),
        ("community", plan(communities)),
    ):
        wangge.publish(level, write_geojson(here, slanted(drawn)))


class Publisher:
    """Somebody who publishes one ground after another, at random."""

    def __init__(self, url: str, folder: Path, number: int, grounds: int) -> None:
        self.engine: AsyncEngine = make_engine(url)
        self.chance = random.Random(number)  # noqa: S311 - a test's dice
        self.file = folder / f"sent{number}.geojson"
        self.grounds = grounds
        self.won = 0
        self.conflicts = 0

    async def until(self, end: float) -> None:
        """Publish until a moment of the monotonic clock."""
        while time.monotonic() < end:
            await self._once()
        await self.engine.dispose()

    async def _once(self) -> None:
        ground = self.chance.randrange(self.grounds)
        file = read_boundaries(write_geojson(self.file, self._drawn(ground)))
        made = await import_boundaries(
            self.engine,
            file,
            level="grid",
            within=f"c{ground}",
            created_by="test",
            today=order().today,
        )
        assert made.checked.report.clean, made.checked.report.findings
        assert made.draft is not None
        for _ in range(3):
            try:
                done = await publish(self.engine, [made.draft], order())
            except ConflictError:
                self.conflicts += 1
                again = await recheck(self.engine, made.draft, today=order().today)
                assert again.checked.report.clean
            else:
                self.won += done.new
                return

    def _drawn(self, ground: int) -> Plan:
        west, at = 200 * ground, self.chance.randrange(1, 200)
        units = halves(west, west + 200, at, f"c{ground}")
        if self.chance.random() < 0.4:  # a third grid: one of the two is divided across
            across = west + self.chance.randrange(1, 200)
            units[f"c{ground}02"] = (west, at, across, 200)
            units[f"c{ground}03"] = (across, at, west + 200, 200)
        return slanted(plan(units))


class Reader:
    """Somebody who looks at the newest edition again and again."""

    def __init__(self, stored: Stored) -> None:
        self.stored = stored
        self.seen: dict[int, str] = {}
        self.spoilt: list[Any] = []
        self.going = True

    def watch(self) -> None:
        """Note what each edition is when it is first seen, and every sum that is not zero."""
        with psycopg.connect(self.stored.address) as connection:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            while self.going:
                with connection.transaction():
                    row = connection.execute("SELECT max(number) FROM edition").fetchone()
                    number = row[0] if row else 0
                    self.spoilt += connection.execute(
                        f"SELECT * FROM ({SPOILT_SUMS}) AS s WHERE number = {number}"
                    ).fetchall()
                self.seen.setdefault(number, self.stored.digest(number))
                time.sleep(0.05)


def test_publishers_at_random_never_show_a_half_state(
    wangge: Wangge, stored: Stored, here: Path, tmp_path: Path
) -> None:
    grounds = 5
    strip(wangge, here, grounds)
    first = {f"c{k}01": (200 * k, 0, 200 * k + 200, 200) for k in range(grounds)}
    wangge.publish("grid", write_geojson(here, slanted(plan(first))))
    begun = stored.newest()
    publishers = [Publisher(wangge.url, tmp_path, n, grounds) for n in range(8)]
    reader = Reader(stored)

    async def work() -> None:
        end = time.monotonic() + 8.0
        await asyncio.gather(*(publisher.until(end) for publisher in publishers))

    with ThreadPoolExecutor(1) as pool:
        watching = pool.submit(reader.watch)
        try:
            asyncio.run(work())
        finally:
            reader.going = False
        watching.result(PATIENCE_S)

    made = stored.newest() - begun
    assert made == sum(publisher.won for publisher in publishers)
    assert made >= 8, "they got somewhere"
    assert reader.spoilt == []
    assert {number: stored.digest(number) for number in reader.seen} == reader.seen
    assert stored.faults() == {}
