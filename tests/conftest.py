"""What tests share: one private server a worker, one database a test, and the real files."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator, Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

from geo.errors import NoDatabaseError
from service.cluster import Cluster
from service.postgis import find_server
from storage.engine import make_engine
from storage.migrate import upgrade
from tests.databases import Databases, connect, let_go, load_postgis_once
from tests.rooms import open_room, use_room

REQUIRE_ALL = os.environ.get("WANGGE_REQUIRE_ALL", "") not in {"", "0"}
"""Whether a skipped test fails the run, as it does in continuous integration."""

# Kernels are compiled on their first call, and machines are shared: no example has a deadline. CI
# takes the same examples each time, so that a change is judged by what it changes.
settings.register_profile("here", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "here")

use_room()

CHECKOUT = Path(__file__).resolve().parent.parent


def pytest_report_header() -> list[str]:
    """Say which server the tests run on, and what is asked of them."""
    try:
        server = find_server()
    except NoDatabaseError as error:
        said = f"none: {error}"
    else:
        said = f"PostgreSQL {server.major} in {server.bin_dir}"
    return [f"postgis: {said}", f"every test is required: {'yes' if REQUIRE_ALL else 'no'}"]


def pytest_configure(config: pytest.Config) -> None:
    """Register marks: of tests that only root can run, and of what they do to a database."""
    config.addinivalue_line("markers", "as_root: turns into another user; left out for users")
    config.addinivalue_line("markers", "reads: shares a database, which it cannot change")
    config.addinivalue_line("markers", "writes: has a database of its own among tests that read")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark every test that uses the server, and leave out what only root can do.

    The latter are not skipped: to an ordinary user they do not apply, and all the others run as
    one already.
    """
    for item in items:
        if "cluster" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.postgis)
    left_out = [item for item in items if item.get_closest_marker("as_root")]
    if left_out and os.geteuid() != 0:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a skipped test into a failed one where all are required."""
    report = yield
    if REQUIRE_ALL and report.skipped and not hasattr(report, "wasxfail"):
        _fail(report, item.nodeid)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Turn a skipped module into a failed one where all are required."""
    report = yield
    if REQUIRE_ALL and report.skipped:
        _fail(report, collector.nodeid)
    return report


def _fail(report: pytest.TestReport | pytest.CollectReport, where: str) -> None:
    """Let a report of a skip say that it failed, and why it was skipped."""
    skip = report.longrepr
    reason = skip[2] if isinstance(skip, tuple) else str(skip)
    report.outcome = "failed"
    report.longrepr = f"{where} may not be skipped with WANGGE_REQUIRE_ALL set: {reason}"


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Run async tests on asyncio only, as the service does."""
    return "asyncio"


@pytest.fixture
def scratch() -> Iterator[Path]:
    """Give an empty folder that the server's account may enter, unlike ``tmp_path`` as root."""
    folder = open_room()
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """Run a server for the worker's whole session; its database ``wangge`` is the template."""
    try:
        find_server()
    except NoDatabaseError as error:
        pytest.skip(str(error))
    folder = open_room()
    try:
        with Cluster(folder / "data", durable=False) as running:
            upgrade(running.url())
            load_postgis_once(running)
            yield running
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def databases(cluster: Cluster) -> Iterator[Databases]:
    """Give what makes databases on the server."""
    with connect(cluster) as connection:
        yield Databases(cluster, connection)


@pytest.fixture
def database_url(databases: Databases) -> Iterator[str]:
    """Give a fresh, migrated database; it is dropped after the test."""
    with databases.copy() as url:
        yield url


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    """Give an engine on a fresh database, as the service makes it."""
    made = make_engine(database_url)
    try:
        yield made
    finally:
        await let_go(made)


@pytest.fixture
async def statements(engine: AsyncEngine) -> AsyncIterator[list[str]]:
    """Give the list of SQL statements that the engine runs from here on.

    A test that has prepared its data clears the list before what it counts.
    """
    seen: list[str] = []

    def note(*happened: object) -> None:
        seen.append(str(happened[2]))  # after the connection and the cursor

    event.listen(engine.sync_engine, "before_cursor_execute", note)
    async with engine.connect():  # what a new connection asks is no part of any question
        pass
    seen.clear()
    yield seen
    event.remove(engine.sync_engine, "before_cursor_execute", note)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Give the folder of real files: ``WANGGE_REAL_DATA``, or ``../shared/data``."""
    named = os.environ.get("WANGGE_REAL_DATA")
    folder = Path(named) if named else CHECKOUT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"there are no real files in {folder}: let WANGGE_REAL_DATA name their folder")
    return folder
