"""Asks a question the fast way and graphql-core's own, and compares what comes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from graphql import GraphQLError, parse
from strawberry.types.graphql import OperationType
from strawberry.utils.operation import get_operation_type

from resolvers.context import Context, Shared
from resolvers.known import Known
from resolvers.standing import held
from schema.build import schema
from schema.request import RequestContext
from storage.units import Wanted
from tests.graphql.asking import TODAY

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Awaitable, Callable, Mapping

    from sqlalchemy.ext.asyncio import AsyncEngine

Answer = dict[str, Any]  # JSON


def as_read(result: Any) -> Answer:  # noqa: ANN401 - Strawberry's or graphql-core's
    """Return an answer as a client reads it, without what is drawn anew each time."""
    errors = [error.formatted for error in result.errors or ()]
    for error in errors:
        error.get("extensions", {}).pop("reference", None)
    told: Answer = orjson.loads(orjson.dumps({"data": result.data, "errors": errors}))
    told["errors"].sort(key=lambda error: (str(error.get("path")), error["message"]))
    return told


def order_of(value: Any) -> Any:  # noqa: ANN401 - JSON
    """Return the names of a value in the order in which they stand."""
    if isinstance(value, dict):
        return [(name, order_of(one)) for name, one in value.items()]
    return [order_of(one) for one in value] if isinstance(value, list) else None


def assert_same(fast: Answer, slow: Answer) -> None:
    """Compare two answers, and the order of their fields.

    Where an error takes what lies around it with it, whichever of several comes first is told, and
    the others are not: of those it is only asked that they lie in what is gone.
    """
    assert fast["data"] == slow["data"], f"{fast['data']}\nis not\n{slow['data']}"
    assert order_of(fast["data"]) == order_of(slow["data"])
    one, other = ([as_text(error) for error in told["errors"]] for told in (fast, slow))
    assert bool(one) == bool(other)
    for told, others in ((fast, other), (slow, one)):
        for error in told["errors"]:
            assert as_text(error) in others or _is_gone(told["data"], error.get("path")), error


def as_text(error: Answer) -> str:
    """Return an error as text."""
    return orjson.dumps(error, option=orjson.OPT_SORT_KEYS).decode()


def _is_gone(data: Any, path: list[str | int] | None) -> bool:  # noqa: ANN401 - JSON
    """Return whether what lies around an error is null."""
    if path is None:
        return False
    here = data
    for step in path:
        if here is None:
            return True
        here = here[step]
    return False


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


def shared_of(engine: AsyncEngine, *, holds: bool) -> Shared:
    """Return what a process shares: one that hears of every change, or one that asks each time."""
    known = Known(kept=holds)
    known.trust()
    return Shared(engine, known=known, holds=holds)


async def hold(shared: Shared, *, today: dt.date = TODAY) -> None:
    """Wait until today's units are held."""
    context = Context(shared, today=today)
    edition = (await context.edition()).number
    assert held(context, edition, Wanted.NOTHING) is None
    while shared.asked:
        for asked in list(shared.asked):
            await asked
    assert held(context, edition, Wanted.NOTHING) is not None
