"""The schema as a whole: the contract's types, and the limits of a query."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, cast

import strawberry
from graphql import GraphQLError
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.exceptions import InvalidOperationTypeError
from strawberry.types import ExecutionResult
from strawberry.types.execution import PreExecutionError
from strawberry.types.graphql import OperationType

from schema import duty_columns, place_columns, unit_columns  # noqa: F401 - they say how they are asked
from schema.circle_query import CircleQueries
from schema.driving import Begun
from schema.duty_mutation import DutyMutations
from schema.duty_query import DutyQueries
from schema.facility_mutation import FacilityMutations
from schema.facility_query import FacilityQueries
from schema.limits import Bounded, told
from schema.masking import shown
from schema.mutation import Mutation
from schema.plan_mutation import PlanMutations
from schema.plan_query import PlanQueries
from schema.prepared import Operation
from schema.query import Query
from schema.quick import Quick, answer, answer_again, asked_before
from schema.request import RequestContext
from schema.scalars import SCALARS
from schema.silence import Executor
from schema.siting_query import SitingQueries
from schema.subscription import Subscription
from schema.uploading import UPLOADS, Uploading

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Iterable

    from strawberry.types import ExecutionContext


@strawberry.type(name="Query", description="Everything that can be read.")
class AllQueries(Query, FacilityQueries, CircleQueries, SitingQueries, DutyQueries, PlanQueries):
    """The questions of all modules."""


@strawberry.type(name="Mutation", description="Everything that can be changed.")
class AllMutations(Mutation, Uploading, FacilityMutations, DutyMutations, PlanMutations):
    """The mutations of all modules."""


class Schema(strawberry.Schema):
    """Strawberry's schema, with errors told as the contract says: see :mod:`schema.masking`.

    Queries are answered the fast way (:mod:`schema.quick`), unless that is turned off.
    """

    async def execute(  # noqa: PLR0917 - Strawberry's
        self,
        query: str | None,
        variable_values: dict[str, Any] | None = None,
        context_value: Any = None,  # noqa: ANN401 - Strawberry's
        root_value: Any = None,  # noqa: ANN401 - Strawberry's
        operation_name: str | None = None,
        allowed_operation_types: Iterable[OperationType] | None = None,
        operation_extensions: dict[str, Any] | None = None,
    ) -> ExecutionResult:
        """Answer a question: expected errors with their code, anything else masked."""
        allowed = set(allowed_operation_types or OperationType) - {OperationType.SUBSCRIPTION}
        if _is_quick(context_value) and OperationType.QUERY in allowed:
            known = asked_before(self._schema, query, operation_name, context_value)
            if known is not None:
                quick = Quick(known.document, operation_name, variable_values, operation_extensions)
                answering = answer_again(self._schema, known, quick, context_value, root_value)
                return _shown(await _timed(context_value, Begun(answering)))
        answering = super().execute(
            query,
            variable_values,
            context_value,
            root_value,
            operation_name,
            allowed,
            operation_extensions,
        )
        try:
            result = await _in_time(context_value, answering)
        except InvalidOperationTypeError as error:
            if error.operation_type is not OperationType.SUBSCRIPTION:
                raise
            result = ExecutionResult(data=None, errors=[_needs_socket()])
        return _shown(result)

    async def _execute_operation(
        self,
        execution_context: ExecutionContext,
        extensions_runner: Any,  # noqa: ANN401 - Strawberry's
        *args: Any,  # noqa: ANN401 - Strawberry's
        **kwargs: Any,  # noqa: ANN401 - Strawberry's
    ) -> Any:  # noqa: ANN401 - Strawberry's
        """Answer a query that is asked for the first time."""
        asked = execution_context
        document, context = asked.graphql_document, asked.context
        is_query = asked.operation_type is OperationType.QUERY
        if document is None or not is_query or not _is_quick(context):
            return await super()._execute_operation(asked, extensions_runner, *args, **kwargs)
        quick = Quick(document, asked.operation_name, asked.variables, asked.operation_extensions)
        async with extensions_runner.executing():
            operation = Operation(self._schema, document, asked.operation_name)
            asked.result = await answer(operation, quick, context, asked.root_value)
            return asked.result

    async def stream(self, *args: Any, **kwargs: Any) -> AsyncGenerator[Any, None]:  # noqa: ANN401 - Strawberry's
        """Answer an operation of a WebSocket, one of many: it begins with what is so now."""
        context = kwargs.get("context_value")
        if isinstance(context, RequestContext):
            kwargs["context_value"] = context.another()
        return _told(await super().stream(*args, **kwargs))

    def process_errors(
        self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None
    ) -> None:
        """Do nothing: expected failures are no news, others are logged where they are masked."""


def _is_quick(context: object) -> bool:
    return isinstance(context, RequestContext) and context.fast


async def _timed(context: RequestContext, answering: Begun) -> ExecutionResult:
    """Answer a query: its time is counted from when it first waits for something."""
    if not answering.is_done:
        context.clock.start(context.limits.seconds)
        try:
            return await _in_time(context, answering)
        finally:
            context.clock.stop()
    return cast("ExecutionResult", answering.value)


async def _in_time(context: object, answering: Awaitable[ExecutionResult]) -> ExecutionResult:
    """Answer a question, or say that its time was up; see :class:`schema.limits.Clock`."""
    if not isinstance(context, RequestContext):
        return await answering
    try:
        async with asyncio.timeout(None) as context.clock.waiting:
            return await answering
    except TimeoutError:
        why = context.clock.ended
        if why is None:
            raise
        return ExecutionResult(data=None, errors=[told(why)])


def _shown(result: ExecutionResult) -> ExecutionResult:
    """Tell the errors of a result as the contract says."""
    if result.errors:
        result.errors = [shown(error) for error in result.errors]
    return result


async def _told(results: AsyncGenerator[Any, None]) -> AsyncGenerator[Any, None]:
    """Tell the errors of results as the contract says."""
    try:
        async with aclosing(results):
            async for result in results:
                if result.errors:
                    began = not isinstance(result, PreExecutionError)
                    result.errors = [shown(error, began=began) for error in result.errors]
                yield result
    except GraphQLError as error:  # the parser's cache raises what the parser would have told
        yield PreExecutionError(data=None, errors=[shown(error)])


def _needs_socket() -> GraphQLError:
    """Return what a subscription is told that comes without a WebSocket."""
    return GraphQLError(
        "a subscription has many answers: ask over a WebSocket, in the protocol "
        "graphql-transport-ws"
    )


schema = Schema(
    AllQueries,
    AllMutations,
    Subscription,
    config=StrawberryConfig(scalar_map=SCALARS | UPLOADS),
    extensions=[Bounded],
    execution_context_class=Executor,
)
