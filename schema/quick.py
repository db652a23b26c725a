"""Queries answered the fast way; what was found out about a text is not found out again."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from graphql import ExecutionResult as Executed
from graphql import OperationType, get_operation_ast
from strawberry.execution import optimized_is_awaitable
from strawberry.types import ExecutionResult

from geo.errors import WanggeError
from schema.limits import TEXTS, cost_of, cost_told, require_affordable, told
from schema.prepared import Operation
from schema.shape import check_variables
from schema.silence import Executor

if TYPE_CHECKING:
    from collections.abc import Mapping

    from graphql import DocumentNode, GraphQLSchema

    from schema.batches import PointBatch
    from schema.request import RequestContext
    from schema.shape import Known

LOG = logging.getLogger("wangge.quick")


class Quick(NamedTuple):
    """A query of a text that was parsed, bounded and validated."""

    document: DocumentNode
    operation: str | None
    variables: dict[str, Any] | None
    extensions: dict[str, Any] | None


def asked_before(
    schema: GraphQLSchema, text: str | None, operation: str | None, context: RequestContext
) -> Known | None:
    """Return what is known of a text that was asked before and may be asked again.

    Returns
    -------
    Known or None
        None where there is anything to say of the text, or its operation is no query: that is
        left to :class:`schema.limits.Bounded`.
    """
    known = TEXTS.held(text) if isinstance(text, str) else None
    if known is None or known.judged(schema) != []:
        return None
    if known.introspects and not context.limits.introspection:
        return None
    if operation not in known.queries:
        chosen = get_operation_ast(known.document, operation)
        if chosen is None or chosen.operation is not OperationType.QUERY:
            return None
        known.queries[operation] = Operation(schema, known.document, operation)
    return known


async def answer_again(
    schema: GraphQLSchema, known: Known, quick: Quick, context: RequestContext, root: object
) -> ExecutionResult:
    """Answer a query whose text was asked before, within the limits of each question.

    See Also
    --------
    schema.limits.Bounded : The same limits, of a text that is asked for the first time.
    """
    limits = context.limits
    operation = cast("Operation", known.queries[quick.operation])
    batches, cost = None, None
    try:
        if quick.variables:
            batches = operation.batches(quick.variables)
            check_variables(quick.variables, batches)
        cost = cost_of(known, schema, quick.operation, quick.variables)
        require_affordable(cost, limits)
    except WanggeError as error:
        context.clock.refused = True
        said = {} if cost is None else cost_told(cost, limits)
        return ExecutionResult(data=None, errors=[told(error)], extensions=said)
    context.reading.bound(limits.statement_s)
    found = await answer(operation, quick, context, root, batches)
    return ExecutionResult(found.data, found.errors, extensions=cost_told(cost, limits))


async def answer(
    operation: Operation,
    quick: Quick,
    context: RequestContext,
    root: object,
    batches: Mapping[str, PointBatch] | None = None,
) -> Executed:
    """Answer a valid query the fast way, and where that fails graphql-core's own.

    Parameters
    ----------
    batches
        The variables that are batches of points, where that was looked at already.

    Notes
    -----
    Nothing of a failed attempt is seen: not its errors, nor what it counted.
    """
    made = operation.run(quick.variables or {}, context, root, batches)
    if made is not None:
        context.apart = False  # who gives up waiting on this way cancels nothing
        run, columns = made
        try:
            return await run.answer(columns)
        except Exception as error:  # whatever it was, graphql-core's own way tells it
            if context.clock.ended is not None:  # its time is up, or nobody waits any more
                return Executed(None, [told(context.clock.ended)])
            LOG.debug("the fast way gave up: %r", error)
            context.again()
    return await _slowly(operation.schema, quick, context, root)


async def _slowly(
    schema: GraphQLSchema, quick: Quick, context: RequestContext, root: object
) -> Executed:
    """Answer a valid query graphql-core's own way."""
    made = Executor.build(
        schema,
        quick.document,
        root,
        context,
        quick.variables,
        quick.operation,
        is_awaitable=cast("Any", optimized_is_awaitable),  # a TypeGuard but in name
        operation_extensions=quick.extensions,
    )
    if isinstance(made, list):
        return Executed(None, made)
    result: Any = made.execute_operation()
    return cast("Executed", await result if optimized_is_awaitable(result) else result)
