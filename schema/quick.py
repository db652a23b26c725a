"""Questions that were asked before: what was found out about their text is not found out again."""

from __future__ import annotations

import os
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from graphql import ExecutionResult
from strawberry.execution import optimized_is_awaitable
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from schema.executor import FastExecutor

if TYPE_CHECKING:
    from graphql import DocumentNode, GraphQLSchema

    from schema.request import RequestContext

KEPT_CHARACTERS = 1_000_000
"""Texts that are kept, in all: parsed, they take about eighty times as much."""

VARIABLE = "WANGGE_FAST"


def is_on() -> bool:
    """Return whether queries are answered the fast way."""
    return os.environ.get(VARIABLE, "").strip().lower() not in {"0", "false", "no", "off", "f", "n"}


class Query(NamedTuple):
    """A query that Strawberry has parsed, bounded and validated."""

    document: DocumentNode
    operation: str | None


class Queries:
    """Valid queries by their text and the operation that was named, the oldest forgotten first.

    Parameters
    ----------
    room
        Characters that all kept texts may have.
    """

    def __init__(self, room: int = KEPT_CHARACTERS) -> None:
        self._room = room
        self._held: OrderedDict[tuple[str, str | None], Query] = OrderedDict()
        self._size = 0

    def get(self, text: str | None, named: str | None) -> Query | None:
        """Return a query that is known to be valid."""
        if not isinstance(text, str):
            return None
        found = self._held.get((text, named))
        if found is not None:
            self._held.move_to_end((text, named))
        return found

    def keep(self, text: str, named: str | None, query: Query) -> None:
        """Keep a query that is valid."""
        if (text, named) in self._held or len(text) > self._room // 10:
            return
        self._held[text, named] = query
        self._size += len(text)
        while self._size > self._room:
            (old, _), _ = self._held.popitem(last=False)
            self._size -= len(old)


async def answer(
    schema: GraphQLSchema,
    query: Query,
    variables: dict[str, Any] | None,
    context: RequestContext,
    *,
    root: object = None,
    extensions: dict[str, Any] | None = None,
) -> ExecutionResult:
    """Answer a valid query the fast way, and where that fails graphql-core's own.

    Notes
    -----
    Nothing of a failed attempt is seen: not its errors, nor what it counted.
    """

    async def by(executor: type[StrawberryGraphQLCoreExecutionContext]) -> tuple[Any, Any]:
        made = executor.build(
            schema,
            query.document,
            root,
            context,
            variables,
            query.operation,
            is_awaitable=cast("Any", optimized_is_awaitable),  # a TypeGuard but in name
            operation_extensions=extensions,
        )
        if isinstance(made, list):
            return None, ExecutionResult(None, made)
        result: Any = made.execute_operation()
        return made, await result if optimized_is_awaitable(result) else result

    executor, result = await by(FastExecutor)
    if isinstance(executor, FastExecutor) and executor.failed:
        context.again()
        _, result = await by(StrawberryGraphQLCoreExecutionContext)
    return cast("ExecutionResult", result)
