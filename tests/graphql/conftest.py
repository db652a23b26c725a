"""The small town of :mod:`tests.graphql.world`, drawn into the test's database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from resolvers.context import Context
from schema.build import Schema
from schema.request import RequestContext
from service.cluster import DATABASE
from storage.engine import make_engine
from tests.databases import let_go
from tests.graphql import duty_world, full_world, world
from tests.graphql.both_ways import as_read, ask_slowly, compare, is_query

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from sqlalchemy.ext.asyncio import AsyncEngine
    from strawberry.types import ExecutionResult

    from tests.databases import Databases

DRAWN = "drawn_town"
"""The database that holds the town; each test that wants it gets a copy."""

ALL_DRAWN = "all_drawn_town"


@pytest.fixture(scope="session")
def drawn_town(databases: Databases) -> str:
    """Draw the town once."""
    return databases.built(DRAWN, world.build)


@pytest.fixture(scope="session")
def duties_template(databases: Databases, drawn_town: str) -> str:
    """Draw the town with its duties once."""
    return databases.built("drawn_duties", duty_world.build, drawn_town)


@pytest.fixture
def database_url(databases: Databases, request: pytest.FixtureRequest) -> Iterator[str]:
    """Give a database of one's own, with what a test asks for in it.

    That is what its fixture has made whose name ends in ``_template``, each of which is made once
    for all; else the town; else nothing.
    """
    with databases.copy(_template_of(request)) as url:
        yield url


def _template_of(request: pytest.FixtureRequest) -> str:
    """Return the database of which a test wants a copy."""
    made = [name for name in request.fixturenames if name.endswith("_template")]
    made += [name for name in request.fixturenames if name == "drawn_town"]
    return str(request.getfixturevalue(made[0])) if made else DATABASE


class SharedEngines:
    """Engines on databases that nobody can change, so that many tests may share them."""

    def __init__(self, databases: Databases) -> None:
        self._databases = databases
        self._engines: dict[str, AsyncEngine] = {}

    def on(self, template: str) -> AsyncEngine:
        """Return the engine on the one copy of a database that is only read."""
        if template not in self._engines:
            self._engines[template] = make_engine(self._databases.read_only(template))
        return self._engines[template]

    async def close(self) -> None:
        """Close all connections."""
        for engine in self._engines.values():
            await let_go(engine)


@pytest.fixture(scope="module")
async def shared_engines(databases: Databases) -> AsyncIterator[SharedEngines]:
    """Give the engines of a module's tests that only read; they run in one event loop."""
    made = SharedEngines(databases)
    try:
        yield made
    finally:
        await made.close()


@pytest.fixture
async def own_engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    """Give an engine on a database of one's own."""
    made = make_engine(database_url)
    try:
        yield made
    finally:
        await let_go(made)


@pytest.fixture
def engine(request: pytest.FixtureRequest) -> AsyncEngine:
    """Give an engine on a database with what a test asks for in it.

    It is the test's own, unless the test is marked as one that only ``reads``: a copy, connections
    and plans of its own cost more than most questions.
    """
    given: AsyncEngine
    if request.node.get_closest_marker("reads") and not request.node.get_closest_marker("writes"):
        given = request.getfixturevalue("shared_engines").on(_template_of(request))
    else:
        given = request.getfixturevalue("own_engine")
    return given


@pytest.fixture
def posted(duties_template: str, engine: AsyncEngine) -> AsyncEngine:
    """Give an engine on a database with the town and who carries what in it."""
    del duties_template  # it is copied
    return engine


@pytest.fixture
def town(drawn_town: str, engine: AsyncEngine) -> AsyncEngine:
    """Give an engine on a database with the town."""
    del drawn_town  # it is copied
    return engine


@pytest.fixture(scope="session")
def all_drawn(databases: Databases) -> str:
    """Draw the town with all that can be asked about in it, once."""
    return databases.built(ALL_DRAWN, full_world.build)


@pytest.fixture
async def full_town(databases: Databases, all_drawn: str) -> AsyncIterator[AsyncEngine]:
    """Give an engine on a copy of the town with all that can be asked about in it."""
    with databases.copy(all_drawn) as url:
        engine = make_engine(url)
        try:
            yield engine
        finally:
            await let_go(engine)


@pytest.fixture
def counted(town: AsyncEngine, statements: list[str]) -> list[str]:
    """Give the list of the statements that run from now on; the town is drawn already."""
    del town
    statements.clear()
    return statements


@pytest.fixture(autouse=True)
def both_ways(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask every query of every test graphql-core's own way, too: the answers must be the same.

    Not where statements are counted, not of a question that was ended early, and not where a test
    says ``one_way``: what it asks about changes meanwhile.
    """
    if "statements" in request.fixturenames or request.node.get_closest_marker("one_way"):
        return
    usual = Schema.execute

    async def execute(self: Schema, query: str | None, **given: Any) -> ExecutionResult:  # noqa: ANN401 - Strawberry's
        result = await usual(self, query, **given)
        context = given.get("context_value")
        if not isinstance(context, RequestContext) or context.clock.ended is not None:
            return result
        if context.fast and is_query(query, given):
            reading = context.reading

            def anew() -> RequestContext:
                asking = Context(reading.shared, today=reading.today, key=reading.key)
                return RequestContext(asking, limits=context.limits)

            slow = as_read(await ask_slowly(usual, query, given, anew()))
            await compare(as_read(result), slow, query, given, anew)
        return result

    monkeypatch.setattr(Schema, "execute", execute)
