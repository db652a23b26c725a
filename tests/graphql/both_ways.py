"""Asks a question the fast way and graphql-core's own, and compares what comes."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
from graphql import GraphQLError, parse
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext
from strawberry.types.graphql import OperationType
from strawberry.utils.operation import get_operation_type

from resolvers.context import Context, Shared
from resolvers.known import Known
from resolvers.standing import held
from schema.build import Schema, schema
from schema.masking import shown
from schema.request import RequestContext
from storage.units import Wanted
from tests.graphql.asking import TODAY

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Awaitable, Callable, Mapping

    from sqlalchemy.ext.asyncio import AsyncEngine

DROPPED = "ignore:coroutine '(Executor|GraphQLCoreConverter)[.].*never awaited"
"""Where an error takes its siblings with it, graphql-core and Strawberry drop what these were about
to do, and say so; what the fast way drops has other names."""

Answer = dict[str, Any]  # JSON
Path = tuple["str | int", ...]


def as_read(result: Any) -> Answer:  # noqa: ANN401 - Strawberry's or graphql-core's
    """Return an answer as a client reads it, without what is drawn anew each time."""
    errors = [error.formatted for error in result.errors or ()]
    told = {"data": result.data, "errors": errors, "extensions": result.extensions or {}}
    read: Answer = orjson.loads(orjson.dumps(told))
    for error in read["errors"]:
        error.get("extensions", {}).pop("reference", None)
    return read


# --- comparison ---------------------------------------------------------------------------------


def as_text(value: Any) -> str:  # noqa: ANN401 - JSON
    """Return JSON as text: 1, 1.0 and true differ in it, and so do fields in another order."""
    return orjson.dumps(value).decode()


def assert_same(fast: Answer, slow: Answer) -> list[Answer]:
    """Compare two answers: what they hold and in which order, what it cost, and the errors.

    Returns
    -------
    list
        Errors that only one of them tells, and may: each must have happened, see
        :func:`all_errors`.

    Notes
    -----
    Section 6.4.4 of the GraphQL specification: an error where nothing may be null takes what lies
    around it with it, up to the next place that may be null; only one error is told of that place,
    and "sibling fields which have not yet executed or have not yet yielded a value may be
    cancelled". So of several errors in what is gone it is open which are told. Every other error
    must be told both ways, word by word.
    """
    assert as_text(fast["data"]) == as_text(slow["data"]), (
        f"{as_text(fast['data'])}\nis not\n{as_text(slow['data'])}"
    )
    assert as_text(fast["extensions"]) == as_text(slow["extensions"])
    ours, theirs = (_by_text(told["errors"]) for told in (fast, slow))
    open_ones = [orjson.loads(text) for text in ((ours - theirs) + (theirs - ours))]
    data = fast["data"]
    for error in open_ones:
        assert _gone(data, error) is not None, f"only one way tells {error}"
    places = [{_gone(data, error) for error in told["errors"]} for told in (fast, slow)]
    assert places[0] == places[1], "of each place that is gone, both ways tell why"
    return open_ones


def _by_text(errors: list[Answer]) -> Counter[str]:
    """Return how often each error is told; the order of errors means nothing."""
    return Counter(as_text(error) for error in errors)


def _gone(data: Any, error: Answer) -> Path | None:  # noqa: ANN401 - JSON
    """Return the place that an error took with it; None where it is null itself, or says nowhere.

    Nothing is left of an answer whose ``data`` is null: its path is empty.
    """
    path = error.get("path")
    if path is None:
        return None
    here = data
    for at, step in enumerate(path):
        if here is None:
            return tuple(path[:at])
        here = here[step]
    assert here is None, f"{error} left {here} where it happened"
    return None


class _NothingPropagates(StrawberryGraphQLCoreExecutionContext):
    """Puts null where an error happened, also where nothing may be null: so all are told."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - graphql-core's
        super().__init__(*args, **kwargs)
        self.error_propagation = False


async def all_errors(
    query: str | None, given: Mapping[str, Any], context: RequestContext
) -> list[Answer]:
    """Return every error that happens when a question is answered to its end."""
    made = _NothingPropagates.build(
        schema._schema,
        parse(query or ""),
        context_value=context,
        raw_variable_values=given.get("variable_values"),
        operation_name=given.get("operation_name"),
    )
    assert isinstance(made, _NothingPropagates)
    found: Any = made.execute_operation()
    result = await found if asyncio.iscoroutine(found) else found
    result.errors = [shown(error) for error in result.errors or ()]
    errors: list[Answer] = as_read(result)["errors"]
    return errors


async def compare(
    fast: Answer,
    slow: Answer,
    query: str | None,
    given: Mapping[str, Any],
    anew: Callable[[], RequestContext],
) -> None:
    """Compare two answers to a question; what only one of them tells must have happened.

    Parameters
    ----------
    anew
        Makes a context of the same asker.
    """
    open_ones = assert_same(fast, slow)
    if open_ones:
        happened = _by_text(await all_errors(query, given, anew()))
        for error in open_ones:
            assert as_text(error) in happened, f"{error} never happened"


# --- asking -------------------------------------------------------------------------------------


def is_query(query: str | None, given: Mapping[str, Any]) -> bool:
    """Return whether a question only reads."""
    try:
        name = given.get("operation_name")
        kind = get_operation_type(parse(query or ""), name)
    except (GraphQLError, RuntimeError):
        return False
    return kind is OperationType.QUERY


async def ask_slowly(
    execute: Callable[..., Awaitable[Any]],
    query: str | None,
    given: Mapping[str, Any],
    context: RequestContext,
) -> Any:  # noqa: ANN401 - Strawberry's
    """Put a question graphql-core's own way.

    Parameters
    ----------
    execute
        The schema's.
    """
    context.fast = False
    return await execute(schema, query, **{**given, "context_value": context})


def shared_of(
    engine: AsyncEngine, *, holds: bool, keeps: bool | None = None, public: bool = True
) -> Shared:
    """Return what a process shares: one that hears of every change, or one that asks each time.

    Parameters
    ----------
    holds
        Whether units are held in memory.
    keeps
        Whether levels and days are; as ``holds`` where nothing is said.
    """
    known = Known(kept=holds if keeps is None else keeps)
    known.trust()
    return Shared(engine, public=public, known=known, holds=holds)


async def hold(shared: Shared, *, today: dt.date = TODAY) -> None:
    """Wait until today's units are held."""
    context = Context(shared, today=today)
    edition = (await context.edition()).number
    assert held(context, edition, Wanted.NOTHING) is None
    while shared.asked:
        for asked in list(shared.asked):
            await asked
    assert held(context, edition, Wanted.NOTHING) is not None


class Told(NamedTuple):
    """What both ways said."""

    answer: Answer
    fell_back: bool
    """Whether the fast way gave up, and asked graphql-core's own."""


@dataclass
class _Watched(RequestContext):
    """Notes when the fast way gives up."""

    fell_back: bool = field(default=False, kw_only=True)

    def again(self) -> None:
        """Note it."""
        self.fell_back = True
        super().again()


@dataclass
class Ways:
    """Two processes on one database: one answers the fast way, one graphql-core's own."""

    fast: Shared
    slow: Shared
    _before: set[asyncio.Task[Any]] = field(default_factory=set)

    @classmethod
    async def of(
        cls, engine: AsyncEngine, *, public: bool = True, holds: bool = True, keeps: bool = False
    ) -> Ways:
        """Return two processes; the fast one holds today's units.

        Parameters
        ----------
        keeps
            Whether the other one keeps levels and days.
        """
        made = cls(
            shared_of(engine, holds=holds, public=public),
            shared_of(engine, holds=False, keeps=keeps, public=public),
            asyncio.all_tasks(),
        )
        if holds:
            await hold(made.fast)
        return made

    async def ask(
        self,
        query: str,
        variables: dict[str, Any] | None = None,
        *,
        operation: str | None = None,
        key: str | None = None,
        slow_first: bool = False,
    ) -> Told:
        """Ask both ways and compare; return what the fast way said.

        Parameters
        ----------
        slow_first
            Whether the text is known already when the fast way reads it.
        """
        given: dict[str, Any] = {"variable_values": variables, "operation_name": operation}
        watched = _Watched(Context(self.fast, today=TODAY, key=key))

        def plainly() -> RequestContext:
            return RequestContext(Context(self.slow, today=TODAY, key=key))

        async def fast() -> Answer:
            return as_read(await Schema.execute(schema, query, **given, context_value=watched))

        async def slow() -> Answer:
            return as_read(await ask_slowly(Schema.execute, query, given, plainly()))

        if slow_first:
            theirs = await slow()
            ours = await fast()
        else:
            ours = await fast()
            theirs = await slow()
        await compare(ours, theirs, query, given, plainly)
        return Told(ours, watched.fell_back)

    async def settle(self) -> None:
        """Wait for what an error has made needless: it is done all the same."""
        while rest := asyncio.all_tasks() - self._before - {asyncio.current_task()}:
            await asyncio.wait(rest)
